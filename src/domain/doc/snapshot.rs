//! Snapshots of documents: when one is made, and how a document is loaded from one.
//!
//! Promises: a snapshot that cannot be read, or is not what it says, counts as none; no write fails for the sake of one.

use super::store::snapshot::{self as store, Extent, Snapshot};
use super::store::{self as docs, DocLine};
use crate::guc;
use crate::ids::{DocId, ProjectId};
use quire_core::doc::{DocLimits, DocSummary, Loaded};
use quire_core::error::{Code, Result};

/// A document of its first changes, out of the newest snapshot that has no others; `None` when there is none.
pub fn load(project: ProjectId, line: &DocLine, changes: i64) -> Result<Option<Loaded>> {
    let Some(snapshot) = store::up_to(project, line, changes)? else { return Ok(None) };
    let Some(mut loaded) = unless_refused(Loaded::read(&snapshot.saved, &DocLimits::LARGEST))? else {
        return Ok(None);
    };
    if loaded.heads() != snapshot.heads {
        return Ok(None);
    }
    let later = docs::changes(project, line, snapshot.place, changes)?;
    Ok(unless_refused(loaded.append(&later))?.map(|_| loaded))
}

/// Keeps a snapshot of a document, if it has become so much longer that one is due.
pub fn keep(
    project: ProjectId,
    doc: DocId,
    line: &DocLine,
    summary: &DocSummary,
    loaded: &Loaded,
) -> Result<bool> {
    if !is_due(project, line, summary)? || loaded.heads() != summary.heads {
        return Ok(false);
    }
    let Some(saved) = unless_refused(loaded.save())? else { return Ok(false) };
    let snapshot = Snapshot { place: summary.changes, heads: summary.heads.clone(), saved };
    store::keep(project, doc, summary.bytes, &snapshot, guc::doc_snapshots())?;
    Ok(true)
}

/// Whether a document that has become longer may be due for one: whoever writes asks the tables only then.
pub fn may_be_due(before: &DocSummary, now: &DocSummary) -> bool {
    let (changes, bytes) = guc::doc_snapshot_after();
    before.changes / changes != now.changes / changes || before.bytes / bytes != now.bytes / bytes
}

/// One is due for so many changes or bytes more than the newest has, and for a tenth more: saving takes as long as the document is.
pub fn is_due(project: ProjectId, line: &DocLine, now: &DocSummary) -> Result<bool> {
    if guc::doc_snapshots() == 0 {
        return Ok(false);
    }
    let newest = store::newest(project, line)?.unwrap_or(Extent { place: 0, change_bytes: 0 });
    let (changes, bytes) = guc::doc_snapshot_after();
    let is_more = |now: i64, had: i64, least: i64| now - had >= least.max(had / 10);
    Ok(is_more(now.changes, newest.place, changes) || is_more(now.bytes, newest.change_bytes, bytes))
}

/// `None` for what Automerge refuses.
fn unless_refused<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(error) if matches!(error.code(), Code::Validation | Code::Limit | Code::Corrupt) => Ok(None),
        result => result.map(Some),
    }
}
