//! Documents as plain bytes, for tables that are nobody's but the caller's. The same arguments give the same bytes.
//!
//! Bytes are those that any Automerge library saves; empty bytes are a document without changes. Arguments are called here as the SQL
//! functions call them, and errors name them. What is handed out keeps the limits of a document, so that it can be handed in again.

use super::conflicts::DocConflict;
use super::heads::Heads;
use super::json::is_form;
use super::{ActorId, DocAuthor, DocChange, DocLimits, Loaded, document, root};
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::interrupt;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Most changes of one call.
pub const MAX_CHANGES: usize = 100_000;

fn read(argument: &str, bytes: &[u8], limits: &DocLimits) -> Result<Loaded> {
    if bytes.is_empty() {
        return Ok(Loaded::new());
    }
    Loaded::read(bytes, limits).map_err(|error| error.with("argument", argument))
}

/// Its bytes, which are a document within the limits.
fn saved(loaded: Loaded, limits: &DocLimits) -> Result<Vec<u8>> {
    let bytes = loaded.save()?;
    drop(loaded);
    document::price(&bytes, limits)?;
    Ok(bytes)
}

/// A new document that holds `value`, an object. Its actor comes from the value, so that documents of different values can be merged;
/// all have the first change in common.
pub fn from_json(value: &Value, limits: &DocLimits) -> Result<Vec<u8>> {
    if !value.is_object() {
        return Err(Error::validation("value must be a JSON object").with("argument", "value"));
    }
    limits.change_bytes(least_bytes(value, &mut HashSet::new())?)?;
    let mut loaded = Loaded::of([&root::first_change()?])?;
    // Not of the canonical form, in which numbers of 64 bits that differ may be the same.
    let actor = ActorId::from(&Hash::of(value.to_string().as_bytes()).as_bytes()[..16]);
    loaded.put(&DocAuthor { actor: &actor, time: 0, message: None }, value, limits)?;
    saved(loaded, limits)
}

/// Bytes that a change has at least that makes all of a value: of its texts, and of each key once. What has a form of its own counts
/// nothing.
fn least_bytes<'a>(value: &'a Value, keys: &mut HashSet<&'a str>) -> Result<usize> {
    interrupt::step()?;
    let inside = |sum: usize, bytes: Result<usize>| Ok(sum.saturating_add(bytes?));
    match value {
        Value::String(text) => Ok(text.len()),
        Value::Array(items) => items.iter().map(|item| least_bytes(item, keys)).try_fold(0, inside),
        Value::Object(members) if !is_form(members) => members
            .iter()
            .map(|(key, value)| {
                let own = if keys.insert(key) { key.len() } else { 0 };
                inside(own, least_bytes(value, keys))
            })
            .try_fold(0, inside),
        _ => Ok(0),
    }
}

/// What a document holds, now or at heads.
pub fn to_json(doc: &[u8], at: Option<&Heads>, limits: &DocLimits) -> Result<Value> {
    read("doc", doc, limits)?.to_json(at, limits)
}

/// A document with the changes of both.
pub fn merge(doc: &[u8], other: &[u8], limits: &DocLimits) -> Result<Vec<u8>> {
    limits.bytes(doc.len().saturating_add(other.len()))?;
    let mut merged = read("doc", doc, limits)?;
    take_in(&mut merged, &read("other", other, limits)?, limits)?;
    saved(merged, limits)
}

/// A document with the changes of all; `None` when there are none. Only one of them is in memory beside what was merged so far.
pub fn merge_all<'a>(
    docs: impl IntoIterator<Item = &'a [u8]>,
    limits: &DocLimits,
) -> Result<Option<Vec<u8>>> {
    let mut merged: Option<Loaded> = None;
    for doc in docs {
        interrupt::check()?;
        let doc = read("doc", doc, limits)?;
        match &mut merged {
            Some(merged) => take_in(merged, &doc, limits)?,
            None => merged = Some(doc),
        }
    }
    merged.map(|merged| saved(merged, limits)).transpose()
}

