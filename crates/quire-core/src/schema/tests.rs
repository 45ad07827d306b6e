//! Tests of schemas.

use super::*;
use crate::error::Code;
use serde_json::json;

fn compiled(schema: Value) -> DocSchema {
    DocSchema::compile(&schema).unwrap_or_else(|error| panic!("{schema}: {}", error.message()))
}

fn fault(schema: Value, value: Value) -> Option<(String, String)> {
    compiled(schema).fault(&value).expect("looked at").map(|fault| (fault.path, fault.text))
}

fn refused(schema: Value) -> Error {
    DocSchema::compile(&schema).expect_err("refused")
}

#[test]
fn a_value_satisfies_or_the_first_fault_is_said() {
    let schema = json!({"$schema": DIALECT, "$id": "https://example.com/note", "type": "object", "required": ["title"],
        "properties": {"title": {"type": "string", "minLength": 1}, "tags": {"items": {"$ref": "#/$defs/a%20tag"}}},
        "$defs": {"a tag": {"type": "string", "pattern": "^[a-z/]+$"}}, "additionalProperties": false});
    assert_eq!(fault(schema.clone(), json!({"title": "a", "tags": ["x", "y/z"]})), None);
    let said = |value: Value| fault(schema.clone(), value).expect("a fault");
    assert_eq!(said(json!({})), ("".into(), "\"title\" is a required property".into()));
    assert_eq!(said(json!({"title": 1})).0, "/title");
    assert_eq!(said(json!({"title": "a", "tags": ["x", "Y"]})).0, "/tags/1");
    let more = said(json!({"title": "a", "more": "secret"}));
    assert!(more.1.contains("more") && !more.1.contains("secret"), "{more:?}");
}

