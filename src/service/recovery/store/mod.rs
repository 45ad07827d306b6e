//! SQL of verification and of the quarantine; of repairs in `mend`.

/// What the head row of project `$1` counts, counted anew: `f` (files, bytes, last_id) and `a` (bytes of assets).
macro_rules! totals {
    () => {
        "(SELECT count(*) FILTER (WHERE NOT e.is_deleted) AS files,
                COALESCE(sum(e.size) FILTER (WHERE NOT e.is_deleted), 0)::bigint AS bytes,
                COALESCE(max(e.file_id), 0) AS last_id
            FROM quire_store.file_head e WHERE e.project_id = $1) f
        CROSS JOIN (
            SELECT COALESCE(sum(s.size), 0)::bigint AS bytes
            FROM quire_store.asset s WHERE s.project_id = $1 AND NOT s.is_deleted) a"
    };
}

mod mend;
mod stray;

use crate::db::clock::{from_pg, pg_now};
use crate::db::{self, Arg, Row};
use crate::domain::entity::store::select_fields_at;
use crate::ids::{ProjectId, Seq, uuid_from_pg};
pub use mend::{
    allow_mending, mend_asset, mend_asset_op, mend_bundle_checksums, mend_field, mend_field_op,
    mend_file_head, mend_file_op, mend_header, mend_op_checksum, mend_totals, mend_version,
};
use pgrx::{JsonB, Uuid as PgUuid};
use quire_core::asset::Label;
use quire_core::audit::LoggedBundle;
use quire_core::chain::BundleHeader;
use quire_core::error::{Error, Result};
use quire_core::field::{EntityKey, FieldKey, write_op};
use quire_core::hash::Hash;
use quire_core::json::{JsonValue, inexact_number};
use quire_core::op::{Mode, Op};
use quire_core::path::FilePath;
use quire_core::replay::{Asset, File, State};
use serde_json::{Value, json};
pub use stray::{has_stray_totals, stray_assets, stray_fields, stray_heads, stray_versions};
use uuid::Uuid;

/// An operation as its row tells.
pub struct StoredOp {
    pub ordinal: i32,
    /// `file_op`, `field_op` or `bundle`: where the row is.
    pub kind: &'static str,
    /// `None` when the row makes no operation.
    pub op: Option<Op>,
    pub stored: Option<Hash>,
}

