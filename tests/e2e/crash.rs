//! Backends that die in the middle of a write.

use crate::cluster::{Cluster, Database, shared};
use crate::log;
use crate::steps::{backend_pid, configure, head_seq, project, put, refusal, wait_until, wait_until_blocked};
use postgres::Client;
use serde_json::json;
use std::process::Command;
use std::thread;
use uuid::Uuid;

#[test]
fn killed_backends_leave_no_part_of_a_bundle_and_writes_go_on_after_the_recovery() {
    let cluster = Cluster::start("crash", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let [edited, imported] = ["edited", "imported"].map(|name| project(&mut admin, name));
    // The buckets are in an unlogged table, which a crash empties.
    configure(&mut admin, edited, json!({"rate_limit": {"per_minute": 6000, "burst": 100}}));
    for project in [edited, imported] {
        put(&mut admin, project, "a", "one");
        put(&mut admin, project, "a", "two");
    }
    let correlation = Uuid::from_u128(1);

    // One backend has written a bundle and its transaction is open ...
    let mut open = database.client("postgres");
    open.batch_execute("BEGIN").expect("begin");
    put(&mut open, edited, "b", "never committed");
    let sql = "SELECT quire.upsert_project_file($1, 'a', 'three', correlation_id => $2)";
    open.execute(sql, &[&edited, &correlation]).expect("write");
    let open_pid = backend_pid(&mut open);
    // ... and one is in the middle of a large one.
    let mut bulk = database.client("postgres");
    let bulk_pid = backend_pid(&mut bulk);
    let running = thread::spawn(move || bulk_upsert(&mut bulk, imported, 20_000));
    wait_until_writing(&database, bulk_pid, "project_files");
    crash(&cluster, &database, &[open_pid, bulk_pid]);
    assert!(running.join().expect("the bulk's thread").is_err(), "the bulk was killed before its end");
    assert!(open.batch_execute("COMMIT").is_err(), "the open transaction was killed");

    let mut admin = database.client("postgres");
    for project in [edited, imported] {
        assert_eq!(log::verify(&mut admin, project), 2, "nothing of the killed writes is there");
    }
    assert_no_orphans(&database);
    assert_eq!(put(&mut admin, edited, "a", "after the crash"), (3, 3));
    // The request was never answered, so it is answered now.
    assert_eq!(admin.execute(sql, &[&edited, &correlation]).expect("write"), 1);
    assert_eq!(head_seq(&mut admin, edited), 4);
    bulk_upsert(&mut admin, imported, 1000).expect("the bulk");
    assert_eq!(log::verify(&mut admin, edited), 4);
    assert_eq!(log::verify(&mut admin, imported), 3);
    assert_no_orphans(&database);
}

#[test]
fn a_terminated_backend_leaves_no_part_of_a_bundle_and_releases_its_project() {
    let cluster = Cluster::start("crash_terminated", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "terminated");
    put(&mut admin, project, "a", "one");
    let mut bulk = database.client("postgres");
    let pid = backend_pid(&mut bulk);
    let running = thread::spawn(move || bulk_upsert(&mut bulk, project, 20_000));
    wait_until_writing(&database, pid, "project_files");
    admin.query_one("SELECT pg_terminate_backend($1, 60000)", &[&pid]).expect("terminate");
    assert!(running.join().expect("the bulk's thread").is_err(), "the bulk was terminated before its end");
    assert_eq!(put(&mut admin, project, "a", "two"), (2, 2));
    assert_eq!(log::verify(&mut admin, project), 2);
    assert_no_orphans(&database);
}

#[test]
fn a_cancelled_write_leaves_no_part_of_a_bundle_and_its_session_goes_on() {
    let database = shared().database("crash_cancelled");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "cancelled");
    put(&mut admin, project, "a", "one");
    let mut bulk = database.client("postgres");
    let pid = backend_pid(&mut bulk);
    for version in 2..5 {
        thread::scope(|scope| {
            let running = scope.spawn(|| bulk_upsert(&mut bulk, project, 20_000));
            wait_until_writing(&database, pid, "project_files");
            admin.query_one("SELECT pg_cancel_backend($1)", &[&pid]).expect("cancel");
            assert_eq!(refusal(running.join().expect("the bulk's thread")).state, "57014");
        });
        let content = format!("version {version}");
        assert_eq!(put(&mut bulk, project, "a", &content), (version, i64::from(version)));
    }
    assert_eq!(log::verify(&mut admin, project), 4);
    assert_no_orphans(&database);
}

