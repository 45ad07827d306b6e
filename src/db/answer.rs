//! The answer of a function that returns rows, filled by one statement: PostgreSQL puts the rows where its executor takes
//! them from, without a detour through Rust, as it does for a function in SQL.
//!
//! The statement is planned at each call for a project of average size: PostgreSQL has no statistics of a new one, and would
//! take it for a project of one row.

use super::{Arg, ByShape, elements, params};
use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::spi::Spi;
use quire_core::error::{Error, Result};
use std::ffi::{CString, c_char, c_int};

// PostgreSQL's executor/tstoreReceiver.h, which pgrx does not bind.
unsafe extern "C-unwind" {
    fn CreateTuplestoreDestReceiver() -> *mut pg_sys::DestReceiver;
    fn SetTuplestoreDestReceiverParams(
        receiver: *mut pg_sys::DestReceiver,
        store: *mut pg_sys::Tuplestorestate,
        context: pg_sys::MemoryContext,
        detoast: bool,
        target: pg_sys::TupleDesc,
        mismatch: *const c_char,
    );
}

/// Where the rows go.
pub struct Answer(*mut pg_sys::ReturnSetInfo);

impl Answer {
    /// That of the function which is being called, declared as `RETURNS TABLE` of two columns or more.
    pub fn of(call: pg_sys::FunctionCallInfo) -> Self {
        // SAFETY: the call is the one that is running, so its result information is there; InitMaterializedSRF makes the store
        // and the row type in memory that lives as long as the query, and raises when the caller takes no set.
        unsafe {
            pg_sys::InitMaterializedSRF(call, 0);
            Self((*call).resultinfo.cast())
        }
    }

    /// Adds a row whose values are at hand, of the answer's types.
    pub fn put(&self, values: &[Arg]) {
        let result = self.0;
        // SAFETY: the store and the row type are those of `of`; it copies the values. There are as many as the function declares, or
        // PostgreSQL would read beyond them.
        unsafe {
            assert_eq!(values.len(), (*(*result).setDesc).natts as usize);
            let mut nulls: Vec<bool> = values.iter().map(|value| value.datum().is_none()).collect();
            let mut datums: Vec<pg_sys::Datum> = values
                .iter()
                .map(|value| value.datum().map_or(pg_sys::Datum::from(0usize), |datum| datum.sans_lifetime()))
                .collect();
            pg_sys::tuplestore_putvalues(
                (*result).setResult,
                (*result).setDesc,
                datums.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
        }
    }

    /// Runs a reader. Each of its columns has the type of the answer's.
    pub fn fill(self, sql: &'static str, args: &[Arg]) -> Result<()> {
        self.add(sql, args).map(drop)
    }

    /// Runs one of several readers, whose rows come after those that are there already. How many rows came.
    pub fn add(&self, sql: &'static str, args: &[Arg]) -> Result<u64> {
        debug_assert!(args.iter().all(|arg| elements(arg) < super::MANY));
        let text = CString::new(sql).map_err(|_| Error::internal("a statement holds a NUL"))?;
        let mut types: Vec<pg_sys::Oid> = args.iter().map(Arg::oid).collect();
        let result = self.0;
        let _planning = ByShape::begin();
        let (status, count) = Spi::connect(|_| {
            // SAFETY: SPI is connected; the text and the types live until it has read them; the values until the end of this
            // function; receiver and parameters are PostgreSQL's own and go with SPI's memory.
            unsafe {
                let plan = pg_sys::SPI_prepare_cursor(
                    text.as_ptr(),
                    types.len() as c_int,
                    types.as_mut_ptr(),
                    pg_sys::CURSOR_OPT_GENERIC_PLAN as c_int,
                );
                if plan.is_null() {
                    return (pg_sys::SPI_result, 0);
                }
                let receiver = pg_guard_ffi_boundary(|| CreateTuplestoreDestReceiver());
                pg_guard_ffi_boundary(|| {
                    SetTuplestoreDestReceiverParams(
                        receiver,
                        (*result).setResult,
                        (*(*result).econtext).ecxt_per_query_memory,
                        false,
                        (*result).setDesc,
                        c"a reader's columns are not those of its answer".as_ptr(),
                    )
                });
                let options = pg_sys::SPIExecuteOptions {
                    params: params(args),
                    // As for every reader: no transaction id, and the state the caller sees, unless it has written.
                    read_only: pg_sys::GetCurrentTransactionIdIfAny() == pg_sys::InvalidTransactionId,
                    dest: receiver,
                    ..Default::default()
                };
                let status = pg_sys::SPI_execute_plan_extended(plan, &options);
                // What SPI has counted, before it forgets.
                (status, pg_sys::SPI_processed)
            }
        });
        if status < 0 {
            return Err(Error::internal(format!("internal query failed: status {status}")));
        }
        Ok(count)
    }
}
