//! SQL of the log; of the head row in `head`.

mod head;

use crate::auth::store::called;
use crate::db::rows::{Column, Name, Rows};
use crate::db::{self, Answer, Arg, Row};
use crate::ids::{ActorId, CorrelationId, ProjectId, Seq, uuid_from_pg, uuid_to_pg};
use crate::jsonb::JsonArg;
pub use head::{LockedHead, lock_head};
use pgrx::JsonB;
use pgrx::datum::TimestampWithTimeZone;
use quire_core::chain::BundleHeader;
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::mark::Mark;
use quire_core::timestamp::Micros;
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// 2000-01-01, PostgreSQL's epoch, in microseconds since 1970.
const POSTGRES_EPOCH: Micros = 946_684_800_000_000;

/// PostgreSQL's timestamp of a time.
pub fn to_pg(at: Micros) -> Result<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(at - POSTGRES_EPOCH)
        .map_err(|_| Error::internal("a time is out of range"))
}

/// The time of a PostgreSQL timestamp.
pub fn from_pg(at: TimestampWithTimeZone) -> Micros {
    pgrx::pg_sys::TimestampTz::from(at).saturating_add(POSTGRES_EPOCH)
}

/// The clock now, for a statement.
pub fn pg_now() -> Result<TimestampWithTimeZone> {
    to_pg(now())
}

/// The clock now.
pub fn now() -> Micros {
    // SAFETY: reads the clock.
    unsafe { pgrx::pg_sys::GetCurrentTimestamp() + POSTGRES_EPOCH }
}

/// Whether the transaction has written something.
pub fn has_transaction_id() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pgrx::pg_sys::GetTopTransactionIdIfAny() != pgrx::pg_sys::InvalidTransactionId }
}

/// A bundle on its way into the log.
pub struct Entry<'a> {
    pub header: &'a BundleHeader,
    pub op_count: i32,
    /// Checksum of the bundle before.
    pub previous: &'a Hash,
    /// As it will be.
    pub head: &'a LockedHead,
    pub details: Option<Value>,
}

/// The log's table.
static BUNDLE: Name = Name::of(c"bundle", 14);

/// Appends a bundle to the log and moves the head row to it.
pub fn append(rows: &Rows, entry: &Entry) -> Result<()> {
    let Entry { header, op_count, previous, head, details } = entry;
    let values: [Column; 14] = [
        ("project_id", uuid_to_pg(header.project_id).into()),
        ("seq", header.seq.into()),
        ("bundle_id", uuid_to_pg(header.bundle_id).into()),
        ("kind", header.kind.as_str().into()),
        ("actor_id", uuid_to_pg(header.actor_id).into()),
        ("message", header.message.as_deref().into()),
        ("correlation_id", header.correlation_id.map(uuid_to_pg).into()),
        ("base_seq", header.base_seq.into()),
        ("op_count", (*op_count).into()),
        ("prev_checksum", previous.as_bytes().as_slice().into()),
        ("checksum", head.checksum.as_bytes().as_slice().into()),
        ("undoes_seq", header.undoes_seq.into()),
        ("details", details.clone().map(JsonB).into()),
        ("committed_at", to_pg(header.committed_at)?.into()),
    ];
    rows.insert(&BUNDLE, &values)?;
    head::move_to(rows, ProjectId(header.project_id), head)
}

/// Notes that the newest bundle, of this seq, takes another back out of its author's order.
pub fn leave_order(project: ProjectId, seq: Seq) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project_head SET in_order_after = $2 WHERE project_id = $1";
    db::exec(SQL, &[project.pg().into(), seq.into()])
}

/// Writes the head row as it is, after a change under its lock that makes no bundle: a writer with an older snapshot
/// (REPEATABLE READ), who cannot see the change, then gets 40001.
pub fn touch(project: ProjectId) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project_head SET seq = seq WHERE project_id = $1";
    db::exec(SQL, &[project.pg().into()])
}

/// Seq and checksum of the newest bundle, as the caller's snapshot sees them.
pub fn head(project: ProjectId) -> Result<(Seq, Hash)> {
    const SQL: &str = "SELECT seq, checksum FROM quire_store.project_head WHERE project_id = $1";
    let head = db::read_one(SQL, &[project.pg().into()], |row| {
        Ok((row.get(1)?, Hash::from_bytes(row.get::<&[u8]>(2)?)?))
    })?;
    Ok(head.unwrap_or((0, Hash::ZERO)))
}

/// Seq of the newest bundle, as the caller's snapshot sees it.
pub fn head_seq(project: ProjectId) -> Result<Seq> {
    const SQL: &str = "SELECT seq FROM quire_store.project_head WHERE project_id = $1";
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.get(1))?.unwrap_or(0))
}

const CHECKSUM_AT: &str = "SELECT checksum FROM quire_store.bundle WHERE project_id = $1 AND seq = $2";

fn checksum_from_row(row: &Row) -> Result<Hash> {
    Hash::from_bytes(row.get::<&[u8]>(1)?)
}

/// Checksum of the log up to a seq, as the caller's snapshot sees it; `None` when it has not come so far.
pub fn checksum_at(project: ProjectId, seq: Seq) -> Result<Option<Hash>> {
    match seq {
        0 => Ok(Some(Hash::ZERO)),
        _ => db::read_one(CHECKSUM_AT, &[project.pg().into(), seq.into()], checksum_from_row),
    }
}

