//! What queries mean, and which are none.

#[path = "../../../../tests/lib/random_query.rs"]
mod random_query;

use super::*;
use crate::dice::Dice;
use crate::error::{Code, Error};
use crate::id::ProjectId;
use random_query::{random_condition, random_doc};
use serde_json::json;
use uuid::Uuid;

fn parse(query: Value) -> crate::error::Result<DocQuery> {
    DocQuery::parse(ProjectId(Uuid::nil()), &query)
}

fn parsed(query: Value) -> DocQuery {
    parse(query.clone()).unwrap_or_else(|error| panic!("{query}: {error}"))
}

fn refused(query: Value) -> Error {
    match parse(query.clone()) {
        Err(error) => error,
        Ok(_) => panic!("{query} is one"),
    }
}

pub(super) fn condition(value: &Value) -> DocCondition {
    parsed(json!({"where": value})).condition.expect("a condition")
}

/// What the table in the guide says.
#[test]
fn tests_mean_what_is_said_of_them() {
    let doc = json!({
        "n": 5, "half": 2.5, "big": 9_007_199_254_740_993_u64, "t": "Tent", "no": null, "yes": true,
        "list": [1, "a", [2], {"k": 1, "l": 2}],
        "map": {"0": "zero", "k": {"x": 1}}, "likes": {"$counter": 3}
    });
    for (test, holds) in [
        (json!({"path": "/n", "eq": 5.0}), true),
        (json!({"path": "/n", "eq": "5"}), false),
        (json!({"path": "/n", "ne": 6}), true),
        (json!({"path": "/none", "ne": 6}), true),
        (json!({"path": "/none", "eq": null}), false),
        (json!({"path": "/no", "eq": null}), true),
        (json!({"path": "/n", "gt": 4.5, "lt": 6}), true),
        (json!({"path": "/n", "gt": 4.5, "lt": 5}), false),
        (json!({"path": "/n", "le": 5}), true),
        (json!({"path": "/n", "gt": "4"}), false),
        (json!({"path": "/n", "le": "4"}), false),
        (json!({"not": {"path": "/n", "gt": "4"}}), true),
        (json!({"path": "/no", "lt": 1}), false),
        (json!({"path": "/yes", "gt": 0}), false),
        (json!({"path": "/big", "gt": 9_007_199_254_740_992_u64}), true),
        (json!({"path": "/t", "ge": "Ten"}), true),
        (json!({"path": "/t", "lt": "a"}), true),
        (json!({"path": "/t", "lt": "Tent\u{0}"}), true),
        (json!({"path": "/t", "in": [1, "Tent"]}), true),
        (json!({"path": "/list", "eq": [1, "a", [2], {"l": 2, "k": 1.0}]}), true),
        (json!({"path": "/list", "eq": [1, "a", [2], {"k": 1}]}), false),
        (json!({"path": "/list", "in": [[], 3]}), false),
        (json!({"path": "/no", "exists": true}), true),
        (json!({"path": "/map/k/y", "exists": false}), true),
        (json!({"path": "/t", "prefix": "Te"}), true),
        (json!({"path": "/t", "prefix": "te"}), false),
        (json!({"path": "/n", "prefix": ""}), false),
        (json!({"path": "/list", "contains": "a"}), true),
        (json!({"path": "/list", "contains": 2}), false),
        (json!({"path": "/list", "contains": [[2], 1]}), true),
        (json!({"path": "/list", "contains": [{"k": 1}]}), true),
        (json!({"path": "/list", "contains": {"k": 1}}), false),
        (json!({"path": "/list/3", "contains": {"k": 1}}), true),
        (json!({"path": "/map", "contains": {"k": {}}}), true),
        (json!({"path": "/map", "contains": "zero"}), false),
        (json!({"path": "/t", "contains": "Tent"}), true),
        (json!({"path": "/t", "contains": "Te"}), false),
        (json!({"path": "/t", "contains": ["Tent"]}), false),
        (json!({"path": "/map/0", "eq": "zero"}), true),
        (json!({"path": "/list/0", "eq": 1}), true),
        (json!({"path": "/list/00", "exists": true}), false),
        (json!({"path": "/list/-1", "exists": true}), false),
        (json!({"path": "/list/4", "exists": true}), false),
        (json!({"path": "/n/0", "exists": true}), false),
        (json!({"path": "/likes/$counter", "ge": 3}), true),
        (json!({"path": "", "contains": {"n": 5, "map": {"0": "zero"}}}), true),
        (
            json!({"and": [{"path": "/n", "eq": 5}, {"or": [{"path": "/n", "eq": 6}, {"path": "/yes", "eq": true}]}]}),
            true,
        ),
        (json!({"and": [{"path": "/n", "eq": 5}, {"not": {"path": "/yes", "eq": true}}]}), false),
    ] {
        assert_eq!(condition(&test).holds(&doc), holds, "{test}");
    }
}

