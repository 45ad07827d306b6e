//! Writers of one file.

use super::head::{self, FileHead};
use crate::args::{file_type_arg, path_arg, required};
use crate::blob;
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::definer::definer;
use crate::gate::{Access, Action, expect};
use crate::ids::{CorrelationId, Version};
use pgrx::prelude::*;
use pgrx::{Uuid, composite_type};
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::op::Edit;
use quire_core::tree::FileEdit;
use serde_json::json;

/// Writes a text file.
#[pg_extern(requires = ["file"])]
#[search_path(pg_catalog, pg_temp)]
fn upsert_project_file(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    p_content: Option<&str>,
    p_file_type: default!(Option<&str>, "NULL"),
    expected_version: default!(Option<i32>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> composite_type!('static, "quire.project_file_head") {
    let content = ("p_content", p_content.map(str::as_bytes));
    definer(|| upsert(project_uuid, p_file_path, content, p_file_type, expected_version, correlation_id))
}

/// Writes a file of any bytes.
#[pg_extern(requires = ["file"])]
#[search_path(pg_catalog, pg_temp)]
fn upsert_project_file_bytes(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    p_bytes: Option<&[u8]>,
    p_file_type: default!(Option<&str>, "NULL"),
    expected_version: default!(Option<i32>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> composite_type!('static, "quire.project_file_head") {
    let content = ("p_bytes", p_bytes);
    definer(|| upsert(project_uuid, p_file_path, content, p_file_type, expected_version, correlation_id))
}

/// Writes it, and again when its content was collected meanwhile.
fn upsert(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    content: (&str, Option<&[u8]>),
    p_file_type: Option<&str>,
    expected_version: Option<i32>,
    correlation_id: Option<Uuid>,
) -> Result<FileHead> {
    let version = expected_version.map(Version);
    blob::retrying(|| put(project_uuid, p_file_path, content, p_file_type, version, correlation_id))
}

fn put(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    (argument, bytes): (&str, Option<&[u8]>),
    p_file_type: Option<&str>,
    expected_version: Option<Version>,
    correlation_id: Option<Uuid>,
) -> Result<FileHead> {
    let access = expect(Action::Write, project_uuid)?;
    let path = path_arg("p_file_path", p_file_path)?;
    let bytes = required(argument, bytes)?;
    let file_type = file_type_arg("p_file_type", p_file_type)?;
    let content = blob::describe(&access, path.as_str(), bytes)?;
    let blobs = blob::prepare(access.project, &[(&content, bytes)])?;
    let correlation = correlated(correlation_id, "upsert_project_file", || {
        json!([path.as_str(), content.hash.to_hex(), file_type, expected_version])
    })?;
    let edit = FileEdit::Put { path, file_type, mode: None, content, expected_version };
    write(&access, correlation, Plan { edits: vec![Edit::File(edit)], blobs, ..Plan::default() })
}

/// Deletes a file; its history stays.
#[pg_extern(requires = ["file"])]
#[search_path(pg_catalog, pg_temp)]
fn delete_project_file(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    expected_version: default!(Option<i32>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> composite_type!('static, "quire.project_file_head") {
    definer(|| delete(project_uuid, p_file_path, expected_version.map(Version), correlation_id))
}

fn delete(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    expected_version: Option<Version>,
    correlation_id: Option<Uuid>,
) -> Result<FileHead> {
    let access = expect(Action::Write, project_uuid)?;
    let path = path_arg("p_file_path", p_file_path)?;
    let correlation =
        correlated(correlation_id, "delete_project_file", || json!([path.as_str(), expected_version]))?;
    write(
        &access,
        correlation,
        Plan { edits: vec![Edit::File(FileEdit::Delete { path, expected_version })], ..Plan::default() },
    )
}

/// Gives a file another path.
#[pg_extern(requires = ["file"])]
#[search_path(pg_catalog, pg_temp)]
fn move_project_file(
    project_uuid: Option<Uuid>,
    from_path: Option<&str>,
    to_path: Option<&str>,
    expected_version: default!(Option<i32>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> composite_type!('static, "quire.project_file_head") {
    definer(|| rename(project_uuid, from_path, to_path, expected_version.map(Version), correlation_id))
}

fn rename(
    project_uuid: Option<Uuid>,
    from_path: Option<&str>,
    to_path: Option<&str>,
    expected_version: Option<Version>,
    correlation_id: Option<Uuid>,
) -> Result<FileHead> {
    let access = expect(Action::Write, project_uuid)?;
    let from = path_arg("from_path", from_path)?;
    let to = path_arg("to_path", to_path)?;
    let correlation = correlated(correlation_id, "move_project_file", || {
        json!([from.as_str(), to.as_str(), expected_version])
    })?;
    write(
        &access,
        correlation,
        Plan { edits: vec![Edit::File(FileEdit::Move { from, to, expected_version })], ..Plan::default() },
    )
}

fn write(access: &Access, correlation: Option<(CorrelationId, Hash)>, plan: Plan) -> Result<FileHead> {
    let path = match plan.edits.as_slice() {
        [Edit::File(FileEdit::Put { path, .. } | FileEdit::Delete { path, .. })] => Some(path.clone()),
        _ => None,
    };
    let request = Commit { path, ..Commit::new(access, Kind::UserEdit, correlation) };
    let committed = commit(&request, |_| Ok(plan))?;
    head::after(access.project, &committed)
}
