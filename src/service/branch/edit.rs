//! Branches are made, closed and deleted, each by a bundle of one operation.

use crate::args::{message_arg, required};
use crate::bundle::commit_edit;
use crate::definer::definer;
use crate::gate::{Access, Action, require_project};
use crate::ids::Seq;
use crate::jsonb::Json;
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::branch::BranchStatus;
use quire_core::error::Result;
use quire_core::key::branch_name;
use quire_core::op::{BranchEdit, Edit};

/// Makes a branch that begins with what another one is, or was.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn create_branch(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    from_branch: default!(Option<&str>, "'main'"),
    at_seq: default!(Option<i64>, "NULL"),
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| {
        let access = require_project(Action::WriteBranches, project_uuid)?;
        let branch = branch_name("name", required("name", name)?)?;
        let from_branch = branch_name("from_branch", required("from_branch", from_branch)?)?;
        let edit = BranchEdit::Create { branch, from_branch, at_seq: at_seq.map(Seq) };
        make(&access, edit, "create_branch", message, correlation_id)
    })
}

/// Closes a branch: it is read, and written no more.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn close_branch(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    merged_into: default!(Option<&str>, "NULL"),
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| {
        let access = require_project(Action::WriteBranches, project_uuid)?;
        let branch = branch_name("name", required("name", name)?)?;
        let merged_into = merged_into.map(|into| branch_name("merged_into", into)).transpose()?;
        let edit = BranchEdit::Update { branch, status: BranchStatus::Closed, merged_into };
        make(&access, edit, "close_branch", message, correlation_id)
    })
}

/// Deletes a branch; what was on it stays readable by its seqs.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn delete_branch(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| {
        let access = require_project(Action::WriteBranches, project_uuid)?;
        let branch = branch_name("name", required("name", name)?)?;
        let edit = BranchEdit::Update { branch, status: BranchStatus::Deleted, merged_into: None };
        make(&access, edit, "delete_branch", message, correlation_id)
    })
}

fn make(
    access: &Access,
    edit: BranchEdit,
    function: &str,
    message: Option<&str>,
    correlation_id: Option<Uuid>,
) -> Result<Json> {
    let message = message_arg(message)?;
    let committed = commit_edit(access, Edit::Branch(edit), function, message, correlation_id)?;
    Ok(Json(committed.receipt.to_json()))
}
