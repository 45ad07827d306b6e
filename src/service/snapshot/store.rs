//! SQL of snapshots.

use crate::blob;
use crate::db::clock::{pg_now, to_pg};
use crate::db::{self, Arg, Row};
use crate::ids::{ActorId, Pg, ProjectId, Seq, SnapshotId};
use crate::jsonb::JsonDatum;
use crate::log::store::mark;
use pgrx::Uuid as PgUuid;
use pgrx::datum::TimestampWithTimeZone;
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::timestamp::Micros;

/// What decides the bytes of a snapshot.
#[derive(Clone, Copy)]
pub struct SnapshotKey<'a> {
    pub tree_seq: Seq,
    pub since_seq: Option<Seq>,
    pub format: &'a str,
}

/// The last bundle up to a seq that changed a file.
pub fn tree_seq(project: ProjectId, at: Seq) -> Result<Seq> {
    const SQL: &str = "SELECT f.bundle_seq FROM quire_store.project_files f
        WHERE f.project_id = $1 AND f.bundle_seq <= $2 ORDER BY f.bundle_seq DESC LIMIT 1";
    Ok(db::read_one(SQL, &[project.pg().into(), at.pg().into()], |row| row.get("bundle_seq"))?
        .unwrap_or(Seq::ZERO))
}

/// The snapshot that is there already; held for a writer, so that nobody clears it away before its token is there for everybody.
/// One that is announced comes first.
pub fn find(project: ProjectId, key: SnapshotKey, is_held: bool) -> Result<Option<SnapshotId>> {
    macro_rules! find {
        ($lock:literal) => {
            concat!(
                "SELECT s.snapshot_id FROM quire_store.snapshot s
                WHERE s.project_id = $1 AND s.tree_seq = $2 AND s.format = $3
                  AND COALESCE(s.since_seq, -1) = COALESCE($4, -1)
                ORDER BY s.is_announced DESC, s.created_at LIMIT 1",
                $lock
            )
        };
    }
    const FIND: &str = find!("");
    const HOLD: &str = find!(" FOR KEY SHARE SKIP LOCKED");
    let sql = if is_held { HOLD } else { FIND };
    let args: [Arg; 4] =
        [project.pg().into(), key.tree_seq.pg().into(), key.format.into(), key.since_seq.map(Pg::pg).into()];
    db::write_one(sql, &args, |row| row.get("snapshot_id"))
}

/// Claims the making of a snapshot. Of one that will be announced there is one: waits for whoever is making it, and is `false` when
/// they have.
pub fn claim(
    project: ProjectId,
    snapshot: SnapshotId,
    key: SnapshotKey,
    by: ActorId,
    is_announced: bool,
) -> Result<bool> {
    const SQL: &str =
        "INSERT INTO quire_store.snapshot (project_id, snapshot_id, tree_seq, format, since_seq, created_by, is_announced)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true";
    let args: [Arg; 7] = [
        project.pg().into(),
        snapshot.pg().into(),
        key.tree_seq.pg().into(),
        key.format.into(),
        key.since_seq.map(Pg::pg).into(),
        by.pg().into(),
        is_announced.into(),
    ];
    db::writes(SQL, &args)
}

/// A finished archive.
pub struct Made {
    pub size: i64,
    pub content_hash: Hash,
    pub chunk_count: i32,
    pub file_count: i64,
    /// A JSON array of the files.
    pub manifest: String,
    /// In a delta, a JSON array of the paths that went away.
    pub deleted: Option<String>,
}

pub fn finish(project: ProjectId, snapshot: SnapshotId, made: &Made) -> Result<()> {
    const SQL: &str =
        "UPDATE quire_store.snapshot SET size = $3, content_hash = $4, chunk_count = $5, file_count = $6,
            manifest = $7::jsonb, deleted = $8::jsonb
        WHERE project_id = $1 AND snapshot_id = $2";
    let args: [Arg; 8] = [
        project.pg().into(),
        snapshot.pg().into(),
        made.size.into(),
        made.content_hash.as_bytes().as_slice().into(),
        made.chunk_count.into(),
        made.file_count.into(),
        made.manifest.as_str().into(),
        made.deleted.as_deref().into(),
    ];
    db::exec(SQL, &args)
}

