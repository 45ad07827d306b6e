//! SQL of undo.

use crate::db;
use crate::ids::{ActorId, Pg, ProjectId, Seq};
use pgrx::datum::TimestampWithTimeZone;
use quire_core::error::Result;
use quire_core::undo::{Own, Step};

/// What takes some bundles back, what takes that back, and so on: pairs of a bundle and the one it takes back, oldest
/// first.
pub fn pairs(project: ProjectId, of: Vec<Seq>) -> Result<Vec<(Seq, Seq)>> {
    const SQL: &str = "WITH RECURSIVE pair (seq, undoes_seq) AS (
            SELECT u.seq, w.seq
            FROM unnest($2::bigint[]) AS w (seq)
            CROSS JOIN LATERAL (
                SELECT b.seq FROM quire_store.bundle b WHERE b.project_id = $1 AND b.undoes_seq = w.seq OFFSET 0) u
            UNION
            SELECT u.seq, p.seq
            FROM pair p
            CROSS JOIN LATERAL (
                SELECT b.seq FROM quire_store.bundle b WHERE b.project_id = $1 AND b.undoes_seq = p.seq OFFSET 0) u)
        SELECT seq, undoes_seq FROM pair ORDER BY seq";
    let of: Vec<i64> = of.into_iter().map(Pg::pg).collect();
    db::read(SQL, &[project.pg().into(), of.into()], |row| Ok((row.get("seq")?, row.get("undoes_seq")?)))
}

/// All pairs of a bundle and the one it takes back.
pub fn all_pairs(project: ProjectId) -> Result<Vec<(Seq, Seq)>> {
    const SQL: &str = "SELECT b.seq, b.undoes_seq FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.undoes_seq IS NOT NULL";
    db::read(SQL, &[project.pg().into()], |row| Ok((row.get("seq")?, row.get("undoes_seq")?)))
}

/// Up to where bundles were taken back out of their author's order: by a revert, or in another database.
pub fn in_order_after(project: ProjectId) -> Result<Seq> {
    const SQL: &str = "SELECT h.in_order_after FROM quire_store.project_head h WHERE h.project_id = $1";
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.get("in_order_after"))?.unwrap_or(Seq::ZERO))
}

/// Bundles of an actor before a seq, newest first.
pub fn own(project: ProjectId, actor: ActorId, before: Seq, limit: i64) -> Result<Vec<Own>> {
    const SQL: &str = "SELECT b.seq, b.kind, b.undoes_seq,
            (SELECT u.undoes_seq FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = b.undoes_seq) AS gives_back
        FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.seq < $2 AND b.actor_id = $3 AND b.kind <> 'system'
        ORDER BY b.seq DESC LIMIT $4";
    db::read(SQL, &[project.pg().into(), before.pg().into(), actor.pg().into(), limit.into()], |row| {
        let step = match row.get::<&str>("kind")? {
            "undo" => Step::Undo,
            "redo" => Step::Redo,
            _ => Step::Edit,
        };
        Ok(Own {
            seq: row.get("seq")?,
            step,
            undoes: row.opt("undoes_seq")?,
            gives_back: row.opt("gives_back")?,
        })
    })
}

/// Kind of a bundle.
pub fn kind(project: ProjectId, seq: Seq) -> Result<Option<String>> {
    const SQL: &str = "SELECT b.kind FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = $2";
    db::read_one(SQL, &[project.pg().into(), seq.pg().into()], |row| row.get("kind"))
}

/// An edit, as `list_undoable` tells of it.
pub struct UndoableBundle {
    pub seq: Seq,
    pub kind: String,
    pub message: Option<String>,
    pub op_count: i32,
    pub committed_at: TimestampWithTimeZone,
}

/// Edits of an actor, newest first: those before a seq, or all.
pub fn edits(
    project: ProjectId,
    actor: ActorId,
    before: Option<Seq>,
    limit: i64,
) -> Result<Vec<UndoableBundle>> {
    const SQL: &str = "SELECT b.seq, b.kind, b.message, b.op_count, b.committed_at FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.actor_id = $2 AND b.kind NOT IN ('system', 'undo', 'redo')
          AND b.seq < COALESCE($4, 9223372036854775807)
        ORDER BY b.seq DESC LIMIT $3";
    db::read(SQL, &[project.pg().into(), actor.pg().into(), limit.into(), before.map(Pg::pg).into()], |row| {
        Ok(UndoableBundle {
            seq: row.get("seq")?,
            kind: row.get("kind")?,
            message: row.opt("message")?,
            op_count: row.get("op_count")?,
            committed_at: row.get("committed_at")?,
        })
    })
}
