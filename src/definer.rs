//! Definer in style: the functions of the API work with the rights of `quire_owner`, for the role that called.
//!
//! Owns: the switch of roles, in one place for all functions.
//! Promises: whoever calls is the role with whose rights the calling statement runs. Inside somebody's SECURITY DEFINER
//! function, and in a trigger that a foreign key of their table fires, that is its owner and never the user outside, whom they
//! could otherwise make act. When a function ends, be it with an error, the caller's role is back, before a row of its answer is
//! handed out. What an answer tells of is on disk by then.
//! Does not: make functions SECURITY DEFINER in the catalog, where PostgreSQL switches first and the calling role is lost.

use crate::db::early_release;
use crate::db::handed_out::{self, About};
use crate::guc;
use crate::raise::or_raise;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, PgTryBuilder};
use quire_core::error::{Code, Error, Result};
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
    let work = AssertUnwindSafe(|| {
        let switched = Switched::to_owner()?;
        let _triggers = Origin::of_changes();
        let began = early_release::last_record();
        let done = work();
        switched.wait_until_flushed(done.is_ok(), began)?;
        done
    });
    raising(work)
}

/// Does what may call other functions of quire's by way of PostgreSQL. Their errors keep their SQLSTATE.
pub fn raising<T>(work: impl FnOnce() -> Result<T> + std::panic::UnwindSafe) -> T {
    // What has failed is left as it is: the error goes on to PostgreSQL, which ends the (sub)transaction.
    or_raise(
        PgTryBuilder::new(work)
            .catch_others(|cause| {
                // What a statement raises may tell of what others have committed, too.
                if CALLER.get().is_none() {
                    handed_out::wait_for_all();
                }
                own(&cause).map_or_else(|| cause.rethrow(), Err)
            })
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

/// Waits until what a view shows is on disk, and is true then. The views ask it once a statement; in the statements of functions, which
/// wait themselves, it is true at once.
// Outside definer: it looks into no table.
#[pg_extern(schema = "quire_store", stable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn flushed() -> bool {
    if CALLER.get().is_none() {
        or_raise(handed_out::wait(About::All));
    }
    true
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
    /// owner's role, but started by somebody else, who did not mean them. Logical replication runs their triggers so, which they do mean.
    fn to_owner() -> Result<Self> {
        let mut user = pg_sys::InvalidOid;
        let mut context = 0;
        // SAFETY: plain reads of backend state into the two variables.
        unsafe { pg_sys::GetUserIdAndSecContext(&mut user, &mut context) };
        let is_restricted = context & pg_sys::SECURITY_RESTRICTED_OPERATION as c_int != 0;
        // SAFETY: plain read of backend state.
        if is_restricted && !unsafe { pg_sys::IsLogicalWorker() } {
            return Err(Error::new(
                Code::Unauthorized,
                "quire cannot be called from a security-restricted operation",
            ));
        }
        // SAFETY: a syscache look-up by a NUL-terminated name; without such a role PostgreSQL raises.
        let owner = unsafe { pg_sys::get_role_oid(c"quire_owner".as_ptr(), false) };
        let outer_caller = CALLER.replace(Some(user));
        if outer_caller.is_none() {
            // What a call that PostgreSQL has ended did not take back.
            early_release::take_news();
            handed_out::take();
        }
        let outer_handed_out = HANDED_OUT.replace(0);
        // SAFETY: a plain write of backend state, of an existing role.
        unsafe {
            pg_sys::SetUserIdAndSecContext(owner, context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int)
        };
        Ok(Self { outer_caller, outer_handed_out, user, context })
    }

    /// Before the caller hears what others have committed, be it as an error. Who has written a bundle hears of it when the
    /// transaction commits.
    fn wait_until_flushed(&self, is_ok: bool, began: pg_sys::XLogRecPtr) -> Result<()> {
        if self.outer_caller.is_some() {
            return Ok(());
        }
        match early_release::take_news() {
            true if is_ok => return Ok(()),
            true => {}
            false => early_release::no_bundle_since(began),
        }
        handed_out::wait(handed_out::take())
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

/// While it lives, the changes that quire makes are its own: triggers and foreign keys of its tables do their part also in a session that
/// replays what was done elsewhere (`session_replication_role` = replica), such as one of logical replication.
struct Origin {
    level: Option<c_int>,
}

impl Origin {
    fn of_changes() -> Self {
        // SAFETY: plain read of a setting.
        if unsafe { pg_sys::SessionReplicationRole } != pg_sys::SESSION_REPLICATION_ROLE_REPLICA as c_int {
            return Self { level: None };
        }
        // SAFETY: sets a setting until the level ends, be it by an error, as the SET of a function does; names and value are
        // NUL-terminated.
        let level = unsafe {
            let level = pg_sys::NewGUCNestLevel();
            pg_sys::set_config_option(
                c"session_replication_role".as_ptr(),
                c"origin".as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
            level
        };
        Self { level: Some(level) }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // After an error PostgreSQL puts the setting back itself.
        if let Some(level) = self.level.filter(|_| !std::thread::panicking()) {
            // SAFETY: the level that was begun.
            unsafe { pg_sys::AtEOXact_GUC(true, level) };
        }
    }
}
