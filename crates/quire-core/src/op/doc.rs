//! Operations on documents.
//!
//! A document is the set of its changes, which are never taken away, and of its heads those that were deleted: it is deleted while all of
//! them are. Whoever changes it, unaware of that, adds a head that was not, and so it is back. What two databases have of a document is
//! the same when both have the same operations, in whatever order.

use super::{Change, State};
use crate::doc::{ChangeHash, DocChange, DocLimits, Heads};
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::id::Seq;
use crate::interrupt;
use crate::json::{Members, canonical, decode_base64, encode_base64};
use crate::key::DocKey;
use crate::text::shorten;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Most changes of one operation.
pub const MAX_OP_CHANGES: usize = 10_000;
/// Bytes of changes from which on the next ones are another operation's.
pub const OP_BYTES: usize = 1 << 20;

/// An operation on a document.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "op")]
pub enum DocOp {
    /// A document gets more changes; the first ones make it.
    #[serde(rename = "doc.change")]
    Change {
        /// Which.
        #[serde(flatten)]
        key: DocKey,
        /// Each after those it depends on. As JSON their bytes, not deflated, in Base64.
        #[serde(serialize_with = "base64")]
        changes: Vec<DocChange>,
    },
    /// What a document was is deleted.
    #[serde(rename = "doc.delete")]
    Delete {
        /// Which.
        #[serde(flatten)]
        key: DocKey,
        /// What it was: its heads, as far as who deleted it knew them.
        #[serde(serialize_with = "texts")]
        heads: Heads,
    },
}

impl DocOp {
    /// What they are called, in the order of the kinds above.
    pub const NAMES: [&str; 2] = ["doc.change", "doc.delete"];

    /// The `op` member.
    pub const fn name(&self) -> &'static str {
        match self {
            DocOp::Change { .. } => Self::NAMES[0],
            DocOp::Delete { .. } => Self::NAMES[1],
        }
    }

    /// From its members; `None` when the name is none of a document's.
    pub(super) fn parse(name: &str, members: &mut Members) -> Result<Option<Self>> {
        if !Self::NAMES.contains(&name) {
            return Ok(None);
        }
        let key = DocKey::parse(members.str("branch")?, members.str("doc")?)?;
        Ok(Some(match name {
            "doc.change" => {
                let changes = members.list("changes", |at, value| {
                    let bytes = bytes_member("changes", at, value)?;
                    let change = DocChange::read(&bytes, &DocLimits::LARGEST)?;
                    // It would have another form than it came in.
                    let is_as_it_came = change.bytes() == bytes.as_slice();
                    is_as_it_came.then_some(change).ok_or_else(|| wrong_member("changes", at, "is deflated"))
                })?;
                check_count(&changes)?;
                DocOp::Change { key, changes }
            }
            _ => DocOp::Delete { key, heads: heads_member(members, "heads")?.unwrap_or_default() },
        }))
    }

    /// The operation that gives a document these changes, or deletes it.
    pub fn making(key: &DocKey, changes: Option<&Vec<DocChange>>) -> Self {
        let key = key.clone();
        match changes.cloned() {
            Some(changes) => DocOp::Change { key, changes },
            None => DocOp::Delete { key, heads: Heads::default() },
        }
    }

    /// Which document.
    pub const fn key(&self) -> &DocKey {
        match self {
            DocOp::Change { key, .. } | DocOp::Delete { key, .. } => key,
        }
    }

    /// BLAKE3 of the canonical form.
    pub fn checksum(&self) -> Result<Hash> {
        Ok(Hash::of(&canonical(self)?))
    }

    /// What it does.
    pub(super) fn change(&self) -> Change {
        match self {
            DocOp::Change { key, changes } => Change::Doc(key.clone(), Some(changes.clone())),
            DocOp::Delete { key, .. } => Change::Doc(key.clone(), None),
        }
    }

    pub(super) fn describe(&self) -> String {
        let verb = match self {
            DocOp::Change { .. } => "change",
            DocOp::Delete { .. } => "delete",
        };
        format!("{verb} {}", self.key())
    }

    pub(super) fn apply(&self, seq: Seq, state: &mut State) -> std::result::Result<(), String> {
        let key = self.key();
        if !state.docs.contains_key(key)
            && let Some(inherited) = state.inherited(key)?
        {
            state.docs.insert(key.clone(), inherited);
        }
        let applied = match self {
            DocOp::Change { changes, .. } => {
                let doc = state.docs.entry(key.clone()).or_default();
                doc.append(changes).map(|()| doc.note(seq))
            }
            DocOp::Delete { heads, .. } => {
                let doc = state.docs.get_mut(key);
                let doc = doc.ok_or_else(|| format!("{key} is deleted and was not there"))?;
                doc.delete(heads).map(|()| doc.note(seq))
            }
        };
        applied.map_err(|why| format!("{key} {why}"))
    }
}

