//! SQL of branches.

use super::Branches;
use crate::db::clock::from_pg;
use crate::db::{self, Answer, Arg, Row};
use crate::domain::interface::{Logged, StoredOp, Stray, Written, found, key_text};
use crate::ids::{ActorId, Pg, ProjectId, Seq};
use crate::log::store::mark;
use pgrx::datum::TimestampWithTimeZone;
use quire_core::branch::{Branch, BranchStatus, Lineage};
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::key::DocKey;
use quire_core::op::{BranchOp, Op, State, Topic, Write};
use quire_core::quarantine::RowKind;
use quire_core::text::shorten;
use quire_core::timestamp::rfc3339;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A branch and those that it begins with, whatever may be done to it; `None` when it was never there.
pub fn lineage(project: ProjectId, branch: &str) -> Result<Option<Lineage>> {
    match branch {
        DocKey::MAIN => Ok(Some(Lineage::main())),
        _ => Ok(Lineage::along(&branches(project, vec![branch.to_owned()])?, branch)),
    }
}

fn status(row: &Row) -> Result<BranchStatus> {
    BranchStatus::parse(row.get("status")?).ok_or_else(|| {
        Error::new(Code::Corrupt, "a stored branch has an unknown status")
            .hint("verify_project finds out which, and repair brings it back")
    })
}

/// Some branches and those that they begin with, as they are.
pub fn branches(project: ProjectId, names: Vec<String>) -> Result<BTreeMap<String, Branch>> {
    const SQL: &str = "WITH RECURSIVE line AS (
            SELECT w.branch COLLATE \"C\" FROM unnest($2::text[]) AS w (branch)
            UNION
            SELECT p.from_branch FROM line l
            CROSS JOIN LATERAL (
                SELECT * FROM quire_store.branch p WHERE p.project_id = $1 AND p.branch = l.branch OFFSET 0) p)
        SELECT b.branch, b.from_branch, b.at_seq, b.status, b.merged_into FROM line l
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.branch s WHERE s.project_id = $1 AND s.branch = l.branch OFFSET 0) b";
    let found = db::read(SQL, &[project.pg().into(), names.into()], named)?;
    Ok(found.into_iter().collect())
}

fn named(row: &Row) -> Result<(String, Branch)> {
    let branch = Branch {
        from_branch: row.get("from_branch")?,
        at_seq: row.get("at_seq")?,
        status: status(row)?,
        merged_into: row.opt("merged_into")?,
    };
    Ok((row.get("branch")?, branch))
}

/// A branch, and the bundles that made it and that made it so.
#[derive(PartialEq)]
pub struct MadeBranch {
    pub branch: Branch,
    pub created: Seq,
    pub seq: Seq,
}

/// What the row of a branch tells, and the row as a whole; `None` when it makes no branch.
struct BranchRow {
    made: Option<MadeBranch>,
    found: Option<Hash>,
}

/// All branches but main as their rows tell.
fn current(project: ProjectId) -> Result<BTreeMap<String, BranchRow>> {
    const SQL: &str = "SELECT b.branch, b.from_branch, b.at_seq, b.status, b.merged_into, b.created_seq, b.seq, b::text AS found
        FROM quire_store.branch b WHERE b.project_id = $1";
    let found = db::read(SQL, &[project.pg().into()], |row| {
        let made = match BranchStatus::parse(row.get("status")?) {
            None => None,
            Some(_) => {
                let (_, branch) = named(row)?;
                Some(MadeBranch { branch, created: row.get("created_seq")?, seq: row.get("seq")? })
            }
        };
        Ok((row.get("branch")?, BranchRow { made, found: found(row)? }))
    })?;
    Ok(found.into_iter().collect())
}

/// The newest bundle of somebody else than who made a branch that wrote on it.
pub fn written_by_others(project: ProjectId, branch: &str, created: Seq) -> Result<Option<Seq>> {
    const SQL: &str = "SELECT o.bundle_seq FROM quire_store.doc_op o
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = o.bundle_seq OFFSET 0) u
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = $3 OFFSET 0) c
        WHERE o.project_id = $1 AND o.branch = $2 AND u.actor_id <> c.actor_id
        ORDER BY o.bundle_seq DESC LIMIT 1";
    db::read_one(SQL, &[project.pg().into(), branch.into(), created.pg().into()], |row| row.get("bundle_seq"))
}

