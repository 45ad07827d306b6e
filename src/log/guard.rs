//! The guard of rows that are written once.

use super::store::open_guard;
use quire_core::error::Result;

/// Runs `work` with the guard open: what was found corrupt may be written again, and what has a copy in another form may go.
pub fn with_guard_open<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    open_guard(true)?;
    let done = work();
    open_guard(false)?;
    done
}
