//! `bytea` results without a detour: handed on as they are stored, or put together where PostgreSQL takes them from.

use crate::args::result_type;
use crate::db::Value;
use pgrx::datum::{FromDatum, IntoDatum};
use pgrx::pg_sys;
use quire_core::error::{Code, Error, Result};

/// A `bytea`, for whoever called.
pub enum Bytes {
    /// A copy of the stored value; of a long one only the pointer to its TOAST rows, which PostgreSQL follows when the value
    /// is needed, as it does for a column.
    Stored(Vec<u8>),
    /// In the caller's memory.
    New(pg_sys::Datum),
}

impl FromDatum for Bytes {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
        if is_null {
            return None;
        }
        let value = datum.cast_mut_ptr::<pg_sys::varlena>();
        // SAFETY: the datum is a varlena of a stored row, as long as its header says.
        unsafe {
            let length = pgrx::varlena::varsize_any(value);
            Some(Bytes::Stored(std::slice::from_raw_parts(value.cast::<u8>(), length).to_vec()))
        }
    }
}

impl Value for Bytes {
    type Stored = Self;

    fn from_stored(stored: Self) -> Result<Self> {
        Ok(stored)
    }
}

impl IntoDatum for Bytes {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        match self {
            Bytes::New(datum) => Some(datum),
            // SAFETY: the new allocation is as long as what is copied into it.
            Bytes::Stored(value) => unsafe {
                let copy = pg_sys::palloc(value.len()).cast::<u8>();
                std::ptr::copy_nonoverlapping(value.as_ptr(), copy, value.len());
                Some(pg_sys::Datum::from(copy))
            },
        }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::BYTEAOID
    }
}

result_type!(Bytes, "bytea");

/// A `bytea` of known length in the making, in the memory context that was current when it began.
pub struct NewBytes {
    start: *mut u8,
    length: usize,
    filled: usize,
}

impl NewBytes {
    /// Takes the memory.
    pub fn of_length(length: usize) -> Self {
        let whole = length + pg_sys::VARHDRSZ;
        // SAFETY: the allocation has room for the header and the bytes; palloc raises an error when there is no memory.
        let start = unsafe {
            let value = pg_sys::palloc(whole).cast::<pg_sys::varlena>();
            pgrx::set_varsize_4b(value, whole as i32);
            value.cast::<u8>().add(pg_sys::VARHDRSZ)
        };
        Self { start, length, filled: 0 }
    }

    /// Bytes that are still to come.
    pub fn lacking(&self) -> usize {
        self.length - self.filled
    }

    /// The next bytes; XX001 when they are more than there should be.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() || bytes.len() > self.lacking() {
            return Err(Error::new(Code::Corrupt, "stored bytes have the wrong length"));
        }
        // SAFETY: there is room for them, as has just been checked, and nobody else knows of this memory.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(self.filled), bytes.len()) };
        self.filled += bytes.len();
        Ok(())
    }

    /// The value, all of whose bytes have come.
    pub fn finish(self) -> Result<Bytes> {
        if self.lacking() > 0 {
            return Err(Error::new(Code::Corrupt, "stored bytes have the wrong length"));
        }
        // SAFETY: the header is right before the bytes.
        Ok(Bytes::New(pg_sys::Datum::from(unsafe { self.start.sub(pg_sys::VARHDRSZ) })))
    }
}
