//! Which entity, which of its fields, which document.

use crate::error::Result;
use crate::text::{name, shorten};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Longest type of an entity, in bytes.
const MAX_TYPE_BYTES: usize = 128;
/// Longest id of an entity and longest name of a field, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// Longest name of a branch and of a document, in bytes.
const MAX_DOC_BYTES: usize = 255;

/// Which entity.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
pub struct EntityKey {
    /// Its type.
    pub entity_type: String,
    /// Its id, unique inside the project and type.
    pub entity_id: String,
}

impl EntityKey {
    /// Checks both names (22023).
    pub fn parse(entity_type: &str, entity_id: &str) -> Result<Self> {
        Ok(Self {
            entity_type: name("entity_type", entity_type, MAX_TYPE_BYTES)?,
            entity_id: name("entity_id", entity_id, MAX_NAME_BYTES)?,
        })
    }

    /// One of its fields, checked (22023).
    pub fn field(self, field: &str) -> Result<FieldKey> {
        Ok(FieldKey { entity: self, field: name("field", field, MAX_NAME_BYTES)? })
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", shorten(&self.entity_type), shorten(&self.entity_id))
    }
}

/// Which field of which entity.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
pub struct FieldKey {
    /// The entity.
    #[serde(flatten)]
    pub entity: EntityKey,
    /// The field's name.
    pub field: String,
}

impl FieldKey {
    /// Before all fields of an entity, in order.
    fn first(entity: &EntityKey) -> Self {
        Self { entity: entity.clone(), field: String::new() }
    }
}

impl fmt::Display for FieldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", shorten(&self.field), self.entity)
    }
}

/// Which document: a name of the caller's, often a path, and the branch that it is on.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
pub struct DocKey {
    /// Its branch.
    pub branch: String,
    /// Its name.
    pub doc: String,
}

impl DocKey {
    /// The branch that every project has.
    pub const MAIN: &str = "main";

    /// Checks both names (22023).
    pub fn parse(branch: &str, doc: &str) -> Result<Self> {
        Ok(Self { branch: branch_name("branch", branch)?, doc: name("doc", doc, MAX_DOC_BYTES)? })
    }

    /// A document of the branch that every project has.
    pub fn main(doc: &str) -> Result<Self> {
        Self::parse(Self::MAIN, doc)
    }
}

impl fmt::Display for DocKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {}", shorten(&self.doc))?;
        if self.branch == Self::MAIN { Ok(()) } else { write!(f, " of branch {}", shorten(&self.branch)) }
    }
}

/// Checks the name of a branch (22023).
pub fn branch_name(argument: &str, branch: &str) -> Result<String> {
    name(argument, branch, MAX_DOC_BYTES)
}

/// All fields of an entity, in order of their names.
pub fn of_entity<'f, V>(
    fields: &'f BTreeMap<FieldKey, V>,
    entity: &EntityKey,
) -> impl Iterator<Item = (&'f FieldKey, &'f V)> {
    let first = FieldKey::first(entity);
    let entity = entity.clone();
    fields.range(first..).take_while(move |(key, _)| key.entity == entity)
}

/// Takes all fields of an entity out; how many there were.
pub fn take_entity<V>(fields: &mut BTreeMap<FieldKey, V>, entity: &EntityKey) -> usize {
    let keys: Vec<FieldKey> = of_entity(fields, entity).map(|(key, _)| key.clone()).collect();
    for key in &keys {
        fields.remove(key);
    }
    keys.len()
}
