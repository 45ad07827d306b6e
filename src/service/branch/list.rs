//! Readers of branches. sql/branch/reader.sql says what the list returns.

use crate::args::{MAX_ROWS, page_arg, required};
use crate::db::Answer;
use crate::definer::definer;
use crate::domain::branch;
use crate::domain::branch::store;
use crate::gate::{Action, require_project};
use crate::jsonb::Json;
use crate::log::quarantine;
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::branch::{Lineage, no_branch};
use quire_core::key::branch_name;
use quire_core::op::Topic;
use quire_core::quarantine::RowKind;
use serde_json::{Value, json};

/// The branches of a project.
#[pg_extern(stable, sql = false)]
fn list_branches(
    project_uuid: Option<Uuid>,
    after_branch: Option<&str>,
    max_branches: Option<i32>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::ReadDocs, project_uuid)?;
        let most = page_arg("max_branches", max_branches, MAX_ROWS)?;
        quarantine::refuse(access.project, [RowKind::Current(Topic::Branch)], json!({}))?;
        store::list(&Answer::of(fcinfo), access.project, after_branch.unwrap_or_default(), most)
    });
}

/// A branch, and those that it begins with.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn get_branch(project_uuid: Option<Uuid>, name: Option<&str>) -> Json {
    definer(|| {
        let access = require_project(Action::ReadDocs, project_uuid)?;
        let name = branch_name("name", required("name", name)?)?;
        quarantine::refuse(access.project, [RowKind::Current(Topic::Branch)], json!({"branch": name}))?;
        let Lineage { levels, .. } = branch::require(access.project, &name)?;
        let mut described = store::described(access.project, &name)?.ok_or_else(|| no_branch(&name))?;
        let below = levels.iter().skip(1);
        let below: Value = below.map(|(branch, seq)| json!({"branch": branch, "at_seq": seq})).collect();
        described["lineage"] = below;
        Ok(Json(described))
    })
}
