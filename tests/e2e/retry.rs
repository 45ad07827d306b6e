//! Idempotency: a request that is sent twice, even at the same moment, happens once.

use crate::cluster::{Database, shared};
use crate::log;
use crate::steps::{add_member, backend_pid, head_seq, project, put, refusal, user, wait_until_blocked};
use postgres::Client;
use serde_json::Value;
use std::sync::Barrier;
use std::thread;
use uuid::Uuid;

/// Every writer that takes a correlation id: $1 is the project, $2 the id. Each changes something in the project that
/// [`prepared_project`] makes, with so many bundles.
const WRITERS: &[(&str, i64)] = &[
    ("quire.upsert_project_file($1, 'a', 'three', correlation_id => $2)", 1),
    ("quire.upsert_project_file_bytes($1, 'new', '\\x00ff', correlation_id => $2)", 1),
    ("quire.delete_project_file($1, 'b', correlation_id => $2)", 1),
    ("quire.move_project_file($1, 'b', 'c', correlation_id => $2)", 1),
    (
        "quire.bulk_upsert_project_files($1, '[{\"file_path\": \"a\", \"content\": \"x\"}, \
         {\"file_path\": \"n\", \"content\": \"y\"}]', $2)",
        1,
    ),
    ("quire.bulk_delete_project_files($1, ARRAY['a', 'b'], $2)", 1),
    (
        "quire.commit_bundle($1, '[{\"op\": \"file.put\", \"file_path\": \"a\", \"content\": \"x\"}]', correlation_id => $2)",
        1,
    ),
    ("quire.merge_project_file($1, 'a', E'one\\ntwo\\n3\\n', 1, correlation_id => $2)", 1),
    ("quire.restore_project_file($1, 'a', 1, $2)", 1),
    ("quire.restore_project($1, 1, correlation_id => $2)", 1),
    (
        "quire.restore_snapshot($1, '\\x504b0506000000000000000000000000000000000000', correlation_id => $2)",
        1,
    ),
    ("quire.import_legacy_files($1, 'old_files', 'path', 'body', correlation_id => $2)", 1),
    (
        "quire.import_from_library($1, '00000000-0000-0000-0000-00000000011b', ARRAY['logo'], correlation_id => $2)",
        1,
    ),
    ("quire.undo($1, correlation_id => $2)", 1),
    ("quire.redo($1, correlation_id => $2)", 1),
    ("quire.revert_bundle($1, 3, correlation_id => $2)", 1),
    ("quire.tag_project($1, 'now', correlation_id => $2)", 0),
    ("quire.resolve_conflict($1, (SELECT conflict_id FROM quire.list_conflicts($1, true)), '3', $2)", 1),
    ("quire.put_asset($1, 'a.png', '\\x00ff', 'image/png', 'image', $2)", 1),
    (
        "quire.delete_asset($1, encode('\\xaf1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262', 'hex'), 'old', $2)",
        1,
    ),
    (
        "quire.apply_doc_changes($1, 'n', ARRAY[decode('856f4a839a59f20801180010717569726520666972737420646f632e010100000000', 'hex')], \
         correlation_id => $2)",
        1,
    ),
    (
        "quire.submit_tx($1, jsonb_build_object('client_tx_id', $2::uuid, 'writes', \
         '[{\"doc\": \"n\", \"changes\": [\"hW9Kg5pZ8ggBGAAQcXVpcmUgZmlyc3QgZG9jLgEBAAAAAA==\"]}]'::jsonb))",
        1,
    ),
    ("quire.put_doc($1, 'd', '{\"t\": \"y\"}', correlation_id => $2)", 1),
    (
        "quire.edit_doc($1, 'd', '[{\"op\": \"add\", \"path\": \"/a\", \"value\": 1}]', correlation_id => $2)",
        1,
    ),
    ("quire.splice_doc_text($1, 'd', '/t', 0, 0, 'x', correlation_id => $2)", 1),
    ("quire.delete_doc($1, 'd', correlation_id => $2)", 1),
    (
        "quire.import_doc($1, 'imported', '\\x856f4a839a59f20801180010717569726520666972737420646f632e010100000000', correlation_id => $2)",
        1,
    ),
    ("quire.create_branch($1, 'new', correlation_id => $2)", 1),
    ("quire.merge_branch($1, 'draft', correlation_id => $2)", 1),
    ("quire.close_branch($1, 'draft', correlation_id => $2)", 1),
    ("quire.delete_branch($1, 'draft', correlation_id => $2)", 1),
    ("quire.finish_upload($1, (SELECT upload FROM begun WHERE project = $1), correlation_id => $2)", 1),
];

