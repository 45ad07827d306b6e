//! Functions of the event log: polling, durable subscriptions, the private channel.
//!
//! Owns: `subscription`.
//! Promises: every bundle is one event, seen once and in seq order by a reader that keeps a cursor; a subscription's
//! cursor moves only by acknowledgement, or past what its filter does not want.
//! Does not: build events; that is `event`.

mod api;
mod channel;
mod follower;
mod store;
mod subscription;
