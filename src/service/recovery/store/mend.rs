//! SQL of repairs.

use crate::db::clock::to_pg;
use crate::db::{self, Arg};
use crate::ids::{ProjectId, Seq, uuid_to_pg};
use quire_core::chain::BundleHeader;
use quire_core::error::Result;
use quire_core::field::FieldKey;
use quire_core::hash::Hash;
use quire_core::json::JsonValue;
use quire_core::op::Op;
use quire_core::path::FilePath;

/// Lets the log's rows be mended until it is called again with `false`; only their owner can, and only here it does.
pub fn allow_mending(is_allowed: bool) -> Result<()> {
    const SQL: &str = "SELECT set_config('quire_store.mending', $1, true)";
    db::exec(SQL, &[if is_allowed { "on" } else { "" }.into()])
}

/// Writes an operation on a file into its row again.
pub fn mend_file_op(project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()> {
    const PUT: &str = "UPDATE quire_store.project_files
        SET op = 'file.put', file_type = $4, mode = $5, content_hash = $6, size = $7, is_deleted = false
        WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
    const DELETE: &str = "UPDATE quire_store.project_files
        SET op = 'file.delete', content_hash = NULL, size = 0, is_deleted = true, is_binary = false
        WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
    const MOVE: &str = "UPDATE quire_store.project_files SET op = 'file.move'
        WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
    const PATH: &str = "UPDATE quire_store.file_head h SET file_path = $4
        FROM quire_store.project_files f
        WHERE f.project_id = $1 AND f.bundle_seq = $2 AND f.ordinal = $3 AND f.is_deleted = $5
          AND h.project_id = $1 AND h.file_id = f.file_id AND h.file_path <> $4";
    let row = || -> Vec<Arg> { vec![project.pg().into(), seq.into(), ordinal.into()] };
    let path = |path: &FilePath, is_deleted: bool| {
        let mut args = row();
        args.extend([path.as_str().into(), is_deleted.into()]);
        db::exec(PATH, &args)
    };
    match op {
        Op::FilePut { file_path, file_type, mode, content_hash, size } => {
            let mut args = row();
            args.extend([
                file_type.as_str().into(),
                mode.as_str().into(),
                content_hash.as_bytes().as_slice().into(),
                (*size).into(),
            ]);
            db::exec(PUT, &args)?;
            path(file_path, false)
        }
        Op::FileDelete { file_path } => {
            db::exec(DELETE, &row())?;
            path(file_path, true)
        }
        Op::FileMove { from_path, to_path } => {
            db::exec(MOVE, &row())?;
            path(from_path, true)?;
            path(to_path, false)
        }
        _ => Ok(()),
    }
}

/// Writes an operation on fields into its row again.
pub fn mend_field_op(project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.entity_op
        SET op = $4, entity_type = $5, entity_id = $6, field = COALESCE($7, field), value = $8::text::jsonb,
            size = COALESCE(octet_length($8::text), 0)
        WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3 AND part = 1";
    let (entity_type, entity_id, field, value) = match op {
        Op::FieldSet { entity_type, entity_id, field, value } => {
            (entity_type, entity_id, Some(field), Some(value))
        }
        Op::FieldUnset { entity_type, entity_id, field } => (entity_type, entity_id, Some(field), None),
        Op::EntityDelete { entity_type, entity_id } => (entity_type, entity_id, None, None),
        _ => return Ok(()),
    };
    let args: [Arg; 8] = [
        project.pg().into(),
        seq.into(),
        ordinal.into(),
        op.name().into(),
        entity_type.as_str().into(),
        entity_id.as_str().into(),
        field.map(String::as_str).into(),
        value.map(JsonValue::as_str).into(),
    ];
    db::exec(SQL, &args)
}

/// Writes an operation on an asset into its row again.
pub fn mend_asset_op(project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()> {
    const PUT: &str = "UPDATE quire_store.asset_op
        SET op = 'asset.put', content_hash = $4, filename = $5, media_type = $6, asset_type = $7, size = $8, reason = NULL
        WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
    // Its row says again what the one before it said.
    const DELETE: &str = "UPDATE quire_store.asset_op o
        SET op = 'asset.delete', content_hash = $4, reason = $5, filename = b.filename, media_type = b.media_type,
            asset_type = b.asset_type, size = b.size
        FROM (SELECT * FROM quire_store.asset_op p
              WHERE p.project_id = $1 AND p.content_hash = $4 AND (p.bundle_seq, p.ordinal) < ($2, $3)
              ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) b
        WHERE o.project_id = $1 AND o.bundle_seq = $2 AND o.ordinal = $3";
    let mut args: Vec<Arg> = vec![project.pg().into(), seq.into(), ordinal.into()];
    match op {
        Op::AssetPut { content_hash, filename, media_type, asset_type, size } => {
            args.push(content_hash.as_bytes().as_slice().into());
            args.extend([filename, media_type, asset_type].map(|text| Arg::from(text.as_str())));
            args.push((*size).into());
            db::exec(PUT, &args)
        }
        Op::AssetDelete { content_hash, reason } => {
            args.push(content_hash.as_bytes().as_slice().into());
            args.push(reason.as_deref().into());
            db::exec(DELETE, &args)
        }
        _ => Ok(()),
    }
}

/// Makes an asset what its newest operation says; `false` when there is none.
pub fn mend_asset(project: ProjectId, hash: &Hash) -> Result<bool> {
    const SQL: &str = "INSERT INTO quire_store.asset AS a (project_id, content_hash, filename, media_type, asset_type, size,
            is_deleted, delete_reason, seq, actor_id, updated_at)
        SELECT $1, p.content_hash, p.filename, p.media_type, p.asset_type, p.size, p.op = 'asset.delete', p.reason,
            p.bundle_seq, b.actor_id, b.committed_at
        FROM quire_store.asset_op p
        JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
        WHERE p.project_id = $1 AND p.content_hash = $2
        ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1
        ON CONFLICT (project_id, content_hash) DO UPDATE
        SET filename = EXCLUDED.filename, media_type = EXCLUDED.media_type, asset_type = EXCLUDED.asset_type,
            size = EXCLUDED.size, is_deleted = EXCLUDED.is_deleted, delete_reason = EXCLUDED.delete_reason,
            seq = EXCLUDED.seq, actor_id = EXCLUDED.actor_id, updated_at = EXCLUDED.updated_at
        RETURNING true";
    let args: [Arg; 2] = [project.pg().into(), hash.as_bytes().as_slice().into()];
    Ok(db::write_one(SQL, &args, |row| row.get::<bool>(1))?.is_some())
}

/// Makes of a version what its bundle, the version before and the one that was moved say.
pub fn mend_version(project: ProjectId, seq: Seq, ordinal: i32) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project_files f
        SET committed_at = n.committed_at, parent_version_id = n.parent, is_deleted = n.content_hash IS NULL,
            content_hash = n.content_hash, size = n.size, mode = n.mode, is_binary = n.is_binary
        FROM (SELECT v.file_id, b.committed_at, p.id AS parent,
                  CASE WHEN i.is_move THEN m.content_hash ELSE v.content_hash END AS content_hash,
                  CASE WHEN i.is_move THEN m.size ELSE v.size END AS size,
                  CASE WHEN i.is_move THEN m.mode ELSE v.mode END AS mode,
                  CASE WHEN i.is_move THEN m.is_binary ELSE v.is_binary END AS is_binary
              FROM quire_store.project_files v
              JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = v.bundle_seq OFFSET 0) b ON true
              LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files p WHERE p.project_id = $1 AND p.file_id = v.file_id AND p.version = v.version - 1 OFFSET 0) p ON true
              LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files m WHERE m.project_id = $1 AND m.file_id = v.moved_file_id AND m.version = v.moved_version OFFSET 0) m ON true
              CROSS JOIN LATERAL (
                  -- Of the two rows of a move, the one that is no tombstone.
                  SELECT v.op = 'file.move' AND v.op_checksum IS NOT NULL AND m.content_hash IS NOT NULL AS is_move) i
              WHERE v.project_id = $1 AND v.bundle_seq = $2 AND v.ordinal = $3) n
        WHERE f.project_id = $1 AND f.bundle_seq = $2 AND f.ordinal = $3 AND f.file_id = n.file_id";
    db::exec(SQL, &[project.pg().into(), seq.into(), ordinal.into()])
}

