//! A database is set back to a dump, and its seqs are given out again: whoever goes on from a seq of the old log is told, and
//! whoever goes on from one that both logs have is not.

use crate::cluster::{Database, shared};
use crate::steps::{project, put, refusal};
use postgres::{Client, Row};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use uuid::Uuid;

/// Where the dump was made, and where the old log ended.
const COMMON: i64 = 7;
const END: i64 = 10;

/// A seq and the checksum that went with it, from an answer of the old log.
type Place = (i64, String);

/// The log before: its places from 0 to `END`, as events told them.
struct Before {
    project: Uuid,
    places: Vec<Place>,
}

pub fn dump_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("restored_{name}.dump"))
}

fn places(client: &mut Client, project: Uuid) -> Vec<Place> {
    let rows = client.query("SELECT seq, checksum FROM quire.poll_events($1, 0, 1000)", &[&project]);
    let rows = rows.expect("poll").into_iter().map(|row| (row.get(0), row.get(1)));
    std::iter::once((0, "0".repeat(16))).chain(rows).collect()
}

/// Makes a log of `END` bundles and sets it back to `COMMON`; `between` happens when the dump is made, `after` at its end. In the
/// database that is returned, the log has gone on to the same length with other bundles.
fn set_back(
    name: &str,
    between: impl FnOnce(&mut Client, Uuid),
    after: impl FnOnce(&mut Client, Uuid),
) -> (Before, Database) {
    let source = shared().database(&format!("restored_{name}"));
    let mut client = source.client("postgres");
    let project = project(&mut client, name);
    for n in 1..=COMMON {
        put(&mut client, project, &format!("f{n}"), "both");
    }
    between(&mut client, project);
    let file = dump_file(name);
    source.pg_dump(&file);
    for n in COMMON + 1..=END {
        put(&mut client, project, &format!("f{n}"), "lost");
    }
    after(&mut client, project);
    let before = Before { project, places: places(&mut client, project) };
    let restored = shared().empty_database(&format!("restored_{name}_back"));
    restored.pg_restore(&file);
    let mut client = restored.client("postgres");
    for n in COMMON + 1..=END {
        put(&mut client, project, &format!("g{n}"), "new");
    }
    (before, restored)
}

/// Everybody who takes a checksum back, as SQL from a seq and it, and what says no.
const TAKERS: &[(&str, &str)] = &[
    ("SELECT count(*) FROM quire.poll_events($1, $2, 1000, after_checksum => $3)", "PT410"),
    ("SELECT quire.create_subscription($1, gen_random_uuid()::text, '{}', $2, $3)::text", "PT410"),
    ("SELECT count(*) FROM quire.poll_subscription($1, 'kept', 1, '0 s', $2, $3)", "PT410"),
    ("SELECT quire.commit_bundle($1, jsonb_build_array(jsonb_build_object('op', 'file.put', 'file_path', gen_random_uuid()::text,
        'content', 'x')), base_seq => $2, base_checksum => $3)", "PT409"),
    ("SELECT quire.finish_job($1, quire.begin_job($1, 'job'), base_seq => $2, base_checksum => $3)", "PT409"),
    ("SELECT quire.create_project_snapshot($1, at_seq => $2, at_checksum => $3)", "PT410"),
    ("SELECT quire.create_project_snapshot($1, after_seq => $2, after_checksum => $3)", "PT410"),
    ("SELECT quire.plan_hydration($1, '{}', $2, $3)", "PT410"),
    ("SELECT quire.sync_pull($1, 'peer', 100, $2, $3)", "PT409"),
    ("SELECT quire.sync_ack($1, 'peer', $2, $3)", "PT409"),
];

#[test]
fn of_every_place_of_the_old_log_each_function_knows_whether_it_is_one_of_the_new() {
    let kept = |client: &mut Client, project: Uuid| {
        client.execute("SELECT quire.create_subscription($1, 'kept')", &[&project]).expect("subscribe");
    };
    let (before, restored) = set_back("takers", kept, |_, _| ());
    let mut client = restored.client("postgres");
    let Before { project, places } = before;
    assert_eq!(places.len() as i64, END + 1);
    for (sql, state) in TAKERS {
        for (seq, checksum) in &places {
            // Acknowledging moves on, so each is told of it in a transaction of its own that leaves nothing.
            let mut transaction = client.transaction().expect("begin");
            let answer = transaction.query(*sql, &[&project, seq, checksum]);
            if *seq <= COMMON {
                answer.unwrap_or_else(|error| panic!("{sql} at {seq}: {error:?}"));
                continue;
            }
            let refused = refusal(answer);
            let said = (refused.state.as_str(), refused.detail["reason"].as_str());
            assert_eq!(said, (*state, Some("must_refetch")), "{sql} at {seq}: {refused:?}");
        }
    }
}

