//! Many writers at once on one project, while readers follow the log.

use crate::cluster::{Database, shared};
use crate::dice::Dice;
use crate::log;
use crate::steps::{head_seq, project, put, refusal, try_put};
use postgres::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

const WRITERS: usize = 32;
const WRITES: usize = 20;

/// One event as a reader saw it: seq, event, payload.
type Seen = (i64, String, Value);

#[test]
fn concurrent_writers_leave_gapless_seqs_and_versions_and_a_reader_sees_every_event_once_in_order() {
    let database = shared().database("load_writers");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "load");
    let (polled, subscribed) = while_polling(&database, project, || {
        run_together(WRITERS, |writer| {
            let mut client = database.client("postgres");
            for write in 0..WRITES {
                // Half of the writers share one path, the others have five each.
                let path =
                    if writer % 2 == 0 { "shared".to_owned() } else { format!("own/{writer}/{}", write % 5) };
                put(&mut client, project, &path, &format!("{writer} wrote {write}"));
            }
        });
    });

    let total = (WRITERS * WRITES) as i64;
    assert_eq!(log::verify(&mut admin, project), total, "every write made a bundle");
    assert_eq!(polled.iter().map(|event| event.0).collect::<Vec<_>>(), (1..=total).collect::<Vec<_>>());
    assert_eq!(subscribed, polled, "a subscription hands out what poll_events does");
    let sql =
        "SELECT version FROM quire.project_files_current WHERE project_id = $1 AND file_path = 'shared'";
    let shared: i32 = admin.query_one(sql, &[&project]).expect("read the shared file").get(0);
    assert_eq!(shared as usize, WRITERS / 2 * WRITES, "every write of the shared path is a version");
    assert_events_are_the_versions(&mut admin, project, &polled);
}

#[test]
fn of_optimistic_writers_exactly_one_wins_each_version_and_the_others_get_pt409() {
    let database = shared().database("load_optimistic");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "load");
    let attempts = run_together(8, |writer| {
        let mut client = database.client("postgres");
        let mut won = Vec::new();
        let mut lost = 0;
        let mut expected = 0;
        while won.len() < WRITES {
            let content = format!("{writer} wrote on {expected}");
            match try_put(&mut client, project, "contested", &content, Some(expected)) {
                Ok((version, _)) => {
                    assert_eq!(version, expected + 1, "the winner makes the next version");
                    won.push(version);
                    expected = version;
                }
                error => {
                    let refused = refusal(error);
                    assert_eq!(
                        (refused.state.as_str(), &refused.detail["reason"]),
                        ("PT409", &json!("stale_version"))
                    );
                    let current =
                        refused.detail["current"]["version"].as_i64().expect("the current version") as i32;
                    assert!(current > expected, "the conflict tells of a newer version");
                    expected = current;
                    lost += 1;
                }
            }
        }
        (won, lost)
    });

    let mut won: Vec<i32> = attempts.iter().flat_map(|(won, _)| won.clone()).collect();
    won.sort_unstable();
    let versions: Vec<i32> = (1..=(8 * WRITES) as i32).collect();
    assert_eq!(won, versions, "each version has one winner");
    assert!(attempts.iter().any(|(_, lost)| *lost > 0), "the writers did not meet");
    assert_eq!(log::verify(&mut admin, project), versions.len() as i64);
}

#[test]
fn a_mix_of_all_kinds_of_writers_leaves_a_sound_log() {
    let database = shared().database("load_mix");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "load");
    put(&mut admin, project, "d/0", "base");
    let mut dice = Dice::new();
    let dice: Vec<Mutex<Dice>> = (0..8).map(|_| Mutex::new(dice.another())).collect();
    let (polled, _) = while_polling(&database, project, || {
        run_together(8, |writer| {
            let mut client = database.client("postgres");
            let mut dice = dice[writer].lock().expect("nobody else has them");
            for _ in 0..60 {
                let (sql, arguments) = random_write(&mut dice);
                if let Err(error) = client.execute(sql, &[&project, &arguments]) {
                    let refused = refusal::<()>(Err(error));
                    // Somebody else was there first; nothing else may go wrong.
                    assert!(
                        ["PT404", "PT409"].contains(&refused.state.as_str()),
                        "{sql} {arguments}: {refused:?}"
                    );
                }
            }
        });
    });
    let last = log::verify(&mut admin, project);
    assert!(last > 100, "most of the writers were refused");
    assert_eq!(polled.iter().map(|event| event.0).collect::<Vec<_>>(), (1..=last).collect::<Vec<_>>());
}

