//! What PostgreSQL's parser makes of a text, as JSON without what says nothing.

use serde_json::{Map, Value};

/// The statements of a text, each as an object with one member, which is named after its kind.
pub fn parse(sql: &str) -> Result<Vec<Value>, String> {
    let parsed = pg_query::parse(sql).map_err(|error| error.to_string())?;
    let tree = serde_json::to_value(&parsed.protobuf).map_err(|error| error.to_string())?;
    let statements = list(&plain(tree), "stmts").to_vec();
    Ok(statements.into_iter().map(|mut statement| statement["stmt"].take()).collect())
}

/// Without positions, what is empty, and the wrapper around every node.
fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Value::Object(mut members) => {
            if members.len() == 1
                && let Some(node) = members.remove("node")
            {
                return plain(node);
            }
            let kept = members.into_iter().filter(|(name, value)| !says_nothing(name, value));
            Value::Object(kept.map(|(name, value)| (name, plain(value))).collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn says_nothing(name: &str, value: &Value) -> bool {
    name == "location"
        || value.is_null()
        || *value == false
        || value.as_str() == Some("")
        || value.as_array().is_some_and(Vec::is_empty)
}

/// A member that is a list; an empty one where there is none.
pub fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A member that is a text.
pub fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The only member of a node: its kind, and what it is.
pub fn node(value: &Value) -> Option<(&str, &Value)> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.iter().next().map(|(kind, inner)| (kind.as_str(), inner))
}

/// The parts of a name: of a column, a function or a type. A star is `*`.
pub fn name_parts(value: &Value, member: &str) -> Vec<String> {
    let part = |part: &Value| match node(part) {
        Some(("String", inner)) => text(inner, "sval").to_owned(),
        _ => "*".to_owned(),
    };
    list(value, member).iter().map(part).collect()
}
