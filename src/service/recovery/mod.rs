//! Corruption: it is found, recorded, not handed out, repaired.
//!
//! Owns: nothing; what is found goes into `log::quarantine`.
//! Promises: verification raises nothing and changes nothing but `quarantine`; a row in quarantine is not handed out; a
//! repair is accepted only when it has the checksum that was recorded.
//! Does not: repair by itself; every recovery is an explicit call.

pub mod api;
mod audit;
mod exchange;
mod load;
mod repair;
mod replay;
pub mod store;

pub use exchange::{
    check_bundle, check_contents, end_incoming, load_bundles, record_incoming, repair_contents,
    repair_header, repair_ops,
};
pub use load::LoadedBundle;
