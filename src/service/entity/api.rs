//! Readers of one entity, and the writer that resolves a conflict.

use crate::args::required;
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::definer::definer;
use crate::domain::entity::{settle, store};
use crate::gate::{Action, require_project, require_writer};
use crate::ids::{ConflictId, Pg, Seq};
use crate::jsonb::JsonArg;
use crate::log::quarantine;
use crate::log::store::mark_at;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Error, Result};
use quire_core::field::{FieldEdit, fields_of, no_entity};
use quire_core::key::EntityKey;
use quire_core::mark::Mark;
use quire_core::op::{Edit, Topic};
use quire_core::quarantine::RowKind;
use quire_core::reason::Reason;
use quire_core::value::value as field_value;
use serde_json::{Map, Value, json};

/// One entity as it is now.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn get_entity(project_uuid: Option<Uuid>, entity_type: Option<&str>, entity_id: Option<&str>) -> JsonB {
    definer(|| read_entity(project_uuid, entity_type, entity_id))
}

fn read_entity(
    project_uuid: Option<Uuid>,
    entity_type: Option<&str>,
    entity_id: Option<&str>,
) -> Result<JsonB> {
    let access = require_project(Action::Read, project_uuid)?;
    let entity = entity_arg(entity_type, entity_id)?;
    let about = json!({"entity_type": entity.entity_type, "entity_id": entity.entity_id});
    quarantine::refuse(access.project, [RowKind::Current(Topic::Field)], about)?;
    let state = store::load_entity(access.project, &entity)?;
    let fields = fields_of(&state, &entity)
        .map(|(key, state)| {
            Ok((key.field.clone(), state.value.as_ref().map_or(Ok(Value::Null), |value| value.to_value())?))
        })
        .collect::<Result<Map<String, Value>>>()?;
    if fields.is_empty() {
        return Err(no_entity(&entity));
    }
    let seq = state.values().map(|state| state.seq).max().unwrap_or(Seq::ZERO);
    let mark = mark_at(access.project, seq)?;
    Ok(JsonB(json!({
        "entity_type": entity.entity_type, "entity_id": entity.entity_id, "fields": fields, "seq": seq,
        "checksum": mark.as_ref().map(Mark::as_str)
    })))
}

/// The arguments that name an entity.
pub fn entity_arg(entity_type: Option<&str>, entity_id: Option<&str>) -> Result<EntityKey> {
    EntityKey::parse(required("entity_type", entity_type)?, required("entity_id", entity_id)?)
}

/// Settles a conflict: a bundle of kind `merge_resolution`.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn resolve_conflict(
    project_uuid: Option<Uuid>,
    conflict_id: Option<Uuid>,
    value: Option<JsonArg>,
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> JsonB {
    definer(|| resolve(project_uuid, conflict_id, value, correlation_id))
}

fn resolve(
    project_uuid: Option<Uuid>,
    conflict_id: Option<Uuid>,
    value: Option<JsonArg>,
    correlation_id: Option<Uuid>,
) -> Result<JsonB> {
    let access = require_writer(project_uuid)?;
    let id = ConflictId::from_pg(required("conflict_id", conflict_id)?);
    let value = value.map(|value| field_value("value", &value.value("value")?)).transpose()?;
    let correlation = correlated(correlation_id, "resolve_conflict", || json!([id, value]))?;
    let project = access.project;
    let request = Commit {
        details: Some(json!({"conflict_id": id})),
        ..Commit::new(&access, Kind::MergeResolution, correlation)
    };
    let committed = commit(&request, |head| {
        let conflict = store::conflict(project, id)?
            .ok_or_else(|| Error::not_found("no such conflict").with("conflict_id", id.to_string()))?;
        if let Some(seq) = conflict.resolved_seq {
            return Err(Error::conflict(
                Reason::AlreadyResolved,
                format!("the conflict was resolved in bundle {seq}"),
            )
            .with("conflict_id", id.to_string())
            .with("seq", seq));
        }
        let seq = head.seq.next();
        settle(project, access.author()?, seq, &conflict.key, value.as_ref())?;
        let edit = FieldEdit::Write { key: conflict.key, value: value.clone(), base_seq: None, always: true };
        Ok(Plan { edits: vec![Edit::Field(edit)], ..Plan::default() })
    })?;
    let mut answer = committed.receipt.to_json();
    answer["conflict_id"] = json!(id);
    Ok(JsonB(answer))
}
