//! Taking back what led from one state of a document to another, at the newest state.

use super::json::is_form;
use super::patch::{difference, list_steps};
use super::{Heads, Limits, Loaded};
use crate::error::Result;
use crate::interrupt;
use crate::merge::{LineMerge, lines};
use json_patch::jsonptr::PointerBuf;
use serde_json::{Map, Value, json};
use similar::DiffOp;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the search for what changed in one text may take. Afterwards it is in the way.
const WITHIN: Duration = Duration::from_secs(1);

/// What taking something back comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Inverse {
    /// The document as it is without it: what [`Loaded::put`] makes of it in one change. Places that something is in the way of stay as
    /// they are.
    pub value: Value,
    /// The same as a JSON Patch of the newest state.
    pub patch: Value,
    /// What could not be taken back.
    pub in_the_way: Vec<InTheWay>,
}

/// A place that has changed again since.
#[derive(Clone, PartialEq, Debug)]
pub struct InTheWay {
    /// Where: a JSON Pointer.
    pub path: String,
    /// What would come back; `None` where there was nothing.
    pub before: Option<Value>,
    /// What is there now.
    pub now: Option<Value>,
}

impl Loaded {
    /// Takes back what led from `before` to `after`, and keeps what came later. A place that is as it was at `after` becomes what it was
    /// at `before`; of one that has changed again, maps are looked at member by member, lists and texts piece by piece (item and line),
    /// counters lose what was added; what is left is in the way.
    pub fn inverse(&self, before: &Heads, after: &Heads, limits: &Limits) -> Result<Inverse> {
        let [before, after] = [before, after].map(|heads| self.to_json(Some(heads), limits));
        let (before, after, now) = (before?, after?, self.to_json(None, limits)?);
        let mut inverse = Search { path: PointerBuf::new(), in_the_way: Vec::new() };
        let value = inverse.place(Some(&before), Some(&after), Some(&now))?.unwrap_or_else(|| json!({}));
        Ok(Inverse { patch: difference(&now, &value, limits)?, value, in_the_way: inverse.in_the_way })
    }
}

struct Search {
    path: PointerBuf,
    in_the_way: Vec<InTheWay>,
}

impl Search {
    /// What is to be at a place.
    fn place(
        &mut self,
        before: Option<&Value>,
        after: Option<&Value>,
        now: Option<&Value>,
    ) -> Result<Option<Value>> {
        interrupt::step()?;
        if before == after || now == before {
            return Ok(now.cloned());
        }
        if now == after {
            return Ok(before.cloned());
        }
        let found = match (before, after, now) {
            (Some(Value::Object(before)), Some(Value::Object(after)), Some(Value::Object(now))) => {
                if ![before, after, now].into_iter().any(is_form) {
                    return self.members(before, after, now).map(Some);
                }
                counter(before, after, now)
            }
            (Some(Value::Array(before)), Some(Value::Array(after)), Some(Value::Array(now))) => {
                items(before, after, now)?.map(Value::Array)
            }
            (Some(Value::String(before)), Some(Value::String(after)), Some(Value::String(now))) => {
                match lines(after, before, now, WITHIN)? {
                    LineMerge::Clean(text) => Some(Value::String(text)),
                    LineMerge::Conflict(_) => None,
                }
            }
            _ => None,
        };
        if found.is_none() {
            let [before, now_there] = [before, now].map(|value| value.cloned());
            self.in_the_way.push(InTheWay { path: self.path.to_string(), before, now: now_there });
            return Ok(now.cloned());
        }
        Ok(found)
    }

    fn members(
        &mut self,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
        now: &Map<String, Value>,
    ) -> Result<Value> {
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).chain(now.keys()).collect();
        let mut members = Map::new();
        for key in keys {
            self.path.push_back(key.as_str());
            if let Some(value) = self.place(before.get(key), after.get(key), now.get(key))? {
                members.insert(key.clone(), value);
            }
            self.path.pop_back();
        }
        Ok(Value::Object(members))
    }
}

/// A counter without what was added to it.
fn counter(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    now: &Map<String, Value>,
) -> Option<Value> {
    let [before, after, now] = [before, after, now].map(|form| form.get("$counter").and_then(Value::as_i64));
    let count = now?.checked_sub(after?.checked_sub(before?)?)?;
    Some(json!({"$counter": count}))
}

/// What is different from a list, in its order.
fn changes(from: &[Value], to: &[Value]) -> Result<Vec<DiffOp>> {
    let steps = list_steps(from, to)?;
    Ok(steps.into_iter().filter(|step| !matches!(step, DiffOp::Equal { .. })).collect())
}

