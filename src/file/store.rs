//! SQL of files.

use super::row::VersionRow;
use crate::bundle::store::{LockedHead, to_pg};
use crate::db::{self, Arg};
use crate::error::Result;
use crate::ids::{ActorId, ProjectId, Seq, Version};
use crate::pure::path::FilePath;
use crate::pure::tree::{Edit, Head, NewVersion};
use pgrx::Uuid;
use std::collections::{BTreeSet, HashMap};

/// Most rows one INSERT carries.
const BATCH_ROWS: usize = 10_000;

macro_rules! head_columns {
    () => {
        "h.file_path, h.file_id, h.version, h.version_id, h.parent_version_id, h.seq, h.updated_at, h.file_type,
         h.mode, h.content_hash, h.size, h.is_binary,
         CASE WHEN h.mode = '120000' AND NOT h.is_deleted THEN
             (SELECT quire_store.blob_text(b) FROM quire_store.blob b
              WHERE b.project_id = h.project_id AND b.hash = h.content_hash) END"
    };
}

/// The heads that decide what `edits` do: the touched paths, the directories above what comes into being, and what
/// lives below it. Runs under the head lock.
pub fn load_for(project: ProjectId, edits: &[Edit]) -> Result<HashMap<FilePath, Head>> {
    const ONE: &str = concat!(
        "SELECT ",
        head_columns!(),
        " FROM quire_store.file_head h WHERE h.project_id = $1 AND h.file_path = $2"
    );
    const MANY: &str = concat!(
        "SELECT ",
        head_columns!(),
        " FROM quire_store.file_head h WHERE h.project_id = $1 AND h.file_path = ANY ($2)"
    );
    const BELOW: &str = concat!(
        "SELECT ",
        head_columns!(),
        " FROM unnest($2::text[]) AS d (path)
         JOIN quire_store.file_head h ON h.project_id = $1 AND NOT h.is_deleted
             AND h.file_path > d.path || '/' AND h.file_path < d.path || '0'"
    );
    let touched: BTreeSet<&str> = edits.iter().flat_map(Edit::paths).map(FilePath::as_str).collect();
    let mut heads = HashMap::new();
    let mut load = |sql, paths: Arg| -> Result<()> {
        heads.extend(db::write(sql, &[project.pg().into(), paths], head)?);
        Ok(())
    };
    match touched.iter().collect::<Vec<_>>().as_slice() {
        [] => return Ok(heads),
        [path] => load(ONE, (**path).into())?,
        _ => load(MANY, text_array(touched.iter().copied()))?,
    }
    let created: BTreeSet<&FilePath> = edits
        .iter()
        .filter_map(Edit::creates)
        .filter(|path| !heads.get(*path).is_some_and(Head::is_live))
        .collect();
    if created.is_empty() {
        return Ok(heads);
    }
    let above: BTreeSet<&str> =
        created.iter().flat_map(|path| path.ancestors()).filter(|path| !touched.contains(path)).collect();
    let mut load = |sql, paths: Arg| -> Result<()> {
        heads.extend(db::write(sql, &[project.pg().into(), paths], head)?);
        Ok(())
    };
    if !above.is_empty() {
        load(MANY, text_array(above.into_iter()))?;
    }
    load(BELOW, text_array(created.iter().map(|path| path.as_str())))?;
    Ok(heads)
}

