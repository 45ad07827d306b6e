//! What a schema may have, and the form in which the library gets it.
//!
//! The library looks at keywords in an order of its own, and stops at the first that fails. So that every step counts, a subschema `S`
//! becomes `{"if": {steps}, "then": S}`: the steps are counted, never fail, and come first. Where `$ref` leads moves with it.

use super::{DIALECT, MAX_PATTERNS, MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH, MAX_SUBSCHEMAS, steps, wrong};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::text::shorten;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fmt::Write;

/// Keywords whose value is a subschema.
const ONE: [&str; 11] = [
    "items",
    "additionalProperties",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
/// Keywords whose value is a list of subschemas.
const LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value is an object of subschemas.
const NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/// Keywords that only describe: nothing is tested by them.
const ANNOTATIONS: [&str; 6] =
    ["format", "contentEncoding", "contentMediaType", "contentSchema", "$id", "$schema"];
/// Keywords that lead elsewhere, or that other drafts have.
const REFUSED: [&str; 9] = [
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveAnchor",
    "$recursiveRef",
    "$vocabulary",
    "additionalItems",
    "dependencies",
    "discriminator",
];

/// A schema in the form in which the library gets it.
pub fn wrapped(schema: &Value) -> Result<Value> {
    let bytes = serde_json::to_string(schema).map_or(usize::MAX, |text| text.len());
    limit("bytes", bytes, MAX_SCHEMA_BYTES)?;
    let mut survey = Survey::default();
    survey.depth(schema, 0)?;
    survey.subschema(schema, "", String::new())?;
    let places = survey.places;
    if let Some((reference, _)) = survey.references.iter().find(|(_, target)| !places.contains_key(target)) {
        let why = format!("$ref {:?} must lead to a subschema inside of it", shorten(reference));
        return Err(wrong(why).hint("such as #/$defs/name"));
    }
    Ok(wrap(schema, &places))
}

fn limit(what: &str, found: usize, most: usize) -> Result<()> {
    if found <= most {
        return Ok(());
    }
    Err(Error::limit(format!("schema has more than {most} {what}"), most).with("argument", "schema"))
}

/// Refuses a schema that says that it is written in something else.
fn dialect(value: &Value) -> Result<()> {
    match value.as_str().map(|text| text.trim_end_matches('#')) {
        Some(DIALECT) => Ok(()),
        _ => Err(wrong(format!("$schema must be {DIALECT}"))),
    }
}

/// What was found on the way through a schema.
#[derive(Default)]
struct Survey {
    /// Where each subschema is, and where it will be: both as JSON Pointers.
    places: HashMap<String, String>,
    /// Each `$ref`, and where it leads.
    references: Vec<(String, String)>,
    patterns: usize,
}

impl Survey {
    fn depth(&self, value: &Value, depth: usize) -> Result<()> {
        interrupt::step()?;
        if depth > MAX_SCHEMA_DEPTH {
            let message = format!("schema is nested more than {MAX_SCHEMA_DEPTH} deep");
            return Err(Error::limit(message, MAX_SCHEMA_DEPTH).with("argument", "schema"));
        }
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.depth(item, depth + 1)),
            Value::Object(members) => members.values().try_for_each(|value| self.depth(value, depth + 1)),
            _ => Ok(()),
        }
    }

    fn subschema(&mut self, schema: &Value, from: &str, to: String) -> Result<()> {
        interrupt::step()?;
        self.places.insert(from.to_owned(), to.clone());
        limit("subschemas", self.places.len(), MAX_SUBSCHEMAS)?;
        let Value::Object(members) = schema else { return Ok(()) };
        let is_root = from.is_empty();
        for (key, value) in members {
            self.keyword(key, value, is_root)?;
            let (from, to) = (joined(from, key), joined(&joined(&to, "then"), key));
            match value {
                _ if ONE.contains(&key.as_str()) => self.subschema(value, &from, to)?,
                Value::Array(items) if LISTS.contains(&key.as_str()) => {
                    for (at, item) in items.iter().enumerate() {
                        let at = at.to_string();
                        self.subschema(item, &joined(&from, &at), joined(&to, &at))?;
                    }
                }
                Value::Object(named) if NAMED.contains(&key.as_str()) => {
                    for (name, value) in named {
                        self.subschema(value, &joined(&from, name), joined(&to, name))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn keyword(&mut self, key: &str, value: &Value, is_root: bool) -> Result<()> {
        match key {
            _ if REFUSED.contains(&key) => return Err(wrong(format!("it must not have {key}"))),
            "$schema" if is_root => dialect(value)?,
            "$id" if is_root => {}
            "$id" | "$schema" => return Err(wrong(format!("only the schema as a whole may have {key}"))),
            "$ref" => {
                let text = value.as_str().unwrap_or_default();
                let target = text.strip_prefix('#').and_then(unescaped);
                let target = target.ok_or_else(|| {
                    let why = format!("$ref {:?} must lead to a subschema inside of it", shorten(text));
                    wrong(why).hint("such as #/$defs/name")
                })?;
                self.references.push((text.to_owned(), target));
            }
            "pattern" => self.patterns += 1,
            "patternProperties" => self.patterns += value.as_object().map_or(0, Map::len),
            _ => {}
        }
        limit("patterns", self.patterns, MAX_PATTERNS)
    }
}

fn wrap(schema: &Value, places: &HashMap<String, String>) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let mut then = Map::new();
    for (key, value) in members {
        if ANNOTATIONS.contains(&key.as_str()) {
            continue;
        }
        let value = match value {
            Value::String(text) if key == "$ref" => {
                let target = text.strip_prefix('#').and_then(unescaped);
                let place = target.and_then(|target| places.get(&target)).cloned().unwrap_or_default();
                Value::String(format!("#{}", escaped(&place)))
            }
            _ if ONE.contains(&key.as_str()) => wrap(value, places),
            Value::Array(items) if LISTS.contains(&key.as_str()) => {
                items.iter().map(|item| wrap(item, places)).collect()
            }
            Value::Object(named) if NAMED.contains(&key.as_str()) => {
                let wrapped = named.iter().map(|(name, value)| (name.clone(), wrap(value, places)));
                Value::Object(wrapped.collect())
            }
            other => other.clone(),
        };
        then.insert(key.clone(), value);
    }
    then.remove(steps::KEYWORD);
    json!({"if": {steps::KEYWORD: steps::of(members)}, "then": then})
}

/// A JSON Pointer with one more part.
fn joined(pointer: &str, part: &str) -> String {
    format!("{pointer}/{}", part.replace('~', "~0").replace('/', "~1"))
}

/// A JSON Pointer as the fragment of a URI has it.
fn escaped(pointer: &str) -> String {
    pointer.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'/' | b'~' | b'-' | b'_' | b'.' => text.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => text.push(byte.into()),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}

/// The JSON Pointer that the fragment of a URI has.
fn unescaped(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(16 * high + low).ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    (text.is_empty() || text.starts_with('/')).then_some(text)
}
