//! What a list of edits does to the fields of entities.
//!
//! An entity is a type, an id and fields with JSON values; it exists while it has a field. A cleared field keeps its
//! place as a tombstone, so that who cleared it is known. Nothing here knows a database.

use crate::conflict::OnConflict;
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::id::{ActorId, ConflictId, Seq};
use crate::interrupt;
use crate::json::JsonValue;
use crate::key::{EntityKey, FieldKey, of_entity};
use crate::op::FieldOp;
use crate::text::shorten;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What a field is.
#[derive(Clone, PartialEq, Debug)]
pub struct FieldState {
    /// Its value; `None` when it was cleared.
    pub value: Option<JsonValue>,
    /// Bundle that made it so.
    pub seq: Seq,
    /// Who.
    pub actor: ActorId,
    /// The conflict it is in.
    pub conflict: Option<ConflictId>,
}

/// What a caller wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum FieldEdit {
    /// Give a field a value, or clear it.
    Write {
        /// Which.
        key: FieldKey,
        /// What; `None` clears it.
        value: Option<JsonValue>,
        /// What the author had seen; `None`: last write wins.
        base_seq: Option<Seq>,
        /// Log it even if nothing changes: it settles a conflict.
        always: bool,
    },
    /// Clear all fields of an entity.
    Delete {
        /// Which.
        entity: EntityKey,
        /// As for `Write`.
        base_seq: Option<Seq>,
    },
}

impl FieldEdit {
    /// What does again what was logged, even if it changes nothing.
    pub fn again(op: &FieldOp) -> Self {
        let write = |key: &FieldKey, value: Option<&JsonValue>| FieldEdit::Write {
            key: key.clone(),
            value: value.cloned(),
            base_seq: None,
            always: true,
        };
        match op {
            FieldOp::Set { key, value } => write(key, Some(value)),
            FieldOp::Unset { key } => write(key, None),
            FieldOp::DeleteEntity { entity } => FieldEdit::Delete { entity: entity.clone(), base_seq: None },
        }
    }

    /// The entity it touches.
    pub fn entity(&self) -> &EntityKey {
        match self {
            FieldEdit::Write { key, .. } => &key.entity,
            FieldEdit::Delete { entity, .. } => entity,
        }
    }

    /// The operation asked for, and the members that say what it is about.
    pub(crate) fn outline(&self) -> (&'static str, Value) {
        match self {
            FieldEdit::Write { key, value: Some(_), .. } => ("field.set", json!(key)),
            FieldEdit::Write { key, value: None, .. } => ("field.unset", json!(key)),
            FieldEdit::Delete { entity, .. } => ("entity.delete", json!(entity)),
        }
    }

    /// What identifies it in a repeated request.
    pub(crate) fn fingerprint(&self) -> Value {
        match self {
            FieldEdit::Write { key, value, base_seq, .. } => {
                json!(["write", key.entity.entity_type, key.entity.entity_id, key.field, value, base_seq])
            }
            FieldEdit::Delete { entity, base_seq } => {
                json!(["delete", entity.entity_type, entity.entity_id, base_seq])
            }
        }
    }
}

/// A row of the log: what one operation did to one field.
#[derive(Clone, PartialEq, Debug)]
pub struct NewField {
    /// Number of the operation inside its bundle, from 1.
    pub ordinal: i32,
    /// Number of the field inside the operation, from 1.
    pub part: i32,
    /// `field.set`, `field.unset` or `entity.delete`.
    pub op: &'static str,
    /// Which field.
    pub key: FieldKey,
    /// Its value now; `None` when cleared.
    pub value: Option<JsonValue>,
    /// BLAKE3 of the operation, at its first part.
    pub op_checksum: Option<Hash>,
}

/// What became of one edit, as the receipt tells it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FieldOutcome {
    /// `field.set`, `field.unset` or `entity.delete`.
    pub op: Cow<'static, str>,
    /// Type of the entity.
    pub entity_type: String,
    /// Which, inside its type.
    pub entity_id: String,
    /// Which field; absent for `entity.delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// `set`, `unset`, `deleted`, `unchanged` or `skipped`.
    pub status: Cow<'static, str>,
    /// Fields in conflict that were left as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// Fields whose conflict was recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
}

/// The same field, changed by another actor since the author looked.
#[derive(Clone, PartialEq, Debug)]
pub struct Clash {
    /// Which.
    pub key: FieldKey,
    /// What the author wants; `None`: cleared.
    pub yours: Option<JsonValue>,
    /// What it is.
    pub theirs: FieldState,
    /// What the author had seen.
    pub base_seq: Seq,
}

