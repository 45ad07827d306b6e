//! Values of documents as JSON, and JSON as values of documents.
//!
//! | Automerge | JSON | and back |
//! |---|---|---|
//! | map, table | object | map |
//! | list | array | list |
//! | text | string | text; where a string (`str`) stands, it stays one |
//! | string (`str`) | string | as above |
//! | boolean, null | the same | the same |
//! | `int`, `uint` | number without a fraction | `int` from -2^63 to 2^63-1, `uint` to 2^64-1, all digits kept; above, the nearest double |
//! | `f64` | number with a fraction or an exponent | `f64`; `jsonb` makes 0 of -0 |
//! | NaN, infinities | `{"$number": "NaN"}`, `"Infinity"`, `"-Infinity"` | the same |
//! | counter | `{"$counter": 5}` | counter; where a counter stands, it is incremented by the difference |
//! | timestamp | `{"$timestamp": 1700000000000}`, milliseconds since 1970 | the same |
//! | bytes | `{"$bytes": "AAEC"}`, Base64 | the same |
//! | text or string with U+0000 | `{"$string": "a\\0b"}`: `\0` for U+0000, `\\` for a backslash | the same |
//! | map with U+0000 in a key, or whose only key is one of these forms | `{"$object": {...}}`, keys written as above | map |
//! | scalar of a later version | `{"$unknown": {"type": 10, "bytes": "AA=="}}` | the same |
//!
//! An object with one member of another name, `{"$ref": ...}` for one, is a plain map. Marks and block markers of rich text are not in
//! the JSON; a block marker is U+FFFC in its text. What is nested deeper than `quire.max_doc_depth` is refused, either way.

use super::DocLimits;
use crate::error::{Error, Result};
use crate::text::shorten;
use automerge::{ScalarValue, ScalarValueRef};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The names of the only member of an object that is not what it looks like.
const FORMS: [&str; 7] = ["$bytes", "$counter", "$number", "$object", "$string", "$timestamp", "$unknown"];

/// A value of a document, one level of it, as JSON says it.
#[derive(Debug, PartialEq)]
pub(super) enum Form<'a> {
    Scalar(ScalarValue),
    Text(Cow<'a, str>),
    Map(Vec<(Cow<'a, str>, &'a Value)>),
    List(&'a [Value]),
}

/// Whether the object stands for something that is no plain map.
pub(super) fn is_form(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.keys().all(|key| FORMS.contains(&key.as_str()))
}

/// A scalar.
pub(super) fn of_scalar(scalar: &ScalarValueRef) -> Value {
    match scalar {
        ScalarValueRef::Null => Value::Null,
        ScalarValueRef::Boolean(value) => Value::from(*value),
        ScalarValueRef::Int(number) => Value::from(*number),
        ScalarValueRef::Uint(number) => Value::from(*number),
        ScalarValueRef::F64(number) if number.is_nan() => json!({"$number": "NaN"}),
        ScalarValueRef::F64(number) if number.is_infinite() => {
            json!({"$number": if *number > 0.0 { "Infinity" } else { "-Infinity" }})
        }
        ScalarValueRef::F64(number) => Value::from(*number),
        ScalarValueRef::Str(text) => of_text(text),
        ScalarValueRef::Bytes(bytes) => json!({"$bytes": STANDARD.encode(bytes)}),
        ScalarValueRef::Counter(number) => json!({"$counter": number}),
        ScalarValueRef::Timestamp(number) => json!({"$timestamp": number}),
        ScalarValueRef::Unknown { type_code, bytes } => {
            json!({"$unknown": {"type": type_code, "bytes": STANDARD.encode(bytes)}})
        }
    }
}

/// A text.
pub(super) fn of_text(text: &str) -> Value {
    if text.contains('\0') { json!({"$string": escaped(text)}) } else { Value::from(text) }
}

/// A map, whose values are JSON already.
pub(super) fn of_map(members: Map<String, Value>) -> Value {
    if !is_form(&members) && !members.keys().any(|key| key.contains('\0')) {
        return Value::Object(members);
    }
    let members: Map<String, Value> =
        members.into_iter().map(|(key, value)| (escaped(&key), value)).collect();
    json!({"$object": members})
}

/// One level of a value.
///
/// Errors: `ValidationError` for an object that has the name of a form and not its content.
pub(super) fn form(value: &Value) -> Result<Form<'_>> {
    Ok(match value {
        Value::Null => Form::Scalar(ScalarValue::Null),
        Value::Bool(value) => Form::Scalar(ScalarValue::Boolean(*value)),
        Value::Number(number) => Form::Scalar(match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => ScalarValue::Int(number),
            (None, Some(number)) => ScalarValue::Uint(number),
            (None, None) => ScalarValue::F64(number.as_f64().unwrap_or(f64::NAN)),
        }),
        Value::String(text) => Form::Text(Cow::Borrowed(text)),
        Value::Array(items) => Form::List(items),
        Value::Object(members) => match members.iter().next() {
            Some((name, value)) if is_form(members) => special(name, value)?,
            _ => Form::Map(members.iter().map(|(key, value)| (Cow::Borrowed(key.as_str()), value)).collect()),
        },
    })
}

