//! Readers of one file, and what a point in time means.

use crate::args::path_arg;
use crate::blob;
use crate::db::clock::to_pg;
use crate::definer::definer;
use crate::domain::file::{VersionRow, no_file, store};
use crate::gate::{Access, Action, require_project};
use crate::ids::{Pg, ProjectId, Seq, Version};
use crate::log::point::resolve_point;
use crate::log::quarantine;
use crate::log::store::mark_at;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use quire_core::error::{Error, Result};
use quire_core::op::Topic;
use quire_core::path::FilePath;
use quire_core::quarantine::RowKind;
use serde_json::json;

/// Which state of a file.
enum Which<'a> {
    Current,
    Version(Version),
    At { seq: Option<Seq>, tag: Option<&'a str>, time: Option<TimestampWithTimeZone> },
}

impl<'a> Which<'a> {
    /// What the arguments of a reader ask for.
    fn of(
        version: Option<Version>,
        seq: Option<Seq>,
        tag: Option<&'a str>,
        time: Option<TimestampWithTimeZone>,
    ) -> Result<Self> {
        let is_point = seq.is_some() || tag.is_some() || time.is_some();
        match version {
            Some(_) if is_point => {
                Err(Error::validation("give at most one of version, at_seq, at_tag and at_time"))
            }
            Some(version) => Ok(Which::Version(version)),
            None if is_point => Ok(Which::At { seq, tag, time }),
            None => Ok(Which::Current),
        }
    }
}

/// One file, current, at a version or at a point in time.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn read_project_file(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    version: default!(Option<i32>, "NULL"),
    at_seq: default!(Option<i64>, "NULL"),
    at_tag: default!(Option<&str>, "NULL"),
    at_time: default!(Option<TimestampWithTimeZone>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(file_path, String),
        name!(file_type, String),
        name!(content, Option<String>),
        name!(content_hash, Option<String>),
        name!(version, i32),
        name!(updated_at, TimestampWithTimeZone),
        name!(size, i64),
        name!(mode, String),
        name!(is_deleted, bool),
        name!(is_binary, bool),
        name!(seq, i64),
        name!(checksum, Option<String>),
    ),
> {
    let row = definer(|| {
        let which = Which::of(version.map(Version), at_seq.map(Seq), at_tag, at_time);
        read_text(project_uuid, p_file_path, which)
    });
    TableIterator::once(row)
}

type FileRow = (
    String,
    String,
    Option<String>,
    Option<String>,
    i32,
    TimestampWithTimeZone,
    i64,
    String,
    bool,
    bool,
    i64,
    Option<String>,
);

fn read_text(project_uuid: Option<Uuid>, path: Option<&str>, which: Result<Which>) -> Result<FileRow> {
    let (access, path, row) = find(project_uuid, path, which)?;
    let content = match row.content_hash.filter(|_| !row.is_binary) {
        None => None,
        Some(hash) => Some(
            String::from_utf8(blob::store::read(access.project, &hash)?)
                .map_err(|_| Error::internal("stored text is not UTF-8"))?,
        ),
    };
    Ok((
        path.as_str().to_owned(),
        row.file_type,
        content,
        row.content_hash.map(|hash| hash.to_hex()),
        row.version.0,
        to_pg(row.committed_at)?,
        row.size,
        row.mode.as_str().to_owned(),
        row.content_hash.is_none(),
        row.is_binary,
        row.seq.pg(),
        mark_at(access.project, row.seq)?.map(|mark| mark.to_string()),
    ))
}

/// Bytes of one file, current, at a version or at a point in time.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn read_project_file_bytes(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    version: default!(Option<i32>, "NULL"),
    at_seq: default!(Option<i64>, "NULL"),
    at_tag: default!(Option<&str>, "NULL"),
    at_time: default!(Option<TimestampWithTimeZone>, "NULL"),
) -> Vec<u8> {
    definer(|| {
        let which = Which::of(version.map(Version), at_seq.map(Seq), at_tag, at_time);
        find(project_uuid, p_file_path, which).and_then(|(access, path, row)| {
            let hash = row.content_hash.ok_or_else(|| no_file(&path, version.map(Version)))?;
            blob::store::read(access.project, &hash)
        })
    })
}

fn find(
    project_uuid: Option<Uuid>,
    path: Option<&str>,
    which: Result<Which>,
) -> Result<(Access, FilePath, VersionRow)> {
    let access = require_project(Action::Read, project_uuid)?;
    let path = path_arg("p_file_path", path)?;
    let which = which?;
    quarantine::refuse(access.project, [RowKind::Current(Topic::File)], json!({"file_path": path.as_str()}))?;
    let row = match which {
        Which::Current => version_of(access.project, &path, "version", None)?,
        Which::Version(version) => version_of(access.project, &path, "version", Some(version))?,
        Which::At { seq, tag, time } => {
            let seq = resolve_point(access.project, seq, time, tag)?;
            file_at(access.project, &path, seq)?
        }
    };
    Ok((access, path, row))
}

/// A path as it was at a seq, where it must have been a file.
fn file_at(project: ProjectId, path: &FilePath, seq: Seq) -> Result<VersionRow> {
    let row = store::find_at(project, path, seq)?.ok_or_else(|| {
        Error::not_found(format!("no file {path} at seq {seq}"))
            .with("file_path", path.as_str())
            .with("seq", seq)
    })?;
    quarantine::refuse(project, [RowKind::Logged(Topic::File)], json!({"seq": row.seq}))?;
    Ok(row)
}

/// A version of a path. Without a number the file must exist now; with one it may be a tombstone.
/// `argument` is the one that gives the number.
pub fn version_of(
    project: ProjectId,
    path: &FilePath,
    argument: &str,
    version: Option<Version>,
) -> Result<VersionRow> {
    if version.is_some_and(|version| version < Version(1)) {
        return Err(Error::validation(format!("{argument} must be 1 or more"))
            .with("argument", argument)
            .with("version", version));
    }
    let row = store::find_version(project, path, version)?
        .filter(|row| version.is_some() || row.content_hash.is_some())
        .ok_or_else(|| no_file(path, version))?;
    quarantine::refuse(project, [RowKind::Logged(Topic::File)], json!({"seq": row.seq}))?;
    Ok(row)
}
