//! What can be appended to a document, by what is known of it without loading it.

use super::{ActorId, ChangeHash, DocChange, DocLimits, Heads};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::reason::Reason;
use std::collections::HashMap;

/// Most missing or duplicate changes that an error lists.
const MOST_LISTED: usize = 10;

/// Most heads of a document that is kept. Each operation on it says which they are.
pub const MAX_DOC_HEADS: usize = 500;

/// What is kept of a document beside its changes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DocSummary {
    /// Its heads.
    pub heads: Heads,
    /// Those of them that were deleted.
    pub deleted: Heads,
    /// How many changes it has.
    pub changes: i64,
    /// Their bytes.
    pub bytes: i64,
    /// How many operations they have.
    pub ops: i64,
    /// The highest number of an operation.
    pub max_op: u64,
}

impl DocSummary {
    /// Whether it has changes and all of it is deleted.
    pub fn is_deleted(&self) -> bool {
        self.heads.as_slice().iter().all(|head| self.deleted.contains(head))
    }

    /// Counts changes that it gets.
    ///
    /// Errors: `LimitError` when there are more of them than a document may have.
    pub fn append(&mut self, changes: &[DocChange], limits: &DocLimits) -> Result<()> {
        for change in changes {
            self.changes += 1;
            self.bytes = self.bytes.saturating_add(change.bytes().len() as i64);
            self.ops = self.ops.saturating_add(change.ops() as i64);
            self.max_op = self.max_op.max(change.max_op());
        }
        limits.bytes(usize::try_from(self.bytes).unwrap_or(usize::MAX))?;
        limits.ops(usize::try_from(self.ops).unwrap_or(usize::MAX))?;
        self.heads = self.heads.advance_all(changes);
        if self.heads.len() > MAX_DOC_HEADS {
            return Err(Error::limit("the document has too many heads", MAX_DOC_HEADS)
                .with("count", self.heads.len())
                .hint("a change that depends on several heads brings them together"));
        }
        let deleted = self.deleted.as_slice().iter().copied();
        self.deleted = Heads::new(deleted.filter(|hash| self.heads.contains(hash)));
        Ok(())
    }

    /// Deletes what it was at heads; whether that changes anything.
    pub fn delete(&mut self, heads: &Heads) -> bool {
        let deleted = self.deleted.as_slice().iter().chain(heads.as_slice()).copied();
        let deleted = Heads::new(deleted.filter(|hash| self.heads.contains(hash)));
        let is_more = deleted != self.deleted;
        self.deleted = deleted;
        is_more
    }

    /// Refuses heads that are not its own (PT409).
    pub fn require(&self, base_heads: &Heads) -> Result<()> {
        if self.heads == *base_heads {
            return Ok(());
        }
        Err(Error::conflict(Reason::StaleHeads, "the document has other heads")
            .with("heads", self.heads.to_texts())
            .with("base_heads", base_heads.to_texts()))
    }
}

/// What a document has of the changes that somebody names, and of the actors who made them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DocKnown {
    /// Changes it has, each with the number of its last operation.
    pub changes: HashMap<ChangeHash, u64>,
    /// Actors, each with the number of their last change.
    pub actors: HashMap<ActorId, u64>,
}

impl DocKnown {
    /// Those that the document has not, each after those it depends on. What it is asked about must be all that the changes name.
    ///
    /// Errors: `ConflictError`: `missing_dependency` when one depends on a change that is neither there nor before it, or its actor made
    /// others before it that are not there; `duplicate_change` when its actor has made another one of its number. `ValidationError` when
    /// its operations are numbered as no Automerge numbers them: those of the next change begin where the others end.
    pub fn new_of(&mut self, changes: &[DocChange], max_op: u64) -> Result<Vec<DocChange>> {
        let mut new = Vec::with_capacity(changes.len());
        let mut highest = max_op;
        for change in changes {
            interrupt::step()?;
            if self.changes.contains_key(&change.hash()) {
                continue;
            }
            let missing: Vec<String> = change
                .deps()
                .iter()
                .filter(|dep| !self.changes.contains_key(dep))
                .take(MOST_LISTED)
                .map(ChangeHash::to_string)
                .collect();
            if !missing.is_empty() {
                return Err(missing_dependency(change, "depends on a change that the document has not")
                    .with("missing", missing));
            }
            let before = self.actors.get(change.actor()).copied().unwrap_or(0);
            if change.seq() <= before {
                return Err(Error::conflict(
                    Reason::DuplicateChange,
                    format!("the actor of change {} has made another one of this number", change.hash()),
                )
                .with("change", change.hash().to_string())
                .with("actor", change.actor().to_hex_string())
                .with("actor_seq", change.seq()));
            }
            if change.seq() > before + 1 {
                return Err(missing_dependency(change, "comes after others of its actor that are missing")
                    .with("actor", change.actor().to_hex_string())
                    .with("actor_seq", change.seq()));
            }
            let least =
                change.deps().iter().filter_map(|dep| self.changes.get(dep)).max().copied().unwrap_or(0);
            if change.start_op() <= least || change.start_op() > highest.saturating_add(1) {
                return Err(Error::validation(format!(
                    "change {} numbers its operations from {}, after {least}",
                    change.hash(),
                    change.start_op()
                ))
                .with("change", change.hash().to_string()));
            }
            highest = highest.max(change.max_op());
            self.changes.insert(change.hash(), change.max_op());
            self.actors.insert(change.actor().clone(), change.seq());
            new.push(change.clone());
        }
        Ok(new)
    }
}

