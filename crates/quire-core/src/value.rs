//! What the value of a field may be.

use crate::error::{Error, Result};
use crate::json::JsonValue;

/// Longest value of a field, in bytes of its canonical form.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// Deepest nesting of a value: readers of JSON stop at 128 levels, and it travels inside of others.
pub const MAX_VALUE_DEPTH: usize = 100;

/// A value as it is kept, or PT413 when it is too long or too deep.
pub fn value(argument: &str, json: &serde_json::Value) -> Result<JsonValue> {
    if is_deeper(json, MAX_VALUE_DEPTH) {
        return Err(Error::limit(
            format!("{argument} has more than {MAX_VALUE_DEPTH} levels"),
            MAX_VALUE_DEPTH,
        )
        .with("argument", argument));
    }
    let too_long = |bytes: usize| {
        Error::limit(format!("{argument} has {bytes} bytes"), MAX_VALUE_BYTES)
            .with("argument", argument)
            .hint("put large content into a file or an asset")
    };
    let texts = bytes_of_texts(json);
    if texts > MAX_VALUE_BYTES {
        return Err(too_long(texts));
    }
    let value = JsonValue::of(json)?;
    match value.as_str().len() {
        bytes if bytes > MAX_VALUE_BYTES => Err(too_long(bytes)),
        _ => Ok(value),
    }
}

/// Bytes of the texts in a value, which is that long at least.
fn bytes_of_texts(json: &serde_json::Value) -> usize {
    match json {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(items) => items.iter().map(bytes_of_texts).sum(),
        serde_json::Value::Object(members) => {
            members.iter().map(|(key, value)| key.len() + bytes_of_texts(value)).sum()
        }
        _ => 0,
    }
}

fn is_deeper(json: &serde_json::Value, levels: usize) -> bool {
    match json {
        serde_json::Value::Array(items) => {
            levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1))
        }
        serde_json::Value::Object(members) => {
            levels == 0 || members.values().any(|member| is_deeper(member, levels - 1))
        }
        _ => false,
    }
}
