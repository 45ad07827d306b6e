//! SQL of assets and uploads.

use crate::blob;
use crate::bundle::store::{LockedHead, from_pg, mark, pg_now, to_pg};
use crate::db::{self, Answer, Arg, Row};
use crate::ids::{ActorId, ProjectId, Seq, uuid_to_pg};
use pgrx::{JsonB, Uuid as PgUuid};
use quire_core::asset::{Applied, Asset, Assets, Label, NewAsset};
use quire_core::error::Result;
use quire_core::event::AssetChange;
use quire_core::hash::Hash;
use quire_core::timestamp::Micros;
use std::collections::HashMap;
use uuid::Uuid;

/// Most rows one INSERT carries.
const BATCH_ROWS: usize = 10_000;

fn label_from_row(row: &Row, at: usize) -> Result<Label> {
    Ok(Label { filename: row.get(at)?, media_type: row.get(at + 1)?, asset_type: row.get(at + 2)? })
}

/// Some assets, by their content.
pub fn load(project: ProjectId, hashes: &[Hash]) -> Result<Assets> {
    const SQL: &str = "SELECT a.content_hash, a.filename, a.media_type, a.asset_type, a.size, a.is_deleted, a.delete_reason
        FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.asset s WHERE s.project_id = $1 AND s.content_hash = w.hash OFFSET 0) a";
    let rows = db::read(SQL, &[project.pg().into(), blob::store::byte_array(hashes)], |row| {
        let asset = Asset {
            label: label_from_row(row, 2)?,
            size: row.get(5)?,
            is_deleted: row.get(6)?,
            reason: row.opt(7)?,
        };
        Ok((Hash::from_bytes(row.get::<&[u8]>(1)?)?, asset))
    })?;
    Ok(rows.into_iter().collect())
}

/// The assets that were kept at a seq, by hash.
pub fn assets_at(project: ProjectId, seq: Seq) -> Result<Vec<(Hash, Asset)>> {
    const SQL: &str = "SELECT s.content_hash, s.filename, s.media_type, s.asset_type, s.size
        FROM (SELECT DISTINCT ON (o.content_hash) o.* FROM quire_store.asset_op o
              WHERE o.project_id = $1 AND o.bundle_seq <= $2
              ORDER BY o.content_hash, o.bundle_seq DESC, o.ordinal DESC) s
        WHERE s.op = 'asset.put'
        ORDER BY s.content_hash";
    db::read(SQL, &[project.pg().into(), seq.into()], |row| {
        let asset =
            Asset { label: label_from_row(row, 2)?, size: row.get(5)?, is_deleted: false, reason: None };
        Ok((Hash::from_bytes(row.get::<&[u8]>(1)?)?, asset))
    })
}

/// An asset as JSON, deleted or not.
pub fn describe(project: ProjectId, hash: &Hash) -> Result<Option<JsonB>> {
    const SQL: &str = concat!(
        "SELECT jsonb_build_object('content_hash', encode(a.content_hash, 'hex'), 'filename', a.filename,
            'media_type', a.media_type, 'asset_type', a.asset_type, 'size', a.size, 'is_deleted', a.is_deleted,
            'reason', a.delete_reason, 'state', (SELECT (ARRAY['present', 'archived', 'collected', 'quarantined'])[b.state + 1]
                FROM quire_store.blob b WHERE b.project_id = $1 AND b.hash = a.content_hash),
             'seq', a.seq, 'checksum', ",
        mark!("a.seq"),
        ", 'actor', a.actor_id, 'updated_at', a.updated_at)
        FROM quire_store.asset a WHERE a.project_id = $1 AND a.content_hash = $2"
    );
    db::read_one(SQL, &[project.pg().into(), hash.as_bytes().as_slice().into()], |row| row.get(1))
}

