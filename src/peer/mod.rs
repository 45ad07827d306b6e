//! Exchange of bundles with other databases that hold the same project.
//!
//! Owns: `peer`, `peer_bundle`.
//! Promises: a bundle is applied once, whole, and only with sound checksums; what is corrupt here is not handed on; two
//! databases that have each other's bundles show the same files and fields.
//! Does not: connect to anybody; a program carries what `sync_pull` gives to the other side's `sync_push`.

mod api;
mod apply;
mod heal;
mod pull;
mod push;
mod store;