/// `{"name": value}`, which is one of the forms.
fn special<'a>(name: &str, value: &'a Value) -> Result<Form<'a>> {
    let wrong = || {
        let shown = shorten(&value.to_string());
        Error::validation(format!("{name} cannot be {shown}"))
            .hint(r#"A map whose only member has this name is written as {"$object": {...}}."#)
    };
    let scalar = match name {
        "$counter" => value.as_i64().map(ScalarValue::counter),
        "$timestamp" => value.as_i64().map(ScalarValue::Timestamp),
        "$bytes" => bytes(value).map(ScalarValue::Bytes),
        "$number" => match value.as_str() {
            Some("NaN") => Some(ScalarValue::F64(f64::NAN)),
            Some("Infinity") => Some(ScalarValue::F64(f64::INFINITY)),
            Some("-Infinity") => Some(ScalarValue::F64(f64::NEG_INFINITY)),
            _ => None,
        },
        "$unknown" => {
            // What Automerge knows has types up to 9, and there is room for 15.
            let code = value.get("type").and_then(Value::as_u64).filter(|code| (10..16).contains(code));
            let bytes = value.get("bytes").and_then(bytes);
            code.zip(bytes).map(|(code, bytes)| ScalarValue::Unknown { type_code: code as u8, bytes })
        }
        "$string" => {
            let text = value.as_str().and_then(unescaped).ok_or_else(wrong)?;
            return Ok(Form::Text(Cow::Owned(text)));
        }
        _ => {
            let members = value.as_object().ok_or_else(wrong)?;
            let named: Option<Vec<_>> =
                members.iter().map(|(key, value)| Some((Cow::Owned(unescaped(key)?), value))).collect();
            return Ok(Form::Map(named.ok_or_else(wrong)?));
        }
    };
    Ok(Form::Scalar(scalar.ok_or_else(wrong)?))
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(value.as_str()?).ok()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\0', "\\0")
}

fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                '\\' => '\\',
                '0' => '\0',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

/// Room for JSON, and how deep it may be.
pub(super) struct Room<'a> {
    limits: &'a DocLimits,
    left: usize,
}

impl<'a> Room<'a> {
    /// Bytes that a value counts besides its text: what it takes in memory.
    const EACH: usize = 32;

    pub(super) fn new(limits: &'a DocLimits) -> Self {
        Self { limits, left: limits.max_json_bytes }
    }

    /// One more value at this depth, whose texts have so many bytes.
    pub(super) fn take(&mut self, bytes: usize, depth: usize) -> Result<()> {
        crate::interrupt::step()?;
        self.limits.depth(depth)?;
        match self.left.checked_sub(bytes.saturating_add(Self::EACH)) {
            Some(left) => self.left = left,
            None => {
                let limit = self.limits.max_json_bytes;
                return Err(Error::limit(
                    "document is too large for JSON: more than quire.max_doc_json_bytes allows",
                    limit,
                )
                .with("setting", "quire.max_doc_json_bytes"));
            }
        }
        Ok(())
    }

