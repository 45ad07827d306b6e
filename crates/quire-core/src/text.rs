//! Short texts: names that callers give, and what of a text goes into an error.

use crate::error::{Error, Result};

/// A type, id or field name: 1 to `longest` bytes without control characters.
pub fn name(argument: &str, text: &str, longest: usize) -> Result<String> {
    let wrong = |what: String| Error::validation(format!("{argument} {what}")).with("argument", argument);
    if text.is_empty() {
        return Err(wrong("must not be empty".into()));
    }
    if text.len() > longest {
        return Err(wrong(format!("must have at most {longest} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong("must not contain control characters".into()));
    }
    Ok(text.to_owned())
}

/// At most 100 characters of a text that is quoted in an error.
pub fn shorten(text: &str) -> String {
    // PostgreSQL's jsonb, with which DETAIL is read, cannot hold a NUL.
    let (text, more) = match text.char_indices().nth(100) {
        Some((at, _)) => (&text[..at], "..."),
        None => (text, ""),
    };
    format!("{}{more}", text.replace('\0', "\u{fffd}"))
}
