//! Conditions as PostgreSQL evaluates them: a jsonpath with variables, and a part that every document has for which the condition holds.
//!
//! The jsonpath is strict, so that it goes through lists by index only and takes no list for its items. What a strict path stumbles over
//! is neither true nor false; `exists($ ? (...))` around each test makes it false. Values are variables, of which only the names are in
//! the text; keys are in it as quoted strings.

use super::condition::{Comparison, DocCondition, PathTest};
use super::path::{QueryPath, list_index};
use crate::interrupt;
use serde_json::{Map, Value, json};

/// A condition for a statement.
#[derive(Clone, PartialEq, Debug)]
pub struct CompiledCondition {
    /// For `jsonb_path_match`; true or false for every document.
    pub jsonpath: String,
    /// Its variables, an object.
    pub vars: Value,
    /// What every document contains (`@>`) for which it holds, if that can be said: an index serves it.
    pub part: Option<Value>,
}

/// A condition for a statement; without one every document is meant.
pub fn compile(condition: Option<&DocCondition>) -> CompiledCondition {
    let mut compiler = Compiler { vars: Map::new() };
    let text = condition.map_or_else(|| "true".to_owned(), |condition| compiler.condition(condition));
    CompiledCondition {
        jsonpath: format!("strict {text}"),
        vars: Value::Object(compiler.vars),
        part: condition.and_then(part_of),
    }
}

struct Compiler {
    vars: Map<String, Value>,
}

impl Compiler {
    /// A variable with a value.
    fn var(&mut self, value: Value) -> String {
        let name = format!("v{}", self.vars.len());
        let named = format!("${name}");
        self.vars.insert(name, value);
        named
    }

    /// True or false.
    fn condition(&mut self, condition: &DocCondition) -> String {
        interrupt::tick();
        match condition {
            DocCondition::All(all) => self.joined(all, " && "),
            DocCondition::Any(any) => self.joined(any, " || "),
            DocCondition::Not(one) => format!("!({})", self.condition(one)),
            // Who asks for a schema looks at all documents: see `DocCondition::has_schema`.
            DocCondition::Satisfies(_) => "exists($)".to_owned(),
            DocCondition::At(path, test) => {
                let test = self.test(test).map_or_else(String::new, |test| format!(" ? ({test})"));
                let places = accessors(path).into_iter().map(|place| format!("exists({place}{test})"));
                format!("exists($ ? ({}))", places.collect::<Vec<_>>().join(" || "))
            }
        }
    }

    fn joined(&mut self, conditions: &[DocCondition], with: &str) -> String {
        let each: Vec<String> = conditions.iter().map(|one| self.condition(one)).collect();
        format!("({})", each.join(with))
    }

    /// True if `@` passes, and anything else if not; nothing where everything does.
    fn test(&mut self, test: &PathTest) -> Option<String> {
        Some(match test {
            PathTest::Exists => return None,
            PathTest::OneOf(values) => {
                let each: Vec<String> = values.iter().map(|value| self.equal(value)).collect();
                each.join(" || ")
            }
            PathTest::Compares(comparison, bound) => {
                let sign = match comparison {
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Greater => ">",
                    Comparison::GreaterOrEqual => ">=",
                };
                format!("@ {sign} {}", self.var(bound.clone()))
            }
            PathTest::Begins(prefix) => format!("@ starts with {}", self.var(prefix.as_str().into())),
            PathTest::Contains(part) if is_scalar(part) => {
                let equal = self.equal(part);
                format!("{equal} || exists(@[*] ? ({equal}))")
            }
            PathTest::Contains(part) => self.covers(part),
        })
    }

    /// That `@` is this value.
    fn equal(&mut self, value: &Value) -> String {
        interrupt::tick();
        match value {
            Value::Array(items) => {
                let mut all =
                    vec!["@.type() == \"array\"".to_owned(), format!("@.size() == {}", items.len())];
                for (at, item) in items.iter().enumerate() {
                    all.push(format!("exists(@[{at}] ? ({}))", self.equal(item)));
                }
                format!("({})", all.join(" && "))
            }
            Value::Object(members) => {
                let mut all = vec!["@.type() == \"object\"".to_owned()];
                let mut others = Vec::new();
                for (key, value) in members {
                    all.push(format!("exists(@{} ? ({}))", by_key(key), self.equal(value)));
                    others.push(format!("@ != {}", self.var(key.as_str().into())));
                }
                all.push(match others.is_empty() {
                    true => "!exists(@.keyvalue())".to_owned(),
                    false => format!("!exists(@.keyvalue().key ? ({}))", others.join(" && ")),
                });
                format!("({})", all.join(" && "))
            }
            scalar => format!("@ == {}", self.var(scalar.clone())),
        }
    }