fn text_array<'a, 'b>(texts: impl Iterator<Item = &'b str>) -> Arg<'a> {
    texts.map(str::to_owned).collect::<Vec<String>>().into()
}

fn head(row: &db::Row) -> Result<(FilePath, Head)> {
    let path = FilePath::from_stored(row.get(1)?);
    Ok((path, VersionRow::from_row(row, 2)?.to_head(row.opt(13)?)))
}

/// Stores new versions and moves the heads to them.
pub fn insert(
    project: ProjectId,
    author: ActorId,
    bundle: &LockedHead,
    versions: &[NewVersion],
) -> Result<()> {
    for batch in versions.chunks(BATCH_ROWS) {
        insert_versions(project, bundle, batch)?;
    }
    let newest: HashMap<&FilePath, &NewVersion> =
        versions.iter().map(|version| (&version.path, version)).collect();
    let mut newest: Vec<&NewVersion> = newest.into_values().collect();
    newest.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    for batch in newest.chunks(BATCH_ROWS) {
        upsert_heads(project, author, bundle, batch)?;
    }
    Ok(())
}

fn insert_versions(project: ProjectId, bundle: &LockedHead, versions: &[NewVersion]) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.project_files (project_id, bundle_seq, committed_at, ordinal, file_id,
            version, moved_file_id, moved_version, id, parent_version_id, size, is_deleted, is_binary, op, file_type,
            mode, content_hash, op_checksum)
        SELECT $1, $2, $3, n.ordinal, n.file_id, n.version, n.moved_file_id, n.moved_version, n.id,
            n.parent_version_id, n.size, n.content_hash IS NULL, n.is_binary, n.op, n.file_type, n.mode,
            n.content_hash, n.op_checksum
        FROM unnest($4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::uuid[], $10::uuid[], $11::bigint[],
                    $12::bool[], $13::text[], $14::text[], $15::text[], $16::bytea[], $17::bytea[])
            AS n (ordinal, file_id, version, moved_file_id, moved_version, id, parent_version_id, size,
                  is_binary, op, file_type, mode, content_hash, op_checksum)";
    let column = Columns(versions.iter().collect());
    let args: [Arg; 17] = [
        project.pg().into(),
        bundle.seq.into(),
        to_pg(bundle.committed_at)?.into(),
        column.of(|v| v.ordinal),
        column.of(|v| v.head.file_id),
        column.of(|v| v.head.version),
        column.of(|v| v.moved.map(|(file_id, _)| file_id)),
        column.of(|v| v.moved.map(|(_, version)| version)),
        column.of(|v| uuid(v.head.version_id)),
        column.of(|v| v.head.parent_version_id.map(uuid)),
        column.of(size),
        column.of(is_binary),
        column.of(|v| v.op),
        column.of(|v| v.head.file_type.as_str()),
        column.of(|v| v.head.mode.as_str()),
        column.of(content_hash),
        column.of(|v| v.op_checksum.as_ref().map(|hash| hash.as_bytes().to_vec())),
    ];
    db::exec(SQL, &args)
}

fn upsert_heads(
    project: ProjectId,
    author: ActorId,
    bundle: &LockedHead,
    newest: &[&NewVersion],
) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.file_head AS h (project_id, file_path, file_id, version, version_id,
            parent_version_id, seq, updated_at, file_type, mode, content_hash, size, is_deleted, is_binary,
            created_by, created_at)
        SELECT $1, n.file_path, n.file_id, n.version, n.version_id, n.parent_version_id, $3, $4, n.file_type, n.mode,
            n.content_hash, n.size, n.content_hash IS NULL, n.is_binary, $2, $4
        FROM unnest($5::text[], $6::int[], $7::int[], $8::uuid[], $9::uuid[], $10::text[], $11::text[], $12::bytea[],
                    $13::bigint[], $14::bool[])
            AS n (file_path, file_id, version, version_id, parent_version_id, file_type, mode, content_hash, size,
                  is_binary)
        ON CONFLICT (project_id, file_path) DO UPDATE
        SET version = EXCLUDED.version, version_id = EXCLUDED.version_id,
            parent_version_id = EXCLUDED.parent_version_id, seq = EXCLUDED.seq, updated_at = EXCLUDED.updated_at,
            file_type = EXCLUDED.file_type, mode = EXCLUDED.mode, content_hash = EXCLUDED.content_hash,
            size = EXCLUDED.size, is_deleted = EXCLUDED.is_deleted, is_binary = EXCLUDED.is_binary";
    let column = Columns(newest.to_vec());
    let args: [Arg; 14] = [
        project.pg().into(),
        author.pg().into(),
        bundle.seq.into(),
        to_pg(bundle.committed_at)?.into(),
        column.of(|v| v.path.as_str()),
        column.of(|v| v.head.file_id),
        column.of(|v| v.head.version),
        column.of(|v| uuid(v.head.version_id)),
        column.of(|v| v.head.parent_version_id.map(uuid)),
        column.of(|v| v.head.file_type.as_str()),
        column.of(|v| v.head.mode.as_str()),
        column.of(content_hash),
        column.of(size),
        column.of(is_binary),
    ];
    db::exec(SQL, &args)
}

/// Rows as the array columns that `unnest` takes.
struct Columns<'v>(Vec<&'v NewVersion>);

impl<'v> Columns<'v> {
    fn of<'a, T>(&self, value: impl Fn(&'v NewVersion) -> T) -> Arg<'a>
    where
        Vec<T>: pgrx::IntoDatum,
    {
        self.0.iter().map(|version| value(version)).collect::<Vec<T>>().into()
    }
}

fn uuid(id: uuid::Uuid) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

fn size(version: &NewVersion) -> i64 {
    version.head.content.as_ref().map_or(0, |content| content.size)
}

fn is_binary(version: &NewVersion) -> bool {
    version.head.content.as_ref().is_some_and(|content| content.is_binary)
}

fn content_hash(version: &NewVersion) -> Option<Vec<u8>> {
    version.head.content.as_ref().map(|content| content.hash.as_bytes().to_vec())
}