/// Stores an operation, and what it makes of the branch.
pub fn insert(project: ProjectId, seq: Seq, ordinal: i32, op: &BranchOp, checksum: &Hash) -> Result<()> {
    const LOG: &str =
        "INSERT INTO quire_store.branch_op (project_id, bundle_seq, ordinal, op, branch, from_branch, at_seq,
            status, merged_into, op_checksum)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    const CREATE: &str =
        "INSERT INTO quire_store.branch (project_id, branch, from_branch, at_seq, status, created_seq, seq)
        VALUES ($1, $2, $3, $4, 'open', $5, $5)";
    const UPDATE: &str = "UPDATE quire_store.branch SET status = $3, merged_into = $4, seq = $5
        WHERE project_id = $1 AND branch = $2";
    let args = [project.pg().into(), seq.pg().into(), ordinal.into()];
    let checksum: Arg = checksum.as_bytes().as_slice().into();
    db::exec(LOG, &args.into_iter().chain(columns(op)).chain([checksum]).collect::<Vec<_>>())?;
    match op {
        BranchOp::Create { branch, from_branch, at_seq } => {
            let args: [Arg; 5] = [
                project.pg().into(),
                branch.as_str().into(),
                from_branch.as_str().into(),
                at_seq.pg().into(),
                seq.pg().into(),
            ];
            db::exec(CREATE, &args)
        }
        BranchOp::Update { branch, status, merged_into } => {
            let args: [Arg; 5] = [
                project.pg().into(),
                branch.as_str().into(),
                status.as_str().into(),
                merged_into.as_deref().into(),
                seq.pg().into(),
            ];
            db::exec(UPDATE, &args)
        }
    }
}

/// The columns of an operation, from its name on.
fn columns(op: &BranchOp) -> [Arg<'_>; 6] {
    let (from_branch, at_seq, status, merged_into) = match op {
        BranchOp::Create { from_branch, at_seq, .. } => (Some(from_branch), Some(*at_seq), None, None),
        BranchOp::Update { status, merged_into, .. } => (None, None, Some(*status), merged_into.as_ref()),
    };
    [
        op.name().into(),
        op.branch().into(),
        from_branch.map(String::as_str).into(),
        at_seq.map(Pg::pg).into(),
        status.map(BranchStatus::as_str).into(),
        merged_into.map(String::as_str).into(),
    ]
}

/// The operation that a row makes, if it makes one.
fn op_of(row: &Row) -> Result<Option<BranchOp>> {
    let branch = row.get("branch")?;
    let (from_branch, at_seq) = (row.opt("from_branch")?, row.opt("at_seq")?);
    let status = row.opt::<&str>("status")?.map(BranchStatus::parse);
    let merged_into = row.opt("merged_into")?;
    Ok(match (row.get("op")?, from_branch, at_seq, status) {
        ("branch.create", Some(from_branch), Some(at_seq), None) if merged_into.is_none() => {
            Some(BranchOp::Create { branch, from_branch, at_seq })
        }
        ("branch.update", None, None, Some(Some(status))) => {
            Some(BranchOp::Update { branch, status, merged_into })
        }
        _ => None,
    })
}

/// An operation as its row tells.
struct Stored {
    seq: Seq,
    ordinal: i32,
    op: Option<BranchOp>,
    checksum: Option<Hash>,
}

fn stored(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<Stored>> {
    const SQL: &str =
        "SELECT o.bundle_seq, o.ordinal, o.op, o.branch, o.from_branch, o.at_seq, o.status, o.merged_into,
            o.op_checksum
        FROM quire_store.branch_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        ORDER BY o.bundle_seq, o.ordinal";
    db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
        let checksum = row.hash_if_any("op_checksum")?;
        Ok(Stored { seq: row.get("bundle_seq")?, ordinal: row.get("ordinal")?, op: op_of(row)?, checksum })
    })
}

