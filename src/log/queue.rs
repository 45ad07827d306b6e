//! The line of writers who wait for a project's head row.
//!
//! Writers who meet at the row itself overtake each other, and under load some wait very long; PostgreSQL's lock manager hands
//! over in the order of arrival. It is for fairness only; that there is one writer at a time the row's lock sees to. So one transaction over very many projects gives its places up when it has the
//! rows, and the table of locks, which all sessions share, does not fill up.

use crate::db::{self, ObjectLock};
use crate::ids::ProjectId;
use pgrx::pg_sys;
use quire_core::error::Result;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Places one transaction keeps until its end.
const MOST_KEPT: usize = 32;

thread_local! {
    /// Projects whose head row this transaction has locked, each with the (sub)transaction that did.
    static LOCKED: RefCell<HashMap<ProjectId, pg_sys::TransactionId>> = RefCell::default();
    /// Places this transaction has kept, at most.
    static KEPT: Cell<usize> = const { Cell::new(0) };
}

/// A place in the line.
pub enum PlaceInLine {
    /// It is this transaction's turn.
    Taken(ObjectLock),
    /// The transaction has the row already. Whoever is first in line now waits for it: to queue again would be to wait for
    /// oneself.
    HasRow,
}

/// Waits in line for a project.
pub fn wait(project: ProjectId) -> Result<PlaceInLine> {
    let has_row = LOCKED.with_borrow(|locked| {
        // SAFETY: a test of an id against the current transaction's state; one of a savepoint that was rolled back is not in it.
        locked.get(&project).is_some_and(|xid| unsafe { pg_sys::TransactionIdIsCurrentTransactionId(*xid) })
    });
    // SAFETY: plain read of server state. On a standby the row's lock is refused.
    if has_row || unsafe { pg_sys::RecoveryInProgress() } {
        return Ok(PlaceInLine::HasRow);
    }
    let lock = ObjectLock::of(c"project_head", "quire head lock ", project.0.as_bytes())?;
    lock.wait();
    Ok(PlaceInLine::Taken(lock))
}

impl PlaceInLine {
    /// Says that the row is locked now.
    pub fn has_row(self, project: ProjectId) {
        // SAFETY: who has locked a row has a transaction id. A savepoint gets one of its own, too, where the row was locked before it:
        // readers see what is committed now by whether there is one.
        let xid = unsafe { pg_sys::GetCurrentTransactionId() };
        let PlaceInLine::Taken(lock) = self else { return };
        LOCKED.with_borrow_mut(|locked| locked.insert(project, xid));
        if KEPT.get() < MOST_KEPT {
            KEPT.set(KEPT.get() + 1);
        } else {
            lock.release();
        }
    }
}

/// Has PostgreSQL tell when transactions end. Called once, from `_PG_init`.
pub fn init() {
    // SAFETY: the callback lives as long as the library, which is never unloaded.
    unsafe { pg_sys::RegisterXactCallback(Some(at_end), std::ptr::null_mut()) };
}

/// Only touches backend memory: an error here would end the server process.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _arg: *mut std::ffi::c_void) {
    if db::ends_transaction(event) {
        let _ = LOCKED.try_with(|locked| locked.try_borrow_mut().map(|mut locked| locked.clear()));
        KEPT.set(0);
    }
}
