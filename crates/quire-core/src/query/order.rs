//! In which order documents come. What they are sorted by becomes bytes, which compare as the values do: PostgreSQL and Rust sort the
//! same way, and a cursor is where a page ended.
//!
//! Values of different kinds come in this order: nothing, null, false, true, numbers, texts, lists, objects. Lists are not compared with
//! each other, nor are objects.

use super::path::QueryPath;
use super::{MAX_SORT_PATHS, MAX_SORTED_BYTES};
use serde_json::{Number, Value};

/// What documents are sorted by, before their names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DocOrder {
    /// The paths, the first counts most; and whether the greatest comes first.
    pub by: Vec<(QueryPath, bool)>,
}

impl DocOrder {
    /// The key of a document.
    pub fn key_of(&self, doc: &Value) -> Vec<u8> {
        let mut values = [None; MAX_SORT_PATHS];
        for (value, (path, _)) in values.iter_mut().zip(&self.by) {
            *value = path.resolve(doc);
        }
        if self.by.is_empty() { Vec::new() } else { sort_key(values, self.descending()) }
    }

    /// Bit n says that the greatest value of path n comes first.
    pub fn descending(&self) -> i32 {
        self.by.iter().enumerate().map(|(at, (_, is_descending))| i32::from(*is_descending) << at).sum()
    }
}

/// The key of a document in a query that does not sort.
pub const NOTHING_SORTED: &[u8] = &[];

/// What a value of each kind begins with.
mod rank {
    pub const NOTHING: u8 = 0;
    pub const NULL: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const TRUE: u8 = 3;
    pub const NUMBER: u8 = 4;
    pub const TEXT: u8 = 5;
    pub const LIST: u8 = 6;
    pub const OBJECT: u8 = 7;
}

/// The key of a document that has these values at the paths.
pub fn sort_key(values: [Option<&Value>; MAX_SORT_PATHS], descending: i32) -> Vec<u8> {
    let mut key = Vec::new();
    for (at, value) in values.into_iter().enumerate() {
        let begin = key.len();
        add(&mut key, value);
        if descending & (1 << at) != 0 {
            invert(&mut key[begin..]);
        }
    }
    key
}

/// No key of a value is the beginning of another one's, so the inverted ones come in the inverted order.
fn add(key: &mut Vec<u8>, value: Option<&Value>) {
    match value {
        None => key.push(rank::NOTHING),
        Some(Value::Null) => key.push(rank::NULL),
        Some(Value::Bool(false)) => key.push(rank::FALSE),
        Some(Value::Bool(true)) => key.push(rank::TRUE),
        Some(Value::Number(number)) => {
            key.push(rank::NUMBER);
            key.extend(number_key(number));
        }
        Some(Value::String(text)) => {
            key.push(rank::TEXT);
            let bytes = text.as_bytes();
            // JSON that PostgreSQL holds has no NUL.
            key.extend(bytes[..bytes.len().min(MAX_SORTED_BYTES)].iter().map(|byte| (*byte).max(1)));
            key.push(0);
        }
        Some(Value::Array(_)) => key.push(rank::LIST),
        Some(Value::Object(_)) => key.push(rank::OBJECT),
    }
}

fn invert(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
}

/// A number as bytes: the sign, then where its first digit stands, then its digits. It is the number that its shortest text says, as
/// PostgreSQL has it, and not the double that the text stands for.
pub(super) fn number_key(number: &Number) -> Vec<u8> {
    const NEGATIVE: u8 = 0;
    const ZERO: u8 = 1;
    const POSITIVE: u8 = 2;
    let text = number.to_string();
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let Some(first) = digits.iter().position(|digit| *digit != b'0') else { return vec![ZERO] };
    let last = digits.iter().rposition(|digit| *digit != b'0').unwrap_or(first);
    let place = exponent.parse::<i32>().unwrap_or_default() + whole.len() as i32 - first as i32;
    let mut key = vec![POSITIVE];
    key.extend((place.wrapping_sub(i32::MIN) as u32).to_be_bytes());
    key.extend(&digits[first..=last]);
    key.push(0);
    if is_negative {
        key[0] = NEGATIVE;
        invert(&mut key[1..]);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Each is less than the next one.
    #[test]
    fn keys_compare_as_values_do() {
        let long = "x".repeat(MAX_SORTED_BYTES);
        let mut values = vec![None];
        values.extend([json!(null), json!(false), json!(true)].map(Some));
        let numbers = [
            "-1e300",
            "-18446744073709551615",
            "-20",
            "-19.5",
            "-2",
            "-1.23",
            "-1.2",
            "-0.5",
            "-0.05",
            "0",
            "5e-324",
            "0.05",
            "0.5",
            "1",
            "1.2",
            "1.23",
            "2",
            "9",
            "10",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "1e20",
            "1e300",
        ];
        values.extend(numbers.map(|text| Some(serde_json::from_str(text).expect("a number"))));
        values.extend(["", "\u{1}", "A", "AB", "a", "é", "日本", "😀"].map(|text| Some(json!(text))));
        values.extend([json!([]), json!({})].map(Some));
        for pair in values.windows(2) {
            let key = |value: &Option<Value>, down| sort_key([value.as_ref(), None, None], down);
            assert!(key(&pair[0], 0) < key(&pair[1], 0), "{pair:?}");
            assert!(key(&pair[0], 1) > key(&pair[1], 1), "{pair:?}");
        }
        let key = |text: &str| sort_key([Some(&json!(text)), None, None], 0);
        assert_eq!(key(&format!("{long}a")), key(&format!("{long}b")));
    }

    #[test]
    fn the_first_path_counts_most() {
        let key = |a: i64, b: &str, down| sort_key([Some(&json!(a)), Some(&json!(b)), None], down);
        assert!(key(1, "b", 0) < key(2, "a", 0));
        assert!(key(1, "b", 0) < key(1, "c", 0));
        assert!(key(1, "b", 2) > key(1, "c", 2));
        assert!(key(1, "b", 2) < key(2, "a", 2));
    }

    #[test]
    fn numbers_are_what_their_texts_say() {
        let key = |text: &str| number_key(&serde_json::from_str::<Number>(text).expect("a number"));
        for (one, same) in [("1", "1.0"), ("-0.0", "0"), ("1e2", "100"), ("0.10", "1e-1"), ("1E+3", "1000")] {
            assert_eq!(key(one), key(same), "{one} {same}");
        }
        // Of this double the shortest text is not its exact value.
        assert_eq!(
            key("9223372036854776000"),
            number_key(&Number::from_f64(9_223_372_036_854_775_808.0).expect("finite"))
        );
        assert_ne!(key("9007199254740993"), key("9007199254740992"));
    }
}
