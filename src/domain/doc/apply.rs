//! What edits do to documents, under the head lock.

use super::schema::{self, Schemas};
use super::{cache, snapshot, store};
use crate::db::rows::Rows;
use crate::domain::branch;
use crate::domain::interface::{Applied, Growth, NewBundle, Writing};
use crate::guc;
use crate::ids::{DocId, ProjectId};
use quire_core::doc::{ChangeHash, DocChange, DocKnown, DocLimits, DocSummary, Heads, Loaded};
use quire_core::error::{Code, Error, Result};
use quire_core::event;
use quire_core::hash::Hash;
use quire_core::key::DocKey;
use quire_core::op::doc::{about_doc, no_doc, of_ops};
use quire_core::op::{DocEdit, DocOp, DocOutcome, Outcome};
use quire_core::reason::Reason;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use store::{DocLine, NewOp};

/// Documents that edits are about, as they become.
struct Docs<'w> {
    writing: &'w Writing<'w>,
    limits: DocLimits,
    /// As they are with the edits so far; those that are new have no row yet.
    docs: BTreeMap<DocKey, Doc>,
    ops: Vec<NewOp>,
    op_checksums: Vec<Hash>,
    outcomes: Vec<DocOutcome>,
}

struct Doc {
    /// Its number on its branch; none yet where nobody has written it there.
    id: Option<DocId>,
    /// Where its changes are.
    line: DocLine,
    summary: DocSummary,
    /// How many changes are stored, and what it was then.
    before: DocSummary,
    /// Those that it gets.
    new: Vec<DocChange>,
    /// What it has of what edits named so far, the new ones included.
    known: DocKnown,
    is_changed: bool,
    tip: Option<Value>,
}

/// What is wrong with each of some edits, applied one after the other; nothing where all is well. Those after one that is wrong are applied
/// without it.
///
/// Errors: what is wrong with the whole, a document that gets too large for one.
pub fn judge(writing: &Writing, edits: &[DocEdit]) -> Result<Vec<Option<Error>>> {
    let mut docs = Docs::begin(writing, edits)?;
    let mut wrong = Vec::with_capacity(edits.len());
    for edit in edits {
        match docs.require_open(&edit.key().branch).and_then(|()| docs.edit(edit.clone())) {
            Ok(()) => wrong.push(None),
            Err(error) if is_of_an_edit(&error) => wrong.push(Some(error)),
            Err(error) => return Err(error),
        }
    }
    // Looking at what they hold then finds those that Automerge or a schema refuses.
    docs.look(|key, error| {
        if !is_of_an_edit(&error) {
            return Err(error);
        }
        let about = edits.iter().zip(&mut wrong).filter(|(edit, _)| edit.key() == key);
        about.for_each(|(_, wrong)| *wrong = Some(error.clone()));
        Ok(())
    })?;
    Ok(wrong)
}

/// Whether an error may be about an edit, and not about what the whole may take.
pub fn is_of_an_edit(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::Conflict | Code::NotFound | Code::Locked | Code::Validation | Code::Invariant
    )
}

/// Applies edits to documents as they are now.
///
/// Errors: PT404 for a branch or document that is not there; PT423 for a branch that is closed; PT409 for other heads than those that were
/// seen, a change that lacks what it depends on, and a number that an actor has used; PT413 for a document that gets too large; PT422 for
/// what a schema refuses; 22023 for what Automerge refuses.
pub fn apply(writing: &Writing, edits: Vec<DocEdit>) -> Result<AppliedDocs> {
    let mut docs = Docs::begin(writing, &edits)?;
    let branches: BTreeSet<&str> = edits.iter().map(|edit| edit.key().branch.as_str()).collect();
    branches.into_iter().try_for_each(|branch| docs.require_open(branch))?;
    edits.into_iter().try_for_each(|edit| docs.edit(edit))?;
    docs.look(|_, error| Err(error))?;
    Ok(docs.finish())
}

impl Doc {
    fn of(id: Option<DocId>, line: DocLine, summary: DocSummary) -> Self {
        let (before, new, known) = (summary.clone(), Vec::new(), DocKnown::default());
        Self { id, line, summary, before, new, known, is_changed: false, tip: None }
    }

