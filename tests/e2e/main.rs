//! End-to-end tests: real clients against real servers. Run with `./dev test e2e`.

// A test fails by panicking.
#![allow(clippy::panic)]

mod cluster;
mod dump;
mod fixture;
mod load;
mod log;
mod smoke;
mod standby;
mod steps;
