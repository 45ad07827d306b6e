//! What the tests of documents share.

pub(super) use crate::dice::Dice;

use super::Limits;
use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjId, ObjType, Prop, ROOT, ReadDoc, ScalarValue, TextEncoding};

/// Little, so that what is too large is made fast.
pub(super) fn limits() -> Limits {
    Limits {
        max_change_bytes: 1 << 20,
        max_change_ops: 50_000,
        max_bytes: 4 << 20,
        max_ops: 100_000,
        ..Limits::default()
    }
}

fn scalar(dice: &mut Dice) -> ScalarValue {
    match dice.throw(13) {
        0 => ScalarValue::Null,
        1 => ScalarValue::Boolean(dice.throw(2) == 0),
        2 => ScalarValue::Int(-(dice.throw(1 << 40) as i64)),
        3 => ScalarValue::Uint(u64::MAX - dice.throw(9) as u64),
        4 => ScalarValue::F64(dice.throw(1000) as f64 / 8.0),
        5 => ScalarValue::F64([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300][dice.throw(5)]),
        6 => ScalarValue::Bytes(vec![dice.throw(256) as u8; dice.throw(20)]),
        7 => ScalarValue::counter(dice.throw(100) as i64),
        8 => ScalarValue::Timestamp(1_700_000_000_000 + dice.throw(1000) as i64),
        9 => ScalarValue::Int(dice.throw(100) as i64),
        _ => ScalarValue::Str(word(dice).into()),
    }
}

/// A short text, now and then with what is hard to write.
pub(super) fn word(dice: &mut Dice) -> String {
    const WORDS: [&str; 10] = ["a", "b", "long words", "", "é", "日本", "😀", "\\0", "$counter", "a\0b"];
    WORDS[dice.throw(WORDS.len())].to_owned()
}

fn key(dice: &mut Dice) -> String {
    const KEYS: [&str; 8] = ["a", "b", "c", "a/b", "~", "$bytes", "nul\0", ""];
    let of = if dice.throw(4) == 0 { KEYS.len() } else { 3 };
    KEYS[dice.throw(of)].to_owned()
}

fn object_type(value: &automerge::ValueRef) -> Option<ObjType> {
    match value {
        automerge::ValueRef::Object(kind) => Some(*kind),
        automerge::ValueRef::Scalar(_) => None,
    }
}

/// Every object of the document, the root first.
fn objects(document: &AutoCommit) -> Vec<(ObjId, ObjType)> {
    let mut found = vec![(ROOT, ObjType::Map)];
    let mut next = 0;
    while let Some((object, kind)) = found.get(next).cloned() {
        next += 1;
        match kind {
            ObjType::Map | ObjType::Table => {
                let items = document.map_range(&object, ..);
                found.extend(items.filter_map(|item| Some((item.id(), object_type(&item.value)?))));
            }
            ObjType::List => {
                let items = document.list_range(&object, ..);
                found.extend(items.filter_map(|item| Some((item.id(), object_type(&item.value)?))));
            }
            ObjType::Text => {}
        }
    }
    found
}

/// One random edit, which is left out where it is impossible.
fn edit(dice: &mut Dice, document: &mut AutoCommit) {
    let objects = objects(document);
    let (object, kind) = objects[dice.throw(objects.len())].clone();
    let length = document.length(&object);
    let made = [ObjType::Map, ObjType::List, ObjType::Text][dice.throw(3)];
    let prop = match kind {
        ObjType::Map | ObjType::Table => Prop::Map(key(dice)),
        _ => Prop::Seq(dice.throw(length + 1)),
    };
    let done = match (kind, dice.throw(6)) {
        (ObjType::Text, 0) if length > 1 => {
            let mark = Mark::new("bold".to_owned(), true, 0, length - 1);
            document.mark(&object, mark, ExpandMark::Both)
        }
        (ObjType::Text, _) => {
            let at = dice.throw(length + 1);
            let deleted = dice.throw(4).min(length - at);
            document.splice_text(&object, at, deleted as isize, &word(dice))
        }
        (_, 0) => document.delete(&object, prop),
        (_, 1) => document.increment(&object, prop, dice.throw(9) as i64 - 4),
        (ObjType::List, 2) => document.insert_object(&object, dice.throw(length + 1), made).map(drop),
        (ObjType::List, 3 | 4) => document.insert(&object, dice.throw(length + 1), scalar(dice)),
        (_, 2 | 3) => document.put_object(&object, prop, made).map(drop),
        _ => document.put(&object, prop, scalar(dice)),
    };
    // An increment of what is no counter, a place behind the end.
    drop(done);
}

