//! Operations on branches of documents.

use super::{Change, State};
use crate::branch::{Branch, BranchStatus, closed, no_branch};
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::id::Seq;
use crate::json::{Members, canonical};
use crate::key::{DocKey, branch_name};
use crate::reason::Reason;
use crate::text::shorten;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An operation on a branch.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "op")]
pub enum BranchOp {
    /// A branch begins with what another one was at a seq. Its name is never given again.
    #[serde(rename = "branch.create")]
    Create {
        /// Its name.
        branch: String,
        /// The other one.
        from_branch: String,
        /// The last bundle of that one that it has.
        at_seq: Seq,
    },
    /// A branch is closed, deleted, or open again.
    #[serde(rename = "branch.update")]
    Update {
        /// Its name.
        branch: String,
        /// What may be done to it then.
        status: BranchStatus,
        /// The branch that has all of it, if somebody says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        merged_into: Option<String>,
    },
}

impl BranchOp {
    /// What they are called, in the order of the kinds above.
    pub const NAMES: [&str; 2] = ["branch.create", "branch.update"];

    /// The `op` member.
    pub const fn name(&self) -> &'static str {
        match self {
            BranchOp::Create { .. } => Self::NAMES[0],
            BranchOp::Update { .. } => Self::NAMES[1],
        }
    }

    /// From its members; `None` when the name is none of a branch's.
    pub fn parse(name: &str, members: &mut Members) -> Result<Option<Self>> {
        if !Self::NAMES.contains(&name) {
            return Ok(None);
        }
        let branch = branch_name("branch", members.str("branch")?)?;
        Ok(Some(match name {
            "branch.create" => BranchOp::Create {
                branch,
                from_branch: branch_name("from_branch", members.str("from_branch")?)?,
                at_seq: members.seq("at_seq")?,
            },
            _ => BranchOp::Update {
                branch,
                status: status_member(members)?,
                merged_into: merged_into_member(members)?,
            },
        }))
    }

    /// The operation that makes a branch so, once it is there; one that was never there is deleted.
    pub fn making(branch: &str, made: Option<&Branch>) -> Self {
        BranchOp::Update {
            branch: branch.to_owned(),
            status: made.map_or(BranchStatus::Deleted, |made| made.status),
            merged_into: made.and_then(|made| made.merged_into.clone()),
        }
    }

    /// Which branch.
    pub fn branch(&self) -> &str {
        match self {
            BranchOp::Create { branch, .. } | BranchOp::Update { branch, .. } => branch,
        }
    }

    /// BLAKE3 of the canonical form.
    pub fn checksum(&self) -> Result<Hash> {
        Ok(Hash::of(&canonical(self)?))
    }

    /// What it does. Where a branch begins is not said again by what only updates it.
    pub fn change(&self) -> Change {
        let (from_branch, at_seq) = match self {
            BranchOp::Create { from_branch, at_seq, .. } => (from_branch.clone(), *at_seq),
            BranchOp::Update { .. } => (String::new(), Seq::ZERO),
        };
        let (status, merged_into) = match self {
            BranchOp::Create { .. } => (BranchStatus::Open, None),
            BranchOp::Update { status, merged_into, .. } => (*status, merged_into.clone()),
        };
        Change::Branch(self.branch().to_owned(), Some(Branch { from_branch, at_seq, status, merged_into }))
    }

    /// What it does, for people: a verb and its object.
    pub fn describe(&self) -> String {
        format!("{} branch {}", self.verb(), shorten(self.branch()))
    }

    const fn verb(&self) -> &'static str {
        match self {
            BranchOp::Create { .. } => "create",
            BranchOp::Update { status: BranchStatus::Open, .. } => "open",
            BranchOp::Update { status: BranchStatus::Closed, .. } => "close",
            BranchOp::Update { status: BranchStatus::Deleted, .. } => "delete",
        }
    }

    /// As an event shows it.
    pub fn shown(&self) -> Value {
        match self {
            BranchOp::Create { branch, from_branch, at_seq } => {
                json!({"action": self.verb(), "branch": branch, "from_branch": from_branch, "at_seq": at_seq})
            }
            BranchOp::Update { branch, merged_into, .. } => {
                let mut shown = json!({"action": self.verb(), "branch": branch});
                if let Some(into) = merged_into {
                    shown["merged_into"] = into.as_str().into();
                }
                shown
            }
        }
    }

    pub(super) fn apply(&self, state: &mut State) -> std::result::Result<(), String> {
        let described = || format!("branch {}", shorten(self.branch()));
        match self {
            BranchOp::Create { branch, from_branch, at_seq } => {
                if state.branches.contains_key(branch) || branch == DocKey::MAIN {
                    return Err(format!("{} is made again", described()));
                }
                if from_branch != DocKey::MAIN && !state.branches.contains_key(from_branch) {
                    return Err(format!("{} begins with a branch that is not there", described()));
                }
                let made = Branch {
                    from_branch: from_branch.clone(),
                    at_seq: *at_seq,
                    status: BranchStatus::Open,
                    merged_into: None,
                };
                state.branches.insert(branch.clone(), made);
            }
            BranchOp::Update { branch, status, merged_into } => {
                let made = state.branches.get_mut(branch);
                let made = made.ok_or_else(|| format!("{} is changed and was not there", described()))?;
                made.status = *status;
                made.merged_into = merged_into.clone();
            }
        }
        Ok(())
    }
}

