//! What operations write, and what their authors had seen there.

use super::Change;
use crate::id::BundleId;
use serde_json::{Value, json};

/// What an operation does to one thing, and what its author had seen there.
#[derive(Clone, PartialEq, Debug)]
pub struct Write {
    /// What becomes of which thing.
    pub change: Change,
    /// The bundle that made it what it was before; `None` if none did.
    pub base: Option<BundleId>,
}

/// The base of the one thing that an operation changes.
pub(super) fn add_base(json: &mut Value, writes: &[Write]) {
    writes.iter().for_each(|write| json["base"] = json!(write.base));
}
