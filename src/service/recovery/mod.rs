//! Corruption: found, recorded, read no more, mended.
//!
//! Owns: nothing; what is found goes into `log::quarantine`.
//! Promises: verification raises nothing and changes nothing but `quarantine`; a row in quarantine is not handed out; a
//! repair is accepted only when it has the checksum that was recorded.
//! Does not: repair by itself; every recovery is an explicit call.

pub mod api;
mod audit;
mod heal;
mod load;
mod repair;
mod replay;
pub mod store;

pub use heal::{
    check_bundle, check_contents, end_incoming, heal_contents, heal_header, heal_ops, load_bundles,
    record_incoming,
};
pub use load::Bundle as LoadedBundle;