fn status_member(members: &mut Members) -> Result<BranchStatus> {
    let word = members.str("status")?;
    BranchStatus::parse(word).ok_or_else(|| members.wrong("status", "open, closed or deleted"))
}

fn merged_into_member(members: &mut Members) -> Result<Option<String>> {
    members.opt_str("merged_into")?.map(|name| branch_name("merged_into", name)).transpose()
}

/// What a caller wants done to a branch.
#[derive(Clone, PartialEq, Debug)]
pub enum BranchEdit {
    /// Make it.
    Create {
        /// Its name.
        branch: String,
        /// The branch that it begins with.
        from_branch: String,
        /// The last bundle of that one; `None` is the newest.
        at_seq: Option<Seq>,
    },
    /// Close it, delete it, or open it again.
    Update {
        /// Its name.
        branch: String,
        /// What may be done to it then.
        status: BranchStatus,
        /// The branch that has all of it.
        merged_into: Option<String>,
    },
    /// Make it exactly so, whatever it is: what was logged is done again, or taken back.
    Restore {
        /// Its name.
        branch: String,
        /// What may be done to it then.
        status: BranchStatus,
        /// The branch that has all of it.
        merged_into: Option<String>,
    },
}

impl BranchEdit {
    /// What does an operation again.
    pub fn again(op: &BranchOp) -> Self {
        match op.clone() {
            BranchOp::Create { branch, from_branch, at_seq } => {
                BranchEdit::Create { branch, from_branch, at_seq: Some(at_seq) }
            }
            BranchOp::Update { branch, status, merged_into } => {
                BranchEdit::Restore { branch, status, merged_into }
            }
        }
    }

    /// Reads one of `commit_bundle`: `from_branch` main if it is not given, `at_seq` the newest.
    pub fn parse(op: &str, mut members: Members) -> Result<Self> {
        let branch = branch_name("branch", members.str("branch")?)?;
        let edit = match op {
            "branch.create" => {
                let from = members.opt_str("from_branch")?.unwrap_or(DocKey::MAIN);
                let from_branch = branch_name("from_branch", from)?;
                BranchEdit::Create { branch, from_branch, at_seq: members.opt_seq("at_seq")? }
            }
            _ => BranchEdit::Update {
                branch,
                status: status_member(&mut members)?,
                merged_into: merged_into_member(&mut members)?,
            },
        };
        members.finish()?;
        Ok(edit)
    }

    /// Which branch.
    pub fn branch(&self) -> &str {
        match self {
            BranchEdit::Create { branch, .. }
            | BranchEdit::Update { branch, .. }
            | BranchEdit::Restore { branch, .. } => branch,
        }
    }

