//! The event log, read from the bundles, and durable subscriptions to it.
//!
//! Owns: `subscription`, `channel`, `sink_failure`.
//! Promises: every bundle is one event, seen once and in seq order by a reader that keeps a cursor; a subscription's
//! cursor moves only by acknowledgement, or past what its filter does not want.
//! Does not: keep a second copy of anything. An event is built from its bundle's rows when somebody reads it.

mod api;
mod channel;
mod load;
mod sink;
mod store;
mod subscription;

pub use channel::{close as close_channel, names as channel_names, sweep as sweep_channel};
pub use load::{MAX_CONTENT_BYTES, of_bundle};
pub use sink::send as send_to_sink;