    /// That `@` contains this value; it is not the whole that is asked for.
    fn covers(&mut self, part: &Value) -> String {
        interrupt::tick();
        match part {
            Value::Array(parts) => {
                let mut all = vec!["@.type() == \"array\"".to_owned()];
                all.extend(parts.iter().map(|part| format!("exists(@[*] ? ({}))", self.covers(part))));
                format!("({})", all.join(" && "))
            }
            Value::Object(parts) => {
                let mut all = vec!["@.type() == \"object\"".to_owned()];
                for (key, part) in parts {
                    all.push(format!("exists(@{} ? ({}))", by_key(key), self.covers(part)));
                }
                format!("({})", all.join(" && "))
            }
            scalar => self.equal(scalar),
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

/// One step of a jsonpath, to the member of this key. What JSON escapes in a string is escaped the same way there.
fn by_key(key: &str) -> String {
    format!(".{}", Value::from(key))
}

/// The places that a path may mean: a part that is a number is an index of a list, or a key of an object.
fn accessors(path: &QueryPath) -> Vec<String> {
    let mut places = vec!["$".to_owned()];
    for part in path.parts() {
        let as_index = list_index(part).map(|index| format!("[{index}]"));
        let steps: Vec<String> = as_index.into_iter().chain([by_key(part)]).collect();
        places =
            places.iter().flat_map(|place| steps.iter().map(move |step| format!("{place}{step}"))).collect();
    }
    places
}

/// What every document contains for which a condition holds: of conditions that all have to hold, what has to be equal or contained.
fn part_of(condition: &DocCondition) -> Option<Value> {
    match condition {
        DocCondition::All(all) => all.iter().filter_map(part_of).reduce(|mut whole, part| {
            merge(&mut whole, part);
            whole
        }),
        DocCondition::At(path, test) if path.indexes() == 0 => {
            let value = match test {
                PathTest::OneOf(values) if values.len() == 1 => values.first()?,
                // A list contains its items only where it is all that is asked for.
                PathTest::Contains(part) if !is_scalar(part) => part,
                _ => return None,
            };
            Some(path.parts().iter().rev().fold(value.clone(), |value, key| json!({key: value})))
        }
        _ => None,
    }
}

/// Adds another part. What cannot be said of both together is left out: the jsonpath says it.
fn merge(whole: &mut Value, part: Value) {
    let (Value::Object(whole), Value::Object(part)) = (whole, part) else { return };
    for (key, value) in part {
        match whole.get_mut(&key) {
            Some(there) => merge(there, value),
            None => {
                whole.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::condition;
    use super::*;

    fn compiled(value: Value) -> CompiledCondition {
        compile(Some(&condition(&value)))
    }

    #[test]
    fn conditions_become_paths_with_variables() {
        assert_eq!(compile(None).jsonpath, "strict true");
        let one = compiled(json!({"path": "/a/b", "eq": "x\"; --"}));
        assert_eq!(one.jsonpath, r#"strict exists($ ? (exists($."a"."b" ? (@ == $v0))))"#);
        assert_eq!((one.vars, one.part), (json!({"v0": "x\"; --"}), Some(json!({"a": {"b": "x\"; --"}}))));
        let two =
            compiled(json!({"or": [{"path": "/a", "lt": 1}, {"not": {"path": "/b\"\n", "exists": true}}]}));
        assert_eq!(
            two.jsonpath,
            r#"strict (exists($ ? (exists($."a" ? (@ < $v0)))) || !(exists($ ? (exists($."b\"\n")))))"#
        );
        assert_eq!(two.part, None);
        let index = compiled(json!({"path": "/0/x", "prefix": "a"}));
        assert_eq!(
            index.jsonpath,
            r#"strict exists($ ? (exists($[0]."x" ? (@ starts with $v0)) || exists($."0"."x" ? (@ starts with $v0))))"#
        );
        let object = compiled(json!({"path": "", "eq": {"k": []}}));
        assert_eq!(
            object.jsonpath,
            concat!(
                r#"strict exists($ ? (exists($ ? ((@.type() == "object" && exists(@."k" ? ((@.type() == "array" "#,
                r#"&& @.size() == 0))) && !exists(@.keyvalue().key ? (@ != $v0)))))))"#
            )
        );
    }

    #[test]
    fn what_has_to_be_contained_is_put_together() {
        let part = |value| compiled(value).part;
        let all = json!({"and": [
            {"path": "/a/x", "eq": 1}, {"path": "/a/y", "eq": null}, {"path": "/a/x", "eq": 2}, {"path": "/a/x/z", "eq": 3},
            {"path": "/list", "contains": ["b"]}, {"path": "/list/0", "eq": 1}, {"path": "/tag", "contains": "x"},
            {"path": "/one", "in": [1, 2]}, {"not": {"path": "/no", "eq": 1}}, {"and": [{"path": "/deep", "eq": true}]}]});
        assert_eq!(part(all), Some(json!({"a": {"x": 1, "y": null}, "list": ["b"], "deep": true})));
        assert_eq!(part(json!({"or": [{"path": "/a", "eq": 1}, {"path": "/a", "eq": 2}]})), None);
        assert_eq!(part(json!({"path": "", "contains": {"a": 1}})), Some(json!({"a": 1})));
    }
}
