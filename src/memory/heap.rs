//! Rust's heap: the system's, counted, with a reserve.
//!
//! What fails here must not unwind and must not return to Rust, which would call `abort` and so restart the server. FATAL does
//! neither: PostgreSQL's `proc_exit` runs on top of the stack as it stands and ends the process; no Rust frame below ever runs
//! again, so none can see a value half made. What it runs of ours are the callbacks at the end of a transaction, which take
//! nothing from the heap.

use pgrx::PgLogLevel;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{c_char, c_int};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// What is kept for when there is no more: enough for an error to be made, copied, reported and cleaned up after.
const RESERVE: Layout = layout(8 << 20);
/// What is kept for the end of the session, when that was not enough.
const LAST: Layout = layout(1 << 20);

const fn layout(bytes: usize) -> Layout {
    match Layout::from_size_align(bytes, 16) {
        Ok(layout) => layout,
        Err(_) => Layout::new::<u8>(),
    }
}

// A backend has one thread, so nothing is lost between a load and its store; with more, only the count would be off.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static KEPT: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static KEPT_FOR_THE_END: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static SHORT: AtomicBool = AtomicBool::new(false);
static ENDING: AtomicBool = AtomicBool::new(false);

#[global_allocator]
static HEAP: Heap = Heap;

struct Heap;

/// Bytes that are taken.
pub fn live() -> usize {
    LIVE.load(Relaxed)
}

/// Whether the system refused to give more, in this transaction.
pub fn is_short() -> bool {
    SHORT.load(Relaxed)
}

/// Gives the reserve back to the system; `false` if that happened before.
pub fn make_room() -> bool {
    SHORT.store(true, Relaxed);
    give_back(&KEPT, RESERVE)
}

/// Takes the reserve again, if the system gives it.
pub fn restock() {
    SHORT.store(false, Relaxed);
    for (kept, layout) in [(&KEPT, RESERVE), (&KEPT_FOR_THE_END, LAST)] {
        if kept.load(Relaxed).is_null() {
            // SAFETY: the layout has a size.
            kept.store(unsafe { System.alloc(layout) }, Relaxed);
        }
    }
}

fn give_back(kept: &AtomicPtr<u8>, layout: Layout) -> bool {
    let start = kept.swap(null_mut(), Relaxed);
    if !start.is_null() {
        // SAFETY: it came from there with this layout, and nobody else has seen it.
        unsafe { System.dealloc(start, layout) };
    }
    !start.is_null()
}

/// Runs `take`; where it gets nothing, again with the reserve given back; where that does not help, ends the session.
fn insist(grows_by: usize, take: impl Fn() -> *mut u8) -> *mut u8 {
    let mut start = take();
    if start.is_null() && make_room() {
        start = take();
    }
    if start.is_null() {
        end_session();
    }
    LIVE.store(LIVE.load(Relaxed).wrapping_add(grows_by), Relaxed);
    start
}

// SAFETY: everything is the system's own allocator, whose promises it keeps; it never returns null.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        insist(layout.size(), || unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        insist(layout.size(), || unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(start, layout) };
        LIVE.store(LIVE.load(Relaxed).wrapping_sub(layout.size()), Relaxed);
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let grows_by = size.wrapping_sub(layout.size());
        // SAFETY: passed on; a reallocation that gives nothing leaves the old one as it is.
        insist(grows_by, || unsafe { System.realloc(start, layout, size) })
    }
}

unsafe extern "C-unwind" {
    fn errstart(elevel: c_int, domain: *const c_char) -> bool;
    fn errcode(sqlstate: c_int) -> c_int;
    fn errmsg_internal(format: *const c_char, ...) -> c_int;
    fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
}

unsafe extern "C" {
    fn _exit(status: c_int) -> !;
}

/// FATAL 53200, as PostgreSQL's own functions report it.
fn end_session() -> ! {
    give_back(&KEPT_FOR_THE_END, LAST);
    if !ENDING.swap(true, Relaxed) {
        // SAFETY: the texts are constants; FATAL does not return, and nothing that is alive here needs dropping.
        unsafe {
            errstart(PgLogLevel::FATAL as c_int, std::ptr::null());
            errcode(pgrx::PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int);
            errmsg_internal(c"out of memory".as_ptr());
            errfinish(c"quire".as_ptr(), 0, c"quire".as_ptr());
        }
    }
    // Not even that was possible.
    // SAFETY: ends the process.
    unsafe { _exit(1) }
}