    /// The branches that it names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let other = match self {
            BranchEdit::Create { from_branch, .. } => Some(from_branch.as_str()),
            BranchEdit::Update { merged_into, .. } => merged_into.as_deref(),
            BranchEdit::Restore { .. } => None,
        };
        [self.branch()].into_iter().chain(other)
    }

    /// The operation asked for.
    const fn op(&self) -> &'static str {
        match self {
            BranchEdit::Create { .. } => BranchOp::NAMES[0],
            BranchEdit::Update { .. } | BranchEdit::Restore { .. } => BranchOp::NAMES[1],
        }
    }

    /// The operation asked for, and the members that say what it is about.
    pub(super) fn outline(&self) -> (&'static str, Value) {
        (self.op(), json!({"branch": self.branch()}))
    }

    /// What identifies it in a repeated request.
    pub(super) fn fingerprint(&self) -> Value {
        match self {
            BranchEdit::Create { branch, from_branch, at_seq } => {
                json!([self.op(), branch, from_branch, at_seq])
            }
            BranchEdit::Update { branch, status, merged_into }
            | BranchEdit::Restore { branch, status, merged_into } => {
                json!([self.op(), branch, status, merged_into])
            }
        }
    }
}

/// What became of one edit, as the receipt tells it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BranchOutcome {
    /// `branch.create` or `branch.update`.
    pub op: Cow<'static, str>,
    /// Which branch.
    pub branch: String,
    /// `unchanged` or `changed`.
    pub status: Cow<'static, str>,
    /// What may be done to it now.
    pub branch_status: BranchStatus,
}

/// The result of [`apply`].
#[derive(Debug, Default)]
pub struct AppliedBranches {
    /// The operations that change something, in order.
    pub ops: Vec<BranchOp>,
    /// Their checksums.
    pub op_checksums: Vec<Hash>,
    /// One for each edit.
    pub outcomes: Vec<BranchOutcome>,
}

/// Applies edits to branches, which afterwards hold the new state. `newest` is the last bundle there is.
///
/// Errors: PT404 for a branch that is not there or was deleted; PT409 `duplicate` for a name that was given before; PT413 for a branch
/// below more others than `max_depth`; 22023 for a seq that the project has not reached, and for what cannot be done to main.
pub fn apply(
    branches: &mut BTreeMap<String, Branch>,
    edits: Vec<BranchEdit>,
    newest: Seq,
    max_depth: usize,
) -> Result<AppliedBranches> {
    let mut applied = AppliedBranches::default();
    for edit in edits {
        let op = match &edit {
            BranchEdit::Create { branch, from_branch, at_seq } => {
                create(branches, branch, from_branch, *at_seq, newest, max_depth)?
            }
            BranchEdit::Update { branch, status, merged_into } => {
                update(branches, branch, *status, merged_into.as_deref())?
            }
            BranchEdit::Restore { branch, status, merged_into } => {
                let made = branches.get_mut(branch).ok_or_else(|| no_branch(branch))?;
                set(branch, made, *status, merged_into.clone())
            }
        };
        let name = edit.branch().to_owned();
        let branch_status = branches.get(&name).ok_or_else(|| Error::internal("a branch is lost"))?.status;
        let status = if op.is_some() { "changed" } else { "unchanged" };
        applied.outcomes.push(BranchOutcome {
            op: edit.op().into(),
            branch: name,
            status: status.into(),
            branch_status,
        });
        if let Some(op) = op {
            applied.op_checksums.push(op.checksum()?);
            applied.ops.push(op);
        }
    }
    Ok(applied)
}

