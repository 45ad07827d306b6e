//! What one branch has of documents and another one lacks.

use super::store::{self, DocHead, DocLine, merging as rows};
use super::{cache, empty_change};
use crate::ids::{ProjectId, Seq};
use quire_core::branch::Lineage;
use quire_core::doc::helpers::conflicts_as_json;
use quire_core::doc::{ChangeHash, DocChange, DocLimits, DocSummary, Heads};
use quire_core::error::{Code, Result};
use quire_core::interrupt;
use quire_core::key::DocKey;
use quire_core::op::DocEdit;
use quire_core::op::doc::about_doc;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Names of documents that may be different on two branches: those written on a branch that only one of them has, or further on in one
/// that both have.
pub fn candidates(project: ProjectId, one: &Lineage, other: &Lineage) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for (has, lacks) in [(one, other), (other, one)] {
        for (branch, last) in &has.levels {
            let shared = lacks.levels.iter().find(|(theirs, _)| theirs == branch);
            let shared = shared.map_or(Seq::ZERO, |(_, seq)| *seq);
            if *last > shared {
                names.extend(rows::written_after(project, branch, shared)?);
            }
        }
    }
    Ok(names)
}

/// Of a document, the changes that a source has and a target lacks, and what becomes of the target with them.
pub struct Merged {
    pub key: DocKey,
    /// What the target gets, the merge change last, if there is one.
    pub changes: Vec<DocChange>,
    /// What of it is deleted then, if that is all of it.
    deleted: Option<Heads>,
    /// What the target was.
    pub before: Option<DocHead>,
    /// What it is then.
    pub after: DocSummary,
    /// Whether both had something that the other lacked.
    pub is_both: bool,
}

impl Merged {
    /// What does it.
    pub fn into_edits(self) -> impl Iterator<Item = DocEdit> {
        let Self { key, changes, deleted, .. } = self;
        let delete =
            deleted.map(|heads| DocEdit::Delete { key: key.clone(), base_heads: None, heads: Some(heads) });
        let change = (!changes.is_empty()).then_some(DocEdit::Change { key, changes, base_heads: None });
        change.into_iter().chain(delete)
    }
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
    let about = |error| about_doc(&key, error);
    let limits = super::limits();
    let before = store::head_on(project, target, doc)?;
    let (line, mut after) =
        before.as_ref().map(|before| (before.line.clone(), before.summary.clone())).unwrap_or_default();
    let mut there = Vec::with_capacity(sources.len());
    for source in sources {
        there.extend(store::head_on(project, source, doc)?);
    }
    // What came and went on branches is nothing to others.
    if before.is_none() && there.iter().all(|head| head.summary.is_deleted()) {
        return Ok(None);
    }
    let (mut changes, mut heads, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
    for DocHead { line: source, summary, .. } in &there {
        interrupt::check()?;
        heads.extend(summary.heads.as_slice());
        deleted.extend(summary.deleted.as_slice());
        if summary.heads != after.heads {
            changes.extend(rows::lacking(project, source, summary.changes, &line)?);
        }
    }
    // What several sources have comes once.
    let mut known = store::known(project, &line, &changes)?;
    let mut changes = known.new_of(&changes, after.max_op).map_err(about)?;
    require_all(project, &line, &heads, &changes)?;
    after.append(&changes, &limits).map_err(about)?;
    let is_both = before.as_ref().is_some_and(|before| {
        !changes.is_empty() && before.summary.heads.as_slice().iter().any(|head| after.heads.contains(head))
    });
    let deleted = Heads::new(deleted);
    let is_less = after.delete(&deleted);
    let deleted = (after.is_deleted() && is_less && !after.heads.is_empty()).then_some(deleted);
    if deleted.is_none() && !changes.is_empty() && after.heads.len() > 1 && !after.is_deleted() {
        let merge = empty_change(project, &key.branch, &line, &after, message)?;
        after.append(std::slice::from_ref(&merge), &limits).map_err(about)?;
        changes.push(merge);
    }
    let is_changed = deleted.is_some() || !changes.is_empty();
    Ok(is_changed.then_some(Merged { key, changes, deleted, before, after, is_both }))
}

/// Refuses to go on (XX001) when changes that the sources have are in none of their rows: who merges would say that all has come.
fn require_all(
    project: ProjectId,
    line: &DocLine,
    heads: &[ChangeHash],
    changes: &[DocChange],
) -> Result<()> {
    let new: BTreeSet<ChangeHash> = changes.iter().map(DocChange::hash).collect();
    let others = Heads::new(heads.iter().filter(|head| !new.contains(head)).copied());
    if store::has(project, line, &others)? == others { Ok(()) } else { Err(store::unsound(line)) }
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
    let mut lacking = rows::lacking(project, &source.line, source.summary.changes, &line)?;
    if source.summary.heads != *heads {
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
        lacking = found;
    }
    require_all(project, &line, heads.as_slice(), &lacking)?;
    Ok(Some(lacking))
}

/// What of a document is in several values after a merge; `None` when that cannot be told: Automerge refuses the document, or there is too
/// much of it. Who merges need not know.
pub fn conflicts(project: ProjectId, merged: &Merged, limits: &DocLimits) -> Result<Option<Value>> {
    let Some(before) = &merged.before else { return Ok(Some(json!([]))) };
    let summary = &before.summary;
    let found = cache::take(project, &before.line, summary.changes, &summary.heads).and_then(|mut loaded| {
        loaded.append(&merged.changes)?;
        loaded.conflicts(None, limits)
    });
    match found {
        Ok(found) => Ok(Some(conflicts_as_json(&found))),
        Err(error) if matches!(error.code(), Code::Invariant | Code::Validation) => Ok(None),
        // What a call may take is no document's own limit.
        Err(error) if error.code() == Code::Limit && error.member("reason").is_none() => Ok(None),
        Err(error) => Err(error),
    }
}
