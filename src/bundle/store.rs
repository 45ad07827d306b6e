//! SQL of the write path beside the log: answered requests, rate limits, and looking into the log.

use crate::db::clock::{from_pg, to_pg};
use crate::db::{self, Answer, Arg};
use crate::gate::store::called;
use crate::ids::{ActorId, CorrelationId, Pg, ProjectId, Seq};
use crate::jsonb::JsonArg;
use crate::log::store::from_peer;
use pgrx::JsonB;
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::timestamp::Micros;
use serde_json::Value;

/// A request already answered: its hash and its receipt.
pub fn find_request(project: ProjectId, id: CorrelationId) -> Result<Option<(Hash, Value)>> {
    const SQL: &str = "SELECT request_hash, receipt FROM quire_store.request
        WHERE project_id = $1 AND correlation_id = $2";
    db::write_one(SQL, &[project.pg().into(), id.pg().into()], |row| {
        Ok((row.get("request_hash")?, row.get::<JsonB>("receipt")?.0))
    })
}

pub fn insert_request(
    project: ProjectId,
    id: CorrelationId,
    actor: ActorId,
    request: &Hash,
    receipt: Value,
) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.request (project_id, correlation_id, actor_id, request_hash, receipt)
        VALUES ($1, $2, $3, $4, $5)";
    let args: [Arg; 5] = [
        project.pg().into(),
        id.pg().into(),
        actor.pg().into(),
        request.as_bytes().as_slice().into(),
        JsonB(receipt).into(),
    ];
    db::exec(SQL, &args)
}

/// What is left in an actor's bucket, and when that was.
pub fn bucket(project: ProjectId, actor: ActorId) -> Result<Option<(f64, Micros)>> {
    const SQL: &str =
        "SELECT tokens, updated_at FROM quire_store.rate_bucket WHERE project_id = $1 AND actor_id = $2";
    db::write_one(SQL, &[project.pg().into(), actor.pg().into()], |row| {
        Ok((row.get("tokens")?, from_pg(row.get("updated_at")?)))
    })
}

pub fn set_bucket(project: ProjectId, actor: ActorId, tokens: f64, at: Micros) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.rate_bucket (project_id, actor_id, tokens, updated_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (project_id, actor_id) DO UPDATE SET tokens = EXCLUDED.tokens, updated_at = EXCLUDED.updated_at";
    db::exec(SQL, &[project.pg().into(), actor.pg().into(), tokens.into(), to_pg(at)?.into()])
}

/// A bundle with everything it says; at most 1,000 of its operations, and of their values 32 MiB.
pub fn details(project: ProjectId, seq: Seq) -> Result<Option<JsonB>> {
    const SQL: &str = concat!(
        "SELECT jsonb_build_object('seq', b.seq, 'bundle_id', b.bundle_id, 'kind', b.kind,
            'actor', b.actor_id, 'display_name', ",
        called!("b.actor_id"),
        ", 'from_peer', ",
        from_peer!("b.bundle_id"),
        ", 'message', b.message,
            'correlation_id', b.correlation_id, 'base_seq', b.base_seq, 'undoes_seq', b.undoes_seq,
            'undone_by', (SELECT COALESCE(jsonb_agg(u.seq ORDER BY u.seq), '[]') FROM quire_store.bundle u
                          WHERE u.project_id = $1 AND u.undoes_seq = $2),
            'op_count', b.op_count, 'checksum', encode(b.checksum, 'hex'),
            'prev_checksum', encode(b.prev_checksum, 'hex'), 'details', b.details, 'committed_at', b.committed_at,
            'ops', (SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('ordinal', o.ordinal, 'op', o.op,
                               'target', o.target, 'entity', o.entity, 'checksum', o.checksum))
                           || CASE WHEN o.size_so_far > 32 << 20 THEN jsonb_build_object('values_omitted', true)
                                   ELSE jsonb_build_object('before', o.before, 'after', o.after) END
                           ORDER BY o.ordinal), '[]')
                    FROM (SELECT l.*, sum(COALESCE(pg_column_size(l.before), 0) + COALESCE(pg_column_size(l.after), 0))
                                          OVER (ORDER BY l.ordinal) AS size_so_far
                          FROM quire.oplog l WHERE l.project_id = $1 AND l.seq = $2 AND l.ordinal <= 1000) o)) AS details
        FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.seq = $2"
    );
    db::read_one(SQL, &[project.pg().into(), seq.pg().into()], |row| row.get("details"))
}

