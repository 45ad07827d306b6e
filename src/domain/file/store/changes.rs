//! SQL of what bundles changed, for their events.

use crate::db;
use crate::ids::{Pg, ProjectId, Seq, Version};
use quire_core::error::Result;
use quire_core::hash::Hash;

/// One changed path of a bundle.
pub struct LoggedChange {
    pub seq: Seq,
    pub path: String,
    pub version: Version,
    pub content_hash: Option<Hash>,
    pub size: i64,
    pub file_type: String,
    pub mode: String,
    pub is_binary: bool,
    pub moved_from: Option<String>,
    /// Whether its content goes into the answer.
    pub travels: bool,
}

/// Changes after a seq and up to another, in log order; what a move leaves comes before what it makes.
pub fn changes(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<LoggedChange>> {
    const SQL: &str =
        "SELECT f.bundle_seq, h.file_path, f.version, f.content_hash, f.size, f.file_type, f.mode,
            f.is_binary,
            CASE WHEN f.op = 'file.move' AND NOT f.is_deleted THEN
                (SELECT m.file_path FROM quire_store.file_head m
                 WHERE m.project_id = $1 AND m.file_id = f.moved_file_id) END AS moved_from
        FROM quire_store.project_files f
        CROSS JOIN LATERAL (
            SELECT p.file_path FROM quire_store.file_head p
            WHERE p.project_id = $1 AND p.file_id = f.file_id OFFSET 0) h
        WHERE f.project_id = $1 AND f.bundle_seq > $2 AND f.bundle_seq <= $3
        ORDER BY f.bundle_seq, f.ordinal, f.is_deleted DESC";
    db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
        Ok(LoggedChange {
            seq: row.get("bundle_seq")?,
            path: row.get("file_path")?,
            version: row.get("version")?,
            content_hash: row.opt("content_hash")?,
            size: row.get("size")?,
            file_type: row.get("file_type")?,
            mode: row.get("mode")?,
            is_binary: row.get("is_binary")?,
            moved_from: row.opt("moved_from")?,
            travels: false,
        })
    })
}
