//! SQL of the quarantine.

use crate::db::clock::pg_now;
use crate::db::{self, Arg, Row};
use crate::ids::{ActorId, Pg, ProjectId, QuarantineId, Seq};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{JsonB, Uuid as PgUuid};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::quarantine::{Fault, RowKind};
use serde_json::Value;

/// The status, as it is stored, of an entry that was discarded.
pub const DISCARDED: &str = "rejected";

/// An entry of the quarantine.
pub struct QuarantineEntry {
    pub id: QuarantineId,
    pub kind: RowKind,
    pub key: Value,
    pub fault: Fault,
    pub expected: Option<Hash>,
    pub status: String,
}

fn entry(row: &Row) -> Result<QuarantineEntry> {
    let unknown = || Error::internal("an entry of the quarantine has a kind that is not known here");
    Ok(QuarantineEntry {
        id: row.get("quarantine_id")?,
        kind: RowKind::parse(row.get("kind")?).ok_or_else(unknown)?,
        key: row.get::<JsonB>("key")?.0,
        fault: Fault::parse(row.get("fault")?).ok_or_else(unknown)?,
        expected: row.hash_if_any("expected")?,
        status: row.get("status")?,
    })
}

/// The first open entry of some kinds whose key has these members.
pub fn open_entry(
    project: ProjectId,
    kinds: impl IntoIterator<Item = RowKind>,
    about: Value,
) -> Result<Option<QuarantineEntry>> {
    const SQL: &str = "SELECT q.quarantine_id, q.kind, q.key, q.fault, q.expected, q.status
        FROM quire_store.quarantine q
        WHERE q.project_id = $1 AND q.status = 'open' AND q.kind = ANY ($2) AND q.key @> $3
        ORDER BY q.quarantine_id LIMIT 1";
    let kinds: Vec<&str> = kinds.into_iter().map(RowKind::as_str).collect();
    db::read_one(SQL, &[project.pg().into(), kinds.into(), JsonB(about).into()], entry)
}

/// The first open entry of an operation of a kind up to a seq.
pub fn open_op(project: ProjectId, kind: RowKind, up_to: Seq) -> Result<Option<QuarantineEntry>> {
    const SQL: &str = "SELECT q.quarantine_id, q.kind, q.key, q.fault, q.expected, q.status
        FROM quire_store.quarantine q
        WHERE q.project_id = $1 AND q.status = 'open' AND q.kind = $2 AND (q.key ->> 'seq')::bigint <= $3
        ORDER BY q.quarantine_id LIMIT 1";
    db::read_one(SQL, &[project.pg().into(), kind.as_str().into(), up_to.pg().into()], entry)
}

/// The lowest seq after another, and up to a third, of whose bundle something is in quarantine.
pub fn first_corrupt_bundle(
    project: ProjectId,
    after: Seq,
    up_to: Seq,
) -> Result<Option<(Seq, QuarantineId)>> {
    const SQL: &str = "SELECT (q.key ->> 'seq')::bigint AS seq, q.quarantine_id
        FROM quire_store.quarantine q
        WHERE q.project_id = $1 AND q.status = 'open' AND q.kind = ANY ($4)
          AND (q.key ->> 'seq')::bigint > $2 AND (q.key ->> 'seq')::bigint <= $3
        ORDER BY 1, 2 LIMIT 1";
    let kinds: Vec<&str> = RowKind::log().map(RowKind::as_str).collect();
    let args: [Arg; 4] = [project.pg().into(), after.pg().into(), up_to.pg().into(), kinds.into()];
    db::read_one(SQL, &args, |row| Ok((row.get("seq")?, row.get("quarantine_id")?)))
}

/// A finding, as it is recorded.
pub struct Finding {
    pub kind: RowKind,
    pub key: Value,
    pub fault: Fault,
    /// What is wrong, for people.
    pub description: String,
    /// The checksum that was recorded, where there is one.
    pub expected: Option<Hash>,
    /// What is there instead, where it can be discarded and become wrong again.
    pub found: Option<Hash>,
}

