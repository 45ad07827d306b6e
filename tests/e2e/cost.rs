//! What calls cost, by what others cost in the same run: asking many small projects what they hold, and going back and forth far.

use crate::cluster::{Cluster, Database, shared};
use crate::fixture;
use crate::steps::{project, put};
use postgres::Client;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What `get_project_stats` answers, as its tables say, in PostgreSQL's own JSON.
const HELD: &str = "SELECT jsonb_build_object('project_id', h.project_id, 'seq', h.seq, 'bundles', h.seq,
        'files', h.live_files, 'file_bytes', h.live_bytes,
        'versions', (SELECT count(*) FROM quire_store.project_files f WHERE f.project_id = $1),
        'blobs', (SELECT count(*) FROM quire_store.blob b WHERE b.project_id = $1 AND b.state = 0),
        'blob_bytes', (SELECT COALESCE(sum(b.size), 0) FROM quire_store.blob b WHERE b.project_id = $1 AND b.state = 0),
        'stored_bytes', (SELECT COALESCE(sum(octet_length(b.bytes)), 0) FROM quire_store.blob b WHERE b.project_id = $1)
            + (SELECT COALESCE(sum(octet_length(c.bytes)), 0) FROM quire_store.blob_chunk c WHERE c.project_id = $1),
        'archived_blobs', (SELECT count(*) FROM quire_store.blob b WHERE b.project_id = $1 AND b.state = 1),
        'collected_blobs', (SELECT count(*) FROM quire_store.blob b WHERE b.project_id = $1 AND b.state = 2),
        'assets', (SELECT count(*) FROM quire_store.asset a WHERE a.project_id = $1 AND NOT a.is_deleted),
        'asset_bytes', h.asset_bytes,
        'docs', (SELECT count(*) FROM quire_store.doc_head d WHERE d.project_id = $1 AND d.branch = 'main' AND d.heads <> d.deleted_heads),
        'doc_bytes', (SELECT COALESCE(sum(octet_length(c.bytes)), 0) FROM quire_store.doc_change c WHERE c.project_id = $1)
            + (SELECT COALESCE(sum(p.change_bytes), 0) FROM quire_store.doc_pack p WHERE p.project_id = $1),
        'storage_bytes', (SELECT COALESCE(sum(octet_length(array_to_string(k.key, '')) + COALESCE(octet_length(k.data), 0)), 0)
            FROM quire_store.doc_storage k WHERE k.project_id = $1),
        'snapshots', (SELECT count(*) FROM quire_store.snapshot s WHERE s.project_id = $1),
        'snapshot_bytes', (SELECT COALESCE(sum(s.size), 0) FROM quire_store.snapshot s WHERE s.project_id = $1),
        'members', (SELECT count(*) FROM quire_store.membership m WHERE m.project_id = $1),
        'realtime_sink', (SELECT jsonb_build_object('failures', e.failures, 'last_seq', e.last_seq,
                              'last_error', e.last_error, 'last_at', e.last_at)
                          FROM quire_store.sink_failure e WHERE e.project_id = $1))::text
    FROM quire_store.project_head h WHERE h.project_id = $1";

fn assert_held(client: &mut Client, project: Uuid) -> String {
    let held: String = client.query_one(HELD, &[&project]).expect("count").get(0);
    let told: String =
        client.query_one("SELECT quire.get_project_stats($1)::text", &[&project]).expect("ask").get(0);
    assert_eq!(told, held);
    told
}

