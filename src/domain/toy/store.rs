//! SQL of toys.

use super::Toys;
use crate::db::{self, Arg};
use crate::domain::interface::{Logged, StoredOp, Stray, Written, found, key_text};
use crate::ids::{Pg, ProjectId, Seq};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::op::toy::ToyOp;
use quire_core::op::{Change, Op, State, Topic, Write};
use quire_core::quarantine::RowKind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Toys as they are.
pub fn current(project: ProjectId) -> Result<BTreeMap<String, String>> {
    const SQL: &str = "SELECT t.toy, t.text FROM quire_store.toy t WHERE t.project_id = $1";
    let toys = db::read(SQL, &[project.pg().into()], |row| Ok((row.get("toy")?, row.get("text")?)))?;
    Ok(toys.into_iter().collect())
}

/// The bundles that made toys what they are, or took them away.
pub fn made_by(project: ProjectId) -> Result<HashMap<String, Seq>> {
    const SQL: &str = "SELECT o.toy, max(o.bundle_seq) AS seq FROM quire_store.toy_op o WHERE o.project_id = $1 GROUP BY o.toy";
    let made = db::write(SQL, &[project.pg().into()], |row| Ok((row.get("toy")?, row.get("seq")?)))?;
    Ok(made.into_iter().collect())
}

/// Operations after a seq and up to another, in log order, each with its row's ordinal; those that rows make.
pub fn ops(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, i32, Option<ToyOp>)>> {
    const SQL: &str = "SELECT o.bundle_seq, o.ordinal, o.op, o.toy, o.text FROM quire_store.toy_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        ORDER BY o.bundle_seq, o.ordinal";
    db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
        let op = op_of(row.get("op")?, row.get("toy")?, row.opt("text")?);
        Ok((row.get("bundle_seq")?, row.get("ordinal")?, op))
    })
}

fn op_of(op: &str, toy: String, text: Option<String>) -> Option<ToyOp> {
    match (op, text) {
        ("toy.set", Some(text)) => Some(ToyOp::Set { toy, text }),
        ("toy.unset", None) => Some(ToyOp::Unset { toy }),
        _ => None,
    }
}

/// Stores an operation, and what it makes of the toy.
pub fn insert(project: ProjectId, seq: Seq, ordinal: i32, op: &ToyOp, checksum: &Hash) -> Result<()> {
    const LOG: &str =
        "INSERT INTO quire_store.toy_op (project_id, bundle_seq, ordinal, op, toy, text, op_checksum)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    const SET: &str = "INSERT INTO quire_store.toy (project_id, toy, text, seq) VALUES ($1, $2, $3, $4)
        ON CONFLICT (project_id, toy) DO UPDATE SET text = EXCLUDED.text, seq = EXCLUDED.seq";
    const UNSET: &str = "DELETE FROM quire_store.toy WHERE project_id = $1 AND toy = $2";
    let text = op.text().map(String::as_str);
    let args: [Arg; 7] = [
        project.pg().into(),
        seq.pg().into(),
        ordinal.into(),
        op.name().into(),
        op.toy().into(),
        text.into(),
        checksum.as_bytes().as_slice().into(),
    ];
    db::exec(LOG, &args)?;
    match text {
        Some(text) => db::exec(SET, &[project.pg().into(), op.toy().into(), text.into(), seq.pg().into()]),
        None => db::exec(UNSET, &[project.pg().into(), op.toy().into()]),
    }
}

/// What a bundle did to a toy; `None` where it is not there.
pub struct Touched {
    pub toy: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub now: Option<String>,
    /// Bundle that made it what it is now.
    pub seq: Seq,
}

/// The toys a bundle touched.
pub fn touched_by(project: ProjectId, seq: Seq) -> Result<Vec<Touched>> {
    let (now, made_by) = (current(project)?, made_by(project)?);
    let (mut before, mut after) = (State::default(), State::default());
    add_state_at(project, seq.before(), &mut before)?;
    add_state_at(project, seq, &mut after)?;
    let touched = after.difference(&before).into_iter().filter_map(|change| match change {
        Change::Toy(toy, before) => Some(Touched {
            after: after.toys.get(&toy).cloned(),
            now: now.get(&toy).cloned(),
            seq: made_by.get(&toy).copied().unwrap_or(seq),
            before,
            toy,
        }),
        _ => None,
    });
    Ok(touched.collect())
}

/// Adds what toys say at a seq.
pub fn add_state_at(project: ProjectId, seq: Seq, state: &mut State) -> Result<()> {
    const SQL: &str = "SELECT DISTINCT ON (o.toy) o.toy, o.text FROM quire_store.toy_op o
        WHERE o.project_id = $1 AND o.bundle_seq <= $2
        ORDER BY o.toy, o.bundle_seq DESC, o.ordinal DESC";
    let toys: Vec<(String, Option<String>)> =
        db::read(SQL, &[project.pg().into(), seq.pg().into()], |row| {
            Ok((row.get("toy")?, row.opt("text")?))
        })?;
    state.toys.extend(toys.into_iter().filter_map(|(toy, text)| Some((toy, text?))));
    Ok(())
}