/// What is stored of a chunk.
pub enum Chunk<B, R> {
    /// Its bytes.
    Bytes(B),
    /// A recipe for them.
    Recipe(R),
}

pub fn insert_chunk(
    project: ProjectId,
    snapshot: SnapshotId,
    ordinal: i32,
    chunk: Chunk<&[u8], &[u8]>,
) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.snapshot_chunk (project_id, snapshot_id, ordinal, bytes, recipe)
        VALUES ($1, $2, $3, $4, $5)";
    let (bytes, recipe) = match chunk {
        Chunk::Bytes(bytes) => (Some(bytes), None),
        Chunk::Recipe(recipe) => (None, Some(recipe)),
    };
    let args: [Arg; 5] =
        [project.pg().into(), snapshot.pg().into(), ordinal.into(), bytes.into(), recipe.into()];
    db::exec(SQL, &args)
}

/// One chunk, from 1; `bytes` reads the bytes, if they are stored, from the column of that name.
pub fn chunk<B>(
    project: ProjectId,
    snapshot: SnapshotId,
    ordinal: i32,
    mut bytes: impl FnMut(&Row) -> Result<B>,
) -> Result<Option<Chunk<B, Vec<u8>>>> {
    const SQL: &str = "SELECT c.recipe, c.bytes FROM quire_store.snapshot_chunk c
        WHERE c.project_id = $1 AND c.snapshot_id = $2 AND c.ordinal = $3";
    let args: [Arg; 3] = [project.pg().into(), snapshot.pg().into(), ordinal.into()];
    db::read_one(SQL, &args, |row| match row.opt::<&[u8]>("recipe")? {
        Some(recipe) => Ok(Chunk::Recipe(recipe.to_vec())),
        None => bytes(row).map(Chunk::Bytes),
    })
}

/// A snapshot, as far as its readers need it.
pub struct StoredSnapshot {
    pub id: SnapshotId,
    pub format: String,
    pub since_seq: Option<Seq>,
    pub size: i64,
    pub content_hash: Hash,
    pub created_by: ActorId,
    pub is_announced: bool,
}

pub fn get(project: ProjectId, snapshot: SnapshotId) -> Result<Option<StoredSnapshot>> {
    const SQL: &str = "SELECT s.format, s.since_seq, s.size, s.content_hash, s.created_by, s.is_announced
        FROM quire_store.snapshot s WHERE s.project_id = $1 AND s.snapshot_id = $2";
    db::read_one(SQL, &[project.pg().into(), snapshot.pg().into()], |row| {
        Ok(StoredSnapshot {
            id: snapshot,
            format: row.get("format")?,
            since_seq: row.opt("since_seq")?,
            size: row.get("size")?,
            content_hash: row.get("content_hash")?,
            created_by: row.get("created_by")?,
            is_announced: row.get("is_announced")?,
        })
    })
}

/// Path and BLAKE3 of every file in a snapshot's manifest.
pub fn manifest(project: ProjectId, snapshot: SnapshotId) -> Result<Vec<(String, String)>> {
    const SQL: &str = "SELECT m.file ->> 'file_path' AS file_path, m.file ->> 'content_hash' AS content_hash
        FROM quire_store.snapshot s CROSS JOIN LATERAL jsonb_array_elements(s.manifest) AS m (file)
        WHERE s.project_id = $1 AND s.snapshot_id = $2";
    db::read(SQL, &[project.pg().into(), snapshot.pg().into()], |row| {
        Ok((row.get("file_path")?, row.get("content_hash")?))
    })
}

