//! Entities: records of an application, kept as fields.
//!
//! Owns: `entity_op` (one row per change of a field, never updated), `entity_field`, `conflict`, `conflict_event`.
//! Promises: different fields of an entity never conflict, equal values never conflict; a recorded conflict keeps one
//! value per actor until it is resolved.
//! Does not: know what a type or a field means, or write outside a bundle.

mod arrival;
mod conflict;
mod copying;
mod inverse;
mod ops;
mod shown;
pub mod store;

pub use conflict::settle;

use crate::db::rows::Rows;
use crate::domain::copying::Copying;
use crate::domain::incoming::{Arrival, Incoming};
use crate::domain::interface::{Applied, Brought, Describe, Domain, NewBundle, Writing};
use crate::domain::inverse::{InTheWay, Inverting};
use crate::domain::shown::{Changes, Query};
use crate::gate::Access;
use crate::ids::{ProjectId, Seq};
use quire_core::conflict::OnConflict;
use quire_core::error::{Error, Result};
use quire_core::event;
use quire_core::field::{self, FieldAuthor, FieldEdit};
use quire_core::hash::Hash;
use quire_core::json::Members;
use quire_core::key::EntityKey;
use quire_core::op::{Edit, FieldOp, Op, Outcome};
use std::collections::BTreeSet;

/// What was applied, and the fields that it touched.
struct FieldsApplied {
    applied: field::AppliedFields,
    fields: field::Fields,
}

/// Applies edits to the fields as they are now; PT409 when there is a conflict and none is wanted.
///
/// Errors: PT409, and PT413 for an entity that gets heavier than its project allows.
fn apply(writing: &Writing, edits: &[FieldEdit]) -> Result<FieldsApplied> {
    let project = writing.access.project;
    let author = FieldAuthor {
        actor: writing.author,
        seq: writing.head.seq.next(),
        base_seq: writing.base_seq,
        on_conflict: writing.on_conflict,
        ops_before: writing.ops_before,
    };
    let mut fields = store::load(project, edits)?;
    let growing = field::growing(&fields, edits);
    let applied = field::apply(&mut fields, edits, &author)?;
    if author.on_conflict == OnConflict::Reject && !applied.clashes.is_empty() {
        return Err(conflict::refusal(project, &applied.clashes)?);
    }
    check_weights(project, &growing, &fields, writing.access.settings.max_entity_bytes)?;
    Ok(FieldsApplied { applied, fields })
}

impl Applied for FieldsApplied {
    fn op_checksums(&self) -> &[Hash] {
        &self.applied.op_checksums
    }

    fn take_outcomes(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.applied.outcomes).into_iter().map(Outcome::Field).collect()
    }

    fn event(&self) -> Option<&'static str> {
        (!self.applied.rows.is_empty()).then_some(event::ENTITY_UPDATE)
    }

    fn insert(&self, rows: &Rows, bundle: &NewBundle) -> Result<()> {
        store::insert(rows, bundle.project, bundle.author, bundle.head, &self.applied.rows)
    }

    /// Keeps the conflicts.
    fn finish(&self, bundle: &NewBundle) -> Result<()> {
        if self.applied.rows.is_empty() {
            return Ok(());
        }
        conflict::keep(bundle.project, bundle.author, bundle.head.seq, &self.applied, &self.fields)
    }
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

/// The domain.
pub struct Entities;

impl Domain for Entities {
    fn ops(&self) -> &'static [&'static str] {
        &FieldOp::NAMES
    }

    fn stage(&self, _access: &Access, op: &str, members: Members) -> Result<(Edit, Option<Brought>)> {
        Ok((Edit::Field(ops::edit(op, members)?), None))
    }

    fn again(&self, op: &Op, _describe: &Describe) -> Result<Option<Edit>> {
        Ok(match op {
            Op::Field(op) => Some(Edit::Field(FieldEdit::again(op))),
            _ => None,
        })
    }

    fn check_sizes(&self, _writing: &Writing, _edits: &[Edit]) -> Result<()> {
        Ok(())
    }

    fn apply(&self, writing: &Writing, edits: Vec<Edit>) -> Result<Box<dyn Applied>> {
        let own = |edit| match edit {
            Edit::Field(edit) => Some(edit),
            _ => None,
        };
        let edits: Vec<FieldEdit> = edits.into_iter().filter_map(own).collect();
        Ok(Box::new(apply(writing, &edits)?))
    }

    fn take_back(&self, bundle: &NewBundle, undoes: Seq) -> Result<()> {
        conflict::take_back(bundle.project, bundle.author, bundle.head.seq, undoes)
    }

    fn arrive<'a>(&self, incoming: &'a Incoming<'a>) -> Result<Option<Box<dyn Arrival + 'a>>> {
        arrival::arrive(incoming).map(Some)
    }

    fn changes(&self, query: &Query, up_to: Seq) -> Result<Option<Box<dyn Changes>>> {
        shown::read(query, up_to).map(Some)
    }

    fn copy(&self, copying: &mut Copying) -> Result<()> {
        copying::copy(copying)
    }

    fn invert(&self, inverting: &Inverting, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
        inverse::invert(inverting, edits)
    }
}
