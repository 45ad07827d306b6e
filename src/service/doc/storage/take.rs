//! How a document takes chunks that were saved of it, under the head lock.
//!
//! A chunk whose changes depend on others that are not there waits, as the bytes that it is, and is looked at again whenever the document
//! takes one. So nothing is lost, whatever the order in which chunks come.

use crate::domain::doc;
use crate::domain::doc::store::storage::{self, Waiting};
use crate::domain::doc::store::{self, DocHead};
use crate::domain::doc::{empty_change, judge};
use crate::domain::interface::Writing;
use crate::gate::Access;
use crate::ids::ProjectId;
use crate::log::LockedHead;
use quire_core::doc::chunks::read_chunks;
use quire_core::doc::storage::StorageKey;
use quire_core::doc::{DocChange, DocKnown};
use quire_core::error::{Code, Error, Result};
use quire_core::interrupt;
use quire_core::key::DocKey;
use quire_core::op::{DocEdit, Edit};
use serde_json::Value;

/// A chunk that waits, with what it has. Nothing where it can no longer be read, as limits may have been lowered.
pub struct Decoded {
    chunk: Waiting,
    changes: Vec<DocChange>,
}

/// Reads the chunks of a document that wait, before anybody waits for that.
pub fn decode_waiting(project: ProjectId, doc: &DocKey) -> Result<Vec<Decoded>> {
    let waiting = storage::waiting(project, doc)?;
    waiting.into_iter().map(|chunk| decode(project, chunk)).collect()
}

fn decode(project: ProjectId, chunk: Waiting) -> Result<Decoded> {
    interrupt::check()?;
    let bytes = storage::waiting_bytes(project, &chunk)?.unwrap_or_default();
    let changes = match read_chunks(&bytes, &doc::limits()) {
        Err(error) if matches!(error.code(), Code::Validation | Code::Limit) => Vec::new(),
        changes => changes?,
    };
    Ok(Decoded { chunk, changes })
}

/// A document and the changes that it takes.
pub struct Taking<'a> {
    access: &'a Access,
    locked: &'a LockedHead,
    key: &'a DocKey,
    head: Option<DocHead>,
    known: DocKnown,
    max_op: u64,
    new: Vec<DocChange>,
}

impl<'a> Taking<'a> {
    /// The document as it is.
    pub fn begin(access: &'a Access, locked: &'a LockedHead, key: &'a DocKey) -> Result<Self> {
        let head = store::head(access.project, key)?;
        let max_op = head.as_ref().map_or(0, |head| head.summary.max_op);
        Ok(Self { access, locked, key, head, known: DocKnown::default(), max_op, new: Vec::new() })
    }

    /// Takes changes, unless some are missing that they depend on; whether it did.
    pub fn take(&mut self, changes: &[DocChange]) -> Result<bool> {
        let Some((known, new)) = self.fitting(changes)? else { return Ok(false) };
        self.known = known;
        self.add(new);
        Ok(true)
    }

    fn add(&mut self, new: Vec<DocChange>) {
        self.max_op = new.iter().map(DocChange::max_op).fold(self.max_op, u64::max);
        self.new.extend(new);
    }

    /// What of changes is new, and what is known then; nothing where some are missing that they depend on.
    fn fitting(&self, changes: &[DocChange]) -> Result<Option<(DocKnown, Vec<DocChange>)>> {
        let mut known = self.known.clone();
        if let Some(head) = &self.head {
            let stored = store::known(self.access.project, &head.line, changes)?;
            known.changes.extend(stored.changes);
            for (actor, last) in stored.actors {
                let last = known.actors.get(&actor).map_or(last, |known| last.max(*known));
                known.actors.insert(actor, last);
            }
        }
        let is_missing =
            |error: &Error| error.member("reason").and_then(Value::as_str) == Some("missing_dependency");
        match known.new_of(changes, self.max_op) {
            Ok(new) => Ok(Some((known, new))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the chunks that have waited and need not any more. How many bytes more is kept: none, or fewer.
    pub fn take_waiting(&mut self, decoded: Vec<Decoded>) -> Result<i64> {
        let mut candidates = self.newest(decoded)?;
        let mut bytes = 0;
        loop {
            let mut rest = Vec::new();
            let mut has_taken = false;
            for candidate in candidates {
                interrupt::check()?;
                // What the document refuses of a chunk that waited must not keep another one from it: that one waits on.
                match self.fitting(&candidate.changes) {
                    Ok(Some((known, new))) if self.is_well(&new)? => {
                        self.known = known;
                        self.add(new);
                        bytes += self.settle(&candidate.chunk)?;
                        has_taken = true;
                    }
                    Ok(None) => rest.push(candidate),
                    Ok(Some(_)) => {}
                    Err(error) if matches!(error.code(), Code::Conflict | Code::Validation) => {}
                    Err(error) => return Err(error),
                }
            }
            if !has_taken || rest.is_empty() {
                return Ok(bytes);
            }
            candidates = rest;
        }
    }

    /// The chunks that wait now: of those that were read before, and those that came since.
    fn newest(&self, mut decoded: Vec<Decoded>) -> Result<Vec<Decoded>> {
        let project = self.access.project;
        let mut found = Vec::new();
        for chunk in storage::waiting(project, self.key)? {
            let at = decoded.iter().position(|decoded| decoded.chunk == chunk);
            found.push(match at {
                Some(at) => decoded.swap_remove(at),
                None => decode(project, chunk)?,
            });
        }
        found.retain(|decoded| !decoded.changes.is_empty());
        Ok(found)
    }

    /// Whether the document takes these changes besides those that it takes already.
    fn is_well(&self, new: &[DocChange]) -> Result<bool> {
        if new.is_empty() {
            return Ok(true);
        }
        let writing = Writing::trial(self.access, self.locked, None)?;
        let changes = self.new.iter().chain(new).cloned().collect();
        match judge(&writing, &[self.edit(changes)]) {
            Ok(wrong) => Ok(wrong.iter().all(Option::is_none)),
            Err(error) if error.code() == Code::Limit => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn settle(&self, (parts, _): &Waiting) -> Result<i64> {
        let mut key = StorageKey::default();
        parts.iter().try_for_each(|part| key.push("key", part))?;
        storage::put(self.access.project, &key, None, false)
    }

    fn edit(&self, changes: Vec<DocChange>) -> DocEdit {
        DocEdit::Change { key: self.key.clone(), changes, base_heads: None }
    }

    /// The edit that it comes to, if it changes anything. A document that was deleted is there again when it is saved, also as it was.
    pub fn finish(mut self) -> Result<Vec<Edit>> {
        if self.new.is_empty()
            && let Some(head) = self.head.as_ref().filter(|head| head.summary.is_deleted())
        {
            let project = self.access.project;
            self.new.push(empty_change(project, &self.key.branch, &head.line, &head.summary, None)?);
        }
        let changes = std::mem::take(&mut self.new);
        Ok(if changes.is_empty() { Vec::new() } else { vec![Edit::Doc(self.edit(changes))] })
    }
}
