//! Looking into the log: one bundle with everything it says, and `search_ops`.

use super::store;
use crate::args::{MAX_ROWS, page_arg, required};
use crate::db::Answer;
use crate::definer::definer;
use crate::gate::{Action, require_project};
use crate::ids::{ProjectId, Seq};
use crate::jsonb::JsonArg;
use crate::log::quarantine;
use crate::log::store::head_seq;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Error, Result};
use quire_core::json::Members;
use quire_core::quarantine::RowKind;
use serde_json::{Value, json};

/// One bundle: its header, what it takes back and what took it back, and its operations.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn get_bundle(project_uuid: Option<Uuid>, seq: Option<i64>) -> JsonB {
    definer(|| details(project_uuid, seq.map(Seq)))
}

fn details(project_uuid: Option<Uuid>, seq: Option<Seq>) -> Result<JsonB> {
    let access = require_project(Action::Read, project_uuid)?;
    let seq = required("seq", seq)?;
    quarantine::refuse(access.project, RowKind::log(), json!({"seq": seq}))?;
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
        let filter = required("filter", filter)?;
        let range = check(&filter.parsed("filter")?)?;
        let most = page_arg("max_ops", max_ops, MAX_ROWS)?;
        quarantine::refuse(access.project, RowKind::log(), json!({}))?;
        search(&Answer::of(fcinfo), access.project, filter, range, most)
    });
}

/// Goes through the log from its end, in windows that grow: a page costs what it returns, and a search that finds little no more than
/// one of the whole log.
fn search(answer: &Answer, project: ProjectId, filter: JsonArg, range: Range, most: i64) -> Result<()> {
    /// Operations that cost little more than one.
    const FEW: i64 = 100;
    let first = range.after_seq.unwrap_or(Seq::ZERO).max(Seq::ZERO);
    let mut last = match range.before_seq {
        // Of the bundle itself, operations are asked for when there is an ordinal.
        Some(seq) if range.before_ordinal.is_some() => seq,
        Some(seq) => seq.before(),
        None => head_seq(project)?,
    };
    let (mut missing, mut ops) = (most, most.max(FEW));
    while missing > 0 && last > first {
        let Some(after) = store::window(project, last, ops)? else { break };
        let after = after.max(first);
        missing -= store::search(answer, project, filter, missing, (after, last))?;
        (last, ops) = (after, ops.saturating_mul(4));
    }
    Ok(())
}

/// Which part of the log a filter asks for.
struct Range {
    after_seq: Option<Seq>,
    before_seq: Option<Seq>,
    before_ordinal: Option<i64>,
}

/// Checks a filter, so that the statement's casts of its members cannot fail.
fn check(filter: &Value) -> Result<Range> {
    let mut members = Members::of("filter", filter)?;
    for key in ["op", "kind", "target", "target_prefix", "entity_type", "entity_id", "field", "message"] {
        members.opt_str(key)?;
    }
    let range = Range {
        after_seq: members.opt_seq("after_seq")?,
        before_seq: members.opt_seq("before_seq")?,
        before_ordinal: members.opt_i64("before_ordinal")?,
    };
    if range.before_ordinal.is_some() && range.before_seq.is_none() {
        return Err(members.wrong("before_ordinal", "given together with before_seq"));
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
    members.finish()?;
    Ok(range)
}