/// The planner thinks then that every row is about that one thing, and the session has plans from when there was little; neither
/// must make it read everything for each of many things.
#[test]
fn after_a_log_of_one_thing_many_are_read_and_taken_back_in_good_time() {
    let database = shared().database("load_planner");
    let mut client = database.client("postgres");
    let one = project(&mut client, "one");
    let sql = "SELECT count(quire.commit_bundle($1, jsonb_build_array(
            jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', '1', 'field', 'f', 'value', n),
            jsonb_build_object('op', 'file.put', 'file_path', 'f', 'content', n::text),
            jsonb_build_object('op', 'asset.put', 'filename', n::text, 'media_type', 'text/plain', 'asset_type', 'a',
                'content_base64', 'AAAA'))))
        FROM generate_series(1, 500) n";
    client.execute(sql, &[&one]).expect("write one thing many times");
    client.batch_execute("ANALYZE").expect("look at it");

    let many = project(&mut client, "many");
    let sql = "SELECT quire.commit_bundle($1, (SELECT jsonb_agg(op) FROM generate_series(1, 20000) n, LATERAL (VALUES
        (jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', n::text, 'field', 'f', 'value', n)),
        (jsonb_build_object('op', 'file.put', 'file_path', 'd/' || n, 'content', n::text))) o (op)), 'import')";
    let began = Instant::now();
    client.query_one(sql, &[&many]).expect("write many things");
    // By what the same machine takes to write as many, whatever else it does.
    let limit = (6 * began.elapsed()).max(Duration::from_secs(20));
    client.batch_execute(&format!("SET statement_timeout = {}", limit.as_millis())).expect("set the time");
    for (sql, rows) in [
        ("SELECT count(*) FROM quire.list_entities_at($1, 1)", 20_000),
        ("SELECT count(*) FROM quire.list_files_at($1, 1)", 20_000),
        ("SELECT count(*) FROM quire.search_ops($1, '{}', 100)", 100),
    ] {
        let count: i64 =
            client.query_one(sql, &[&many]).unwrap_or_else(|error| panic!("{sql}: {error}")).get(0);
        assert_eq!(count, rows, "{sql}");
    }
    client.query_one("SELECT quire.undo($1)", &[&many]).expect("take it back");
    client.batch_execute("RESET statement_timeout; ANALYZE").expect("look at it again");
    assert_eq!(log::verify(&mut client, many), 2);
}

/// Runs `work` once per thread, all starting at the same moment.
fn run_together<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (work, start) = (&work, &start);
                scope.spawn(move || {
                    start.wait();
                    work(thread)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("a thread of the test")).collect()
    })
}

/// Runs `work` while one reader polls with a cursor of its own and another through a subscription; returns what each
/// has seen once it has reached the end of the log.
fn while_polling(database: &Database, project: Uuid, work: impl FnOnce()) -> (Vec<Seen>, Vec<Seen>) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let polled = scope.spawn(|| poll(database, project, &done));
        let subscribed = scope.spawn(|| subscribe(database, project, &done));
        // Also when a writer panics: otherwise the readers would poll for ever.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::SeqCst);
        let seen = (polled.join().expect("the reader"), subscribed.join().expect("the subscriber"));
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        seen
    })
}

fn poll(database: &Database, project: Uuid, done: &AtomicBool) -> Vec<Seen> {
    let mut client = database.client("postgres");
    let mut seen: Vec<Seen> = Vec::new();
    loop {
        let finished = done.load(Ordering::SeqCst);
        let cursor = seen.last().map_or(0, |event| event.0);
        let sql = "SELECT seq, event, payload FROM quire.poll_events($1, $2, 7)";
        let page = events(&mut client, sql, &[&project, &cursor]);
        if page.is_empty() && finished && cursor == head_seq(&mut client, project) {
            return seen;
        }
        // At once, so that a gap is blamed on the poll that had it.
        for event in page {
            assert_eq!(
                event.0,
                seen.last().map_or(0, |event| event.0) + 1,
                "a reader never skips or repeats"
            );
            seen.push(event);
        }
    }
}