/// How a snapshot was asked for and given out.
pub struct Ticket<'a> {
    pub seq: Seq,
    pub url: &'a str,
    pub token: &'a str,
    pub expires_at: Micros,
    pub cached: bool,
}

/// What is known of a snapshot, as JSON; with a ticket, what its maker gets.
pub fn describe(
    project: ProjectId,
    snapshot: SnapshotId,
    ticket: Option<&Ticket>,
) -> Result<Option<JsonDatum>> {
    macro_rules! described {
        ($more:literal, $mark:expr) => {
            concat!(
                "SELECT jsonb_build_object('snapshot_id', s.snapshot_id, 'project_id', s.project_id,
                    'after_seq', s.since_seq, 'format', s.format, 'size', s.size,
                    'content_hash', encode(s.content_hash, 'hex'), 'file_count', s.file_count,
                    'chunk_count', s.chunk_count, 'created_at', s.created_at, 'manifest', s.manifest,
                    'deleted', s.deleted, ",
                $more,
                $mark,
                ") AS described FROM quire_store.snapshot s WHERE s.project_id = $1 AND s.snapshot_id = $2"
            )
        };
    }
    const PLAIN: &str = described!("'seq', s.tree_seq, 'checksum', ", mark!("s.tree_seq"));
    const WITH_TICKET: &str = described!(
        "'seq', $3, 'url', $4, 'token', $5, 'expires_at', $6, 'cached', $7, 'checksum', ",
        mark!("$3")
    );
    let mut args: Vec<Arg> = vec![project.pg().into(), snapshot.pg().into()];
    let Some(ticket) = ticket else { return db::read_one(PLAIN, &args, |row| row.get("described")) };
    args.extend([
        ticket.seq.pg().into(),
        ticket.url.into(),
        ticket.token.into(),
        to_pg(ticket.expires_at)?.into(),
        ticket.cached.into(),
    ]);
    db::write_one(WITH_TICKET, &args, |row| row.get("described"))
}

/// One row of `list_snapshots`.
pub type SnapshotRow =
    (PgUuid, i64, Option<i64>, String, i64, String, i64, i32, PgUuid, TimestampWithTimeZone, String);

/// Snapshots, newest first.
pub fn list(project: ProjectId) -> Result<Vec<SnapshotRow>> {
    const SQL: &str = concat!(
        "SELECT s.snapshot_id, s.tree_seq, s.since_seq, s.format, s.size, encode(s.content_hash, 'hex') AS content_hash,
            s.file_count, s.chunk_count, s.created_by, s.created_at, ",
        mark!("s.tree_seq"),
        " AS checksum
        FROM quire_store.snapshot s WHERE s.project_id = $1 ORDER BY s.created_at DESC, s.snapshot_id"
    );
    db::read(SQL, &[project.pg().into()], |row| {
        Ok((
            row.get("snapshot_id")?,
            row.get("tree_seq")?,
            row.opt("since_seq")?,
            row.get("format")?,
            row.get("size")?,
            row.get("content_hash")?,
            row.get("file_count")?,
            row.get("chunk_count")?,
            row.get("created_by")?,
            row.get("created_at")?,
            row.get("checksum")?,
        ))
    })
}

/// Deletes a snapshot; `false` while somebody else uses or deletes it, for whom nobody waits.
pub fn delete(project: ProjectId, snapshot: SnapshotId) -> Result<bool> {
    const SQL: &str = "DELETE FROM quire_store.snapshot s
        USING (SELECT f.snapshot_id FROM quire_store.snapshot f
               WHERE f.project_id = $1 AND f.snapshot_id = $2 FOR UPDATE SKIP LOCKED) free
        WHERE s.project_id = $1 AND s.snapshot_id = free.snapshot_id RETURNING true";
    let args: [Arg; 2] = [project.pg().into(), snapshot.pg().into()];
    db::writes(SQL, &args)
}

