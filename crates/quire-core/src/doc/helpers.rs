//! Documents as plain bytes, for tables that are nobody's but the caller's. The same arguments give the same bytes.
//!
//! Bytes are those that any Automerge library saves; empty bytes are a document without changes.

use super::conflicts::Conflict;
use super::heads::Heads;
use super::{ActorId, Author, Change, Limits, Loaded, root};
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::interrupt;
use crate::json::canonical;
use serde_json::{Value, json};

/// Most changes of one call.
pub const MAX_CHANGES: usize = 100_000;

fn read(bytes: &[u8], limits: &Limits) -> Result<Loaded> {
    if bytes.is_empty() { Ok(Loaded::new()) } else { Loaded::read(bytes, limits) }
}

/// A new document that holds `value`, an object. Its actor comes from the value, so that documents of different values can be merged;
/// all have the first change in common.
pub fn from_json(value: &Value, limits: &Limits) -> Result<Vec<u8>> {
    if !value.is_object() {
        return Err(Error::validation("a document is a JSON object"));
    }
    let mut loaded = Loaded::of([&root::first_change()?])?;
    let actor = ActorId::from(&Hash::of(&canonical(value)?).as_bytes()[..16]);
    loaded.put(&Author { actor: &actor, time: 0, message: None }, value, limits)?;
    loaded.save()
}

/// What a document holds, now or at heads.
pub fn to_json(bytes: &[u8], at: Option<&Heads>, limits: &Limits) -> Result<Value> {
    read(bytes, limits)?.to_json(at, limits)
}

/// A document with the changes of both.
pub fn merge(one: &[u8], other: &[u8], limits: &Limits) -> Result<Vec<u8>> {
    limits.bytes(one.len().saturating_add(other.len()))?;
    let mut merged = read(one, limits)?;
    let other = read(other, limits)?;
    let changes = other.changes_after(&merged.heads(), limits)?;
    merged.append(&changes)?;
    merged.save()
}

/// The heads of a document.
pub fn heads(bytes: &[u8], limits: &Limits) -> Result<Heads> {
    Ok(read(bytes, limits)?.heads())
}

/// The changes of a document that are not among the ancestors of `after`, each after those it depends on.
pub fn changes(bytes: &[u8], after: &Heads, limits: &Limits) -> Result<Vec<Change>> {
    read(bytes, limits)?.changes_after(after, limits)
}

/// A document with more changes, each after those it depends on.
pub fn apply<'a>(
    bytes: &[u8],
    changes: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> Result<Vec<u8>> {
    let mut loaded = read(bytes, limits)?;
    let (mut all, mut size) = (Vec::new(), bytes.len());
    for bytes in changes {
        interrupt::step()?;
        if all.len() == MAX_CHANGES {
            return Err(Error::limit("too many changes at once", MAX_CHANGES));
        }
        let change = Change::read(bytes, limits)?;
        size = size.saturating_add(change.bytes().len());
        limits.bytes(size)?;
        all.push(change);
    }
    loaded.append(&all)?;
    loaded.save()
}

/// The JSON Patch from one state to another.
pub fn diff(bytes: &[u8], from: Option<&Heads>, to: Option<&Heads>, limits: &Limits) -> Result<Value> {
    read(bytes, limits)?.diff(from, to, limits)
}

/// Every place with more than one value: `[{"path", "values": [{"value", "actor", "change"}]}]`, the value that is seen last.
pub fn conflicts(bytes: &[u8], at: Option<&Heads>, limits: &Limits) -> Result<Value> {
    Ok(conflicts_as_json(&read(bytes, limits)?.conflicts(at, limits)?))
}

/// The same of conflicts that were found already. U+0000 in a path is written as U+FFFD.
pub fn conflicts_as_json(conflicts: &[Conflict]) -> Value {
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
            let base: Vec<&[u8]> = all[..some].iter().map(Change::bytes).collect();
            let base = apply(b"", base, &limits()).expect("applies");
            let now = heads(&base, &limits()).expect("heads");
            let rest = changes(&bytes, &now, &limits()).expect("changes");
            assert_eq!(rest.len(), all.len() - some);
            let whole = apply(&base, rest.iter().map(Change::bytes), &limits()).expect("applies");
            assert_eq!(heads(&whole, &limits()), heads(&bytes, &limits()));
            let patch = diff(&whole, Some(&now), None, &limits()).expect("a patch");
            let operations: Vec<json_patch::PatchOperation> = serde_json::from_value(patch).expect("a patch");
            let mut value = to_json(&base, None, &limits()).expect("JSON");
            json_patch::patch_unsafe(&mut value, &operations).expect("applies");
            assert_eq!(Ok(value), to_json(&whole, None, &limits()));
        }
        let value = without(json!({"a": 1}), &[]);
        let bytes = from_json(&value, &limits()).expect("a document");
        let small = Limits { max_bytes: bytes.len(), ..limits() };
        assert_eq!(merge(&bytes, &bytes, &small).expect_err("too large").code(), Code::Limit);
    }
}
