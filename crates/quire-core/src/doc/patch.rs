//! JSON Patch (RFC 6902): reading one, and the one that leads from a value to another.
//!
//! Two operations are added to the six of the RFC: `{"op": "increment", "path": ..., "by": 1}` for counters, and
//! `{"op": "splice", "path": ..., "index": 0, "delete": 1, "insert": "text"}` for texts, which counts Unicode code points.

use super::json::{Room, is_form};
use super::tree::pointer;
use super::{Limits, malformed};
use crate::diff::{Compared, SEARCH_TIME, steps};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::text::shorten;
use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::{Map, Value};
use similar::DiffOp;
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

/// Most operations of a patch.
pub const MAX_OPERATIONS: usize = 10_000;
/// Lists that differ in more places than this many items of one times items of the other are not searched for the shortest difference.
const MAX_SEARCH: usize = 400_000_000;

/// One operation of a patch.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Operation {
    Rfc(PatchOperation),
    Increment { path: PointerBuf, by: i64 },
    Splice { path: PointerBuf, index: usize, delete: usize, insert: String },
}

/// Reads a patch.
///
/// Errors: `ValidationError` for what is no operation; `LimitError` for more than [`MAX_OPERATIONS`], or values that are too large.
pub(super) fn parse(patch: &Value, limits: &Limits) -> Result<Vec<Operation>> {
    let Value::Array(items) = patch else {
        return Err(Error::validation("patch must be an array of operations"));
    };
    if items.len() > MAX_OPERATIONS {
        return Err(Error::limit("patch has too many operations", MAX_OPERATIONS).with("size", items.len()));
    }
    let mut room = Room::new(limits);
    items
        .iter()
        .enumerate()
        .map(|(number, item)| operation(item, &mut room).map_err(|error| error.with("operation", number)))
        .collect()
}

fn operation(item: &Value, room: &mut Room) -> Result<Operation> {
    let wrong = |why: &str| malformed("patch is malformed", why);
    let members = item.as_object().ok_or_else(|| wrong("an operation is no object"))?;
    let path = |name: &str| -> Result<PointerBuf> {
        let text =
            members.get(name).and_then(Value::as_str).ok_or_else(|| wrong("an operation has no path"))?;
        Ok(pointer(name, text)?.to_buf())
    };
    let number = |name: &str| -> Result<usize> {
        let number =
            members.get(name).map_or(Some(0), Value::as_u64).and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| wrong("a position or length is no number"))
    };
    if let Some(value) = members.get("value") {
        room.check(value, path("path")?.tokens().count())?;
    }
    match members.get("op").and_then(Value::as_str) {
        Some("increment") => {
            let by = members.get("by").map_or(Some(1), Value::as_i64);
            Ok(Operation::Increment {
                path: path("path")?,
                by: by.ok_or_else(|| wrong("`by` is no number"))?,
            })
        }
        Some("splice") => {
            let insert = members.get("insert").map_or(Some(""), Value::as_str);
            let insert = insert.ok_or_else(|| wrong("`insert` is no text"))?.to_owned();
            room.take(insert.len(), 0)?;
            Ok(Operation::Splice {
                path: path("path")?,
                index: number("index")?,
                delete: number("delete")?,
                insert,
            })
        }
        Some("add" | "replace" | "test") if !members.contains_key("value") => {
            Err(wrong("an operation has no value"))
        }
        Some("add" | "remove" | "replace" | "move" | "copy" | "test") => {
            path("path")?;
            if members.contains_key("from") {
                path("from")?;
            }
            serde::Deserialize::deserialize(item)
                .map(Operation::Rfc)
                .map_err(|error| wrong(&error.to_string()))
        }
        other => Err(wrong(&format!("it has the operation {:?}", shorten(other.unwrap_or_default())))),
    }
}

/// Whether two values are the same to JSON: 1 and 1.0 are.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        (one, other) => one == other,
    }
}

/// The members of an object that is a plain map.
fn plain(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object().filter(|members| !is_form(members))
}