/// Counts anew what the head row counts.
pub fn mend_totals(project: ProjectId) -> Result<()> {
    const SQL: &str = concat!(
        "UPDATE quire_store.project_head h
        SET live_files = f.files, live_bytes = f.bytes, asset_bytes = a.bytes,
            next_file_id = greatest(h.next_file_id, f.last_id + 1), committed_at = COALESCE(b.committed_at, h.committed_at)
        FROM ",
        totals!(),
        "
        LEFT JOIN LATERAL (
            SELECT u.committed_at FROM quire_store.bundle u WHERE u.project_id = $1 ORDER BY u.seq DESC LIMIT 1) b ON true
        WHERE h.project_id = $1"
    );
    db::exec(SQL, &[project.pg().into()])
}

/// Writes the checksum of an operation into its row again.
pub fn mend_op_checksum(project: ProjectId, kind: &str, seq: Seq, ordinal: i32, right: &Hash) -> Result<()> {
    const FILE: &str = "UPDATE quire_store.project_files SET op_checksum = $4
        WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3 AND op_checksum IS NOT NULL";
    const FIELD: &str = "UPDATE quire_store.entity_op SET op_checksum = $4
        WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3 AND part = 1";
    const ASSET: &str = "UPDATE quire_store.asset_op SET op_checksum = $4
        WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
    const OTHER: &str = "UPDATE quire_store.bundle
        SET details = jsonb_set(details, '{op_checksum}', to_jsonb(encode($4, 'hex')))
        WHERE project_id = $1 AND seq = $2 AND $3 = 1";
    let sql = match kind {
        "file_op" => FILE,
        "field_op" => FIELD,
        "asset_op" => ASSET,
        _ => OTHER,
    };
    db::exec(sql, &[project.pg().into(), seq.into(), ordinal.into(), right.as_bytes().as_slice().into()])
}

