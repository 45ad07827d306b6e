//! Reads `jsonb` as it is stored, value by value: a list of operations is never a tree of all of them, which takes up to eighty
//! times the memory of its text.
//!
//! The format is PostgreSQL's (`src/include/utils/jsonb.h`), read through its own iterator.

use crate::error::{Error, Result};
use crate::pure::interrupt;
use crate::pure::json::inexact_number;
use crate::pure::path::shorten;
use pgrx::{direct_function_call, pg_sys};
use serde_json::{Map, Number, Value};
use std::ffi::CStr;
use std::mem::MaybeUninit;

/// Most levels of arrays and objects.
const MAX_DEPTH: usize = 127;
/// What one value may take in memory: so many times its stored bytes, and so much besides.
const MEMORY_FACTOR: usize = 10;
const MEMORY_BESIDES: usize = 128 << 20;
/// What PostgreSQL's and Rust's structures take, about: a value, and a node of a map, which has room for eleven.
const VALUE_BYTES: usize = size_of::<Value>();
const NODE_BYTES: usize = 640;
const NODE_ENTRIES: usize = 11;

/// How numbers are read that a double cannot hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// As the nearest double.
    Nearest,
    /// Refused (22023).
    Exact,
}

/// An array or an object, whose elements or members are read one after the other.
pub struct Container {
    iterator: *mut pg_sys::JsonbIterator,
    numbers: Numbers,
    /// Elements or members.
    pub count: usize,
    pub is_object: bool,
}

/// What a `jsonb` is.
pub enum Root {
    Container(Container),
    Scalar(Value),
}

impl Root {
    /// Of a whole value in memory.
    ///
    /// # Safety
    /// `jsonb` must be a detoasted `jsonb` that outlives what is made here.
    pub unsafe fn of(jsonb: *mut pg_sys::Jsonb, numbers: Numbers) -> Result<Self> {
        // SAFETY: the caller's promise.
        let mut container = unsafe { Container::open(&raw mut (*jsonb).root, numbers) };
        if container.is_scalar() {
            let value = container.next_value(1)?.ok_or_else(|| Error::internal("a scalar has no value"))?;
            return Ok(Root::Scalar(value));
        }
        Ok(Root::Container(container))
    }

    /// All of it.
    pub fn value(self) -> Result<Value> {
        match self {
            Root::Scalar(value) => Ok(value),
            Root::Container(container) => container.rest(1, &mut Cost::default()),
        }
    }
}

/// What a value in the making takes.
#[derive(Default)]
struct Cost {
    stored: usize,
    taken: usize,
}

impl Cost {
    fn add(&mut self, stored: usize, taken: usize) -> Result<()> {
        self.stored += stored;
        self.taken += taken;
        if self.taken > MEMORY_FACTOR * self.stored + MEMORY_BESIDES {
            return Err(Error::limit("the json has too many small members", MEMORY_BESIDES)
                .hint("a value may take 128 MiB and ten times its bytes in memory"));
        }
        Ok(())
    }
}

impl Container {
    /// # Safety
    /// `container` must be part of a `jsonb` that outlives what is made here.
    unsafe fn open(container: *mut pg_sys::JsonbContainer, numbers: Numbers) -> Self {
        let mut head = MaybeUninit::zeroed();
        // SAFETY: the iterator is made of the container and gives its head first, with the number of what is in it.
        unsafe {
            let mut iterator = pg_sys::JsonbIteratorInit(container);
            let token = pg_sys::JsonbIteratorNext(&mut iterator, head.as_mut_ptr(), true);
            let head: pg_sys::JsonbValue = head.assume_init();
            let is_object = token == pg_sys::JsonbIteratorToken::WJB_BEGIN_OBJECT;
            let count = if is_object { head.val.object.nPairs } else { head.val.array.nElems };
            Self { iterator, numbers, count: usize::try_from(count).unwrap_or(0), is_object }
        }
    }

    fn is_scalar(&self) -> bool {
        // SAFETY: the iterator is at the container that it was made of.
        unsafe { (*(*self.iterator).container).header & pg_sys::JB_FSCALAR != 0 }
    }

    /// The next element, or the value of the next member after its key; `None` at the end.
    fn next_raw(&mut self) -> Option<pg_sys::JsonbValue> {
        let mut value = MaybeUninit::zeroed();
        // SAFETY: the iterator has not ended: after its end nothing is asked of it any more.
        unsafe {
            if self.iterator.is_null() {
                return None;
            }
            use pg_sys::JsonbIteratorToken::{WJB_ELEM, WJB_KEY, WJB_VALUE};
            let token = pg_sys::JsonbIteratorNext(&mut self.iterator, value.as_mut_ptr(), true);
            if token == WJB_ELEM || token == WJB_KEY || token == WJB_VALUE {
                return Some(value.assume_init());
            }
            self.iterator = std::ptr::null_mut();
            None
        }
    }

