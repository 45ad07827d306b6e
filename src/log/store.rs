//! SQL of the log; of the head row in `head`.

use super::LockedHead;
use crate::db::clock::{from_pg, to_pg};
use crate::db::rows::{Column, Name, Rows};
use crate::db::{self, Answer, Arg, Row};
use crate::gate::store::called;
use crate::ids::{ActorId, BundleId, Pg, ProjectId, Seq};
use pgrx::JsonB;
use quire_core::chain::BundleHeader;
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::mark::Mark;
use quire_core::timestamp::Micros;
use serde_json::Value;
use std::collections::HashMap;

/// A bundle on its way into the log.
pub struct LogEntry<'a> {
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
pub fn append(rows: &Rows, entry: &LogEntry) -> Result<()> {
    let LogEntry { header, op_count, previous, head, details } = entry;
    let values: [Column; 14] = [
        ("project_id", header.project_id.pg().into()),
        ("seq", header.seq.pg().into()),
        ("bundle_id", header.bundle_id.pg().into()),
        ("kind", header.kind.as_str().into()),
        ("actor_id", header.actor_id.pg().into()),
        ("message", header.message.as_deref().into()),
        ("correlation_id", header.correlation_id.map(Pg::pg).into()),
        ("base_seq", header.base_seq.map(Pg::pg).into()),
        ("op_count", (*op_count).into()),
        ("prev_checksum", previous.as_bytes().as_slice().into()),
        ("checksum", head.checksum.as_bytes().as_slice().into()),
        ("undoes_seq", header.undoes_seq.map(Pg::pg).into()),
        ("details", details.clone().map(JsonB).into()),
        ("committed_at", to_pg(header.committed_at)?.into()),
    ];
    rows.insert(&BUNDLE, &values)?;
    super::head::move_to(rows, header.project_id, head)
}

/// Notes that the newest bundle, of this seq, takes another back out of its author's order.
pub fn leave_order(project: ProjectId, seq: Seq) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project_head SET in_order_after = $2 WHERE project_id = $1";
    db::exec(SQL, &[project.pg().into(), seq.pg().into()])
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
    let head = db::read_one(SQL, &[project.pg().into()], |row| Ok((row.get("seq")?, row.get("checksum")?)))?;
    Ok(head.unwrap_or((Seq::ZERO, Hash::ZERO)))
}

/// Seq of the newest bundle, as the caller's snapshot sees it.
pub fn head_seq(project: ProjectId) -> Result<Seq> {
    const SQL: &str = "SELECT seq FROM quire_store.project_head WHERE project_id = $1";
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.get("seq"))?.unwrap_or(Seq::ZERO))
}

const CHECKSUM_AT: &str = "SELECT checksum FROM quire_store.bundle WHERE project_id = $1 AND seq = $2";

fn checksum_from_row(row: &Row) -> Result<Hash> {
    row.get("checksum")
}

/// Checksum of the log up to a seq, as the caller's snapshot sees it; `None` when it has not come so far.
pub fn checksum_at(project: ProjectId, seq: Seq) -> Result<Option<Hash>> {
    match seq {
        Seq::ZERO => Ok(Some(Hash::ZERO)),
        _ => db::read_one(CHECKSUM_AT, &[project.pg().into(), seq.pg().into()], checksum_from_row),
    }
}

/// The same under the head lock, where the log may have grown since the caller's snapshot.
pub fn locked_checksum_at(project: ProjectId, seq: Seq) -> Result<Option<Hash>> {
    match seq {
        Seq::ZERO => Ok(Some(Hash::ZERO)),
        _ => db::write_one(CHECKSUM_AT, &[project.pg().into(), seq.pg().into()], checksum_from_row),
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
            $crate::log::store::mark_of!("marked.checksum"),
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
    db::read_one(SQL, &[project.pg().into(), seq.pg().into()], |row| row.get("committed_at").map(from_pg))
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
    pub actor: ActorId,
    pub name: String,
    pub bundle_id: BundleId,
}

/// The authors of some bundles, by seq.
pub fn authors(project: ProjectId, seqs: impl IntoIterator<Item = Seq>) -> Result<HashMap<Seq, Author>> {
    const SQL: &str = concat!(
        "SELECT b.seq, b.actor_id, COALESCE(",
        called!("b.actor_id"),
        ", b.actor_id::text) AS name, b.bundle_id
        FROM unnest($2::bigint[]) AS w (seq)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = w.seq OFFSET 0) b"
    );
    let seqs: Vec<i64> = seqs.into_iter().map(Pg::pg).collect();
    let rows = db::read(SQL, &[project.pg().into(), seqs.into()], |row| {
        let author =
            Author { actor: row.get("actor_id")?, name: row.get("name")?, bundle_id: row.get("bundle_id")? };
        Ok((row.get("seq")?, author))
    })?;
    Ok(rows.into_iter().collect())
}

/// Seq a tag names.
pub fn tag_seq(project: ProjectId, tag: &str) -> Result<Option<Seq>> {
    const SQL: &str = "SELECT t.seq FROM quire_store.project_tag t WHERE t.project_id = $1 AND t.tag = $2";
    db::read_one(SQL, &[project.pg().into(), tag.into()], |row| row.get("seq"))
}

/// Names a seq; `false` when the tag exists.
pub fn insert_tag(project: ProjectId, tag: &str, seq: Seq, by: ActorId) -> Result<bool> {
    const SQL: &str = "INSERT INTO quire_store.project_tag (project_id, tag, seq, created_by)
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true";
    let args: [Arg; 4] = [project.pg().into(), tag.into(), seq.pg().into(), by.pg().into()];
    db::writes(SQL, &args)
}

/// Tags, by seq.
pub fn tags(answer: Answer, project: ProjectId) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT t.tag, t.seq, t.created_by, t.created_at, ",
        mark!("t.seq"),
        "
        FROM quire_store.project_tag t
        WHERE t.project_id = $1
        ORDER BY t.seq, t.tag"
    );
    answer.fill(SQL, &[project.pg().into()])
}

/// Opens the guard of the log's rows, until it is called again with `false`; only their owner can.
pub(super) fn open_guard(is_allowed: bool) -> Result<()> {
    const SQL: &str = "SELECT set_config('quire_store.repairing', $1, true)";
    db::exec(SQL, &[if is_allowed { "on" } else { "" }.into()])
}
