//! What every domain answers, so that the services need not know which there are.

use super::copying::Copying;
use super::incoming::{Arrival, Incoming};
use super::inverse::{InTheWay, Inverting};
use super::shown::{Changes, Query};
use crate::db::Row;
use crate::db::rows::Rows;
use crate::gate::Access;
use crate::ids::{ActorId, ProjectId, Seq};
use crate::log::{LockedHead, quarantine};
use quire_core::conflict::OnConflict;
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::json::Members;
use quire_core::op::{Change, Edit, Op, Outcome, State, Write};
use quire_core::path::FilePath;
use quire_core::quarantine::RowKind;
use quire_core::tree::{Content, Head};
use serde_json::{Value, json};
use std::collections::HashMap;

/// What a domain's rows say, against each other and against the log. A domain without rows says nothing, and nothing of it is repaired.
pub trait Logged {
    /// Where its operations are.
    fn logged_kind(&self) -> RowKind;

    /// Its operations after a seq and up to another, in log order.
    fn logged(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>>;

    /// What its operations after a seq and up to another wrote, and the bundles that made that what it was.
    fn written(&self, _project: ProjectId, _after: Seq, _up_to: Seq) -> Result<Vec<Written>> {
        Ok(Vec::new())
    }

    /// Adds what its tables show at a seq.
    fn add_state_at(&self, _project: ProjectId, _seq: Seq, _state: &mut State) -> Result<()> {
        Ok(())
    }

    /// Adds what its tables of current state show.
    fn add_current_state(&self, _project: ProjectId, _state: &mut State) -> Result<()> {
        Ok(())
    }

    /// Its rows that do not follow from others: of current state from the log, of the log from what is beside the operation.
    fn strays(&self, _project: ProjectId) -> Result<Vec<Stray>> {
        Ok(Vec::new())
    }

    /// Its things that are one with others and are not what those are.
    fn unequal(&self, _project: ProjectId) -> Result<Vec<Value>> {
        Ok(Vec::new())
    }

    /// Writes an operation into its row again. Only with the guard of the log's rows open.
    fn repair_op(&self, project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()>;

    /// Writes the checksum of an operation into its row again.
    fn repair_op_checksum(&self, project: ProjectId, seq: Seq, ordinal: i32, right: &Hash) -> Result<()>;

    /// Makes of a row of the log what other rows say, but for its operation; `false` when none say anything of it.
    fn repair_logged_row(&self, _project: ProjectId, _seq: Seq, _ordinal: i32) -> Result<bool> {
        Ok(false)
    }

    /// Makes a row of current state, by its key, what its newest operation says; `false` when there is none.
    fn repair_current(&self, _project: ProjectId, _key: &Value) -> Result<bool> {
        Ok(false)
    }

    /// Contents that its rows name and the blob store does not have.
    fn missing_contents(&self, _project: ProjectId) -> Result<Vec<Hash>> {
        Ok(Vec::new())
    }

    /// The bytes of a content, as one of its rows tells.
    fn size_of(&self, _project: ProjectId, _content: &Hash) -> Result<Option<i64>> {
        Ok(None)
    }

    /// Deletes its rows of the log. Only when the project's own row is gone, with which its rows of current state go.
    fn delete_logged(&self, _project: ProjectId) -> Result<()> {
        Ok(())
    }
}

/// What an operation is about.
pub trait Domain: Logged + Sync {
    /// What callers can ask for, by the names of operations.
    fn ops(&self) -> &'static [&'static str];

    /// Reads one of these as it arrives in JSON; the content it brings beside.
    fn stage(&self, access: &Access, op: &str, members: Members) -> Result<(Edit, Option<Brought>)>;

    /// What does again what was logged, of contents as they are described; `None` when it is none of its operations.
    fn again(&self, _op: &Op, _describe: &Describe) -> Result<Option<Edit>> {
        Ok(None)
    }

    /// Refuses what its project does not allow, by settings that may have changed since the edit was made.
    fn check_sizes(&self, writing: &Writing, edits: &[Edit]) -> Result<()>;

    /// Refuses what the caller may not touch. Tokens are for files and documents.
    fn require(&self, access: &Access, edits: &[Edit]) -> Result<()> {
        if edits.is_empty() { Ok(()) } else { access.refuse_token() }
    }

    /// Refuses to say again what became of what the caller may not touch.
    fn require_outcomes(&self, access: &Access, outcomes: &[Outcome]) -> Result<()> {
        if self.is_told_of(outcomes) { access.refuse_token() } else { Ok(()) }
    }

    /// Whether some of these are of its operations.
    fn is_told_of(&self, outcomes: &[Outcome]) -> bool {
        matches!(self.logged_kind(), RowKind::Logged(topic) if outcomes.iter().any(|outcome| outcome.topic() == topic))
    }

    /// Applies edits to what is there now, under the head lock. Nothing is stored yet.
    fn apply(&self, writing: &Writing, edits: Vec<Edit>) -> Result<Box<dyn Applied>>;

    /// XX001 when what it is at a seq cannot be relied on.
    fn refuse_unsound(&self, project: ProjectId, seq: Seq) -> Result<()> {
        let RowKind::Logged(topic) = self.logged_kind() else { return Ok(()) };
        quarantine::refuse(project, [RowKind::Current(topic)], json!({}))?;
        quarantine::refuse_ops(project, topic, seq)
    }

    /// What a bundle that came from a peer does to its things; reads what of them is here.
    fn arrive<'a>(&self, _incoming: &'a Incoming<'a>) -> Result<Option<Box<dyn Arrival + 'a>>> {
        Ok(None)
    }

    /// Refuses what no database lets its own callers write to one of its things (22023).
    fn check_incoming(&self, _change: &Change) -> Result<()> {
        Ok(())
    }

    /// What bundles after a seq and up to another changed, for their events.
    fn changes(&self, _query: &Query, _up_to: Seq) -> Result<Option<Box<dyn Changes>>> {
        Ok(None)
    }

    /// Adds what writes its things into another project.
    fn copy(&self, _copying: &mut Copying) -> Result<()> {
        Ok(())
    }

    /// Adds the edits that take a bundle back; what is in their way.
    fn invert(&self, _inverting: &Inverting, _edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
        Ok(Vec::new())
    }

    /// A bundle takes another one back, which may settle or open something.
    fn take_back(&self, _bundle: &NewBundle, _undoes: Seq) -> Result<()> {
        Ok(())
    }
}

/// Tells what content is like.
pub type Describe<'a> = dyn Fn(&Hash) -> Result<Content> + 'a;

/// Content that an edit brings: what it is like, and its bytes.
pub type Brought = (Content, Vec<u8>);

/// A write under the head lock.
pub struct Writing<'a> {
    /// What the caller may, by what is true now.
    pub access: &'a Access,
    /// Whether that was asked for anew, because it has changed since the edits were made.
    pub is_asked_again: bool,
    pub author: ActorId,
    /// Where the log ends.
    pub head: &'a LockedHead,
    /// What the author had seen.
    pub base_seq: Option<Seq>,
    pub on_conflict: OnConflict,
    /// What is written is the author's own, and was not accepted elsewhere before.
    pub is_own: bool,
    /// How many of the edits of files, at their end, follow from what else the bundle does: what the author had seen is nothing to them.
    pub following_files: usize,
    /// Operations before these in the bundle.
    pub ops_before: usize,
    /// The head of a path that was read with the lock.
    pub known: Option<(&'a FilePath, &'a Option<Head>)>,
    /// The name of a schema that documents have to satisfy besides those that they are bound to.
    pub doc_schema: Option<&'a str>,
}

