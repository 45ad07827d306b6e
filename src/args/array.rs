//! Arrays as they came, before anything is made of them.

use crate::memory::Held;
use pgrx::pg_sys;
use quire_core::error::Result;
use quire_core::interrupt;
use std::ffi::c_int;

/// Whether an array may be unpacked: `check_count` is asked with the number of its items, and there is memory for it, which counts
/// while what is returned lives.
///
/// # Safety
///
/// The datum is an array that is there.
pub(super) unsafe fn admit(
    array: pg_sys::Datum,
    check_count: impl FnOnce(usize) -> Result<()>,
) -> Result<Held> {
    // SAFETY: the caller's.
    let (size, count) = unsafe { (pg_sys::toast_raw_datum_size(array), count(array)?) };
    check_count(count)?;
    interrupt::room(size)?;
    Ok(Held::bytes(size))
}

/// How many items it has, from its header alone.
///
/// # Safety
///
/// The datum is an array that is there.
unsafe fn count(array: pg_sys::Datum) -> Result<usize> {
    /// Behind the length: the number of dimensions, where the data begin, the type of the items.
    const FIXED: usize = 3 * size_of::<c_int>();
    const MAX_DIMENSIONS: usize = 6;
    const HEADER: usize = FIXED + MAX_DIMENSIONS * size_of::<c_int>();
    // SAFETY: the caller's. The slice is a copy, as long as its header says, and freed; what is not there of it stays zero.
    unsafe {
        interrupt::check()?;
        let slice = pg_sys::pg_detoast_datum_slice(array.cast_mut_ptr(), 0, HEADER as i32);
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
