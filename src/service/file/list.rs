//! Readers that list files, versions and tags. view.sql says what they return.

use crate::args::{MAX_ROWS, page_arg, path_arg, required};
use crate::db::Answer;
use crate::definer::definer;
use crate::domain::file::store::list::{self, FilePage};
use crate::gate::{Action, require_project};
use crate::ids::{Seq, Version};
use crate::log::point::resolve_point;
use crate::log::quarantine;
use crate::log::store::tags;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::error::Result;
use quire_core::op::Topic;
use quire_core::path::FilePath;
use quire_core::quarantine::RowKind;
use serde_json::json;

/// The files of a project, below a directory or all of them.
#[pg_extern(stable, sql = false)]
fn list_current_files(
    project_uuid: Option<Uuid>,
    path_prefix: Option<&str>,
    after_path: Option<&str>,
    max_files: Option<i32>,
    with_content: Option<bool>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let with_content = required("with_content", with_content)?;
        let prefix = path_prefix.map(FilePath::parse_prefix).transpose()?.flatten();
        let page = page_of(after_path, max_files)?;
        quarantine::refuse(access.project, [RowKind::Current(Topic::File)], json!({}))?;
        list::current_files(Answer::of(fcinfo), access.project, prefix.as_ref(), &page, with_content)
    });
}

/// Which part of a list is asked for; all of it by default.
fn page_of(after_path: Option<&str>, max_files: Option<i32>) -> Result<FilePage> {
    Ok(FilePage {
        after: after_path.map(FilePath::parse).transpose()?,
        most: max_files.map(|most| page_arg("max_files", Some(most), MAX_ROWS)).transpose()?,
    })
}

/// The files of a project as they were.
#[pg_extern(stable, sql = false)]
fn list_files_at(
    project_uuid: Option<Uuid>,
    at_seq: Option<i64>,
    at_time: Option<TimestampWithTimeZone>,
    at_tag: Option<&str>,
    after_path: Option<&str>,
    max_files: Option<i32>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let seq = resolve_point(access.project, at_seq.map(Seq), at_time, at_tag)?;
        let page = page_of(after_path, max_files)?;
        quarantine::refuse(
            access.project,
            [RowKind::Current(Topic::File), RowKind::Logged(Topic::File)],
            json!({}),
        )?;
        list::files_at(Answer::of(fcinfo), access.project, seq, &page)
    });
}

/// The versions of a path.
#[pg_extern(stable, sql = false)]
fn project_file_history(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    before_version: Option<i32>,
    max_versions: Option<i32>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let path = path_arg("p_file_path", p_file_path)?;
        let most = page_arg("max_versions", max_versions, MAX_ROWS)?;
        quarantine::refuse(access.project, [RowKind::Logged(Topic::File)], json!({}))?;
        list::history(Answer::of(fcinfo), access.project, &path, before_version.map(Version), most)
    });
}

/// The tags of a project.
#[pg_extern(stable, sql = false)]
fn list_project_tags(project_uuid: Option<Uuid>, fcinfo: FunctionCallInfo) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        tags(Answer::of(fcinfo), access.project)
    });
}
