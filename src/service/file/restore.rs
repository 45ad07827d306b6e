//! Bringing an older state back: new bundles, nothing rewritten.

use super::head::{FileHead, after};
use super::read::version_of;
use crate::args::{path_arg, required};
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::definer::definer;
use crate::domain::file::{put_again, store};
use crate::gate::{Access, Action, require_project};
use crate::ids::{Seq, Version};
use crate::log::point::existing_seq;
use crate::log::quarantine;
use crate::log::store::head;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid, composite_type};
use quire_core::error::{Error, Result};
use quire_core::op::Edit;
use quire_core::tree::FileEdit;
use serde_json::{Value, json};

/// Makes an older version of a file current again.
#[pg_extern(requires = ["file"])]
#[search_path(pg_catalog, pg_temp)]
fn restore_project_file(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    version: Option<i32>,
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> composite_type!('static, "quire.project_file_head") {
    definer(|| restore_file(project_uuid, p_file_path, version, correlation_id))
}

fn restore_file(
    project_uuid: Option<Uuid>,
    path: Option<&str>,
    version: Option<i32>,
    correlation_id: Option<Uuid>,
) -> Result<FileHead> {
    let access = require_project(Action::Write, project_uuid)?.that_reads()?;
    let path = path_arg("p_file_path", path)?;
    let version = Version(required("version", version)?);
    let row = version_of(access.project, &path, "version", Some(version))?;
    let correlation = correlated(correlation_id, "restore_project_file", || json!([path.as_str(), version]))?;
    let edit = put_again(&access, path.clone(), row)?.ok_or_else(|| {
        Error::validation(format!("version {version} of {path} is a deletion"))
            .with("file_path", path.as_str())
            .with("version", version)
            .hint("use delete_project_file")
    })?;
    let request = Commit {
        details: Some(json!({"restored_version": version})),
        ..Commit::new(&access, Kind::Rollback, correlation)
    };
    let committed = commit(&request, |_| Ok(Plan { edits: vec![Edit::File(edit)], ..Plan::default() }))?;
    after(access.project, &committed)
}

/// Makes the whole tree what it was at a seq.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn restore_project(
    project_uuid: Option<Uuid>,
    to_seq: Option<i64>,
    dry_run: default!(Option<bool>, "false"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> JsonB {
    definer(|| restore_tree(project_uuid, to_seq.map(Seq), dry_run, correlation_id))
}

fn restore_tree(
    project_uuid: Option<Uuid>,
    to_seq: Option<Seq>,
    dry_run: Option<bool>,
    correlation_id: Option<Uuid>,
) -> Result<JsonB> {
    let access = require_project(Action::Write, project_uuid)?.that_reads()?;
    let to_seq = existing_seq(access.project, "to_seq", required("to_seq", to_seq)?)?;
    quarantine::refuse_files(access.project, to_seq)?;
    if required("dry_run", dry_run)? {
        access.require_active()?;
        let (seq, checksum) = head(access.project)?;
        let files: Vec<Value> = edits(&access, seq, to_seq)?.iter().map(planned).collect();
        return Ok(JsonB(json!({
            "dry_run": true, "to_seq": to_seq, "seq": seq, "bundle_id": null, "checksum": checksum.to_hex(),
            "files": files
        })));
    }
    let correlation = correlated(correlation_id, "restore_project", || json!([to_seq]))?;
    let request = Commit {
        details: Some(json!({"restored_seq": to_seq})),
        ..Commit::new(&access, Kind::Rollback, correlation)
    };
    let receipt = commit(&request, |head| {
        Ok(Plan {
            edits: edits(&access, head.seq, to_seq)?.into_iter().map(Edit::File).collect(),
            ..Plan::default()
        })
    })?
    .receipt;
    let files: Vec<Value> = receipt
        .files()
        .map(|op| json!({"file_path": op.file_path, "op": op.op, "content_hash": op.content_hash, "version": op.version}))
        .collect();
    Ok(JsonB(json!({
        "dry_run": false, "to_seq": to_seq, "seq": receipt.seq, "bundle_id": receipt.bundle_id,
        "checksum": receipt.checksum, "files": files
    })))
}

/// What turns the tree at `now` into the tree at `to_seq`.
fn edits(access: &Access, now: Seq, to_seq: Seq) -> Result<Vec<FileEdit>> {
    let mut edits = Vec::new();
    for change in store::changed_between(access.project, now, to_seq)? {
        match (change.from, change.to) {
            (Some(_), None) => edits.push(FileEdit::Delete { path: change.path, expected_version: None }),
            (Some(now), Some(then)) if now.same_file(&then) => {}
            (_, Some(row)) => edits.extend(put_again(access, change.path, row)?),
            (None, None) => {}
        }
    }
    Ok(edits)
}

fn planned(edit: &FileEdit) -> Value {
    match edit {
        FileEdit::Put { path, content, .. } => {
            json!({"file_path": path.as_str(), "op": "file.put", "content_hash": content.hash.to_hex()})
        }
        FileEdit::Delete { path, .. } => {
            json!({"file_path": path.as_str(), "op": "file.delete", "content_hash": null})
        }
        FileEdit::Move { to, .. } => json!({"file_path": to.as_str(), "op": "file.move"}),
    }
}