/// What a consumer keeps: its place, and the files as the events made them.
struct Consumer {
    place: Place,
    files: BTreeMap<String, Value>,
}

impl Consumer {
    /// Applies events until there are none; the refusal, when it is told to fetch again.
    fn follow(&mut self, client: &mut Client, project: Uuid) -> Result<(), Value> {
        loop {
            let sql = "SELECT seq, payload, checksum FROM quire.poll_events($1, $2, 2, after_checksum => $3)";
            let rows = match client.query(sql, &[&project, &self.place.0, &self.place.1]) {
                Ok(rows) => rows,
                Err(error) => {
                    let refused = refusal::<()>(Err(error));
                    assert_eq!(refused.state, "PT410", "{refused:?}");
                    return Err(refused.detail);
                }
            };
            if rows.is_empty() {
                return Ok(());
            }
            self.apply(&rows);
        }
    }

    /// Applies rows (seq, payload, checksum).
    fn apply(&mut self, rows: &[Row]) {
        for row in rows {
            let payload: Value = row.get(1);
            let path = payload["file_path"].as_str().expect("a path").to_owned();
            self.files.insert(path, payload["content_hash"].clone());
            self.place = (row.get(0), row.get(2));
        }
    }

    /// Fetches the project anew, as the answer to a refusal.
    fn refetch(&mut self, client: &mut Client, project: Uuid) {
        let have: Value = self.files.iter().map(|(path, hash)| (path.clone(), hash.clone())).collect();
        let sql = "SELECT quire.plan_hydration($1, $2)";
        let plan: Value = client.query_one(sql, &[&project, &have]).expect("plan").get(0);
        for path in plan["delete"].as_array().expect("paths") {
            self.files.remove(path.as_str().expect("a path"));
        }
        for file in plan["put"].as_array().expect("files") {
            let path = file["file_path"].as_str().expect("a path").to_owned();
            self.files.insert(path, file["content_hash"].clone());
        }
        let checksum = plan["checksum"].as_str().expect("a checksum").to_owned();
        self.place = (plan["seq"].as_i64().expect("a seq"), checksum);
    }
}

pub fn current(client: &mut Client, project: Uuid) -> BTreeMap<String, Value> {
    let sql = "SELECT file_path, content_hash FROM quire.list_current_files($1)";
    let rows = client.query(sql, &[&project]).expect("list");
    rows.iter().map(|row| (row.get(0), json!(row.get::<_, String>(1)))).collect()
}

#[test]
fn a_consumer_of_events_ends_with_what_is_there_wherever_it_stood() {
    let (before, restored) = set_back("consumer", |_, _| (), |_, _| ());
    let source = shared().existing_database("restored_consumer");
    for stopped in [0, 3, COMMON, COMMON + 1, END] {
        let mut consumer = Consumer { place: before.places[0].clone(), files: BTreeMap::new() };
        let mut old = source.client("postgres");
        let sql = "SELECT seq, payload, checksum FROM quire.poll_events($1, 0, 1000) WHERE seq <= $2";
        consumer.apply(&old.query(sql, &[&before.project, &stopped]).expect("poll"));
        let mut client = restored.client("postgres");
        let told = consumer.follow(&mut client, before.project);
        assert_eq!(told.is_err(), stopped > COMMON, "stopped at {stopped}: {told:?}");
        if told.is_err() {
            consumer.refetch(&mut client, before.project);
            put(&mut client, before.project, "after", &format!("stopped at {stopped}"));
            consumer.follow(&mut client, before.project).expect("the place is one of this log");
        }
        assert_eq!(consumer.files, current(&mut client, before.project), "stopped at {stopped}");
    }
}

