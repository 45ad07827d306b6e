//! Statement rules, so that a distributed PostgreSQL plans each statement to one node, and a local one by its shape. What is checked are
//! the texts in the sources, put together as the compiler does: none is left out because no test happens to run it.

#![cfg(test)]

mod allowed;
mod arms;
mod code;
mod domains;
mod floors;
mod named;
mod output;
mod rules;
mod schema;
mod source;
mod states;
mod tree;
mod types;

use rules::Tied;
use schema::Schema;
use serde_json::Value;
use source::Text;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn schema() -> Schema {
    Schema::read(&repository().join("sql"))
}

/// What statements begin with.
const VERBS: [&str; 16] = [
    "ALTER", "CALL", "COPY", "CREATE", "DELETE", "DO", "DROP", "GRANT", "INSERT", "LOCK", "MERGE", "SELECT",
    "SET", "TRUNCATE", "UPDATE", "WITH",
];

fn is_statement(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    VERBS.contains(&first) && text.trim() != first
}

/// Whether a text names a table where statements do.
fn names_a_table(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).any(|pair| {
        ["FROM", "INTO", "JOIN", "TABLE", "UPDATE", "USING"].contains(&pair[0].trim_start_matches('('))
            && pair[1].starts_with("quire")
    })
}

/// Where statements are made of names and values at run time. They are about one row by its key, and what makes them asserts that
/// `project_id` is its first column.
const MADE: &str = "db/rows/statement.rs ";

/// Every text of the sources, but for those of [`MADE`].
fn texts() -> Vec<Text> {
    let texts = source::texts(&repository().join("src"));
    texts.into_iter().filter(|text| !text.at.starts_with(MADE)).collect()
}

/// Every statement of the sources.
fn statements() -> Vec<Text> {
    texts().into_iter().filter(|text| is_statement(&text.value)).collect()
}

fn parsed(text: &Text) -> Value {
    let mut statements =
        tree::parse(&text.value).unwrap_or_else(|error| panic!("{}: {error}\n{}", text.at, text.value));
    assert_eq!(statements.len(), 1, "{}: several statements in one text", text.at);
    statements.remove(0)
}

#[test]
fn every_statement_keeps_the_rules() {
    let schema = schema();
    let statements = statements();
    let mut wrong = BTreeSet::new();
    for statement in &statements {
        let found = rules::wrong(&schema, Tied::ToParameter, &parsed(statement));
        wrong.extend(found.into_iter().map(|what| (statement.at.clone(), what)));
    }
    for view in &schema.views {
        let found = rules::wrong(&schema, Tied::ToEachOther, &view.query);
        wrong.extend(found.into_iter().map(|what| (view.at.clone(), what)));
    }
    println!("{} statements, {} views", statements.len(), schema.views.len());
    let allowed: BTreeSet<(String, String)> =
        allowed::ALLOWED.iter().map(|(at, what, _)| ((*at).to_owned(), (*what).to_owned())).collect();
    let broken: Vec<_> = wrong.difference(&allowed).collect();
    assert!(broken.is_empty(), "these break a rule: {broken:#?}");
    let needless: Vec<_> = allowed.difference(&wrong).collect();
    assert!(needless.is_empty(), "these are allowed and need not be: {needless:#?}");
}

/// Where SQL may be: in the stores, and in what makes and runs statements.
#[test]
fn statements_are_in_stores() {
    let is_store = |at: &str| at.starts_with("db/") || at.contains("store.rs ") || at.contains("/store/");
    let elsewhere: BTreeSet<String> =
        statements().into_iter().map(|text| text.at).filter(|at| !is_store(at)).collect();
    assert!(elsewhere.is_empty(), "SQL outside of a store: {elsewhere:#?}");
}