/// A document that up to three have edited at once, in about so many changes.
pub(super) fn edited(dice: &mut Dice, changes: usize) -> AutoCommit {
    let mut copies: Vec<AutoCommit> = (0..3u8)
        .map(|n| {
            AutoCommit::new_with_encoding(TextEncoding::UnicodeCodePoint)
                .with_actor(ActorId::from([n + 1; 4].as_slice()))
        })
        .collect();
    for _ in 0..changes {
        let one = dice.throw(copies.len());
        for _ in 0..=dice.throw(4) {
            edit(dice, &mut copies[one]);
        }
        copies[one].commit();
        if dice.throw(4) == 0 {
            let mut other = copies[dice.throw(3)].clone();
            copies[one].merge(&mut other).expect("merges");
        }
    }
    let mut merged = copies.swap_remove(0);
    for other in &mut copies {
        merged.merge(other).expect("merges");
    }
    merged
}

/// The changes of a document, as they are read from anybody.
pub(super) fn read_all(document: &mut AutoCommit) -> Vec<super::Change> {
    let changes = document.get_changes(&[]);
    changes
        .iter()
        .map(|change| super::Change::read(change.raw_bytes(), &limits()).expect("a change"))
        .collect()
}

/// JSON as PostgreSQL may hold it, with forms in it.
pub(super) fn random_json(dice: &mut Dice, depth: usize) -> serde_json::Value {
    use serde_json::{Value, json};
    match dice.throw(if depth == 0 { 9 } else { 14 }) {
        0 => Value::Null,
        1 => json!(dice.throw(2) == 0),
        2 => json!(dice.throw(4)),
        3 => json!(-1.5 * dice.throw(3) as f64),
        4 => json!({"$counter": dice.throw(5)}),
        5 => {
            [json!({"$bytes": "AAEC"}), json!({"$timestamp": 5}), json!({"$number": "NaN"}), json!(u64::MAX)]
                [dice.throw(4)]
            .clone()
        }
        6 => json!({"$string": "a\\0b"}),
        7 | 8 => json!(word(dice).replace('\0', "")),
        9 | 10 => (0..dice.throw(5)).map(|_| random_json(dice, depth - 1)).collect(),
        _ => {
            const KEYS: [&str; 6] = ["a", "b", "c", "a/b", "~", ""];
            let members: serde_json::Map<String, Value> = (0..dice.throw(4))
                .map(|_| (KEYS[dice.throw(6)].to_owned(), random_json(dice, depth - 1)))
                .collect();
            if dice.throw(8) == 0 {
                json!({"$object": {"$counter": members}})
            } else {
                Value::Object(members)
            }
        }
    }
}

/// The same without these forms.
pub(super) fn without(value: serde_json::Value, forms: &[&str]) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Array(items) => items.into_iter().map(|item| without(item, forms)).collect(),
        Value::Object(members)
            if members.len() == 1 && members.keys().all(|key| forms.contains(&key.as_str())) =>
        {
            Value::from("instead")
        }
        Value::Object(members) => {
            let is_map = members.len() == 1 && members.contains_key("$object");
            let inside = |value| match value {
                Value::Object(members) if is_map => {
                    members.into_iter().map(|(key, value)| (key, without(value, forms))).collect()
                }
                value => without(value, forms),
            };
            members.into_iter().map(|(key, value)| (key, inside(value))).collect()
        }
        value => value,
    }
}
