//! Entities of a project on their way into another one.

use super::store;
use crate::domain::copying::Copying;
use quire_core::error::Result;
use quire_core::field::{FieldEdit, no_entity};
use quire_core::json::JsonValue;
use quire_core::key::{EntityKey, FieldKey};
use quire_core::op::Edit;
use std::collections::{BTreeSet, HashSet};

/// Adds them; PT404 for what is not there. Where they replace others, the fields that those have and these do not are cleared.
pub fn copy(copying: &mut Copying) -> Result<()> {
    let mut fields = store::fields_at(copying.from, copying.seq)?;
    if let Some(selection) = copying.selection {
        fields.retain(|(key, _)| selection.entities.contains(&key.entity));
        let there: HashSet<&EntityKey> = fields.iter().map(|(key, _)| &key.entity).collect();
        if let Some(gone) = selection.entities.iter().find(|entity| !there.contains(entity)) {
            return Err(no_entity(gone));
        }
    }
    let cleared = match copying.selection {
        Some(_) => others(copying, &fields)?,
        None => Vec::new(),
    };
    copying.edits.extend(fields.into_iter().map(|(key, value)| write(key, Some(value))));
    copying.edits.extend(cleared.into_iter().map(|key| write(key, None)));
    Ok(())
}

/// The fields that entities have there and not among the new ones.
fn others(copying: &Copying, new: &[(FieldKey, JsonValue)]) -> Result<Vec<FieldKey>> {
    let kept: HashSet<&FieldKey> = new.iter().map(|(key, _)| key).collect();
    let entities: BTreeSet<&EntityKey> = new.iter().map(|(key, _)| &key.entity).collect();
    let mut others = Vec::new();
    for entity in entities {
        let fields = store::load_entity(copying.to.project, entity)?;
        let live = fields.into_iter().filter(|(key, state)| state.value.is_some() && !kept.contains(key));
        others.extend(live.map(|(key, _)| key));
    }
    Ok(others)
}

fn write(key: FieldKey, value: Option<JsonValue>) -> Edit {
    Edit::Field(FieldEdit::Write { key, value, base_seq: None, always: false })
}
