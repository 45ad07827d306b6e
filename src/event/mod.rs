//! Events: what a subscriber gets of a bundle, built from its rows, and how it is sent.
//!
//! Owns: `channel`, `sink_failure`.
//! Promises: every bundle is one event; a save never fails because of who listens.
//! Does not: keep a second copy of anything. An event is built from its bundle's rows when somebody reads it.

pub mod channel;
pub mod load;
pub mod notify;
mod sink;
pub mod store;
