//! Results as Rust has them.

use crate::error::{Error, Result};
use postgres::Row;
use postgres::types::FromSql;
use quire_core::id::*;
use quire_core::timestamp::parse_rfc3339;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// What a function returns.
pub(crate) trait Answer: Sized {
    /// The columns that are read. None of a function that returns one value.
    const COLUMNS: &'static [&'static str] = &[];

    fn from_rows(rows: Vec<Row>) -> Result<Self>;
}

/// What a row becomes.
pub(crate) trait FromRow: Sized {
    const COLUMNS: &'static [&'static str];

    fn from_row(row: &Row) -> Result<Self>;
}

impl<T: FromRow> Answer for Vec<T> {
    const COLUMNS: &'static [&'static str] = T::COLUMNS;

    fn from_rows(rows: Vec<Row>) -> Result<Self> {
        rows.iter().map(T::from_row).collect()
    }
}

/// What is in one column.
pub(crate) trait FromColumn: Sized {
    fn from_column(row: &Row, column: &str) -> Result<Self>;
}

fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T> {
    row.try_get(column).map_err(|error| Error::Answer(format!("{column}: {error}")))
}

macro_rules! columns {
    ($($column:ty),* $(,)?) => {
        $(impl FromColumn for $column {
            fn from_column(row: &Row, column: &str) -> Result<Self> {
                get(row, column)
            }
        }

        impl FromColumn for Option<$column> {
            fn from_column(row: &Row, column: &str) -> Result<Self> {
                get(row, column)
            }
        })*
    };
}

columns!(bool, i32, i64, String, Value, SystemTime, Vec<u8>, Vec<String>, Vec<Vec<u8>>);

macro_rules! ids {
    ($($(#[$_doc:meta])* $id:ident),* $(,)?) => {
        $(impl FromColumn for $id {
            fn from_column(row: &Row, column: &str) -> Result<Self> {
                get(row, column).map(Self)
            }
        }

        impl FromColumn for Option<$id> {
            fn from_column(row: &Row, column: &str) -> Result<Self> {
                Ok(get::<Option<Uuid>>(row, column)?.map($id))
            }
        })*
    };
}

quire_core::with_uuid_ids!(ids);

/// The name of the column of a function that returns one value.
pub(crate) const VALUE: &str = "value";

/// The one row of an answer.
pub(crate) fn only(rows: Vec<Row>) -> Result<Row> {
    rows.into_iter().next().ok_or_else(|| Error::Answer("no row".to_owned()))
}

/// An object of JSON.
pub(crate) fn object<T: DeserializeOwned>(rows: Vec<Row>) -> Result<T> {
    let value: Value = get(&only(rows)?, VALUE)?;
    serde_json::from_value(value).map_err(|error| Error::Answer(error.to_string()))
}

macro_rules! values {
    ($($value:ty),* $(,)?) => {
        $(impl Answer for $value {
            fn from_rows(rows: Vec<Row>) -> Result<Self> {
                FromColumn::from_column(&only(rows)?, VALUE)
            }
        })*
    };
}

values!(
    i64,
    String,
    SystemTime,
    Value,
    Vec<u8>,
    Option<Vec<u8>>,
    Vec<String>,
    Vec<Vec<u8>>,
    ActorId,
    JobId,
    KeyId,
    ProjectId,
    UploadId
);

impl Answer for () {
    fn from_rows(rows: Vec<Row>) -> Result<Self> {
        only(rows).map(|_| ())
    }
}

/// A time in JSON.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    let at = parse_rfc3339(&text).ok_or_else(|| D::Error::custom(format!("{text} is no time")))?;
    let distance = Duration::from_micros(at.unsigned_abs());
    if at < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
        .ok_or_else(|| D::Error::custom(format!("{text} is out of range")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct At {
        #[serde(deserialize_with = "time")]
        at: SystemTime,
    }

    fn at(text: &str) -> Option<SystemTime> {
        serde_json::from_value(serde_json::json!({ "at": text })).ok().map(|read: At| read.at)
    }

    #[test]
    fn times_of_json_are_times() {
        assert_eq!(at("1970-01-01T00:00:01.5Z"), Some(UNIX_EPOCH + Duration::from_millis(1500)));
        assert_eq!(at("1970-01-01T01:00:00.25+01:00"), Some(UNIX_EPOCH + Duration::from_millis(250)));
        assert_eq!(at("1969-12-31T23:59:59Z"), Some(UNIX_EPOCH - Duration::from_secs(1)));
        assert_eq!(at("yesterday"), None);
    }
}
