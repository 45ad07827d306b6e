//! Automerge documents: what can be known of a change, a document and their states without a database.
//!
//! Owns: reading changes of anybody at a known price, heads, the mapping to JSON and back, edits, differences, conflicts, undo, packed
//! runs and the sync protocol.
//! Promises: what comes in is priced before Automerge decodes it (`columns.rs` counts what it claims, and [`DocLimits`] bounds that), so
//! that no input takes more memory than its limits say; Automerge's panics become errors at one place; the same input gives the same
//! bytes, whoever computes it.
//! Does not: store anything, or decide who may change what.

pub mod append;
pub mod blame;
pub mod change;
pub mod chunks;
mod columns;
pub mod conflicts;
pub mod diff;
mod document;
pub mod edit;
#[cfg(test)]
mod edit_tests;
pub mod heads;
pub mod helpers;
pub mod inverse;
mod json;
pub mod loaded;
#[cfg(test)]
mod loaded_tests;
pub mod merge;
pub mod pack;
pub mod patch;
pub mod root;
#[cfg(test)]
mod seed_tests;
mod splices;
pub mod storage;
pub mod sync;
#[cfg(test)]
mod tests_lib;
pub mod tree;

pub use append::{DocKnown, DocSummary};
pub use automerge::{ActorId, ChangeHash};
pub use change::DocChange;
pub use edit::DocAuthor;
pub use heads::Heads;
pub use loaded::Loaded;

use crate::error::{Code, Error, Result};
use crate::text::shorten;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a change, a document and what is made of it may take. Each error names the setting that it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DocLimits {
    /// `quire.max_doc_change_bytes`: most bytes of one change, inflated.
    pub max_change_bytes: usize,
    /// `quire.max_doc_change_ops`: most operations of one change, and most of anything that it lists.
    pub max_change_ops: usize,
    /// `quire.max_doc_bytes`: most bytes of a document, inflated, with every text in it as often as it stands for something.
    pub max_bytes: usize,
    /// `quire.max_doc_ops`: most operations of a document.
    pub max_ops: usize,
    /// `quire.max_doc_depth`: how deep values may be in one another.
    pub max_depth: usize,
    /// `quire.max_doc_json_bytes`: most bytes of JSON that a document is written as, or written from.
    pub max_json_bytes: usize,
}

impl Default for DocLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Bytes of memory that an operation takes at most while it is decoded and applied.
const OP_MEMORY: usize = 512;

impl DocLimits {
    /// Where nobody says otherwise.
    pub const DEFAULT: Self = Self {
        max_change_bytes: 8 << 20,
        max_change_ops: 500_000,
        max_bytes: 64 << 20,
        max_ops: 4_000_000,
        max_depth: 100,
        max_json_bytes: 64 << 20,
    };

    /// What stored documents are within, whatever the settings were when they were stored.
    pub const LARGEST: Self = Self {
        max_change_bytes: 4 << 20,
        max_change_ops: 4_000_000,
        max_bytes: 1 << 30,
        max_ops: 64_000_000,
        max_depth: 127,
        max_json_bytes: 256 << 20,
    };

    /// The smaller of each.
    pub fn within(&self, other: &Self) -> Self {
        Self {
            max_change_bytes: self.max_change_bytes.min(other.max_change_bytes),
            max_change_ops: self.max_change_ops.min(other.max_change_ops),
            max_bytes: self.max_bytes.min(other.max_bytes),
            max_ops: self.max_ops.min(other.max_ops),
            max_depth: self.max_depth.min(other.max_depth),
            max_json_bytes: self.max_json_bytes.min(other.max_json_bytes),
        }
    }

    /// `LimitError` if there are more than `limit`, which is the setting `setting`.
    fn at_most(setting: &'static str, limit: usize, what: &str, found: usize) -> Result<()> {
        if found <= limit {
            return Ok(());
        }
        Err(Error::limit(format!("{what}: more than {setting} allows"), limit)
            .with("setting", setting)
            .with("size", found))
    }

    fn change_bytes(&self, bytes: usize) -> Result<()> {
        Self::at_most("quire.max_doc_change_bytes", self.max_change_bytes, "change is too large", bytes)
    }

    fn change_ops(&self, ops: usize) -> Result<()> {
        Self::at_most("quire.max_doc_change_ops", self.max_change_ops, "change has too many operations", ops)
    }

    fn bytes(&self, bytes: usize) -> Result<()> {
        Self::at_most("quire.max_doc_bytes", self.max_bytes, "document is too large", bytes)
    }

    fn ops(&self, ops: usize) -> Result<()> {
        Self::at_most("quire.max_doc_ops", self.max_ops, "document has too many operations", ops)
    }

    fn depth(&self, depth: usize) -> Result<()> {
        Self::at_most("quire.max_doc_depth", self.max_depth, "document is nested too deeply", depth)
    }
}

/// Input that is not what it should be.
fn malformed(what: &str, why: impl std::fmt::Display) -> Error {
    Error::validation(format!("{what}: {}", shorten(&why.to_string())))
}

/// The only place where Automerge is called on what somebody sent: what it panics at is an error about its input. What it was working
/// on then is good for nothing.
fn guarded<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) if panic.is::<&str>() || panic.is::<String>() => {
            Err(Error::new(Code::Validation, format!("{what}: automerge cannot work with it")))
        }
        // A cancel, which looking at interrupts has thrown.
        Err(other) => resume_unwind(other),
    }
}
