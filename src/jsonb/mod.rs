//! `jsonb` arguments, which are read after the gate and as far as they are asked for: whole, or item by item, so that what is
//! made of them does not take many times their size. PostgreSQL accepts JSON that Rust's reader does not (deeper nesting,
//! larger numbers); such an argument is an error value that becomes 22023, where pgrx's own type would panic.

mod build;
mod walk;

pub use build::{Json, JsonPathText, JsonText};

use crate::args::{lazy_arg, result_type};
use crate::db;
use pgrx::datum::{DatumWithOid, FromDatum, IntoDatum};
use pgrx::pg_sys;
use quire_core::error::{Error, Result};
use serde_json::{Map, Value};
use walk::{JsonToken, Walk};

/// Longest `jsonb` that says what somebody wants, such as a filter or settings, in bytes as it is stored: twice the longest value
/// that is kept.
const MAX_REQUEST_BYTES: usize = 2 << 20;
/// Longest `jsonb` of which one value is made: many times the longest that is kept, whose text may be shorter.
const MAX_STORED_VALUE_BYTES: usize = 32 << 20;

/// A `jsonb` argument, as it came.
#[derive(Clone, Copy)]
pub struct JsonArg(pg_sys::Datum);

impl JsonArg {
    /// The JSON, or 22023 naming the argument; PT413 when it is too long for what somebody wants.
    pub fn parsed(self, argument: &str) -> Result<Value> {
        self.bounded(argument, MAX_REQUEST_BYTES)?;
        self.tree(false).map_err(|error| error.with("argument", argument))
    }

    /// The JSON, which is kept as a value: 22023 also when a number would not come back as it is.
    pub fn value(self, argument: &str) -> Result<Value> {
        self.bounded(argument, MAX_STORED_VALUE_BYTES)?;
        self.exact(argument)
    }

    /// The JSON, of which values are kept, however long it is.
    pub fn exact(self, argument: &str) -> Result<Value> {
        self.tree(true).map_err(|error| error.with("argument", argument))
    }

    /// The JSON, of which a document is made, however long it is. Of a number that neither 64 bits nor a double can hold it is the
    /// nearest double.
    pub fn document(self, argument: &str) -> Result<Value> {
        self.tree(false).map_err(|error| error.with("argument", argument))
    }

    fn bounded(self, argument: &str, most: usize) -> Result<()> {
        // SAFETY: the datum of an argument; where it is stored elsewhere, its size is here.
        let size = unsafe { pg_sys::toast_raw_datum_size(self.0) };
        if size > most {
            return Err(Error::limit(format!("{argument} is too long"), most).with("argument", argument));
        }
        Ok(())
    }

    fn tree(self, exact: bool) -> Result<Value> {
        // SAFETY: the datum of an argument, which stays for the length of the call.
        let mut walk = unsafe { Walk::new(self.0, exact) }?;
        let token = walk.token()?;
        walk.tree(token, 0)
    }

    /// What it is, of a list and an object without what is in them.
    pub fn outside(self) -> Result<Value> {
        // SAFETY: as above.
        let mut walk = unsafe { Walk::new(self.0, false) }?;
        match walk.token()? {
            JsonToken::Object => Ok(Value::Object(Map::new())),
            JsonToken::Array { is_scalar: false, .. } => Ok(Value::Array(Vec::new())),
            _ => match walk.token()? {
                JsonToken::Scalar(value) => Ok(value),
                _ => Err(Error::internal("a jsonb has no value where one should be")),
            },
        }
    }

    /// Its items, one at a time, as in [`JsonArg::parsed`]; 22023 if it is no array.
    pub fn items(self, argument: &'static str) -> Result<Items> {
        self.array(argument, false)
    }

    /// Its items, one at a time, as in [`JsonArg::exact`].
    pub fn exact_items(self, argument: &'static str) -> Result<Items> {
        self.array(argument, true)
    }

    fn array(self, argument: &'static str, exact: bool) -> Result<Items> {
        // SAFETY: as above.
        let mut walk = unsafe { Walk::new(self.0, exact) }?;
        match walk.token()? {
            JsonToken::Array { length, is_scalar: false } => Ok(Items { argument, walk, length }),
            _ => {
                Err(Error::validation(format!("{argument} must be a JSON array")).with("argument", argument))
            }
        }
    }

    /// Its members, one at a time; `None` if it is no object.
    pub fn members(self, argument: &'static str) -> Result<Option<JsonbMembers>> {
        // SAFETY: as above.
        let mut walk = unsafe { Walk::new(self.0, false) }?;
        let is_object = matches!(walk.token()?, JsonToken::Object);
        Ok(is_object.then_some(JsonbMembers { argument, walk }))
    }

    /// As it came, for a statement.
    pub fn arg<'a>(self) -> db::Arg<'a> {
        // SAFETY: the datum is a jsonb, which stays for the length of the call.
        unsafe { DatumWithOid::new(self.0, pg_sys::JSONBOID) }
    }
}

/// The items of an array.
pub struct Items {
    argument: &'static str,
    walk: Walk,
    /// How many are still to come.
    length: usize,
}

impl Iterator for Items {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        self.walk.begin();
        let item = match self.walk.token() {
            Ok(JsonToken::End) => return None,
            token => token.and_then(|token| self.walk.tree(token, 1)),
        };
        self.length = self.length.saturating_sub(1);
        Some(item.map_err(|error| error.with("argument", self.argument)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.length, Some(self.length))
    }
}

impl ExactSizeIterator for Items {}

/// The members of an object.
pub struct JsonbMembers {
    argument: &'static str,
    walk: Walk,
}

impl Iterator for JsonbMembers {
    type Item = Result<(String, Value)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.walk.begin();
        let member = match self.walk.token() {
            Ok(JsonToken::Key(key)) => {
                self.walk.token().and_then(|token| self.walk.tree(token, 1)).map(|value| (key, value))
            }
            Ok(_) => return None,
            Err(error) => Err(error),
        };
        Some(member.map_err(|error| error.with("argument", self.argument)))
    }
}

lazy_arg!(JsonArg, "jsonb");

/// A `jsonb` that is handed on as it is stored, without being read.
pub struct JsonDatum(Vec<u8>);

impl JsonDatum {
    /// The JSON.
    pub fn tree(self) -> Result<Value> {
        let datum = self.into_datum().ok_or_else(|| Error::internal("a stored json is absent"))?;
        JsonArg(datum).tree(false)
    }
}

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

impl db::Value for JsonDatum {
    type Stored = Self;

    fn from_stored(stored: Self) -> Result<Self> {
        Ok(stored)
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

result_type!(JsonDatum, "jsonb");

/// A `jsonb` that is stored, or one that is made.
pub enum AnyJson {
    /// As it is stored.
    Stored(JsonDatum),
    /// Made here.
    New(Value),
}

impl IntoDatum for AnyJson {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        match self {
            AnyJson::Stored(stored) => stored.into_datum(),
            AnyJson::New(value) => Json(value).into_datum(),
        }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}
result_type!(AnyJson, "jsonb");