/// Bundles after a seq and up to another, without operations.
pub fn bundles(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<LoggedBundle>> {
    const SQL: &str =
        "SELECT b.seq, b.bundle_id, b.kind, b.actor_id, b.message, b.correlation_id, b.base_seq,
            b.undoes_seq, b.committed_at, b.prev_checksum, b.checksum, b.op_count
        FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq > $2 AND b.seq <= $3 ORDER BY b.seq";
    db::read(SQL, &[project.pg().into(), after.into(), up_to.into()], |row| {
        let header = BundleHeader {
            project_id: project.0,
            seq: row.get(1)?,
            bundle_id: uuid_from_pg(row.get(2)?),
            kind: row.get(3)?,
            actor_id: uuid_from_pg(row.get(4)?),
            message: row.opt(5)?,
            correlation_id: row.opt::<PgUuid>(6)?.map(uuid_from_pg),
            base_seq: row.opt(7)?,
            undoes_seq: row.opt(8)?,
            committed_at: from_pg(row.get(9)?),
        };
        Ok(LoggedBundle {
            header,
            previous: hash(row, 10)?.unwrap_or(Hash::ZERO),
            checksum: hash(row, 11)?.unwrap_or(Hash::ZERO),
            op_count: row.get(12)?,
            ops: Vec::new(),
        })
    })
}

/// The first bundle after a seq.
pub fn next_bundle(project: ProjectId, after: Seq) -> Result<Option<Seq>> {
    const SQL: &str = "SELECT b.seq FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.seq > $2 ORDER BY b.seq LIMIT 1";
    db::read_one(SQL, &[project.pg().into(), after.into()], |row| row.get(1))
}

/// A hash as far as the stored bytes make one.
fn hash(row: &Row, at: usize) -> Result<Option<Hash>> {
    Ok(row.opt::<&[u8]>(at)?.and_then(|bytes| Hash::from_bytes(bytes).ok()))
}

/// Operations after a seq and up to another, in log order.
pub fn ops(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>> {
    const FILES: &str = "SELECT f.bundle_seq, f.ordinal, f.op, h.file_path, m.file_path, f.file_type, f.mode,
            f.content_hash, f.size, f.op_checksum
        FROM quire_store.project_files f
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.file_head h WHERE h.project_id = $1 AND h.file_id = f.file_id OFFSET 0) h ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.file_head m WHERE m.project_id = $1 AND m.file_id = f.moved_file_id OFFSET 0) m ON true
        WHERE f.project_id = $1 AND f.bundle_seq > $2 AND f.bundle_seq <= $3
          AND NOT (f.op = 'file.move' AND f.op_checksum IS NULL)
        ORDER BY f.bundle_seq, f.ordinal";
    const FIELDS: &str =
        "SELECT o.bundle_seq, o.ordinal, o.op, o.entity_type, o.entity_id, o.field, o.value::text, o.op_checksum
        FROM quire_store.entity_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3 AND o.part = 1
        ORDER BY o.bundle_seq, o.ordinal";
    // A deletion's row says again what the one before it said.
    const ASSETS: &str = "SELECT o.bundle_seq, o.ordinal, o.op, o.content_hash, o.filename, o.media_type, o.asset_type, o.size,
            o.reason, o.op_checksum, o.op = 'asset.delete' AND NOT EXISTS (
                SELECT FROM (SELECT * FROM quire_store.asset_op p
                             WHERE p.project_id = $1 AND p.content_hash = o.content_hash
                               AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
                             ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) b
                WHERE (b.filename, b.media_type, b.asset_type, b.size) = (o.filename, o.media_type, o.asset_type, o.size))
        FROM quire_store.asset_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        ORDER BY o.bundle_seq, o.ordinal";
    const OTHERS: &str = "SELECT b.seq, b.details -> 'op', b.details ->> 'op_checksum'
        FROM quire_store.bundle b
        WHERE b.project_id = $1 AND b.seq > $2 AND b.seq <= $3 AND b.kind = 'system'
        ORDER BY b.seq";
    let args = || -> [Arg; 3] { [project.pg().into(), after.into(), up_to.into()] };
    let mut ops = db::read(FILES, &args(), |row| {
        let op = file_op(row)?;
        Ok((row.get(1)?, StoredOp { ordinal: row.get(2)?, kind: "file_op", op, stored: hash(row, 10)? }))
    })?;
    ops.extend(db::read(FIELDS, &args(), |row| {
        let op = field_op(row)?;
        Ok((row.get(1)?, StoredOp { ordinal: row.get(2)?, kind: "field_op", op, stored: hash(row, 8)? }))
    })?);
    ops.extend(db::read(ASSETS, &args(), |row| {
        let op = asset_op(row)?;
        Ok((row.get(1)?, StoredOp { ordinal: row.get(2)?, kind: "asset_op", op, stored: hash(row, 10)? }))
    })?);
    ops.extend(db::read(OTHERS, &args(), |row| {
        let op = row.opt::<JsonB>(2)?.and_then(|op| Op::parse("op", &op.0).ok());
        let stored = row.opt::<&str>(3)?.and_then(Hash::from_hex);
        Ok((row.get(1)?, StoredOp { ordinal: 1, kind: "bundle", op, stored }))
    })?);
    ops.sort_by_key(|(seq, op)| (*seq, op.ordinal));
    Ok(ops)
}

fn file_op(row: &Row) -> Result<Option<Op>> {
    let path = |at| -> Result<Option<FilePath>> { Ok(row.opt(at)?.map(FilePath::from_stored)) };
    let Some(file_path) = path(4)? else { return Ok(None) };
    Ok(match row.get::<&str>(3)? {
        "file.put" => match (hash(row, 8)?, Mode::parse(row.get(7)?)) {
            (Some(content_hash), Ok(mode)) => {
                Some(Op::FilePut { file_path, file_type: row.get(6)?, mode, content_hash, size: row.get(9)? })
            }
            _ => None,
        },
        "file.delete" => Some(Op::FileDelete { file_path }),
        "file.move" => path(5)?.map(|from_path| Op::FileMove { from_path, to_path: file_path }),
        _ => None,
    })
}

fn field_op(row: &Row) -> Result<Option<Op>> {
    let entity = EntityKey { entity_type: row.get(4)?, entity_id: row.get(5)? };
    let Ok(value) = row.opt::<&str>(7)?.map(stored_value).transpose() else { return Ok(None) };
    Ok(match (row.get::<&str>(3)?, value) {
        ("entity.delete", None) => {
            Some(Op::EntityDelete { entity_type: entity.entity_type, entity_id: entity.entity_id })
        }
        ("field.set", Some(value)) => Some(write_op(&FieldKey { entity, field: row.get(6)? }, Some(&value))),
        ("field.unset", None) => Some(write_op(&FieldKey { entity, field: row.get(6)? }, None)),
        _ => None,
    })
}

