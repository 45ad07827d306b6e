//! Turns an [`Error`] into a PostgreSQL error with quire's own SQLSTATE, DETAIL and HINT.
//!
//! pgrx knows only the SQLSTATEs of its own enum, so the report is made with PostgreSQL's functions.
//! `errfinish` leaves by longjmp and runs no Rust destructor: every Rust value is dropped before it is called,
//! and the texts are copied into PostgreSQL's own `ErrorContext`.

use crate::error::{Error, Result};
use pgrx::pg_sys;
use std::ffi::{CString, c_char, c_int};

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
    let state = encode_sqlstate(error.code().sqlstate());
    let message = copy(error.message());
    let detail = copy(&error.detail());
    let hint = error.hint_text().map_or(std::ptr::null(), copy);
    drop(error);
    // SAFETY: the pointers are NUL-terminated and live in ErrorContext; nothing that needs dropping is alive here.
    unsafe {
        errstart(pgrx::PgLogLevel::ERROR as c_int, std::ptr::null());
        errcode(state);
        errmsg_internal(c"%s".as_ptr(), message);
        errdetail_internal(c"%s".as_ptr(), detail);
        if !hint.is_null() {
            errhint(c"%s".as_ptr(), hint);
        }
        errfinish(c"quire".as_ptr(), 0, c"quire".as_ptr());
    }
    unreachable!("errfinish does not return for ERROR")
}

/// Copies `text` into `ErrorContext`, which PostgreSQL resets after the error is handled.
fn copy(text: &str) -> *const c_char {
    let bytes = CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
    // SAFETY: MemoryContextStrdup copies a NUL-terminated string; ErrorContext exists for the backend's life.
    unsafe { pg_sys::MemoryContextStrdup(pg_sys::ErrorContext, bytes.as_ptr()) }
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
