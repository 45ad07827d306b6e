//! Entities: records of an application, kept as fields.
//!
//! Owns: `entity_op` (one row per change of a field, never updated), `entity_field`, `conflict`, `conflict_event`.
//! Promises: different fields of an entity never conflict, equal values never conflict; a recorded conflict keeps one
//! value per actor until it is resolved.
//! Does not: know what a type or a field means, or write outside a bundle.

pub mod api;
mod conflict;
mod list;
mod ops;
pub mod store;

pub use conflict::{deed, open, settle, take_back};
pub use ops::edit;

use crate::bundle::store::LockedHead;
use crate::error::Result;
use crate::ids::{ActorId, ProjectId};
use crate::pure::conflict::OnConflict;
use crate::pure::field::{self, Applied, Author, FieldEdit};

/// Applies edits to the fields as they are now; PT409 when there is a conflict and none is wanted.
pub fn apply(project: ProjectId, edits: &[FieldEdit], author: &Author) -> Result<(Applied, field::Fields)> {
    if edits.is_empty() {
        return Ok((Applied::default(), field::Fields::new()));
    }
    let mut fields = store::load(project, edits)?;
    let applied = field::apply(&mut fields, edits, author)?;
    if author.on_conflict == OnConflict::Reject && !applied.clashes.is_empty() {
        return Err(conflict::refusal(project, &applied.clashes)?);
    }
    Ok((applied, fields))
}

/// Stores what was applied, under the head lock, and keeps its conflicts.
pub fn insert(
    project: ProjectId,
    by: ActorId,
    bundle: &LockedHead,
    applied: &Applied,
    fields: &field::Fields,
) -> Result<()> {
    if applied.rows.is_empty() {
        return Ok(());
    }
    store::insert(project, by, bundle, &applied.rows)?;
    conflict::keep(project, by, bundle.seq, applied, fields)
}
