//! JSON Schemas of documents (draft 2020-12): what a schema may be, and whether a value satisfies it.
//!
//! Owns: the limits of schemas, the steps that looking at a value takes, what is said of a value that does not satisfy one.
//! Promises: nothing is fetched from anywhere, and `$ref` leads inside of the schema only; a pattern takes time in proportion to the
//! text; looking at a value ends after [`MAX_STEPS`], takes bounded stack, and asks [`interrupt`](crate::interrupt) on the way.
//! Does not: know which documents a schema is for. Test formats and encoded content: they are annotations.

mod meter;
mod steps;
#[cfg(test)]
mod tests;
mod wrap;

use crate::error::{Error, Result};
use crate::filter::{Globs, globs};
use crate::text::{name, shorten};
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Longest name of a schema, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// Longest schema, in bytes of compact JSON.
pub const MAX_SCHEMA_BYTES: usize = 64 << 10;
/// How deep a schema may be nested.
pub const MAX_SCHEMA_DEPTH: usize = 64;
/// Most subschemas of a schema.
pub const MAX_SUBSCHEMAS: usize = 2000;
/// Most patterns of a schema.
pub const MAX_PATTERNS: usize = 100;
/// Most schemas of a project.
pub const MAX_SCHEMAS: usize = 100;
/// Most steps that looking at one value takes: about one for a subschema and each member, item and 64 bytes of text that it meets.
pub const MAX_STEPS: u64 = 10_000_000;
/// Longest text that a pattern is tried on, in bytes.
pub const MAX_PATTERN_TEXT_BYTES: usize = 64 << 10;
/// Bytes that a compiled pattern takes.
const MAX_PATTERN_SIZE: usize = 64 << 10;

/// What a schema says it is written in, if it says so.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Why a value does not satisfy a schema.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Where in the value, as a JSON Pointer.
    pub path: String,
    /// What is wrong there, in a few words, without the value.
    pub text: String,
}

/// A schema that is ready to be asked.
pub struct DocSchema(Validator);

impl fmt::Debug for DocSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocSchema")
    }
}

/// The name of a schema, checked (22023).
pub fn schema_name(argument: &str, text: &str) -> Result<String> {
    name(argument, text, MAX_NAME_BYTES)
}

/// Names of documents that a schema is for, as one glob: `*` and `?` stay inside of a segment, `**` crosses segments.
pub fn docs_glob(glob: &str) -> Result<Globs> {
    globs(&[glob.to_owned()]).map_err(|error| error.with("argument", "docs"))
}

impl DocSchema {
    /// Compiles a schema.
    ///
    /// Errors: `ValidationError` for what is no schema of the draft, or has what no schema here may have; `LimitError` for one that is
    /// too large.
    pub fn compile(schema: &Value) -> Result<Self> {
        let wrapped = wrap::wrapped(schema)?;
        guarded(|| {
            jsonschema::draft202012::meta::validate(schema).map_err(|error| {
                wrong(format!("it is none of draft 2020-12: {}", said(&error)))
                    .with("path", shorten(error.instance_path().as_str()))
            })?;
            let patterns =
                PatternOptions::regex().size_limit(MAX_PATTERN_SIZE).dfa_size_limit(4 * MAX_PATTERN_SIZE);
            let built = jsonschema::options()
                .with_draft(Draft::Draft202012)
                .offline()
                .should_validate_formats(false)
                .with_pattern_options(patterns)
                .with_keyword(steps::KEYWORD, steps::keyword)
                .build(&wrapped);
            built.map(Self).map_err(|error| wrong(format!("it cannot be used: {}", said(&error))))
        })
        .and_then(|compiled| compiled.ok_or_else(|| wrong("it cannot be used")))
    }

    /// What is wrong with a value; nothing if it satisfies the schema. A value that takes too long to look at does not.
    pub fn fault(&self, value: &Value) -> Result<Option<Violation>> {
        let unknown = |why: &str| {
            Some(Violation { path: String::new(), text: format!("the value cannot be looked at: {why}") })
        };
        let (found, overrun) = meter::metered(|| {
            guarded(|| {
                Ok(self.0.validate(value).err().map(|error| Violation {
                    path: error.instance_path().as_str().to_owned(),
                    text: said(&error),
                }))
            })
        });
        match (overrun, found) {
            (Some(meter::Overrun::Refused(error)), _) => Err(error),
            (Some(overrun), _) => Ok(unknown(overrun.why())),
            (None, found) => Ok(found?.unwrap_or_else(|| unknown("it is too much for the schema"))),
        }
    }

    /// Whether a value satisfies it.
    pub fn is_satisfied(&self, value: &Value) -> Result<bool> {
        Ok(self.fault(value)?.is_none())
    }
}

/// What is said of an error, without the value that it is about.
fn said(error: &ValidationError) -> String {
    shorten(&error.masked().to_string())
}

/// A schema that is refused.
fn wrong(why: impl fmt::Display) -> Error {
    Error::validation(format!("schema: {why}")).with("argument", "schema")
}

/// Calls the library; nothing comes out where it panics or the meter has ended it.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map(Some),
        Err(panic) if panic.is::<&str>() || panic.is::<String>() || panic.is::<meter::Ended>() => Ok(None),
        // A cancel, which looking at interrupts has thrown.
        Err(other) => resume_unwind(other),
    }
}
