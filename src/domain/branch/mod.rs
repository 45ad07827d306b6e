//! Branches of documents: where each begins, and whether it may be written.
//!
//! Owns: `branch_op` (one row per operation, never updated), `branch`.
//! Promises: a branch copies nothing; its name is given once.
//! Does not: know what documents are on a branch. Branches stay in their database: where one begins is a place of its log.

mod arrival;
pub mod store;

use crate::domain::incoming::{Arrival, Incoming};
use crate::domain::interface::{Applied, Brought, Describe, Domain, NewBundle, Writing};
use crate::domain::inverse::{InTheWay, Inverting, Why};
use crate::domain::shown::{Changes, Query};
use crate::gate::Access;
use crate::guc;
use crate::ids::{ProjectId, Seq};
use crate::log::quarantine;
use quire_core::branch::{BranchStatus, Lineage, no_branch};
use quire_core::error::Result;
use quire_core::event::BRANCH_UPDATE;
use quire_core::hash::Hash;
use quire_core::json::Members;
use quire_core::key::DocKey;
use quire_core::op::branch::{self, AppliedBranches};
use quire_core::op::{BranchEdit, BranchOp, Edit, Op, Outcome, Topic};
use quire_core::quarantine::RowKind;
use quire_core::text::shorten;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A branch that is there, for who reads it now.
///
/// Errors: PT404 for one that is not there, or was deleted.
pub fn require(project: ProjectId, branch: &str) -> Result<Lineage> {
    let lineage = sound_lineage(project, branch)?;
    lineage.filter(|lineage| lineage.status != BranchStatus::Deleted).ok_or_else(|| no_branch(branch))
}

/// A branch that is or was there, for who reads it as of a seq.
///
/// Errors: PT404 for one that was never there.
pub fn require_at(project: ProjectId, branch: &str, seq: Seq) -> Result<Lineage> {
    let lineage = sound_lineage(project, branch)?.ok_or_else(|| no_branch(branch))?;
    Ok(lineage.up_to(seq))
}

/// XX001 when a branch is in quarantine: where another one begins may be wrong then, and so what is read and written there.
fn sound_lineage(project: ProjectId, branch: &str) -> Result<Option<Lineage>> {
    if branch != DocKey::MAIN {
        quarantine::refuse(project, [RowKind::Current(Topic::Branch)], json!({}))?;
    }
    store::lineage(project, branch)
}

/// The domain.
pub struct Branches;

