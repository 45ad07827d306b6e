//! The columns of a result, by their names.
//!
//! Promises: a name is looked for once in a result, however many rows it has. Names are literals, so one that was looked for is known
//! by its address; rows are read alike, so it is where it was at the row before. A name that is not there is an internal error.

use pgrx::pg_sys;
use quire_core::error::{Error, Result};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::ptr;

/// The columns of the rows of one result or one table.
pub struct Columns {
    pub(super) shape: pg_sys::TupleDesc,
    /// Names that were looked for, in two parts, and their columns' numbers.
    known: RefCell<Vec<(&'static str, &'static str, i32)>>,
    /// Where the next name is expected.
    next: Cell<usize>,
}

impl Columns {
    /// # Safety
    /// The descriptor lives as long.
    pub unsafe fn of(shape: pg_sys::TupleDesc) -> Self {
        Self { shape, known: RefCell::default(), next: Cell::new(0) }
    }

    /// A row begins.
    pub fn rewind(&self) {
        self.next.set(0);
    }

    /// The number of a column, from 1, whose name is these two together.
    pub fn number(&self, part: &'static str, name: &'static str) -> Result<i32> {
        let mut known = self.known.borrow_mut();
        let is_it = |it: &(&'static str, &'static str, i32)| ptr::eq(it.1, name) && ptr::eq(it.0, part);
        let mut at = self.next.get();
        if !known.get(at).is_some_and(is_it) {
            at = match known.iter().position(is_it) {
                Some(at) => at,
                None => {
                    // SAFETY: the descriptor is there.
                    let (found, _) = unsafe { place(self.shape, part, name, known.len()) }?;
                    known.push((part, name, found as i32 + 1));
                    known.len() - 1
                }
            };
        }
        self.next.set(at + 1);
        Ok(known[at].2)
    }
}

/// The place of a column, from 0, and its type. Most come in order, so the one at `expected` is looked at first.
///
/// # Safety
/// The descriptor is there.
pub(super) unsafe fn place(
    shape: pg_sys::TupleDesc,
    part: &str,
    name: &str,
    expected: usize,
) -> Result<(usize, pg_sys::Oid)> {
    // SAFETY: the caller's; a descriptor holds as many columns as it says, and a name ends with a NUL.
    let width = unsafe { (*shape).natts } as usize;
    let first = expected.min(width);
    (first..width)
        .chain(0..first)
        .map(|at| (at, unsafe { &*column(shape, at) }))
        .find(|(_, column)| {
            let whole = unsafe { CStr::from_ptr(column.attname.data.as_ptr()) }.to_bytes();
            !column.attisdropped && whole.strip_prefix(part.as_bytes()) == Some(name.as_bytes())
        })
        .map(|(at, column)| (at, column.atttypid))
        .ok_or_else(|| Error::internal(format!("there is no column {part}{name}")))
}

#[cfg(not(feature = "pg18"))]
pub(super) unsafe fn column(shape: pg_sys::TupleDesc, at: usize) -> *const pg_sys::FormData_pg_attribute {
    // SAFETY: the caller's.
    unsafe { (*shape).attrs.as_ptr().add(at) }
}

#[cfg(feature = "pg18")]
pub(super) unsafe fn column(shape: pg_sys::TupleDesc, at: usize) -> *const pg_sys::FormData_pg_attribute {
    // SAFETY: the caller's.
    unsafe { pg_sys::TupleDescAttr(shape, at as i32) }
}
