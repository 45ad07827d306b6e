//! `jsonb` arguments. PostgreSQL accepts JSON that Rust's reader does not (deeper nesting, larger numbers); such an
//! argument is an error value that becomes 22023, where pgrx's own type would panic.

use crate::error::{Error, Result};
use crate::pure::json::inexact_number;
use crate::pure::path::shorten;
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum};
use pgrx::nullable::Nullable;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{direct_function_call, pg_sys};
use serde_json::Value;
use std::ffi::CStr;

/// A `jsonb` argument, parsed.
pub struct JsonArg {
    parsed: Result<Value>,
    /// The first number that Rust holds as another one.
    inexact: Option<String>,
}

impl JsonArg {
    /// The JSON, or 22023 naming the argument.
    pub fn parsed(self, argument: &str) -> Result<Value> {
        self.parsed.map_err(|error| error.with("argument", argument))
    }

    /// The JSON, of which values are kept: 22023 also when a number would not come back as it is.
    pub fn exact(self, argument: &str) -> Result<Value> {
        match &self.inexact {
            None => self.parsed(argument),
            Some(number) => {
                Err(Error::validation(format!("a double cannot hold the number {}", shorten(number)))
                    .with("argument", argument)
                    .hint("pass it as a string"))
            }
        }
    }
}

impl FromDatum for JsonArg {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the datum is a jsonb, which jsonb_out detoasts and prints.
        let text = unsafe { direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(datum)]) }?;
        let parsed = serde_json::from_slice(text.to_bytes())
            .map_err(|error| Error::validation(format!("unreadable json: {error}").to_lowercase()));
        let inexact = text.to_str().ok().and_then(inexact_number).map(str::to_owned);
        // SAFETY: jsonb_out returned a palloc'ed copy that nothing refers to any more.
        unsafe { pg_sys::pfree(text.as_ptr().cast_mut().cast()) };
        Some(JsonArg { parsed, inexact })
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
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or_else(|| JsonArg {
            parsed: Err(Error::internal("a jsonb argument is null")),
            inexact: None,
        })
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
