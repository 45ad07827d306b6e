//! Differences: of one file as a unified diff, of a project as a list of changed paths.

use super::read::version_of;
use crate::args::{path_arg, required};
use crate::definer::definer;
use crate::domain::file::VersionRow;
use crate::domain::file::store::{self, Changed, Operation};
use crate::gate::{Access, Action, require_project};
use crate::ids::{Seq, Version};
use crate::log::point::existing_seq;
use crate::log::quarantine;
use crate::{blob, guc};
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::diff::unified;
use quire_core::error::{Error, Result};
use quire_core::op::Topic;
use quire_core::path::FilePath;
use std::collections::{HashMap, HashSet};

/// Most context lines of a diff.
const MAX_CONTEXT: i32 = 1_000_000;

/// A unified diff of two versions of a file.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn diff_project_file(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    from_version: Option<i32>,
    to_version: Option<i32>,
    context_lines: default!(Option<i32>, "3"),
) -> String {
    definer(|| {
        let [from, to] = [from_version, to_version].map(|version| version.map(Version));
        diff_file(project_uuid, p_file_path, from, to, context_lines)
    })
}

fn diff_file(
    project_uuid: Option<Uuid>,
    path: Option<&str>,
    from_version: Option<Version>,
    to_version: Option<Version>,
    context_lines: Option<i32>,
) -> Result<String> {
    let access = require_project(Action::Read, project_uuid)?;
    let path = path_arg("p_file_path", path)?;
    let context = required("context_lines", context_lines)?;
    if !(0..=MAX_CONTEXT).contains(&context) {
        return Err(Error::validation(format!("context_lines must be from 0 to {MAX_CONTEXT}"))
            .with("argument", "context_lines"));
    }
    let old = side(&access, &path, "from_version", from_version)?;
    let new = side(&access, &path, "to_version", to_version)?;
    let is_binary =
        |side: &Option<(VersionRow, Vec<u8>)>| side.as_ref().is_some_and(|(row, _)| row.is_binary);
    if is_binary(&old) || is_binary(&new) {
        return Ok(binary_notice(&path, &old, &new));
    }
    let mode = |side: &Option<(VersionRow, Vec<u8>)>| side.as_ref().map(|(row, _)| row.mode.as_str());
    let modes = (mode(&old), mode(&new));
    let (old, new) = (as_text(&old)?, as_text(&new)?);
    unified(old, new, path.as_str(), path.as_str(), modes, context as usize, guc::diff_deadline())
}

/// A version with its content; `None` for a tombstone and for version 0, which is "before the file".
fn side(
    access: &Access,
    path: &FilePath,
    argument: &str,
    version: Option<Version>,
) -> Result<Option<(VersionRow, Vec<u8>)>> {
    let version = required(argument, version)?;
    if version == Version::default() {
        return Ok(None);
    }
    let row = version_of(access.project, path, argument, Some(version))?;
    row.content_hash.map(|hash| Ok((row, blob::store::read(access.project, &hash)?))).transpose()
}

fn as_text(side: &Option<(VersionRow, Vec<u8>)>) -> Result<Option<&str>> {
    side.as_ref()
        .map(|(_, bytes)| std::str::from_utf8(bytes).map_err(|_| Error::internal("stored text is not UTF-8")))
        .transpose()
}

/// What `git diff` says about files that are not text.
fn binary_notice(
    path: &FilePath,
    old: &Option<(VersionRow, Vec<u8>)>,
    new: &Option<(VersionRow, Vec<u8>)>,
) -> String {
    let hash = |side: &Option<(VersionRow, Vec<u8>)>| side.as_ref().and_then(|(row, _)| row.content_hash);
    if hash(old) == hash(new) {
        return String::new();
    }
    let name = |side: &Option<_>, letter| match side {
        Some(_) => format!("{letter}/{path}"),
        None => "/dev/null".to_owned(),
    };
    format!("Binary files {} and {} differ\n", name(old, 'a'), name(new, 'b'))
}

/// Paths that differ between two seqs.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn diff_project(
    project_uuid: Option<Uuid>,
    from_seq: Option<i64>,
    to_seq: Option<i64>,
) -> TableIterator<
    'static,
    (
        name!(file_path, String),
        name!(change, String),
        name!(from_path, Option<String>),
        name!(from_version, Option<i32>),
        name!(to_version, Option<i32>),
        name!(from_hash, Option<String>),
        name!(to_hash, Option<String>),
    ),
