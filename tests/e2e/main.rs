//! End-to-end tests: real clients against real servers. Run with `./dev test e2e`.

// A test fails by panicking.
#![allow(clippy::panic)]

mod assets;
mod bounds;
mod cluster;
mod content;
mod crash;
mod decoding;
mod dump;
mod fixture;
mod identity;
mod install;
mod jobs;
mod kill;
mod load;
mod log;
mod names;
mod notify;
mod peers;
mod realtime;
mod retry;
mod smoke;
mod snapshots;
mod standby;
mod steps;
mod subscriptions;
mod tokens;
mod waiting;
mod workspaces;
mod worst;
