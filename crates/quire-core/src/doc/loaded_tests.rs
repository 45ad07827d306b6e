//! Tests of loaded documents.

use super::tests_lib::{Dice, edited, limits, read_all};
use super::*;
use crate::error::Code;
use automerge::transaction::Transactable;
use automerge::{AutoCommit, ObjType, ROOT};
use serde_json::{Value, json};

#[test]
fn any_order_that_keeps_dependencies_gives_the_same() {
    let mut dice = Dice::new();
    for _ in 0..8 {
        let mut document = edited(&mut dice, 40);
        let changes = read_all(&mut document);
        let loaded = Loaded::of(&changes).expect("loads");
        assert_eq!(loaded.heads().as_slice(), document.get_heads());
        // Again, in pieces, with repetitions.
        let mut pieces = Loaded::new();
        let mut given = 0;
        while given < changes.len() {
            let from = dice.throw(given + 1);
            given = (given + 1 + dice.throw(5)).min(changes.len());
            pieces.append(&changes[from..given]).expect("appends");
        }
        assert_eq!(pieces.append(&changes), Ok(0), "all are there");
        let json = loaded.to_json(None, &limits()).expect("JSON");
        assert_eq!(pieces.to_json(None, &limits()).as_ref(), Ok(&json));
        for bytes in [document.save(), loaded.save().expect("saves")] {
            let read = Loaded::read(&bytes, &limits()).expect("reads");
            assert_eq!(read.heads(), loaded.heads());
            assert_eq!(read.to_json(None, &limits()).as_ref(), Ok(&json));
        }
        assert!(!json.to_string().contains("\\u0000"), "jsonb cannot hold it: {json}");
    }
}

#[test]
fn a_state_of_the_past_is_what_it_was() {
    let mut dice = Dice::new();
    let mut document = edited(&mut dice, 40);
    let changes = read_all(&mut document);
    let whole = Loaded::of(&changes).expect("loads");
    let mut growing = Loaded::new();
    for change in &changes {
        growing.append([change]).expect("appends");
        let heads = growing.heads();
        let now = growing.to_json(None, &limits());
        assert_eq!(whole.to_json(Some(&heads), &limits()), now);
        let max = changes.iter().filter(|change| growing.has(&change.hash())).map(DocChange::max_op).max();
        assert_eq!(growing.next_op(), Ok(max.expect("some") + 1));
        let after: Vec<_> =
            whole.changes_after(&heads, &limits()).expect("changes").iter().map(DocChange::hash).collect();
        let expected = changes.iter().map(DocChange::hash).filter(|hash| !growing.has(hash)).count();
        assert_eq!(after.len(), expected);
    }
    let unknown = Heads::new([ChangeHash([7; 32])]);
    assert_eq!(whole.to_json(Some(&unknown), &limits()).expect_err("not there").code(), Code::Validation);
    assert_eq!(whole.changes_after(&unknown, &limits()).expect("all").len(), changes.len());
}

#[test]
fn what_lacks_something_is_refused_and_changes_nothing() {
    let mut document = AutoCommit::new();
    for number in 0..3 {
        document.put(ROOT, "a", number).expect("puts");
        document.commit();
    }
    let changes = read_all(&mut document);
    let mut loaded = Loaded::of(&changes[..1]).expect("loads");
    let error = loaded.append(&changes[2..]).expect_err("one is missing");
    assert_eq!(error.member("missing"), Some(&json!([changes[1].hash().to_string()])));
    assert_eq!(loaded.heads().as_slice(), [changes[0].hash()]);
    assert_eq!(loaded.append([&changes[2], &changes[1]]).expect_err("not in order").code(), Code::Validation);
    assert_eq!(loaded.append(&changes), Ok(2));
    let bytes: Vec<u8> = [0, 2].iter().flat_map(|n: &usize| changes[*n].bytes().to_vec()).collect();
    assert_eq!(Loaded::read(&bytes, &limits()).err().map(|error| error.code()), Some(Code::Validation));
}

/// Two changes of one actor with the same number, and operations on what is not there: Automerge refuses, or panics.
#[test]
fn what_automerge_refuses_makes_it_unusable_and_no_more() {
    let mut document = AutoCommit::new();
    let text = document.put_object(ROOT, "text", ObjType::Text).expect("puts");
    document.splice_text(&text, 0, 0, "hello").expect("splices");
    document.commit();
    let base = read_all(&mut document);
    let mut one = document.fork().with_actor(ActorId::from(b"twice".as_slice()));
    let mut other = document.fork().with_actor(ActorId::from(b"twice".as_slice()));
    one.put(ROOT, "a", 1).expect("puts");
    other.put(ROOT, "a", 2).expect("puts");
    let twice: Vec<DocChange> =
        [&mut one, &mut other].into_iter().filter_map(|document| read_all(document).pop()).collect();
    let mut loaded = Loaded::of(&base).expect("loads");
    let error = loaded.append(&twice).expect_err("the same number twice");
    assert_eq!(error.code(), Code::Validation);
    assert!(loaded.to_json(None, &limits()).is_err() && loaded.append(&base).is_err(), "unusable");

    // A splice into a text that the base does not have.
    document.splice_text(&text, 5, 0, " world").expect("splices");
    document.commit();
    let last = read_all(&mut document).pop().expect("a change");
    let mut expanded = last.inner().decode();
    expanded.deps = Vec::new();
    let stray = DocChange::read(automerge::Change::from(expanded).raw_bytes(), &limits()).expect("a change");
    let mut loaded = Loaded::new();
    let outcome = loaded.append([&stray]);
    assert!(outcome.is_err_and(|error| error.code() == Code::Validation));
}