/// The steps from a list to another by the longest common subsequence, in the order of the lists.
pub(super) fn list_steps(old: &[Value], new: &[Value]) -> Result<Vec<DiffOp>> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut numbered = |items: &[Value]| -> Result<Vec<Compared<u32>>> {
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            interrupt::step()?;
            let next = numbers.len() as u32;
            list.push(Compared(*numbers.entry(item.to_string()).or_insert(next)));
        }
        Ok(list)
    };
    let (old, new) = (numbered(old)?, numbered(new)?);
    let before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - before;
    let after = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let (changed_old, changed_new) = (old.len() - before - after, new.len() - before - after);
    if changed_old.saturating_mul(changed_new) <= MAX_SEARCH {
        return steps(&old, &new, Instant::now() + SEARCH_TIME);
    }
    let equal = |old_index, new_index, len| DiffOp::Equal { old_index, new_index, len };
    let replace =
        DiffOp::Replace { old_index: before, old_len: changed_old, new_index: before, new_len: changed_new };
    Ok(vec![equal(0, 0, before), replace, equal(before + changed_old, before + changed_new, after)])
}

/// The patch that makes `new` of `old`: `add`, `remove` and `replace` only, no longer than it has to be. What stands for something that
/// is no plain map or list is replaced as a whole.
///
/// Errors: `LimitError` when it is larger than documents may be as JSON.
pub fn difference(old: &Value, new: &Value, limits: &Limits) -> Result<Value> {
    let mut out = Difference { operations: Vec::new(), room: Room::new(limits) };
    out.between(&mut PointerBuf::new(), old, new)?;
    serde_json::to_value(out.operations).map_err(|error| Error::internal(error.to_string()))
}

struct Difference<'a> {
    operations: Vec<PatchOperation>,
    room: Room<'a>,
}

