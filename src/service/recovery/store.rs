//! SQL of verification and repair, of what belongs to no domain.

use crate::db::clock::{from_pg, pg_now, to_pg};
use crate::db::{self, Arg};
use crate::ids::{Pg, ProjectId, QuarantineId, Seq};
use quire_core::audit::LoggedBundle;
use quire_core::chain::BundleHeader;
use quire_core::error::Result;
use quire_core::hash::Hash;

/// What the head row of project `$1` counts, counted anew: `f` (files, bytes, last_id) and `a` (bytes of assets).
macro_rules! totals {
    () => {
        "(SELECT count(*) FILTER (WHERE NOT e.is_deleted) AS files,
                COALESCE(sum(e.size) FILTER (WHERE NOT e.is_deleted), 0)::bigint AS bytes,
                COALESCE(max(e.file_id), 0) AS last_id
            FROM quire_store.file_head e WHERE e.project_id = $1) f
        CROSS JOIN (
            SELECT COALESCE(sum(s.size), 0)::bigint AS bytes
            FROM quire_store.asset s WHERE s.project_id = $1 AND NOT s.is_deleted) a
        CROSS JOIN (
            SELECT COALESCE(sum(c.bytes), 0)::bigint AS bytes
            FROM (
                SELECT octet_length(c.bytes) AS bytes FROM quire_store.doc_change c WHERE c.project_id = $1
                UNION ALL
                SELECT p.change_bytes FROM quire_store.doc_pack p WHERE p.project_id = $1) c) d
        CROSS JOIN (
            SELECT COALESCE(sum(octet_length(array_to_string(k.key, '')) + COALESCE(octet_length(k.data), 0)), 0)::bigint AS bytes
            FROM quire_store.doc_storage k WHERE k.project_id = $1) g"
    };
}

/// Bundles after a seq and up to another, without operations.
pub fn bundles(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<LoggedBundle>> {
    const SQL: &str =
        "SELECT b.seq, b.bundle_id, b.kind, b.actor_id, b.message, b.correlation_id, b.base_seq,
            b.undoes_seq, b.committed_at, b.prev_checksum, b.checksum, b.op_count
        FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq > $2 AND b.seq <= $3 ORDER BY b.seq";
    db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
        let header = BundleHeader {
            project_id: project,
            seq: row.get("seq")?,
            bundle_id: row.get("bundle_id")?,
            kind: row.get("kind")?,
            actor_id: row.get("actor_id")?,
            message: row.opt("message")?,
            correlation_id: row.opt("correlation_id")?,
            base_seq: row.opt("base_seq")?,
            undoes_seq: row.opt("undoes_seq")?,
            committed_at: from_pg(row.get("committed_at")?),
        };
        Ok(LoggedBundle {
            header,
            previous: row.hash_if_any("prev_checksum")?.unwrap_or(Hash::ZERO),
            checksum: row.hash_if_any("checksum")?.unwrap_or(Hash::ZERO),
            op_count: row.get("op_count")?,
            ops: Vec::new(),
        })
    })
}

/// The first bundle after a seq.
pub fn next_bundle(project: ProjectId, after: Seq) -> Result<Option<Seq>> {
    const SQL: &str = "SELECT b.seq FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.seq > $2 ORDER BY b.seq LIMIT 1";
    db::read_one(SQL, &[project.pg().into(), after.pg().into()], |row| row.get("seq"))
}

/// What the head row says: seq and checksum.
pub fn head(project: ProjectId) -> Result<(Seq, Hash)> {
    const SQL: &str = "SELECT h.seq, h.checksum FROM quire_store.project_head h WHERE h.project_id = $1";
    let head =
        db::read_one(SQL, &[project.pg().into()], |row| Ok((row.get("seq")?, row.hash_if_any("checksum")?)))?;
    Ok(head.map_or((Seq::ZERO, Hash::ZERO), |(seq, checksum)| (seq, checksum.unwrap_or(Hash::ZERO))))
}

/// A content, but for its bytes.
pub struct StoredBlob {
    pub hash: Hash,
    pub size: i64,
    pub is_chunked: bool,
    /// Whether its state is none, or one that has no bytes and it has some.
    pub is_odd: bool,
}

/// Contents after a hash, by hash. What has no hash any more is missing under the one it had.
pub fn blobs(project: ProjectId, after: Option<&Hash>, limit: i64) -> Result<Vec<StoredBlob>> {
    const SQL: &str = "SELECT b.hash, b.size, b.chunk_count > 0 AS is_chunked,
            b.state NOT IN (0, 1, 2, 3)
            OR b.state IN (1, 2) AND (octet_length(b.bytes) > 0 OR b.chunk_count <> 0 OR EXISTS (
                SELECT FROM quire_store.blob_chunk c WHERE c.project_id = $1 AND c.hash = b.hash)) AS is_odd
        FROM quire_store.blob b
        WHERE b.project_id = $1 AND octet_length(b.hash) = 32 AND b.hash > COALESCE($2::bytea, '')
        ORDER BY b.hash LIMIT $3";
    let after = after.map(|hash| hash.as_bytes().as_slice());
    db::read(SQL, &[project.pg().into(), after.into(), limit.into()], |row| {
        let hash = row.get("hash")?;
        Ok(StoredBlob {
            hash,
            size: row.get("size")?,
            is_chunked: row.get("is_chunked")?,
            is_odd: row.get("is_odd")?,
        })
    })
}

