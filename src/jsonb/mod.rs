//! `jsonb` arguments and results. An argument is read when a function asks for it, after the gate. PostgreSQL accepts JSON that Rust
//! does not (deeper nesting, larger numbers); such an argument is an error value that becomes 22023, where pgrx's own type would
//! panic.

mod read;

pub use read::{Container, Numbers};

use crate::error::{Error, Result};
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum};
use pgrx::nullable::Nullable;
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use read::Root;
use serde_json::Value;

/// A `jsonb` argument, as the caller gave it: nothing of it has been read.
pub struct JsonArg(pg_sys::Datum);

impl JsonArg {
    /// The JSON, or 22023 naming the argument.
    pub fn parsed(&self, argument: &str) -> Result<Value> {
        self.root(Numbers::Nearest).and_then(Root::value).map_err(|error| error.with("argument", argument))
    }

    /// The JSON, of which values are kept: 22023 also when a number would not come back as it is.
    pub fn exact(&self, argument: &str) -> Result<Value> {
        self.root(Numbers::Exact).and_then(Root::value).map_err(|error| error.with("argument", argument))
    }

    /// The elements of an array, one after the other; 22023 when it is none.
    pub fn items(&self, argument: &str, numbers: Numbers) -> Result<Items<'_>> {
        match self.root(numbers) {
            Ok(Root::Container(container)) if !container.is_object => {
                Ok(Items { container, argument: argument.to_owned(), of: std::marker::PhantomData })
            }
            Ok(_) => {
                Err(Error::validation(format!("{argument} must be a JSON array")).with("argument", argument))
            }
            Err(error) => Err(error.with("argument", argument)),
        }
    }

    /// The members of an object, one after the other; `None` when it is none.
    pub fn members(&self) -> Result<Option<Container>> {
        Ok(match self.root(Numbers::Nearest)? {
            Root::Container(container) if container.is_object => Some(container),
            _ => None,
        })
    }

    /// As it is stored, to be handed on.
    pub fn stored(&self) -> JsonDatum {
        // SAFETY: the argument lives as long as the call.
        let copy = unsafe { JsonDatum::from_polymorphic_datum(self.0, false, pg_sys::JSONBOID) };
        copy.expect("it is not null")
    }

    fn root(&self, numbers: Numbers) -> Result<Root> {
        // SAFETY: the datum is a jsonb, which is detoasted into memory that lives as long as the call.
        unsafe { Root::of(pg_sys::pg_detoast_datum(self.0.cast_mut_ptr()).cast(), numbers) }
    }
}

/// The elements of an array.
pub struct Items<'a> {
    container: Container,
    argument: String,
    of: std::marker::PhantomData<&'a JsonArg>,
}

impl Items<'_> {
    /// How many there are.
    pub fn total(&self) -> usize {
        self.container.count
    }
}

impl Iterator for Items<'_> {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.container.next_element().transpose()?;
        Some(next.map_err(|error| error.with("argument", self.argument.as_str())))
    }
}

impl FromDatum for JsonArg {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
        (!is_null).then_some(JsonArg(datum))
    }
}

/// A `jsonb` that is handed on as it is stored, without being read.
pub struct JsonDatum(Vec<u8>);

impl FromDatum for JsonDatum {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the datum is a varlena; detoasted, it is as many bytes long as its header says.
        unsafe {
            let whole = pg_sys::pg_detoast_datum(datum.cast_mut_ptr());
            let bytes = std::slice::from_raw_parts(whole.cast::<u8>(), pgrx::varlena::varsize_any(whole));
            Some(JsonDatum(bytes.to_vec()))
        }
    }
}

impl IntoDatum for JsonDatum {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        // SAFETY: the new allocation is as long as what is copied into it.
        unsafe {
            let copy = pg_sys::palloc(self.0.len()).cast::<u8>();
            std::ptr::copy_nonoverlapping(self.0.as_ptr(), copy, self.0.len());
            Some(pg_sys::Datum::from(copy))
        }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}

// SAFETY: into_datum makes a jsonb in the current memory context.
unsafe impl BoxRet for JsonDatum {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match self.into_datum() {
            // SAFETY: as above.
            Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
            None => fcinfo.return_null(),
        }
    }
}

// SAFETY: jsonb in SQL.
unsafe impl SqlTranslatable for JsonDatum {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(JsonDatum);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("jsonb"));
    const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
}

// SAFETY: the SQL type is jsonb, whose datum from_polymorphic_datum reads.
unsafe impl<'fcx> ArgAbi<'fcx> for JsonArg {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: passed on; NULL is handled by unbox_nullable_arg.
        unsafe { arg.unbox_arg_using_from_datum() }.expect("an argument that may be null is unboxed as one")
    }

    unsafe fn unbox_nullable_arg(arg: Arg<'_, 'fcx>) -> Nullable<Self> {
        // SAFETY: passed on.
        unsafe { arg.unbox_arg_using_from_datum().into() }
    }
}

// SAFETY: jsonb in SQL.
unsafe impl SqlTranslatable for JsonArg {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(JsonArg);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("jsonb"));
    const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
}