> {
    TableIterator::new(definer(|| diff_trees(project_uuid, from_seq.map(Seq), to_seq.map(Seq))))
}

type DiffRow = (String, String, Option<String>, Option<i32>, Option<i32>, Option<String>, Option<String>);

fn diff_trees(
    project_uuid: Option<Uuid>,
    from_seq: Option<Seq>,
    to_seq: Option<Seq>,
) -> Result<Vec<DiffRow>> {
    let access = require_project(Action::Read, project_uuid)?;
    let from = existing_seq(access.project, "from_seq", required("from_seq", from_seq)?)?;
    let to = existing_seq(access.project, "to_seq", required("to_seq", to_seq)?)?;
    quarantine::refuse_ops(access.project, Topic::File, from.max(to))?;
    let changed = store::changed_between(access.project, from, to)?;
    let operations = store::operations_between(access.project, from.min(to), from.max(to))?;
    let moved = moved_between(&operations, &changed, from > to);
    // Keyed by where a file is at to_seq.
    let origins = if from > to { moved } else { moved.into_iter().map(|(low, high)| (high, low)).collect() };
    Ok(describe(changed, &origins))
}

/// Which path of the lower seq is which other path at the higher one, following the operations in between: a file keeps its
/// identity through puts and moves, and ends it with a delete.
fn moved_between(
    operations: &[Operation],
    changed: &[Changed],
    backwards: bool,
) -> HashMap<FilePath, FilePath> {
    let lived = |change: &&Changed| if backwards { change.to.is_some() } else { change.from.is_some() };
    let mut origin: HashMap<&FilePath, Option<&FilePath>> =
        changed.iter().filter(lived).map(|change| (&change.path, Some(&change.path))).collect();
    for operation in operations {
        match operation {
            Operation::Put(path) => {
                origin.entry(path).or_insert(None);
            }
            Operation::Delete(path) => {
                origin.remove(path);
            }
            Operation::Move(from, to) => {
                let identity = origin.remove(from).flatten();
                origin.insert(to, identity);
            }
        }
    }
    let moved = origin.into_iter().filter_map(|(high, low)| low.map(|low| (low, high)));
    moved.filter(|(low, high)| low != high).map(|(low, high)| (low.clone(), high.clone())).collect()
}

/// One row per change; a path that was moved away is part of the move. A move counts as one only where the origin is
/// gone and the path is new.
fn describe(changed: Vec<Changed>, origins: &HashMap<FilePath, FilePath>) -> Vec<DiffRow> {
    let gone: HashMap<FilePath, VersionRow> = changed
        .iter()
        .filter(|change| change.to.is_none())
        .filter_map(|change| change.from.clone().map(|row| (change.path.clone(), row)))
        .collect();
    let origin_of = |change: &Changed| {
        origins
            .get(&change.path)
            .filter(|_| change.from.is_none() && change.to.is_some())
            .filter(|path| gone.contains_key(*path))
    };
    let moved_away: HashSet<&FilePath> = changed.iter().filter_map(origin_of).collect();
    let hex =
        |row: &Option<VersionRow>| row.as_ref().and_then(|row| row.content_hash).map(|hash| hash.to_hex());
    let version = |row: &Option<VersionRow>| row.as_ref().map(|row| row.version.0);
    let mut rows = Vec::new();
    for change in &changed {
        let (from, kind, from_path) = match (&change.from, &change.to) {
            (None, None) => continue,
            (Some(a), Some(b)) if a.same_file(b) => continue,
            (Some(_), None) if moved_away.contains(&change.path) => continue,
            (Some(_), Some(_)) => (change.from.clone(), "modified", None),
            (Some(_), None) => (change.from.clone(), "deleted", None),
            (None, Some(_)) => match origin_of(change) {
                Some(origin) => (gone.get(origin).cloned(), "moved", Some(origin.as_str().to_owned())),
                None => (None, "added", None),
            },
        };
        rows.push((
            change.path.as_str().to_owned(),
            kind.to_owned(),
            from_path,
            version(&from),
            version(&change.to),
            hex(&from),
            hex(&change.to),
        ));
    }
    rows
}
