//! Lines of the histories as they are read: what is nested stays text until it is needed, so that a line takes no more memory
//! than it is long. Members that no exporter writes are refused.

use super::read::wrong;
use super::{BundleRecord, TagRecord};
use crate::error::{Error, Result};
use crate::pure::chain::BundleHeader;
use crate::pure::hash::Hash;
use crate::pure::interrupt;
use crate::pure::json::shape;
use crate::pure::path::shorten;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

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
pub struct BundleLine<'a> {
    header: BundleHeader,
    author: Option<String>,
    committed_at: String,
    op_count: usize,
    prev_checksum: Hash,
    checksum: Hash,
    #[serde(borrow)]
    details: Option<&'a RawValue>,
}

impl BundleLine<'_> {
    /// The record without details, and those.
    pub fn into_record(self) -> Result<(BundleRecord, Option<String>)> {
        let details = self.details.map(check_tree).transpose()?.map(|details| details.get().to_owned());
        let Self { header, author, committed_at, op_count, prev_checksum, checksum, .. } = self;
        let record =
            BundleRecord { header, author, committed_at, op_count, prev_checksum, checksum, details: None };
        Ok((record, details))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpLine<'a> {
    pub seq: i64,
    pub ordinal: usize,
    #[serde(borrow)]
    pub op: &'a RawValue,
    pub checksum: Hash,
    #[serde(rename = "before")]
    _before: Option<IgnoredAny>,
    #[serde(rename = "after")]
    _after: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityLine<'a> {
    pub entity_type: String,
    pub entity_id: String,
    #[serde(borrow)]
    pub fields: BTreeMap<String, &'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagLine {
    tag: String,
    seq: i64,
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
pub fn parse<'a, T: Deserialize<'a>>(path: &str, line: usize, bytes: &'a [u8]) -> Result<T> {
    let unreadable = |reason: &str| wrong(&format!("{} line {line}: {}", shorten(path), shorten(reason)));
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
    interrupt::room(bytes.len())?;
    serde_json::from_slice(bytes).map_err(|error| unreadable(&error.to_string()))
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
    serde_json::from_str(check_tree(json)?.get())
        .map_err(|error| wrong(&format!("a value cannot be read: {}", shorten(&error.to_string()))))
}
