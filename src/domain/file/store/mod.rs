//! SQL of files: readers here, the heads a write needs in `heads`, and what a write stores in `insert`.

pub mod changes;
mod heads;
mod insert;
pub mod list;
pub mod logged;

use super::row::VersionRow;
use crate::db::{self, Arg};
use crate::ids::{Pg, ProjectId, Seq, Version};
use heads::head_columns;
pub use heads::{at as heads_at, head_at, load_for};
pub use insert::insert;
use quire_core::error::Result;
use quire_core::path::FilePath;

/// Columns of a version, called like those of a head behind `$part`.
macro_rules! version_columns {
    ($alias:literal, $part:literal) => {
        concat!(
            $alias,
            ".file_id AS ",
            $part,
            "file_id, ",
            $alias,
            ".version AS ",
            $part,
            "version, ",
            $alias,
            ".id AS ",
            $part,
            "version_id, ",
            $alias,
            ".parent_version_id AS ",
            $part,
            "parent_version_id, ",
            $alias,
            ".bundle_seq AS ",
            $part,
            "seq, ",
            $alias,
            ".committed_at AS ",
            $part,
            "updated_at, ",
            $alias,
            ".file_type AS ",
            $part,
            "file_type, ",
            $alias,
            ".mode AS ",
            $part,
            "mode, ",
            $alias,
            ".content_hash AS ",
            $part,
            "content_hash, ",
            $alias,
            ".size AS ",
            $part,
            "size, ",
            $alias,
            ".is_binary AS ",
            $part,
            "is_binary"
        )
    };
}

/// One version of a path; the newest when none is named.
pub fn find_version(
    project: ProjectId,
    path: &FilePath,
    version: Option<Version>,
) -> Result<Option<VersionRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        version_columns!("f", ""),
        " FROM quire_store.file_head h
         JOIN LATERAL (
             SELECT * FROM quire_store.project_files v
             WHERE v.project_id = $1 AND v.file_id = h.file_id AND v.version = COALESCE($3, h.version) OFFSET 0) f ON true
         WHERE h.project_id = $1 AND h.file_path = $2"
    );
    db::read_one(SQL, &[project.pg().into(), path.as_str().into(), version.map(Pg::pg).into()], |row| {
        VersionRow::from_row(row)
    })
}

/// The version that a path had at a seq; `None` where it was no file.
pub fn find_at(project: ProjectId, path: &FilePath, seq: Seq) -> Result<Option<VersionRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        version_columns!("v", ""),
        " FROM quire_store.file_head h
         CROSS JOIN LATERAL (
             SELECT f.* FROM quire_store.project_files f
             WHERE f.project_id = $1 AND f.file_id = h.file_id AND f.bundle_seq <= $3
             ORDER BY f.bundle_seq DESC, f.version DESC LIMIT 1) v
         WHERE h.project_id = $1 AND h.file_path = $2 AND NOT v.is_deleted"
    );
    let args: [Arg; 3] = [project.pg().into(), path.as_str().into(), seq.pg().into()];
    db::read_one(SQL, &args, VersionRow::from_row)
}

/// What a path was at two seqs.
pub struct Changed {
    pub path: FilePath,
    pub from: Option<VersionRow>,
    pub to: Option<VersionRow>,
}

