//! The heads a write needs.

use crate::blob;
use crate::db::{self, Arg};
use crate::error::Result;
use crate::file::row::VersionRow;
use crate::ids::ProjectId;
use crate::pure::hash::Hash;
use crate::pure::op::Mode;
use crate::pure::path::FilePath;
use crate::pure::tree::{Edit, Head};
use std::collections::{BTreeSet, HashMap};

macro_rules! head_columns {
    () => {
        "h.file_path, h.file_id, h.version, h.version_id, h.parent_version_id, h.seq, h.updated_at, h.file_type,
         h.mode, h.content_hash, h.size, h.is_binary"
    };
}

/// The heads that decide what `edits` do: the touched paths, the directories above what comes into being, and what
/// lives below it. Runs under the head lock.
pub fn load_for(project: ProjectId, edits: &[Edit]) -> Result<HashMap<FilePath, Head>> {
    let touched: BTreeSet<&str> = edits.iter().flat_map(Edit::paths).map(FilePath::as_str).collect();
    let mut heads = at(project, &touched)?;
    let created: BTreeSet<&str> = edits
        .iter()
        .filter_map(Edit::creates)
        .filter(|path| !heads.get(*path).is_some_and(Head::is_live))
        .map(FilePath::as_str)
        .collect();
    if !created.is_empty() {
        let above = edits.iter().filter_map(Edit::creates).filter(|path| created.contains(path.as_str()));
        let above: BTreeSet<&str> =
            above.flat_map(FilePath::ancestors).filter(|path| !touched.contains(path)).collect();
        heads.extend(at(project, &above)?);
        heads.extend(below(project, &created)?);
    }
    add_link_targets(project, &mut heads)?;
    Ok(heads)
}

/// Heads at these paths.
fn at(project: ProjectId, paths: &BTreeSet<&str>) -> Result<HashMap<FilePath, Head>> {
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
    match paths.first() {
        None => Ok(HashMap::new()),
        Some(path) if paths.len() == 1 => load(ONE, &[project.pg().into(), (*path).into()]),
        Some(_) => load(MANY, &[project.pg().into(), text_array(paths)]),
    }
}

/// Existing files below these paths.
fn below(project: ProjectId, paths: &BTreeSet<&str>) -> Result<HashMap<FilePath, Head>> {
    const ONE: &str = concat!(
        "SELECT ",
        head_columns!(),
        " FROM quire_store.file_head h WHERE h.project_id = $1 AND NOT h.is_deleted
             AND h.file_path > $2 || '/' AND h.file_path < $2 || '0'"
    );
    const MANY: &str = concat!(
        "SELECT ",
        head_columns!(),
        " FROM unnest($2::text[]) AS d (path)
         JOIN quire_store.file_head h ON h.project_id = $1 AND NOT h.is_deleted
             AND h.file_path > d.path || '/' AND h.file_path < d.path || '0'"
    );
    match paths.first() {
        None => Ok(HashMap::new()),
        Some(path) if paths.len() == 1 => load(ONE, &[project.pg().into(), (*path).into()]),
        Some(_) => load(MANY, &[project.pg().into(), text_array(paths)]),
    }
}

fn load(sql: &'static str, args: &[Arg]) -> Result<HashMap<FilePath, Head>> {
    let heads = db::write(sql, args, |row| {
        Ok((FilePath::from_stored(row.get(1)?), VersionRow::from_row(row, 2)?.to_head(None)))
    })?;
    Ok(heads.into_iter().collect())
}

fn text_array<'a>(texts: &BTreeSet<&str>) -> Arg<'a> {
    texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>().into()
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
                targets.get(&content.hash).and_then(|bytes| String::from_utf8(bytes.clone()).ok());
        }
    }
    Ok(())
}
