//! Jobs: large ones, and those whose worker dies.

use crate::cluster::{Cluster, shared};
use crate::crash::{assert_no_orphans, crash, wait_until_writing};
use crate::log;
use crate::steps::{backend_pid, head_seq, project, put, refusal, wait_until};
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Barrier;
use std::thread;
use uuid::Uuid;

#[test]
fn fifty_thousand_operations_are_one_bundle() {
    const CALLS: i32 = 10;
    let database = shared().database("jobs_large");
    let mut client = database.client("postgres");
    let project = project(&mut client, "large");
    put(&mut client, project, "out/1", "before");
    let job = begin(&mut client, project, "1 hour");
    for call in 0..CALLS {
        // Files and fields in turns.
        let sql = "SELECT quire.append_job_ops($1, $2, (
            SELECT jsonb_agg(CASE WHEN n % 2 = 1
                THEN jsonb_build_object('op', 'file.put', 'file_path', 'out/' || n, 'content', 'content ' || n)
                ELSE jsonb_build_object('op', 'field.set', 'entity_type', 'frame', 'entity_id', (n % 20)::text,
                    'field', n::text, 'value', n) END ORDER BY n)
            FROM generate_series($3 * 5000 + 1, $3 * 5000 + 5000) n))";
        let staged: i64 = client.query_one(sql, &[&project, &job, &call]).expect("stage operations").get(0);
        assert_eq!(staged, i64::from(call + 1) * 5000);
    }
    assert_eq!(head_seq(&mut client, project), 1, "nothing is seen before it completes");

    let receipt = complete(&mut client, project, job).expect("complete the job");
    assert_eq!(receipt["seq"], 2);
    assert_eq!(receipt.get("advice"), None);
    let ops = receipt["ops"].as_array().expect("operations");
    assert_eq!(ops.len(), 50_000);
    assert_eq!(
        (&ops[0]["file_path"], &ops[0]["status"], &ops[49_998]["file_path"]),
        (&json!("out/1"), &json!("updated"), &json!("out/49999"))
    );
    assert_eq!((&ops[1]["field"], &ops[49_999]["field"]), (&json!("2"), &json!("50000")));
    assert_eq!(complete(&mut client, project, job).expect("complete it again"), receipt);
    let sql = "SELECT kind, op_count FROM quire.bundles WHERE project_id = $1 AND seq = 2";
    let bundle = client.query_one(sql, &[&project]).expect("read the bundle");
    assert_eq!((bundle.get(0), bundle.get(1)), ("job_output", 50_000));
    assert_eq!(log::verify(&mut client, project), 2);
    assert_eq!(database.psql("SELECT count(*) FROM quire_store.job_op"), "0");
}

#[test]
fn a_worker_that_dies_while_completing_leaves_nothing_and_the_job_can_be_completed() {
    let cluster = Cluster::start("jobs_completing", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "completing");
    put(&mut admin, project, "a", "one");
    let job = begin(&mut admin, project, "1 hour");
    stage(&mut admin, project, job, 20_000).expect("stage operations");

    // Terminated: the session ends in order. Killed: the server recovers from its log.
    for kill in [false, true] {
        let mut worker = database.client("postgres");
        let pid = backend_pid(&mut worker);
        let running = thread::spawn(move || complete(&mut worker, project, job));
        wait_until_writing(&database, pid, "project_files");
        if kill {
            crash(&cluster, &database, &[pid]);
        } else {
            admin.query_one("SELECT pg_terminate_backend($1, 60000)", &[&pid]).expect("terminate");
        }
        assert!(running.join().expect("the worker's thread").is_err(), "the worker died before its end");
        admin = database.client("postgres");
        assert_eq!(log::verify(&mut admin, project), 1, "nothing of the job is there");
        assert_no_orphans(&database);
        assert_eq!(status(&mut admin, project, job), ("running".to_owned(), 20_000));
    }
    let receipt = complete(&mut admin, project, job).expect("complete the job");
    assert_eq!(receipt["ops"].as_array().map(Vec::len), Some(20_000));
    assert_eq!(log::verify(&mut admin, project), 2);
    assert_no_orphans(&database);
}