fn create(
    branches: &mut BTreeMap<String, Branch>,
    branch: &str,
    from_branch: &str,
    at_seq: Option<Seq>,
    newest: Seq,
    max_depth: usize,
) -> Result<Option<BranchOp>> {
    if branch == DocKey::MAIN || branches.contains_key(branch) {
        return Err(Error::conflict(Reason::Duplicate, "there is or was a branch of this name")
            .with("branch", shorten(branch))
            .hint("choose another name: those of deleted branches are not given again"));
    }
    let mut depth = 1;
    let mut below = from_branch;
    while below != DocKey::MAIN {
        // Who begins with a branch begins with what became of it; deleted ones further down are still what they were.
        let is_there = |parent: &&Branch| depth > 1 || parent.status != BranchStatus::Deleted;
        below = &branches.get(below).filter(is_there).ok_or_else(|| no_branch(below))?.from_branch;
        depth += 1;
        if depth > max_depth.min(branches.len() + 1) {
            break;
        }
    }
    if depth > max_depth.min(branches.len() + 1) {
        return Err(Error::limit("the branch begins with too many others, one above the other", max_depth)
            .with("setting", "quire.max_branch_depth")
            .with("branch", shorten(branch)));
    }
    let at_seq = at_seq.unwrap_or(newest);
    if !(Seq::ZERO..=newest).contains(&at_seq) {
        return Err(Error::validation(format!("at_seq must be from 0 to {newest}"))
            .with("argument", "at_seq")
            .with("seq", newest));
    }
    let made =
        Branch { from_branch: from_branch.to_owned(), at_seq, status: BranchStatus::Open, merged_into: None };
    branches.insert(branch.to_owned(), made);
    let (branch, from_branch) = (branch.to_owned(), from_branch.to_owned());
    Ok(Some(BranchOp::Create { branch, from_branch, at_seq }))
}

fn update(
    branches: &mut BTreeMap<String, Branch>,
    branch: &str,
    status: BranchStatus,
    merged_into: Option<&str>,
) -> Result<Option<BranchOp>> {
    if branch == DocKey::MAIN {
        return Err(Error::validation("main stays open").with("argument", "branch"));
    }
    if let Some(into) = merged_into {
        if into == branch {
            return Err(
                Error::validation("a branch is not merged into itself").with("argument", "merged_into")
            );
        }
        let is_there = |made: &Branch| made.status != BranchStatus::Deleted;
        if into != DocKey::MAIN && !branches.get(into).is_some_and(is_there) {
            return Err(no_branch(into));
        }
    }
    let made = branches.get_mut(branch).filter(|made| made.status != BranchStatus::Deleted);
    let made = made.ok_or_else(|| no_branch(branch))?;
    let merged_into = merged_into.map(str::to_owned);
    let is_closed_otherwise = made.status == BranchStatus::Closed && merged_into != made.merged_into;
    if status == BranchStatus::Closed && is_closed_otherwise {
        return Err(closed(branch));
    }
    let merged_into = match status {
        BranchStatus::Open => None,
        BranchStatus::Closed => merged_into,
        // Who deletes a branch that was merged does not unsay that.
        BranchStatus::Deleted => merged_into.or_else(|| made.merged_into.clone()),
    };
    Ok(set(branch, made, status, merged_into))
}

