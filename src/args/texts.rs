//! `text[]` arguments, of which nothing is made before the gate: then their items are counted, and read one by one. A bit is all
//! that an array takes for a NULL, so that as values they may take many times their size.

use super::lazy_arg;
use crate::memory::Held;
use pgrx::Array;
use pgrx::datum::FromDatum;
use pgrx::pg_sys;
use quire_core::error::{Error, Result};
use quire_core::interrupt;
use std::ffi::c_int;

/// A `text[]` argument, as it came.
#[derive(Clone, Copy)]
pub struct TextsArg(pg_sys::Datum);

impl TextsArg {
    /// What `parse` makes of its items, in the order in which they are stored, whatever the dimensions; 22004 for a NULL among
    /// them. `check_count` is asked before they are unpacked.
    pub fn parsed<T, C: FromIterator<T>>(
        self,
        argument: &'static str,
        check_count: impl FnOnce(usize) -> Result<()>,
        mut parse: impl FnMut(&str) -> Result<T>,
    ) -> Result<C> {
        // SAFETY: the datum of an argument, which stays for the length of the call.
        let (size, count) = unsafe { (pg_sys::toast_raw_datum_size(self.0), self.count()?) };
        check_count(count)?;
        interrupt::room(size)?;
        let _held = Held::bytes(size);
        // SAFETY: it is a text[], as the function is declared.
        let items: Array<&str> = unsafe { Array::from_datum(self.0, false) }
            .ok_or_else(|| Error::internal("an argument is not there"))?;
        let parsed = items.iter().map(|item| {
            interrupt::step()?;
            parse(item.ok_or_else(|| Error::null(argument))?)
        });
        parsed.collect()
    }

    /// How many items it has, from its header alone.
    ///
    /// # Safety
    ///
    /// The datum is an array that is there.
    unsafe fn count(self) -> Result<usize> {
        /// Behind the length: the number of dimensions, where the data begin, the type of the items.
        const FIXED: usize = 3 * size_of::<c_int>();
        const MAX_DIMENSIONS: usize = 6;
        const HEADER: usize = FIXED + MAX_DIMENSIONS * size_of::<c_int>();
        // SAFETY: the caller's. The slice is a copy, as long as its header says, and freed; what is not there of it stays zero.
        unsafe {
            interrupt::check()?;
            let slice = pg_sys::pg_detoast_datum_slice(self.0.cast_mut_ptr(), 0, HEADER as i32);
            let mut header = [0u8; HEADER];
            let given = pgrx::varlena::varlena_to_byte_slice(slice);
            let length = given.len().min(HEADER);
            header[..length].copy_from_slice(&given[..length]);
            pg_sys::pfree(slice.cast());
            let mut numbers = header.chunks_exact(size_of::<c_int>()).map(|bytes| {
                bytes.try_into().map(c_int::from_ne_bytes).expect("a chunk has the length that was asked for")
            });
            let dimensions = numbers.next().unwrap_or_default();
            let lengths: Vec<c_int> = numbers.skip(2).collect();
            // More than the header has room for are no array.
            let dimensions = dimensions.clamp(0, MAX_DIMENSIONS as c_int);
            Ok(usize::try_from(pg_sys::ArrayGetNItems(dimensions, lengths.as_ptr())).unwrap_or_default())
        }
    }
}

lazy_arg!(TextsArg, "text[]");