/// Marks a blob that has bytes: its readers get its entry.
pub fn mark_blob(project: ProjectId, hash: &Hash, entry: QuarantineId) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.blob SET state = 3, state_at = $4, state_reason = $3
        WHERE project_id = $1 AND hash = $2
          AND (state NOT IN (1, 2, 3) OR state <> 3 AND (octet_length(bytes) > 0 OR chunk_count <> 0))";
    let entry = entry.to_string();
    let args: [Arg; 4] =
        [project.pg().into(), hash.as_bytes().as_slice().into(), entry.as_str().into(), pg_now()?.into()];
    db::exec(SQL, &args)
}

/// Empties a blob in quarantine, which is then collected; so is one that is missing, of the size that is said of it.
pub fn discard_blob(project: ProjectId, hash: &Hash, size: Option<i64>, why: &str) -> Result<()> {
    const CHUNKS: &str =
        "DELETE FROM quire_store.blob_chunk c WHERE c.project_id = $1 AND c.hash = $2 AND EXISTS (
            SELECT FROM quire_store.blob b WHERE b.project_id = $1 AND b.hash = $2 AND b.state = 3)";
    const SQL: &str = "UPDATE quire_store.blob
        SET bytes = '', codec = 0, chunk_count = 0, state = 2, state_at = $4, state_reason = $3
        WHERE project_id = $1 AND hash = $2 AND state = 3";
    const MISSING: &str = "INSERT INTO quire_store.blob
            (project_id, hash, size, codec, chunk_count, state, state_at, state_reason, bytes)
        VALUES ($1, $2, $5, 0, 0, 2, $4, $3, '')
        ON CONFLICT DO NOTHING";
    let key = hash.as_bytes().as_slice();
    db::exec(CHUNKS, &[project.pg().into(), key.into()])?;
    let at = pg_now()?;
    db::exec(SQL, &[project.pg().into(), key.into(), why.into(), at.into()])?;
    let Some(size) = size else { return Ok(()) };
    db::exec(MISSING, &[project.pg().into(), key.into(), why.into(), at.into(), size.into()])
}

/// Whether what the head row counts is not what there is.
pub fn has_stray_totals(project: ProjectId) -> Result<bool> {
    const SQL: &str = concat!(
        "SELECT (h.live_files, h.live_bytes, h.asset_bytes, h.doc_bytes, h.storage_bytes)
                IS DISTINCT FROM (f.files, f.bytes, a.bytes, d.bytes, g.bytes)
            OR h.next_file_id <= f.last_id
            OR h.committed_at <> b.committed_at AS is_stray
        FROM quire_store.project_head h
        CROSS JOIN ",
        totals!(),
        "
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = h.seq OFFSET 0) b ON true
        WHERE h.project_id = $1"
    );
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.opt::<bool>("is_stray"))?
        .flatten()
        .unwrap_or(false))
}

/// Counts anew what the head row counts.
pub fn repair_totals(project: ProjectId) -> Result<()> {
    const SQL: &str = concat!(
        "UPDATE quire_store.project_head h
        SET live_files = f.files, live_bytes = f.bytes, asset_bytes = a.bytes, doc_bytes = d.bytes,
            storage_bytes = g.bytes, next_file_id = greatest(h.next_file_id, f.last_id + 1),
            committed_at = COALESCE(b.committed_at, h.committed_at)
        FROM ",
        totals!(),
        "
        LEFT JOIN LATERAL (
            SELECT u.committed_at FROM quire_store.bundle u WHERE u.project_id = $1 ORDER BY u.seq DESC LIMIT 1) b ON true
        WHERE h.project_id = $1"
    );
    db::exec(SQL, &[project.pg().into()])
}

/// Writes the checksums of a bundle into its row, and into the head row if it is the newest.
pub fn repair_bundle_checksums(project: ProjectId, seq: Seq, previous: &Hash, checksum: &Hash) -> Result<()> {
    const SQL: &str = "WITH head AS (
            UPDATE quire_store.project_head SET checksum = $4 WHERE project_id = $1 AND seq = $2)
        UPDATE quire_store.bundle SET prev_checksum = $3, checksum = $4 WHERE project_id = $1 AND seq = $2";
    let args: [Arg; 4] = [
        project.pg().into(),
        seq.pg().into(),
        previous.as_bytes().as_slice().into(),
        checksum.as_bytes().as_slice().into(),
    ];
    db::exec(SQL, &args)
}

/// Writes the header of a bundle into its row again.
pub fn repair_header(project: ProjectId, header: &BundleHeader, op_count: i32) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.bundle
        SET bundle_id = $3, kind = $4, actor_id = $5, message = $6, correlation_id = $7, base_seq = $8, undoes_seq = $9,
            committed_at = $10, op_count = $11
        WHERE project_id = $1 AND seq = $2";
    let args: [Arg; 11] = [
        project.pg().into(),
        header.seq.pg().into(),
        header.bundle_id.pg().into(),
        header.kind.as_str().into(),
        header.actor_id.pg().into(),
        header.message.as_deref().into(),
        header.correlation_id.map(Pg::pg).into(),
        header.base_seq.map(Pg::pg).into(),
        header.undoes_seq.map(Pg::pg).into(),
        to_pg(header.committed_at)?.into(),
        op_count.into(),
    ];
    db::exec(SQL, &args)
}
