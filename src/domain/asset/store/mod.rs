//! SQL of assets and uploads.

pub mod logged;

use crate::blob;
use crate::db::clock::to_pg;
use crate::db::{self, Answer, Arg, Row};
use crate::ids::{ActorId, Pg, ProjectId, Seq};
use crate::log::LockedHead;
use crate::log::store::mark;
use pgrx::JsonB;
use quire_core::asset::{AppliedAssets, Asset, AssetsByHash, NewAsset};
use quire_core::error::Result;
use quire_core::event::AssetChange;
use quire_core::hash::Hash;
use quire_core::label::Label;
use std::collections::HashMap;

/// Most rows one INSERT carries.
const BATCH_ROWS: usize = 10_000;

pub fn label_from_row(row: &Row) -> Result<Label> {
    Ok(Label {
        filename: row.get("filename")?,
        media_type: row.get("media_type")?,
        asset_type: row.get("asset_type")?,
    })
}

/// Some assets, by their content.
pub fn load(project: ProjectId, hashes: &[Hash]) -> Result<AssetsByHash> {
    const SQL: &str = "SELECT a.content_hash, a.filename, a.media_type, a.asset_type, a.size, a.is_deleted, a.delete_reason
        FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.asset s WHERE s.project_id = $1 AND s.content_hash = w.hash OFFSET 0) a";
    let rows = db::read(SQL, &[project.pg().into(), blob::store::byte_array(hashes)], |row| {
        let asset = Asset {
            label: label_from_row(row)?,
            size: row.get("size")?,
            is_deleted: row.get("is_deleted")?,
            reason: row.opt("delete_reason")?,
        };
        Ok((row.get("content_hash")?, asset))
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
    db::read(SQL, &[project.pg().into(), seq.pg().into()], |row| {
        let asset =
            Asset { label: label_from_row(row)?, size: row.get("size")?, is_deleted: false, reason: None };
        Ok((row.get("content_hash")?, asset))
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
        ", 'actor', a.actor_id, 'updated_at', a.updated_at) AS described
        FROM quire_store.asset a WHERE a.project_id = $1 AND a.content_hash = $2"
    );
    db::read_one(SQL, &[project.pg().into(), hash.as_bytes().as_slice().into()], |row| row.get("described"))
}

/// Stores rows of the log, moves the assets to them, and counts their bytes.
pub fn insert(project: ProjectId, by: ActorId, bundle: &LockedHead, applied: &AppliedAssets) -> Result<()> {
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
        bundle.seq.pg().into(),
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
        bundle.seq.pg().into(),
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
pub fn changes(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, AssetChange)>> {
    const SQL: &str = "SELECT o.bundle_seq, o.content_hash, o.filename, o.media_type, o.asset_type, o.size,
            o.op = 'asset.delete' AS is_deleted, o.reason
        FROM quire_store.asset_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        ORDER BY o.bundle_seq, o.ordinal";
    db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
        let asset = Asset {
            label: label_from_row(row)?,
            size: row.get("size")?,
            is_deleted: row.get("is_deleted")?,
            reason: row.opt("reason")?,
        };
        let content_hash = row.get("content_hash")?;
        Ok((row.get("bundle_seq")?, AssetChange { content_hash, asset }))
    })
}

/// What a bundle did to an asset; `None` where it is not kept.
pub struct TouchedAsset {
    pub hash: Hash,
    pub before: Option<Label>,
    pub after: Option<Label>,
    pub now: Option<Label>,
    /// Bundle that made it what it is now.
    pub seq: Seq,
}

/// The assets a bundle touched.
pub fn touched_by(project: ProjectId, seq: Seq) -> Result<Vec<TouchedAsset>> {
    const SQL: &str = "SELECT a.content_hash, a.seq,
            b.op = 'asset.put' AS before_is_kept, b.filename AS before_filename, b.media_type AS before_media_type,
            b.asset_type AS before_asset_type,
            o.op = 'asset.put' AS after_is_kept, o.filename AS after_filename, o.media_type AS after_media_type,
            o.asset_type AS after_asset_type,
            NOT a.is_deleted AS now_is_kept, a.filename AS now_filename, a.media_type AS now_media_type,
            a.asset_type AS now_asset_type
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
    let label = |row: Row| -> Result<Option<Label>> {
        row.opt::<bool>("is_kept")?.unwrap_or(false).then(|| label_from_row(&row)).transpose()
    };
    db::read(SQL, &[project.pg().into(), seq.pg().into()], |row| {
        Ok(TouchedAsset {
            hash: row.get("content_hash")?,
            before: label(row.part("before_"))?,
            after: label(row.part("after_"))?,
            now: label(row.part("now_"))?,
            seq: row.get("seq")?,
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

/// The bundles that made some assets what they are, and whether they are kept.
pub fn made_by(project: ProjectId, hashes: &[Hash]) -> Result<HashMap<Hash, (Seq, bool)>> {
    const SQL: &str = "SELECT a.content_hash, a.seq, NOT a.is_deleted AS is_kept FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.asset s WHERE s.project_id = $1 AND s.content_hash = w.hash OFFSET 0) a";
    let rows = db::write(SQL, &[project.pg().into(), blob::store::byte_array(hashes)], |row| {
        Ok((row.get("content_hash")?, (row.get("seq")?, row.get("is_kept")?)))
    })?;
    Ok(rows.into_iter().collect())
}
