//! SQL of the readers that list files, versions and tags.

use crate::db::{self, Answer, Arg};
use crate::ids::{Pg, ProjectId, Seq, Version};
use crate::log::store::mark_of;
use quire_core::error::Result;
use quire_core::path::{FilePath, MAX_PATH_BYTES};

/// Which part of a list.
pub struct FilePage {
    /// Only what comes after this path.
    pub after: Option<FilePath>,
    /// Only so many files, and of them as many as have 32 MiB of content together, but one at least.
    pub most: Option<i64>,
}

/// The columns of a list from sorted rows `h`, whose content is decoded here: sorting that would spill it to disk; `$last` are their
/// last ones. `$1` is the project.
macro_rules! with_content {
    ($last:expr) => {
        concat!(
            "SELECT h.file_path,
                h.file_type,
                CASE WHEN NOT h.is_binary THEN
                    COALESCE((SELECT quire_store.blob_text($1, b.hash, b.state, b.size, b.state_at, b.state_reason,
                                 b.codec, b.chunk_count, b.bytes)
                              FROM quire_store.blob b
                              WHERE b.project_id = $1 AND b.hash = h.content_hash),
                             quire_store.missing_text(h.content_hash)) END,
                encode(h.content_hash, 'hex'),
                h.version,
                ",
            $last
        )
    };
}

/// The first `$most` of sorted rows, and of them those before which there is less than 32 MiB of content.
macro_rules! first {
    ($rows:expr, $most:literal) => {
        concat!(
            "(SELECT p.* FROM (SELECT s.*, COALESCE(sum(CASE WHEN s.is_binary THEN 0 ELSE s.size END)
                          OVER (ORDER BY s.file_path ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
                      FROM (",
            $rows,
            " ORDER BY 1 LIMIT ",
            $most,
            ") s) p WHERE p.before < 33554432 ORDER BY p.file_path OFFSET 0)"
        )
    };
}

/// A range of the index: from `$2`, before `$3`.
macro_rules! current {
    () => {
        "SELECT f.file_path, f.file_type, f.is_binary, f.content_hash, f.version, f.updated_at, f.size
         FROM quire_store.file_head f
         WHERE f.project_id = $1 AND NOT f.is_deleted AND f.file_path >= $2 AND f.file_path < $3"
    };
}

/// Smaller than what may follow a path inside of a longer one: no path has a character as small as this.
const SMALLEST: char = '\u{1}';

/// Greater than every path.
fn beyond_all() -> String {
    char::MAX.to_string().repeat(MAX_PATH_BYTES / char::MAX.len_utf8() + 1)
}

/// Current files, by path: those below a directory, or all. Their content comes with them when it is asked for.
pub fn current_files(
    answer: Answer,
    project: ProjectId,
    prefix: Option<&FilePath>,
    page: &FilePage,
    with_content: bool,
) -> Result<()> {
    const ALL: &str = concat!(
        with_content!("h.updated_at"),
        " FROM (",
        current!(),
        " ORDER BY f.file_path OFFSET 0) h ORDER BY h.file_path"
    );
    const FIRST: &str =
        concat!(with_content!("h.updated_at"), " FROM ", first!(current!(), "$4"), " h ORDER BY h.file_path");
    const WITHOUT: &str = concat!(
        "SELECT h.file_path, h.file_type, NULL::text, encode(h.content_hash, 'hex'), h.version, h.updated_at FROM (",
        current!(),
        ") h ORDER BY h.file_path LIMIT $4"
    );
    let (from, below) = match prefix {
        None => (String::new(), beyond_all()),
        // Where a file is there is no directory.
        Some(file) if is_file(project, file)? => {
            (file.as_str().to_owned(), format!("{}{SMALLEST}", file.as_str()))
        }
        Some(directory) => (format!("{}/", directory.as_str()), format!("{}0", directory.as_str())),
    };
    let after = page.after.as_ref().map(|path| format!("{}{SMALLEST}", path.as_str()));
    let from = after.into_iter().fold(from, String::max);
    let mut args: Vec<Arg> = vec![project.pg().into(), from.as_str().into(), below.as_str().into()];
    if with_content && page.most.is_none() {
        return answer.fill(ALL, &args);
    }
    args.push(page.most.into());
    answer.fill(if with_content { FIRST } else { WITHOUT }, &args)
}

/// Whether there is a file at a path.
fn is_file(project: ProjectId, path: &FilePath) -> Result<bool> {
    const SQL: &str = "SELECT true FROM quire_store.file_head h
        WHERE h.project_id = $1 AND h.file_path = $2 AND NOT h.is_deleted";
    db::finds(SQL, &[project.pg().into(), path.as_str().into()])
}

macro_rules! at {
    () => {
        "SELECT f.file_path, v.file_type, v.is_binary, v.content_hash, v.version, v.committed_at, v.size, v.bundle_seq,
             u.checksum
         FROM quire_store.file_head f
         CROSS JOIN LATERAL (
             SELECT o.file_type, o.is_binary, o.is_deleted, o.content_hash, o.version, o.committed_at, o.size, o.bundle_seq
             FROM quire_store.project_files o
             WHERE o.project_id = $1 AND o.file_id = f.file_id AND o.bundle_seq <= $2
             ORDER BY o.bundle_seq DESC, o.version DESC
             LIMIT 1) v
         LEFT JOIN LATERAL (
             SELECT b.checksum FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = v.bundle_seq OFFSET 0) u ON true
         WHERE f.project_id = $1 AND NOT v.is_deleted AND f.file_path > COALESCE($3, '')"
    };
}

/// Files with their content as they were at a seq, by path.
pub fn files_at(answer: Answer, project: ProjectId, seq: Seq, page: &FilePage) -> Result<()> {
    const ALL: &str = concat!(
        with_content!(concat!("h.committed_at, h.bundle_seq, ", mark_of!("h.checksum"))),
        " FROM (",
        at!(),
        " ORDER BY f.file_path OFFSET 0) h ORDER BY h.file_path"
    );
    const FIRST: &str = concat!(
        with_content!(concat!("h.committed_at, h.bundle_seq, ", mark_of!("h.checksum"))),
        " FROM ",
        first!(at!(), "$4"),
        " h ORDER BY h.file_path"
    );
    let after = page.after.as_ref().map(FilePath::as_str);
    let mut args: Vec<Arg> = vec![project.pg().into(), seq.pg().into(), after.into()];
    match page.most {
        None => answer.fill(ALL, &args),
        Some(most) => {
            args.push(most.into());
            answer.fill(FIRST, &args)
        }
    }
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
        JOIN LATERAL (
            SELECT * FROM quire_store.project_files v
            WHERE v.project_id = $1 AND v.file_id = h.file_id AND v.version < COALESCE($3, 2147483647)
            ORDER BY v.version DESC LIMIT $4) f ON true
        JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = f.bundle_seq OFFSET 0) u ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.file_head m WHERE m.project_id = $1 AND m.file_id = f.moved_file_id OFFSET 0) m ON true
        WHERE h.project_id = $1 AND h.file_path = $2
        ORDER BY f.version DESC";
    answer.fill(SQL, &[project.pg().into(), path.as_str().into(), before.map(Pg::pg).into(), most.into()])
}
