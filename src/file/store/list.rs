//! SQL of the readers that list files, versions and tags.

use crate::db::Answer;
use crate::error::Result;
use crate::ids::{ProjectId, Seq, Version};
use crate::pure::path::FilePath;

/// Current files with their content, by path: those below a directory, or all. They are sorted before their content is
/// decoded: sorting that would spill it to disk.
pub fn current_files(answer: Answer, project: ProjectId, prefix: Option<&FilePath>) -> Result<()> {
    const SQL: &str = "SELECT h.file_path,
            h.file_type,
            CASE WHEN NOT h.is_binary THEN
                COALESCE((SELECT quire_store.blob_text(b) FROM quire_store.blob b
                          WHERE b.project_id = $1 AND b.hash = h.content_hash),
                         quire_store.missing_text(h.content_hash)) END,
            encode(h.content_hash, 'hex'),
            h.version,
            h.updated_at
        FROM (SELECT f.file_path, f.file_type, f.is_binary, f.content_hash, f.version, f.updated_at
              FROM quire_store.file_head f
              WHERE f.project_id = $1 AND NOT f.is_deleted AND quire_store.path_is_within(f.file_path, $2)
              ORDER BY f.file_path
              OFFSET 0) h
        ORDER BY h.file_path";
    answer.fill(SQL, &[project.pg().into(), prefix.map(FilePath::as_str).into()])
}

/// Files with their content as they were at a seq, by path.
pub fn files_at(answer: Answer, project: ProjectId, seq: Seq) -> Result<()> {
    const SQL: &str = "SELECT t.file_path,
            t.file_type,
            CASE WHEN NOT t.is_binary THEN
                COALESCE((SELECT quire_store.blob_text(b) FROM quire_store.blob b
                          WHERE b.project_id = $1 AND b.hash = t.content_hash),
                         quire_store.missing_text(t.content_hash)) END,
            encode(t.content_hash, 'hex'),
            t.version,
            t.committed_at
        FROM (SELECT h.file_path, f.file_type, f.is_binary, f.content_hash, f.version, f.committed_at
              FROM quire_store.file_head h
              CROSS JOIN LATERAL (
                  SELECT v.file_type, v.is_binary, v.is_deleted, v.content_hash, v.version, v.committed_at
                  FROM quire_store.project_files v
                  WHERE v.project_id = h.project_id AND v.file_id = h.file_id AND v.bundle_seq <= $2
                  ORDER BY v.bundle_seq DESC, v.version DESC
                  LIMIT 1) f
              WHERE h.project_id = $1
                AND NOT f.is_deleted
              ORDER BY h.file_path
              OFFSET 0) t
        ORDER BY t.file_path";
    answer.fill(SQL, &[project.pg().into(), seq.into()])
}

/// Versions of a path, newest first.
pub fn history(
    answer: Answer,
    project: ProjectId,
    path: &FilePath,
    before: Option<Version>,
    most: i64,
) -> Result<()> {
    const SQL: &str = "SELECT f.version,
            f.op,
            encode(f.content_hash, 'hex'),
            f.size,
            f.file_type,
            f.mode,
            f.is_deleted,
            f.is_binary,
            CASE WHEN NOT f.is_deleted THEN m.file_path END,
            CASE WHEN NOT f.is_deleted THEN f.moved_version END,
            CASE WHEN f.is_deleted THEN m.file_path END,
            u.actor_id,
            u.kind,
            u.message,
            f.bundle_seq,
            f.committed_at
        FROM quire_store.file_head h
        JOIN quire_store.project_files f ON f.project_id = h.project_id AND f.file_id = h.file_id
        JOIN quire_store.bundle u ON u.project_id = f.project_id AND u.seq = f.bundle_seq
        LEFT JOIN quire_store.file_head m ON m.project_id = f.project_id AND m.file_id = f.moved_file_id
        WHERE h.project_id = $1 AND h.file_path = $2 AND ($3 IS NULL OR f.version < $3)
        ORDER BY f.version DESC
        LIMIT $4";
    answer.fill(SQL, &[project.pg().into(), path.as_str().into(), before.into(), most.into()])
}

/// Tags, by seq.
pub fn tags(answer: Answer, project: ProjectId) -> Result<()> {
    const SQL: &str = "SELECT t.tag, t.seq, t.created_by, t.created_at
        FROM quire_store.project_tag t
        WHERE t.project_id = $1
        ORDER BY t.seq, t.tag";
    answer.fill(SQL, &[project.pg().into()])
}
