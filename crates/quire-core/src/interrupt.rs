//! Whether long work may go on.
//!
//! Everything whose length somebody else decides calls [`check`] at least every few milliseconds. The server hangs its own
//! look at cancels, ends of sessions and memory there ([`install`]); without a server nothing is asked.

use crate::error::Result;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

static HOOK: OnceLock<fn(usize) -> Result<()>> = OnceLock::new();

/// Has `hook` asked from now on, with the bytes that are about to be taken. It may unwind.
pub fn install(hook: fn(usize) -> Result<()>) {
    // The first one stays: there is one server.
    let _ = HOOK.set(hook);
}

/// Whether to go on: an error when there is no memory for more. Unwinds when the work was cancelled.
pub fn check() -> Result<()> {
    room(0)
}

/// As [`check`], before so many bytes are taken at once.
pub fn room(bytes: usize) -> Result<()> {
    HOOK.get().map_or(Ok(()), |hook| hook(bytes))
}

/// As [`check`], for a step that costs next to nothing: asks every now and then.
pub fn step() -> Result<()> {
    if is_due() { check() } else { Ok(()) }
}

/// As [`step`], where no error can be handed on: what has no memory hears of it at the next [`check`].
pub fn tick() {
    if is_due() {
        let _ = check();
    }
}

/// As [`check`], before a step that may be long, where no error can be handed on.
pub fn pause() {
    let _ = check();
}

/// Asks whenever so much has been read, however long or short the pieces are.
#[derive(Default)]
pub struct Meter(usize);

impl Meter {
    /// What it asks after: reading it takes a few milliseconds.
    const STEP_BYTES: usize = 64 << 10;
    /// A piece counts as so much at least.
    const LEAST_BYTES: usize = 16;

    /// So many bytes were read.
    pub fn took(&mut self, bytes: usize) -> Result<()> {
        self.0 = self.0.saturating_add(bytes.max(Self::LEAST_BYTES));
        if self.0 < Self::STEP_BYTES {
            return Ok(());
        }
        self.0 = 0;
        check()
    }
}

/// Once in a thousand calls.
fn is_due() -> bool {
    static STEPS: AtomicU32 = AtomicU32::new(0);
    let steps = STEPS.load(Ordering::Relaxed).wrapping_add(1);
    STEPS.store(steps, Ordering::Relaxed);
    steps.is_multiple_of(1 << 10)
}