fn missing_dependency(change: &DocChange, why: &str) -> Error {
    Error::conflict(Reason::MissingDependency, format!("change {} {why}", change.hash()))
        .with("change", change.hash().to_string())
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits, read_all};
    use super::*;
    use crate::error::Code;

    /// What a document of these changes knows.
    fn known(changes: &[DocChange]) -> DocKnown {
        let mut known = DocKnown::default();
        for change in changes {
            known.changes.insert(change.hash(), change.max_op());
            known.actors.insert(change.actor().clone(), change.seq());
        }
        known
    }

    #[test]
    fn whatever_automerge_makes_is_taken_in_any_pieces() {
        let mut dice = Dice::new();
        for _ in 0..20 {
            let changes = read_all(&mut edited(&mut dice, 40));
            let mut summary = DocSummary::default();
            let mut at = 0;
            while at < changes.len() {
                let end = (at + 1 + dice.throw(9)).min(changes.len());
                let from = at.saturating_sub(dice.throw(4));
                let sent = changes[from..end].to_vec();
                let new = known(&changes[..at]).new_of(&sent, summary.max_op).expect("takes");
                assert_eq!(new, changes[at..end]);
                summary.append(&new, &limits()).expect("fits");
                at = end;
            }
            let loaded = super::super::Loaded::of(&changes).expect("loads");
            assert_eq!(summary.heads, loaded.heads());
            assert_eq!(summary.max_op + 1, loaded.next_op().expect("a number"));
            assert_eq!(summary.changes as usize, changes.len());
        }
    }

    #[test]
    fn what_cannot_follow_is_refused() {
        let mut dice = Dice::new();
        let changes = read_all(&mut edited(&mut dice, 30));
        let last = changes.last().expect("some").clone();
        let refused = |mut known: DocKnown, change: &DocChange| {
            let error = known.new_of(std::slice::from_ref(change), u64::MAX / 2).expect_err("refused");
            (error.code(), error.member("reason").cloned())
        };
        assert_eq!(refused(DocKnown::default(), &last), (Code::Conflict, Some("missing_dependency".into())));
        let mut others = known(&changes[..changes.len() - 1]);
        others.actors.insert(last.actor().clone(), last.seq());
        assert_eq!(refused(others, &last), (Code::Conflict, Some("duplicate_change".into())));
        let mut gap = known(&changes[..changes.len() - 1]);
        let actor = ActorId::from(b"somebody".as_slice());
        let second =
            DocChange::empty(&actor, 2, 1_000_000, &Heads::new([last.deps()[0]]), 0, None).expect("a change");
        assert_eq!(refused(gap.clone(), &second), (Code::Conflict, Some("missing_dependency".into())));
        gap.actors.insert(actor.clone(), 1);
        assert_eq!(gap.clone().new_of(std::slice::from_ref(&second), 999_999), Ok(vec![second]));
        for start in [1, 1_000_000_000] {
            let wrong =
                DocChange::empty(&actor, 2, start, &Heads::new([last.deps()[0]]), 0, None).expect("a change");
            let error = gap.clone().new_of(&[wrong], 10).expect_err("refused");
            assert_eq!(error.code(), Code::Validation);
        }
    }

    #[test]
    fn what_is_deleted_comes_back_with_a_change() {
        let mut dice = Dice::new();
        let changes = read_all(&mut edited(&mut dice, 10));
        let mut summary = DocSummary::default();
        summary.append(&changes[..5], &limits()).expect("fits");
        let heads = summary.heads.clone();
        assert!(!summary.is_deleted() && summary.delete(&heads) && summary.is_deleted());
        assert!(!summary.delete(&heads), "again");
        summary.append(&changes[5..], &limits()).expect("fits");
        assert!(!summary.is_deleted());
        assert!(!summary.delete(&heads), "of what it no longer is");
        let error = summary.require(&heads).expect_err("stale");
        assert_eq!(error.member("reason"), Some(&"stale_heads".into()));
        assert_eq!(error.member("heads"), Some(&summary.heads.to_texts().into()));
        let small = DocLimits { max_bytes: 10, ..limits() };
        assert_eq!(summary.append(&changes[..1], &small).expect_err("too many").code(), Code::Limit);
    }
}
