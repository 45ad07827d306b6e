//! `text[]` arguments, of which nothing is made before the gate: then their items are counted, and read one by one. A bit is all
//! that an array takes for a NULL, so that as values they may take many times their size.

use super::{array, lazy_arg};
use pgrx::Array;
use pgrx::datum::FromDatum;
use pgrx::pg_sys;
use quire_core::error::{Error, Result};
use quire_core::interrupt;

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
        let _held = unsafe { array::admit(self.0, check_count)? };
        // SAFETY: it is a text[], as the function is declared.
        let items: Array<&str> = unsafe { Array::from_datum(self.0, false) }
            .ok_or_else(|| Error::internal("an argument is not there"))?;
        let parsed = items.iter().map(|item| {
            interrupt::step()?;
            parse(item.ok_or_else(|| Error::null(argument))?)
        });
        parsed.collect()
    }
}

lazy_arg!(TextsArg, "text[]");