impl Domain for Branches {
    fn ops(&self) -> &'static [&'static str] {
        &BranchOp::NAMES
    }

    fn stage(&self, _access: &Access, op: &str, members: Members) -> Result<(Edit, Option<Brought>)> {
        Ok((Edit::Branch(BranchEdit::parse(op, members)?), None))
    }

    fn again(&self, op: &Op, _describe: &Describe) -> Result<Option<Edit>> {
        Ok(match op {
            Op::Branch(op) => Some(Edit::Branch(BranchEdit::again(op))),
            _ => None,
        })
    }

    fn check_sizes(&self, _writing: &Writing, _edits: &[Edit]) -> Result<()> {
        Ok(())
    }

    fn require(&self, access: &Access, edits: &[Edit]) -> Result<()> {
        if edits.is_empty() { Ok(()) } else { access.require_branches() }
    }

    fn require_outcomes(&self, access: &Access, outcomes: &[Outcome]) -> Result<()> {
        if self.is_told_of(outcomes) { access.require_branches() } else { Ok(()) }
    }

    fn apply(&self, writing: &Writing, edits: Vec<Edit>) -> Result<Box<dyn Applied>> {
        let own = |edit| match edit {
            Edit::Branch(edit) => Some(edit),
            _ => None,
        };
        let edits: Vec<BranchEdit> = edits.into_iter().filter_map(own).collect();
        let names = edits.iter().flat_map(BranchEdit::names).map(str::to_owned).collect();
        let mut branches = store::branches(writing.access.project, names)?;
        // What was made elsewhere under another limit is no deeper for it.
        let most = if writing.is_own { guc::max_branch_depth() } else { usize::MAX };
        let applied = branch::apply(&mut branches, edits, writing.head.seq, most)?;
        Ok(Box::new(Changed { applied, ops_before: writing.ops_before }))
    }

    fn arrive<'a>(&self, _incoming: &'a Incoming<'a>) -> Result<Option<Box<dyn Arrival + 'a>>> {
        Ok(Some(arrival::arrive()))
    }

    fn changes(&self, query: &Query, up_to: Seq) -> Result<Option<Box<dyn Changes>>> {
        let mut shown = Shown { is_wanted: query.filter.wants_pathless(), ops: BTreeMap::new() };
        for (seq, op) in store::ops(query.project, query.after, up_to)? {
            shown.ops.entry(seq).or_default().push(op);
        }
        Ok(Some(Box::new(shown)))
    }

    /// A branch that came into being is deleted, and one that changed is again what it was.
    fn invert(&self, inverting: &Inverting, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
        let project = inverting.access.project;
        let ops = store::ops(project, inverting.seq.before(), inverting.seq)?;
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        inverting.refuse_corrupt(Topic::Branch)?;
        let (before, after) =
            (store::made_by(project, inverting.seq.before())?, store::made_by(project, inverting.seq)?);
        let now = store::made_by(project, Seq::MAX)?;
        let mut found = Vec::new();
        let names: BTreeSet<&str> = ops.iter().map(|(_, op)| op.branch()).collect();
        for name in names {
            let (Some(made), Some(now)) = (after.get(name), now.get(name)) else { continue };
            let was = before.get(name).map(|was| &was.branch);
            let is_so = was.map_or(now.branch.status == BranchStatus::Deleted, |was| *was == now.branch);
            if is_so {
                continue;
            }
            let name_shown = shorten(name);
            let written = match was {
                None => store::written_by_others(project, name, inverting.seq)?,
                Some(_) => None,
            };
            let in_the_way = match written {
                _ if now.branch != made.branch => Some((now.seq, format!("changed branch {name_shown}"))),
                Some(seq) => Some((seq, format!("wrote on branch {name_shown}"))),
                None => None,
            };
            match in_the_way {
                Some((seq, action)) => found.push(InTheWay {
                    key: json!({"branch": name}),
                    part_of: None,
                    why: Why::Changed { seq, action },
                    is_recordable: false,
                }),
                None => edits.push(Edit::Branch(BranchEdit::again(&BranchOp::making(name, was)))),
            }
        }
        Ok(found)
    }
}

/// What edits do to branches, on its way into the tables.
struct Changed {
    applied: AppliedBranches,
    ops_before: usize,
}

impl Applied for Changed {
    fn op_checksums(&self) -> &[Hash] {
        &self.applied.op_checksums
    }

    fn take_outcomes(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.applied.outcomes).into_iter().map(Outcome::Branch).collect()
    }

    fn event(&self) -> Option<&'static str> {
        (!self.applied.ops.is_empty()).then_some(BRANCH_UPDATE)
    }

    fn finish(&self, bundle: &NewBundle) -> Result<()> {
        let ops = self.applied.ops.iter().zip(&self.applied.op_checksums);
        for ((op, checksum), ordinal) in ops.zip(self.ops_before + 1..) {
            store::insert(bundle.project, bundle.head.seq, ordinal as i32, op, checksum)?;
        }
        Ok(())
    }
}

/// Changed branches, by bundle.
struct Shown {
    is_wanted: bool,
    ops: BTreeMap<Seq, Vec<BranchOp>>,
}

impl Changes for Shown {
    fn event(&self, seq: Seq) -> Option<&'static str> {
        self.ops.contains_key(&seq).then_some(BRANCH_UPDATE)
    }

    fn describe(&mut self, seq: Seq, _event: &str, payload: &mut Map<String, Value>) -> bool {
        let Some(ops) = self.ops.remove(&seq).filter(|_| self.is_wanted) else { return false };
        let branches: Value = ops.iter().map(BranchOp::shown).collect();
        payload.insert("branches".into(), branches);
        true
    }
}