    /// Its number. Who writes it first on its branch says which, the place of that operation.
    fn number(&mut self, first: DocId) -> DocId {
        *self.id.get_or_insert_with(|| {
            self.line = std::mem::take(&mut self.line).and(first);
            first
        })
    }

    /// Those of changes that it has not.
    fn new_of(&mut self, project: ProjectId, changes: &[DocChange]) -> Result<Vec<DocChange>> {
        if self.before.changes > 0 {
            let stored = store::known(project, &self.line, changes)?;
            self.known.changes.extend(stored.changes);
            for (actor, last) in stored.actors {
                self.known.actors.entry(actor).or_insert(last);
            }
        }
        self.known.new_of(changes, self.summary.max_op)
    }

    /// Finds out what it holds then, as far as that is kept, and whether that satisfies the schemas that are for it.
    fn look(&mut self, writing: &Writing, key: &DocKey, schemas: &Schemas, limits: &DocLimits) -> Result<()> {
        let project = writing.access.project;
        if self.summary.bytes <= guc::doc_tip_bytes() {
            let tip = self.tip(project, limits, writing.is_own);
            self.tip = tip.map_err(|error| about_doc(key, error))?;
        }
        let schemas = schemas.of_doc(&key.doc);
        // Of one that is deleted nobody asks what it holds.
        if schemas.is_empty() || self.summary.is_deleted() {
            return Ok(());
        }
        if let Some(tip) = &self.tip {
            return schema::check(writing.access, key, &schemas, tip);
        }
        let read = self.loaded(project).and_then(|loaded| {
            let value = loaded.to_json(None, limits);
            cache::keep(project, &self.line, self.summary.changes, loaded);
            value
        });
        match read {
            Ok(value) => schema::check(writing.access, key, &schemas, &value),
            Err(error) => Err(schema::unreadable(key, &schemas, error)),
        }
    }

    /// With its new changes, in memory.
    ///
    /// Errors: PT422 when Automerge refuses a change that is stored; 22023 when it refuses a new one.
    fn loaded(&self, project: ProjectId) -> Result<Loaded> {
        if let Some(loaded) = cache::take_at(project, &self.line, &self.summary.heads) {
            return Ok(loaded);
        }
        let mut loaded = cache::take(project, &self.line, self.before.changes, &self.before.heads)?;
        loaded.append(&self.new)?;
        Ok(loaded)
    }

    /// What it holds with its new changes; `None` when that is too long to be kept, or Automerge refuses a change that was accepted
    /// before: here, unseen, or elsewhere.
    fn tip(&self, project: ProjectId, limits: &DocLimits, is_own: bool) -> Result<Option<Value>> {
        let loaded = match self.loaded(project) {
            Err(error) if error.code() == Code::Invariant => return Ok(None),
            Err(error) if error.code() == Code::Validation && !is_own => return Ok(None),
            loaded => loaded?,
        };
        let max_json_bytes = limits.max_json_bytes.min(guc::doc_tip_bytes() as usize);
        let short = DocLimits { max_json_bytes, ..*limits };
        let is_too_deep =
            |error: &Error| error.member("setting").and_then(Value::as_str) == Some("quire.max_doc_depth");
        let tip = match loaded.to_json(None, &short) {
            Ok(tip) => Some(tip),
            Err(error) if error.code() == Code::Limit && !(is_own && is_too_deep(&error)) => None,
            Err(error) => return Err(error),
        };
        cache::keep(project, &self.line, self.summary.changes, loaded);
        Ok(tip)
    }

    /// Whether it has changes: stored, or new.
    fn has_all(&self, project: ProjectId, heads: &Heads) -> Result<bool> {
        let is_new = |hash: &ChangeHash| self.new.iter().any(|change| change.hash() == *hash);
        let stored = store::has(project, &self.line, heads)?;
        Ok(heads.as_slice().iter().all(|hash| stored.contains(hash) || is_new(hash)))
    }
}

