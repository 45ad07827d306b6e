//! Paths of a query.

use super::{MAX_PATH_BYTES, MAX_PATH_PARTS};
use crate::doc::tree::{index, pointer};
use crate::error::{Error, Result};
use serde_json::Value;

/// A path through the JSON of a document: through objects by key, through lists by index.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct QueryPath {
    text: String,
    parts: Vec<String>,
}

impl QueryPath {
    /// From a JSON Pointer (RFC 6901); `what` names the member that has it.
    ///
    /// Errors: `ValidationError` for what is none; `LimitError` for one that is too long.
    pub fn parse(what: &str, text: &str) -> Result<Self> {
        let parts: Vec<String> =
            pointer(what, text)?.tokens().map(|token| token.decoded().into_owned()).collect();
        for (is_over, limit, unit) in [
            (text.len() > MAX_PATH_BYTES, MAX_PATH_BYTES, "bytes"),
            (parts.len() > MAX_PATH_PARTS, MAX_PATH_PARTS, "parts"),
        ] {
            if is_over {
                let message = format!("{what} has a path of more than {limit} {unit}");
                return Err(Error::limit(message, limit).with("argument", what));
            }
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Keys and indexes, from the root on.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// How many of its parts are an index of a list and a key of an object alike.
    pub fn indexes(&self) -> usize {
        self.parts.iter().filter(|part| list_index(part).is_some()).count()
    }

    /// What is there.
    pub fn resolve<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.parts.iter().try_fold(value, |value, part| match value {
            Value::Object(members) => members.get(part),
            Value::Array(items) => items.get(list_index(part)?),
            _ => None,
        })
    }

    /// The same, to be changed.
    pub fn resolve_mut<'v>(&self, value: &'v mut Value) -> Option<&'v mut Value> {
        self.parts.iter().try_fold(value, |value, part| match value {
            Value::Object(members) => members.get_mut(part),
            Value::Array(items) => items.get_mut(list_index(part)?),
            _ => None,
        })
    }

    /// Whether PostgreSQL's operator `#>` goes the same way: it takes `-1` and `01` for indexes, too.
    pub fn is_plain(&self) -> bool {
        self.parts.iter().all(|part| {
            let digits = part.trim_start().trim_start_matches(['+', '-']);
            let looks_so = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            !looks_so || index(part).is_some()
        })
    }
}

/// The index of a list that a part of a path is. No list has more items than PostgreSQL counts.
pub(super) fn list_index(part: &str) -> Option<usize> {
    index(part).filter(|index| i32::try_from(*index).is_ok())
}
