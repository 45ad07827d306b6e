//! Rust's heap, counted, for tests and fuzzers of what bounds memory: whoever includes this file has its allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Most bytes of memory that the readers of what anybody may send take for a byte of input.
pub const FACTOR: usize = 10;
/// Besides: buffers that do not depend on the input.
pub const BUFFERS: usize = 1 << 20;

#[global_allocator]
static HEAP: Counted = Counted;

struct Counted;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends frees memory when these are gone.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: the system's allocator, and numbers.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: passed on.
        unsafe { System.dealloc(start, layout) }
    }
}

/// What `work` gives, and the most bytes that this thread held meanwhile.
pub fn peak<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = work();
    (result, usize::try_from(PEAK.get() - before).unwrap_or_default())
}

/// What `work` gives, and the bytes that this thread holds longer because of it.
#[allow(dead_code, reason = "not everybody who includes this file keeps what was made")]
pub fn kept<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = LIVE.get();
    let result = work();
    (result, usize::try_from(LIVE.get() - before).unwrap_or_default())
}

/// What `work` gives, whose memory is not counted: it is the test's own.
#[allow(dead_code, reason = "only the fuzzers look at backtraces")]
pub fn uncounted<R>(work: impl FnOnce() -> R) -> R {
    let (live, peak) = (LIVE.get(), PEAK.get());
    let result = work();
    LIVE.set(live);
    PEAK.set(peak);
    result
}
