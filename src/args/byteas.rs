//! `bytea[]` arguments, of which nothing is made before they are asked for.

use super::{array, lazy_arg};
use pgrx::Array;
use pgrx::datum::FromDatum;
use pgrx::pg_sys;
use quire_core::error::{Error, Result};
use quire_core::interrupt;

/// A `bytea[]` argument, as it came.
#[derive(Clone, Copy)]
pub struct ByteasArg(pg_sys::Datum);

impl ByteasArg {
    /// What `work` makes of its items, in the order in which they are stored, whatever the dimensions; 22004 for a NULL among them.
    /// `check_count` is asked before they are unpacked.
    pub fn read<T>(
        self,
        argument: &'static str,
        check_count: impl FnOnce(usize) -> Result<()>,
        work: impl FnOnce(&[&[u8]]) -> Result<T>,
    ) -> Result<T> {
        self.unpacked(check_count, |items| {
            let items: Result<Vec<&[u8]>> = items
                .iter()
                .map(|item| {
                    interrupt::step()?;
                    item.ok_or_else(|| Error::null(argument))
                })
                .collect();
            work(&items?)
        })
    }

    /// As [`ByteasArg::read`], of any number of items; those that are NULL are passed over.
    pub fn read_without_nulls<T>(self, work: impl FnOnce(&[&[u8]]) -> Result<T>) -> Result<T> {
        self.unpacked(
            |_| Ok(()),
            |items| {
                let mut there = Vec::new();
                for item in items.iter() {
                    interrupt::step()?;
                    there.extend(item);
                }
                work(&there)
            },
        )
    }

    fn unpacked<T>(
        self,
        check_count: impl FnOnce(usize) -> Result<()>,
        work: impl FnOnce(&Array<&[u8]>) -> Result<T>,
    ) -> Result<T> {
        // SAFETY: the datum of an argument, which stays for the length of the call.
        let _held = unsafe { array::admit(self.0, check_count)? };
        // SAFETY: it is a bytea[], as the function is declared.
        let items: Array<&[u8]> = unsafe { Array::from_datum(self.0, false) }
            .ok_or_else(|| Error::internal("an argument is not there"))?;
        work(&items)
    }
}

lazy_arg!(ByteasArg, "bytea[]");
