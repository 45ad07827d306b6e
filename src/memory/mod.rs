//! Memory of this backend: bounded, and never the reason for the end of other sessions.
//!
//! Promises: a call whose memory grows beyond `quire.max_call_memory` gets PT413 at its next [`check`]. Where the system gives
//! no more, a reserve is given back to it and the call ends with PT413 or PostgreSQL's own 53200; when that does not
//! suffice, this session ends (53200, FATAL), and no other one notices.
//!
//! Counts: Rust's heap (`heap`), and what PostgreSQL holds for a call where that may be much ([`Held`]). Does not count what C
//! libraries take for themselves, which is bounded by them.

mod heap;

use crate::guc;
use pgrx::pg_sys;
use quire_core::error::{Error, Result};
use quire_core::interrupt;
use quire_core::reason::Reason;
use std::cell::Cell;
use std::ffi::{c_int, c_void};

pub use heap::make_room;

thread_local! {
    /// Bytes that PostgreSQL holds for the calls that run.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Called once, from `_PG_init`.
pub fn init() {
    heap::restock();
    interrupt::install(check);
    // SAFETY: the callback lives as long as the library, which is never unloaded.
    unsafe { pg_sys::RegisterXactCallback(Some(at_end), std::ptr::null_mut()) };
}

/// Looks at interrupts (which unwind), and whether `wanted` more bytes may be taken (PT413).
pub fn check(wanted: usize) -> Result<()> {
    pgrx::check_for_interrupts!();
    let most = guc::max_call_memory();
    let taken = heap::live().saturating_add(HELD.get());
    if taken.saturating_add(wanted) > most {
        return Err(Error::limit("the call takes too much memory", most)
            .because(Reason::CallMemory)
            .with("setting", "quire.max_call_memory")
            .hint("do it in smaller parts"));
    }
    if heap::is_short() {
        return Err(Error::limit("the server has no memory left for this call", most)
            .because(Reason::OutOfMemory)
            .hint("do it in smaller parts, or when there is less to do"));
    }
    Ok(())
}

/// Memory of PostgreSQL that counts while this lives.
pub struct Held(usize);

impl Held {
    /// Counts so many bytes.
    pub fn bytes(bytes: usize) -> Self {
        HELD.set(HELD.get().saturating_add(bytes));
        Self(bytes)
    }

    /// Counts what a memory context has taken.
    ///
    /// # Safety
    ///
    /// The context must exist.
    pub unsafe fn context(context: pg_sys::MemoryContext) -> Self {
        // SAFETY: the caller's.
        Self::bytes(unsafe { pg_sys::MemoryContextMemAllocated(context, true) })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(self.0));
    }
}

/// While this lives, an error of PostgreSQL that says that memory is out gives the reserve back first: pgrx copies errors, and
/// has to find memory for that. Without any it would fail again and again, until PostgreSQL's stack of errors is full, which is
/// a PANIC.
pub struct Watch {
    callback: Box<pg_sys::ErrorContextCallback>,
}

impl Watch {
    /// From now on.
    pub fn new() -> Self {
        // SAFETY: the stack of callbacks is this backend's; the box stays where it is until it is taken off again.
        unsafe {
            let mut callback = Box::new(pg_sys::ErrorContextCallback {
                previous: pg_sys::error_context_stack,
                callback: Some(at_error),
                arg: std::ptr::null_mut(),
            });
            pg_sys::error_context_stack = &raw mut *callback;
            Self { callback }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: whoever came later has left, or was taken off by the error that ends them all.
        unsafe {
            if std::ptr::eq(pg_sys::error_context_stack, &raw const *self.callback) {
                pg_sys::error_context_stack = self.callback.previous;
            }
        }
    }
}

/// Runs inside of `errfinish`, before it leaves.
unsafe extern "C-unwind" fn at_error(_: *mut c_void) {
    // pgrx's own would set another point to return to in the middle of an error.
    unsafe extern "C-unwind" {
        fn geterrcode() -> c_int;
    }
    // SAFETY: an error is being reported.
    if unsafe { geterrcode() } == pgrx::PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int {
        heap::make_room();
    }
}

/// Takes the reserve again. Cannot fail and calls nothing that could: an error here would end the server process.
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _: *mut c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    if matches!(event, XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE) {
        HELD.set(0);
        heap::restock();
    }
}
