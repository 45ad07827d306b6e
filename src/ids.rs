//! Identifiers as PostgreSQL has them.

use pgrx::Uuid as PgUuid;
pub use quire_core::id::*;
use uuid::Uuid;

/// What has a form that PostgreSQL knows.
pub trait Pg: Sized {
    /// That form.
    type Form;

    /// From PostgreSQL's form.
    fn from_pg(form: Self::Form) -> Self;

    /// As PostgreSQL has it.
    fn pg(self) -> Self::Form;
}

impl Pg for Uuid {
    type Form = PgUuid;

    fn from_pg(form: PgUuid) -> Self {
        Self::from_bytes(*form.as_bytes())
    }

    fn pg(self) -> PgUuid {
        PgUuid::from_bytes(*self.as_bytes())
    }
}

macro_rules! numbers {
    ($($name:ident($number:ty)),*) => {
        $(impl Pg for $name {
            type Form = $number;

            fn from_pg(form: $number) -> Self {
                Self(form)
            }

            fn pg(self) -> $number {
                self.0
            }
        })*
    };
}
numbers!(DocId(i64), FileId(i32), Seq(i64), Version(i32));

macro_rules! uuids {
    ($($(#[$_doc:meta])* $name:ident),* $(,)?) => {
        $(impl Pg for $name {
            type Form = PgUuid;

            fn from_pg(form: PgUuid) -> Self {
                Self(Uuid::from_pg(form))
            }

            fn pg(self) -> PgUuid {
                self.0.pg()
            }
        })*
    };
}
quire_core::with_uuid_ids!(uuids);
