//! What is in quarantine is not handed out.

pub mod store;

use super::store::head_seq;
use crate::ids::{ProjectId, QuarantineId, Seq};
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::op::Topic;
use quire_core::quarantine::RowKind;
use serde_json::{Value, json};
pub use store::{Finding, QuarantineEntry};

/// How many contents of a failed read are looked for.
const MOST_LOOKED_FOR: usize = 10_000;

/// XX001 when a row of some kinds, whose key has these members, is in quarantine.
pub fn refuse(project: ProjectId, kinds: impl IntoIterator<Item = RowKind>, about: Value) -> Result<()> {
    match store::open_entry(project, kinds, about)? {
        None => Ok(()),
        Some(entry) => Err(corrupt(entry.id).with("kind", entry.kind.as_str()).with("key", entry.key)),
    }
}

/// XX001 when the files at a seq cannot be relied on: a row of current state is in quarantine, or, of an earlier state, an operation
/// that may have made it.
pub fn refuse_files(project: ProjectId, seq: Seq) -> Result<()> {
    refuse(project, [RowKind::Current(Topic::File)], json!({}))?;
    if seq < head_seq(project)? { refuse_ops(project, Topic::File, seq) } else { Ok(()) }
}

/// XX001 when an operation up to a seq is in quarantine. Which row it was about is not known: that may be what is corrupt.
pub fn refuse_ops(project: ProjectId, topic: Topic, up_to: Seq) -> Result<()> {
    match store::open_op(project, RowKind::Logged(topic), up_to)? {
        None => Ok(()),
        Some(entry) => Err(corrupt(entry.id).with("kind", entry.kind.as_str()).with("key", entry.key)),
    }
}

/// The error for a row in quarantine.
pub fn corrupt(id: QuarantineId) -> Error {
    Error::new(Code::Corrupt, "stored data is corrupt and in quarantine")
        .with("quarantine_id", id.to_string())
        .hint(
            "list_quarantine says what is wrong; repair writes it again from a copy, discard_quarantined discards it",
        )
}

/// The error of a reader of contents, with the entry of the first of them that is in quarantine.
pub fn name_entry(project: ProjectId, hashes: &[Hash], error: Error) -> Error {
    let entries = hashes.iter().map(|hash| {
        let about = json!({"content_hash": hash.to_hex()});
        store::open_entry(project, [RowKind::Blob], about).ok().flatten()
    });
    match entries.take(MOST_LOOKED_FOR).flatten().next() {
        Some(entry) => error.with("quarantine_id", entry.id.to_string()).with("key", entry.key),
        None => error.hint("verify_project finds and records what is corrupt"),
    }
}