/// Where a window of the log begins that ends with `last` and has about so many operations, or one bundle: the seq before it. `None`
/// when nothing comes before `last`.
pub fn window(project: ProjectId, last: Seq, ops: i64) -> Result<Option<Seq>> {
    const SQL: &str = "SELECT min(b.seq) - 1 AS seq
        FROM (SELECT w.seq, sum(w.op_count) OVER (ORDER BY w.seq DESC ROWS UNBOUNDED PRECEDING) - w.op_count AS later
              FROM (SELECT u.seq, u.op_count FROM quire_store.bundle u
                    WHERE u.project_id = $1 AND u.seq <= $2 ORDER BY u.seq DESC LIMIT $3) w) b
        WHERE b.later < $3";
    Ok(db::read_one(SQL, &[project.pg().into(), last.pg().into(), ops.into()], |row| row.opt("seq"))?
        .flatten())
}

/// The operations between two seqs (after the one, up to the other) that a checked filter lets through, newest first. How many.
pub fn search(
    answer: &Answer,
    project: ProjectId,
    filter: JsonArg,
    most: i64,
    (after, last): (Seq, Seq),
) -> Result<i64> {
    const SQL: &str = concat!(
        "SELECT o.seq, o.ordinal, o.op, o.target, o.actor, ",
        called!("o.actor"),
        ", u.kind, u.message, u.bundle_id, o.before, o.after, o.checksum, o.committed_at, ",
        from_peer!("u.bundle_id"),
        "
        FROM quire.oplog o
        JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = o.seq OFFSET 0) u ON true
        WHERE o.project_id = $1 AND o.seq > $4 AND o.seq <= $5
          AND ($2 ->> 'op' IS NULL OR o.op = $2 ->> 'op')
          AND ($2 ->> 'kind' IS NULL OR u.kind = $2 ->> 'kind')
          AND ($2 ->> 'actor' IS NULL OR o.actor = ($2 ->> 'actor')::uuid)
          AND ($2 ->> 'target' IS NULL OR o.target = $2 ->> 'target')
          AND ($2 ->> 'target_prefix' IS NULL OR starts_with(o.target, $2 ->> 'target_prefix'))
          AND ($2 ->> 'entity_type' IS NULL OR o.entity ->> 'entity_type' = $2 ->> 'entity_type')
          AND ($2 ->> 'entity_id' IS NULL OR o.entity ->> 'entity_id' = $2 ->> 'entity_id')
          AND ($2 ->> 'field' IS NULL OR o.entity ->> 'field' = $2 ->> 'field')
          AND ($2 ->> 'before_ordinal' IS NULL OR o.seq < ($2 ->> 'before_seq')::bigint
               OR o.ordinal < ($2 ->> 'before_ordinal')::bigint)
          AND ($2 ->> 'since' IS NULL OR o.committed_at >= ($2 ->> 'since')::timestamptz)
          AND ($2 ->> 'until' IS NULL OR o.committed_at < ($2 ->> 'until')::timestamptz)
          AND ($2 ->> 'message' IS NULL OR strpos(u.message, $2 ->> 'message') > 0)
        ORDER BY o.seq DESC, o.ordinal DESC
        LIMIT $3"
    );
    let args: [Arg; 5] =
        [project.pg().into(), filter.arg(), most.into(), after.pg().into(), last.pg().into()];
    answer.add(SQL, &args).map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}
