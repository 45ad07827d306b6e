//! The heads a write needs.

use crate::blob;
use crate::db::rows::{Column, Name, Rows, Sight};
use crate::db::{self, Arg, Row};
use crate::domain::file::row::VersionRow;
use crate::ids::{Pg, ProjectId};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::mode::Mode;
use quire_core::path::FilePath;
use quire_core::tree::{FileEdit, Head};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Most directories that the new paths of one bundle may have together.
const MAX_DIRECTORIES: usize = 1 << 20;
/// How many of them are looked up at once.
const DIRECTORIES_AT_ONCE: usize = 10_000;
/// How many paths are looked up at once.
const PATHS_AT_ONCE: usize = 10_000;

/// Columns of a head that is called so, as [`VersionRow::from_row`] reads them.
macro_rules! head_columns {
    ($alias:literal) => {
        concat!(
            $alias,
            ".file_id, ",
            $alias,
            ".version, ",
            $alias,
            ".version_id, ",
            $alias,
            ".parent_version_id, ",
            $alias,
            ".seq, ",
            $alias,
            ".updated_at, ",
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
pub(crate) use head_columns;

/// Columns of `file_head h`, as [`head_from_row`] reads them.
macro_rules! file_head_columns {
    () => {
        concat!("h.file_path, ", head_columns!("h"))
    };
}

/// A head from the columns of `file_head_columns`.
fn head_from_row(row: &Row) -> Result<(FilePath, Head)> {
    Ok((FilePath::from_stored(row.get("file_path")?), VersionRow::from_row(row)?.to_head(None)))
}

/// The heads that decide what `edits` do: the touched paths, the directories above what comes into being, and what
/// lives below it. Runs under the head lock. `known` is what the lock's statement found already, at the path it was asked.
pub fn load_for(
    project: ProjectId,
    edits: &[FileEdit],
    known: Option<(&FilePath, Option<Head>)>,
) -> Result<HashMap<FilePath, Head>> {
    let touched: BTreeSet<&str> = edits.iter().flat_map(FileEdit::paths).map(FilePath::as_str).collect();
    let mut heads = match known {
        Some((path, head)) if touched.len() == 1 && touched.contains(path.as_str()) => {
            head.map(|head| (path.clone(), head)).into_iter().collect()
        }
        _ => at(project, &touched)?,
    };
    let created: BTreeSet<&str> = edits
        .iter()
        .filter_map(FileEdit::creates)
        .filter(|path| !heads.get(*path).is_some_and(Head::is_live))
        .map(FilePath::as_str)
        .collect();
    if !created.is_empty() {
        let created_paths =
            edits.iter().filter_map(FileEdit::creates).filter(|path| created.contains(path.as_str()));
        heads.extend(above(project, created_paths, &touched)?);
        heads.extend(below(project, &created)?);
    }
    add_link_targets(project, &mut heads)?;
    Ok(heads)
}

/// The table of heads.
pub static FILE_HEAD: Name = Name::of(c"file_head", 16);

/// The head at one path, as it was when `rows` began.
pub fn head_at(rows: &Rows, project: ProjectId, path: &FilePath) -> Result<Option<Head>> {
    let key: [Column; 2] = [("project_id", project.pg().into()), ("file_path", path.as_str().into())];
    rows.find(&FILE_HEAD, Sight::Statement, &key, head_columns!("h"), |row| {
        Ok(Some(VersionRow::from_row(row)?.to_head(None)))
    })
}

/// Heads at these paths.
pub fn at(project: ProjectId, paths: &BTreeSet<&str>) -> Result<HashMap<FilePath, Head>> {
    const ONE: &str = concat!(
        "SELECT ",
        file_head_columns!(),
        " FROM quire_store.file_head h WHERE h.project_id = $1 AND h.file_path = $2"
    );
    const MANY: &str = concat!(
        "SELECT ",
        file_head_columns!(),
        " FROM unnest($2::text[]) AS d (path)
         CROSS JOIN LATERAL (
             SELECT * FROM quire_store.file_head f WHERE f.project_id = $1 AND f.file_path = d.path OFFSET 0) h"
    );
    load(ONE, MANY, project, paths)
}

/// Files where a directory would have to be, above these paths. Deep paths have many directories each, so the look-ups go
/// in batches and their number is limited.
fn above<'a>(
    project: ProjectId,
    paths: impl Iterator<Item = &'a FilePath>,
    known: &BTreeSet<&str>,
) -> Result<HashMap<FilePath, Head>> {
    let mut found = HashMap::new();
    let mut batch: BTreeSet<&str> = BTreeSet::new();
    let mut count = 0;
    for path in paths {
        for directory in path.ancestors().filter(|directory| !known.contains(directory)) {
            count += 1;
            batch.insert(directory);
        }
        if count > MAX_DIRECTORIES {
            return Err(Error::limit("the paths of this bundle are too deep", MAX_DIRECTORIES)
                .hint("split it into several bundles"));
        }
        if batch.len() >= DIRECTORIES_AT_ONCE {
            pgrx::check_for_interrupts!();
            // What the statement allocates goes with it: the paths above one may be hundreds of times as long as it is.
            let heads = db::in_passing(|| at(project, &batch))?;
            found.extend(heads.into_iter().filter(|(_, head)| head.is_live()));
            batch.clear();
        }
    }
    found.extend(at(project, &batch)?.into_iter().filter(|(_, head)| head.is_live()));
    Ok(found)
}

/// Existing files below these paths.
fn below(project: ProjectId, paths: &BTreeSet<&str>) -> Result<HashMap<FilePath, Head>> {
    const ONE: &str = concat!(
        "SELECT ",
        file_head_columns!(),
        " FROM quire_store.file_head h
         WHERE h.project_id = $1 AND h.file_path > $2 || '/' AND h.file_path < $2 || '0' AND NOT h.is_deleted
         ORDER BY h.file_path"
    );
    const MANY: &str = concat!(
        "SELECT ",
        file_head_columns!(),
        " FROM unnest($2::text[]) AS d (path)
         CROSS JOIN LATERAL (
             SELECT * FROM quire_store.file_head f
             WHERE f.project_id = $1 AND f.file_path > d.path || '/' AND f.file_path < d.path || '0'
                 AND NOT f.is_deleted
             ORDER BY f.file_path OFFSET 0) h"
    );
    load(ONE, MANY, project, paths)
}

/// Runs the statement for one path or the one for many. The plans are kept, and may be made while the table is small, so
/// the statements leave no choice: OFFSET 0 makes one look-up per path, and ORDER BY asks for the index on paths.
fn load(
    one: &'static str,
    many: &'static str,
    project: ProjectId,
    paths: &BTreeSet<&str>,
) -> Result<HashMap<FilePath, Head>> {
    let run = |sql, paths: Arg| db::write(sql, &[project.pg().into(), paths], head_from_row);
    match paths.first() {
        None => Ok(HashMap::new()),
        Some(path) if paths.len() == 1 => Ok(run(one, (*path).into())?.into_iter().collect()),
        Some(_) => {
            let mut heads = HashMap::new();
            let paths: Vec<&str> = paths.iter().copied().collect();
            for batch in paths.chunks(PATHS_AT_ONCE) {
                // What the statement allocates goes with it.
                heads.extend(db::in_passing(|| run(many, batch.to_vec().into()))?);
            }
            Ok(heads)
        }
    }
}

/// Where symlinks point to, which decides whether they may move.
fn add_link_targets(project: ProjectId, heads: &mut HashMap<FilePath, Head>) -> Result<()> {
    let links = |head: &Head| {
        head.content.as_ref().filter(|_| head.mode == Mode::Symlink).map(|content| content.hash)
    };
    let hashes: Vec<Hash> = heads.values().filter_map(links).collect();
    if hashes.is_empty() {
        return Ok(());
    }
    let targets = blob::store::read_many(project, &hashes)?;
    for head in heads.values_mut().filter(|head| head.mode == Mode::Symlink) {
        if let Some(content) = &mut head.content {
            content.link_target =
                targets.get(&content.hash).and_then(|bytes| std::str::from_utf8(bytes).ok()).map(Arc::from);
        }
    }
    Ok(())
}