/// Paths that have a version after the lower of two seqs and up to the higher, with their state at both; absent and
/// deleted are both `None`. The head of each is found by its number in a way that no other index can serve: of a project that
/// has just grown the planner thinks that it has one file, and would read all of its heads for each.
pub fn changed_between(project: ProjectId, from: Seq, to: Seq) -> Result<Vec<Changed>> {
    const SQL: &str = concat!(
        "SELECT h.file_path, ", version_columns!("a", "from_"), ", ", version_columns!("b", "to_"), "
         FROM (SELECT DISTINCT f.file_id FROM quire_store.project_files f
               WHERE f.project_id = $1 AND f.bundle_seq > LEAST($2, $3) AND f.bundle_seq <= GREATEST($2, $3)) c
         CROSS JOIN LATERAL (SELECT p.file_path FROM quire_store.file_head p
             WHERE p.file_id = c.file_id AND (p.file_id, p.project_id) >= (c.file_id, $1)
               AND (p.file_id, p.project_id) <= (c.file_id, $1) OFFSET 0) h
         LEFT JOIN LATERAL (SELECT f.* FROM quire_store.project_files f
             WHERE f.project_id = $1 AND f.file_id = c.file_id AND f.bundle_seq <= $2
             ORDER BY f.bundle_seq DESC, f.version DESC LIMIT 1) a ON true
         LEFT JOIN LATERAL (SELECT f.* FROM quire_store.project_files f
             WHERE f.project_id = $1 AND f.file_id = c.file_id AND f.bundle_seq <= $3
             ORDER BY f.bundle_seq DESC, f.version DESC LIMIT 1) b ON true
         ORDER BY h.file_path");
    db::read(SQL, &[project.pg().into(), from.pg().into(), to.pg().into()], Changed::from_row)
}

/// Paths that a bundle has changed, with their state before and after it; absent and deleted are both `None`. What it costs does not
/// depend on how many versions a path has: they are found by their numbers.
pub fn changed_in(project: ProjectId, seq: Seq) -> Result<Vec<Changed>> {
    const SQL: &str = concat!(
        "SELECT h.file_path, ", version_columns!("a", "from_"), ", ", version_columns!("b", "to_"), "
         FROM (SELECT f.file_id, min(f.version) - 1 AS before, max(f.version) AS after FROM quire_store.project_files f
               WHERE f.project_id = $1 AND f.bundle_seq = $2 GROUP BY f.file_id) c
         CROSS JOIN LATERAL (SELECT p.file_path FROM quire_store.file_head p
             WHERE p.file_id = c.file_id AND (p.file_id, p.project_id) >= (c.file_id, $1)
               AND (p.file_id, p.project_id) <= (c.file_id, $1) OFFSET 0) h
         LEFT JOIN LATERAL (SELECT f.* FROM quire_store.project_files f
             WHERE f.project_id = $1 AND f.file_id = c.file_id AND f.version = c.before OFFSET 0) a ON true
         LEFT JOIN LATERAL (SELECT f.* FROM quire_store.project_files f
             WHERE f.project_id = $1 AND f.file_id = c.file_id AND f.version = c.after OFFSET 0) b ON true
         ORDER BY h.file_path");
    db::read(SQL, &[project.pg().into(), seq.pg().into()], Changed::from_row)
}

impl Changed {
    /// From a path and the columns of two versions.
    fn from_row(row: &db::Row) -> Result<Self> {
        let live = |row: db::Row| -> Result<Option<VersionRow>> {
            if !row.has("file_id")? {
                return Ok(None);
            }
            Ok(Some(VersionRow::from_row(&row)?).filter(|version| version.content_hash.is_some()))
        };
        let path = FilePath::from_stored(row.get("file_path")?);
        Ok(Self { path, from: live(row.part("from_"))?, to: live(row.part("to_"))? })
    }
}

/// The files of a project at a seq, by path. Mostly those of now, which their heads know; only what has changed since is
/// looked up among the versions.
pub fn files_at(project: ProjectId, seq: Seq) -> Result<Vec<(FilePath, VersionRow)>> {
    const SQL: &str = concat!(
        "SELECT h.file_path, ",
        head_columns!("v"),
        " FROM quire_store.file_head h
         CROSS JOIN LATERAL (
             SELECT ",
        head_columns!("h"),
        " WHERE h.seq <= $2
             UNION ALL
             (SELECT ",
        version_columns!("f", ""),
        " FROM quire_store.project_files f
              WHERE h.seq > $2 AND f.project_id = $1 AND f.file_id = h.file_id AND f.bundle_seq <= $2
              ORDER BY f.bundle_seq DESC, f.version DESC LIMIT 1)) v
         WHERE h.project_id = $1 AND v.content_hash IS NOT NULL
         ORDER BY h.file_path"
    );
    db::read(SQL, &[project.pg().into(), seq.pg().into()], |row| {
        Ok((FilePath::from_stored(row.get("file_path")?), VersionRow::from_row(row)?))
    })
}

/// What an operation did to paths.
pub enum Operation {
    /// Content at a path.
    Put(FilePath),
    /// A path given up.
    Delete(FilePath),
    /// From one path to another.
    Move(FilePath, FilePath),
}

/// Operations after a seq and up to another, in log order.
pub fn operations_between(project: ProjectId, low: Seq, high: Seq) -> Result<Vec<Operation>> {
    const SQL: &str = "SELECT h.file_path, f.is_deleted,
            (SELECT m.file_path FROM quire_store.file_head m
             WHERE m.project_id = $1 AND m.file_id = f.moved_file_id) AS moved_from
        FROM quire_store.project_files f
        JOIN LATERAL (
            SELECT * FROM quire_store.file_head h WHERE h.project_id = $1 AND h.file_id = f.file_id OFFSET 0) h ON true
        WHERE f.project_id = $1 AND f.bundle_seq > $2 AND f.bundle_seq <= $3
            AND NOT (f.op = 'file.move' AND f.is_deleted)
        ORDER BY f.bundle_seq, f.ordinal";
    db::read(SQL, &[project.pg().into(), low.pg().into(), high.pg().into()], |row| {
        let path = FilePath::from_stored(row.get("file_path")?);
        Ok(match row.opt::<String>("moved_from")? {
            Some(from) => Operation::Move(FilePath::from_stored(from), path),
            None if row.get("is_deleted")? => Operation::Delete(path),
            None => Operation::Put(path),
        })
    })
}