#[test]
fn every_writer_takes_a_correlation_id_and_is_tested_here() {
    let database = shared().database("retry_complete");
    let sql = "SELECT DISTINCT 'quire.' || proname FROM pg_proc
        WHERE pronamespace = 'quire'::regnamespace AND 'correlation_id' = ANY (proargnames)";
    for function in database.psql(sql).lines() {
        assert!(
            WRITERS.iter().any(|(writer, _)| writer.starts_with(&format!("{function}("))),
            "add a call of {function}"
        );
    }
}

#[test]
fn a_request_that_waits_for_its_twin_gets_the_same_receipt_and_changes_nothing() {
    let database = shared().database("retry_waits");
    for (n, (writer, bundles)) in WRITERS.iter().enumerate() {
        let (receipt, twin, before) = race(&database, n, writer, "COMMIT");
        assert_eq!(twin.unwrap_or_else(|error| panic!("{writer}: {error:?}")), receipt, "{writer}");
        assert_head(&database, n, before + bundles, writer);
    }
}

#[test]
fn a_request_whose_twin_rolls_back_happens() {
    let database = shared().database("retry_rollback");
    for (n, (writer, bundles)) in WRITERS.iter().enumerate() {
        let (_, twin, before) = race(&database, n, writer, "ROLLBACK");
        let receipt = twin.unwrap_or_else(|error| panic!("{writer}: {error:?}"));
        assert_head(&database, n, before + bundles, writer);
        // And a third time it is known.
        let mut client = database.client("postgres");
        assert_eq!(call(&mut client, writer, project_id(n)).expect("repeat"), receipt, "{writer}");
        assert_head(&database, n, before + bundles, writer);
    }
}

#[test]
fn requests_sent_together_by_many_connections_happen_once() {
    const CONNECTIONS: usize = 6;
    let database = shared().database("retry_together");
    for (n, (writer, bundles)) in WRITERS.iter().enumerate() {
        let before = prepared_project(&database, n);
        let start = Barrier::new(CONNECTIONS);
        let receipts: Vec<Value> = thread::scope(|scope| {
            let running: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = database.client("postgres");
                        start.wait();
                        call(&mut client, writer, project_id(n))
                            .unwrap_or_else(|error| panic!("{writer}: {error:?}"))
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().expect("a connection")).collect()
        });
        assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "{writer}: {receipts:?}");
        assert_head(&database, n, before + bundles, writer);
    }
}

#[test]
fn an_id_that_was_used_belongs_to_its_request_and_its_actor() {
    let database = shared().database("retry_reused");
    let [anna, bert] = ["retry_anna", "retry_bert"].map(|name| user(&database, name));
    let mut client = database.client("retry_anna");
    let project = project(&mut client, "reused");
    add_member(&mut client, project, bert, "editor");
    assert_ne!(anna, bert);
    let correlation = Uuid::from_u128(7);
    let sql = "SELECT seq FROM quire.upsert_project_file($1, 'a', $2, correlation_id => $3)";
    client.query_one(sql, &[&project, &"one", &correlation]).expect("write");

    let mut other = database.client("retry_bert");
    let deletes = "SELECT seq FROM quire.delete_project_file($1, 'a', correlation_id => $2)";
    for refused in [
        refusal(client.query_one(sql, &[&project, &"two", &correlation])),
        refusal(other.query_one(sql, &[&project, &"one", &correlation])),
        refusal(client.query_one(deletes, &[&project, &correlation])),
    ] {
        assert_eq!(
            (refused.state.as_str(), &refused.detail["reason"]),
            ("PT409", &"correlation_reused".into())
        );
    }
    // In another project it is free.
    let second = crate::steps::project(&mut client, "second");
    client.query_one(sql, &[&second, &"two", &correlation]).expect("write elsewhere");
    assert_eq!(log::verify(&mut client, project), 1);
}

#[test]
fn a_refused_request_is_not_remembered() {
    let database = shared().database("retry_refused");
    let mut client = database.client("postgres");
    let project = project(&mut client, "refused");
    let sql = "SELECT version FROM quire.upsert_project_file($1, 'a', 'x', NULL, $2, $3)";
    let correlation = Uuid::from_u128(7);
    let refused = refusal(client.query_one(sql, &[&project, &Some(5i32), &correlation]));
    assert_eq!(refused.state, "PT409");
    let row = client.query_one(sql, &[&project, &Some(0i32), &correlation]).expect("write");
    assert_eq!(row.get::<_, i32>(0), 1);
}