#[test]
fn a_prepared_transaction_keeps_its_bundle_through_a_crash() {
    let cluster = Cluster::start("crash_prepared", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "prepared");
    // PostgreSQL prepares no transaction that has notified.
    configure(&mut admin, project, json!({"broadcast": "off"}));
    admin.batch_execute("BEGIN").expect("begin");
    put(&mut admin, project, "a", "one");
    admin.batch_execute("PREPARE TRANSACTION 'later'").expect("prepare");
    crash(&cluster, &database, &[backend_pid(&mut admin)]);

    let mut admin = database.client("postgres");
    assert_eq!(head_seq(&mut admin, project), 0);
    let mut waiting = database.client("postgres");
    let pid = backend_pid(&mut waiting);
    thread::scope(|scope| {
        let next = scope.spawn(|| put(&mut waiting, project, "a", "two"));
        wait_until_blocked(&database, pid);
        admin.batch_execute("COMMIT PREPARED 'later'").expect("commit");
        assert_eq!(next.join().expect("the next writer"), (2, 2));
    });
    assert_eq!(log::verify(&mut admin, project), 2);
}

fn bulk_upsert(client: &mut Client, project: Uuid, files: i32) -> Result<u64, postgres::Error> {
    let sql = "SELECT quire.bulk_upsert_project_files($1, (
        SELECT jsonb_agg(jsonb_build_object('file_path', 'bulk/' || n, 'content', 'content ' || n))
        FROM generate_series(1, $2) n))";
    client.execute(sql, &[&project, &files])
}

/// Returns when the backend has begun to write into a table of quire.
pub fn wait_until_writing(database: &Database, pid: i32, table: &str) {
    let mut observer = database.client("postgres");
    let sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND mode = 'RowExclusiveLock'
        AND relation = to_regclass('quire_store.' || $2))";
    let is_writing = || observer.query_one(sql, &[&pid, &table]).expect("look at the locks").get(0);
    wait_until(120, is_writing, || format!("backend {pid} does not write"));
}

/// Kills backends at once, upon which the server ends all the others and recovers; returns when it has.
pub fn crash(cluster: &Cluster, database: &Database, pids: &[i32]) {
    let mut witness = database.client("postgres");
    let pids: Vec<String> = pids.iter().map(i32::to_string).collect();
    // The harness runs the cluster as this user, or this is root. The shell's own kill is always there.
    let status =
        Command::new("sh").args(["-c", &format!("kill -9 {}", pids.join(" "))]).status().expect("run sh");
    assert!(status.success(), "kill {pids:?}");
    let has_noticed = || witness.batch_execute("SELECT 1").is_err();
    wait_until(60, has_noticed, || format!("the server does not notice that {pids:?} are dead"));
    cluster.wait_ready();
}

/// Rows that belong to nothing.
pub fn assert_no_orphans(database: &Database) {
    for (what, sql) in [
        ("versions without a bundle", "quire_store.project_files f WHERE NOT EXISTS (SELECT FROM quire_store.bundle b
            WHERE b.project_id = f.project_id AND b.seq = f.bundle_seq)"),
        ("heads without their version", "quire_store.file_head h WHERE NOT EXISTS (SELECT FROM quire_store.project_files f
            WHERE f.project_id = h.project_id AND f.file_id = h.file_id AND f.version = h.version AND f.id = h.version_id)"),
        ("versions without a head", "quire_store.project_files f WHERE NOT EXISTS (SELECT FROM quire_store.file_head h
            WHERE h.project_id = f.project_id AND h.file_id = f.file_id)"),
        ("content that nothing refers to", "quire_store.blob b WHERE NOT EXISTS (SELECT FROM quire_store.project_files f
            WHERE f.project_id = b.project_id AND f.content_hash = b.hash)
            AND NOT EXISTS (SELECT FROM quire_store.asset_op o WHERE o.project_id = b.project_id AND o.content_hash = b.hash)"),
        ("content that is missing", "quire_store.project_files f WHERE NOT f.is_deleted AND NOT EXISTS (
            SELECT FROM quire_store.blob b WHERE b.project_id = f.project_id AND b.hash = f.content_hash)"),
        ("bundles after the head", "quire_store.bundle b WHERE seq > (SELECT h.seq FROM quire_store.project_head h
            WHERE h.project_id = b.project_id)"),
        ("answers of requests that never happened", "quire_store.request r WHERE NOT EXISTS (SELECT FROM quire_store.bundle b
            WHERE b.project_id = r.project_id AND b.bundle_id = (r.receipt ->> 'bundle_id')::uuid)"),
        ("paths that share a number or lie beyond it", "quire_store.file_head f JOIN quire_store.project_head h USING (project_id)
            WHERE f.file_id >= h.next_file_id"),
    ] {
        assert_eq!(database.psql(&format!("SELECT count(*) FROM {sql}")), "0", "{what}");
    }
}
