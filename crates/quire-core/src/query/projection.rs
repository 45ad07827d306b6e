//! What of a document is wanted.

use super::path::QueryPath;
use serde_json::{Map, Value};

/// What of a document is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Projection {
    /// All of it.
    Whole,
    /// An object with a member for each path where something is, by these names.
    Paths(Vec<(String, QueryPath)>),
}

impl Projection {
    /// What is wanted of this one.
    pub fn of(&self, doc: Value) -> Value {
        match self {
            Self::Whole => doc,
            Self::Paths(paths) => {
                let found = paths
                    .iter()
                    .filter_map(|(name, path)| path.resolve(&doc).map(|value| (name.clone(), value.clone())));
                Value::Object(found.collect::<Map<String, Value>>())
            }
        }
    }
}
