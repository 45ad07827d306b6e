//! Definer in style: the functions of the API work with the rights of `quire_owner`, for the role that called.
//!
//! Owns: the switch of roles, in one place for all functions.
//! Promises: whoever calls is the role with whose rights the calling statement runs. Inside somebody's SECURITY DEFINER
//! function, and in a trigger that a foreign key of their table fires, that is its owner and never the user outside, whom they
//! could otherwise make act. When a function ends, be it with an error, the caller's role is back, before a row of its answer is
//! handed out.
//! Does not: make functions SECURITY DEFINER in the catalog, where PostgreSQL switches first and the calling role is lost.

use crate::error::{Code, Error, Result};
use crate::guc;
use crate::raise::or_raise;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgSqlErrorCode, PgTryBuilder};
use std::cell::Cell;
use std::ffi::c_int;
use std::panic::AssertUnwindSafe;

thread_local! {
    /// Who called the function that runs now.
    static CALLER: Cell<Option<pg_sys::Oid>> = const { Cell::new(None) };
    /// Bytes of content that its statements have put into its answer.
    static HANDED_OUT: Cell<i64> = const { Cell::new(0) };
}

/// Does the work of a function with the rights of `quire_owner`. Errors become PostgreSQL's when the caller's role is back.
pub fn definer<T>(work: impl FnOnce() -> Result<T>) -> T {
    let work = AssertUnwindSafe(|| Switched::to_owner().and_then(|_switched| work()));
    // What has failed is left as it is: the error goes on to PostgreSQL, which ends the (sub)transaction.
    or_raise(
        PgTryBuilder::new(work)
            .catch_others(|cause| own(&cause).map_or_else(|| cause.rethrow(), Err))
            .execute(),
    )
}

/// The error of a function of quire's that a statement has called. pgrx does not know its SQLSTATE and would report XX000.
fn own(cause: &CaughtError) -> Option<Error> {
    let CaughtError::PostgresError(report) = cause else { return None };
    let unknown = report.sql_error_code() == PgSqlErrorCode::ERRCODE_INTERNAL_ERROR;
    report
        .detail()
        .filter(|_| unknown)
        .and_then(|detail| Error::from_report(report.message(), detail, report.hint()))
}

/// The role that called: with its rights the calling statement runs.
pub fn caller() -> Result<pg_sys::Oid> {
    CALLER.get().ok_or_else(|| Error::internal("nobody called"))
}

/// Counts content that goes into the answer of the function that runs, which PostgreSQL keeps, in temporary files, until it is
/// read; PT413 when it is more than a call may take. What a view hands out is read as it comes and not counted.
pub fn hand_out(bytes: i64) -> Result<()> {
    if CALLER.get().is_none() {
        return Ok(());
    }
    HANDED_OUT.set(HANDED_OUT.get().saturating_add(bytes));
    let most = guc::max_call_memory();
    if usize::try_from(HANDED_OUT.get()).is_ok_and(|bytes| bytes > most) {
        return Err(Error::limit("the answer holds too much content", most)
            .with("setting", "quire.max_call_memory")
            .hint("read it in pages: after_path and max_files"));
    }
    Ok(())
}

/// While it lives, everything runs with the rights of `quire_owner`.
struct Switched {
    outer_caller: Option<pg_sys::Oid>,
    outer_handed_out: i64,
    user: pg_sys::Oid,
    context: c_int,
}

impl Switched {
    /// Refuses during maintenance: ANALYZE, REINDEX and REFRESH MATERIALIZED VIEW run a table owner's functions with the
    /// owner's role, but started by somebody else, who did not mean them.
    fn to_owner() -> Result<Self> {
        let mut user = pg_sys::InvalidOid;
        let mut context = 0;
        // SAFETY: plain reads of backend state into the two variables.
        unsafe { pg_sys::GetUserIdAndSecContext(&mut user, &mut context) };
        if context & pg_sys::SECURITY_RESTRICTED_OPERATION as c_int != 0 {
            return Err(Error::new(
                Code::Unauthorized,
                "quire cannot be called from a security-restricted operation",
            ));
        }
        // SAFETY: a syscache look-up by a NUL-terminated name; without such a role PostgreSQL raises.
        let owner = unsafe { pg_sys::get_role_oid(c"quire_owner".as_ptr(), false) };
        let outer_caller = CALLER.replace(Some(user));
        let outer_handed_out = HANDED_OUT.replace(0);
        // SAFETY: a plain write of backend state, of an existing role.
        unsafe {
            pg_sys::SetUserIdAndSecContext(owner, context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int)
        };
        Ok(Self { outer_caller, outer_handed_out, user, context })
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        // SAFETY: a plain write of backend state: what was there before. Also while an error unwinds, after which PostgreSQL
        // puts the same back.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.context) };
        CALLER.set(self.outer_caller);
        HANDED_OUT.set(self.outer_handed_out);
    }
}
