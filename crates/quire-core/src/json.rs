//! JSON helpers: the canonical form (RFC 8785) and strict readers of request objects.

mod read;

pub use read::{Stop, read, read_with};

use crate::error::{Error, Result};
use crate::id::Seq;
use crate::text::shorten;
use crate::{interrupt, number};
use base64::Engine;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;

/// The canonical form (RFC 8785) of `value`, which any client can recompute.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json_canonicalizer::to_vec(value)
        .map_err(|error| Error::internal(format!("no canonical JSON form: {error}")))
}

/// A JSON value in canonical form: equal values are equal texts. A copy shares the text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct JsonValue(Arc<str>);

impl JsonValue {
    /// The canonical form of `value`.
    pub fn of(value: &Value) -> Result<Self> {
        String::from_utf8(canonical(value)?)
            .map(|text| Self(text.into()))
            .map_err(|_| Error::internal("a canonical JSON form is not UTF-8"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parsed.
    pub fn to_value(&self) -> Result<Value> {
        serde_json::from_str(&self.0).map_err(|_| Error::internal("a canonical JSON form cannot be read"))
    }
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.to_value().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// The first number of a JSON text that no double stands for: it would be stored as another one. The text is as PostgreSQL prints
/// `jsonb`, without exponents.
pub fn inexact_number(json: &str) -> Option<&str> {
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let length =
                    bytes[at..].iter().take_while(|byte| matches!(byte, b'-' | b'.' | b'0'..=b'9')).count();
                let number = &json[at..at + length];
                // Fifteen digits always fit.
                if length > 15 && !number::is_exact(number) {
                    return Some(number);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

/// Where the string that starts at `at` is over.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(step) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += step;
        interrupt::tick();
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// The error for JSON that is too deep, which says where if a text of it is at hand.
pub fn too_deep(text: &[u8]) -> Error {
    let reason = serde_json::from_slice::<Value>(text).err().filter(|error| !error.is_eof());
    let reason = reason.map_or_else(|| "recursion limit exceeded".to_owned(), |error| error.to_string());
    Error::validation(format!("unreadable json: {reason}").to_lowercase())
}

/// What a JSON text would be, found out without making any of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// How many values it has, give or take the empty ones.
    pub values: usize,
    /// How deep they are nested.
    pub depth: usize,
    /// Whether a text in it has a NUL.
    pub has_nul: bool,
}

/// Looks at a JSON text once. Of what is no JSON, what comes out means nothing.
pub fn shape(json: &[u8]) -> Result<Shape> {
    let mut shape = Shape { values: 1, depth: 0, has_nul: false };
    let (mut open, mut at) = (0usize, 0);
    while let Some(byte) = json.get(at) {
        interrupt::step()?;
        match byte {
            b'"' => {
                let end = end_of_string(json, at);
                shape.has_nul |= has_escaped_nul(&json[at..end]);
                at = end;
                continue;
            }
            b'[' | b'{' => {
                shape.values += 1;
                open += 1;
                shape.depth = shape.depth.max(open);
            }
            b']' | b'}' => open = open.saturating_sub(1),
            b',' => shape.values += 1,
            _ => {}
        }
        at += 1;
    }
    Ok(shape)
}

/// Whether a string, in its quotes, has the escape of a NUL.
fn has_escaped_nul(string: &[u8]) -> bool {
    let mut at = 0;
    while let Some(step) = string.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += step;
        interrupt::tick();
        if string[at..].starts_with(b"\\u0000") {
            return true;
        }
        at += 2;
    }
    false
}

/// A JSON object whose members are read one by one; what nobody read is refused at the end.
pub struct Members<'a> {
    what: String,
    object: &'a Map<String, Value>,
    read: Vec<&'static str>,
}

impl<'a> Members<'a> {
    /// `what` names the object in errors, such as `ops[3]`.
    pub fn of(what: impl Into<String>, value: &'a Value) -> Result<Self> {
        let what = what.into();
        match value {
            Value::Object(object) => Ok(Self { what, object, read: Vec::new() }),
            _ => Err(Error::validation(format!("{what} must be a JSON object"))),
        }
    }

    /// A member that may be absent or null.
    pub fn opt(&mut self, key: &'static str) -> Option<&'a Value> {
        self.read.push(key);
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// A member that must be there; null is a value.
    pub fn value(&mut self, key: &'static str) -> Result<&'a Value> {
        self.read.push(key);
        self.object.get(key).ok_or_else(|| self.wrong(key, "given"))
    }

    /// A text that may be absent or null.
    pub fn opt_str(&mut self, key: &'static str) -> Result<Option<&'a str>> {
        match self.opt(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a string")),
        }
    }

    /// A text that must be there.
    pub fn str(&mut self, key: &'static str) -> Result<&'a str> {
        self.opt_str(key)?.ok_or_else(|| self.wrong(key, "given"))
    }

    /// An integer that may be absent or null.
    pub fn opt_i64(&mut self, key: &'static str) -> Result<Option<i64>> {
        match self.opt(key) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| self.wrong(key, "an integer")),
        }
    }

    /// An integer that must be there.
    pub fn i64(&mut self, key: &'static str) -> Result<i64> {
        self.opt_i64(key)?.ok_or_else(|| self.wrong(key, "given"))
    }

    /// A seq that may be absent or null.
    pub fn opt_seq(&mut self, key: &'static str) -> Result<Option<Seq>> {
        Ok(self.opt_i64(key)?.map(Seq))
    }

    /// A seq that must be there.
    pub fn seq(&mut self, key: &'static str) -> Result<Seq> {
        self.i64(key).map(Seq)
    }

    /// A uuid that may be absent or null.
    pub fn opt_uuid<T: From<Uuid>>(&mut self, key: &'static str) -> Result<Option<T>> {
        let id =
            self.opt_str(key)?.map(|text| text.parse().map_err(|_| self.wrong(key, "a uuid"))).transpose()?;
        Ok(id.map(|id: Uuid| id.into()))
    }

    /// A uuid that must be there.
    pub fn uuid<T: From<Uuid>>(&mut self, key: &'static str) -> Result<T> {
        self.opt_uuid(key)?.ok_or_else(|| self.wrong(key, "given"))
    }

    /// A 32-bit integer that may be absent or null.
    pub fn opt_i32(&mut self, key: &'static str) -> Result<Option<i32>> {
        self.opt_i64(key)?
            .map(|number| i32::try_from(number).map_err(|_| self.wrong(key, "a 32-bit integer")))
            .transpose()
    }

    /// The items of an array, each read by `parse` with its place.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(usize, &'a Value) -> Result<T>,
    ) -> Result<Vec<T>> {
        match self.value(key)? {
            Value::Array(items) => items.iter().enumerate().map(|(at, item)| parse(at, item)).collect(),
            _ => Err(self.wrong(key, "an array")),
        }
    }

    /// Refuses members nobody read.
    pub fn finish(self) -> Result<()> {
        match self.object.keys().find(|key| !self.read.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                Err(Error::validation(format!("{} has an unknown member {:?}", self.what, shorten(key)))
                    .with("member", shorten(key)))
            }
        }
    }

    /// The error for a member with the wrong shape.
    pub fn wrong(&self, key: &str, expected: &str) -> Error {
        Error::validation(format!("{} member {key:?} must be {expected}", self.what)).with("member", key)
    }
}

/// Standard base64 with padding (RFC 4648 section 4); line breaks, as `encode(bytes, 'base64')` makes them, are allowed.
pub fn decode_base64(text: &str) -> Result<Vec<u8>> {
    /// Digits that are decoded at once, whole groups of four.
    const BLOCK: usize = 64 << 10;
    let most = text.len().div_ceil(4).saturating_mul(3);
    interrupt::room(most)?;
    let mut decoded = Vec::with_capacity(most);
    let mut block = Vec::with_capacity(BLOCK.min(text.len()));
    let (mut rest, mut done) = (text.as_bytes(), 0);
    loop {
        // With the line breaks behind it, so that it shows whether it is the last.
        while let Some(first) = rest.first() {
            interrupt::step()?;
            if matches!(first, b'\n' | b'\r') {
                rest = &rest[1..];
                continue;
            }
            if block.len() == BLOCK {
                break;
            }
            let line = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()).min(BLOCK - block.len());
            block.extend_from_slice(&rest[..line]);
            rest = &rest[line..];
        }
        interrupt::check()?;
        decode_block(&block, rest.is_empty(), &mut decoded).map_err(|error| not_base64(error, done))?;
        if rest.is_empty() {
            return Ok(decoded);
        }
        done += block.len();
        block.clear();
    }
}

/// Adds what a block stands for; padding is in the last one only.
fn decode_block(
    block: &[u8],
    is_last: bool,
    decoded: &mut Vec<u8>,
) -> std::result::Result<(), base64::DecodeError> {
    match memchr::memchr(b'=', block).filter(|_| !is_last) {
        Some(at) => Err(base64::DecodeError::InvalidByte(at, b'=')),
        None => base64::engine::general_purpose::STANDARD.decode_vec(block, decoded),
    }
}

/// The error for a block with so many digits in front of it.
fn not_base64(error: base64::DecodeError, before: usize) -> Error {
    use base64::DecodeError::{InvalidByte, InvalidLastSymbol, InvalidLength, InvalidPadding};
    let error = match error {
        InvalidByte(at, byte) => InvalidByte(before + at, byte),
        InvalidLength(length) => InvalidLength(before + length),
        InvalidLastSymbol { offset, symbol, symbol_value } => {
            InvalidLastSymbol { offset: before + offset, symbol, symbol_value }
        }
        InvalidPadding => InvalidPadding,
    };
    Error::validation(format!("invalid base64: {error}").trim_end_matches('.').to_lowercase())
}

/// Standard base64 with padding, without line breaks.
pub fn encode_base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn canonical_form_sorts_members() {
        assert_eq!(
            canonical(&json!({"b": 1, "a": "é\n"})).expect("canonical"),
            "{\"a\":\"é\\n\",\"b\":1}".as_bytes()
        );
    }

    #[test]
    fn numbers_that_a_double_cannot_hold_are_found() {
        for exact in [
            "1",
            "-0.5",
            "9007199254740992",
            "0.30000000000000004",
            "1000000000000000000000",
            "1.50000000000000000000",
            // Of two equally short texts of a double the one and the other.
            "1424953923781206.2",
            "1424953923781206.3",
            "0.000000029802322387695312",
            "0.000000029802322387695313",
            // With all digits that a double can have, and all that it has.
            "0.10000000000000001",
            "0.10000000000000002",
            "18446744073709551616",
            "0.1000000000000000055511151231257827021181583404541015625",
        ] {
            assert_eq!(
                inexact_number(&format!("[\"12345678901234567890.1\\\"\", {exact}]")),
                None,
                "{exact}"
            );
        }
        for inexact in [
            "9007199254740993",
            "0.1000000000000000055",
            "18446744073709551617",
            "-9007199254740993",
            "1424953923781206.24",
            "1424953923781206.4",
        ] {
            assert_eq!(inexact_number(&format!("{{\"a\\\\\": {inexact}}}")), Some(inexact));
        }
    }

    #[test]
    fn equal_values_have_one_canonical_form() {
        let form = |text: &str| JsonValue::of(&serde_json::from_str(text).expect("JSON")).expect("canonical");
        assert_eq!(form("{\"b\": 1.0, \"a\": [null]}"), form("{\"a\":[null],\"b\":1}"));
        assert_eq!(form("1e21").as_str(), "1e+21");
        assert_ne!(form("0"), form("null"));
    }

    #[test]
    fn a_shape_needs_no_tree() {
        let shape_of = |json: &str| shape(json.as_bytes()).expect("a shape");
        assert_eq!(shape_of("1"), Shape { values: 1, depth: 0, has_nul: false });
        assert_eq!(shape_of(r#"{"a,[": [1, {"b": "]"}]}"#), Shape { values: 5, depth: 3, has_nul: false });
        assert!(shape_of(r#"["a\u0000"]"#).has_nul && shape_of(r#"{"\\\u0000": 1}"#).has_nul);
        assert!(!shape_of(r#"["\\u0000", "\u0001"]"#).has_nul && !shape_of("\"\\").has_nul);
    }

    #[test]
    fn unknown_members_are_refused() {
        let value = json!({"a": 1, "zzz": 2});
        let mut members = Members::of("item", &value).expect("object");
        assert_eq!(members.opt_i64("a").expect("integer"), Some(1));
        assert!(members.finish().expect_err("refused").message().contains("zzz"));
    }

    #[test]
    fn wrong_types_are_refused() {
        let value = json!({"a": "x", "b": 3_000_000_000i64, "c": 1.5});
        let mut members = Members::of("item", &value).expect("object");
        assert!(members.opt_i64("a").is_err());
        assert!(members.opt_i32("b").is_err());
        assert!(members.opt_i64("c").is_err());
        assert!(members.str("missing").is_err());
        assert!(Members::of("item", &json!([1])).is_err());
    }

    #[test]
    fn base64_round_trip() {
        assert_eq!(decode_base64(&encode_base64(b"\x00\xffx")).expect("decodes"), b"\x00\xffx");
        assert_eq!(decode_base64("AP\n94\n").expect("decodes"), b"\x00\xffx");
        assert!(decode_base64("not base64!").is_err());
    }

    #[test]
    fn long_base64_is_decoded_as_short() {
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in [0, 1, 2, 49_151, 49_152, 49_153, 98_304, 200_000] {
            let bytes = &bytes[..length];
            let whole = encode_base64(bytes);
            assert_eq!(decode_base64(&whole).expect("decodes"), bytes, "{length}");
            let lines: Vec<&str> =
                whole.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
            for line_break in ["\n", "\r\n"] {
                let text = format!("{line_break}{}{line_break}", lines.join(line_break));
                assert_eq!(decode_base64(&text).expect("decodes"), bytes, "{length}");
            }
        }
        // Padding is at the end only, and errors say where in the whole text they are.
        let digits = "A".repeat(65_534);
        for (text, reason) in [
            (format!("{digits}==AAAA"), "invalid symbol 61, offset 65534"),
            (format!("{digits}AAAA==AAAA"), "invalid symbol 61, offset 65538"),
            (format!("{digits}AAAA!A"), "invalid symbol 33, offset 65538"),
            (format!("{digits}AAA"), "invalid input length: 65537"),
        ] {
            let error = decode_base64(&text).expect_err(reason);
            assert_eq!(error.message(), format!("invalid base64: {reason}"));
        }
    }
}