    /// Whether a value of somebody fits: how large it is, how deep, and that every form in it is one.
    pub(super) fn check(&mut self, value: &Value, depth: usize) -> Result<()> {
        match form(value)? {
            Form::Scalar(ScalarValue::Bytes(bytes)) => self.take(bytes.len(), depth),
            Form::Scalar(_) => self.take(0, depth),
            Form::Text(text) => self.take(text.len(), depth),
            Form::List(items) => {
                self.take(0, depth)?;
                items.iter().try_for_each(|item| self.check(item, depth + 1))
            }
            Form::Map(members) => {
                self.take(members.iter().map(|(key, _)| key.len()).sum(), depth)?;
                members.iter().try_for_each(|(_, value)| self.check(value, depth + 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use proptest::prelude::*;

    fn borrowed(scalar: &ScalarValue) -> ScalarValueRef<'_> {
        match scalar {
            ScalarValue::Bytes(bytes) => ScalarValueRef::Bytes(Cow::Borrowed(bytes)),
            ScalarValue::Str(text) => ScalarValueRef::Str(Cow::Borrowed(text)),
            ScalarValue::Int(number) => ScalarValueRef::Int(*number),
            ScalarValue::Uint(number) => ScalarValueRef::Uint(*number),
            ScalarValue::F64(number) => ScalarValueRef::F64(*number),
            ScalarValue::Counter(counter) => ScalarValueRef::Counter(counter.into()),
            ScalarValue::Timestamp(number) => ScalarValueRef::Timestamp(*number),
            ScalarValue::Boolean(value) => ScalarValueRef::Boolean(*value),
            ScalarValue::Unknown { type_code, bytes } => {
                ScalarValueRef::Unknown { type_code: *type_code, bytes: Cow::Borrowed(bytes) }
            }
            ScalarValue::Null => ScalarValueRef::Null,
        }
    }

    #[test]
    fn the_table_is_true() {
        for (scalar, text) in [
            (ScalarValue::Null, "null"),
            (ScalarValue::Boolean(true), "true"),
            (ScalarValue::Int(i64::MIN), "-9223372036854775808"),
            (ScalarValue::Int((1 << 53) + 1), "9007199254740993"),
            (ScalarValue::Uint(u64::MAX), "18446744073709551615"),
            (ScalarValue::F64(1.0), "1.0"),
            (ScalarValue::F64(f64::NEG_INFINITY), r#"{"$number":"-Infinity"}"#),
            (ScalarValue::F64(f64::INFINITY), r#"{"$number":"Infinity"}"#),
            (ScalarValue::counter(-5), r#"{"$counter":-5}"#),
            (ScalarValue::Timestamp(1_700_000_000_000), r#"{"$timestamp":1700000000000}"#),
            (ScalarValue::Bytes(vec![0, 1, 2]), r#"{"$bytes":"AAEC"}"#),
            (
                ScalarValue::Unknown { type_code: 10, bytes: vec![0] },
                r#"{"$unknown":{"bytes":"AA==","type":10}}"#,
            ),
        ] {
            let value = of_scalar(&borrowed(&scalar));
            assert_eq!(value.to_string(), text);
            let read: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(form(&read), Ok(Form::Scalar(scalar)));
        }
        assert_eq!(of_scalar(&ScalarValueRef::F64(f64::NAN)), json!({"$number": "NaN"}));
        assert!(
            matches!(form(&json!({"$number": "NaN"})), Ok(Form::Scalar(ScalarValue::F64(number))) if number.is_nan())
        );
        assert_eq!(of_text("a\0\\b"), json!({"$string": "a\\0\\\\b"}));
        assert_eq!(form(&json!({"$string": "a\\0\\\\b"})), Ok(Form::Text("a\0\\b".into())));
        let more: Value = serde_json::from_str("18446744073709551616").expect("JSON");
        assert_eq!(form(&more), Ok(Form::Scalar(ScalarValue::F64(18_446_744_073_709_551_616.0))));
    }

    #[test]
    fn a_map_is_never_taken_for_a_form() {
        let map = |value: Value| of_map(value.as_object().expect("an object").clone());
        assert_eq!(map(json!({"$ref": {"doc": "d"}})), json!({"$ref": {"doc": "d"}}));
        assert_eq!(map(json!({"$counter": 1, "more": 2})), json!({"$counter": 1, "more": 2}));
        assert_eq!(map(json!({"$counter": 1})), json!({"$object": {"$counter": 1}}));
        assert_eq!(map(json!({"$object": 1})), json!({"$object": {"$object": 1}}));
        assert_eq!(map(json!({"a\0": 1, "b\\": 2})), json!({"$object": {"a\\0": 1, "b\\\\": 2}}));
        let value = json!({"$object": {"a\\0": 1}});
        assert_eq!(form(&value), Ok(Form::Map(vec![("a\0".into(), &json!(1))])));
    }

    #[test]
    fn forms_with_something_else_in_them_are_refused() {
        for wrong in [
            json!({"$counter": "1"}),
            json!({"$counter": 1.5}),
            json!({"$counter": u64::MAX}),
            json!({"$bytes": "no base64"}),
            json!({"$bytes": null}),
            json!({"$number": 1}),
            json!({"$timestamp": "2020-01-01"}),
            json!({"$string": "a\\n"}),
            json!({"$string": "\\"}),
            json!({"$object": []}),
            json!({"$unknown": {"type": 3, "bytes": ""}}),
            json!({"$unknown": {"type": 16, "bytes": ""}}),
        ] {
            assert_eq!(form(&wrong).expect_err("no form").code(), Code::Validation, "{wrong}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = (0..50).fold(Value::Null, |inner, _| json!([inner]));
        let limits = DocLimits { max_depth: 49, ..DocLimits::default() };
        let error = Room::new(&limits).check(&nested, 0).expect_err("too deep");
        assert_eq!(error.member("setting"), Some(&"quire.max_doc_depth".into()));
        assert_eq!(Room::new(&DocLimits { max_depth: 50, ..limits }).check(&nested, 0), Ok(()));
        let limits = DocLimits { max_json_bytes: 1000, ..DocLimits::default() };
        let error = Room::new(&limits).check(&json!(vec![0; 40]), 0).expect_err("too large");
        assert_eq!(error.member("setting"), Some(&"quire.max_doc_json_bytes".into()));
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>(), nul in 0usize..3) {
            let text = format!("{text}{}\\", "\0".repeat(nul));
            let value = of_text(&text);
            prop_assert!(!value.to_string().contains("\\u0000"), "jsonb cannot hold it");
            prop_assert_eq!(form(&value), Ok(Form::Text(text.as_str().into())));
            let map = of_map([(text.clone(), Value::Null)].into_iter().collect());
            prop_assert!(!map.to_string().contains("\\u0000"));
            prop_assert_eq!(form(&map), Ok(Form::Map(vec![(text.as_str().into(), &Value::Null)])));
        }
    }
}