/// The list with both changes; `None` when they touch.
fn items(before: &[Value], after: &[Value], now: &[Value]) -> Result<Option<Vec<Value>>> {
    let back = changes(after, before)?;
    let since = changes(after, now)?;
    let mut all: Vec<(DiffOp, &[Value])> = back.iter().map(|step| (*step, before)).collect();
    all.extend(since.iter().map(|step| (*step, now)));
    all.sort_by_key(|(step, _)| (step.old_range().start, step.old_range().end));
    if all.windows(2).any(|pair| {
        let is_of_both = !std::ptr::eq(pair[0].1, pair[1].1);
        is_of_both && pair[1].0.old_range().start <= pair[0].0.old_range().end
    }) {
        return Ok(None);
    }
    let (mut merged, mut at) = (Vec::new(), 0);
    for (step, other) in all {
        merged.extend_from_slice(&after[at..step.old_range().start]);
        merged.extend_from_slice(&other[step.new_range()]);
        at = step.old_range().end;
    }
    merged.extend_from_slice(&after[at..]);
    Ok(Some(merged))
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, limits, random_json, without};
    use super::*;
    use crate::doc::{ActorId, Author};

    /// A document that was each of these, and its heads then.
    fn history(states: &[Value]) -> (Loaded, Vec<Heads>) {
        let actor = ActorId::from(b"somebody".as_slice());
        let mut loaded = Loaded::new();
        let heads = states.iter().map(|state| {
            let author = Author { actor: &actor, time: 0, message: None };
            loaded.put(&author, state, &limits()).expect("puts");
            loaded.heads()
        });
        let heads = heads.collect();
        (loaded, heads)
    }

    fn undone(before: Value, after: Value, now: Value) -> Inverse {
        let (mut loaded, heads) = history(&[before, after, now]);
        let inverse = loaded.inverse(&heads[0], &heads[1], &limits()).expect("an inverse");
        let actor = ActorId::from(b"server".as_slice());
        let author = Author { actor: &actor, time: 0, message: None };
        loaded.patch(&author, &inverse.patch, &limits()).expect("patches");
        assert_eq!(loaded.to_json(None, &limits()).as_ref(), Ok(&inverse.value));
        inverse
    }

    #[test]
    fn the_last_change_is_taken_back_whatever_it_was() {
        let mut dice = Dice::new();
        for _ in 0..100 {
            let [before, after] = [0; 2].map(|_| {
                without(
                    json!({"a": random_json(&mut dice, 3), "b": random_json(&mut dice, 2)}),
                    &["$counter"],
                )
            });
            let inverse = undone(before.clone(), after.clone(), after);
            assert_eq!((inverse.value, inverse.in_the_way), (before, vec![]));
        }
    }

    #[test]
    fn what_came_later_elsewhere_stays() {
        let inverse = undone(
            json!({"a": 1, "map": {"x": 1}, "list": [1, 2, 3, 4], "text": "one\ntwo\nthree\nfour\n", "n": {"$counter": 1}, "gone": 0}),
            json!({"a": 2, "map": {"x": 2}, "list": [0, 1, 2, 3, 4], "text": "one\n2\nthree\nfour\n", "n": {"$counter": 4}, "new": 0}),
            json!({"a": 2, "map": {"x": 2, "y": 1}, "list": [0, 1, 2, 3, 5], "text": "one\n2\nthree\n4\n", "n": {"$counter": 9}, "new": 0}),
        );
        assert_eq!(
            inverse.value,
            json!({"a": 1, "map": {"x": 1, "y": 1}, "list": [1, 2, 3, 5], "text": "one\ntwo\nthree\n4\n", "n": {"$counter": 6}, "gone": 0})
        );
        assert_eq!(inverse.in_the_way, vec![]);
    }

    #[test]
    fn what_changed_again_is_in_the_way_and_stays() {
        let now = json!({"a": 3, "list": [1, 7], "text": "THREE", "gone": 5, "kind": {"$counter": 1}});
        let inverse = undone(
            json!({"a": 1, "list": [1, 2], "text": "one", "gone": 4, "kind": 1}),
            json!({"a": 2, "list": [1, 3], "text": "two", "kind": [1]}),
            now.clone(),
        );
        assert_eq!((inverse.value, inverse.patch), (now, json!([])));
        let paths: Vec<&str> = inverse.in_the_way.iter().map(|place| place.path.as_str()).collect();
        assert_eq!(paths, ["/a", "/gone", "/kind", "/list", "/text"]);
        assert_eq!(
            (&inverse.in_the_way[1].before, &inverse.in_the_way[1].now),
            (&Some(json!(4)), &Some(json!(5)))
        );
    }

    #[test]
    fn what_was_taken_back_by_hand_is_nothing_to_do() {
        let inverse = undone(json!({"a": 1}), json!({"a": 2}), json!({"a": 1}));
        assert_eq!((inverse.patch, inverse.in_the_way), (json!([]), vec![]));
    }
}
