//! What a project leaves behind that was deleted: nothing. (Of what somebody has locked who cannot write, rows may stay, which are nobody's
//! then: that is in tests/isolation/specs/delete_project.spec.)

use crate::cluster::{Database, shared};
use crate::fixture::{self, Fixture};
use crate::steps::{configure, put, user};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Rows that name a project, by table and column: of every table, and every column that may, in the catalog.
fn rows_of(database: &Database, project: Uuid) -> BTreeMap<String, i64> {
    let sql = "SELECT c.relname || '.' || a.attname, (xpath('//n/text()', query_to_xml(
            format('SELECT count(*) AS n FROM quire_store.%I WHERE %I = %L', c.relname, a.attname, $1::uuid), false, false, '')
        ))[1]::text::bigint
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
        WHERE c.relnamespace = 'quire_store'::regnamespace AND c.relkind IN ('r', 'p')
          AND a.attname LIKE '%project%' AND a.atttypid = 'uuid'::regtype";
    let mut admin = database.client("postgres");
    let rows = admin.query(sql, &[&project]).expect("count the rows of every table");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Those of these tables and columns that have rows, or have none.
fn with_rows(rows: &BTreeMap<String, i64>, has_rows: bool) -> Vec<&str> {
    rows.iter().filter(|(_, rows)| (**rows > 0) == has_rows).map(|(name, _)| name.as_str()).collect()
}

/// Makes what the fixture leaves out.
fn fill(database: &Database, fixture: &Fixture) {
    let Fixture { project, owner, .. } = fixture;
    let mut owner = database.client(owner);
    owner.query("SELECT quire.open_channel($1)", &[project]).expect("open the private channel");
    let mut viewer = database.client("deleted_viewer");
    viewer
        .execute("SELECT quire.delete_project_member($1, $2)", &[project, &fixture.viewer_actor])
        .expect("leave");
    // A sink that is not there.
    configure(&mut owner, *project, json!({"realtime_sink": "supabase", "retention_days": 0}));
    for content in ["one", "two", "three", "four"] {
        put(&mut owner, *project, "often", content);
    }
    owner.execute("SELECT quire.gc_run($1, 1)", &[project]).expect("begin a collection");
    owner
        .batch_execute(&format!(
            "SELECT quire.put_doc('{project}', 'packed', '{{\"text\": \"\"}}');
             SELECT count(quire.splice_doc_text('{project}', 'packed', '/text', 0, 0, 'x')) FROM generate_series(1, 1200);
             SELECT quire.pack_docs('{project}');
             SELECT quire.storage_save('{project}', '{{a key}}', 'x');
             SELECT quire.register_schema('{project}', 'any', '{{}}');
             SELECT quire.bind_doc_to_file('{project}', 'packed', 'packed.txt');"
        ))
        .expect("pack a document, keep a pair and a schema");
    exchange_with_another(database, fixture);
    let mut admin = database.client("postgres");
    admin
        .batch_execute(&format!(
            "SET session_replication_role = replica;
             UPDATE quire_store.project_files SET mode = '100755' WHERE project_id = '{project}' AND version = 4;"
        ))
        .expect("spoil a row");
    owner.execute("SELECT quire.verify_project($1)", &[project]).expect("verify");
}

/// Takes bundles of another database: of a new file, and of one that is here as it is there.
fn exchange_with_another(database: &Database, fixture: &Fixture) {
    let Fixture { project, owner, .. } = fixture;
    let other = shared().database("deleted_other");
    user(&other, "deleted_peer");
    let mut there = other.client("deleted_peer");
    there.execute("SELECT quire.create_project('shared', $1)", &[project]).expect("create the project there");
    put(&mut there, *project, "often", "four");
    put(&mut there, *project, "new", "from there");
    let page: Value =
        there.query_one("SELECT quire.sync_pull($1, 'here', 100)", &[project]).expect("pull").get(0);
    let mut here = database.client(owner);
    here.execute("SELECT quire.sync_push($1, 'there', 2, $2)", &[project, &page["bundles"]]).expect("push");
}

#[test]
fn nothing_of_a_deleted_project_is_left_in_any_table() {
    let database = shared().database("deleted");
    let fixture = fixture::build(&database, "deleted");
    fill(&database, &fixture);
    let before = rows_of(&database, fixture.project);
    assert!(before.len() > 30, "{before:?}");
    // A table that is empty here would not show that its rows stay.
    assert_eq!(with_rows(&before, false), [""; 0]);
    let others = Uuid::from_u128(0x0002_0000);
    let of_others = rows_of(&database, others);
    let mut owner = database.client(&fixture.owner);
    let name: String = owner
        .query_one("SELECT quire.get_project($1) ->> 'name'", &[&fixture.project])
        .expect("its name")
        .get(0);
    owner.execute("SELECT quire.delete_project($1, $2)", &[&fixture.project, &name]).expect("delete it");
    assert_eq!(with_rows(&rows_of(&database, fixture.project), true), [""; 0]);
    assert_eq!(rows_of(&database, others), of_others, "another project is as it was");
}