/// Stores rows of the log, moves the assets to them, and counts their bytes.
pub fn insert(project: ProjectId, by: ActorId, bundle: &LockedHead, applied: &Applied) -> Result<()> {
    const BYTES: &str =
        "UPDATE quire_store.project_head SET asset_bytes = asset_bytes + $2 WHERE project_id = $1";
    for batch in applied.rows.chunks(BATCH_ROWS) {
        insert_ops(project, bundle, batch)?;
    }
    let newest: HashMap<&Hash, &NewAsset> = applied.rows.iter().map(|row| (&row.hash, row)).collect();
    let mut newest: Vec<&NewAsset> = newest.into_values().collect();
    newest.sort_unstable_by_key(|row| row.hash);
    for batch in newest.chunks(BATCH_ROWS) {
        upsert_assets(project, by, bundle, batch)?;
    }
    if applied.live_bytes == 0 {
        return Ok(());
    }
    db::exec(BYTES, &[project.pg().into(), applied.live_bytes.into()])
}

fn column<'a, T>(rows: &[&'a NewAsset], value: impl Fn(&'a NewAsset) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}

fn insert_ops(project: ProjectId, bundle: &LockedHead, rows: &[NewAsset]) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.asset_op (project_id, bundle_seq, ordinal, op, content_hash, filename, media_type,
            asset_type, size, reason, op_checksum)
        SELECT $1, $2, n.ordinal, n.op, n.content_hash, n.filename, n.media_type, n.asset_type, n.size, n.reason,
            n.op_checksum
        FROM unnest($3::int[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[],
            $11::bytea[]) AS n (ordinal, op, content_hash, filename, media_type, asset_type, size, reason, op_checksum)";
    let rows: Vec<&NewAsset> = rows.iter().collect();
    let args: [Arg; 11] = [
        project.pg().into(),
        bundle.seq.into(),
        column(&rows, |row| row.ordinal).into(),
        column(&rows, |row| row.op).into(),
        blob::store::byte_array(&column(&rows, |row| row.hash)),
        column(&rows, |row| row.asset.label.filename.as_str()).into(),
        column(&rows, |row| row.asset.label.media_type.as_str()).into(),
        column(&rows, |row| row.asset.label.asset_type.as_str()).into(),
        column(&rows, |row| row.asset.size).into(),
        column(&rows, |row| row.asset.reason.as_deref()).into(),
        blob::store::byte_array(&column(&rows, |row| row.op_checksum)),
    ];
    db::exec(SQL, &args)
}

fn upsert_assets(project: ProjectId, by: ActorId, bundle: &LockedHead, rows: &[&NewAsset]) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.asset (project_id, content_hash, filename, media_type, asset_type, size, is_deleted,
            delete_reason, seq, actor_id, updated_at)
        SELECT $1, n.content_hash, n.filename, n.media_type, n.asset_type, n.size, n.is_deleted, n.reason, $2, $3, $4
        FROM unnest($5::bytea[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::boolean[], $11::text[])
            AS n (content_hash, filename, media_type, asset_type, size, is_deleted, reason)
        ON CONFLICT (project_id, content_hash) DO UPDATE
        SET filename = EXCLUDED.filename, media_type = EXCLUDED.media_type, asset_type = EXCLUDED.asset_type,
            is_deleted = EXCLUDED.is_deleted, delete_reason = EXCLUDED.delete_reason, seq = EXCLUDED.seq,
            actor_id = EXCLUDED.actor_id, updated_at = EXCLUDED.updated_at";
    let args: [Arg; 11] = [
        project.pg().into(),
        bundle.seq.into(),
        by.pg().into(),
        to_pg(bundle.committed_at)?.into(),
        blob::store::byte_array(&column(rows, |row| row.hash)),
        column(rows, |row| row.asset.label.filename.as_str()).into(),
        column(rows, |row| row.asset.label.media_type.as_str()).into(),
        column(rows, |row| row.asset.label.asset_type.as_str()).into(),
        column(rows, |row| row.asset.size).into(),
        column(rows, |row| row.asset.is_deleted).into(),
        column(rows, |row| row.asset.reason.as_deref()).into(),
    ];
    db::exec(SQL, &args)
}

/// Changes of assets after a seq and up to another, in log order.
pub fn changes(project: ProjectId, after: i64, up_to: i64) -> Result<Vec<(i64, AssetChange)>> {
    const SQL: &str = "SELECT o.bundle_seq, o.content_hash, o.filename, o.media_type, o.asset_type, o.size,
            o.op = 'asset.delete', o.reason
        FROM quire_store.asset_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        ORDER BY o.bundle_seq, o.ordinal";
    db::read(SQL, &[project.pg().into(), after.into(), up_to.into()], |row| {
        let asset = Asset {
            label: label_from_row(row, 3)?,
            size: row.get(6)?,
            is_deleted: row.get(7)?,
            reason: row.opt(8)?,
        };
        let content_hash = Hash::from_bytes(row.get::<&[u8]>(2)?)?;
        Ok((row.get(1)?, AssetChange { content_hash, asset }))
    })
}

/// An upload, locked.
pub struct Upload {
    pub actor: ActorId,
    pub label: Label,
    pub size: i64,
    pub expires_at: Micros,
}

pub fn begin(project: ProjectId, id: Uuid, by: ActorId, label: &Label, expires_at: Micros) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.upload (project_id, upload_id, actor_id, filename, media_type, asset_type, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let args: [Arg; 7] = [
        project.pg().into(),
        uuid_to_pg(id).into(),
        by.pg().into(),
        label.filename.as_str().into(),
        label.media_type.as_str().into(),
        label.asset_type.as_str().into(),
        to_pg(expires_at)?.into(),
    ];
    db::exec(SQL, &args)
}

/// Locks an upload: pieces and its end come one after the other.
pub fn lock_upload(project: ProjectId, id: Uuid) -> Result<Option<Upload>> {
    const SQL: &str = "SELECT actor_id, filename, media_type, asset_type, size, expires_at
        FROM quire_store.upload WHERE project_id = $1 AND upload_id = $2 FOR UPDATE";
    db::write_one(SQL, &[project.pg().into(), uuid_to_pg(id).into()], |row| {
        Ok(Upload {
            actor: ActorId::from_pg(row.get::<PgUuid>(1)?),
            label: label_from_row(row, 2)?,
            size: row.get(5)?,
            expires_at: row.get(6).map(from_pg)?,
        })
    })
}

/// Locks the uploads of a project. Who deletes the project does so before taking the head lock, as whoever finishes one does.
pub fn lock_uploads(project: ProjectId) -> Result<()> {
    const SQL: &str = "SELECT true FROM quire_store.upload
        WHERE project_id = $1 ORDER BY upload_id FOR UPDATE";
    db::exec(SQL, &[project.pg().into()])
}

/// How many uploads an actor has open in a project.
pub fn open_uploads(project: ProjectId, by: ActorId) -> Result<i64> {
    const SQL: &str = "SELECT count(*) FROM quire_store.upload WHERE project_id = $1 AND actor_id = $2";
    Ok(db::read_one(SQL, &[project.pg().into(), by.pg().into()], |row| row.get(1))?.unwrap_or(0))
}

/// Bytes of a project's current files and assets, and of all that is being uploaded.
pub fn bytes_with_uploads(project: ProjectId) -> Result<i64> {
    const SQL: &str = "SELECT h.live_bytes + h.asset_bytes + COALESCE((
            SELECT sum(u.size) FROM quire_store.upload u WHERE u.project_id = $1), 0)::bigint
        FROM quire_store.project_head h WHERE h.project_id = $1";
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.get(1))?.unwrap_or(0))
}