/// Records a finding; its entry, and `false` when just this was discarded before.
pub fn record(project: ProjectId, finding: &Finding) -> Result<(QuarantineId, bool)> {
    // What was discarded is taken as it was then; content that was discarded is empty, so what is wrong with it is new.
    // Two branches, because each has an index of its own.
    const KNOWN: &str = "SELECT q.quarantine_id, q.status FROM quire_store.quarantine q
        WHERE q.project_id = $1 AND q.kind = $2 AND q.key = $3 AND q.fault = $4 AND q.status = 'open'
        UNION ALL
        SELECT q.quarantine_id, q.status FROM quire_store.quarantine q
        WHERE q.project_id = $1 AND q.kind = $2 AND q.key = $3 AND q.fault = $4 AND q.status = 'rejected'
          AND q.kind <> 'blob' AND q.found IS NOT DISTINCT FROM $5
        LIMIT 1";
    const NEW: &str = "INSERT INTO quire_store.quarantine
            (project_id, quarantine_id, kind, key, fault, in_words, expected, found)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO NOTHING RETURNING quarantine_id, status";
    let found = finding.found.as_ref().map(|hash| hash.as_bytes().as_slice());
    let entry = |row: &Row| Ok((row.get("quarantine_id")?, row.get::<&str>("status")? == "open"));
    let known = || {
        let args: [Arg; 5] = [
            project.pg().into(),
            finding.kind.as_str().into(),
            JsonB(finding.key.clone()).into(),
            finding.fault.as_str().into(),
            found.into(),
        ];
        db::write_one(KNOWN, &args, entry)
    };
    let new = || {
        let args: [Arg; 8] = [
            project.pg().into(),
            QuarantineId::generate().pg().into(),
            finding.kind.as_str().into(),
            JsonB(finding.key.clone()).into(),
            finding.fault.as_str().into(),
            finding.description.as_str().into(),
            finding.expected.as_ref().map(|hash| hash.as_bytes().as_slice()).into(),
            found.into(),
        ];
        db::write_one(NEW, &args, entry)
    };
    // Whoever verifies at the same time may record it in between.
    let entry = match known()? {
        None => match new()? {
            None => known()?,
            entry => entry,
        },
        entry => entry,
    };
    entry.ok_or_else(|| Error::internal("a finding was not recorded"))
}

/// Locks an entry.
pub fn lock_entry(project: ProjectId, id: QuarantineId) -> Result<Option<QuarantineEntry>> {
    const SQL: &str = "SELECT q.quarantine_id, q.kind, q.key, q.fault, q.expected, q.status
        FROM quire_store.quarantine q WHERE q.project_id = $1 AND q.quarantine_id = $2 FOR UPDATE";
    db::write_one(SQL, &[project.pg().into(), id.pg().into()], entry)
}

/// Ends an entry.
pub fn end_entry(
    project: ProjectId,
    id: QuarantineId,
    status: &str,
    by: ActorId,
    reason: Option<&str>,
) -> Result<()> {
    const SQL: &str =
        "UPDATE quire_store.quarantine SET status = $3, ended_at = $6, ended_by = $4, reason = $5
        WHERE project_id = $1 AND quarantine_id = $2";
    let args: [Arg; 6] =
        [project.pg().into(), id.pg().into(), status.into(), by.pg().into(), reason.into(), pg_now()?.into()];
    db::exec(SQL, &args)
}

/// One row of `list_quarantine`.
pub type QuarantineRow = (
    PgUuid,
    String,
    JsonB,
    String,
    String,
    Option<String>,
    String,
    TimestampWithTimeZone,
    Option<TimestampWithTimeZone>,
    Option<PgUuid>,
    Option<String>,
);

pub fn list(project: ProjectId, include_ended: bool) -> Result<Vec<QuarantineRow>> {
    const SQL: &str =
        "SELECT q.quarantine_id, q.kind, q.key, q.fault, q.in_words, encode(q.expected, 'hex') AS expected,
            CASE q.status WHEN 'rejected' THEN 'discarded' ELSE q.status END AS status,
            q.found_at, q.ended_at, q.ended_by, q.reason
        FROM quire_store.quarantine q
        WHERE q.project_id = $1 AND (q.status = 'open' OR $2)
        ORDER BY q.quarantine_id";
    db::read(SQL, &[project.pg().into(), include_ended.into()], |row| {
        Ok((
            row.get("quarantine_id")?,
            row.get("kind")?,
            row.get("key")?,
            row.get("fault")?,
            row.get("in_words")?,
            row.opt("expected")?,
            row.get("status")?,
            row.get("found_at")?,
            row.opt("ended_at")?,
            row.opt("ended_by")?,
            row.opt("reason")?,
        ))
    })
}