/// A statement that this test did not find would break the rules unseen.
#[test]
fn every_statement_is_found() {
    let texts = texts();
    let pieces: Vec<_> = texts
        .iter()
        .filter(|text| !is_statement(&text.value) && names_a_table(&text.value))
        .map(|text| &text.at)
        .collect();
    assert!(pieces.is_empty(), "statements that are put together where nobody sees how: {pieces:#?}");
    let statements = statements();
    assert!(statements.len() > 300, "{}", statements.len());
    // No table is forgotten, so no statement about it is. The views of the interface are for others, and a view that is put together
    // of views names these.
    let mut named: BTreeSet<String> =
        statements.iter().flat_map(|text| rules::relations(&parsed(text))).collect();
    let schema = schema();
    let views: BTreeSet<&String> = schema.views.iter().map(|view| &view.at).collect();
    let parts = schema.views.iter().flat_map(|view| rules::relations(&view.query));
    named.extend(parts.filter(|part| views.contains(part)));
    let tables = schema.tables.keys().filter(|table| table.starts_with("quire_store."));
    // The script puts one view together as a text.
    let is_in_text = |table: &str| schema.script.contains(&format!(" FROM {table}'"));
    let untouched: Vec<_> = tables.filter(|table| !named.contains(*table) && !is_in_text(table)).collect();
    assert!(untouched.is_empty(), "tables that no statement is about: {untouched:?}");
}

#[test]
fn functions_of_the_schema_take_no_whole_rows() {
    let schema = schema();
    assert!(schema.functions.len() > 4, "functions are found");
    for function in &schema.functions {
        let taken: Vec<_> =
            function.argument_types.iter().filter(|name| schema.tables.contains_key(name.as_str())).collect();
        assert!(taken.is_empty(), "{}: {taken:?}", function.at);
    }
}

/// A policy is asked about every row.
#[test]
fn policies_have_no_sub_queries() {
    let script = schema().script;
    let policies: Vec<&str> = script
        .split("CREATE POLICY")
        .skip(1)
        .map(|policy| policy.split(';').next().unwrap_or_default())
        .collect();
    assert!(!policies.is_empty(), "policies are found");
    for policy in policies {
        assert_eq!(policy.replace("FOR SELECT", "").matches("SELECT").count(), 0, "{policy}");
    }
}