/// Writes the checksums of a bundle into its row, and into the head row if it is the newest.
pub fn mend_bundle_checksums(project: ProjectId, seq: Seq, previous: &Hash, checksum: &Hash) -> Result<()> {
    const SQL: &str = "WITH head AS (
            UPDATE quire_store.project_head SET checksum = $4 WHERE project_id = $1 AND seq = $2)
        UPDATE quire_store.bundle SET prev_checksum = $3, checksum = $4 WHERE project_id = $1 AND seq = $2";
    let args: [Arg; 4] = [
        project.pg().into(),
        seq.into(),
        previous.as_bytes().as_slice().into(),
        checksum.as_bytes().as_slice().into(),
    ];
    db::exec(SQL, &args)
}

/// Writes the header of a bundle into its row again.
pub fn mend_header(project: ProjectId, header: &BundleHeader, op_count: i32) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.bundle
        SET bundle_id = $3, kind = $4, actor_id = $5, message = $6, correlation_id = $7, base_seq = $8, undoes_seq = $9,
            committed_at = $10, op_count = $11
        WHERE project_id = $1 AND seq = $2";
    let args: [Arg; 11] = [
        project.pg().into(),
        header.seq.into(),
        uuid_to_pg(header.bundle_id).into(),
        header.kind.as_str().into(),
        uuid_to_pg(header.actor_id).into(),
        header.message.as_deref().into(),
        header.correlation_id.map(uuid_to_pg).into(),
        header.base_seq.into(),
        header.undoes_seq.into(),
        to_pg(header.committed_at)?.into(),
        op_count.into(),
    ];
    db::exec(SQL, &args)
}

/// Makes the head of a path what its newest version says; `false` when there is no head or no version.
pub fn mend_file_head(project: ProjectId, path: &str) -> Result<bool> {
    const SQL: &str = "UPDATE quire_store.file_head h
        SET version = f.version, version_id = f.id, parent_version_id = f.parent_version_id, seq = f.bundle_seq,
            updated_at = f.committed_at, file_type = f.file_type, mode = f.mode, content_hash = f.content_hash,
            size = f.size, is_deleted = f.is_deleted, is_binary = f.is_binary, created_by = o.actor_id,
            created_at = o.committed_at
        FROM quire_store.file_head p
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.project_files v WHERE v.project_id = $1 AND v.file_id = p.file_id
            ORDER BY v.version DESC LIMIT 1) f
        CROSS JOIN LATERAL (
            SELECT b.actor_id, b.committed_at FROM quire_store.project_files v
            JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = v.bundle_seq OFFSET 0) b ON true
            WHERE v.project_id = $1 AND v.file_id = p.file_id AND v.version = 1) o
        WHERE h.project_id = $1 AND h.file_path = $2 AND p.project_id = $1 AND p.file_path = $2
        RETURNING true";
    let args: [Arg; 2] = [project.pg().into(), path.into()];
    Ok(db::write_one(SQL, &args, |row| row.get::<bool>(1))?.is_some())
}

/// Makes a field what its newest operation says; `false` when there is none.
pub fn mend_field(project: ProjectId, key: &FieldKey) -> Result<bool> {
    const SQL: &str = "INSERT INTO quire_store.entity_field AS e (project_id, entity_type, entity_id, field, value, seq,
            actor_id, updated_at, size)
        SELECT $1, o.entity_type, o.entity_id, o.field, o.value, o.bundle_seq, b.actor_id, b.committed_at, o.size
        FROM quire_store.entity_op o
        JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = o.bundle_seq OFFSET 0) b ON true
        WHERE o.project_id = $1 AND o.entity_type = $2 AND o.entity_id = $3 AND o.field = $4
        ORDER BY o.bundle_seq DESC, o.ordinal DESC LIMIT 1
        ON CONFLICT (project_id, entity_type, entity_id, field) DO UPDATE
        SET value = EXCLUDED.value, seq = EXCLUDED.seq, actor_id = EXCLUDED.actor_id, updated_at = EXCLUDED.updated_at,
            size = EXCLUDED.size
        RETURNING true";
    let args: [Arg; 4] = [
        project.pg().into(),
        key.entity.entity_type.as_str().into(),
        key.entity.entity_id.as_str().into(),
        key.field.as_str().into(),
    ];
    Ok(db::write_one(SQL, &args, |row| row.get::<bool>(1))?.is_some())
}