#[test]
fn a_worker_that_dies_while_staging_leaves_what_it_was_told_is_staged_and_the_job_expires() {
    let database = shared().database("jobs_staging");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "staging");
    let [completed, abandoned] = [1, 2].map(|_| begin(&mut admin, project, "1 hour"));
    for job in [completed, abandoned] {
        stage(&mut admin, project, job, 3).expect("stage operations");
        let mut worker = database.client("postgres");
        let pid = backend_pid(&mut worker);
        let running = thread::spawn(move || stage(&mut worker, project, job, 50_000));
        wait_until_writing(&database, pid, "job_op");
        admin.query_one("SELECT pg_terminate_backend($1, 60000)", &[&pid]).expect("terminate");
        assert!(running.join().expect("the worker's thread").is_err(), "the worker died before its end");
        assert_eq!(status(&mut admin, project, job), ("running".to_owned(), 3));
    }
    let receipt = complete(&mut admin, project, completed).expect("complete the job");
    assert_eq!(receipt["ops"].as_array().map(Vec::len), Some(3));

    // Nobody comes back to the other one.
    database.psql("UPDATE quire_store.job SET leased_until = clock_timestamp() + interval '1 second' WHERE ended_at IS NULL");
    let is_expired = || status(&mut admin, project, abandoned).0 == "expired";
    wait_until(60, is_expired, || "the job does not expire".to_owned());
    assert_eq!(refusal(complete(&mut admin, project, abandoned)).state, "PT410");
    begin(&mut admin, project, "1 hour");
    assert_eq!(database.psql("SELECT count(*) FROM quire_store.job_op"), "0");
    assert_eq!(log::verify(&mut admin, project), 1);
    assert_no_orphans(&database);
}

#[test]
fn many_who_complete_and_stage_together_make_one_bundle_of_what_was_staged() {
    const WORKERS: i32 = 6;
    let database = shared().database("jobs_together");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "together");
    let job = begin(&mut admin, project, "1 hour");
    let start = Barrier::new(WORKERS as usize);
    let answers: Vec<(i64, Value)> = thread::scope(|scope| {
        let running: Vec<_> = (0..WORKERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = database.client("postgres");
                    start.wait();
                    // Some come too late.
                    let staged = (0..10).map_while(|_| stage(&mut client, project, job, 20).ok()).count();
                    let receipt = complete(&mut client, project, job).expect("complete the job");
                    (staged as i64 * 20, receipt)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("a worker")).collect()
    });
    let receipt = &answers[0].1;
    assert!(answers.iter().all(|(_, other)| other == receipt), "everybody gets the same receipt");
    let staged: i64 = answers.iter().map(|(staged, _)| staged).sum();
    assert_eq!(receipt["ops"].as_array().map(|ops| ops.len() as i64), Some(staged));
    assert_eq!(log::verify(&mut admin, project), 1);
}

#[test]
fn large_contents_are_staged_call_by_call_and_completed_in_batches() {
    let database = shared().database("jobs_contents");
    let mut client = database.client("postgres");
    let project = project(&mut client, "contents");
    let job = begin(&mut client, project, "1 hour");
    for n in 0..8i32 {
        let sql = "SELECT quire.append_job_ops($1, $2, (
            SELECT jsonb_agg(jsonb_build_object('op', 'file.put', 'file_path', $3 || '/' || part,
                'content', repeat(md5($3::text || part), 1 << (16 - part))))
            FROM generate_series(1, 3) part))";
        client.execute(sql, &[&project, &job, &n.to_string()]).expect("stage files");
    }
    let receipt = complete(&mut client, project, job).expect("complete the job");
    assert_eq!(receipt["ops"].as_array().map(Vec::len), Some(24));
    assert_eq!(log::verify(&mut client, project), 1);
}

fn begin(client: &mut Client, project: Uuid, lease: &str) -> Uuid {
    let sql = "SELECT quire.begin_job($1, 'work', $2::text::interval)";
    client.query_one(sql, &[&project, &lease]).expect("begin a job").get(0)
}

/// Stages so many files; their content is the same in all calls.
fn stage(client: &mut Client, project: Uuid, job: Uuid, files: i32) -> Result<i64, postgres::Error> {
    let sql = "SELECT quire.append_job_ops($1, $2, (
        SELECT jsonb_agg(jsonb_build_object('op', 'file.put', 'file_path', 'bulk/' || n, 'content', 'content ' || n))
        FROM generate_series(1, $3) n))";
    Ok(client.query_one(sql, &[&project, &job, &files])?.get(0))
}

fn complete(client: &mut Client, project: Uuid, job: Uuid) -> Result<Value, postgres::Error> {
    Ok(client.query_one("SELECT quire.finish_job($1, $2)", &[&project, &job])?.get(0))
}

/// Status of a job, and how many operations it has.
fn status(client: &mut Client, project: Uuid, job: Uuid) -> (String, i32) {
    let sql = "SELECT status, op_count FROM quire.list_jobs($1, true) WHERE job_id = $2";
    let row = client.query_one(sql, &[&project, &job]).expect("list the jobs");
    (row.get(0), row.get(1))
}
