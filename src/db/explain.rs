//! How PostgreSQL would run a reader. Nothing of it runs.

use super::{Arg, ByShape, params};
use pgrx::pg_sys;
use pgrx::spi::Spi;
use quire_core::error::{Error, Result};
use serde_json::Value;
use std::ffi::{CStr, CString};

/// The plan of a reader for these arguments, as `EXPLAIN` says it in JSON; without costs and counts of rows, which would tell of other
/// projects. It takes no transaction id.
pub fn plan_of(sql: &'static str, args: &[Arg]) -> Result<Value> {
    const EXPLAIN: &str = "EXPLAIN (FORMAT JSON, COSTS off) ";
    let text =
        CString::new([EXPLAIN, sql].concat()).map_err(|_| Error::internal("a statement holds a NUL"))?;
    let failed = || Error::internal("a statement has no plan");
    let _planning = ByShape::begin();
    Spi::connect(|_| {
        // SAFETY: SPI is connected; text and values live until it is done with them. SPI takes no utility statement for a reader, which
        // EXPLAIN is all the same. It answers one row of one column, whose text SPI makes in its own memory.
        let printed = unsafe {
            let options = pg_sys::SPIExecuteOptions { params: params(args), ..Default::default() };
            pg_sys::SPI_tuptable = std::ptr::null_mut();
            let status = pg_sys::SPI_execute_extended(text.as_ptr(), &options);
            Spi::check_status(status).map_err(super::internal)?;
            let table =
                pg_sys::SPI_tuptable.as_ref().filter(|table| table.numvals == 1).ok_or_else(failed)?;
            let printed = pg_sys::SPI_getvalue(*table.vals, table.tupdesc, 1);
            if printed.is_null() {
                return Err(failed());
            }
            CStr::from_ptr(printed)
        };
        let plans: Value = serde_json::from_slice(printed.to_bytes()).map_err(|_| failed())?;
        plans.pointer("/0/Plan").cloned().ok_or_else(failed)
    })
}