impl<'w> Docs<'w> {
    /// The documents that edits are about, as they are.
    fn begin(writing: &'w Writing<'w>, edits: &[DocEdit]) -> Result<Self> {
        let keys: BTreeSet<DocKey> = edits.iter().map(|edit| edit.key().clone()).collect();
        let known = store::heads(writing.access.project, &keys)?;
        let docs = known.into_iter().map(|(key, head)| (key, Doc::of(head.own, head.line, head.summary)));
        let docs = docs.collect();
        let (ops, op_checksums, outcomes) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { writing, limits: super::limits(), docs, ops, op_checksums, outcomes })
    }

    /// Refuses a branch that is not there (PT404) or may not be written (PT423).
    fn require_open(&self, branch: &str) -> Result<()> {
        branch::require(self.writing.access.project, branch)?.require_open()
    }

    fn edit(&mut self, edit: DocEdit) -> Result<()> {
        let key = edit.key().clone();
        let about = |error| about_doc(&key, error);
        if let Some(base) = edit.base_heads() {
            let none = DocSummary::default();
            self.docs.get(&key).map_or(&none, |doc| &doc.summary).require(base).map_err(about)?;
        }
        match &edit {
            DocEdit::Change { changes, .. } => self.append(&edit, &key, changes).map_err(about),
            DocEdit::Delete { heads, .. } => {
                let doc = self.docs.get_mut(&key);
                let doc = doc.filter(|doc| heads.is_some() || !doc.summary.is_deleted());
                let doc = doc.ok_or_else(|| no_doc(&key))?;
                if let Some(heads) = heads
                    && !doc.has_all(self.writing.access.project, heads)?
                {
                    return Err(about(Error::conflict(
                        Reason::MissingDependency,
                        "what is deleted is not all there",
                    )));
                }
                let heads = heads.clone().unwrap_or_else(|| doc.summary.heads.clone());
                let is_changed = doc.summary.delete(&heads);
                self.outcomes.push(DocOutcome::of(&edit, is_changed, &doc.summary.heads, 0));
                if is_changed {
                    doc.is_changed = true;
                    let op = DocOp::Delete { key: key.clone(), heads: heads.clone() };
                    self.push(&op, &key, 0, Vec::new(), heads)?;
                }
                Ok(())
            }
        }
    }

    fn append(&mut self, edit: &DocEdit, key: &DocKey, changes: &[DocChange]) -> Result<()> {
        let project = self.writing.access.project;
        let none = || Doc::of(None, DocLine::default(), DocSummary::default());
        let doc = self.docs.entry(key.clone()).or_insert_with(none);
        let new = doc.new_of(project, changes)?;
        let count = new.len();
        for part in of_ops(&new) {
            let Some(doc) = self.docs.get_mut(key) else { continue };
            let place = doc.summary.changes + 1;
            doc.summary.append(part, &self.limits)?;
            doc.new.extend_from_slice(part);
            doc.is_changed = true;
            let heads = doc.summary.heads.clone();
            let op = DocOp::Change { key: key.clone(), changes: part.to_vec() };
            self.push(&op, key, place, part.to_vec(), heads)?;
        }
        if let Some(doc) = self.docs.get(key) {
            self.outcomes.push(DocOutcome::of(edit, count > 0, &doc.summary.heads, count));
        }
        Ok(())
    }

    /// The ordinal that the next operation has.
    fn ordinal(&self) -> i32 {
        (self.writing.ops_before + self.ops.len() + 1) as i32
    }

    fn push(
        &mut self,
        op: &DocOp,
        key: &DocKey,
        first_place: i64,
        changes: Vec<DocChange>,
        heads: Heads,
    ) -> Result<()> {
        let checksum = op.checksum()?;
        let ordinal = self.ordinal();
        let first = DocId::at(self.writing.head.seq.next(), ordinal.into());
        let doc = self.docs.get_mut(key).ok_or_else(|| Error::internal("a document is lost"))?;
        let (doc_id, summary) = (doc.number(first), doc.summary.clone());
        let op_checksum = checksum.as_bytes().to_vec();
        self.op_checksums.push(checksum);
        self.ops.push(NewOp {
            ordinal,
            op: op.name(),
            key: key.clone(),
            doc_id,
            first_place,
            changes,
            heads,
            summary,
            op_checksum,
        });
        Ok(())
    }

    /// Looks at what documents with short histories hold then, so that readers need not, and nothing gets in that Automerge refuses; and
    /// at those that a schema is for. Hands out what is wrong.
    fn look(&mut self, mut wrong: impl FnMut(&DocKey, Error) -> Result<()>) -> Result<()> {
        let schemas = if self.docs.values().any(|doc| !doc.new.is_empty()) {
            Schemas::of(self.writing)?
        } else {
            Schemas::default()
        };
        for (key, doc) in self.docs.iter_mut().filter(|(_, doc)| doc.is_changed && !doc.new.is_empty()) {
            if let Err(error) = doc.look(self.writing, key, &schemas, &self.limits) {
                wrong(key, error)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> AppliedDocs {
        self.docs.retain(|_, doc| doc.is_changed);
        // Heads may be many: of several edits of a document the last one says them.
        let mut said = BTreeSet::new();
        for outcome in self.outcomes.iter_mut().rev() {
            if !said.insert((outcome.branch.clone(), outcome.doc.clone())) {
                outcome.heads.clear();
            }
        }
        let Self { docs, ops, op_checksums, outcomes, .. } = self;
        let bytes = docs.values().map(|doc| doc.summary.bytes - doc.before.bytes).sum();
        AppliedDocs { docs, ops, op_checksums, outcomes, bytes }
    }
}

/// What edits do to documents, on its way into the tables.
pub struct AppliedDocs {
    docs: BTreeMap<DocKey, Doc>,
    ops: Vec<NewOp>,
    op_checksums: Vec<Hash>,
    outcomes: Vec<DocOutcome>,
    bytes: i64,
}

impl AppliedDocs {
    /// A document that is changed, in memory; `Some(None)` when it is deleted then.
    pub fn then(&self, project: ProjectId, key: &DocKey) -> Result<Option<Option<Loaded>>> {
        let Some(doc) = self.docs.get(key) else { return Ok(None) };
        if doc.summary.is_deleted() { Ok(Some(None)) } else { doc.loaded(project).map(Some).map(Some) }
    }

    /// Keeps a document that [`AppliedDocs::then`] has given.
    pub fn keep(&self, project: ProjectId, key: &DocKey, loaded: Loaded) {
        if let Some(doc) = self.docs.get(key) {
            cache::keep(project, &doc.line, doc.summary.changes, loaded);
        }
    }
}

impl Applied for AppliedDocs {
    fn op_checksums(&self) -> &[Hash] {
        &self.op_checksums
    }

    fn take_outcomes(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.outcomes).into_iter().map(Outcome::Doc).collect()
    }

    fn growth(&self) -> Growth {
        Growth { files: 0, bytes: self.bytes }
    }

    fn event(&self) -> Option<&'static str> {
        (!self.ops.is_empty()).then_some(event::DOC_UPDATE)
    }

    fn insert(&self, rows: &Rows, bundle: &NewBundle) -> Result<()> {
        store::insert_ops(rows, bundle.project, bundle.head.seq, &self.ops)?;
        self.docs.iter().try_for_each(|(key, doc)| {
            let Some(id) = doc.id else { return Ok(()) };
            let made = (id, &doc.summary);
            store::move_head(rows, bundle.project, bundle.author, bundle.head, key, made, doc.tip.as_ref())
        })
    }

    fn finish(&self, bundle: &NewBundle) -> Result<()> {
        for doc in self.docs.values().filter(|doc| snapshot::may_be_due(&doc.before, &doc.summary)) {
            // Appending loads no document; one that is loaded anyway leaves a snapshot.
            if let (Some(id), Some(loaded)) =
                (doc.id, cache::take_at(bundle.project, &doc.line, &doc.summary.heads))
            {
                let kept = snapshot::keep(bundle.project, id, &doc.line, &doc.summary, &loaded);
                cache::keep(bundle.project, &doc.line, doc.summary.changes, loaded);
                kept?;
            }
        }
        if self.bytes == 0 { Ok(()) } else { store::count_bytes(bundle.project, self.bytes) }
    }
}