#[test]
fn paths_are_looked_up() {
    let mut document = AutoCommit::new();
    let list = document.put_object(ROOT, "a/b", ObjType::List).expect("puts");
    let map = document.insert_object(&list, 0, ObjType::Map).expect("inserts");
    document.put(&map, "~", 5).expect("puts");
    document.put(ROOT, "", true).expect("puts");
    document.commit();
    let loaded = Loaded::of(&read_all(&mut document)).expect("loads");
    let at = |paths: &[&str]| loaded.at_paths(paths, None, &limits());
    assert_eq!(
        at(&["/a~1b/0/~0", "/", "/a~1b/1", "/a~1b/00", "/a~1b/0/~0/x", "/none", "/a~1b"]),
        Ok(json!({"/a~1b/0/~0": 5, "/": true, "/a~1b": [{"~": 5}]}))
    );
    assert_eq!(at(&[""]), Ok(json!({"": {"a/b": [{"~": 5}], "": true}})));
    assert_eq!(at(&["a"]).expect_err("no pointer").member("argument"), Some(&json!("paths")));
    assert_eq!(at(&vec![""; 1001]).expect_err("too many").code(), Code::Limit);
    assert_eq!(loaded.at_paths(&["/"], Some(&Heads::default()), &limits()), Ok(json!({})));
}

/// A key of 100 kB in a thousand maps: short as a change, long as JSON.
#[test]
fn a_short_change_does_not_become_long_json() {
    let mut document = AutoCommit::new();
    let list = document.put_object(ROOT, "list", ObjType::List).expect("puts");
    let maps: Vec<_> =
        (0..1000).map(|n| document.insert_object(&list, n, ObjType::Map).expect("inserts")).collect();
    let key = "k".repeat(1000);
    for map in &maps {
        document.put(map, key.as_str(), true).expect("puts");
    }
    document.commit();
    let bytes = document.get_changes(&[])[0].raw_bytes().to_vec();
    assert!(bytes.len() < 20_000);
    let small = DocLimits { max_bytes: 500_000, ..limits() };
    assert!(DocChange::read(&bytes, &small).is_err(), "the key counts as often as it is there");
    let change = DocChange::read(&bytes, &limits()).expect("within limits");
    let loaded = Loaded::of([&change]).expect("loads");
    let small = DocLimits { max_json_bytes: 500_000, ..limits() };
    let error = loaded.to_json(None, &small).expect_err("too long");
    assert_eq!(error.member("setting"), Some(&json!("quire.max_doc_json_bytes")));
}

#[test]
fn depth_is_bounded() {
    let mut document = AutoCommit::new();
    let mut object = ROOT;
    for _ in 0..200 {
        object = document.put_object(&object, "a", ObjType::Map).expect("puts");
    }
    document.commit();
    let loaded = Loaded::of(&read_all(&mut document)).expect("loads");
    let error = loaded.to_json(None, &limits()).expect_err("too deep");
    assert_eq!(error.member("setting"), Some(&json!("quire.max_doc_depth")));
    let below = loaded.at_paths(&["/a".repeat(150).as_str()], None, &limits()).expect("less deep");
    assert_ne!(below, json!({}));
}

#[test]
fn the_first_change_is_what_it_was() {
    let change = root::first_change().expect("reads");
    assert_eq!(change.hash().to_string(), root::FIRST_HASH);
    assert_eq!(change.bytes(), root::FIRST_CHANGE);
    let actor = ActorId::from(root::FIRST_ACTOR.as_slice());
    let made = DocChange::empty(&actor, 1, 1, &Heads::default(), 0, None);
    assert_eq!(made, Ok(change.clone()), "whoever makes it again makes the same");
    // Two who begin with it have it in common.
    let loaded = Loaded::of([&change]).expect("loads");
    assert_eq!(loaded.to_json(None, &limits()), Ok(Value::Object(Default::default())));
    assert_eq!(loaded.next_op(), Ok(1));
    let mut sides = ["one", "other"].map(|name| {
        let mut document = AutoCommit::load(&root::FIRST_CHANGE).expect("loads");
        document.put(ROOT, name, 1).expect("puts");
        document.commit();
        document
    });
    let [one, other] = &mut sides;
    one.merge(other).expect("merges");
    let saved = one.save();
    let merged = Loaded::read(&saved, &limits()).expect("reads");
    assert_eq!(merged.to_json(None, &limits()), Ok(json!({"one": 1, "other": 1})));
    assert_eq!(one.document().get_changes(&[]).len(), 3);
    assert!(merged.has(&change.hash()));
}

/// A cache that counts one as much more than the other gives up what is typed, and keeps what is saved.
#[test]
fn a_typed_document_takes_about_as_much_memory_however_it_was_loaded() {
    let mut document = AutoCommit::new();
    let text = document.put_object(ROOT, "text", ObjType::Text).expect("a text");
    document.commit();
    for at in 0..2000 {
        document.splice_text(&text, at, 0, "x").expect("typed");
        document.commit();
    }
    let typed = Loaded::of(&read_all(&mut document)).expect("loads").memory();
    let saved = Loaded::read(&document.save(), &limits()).expect("reads").memory();
    assert!(saved <= typed && typed <= saved * 2, "{typed} and {saved} bytes");
    assert!(typed > 2000 * 150, "{typed} bytes");
}
