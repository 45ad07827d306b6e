//! What every domain answers, so that the services need not know which there are.

use crate::db::Row;
use crate::ids::{ProjectId, Seq};
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::op::{Op, State, Write};
use quire_core::quarantine::RowKind;
use serde_json::Value;

/// What an operation is about.
pub trait Domain: Sync {
    /// Where its operations are.
    fn logged_kind(&self) -> RowKind;

    /// Its operations after a seq and up to another, in log order.
    fn logged(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>>;

    /// What its operations after a seq and up to another wrote, and on which bundles they stand.
    fn written(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<Written>>;

    /// Adds what its tables show at a seq.
    fn add_state_at(&self, project: ProjectId, seq: Seq, state: &mut State) -> Result<()>;

    /// Adds what its tables of current state show.
    fn add_current_state(&self, project: ProjectId, state: &mut State) -> Result<()>;

    /// Its rows that do not follow from others: of current state from the log, of the log from what is beside the operation.
    fn strays(&self, project: ProjectId) -> Result<Vec<Stray>>;

    /// Writes an operation into its row again. Only with the guard of the log's rows open.
    fn repair_op(&self, project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()>;

    /// Writes the checksum of an operation into its row again.
    fn repair_op_checksum(&self, project: ProjectId, seq: Seq, ordinal: i32, right: &Hash) -> Result<()>;

    /// Makes of a row of the log what other rows say, but for its operation.
    fn repair_logged_row(&self, project: ProjectId, seq: Seq, ordinal: i32) -> Result<()>;

    /// Makes a row of current state, by its key, what its newest operation says; `false` when there is none.
    fn repair_current(&self, project: ProjectId, key: &Value) -> Result<bool>;
}

/// An operation as its row tells.
pub struct StoredOp {
    pub ordinal: i32,
    /// Where the row is.
    pub kind: RowKind,
    /// `None` when the row makes no operation.
    pub op: Option<Op>,
    pub stored: Option<Hash>,
}

/// What an operation wrote.
pub struct Written {
    pub seq: Seq,
    pub ordinal: i32,
    pub write: Write,
}

/// A row that is not what it should be.
pub struct Stray {
    pub kind: RowKind,
    pub key: Value,
    /// Bundle of the operation it follows from.
    pub seq: Option<Seq>,
    /// What it is.
    pub found: Option<Hash>,
    /// What is wrong with it, for people.
    pub description: String,
}

/// A hash as far as the stored bytes make one.
pub fn hash_if_any(row: &Row, at: usize) -> Result<Option<Hash>> {
    Ok(row.opt::<&[u8]>(at)?.and_then(|bytes| Hash::from_bytes(bytes).ok()))
}

/// What a row is, of its text.
pub fn found(row: &Row, at: usize) -> Result<Option<Hash>> {
    Ok(row.opt::<&str>(at)?.map(|text| Hash::of(text.as_bytes())))
}

/// A member of a row's key.
pub fn key_text<'k>(key: &'k Value, member: &str) -> Result<&'k str> {
    let other_key = || quire_core::error::Error::internal("an entry of the quarantine has another key");
    key[member].as_str().ok_or_else(other_key)
}
