//! Arguments of SQL functions, checked the same way everywhere.
//!
//! An error names an argument as the SQL function calls it, in its message and as `argument` in DETAIL. The `name` that these functions
//! take is that name. What is a member of a JSON argument is named as `member` instead ([`Error::of_member`]).

mod array;
mod byteas;
mod datum;
mod texts;

use crate::ids::{ActorId, CorrelationId, Pg, ProjectId};
use pgrx::Uuid;
use pgrx::datum::Interval;
use quire_core::error::{Error, Result};
use quire_core::path::FilePath;
use quire_core::timestamp::Micros;
use quire_core::{name, person};
use std::ops::RangeInclusive;

pub use byteas::ByteasArg;
pub(crate) use datum::{lazy_arg, result_type, sql_type};
pub use texts::TextsArg;

/// Most rows of a page.
pub const MAX_ROWS: i32 = 10_000;

/// An argument that must not be NULL (22004).
pub fn required<T>(name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::null(name))
}

/// The project argument.
pub fn project_arg(project_uuid: Option<Uuid>) -> Result<ProjectId> {
    required("project_uuid", project_uuid).map(ProjectId::from_pg)
}

/// An actor argument: given, and not the built-in one.
pub fn actor_arg(name: &str, actor: Option<Uuid>) -> Result<ActorId> {
    let actor = ActorId::from_pg(required(name, actor)?);
    if actor.is_built_in() {
        return Err(Error::validation("the actor system cannot be a member").with("argument", name));
    }
    Ok(actor)
}

/// The correlation id argument.
pub fn correlation_arg(correlation_id: Option<Uuid>) -> Option<CorrelationId> {
    correlation_id.map(CorrelationId::from_pg)
}

/// A path argument.
pub fn path_arg(name: &str, path: Option<&str>) -> Result<FilePath> {
    FilePath::parse(required(name, path)?).map_err(|error| error.with("argument", name))
}

/// A name people read, see [`name::fault`]: 1 to `longest` characters.
pub fn name_arg<'a>(name: &str, value: Option<&'a str>, longest: usize) -> Result<&'a str> {
    let value = text_arg(name, value, longest)?;
    match name::fault(value) {
        None => Ok(value),
        Some(fault) => Err(Error::validation(format!("{name} {fault}")).with("argument", name)),
    }
}

/// A line of text: 1 to `longest` characters, not only blanks, no control characters.
pub fn text_arg<'a>(name: &str, value: Option<&'a str>, longest: usize) -> Result<&'a str> {
    /// Bytes of the longest character.
    const CHARACTER: usize = 4;
    let value = required(name, value)?;
    let is_long = value.len() > CHARACTER * longest;
    if !is_long && value.trim().is_empty() {
        return Err(Error::validation(format!("{name} must not be empty")).with("argument", name));
    }
    if is_long || value.chars().count() > longest {
        return Err(Error::validation(format!("{name} must have at most {longest} characters"))
            .with("argument", name));
    }
    if value.chars().any(char::is_control) {
        return Err(
            Error::validation(format!("{name} must not contain control characters")).with("argument", name)
        );
    }
    Ok(value)
}

/// What somebody is called: not like the built-in actor.
pub fn display_name_arg<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str> {
    let value = name_arg(name, value, person::MAX_NAME)?;
    if person::is_reserved(value) {
        return Err(Error::validation("nobody else can be called system").with("argument", name));
    }
    Ok(value)
}

/// A file type: a line of text, or absent.
pub fn file_type_arg(name: &str, value: Option<&str>) -> Result<Option<String>> {
    value.map(|value| text_arg(name, Some(value), 255).map(str::to_owned)).transpose()
}

/// A message of a bundle: any text of at most 64 KiB, or absent.
pub fn message_arg(value: Option<&str>) -> Result<Option<String>> {
    value.map(|text| long_text_arg("message", text).map(str::to_owned)).transpose()
}

/// Any text of at most 64 KiB.
pub fn long_text_arg<'a>(name: &str, text: &'a str) -> Result<&'a str> {
    const LONGEST: usize = 64 << 10;
    if text.len() > LONGEST {
        return Err(Error::limit(format!("{name} is longer than 64 KiB"), LONGEST).with("argument", name));
    }
    Ok(text)
}

/// A length of time, in microseconds; `says` words what is allowed.
pub fn interval_arg(
    name: &str,
    value: Option<Interval>,
    allowed: RangeInclusive<i128>,
    says: &str,
) -> Result<Micros> {
    let micros = required(name, value)?.as_micros();
    if !allowed.contains(&micros) {
        return Err(Error::validation(format!("{name} must be {says}")).with("argument", name));
    }
    Ok(micros as Micros)
}

/// A number that is not negative (22023).
pub fn natural<N: Default + PartialOrd>(argument: &str, number: N) -> Result<N> {
    if number < N::default() {
        return Err(Error::validation(format!("{argument} must not be negative")).with("argument", argument));
    }
    Ok(number)
}

/// How many rows a reader may return.
pub fn page_arg(name: &str, value: Option<i32>, largest: i32) -> Result<i64> {
    let value = required(name, value)?;
    if !(1..=largest).contains(&value) {
        return Err(Error::validation(format!("{name} must be from 1 to {largest}")).with("argument", name));
    }
    Ok(i64::from(value))
}