/// The bundle that is being made.
#[derive(Clone, Copy, Debug)]
pub struct FieldAuthor {
    /// Who makes it.
    pub actor: ActorId,
    /// Its seq.
    pub seq: Seq,
    /// What its author had seen, where an edit does not say so itself.
    pub base_seq: Option<Seq>,
    /// What to do about conflicts.
    pub on_conflict: OnConflict,
    /// Operations before these in the bundle.
    pub ops_before: usize,
}

/// The result of [`apply`].
#[derive(Debug, Default)]
pub struct AppliedFields {
    /// Rows of the log, in order.
    pub rows: Vec<NewField>,
    /// One for each edit.
    pub outcomes: Vec<FieldOutcome>,
    /// Checksums of the operations that changed something, in order.
    pub op_checksums: Vec<Hash>,
    /// What was found in conflict; with [`OnConflict::Reject`] nothing else counts.
    pub clashes: Vec<Clash>,
}

/// Fields by key, as far as the edits need them: all fields of each entity that an edit touches.
pub type Fields = BTreeMap<FieldKey, FieldState>;

/// Applies `edits` to `fields`, which afterwards hold the new state.
pub fn apply(fields: &mut Fields, edits: &[FieldEdit], author: &FieldAuthor) -> Result<AppliedFields> {
    let mut run = Run { fields, author, applied: AppliedFields::default() };
    for edit in edits {
        interrupt::check()?;
        match edit {
            FieldEdit::Write { key, value, base_seq, always } => {
                run.write(key, value.as_ref(), run.base(*base_seq)?, *always)?;
            }
            FieldEdit::Delete { entity, base_seq } => run.delete(entity, run.base(*base_seq)?)?,
        }
    }
    Ok(run.applied)
}

/// The live fields of an entity, in order of their names.
pub fn fields_of<'f>(
    fields: &'f Fields,
    entity: &EntityKey,
) -> impl Iterator<Item = (&'f FieldKey, &'f FieldState)> {
    of_entity(fields, entity).filter(|(_, state)| state.value.is_some())
}

/// Bytes that a field weighs at least: with them a small value in place of another changes no entity's weight.
pub const LEAST_WEIGHT: i64 = 1024;

/// What a field with this value weighs in its entity.
pub fn weight(value: &JsonValue) -> i64 {
    LEAST_WEIGHT.max(value.as_str().len() as i64)
}

/// The entities that edits may make heavier: those that get a large value, or a field they do not have.
pub fn growing<'e>(fields: &Fields, edits: &'e [FieldEdit]) -> BTreeSet<&'e EntityKey> {
    let grows = |key: &FieldKey, value: &JsonValue| {
        weight(value) > LEAST_WEIGHT || fields.get(key).is_none_or(|state| state.value.is_none())
    };
    edits
        .iter()
        .filter_map(|edit| match edit {
            FieldEdit::Write { key, value: Some(value), .. } if grows(key, value) => Some(&key.entity),
            _ => None,
        })
        .collect()
}

struct Run<'a> {
    fields: &'a mut Fields,
    author: &'a FieldAuthor,
    applied: AppliedFields,
}