fn subscribe(database: &Database, project: Uuid, done: &AtomicBool) -> Vec<Seen> {
    let mut client = database.client("postgres");
    client.execute("SELECT quire.create_subscription($1, 'follower')", &[&project]).expect("subscribe");
    let mut seen: Vec<Seen> = Vec::new();
    loop {
        let finished = done.load(Ordering::SeqCst);
        let sql = "SELECT seq, event, payload FROM quire.poll_subscription($1, 'follower', 11)";
        let page = events(&mut client, sql, &[&project]);
        let Some((last, ..)) = page.last() else {
            if finished && seen.last().map_or(0, |event| event.0) == head_seq(&mut client, project) {
                return seen;
            }
            continue;
        };
        let sql = "SELECT quire.ack_subscription($1, 'follower', $2)";
        client.execute(sql, &[&project, last]).expect("acknowledge");
        seen.extend(page);
    }
}

fn events(client: &mut Client, sql: &str, arguments: &[&(dyn postgres::types::ToSql + Sync)]) -> Vec<Seen> {
    let rows = client.query(sql, arguments).expect("poll");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// Each version is told of by exactly one event, with its content.
fn assert_events_are_the_versions(client: &mut Client, project: Uuid, events: &[Seen]) {
    let told: BTreeMap<(String, i64), (i64, String)> = events
        .iter()
        .map(|(seq, name, payload)| {
            assert_eq!(name, "file:update");
            let text = |key: &str| payload[key].as_str().expect("a text").to_owned();
            ((text("file_path"), payload["version"].as_i64().expect("a version")), (*seq, text("content")))
        })
        .collect();
    let sql =
        "SELECT file_path, version::bigint, seq, content FROM quire.project_files WHERE project_id = $1";
    let stored = client
        .query(sql, &[&project])
        .expect("read the versions")
        .iter()
        .map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3))))
        .collect();
    assert_eq!(told, stored);
    assert_eq!(told.values().map(|(seq, _)| seq).collect::<HashSet<_>>().len(), told.len());
}

/// One of a dozen paths, of which some are directories of others.
fn random_path(dice: &mut Dice) -> String {
    match dice.throw(4) {
        0 => "d".to_owned(),
        1 => "d/0/deep".to_owned(),
        _ => format!("d/{}", dice.throw(8)),
    }
}

/// A statement with parameters project and jsonb.
fn random_write(dice: &mut Dice) -> (&'static str, Value) {
    let (a, b, text) = (random_path(dice), random_path(dice), format!("content {}", dice.throw(50)));
    match dice.throw(7) {
        0 | 1 => (
            "SELECT quire.upsert_project_file($1, $2::jsonb ->> 'path', $2 ->> 'content')",
            json!({"path": a, "content": text}),
        ),
        2 => ("SELECT quire.delete_project_file($1, $2::jsonb ->> 'path')", json!({"path": a})),
        3 if a != b => (
            "SELECT quire.move_project_file($1, $2::jsonb ->> 'from', $2 ->> 'to')",
            json!({"from": a, "to": b}),
        ),
        4 => (
            "SELECT quire.bulk_upsert_project_files($1, $2)",
            json!([{"file_path": "d/1", "content": text}, {"file_path": "d/2", "content": "fixed"}]),
        ),
        5 => (
            "SELECT quire.restore_project($1, 1 + ($2::jsonb ->> 'back')::int % (SELECT (quire.get_project($1) ->> 'seq')::int))",
            json!({"back": dice.throw(1000)}),
        ),
        _ => (
            "SELECT quire.commit_bundle($1, $2, 'import', 'mixed')",
            json!([{"op": "file.put", "file_path": a, "content": text}, {"op": "file.delete", "file_path": a},
                   {"op": "file.put", "file_path": "d/3", "content": text}]),
        ),
    }
}
