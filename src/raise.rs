//! Turns an [`Error`] into a PostgreSQL error with quire's own SQLSTATE, DETAIL and HINT.
//!
//! pgrx knows only the SQLSTATEs of its own enum, so the report is made with PostgreSQL's functions.
//! `errfinish` leaves by longjmp and runs no Rust destructor: every Rust value is dropped before it is called,
//! and the texts are copied into PostgreSQL's own `ErrorContext`. An error while an error is reported is what PostgreSQL can
//! take only a few of, so everything is allocated before.

use crate::memory;
use pgrx::pg_sys;
use quire_core::error::{Error, Result};
use std::ffi::{c_char, c_int};

unsafe extern "C-unwind" {
    fn errstart(elevel: c_int, domain: *const c_char) -> bool;
    fn errcode(sqlstate: c_int) -> c_int;
    fn errmsg_internal(format: *const c_char, ...) -> c_int;
    fn errdetail_internal(format: *const c_char, ...) -> c_int;
    fn errhint(format: *const c_char, ...) -> c_int;
    fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
}

/// The value, or a PostgreSQL error that ends the statement.
pub fn or_raise<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => raise(error),
    }
}

fn raise(error: Error) -> ! {
    let report = Report::of(&error).unwrap_or(Report::OUT_OF_MEMORY);
    drop(error);
    // SAFETY: the pointers are NUL-terminated and live in ErrorContext; nothing that needs dropping is alive here.
    unsafe {
        errstart(pgrx::PgLogLevel::ERROR as c_int, std::ptr::null());
        errcode(report.state);
        errmsg_internal(c"%s".as_ptr(), report.message);
        errdetail_internal(c"%s".as_ptr(), report.detail);
        if !report.hint.is_null() {
            errhint(c"%s".as_ptr(), report.hint);
        }
        errfinish(c"quire".as_ptr(), 0, c"quire".as_ptr());
    }
    unreachable!("errfinish does not return for ERROR")
}

/// The texts of an error, where PostgreSQL finds them.
#[derive(Clone, Copy)]
struct Report {
    state: c_int,
    message: *const c_char,
    detail: *const c_char,
    hint: *const c_char,
}

impl Report {
    /// What is said when there is no memory for anything else.
    const OUT_OF_MEMORY: Self = Self {
        state: encode_sqlstate("53200"),
        message: c"out of memory".as_ptr(),
        detail: c"{\"code\":\"LimitError\",\"reason\":\"out_of_memory\"}".as_ptr(),
        hint: std::ptr::null(),
    };

    /// `None` when there is no memory for it. Nothing may fail once the report has begun, when PostgreSQL copies the texts once
    /// more: memory for that is taken before, and given back for it.
    fn of(error: &Error) -> Option<Self> {
        let detail = error.detail();
        let report = Self {
            state: encode_sqlstate(error.code().sqlstate()),
            message: copy(error.message())?,
            detail: copy(&detail)?,
            hint: error.hint_text().map_or(Some(std::ptr::null()), copy)?,
        };
        let again = error.message().len() + detail.len() + error.hint_text().map_or(0, str::len);
        let spare = allocate(3 * again + SPARE_BYTES)?;
        // SAFETY: it has just been allocated, and nobody else has seen it.
        unsafe { pg_sys::pfree(spare.cast()) };
        Some(report)
    }
}

/// What a report needs besides its texts.
const SPARE_BYTES: usize = 4 << 10;

/// Copies `text` into `ErrorContext`, which PostgreSQL resets after the error is handled.
fn copy(text: &str) -> Option<*const c_char> {
    const NUL: &[u8] = "\u{fffd}".as_bytes();
    let nuls = text.bytes().filter(|byte| *byte == 0).count();
    let start = allocate(text.len() + nuls * (NUL.len() - 1) + 1)?;
    let mut at = start;
    for (number, part) in text.as_bytes().split(|byte| *byte == 0).enumerate() {
        let nul = if number == 0 { &[] } else { NUL };
        for bytes in [nul, part] {
            // SAFETY: there is room for the text with each NUL replaced, and for the one at its end.
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len());
                at = at.add(bytes.len());
            }
        }
    }
    // SAFETY: as above.
    unsafe { at.write(0) };
    Some(start.cast())
}

/// Memory of `ErrorContext`, from the reserve if need be.
fn allocate(bytes: usize) -> Option<*mut u8> {
    let flags = (pg_sys::MCXT_ALLOC_NO_OOM | pg_sys::MCXT_ALLOC_HUGE) as c_int;
    // SAFETY: ErrorContext exists for the backend's life; with these flags, null is the answer when there is no memory.
    let take =
        || unsafe { pg_sys::MemoryContextAllocExtended(pg_sys::ErrorContext, bytes, flags) }.cast::<u8>();
    let mut start = take();
    if start.is_null() && memory::make_room() {
        start = take();
    }
    (!start.is_null()).then_some(start)
}

/// `MAKE_SQLSTATE` of PostgreSQL's `elog.h`: six bits a character.
const fn encode_sqlstate(state: &str) -> c_int {
    let bytes = state.as_bytes();
    let mut code = 0;
    let mut i = 0;
    while i < 5 {
        code |= (((bytes[i] - b'0') & 0x3F) as c_int) << (6 * i);
        i += 1;
    }
    code
}