/// The same under the head lock, where the log may have grown since the caller's snapshot.
pub fn locked_checksum_at(project: ProjectId, seq: Seq) -> Result<Option<Hash>> {
    match seq {
        0 => Ok(Some(Hash::ZERO)),
        _ => db::write_one(CHECKSUM_AT, &[project.pg().into(), seq.into()], checksum_from_row),
    }
}

/// The mark (`pure::mark`) of a checksum, as a column.
macro_rules! mark_of {
    ($checksum:literal) => {
        concat!("left(encode(", $checksum, ", 'hex'), 16)")
    };
}
pub(crate) use mark_of;

/// The mark (`pure::mark`) of project $1 at a seq, as a column.
macro_rules! mark {
    ($seq:literal) => {
        concat!(
            "CASE WHEN ",
            $seq,
            " = 0 THEN '0000000000000000' ELSE
                (SELECT ",
            $crate::bundle::store::mark_of!("marked.checksum"),
            " FROM quire_store.bundle marked
                 WHERE marked.project_id = $1 AND marked.seq = ",
            $seq,
            ") END"
        )
    };
}
pub(crate) use mark;

/// The mark of the log at a seq that it has come to; `None` when the bundle's row is gone.
pub fn mark_at(project: ProjectId, seq: Seq) -> Result<Option<Mark>> {
    Ok(checksum_at(project, seq)?.map(|checksum| Mark::of(&checksum)))
}

/// The same for whoever goes on from there (XX001).
pub fn sound_mark_at(project: ProjectId, seq: Seq) -> Result<Mark> {
    mark_at(project, seq)?
        .ok_or_else(|| Error::new(Code::Corrupt, format!("bundle {seq} is missing")).with("seq", seq))
}

/// When a bundle was committed.
pub fn committed_at(project: ProjectId, seq: Seq) -> Result<Option<Micros>> {
    const SQL: &str = "SELECT committed_at FROM quire_store.bundle WHERE project_id = $1 AND seq = $2";
    db::read_one(SQL, &[project.pg().into(), seq.into()], |row| row.get(1).map(from_pg))
}

/// The peer from which project $1 has a bundle; NULL when it was made here. What such a bundle says of its author is that peer's word.
macro_rules! from_peer {
    ($bundle_id:literal) => {
        concat!(
            "(SELECT sent.peer FROM quire_store.peer_bundle sent WHERE sent.project_id = $1 AND sent.bundle_id = ",
            $bundle_id,
            ")"
        )
    };
}
pub(crate) use from_peer;

/// Who made a bundle.
pub struct Author {
    pub actor: Uuid,
    pub name: String,
    pub bundle_id: Uuid,
}

/// The authors of some bundles, by seq.
pub fn authors(project: ProjectId, seqs: impl IntoIterator<Item = Seq>) -> Result<HashMap<Seq, Author>> {
    const SQL: &str = concat!(
        "SELECT b.seq, b.actor_id, COALESCE(",
        called!("b.actor_id"),
        ", b.actor_id::text), b.bundle_id
        FROM unnest($2::bigint[]) AS w (seq)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = w.seq OFFSET 0) b"
    );
    let seqs: Vec<Seq> = seqs.into_iter().collect();
    let rows = db::read(SQL, &[project.pg().into(), seqs.into()], |row| {
        let author = Author {
            actor: uuid_from_pg(row.get(2)?),
            name: row.get(3)?,
            bundle_id: uuid_from_pg(row.get(4)?),
        };
        Ok((row.get(1)?, author))
    })?;
    Ok(rows.into_iter().collect())
}

/// A request already answered: its hash and its receipt.
pub fn find_request(project: ProjectId, id: CorrelationId) -> Result<Option<(Hash, Value)>> {
    const SQL: &str = "SELECT request_hash, receipt FROM quire_store.request
        WHERE project_id = $1 AND correlation_id = $2";
    db::write_one(SQL, &[project.pg().into(), id.pg().into()], |row| {
        Ok((Hash::from_bytes(row.get::<&[u8]>(1)?)?, row.get::<JsonB>(2)?.0))
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
        Ok((row.get(1)?, from_pg(row.get(2)?)))
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
                          FROM quire.oplog l WHERE l.project_id = $1 AND l.seq = $2 AND l.ordinal <= 1000) o))
        FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.seq = $2"
    );
    db::read_one(SQL, &[project.pg().into(), seq.into()], |row| row.get(1))
}

/// Where a window of the log begins that ends with `last` and has about so many operations, or one bundle: the seq before it. `None`
/// when nothing comes before `last`.
pub fn window(project: ProjectId, last: Seq, ops: i64) -> Result<Option<Seq>> {
    const SQL: &str = "SELECT min(b.seq) - 1
        FROM (SELECT w.seq, sum(w.op_count) OVER (ORDER BY w.seq DESC ROWS UNBOUNDED PRECEDING) - w.op_count AS later
              FROM (SELECT u.seq, u.op_count FROM quire_store.bundle u
                    WHERE u.project_id = $1 AND u.seq <= $2 ORDER BY u.seq DESC LIMIT $3) w) b
        WHERE b.later < $3";
    Ok(db::read_one(SQL, &[project.pg().into(), last.into(), ops.into()], |row| row.opt(1))?.flatten())
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
    let args: [Arg; 5] = [project.pg().into(), filter.arg(), most.into(), after.into(), last.into()];
    answer.add(SQL, &args).map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}