#[test]
fn a_condition_holds_or_its_opposite_does_and_its_part_is_in_what_it_holds_for() {
    let mut dice = Dice::new();
    let (mut held, mut parts) = (0, 0);
    for _ in 0..4000 {
        let doc = random_doc(&mut dice);
        let value = random_condition(&mut dice, &doc, 3);
        let one = condition(&value);
        let holds = one.holds(&doc);
        assert_eq!(condition(&json!({"not": value})).holds(&doc), !holds, "{value} of {doc}");
        let compiled = compile(Some(&one));
        assert_eq!(compiled, compile(Some(&one.clone())));
        if let Some(part) = compiled.part {
            parts += 1;
            let is_in = condition(&json!({"path": "", "contains": part})).holds(&doc);
            assert!(!holds || is_in, "{value} of {doc}, which does not contain {part}");
        }
        held += usize::from(holds);
    }
    assert!(held > 500 && parts > 200, "{held} held, {parts} had a part");
}

#[test]
fn all_of_a_query_is_read() {
    let query = parsed(json!({}));
    assert_eq!(
        (query.branch.as_str(), query.prefix.as_str(), query.limit, query.depth),
        ("main", "", DEFAULT_LIMIT, 1)
    );
    assert_eq!(
        (query.condition, query.projection, query.at, query.is_counted),
        (None, Projection::Whole, None, false)
    );
    let query = parsed(json!({
        "branch": "side", "prefix": "notes/", "where": {"path": "/a", "exists": true}, "select": {"x": "/a"},
        "sort": [{"path": "/a", "desc": true}, {"path": "/b"}], "limit": 7, "count": true, "at_seq": 3, "expand": ["/a"], "depth": 5
    }));
    assert_eq!(
        (query.branch.as_str(), query.prefix.as_str(), query.limit, query.depth),
        ("side", "notes/", 7, 5)
    );
    assert_eq!((query.order.descending(), query.at), (1, Some(PastPoint::Seq(crate::id::Seq(3)))));
    assert_eq!(query.projection.of(json!({"a": 1, "b": 2})), json!({"x": 1}));
    let query = parsed(json!({"select": ["/a", "/c"], "at_time": "1970-01-01T00:00:01Z"}));
    assert_eq!(query.projection.of(json!({"a": {"b": 1}, "b": 2})), json!({"/a": {"b": 1}}));
    assert_eq!(query.at, Some(PastPoint::Time(1_000_000)));
}

#[test]
fn a_cursor_is_good_for_other_pages_of_its_query() {
    let query = json!({"where": {"path": "/a", "exists": true}, "sort": [{"path": "/a"}], "prefix": "n"});
    let of = |query: &Value| parsed(query.clone());
    let at = QueryCursor { key: of(&query).order.key_of(&json!({"a": 1})), doc: "n/1".into() };
    let cursor = of(&query).cursor(&at);
    let with = |key: &str, value: Value| {
        let mut query = query.clone();
        query["after"] = cursor.as_str().into();
        query[key] = value;
        parse(query)
    };
    assert_eq!(with("limit", json!(3)).expect("the same query").after, Some(at));
    assert!(with("select", json!(["/b"])).is_ok() && with("count", json!(true)).is_ok());
    for (key, value) in [
        ("prefix", json!("m")),
        ("where", json!({"path": "/b", "exists": true})),
        ("sort", json!([{"path": "/a", "desc": true}])),
        ("at_seq", json!(1)),
    ] {
        assert_eq!(with(key, value).expect_err(key).member("member"), Some(&"after".into()));
    }
    let mut elsewhere = query.clone();
    elsewhere["after"] = cursor.into();
    assert!(DocQuery::parse(ProjectId(Uuid::max()), &elsewhere).is_err());
}

