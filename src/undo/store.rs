//! SQL of undo.

use crate::db;
use crate::error::Result;
use crate::ids::{ActorId, ProjectId, Seq};
use crate::pure::undo::Step;
use pgrx::datum::TimestampWithTimeZone;

/// All pairs of a bundle and the one it takes back.
pub fn pairs(project: ProjectId) -> Result<Vec<(Seq, Seq)>> {
    const SQL: &str = "SELECT b.seq, b.undoes_seq FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.undoes_seq IS NOT NULL";
    db::read(SQL, &[project.pg().into()], |row| Ok((row.get(1)?, row.get(2)?)))
}

/// Bundles of an actor before a seq, newest first.
pub fn own(project: ProjectId, actor: ActorId, before: Seq, limit: i64) -> Result<Vec<(Seq, Step)>> {
    const SQL: &str = "SELECT b.seq, b.kind FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.seq < $2 AND b.actor_id = $3 AND b.kind <> 'system'
        ORDER BY b.seq DESC LIMIT $4";
    db::read(SQL, &[project.pg().into(), before.into(), actor.pg().into(), limit.into()], |row| {
        let step = match row.get::<&str>(2)? {
            "undo" => Step::Undo,
            "redo" => Step::Redo,
            _ => Step::Edit,
        };
        Ok((row.get(1)?, step))
    })
}

/// Kind of a bundle.
pub fn kind(project: ProjectId, seq: Seq) -> Result<Option<String>> {
    const SQL: &str = "SELECT b.kind FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = $2";
    db::read_one(SQL, &[project.pg().into(), seq.into()], |row| row.get(1))
}

/// One row of `list_undoable`.
pub type Listed =
    (i64, String, Option<String>, i32, TimestampWithTimeZone, String, Option<i64>, Option<String>);

/// Edits of an actor, newest first; `state` says of each what takes it back now, and whether it is next to be undone or
/// redone.
pub fn list(
    project: ProjectId,
    actor: ActorId,
    limit: i64,
    state: impl Fn(Seq) -> (Option<Seq>, Option<&'static str>),
) -> Result<Vec<Listed>> {
    const SQL: &str = "SELECT b.seq, b.kind, b.message, b.op_count, b.committed_at FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.actor_id = $2 AND b.kind NOT IN ('system', 'undo', 'redo')
        ORDER BY b.seq DESC LIMIT $3";
    db::read(SQL, &[project.pg().into(), actor.pg().into(), limit.into()], |row| {
        let seq = row.get(1)?;
        let (undone_by, next) = state(seq);
        let word = if undone_by.is_some() { "undone" } else { "done" };
        Ok((
            seq,
            row.get(2)?,
            row.opt(3)?,
            row.get(4)?,
            row.get(5)?,
            word.to_owned(),
            undone_by,
            next.map(str::to_owned),
        ))
    })
}
