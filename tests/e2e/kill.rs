//! The whole server is killed, at any moment, again and again.

use crate::cluster::{Cluster, Database};
use crate::crash::assert_no_orphans;
use crate::log;
use crate::steps::project;
use crate::trace::typed;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use uuid::Uuid;

const KILLS: u64 = 50;

/// Calls that each kind of load repeats; `n` counts them.
type Load = fn(&mut Client, Uuid, u64) -> Result<(), postgres::Error>;

const LOADS: [Load; 3] = [edit, work, keep];

/// Files and fields, undone and redone.
fn edit(client: &mut Client, project: Uuid, n: u64) -> Result<(), postgres::Error> {
    let ops = json!([
        {"op": "file.put", "file_path": format!("f{}", n % 7), "content": format!("content {n}").repeat(200)},
        {"op": "field.set", "entity_type": "t", "entity_id": (n % 5).to_string(), "field": "n", "value": n}]);
    client.execute("SELECT quire.commit_bundle($1, $2)", &[&project, &ops])?;
    match n % 4 {
        0 => client.execute("SELECT quire.undo($1)", &[&project])?,
        1 => client.execute(
            "SELECT quire.bulk_upsert_project_files($1, (SELECT jsonb_agg(jsonb_build_object(
            'file_path', 'b/' || n, 'content', n || ' ' || $2::bigint)) FROM generate_series(1, 50) n))",
            &[&project, &(n as i64)],
        )?,
        _ => 0,
    };
    Ok(())
}

/// Jobs: staged in two calls, completed or left to their lease.
fn work(client: &mut Client, project: Uuid, n: u64) -> Result<(), postgres::Error> {
    let job: Uuid = client.query_one("SELECT quire.begin_job($1, 'render', '1 second')", &[&project])?.get(0);
    for part in 0..2 {
        let ops = json!([
            {"op": "file.put", "file_path": format!("out/{part}/{}", n % 9), "content": n.to_string()},
            {"op": "field.set", "entity_type": "job", "entity_id": part.to_string(), "field": "n", "value": n}]);
        client.execute("SELECT quire.append_job_ops($1, $2, $3)", &[&project, &job, &ops])?;
    }
    if !n.is_multiple_of(3) {
        client.execute("SELECT quire.finish_job($1, $2)", &[&project, &job])?;
    }
    Ok(())
}

/// Assets that come and go, and content that is collected.
fn keep(client: &mut Client, project: Uuid, n: u64) -> Result<(), postgres::Error> {
    let sql =
        "SELECT quire.put_asset($1, 'a', convert_to($2, 'UTF8'), 'text/plain', 'waste') ->> 'content_hash'";
    let hash: String = client.query_one(sql, &[&project, &format!("asset {n}")])?.get(0);
    client.execute("SELECT quire.delete_asset($1, $2)", &[&project, &hash])?;
    client.execute("SELECT quire.gc_run($1, 10)", &[&project])?;
    Ok(())
}

#[test]
fn fifty_times_killed_during_load_the_server_has_whole_bundles_only() {
    let cluster = Cluster::start("kill", &[("wal_level", "minimal"), ("max_wal_senders", "0")]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let projects: Vec<Uuid> = LOADS.iter().map(|_| project(&mut admin, "killed")).collect();
    let settings = r#"{"settings": {"asset_retention_days": {"waste": 0}, "broadcast": "off"}}"#;
    admin
        .execute("SELECT quire.update_project($1, $2::text::jsonb)", &[&projects[2], &settings])
        .expect("set the retention");
    drop(admin);
    let mut seqs = vec![0i64; projects.len()];
    for kill in 0..KILLS {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for (load, project) in LOADS.iter().zip(&projects) {
                let mut client = database.client("postgres");
                let is_over = &is_over;
                // Until the server is gone.
                scope.spawn(move || {
                    let mut n = kill * 1000;
                    while !is_over.load(Ordering::Relaxed) && load(&mut client, *project, n).is_ok() {
                        n += 1;
                    }
                });
            }
            // A different moment each time.
            thread::sleep(Duration::from_millis(40 + kill * 37 % 110));
            cluster.kill_and_restart();
            is_over.store(true, Ordering::Relaxed);
        });
        check(&database, &projects, &mut seqs);
    }
    assert!(seqs.iter().all(|seq| *seq > KILLS as i64), "each load made progress: {seqs:?}");
    let mut admin = database.client("postgres");
    for project in &projects {
        log::verify(&mut admin, *project);
    }
    assert_no_orphans(&database);
    // Whatever was in progress has expired, and left nothing.
    thread::sleep(Duration::from_millis(1100));
    let sql = "SELECT count(*), count(*) FILTER (WHERE status <> 'expired') FROM quire.list_jobs($1)";
    let row = admin.query_one(sql, &[&projects[1]]).expect("list the jobs");
    assert!(row.get::<_, i64>(0) > 0, "some jobs were in progress");
    assert_eq!(row.get::<_, i64>(1), 0, "jobs in progress have expired");
}

/// Packing takes many rows and leaves one.
#[test]
fn killed_while_it_packs_the_server_has_every_change_once() {
    let cluster = Cluster::start("kill_packing", &[]);
    let database = cluster.database("app");
    let changes = typed(2500);
    let pack = "SELECT (quire.pack_docs($1) ->> 'changes')::bigint";
    let shown = |client: &mut Client, project: Uuid| -> (Vec<String>, i64, Value) {
        let sql = "SELECT heads, change_count, quire.read_doc($1, doc) FROM quire.list_docs($1)";
        let row = client.query_one(sql, &[&project]).expect("read the document");
        (row.get(0), row.get(1), row.get(2))
    };
    let mut was_packed = [false, false];
    for kill in 0..6 {
        let mut admin = database.client("postgres");
        let project = project(&mut admin, "packed");
        let apply = "SELECT quire.apply_doc_changes($1, 'd', $2)";
        admin.execute(apply, &[&project, &changes]).expect("apply the changes");
        let before = shown(&mut admin, project);
        assert_eq!(before.1, changes.len() as i64);
        thread::scope(|scope| {
            let mut client = database.client("postgres");
            let packing = scope.spawn(move || client.query_one(pack, &[&project]).is_ok());
            thread::sleep(Duration::from_millis(kill * 60));
            cluster.kill_and_restart();
            was_packed[usize::from(packing.join().expect("no panic"))] = true;
        });
        let mut admin = database.client("postgres");
        assert_eq!(shown(&mut admin, project), before);
        check(&database, &[project], &mut [0]);
        admin.query_one(pack, &[&project]).expect("pack what is left");
        let packs = "SELECT count(*) FROM quire_store.doc_pack WHERE project_id = $1";
        assert!(admin.query_one(packs, &[&project]).expect("count").get::<_, i64>(0) > 0);
        assert_eq!(shown(&mut admin, project), before);
        check(&database, &[project], &mut [0]);
    }
    assert!(was_packed[0], "each time it had packed before it was killed");
}

/// Every project verifies, and nothing that was seen before is gone.
fn check(database: &Database, projects: &[Uuid], seqs: &mut [i64]) {
    let mut admin = database.client("postgres");
    for (project, seq) in projects.iter().zip(seqs) {
        let report: Value =
            admin.query_one("SELECT quire.verify_project($1)", &[project]).expect("verify").get(0);
        assert_eq!(report["is_sound"], true, "{report}");
        let now = report["seq"].as_i64().expect("a seq");
        assert!(now >= *seq, "bundles up to {seq} were there, now up to {now}");
        *seq = now;
    }
}
