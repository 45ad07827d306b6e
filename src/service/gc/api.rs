//! `gc_plan`.

use super::store;
use crate::db::Answer;
use crate::definer::definer;
use crate::gate::{Action, require_project};
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;

/// What garbage collection would do.
#[pg_extern(stable, sql = false)]
fn gc_plan(project_uuid: Option<Uuid>, fcinfo: FunctionCallInfo) {
    definer(|| {
        let access = require_project(Action::Manage, project_uuid)?;
        store::plan(Answer::of(fcinfo), access.project)
    });
}
