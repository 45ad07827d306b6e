//! Operations on fields of entities.

use super::{Change, State, Write, add_base};
use crate::error::Result;
use crate::hash::Hash;
use crate::json::{JsonValue, Members, canonical};
use crate::key::{EntityKey, FieldKey, take_entity};
use crate::text::shorten;
use crate::value;
use serde::Serialize;
use serde_json::{Value, json};

/// An operation on a field of an entity, or on all of them.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "op")]
pub enum FieldOp {
    /// A field of an entity gets this value.
    #[serde(rename = "field.set")]
    Set {
        /// Which.
        #[serde(flatten)]
        key: FieldKey,
        /// Any JSON.
        value: JsonValue,
    },
    /// A field of an entity is cleared.
    #[serde(rename = "field.unset")]
    Unset {
        /// Which.
        #[serde(flatten)]
        key: FieldKey,
    },
    /// An entity goes away: all its fields are cleared.
    #[serde(rename = "entity.delete")]
    DeleteEntity {
        /// Which.
        #[serde(flatten)]
        entity: EntityKey,
    },
}

impl FieldOp {
    /// What they are called, in the order of the kinds above.
    pub const NAMES: [&str; 3] = ["field.set", "field.unset", "entity.delete"];

    /// The `op` member.
    pub const fn name(&self) -> &'static str {
        match self {
            FieldOp::Set { .. } => Self::NAMES[0],
            FieldOp::Unset { .. } => Self::NAMES[1],
            FieldOp::DeleteEntity { .. } => Self::NAMES[2],
        }
    }

    /// From its members; `None` when the name is none of a field's.
    pub(super) fn parse(name: &str, members: &mut Members) -> Result<Option<Self>> {
        if !Self::NAMES.contains(&name) {
            return Ok(None);
        }
        let entity = EntityKey::parse(members.str("entity_type")?, members.str("entity_id")?)?;
        Ok(Some(match name {
            "entity.delete" => FieldOp::DeleteEntity { entity },
            name => {
                let key = entity.field(members.str("field")?)?;
                match name {
                    "field.set" => {
                        FieldOp::Set { key, value: value::value("value", members.value("value")?)? }
                    }
                    _ => FieldOp::Unset { key },
                }
            }
        }))
    }

    /// The operation that gives a field a value or clears it.
    pub fn making(key: &FieldKey, value: Option<&JsonValue>) -> Self {
        let key = key.clone();
        match value.cloned() {
            Some(value) => FieldOp::Set { key, value },
            None => FieldOp::Unset { key },
        }
    }

    /// BLAKE3 of the canonical form. A value can be long, and is in its canonical form already.
    pub fn checksum(&self) -> Result<Hash> {
        let FieldOp::Set { key: FieldKey { entity, field }, value } = self else {
            return Ok(Hash::of(&canonical(self)?));
        };
        let [entity_type, entity_id, field] =
            [canonical(&entity.entity_type)?, canonical(&entity.entity_id)?, canonical(field)?];
        let parts: [&[u8]; 9] = [
            b"{\"entity_id\":",
            &entity_id,
            b",\"entity_type\":",
            &entity_type,
            b",\"field\":",
            &field,
            b",\"op\":\"field.set\",\"value\":",
            value.as_str().as_bytes(),
            b"}",
        ];
        Ok(Hash::of_parts(parts))
    }

    pub(super) fn describe(&self) -> String {
        match self {
            FieldOp::Set { key, .. } => format!("set {} of {}", shorten(&key.field), key.entity),
            FieldOp::Unset { key } => format!("clear {} of {}", shorten(&key.field), key.entity),
            FieldOp::DeleteEntity { entity } => format!("delete {entity}"),
        }
    }

    /// An entity that goes away names each field with its base.
    pub(super) fn add_writes(&self, json: &mut Value, writes: &[Write]) {
        match self {
            FieldOp::DeleteEntity { .. } => {
                let fields = writes.iter().filter_map(|Write { change, base }| match change {
                    Change::Field(key, _) => Some(json!({"field": key.field, "base": base})),
                    _ => None,
                });
                json["fields"] = fields.collect();
            }
            FieldOp::Set { .. } | FieldOp::Unset { .. } => add_base(json, writes),
        }
    }

    pub(super) fn parse_writes(&self, what: &str, members: &mut Members) -> Result<Vec<Write>> {
        let base = members.opt_uuid("base")?;
        match self {
            FieldOp::Set { key, value } => {
                Ok(vec![Write { change: Change::Field(key.clone(), Some(value.clone())), base }])
            }
            FieldOp::Unset { key } => Ok(vec![Write { change: Change::Field(key.clone(), None), base }]),
            FieldOp::DeleteEntity { entity } => members.list("fields", |at, value| {
                let mut members = Members::of(format!("{what}.fields[{at}]"), value)?;
                let key = entity.clone().field(members.str("field")?)?;
                let base = members.opt_uuid("base")?;
                members.finish()?;
                Ok(Write { change: Change::Field(key, None), base })
            }),
        }
    }

    pub(super) fn apply(&self, state: &mut State) -> std::result::Result<(), String> {
        match self {
            FieldOp::Set { key, value } => {
                state.fields.insert(key.clone(), value.clone());
            }
            FieldOp::Unset { key } => {
                state.fields.remove(key);
            }
            FieldOp::DeleteEntity { entity } => {
                if take_entity(&mut state.fields, entity) == 0 {
                    return Err(format!("entity {entity} is deleted and was not there"));
                }
            }
        }
        Ok(())
    }
}