/// Makes a branch so; the operation that it was, if that changed something.
fn set(
    branch: &str,
    made: &mut Branch,
    status: BranchStatus,
    merged_into: Option<String>,
) -> Option<BranchOp> {
    if (made.status, &made.merged_into) == (status, &merged_into) {
        return None;
    }
    (made.status, made.merged_into) = (status, merged_into.clone());
    Some(BranchOp::Update { branch: branch.to_owned(), status, merged_into })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::op::Op;

    fn create(branch: &str, from_branch: &str, at_seq: Option<i64>) -> BranchEdit {
        let (branch, from_branch) = (branch.to_owned(), from_branch.to_owned());
        BranchEdit::Create { branch, from_branch, at_seq: at_seq.map(Seq) }
    }

    fn set(branch: &str, status: BranchStatus, merged_into: Option<&str>) -> BranchEdit {
        let merged_into = merged_into.map(str::to_owned);
        BranchEdit::Update { branch: branch.to_owned(), status, merged_into }
    }

    fn restore(branch: &str, status: BranchStatus, merged_into: Option<&str>) -> BranchEdit {
        let merged_into = merged_into.map(str::to_owned);
        BranchEdit::Restore { branch: branch.to_owned(), status, merged_into }
    }

    #[test]
    fn its_operations_make_what_its_edits_make() {
        let mut branches = BTreeMap::new();
        let edits = vec![
            create("a", "main", None),
            create("b", "a", Some(3)),
            set("a", BranchStatus::Closed, Some("main")),
            set("a", BranchStatus::Closed, Some("main")),
            set("b", BranchStatus::Deleted, None),
            restore("b", BranchStatus::Open, None),
            restore("b", BranchStatus::Closed, Some("nowhere")),
        ];
        let applied = apply(&mut branches, edits, Seq(7), 5).expect("applies");
        let statuses: Vec<&str> = applied.outcomes.iter().map(|done| done.status.as_ref()).collect();
        assert_eq!(statuses, ["changed", "changed", "changed", "unchanged", "changed", "changed", "changed"]);
        assert_eq!(branches["a"].at_seq, Seq(7));
        let mut state = State::default();
        for op in applied.ops {
            let op = Op::Branch(op);
            assert_eq!(state.apply(Seq(8), &op), Ok(()));
            assert_eq!(Op::parse("op", &op.form().expect("a form")), Ok(op));
        }
        assert_eq!(state.branches, branches);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |edits: Vec<BranchEdit>| {
            apply(&mut BTreeMap::new(), edits, Seq(7), 2).expect_err("refused").code()
        };
        let open = || create("a", "main", None);
        for (last, code) in [
            (create("a", "main", None), Code::Conflict),
            (create("main", "a", None), Code::Conflict),
            (create("b", "nowhere", None), Code::NotFound),
            (create("b", "main", Some(8)), Code::Validation),
            (create("b", "main", Some(-1)), Code::Validation),
            (set("main", BranchStatus::Closed, None), Code::Validation),
            (set("a", BranchStatus::Closed, Some("a")), Code::Validation),
            (set("a", BranchStatus::Closed, Some("nowhere")), Code::NotFound),
            (set("nowhere", BranchStatus::Closed, None), Code::NotFound),
        ] {
            assert_eq!(refused(vec![open(), last.clone()]), code, "{last:?}");
        }
        let deep = vec![open(), create("b", "a", None), create("c", "b", None)];
        assert_eq!(refused(deep), Code::Limit);
        let closed = set("a", BranchStatus::Closed, None);
        assert_eq!(refused(vec![open(), closed, set("a", BranchStatus::Closed, Some("main"))]), Code::Locked);
        let deleted = set("a", BranchStatus::Deleted, None);
        assert_eq!(refused(vec![open(), deleted.clone(), create("b", "a", None)]), Code::NotFound);
        for status in [BranchStatus::Open, BranchStatus::Closed, BranchStatus::Deleted] {
            assert_eq!(refused(vec![open(), deleted.clone(), set("a", status, None)]), Code::NotFound);
        }
        let mut circle: BTreeMap<String, Branch> = BTreeMap::new();
        apply(&mut circle, vec![open()], Seq(7), 5).expect("applies");
        circle.get_mut("a").expect("a branch").from_branch = "a".into();
        let error = apply(&mut circle, vec![create("b", "a", None)], Seq(7), 100).expect_err("refused");
        assert_eq!(error.code(), Code::Limit);
    }

    #[test]
    fn what_operations_cannot_do_is_impossible() {
        let mut state = State::default();
        let (branch, from_branch) = ("a".to_owned(), "main".to_owned());
        let made = BranchOp::Create { branch, from_branch, at_seq: Seq(1) };
        assert!(BranchOp::making("a", None).apply(&mut state).is_err());
        assert_eq!(made.apply(&mut state), Ok(()));
        assert!(made.apply(&mut state).is_err());
        let of_none = BranchOp::Create { branch: "b".into(), from_branch: "c".into(), at_seq: Seq(1) };
        assert!(of_none.apply(&mut state).is_err());
    }
}
