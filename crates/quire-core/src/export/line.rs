//! Lines of the histories as they are read: what is nested stays text until it is needed, so that a line takes no more memory
//! than it is long. Members that no exporter writes are refused.

use super::read::wrong;
use super::{BundleRecord, TagRecord};
use crate::chain::BundleHeader;
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::id::Seq;
use crate::interrupt;
use crate::json::{self, Stop, shape};
use crate::key::EntityKey;
use crate::text::shorten;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// Most JSON values in one line.
const MAX_LINE_VALUES: usize = 8_000_000;
/// Most of what becomes a tree, where each takes many times the memory of the two bytes that say it: of an operation, of a
/// field's value, of a bundle's details.
const MAX_TREE_VALUES: usize = 600_000;
/// Longest text of a tree: the longest value that is kept, with every character escaped.
const MAX_TREE_BYTES: usize = 8 << 20;
/// Deepest nesting, that of readers of JSON.
const MAX_DEPTH: usize = 127;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleLine {
    header: BundleHeader,
    author: Option<String>,
    committed_at: String,
    op_count: usize,
    prev_checksum: Hash,
    checksum: Hash,
    details: Option<Box<RawValue>>,
}

impl BundleLine {
    /// The record without details, and those.
    pub fn into_record(self) -> Result<(BundleRecord, Option<String>)> {
        let details =
            self.details.as_deref().map(check_tree).transpose()?.map(|details| details.get().to_owned());
        let Self { header, author, committed_at, op_count, prev_checksum, checksum, .. } = self;
        let record =
            BundleRecord { header, author, committed_at, op_count, prev_checksum, checksum, details: None };
        Ok((record, details))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpLine {
    pub seq: Seq,
    pub ordinal: usize,
    pub op: Box<RawValue>,
    pub checksum: Hash,
    #[serde(rename = "before")]
    _before: Option<IgnoredAny>,
    #[serde(rename = "after")]
    _after: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagLine {
    tag: String,
    seq: Seq,
    #[serde(rename = "created_by")]
    _created_by: Option<IgnoredAny>,
    #[serde(rename = "author")]
    _author: Option<IgnoredAny>,
    #[serde(rename = "created_at")]
    _created_at: Option<IgnoredAny>,
}

impl TagLine {
    pub fn into_record(self) -> TagRecord {
        TagRecord { tag: self.tag, seq: self.seq }
    }
}

/// One line, or the whole of a file of JSON.
pub fn parse<T: DeserializeOwned>(path: &str, line: usize, bytes: &[u8]) -> Result<T> {
    let unreadable = |reason: &str| unreadable(path, line, reason);
    check_line(path, line, bytes)?;
    json::read(bytes, unreadable)
}

/// An entity, of which each field goes to `each` and is not kept: it would take many times the memory of what says it.
pub fn entity(
    path: &str,
    line: usize,
    bytes: &[u8],
    each: impl FnMut(&str, &RawValue) -> Result<()>,
) -> Result<EntityKey> {
    check_line(path, line, bytes)?;
    let reading = |stop| EntityLine { each, stop };
    let (entity_type, entity_id) = json::read_with(bytes, reading, |reason| unreadable(path, line, reason))?;
    EntityKey::parse(&entity_type, &entity_id)
}

fn unreadable(path: &str, line: usize, reason: &str) -> Error {
    wrong(&format!("{} line {line}: {}", shorten(path), shorten(reason)))
}

/// What can be said of a line without reading it.
fn check_line(path: &str, line: usize, bytes: &[u8]) -> Result<()> {
    let unreadable = |reason: &str| unreadable(path, line, reason);
    let shape = shape(bytes)?;
    if shape.values > MAX_LINE_VALUES {
        return Err(Error::limit("a line of the export has too many JSON values", MAX_LINE_VALUES)
            .with("file", shorten(path))
            .with("line", line));
    }
    if shape.has_nul {
        return Err(unreadable("it has a text with a NUL, which PostgreSQL cannot hold"));
    }
    if shape.depth > MAX_DEPTH {
        return Err(unreadable("recursion limit exceeded"));
    }
    interrupt::room(bytes.len())
}

struct EntityLine<F> {
    each: F,
    stop: Stop,
}

impl<'de, F: FnMut(&str, &RawValue) -> Result<()>> DeserializeSeed<'de> for EntityLine<F> {
    type Value = (String, String);

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, &RawValue) -> Result<()>> Visitor<'de> for EntityLine<F> {
    type Value = (String, String);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an entity")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> std::result::Result<Self::Value, A::Error> {
        const MEMBERS: &[&str] = &["entity_type", "entity_id", "fields"];
        let (mut entity_type, mut entity_id, mut fields) = (None, None, None);
        while let Some(key) = members.next_key::<String>()? {
            let is_first = match key.as_str() {
                "entity_type" => entity_type.replace(members.next_value()?).is_none(),
                "entity_id" => entity_id.replace(members.next_value()?).is_none(),
                "fields" => fields.replace(members.next_value_seed(Fields(&mut self))?).is_none(),
                _ => return Err(de::Error::unknown_field(&shorten(&key), MEMBERS)),
            };
            if !is_first {
                return Err(de::Error::custom(format!("duplicate field {key}")));
            }
        }
        fields.ok_or_else(|| de::Error::missing_field("fields"))?;
        let entity_type = entity_type.ok_or_else(|| de::Error::missing_field("entity_type"))?;
        Ok((entity_type, entity_id.ok_or_else(|| de::Error::missing_field("entity_id"))?))
    }
}

struct Fields<'l, F>(&'l mut EntityLine<F>);

impl<'de, F: FnMut(&str, &RawValue) -> Result<()>> DeserializeSeed<'de> for Fields<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, &RawValue) -> Result<()>> Visitor<'de> for Fields<'_, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<(), A::Error> {
        let EntityLine { each, stop } = self.0;
        while let Some((name, value)) = members.next_entry::<String, Box<RawValue>>()? {
            each(&name, &value).map_err(|error| stop.with(error))?;
        }
        Ok(())
    }
}

/// A text that may become a tree.
fn check_tree(json: &RawValue) -> Result<&RawValue> {
    let text = json.get();
    if text.len() > MAX_TREE_BYTES {
        return Err(Error::limit("a value of the export is too long", MAX_TREE_BYTES));
    }
    if shape(text.as_bytes())?.values > MAX_TREE_VALUES {
        return Err(Error::limit("a value of the export has too many JSON values", MAX_TREE_VALUES));
    }
    Ok(json)
}

/// The tree of a part of a line.
pub fn tree(json: &RawValue) -> Result<Value> {
    json::read(check_tree(json)?.get().as_bytes(), |reason| {
        wrong(&format!("a value cannot be read: {}", shorten(reason)))
    })
}