    fn next_value(&mut self, depth: usize) -> Result<Option<Value>> {
        interrupt::step()?;
        let Some(raw) = self.next_raw() else { return Ok(None) };
        value_of(&raw, self.numbers, depth, &mut Cost::default()).map(Some)
    }

    /// The next element of an array.
    pub fn next_element(&mut self) -> Result<Option<Value>> {
        self.next_value(2)
    }

    /// The next member of an object.
    pub fn next_member(&mut self) -> Result<Option<(String, Value)>> {
        let Some(key) = self.next_raw() else { return Ok(None) };
        let key = text_of(&key)?;
        let value = self.next_value(2)?;
        Ok(Some((key, value.ok_or_else(|| Error::internal("a member has no value"))?)))
    }

    /// All that has not been read yet, of a container at `depth`.
    fn rest(mut self, depth: usize, cost: &mut Cost) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(Error::validation(format!("unreadable json: more than {MAX_DEPTH} levels")));
        }
        if self.is_object {
            cost.add(8, self.count.div_ceil(NODE_ENTRIES) * NODE_BYTES)?;
            let mut object = Map::new();
            while let Some(key) = self.next_raw() {
                interrupt::step()?;
                let key = text_of(&key)?;
                cost.add(4 + key.len(), key.len())?;
                let value = self.next_raw().ok_or_else(|| Error::internal("a member has no value"))?;
                object.insert(key, value_of(&value, self.numbers, depth + 1, cost)?);
            }
            return Ok(Value::Object(object));
        }
        cost.add(8, self.count * VALUE_BYTES)?;
        let mut array = Vec::with_capacity(self.count);
        while let Some(value) = self.next_raw() {
            interrupt::step()?;
            array.push(value_of(&value, self.numbers, depth + 1, cost)?);
        }
        Ok(Value::Array(array))
    }
}

fn value_of(raw: &pg_sys::JsonbValue, numbers: Numbers, depth: usize, cost: &mut Cost) -> Result<Value> {
    use pg_sys::jbvType;
    // SAFETY: the tag says which member of the union is there.
    unsafe {
        match raw.type_ {
            jbvType::jbvNull => Ok(Value::Null),
            jbvType::jbvBool => Ok(Value::Bool(raw.val.boolean)),
            jbvType::jbvNumeric => {
                cost.add(12, 0)?;
                number_of(raw.val.numeric, numbers)
            }
            jbvType::jbvString => {
                let text = text_of(raw)?;
                cost.add(4 + text.len(), text.len())?;
                Ok(Value::String(text))
            }
            jbvType::jbvBinary => Container::open(raw.val.binary.data, numbers).rest(depth, cost),
            _ => Err(Error::internal("unknown kind of json")),
        }
    }
}

fn text_of(raw: &pg_sys::JsonbValue) -> Result<String> {
    // SAFETY: keys and strings are as long as they say, inside of the jsonb.
    let bytes = unsafe {
        let text = raw.val.string;
        std::slice::from_raw_parts(text.val.cast::<u8>(), usize::try_from(text.len).unwrap_or(0))
    };
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Error::internal("stored json is not UTF-8"))
}

/// A number: an integer of 64 bits where it is one, else a double.
fn number_of(numeric: pg_sys::Numeric, numbers: Numbers) -> Result<Value> {
    // SAFETY: the numeric is a varlena inside of the jsonb; numeric_out prints it into memory of its own.
    let printed =
        unsafe { direct_function_call::<&CStr>(pg_sys::numeric_out, &[Some(pg_sys::Datum::from(numeric))]) };
    let printed = printed.ok_or_else(|| Error::internal("a number is null"))?;
    let text = printed.to_str().map_err(|_| Error::internal("a number is no text"))?;
    let read = match inexact_number(text) {
        Some(number) if numbers == Numbers::Exact => {
            Err(Error::validation(format!("a double cannot hold the number {}", shorten(number)))
                .hint("pass it as a string"))
        }
        _ => serde_json::from_str::<Number>(text)
            .map(Value::Number)
            .map_err(|_| Error::validation("unreadable json: number out of range")),
    };
    // SAFETY: a copy of numeric_out's that nothing refers to any more.
    unsafe { pg_sys::pfree(printed.as_ptr().cast_mut().cast()) };
    read
}