#[test]
fn what_a_project_holds_is_what_its_tables_say() {
    let database = shared().database("cost_held");
    let fixture = fixture::build(&database, "cost_held");
    let mut client = database.client("postgres");
    let told = assert_held(&mut client, fixture.project);
    for some in ["archived_blobs", "collected_blobs", "snapshot_bytes", "assets", "docs", "doc_bytes"] {
        assert!(!told.contains(&format!("\"{some}\": 0,")), "{told}");
    }
    // Members who have left, contents in quarantine, a length that is corrupt, a sink that failed, by hand.
    client.batch_execute("SET timezone = 'Asia/Kathmandu';
        INSERT INTO quire_store.departure (project_id, actor_id, departure_id)
        SELECT m.project_id, m.actor_id, gen_random_uuid() FROM quire_store.project_member m WHERE m.role = 'viewer';
        INSERT INTO quire_store.sink_failure SELECT h.project_id, 3, h.seq, E'größer \"than\"\\n', clock_timestamp()
        FROM quire_store.project_head h;
        UPDATE quire_store.blob SET state = 3 WHERE hash = (SELECT hash FROM quire_store.blob WHERE state = 0 ORDER BY hash DESC LIMIT 1);
        UPDATE quire_store.blob SET size = 1e18 WHERE hash = (
            SELECT hash FROM quire_store.blob WHERE state = 0 ORDER BY hash LIMIT 1)").expect("damage");
    let sql = "SELECT project_id FROM quire_store.project";
    let projects: Vec<Uuid> = client.query(sql, &[]).expect("list").iter().map(|row| row.get(0)).collect();
    assert!(projects.len() > 3);
    for each in projects {
        assert_held(&mut client, each);
    }
    let empty = project(&mut client, "empty");
    assert_held(&mut client, empty);
    client.execute("UPDATE quire_store.blob SET size = 9e18", &[]).expect("damage all");
    let sql = "SELECT quire.get_project_stats($1) -> 'blob_bytes' = to_jsonb(9223372036854775807)";
    let is_most: bool = client.query_one(sql, &[&fixture.project]).expect("no error, however long").get(0);
    assert!(is_most);
}

/// As who writes a bill asks: of each, the gate and one statement more.
#[test]
fn what_many_small_projects_hold_is_told_for_little_more_than_what_they_are() {
    let cluster = Cluster::start("cost_stats", &[]);
    let database = cluster.database("app");
    let mut client = database.client("postgres");
    for _ in 0..400 {
        let small = project(&mut client, "small");
        put(&mut client, small, "a", "one");
    }
    client.batch_execute("VACUUM ANALYZE").expect("analyze");
    let mut time = |function: &str| {
        let sql = format!("SELECT count(quire.{function}(project_id)) FROM quire_store.project");
        quickest(5, || {
            assert_eq!(client.query_one(&sql, &[]).expect("ask").get::<_, i64>(0), 400);
        })
    };
    let (told, counted) = (time("get_project"), time("get_project_stats"));
    assert!(counted < told * 2, "{counted:?}, and {told:?} without counting");

    let logged = "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on";
    client.batch_execute(logged).expect("have plans logged");
    let before = cluster.log().len();
    client
        .execute("SELECT quire.get_project_stats(project_id) FROM quire_store.project LIMIT 1", &[])
        .expect("ask");
    let log = cluster.log();
    let statements = log.get(before..).unwrap_or_default().matches("Query Text:").count();
    // The caller's, the gate's, and the one that counts.
    assert_eq!(statements, 3, "{log}");
}

fn quickest(times: usize, mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..times).map(time).min().unwrap_or_default()
}

/// A project with so many edits of one file.
fn edited(database: &Database, edits: i32) -> Uuid {
    let mut client = database.client("postgres");
    let edited = project(&mut client, "edited");
    let sql = format!(
        "DO $$ BEGIN FOR n IN 1..{edits} LOOP
             PERFORM quire.upsert_project_file('{edited}', 'f', n::text);
             IF n % 50 = 0 THEN COMMIT; END IF;
         END LOOP; END $$"
    );
    client.batch_execute(&sql).expect("edit");
    edited
}

#[test]
fn undo_and_redo_cost_the_same_however_many_bundles_are_taken_back() {
    let database = shared().database("cost_depth");
    let edited = edited(&database, 1500);
    // What PostgreSQL learns of many files of one version has it think that each has one.
    let mut client = database.client("postgres");
    let many = project(&mut client, "many");
    client
        .execute(
            "SELECT quire.bulk_upsert_project_files($1, (
                 SELECT jsonb_agg(jsonb_build_object('file_path', 'f' || f, 'content', 'same')) FROM generate_series(1, 10000) f))",
            &[&many],
        )
        .expect("write many files");
    for function in ["undo", "redo"] {
        client.batch_execute("VACUUM ANALYZE").expect("analyze");
        let mut client = database.client("postgres");
        let sql = format!("SELECT quire.{function}($1)");
        let mut step = || drop(client.query_one(&sql, &[&edited]).expect("take back"));
        (0..10).for_each(|_| step());
        let shallow = quickest(20, &mut step);
        (0..1440).for_each(|_| step());
        let deep = quickest(20, &mut step);
        assert!(deep < shallow * 2, "{function}: {deep:?}, and {shallow:?} at first");
    }
}

#[test]
fn undo_and_redo_cost_the_same_however_often_one_bundle_is_taken_back_and_given_back() {
    let database = shared().database("cost_to_and_fro");
    let edited = edited(&database, 3);
    let mut client = database.client("postgres");
    let mut both = || {
        for function in ["undo", "redo"] {
            client.query_one(&format!("SELECT quire.{function}($1)"), &[&edited]).expect("take back");
        }
    };
    (0..10).for_each(|_| both());
    let first = quickest(20, &mut both);
    (0..600).for_each(|_| both());
    let last = quickest(20, &mut both);
    assert!(last < first * 2, "{last:?}, and {first:?} at first");
}
