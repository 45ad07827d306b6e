//! SQL of the event log and of subscriptions.

pub mod channel;

use crate::db::clock::{from_pg, pg_now};
use crate::db::{self, Arg};
use crate::ids::{ActorId, ProjectId, Seq};
use crate::log::store::from_peer;
use pgrx::{JsonB, Uuid};
use quire_core::error::Result;
use quire_core::event::FieldChange;
use quire_core::hash::Hash;
use quire_core::mark::Mark;
use quire_core::timestamp::Micros;
use serde_json::Value;
use std::collections::BTreeMap;

/// A bundle, as the event log needs it.
pub struct LoggedBundle {
    pub seq: Seq,
    pub mark: Mark,
    pub actor: ActorId,
    pub committed_at: Micros,
    /// The peer it came from.
    pub from_peer: Option<String>,
    pub op_count: i32,
    /// The operation of a bundle that changes no file.
    pub other: Option<Value>,
}

/// The next bundles after a seq.
pub fn bundles_after(project: ProjectId, after: Seq, limit: i64) -> Result<Vec<LoggedBundle>> {
    const SQL: &str = concat!(
        "SELECT u.seq, u.checksum, u.actor_id, u.committed_at, u.op_count,
            CASE WHEN u.kind = 'system' THEN u.details -> 'op' END, ",
        from_peer!("u.bundle_id"),
        "
        FROM quire_store.bundle u
        WHERE u.project_id = $1 AND u.seq > $2
        ORDER BY u.seq
        LIMIT $3"
    );
    db::read(SQL, &[project.pg().into(), after.into(), limit.into()], |row| {
        Ok(LoggedBundle {
            seq: row.get(1)?,
            mark: Mark::of(&Hash::from_bytes(row.get::<&[u8]>(2)?)?),
            actor: ActorId::from_pg(row.get::<Uuid>(3)?),
            committed_at: from_pg(row.get(4)?),
            op_count: row.get(5)?,
            other: row.opt::<JsonB>(6)?.map(|op| op.0),
            from_peer: row.opt(7)?,
        })
    })
}

/// One changed path of a bundle.
pub struct LoggedChange {
    pub seq: Seq,
    pub path: String,
    pub version: i32,
    pub content_hash: Option<Hash>,
    pub size: i64,
    pub file_type: String,
    pub mode: String,
    pub is_binary: bool,
    pub moved_from: Option<String>,
    /// Whether its content goes into the answer.
    pub travels: bool,
}

/// Changes after a seq and up to another, in log order; what a move leaves comes before what it makes.
pub fn changes(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<LoggedChange>> {
    const SQL: &str =
        "SELECT f.bundle_seq, h.file_path, f.version, f.content_hash, f.size, f.file_type, f.mode,
            f.is_binary,
            CASE WHEN f.op = 'file.move' AND NOT f.is_deleted THEN
                (SELECT m.file_path FROM quire_store.file_head m
                 WHERE m.project_id = $1 AND m.file_id = f.moved_file_id) END
        FROM quire_store.project_files f
        CROSS JOIN LATERAL (
            SELECT p.file_path FROM quire_store.file_head p
            WHERE p.project_id = $1 AND p.file_id = f.file_id OFFSET 0) h
        WHERE f.project_id = $1 AND f.bundle_seq > $2 AND f.bundle_seq <= $3
        ORDER BY f.bundle_seq, f.ordinal, f.is_deleted DESC";
    db::read(SQL, &[project.pg().into(), after.into(), up_to.into()], |row| {
        Ok(LoggedChange {
            seq: row.get(1)?,
            path: row.get(2)?,
            version: row.get(3)?,
            content_hash: row.opt::<&[u8]>(4)?.map(Hash::from_bytes).transpose()?,
            size: row.get(5)?,
            file_type: row.get(6)?,
            mode: row.get(7)?,
            is_binary: row.get(8)?,
            moved_from: row.opt(9)?,
            travels: false,
        })
    })
}

/// Bytes of the field values that each bundle after a seq and up to another wrote; of those that wrote any.
pub fn field_bytes(project: ProjectId, after: Seq, up_to: Seq) -> Result<BTreeMap<Seq, i64>> {
    const SQL: &str = "SELECT o.bundle_seq, sum(o.size) FROM quire_store.entity_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        GROUP BY o.bundle_seq";
    let args: [Arg; 3] = [project.pg().into(), after.into(), up_to.into()];
    Ok(db::read(SQL, &args, |row| Ok((row.get(1)?, row.get(2)?)))?.into_iter().collect())
}

/// Changes of fields after a seq and up to another, in log order.
pub fn field_changes(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, FieldChange)>> {
    const SQL: &str = "SELECT o.bundle_seq, o.op, o.entity_type, o.entity_id, o.field, o.value
        FROM quire_store.entity_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        ORDER BY o.bundle_seq, o.ordinal, o.part";
    db::read(SQL, &[project.pg().into(), after.into(), up_to.into()], |row| {
        let change = FieldChange {
            op: row.get(2)?,
            entity_type: row.get(3)?,
            entity_id: row.get(4)?,
            field: row.get(5)?,
            value: row.opt::<JsonB>(6)?.map(|value| value.0),
        };
        Ok((row.get(1)?, change))
    })
}

/// Hands a message to Supabase Realtime; why that failed, if it did.
pub fn send_to_supabase(topic: &str, event: &str, message: Value) -> Result<Option<String>> {
    const SQL: &str = "SELECT quire_store.send_to_supabase($1, $2, $3)";
    let args: [Arg; 3] = [topic.into(), event.into(), JsonB(message).into()];
    Ok(db::write_one(SQL, &args, |row| row.opt(1))?.flatten())
}

pub fn record_sink_failure(project: ProjectId, seq: Seq, error: &str) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.sink_failure AS f (project_id, failures, last_seq, last_error, last_at)
        VALUES ($1, 1, $2, $3, $4)
        ON CONFLICT (project_id) DO UPDATE SET failures = f.failures + 1, last_seq = EXCLUDED.last_seq,
            last_error = EXCLUDED.last_error, last_at = EXCLUDED.last_at";
    db::exec(SQL, &[project.pg().into(), seq.into(), error.into(), pg_now()?.into()])
}
