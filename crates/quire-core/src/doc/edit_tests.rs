//! Tests of edits.

use super::edit::{STEP_CHARS, TAKEN_BACK_OPS};
use super::tests_lib::{Dice, edited, limits, random_json, read_all, without};
use super::*;
use crate::error::Code;
use automerge::transaction::Transactable;
use automerge::{AutoCommit, ROOT, ReadDoc, ScalarValue};
use serde_json::{Value, json};

fn actor() -> ActorId {
    ActorId::from(b"server".as_slice())
}

fn author(actor: &ActorId) -> DocAuthor<'_> {
    DocAuthor { actor, time: 12, message: Some("why") }
}

/// A document that holds this.
fn holding(value: &Value) -> Loaded {
    let mut loaded = Loaded::of([&root::first_change().expect("reads")]).expect("loads");
    loaded.put(&author(&actor()), value, &limits()).expect("puts");
    loaded
}

fn json_of(loaded: &Loaded) -> Value {
    loaded.to_json(None, &limits()).expect("JSON")
}

#[test]
fn what_is_put_is_there_afterwards() {
    let mut dice = Dice::new();
    for _ in 0..150 {
        let [old, new] =
            [0; 2].map(|_| json!({"a": random_json(&mut dice, 4), "b": random_json(&mut dice, 3)}));
        // A counter that a number is put upon stays one.
        let [old, new] = [old, new].map(|value| without(value, &["$counter"]));
        let mut loaded = holding(&old);
        assert_eq!(json_of(&loaded), old);
        let before = loaded.heads();
        let change = loaded.put(&author(&actor()), &new, &limits()).expect("puts");
        assert_eq!(json_of(&loaded), new, "from {old}");
        assert_eq!(loaded.put(&author(&actor()), &new, &limits()), Ok(None), "nothing is left to do");
        // The same edit of the same state is the same change, and others who get it have the same.
        let changes = loaded.changes_after(&Heads::default(), &limits()).expect("changes");
        let mut other =
            Loaded::of(changes.iter().filter(|other| Some(*other) != change.as_ref())).expect("loads");
        assert_eq!(other.heads(), before);
        assert_eq!(other.put(&author(&actor()), &new, &limits()), Ok(change));
        assert_eq!(json_of(&Loaded::of(&changes).expect("loads")), new);
        assert_eq!(loaded.to_json(Some(&before), &limits()), Ok(old));
    }
}

/// Documents of other clients hold what no JSON makes: strings, marks, rivals, numbers of every kind.
#[test]
fn putting_what_is_there_changes_nothing() {
    let mut dice = Dice::new();
    for _ in 0..20 {
        let mut loaded = Loaded::of(&read_all(&mut edited(&mut dice, 30))).expect("loads");
        let value = json_of(&loaded);
        assert_eq!(loaded.put(&author(&actor()), &value, &limits()), Ok(None), "{value}");
        let new = without(json!({"a": random_json(&mut dice, 3)}), &["$counter"]);
        loaded.put(&author(&actor()), &new, &limits()).expect("puts");
        assert_eq!(json_of(&loaded), new);
    }
}

/// With integers where a number is whole. To the library 1 is not 1.0 when it tests; RFC 6902 has numbers equal by their value.
fn with_integers(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(whole) if number.is_f64() && whole.fract() == 0.0 => json!(whole as i64),
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(with_integers).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (key, with_integers(value))).collect()
        }
        other => other,
    }
}

#[test]
fn numbers_are_tested_by_their_value() {
    let numbers = [json!(0), json!(-0.0), json!(1), json!(1.0), json!(-3), json!(-3.0), json!(1.5)];
    for (at, old) in numbers.iter().enumerate() {
        for (with, value) in numbers.iter().enumerate() {
            for nest in [|value: &Value| value.clone(), |value: &Value| json!([{"n": value}])] {
                let mut loaded = holding(&json!({"a": nest(old)}));
                let test = json!([{"op": "test", "path": "/a", "value": nest(value)}]);
                let outcome = loaded.patch(&author(&actor()), &test, &limits());
                assert_eq!(outcome.is_ok(), at / 2 == with / 2, "{old} by {test}");
            }
        }
    }
}

