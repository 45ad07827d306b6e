//! Writers of many files: all or nothing, one bundle, one event.

use crate::args::{TextsArg, required};
use crate::blob;
use crate::bundle::staged::{Staged, check_count, items};
use crate::bundle::{Commit, Kind, commit, correlated};
use crate::definer::definer;
use crate::domain::file::put;
use crate::gate::{Access, Action, expect};
use crate::jsonb::{Json, JsonArg};
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::error::{Error, Result};
use quire_core::json::Members;
use quire_core::op::Edit;
use quire_core::path::FilePath;
use quire_core::reason::Reason;
use quire_core::tree::FileEdit;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Writes many files.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn bulk_upsert_project_files(
    project_uuid: Option<Uuid>,
    files: Option<JsonArg>,
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| bulk_upsert(project_uuid, files, correlation_id))
}

fn bulk_upsert(
    project_uuid: Option<Uuid>,
    files: Option<JsonArg>,
    correlation_id: Option<Uuid>,
) -> Result<Json> {
    let access = expect(Action::Write, project_uuid)?;
    let files = required("files", files)?;
    let mut staged = Staged::default();
    for file in items("files", files.items("files")?)? {
        let (name, file) = file?;
        let (edit, brought) = put(&access, Members::of(name, &file)?).map_err(Error::of_member)?;
        staged.push(Edit::File(edit), Some(brought));
    }
    write(&access, staged, correlation_id, "bulk_upsert_project_files")
}

/// Deletes many files.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn bulk_delete_project_files(
    project_uuid: Option<Uuid>,
    paths: Option<TextsArg>,
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| bulk_delete(project_uuid, paths, correlation_id))
}

fn bulk_delete(
    project_uuid: Option<Uuid>,
    paths: Option<TextsArg>,
    correlation_id: Option<Uuid>,
) -> Result<Json> {
    let access = expect(Action::Write, project_uuid)?;
    let paths = required("paths", paths)?;
    let paths: Vec<FilePath> = paths.parsed("paths", |count| check_count("paths", count), FilePath::parse)?;
    let mut staged = Staged::default();
    for path in paths {
        staged.push(Edit::File(FileEdit::Delete { path, expected_version: None }), None);
    }
    write(&access, staged, correlation_id, "bulk_delete_project_files")
}

/// `{success, seq, checksum, files: [{file_path, version, content_hash}]}`
fn write(access: &Access, staged: Staged, correlation_id: Option<Uuid>, function: &str) -> Result<Json> {
    refuse_duplicates(staged.edits())?;
    let correlation = correlated(correlation_id, function, || staged.fingerprint())?;
    let request = Commit::new(access, Kind::UserEdit, correlation);
    let committed = blob::retrying(|| {
        let plan = staged.plan(access.project)?;
        commit(&request, |_| Ok(plan))
    })?;
    let receipt = committed.receipt;
    let files: Vec<Value> = receipt
        .files()
        .map(|op| json!({"file_path": op.file_path, "version": op.version, "content_hash": op.content_hash}))
        .collect();
    Ok(Json(json!({"success": true, "seq": receipt.seq, "checksum": receipt.checksum, "files": files})))
}

/// Refuses a path that occurs twice (PT409).
fn refuse_duplicates(edits: &[Edit]) -> Result<()> {
    let mut seen = HashSet::with_capacity(edits.len());
    let paths = edits.iter().filter_map(Edit::file).flat_map(FileEdit::paths);
    match paths.into_iter().find(|path| !seen.insert(*path)) {
        None => Ok(()),
        Some(path) => Err(Error::conflict(Reason::DuplicatePath, format!("{path} occurs twice"))
            .with("file_path", path.as_str())),
    }
}