impl Logged for Toys {
    fn logged_kind(&self) -> RowKind {
        RowKind::Logged(Topic::Toy)
    }

    fn logged(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>> {
        const SQL: &str =
            "SELECT o.bundle_seq, o.ordinal, o.op, o.toy, o.text, o.op_checksum FROM quire_store.toy_op o
            WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
            ORDER BY o.bundle_seq, o.ordinal";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let op = op_of(row.get("op")?, row.get("toy")?, row.opt("text")?).map(Op::Toy);
            let stored = row.hash_if_any("op_checksum")?;
            let ordinal = row.get("ordinal")?;
            Ok((row.get("bundle_seq")?, StoredOp { ordinal, kind: RowKind::Logged(Topic::Toy), op, stored }))
        })
    }

    fn written(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<Written>> {
        const SQL: &str = "SELECT o.bundle_seq, o.ordinal, b.bundle_id, o.toy, o.text FROM quire_store.toy_op o
            LEFT JOIN LATERAL (
                SELECT p.bundle_seq FROM quire_store.toy_op p
                WHERE p.project_id = $1 AND p.toy = o.toy AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
                ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p ON true
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
            WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let change = Change::Toy(row.get("toy")?, row.opt("text")?);
            let base = row.opt("bundle_id")?;
            Ok(Written {
                seq: row.get("bundle_seq")?,
                ordinal: row.get("ordinal")?,
                write: Write { change, base },
            })
        })
    }

    fn add_state_at(&self, project: ProjectId, seq: Seq, state: &mut State) -> Result<()> {
        add_state_at(project, seq, state)
    }

    fn add_current_state(&self, project: ProjectId, state: &mut State) -> Result<()> {
        state.toys.extend(current(project)?);
        Ok(())
    }

    fn strays(&self, project: ProjectId) -> Result<Vec<Stray>> {
        const SQL: &str = "SELECT t.toy, p.bundle_seq, t::text AS found FROM quire_store.toy t
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.toy_op o WHERE o.project_id = $1 AND o.toy = t.toy
                ORDER BY o.bundle_seq DESC, o.ordinal DESC LIMIT 1) p ON true
            WHERE t.project_id = $1 AND (p.text, p.bundle_seq) IS DISTINCT FROM (t.text, t.seq)
            ORDER BY t.toy";
        db::read(SQL, &[project.pg().into()], |row| {
            let toy: String = row.get("toy")?;
            Ok(Stray {
                kind: RowKind::Current(Topic::Toy),
                description: format!("toy {toy} is not what its newest operation says"),
                key: json!({"toy": toy}),
                seq: row.opt("bundle_seq")?,
                found: found(row)?,
            })
        })
    }

    fn repair_op(&self, project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.toy_op SET op = $4, toy = $5, text = $6
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        let Op::Toy(op) = op else { return Err(Error::internal("this is no operation on a toy")) };
        let place: [Arg; 3] = [project.pg().into(), seq.pg().into(), ordinal.into()];
        let values: [Arg; 3] = [op.name().into(), op.toy().into(), op.text().map(String::as_str).into()];
        db::exec(SQL, &place.into_iter().chain(values).collect::<Vec<_>>())
    }

    fn repair_op_checksum(&self, project: ProjectId, seq: Seq, ordinal: i32, right: &Hash) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.toy_op SET op_checksum = $4
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        db::exec(
            SQL,
            &[project.pg().into(), seq.pg().into(), ordinal.into(), right.as_bytes().as_slice().into()],
        )
    }

    fn repair_current(&self, project: ProjectId, key: &Value) -> Result<bool> {
        const SQL: &str = "INSERT INTO quire_store.toy (project_id, toy, text, seq)
            SELECT $1, p.toy, p.text, p.bundle_seq
            FROM (SELECT * FROM quire_store.toy_op o WHERE o.project_id = $1 AND o.toy = $2
                  ORDER BY o.bundle_seq DESC, o.ordinal DESC LIMIT 1) p
            WHERE p.text IS NOT NULL
            ON CONFLICT (project_id, toy) DO UPDATE SET text = EXCLUDED.text, seq = EXCLUDED.seq
            RETURNING true";
        let args: [Arg; 2] = [project.pg().into(), key_text(key, "toy")?.into()];
        db::writes(SQL, &args)
    }

    fn delete_logged(&self, project: ProjectId) -> Result<()> {
        db::exec("DELETE FROM quire_store.toy_op WHERE project_id = $1", &[project.pg().into()])
    }
}