impl Difference<'_> {
    fn between(&mut self, path: &mut PointerBuf, old: &Value, new: &Value) -> Result<()> {
        interrupt::step()?;
        if old == new {
            return Ok(());
        }
        if let (Some(old), Some(new)) = (plain(old), plain(new)) {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                path.push_back(key.as_str());
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => self.between(path, old, new)?,
                    (None, Some(new)) => self.add(path, new)?,
                    (_, None) => self.remove(path)?,
                }
                path.pop_back();
            }
            return Ok(());
        }
        if let (Value::Array(old), Value::Array(new)) = (old, new) {
            // From the end, so that no operation moves the next one's place.
            for step in list_steps(old, new)?.into_iter().rev() {
                if matches!(step, DiffOp::Equal { .. }) {
                    continue;
                }
                let (old_range, new_range) = (step.old_range(), step.new_range());
                let paired = old_range.len().min(new_range.len());
                for index in (old_range.start + paired..old_range.end).rev() {
                    path.push_back(index);
                    self.remove(path)?;
                    path.pop_back();
                }
                for (index, item) in new[new_range.start + paired..new_range.end].iter().enumerate() {
                    path.push_back(old_range.start + paired + index);
                    self.add(path, item)?;
                    path.pop_back();
                }
                for index in (0..paired).rev() {
                    path.push_back(old_range.start + index);
                    self.between(path, &old[old_range.start + index], &new[new_range.start + index])?;
                    path.pop_back();
                }
            }
            return Ok(());
        }
        self.room.take(path.len(), 0)?;
        self.room.check(new, 0)?;
        self.operations
            .push(PatchOperation::Replace(ReplaceOperation { path: path.clone(), value: new.clone() }));
        Ok(())
    }

    fn add(&mut self, path: &Pointer, value: &Value) -> Result<()> {
        self.room.take(path.len(), 0)?;
        self.room.check(value, 0)?;
        self.operations.push(PatchOperation::Add(AddOperation { path: path.to_buf(), value: value.clone() }));
        Ok(())
    }

    fn remove(&mut self, path: &Pointer) -> Result<()> {
        self.room.take(path.len(), 0)?;
        self.operations.push(PatchOperation::Remove(RemoveOperation { path: path.to_buf() }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, limits, random_json};
    use super::*;
    use crate::error::Code;
    use serde_json::json;

    /// The library's own way of applying a patch is the judge.
    #[test]
    fn a_difference_leads_from_one_to_the_other() {
        let mut dice = Dice::new();
        for _ in 0..400 {
            let [old, new] = [0; 2].map(|_| random_json(&mut dice, 4));
            let patch = difference(&old, &new, &limits()).expect("a patch");
            let operations: Vec<PatchOperation> = serde_json::from_value(patch.clone()).expect("a patch");
            let mut value = old.clone();
            json_patch::patch(&mut value, &operations).expect("applies");
            assert_eq!(value, new, "{old} by {patch}");
            assert_eq!(difference(&new, &new, &limits()), Ok(json!([])));
        }
    }

    #[test]
    fn it_is_as_short_as_it_can_be() {
        let of = |old: Value, new: Value| difference(&old, &new, &limits()).expect("a patch");
        assert_eq!(
            of(json!({"a": [1, 2, 3]}), json!({"a": [1, 3]})),
            json!([{"op": "remove", "path": "/a/1"}])
        );
        assert_eq!(
            of(json!({"a/b": {"c": 1}}), json!({"a/b": {"c": 2}})),
            json!([{"op": "replace", "path": "/a~1b/c", "value": 2}])
        );
        assert_eq!(
            of(json!([{"a": 1}, 2]), json!([0, {"a": 1}, 2])),
            json!([{"op": "add", "path": "/0", "value": 0}])
        );
        assert_eq!(
            of(json!({"$counter": 1}), json!({"$counter": 2})),
            json!([{"op": "replace", "path": "", "value": {"$counter": 2}}])
        );
        let small = Limits { max_json_bytes: 100, ..limits() };
        let error = difference(&json!(0), &json!("long".repeat(40)), &small).expect_err("too large");
        assert_eq!(error.code(), Code::Limit);
    }

    #[test]
    fn long_lists_without_anything_in_common_end() {
        let old: Vec<Value> = (0..25_000).map(Value::from).collect();
        let new: Vec<Value> = (25_000..50_000).map(Value::from).chain([json!(24_999)]).collect();
        let steps = list_steps(&old, &new).expect("steps");
        assert_eq!(steps.len(), 3);
        assert_eq!(steps[1].old_range(), 0..24_999);
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for wrong in [
            json!({}),
            json!([1]),
            json!([{"op": "add", "path": "/a"}]),
            json!([{"op": "add", "path": "a", "value": 1}]),
            json!([{"op": "add", "value": 1}]),
            json!([{"op": "move", "path": "/a"}]),
            json!([{"op": "move", "path": "/a", "from": "~"}]),
            json!([{"op": "put", "path": "/a"}]),
            json!([{"path": "/a"}]),
            json!([{"op": "increment", "path": "/a", "by": 1.5}]),
            json!([{"op": "splice", "path": "/a", "index": -1}]),
            json!([{"op": "splice", "path": "/a", "insert": 1}]),
            json!([{"op": "add", "path": "/a", "value": {"$counter": "x"}}]),
        ] {
            let error = parse(&wrong, &limits()).expect_err("no patch");
            assert_eq!(error.code(), Code::Validation, "{wrong}");
        }
        let many = Value::from(vec![json!({"op": "remove", "path": ""}); MAX_OPERATIONS + 1]);
        assert_eq!(parse(&many, &limits()).expect_err("too many").code(), Code::Limit);
    }

    #[test]
    fn numbers_are_the_same_whatever_their_text() {
        assert!(same(&json!({"a": [1]}), &json!({"a": [1.0]})));
        assert!(
            !same(&json!(1), &json!(2))
                && !same(&json!([1]), &json!([1, 1]))
                && !same(&json!(1), &json!("1"))
        );
        assert!(!same(&json!(9_007_199_254_740_993u64), &json!(9_007_199_254_740_992u64)));
    }
}
