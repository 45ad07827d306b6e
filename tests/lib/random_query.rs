//! Documents and conditions by chance, for tests inside of the crate and outside of it, each of which includes this file. They are made
//! of few keys and values, so that they meet.

use super::Dice;
use serde_json::{Map, Value, json};

const KEYS: [&str; 9] = ["a", "b", "c", "0", "1", "a/b", "~", "", "\"$\n"];
const PATHS: [&str; 16] = [
    "/a", "/b", "/c", "/0", "/1", "/a/b", "/a/0", "/a/0/b", "/b/1/0", "/c/a/c", "/a~1b", "/~0", "/",
    "/\"$\n", "/a/b/c", "",
];

/// A value in which others are nested so deep at most.
pub fn random_value(dice: &mut Dice, depth: usize) -> Value {
    match dice.throw(if depth == 0 { 8 } else { 13 }) {
        0 => Value::Null,
        1 => json!(dice.throw(2) == 0),
        2 | 3 => json!(dice.throw(4)),
        4 => {
            let numbers = [
                "1.0",
                "-1.5",
                "0.1",
                "-0.0",
                "1e300",
                "5e-324",
                "9007199254740993",
                "9007199254740992.0",
                "18446744073709551615",
                "9223372036854775808",
                "9.223372036854776e18",
            ];
            serde_json::from_str(numbers[dice.throw(numbers.len())]).expect("a number")
        }
        5..=7 => {
            const TEXTS: [&str; 10] = ["", "a", "ab", "A", "b", "é", "éa", "日本", "😀", "\"\\\n"];
            json!(TEXTS[dice.throw(TEXTS.len())])
        }
        8 | 9 => (0..dice.throw(4)).map(|_| random_value(dice, depth - 1)).collect(),
        _ => Value::Object(members(dice, depth - 1)),
    }
}

fn members(dice: &mut Dice, depth: usize) -> Map<String, Value> {
    let of = if dice.throw(4) == 0 { KEYS.len() } else { 3 };
    (0..dice.throw(4)).map(|_| (KEYS[dice.throw(of)].to_owned(), random_value(dice, depth))).collect()
}

/// A document.
pub fn random_doc(dice: &mut Dice) -> Value {
    Value::Object(members(dice, 3))
}

/// A path that may lead to something.
pub fn random_path(dice: &mut Dice) -> &'static str {
    let of = if dice.throw(2) == 0 { PATHS.len() } else { 6 };
    PATHS[dice.throw(of)]
}

/// What is at a path of the document, or anything.
fn near(dice: &mut Dice, doc: &Value, path: &str) -> Value {
    match doc.pointer(path) {
        Some(value) if dice.throw(2) == 0 => value.clone(),
        _ => random_value(dice, 2),
    }
}

/// A part of a value.
fn part(dice: &mut Dice, value: Value) -> Value {
    match value {
        Value::Array(items) => {
            items.into_iter().filter_map(|item| (dice.throw(2) == 0).then(|| part(dice, item))).collect()
        }
        Value::Object(members) => {
            let some = members
                .into_iter()
                .filter_map(|(key, value)| (dice.throw(2) == 0).then(|| (key, part(dice, value))));
            Value::Object(some.collect())
        }
        value => value,
    }
}

/// A condition, as a query has it, that may hold for the document.
pub fn random_condition(dice: &mut Dice, doc: &Value, depth: usize) -> Value {
    let some = |dice: &mut Dice| -> Vec<Value> {
        (0..=dice.throw(2)).map(|_| random_condition(dice, doc, depth - 1)).collect()
    };
    match dice.throw(if depth == 0 { 1 } else { 5 }) {
        1 => json!({"and": some(dice)}),
        2 => json!({"or": some(dice)}),
        3 => json!({"not": random_condition(dice, doc, depth - 1)}),
        _ => test_of_path(dice, doc),
    }
}

fn test_of_path(dice: &mut Dice, doc: &Value) -> Value {
    let path = random_path(dice);
    let value = near(dice, doc, path);
    let bound = match &value {
        Value::Number(_) | Value::String(_) => value.clone(),
        _ => [json!(1), json!("a")][dice.throw(2)].clone(),
    };
    match dice.throw(11) {
        0 => json!({"path": path, "exists": dice.throw(2) == 0}),
        1 | 2 => json!({"path": path, "eq": value}),
        3 => json!({"path": path, "ne": value}),
        4 => json!({"path": path, "lt": bound}),
        5 => json!({"path": path, "le": bound}),
        6 => json!({"path": path, "gt": bound, "ne": value}),
        7 => json!({"path": path, "ge": bound, "le": random_value(dice, 0).as_str().unwrap_or("b")}),
        8 => json!({"path": path, "in": [random_value(dice, 1), value]}),
        9 => {
            let text = value.as_str().unwrap_or("a");
            let end = text.char_indices().nth(1).map_or(text.len(), |(at, _)| at);
            json!({"path": path, "prefix": &text[..end]})
        }
        _ => json!({"path": path, "contains": part(dice, value)}),
    }
}
