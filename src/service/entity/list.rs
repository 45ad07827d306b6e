//! Readers that list entities, their changes and conflicts. entity_view.sql says what they return.

use super::api::entity_arg;
use crate::args::{MAX_ROWS, page_arg, required};
use crate::db::Answer;
use crate::definer::definer;
use crate::domain::entity::store::list;
use crate::gate::{Action, require_project};
use crate::ids::{ConflictId, Pg, Seq};
use crate::jsonb::JsonArg;
use crate::log::point::resolve_point;
use crate::log::quarantine;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::error::Error;
use quire_core::op::Topic;
use quire_core::quarantine::RowKind;
use serde_json::json;

/// The entities of a type.
#[pg_extern(stable, sql = false)]
fn list_entities(
    project_uuid: Option<pgrx::Uuid>,
    entity_type: Option<&str>,
    matching: Option<JsonArg>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let entity = entity_arg(entity_type, Some("any"))?;
        let matching = required("matching", matching)?.parsed("matching")?;
        if !matching.is_object() {
            return Err(Error::validation("matching must be a JSON object").with("argument", "matching"));
        }
        let about = json!({"entity_type": entity.entity_type});
        quarantine::refuse(access.project, [RowKind::Current(Topic::Field)], about)?;
        list::list_entities(Answer::of(fcinfo), access.project, &entity.entity_type, matching)
    });
}

/// What happened to an entity.
#[pg_extern(stable, sql = false)]
fn entity_history(
    project_uuid: Option<pgrx::Uuid>,
    entity_type: Option<&str>,
    entity_id: Option<&str>,
    before_seq: Option<i64>,
    max_changes: Option<i32>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let entity = entity_arg(entity_type, entity_id)?;
        let most = page_arg("max_changes", max_changes, MAX_ROWS)?;
        quarantine::refuse(access.project, [RowKind::Logged(Topic::Field)], json!({}))?;
        list::entity_history(Answer::of(fcinfo), access.project, &entity, before_seq.map(Seq), most)
    });
}

/// The entities as they were.
#[pg_extern(stable, sql = false)]
fn list_entities_at(project_uuid: Option<pgrx::Uuid>, at_seq: Option<i64>, fcinfo: FunctionCallInfo) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let seq = resolve_point(access.project, at_seq.map(Seq), None, None)?;
        quarantine::refuse(access.project, [RowKind::Logged(Topic::Field)], json!({}))?;
        list::entities_at(Answer::of(fcinfo), access.project, seq)
    });
}

/// Who set what in an entity.
#[pg_extern(stable, sql = false)]
fn explain_entity(
    project_uuid: Option<pgrx::Uuid>,
    entity_type: Option<&str>,
    entity_id: Option<&str>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let entity = entity_arg(entity_type, entity_id)?;
        let about = json!({"entity_type": entity.entity_type, "entity_id": entity.entity_id});
        quarantine::refuse(access.project, [RowKind::Current(Topic::Field)], about)?;
        list::explain_entity(Answer::of(fcinfo), access.project, &entity)
    });
}

/// The conflicts of a project.
#[pg_extern(stable, sql = false)]
fn list_conflicts(
    project_uuid: Option<pgrx::Uuid>,
    include_resolved: Option<bool>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        // As in a condition, NULL is not true.
        let include_resolved = include_resolved.unwrap_or(false);
        list::list_conflicts(Answer::of(fcinfo), access.project, include_resolved)
    });
}

/// What happened to a conflict.
#[pg_extern(stable, sql = false)]
fn conflict_history(
    project_uuid: Option<pgrx::Uuid>,
    conflict_id: Option<pgrx::Uuid>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let conflict = ConflictId::from_pg(required("conflict_id", conflict_id)?);
        list::conflict_history(Answer::of(fcinfo), access.project, conflict)
    });
}
