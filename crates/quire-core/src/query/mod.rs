//! Queries over the documents of a project: which documents are meant, what of them is wanted, and in which order they come.
//!
//! Owns: what a query says, its limits, the meaning of its conditions, the order of documents, cursors, and joins along references.
//! Promises: [`DocCondition::holds`] and the jsonpath that [`compile`] makes of a condition without schemas say the same of every
//! document; so do sort keys, whoever computes them. What a query costs besides looking at documents is within the limits below.
//! Does not: know where documents are. A document here is the JSON that `read_doc` shows.
//!
//! A path is a JSON Pointer, as everywhere. It goes through the JSON: `/likes/$counter` is the number of a counter.

mod compile;
mod condition;
mod cursor;
mod expand;
mod order;
mod parse;
mod path;
mod projection;
#[cfg(test)]
mod tests;
mod watch;

pub use compile::{CompiledCondition, compile};
pub use condition::{Comparison, DocCondition, PathTest, SchemaTest};
pub use cursor::QueryCursor;
pub use expand::{Expander, Referent};
pub use order::{DocOrder, NOTHING_SORTED, sort_key};
pub use parse::{DocQuery, PastPoint};
pub use path::QueryPath;
pub use projection::Projection;
pub use watch::{DocWatch, WatchAction, WatchFormat};

use crate::interrupt;
use serde_json::Value;

/// How many documents a page has when the query does not say.
pub const DEFAULT_LIMIT: usize = 100;
/// Most documents of a page.
pub const MAX_LIMIT: usize = 1000;
/// Most paths that documents are sorted by.
pub const MAX_SORT_PATHS: usize = 3;
/// Most conditions of a query: tests of a path, and what combines them.
pub const MAX_CONDITIONS: usize = 200;
/// How deep conditions may be in one another.
pub const MAX_NESTING: usize = 16;
/// Most JSON values that the conditions of a query compare with, those inside of lists and objects included.
pub const MAX_VALUES: usize = 1000;
/// Longest path of a query, in bytes.
pub const MAX_PATH_BYTES: usize = 1024;
/// Most schemas that the conditions of a query ask for.
pub const MAX_SCHEMAS_ASKED: usize = 10;
/// Most parts of a path.
pub const MAX_PATH_PARTS: usize = 32;
/// Most parts of a path that may be an index and a key: each doubles what there is to look for.
pub const MAX_PATH_INDEXES: usize = 4;
/// Most paths along which references are followed.
pub const MAX_EXPAND_PATHS: usize = 10;
/// Most references that are followed one behind the other.
pub const MAX_DEPTH: usize = 5;
/// Most references that a call follows.
pub const MAX_VISITED: usize = 1000;
/// Bytes of a text that documents are sorted by; of two that begin so the name decides.
pub const MAX_SORTED_BYTES: usize = 256;
/// Bytes of the values of a page, about; a page ends early where it would have more. One document always comes.
pub const MAX_PAGE_BYTES: usize = 32 << 20;

/// About how many bytes a value takes: its texts, and 32 for each value in it.
pub fn weight(value: &Value) -> usize {
    const EACH: usize = 32;
    interrupt::tick();
    EACH + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members.iter().map(|(key, value)| key.len() + weight(value)).sum(),
        _ => 0,
    }
}
