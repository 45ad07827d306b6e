//! What a subschema costs, as a keyword that stands before all of its others.

use super::meter;
use crate::interrupt;
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value, json};

/// Its name. Whatever a schema has of this name is its own business: it never gets as far as the library.
pub const KEYWORD: &str = "quire:steps";

/// Bytes of text that are one step.
const STEP_BYTES: usize = 64;

/// What is counted for each value that a subschema meets.
#[derive(Clone, Copy, Default)]
struct Steps {
    /// In any case.
    base: u64,
    /// For each byte of a text.
    per_byte: u64,
    /// For each byte of the keys of an object.
    per_key_byte: u64,
    /// For each value inside of a list.
    per_inner: u64,
}

/// The keyword for a subschema.
pub fn of(schema: &Map<String, Value>) -> Value {
    let count = |key: &str| match schema.get(key) {
        Some(Value::Array(items)) => items.len() as u64,
        Some(Value::Object(members)) => members.len() as u64,
        _ => 0,
    };
    let compared: u64 = ["const", "enum"].iter().filter_map(|key| schema.get(*key)).map(whole).sum();
    let looked_up = count("properties") + count("required") + count("dependentRequired");
    json!([
        1 + (looked_up + compared) / 8,
        u64::from(schema.contains_key("pattern")),
        count("patternProperties"),
        8 * u64::from(schema.get("uniqueItems") == Some(&Value::Bool(true)))
    ])
}

/// A value with all that is in it.
fn whole(value: &Value) -> u64 {
    interrupt::tick();
    1 + match value {
        Value::String(text) => (text.len() / STEP_BYTES) as u64,
        Value::Array(items) => items.iter().map(whole).sum(),
        Value::Object(members) => members.values().map(whole).sum(),
        _ => 0,
    }
}

/// Makes it for the library.
pub fn keyword<'a>(
    _parent: &'a Map<String, Value>,
    value: &'a Value,
    _path: jsonschema::paths::Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let number = |at: usize| value.get(at).and_then(Value::as_u64).unwrap_or_default();
    Ok(Box::new(Steps {
        base: number(0),
        per_byte: number(1),
        per_key_byte: number(2),
        per_inner: number(3),
    }))
}

impl Steps {
    fn count(&self, value: &Value) -> u64 {
        let met = match value {
            Value::String(text) if self.per_byte > 0 => meter::take_text(text.len()),
            Value::String(text) => (text.len() / STEP_BYTES) as u64,
            Value::Array(_) if self.per_inner > 0 => self.per_inner * whole(value),
            Value::Array(items) => items.len() as u64,
            Value::Object(members) if self.per_key_byte > 0 => {
                let bytes: u64 = members.keys().map(|key| meter::take_text(key.len())).sum();
                members.len() as u64 + self.per_key_byte * bytes
            }
            Value::Object(members) => members.len() as u64,
            _ => 0,
        };
        self.base + met
    }
}

impl<'i> Keyword<'i> for Steps {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        meter::take(self.count(instance));
        Ok(())
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        meter::take(self.count(instance));
        true
    }
}