/// `json-patch` applies the same patch to the JSON.
#[test]
fn patches_do_what_the_library_does() {
    let mut dice = Dice::new();
    let (mut applied, mut refused) = (0, 0);
    // The library sees the inside of a form, where this one sees one value.
    let forms = ["$bytes", "$counter", "$number", "$object", "$string", "$timestamp"];
    for _ in 0..400 {
        let [a, b] = [0; 2].map(|_| with_integers(without(random_json(&mut dice, 3), &forms)));
        let old = json!({"a": a, "b": b, "c": [1, [2], {"a": 3}]});
        let paths =
            ["/a", "/b", "/c/0", "/c/1/-", "/c/3", "/c/2/a", "/c/-", "/d", "/a/a", "/b/0", "/c/1/0", "/c/4"];
        let patch: Vec<Value> = (0..=dice.throw(3))
            .map(|_| {
                let [path, from] = [0; 2].map(|_| paths[dice.throw(paths.len())]);
                let value = with_integers(without(random_json(&mut dice, 2), &forms));
                match dice.throw(6) {
                    0 => json!({"op": "remove", "path": path}),
                    1 => json!({"op": "replace", "path": path, "value": value}),
                    2 => json!({"op": "copy", "path": path, "from": from}),
                    3 => json!({"op": "move", "path": path, "from": from}),
                    4 => json!({"op": "test", "path": path, "value": value}),
                    _ => json!({"op": "add", "path": path, "value": value}),
                }
            })
            .collect();
        let patch = Value::from(patch);
        let mut expected = old.clone();
        let operations: Vec<json_patch::PatchOperation> =
            serde_json::from_value(patch.clone()).expect("a patch");
        let judged = json_patch::patch_unsafe(&mut expected, &operations);
        let mut loaded = holding(&old);
        let outcome = loaded.patch(&author(&actor()), &patch, &limits());
        match (judged, outcome) {
            (Ok(()), Ok(_)) => {
                assert_eq!(json_of(&loaded), expected, "{old} by {patch}");
                applied += 1;
            }
            (judged, Err(error)) => {
                assert!(matches!(error.code(), Code::Validation | Code::Conflict), "{error}");
                assert!(judged.is_err() || patch.to_string().contains("move"), "{old} by {patch}: {error}");
                assert_eq!(json_of(&loaded), old, "all or nothing");
                refused += 1;
            }
            (Err(error), Ok(_)) => panic!("{old} by {patch}: {error}"),
        }
    }
    assert!(applied > 50 && refused > 50, "{applied} applied, {refused} refused");
}

#[test]
fn texts_are_spliced_and_counters_incremented() {
    let mut loaded = holding(&json!({"text": "hello world", "n": {"$counter": 5}}));
    let base = loaded.changes_after(&Heads::default(), &limits()).expect("changes");
    let mut other = Loaded::of(&base).expect("loads");
    let elsewhere = ActorId::from(b"elsewhere".as_slice());
    let patch = json!([
        {"op": "replace", "path": "/text", "value": "hello, world"},
        {"op": "increment", "path": "/n", "by": 3},
        {"op": "test", "path": "/n", "value": {"$counter": 8}},
        {"op": "replace", "path": "/n", "value": 10},
    ]);
    let one = loaded.patch(&author(&actor()), &patch, &limits()).expect("patches").expect("a change");
    assert_eq!(one.ops(), 3, "a comma and two increments");
    assert_eq!((one.time(), one.message(), one.actor()), (12, Some("why"), &actor()));
    let patch = json!([
        {"op": "splice", "path": "/text", "index": 11, "insert": "!"},
        {"op": "replace", "path": "/n", "value": {"$counter": 4}},
    ]);
    let two = other.patch(&author(&elsewhere), &patch, &limits()).expect("patches").expect("a change");
    loaded.append([&two]).expect("appends");
    assert_eq!(
        json_of(&loaded),
        json!({"text": "hello, world!", "n": {"$counter": 9}}),
        "both edits are there"
    );
}

#[test]
fn lists_keep_what_is_the_same() {
    let mut loaded = holding(&json!({"list": [{"id": 1}, {"id": 2}, {"id": 3}]}));
    let change =
        loaded.put(&author(&actor()), &json!({"list": [{"id": 0}, {"id": 1}, {"id": 3}]}), &limits());
    assert_eq!(change.expect("puts").expect("a change").ops(), 3, "a map with a number in, a map out");
}

#[test]
fn strings_stay_strings() {
    let mut document = AutoCommit::new();
    document.put(ROOT, "s", "old").expect("puts");
    document.commit();
    let mut loaded = Loaded::of(&read_all(&mut document)).expect("loads");
    loaded.put(&author(&actor()), &json!({"s": "new", "t": "text"}), &limits()).expect("puts");
    let (value, _) = loaded.doc().get(ROOT, "s").expect("there").expect("there");
    assert_eq!(value.into_scalar(), Ok(ScalarValue::Str("new".into())));
    assert!(loaded.doc().get(ROOT, "t").expect("there").expect("there").0.is_object());
}