/// Changes by 1 MiB, and by the number of those an operation may have.
pub fn of_ops(changes: &[DocChange]) -> impl Iterator<Item = &[DocChange]> {
    let mut rest = changes;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take(MAX_OP_CHANGES).take_while(|change| {
            let is_room = bytes < OP_BYTES;
            bytes += change.bytes().len();
            is_room
        });
        let (now, later) = rest.split_at(fitting.count());
        rest = later;
        (!now.is_empty()).then_some(now)
    })
}

fn check_count(changes: &[DocChange]) -> Result<()> {
    if changes.is_empty() {
        return Err(Error::validation("changes must not be empty").with("argument", "changes"));
    }
    if changes.len() > MAX_OP_CHANGES {
        return Err(
            Error::limit("an operation has too many changes", MAX_OP_CHANGES).with("argument", "changes")
        );
    }
    Ok(())
}

fn wrong_member(member: &str, at: usize, why: &str) -> Error {
    Error::validation(format!("{member}[{at}] {why}")).with("argument", format!("{member}[{at}]"))
}

fn bytes_member(member: &str, at: usize, value: &Value) -> Result<Vec<u8>> {
    let text = value.as_str().ok_or_else(|| wrong_member(member, at, "must be a string of Base64"))?;
    decode_base64(text)
}

/// Heads that may be given: an array of hashes.
pub fn heads_member(members: &mut Members, member: &'static str) -> Result<Option<Heads>> {
    let Some(value) = members.opt(member) else { return Ok(None) };
    let texts: Option<Vec<&str>> =
        value.as_array().and_then(|values| values.iter().map(Value::as_str).collect());
    let texts = texts.ok_or_else(|| members.wrong(member, "an array of hashes"))?;
    Heads::parse(member, texts).map(Some)
}

fn base64<S: Serializer>(changes: &[DocChange], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(changes.iter().map(|change| encode_base64(change.bytes())))
}

fn texts<S: Serializer>(heads: &Heads, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(heads.to_texts())
}

