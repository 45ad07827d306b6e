//! Statements name the states of blobs by the numbers that are stored: they are those of `quire_core::blob`.

#[allow(dead_code)]
#[path = "../../crates/quire-core/src/blob.rs"]
mod blob;

use crate::rules::each_node;
use crate::schema::Schema;
use crate::tree::{list, name_parts, node};
use crate::{parsed, schema, statements};
use blob::BlobState;
use serde_json::Value;
use std::collections::BTreeSet;

/// The words of an array, if it is one of words.
fn words(array: &Value) -> Option<Vec<&str>> {
    list(array, "elements").iter().map(|element| element["AConst"]["val"]["Sval"]["sval"].as_str()).collect()
}

/// A number that stands in a statement; zero is what the parser leaves out.
fn number(value: &Value) -> Option<i64> {
    let (kind, constant) = node(value)?;
    let number = (kind == "AConst").then(|| constant["val"].get("Ival"))??;
    Some(number.get("ival").and_then(Value::as_i64).unwrap_or(0))
}

/// Whether this is a column `state` of a blob: none but those are numbers.
fn is_state(value: &Value) -> bool {
    value
        .get("ColumnRef")
        .is_some_and(|column| name_parts(column, "fields").last().is_some_and(|it| it == "state"))
}

/// What a statement compares a state with: each number, or all of a list.
fn compared(statement: &Value) -> Vec<Vec<i64>> {
    let mut found = Vec::new();
    each_node(statement, &mut |kind, inner| {
        if kind != "AExpr" || !is_state(&inner["lexpr"]) {
            return;
        }
        let other = &inner["rexpr"];
        let items: Vec<&Value> = match node(other) {
            Some(("List", several)) => list(several, "items").iter().collect(),
            _ => vec![other],
        };
        found.push(items.into_iter().filter_map(number).collect());
    });
    found
}

#[test]
fn states_are_those_of_the_core() {
    let Schema { views, .. } = schema();
    let parsed =
        statements().iter().map(parsed).chain(views.into_iter().map(|view| view.query)).collect::<Vec<_>>();
    let numbers: BTreeSet<i64> = BlobState::ALL.iter().map(|state| state.number().into()).collect();
    let mut named = BTreeSet::new();
    for statement in &parsed {
        for list in compared(statement) {
            let list: BTreeSet<i64> = list.into_iter().collect();
            assert!(list.is_subset(&numbers), "{list:?} is no state in {statement}");
            named.extend(list);
        }
    }
    assert_eq!(named, numbers, "statements are found that name each state");
    // What is none of them is corrupt.
    let whole = parsed.iter().flat_map(compared).filter(|list| list.len() > 1 && list.contains(&0));
    let whole: Vec<BTreeSet<i64>> = whole.map(BTreeSet::from_iter).collect();
    assert!(!whole.is_empty() && whole.iter().all(|list| *list == numbers), "{whole:?}");
}

#[test]
fn words_of_states_are_those_of_the_core() {
    let all: Vec<&str> = BlobState::ALL.iter().map(|state| state.as_str()).collect();
    let mut count = 0;
    for text in statements() {
        each_node(&parsed(&text), &mut |kind, inner| {
            let words = (kind == "AArrayExpr").then(|| words(inner)).flatten();
            if let Some(words) = words.filter(|words| words.contains(&BlobState::Quarantined.as_str())) {
                assert_eq!(words, all, "{}", text.at);
                count += 1;
            }
        });
    }
    assert!(count > 1, "the arrays of words are found");
}
