//! How far looking at a value has gone, and where it ends.

use super::{MAX_PATTERN_TEXT_BYTES, MAX_STEPS};
use crate::error::Error;
use crate::interrupt;
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;

/// Stack that looking at a value may take, in bytes: less than PostgreSQL leaves below `max_stack_depth`.
const MAX_STACK: usize = 1 << 20;

/// Steps after which somebody who has cancelled should not wait any longer.
const STEPS_BETWEEN_CHECKS: u64 = 10_000;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static UNTIL_CHECK: Cell<u64> = const { Cell::new(0) };
    static STACK: Cell<usize> = const { Cell::new(0) };
    static OVERRUN: RefCell<Option<Overrun>> = const { RefCell::new(None) };
}

/// What unwinds when it is enough.
pub struct Ended;

/// Why it was enough.
pub enum Overrun {
    /// More than [`MAX_STEPS`].
    Steps,
    /// More stack than there is.
    Stack,
    /// A pattern on a longer text than it may be tried on.
    Text,
    /// There is no memory for more.
    Refused(Error),
}

impl Overrun {
    /// In words.
    pub fn why(&self) -> &'static str {
        match self {
            Self::Steps => "it takes too many steps",
            Self::Stack => "it goes too deep",
            Self::Text => "a pattern is for a text that is too long",
            Self::Refused(_) => "there is no memory for it",
        }
    }
}

/// Does `work` with a full meter; why it was ended, if it was.
pub fn metered<T>(work: impl FnOnce() -> T) -> (T, Option<Overrun>) {
    LEFT.set(MAX_STEPS);
    UNTIL_CHECK.set(STEPS_BETWEEN_CHECKS);
    STACK.set(here());
    OVERRUN.take();
    let done = work();
    (done, OVERRUN.take())
}

/// So many steps are about to be taken.
pub fn take(steps: u64) {
    match LEFT.get().checked_sub(steps) {
        Some(left) => LEFT.set(left),
        None => end(Overrun::Steps),
    }
    if here().abs_diff(STACK.get()) > MAX_STACK {
        end(Overrun::Stack);
    }
    match UNTIL_CHECK.get().checked_sub(steps) {
        Some(left) => UNTIL_CHECK.set(left),
        None => {
            UNTIL_CHECK.set(STEPS_BETWEEN_CHECKS);
            if let Err(error) = interrupt::check() {
                end(Overrun::Refused(error));
            }
        }
    }
}

/// A pattern is about to be tried on a text of so many bytes.
pub fn take_text(bytes: usize) -> u64 {
    if bytes > MAX_PATTERN_TEXT_BYTES {
        end(Overrun::Text);
    }
    bytes as u64
}

fn end(why: Overrun) -> ! {
    OVERRUN.set(Some(why));
    // Not a panic: nobody is told of it but who has asked for it.
    resume_unwind(Box::new(Ended))
}

/// About where the stack ends now.
#[inline(never)]
fn here() -> usize {
    let local = 0u8;
    std::ptr::from_ref(std::hint::black_box(&local)) as usize
}