impl State {
    /// What a document is that its branch has from others; why that cannot be told, if it cannot.
    fn inherited(&self, key: &DocKey) -> std::result::Result<Option<DocState>, String> {
        let (mut branch, mut last) = (key.branch.as_str(), Seq::MAX);
        while branch != DocKey::MAIN {
            let made = self.branches.get(branch);
            let made = made.ok_or_else(|| format!("{key} is on a branch that is not there"))?;
            (branch, last) = (made.from_branch.as_str(), last.min(made.at_seq));
            let there = DocKey { branch: branch.to_owned(), doc: key.doc.clone() };
            if let Some(found) = self.docs.get(&there).and_then(|doc| doc.at(last)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// A document, as far as operations tell: which changes it has. What it holds follows from that.
#[derive(Clone, Debug, Default)]
pub struct DocState {
    /// Each with how many there were before it.
    changes: BTreeMap<ChangeHash, usize>,
    heads: Heads,
    deleted: BTreeSet<ChangeHash>,
    /// What it was after each bundle, for branches that begin there. Only who applies operations knows that.
    past: Vec<Past>,
}

/// What a document was after a bundle.
#[derive(Clone, Debug)]
struct Past {
    seq: Seq,
    count: usize,
    heads: Heads,
    deleted: BTreeSet<ChangeHash>,
}

impl PartialEq for DocState {
    fn eq(&self, other: &Self) -> bool {
        self.changes.keys().eq(other.changes.keys())
            && (&self.heads, &self.deleted) == (&other.heads, &other.deleted)
    }
}

impl Eq for DocState {}

impl DocState {
    /// Adds changes; why that cannot be, if it cannot.
    fn append(&mut self, changes: &[DocChange]) -> std::result::Result<(), String> {
        for change in changes {
            interrupt::tick();
            if let Some(dep) = change.deps().iter().find(|dep| !self.changes.contains_key(dep)) {
                return Err(format!("gets a change that depends on {dep}, which it has not"));
            }
            let before = self.changes.len();
            if self.changes.insert(change.hash(), before).is_some() {
                return Err(format!("gets change {} again", change.hash()));
            }
        }
        self.heads = self.heads.advance_all(changes);
        self.deleted.retain(|hash| self.heads.contains(hash));
        Ok(())
    }

    /// Deletes what it was at heads.
    fn delete(&mut self, heads: &Heads) -> std::result::Result<(), String> {
        if let Some(head) = heads.as_slice().iter().find(|head| !self.changes.contains_key(head)) {
            return Err(format!("is deleted at {head}, which it has not"));
        }
        self.deleted.extend(heads.as_slice().iter().filter(|head| self.heads.contains(head)));
        Ok(())
    }

    /// Remembers what it is after a bundle.
    fn note(&mut self, seq: Seq) {
        self.past.pop_if(|past| past.seq == seq);
        let (count, heads, deleted) = (self.changes.len(), self.heads.clone(), self.deleted.clone());
        self.past.push(Past { seq, count, heads, deleted });
    }

    /// What it was after a bundle.
    fn at(&self, seq: Seq) -> Option<Self> {
        let past = self.past.iter().rfind(|past| past.seq <= seq)?;
        let mut changes = self.changes.clone();
        changes.retain(|_, before| *before < past.count);
        Some(Self { changes, heads: past.heads.clone(), deleted: past.deleted.clone(), past: Vec::new() })
    }

    /// Of changes and heads that were stored; the changes in the order in which they came.
    pub fn of(changes: impl IntoIterator<Item = ChangeHash>, heads: Heads, deleted: &Heads) -> Self {
        let changes = changes.into_iter().enumerate().map(|(at, hash)| (hash, at)).collect();
        Self { changes, heads, deleted: deleted.as_slice().iter().copied().collect(), past: Vec::new() }
    }

    /// Whether all of it is deleted.
    pub fn is_deleted(&self) -> bool {
        self.heads.as_slice().iter().all(|head| self.deleted.contains(head))
    }
}

/// What a caller wants done to a document.
#[derive(Clone, PartialEq, Debug)]
pub enum DocEdit {
    /// Add changes. Those it has already are left out.
    Change {
        /// Which.
        key: DocKey,
        /// Each after those it depends on.
        changes: Vec<DocChange>,
        /// What its heads must be.
        base_heads: Option<Heads>,
    },
    /// Delete it.
    Delete {
        /// Which.
        key: DocKey,
        /// What its heads must be.
        base_heads: Option<Heads>,
        /// What of it is deleted; `None` is all that it is now.
        heads: Option<Heads>,
    },
}

impl DocEdit {
    /// What does an operation again.
    pub fn again(op: &DocOp) -> Self {
        match op.clone() {
            DocOp::Change { key, changes } => DocEdit::Change { key, changes, base_heads: None },
            DocOp::Delete { key, heads } => DocEdit::Delete { key, base_heads: None, heads: Some(heads) },
        }
    }

    /// Reads one of `commit_bundle`: `changes` as Base64, `branch` main if it is not given, `base_heads` if they matter.
    pub fn parse(op: &str, mut members: Members, limits: &DocLimits) -> Result<Self> {
        let branch = members.opt_str("branch")?.unwrap_or(DocKey::MAIN);
        let key = DocKey::parse(branch, members.str("doc")?)?;
        let base_heads = heads_member(&mut members, "base_heads")?;
        let edit = match op {
            "doc.change" => {
                let changes = members.list("changes", |at, value| {
                    DocChange::read(&bytes_member("changes", at, value)?, limits)
                        .map_err(|error| error.with("at", at))
                })?;
                check_count(&changes)?;
                DocEdit::Change { key, changes, base_heads }
            }
            _ => DocEdit::Delete { key, base_heads, heads: None },
        };
        members.finish()?;
        Ok(edit)
    }

    /// Which document.
    pub const fn key(&self) -> &DocKey {
        match self {
            DocEdit::Change { key, .. } | DocEdit::Delete { key, .. } => key,
        }
    }

    /// What its heads must be.
    pub const fn base_heads(&self) -> Option<&Heads> {
        match self {
            DocEdit::Change { base_heads, .. } | DocEdit::Delete { base_heads, .. } => base_heads.as_ref(),
        }
    }

    /// The operation asked for.
    const fn op(&self) -> &'static str {
        match self {
            DocEdit::Change { .. } => DocOp::NAMES[0],
            DocEdit::Delete { .. } => DocOp::NAMES[1],
        }
    }

    /// The operation asked for, and the members that say what it is about.
    pub(super) fn outline(&self) -> (&'static str, Value) {
        (self.op(), json!(self.key()))
    }

    /// What identifies it in a repeated request.
    pub(super) fn fingerprint(&self) -> Value {
        let about: Vec<String> = match self {
            DocEdit::Change { changes, .. } => {
                changes.iter().map(|change| change.hash().to_string()).collect()
            }
            DocEdit::Delete { heads, .. } => heads.as_ref().map(Heads::to_texts).unwrap_or_default(),
        };
        json!([self.op(), self.key(), about, self.base_heads().map(Heads::to_texts)])
    }
}

/// What became of one edit, as the receipt tells it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DocOutcome {
    /// `doc.change` or `doc.delete`.
    pub op: Cow<'static, str>,
    /// Of which branch.
    pub branch: String,
    /// Which document.
    pub doc: String,
    /// `unchanged` or `changed`.
    pub status: Cow<'static, str>,
    /// Its heads now.
    pub heads: Vec<String>,
    /// How many changes it did not have.
    pub applied: i64,
}

impl DocOutcome {
    /// Of an edit that led to these heads.
    pub fn of(edit: &DocEdit, is_changed: bool, heads: &Heads, applied: usize) -> Self {
        let DocKey { branch, doc } = edit.key().clone();
        let status = if is_changed { "changed" } else { "unchanged" };
        let applied = i64::try_from(applied).unwrap_or(i64::MAX);
        Self { op: edit.op().into(), branch, doc, status: status.into(), heads: heads.to_texts(), applied }
    }
}

/// The error where no document is (PT404).
pub fn no_doc(key: &DocKey) -> Error {
    about_doc(key, Error::not_found("no such document"))
}

/// An error that says which document it is about.
pub fn about_doc(key: &DocKey, error: Error) -> Error {
    error.with("branch", shorten(&key.branch)).with("doc", shorten(&key.doc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::root::first_change;
    use crate::op::Op;

    fn key() -> DocKey {
        DocKey::main("notes/a").expect("a name")
    }

    fn after(deps: &Heads, actor: &[u8]) -> DocChange {
        let actor = crate::doc::ActorId::from(actor);
        DocChange::empty(&actor, 1, 1, deps, 0, None).expect("a change")
    }

    #[test]
    fn its_form_comes_back() {
        let first = first_change().expect("reads");
        let heads = Heads::new([first.hash()]);
        for op in [
            Op::Doc(DocOp::Change { key: key(), changes: vec![first.clone()] }),
            Op::Doc(DocOp::Delete { key: key(), heads }),
        ] {
            let form = op.form().expect("a form");
            assert_eq!(Op::parse("op", &form), Ok(op));
        }
        let deflated = json!({"op": "doc.change", "branch": "main", "doc": "a", "changes": []});
        assert!(Op::parse("op", &deflated).is_err(), "no changes");
    }

    #[test]
    fn a_change_that_did_not_know_of_it_survives_a_deletion() {
        let first = first_change().expect("reads");
        let root = Heads::new([first.hash()]);
        let (one, other) = (after(&root, b"one"), after(&root, b"other"));
        let ops = [
            DocOp::Change { key: key(), changes: vec![one.clone()] },
            DocOp::Change { key: key(), changes: vec![other.clone()] },
            DocOp::Delete { key: key(), heads: root.clone() },
        ];
        let mut states = Vec::new();
        for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut state = State::default();
            let begin = DocOp::Change { key: key(), changes: vec![first.clone()] };
            begin.apply(Seq(1), &mut state).expect("begins");
            order.into_iter().try_for_each(|at| ops[at].apply(Seq(1), &mut state)).expect("applies");
            assert!(!state.docs[&key()].is_deleted());
            states.push(state.clone());
            let heads = Heads::new([one.hash(), other.hash()]);
            for head in heads.as_slice() {
                let heads = Heads::new([*head]);
                DocOp::Delete { key: key(), heads }.apply(Seq(1), &mut state).expect("deletes");
            }
            assert!(state.docs[&key()].is_deleted(), "each head was deleted");
        }
        assert!(states.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn what_cannot_follow_is_impossible() {
        let first = first_change().expect("reads");
        let unknown = after(&Heads::new([ChangeHash([7; 32])]), b"one");
        let mut state = State::default();
        let change = |changes: Vec<DocChange>| DocOp::Change { key: key(), changes };
        assert!(change(vec![unknown]).apply(Seq(1), &mut state).is_err());
        assert!(change(vec![first.clone(), first.clone()]).apply(Seq(1), &mut state).is_err());
        let mut state = State::default();
        assert!(DocOp::Delete { key: key(), heads: Heads::default() }.apply(Seq(1), &mut state).is_err());
        assert_eq!(change(vec![first]).apply(Seq(1), &mut state), Ok(()));
        let heads = Heads::new([ChangeHash([7; 32])]);
        assert!(DocOp::Delete { key: key(), heads }.apply(Seq(1), &mut state).is_err());
    }

    #[test]
    fn a_branch_has_what_its_parents_were() {
        let first = first_change().expect("reads");
        let root = Heads::new([first.hash()]);
        let (one, other, third) = (after(&root, b"one"), after(&root, b"other"), after(&root, b"third"));
        let on = |branch: &str| DocKey { branch: branch.to_owned(), ..key() };
        let change = |branch: &str, change: &DocChange| {
            Op::Doc(DocOp::Change { key: on(branch), changes: vec![change.clone()] })
        };
        let create = |branch: &str, from: &str, seq| {
            let (branch, from_branch) = (branch.to_owned(), from.to_owned());
            Op::Branch(super::super::BranchOp::Create { branch, from_branch, at_seq: Seq(seq) })
        };
        let mut state = State::default();
        for (seq, op) in (1..).zip([
            change("main", &first),
            change("main", &one),
            create("draft", "main", 1),
            change("draft", &other),
            create("more", "draft", 4),
            create("old", "draft", 3),
            change("main", &third),
            change("more", &third),
            change("old", &third),
            create("bare", "main", 0),
        ]) {
            assert_eq!(state.apply(Seq(seq), &op), Ok(()), "{seq}");
        }
        let heads = |branch: &str| state.docs[&on(branch)].heads.clone();
        assert_eq!(heads("draft"), Heads::new([other.hash()]));
        assert_eq!(heads("more"), Heads::new([other.hash(), third.hash()]));
        assert_eq!(heads("old"), Heads::new([third.hash()]));
        assert_eq!(heads("main"), Heads::new([one.hash(), third.hash()]));
        assert!(state.apply(Seq(11), &change("bare", &one)).is_err(), "its first change is not there");
        assert!(state.apply(Seq(11), &change("nowhere", &first)).is_err());
    }

    #[test]
    fn many_changes_are_several_operations() {
        let changes = vec![first_change().expect("reads"); MAX_OP_CHANGES + 1];
        let counts: Vec<usize> = of_ops(&changes).map(<[DocChange]>::len).collect();
        assert_eq!(counts, [MAX_OP_CHANGES, 1]);
        assert_eq!(of_ops(&[]).count(), 0);
    }
}
