//! `jsonb` that is made from a value, without being printed and parsed in between.

use crate::args::result_type;
use pgrx::datum::IntoDatum;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, JsonbPair, JsonbValue, jbvType};
use pgrx::{AnyNumeric, direct_function_call_as_datum};
use serde_json::{Number, Value};
use std::ffi::{CString, c_int};

// PostgreSQL's utils/jsonb.h, which pgrx does not bind.
unsafe extern "C-unwind" {
    fn JsonbValueToJsonb(value: *mut JsonbValue) -> *mut pg_sys::Jsonb;
}

/// A value that is handed out as `jsonb`.
pub struct Json(pub Value);

/// What the parts of a value stand in while PostgreSQL reads them.
#[derive(Default)]
struct Parts {
    items: Vec<Vec<JsonbValue>>,
    pairs: Vec<Vec<JsonbPair>>,
}

impl Parts {
    /// A value as PostgreSQL takes it. Texts stay where they are.
    fn of(&mut self, value: &Value) -> JsonbValue {
        let mut made = JsonbValue::default();
        match value {
            Value::Null => made.type_ = jbvType::jbvNull,
            Value::Bool(is) => {
                made.type_ = jbvType::jbvBool;
                made.val.boolean = *is;
            }
            Value::Number(number) => {
                made.type_ = jbvType::jbvNumeric;
                made.val.numeric = numeric(number);
            }
            Value::String(text) => made = string(text),
            Value::Array(items) => {
                let mut items: Vec<JsonbValue> = items.iter().map(|item| self.of(item)).collect();
                made.type_ = jbvType::jbvArray;
                made.val.array.nElems = items.len() as c_int;
                made.val.array.elems = items.as_mut_ptr();
                made.val.array.rawScalar = false;
                self.items.push(items);
            }
            Value::Object(members) => {
                let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
                // PostgreSQL's order.
                sorted.sort_unstable_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
                let mut pairs: Vec<JsonbPair> = sorted
                    .into_iter()
                    .map(|(key, value)| JsonbPair { key: string(key), value: self.of(value), order: 0 })
                    .collect();
                made.type_ = jbvType::jbvObject;
                made.val.object.nPairs = pairs.len() as c_int;
                made.val.object.pairs = pairs.as_mut_ptr();
                self.pairs.push(pairs);
            }
        }
        made
    }
}

fn string(text: &str) -> JsonbValue {
    let mut made = JsonbValue { type_: jbvType::jbvString, ..JsonbValue::default() };
    made.val.string.len = text.len() as c_int;
    made.val.string.val = text.as_ptr().cast_mut().cast();
    made
}

/// In the current memory context.
fn numeric(number: &Number) -> pg_sys::Numeric {
    let made = match number.as_i64() {
        // SAFETY: int8_numeric takes an int8 and returns a numeric.
        Some(integer) => unsafe {
            direct_function_call_as_datum(pg_sys::int8_numeric, &[integer.into_datum()])
        },
        None => AnyNumeric::try_from(number.to_string().as_str()).ok().and_then(IntoDatum::into_datum),
    };
    made.map_or(std::ptr::null_mut(), |datum| datum.cast_mut_ptr())
}

impl IntoDatum for Json {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        let mut parts = Parts::default();
        let mut value = parts.of(&self.0);
        // SAFETY: the value's parts live until PostgreSQL has copied them; an error of its own, such as one of a text that is too
        // long, unwinds. A value that is no array or object is one of its own accord.
        let made = unsafe { pg_guard_ffi_boundary(|| JsonbValueToJsonb(&mut value)) };
        Some(pg_sys::Datum::from(made))
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}

result_type!(Json, "jsonb");

/// The text of a value that is handed on as `jsonb`, as a cast does it.
pub struct JsonText<'a>(pub &'a str);

impl IntoDatum for JsonText<'_> {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        let text = CString::new(self.0).unwrap_or_default();
        // SAFETY: jsonb_in takes a text that ends with a NUL, of which it keeps nothing, and returns a jsonb. A text with a NUL is
        // no JSON; nor is the empty one, which it refuses.
        unsafe {
            direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(pg_sys::Datum::from(text.as_ptr()))])
        }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}

/// The text of a `jsonpath`, which becomes one for a statement.
pub struct JsonPathText<'a>(pub &'a str);

impl IntoDatum for JsonPathText<'_> {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        let text = CString::new(self.0).unwrap_or_default();
        // SAFETY: jsonpath_in takes a text that ends with a NUL, of which it keeps nothing, and returns a jsonpath. What is none, such as
        // the empty text, it refuses.
        unsafe {
            direct_function_call_as_datum(pg_sys::jsonpath_in, &[Some(pg_sys::Datum::from(text.as_ptr()))])
        }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONPATHOID
    }
}