/// What the rules say of statements that break them, and of those that only look so.
#[test]
fn what_breaks_a_rule_is_told() {
    let schema = schema();
    let wrong = |sql: &str| {
        let statement = parsed(&Text { at: sql.to_owned(), value: sql.to_owned() });
        rules::wrong(&schema, Tied::ToParameter, &statement)
    };
    for good in [
        "SELECT seq FROM quire_store.bundle WHERE project_id = $1",
        "SELECT b.seq FROM quire_store.bundle b, unnest($2::int[]) n WHERE $1 = b.project_id AND b.seq = n",
        "SELECT 1 FROM quire_store.file_head h LEFT JOIN quire_store.bundle b ON b.project_id = $1 WHERE h.project_id = $1",
        "SELECT hash, count(bytes) FROM quire_store.blob hash WHERE hash.project_id = $1 GROUP BY hash",
        "INSERT INTO quire_store.file_head (file_path, project_id) VALUES ('a', $1), ('b', $1)",
        "INSERT INTO quire_store.file_head (project_id) SELECT $1 UNION ALL SELECT $1",
        "UPDATE quire_store.bundle SET kind = $2 WHERE project_id = $1",
        "WITH b AS (SELECT FROM quire_store.blob WHERE project_id = $1) SELECT f(b.x) FROM b",
        "SELECT seq FROM quire_store.project_head WHERE project_id = $1 FOR NO KEY UPDATE",
        "SELECT display_name, current_user FROM quire_store.actor",
    ] {
        assert_eq!(wrong(good), Vec::<String>::new(), "{good}");
    }
    for (bad, count) in [
        ("SELECT seq FROM quire_store.bundle", 1),
        ("SELECT seq FROM quire_store.bundle WHERE project_id = $2", 1),
        ("SELECT seq FROM quire_store.bundle WHERE project_id = $1 OR seq = 1", 1),
        ("SELECT seq FROM quire_store.bundle WHERE NOT (project_id = $1)", 1),
        ("SELECT seq FROM quire.oplog", 1),
        (
            "SELECT 1 FROM quire_store.bundle b JOIN quire_store.blob c ON b.project_id = c.project_id WHERE b.project_id = $1",
            1,
        ),
        (
            "SELECT 1 FROM quire_store.bundle b JOIN quire_store.blob c USING (project_id) WHERE b.project_id = $1",
            1,
        ),
        ("SELECT 1 FROM quire_store.bundle b, quire_store.blob c WHERE project_id = $1", 2),
        (
            "SELECT (SELECT max(seq) FROM quire_store.bundle u WHERE u.project_id = b.project_id)
             FROM quire_store.blob b WHERE b.project_id = $1",
            1,
        ),
        (
            "SELECT 1 FROM quire_store.bundle b, LATERAL (SELECT 1 FROM quire_store.blob c WHERE b.project_id = $1) l
             WHERE b.project_id = $1",
            1,
        ),
        (
            "SELECT 1 WHERE EXISTS (SELECT FROM quire_store.blob) AND NOT EXISTS (SELECT FROM quire_store.bundle)",
            2,
        ),
        ("SELECT 1 UNION SELECT seq FROM quire_store.bundle UNION ALL SELECT size FROM quire_store.blob", 2),
        ("WITH b AS (DELETE FROM quire_store.blob RETURNING 1) SELECT 1 FROM b", 1),
        ("DELETE FROM quire_store.blob b USING quire_store.bundle u WHERE b.project_id = $1", 1),
        ("UPDATE quire_store.blob b SET size = 1 FROM quire_store.bundle u WHERE u.project_id = $1", 1),
        ("INSERT INTO quire_store.blob (project_id) VALUES ($1), ($2)", 1),
        ("INSERT INTO quire_store.blob (hash) VALUES ($1)", 1),
        (
            "INSERT INTO quire_store.blob (project_id) SELECT project_id FROM quire_store.bundle WHERE project_id = $1",
            1,
        ),
        ("UPDATE quire_store.project SET updated_at = clock_timestamp() WHERE project_id = $1", 1),
        ("SELECT 1 FROM quire_store.bundle b WHERE b.project_id = $1 AND ($2 IS NULL OR b.seq < $2)", 1),
        (
            "SELECT 1 FROM quire_store.blob b WHERE b.project_id = $1 AND (b.hash > $2 OR $2::bytea IS NULL)",
            1,
        ),
        ("UPDATE quire_store.project SET updated_at = (SELECT CURRENT_TIMESTAMP) WHERE project_id = $1", 1),
        (
            "INSERT INTO quire_store.peer (project_id) VALUES ($1) ON CONFLICT (project_id) DO UPDATE SET updated_at = pg_catalog.now()",
            1,
        ),
        ("SELECT f(b) FROM quire_store.blob b WHERE b.project_id = $1", 1),
        ("SELECT f(b.*) FROM quire_store.blob b WHERE b.project_id = $1", 1),
        ("SELECT b::text FROM quire_store.blob b WHERE b.project_id = $1", 1),
        ("SELECT (SELECT f(b)) FROM quire_store.blob b WHERE b.project_id = $1", 1),
        (
            "SELECT h.seq FROM quire_store.project_head h JOIN quire_store.project p ON p.project_id = $1
             WHERE h.project_id = $1 FOR NO KEY UPDATE OF h",
            1,
        ),
        (
            "SELECT seq, (SELECT count(*) FROM quire_store.blob WHERE project_id = $1)
             FROM quire_store.project_head WHERE project_id = $1 FOR UPDATE",
            1,
        ),
        ("SELECT 1 FROM quire_store.no_such_table", 1),
        ("TRUNCATE quire_store.blob", 1),
    ] {
        assert_eq!(wrong(bad).len(), count, "{bad}: {:?}", wrong(bad));
    }
}