/// Hash of a piece.
pub fn piece_hash(project: ProjectId, id: Uuid, ordinal: i32) -> Result<Option<Hash>> {
    const SQL: &str = "SELECT hash FROM quire_store.upload_piece
        WHERE project_id = $1 AND upload_id = $2 AND ordinal = $3";
    db::write_one(SQL, &[project.pg().into(), uuid_to_pg(id).into(), ordinal.into()], |row| {
        Hash::from_bytes(row.get::<&[u8]>(1)?)
    })
}

pub fn add_piece(project: ProjectId, id: Uuid, ordinal: i32, hash: &Hash, bytes: &[u8]) -> Result<()> {
    const SQL: &str = "WITH piece AS (
            INSERT INTO quire_store.upload_piece (project_id, upload_id, ordinal, hash, bytes)
            VALUES ($1, $2, $3, $4, $5))
        UPDATE quire_store.upload SET size = size + octet_length($5) WHERE project_id = $1 AND upload_id = $2";
    let args: [Arg; 5] = [
        project.pg().into(),
        uuid_to_pg(id).into(),
        ordinal.into(),
        hash.as_bytes().as_slice().into(),
        bytes.into(),
    ];
    db::exec(SQL, &args)
}

/// The numbers of an upload's pieces, in order.
pub fn piece_ordinals(project: ProjectId, id: Uuid) -> Result<Vec<i32>> {
    const SQL: &str = "SELECT ordinal FROM quire_store.upload_piece
        WHERE project_id = $1 AND upload_id = $2 ORDER BY ordinal";
    db::write(SQL, &[project.pg().into(), uuid_to_pg(id).into()], |row| row.get(1))
}

