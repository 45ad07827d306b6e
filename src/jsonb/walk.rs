//! Reading `jsonb` value by value, without printing it: PostgreSQL's text of a few bytes of `jsonb` can be very long.

use crate::memory::Held;
use pgrx::direct_function_call;
use pgrx::pg_sys::{self, JsonbValue, jbvType};
use quire_core::error::{Error, Result};
use quire_core::interrupt;
use quire_core::json::{inexact_number, too_deep};
use quire_core::text::shorten;
use serde_json::{Map, Number, Value};
use std::ffi::CStr;

/// Most values in one tree: a megabyte of canonical text, the longest value that is kept, has half a million.
const MAX_VALUES: usize = 600_000;
/// Deepest nesting, that of the readers of JSON text.
const MAX_DEPTH: usize = 127;
/// Longest `jsonb` that is printed to tell where it is too deep.
const SHORT: usize = 8 << 10;

/// A `jsonb`, detoasted, on its way to values.
pub struct Walk {
    whole: *mut pg_sys::varlena,
    is_copy: bool,
    next: *mut pg_sys::JsonbIterator,
    /// Refuse numbers that a double cannot hold.
    exact: bool,
    values: usize,
    _held: Held,
}

/// What comes next.
pub enum JsonToken {
    Array { length: usize, is_scalar: bool },
    Object,
    End,
    Key(String),
    Scalar(Value),
}

impl Walk {
    /// Begins at the whole.
    ///
    /// # Safety
    ///
    /// The datum is a `jsonb` that stays where it is.
    pub unsafe fn new(datum: pg_sys::Datum, exact: bool) -> Result<Self> {
        // SAFETY: the caller's; what was detoasted lives until it is freed below, or with the memory context of the call.
        unsafe {
            let size = pg_sys::toast_raw_datum_size(datum);
            interrupt::room(size)?;
            let given = datum.cast_mut_ptr::<pg_sys::varlena>();
            let whole = pg_sys::pg_detoast_datum(given);
            let root = &raw mut (*whole.cast::<pg_sys::Jsonb>()).root;
            let is_copy = !std::ptr::eq(whole, given);
            let held = Held::bytes(if is_copy { size } else { 0 });
            let next = pg_sys::JsonbIteratorInit(root);
            Ok(Self { whole, is_copy, next, exact, values: 0, _held: held })
        }
    }

    /// The next token.
    pub fn token(&mut self) -> Result<JsonToken> {
        let mut value = JsonbValue::default();
        // SAFETY: the iterator was made from a jsonb that is still there; what it gives out points into that.
        unsafe {
            match pg_sys::JsonbIteratorNext(&mut self.next, &mut value, false) {
                pg_sys::JsonbIteratorToken::WJB_BEGIN_ARRAY => Ok(JsonToken::Array {
                    length: usize::try_from(value.val.array.nElems).unwrap_or_default(),
                    is_scalar: value.val.array.rawScalar,
                }),
                pg_sys::JsonbIteratorToken::WJB_BEGIN_OBJECT => Ok(JsonToken::Object),
                pg_sys::JsonbIteratorToken::WJB_KEY => Ok(JsonToken::Key(text(&value)?.to_owned())),
                pg_sys::JsonbIteratorToken::WJB_ELEM | pg_sys::JsonbIteratorToken::WJB_VALUE => {
                    self.scalar(&value).map(JsonToken::Scalar)
                }
                _ => Ok(JsonToken::End),
            }
        }
    }

    /// Starts the count of values anew: the next tree is another one.
    pub fn begin(&mut self) {
        self.values = 0;
    }