impl<'a> Writing<'a> {
    /// One of the caller's that is tried, to see what is in its way.
    pub fn trial(access: &'a Access, head: &'a LockedHead, doc_schema: Option<&'a str>) -> Result<Self> {
        Ok(Self {
            access,
            is_asked_again: false,
            author: access.author()?,
            head,
            base_seq: None,
            on_conflict: OnConflict::Reject,
            is_own: true,
            following_files: 0,
            ops_before: 0,
            known: None,
            doc_schema,
        })
    }
}

/// A bundle whose row is being written.
pub struct NewBundle<'a> {
    pub project: ProjectId,
    pub author: ActorId,
    /// Of this bundle already.
    pub head: &'a LockedHead,
}

/// What edits do to what is there, on its way into the tables.
pub trait Applied {
    /// Checksums of the operations that change something, in order.
    fn op_checksums(&self) -> &[Hash];

    /// What became of each edit.
    fn take_outcomes(&mut self) -> Vec<Outcome>;

    /// How much more there is.
    fn growth(&self) -> Growth {
        Growth::default()
    }

    /// The event of a bundle that does nothing but this; `None` when nothing changes.
    fn event(&self) -> Option<&'static str>;

    /// Takes the seq and time of the bundle, and moves what the head row counts.
    fn begin(&mut self, _head: &mut LockedHead) {}

    /// Writes rows beside that of the bundle.
    fn insert(&self, _rows: &Rows, _bundle: &NewBundle) -> Result<()> {
        Ok(())
    }

    /// Does what takes statements, after that.
    fn finish(&self, _bundle: &NewBundle) -> Result<()> {
        Ok(())
    }

    /// The paths it touched, as they are then.
    fn take_heads(&mut self) -> HashMap<FilePath, Head> {
        HashMap::new()
    }
}

/// What quotas count.
#[derive(Clone, Copy, Default)]
pub struct Growth {
    pub files: i64,
    pub bytes: i64,
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

/// What a row is, of its text in the column `found`.
pub fn found(row: &Row) -> Result<Option<Hash>> {
    Ok(row.opt::<&str>("found")?.map(|text| Hash::of(text.as_bytes())))
}

/// A member of a row's key.
pub fn key_text<'k>(key: &'k Value, member: &str) -> Result<&'k str> {
    let other_key = || quire_core::error::Error::internal("an entry of the quarantine has another key");
    key[member].as_str().ok_or_else(other_key)
}
