//! Marks: the beginning of a bundle's checksum, which says of which log a seq is.
//!
//! A database that is set back to a backup gives out its seqs again. Because every checksum contains the one before, the
//! log up to a seq is the one somebody knows exactly when the checksum there is.

use crate::error::{Error, Result};
use crate::hash::Hash;
use std::fmt;

/// From the first 16 to all 64 hex digits of a bundle's checksum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark(String);

impl Mark {
    /// How many digits are handed out: two logs that are not made to look alike differ in them.
    const DIGITS: usize = 16;

    /// As it is handed out.
    pub fn of(checksum: &Hash) -> Self {
        let mut digits = checksum.to_hex();
        digits.truncate(Self::DIGITS);
        Self(digits)
    }

    /// As it comes back: 16 to 64 lower-case hex digits (22023).
    pub fn parse(argument: &str, text: &str) -> Result<Self> {
        let is_length = (Self::DIGITS..=2 * Hash::BYTES).contains(&text.len());
        if is_length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::validation(format!(
            "{argument} must be the first 16 to 64 lower-case hex digits of a bundle's checksum"
        ))
        .with("argument", argument))
    }

    /// Whether a checksum begins so.
    pub fn is_of(&self, checksum: &Hash) -> bool {
        checksum.to_hex().starts_with(&self.0)
    }

    /// Whether both can be of one checksum.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_from_what_is_handed_out_to_the_whole_is_of_its_checksum_and_of_no_other() {
        let (checksum, other) = (Hash::of(b"one"), Hash::of(b"two"));
        let digits = checksum.to_hex();
        for length in 0..=digits.len() {
            let parsed = Mark::parse("after_checksum", &digits[..length]);
            assert_eq!(parsed.is_ok(), length >= 16, "{length} digits");
            let Ok(mark) = parsed else { continue };
            assert!(mark.is_of(&checksum) && mark.agrees_with(&Mark::of(&checksum)));
            assert!(!mark.is_of(&other) && !mark.agrees_with(&Mark::of(&other)));
        }
        assert_eq!(Mark::of(&checksum).as_str(), &digits[..16]);
    }

    #[test]
    fn what_are_no_digits_is_refused() {
        let digits = Hash::of(b"one").to_hex();
        for text in ["0123456789ABCDEF", "0123456789abcdeg", "", "äääääääääääääääää", &format!("{digits}0")]
        {
            assert!(Mark::parse("after_checksum", text).is_err(), "{text}");
        }
    }
}
