//! `diff_branches`: the documents that are not the same on two branches.

use crate::args::{MAX_ROWS, page_arg, required};
use crate::db::Answer;
use crate::definer::definer;
use crate::domain::branch;
use crate::domain::doc::{merging, store};
use crate::gate::{Action, require_project};
use crate::log::quarantine;
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::doc::Heads;
use quire_core::interrupt;
use quire_core::key::branch_name;
use quire_core::op::Topic;
use quire_core::quarantine::RowKind;
use serde_json::json;

/// Documents that one branch has otherwise than another one.
#[pg_extern(stable, sql = false)]
fn diff_branches(
    project_uuid: Option<Uuid>,
    source: Option<&str>,
    target: Option<&str>,
    after_doc: Option<&str>,
    max_docs: Option<i32>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::ReadDocs, project_uuid)?;
        let project = access.project;
        let source = branch_name("source", required("source", source)?)?;
        let target = branch_name("target", required("target", target)?)?;
        let most = page_arg("max_docs", max_docs, MAX_ROWS)?;
        quarantine::refuse(project, [RowKind::Current(Topic::Doc)], json!({}))?;
        let (source, target) = (branch::require(project, &source)?, branch::require(project, &target)?);
        let answer = Answer::of(fcinfo);
        let mut left = most;
        let names = merging::candidates(project, &source, &target)?;
        for doc in names.into_iter().filter(|doc| doc.as_str() > after_doc.unwrap_or_default()) {
            interrupt::check()?;
            if left == 0 {
                break;
            }
            let (here, there) =
                (store::head_on(project, &source, &doc)?, store::head_on(project, &target, &doc)?);
            let heads = |head: &Option<store::DocHead>| {
                head.as_ref().map(|head| head.summary.heads.clone()).unwrap_or_default()
            };
            let deleted =
                |head: &Option<store::DocHead>| head.as_ref().is_none_or(|head| head.summary.is_deleted());
            let (here_heads, there_heads): (Heads, Heads) = (heads(&here), heads(&there));
            let status = match (deleted(&here), deleted(&there)) {
                (true, true) => continue,
                (false, true) => "added",
                (true, false) => "deleted",
                (false, false) if here_heads == there_heads => continue,
                (false, false) => "changed",
            };
            let line = |head: Option<store::DocHead>| {
                head.map(|head| (head.line, head.summary.changes)).unwrap_or_default()
            };
            let (here, there) = (line(here), line(there));
            let lacking = |has: &(store::DocLine, i64), of: &(store::DocLine, i64)| {
                store::merging::count_lacking(project, &has.0, has.1, &of.0)
            };
            let (more, less) = (lacking(&here, &there)?, lacking(&there, &here)?);
            answer.put(&[
                doc.as_str().into(),
                status.into(),
                here_heads.to_texts().into(),
                there_heads.to_texts().into(),
                more.into(),
                less.into(),
            ]);
            left -= 1;
        }
        Ok(())
    });
}
