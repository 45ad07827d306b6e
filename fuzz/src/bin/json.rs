//! JSON that is looked at before it is read, read with a look at interrupts, and put into its canonical form; and base64.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fuzz::accepted;
use libfuzzer_sys::fuzz_target;
use quire_core::json::{JsonValue, decode_base64, encode_base64, inexact_number, read_with, shape};
use quire_core::text::shorten;
use serde_json::Value;
use std::marker::PhantomData;

fuzz_target!(|data: &[u8]| {
    check_base64(data);
    let shape = shape(data).expect("nothing interrupts");
    let given: Option<Value> = serde_json::from_slice(data).ok();
    let watched = accepted(read_with(
        data,
        |_| PhantomData::<Value>,
        |reason| quire_core::error::Error::validation(format!("unreadable: {}", shorten(reason))),
    ));
    assert_eq!(watched, given, "read with a look at interrupts it is the same");
    let Some(given) = given else { return };
    let mut actual = Actual::default();
    actual.add(&given, 0);
    // Of members of one name the last one is in the tree, and all are in the text.
    assert!(shape.depth >= actual.depth && shape.values >= actual.values, "{shape:?} is less than there is");
    assert!(shape.has_nul || !actual.has_nul, "a NUL is overlooked");
    let Some(canonical) = accepted(JsonValue::of(&given)) else { return };
    let again = canonical.to_value().expect("a canonical form is read");
    assert_eq!(JsonValue::of(&again), Ok(canonical.clone()), "a canonical form is its own");
    let text = canonical.as_str();
    let canonical_shape = quire_core::json::shape(text.as_bytes()).expect("nothing interrupts");
    assert_eq!((canonical_shape.depth, canonical_shape.has_nul), (actual.depth, actual.has_nul));
    if let Some(number) = inexact_number(text).filter(|_| !text.contains('e')) {
        let double: f64 = number.parse().expect("a number");
        assert_ne!(double.to_string(), number, "it prints as it stands there");
    }
});

/// What a tree is, counted one by one.
#[derive(Default)]
struct Actual {
    values: usize,
    depth: usize,
    has_nul: bool,
}

impl Actual {
    fn add(&mut self, value: &Value, open: usize) {
        self.values += 1;
        match value {
            Value::String(text) => self.has_nul |= text.contains('\0'),
            Value::Array(items) => {
                self.depth = self.depth.max(open + 1);
                items.iter().for_each(|item| self.add(item, open + 1));
            }
            Value::Object(members) => {
                self.depth = self.depth.max(open + 1);
                for (key, member) in members {
                    self.has_nul |= key.contains('\0');
                    self.add(member, open + 1);
                }
            }
            _ => {}
        }
    }
}

/// As the library without quire decodes it, once line breaks are gone.
fn check_base64(data: &[u8]) {
    assert_eq!(decode_base64(&encode_base64(data)).as_deref(), Ok(data));
    let Ok(text) = str::from_utf8(data) else { return };
    let joined: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    assert_eq!(accepted(decode_base64(text)), STANDARD.decode(joined).ok());
}