/// A value as PostgreSQL prints it, in canonical form; an error when it is one that was never accepted.
fn stored_value(text: &str) -> Result<JsonValue> {
    match (inexact_number(text), serde_json::from_str(text)) {
        (None, Ok(value)) => JsonValue::of(&value),
        _ => Err(Error::internal("a stored value cannot be read")),
    }
}

fn asset_op(row: &Row) -> Result<Option<Op>> {
    let Some(content_hash) = hash(row, 4)?.filter(|_| row.get::<bool>(11) == Ok(false)) else {
        return Ok(None);
    };
    Ok(match row.get::<&str>(3)? {
        "asset.put" => Some(Op::AssetPut {
            content_hash,
            filename: row.get(5)?,
            media_type: row.get(6)?,
            asset_type: row.get(7)?,
            size: row.get(8)?,
        }),
        "asset.delete" => Some(Op::AssetDelete { content_hash, reason: row.opt(9)? }),
        _ => None,
    })
}

/// What the head row says: seq and checksum.
pub fn head(project: ProjectId) -> Result<(Seq, Hash)> {
    const SQL: &str = "SELECT h.seq, h.checksum FROM quire_store.project_head h WHERE h.project_id = $1";
    let head = db::read_one(SQL, &[project.pg().into()], |row| Ok((row.get(1)?, hash(row, 2)?)))?;
    Ok(head.map_or((0, Hash::ZERO), |(seq, checksum)| (seq, checksum.unwrap_or(Hash::ZERO))))
}

/// The files and fields that a project's tables show at a seq.
pub fn state_at(project: ProjectId, seq: Seq) -> Result<State> {
    const FILES: &str = "SELECT h.file_path, f.content_hash, f.file_type, f.mode, f.size
        FROM quire_store.file_head h
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.project_files v
            WHERE v.project_id = $1 AND v.file_id = h.file_id AND v.bundle_seq <= $2
            ORDER BY v.bundle_seq DESC, v.version DESC LIMIT 1) f
        WHERE h.project_id = $1 AND NOT f.is_deleted";
    const FIELDS: &str = select_fields_at!("o.value::text");
    const ASSETS: &str =
        "SELECT DISTINCT ON (o.content_hash) o.content_hash, o.filename, o.media_type, o.asset_type, o.size,
            o.op = 'asset.delete'
        FROM quire_store.asset_op o WHERE o.project_id = $1 AND o.bundle_seq <= $2
        ORDER BY o.content_hash, o.bundle_seq DESC, o.ordinal DESC";
    state(FILES, FIELDS, ASSETS, &[project.pg().into(), seq.into()])
}

/// The files and fields that a project's tables of current state show.
pub fn current_state(project: ProjectId) -> Result<State> {
    const FILES: &str = "SELECT h.file_path, h.content_hash, h.file_type, h.mode, h.size
        FROM quire_store.file_head h WHERE h.project_id = $1 AND NOT h.is_deleted";
    const FIELDS: &str = "SELECT e.entity_type, e.entity_id, e.field, e.value::text
        FROM quire_store.entity_field e WHERE e.project_id = $1 AND e.value IS NOT NULL";
    const ASSETS: &str = "SELECT a.content_hash, a.filename, a.media_type, a.asset_type, a.size, a.is_deleted
        FROM quire_store.asset a WHERE a.project_id = $1";
    state(FILES, FIELDS, ASSETS, &[project.pg().into()])
}

fn state(files: &'static str, fields: &'static str, assets: &'static str, args: &[Arg]) -> Result<State> {
    let files = db::read(files, args, |row| {
        let file = File {
            content_hash: hash(row, 2)?.unwrap_or(Hash::ZERO),
            file_type: row.get(3)?,
            mode: Mode::parse(row.get(4)?).unwrap_or_default(),
            size: row.get(5)?,
        };
        Ok((FilePath::from_stored(row.get(1)?), file))
    })?;
    let fields = db::read(fields, args, |row| {
        let entity = EntityKey { entity_type: row.get(1)?, entity_id: row.get(2)? };
        let value = stored_value(row.get(4)?).or_else(|_| JsonValue::of(&json!({"unreadable": true})))?;
        Ok((FieldKey { entity, field: row.get(3)? }, value))
    })?;
    let assets = db::read(assets, args, |row| {
        let label = Label { filename: row.get(2)?, media_type: row.get(3)?, asset_type: row.get(4)? };
        let asset = Asset { label, size: row.get(5)? };
        Ok((hash(row, 1)?.unwrap_or(Hash::ZERO), asset, row.get::<bool>(6)?))
    })?;
    let assets =
        assets.into_iter().filter(|(.., is_deleted)| !is_deleted).map(|(hash, asset, _)| (hash, asset));
    Ok(State {
        files: files.into_iter().collect(),
        fields: fields.into_iter().collect(),
        assets: assets.collect(),
    })
}

