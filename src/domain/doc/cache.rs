//! Documents that this backend has loaded, so that a stream of edits does not load one each time.
//!
//! Promises: what is found has the heads that are asked for, and heads say which changes a document has. So nothing here can be wrong,
//! whatever became of the transaction that loaded it.

use super::snapshot;
use super::store::{self, DocHead, DocLine};
use crate::guc;
use crate::ids::ProjectId;
use quire_core::doc::{Heads, Loaded};
use quire_core::error::{Code, Error, Result};
use std::cell::RefCell;

struct Kept {
    project: ProjectId,
    line: DocLine,
    /// How many changes it had where it was loaded.
    changes: i64,
    loaded: Loaded,
}

thread_local! {
    /// The one that was used last is the last.
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// A document in memory, of which so many changes are stored, and whose heads then are these; it is taken out of what is kept.
pub fn take(project: ProjectId, line: &DocLine, changes: i64, heads: &Heads) -> Result<Loaded> {
    let kept = KEPT.with_borrow_mut(|kept| {
        let at = kept.iter().position(|kept| kept.project == project && kept.line == *line)?;
        Some(kept.remove(at))
    });
    if let Some(Kept { changes: had, mut loaded, .. }) = kept {
        if loaded.heads() == *heads {
            return Ok(loaded);
        }
        if had < changes {
            let new = store::changes(project, line, had, changes)?;
            if loaded.append(&new).is_ok() && loaded.heads() == *heads {
                return Ok(loaded);
            }
        }
    }
    let loaded = load(project, line, changes, heads)?;
    if loaded.heads() == *heads { Ok(loaded) } else { Err(store::unsound(line)) }
}

/// Looks at a document in memory, which is kept.
pub fn with<T>(project: ProjectId, head: &DocHead, look: impl FnOnce(&Loaded) -> Result<T>) -> Result<T> {
    let DocHead { line, summary, .. } = head;
    let loaded = take(project, line, summary.changes, &summary.heads)?;
    let found = look(&loaded);
    keep(project, line, summary.changes, loaded);
    found
}

/// A document of its first changes, which have these heads.
///
/// Errors: PT422 when Automerge refuses one of them, which nobody has noticed when it was stored.
pub fn load(project: ProjectId, line: &DocLine, changes: i64, heads: &Heads) -> Result<Loaded> {
    match snapshot::load(project, line, changes)? {
        Some(loaded) if loaded.heads() == *heads => Ok(loaded),
        _ => replay(project, line, changes),
    }
}

/// A document of its first changes, from these alone.
fn replay(project: ProjectId, line: &DocLine, changes: i64) -> Result<Loaded> {
    let changes = store::changes(project, line, 0, changes)?;
    Loaded::of(&changes).map_err(|error| match error.code() {
        Code::Validation => Error::new(Code::Invariant, "the document has a change that Automerge refuses")
            .with("doc_id", line.last())
            .hint("an earlier state is read by its seq, and a document of another name can have its changes up to there"),
        _ => error,
    })
}

/// A document in memory that has these heads already, as who has made an edit of it leaves it here.
pub fn take_at(project: ProjectId, line: &DocLine, heads: &Heads) -> Option<Loaded> {
    KEPT.with_borrow_mut(|kept| {
        let is_it =
            |kept: &Kept| kept.project == project && kept.line == *line && kept.loaded.heads() == *heads;
        let at = kept.iter().position(is_it)?;
        Some(kept.remove(at).loaded)
    })
}

/// Keeps a document of so many stored changes, and gives up those that were not used for the longest time.
pub fn keep(project: ProjectId, line: &DocLine, changes: i64, loaded: Loaded) {
    // What is kept counts for every call.
    let most = guc::doc_cache_bytes().min(guc::max_call_memory() / 4);
    KEPT.with_borrow_mut(|kept| {
        kept.retain(|kept| kept.project != project || kept.line != *line);
        kept.push(Kept { project, line: line.clone(), changes, loaded });
        let mut memory: usize = kept.iter().map(|kept| kept.loaded.memory()).sum();
        while memory > most && !kept.is_empty() {
            memory = memory.saturating_sub(kept.remove(0).loaded.memory());
        }
    });
}
