//! Entities: records of an application, kept as fields.
//!
//! Owns: `entity_op` (one row per change of a field, never updated), `entity_field`, `conflict`, `conflict_event`.
//! Promises: different fields of an entity never conflict, equal values never conflict; a recorded conflict keeps one
//! value per actor until it is resolved.
//! Does not: know what a type or a field means, or write outside a bundle.

mod conflict;
mod ops;
pub mod store;

pub use conflict::{deed, open, settle, take_back};
pub use ops::edit;

use crate::ids::{ActorId, ProjectId};
use crate::log::LockedHead;
use quire_core::conflict::OnConflict;
use quire_core::error::{Error, Result};
use quire_core::field::{self, Applied, Author, EntityKey, FieldEdit};
use quire_core::settings::Settings;
use std::collections::BTreeSet;

/// Applies edits to the fields as they are now; PT409 when there is a conflict and none is wanted.
///
/// Errors: PT409, and PT413 for an entity that gets heavier than its project allows.
pub fn apply(
    project: ProjectId,
    edits: &[FieldEdit],
    author: &Author,
    settings: &Settings,
) -> Result<(Applied, field::Fields)> {
    if edits.is_empty() {
        return Ok((Applied::default(), field::Fields::new()));
    }
    let mut fields = store::load(project, edits)?;
    let growing = field::growing(&fields, edits);
    let applied = field::apply(&mut fields, edits, author)?;
    if author.on_conflict == OnConflict::Reject && !applied.clashes.is_empty() {
        return Err(conflict::refusal(project, &applied.clashes)?);
    }
    check_weights(project, &growing, &fields, settings.max_entity_bytes)?;
    Ok((applied, fields))
}

/// Refuses entities so heavy that their fields do not fit into one answer.
fn check_weights(
    project: ProjectId,
    entities: &BTreeSet<&EntityKey>,
    fields: &field::Fields,
    most: i64,
) -> Result<()> {
    for entity in entities {
        let others = store::weight(project, entity, fields)?;
        let live = field::fields_of(fields, entity).filter_map(|(_, state)| state.value.as_ref());
        let weight = others + live.map(field::weight).sum::<i64>();
        if weight > most {
            return Err(Error::limit("the entity would be over its project's max_entity_bytes", most)
                .with("setting", "max_entity_bytes")
                .with("entity_type", entity.entity_type.as_str())
                .with("entity_id", entity.entity_id.as_str())
                .with("wanted", weight));
        }
    }
    Ok(())
}

/// Keeps the conflicts of what was applied and stored.
pub fn keep(
    project: ProjectId,
    by: ActorId,
    bundle: &LockedHead,
    applied: &Applied,
    fields: &field::Fields,
) -> Result<()> {
    match applied.rows.is_empty() {
        true => Ok(()),
        false => conflict::keep(project, by, bundle.seq, applied, fields),
    }
}