/// One connection calls the writer in a transaction, a twin calls it too and waits, and the first one ends its
/// transaction. Returns the answers of both and the seq before.
fn race(
    database: &Database,
    n: usize,
    writer: &str,
    ending: &str,
) -> (Value, Result<Value, postgres::Error>, i64) {
    let before = prepared_project(database, n);
    let project = project_id(n);
    let mut first = database.client("postgres");
    first.batch_execute("BEGIN").expect("begin");
    let receipt = call(&mut first, writer, project).unwrap_or_else(|error| panic!("{writer}: {error:?}"));
    let mut second = database.client("postgres");
    let pid = backend_pid(&mut second);
    thread::scope(|scope| {
        let twin = scope.spawn(move || call(&mut second, writer, project));
        wait_until_blocked(database, pid);
        first.batch_execute(ending).expect("end the transaction");
        (receipt, twin.join().expect("the twin"), before)
    })
}

fn call(client: &mut Client, writer: &str, project: Uuid) -> Result<Value, postgres::Error> {
    let sql = format!("SELECT to_jsonb(answer) FROM {writer} answer");
    Ok(client.query_one(&sql, &[&project, &Uuid::from_u128(0xC0FFEE)])?.get(0))
}

fn project_id(n: usize) -> Uuid {
    Uuid::from_u128(0x1000 + n as u128)
}

/// A project with two files and some history; returns its seq.
fn prepared_project(database: &Database, n: usize) -> i64 {
    let mut client = database.client("postgres");
    client
        .batch_execute("CREATE TABLE IF NOT EXISTS old_files AS SELECT 'old/' || n AS path, 'x' AS body FROM generate_series(1, 9) n")
        .expect("create a table of files");
    let library = Uuid::from_u128(0x11b);
    if client.execute("SELECT quire.create_project('library', $1, kind => 'library')", &[&library]).is_ok() {
        put(&mut client, library, "logo", "x");
    }
    let project = project_id(n);
    client.execute("SELECT quire.create_project('retry', $1)", &[&project]).expect("create the project");
    put(&mut client, project, "a", "one\ntwo\nthree\n");
    put(&mut client, project, "a", "1\ntwo\nthree\n");
    put(&mut client, project, "b", "b");
    conflict(database, &mut client, project);
    upload(&mut client, project);
    client.execute("SELECT quire.put_doc($1, 'd', '{\"t\": \"x\"}')", &[&project]).expect("put a document");
    client.execute("SELECT quire.create_branch($1, 'draft')", &[&project]).expect("create a branch");
    let put_doc = "SELECT quire.put_doc($1, 'e', '{\"t\": \"x\"}', 'draft')";
    client.execute(put_doc, &[&project]).expect("put a document on the branch");
    put(&mut client, project, "kept", "x");
    put(&mut client, project, "undone", "x");
    client.execute("SELECT quire.undo($1)", &[&project]).expect("undo");
    head_seq(&mut client, project)
}

/// An empty asset, and an upload that is complete but for its end; the table `begun` knows which.
fn upload(client: &mut Client, project: Uuid) {
    client
        .batch_execute("CREATE TABLE IF NOT EXISTS begun (project uuid, upload uuid)")
        .expect("create a table of uploads");
    for statement in [
        "SELECT quire.put_asset($1, 'empty', '', 'text/plain', 'text')",
        "INSERT INTO begun SELECT $1, quire.begin_upload($1, 'b.bin', 'application/octet-stream', 'data')",
        "SELECT quire.append_upload($1, upload, 1, 'abc') FROM begun WHERE project = $1",
    ] {
        client.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

/// An open conflict of two actors about one field.
fn conflict(database: &Database, client: &mut Client, project: Uuid) {
    let role = format!("retry_{}", Uuid::now_v7().simple());
    let actor = user(database, &role);
    add_member(client, project, actor, "editor");
    let sql = "SELECT quire.commit_bundle($1, jsonb_build_array(jsonb_build_object('op', 'field.set',
        'entity_type', 't', 'entity_id', '1', 'field', 'f', 'value', $2::int)), base_seq => 0, on_conflict => 'record')";
    client.execute(sql, &[&project, &1]).expect("set a field");
    database.client(&role).execute(sql, &[&project, &2]).expect("set it, too");
}

fn assert_head(database: &Database, n: usize, expected: i64, writer: &str) {
    let mut client = database.client("postgres");
    assert_eq!(log::verify(&mut client, project_id(n)), expected, "{writer}");
}