/// Hands the bytes of a piece to `take`.
pub fn with_piece(
    project: ProjectId,
    id: Uuid,
    ordinal: i32,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    const SQL: &str = "SELECT bytes FROM quire_store.upload_piece
        WHERE project_id = $1 AND upload_id = $2 AND ordinal = $3";
    let args: [Arg; 3] = [project.pg().into(), uuid_to_pg(id).into(), ordinal.into()];
    db::write_one(SQL, &args, |row| row.get::<Vec<u8>>(1))?.map_or(Ok(()), |bytes| take(&bytes))
}

pub fn delete_upload(project: ProjectId, id: Uuid) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.upload WHERE project_id = $1 AND upload_id = $2";
    db::exec(SQL, &[project.pg().into(), uuid_to_pg(id).into()])
}

/// Removes uploads whose time is over, but for one, and those somebody is busy with.
pub fn delete_expired(project: ProjectId, but: Uuid) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.upload u
        WHERE u.project_id = $1 AND u.upload_id = ANY (ARRAY(
            SELECT e.upload_id FROM quire_store.upload e
            WHERE e.project_id = $1 AND e.upload_id <> $2 AND e.expires_at <= $3
            FOR UPDATE SKIP LOCKED))";
    db::exec(SQL, &[project.pg().into(), uuid_to_pg(but).into(), pg_now()?.into()])
}

/// What a bundle did to an asset; `None` where it is not kept.
pub struct Touched {
    pub hash: Hash,
    pub before: Option<Label>,
    pub after: Option<Label>,
    pub now: Option<Label>,
    /// Bundle that made it what it is now.
    pub seq: i64,
}

/// The assets a bundle touched.
pub fn touched_by(project: ProjectId, seq: i64) -> Result<Vec<Touched>> {
    const SQL: &str = "SELECT a.content_hash, b.op = 'asset.put', b.filename, b.media_type, b.asset_type,
            o.op = 'asset.put', o.filename, o.media_type, o.asset_type,
            NOT a.is_deleted, a.filename, a.media_type, a.asset_type, a.seq
        FROM (SELECT DISTINCT ON (t.content_hash) t.* FROM quire_store.asset_op t
              WHERE t.project_id = $1 AND t.bundle_seq = $2
              ORDER BY t.content_hash, t.ordinal DESC) o
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.asset s WHERE s.project_id = $1 AND s.content_hash = o.content_hash OFFSET 0) a
        LEFT JOIN LATERAL (
            SELECT p.* FROM quire_store.asset_op p
            WHERE p.project_id = $1 AND p.content_hash = o.content_hash AND p.bundle_seq < $2
            ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) b ON true
        ORDER BY a.content_hash";
    let label = |row: &Row, at: usize| -> Result<Option<Label>> {
        if row.opt::<bool>(at)?.unwrap_or(false) { label_from_row(row, at + 1).map(Some) } else { Ok(None) }
    };
    db::read(SQL, &[project.pg().into(), seq.into()], |row| {
        Ok(Touched {
            hash: Hash::from_bytes(row.get::<&[u8]>(1)?)?,
            before: label(row, 2)?,
            after: label(row, 6)?,
            now: label(row, 10)?,
            seq: row.get(14)?,
        })
    })
}

/// Live assets, by type and name.
pub fn list_assets(answer: Answer, project: ProjectId, asset_type: Option<&str>) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT encode(a.content_hash, 'hex'), a.filename, a.media_type, a.asset_type, a.size, a.seq,
            a.actor_id, a.updated_at, ",
        mark!("a.seq"),
        "
        FROM quire_store.asset a
        WHERE a.project_id = $1 AND NOT a.is_deleted AND ($2 IS NULL OR a.asset_type = $2)
        ORDER BY a.asset_type COLLATE \"C\", a.filename COLLATE \"C\", a.content_hash"
    );
    answer.fill(SQL, &[project.pg().into(), asset_type.into()])
}