/// Adds the changes that `other` has and `merged` lacks.
fn take_in(merged: &mut Loaded, other: &Loaded, limits: &DocLimits) -> Result<()> {
    if !merged.lacks(&other.heads()).is_empty() {
        let changes = other.changes_after(&merged.heads(), limits)?;
        merged.append(&changes)?;
    }
    Ok(())
}

/// The heads of a document.
pub fn heads(doc: &[u8], limits: &DocLimits) -> Result<Heads> {
    Ok(read("doc", doc, limits)?.heads())
}

/// The changes of a document that are not among the ancestors of `after`, each after those it depends on.
pub fn changes(doc: &[u8], after: &Heads, limits: &DocLimits) -> Result<Vec<DocChange>> {
    read("doc", doc, limits)?.changes_after(after, limits)
}

/// A document with more changes, each after those it depends on.
pub fn apply<'a>(
    doc: &[u8],
    changes: impl IntoIterator<Item = &'a [u8]>,
    limits: &DocLimits,
) -> Result<Vec<u8>> {
    let mut loaded = read("doc", doc, limits)?;
    let (mut all, mut size) = (Vec::new(), doc.len());
    for bytes in changes {
        interrupt::step()?;
        if all.len() == MAX_CHANGES {
            return Err(Error::limit("too many changes at once", MAX_CHANGES));
        }
        let change = DocChange::read(bytes, limits).map_err(|error| error.with("argument", "changes"))?;
        size = size.saturating_add(change.bytes().len());
        limits.bytes(size)?;
        all.push(change);
    }
    loaded.append(&all).map_err(|error| error.with("argument", "changes"))?;
    saved(loaded, limits)
}

/// The JSON Patch from one state to another.
pub fn diff(doc: &[u8], from: Option<&Heads>, to: Option<&Heads>, limits: &DocLimits) -> Result<Value> {
    read("doc", doc, limits)?.diff(from, to, limits)
}

/// Every place with more than one value: `[{"path", "values": [{"value", "actor", "change"}]}]`, the value that is seen last.
pub fn conflicts(doc: &[u8], at: Option<&Heads>, limits: &DocLimits) -> Result<Value> {
    Ok(conflicts_as_json(&read("doc", doc, limits)?.conflicts(at, limits)?))
}