macro_rules! version_columns {
    ($alias:literal) => {
        concat!(
            $alias,
            ".file_id, ",
            $alias,
            ".version, ",
            $alias,
            ".id, ",
            $alias,
            ".parent_version_id, ",
            $alias,
            ".bundle_seq, ",
            $alias,
            ".committed_at, ",
            $alias,
            ".file_type, ",
            $alias,
            ".mode, ",
            $alias,
            ".content_hash, ",
            $alias,
            ".size, ",
            $alias,
            ".is_binary"
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
        version_columns!("f"),
        " FROM quire_store.file_head h
         JOIN quire_store.project_files f ON f.project_id = h.project_id AND f.file_id = h.file_id
             AND f.version = COALESCE($3, h.version)
         WHERE h.project_id = $1 AND h.file_path = $2"
    );
    db::read_one(SQL, &[project.pg().into(), path.as_str().into(), version.into()], |row| {
        VersionRow::from_row(row, 1)
    })
}

/// What a path was at two seqs.
pub struct Changed {
    pub path: FilePath,
    pub from: Option<VersionRow>,
    pub to: Option<VersionRow>,
}

/// Paths that have a version after the lower of two seqs and up to the higher, with their state at both; absent and
/// deleted are both `None`.
pub fn changed_between(project: ProjectId, from: Seq, to: Seq) -> Result<Vec<Changed>> {
    const SQL: &str = concat!(
        "SELECT h.file_path, ", version_columns!("a"), ", ", version_columns!("b"), "
         FROM (SELECT DISTINCT f.file_id FROM quire_store.project_files f
               WHERE f.project_id = $1 AND f.bundle_seq > LEAST($2, $3) AND f.bundle_seq <= GREATEST($2, $3)) c
         JOIN quire_store.file_head h ON h.project_id = $1 AND h.file_id = c.file_id
         LEFT JOIN LATERAL (SELECT f.* FROM quire_store.project_files f
             WHERE f.project_id = $1 AND f.file_id = c.file_id AND f.bundle_seq <= $2
             ORDER BY f.bundle_seq DESC, f.version DESC LIMIT 1) a ON true
         LEFT JOIN LATERAL (SELECT f.* FROM quire_store.project_files f
             WHERE f.project_id = $1 AND f.file_id = c.file_id AND f.bundle_seq <= $3
             ORDER BY f.bundle_seq DESC, f.version DESC LIMIT 1) b ON true
         ORDER BY h.file_path");
    let live = |row: &db::Row, at: usize| -> Result<Option<VersionRow>> {
        if row.opt::<i32>(at)?.is_none() {
            return Ok(None);
        }
        Ok(Some(VersionRow::from_row(row, at)?).filter(|version| version.content_hash.is_some()))
    };
    db::read(SQL, &[project.pg().into(), from.into(), to.into()], |row| {
        Ok(Changed { path: FilePath::from_stored(row.get(1)?), from: live(row, 2)?, to: live(row, 13)? })
    })
}

/// Moves between two seqs, in order: from path, to path.
pub fn moves_between(project: ProjectId, low: Seq, high: Seq) -> Result<Vec<(FilePath, FilePath)>> {
    const SQL: &str = "SELECT m.file_path, h.file_path
        FROM quire_store.project_files f
        JOIN quire_store.file_head h ON h.project_id = f.project_id AND h.file_id = f.file_id
        JOIN quire_store.file_head m ON m.project_id = f.project_id AND m.file_id = f.moved_file_id
        WHERE f.project_id = $1 AND f.bundle_seq > $2 AND f.bundle_seq <= $3 AND f.op = 'file.move' AND NOT f.is_deleted
        ORDER BY f.bundle_seq, f.ordinal";
    db::read(SQL, &[project.pg().into(), low.into(), high.into()], |row| {
        Ok((FilePath::from_stored(row.get(1)?), FilePath::from_stored(row.get(2)?)))
    })
}

/// Seq a tag names.
pub fn tag_seq(project: ProjectId, tag: &str) -> Result<Option<Seq>> {
    const SQL: &str = "SELECT t.seq FROM quire_store.project_tag t WHERE t.project_id = $1 AND t.tag = $2";
    db::read_one(SQL, &[project.pg().into(), tag.into()], |row| row.get(1))
}

/// Names a seq; `false` when the tag exists.
pub fn insert_tag(project: ProjectId, tag: &str, seq: Seq, by: ActorId) -> Result<bool> {
    const SQL: &str = "INSERT INTO quire_store.project_tag (project_id, tag, seq, created_by)
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true";
    let args: [Arg; 4] = [project.pg().into(), tag.into(), seq.into(), by.pg().into()];
    Ok(db::write_one(SQL, &args, |row| row.get::<bool>(1))?.is_some())
}