/// Operations after a seq and up to another, in log order, as far as rows make some.
pub fn ops(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, BranchOp)>> {
    let stored = stored(project, after, up_to)?;
    Ok(stored.into_iter().filter_map(|stored| Some((stored.seq, stored.op?))).collect())
}

/// Whether every operation is what was logged.
pub fn is_log_sound(project: ProjectId) -> Result<bool> {
    let stored = stored(project, Seq::ZERO, Seq::MAX)?;
    let is_sound = |stored: &Stored| match &stored.op {
        Some(op) => Ok(stored.checksum == Some(op.checksum()?)),
        None => Ok(false),
    };
    stored.iter().try_fold(true, |all, stored| Ok(all && is_sound(stored)?))
}

/// What operations up to a seq make.
pub fn made_by(project: ProjectId, up_to: Seq) -> Result<BTreeMap<String, MadeBranch>> {
    let mut state = State::default();
    let mut seqs: BTreeMap<String, (Seq, Seq)> = BTreeMap::new();
    for (seq, op) in ops(project, Seq::ZERO, up_to)? {
        let branch = op.branch().to_owned();
        // What cannot be is found by whoever replays the log.
        if state.apply(seq, &Op::Branch(op)).is_ok() {
            seqs.entry(branch).or_insert((seq, seq)).1 = seq;
        }
    }
    let made = state.branches.into_iter().filter_map(|(name, branch)| {
        let (created, seq) = *seqs.get(&name)?;
        Some((name, MadeBranch { branch, created, seq }))
    });
    Ok(made.collect())
}

/// What is shown of a branch.
macro_rules! shown {
    () => {
        "d.branch, d.status, d.from_branch, d.at_seq, COALESCE(o.bundle_seq, d.at_seq, 0) AS head_seq, d.merged_into,
            d.created_seq, u.actor_id AS created_by, u.committed_at AS created_at"
    };
}

/// Of some branches, and of main where that holds; at most `$3`, by name.
macro_rules! of_branches {
    ($which:literal, $if_main:literal) => {
        concat!(
            " FROM (SELECT * FROM (
                SELECT s.branch, s.status, s.from_branch, s.at_seq, s.merged_into, s.created_seq, s.seq
                FROM quire_store.branch s WHERE s.project_id = $1 AND ",
            $which,
            " UNION ALL
                SELECT 'main', 'open', NULL, NULL, NULL, NULL, h.seq
                FROM quire_store.project_head h WHERE h.project_id = $1 AND ",
            $if_main,
            ") a
              ORDER BY a.branch LIMIT $3) d
        LEFT JOIN LATERAL (
            SELECT s.bundle_seq FROM quire_store.doc_op s WHERE s.project_id = $1 AND s.branch = d.branch
            ORDER BY s.bundle_seq DESC LIMIT 1) o ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = d.created_seq OFFSET 0) u ON true
        ORDER BY d.branch"
        )
    };
}

/// Fills an answer with branches that are not deleted, by name, those after one. main comes with them.
pub fn list(answer: &Answer, project: ProjectId, after: &str, most: i64) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT ",
        shown!(),
        ", ",
        mark!("d.seq"),
        of_branches!("s.branch > $2 AND s.status <> 'deleted'", "'main' COLLATE \"C\" > $2")
    );
    answer.add(SQL, &[project.pg().into(), after.into(), most.into()]).map(drop)
}

/// A branch as JSON, deleted or not.
pub fn described(project: ProjectId, branch: &str) -> Result<Option<Value>> {
    const SQL: &str = concat!("SELECT ", shown!(), of_branches!("s.branch = $2", "$2 = 'main'"));
    db::read_one(SQL, &[project.pg().into(), branch.into(), 1i64.into()], |row| {
        let at = row.opt::<TimestampWithTimeZone>("created_at")?.map(from_pg).map(rfc3339);
        Ok(json!({
            "branch": row.get::<String>("branch")?, "status": row.get::<String>("status")?,
            "from_branch": row.opt::<String>("from_branch")?, "at_seq": row.opt::<Seq>("at_seq")?, "head_seq": row.get::<Seq>("head_seq")?,
            "merged_into": row.opt::<String>("merged_into")?, "created_seq": row.opt::<Seq>("created_seq")?,
            "created_by": row.opt::<ActorId>("created_by")?, "created_at": at
        }))
    })
}