#[test]
fn what_is_no_query_is_refused_by_name() {
    for (query, named) in [
        (json!({"were": {}}), "were"),
        (json!({"branch": 1}), "branch"),
        (json!({"branch": ""}), "branch"),
        (json!({"prefix": "a\n"}), "prefix"),
        (json!({"prefix": "x".repeat(256)}), "prefix"),
        (json!({"where": {}}), "where"),
        (json!({"where": {"path": "/a"}}), "where"),
        (json!({"where": {"eq": 1}}), "path"),
        (json!({"where": {"like": 1}}), "like"),
        (json!({"where": {"path": "/a", "like": 1}}), "like"),
        (json!({"where": {"path": "/a", "eq": 1, "and": []}}), "and"),
        (json!({"where": {"and": [{"path": "/a", "eq": 1}], "path": "/a"}}), "path"),
        (json!({"where": {"path": "a", "eq": 1}}), "where"),
        (json!({"where": {"path": 1, "eq": 1}}), "path"),
        (json!({"where": {"and": [{"or": [{"path": "a~2", "eq": 1}]}]}}), "where.and[0].or[0]"),
        (json!({"where": {"or": {}}}), "or"),
        (json!({"where": {"or": []}}), "or"),
        (json!({"where": {"path": "/a", "lt": null}}), "lt"),
        (json!({"where": {"path": "/a", "ge": true}}), "ge"),
        (json!({"where": {"path": "/a", "gt": [1]}}), "gt"),
        (json!({"where": {"path": "/a", "in": []}}), "in"),
        (json!({"where": {"path": "/a", "in": 1}}), "in"),
        (json!({"where": {"path": "/a", "exists": 1}}), "exists"),
        (json!({"where": {"path": "/a", "exists": null}}), "exists"),
        (json!({"where": {"path": "/a", "prefix": 1}}), "prefix"),
        (json!({"where": {"path": "/a", "matches_schema": {}}}), "matches_schema"),
        (json!({"select": "x"}), "select"),
        (json!({"select": ["x"]}), "select"),
        (json!({"select": [1]}), "select"),
        (json!({"select": {"a": null}}), "select"),
        (json!({"sort": {}}), "sort"),
        (json!({"sort": [{"path": "/a", "asc": true}]}), "asc"),
        (json!({"sort": [{"desc": true}]}), "path"),
        (json!({"sort": [{"path": "/a", "desc": 1}]}), "desc"),
        (json!({"sort": [{"path": "/a/-1"}]}), "path"),
        (json!({"sort": [{"path": "/01"}]}), "path"),
        (json!({"limit": 0}), "limit"),
        (json!({"limit": 1001}), "limit"),
        (json!({"limit": "1"}), "limit"),
        (json!({"after": 1}), "after"),
        (json!({"after": "x"}), "after"),
        (json!({"count": 1}), "count"),
        (json!({"at_seq": "1"}), "at_seq"),
        (json!({"at_time": "yesterday"}), "at_time"),
        (json!({"at_seq": 1, "at_time": "2026-01-01T00:00:00Z"}), "at_time"),
        (json!({"expand": "/a"}), "expand"),
        (json!({"expand": [1]}), "expand"),
        (json!({"expand": ["a"]}), "expand"),
        (json!({"depth": 0}), "depth"),
        (json!({"depth": 6}), "depth"),
    ] {
        let error = refused(query.clone());
        assert_eq!(error.code(), Code::Validation, "{query}: {error}");
        assert_eq!(error.member("member"), Some(&named.into()), "{query}: {error}");
    }
    assert_eq!(refused(json!([])).code(), Code::Validation);
}