#[test]
fn a_subscription_goes_on_where_the_dump_has_it_and_who_has_seen_more_is_told() {
    let poll = "SELECT seq, checksum FROM quire.poll_subscription($1, 's', 3, '0 s')";
    let take = |client: &mut Client, project: Uuid| {
        let rows = client.query(poll, &[&project]).expect("poll");
        let last = rows.last().expect("events");
        let ack = "SELECT quire.ack_subscription($1, 's', $2, $3)";
        client.execute(ack, &[&project, &last.get::<_, i64>(0), &last.get::<_, String>(1)]).expect("ack");
    };
    let between = |client: &mut Client, project: Uuid| {
        client.execute("SELECT quire.create_subscription($1, 's')", &[&project]).expect("subscribe");
        take(client, project);
    };
    let (before, restored) = set_back("subscription", between, |client, project| {
        take(client, project);
        take(client, project);
    });
    let mut client = restored.client("postgres");
    // The subscription itself was set back, too: nothing is wrong with it, and it hands out what comes next.
    let rows = client.query(poll, &[&before.project]).expect("poll");
    assert_eq!(rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>(), [4, 5, 6]);
    // Who has come to 9 in the old log says so.
    let (seq, checksum) = &before.places[9];
    let said = "SELECT * FROM quire.poll_subscription($1, 's', 3, '0 s', $2, $3)";
    let refused = refusal(client.query(said, &[&before.project, seq, checksum]));
    assert_eq!((refused.state.as_str(), &refused.detail["reason"]), ("PT410", &json!("must_refetch")));
    let ack = "SELECT quire.ack_subscription($1, 's', $2, $3)";
    let refused = refusal(client.query(ack, &[&before.project, seq, checksum]));
    assert_eq!((refused.state.as_str(), &refused.detail["reason"]), ("PT410", &json!("must_refetch")));
    let (seq, checksum) = &before.places[6];
    client.query(said, &[&before.project, seq, checksum]).expect("a place that both logs have");
    client.query(ack, &[&before.project, seq, checksum]).expect("acknowledge");
}

#[test]
fn an_edit_based_on_what_is_gone_overwrites_nothing() {
    let (before, restored) = set_back("base", |_, _| (), |_, _| ());
    let mut client = restored.client("postgres");
    let sql = "SELECT quire.commit_bundle($1, '[{\"op\": \"file.put\", \"file_path\": \"g9\", \"content\": \"mine\"}]', base_seq => $2,
        base_checksum => $3, on_conflict => $4)";
    let (seq, checksum) = &before.places[END as usize];
    for on_conflict in ["reject", "record", "skip"] {
        let refused = refusal(client.query(sql, &[&before.project, seq, checksum, &on_conflict]));
        assert_eq!((refused.state.as_str(), &refused.detail["reason"]), ("PT409", &json!("must_refetch")));
    }
    let (seq, checksum) = &before.places[COMMON as usize];
    let refused = refusal(client.query(sql, &[&before.project, seq, checksum, &"reject"]));
    assert_eq!((refused.state.as_str(), &refused.detail["reason"]), ("PT409", &json!("base_changed")));
    let content: String = client
        .query_one("SELECT content FROM quire.read_project_file($1, 'g9')", &[&before.project])
        .expect("read")
        .get(0);
    assert_eq!(content, "new");
}

/// Who sees an older state has heard of what came later, which is no other log.
#[test]
fn a_transaction_that_sees_an_older_state_raises_no_false_alarm() {
    let database = shared().database("restored_older");
    let (mut older, mut newer) = (database.client("postgres"), database.client("postgres"));
    let project = project(&mut newer, "older");
    put(&mut newer, project, "f", "one");
    older
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM quire.bundles")
        .expect("begin");
    put(&mut newer, project, "f", "two");
    let (seq, checksum) = places(&mut newer, project).pop().expect("a place");
    let poll = "SELECT * FROM quire.poll_events($1, $2, after_checksum => $3)";
    assert_eq!(older.query(poll, &[&project, &seq, &checksum]).expect("poll").len(), 0);
    for (sql, state) in TAKERS {
        older.batch_execute("SAVEPOINT s").expect("begin");
        if let Err(error) = older.query(*sql, &[&project, &seq, &checksum]) {
            let refused = refusal::<()>(Err(error));
            assert_ne!(
                refused.detail["reason"],
                json!("must_refetch"),
                "{sql}: {refused:?}, and not {state}"
            );
        }
        older.batch_execute("ROLLBACK TO s").expect("roll back");
    }
    // One that is of no log is refused all the same.
    let refused = refusal(older.query(poll, &[&project, &seq, &"0123456789abcdef"]));
    assert_eq!(refused.state, "PT410");
}
