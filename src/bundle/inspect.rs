//! Looking into the log: one bundle with everything it says, and `search_ops`.

use super::store;
use crate::args::{page_arg, required};
use crate::auth::{Action, require_project};
use crate::db::Answer;
use crate::definer::definer;
use crate::error::{Error, Result};
use crate::file::read::MAX_ROWS;
use crate::jsonb::JsonArg;
use crate::pure::json::Members;
use crate::recovery;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use serde_json::json;

/// One bundle: its header, what it takes back and what took it back, and its operations.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn bundle_details(project_uuid: Option<Uuid>, seq: Option<i64>) -> JsonB {
    definer(|| details(project_uuid, seq))
}

fn details(project_uuid: Option<Uuid>, seq: Option<i64>) -> Result<JsonB> {
    let access = require_project(Action::Read, project_uuid)?;
    let seq = required("seq", seq)?;
    recovery::refuse(access.project, &["bundle", "file_op", "field_op", "asset_op"], json!({"seq": seq}))?;
    store::details(access.project, seq)?
        .ok_or_else(|| Error::not_found(format!("no bundle {seq}")).with("seq", seq))
}

/// The operations that a filter lets through.
#[pg_extern(stable, sql = false)]
fn search_ops(
    project_uuid: Option<Uuid>,
    filter: Option<JsonArg>,
    max_ops: Option<i32>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let filter = required("filter", filter)?.parsed("filter")?;
        check(&filter)?;
        let most = page_arg("max_ops", max_ops, MAX_ROWS)?;
        recovery::refuse(access.project, &["bundle", "file_op", "field_op", "asset_op"], json!({}))?;
        store::search(Answer::of(fcinfo), access.project, filter, most)
    });
}

/// Checks a filter, so that the statement's casts of its members cannot fail.
fn check(filter: &serde_json::Value) -> Result<()> {
    let mut members = Members::of("filter", filter)?;
    for key in ["op", "kind", "target", "target_prefix", "entity_type", "entity_id", "field", "message"] {
        members.opt_str(key)?;
    }
    for key in ["after_seq", "before_seq"] {
        members.opt_i64(key)?;
    }
    let actor = members.opt_str("actor")?;
    if actor.is_some_and(|text| text.parse::<uuid::Uuid>().is_err()) {
        return Err(members.wrong("actor", "a uuid"));
    }
    for key in ["since", "until"] {
        let time = members.opt_str(key)?;
        if time.is_some_and(|text| text.parse::<TimestampWithTimeZone>().is_err()) {
            return Err(members.wrong(key, "a time, such as 2026-01-31T12:00:00Z"));
        }
    }
    members.finish()
}