#[test]
fn what_cannot_be_done_is_refused_and_nothing_is_done() {
    let old = json!({"text": "é😀", "n": {"$counter": i64::MAX}, "list": [1], "map": {"a": 1}});
    let mut loaded = holding(&old);
    let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
    for (patch, code) in [
        (json!([{"op": "remove", "path": ""}]), Code::Validation),
        (json!([{"op": "replace", "path": "", "value": [1]}]), Code::Validation),
        (json!([{"op": "remove", "path": "/none"}]), Code::Validation),
        (json!([{"op": "add", "path": "/list/2", "value": 1}]), Code::Validation),
        (json!([{"op": "add", "path": "/list/01", "value": 1}]), Code::Validation),
        (json!([{"op": "add", "path": "/text/0", "value": "a"}]), Code::Validation),
        (json!([{"op": "splice", "path": "/text", "index": 3}]), Code::Validation),
        (json!([{"op": "splice", "path": "/text", "index": 1, "delete": 2}]), Code::Validation),
        (json!([{"op": "splice", "path": "/list", "index": 0, "insert": "a"}]), Code::Validation),
        (json!([{"op": "increment", "path": "/n"}]), Code::Validation),
        (json!([{"op": "increment", "path": "/list/0"}]), Code::Validation),
        (json!([{"op": "move", "path": "/map/a/b", "from": "/map"}]), Code::Validation),
        (json!([{"op": "test", "path": "/list", "value": [2]}]), Code::Conflict),
        (json!([{"op": "add", "path": "/x", "value": deep}]), Code::Limit),
    ] {
        let mut patch = patch;
        patch
            .as_array_mut()
            .expect("an array")
            .insert(0, json!({"op": "add", "path": "/new", "value": "more"}));
        let error = loaded.patch(&author(&actor()), &patch, &limits()).expect_err("refused");
        assert_eq!(error.code(), code, "{patch}: {error}");
        assert_eq!(json_of(&loaded), old, "{patch}");
    }
    let error = loaded.splice_text(&author(&actor()), "/text", 0, 5, "", &limits()).expect_err("outside");
    assert_eq!(error.member("length"), Some(&json!(2)));
    let small = DocLimits { max_change_ops: 5, ..limits() };
    let error = loaded.put(&author(&actor()), &json!({"a": "123456"}), &small).expect_err("too many");
    assert_eq!(error.member("setting"), Some(&json!("quire.max_doc_change_ops")));
    let change = loaded.splice_text(&author(&actor()), "/text", 1, 1, "!", &limits()).expect("splices");
    assert_eq!(change.expect("a change").seq(), 2, "what was refused was not counted");
    assert_eq!(json_of(&loaded)["text"], "é!");
    let nobody = ActorId::from(b"".as_slice());
    assert!(loaded.put(&author(&nobody), &json!({}), &limits()).is_err());
}

#[test]
fn a_long_edit_that_fails_is_not_taken_back_one_by_one() {
    for (length, is_usable) in [(TAKEN_BACK_OPS / 2, true), (TAKEN_BACK_OPS * 2, false)] {
        let old = json!({"text": "é😀"});
        let mut loaded = holding(&old);
        let patch = json!([
            {"op": "splice", "path": "/text", "index": 1, "insert": "a".repeat(length)},
            {"op": "test", "path": "/text", "value": "something else"},
        ]);
        let error = loaded.patch(&author(&actor()), &patch, &limits()).expect_err("refused");
        assert_eq!(error.code(), Code::Conflict, "{error}");
        assert_eq!(loaded.to_json(None, &limits()).ok(), is_usable.then_some(old), "{length}");
    }
}

#[test]
fn a_long_text_is_spliced_in_steps() {
    let mut loaded = holding(&json!({"text": ""}));
    for (index, delete, insert) in [
        (0, 0, "aé😀".repeat(STEP_CHARS)),
        (STEP_CHARS, STEP_CHARS, "b".repeat(STEP_CHARS)),
        (7, STEP_CHARS * 2 + 1, "c".repeat(STEP_CHARS + 1)),
        (1, STEP_CHARS, String::new()),
    ] {
        let old = json_of(&loaded)["text"].as_str().expect("a text").to_owned();
        let change = loaded.splice_text(&author(&actor()), "/text", index, delete, &insert, &limits());
        assert_eq!(change.expect("splices").expect("a change").ops(), delete + insert.chars().count());
        let left = |from: usize, to: usize| old.chars().skip(from).take(to - from).collect::<String>();
        let expected = left(0, index) + &insert + &left(index + delete, old.chars().count());
        assert_eq!(json_of(&loaded)["text"], expected);
    }
}
