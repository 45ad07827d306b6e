//! The columns of what a statement gives back.

use crate::tree::{list, name_parts, node, text};
use serde_json::Value;

/// The names of a statement's columns, in their order; `None` for one that has none but what PostgreSQL makes up.
pub fn columns(statement: &Value) -> Vec<Option<String>> {
    match node(statement) {
        Some(("SelectStmt", query)) => of_query(query),
        Some((_, change)) => targets(change, "returning_list"),
        None => Vec::new(),
    }
}

/// Of a query; of several that are put together the first one says it.
fn of_query(query: &Value) -> Vec<Option<String>> {
    match query.get("larg") {
        Some(first) => of_query(first),
        None => targets(query, "target_list"),
    }
}

fn targets(inner: &Value, member: &str) -> Vec<Option<String>> {
    let name = |target: &Value| {
        let target = &target["ResTarget"];
        match text(target, "name") {
            "" => column(&target["val"]),
            name => Some(name.to_owned()),
        }
    };
    list(inner, member).iter().map(name).collect()
}

/// The name of a column that is read as it is, cast or not.
fn column(value: &Value) -> Option<String> {
    match node(value)? {
        ("ColumnRef", column) => name_parts(column, "fields").pop(),
        ("TypeCast", cast) => self::column(&cast["arg"]),
        _ => None,
    }
}