impl Logged for Branches {
    fn logged_kind(&self) -> RowKind {
        RowKind::Logged(Topic::Branch)
    }

    fn logged(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>> {
        let ops = stored(project, after, up_to)?.into_iter().map(|stored| {
            let Stored { seq, ordinal, op, checksum } = stored;
            let kind = RowKind::Logged(Topic::Branch);
            (seq, StoredOp { ordinal, kind, op: op.map(Op::Branch), stored: checksum })
        });
        Ok(ops.collect())
    }

    fn written(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<Written>> {
        let written = stored(project, after, up_to)?.into_iter().filter_map(|stored| {
            let change = stored.op?.change();
            Some(Written { seq: stored.seq, ordinal: stored.ordinal, write: Write { change, base: None } })
        });
        Ok(written.collect())
    }

    fn add_state_at(&self, project: ProjectId, seq: Seq, state: &mut State) -> Result<()> {
        let made = made_by(project, seq)?;
        state.branches.extend(made.into_iter().map(|(name, made)| (name, made.branch)));
        Ok(())
    }

    fn add_current_state(&self, project: ProjectId, state: &mut State) -> Result<()> {
        let rows = current(project)?;
        state.branches.extend(rows.into_iter().filter_map(|(name, row)| Some((name, row.made?.branch))));
        Ok(())
    }

    fn strays(&self, project: ProjectId) -> Result<Vec<Stray>> {
        let rows = current(project)?;
        let made = made_by(project, Seq::MAX)?;
        let strays = rows.iter().filter(|(name, row)| made.get(*name) != row.made.as_ref());
        let strays = strays.map(|(name, row)| Stray {
            kind: RowKind::Current(Topic::Branch),
            description: format!("branch {} is not what its operations make of it", shorten(name)),
            key: json!({"branch": name}),
            seq: made.get(name).or(row.made.as_ref()).map(|made| made.seq),
            found: row.found,
        });
        Ok(strays.collect())
    }

    fn repair_op(&self, project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.branch_op
            SET op = $4, branch = $5, from_branch = $6, at_seq = $7, status = $8, merged_into = $9
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        let Op::Branch(op) = op else { return Err(Error::internal("this is no operation on a branch")) };
        let place = [project.pg().into(), seq.pg().into(), ordinal.into()];
        db::exec(SQL, &place.into_iter().chain(columns(op)).collect::<Vec<_>>())
    }

    fn repair_op_checksum(&self, project: ProjectId, seq: Seq, ordinal: i32, right: &Hash) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.branch_op SET op_checksum = $4
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        db::exec(
            SQL,
            &[project.pg().into(), seq.pg().into(), ordinal.into(), right.as_bytes().as_slice().into()],
        )
    }

    fn repair_current(&self, project: ProjectId, key: &Value) -> Result<bool> {
        const SQL: &str =
            "INSERT INTO quire_store.branch (project_id, branch, from_branch, at_seq, status, merged_into,
                created_seq, seq)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (project_id, branch) DO UPDATE
            SET from_branch = EXCLUDED.from_branch, at_seq = EXCLUDED.at_seq, status = EXCLUDED.status,
                merged_into = EXCLUDED.merged_into, created_seq = EXCLUDED.created_seq, seq = EXCLUDED.seq
            RETURNING true";
        let name = key_text(key, "branch")?;
        let made = made_by(project, Seq::MAX)?.remove(name);
        let Some(MadeBranch { branch, created, seq }) = made else { return Ok(false) };
        let args: [Arg; 8] = [
            project.pg().into(),
            name.into(),
            branch.from_branch.as_str().into(),
            branch.at_seq.pg().into(),
            branch.status.as_str().into(),
            branch.merged_into.as_deref().into(),
            created.pg().into(),
            seq.pg().into(),
        ];
        db::writes(SQL, &args)
    }

    fn delete_logged(&self, project: ProjectId) -> Result<()> {
        db::exec("DELETE FROM quire_store.branch_op WHERE project_id = $1", &[project.pg().into()])
    }
}
