//! SQL of the event log and of subscriptions.

pub mod channel;

use crate::db::clock::{from_pg, pg_now};
use crate::db::{self, Arg};
use crate::ids::{ActorId, Pg, ProjectId, Seq};
use crate::log::store::from_peer;
use pgrx::JsonB;
use quire_core::error::Result;
use quire_core::mark::Mark;
use quire_core::timestamp::Micros;
use serde_json::Value;

/// A bundle, as the event log needs it.
pub struct EventBundle {
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
pub fn bundles_after(project: ProjectId, after: Seq, limit: i64) -> Result<Vec<EventBundle>> {
    const SQL: &str = concat!(
        "SELECT u.seq, u.checksum, u.actor_id, u.committed_at, u.op_count,
            CASE WHEN u.kind = 'system' THEN u.details -> 'op' END AS op, ",
        from_peer!("u.bundle_id"),
        " AS from_peer
        FROM quire_store.bundle u
        WHERE u.project_id = $1 AND u.seq > $2
        ORDER BY u.seq
        LIMIT $3"
    );
    db::read(SQL, &[project.pg().into(), after.pg().into(), limit.into()], |row| {
        Ok(EventBundle {
            seq: row.get("seq")?,
            mark: Mark::of(&row.get("checksum")?),
            actor: row.get("actor_id")?,
            committed_at: from_pg(row.get("committed_at")?),
            op_count: row.get("op_count")?,
            other: row.opt::<JsonB>("op")?.map(|op| op.0),
            from_peer: row.opt("from_peer")?,
        })
    })
}

/// Hands a message to Supabase Realtime; why that failed, if it did.
pub fn send_to_supabase(topic: &str, event: &str, message: Value) -> Result<Option<String>> {
    const SQL: &str = "SELECT quire_store.send_to_supabase($1, $2, $3) AS failure";
    let args: [Arg; 3] = [topic.into(), event.into(), JsonB(message).into()];
    Ok(db::write_one(SQL, &args, |row| row.opt("failure"))?.flatten())
}

pub fn record_sink_failure(project: ProjectId, seq: Seq, error: &str) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.sink_failure AS f (project_id, failures, last_seq, last_error, last_at)
        VALUES ($1, 1, $2, $3, $4)
        ON CONFLICT (project_id) DO UPDATE SET failures = f.failures + 1, last_seq = EXCLUDED.last_seq,
            last_error = EXCLUDED.last_error, last_at = EXCLUDED.last_at";
    db::exec(SQL, &[project.pg().into(), seq.pg().into(), error.into(), pg_now()?.into()])
}
