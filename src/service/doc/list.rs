//! Readers that list documents and what happened to them. sql/doc/reader.sql says what they return.

use super::args::doc_arg;
use crate::args::{MAX_ROWS, page_arg, required};
use crate::db::Answer;
use crate::definer::definer;
use crate::domain::branch;
use crate::domain::doc::store::{self, list};
use crate::gate::{Action, require_project};
use crate::ids::Seq;
use crate::log::quarantine;
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::key::branch_name;
use quire_core::op::Topic;
use quire_core::op::doc::no_doc;
use quire_core::quarantine::RowKind;
use serde_json::json;

/// The documents of a branch.
#[pg_extern(stable, sql = false)]
fn list_docs(
    project_uuid: Option<Uuid>,
    branch: Option<&str>,
    prefix: Option<&str>,
    after_doc: Option<&str>,
    max_docs: Option<i32>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::ReadDocs, project_uuid)?;
        let branch = branch_name("branch", required("branch", branch)?)?;
        let lineage = branch::require(access.project, &branch)?;
        let most = page_arg("max_docs", max_docs, MAX_ROWS)?;
        quarantine::refuse(access.project, [RowKind::Current(Topic::Doc)], json!({}))?;
        let range = (prefix.unwrap_or_default(), after_doc.unwrap_or_default());
        list::docs(&Answer::of(fcinfo), access.project, &lineage, range, most)
    });
}

/// What happened to a document.
#[pg_extern(stable, sql = false)]
fn doc_history(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    branch: Option<&str>,
    before_seq: Option<i64>,
    max_ops: Option<i32>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::ReadDocs, project_uuid)?;
        let key = doc_arg(doc, branch)?;
        let lineage = branch::require(access.project, &key.branch)?;
        let most = page_arg("max_ops", max_ops, MAX_ROWS)?;
        quarantine::refuse(access.project, [RowKind::Logged(Topic::Doc)], json!({}))?;
        store::head(access.project, &key)?.ok_or_else(|| no_doc(&key))?;
        let before = before_seq.map_or(Seq::MAX, Seq);
        list::history(&Answer::of(fcinfo), access.project, (&lineage, &key.doc), before, most)
    });
}