/// A content, but for its bytes.
pub struct StoredBlob {
    pub hash: Hash,
    pub size: i64,
    pub is_chunked: bool,
    /// Whether its state is none, or one that has no bytes and it has some.
    pub is_odd: bool,
}

/// Contents after a hash, by hash. What stands under no hash is missing under the one it had.
pub fn blobs(project: ProjectId, after: Option<&Hash>, limit: i64) -> Result<Vec<StoredBlob>> {
    const SQL: &str = "SELECT b.hash, b.size, b.chunk_count > 0,
            b.state NOT IN (0, 1, 2, 3)
            OR b.state IN (1, 2) AND (octet_length(b.bytes) > 0 OR b.chunk_count <> 0 OR EXISTS (
                SELECT FROM quire_store.blob_chunk c WHERE c.project_id = $1 AND c.hash = b.hash))
        FROM quire_store.blob b
        WHERE b.project_id = $1 AND octet_length(b.hash) = 32 AND b.hash > COALESCE($2::bytea, '')
        ORDER BY b.hash LIMIT $3";
    let after = after.map(|hash| hash.as_bytes().as_slice());
    db::read(SQL, &[project.pg().into(), after.into(), limit.into()], |row| {
        let hash = Hash::from_bytes(row.get::<&[u8]>(1)?)?;
        Ok(StoredBlob { hash, size: row.get(2)?, is_chunked: row.get(3)?, is_odd: row.get(4)? })
    })
}

/// Contents that versions or assets name and the blob store does not have.
pub fn missing_blobs(project: ProjectId) -> Result<Vec<Hash>> {
    const SQL: &str = "SELECT n.hash FROM (
            SELECT f.content_hash AS hash FROM quire_store.project_files f WHERE f.project_id = $1
            UNION
            SELECT a.content_hash FROM quire_store.asset a WHERE a.project_id = $1) n
        WHERE octet_length(n.hash) = 32
          AND NOT EXISTS (SELECT FROM quire_store.blob b WHERE b.project_id = $1 AND b.hash = n.hash)";
    db::read(SQL, &[project.pg().into()], |row| Hash::from_bytes(row.get::<&[u8]>(1)?))
}

/// Marks a blob that has bytes: readers are told of its entry.
pub fn mark_blob(project: ProjectId, hash: &Hash, entry: Uuid) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.blob SET state = 3, state_at = $4, state_reason = $3
        WHERE project_id = $1 AND hash = $2
          AND (state NOT IN (1, 2, 3) OR state <> 3 AND (octet_length(bytes) > 0 OR chunk_count <> 0))";
    let entry = entry.to_string();
    let args: [Arg; 4] =
        [project.pg().into(), hash.as_bytes().as_slice().into(), entry.as_str().into(), pg_now()?.into()];
    db::exec(SQL, &args)
}

/// Empties a blob in quarantine, which is then collected; so is one that is missing.
pub fn give_up_blob(project: ProjectId, hash: &Hash, why: &str) -> Result<()> {
    const CHUNKS: &str =
        "DELETE FROM quire_store.blob_chunk c WHERE c.project_id = $1 AND c.hash = $2 AND EXISTS (
            SELECT FROM quire_store.blob b WHERE b.project_id = $1 AND b.hash = $2 AND b.state = 3)";
    const SQL: &str = "UPDATE quire_store.blob
        SET bytes = '', codec = 0, chunk_count = 0, state = 2, state_at = $4, state_reason = $3
        WHERE project_id = $1 AND hash = $2 AND state = 3";
    const MISSING: &str = "INSERT INTO quire_store.blob
            (project_id, hash, size, codec, chunk_count, state, state_at, state_reason, bytes)
        SELECT $1, $2, n.size, 0, 0, 2, $4, $3, ''
        FROM (SELECT f.size FROM quire_store.project_files f WHERE f.project_id = $1 AND f.content_hash = $2
              UNION ALL
              SELECT a.size FROM quire_store.asset a WHERE a.project_id = $1 AND a.content_hash = $2) n
        LIMIT 1
        ON CONFLICT DO NOTHING";
    let key = hash.as_bytes().as_slice();
    db::exec(CHUNKS, &[project.pg().into(), key.into()])?;
    let args: [Arg; 4] = [project.pg().into(), key.into(), why.into(), pg_now()?.into()];
    db::exec(SQL, &args)?;
    db::exec(MISSING, &args)
}

/// A field's place in a key of the quarantine.
pub fn field_key(key: &FieldKey) -> Value {
    json!({"entity_type": key.entity.entity_type, "entity_id": key.entity.entity_id, "field": key.field})
}
