//! Where a page ended.

use super::{MAX_SORT_PATHS, MAX_SORTED_BYTES};
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::json::{decode_base64, encode_base64};
use crate::key::DocKey;
use serde_json::json;

/// The last document of a page: what it was sorted by, and its name. As a text it also says of which query it is, and is good for no
/// other one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryCursor {
    /// Its sort key.
    pub key: Vec<u8>,
    /// Its name.
    pub doc: String,
}

/// Digits of the hash of a query.
const DIGITS: usize = 32;
/// Longest text of a cursor: of keys and names of the greatest length, each in Base64 twice.
const MAX_BYTES: usize = 8 << 10;

impl QueryCursor {
    /// As it is handed out with a page of the query that has this hash.
    pub fn to_text(&self, query: &Hash) -> String {
        let parts = json!([query.to_hex()[..DIGITS], encode_base64(&self.key), self.doc]);
        encode_base64(parts.to_string().as_bytes())
    }

    /// As it comes back.
    ///
    /// Errors: `ValidationError` for what is no cursor of this query.
    pub fn parse(text: &str, query: &Hash) -> Result<Self> {
        Self::read(text, query).ok_or_else(|| {
            Error::validation("query member \"after\" is no cursor of this query").with("member", "after").hint(
                "give `next` of the page before, and the same branch, prefix, where, sort and point in time",
            )
        })
    }

    fn read(text: &str, query: &Hash) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let [of, key, doc]: [String; 3] = serde_json::from_slice(&decode_base64(text).ok()?).ok()?;
        let key = decode_base64(&key).ok()?;
        let is_one = of == query.to_hex()[..DIGITS] && key.len() <= MAX_SORT_PATHS * (MAX_SORTED_BYTES + 8);
        DocKey::main(&doc).ok().filter(|_| is_one).map(|name| Self { key, doc: name.doc })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_to_its_own_query_only() {
        let (one, other) = (Hash::of(b"one"), Hash::of(b"other"));
        let longest = QueryCursor { key: vec![7; 3 * (MAX_SORTED_BYTES + 2)], doc: "\"".repeat(255) };
        for cursor in [QueryCursor { key: Vec::new(), doc: "é".into() }, longest] {
            let text = cursor.to_text(&one);
            assert_eq!(QueryCursor::parse(&text, &one), Ok(cursor));
            assert_eq!(
                QueryCursor::parse(&text, &other).expect_err("another").member("member"),
                Some(&"after".into())
            );
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let query = Hash::of(b"one");
        let made = |parts: serde_json::Value| encode_base64(parts.to_string().as_bytes());
        let digits = &query.to_hex()[..DIGITS];
        let nul = made(json!([digits, "", "a\0"]));
        let long = made(json!([digits, "AAAA".repeat(500), "a"]));
        let short = made(json!([digits, ""]));
        for text in ["", "x", "AAAA", &nul, &long, &short, &"A".repeat(1 << 20)] {
            assert!(QueryCursor::parse(text, &query).is_err(), "{text}");
        }
        assert!(QueryCursor::parse(&made(json!([digits, "", "a"])), &query).is_ok());
    }
}
