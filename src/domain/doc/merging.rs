//! What one branch has of documents and another one lacks.

use super::store::{self, DocHead, merging as rows};
use super::{seconds_now, server_actor};
use crate::ids::ProjectId;
use quire_core::branch::Lineage;
use quire_core::doc::{ChangeHash, DocChange, DocLimits, DocSummary, Heads};
use quire_core::error::Result;
use quire_core::interrupt;
use quire_core::key::DocKey;
use quire_core::op::DocEdit;
use quire_core::op::doc::about_doc;
use std::collections::BTreeSet;

/// Names of documents that may be different on two branches: those written on either since both had the same.
pub fn candidates(project: ProjectId, source: &Lineage, target: &Lineage) -> Result<BTreeSet<String>> {
    let common = source.common(target);
    let mut names = BTreeSet::new();
    for lineage in [source, target] {
        for (branch, last) in &lineage.levels {
            match common {
                Some((shared, seq)) if shared == branch => {
                    if *last > seq {
                        names.extend(rows::written_after(project, branch, seq)?);
                    }
                    break;
                }
                _ => names.extend(rows::written(project, branch)?),
            }
        }
    }
    Ok(names)
}

/// Of a document, the changes that a source has and a target lacks, and what becomes of the target with them.
pub struct Merged {
    pub key: DocKey,
    /// What the target gets.
    pub edits: Vec<DocEdit>,
    /// The changes among it, the merge change last, if there is one.
    pub changes: Vec<DocChange>,
    /// What the target was.
    pub before: Option<DocHead>,
    /// What it is then.
    pub after: DocSummary,
    /// Whether both had something that the other lacked.
    pub is_both: bool,
}

/// Merges a document of some branches into that of a target; `None` when that changes nothing.
///
/// Errors: PT413 when the target gets too large; PT409 `duplicate_change` where an actor wrote on both.
pub fn merge(
    project: ProjectId,
    doc: &str,
    sources: &[Lineage],
    target: &Lineage,
    message: Option<&str>,
) -> Result<Option<Merged>> {
    let key = DocKey { branch: target.name().to_owned(), doc: doc.to_owned() };
    let limits = super::limits();
    let before = store::head(project, &key)?;
    let mut after = before.as_ref().map(|head| head.summary.clone()).unwrap_or_default();
    let mut changes: Vec<DocChange> = Vec::new();
    let mut deleted: Vec<ChangeHash> = Vec::new();
    for source in sources {
        interrupt::check()?;
        let there = DocKey { branch: source.name().to_owned(), doc: doc.to_owned() };
        let Some(head) = store::head(project, &there)? else { continue };
        // What came and went on a branch is nothing to others.
        if before.is_none() && head.summary.is_deleted() {
            continue;
        }
        if before.as_ref().is_some_and(|before| before.summary.heads == head.summary.heads) {
            deleted.extend(head.summary.deleted.as_slice());
            continue;
        }
        let line = before.as_ref().map(|before| before.line.clone()).unwrap_or_default();
        let known: BTreeSet<ChangeHash> = changes.iter().map(DocChange::hash).collect();
        let lacking = rows::lacking(project, &head.line, head.summary.changes, &line)?;
        changes.extend(lacking.into_iter().filter(|change| !known.contains(&change.hash())));
        deleted.extend(head.summary.deleted.as_slice());
    }
    after.append(&changes, &limits).map_err(|error| about_doc(&key, error))?;
    let is_both = before.as_ref().is_some_and(|before| {
        !changes.is_empty() && before.summary.heads.as_slice().iter().any(|head| after.heads.contains(head))
    });
    let deleted = Heads::new(deleted);
    let is_less = after.delete(&deleted);
    let mut edits = Vec::new();
    if after.is_deleted() && is_less && !after.heads.is_empty() {
        if !changes.is_empty() {
            edits.push(DocEdit::Change { key: key.clone(), changes: changes.clone(), base_heads: None });
        }
        edits.push(DocEdit::Delete { key: key.clone(), base_heads: None, heads: Some(deleted) });
    } else if !changes.is_empty() {
        if after.heads.len() > 1 && !after.is_deleted() {
            let merge = merge_change(project, &key, &before, &changes, &after, message)?;
            after.append(std::slice::from_ref(&merge), &limits).map_err(|error| about_doc(&key, error))?;
            changes.push(merge);
        }
        edits.push(DocEdit::Change { key: key.clone(), changes: changes.clone(), base_heads: None });
    }
    Ok((!edits.is_empty()).then_some(Merged { key, edits, changes, before, after, is_both }))
}

/// A change without operations that depends on all heads.
fn merge_change(
    project: ProjectId,
    key: &DocKey,
    before: &Option<DocHead>,
    changes: &[DocChange],
    after: &DocSummary,
    message: Option<&str>,
) -> Result<DocChange> {
    let actor = server_actor(project, &key.branch);
    let stored = match before {
        Some(head) => store::last_of(project, &head.line, &actor)?,
        None => 0,
    };
    let new = changes.iter().filter(|change| *change.actor() == actor).map(DocChange::seq).max();
    let seq = stored.max(new.unwrap_or(0)) + 1;
    DocChange::empty(&actor, seq, after.max_op + 1, &after.heads, seconds_now(), message)
}

/// The changes up to heads that a source has and a target lacks, each after those it depends on; `None` when the source has not the heads.
pub fn lacking(
    project: ProjectId,
    source: &DocHead,
    heads: &Heads,
    target: Option<&DocHead>,
) -> Result<Option<Vec<DocChange>>> {
    let line = target.map(|target| target.line.clone()).unwrap_or_default();
    if source.summary.heads != *heads && store::has(project, &source.line, heads)? != *heads {
        return Ok(None);
    }
    let lacking = rows::lacking(project, &source.line, source.summary.changes, &line)?;
    if source.summary.heads == *heads {
        return Ok(Some(lacking));
    }
    // What the heads depend on, from the last one on: each comes after those it depends on.
    let mut wanted: BTreeSet<ChangeHash> = heads.as_slice().iter().copied().collect();
    let mut found: Vec<DocChange> = Vec::new();
    for change in lacking.into_iter().rev() {
        interrupt::step()?;
        if wanted.contains(&change.hash()) {
            wanted.extend(change.deps());
            found.push(change);
        }
    }
    found.reverse();
    Ok(Some(found))
}

/// What of a document is in several values after a merge.
pub fn conflicts(project: ProjectId, merged: &Merged, limits: &DocLimits) -> Result<serde_json::Value> {
    let Some(before) = &merged.before else { return Ok(serde_json::json!([])) };
    let summary = &before.summary;
    let mut loaded = super::cache::take(project, &before.line, summary.changes, &summary.heads)?;
    loaded.append(&merged.changes)?;
    let found = loaded.conflicts(None, limits)?;
    Ok(quire_core::doc::helpers::conflicts_as_json(&found))
}
