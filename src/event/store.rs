//! SQL of the event log and of subscriptions.

use crate::bundle::store::from_pg;
use crate::db::{self, Arg};
use crate::error::Result;
use crate::ids::{ActorId, ProjectId, Seq};
use crate::pure::hash::Hash;
use crate::pure::timestamp::Micros;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{JsonB, Uuid};
use serde_json::Value;

/// A bundle, as the event log needs it.
pub struct LoggedBundle {
    pub seq: Seq,
    pub actor: ActorId,
    pub committed_at: Micros,
    pub op_count: i32,
}

/// The next bundles after a seq.
pub fn bundles_after(project: ProjectId, after: Seq, limit: i64) -> Result<Vec<LoggedBundle>> {
    const SQL: &str = "SELECT u.seq, u.actor_id, u.committed_at, u.op_count
        FROM quire_store.bundle u
        WHERE u.project_id = $1 AND u.seq > $2
        ORDER BY u.seq
        LIMIT $3";
    db::read(SQL, &[project.pg().into(), after.into(), limit.into()], |row| {
        Ok(LoggedBundle {
            seq: row.get(1)?,
            actor: ActorId::from_pg(row.get::<Uuid>(2)?),
            committed_at: from_pg(row.get(3)?),
            op_count: row.get(4)?,
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
                 WHERE m.project_id = f.project_id AND m.file_id = f.moved_file_id) END
        FROM quire_store.project_files f
        JOIN quire_store.file_head h ON h.project_id = f.project_id AND h.file_id = f.file_id
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

/// A subscription, locked.
pub struct Subscription {
    pub actor: ActorId,
    pub filter: Value,
    pub cursor: Seq,
    pub delivered: Seq,
    pub leased_until: Option<Micros>,
}

/// Creates a subscription; `false` when the name is taken.
pub fn insert(project: ProjectId, name: &str, actor: ActorId, filter: &Value) -> Result<bool> {
    const SQL: &str = "INSERT INTO quire_store.subscription (project_id, name, actor_id, filter)
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true";
    let args: [Arg; 4] = [project.pg().into(), name.into(), actor.pg().into(), JsonB(filter.clone()).into()];
    Ok(db::write_one(SQL, &args, |row| row.get::<bool>(1))?.is_some())
}

/// Reads and locks a subscription.
pub fn lock(project: ProjectId, name: &str) -> Result<Option<Subscription>> {
    const SQL: &str = "SELECT actor_id, filter, cursor_seq, delivered_seq, leased_until
        FROM quire_store.subscription WHERE project_id = $1 AND name = $2 FOR NO KEY UPDATE";
    db::write_one(SQL, &[project.pg().into(), name.into()], |row| {
        Ok(Subscription {
            actor: ActorId::from_pg(row.get::<Uuid>(1)?),
            filter: row.get::<JsonB>(2)?.0,
            cursor: row.get(3)?,
            delivered: row.get(4)?,
            leased_until: row.opt(5)?.map(from_pg),
        })
    })
}

/// Moves a subscription on.
pub fn update(
    project: ProjectId,
    name: &str,
    cursor: Seq,
    delivered: Seq,
    leased_until: Option<TimestampWithTimeZone>,
) -> Result<()> {
    const SQL: &str =
        "UPDATE quire_store.subscription SET cursor_seq = $3, delivered_seq = $4, leased_until = $5
        WHERE project_id = $1 AND name = $2";
    let args: [Arg; 5] =
        [project.pg().into(), name.into(), cursor.into(), delivered.into(), leased_until.into()];
    db::exec(SQL, &args)
}

pub fn delete(project: ProjectId, name: &str) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.subscription WHERE project_id = $1 AND name = $2";
    db::exec(SQL, &[project.pg().into(), name.into()])
}

/// One row of `list_subscriptions`.
pub type Listed = (String, Uuid, JsonB, i64, i64, Option<TimestampWithTimeZone>, TimestampWithTimeZone);

/// Subscriptions of `actor`, or all of them.
pub fn list(project: ProjectId, actor: Option<ActorId>, all: bool) -> Result<Vec<Listed>> {
    const SQL: &str = "SELECT s.name, s.actor_id, s.filter, s.cursor_seq, h.seq - s.cursor_seq, s.leased_until, s.created_at
        FROM quire_store.subscription s
        JOIN quire_store.project_head h ON h.project_id = s.project_id
        WHERE s.project_id = $1 AND ($3 OR s.actor_id = $2)
        ORDER BY s.name";
    db::read(SQL, &[project.pg().into(), actor.map(ActorId::pg).into(), all.into()], |row| {
        Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.opt(6)?, row.get(7)?))
    })
}