/// The same of conflicts that were found already. U+0000 in a path is written as U+FFFD.
pub fn conflicts_as_json(conflicts: &[DocConflict]) -> Value {
    let conflicts = conflicts.iter().map(|conflict| {
        let values: Vec<Value> = conflict
            .values
            .iter()
            .map(|rival| {
                let actor = rival.actor.to_hex_string();
                json!({"value": rival.value, "actor": actor, "change": rival.change.to_string()})
            })
            .collect();
        json!({"path": conflict.path.replace('\0', "\u{fffd}"), "values": values})
    });
    conflicts.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits, random_json, read_all, without};
    use super::*;
    use crate::error::Code;

    #[test]
    fn what_goes_in_comes_out() {
        let mut dice = Dice::new();
        for _ in 0..30 {
            let value = json!({"a": random_json(&mut dice, 4)});
            let bytes = from_json(&value, &limits()).expect("a document");
            assert_eq!(to_json(&bytes, None, &limits()).as_ref(), Ok(&value));
            assert_eq!(from_json(&value, &limits()), Ok(bytes), "the same again");
        }
        for number in [i64::MIN, (1 << 53) - 1, 1 << 53, (1 << 53) + 1] {
            let value = json!({"a": number});
            let bytes = from_json(&value, &limits()).expect("a document");
            assert_eq!(to_json(&bytes, None, &limits()), Ok(value));
        }
        assert_eq!(from_json(&json!([1]), &limits()).expect_err("no object").code(), Code::Validation);
        assert_eq!(to_json(b"", None, &limits()), Ok(json!({})));
        assert_eq!(to_json(b"no document", None, &limits()).expect_err("none").code(), Code::Validation);
        assert_eq!(
            merge(b"", b"", &limits()).and_then(|bytes| heads(&bytes, &limits())),
            Ok(Heads::default())
        );
    }

    #[test]
    fn documents_of_different_values_are_merged() {
        let [one, other] = [json!({"a": 1, "same": 0}), json!({"b": 2, "same": 1})]
            .map(|value| from_json(&value, &limits()).expect("a document"));
        let merged = merge(&one, &other, &limits()).expect("merges");
        let value = to_json(&merged, None, &limits()).expect("JSON");
        assert_eq!((&value["a"], &value["b"]), (&json!(1), &json!(2)));
        assert_eq!(
            heads(&merged, &limits()),
            heads(&merge(&other, &one, &limits()).expect("merges"), &limits())
        );
        let conflicts = conflicts(&merged, None, &limits()).expect("conflicts");
        assert_eq!(conflicts[0]["path"], "/same");
        assert_eq!(conflicts[0]["values"].as_array().map(Vec::len), Some(2));
        assert_eq!(conflicts[0]["values"][1]["value"], value["same"]);
        assert_eq!(
            merge(&merged, &one, &limits()).and_then(|bytes| heads(&bytes, &limits())),
            heads(&merged, &limits())
        );
    }

    #[test]
    fn changes_that_are_taken_out_are_put_in_again() {
        let mut dice = Dice::new();
        for _ in 0..5 {
            let mut document = edited(&mut dice, 30);
            let all = read_all(&mut document);
            let bytes = document.save();
            let some = dice.throw(all.len());
            let base: Vec<&[u8]> = all[..some].iter().map(DocChange::bytes).collect();
            let base = apply(b"", base, &limits()).expect("applies");
            let now = heads(&base, &limits()).expect("heads");
            let rest = changes(&bytes, &now, &limits()).expect("changes");
            assert_eq!(rest.len(), all.len() - some);
            let whole = apply(&base, rest.iter().map(DocChange::bytes), &limits()).expect("applies");
            assert_eq!(heads(&whole, &limits()), heads(&bytes, &limits()));
            let patch = diff(&whole, Some(&now), None, &limits()).expect("a patch");
            let operations: Vec<json_patch::PatchOperation> = serde_json::from_value(patch).expect("a patch");
            let mut value = to_json(&base, None, &limits()).expect("JSON");
            json_patch::patch_unsafe(&mut value, &operations).expect("applies");
            assert_eq!(Ok(value), to_json(&whole, None, &limits()));
        }
        let value = without(json!({"a": 1}), &[]);
        let bytes = from_json(&value, &limits()).expect("a document");
        let small = DocLimits { max_bytes: bytes.len(), ..limits() };
        assert_eq!(merge(&bytes, &bytes, &small).expect_err("too large").code(), Code::Limit);
    }

    #[test]
    fn values_that_hardly_differ_are_made_by_different_actors() {
        let values =
            [json!({"a": (1i64 << 53) + 1}), json!({"a": 1i64 << 53}), json!({"a": (1i64 << 53) as f64})];
        let docs = values.map(|value| from_json(&value, &limits()).expect("a document"));
        let merged =
            merge_all(docs.iter().map(Vec::as_slice), &limits()).expect("merges").expect("a document");
        let conflicts = conflicts(&merged, None, &limits()).expect("conflicts");
        assert_eq!(conflicts[0]["values"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn many_are_merged_as_two_by_two() {
        assert_eq!(merge_all([], &limits()), Ok(None));
        let mut dice = Dice::new();
        for _ in 0..5 {
            let changes = read_all(&mut edited(&mut dice, 30));
            let of = |some: usize| {
                apply(b"", changes[..some].iter().map(DocChange::bytes), &limits()).expect("applies")
            };
            let mut docs: Vec<Vec<u8>> = (0..4).map(|_| of(dice.throw(changes.len() + 1))).collect();
            docs.push(from_json(&json!({"of": "somebody else"}), &limits()).expect("a document"));
            let at_once = merge_all(docs.iter().map(Vec::as_slice), &limits()).expect("merges");
            let two_by_two = docs
                .iter()
                .try_fold(Vec::new(), |merged, doc| merge(&merged, doc, &limits()))
                .expect("merges");
            let at_once = at_once.expect("a document");
            assert_eq!(heads(&at_once, &limits()), heads(&two_by_two, &limits()));
            assert_eq!(to_json(&at_once, None, &limits()), to_json(&two_by_two, None, &limits()));
        }
    }

    #[test]
    fn what_comes_out_can_go_in_again() {
        let [one, other] = [json!({"a": "one"}), json!({"b": "other"})]
            .map(|value| from_json(&value, &limits()).expect("a document"));
        let both = [one.as_slice(), other.as_slice()];
        let merged = merge_all(both, &limits()).expect("merges").expect("a document");
        // What is enough for each of them is too little for both.
        let most = |setting| {
            (1..100).map(setting).find(|limits| to_json(&merged, None, limits).is_ok()).expect("enough")
        };
        let enough = most(|ops| DocLimits { max_ops: ops, ..limits() });
        let little = DocLimits { max_ops: enough.max_ops - 1, ..limits() };
        assert_eq!(merge_all(both, &enough).map(|merged| merged.is_some()), Ok(true));
        for refused in [
            merge(&one, &other, &little),
            merge_all(both, &little).map(Option::unwrap_or_default),
            changes(&other, &Heads::default(), &limits())
                .and_then(|changes| apply(&one, changes.iter().map(DocChange::bytes), &little)),
        ] {
            let error = refused.expect_err("nobody could read it");
            assert_eq!(
                (error.code(), error.member("setting")),
                (Code::Limit, Some(&"quire.max_doc_ops".into()))
            );
        }
    }

    #[test]
    fn what_makes_too_many_operations_is_refused_before_they_are_made() {
        let little = DocLimits { max_change_ops: 1000, ..limits() };
        for value in [json!({"text": "x".repeat(2000)}), json!({"list": vec![0; 1000]})] {
            let error = from_json(&value, &little).expect_err("too many");
            assert_eq!(error.member("setting"), Some(&"quire.max_doc_change_ops".into()));
        }
        let long = "x".repeat(1 << 19);
        for value in [
            json!({"text": "x".repeat(32 << 20)}),
            json!({"a": [{&long: 1}], "b": {(long.clone() + "y"): &long}}),
        ] {
            let error = from_json(&value, &limits()).expect_err("too large");
            assert_eq!(error.member("setting"), Some(&"quire.max_doc_change_bytes".into()));
        }
        // What is less in a change than in JSON.
        let often: Vec<Value> = (0..10_000).map(|_| json!({"a key that comes often": 1})).collect();
        let value = json!({"list": often, "bytes": {"$bytes": "A".repeat(1 << 18)}});
        let least = least_bytes(&value, &mut HashSet::new()).expect("a number");
        let change = from_json(&value, &limits()).and_then(|doc| changes(&doc, &Heads::default(), &limits()));
        assert!(least <= change.expect("a document")[1].bytes().len());
    }

    #[test]
    fn errors_name_the_argument() {
        let named = |error: Error| error.member("argument").cloned();
        let bad: &[u8] = b"no document";
        assert_eq!(from_json(&json!(1), &limits()).map_err(named), Err(Some("value".into())));
        assert_eq!(heads(bad, &limits()).map_err(named), Err(Some("doc".into())));
        assert_eq!(merge(b"", bad, &limits()).map_err(named), Err(Some("other".into())));
        assert_eq!(merge_all([bad], &limits()).map_err(named), Err(Some("doc".into())));
        assert_eq!(apply(b"", [bad], &limits()).map_err(named), Err(Some("changes".into())));
    }
}
