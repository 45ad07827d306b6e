//! SQL that finds rows of current state that do not follow from the log, and rows of the log that do not follow from others.

use crate::db::{self, Row};
use crate::ids::{ProjectId, Seq};
use quire_core::error::Result;
use quire_core::field::{EntityKey, FieldKey};
use quire_core::hash::Hash;

/// A row that is not what it should be.
pub struct Stray<K> {
    pub key: K,
    /// Bundle of the operation it follows from.
    pub seq: Option<Seq>,
    /// What it is.
    pub found: Option<Hash>,
}

fn stray<K>(key: K, row: &Row, at: usize) -> Result<Stray<K>> {
    let found = row.opt::<&str>(at + 1)?.map(|text| Hash::of(text.as_bytes()));
    Ok(Stray { key, seq: row.opt(at)?, found })
}

/// Paths whose head is not what their newest version says, or whose first version was made by another.
pub fn stray_heads(project: ProjectId) -> Result<Vec<Stray<String>>> {
    const SQL: &str = "SELECT h.file_path, f.bundle_seq, h::text FROM quire_store.file_head h
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files v WHERE v.project_id = $1 AND v.file_id = h.file_id
            ORDER BY v.version DESC LIMIT 1) f ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files o WHERE o.project_id = $1 AND o.file_id = h.file_id AND o.version = 1 OFFSET 0) o ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = o.bundle_seq OFFSET 0) b ON true
        WHERE h.project_id = $1
          AND (f.version, f.id, f.parent_version_id, f.bundle_seq, f.committed_at, f.file_type, f.mode, f.content_hash, f.size,
               f.is_deleted, f.is_binary, b.actor_id, b.committed_at)
              IS DISTINCT FROM (h.version, h.version_id, h.parent_version_id, h.seq, h.updated_at, h.file_type, h.mode,
               h.content_hash, h.size, h.is_deleted, h.is_binary, h.created_by, h.created_at)
        ORDER BY h.file_path";
    db::read(SQL, &[project.pg().into()], |row| stray(row.get(1)?, row, 2))
}

/// Fields that are not what their newest operation says.
pub fn stray_fields(project: ProjectId) -> Result<Vec<Stray<FieldKey>>> {
    const SQL: &str =
        "SELECT e.entity_type, e.entity_id, e.field, p.bundle_seq, e::text FROM quire_store.entity_field e
        LEFT JOIN LATERAL (
            SELECT o.value, o.bundle_seq FROM quire_store.entity_op o
            WHERE o.project_id = $1 AND o.entity_id = e.entity_id AND o.entity_type = e.entity_type
              AND o.field = e.field
            ORDER BY o.bundle_seq DESC, o.ordinal DESC LIMIT 1) p ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
        WHERE e.project_id = $1
          AND (p.value, p.bundle_seq, b.actor_id, b.committed_at)
              IS DISTINCT FROM (e.value, e.seq, e.actor_id, e.updated_at)
        ORDER BY e.entity_type, e.entity_id, e.field";
    db::read(SQL, &[project.pg().into()], |row| {
        let entity = EntityKey { entity_type: row.get(1)?, entity_id: row.get(2)? };
        stray(FieldKey { entity, field: row.get(3)? }, row, 4)
    })
}

/// Assets that are not what their newest operation says.
pub fn stray_assets(project: ProjectId) -> Result<Vec<Stray<String>>> {
    const SQL: &str = "SELECT encode(a.content_hash, 'hex'), p.bundle_seq, a::text FROM quire_store.asset a
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.asset_op o WHERE o.project_id = $1 AND o.content_hash = a.content_hash
            ORDER BY o.bundle_seq DESC, o.ordinal DESC LIMIT 1) p ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
        WHERE a.project_id = $1
          AND (p.filename, p.media_type, p.asset_type, p.size, p.op = 'asset.delete', p.reason, p.bundle_seq, b.actor_id,
               b.committed_at)
              IS DISTINCT FROM (a.filename, a.media_type, a.asset_type, a.size, a.is_deleted, a.delete_reason, a.seq,
               a.actor_id, a.updated_at)
        ORDER BY a.content_hash";
    db::read(SQL, &[project.pg().into()], |row| stray(row.get(1)?, row, 2))
}

/// Versions, by seq and ordinal, of which something that is not in their operation does not follow from their bundle, the
/// version before, or, after a move, the one that was moved.
pub fn stray_versions(project: ProjectId) -> Result<Vec<Stray<i32>>> {
    const SQL: &str = "SELECT f.ordinal, f.bundle_seq, string_agg(f::text, '' ORDER BY f.file_id)
        FROM quire_store.project_files f
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = f.bundle_seq OFFSET 0) b ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files p WHERE p.project_id = $1 AND p.file_id = f.file_id AND p.version = f.version - 1 OFFSET 0) p ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files m WHERE m.project_id = $1 AND m.file_id = f.moved_file_id AND m.version = f.moved_version OFFSET 0) m ON true
        WHERE f.project_id = $1
          AND (f.committed_at <> b.committed_at
               OR f.parent_version_id IS DISTINCT FROM p.id
               OR f.is_deleted <> (f.content_hash IS NULL)
               OR f.op = 'file.move' AND f.op_checksum IS NOT NULL
                  AND (f.content_hash, f.size, f.mode, f.is_binary)
                      IS DISTINCT FROM (m.content_hash, m.size, m.mode, m.is_binary))
        GROUP BY f.bundle_seq, f.ordinal
        ORDER BY f.bundle_seq, f.ordinal";
    db::read(SQL, &[project.pg().into()], |row| stray(row.get(1)?, row, 2))
}

/// Whether what the head row counts is not what there is.
pub fn has_stray_totals(project: ProjectId) -> Result<bool> {
    const SQL: &str = concat!(
        "SELECT (h.live_files, h.live_bytes, h.asset_bytes) IS DISTINCT FROM (f.files, f.bytes, a.bytes)
            OR h.next_file_id <= f.last_id
            OR h.committed_at <> b.committed_at
        FROM quire_store.project_head h
        CROSS JOIN ",
        totals!(),
        "
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = h.seq OFFSET 0) b ON true
        WHERE h.project_id = $1"
    );
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.opt::<bool>(1))?.flatten().unwrap_or(false))
}