/// Deletes what is neither among the newest nor young, unless somebody may still come for it. The one that has just been
/// made stays, whatever the clock says.
///
/// Whoever finds a snapshot holds it until their token is there for everybody. So it is locked first, and only a statement
/// that begins after that looks for tokens. In a transaction that sees an older state no statement does: there everything
/// stays until the next one is made.
///
/// Who cannot write deletes only those that are not announced: whoever makes one that is would wait for that.
pub fn delete_old(
    project: ProjectId,
    made: SnapshotId,
    keep: i64,
    max_age_days: i64,
    writes: bool,
) -> Result<()> {
    const LOCK: &str = "SELECT s.snapshot_id
        FROM quire_store.snapshot s
        JOIN (SELECT r.snapshot_id, row_number() OVER (ORDER BY r.created_at DESC, r.snapshot_id) AS rank
              FROM quire_store.snapshot r WHERE r.project_id = $1 AND r.snapshot_id <> $4) ranked USING (snapshot_id)
        WHERE s.project_id = $1
          AND ($5 OR NOT s.is_announced)
          AND (ranked.rank >= $2 OR s.created_at < $6 - make_interval(days => $3::int))
          AND NOT EXISTS (SELECT FROM quire_store.token t
                          WHERE t.project_id = $1 AND s.snapshot_id = ANY (t.snapshot_ids)
                            AND NOT EXISTS (SELECT FROM quire_store.token_revocation v
                                            WHERE v.project_id = $1 AND v.token_id = t.token_id)
                            AND t.expires_at > $6)
        FOR UPDATE OF s SKIP LOCKED";
    const DELETE: &str = "DELETE FROM quire_store.snapshot s
        WHERE s.project_id = $1 AND s.snapshot_id = ANY ($2)
          AND NOT EXISTS (SELECT FROM quire_store.token t
                          WHERE t.project_id = $1 AND s.snapshot_id = ANY (t.snapshot_ids)
                            AND NOT EXISTS (SELECT FROM quire_store.token_revocation v
                                            WHERE v.project_id = $1 AND v.token_id = t.token_id)
                            AND t.expires_at > $3)";
    if db::sees_older_state() {
        return Ok(());
    }
    let now = pg_now()?;
    let args: [Arg; 6] =
        [project.pg().into(), keep.into(), max_age_days.into(), made.pg().into(), writes.into(), now.into()];
    let old: Vec<PgUuid> = db::write(LOCK, &args, |row| row.get("snapshot_id"))?;
    if old.is_empty() { Ok(()) } else { db::exec(DELETE, &[project.pg().into(), old.into(), now.into()]) }
}

/// Refuses a snapshot of which some content is not present any more (PT410).
pub fn require_contents(project: ProjectId, id: SnapshotId) -> Result<()> {
    const SQL: &str = "SELECT b.hash, b.state, b.size, b.state_at, b.state_reason
        FROM quire_store.snapshot s
        CROSS JOIN LATERAL unnest(quire_store.manifest_hashes(s.manifest)) AS h (hash)
        JOIN LATERAL (
            SELECT * FROM quire_store.blob c WHERE c.project_id = $1 AND c.hash = decode(h.hash, 'hex') OFFSET 0) b ON true
        WHERE s.project_id = $1 AND s.snapshot_id = $2 AND b.state <> 0 LIMIT 1";
    let gone = db::write_one(SQL, &[project.pg().into(), id.pg().into()], |row| {
        Ok(blob::store::stored_from_row(row)?.gone(&row.get("hash")?))
    })?;
    gone.map_or(Ok(()), Err)
}

/// Headers of the answer, as a JSON array. PostgREST takes them from this setting:
/// <https://docs.postgrest.org/en/stable/references/transactions.html#response-headers>.
pub fn set_headers(headers: &str) -> Result<()> {
    const SQL: &str = "SELECT set_config('response.headers', $1, true) AS headers";
    db::read_one(SQL, &[headers.into()], |row| row.opt::<String>("headers")).map(drop)
}
