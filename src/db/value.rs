//! What a column of a result is read as.

use crate::ids::Pg;
use pgrx::JsonB;
use pgrx::Uuid as PgUuid;
use pgrx::datum::{FromDatum, IntoDatum, TimestampWithTimeZone};
use pgrx::pg_sys::Oid;
use quire_core::error::Result;
use quire_core::hash::Hash;

/// A type that the value of a column is read as.
pub trait Value: Sized {
    /// As PostgreSQL hands it out.
    type Stored: FromDatum + IntoDatum;

    /// Of a value that is not NULL.
    fn from_stored(stored: Self::Stored) -> Result<Self>;
}

/// What is handed on as it is.
macro_rules! as_it_is {
    ($($kind:ty),*) => {
        $(impl Value for $kind {
            type Stored = Self;

            fn from_stored(stored: Self) -> Result<Self> {
                Ok(stored)
            }
        })*
    };
}
as_it_is!(
    bool,
    i16,
    i32,
    i64,
    f64,
    String,
    &str,
    &[u8],
    Vec<u8>,
    Vec<String>,
    Vec<Option<String>>,
    Vec<i32>,
    Vec<i64>,
    Vec<Option<i64>>,
    JsonB,
    Oid,
    PgUuid,
    TimestampWithTimeZone
);

impl<T: Pg> Value for T
where
    T::Form: FromDatum + IntoDatum,
{
    type Stored = T::Form;

    fn from_stored(stored: T::Form) -> Result<Self> {
        Ok(T::from_pg(stored))
    }
}

impl Value for Hash {
    /// Read at once.
    type Stored = &'static [u8];

    fn from_stored(stored: &'static [u8]) -> Result<Self> {
        Hash::from_bytes(stored)
    }
}
