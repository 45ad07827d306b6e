//! Arguments as PostgreSQL takes them.

use postgres::types::{ToSql, Type};
use quire_core::id::{
    ActorId, ConflictId, CorrelationId, JobId, ProjectId, QuarantineId, SessionId, SnapshotId, TokenId,
    UploadId,
};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// A value, with the type that is declared for it and what stands around it in the statement.
pub(crate) struct Parameter<'a> {
    pub(crate) value: Box<dyn ToSql + Sync + 'a>,
    pub(crate) kind: Type,
    pub(crate) before: &'static str,
    pub(crate) after: &'static str,
}

impl<'a> Parameter<'a> {
    fn new(value: impl ToSql + Sync + 'a, kind: Type) -> Self {
        Self { value: Box::new(value), kind, before: "", after: "" }
    }
}

/// What may be an argument of a call.
pub(crate) trait Argument<'a> {
    fn into_parameter(self) -> Parameter<'a>;
}

macro_rules! arguments {
    ($($argument:ty => $kind:ident),* $(,)?) => {
        $(impl<'a> Argument<'a> for $argument {
            fn into_parameter(self) -> Parameter<'a> {
                Parameter::new(self, Type::$kind)
            }
        })*
    };
}

arguments!(
    &'a str => TEXT,
    &'a [u8] => BYTEA,
    &'a Value => JSONB,
    Option<&'a Value> => JSONB,
    Option<&'a [u8]> => BYTEA,
    &'a [&'a str] => TEXT_ARRAY,
    &'a [&'a [u8]] => BYTEA_ARRAY,
    bool => BOOL,
    i32 => INT4,
    i64 => INT8,
    Option<i64> => INT8,
    SystemTime => TIMESTAMPTZ,
);

macro_rules! ids {
    ($($id:ident),* $(,)?) => {
        $(impl<'a> Argument<'a> for $id {
            fn into_parameter(self) -> Parameter<'a> {
                Parameter::new(self.0, Type::UUID)
            }
        })*
    };
}

ids!(
    ActorId,
    ConflictId,
    CorrelationId,
    JobId,
    ProjectId,
    QuarantineId,
    SessionId,
    SnapshotId,
    TokenId,
    UploadId
);

impl<'a> Argument<'a> for Duration {
    fn into_parameter(self) -> Parameter<'a> {
        let seconds = Parameter::new(self.as_secs_f64(), Type::FLOAT8);
        Parameter { before: "pg_catalog.make_interval(secs => ", after: ")", ..seconds }
    }
}

/// The name of a table or view as SQL writes it, with its schema if the search path does not lead to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relation<'a>(pub &'a str);

impl<'a> Argument<'a> for Relation<'a> {
    fn into_parameter(self) -> Parameter<'a> {
        Parameter { after: "::pg_catalog.regclass", ..Parameter::new(self.0, Type::TEXT) }
    }
}

/// The name of a column as it is in the catalog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column<'a>(pub &'a str);

impl<'a> Argument<'a> for Column<'a> {
    fn into_parameter(self) -> Parameter<'a> {
        Parameter::new(self.0, Type::NAME)
    }
}
