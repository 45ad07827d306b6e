//! Early lock release: a transaction that has written a bundle gives its locks up when its commit record is written, before that
//! is flushed to disk, so that the next writer of the project does its work meanwhile, and one flush serves many.
//!
//! Promises: the client hears of the commit when it is as durable as its `synchronous_commit` asks for, and listeners not before.
//! A writer behind it, who builds on what it wrote, has a later commit record: the log on disk is never without what came before.
//! `synchronous_commit` is off between two callbacks of one commit and nowhere else.
//! Does not: release the locks of what was changed besides bundles by other calls (names, members, tokens, ...): a reader of another
//! project could not tell for what to wait. Serve readers, who could see what a crash takes back; they wait in [`super::handed_out`]. Where a commit waits for a
//! standby it is PostgreSQL's own: readers would wait for the standby, too, or see what a failover loses.
//!
//! PostgreSQL commits asynchronously when the variable behind `synchronous_commit` is off, and releases locks before it calls the
//! callbacks of a resource owner for the last time; there the flush is made up for.

use crate::guc;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{c_int, c_void};

/// Where a transaction stands that may give its locks up early.
#[derive(Clone, Copy)]
enum Stage {
    /// Nothing is to be done.
    Idle,
    /// Its commit record is being written. This was the variable.
    Committing(c_int),
    /// It has committed; what is up to here is to be flushed.
    Released(pg_sys::XLogRecPtr),
}

thread_local! {
    /// The (sub)transaction that first wrote a bundle.
    static WROTE: Cell<pg_sys::TransactionId> = const { Cell::new(pg_sys::InvalidTransactionId) };
    static STAGE: Cell<Stage> = const { Cell::new(Stage::Idle) };
    /// Whether a bundle was written since somebody asked.
    static NEWS: Cell<bool> = const { Cell::new(false) };
    /// Whether a call has changed something and written no bundle.
    static KEEPS_LOCKS: Cell<bool> = const { Cell::new(false) };
}

/// How far this backend's transaction has come in the write-ahead log.
pub fn last_record() -> pg_sys::XLogRecPtr {
    // SAFETY: plain read of the backend's state.
    unsafe { pg_sys::XactLastRecEnd }
}

/// A call has ended that wrote no bundle and began where the transaction's last record was `began`. If it has written anything, the
/// transaction keeps its locks over the flush.
pub fn no_bundle_since(began: pg_sys::XLogRecPtr) {
    // SAFETY: plain read of the backend's state.
    let has_written = unsafe { pg_sys::GetTopTransactionIdIfAny() } != pg_sys::InvalidTransactionId;
    if has_written && last_record() != began {
        KEEPS_LOCKS.set(true);
    }
}

/// The transaction has written a bundle.
pub fn ask() {
    NEWS.set(true);
    if !wrote() {
        // SAFETY: who has written has a transaction id.
        WROTE.set(unsafe { pg_sys::GetCurrentTransactionId() });
    }
}

/// Whether a bundle was written since this was last asked.
pub fn take_news() -> bool {
    NEWS.take()
}

/// Whether the transaction has written a bundle, in no savepoint that was rolled back.
fn wrote() -> bool {
    let xid = WROTE.get();
    // SAFETY: a test of an id against the current transaction's state.
    xid != pg_sys::InvalidTransactionId && unsafe { pg_sys::TransactionIdIsCurrentTransactionId(xid) }
}

/// Has PostgreSQL tell when transactions end. Called once, from `_PG_init`.
pub fn init() {
    // SAFETY: the callbacks live as long as the library, which is never unloaded.
    unsafe {
        pg_sys::RegisterXactCallback(Some(at_commit), std::ptr::null_mut());
        pg_sys::RegisterResourceReleaseCallback(Some(at_release), std::ptr::null_mut());
    }
}

/// Only touches backend memory: an error after the commit would end the server.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_commit(event: pg_sys::XactEvent::Type, _arg: *mut c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_COMMIT, XACT_EVENT_PRE_COMMIT};
    if event == XACT_EVENT_PRE_COMMIT {
        if wrote() && !KEEPS_LOCKS.get() && guc::early_lock_release() && is_flushed_here_only() {
            // SAFETY: plain read and write of a backend's variable, which is put back before anybody else may look at it.
            unsafe {
                STAGE.set(Stage::Committing(pg_sys::synchronous_commit));
                pg_sys::synchronous_commit = pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as c_int;
            }
        }
    } else if super::ends_transaction(event) {
        if let Stage::Committing(level) = STAGE.get() {
            // SAFETY: as above; PostgreSQL has set the end of the commit record.
            unsafe {
                pg_sys::synchronous_commit = level;
                STAGE.set(match event {
                    XACT_EVENT_COMMIT => Stage::Released(pg_sys::XactLastCommitEnd),
                    _ => Stage::Idle,
                });
            }
        }
        WROTE.set(pg_sys::InvalidTransactionId);
        KEEPS_LOCKS.set(false);
    }
}

/// Whether the commit waits for its own server's disk and for nothing else.
fn is_flushed_here_only() -> bool {
    use pg_sys::SyncCommitLevel::{SYNCHRONOUS_COMMIT_LOCAL_FLUSH, SYNCHRONOUS_COMMIT_OFF};
    // SAFETY: plain reads of settings; the names are NUL-terminated, or null.
    unsafe {
        let level = pg_sys::synchronous_commit;
        let names = pg_sys::SyncRepStandbyNames;
        let has_standbys = pg_sys::max_wal_senders > 0 && !names.is_null() && *names != 0;
        level > SYNCHRONOUS_COMMIT_OFF as c_int
            && (level <= SYNCHRONOUS_COMMIT_LOCAL_FLUSH as c_int || !has_standbys)
    }
}

/// Called for each resource owner; the first one after the commit does it. Interrupts are held there, as PostgreSQL's own flush
/// and its wait for standbys hold them.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_release(
    phase: pg_sys::ResourceReleasePhase::Type,
    is_commit: bool,
    is_top_level: bool,
    _arg: *mut c_void,
) {
    if phase != pg_sys::ResourceReleasePhase::RESOURCE_RELEASE_AFTER_LOCKS || !is_top_level {
        return;
    }
    let Stage::Released(end) = STAGE.replace(Stage::Idle) else { return };
    if is_commit {
        // SAFETY: the end of a record that was written. The wait is over at once where no standby is asked for; one may have been
        // since the record was written.
        unsafe {
            pg_sys::XLogFlush(end);
            pg_sys::SyncRepWaitForLSN(end, true);
        }
    }
}