impl Run<'_> {
    fn write(
        &mut self,
        key: &FieldKey,
        value: Option<&JsonValue>,
        base_seq: Option<Seq>,
        always: bool,
    ) -> Result<()> {
        let op = if value.is_some() { "field.set" } else { "field.unset" };
        let current = self.fields.get(key).and_then(|state| state.value.as_ref());
        if current == value && !always {
            self.outcome(op, &key.entity, Some(&key.field), "unchanged");
            return Ok(());
        }
        let clashes = self.clash(key, value, base_seq);
        if clashes && self.author.on_conflict == OnConflict::Skip {
            self.outcome(op, &key.entity, Some(&key.field), "skipped").skipped.push(key.field.clone());
            return Ok(());
        }
        self.log_write(key, value)?;
        let status = if value.is_some() { "set" } else { "unset" };
        let outcome = self.outcome(op, &key.entity, Some(&key.field), status);
        if clashes {
            outcome.conflicts.push(key.field.clone());
        }
        Ok(())
    }

    fn delete(&mut self, entity: &EntityKey, base_seq: Option<Seq>) -> Result<()> {
        let live: Vec<FieldKey> = fields_of(self.fields, entity).map(|(key, _)| key.clone()).collect();
        if live.is_empty() {
            return Err(no_entity(entity));
        }
        let (clashing, free): (Vec<FieldKey>, Vec<FieldKey>) =
            live.into_iter().partition(|key| self.clash(key, None, base_seq));
        let names = || clashing.iter().map(|key| key.field.clone()).collect();
        if self.author.on_conflict == OnConflict::Skip && !clashing.is_empty() {
            // What is left to do is no deletion any more.
            for key in &free {
                self.log_write(key, None)?;
            }
            let status = if free.is_empty() { "skipped" } else { "unset" };
            self.outcome("entity.delete", entity, None, status).skipped = names();
            return Ok(());
        }
        let op = FieldOp::DeleteEntity { entity: entity.clone() };
        let ordinal = self.begin_op(&op)?;
        let mut all: Vec<&FieldKey> = clashing.iter().chain(&free).collect();
        all.sort_unstable();
        for (part, key) in (1..).zip(all) {
            self.set(key, None);
            let op_checksum = (part == 1).then(|| self.applied.op_checksums.last().copied()).flatten();
            self.applied.rows.push(NewField {
                ordinal,
                part,
                op: op.name(),
                key: key.clone(),
                value: None,
                op_checksum,
            });
        }
        self.outcome(op.name(), entity, None, "deleted").conflicts = names();
        Ok(())
    }

    /// What the author of an edit had seen.
    fn base(&self, given: Option<Seq>) -> Result<Option<Seq>> {
        match given.or(self.author.base_seq) {
            Some(base) if !(Seq::ZERO..self.author.seq).contains(&base) => {
                Err(Error::validation(format!("base_seq must be from 0 to {}", self.author.seq.before()))
                    .with("base_seq", base))
            }
            base => Ok(base),
        }
    }

    /// Whether the author did not know what the field is now; kept if so.
    fn clash(&mut self, key: &FieldKey, value: Option<&JsonValue>, base_seq: Option<Seq>) -> bool {
        let (Some(base_seq), Some(theirs)) = (base_seq, self.fields.get(key)) else { return false };
        let is_clash =
            theirs.seq > base_seq && theirs.actor != self.author.actor && theirs.value.as_ref() != value;
        if is_clash {
            let clash = Clash { key: key.clone(), yours: value.cloned(), theirs: theirs.clone(), base_seq };
            self.applied.clashes.push(clash);
        }
        is_clash
    }

    fn log_write(&mut self, key: &FieldKey, value: Option<&JsonValue>) -> Result<()> {
        let op = FieldOp::making(key, value);
        let ordinal = self.begin_op(&op)?;
        self.set(key, value);
        let op_checksum = self.applied.op_checksums.last().copied();
        let row = NewField {
            ordinal,
            part: 1,
            op: op.name(),
            key: key.clone(),
            value: value.cloned(),
            op_checksum,
        };
        self.applied.rows.push(row);
        Ok(())
    }

    fn set(&mut self, key: &FieldKey, value: Option<&JsonValue>) {
        let conflict = self.fields.get(key).and_then(|state| state.conflict);
        let FieldAuthor { actor, seq, .. } = *self.author;
        self.fields.insert(key.clone(), FieldState { value: value.cloned(), seq, actor, conflict });
    }

    fn begin_op(&mut self, op: &FieldOp) -> Result<i32> {
        self.applied.op_checksums.push(op.checksum()?);
        i32::try_from(self.author.ops_before + self.applied.op_checksums.len())
            .map_err(|_| Error::limit("too many operations", i32::MAX))
    }

    fn outcome(
        &mut self,
        op: &'static str,
        entity: &EntityKey,
        field: Option<&String>,
        status: &'static str,
    ) -> &mut FieldOutcome {
        let outcome = FieldOutcome {
            op: op.into(),
            entity_type: entity.entity_type.clone(),
            entity_id: entity.entity_id.clone(),
            field: field.cloned(),
            status: status.into(),
            skipped: Vec::new(),
            conflicts: Vec::new(),
        };
        let at = self.applied.outcomes.len();
        self.applied.outcomes.push(outcome);
        &mut self.applied.outcomes[at]
    }
}

/// An entity that has no field.
pub fn no_entity(entity: &EntityKey) -> Error {
    Error::not_found(format!("no entity {entity}"))
        .with("entity_type", shorten(&entity.entity_type))
        .with("entity_id", shorten(&entity.entity_id))
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