#[test]
fn everything_is_bounded() {
    let one = json!({"path": "/a", "eq": 1});
    let nested = |depth: usize| (0..depth).fold(one.clone(), |inner, _| json!({"not": inner}));
    let path = |parts: usize| "/a".repeat(parts);
    for (within, beyond) in [
        (
            json!({"where": {"or": vec![&one; MAX_CONDITIONS - 1]}}),
            json!({"where": {"or": vec![&one; MAX_CONDITIONS]}}),
        ),
        (json!({"where": nested(MAX_NESTING - 1)}), json!({"where": nested(MAX_NESTING)})),
        (
            json!({"where": {"path": "/a", "in": vec![1; MAX_VALUES - 1]}}),
            json!({"where": {"path": "/a", "in": vec![1; MAX_VALUES]}}),
        ),
        (json!({"where": {"path": "/0/0/0/0", "eq": 1}}), json!({"where": {"path": "/0/0/0/0/0", "eq": 1}})),
        (json!({"select": [path(MAX_PATH_PARTS)]}), json!({"select": [path(MAX_PATH_PARTS + 1)]})),
        (
            json!({"select": [format!("/{}", "x".repeat(MAX_PATH_BYTES - 1))]}),
            json!({"select": [format!("/{}", "x".repeat(MAX_PATH_BYTES))]}),
        ),
        (json!({"select": vec!["/a"; 1000]}), json!({"select": vec!["/a"; 1001]})),
        (json!({"sort": vec![json!({"path": "/a"}); 3]}), json!({"sort": vec![json!({"path": "/a"}); 4]})),
        (
            json!({"expand": vec!["/a"; MAX_EXPAND_PATHS]}),
            json!({"expand": vec!["/a"; MAX_EXPAND_PATHS + 1]}),
        ),
    ] {
        parsed(within);
        let error = refused(beyond);
        assert_eq!(error.code(), Code::Limit, "{error}");
        assert!(error.member("limit").is_some() && error.member("member").is_some(), "{error:?}");
    }
}

#[test]
fn what_a_value_weighs() {
    assert_eq!(weight(&json!({"key": ["text", 1]})), 4 * 32 + 3 + 4);
}

#[test]
fn a_schema_is_asked_for_by_its_name_once_it_was_looked_up() {
    use crate::schema::DocSchema;
    use std::rc::Rc;

    let doc = json!({"n": 5});
    let small = DocSchema::compile(&json!({"properties": {"n": {"maximum": 9}}})).expect("a schema");
    let small = Rc::new(small);
    let mut asked =
        condition(&json!({"or": [{"path": "/x", "exists": true}, {"not": {"not": {"schema": "small"}}}]}));
    assert!(asked.has_schema() && !asked.holds(&doc));
    let mut names = Vec::new();
    let mut find = |name: &str| {
        names.push(name.to_owned());
        Ok(small.clone())
    };
    asked.find_schemas(&mut find).expect("found");
    assert_eq!(names, ["small"]);
    assert!(asked.holds(&doc) && !asked.holds(&json!({"n": 10})));
    assert!(!condition(&json!({"path": "/n", "eq": 5})).has_schema());
    assert_eq!(condition(&json!({"schema": "a"})), condition(&json!({"schema": "a"})));
    assert_ne!(condition(&json!({"schema": "a"})), condition(&json!({"schema": "b"})));
    for (where_, member) in [
        (json!({"schema": 1}), "schema"),
        (json!({"schema": ""}), "schema"),
        (json!({"schema": "a", "eq": 1}), "eq"),
    ] {
        let error = refused(json!({"where": where_}));
        assert_eq!(
            (error.code(), error.member("member")),
            (Code::Validation, Some(&member.into())),
            "{where_}"
        );
    }
    let many = vec![json!({"schema": "a"}); MAX_SCHEMAS_ASKED + 1];
    assert_eq!(refused(json!({"where": {"and": many}})).code(), Code::Limit);
}