#[test]
fn wrapping_changes_no_answer() {
    // Of each schema a value that satisfies it, and one that does not.
    for (schema, good, bad) in [
        (json!(true), json!(1), Value::Null),
        (
            json!({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": false}),
            json!({"a": 1}),
            json!({"b": 1}),
        ),
        (json!({"anyOf": [{"prefixItems": [true]}], "unevaluatedItems": false}), json!([1]), json!([1, 2])),
        (
            json!({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "number"}}),
            json!("ab"),
            json!("a"),
        ),
        (json!({"dependentSchemas": {"a": {"required": ["b"]}}}), json!({"a": 1, "b": 2}), json!({"a": 1})),
        (json!({"propertyNames": {"maxLength": 1}}), json!({"a": 1}), json!({"ab": 1})),
        (json!({"patternProperties": {"^x/": {"type": "null"}}}), json!({"x/": null}), json!({"x/": 1})),
        (json!({"contains": {"const": 1}, "minContains": 2}), json!([1, 1]), json!([1, 2])),
        (json!({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}), json!(4), json!(6)),
        (json!({"not": {"enum": [1, "1"]}}), json!(2), json!("1")),
        (json!({"uniqueItems": true}), json!([1, "1"]), json!([{"a": 1}, {"a": 1}])),
        (
            json!({"$ref": "#/$defs/x~1y", "$defs": {"x/y": {"$ref": "#/$defs/z/items"}, "z": {"items": {"type": "null"}}}}),
            json!(null),
            json!(1),
        ),
        (
            json!({"properties": {"next": {"$ref": "#"}, "n": {"type": "integer"}}}),
            json!({"next": {"next": {"n": 1}}}),
            json!({"next": {"next": {"n": "1"}}}),
        ),
        (
            json!({"format": "email", "quire:steps": "theirs", "type": "string"}),
            json!("no address"),
            json!(1),
        ),
    ] {
        assert_eq!(fault(schema.clone(), good.clone()), None, "{schema} {good}");
        let plain = jsonschema::options().with_draft(Draft::Draft202012).build(&schema).expect("a schema");
        assert!(plain.is_valid(&good), "{schema} {good}");
        if schema != true {
            assert!(fault(schema.clone(), bad.clone()).is_some(), "{schema} {bad}");
            assert!(!plain.is_valid(&bad), "{schema} {bad}");
        }
    }
}

#[test]
fn what_leads_elsewhere_is_no_schema_here() {
    for schema in [
        json!(1),
        json!({"type": "text"}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#"}),
        json!({"$ref": "https://example.com/other"}),
        json!({"$ref": "file:///etc/passwd"}),
        json!({"$ref": "#/$defs/none"}),
        json!({"$ref": "#name", "$defs": {"x": {"$anchor": "name"}}}),
        json!({"$ref": "#/const", "const": {"type": "null"}}),
        json!({"$dynamicRef": "#x"}),
        json!({"properties": {"a": {"$id": "https://example.com/a"}}}),
        json!({"dependencies": {}}),
        json!({"pattern": "("}),
        json!({"pattern": "(?=x)"}),
        json!({"pattern": "(x)\\1"}),
        json!({"pattern": "((((((x{99}){99}){99}){99}){99}){99})"}),
    ] {
        let error = refused(schema.clone());
        assert_eq!(
            (error.code(), error.member("argument")),
            (Code::Validation, Some(&"schema".into())),
            "{schema}"
        );
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let deep = (0..MAX_SCHEMA_DEPTH + 1).fold(json!({}), |inner, _| json!({"not": inner}));
    let many: Vec<Value> = vec![json!({}); MAX_SUBSCHEMAS];
    let patterns: Vec<Value> = (0..=MAX_PATTERNS).map(|n| json!({"pattern": n.to_string()})).collect();
    for (schema, most) in [
        (json!({"const": "x".repeat(MAX_SCHEMA_BYTES)}), MAX_SCHEMA_BYTES),
        (deep, MAX_SCHEMA_DEPTH),
        (json!({"allOf": many}), MAX_SUBSCHEMAS),
        (json!({"anyOf": patterns}), MAX_PATTERNS),
    ] {
        let error = refused(schema);
        assert_eq!((error.code(), error.member("limit")), (Code::Limit, Some(&most.into())));
    }
}

/// A schema whose definitions each ask for the next one twice, in a way.
fn doubling(depth: usize, twice: impl Fn(Value) -> Value, last: Value) -> Value {
    let mut defs = serde_json::Map::new();
    for at in 0..depth {
        defs.insert(at.to_string(), twice(json!({"$ref": format!("#/$defs/{}", at + 1)})));
    }
    defs.insert(depth.to_string(), last);
    json!({"$ref": "#/$defs/0", "$defs": defs})
}

#[test]
fn what_would_take_for_ever_ends_and_is_no_satisfaction() {
    let end = |schema: Value, value: Value| {
        let said = fault(schema, value).expect("a fault");
        assert!(said.1.starts_with("the value cannot be looked at"), "{said:?}");
        said.1
    };
    // The same value over and over again.
    let never = doubling(60, |next| json!({"anyOf": [next, next]}), json!({"type": "string"}));
    assert!(end(never, json!(1)).contains("too many steps"));
    // Twice at each level of the value.
    let down = json!({"allOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]});
    let nested = (0..100).fold(json!([]), |inner, _| json!([inner]));
    assert!(end(down, nested).contains("too many steps"));
    // Without an end: what the library says of it, if it comes back.
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"not": {"not": {"$ref": "#"}}}),
        json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
    ] {
        let schema = compiled(schema);
        schema.fault(&json!({"a": 1})).expect("an answer");
    }
    let long = "x".repeat(MAX_PATTERN_TEXT_BYTES + 1);
    assert!(end(json!({"pattern": "^(x+x+)+y$"}), json!(long)).contains("pattern"));
    assert!(end(json!({"patternProperties": {"^(x+x+)+y$": {}}}), json!({long: 1})).contains("pattern"));
}

#[test]
fn large_values_are_looked_at() {
    let note = json!({"type": "object", "required": ["t", "n"], "properties": {"t": {"type": "string", "maxLength": 100},
        "n": {"type": "integer", "minimum": 0}, "d": {"items": {"enum": ["a", "b"]}, "uniqueItems": true}}, "additionalProperties": false});
    let one = json!({"t": "some text", "n": 5, "d": ["a", "b"]});
    let all: Vec<Value> = vec![one; 50_000];
    assert_eq!(fault(json!({"items": note}), json!(all)), None);
}

#[test]
fn nested_patterns_take_no_time() {
    let schema = json!({"pattern": "^(a+)+$"});
    assert!(fault(schema, json!(format!("{}!", "a".repeat(60_000)))).is_some());
}

#[test]
fn globs_name_documents() {
    let globs = docs_glob("notes/*").expect("a glob");
    assert!(globs.is_match("notes/a") && !globs.is_match("notes/a/b"));
    assert_eq!(docs_glob("[").expect_err("none").member("argument"), Some(&"docs".into()));
}