    /// The tree that begins with a token; `depth` counts what it is in.
    pub fn tree(&mut self, token: JsonToken, depth: usize) -> Result<Value> {
        interrupt::step()?;
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Error::limit("the json has too many values", MAX_VALUES));
        }
        if depth >= MAX_DEPTH && !matches!(token, JsonToken::Scalar(_)) {
            return Err(self.too_deep());
        }
        match token {
            JsonToken::Scalar(value) => Ok(value),
            JsonToken::Array { is_scalar, .. } => {
                let mut items = Vec::new();
                loop {
                    match self.token()? {
                        JsonToken::End => break,
                        token => items.push(self.tree(token, depth + 1)?),
                    }
                }
                match items.pop() {
                    Some(value) if is_scalar => Ok(value),
                    last => {
                        items.extend(last);
                        Ok(Value::Array(items))
                    }
                }
            }
            JsonToken::Object => {
                let mut members = Map::new();
                while let JsonToken::Key(key) = self.token()? {
                    let token = self.token()?;
                    members.insert(key, self.tree(token, depth + 1)?);
                }
                Ok(Value::Object(members))
            }
            JsonToken::Key(_) | JsonToken::End => {
                Err(Error::internal("a jsonb has no value where one should be"))
            }
        }
    }

    fn scalar(&self, value: &JsonbValue) -> Result<Value> {
        // SAFETY: the type says which member of the union is there; numeric_out returns a palloc'ed copy, freed here.
        unsafe {
            match value.type_ {
                jbvType::jbvNull => Ok(Value::Null),
                jbvType::jbvBool => Ok(Value::Bool(value.val.boolean)),
                jbvType::jbvString => text(value).map(Value::from),
                jbvType::jbvNumeric if is_out_of_range(value.val.numeric) => Err(unreadable("1e999")),
                jbvType::jbvNumeric => {
                    let datum = pg_sys::Datum::from(value.val.numeric);
                    let printed = direct_function_call::<&CStr>(pg_sys::numeric_out, &[Some(datum)])
                        .ok_or_else(|| Error::internal("a number has no text"))?;
                    let number = self.number(&printed.to_string_lossy());
                    pg_sys::pfree(printed.as_ptr().cast_mut().cast());
                    number
                }
                _ => Err(Error::internal("a jsonb holds an unknown kind of value")),
            }
        }
    }

    fn number(&self, printed: &str) -> Result<Value> {
        let number: Number = serde_json::from_str(printed).map_err(|_| unreadable(printed))?;
        match inexact_number(printed).filter(|_| self.exact) {
            None => Ok(Value::Number(number)),
            Some(number) => {
                Err(Error::validation(format!("a double cannot hold the number {}", shorten(number)))
                    .hint("pass it as a string"))
            }
        }
    }

    /// Says where, if the whole is short.
    fn too_deep(&self) -> Error {
        // SAFETY: the whole is a jsonb as long as its header says, which jsonb_out prints into memory of its own.
        let printed = unsafe {
            (pgrx::varlena::varsize_any(self.whole) <= SHORT)
                .then(|| direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(self.whole.into())]))
                .flatten()
        };
        too_deep(printed.map_or(&[], CStr::to_bytes))
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        if self.is_copy {
            // SAFETY: it was made by pg_detoast_datum, and nothing refers to it any more.
            unsafe { pg_sys::pfree(self.whole.cast()) };
        }
    }
}

/// Whether a number is so large that no double comes near, by how it is stored: printed, it may have 131,072 digits.
///
/// # Safety
///
/// The pointer is to a numeric of a jsonb: a header of four bytes, then flags, the scale and the weight.
unsafe fn is_out_of_range(numeric: pg_sys::Numeric) -> bool {
    const IS_SHORT: u16 = 0x8000;
    /// Four digits each before the point: more than the 309 of the largest double.
    const MAX_WEIGHT: i16 = 77;
    // SAFETY: the caller's; a number that is not short has its weight behind the flags.
    unsafe {
        let start = numeric.cast::<u8>().add(pg_sys::VARHDRSZ);
        let flags = start.cast::<u16>().read_unaligned();
        flags & IS_SHORT == 0 && start.add(2).cast::<i16>().read_unaligned() > MAX_WEIGHT
    }
}

/// The text of a key or a string.
///
/// # Safety
///
/// The value is one.
unsafe fn text(value: &JsonbValue) -> Result<&str> {
    // SAFETY: the caller's.
    let bytes = unsafe {
        let string = value.val.string;
        std::slice::from_raw_parts(string.val.cast::<u8>(), usize::try_from(string.len).unwrap_or_default())
    };
    std::str::from_utf8(bytes).map_err(|_| Error::validation("unreadable json: it is not UTF-8"))
}

fn unreadable(number: &str) -> Error {
    let reason = serde_json::from_str::<Number>(number).err().map(|error| error.to_string());
    Error::validation(format!("unreadable json: {}", reason.unwrap_or_default()).to_lowercase())
}
