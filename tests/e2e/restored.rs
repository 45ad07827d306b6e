//! A database is set back to a dump, and its seqs are given out again: whoever goes on from a seq of the old log is told, and
//! whoever goes on from one that both logs have is not.

use crate::cluster::{Database, shared};
use crate::log;
use crate::peers::{PROJECT, Random, Side, pull, push, side_of, state, try_push, write_something};
use crate::steps::{project, put, refusal};
use postgres::Client;
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

fn dump_file(name: &str) -> PathBuf {
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
    ("SELECT quire.complete_job($1, quire.begin_job($1, 'job'), base_seq => $2, base_checksum => $3)", "PT409"),
    ("SELECT quire.create_project_snapshot($1, at_seq => $2, at_checksum => $3)", "PT410"),
    ("SELECT quire.create_project_snapshot($1, since_seq => $2, since_checksum => $3)", "PT410"),
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
            for row in rows {
                let payload: Value = row.get(1);
                let path = payload["file_path"].as_str().expect("a path").to_owned();
                self.files.insert(path, payload["content_hash"].clone());
                self.place = (row.get(0), row.get(2));
            }
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

fn current(client: &mut Client, project: Uuid) -> BTreeMap<String, Value> {
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
        for row in old.query(sql, &[&before.project, &stopped]).expect("poll") {
            let payload: Value = row.get(1);
            let path = payload["file_path"].as_str().expect("a path").to_owned();
            consumer.files.insert(path, payload["content_hash"].clone());
            consumer.place = (row.get(0), row.get(2));
        }
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

/// Carries pages from one side to the other as the guide says, also when one of them was set back. How often it was told so.
fn carry(from: &mut Side, to: &mut Side) -> usize {
    let (mut told, mut rounds) = (0, 0);
    let mut after: Option<(i64, Option<String>)> = None;
    loop {
        let page: Result<Value, _> = match &after {
            None => Ok(pull(&mut from.client, to.name, 3)),
            Some((seq, checksum)) => {
                let sql = "SELECT quire.sync_pull($1, $2, 3, $3, $4)";
                from.client.query_one(sql, &[&PROJECT, &to.name, seq, checksum]).map(|row| row.get(0))
            }
        };
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                // Not even the newest place that was known is one of this log.
                assert_eq!(refusal::<()>(Err(error)).state, "PT409");
                let reset = "SELECT quire.sync_reset($1, $2, NULL)";
                to.client.execute(reset, &[&PROJECT, &from.name]).expect("reset");
                after = Some((0, None));
                continue;
            }
        };
        let (checkpoint, ends) = (page["checkpoint"].as_i64(), page["checkpoint_checksum"].as_str());
        if let Err(error) = try_push(&mut to.client, from.name, &page) {
            let refused = refusal::<()>(Err(error));
            assert_eq!(
                (refused.state.as_str(), &refused.detail["reason"]),
                ("PT409", &json!("must_refetch")),
                "{refused:?}"
            );
            told += 1;
            assert!(told < 4, "it is told again and again: {refused:?}");
            let seq = refused.detail["common_seq"].as_i64().expect("a common seq");
            let checksum = refused.detail["common_checksum"].as_str().map(str::to_owned);
            let reset = "SELECT quire.sync_reset($1, $2, NULL, $3, $4)";
            to.client.execute(reset, &[&PROJECT, &from.name, &seq, &checksum]).expect("reset");
            after = Some((seq, checksum));
            continue;
        }
        let reached: Value = to
            .client
            .query_one("SELECT quire.sync_status($1, $2)", &[&PROJECT, &from.name])
            .expect("status")
            .get(0);
        let page_end = (checkpoint.expect("a checkpoint"), ends.map(str::to_owned));
        let reached = (
            reached["checkpoint"].as_i64().expect("a checkpoint"),
            reached["checkpoint_checksum"].as_str().map(str::to_owned),
        );
        let (seq, checksum) = if reached.0 < page_end.0 { reached.clone() } else { page_end.clone() };
        let ack = "SELECT quire.sync_ack($1, $2, $3, $4)";
        let acknowledged = from.client.execute(ack, &[&PROJECT, &to.name, &seq, &checksum]);
        if let Err(error) = acknowledged {
            assert_eq!(refusal::<()>(Err(error)).detail["reason"], json!("must_refetch"));
            told += 1;
        }
        if page["has_more"] == false && reached.0 >= page_end.0 {
            return told;
        }
        rounds += 1;
        assert!(rounds < 200, "it does not end");
        after = after.map(|_| page_end);
    }
}

fn write(side: &mut Side, path: &str) {
    put(&mut side.client, PROJECT, path, &format!("{path} by {}", side.name));
}

fn files(side: &mut Side) -> Vec<String> {
    current(&mut side.client, PROJECT).into_keys().collect()
}

#[test]
fn two_sides_of_which_one_was_set_back_are_told_and_converge() {
    // Where the set-back side stands when it is dumped, and which side speaks first afterwards.
    for (name, is_exchanged_before, is_restored_first) in
        [("first", true, true), ("other", true, false), ("fresh", false, true), ("late", false, false)]
    {
        let (_a, mut a) = side_of(&format!("set_back_{name}"), "a");
        let (database, mut b) = side_of(&format!("set_back_{name}"), "b");
        for n in 0..3 {
            write(&mut a, &format!("a{n}"));
            write(&mut b, &format!("b{n}"));
        }
        if is_exchanged_before {
            carry(&mut a, &mut b);
            carry(&mut b, &mut a);
        }
        let file = dump_file(&format!("set_back_{name}"));
        database.pg_dump(&file);
        for n in 3..6 {
            write(&mut b, &format!("b{n}"));
            write(&mut a, &format!("a{n}"));
        }
        assert_eq!(carry(&mut a, &mut b) + carry(&mut b, &mut a), 0, "{name}: nothing was set back yet");
        let back = shared().empty_database(&format!("set_back_{name}_back"));
        back.pg_restore(&file);
        let mut b = Side { name: "b", client: back.client(&format!("peers_set_back_{name}_b")) };
        for n in 6..8 {
            write(&mut b, &format!("b{n}"));
            write(&mut a, &format!("a{n}"));
        }
        let (first, second) = if is_restored_first { (&mut b, &mut a) } else { (&mut a, &mut b) };
        let told = carry(first, second) + carry(second, first);
        assert!(told > 0, "{name}: somebody is told");
        let expected: Vec<String> =
            ["a", "b"].iter().flat_map(|side| (0..8).map(move |n| format!("{side}{n}"))).collect();
        assert_eq!(files(&mut a), expected, "{name}: what was lost came back from the other side");
        assert_eq!(state(&mut a.client), state(&mut b.client), "{name}");
        // It is over then.
        write(&mut b, "after");
        write(&mut a, "too");
        assert_eq!(carry(&mut b, &mut a) + carry(&mut a, &mut b), 0, "{name}: nobody is told again");
        assert_eq!(state(&mut a.client), state(&mut b.client), "{name}");
        for side in [&mut a, &mut b] {
            let sql = "SELECT quire.verify_project($1)";
            let report: Value = side.client.query_one(sql, &[&PROJECT]).expect("verify").get(0);
            assert_eq!(report["is_sound"], true, "{name}: {report}");
        }
    }
}

#[test]
fn whenever_one_side_was_set_back_and_whatever_had_been_exchanged_they_converge() {
    for seed in 1..=8u64 {
        let name = format!("set_back_{seed}");
        let (_a, mut a) = side_of(&name, "a");
        let (database, mut b) = side_of(&name, "b");
        let mut random = Random::seeded(seed);
        let dumped_at = random.below(12);
        let restored_at = dumped_at + 4 + random.below(12);
        let file = dump_file(&name);
        let back = shared().empty_database(&format!("{name}_back"));
        for step in 0..restored_at + 10 {
            if step == dumped_at {
                database.pg_dump(&file);
            }
            if step == restored_at {
                back.pg_restore(&file);
                b.client = back.client(&format!("peers_{name}_b"));
            }
            match random.below(8) {
                0 => _ = carry(&mut a, &mut b),
                1 => _ = carry(&mut b, &mut a),
                2..=4 => write_something(&mut random, &mut a),
                _ => write_something(&mut random, &mut b),
            }
        }
        // Twice: what the one gets back it may have to hand on.
        (0..2).for_each(|_| {
            carry(&mut a, &mut b);
            carry(&mut b, &mut a);
        });
        assert_eq!(carry(&mut a, &mut b) + carry(&mut b, &mut a), 0, "seed {seed}: nobody is told again");
        assert_eq!(state(&mut a.client), state(&mut b.client), "seed {seed}");
        for side in [&mut a, &mut b] {
            log::verify(&mut side.client, PROJECT);
        }
    }
}

/// What the restored side has made anew need not travel: snapshots, and what came from the other side. Its log is another one all the same.
#[test]
fn a_log_that_grew_again_by_bundles_that_do_not_travel_is_noticed() {
    for (name, is_pushed) in [("snapshots", false), ("pushed", true)] {
        let name = format!("passed_{name}");
        let (database, mut a) = side_of(&name, "a");
        let (_b, mut b) = side_of(&name, "b");
        (0..3).for_each(|n| write(&mut a, &format!("a{n}")));
        carry(&mut a, &mut b);
        let file = dump_file(&name);
        database.pg_dump(&file);
        (3..5).for_each(|n| write(&mut a, &format!("a{n}")));
        carry(&mut a, &mut b);
        let back = shared().empty_database(&format!("{name}_back"));
        back.pg_restore(&file);
        a.client = back.client(&format!("peers_{name}_a"));
        if is_pushed {
            (0..2).for_each(|n| write(&mut b, &format!("b{n}")));
            assert_eq!(carry(&mut b, &mut a), 0, "nothing is wrong with what b has made");
        } else {
            let sql = "SELECT quire.create_project_snapshot($1, $2)";
            for format in ["zip", "tar.zst"] {
                a.client.query_one(sql, &[&PROJECT, &format]).expect("make a snapshot");
            }
        }
        write(&mut a, "new");
        let told = carry(&mut a, &mut b);
        assert!(told > 0, "{name}: b had another a");
        (0..2).for_each(|_| {
            carry(&mut b, &mut a);
            carry(&mut a, &mut b);
        });
        assert!(files(&mut b).contains(&"new".to_owned()));
        assert_eq!(carry(&mut a, &mut b) + carry(&mut b, &mut a), 0, "{name}: nobody is told again");
    }
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

/// A page without bundles tells nothing of what the other side lacks, unless it says where it begins.
#[test]
fn an_empty_page_does_not_hide_what_was_lost() {
    let (_a, mut a) = side_of("empty_page", "a");
    let (database, mut b) = side_of("empty_page", "b");
    write(&mut a, "a0");
    carry(&mut a, &mut b);
    let file = dump_file("empty_page");
    database.pg_dump(&file);
    write(&mut a, "a1");
    carry(&mut a, &mut b);
    let back = shared().empty_database("empty_page_back");
    back.pg_restore(&file);
    let mut b = Side { name: "b", client: back.client("peers_empty_page_b") };
    let page = pull(&mut a.client, "b", 10);
    assert_eq!(page["bundles"], json!([]), "a believes that b has everything");
    // Who hands on no more than bundles and checkpoint loses nothing: the checkpoint stays.
    let sql = "SELECT count(*) FROM quire.sync_push($1, 'a', $2, '[]')";
    b.client.execute(sql, &[&PROJECT, &page["checkpoint"].as_i64()]).expect("push");
    assert_eq!(carry(&mut a, &mut b), 1);
    assert_eq!(files(&mut b), ["a0", "a1"]);
}

/// A copy of the other side's database has its log, and goes on from there.
#[test]
fn a_dump_that_was_restored_as_the_other_side_goes_on_from_where_it_was_made() {
    let (database, mut a) = side_of("copied", "a");
    write(&mut a, "a0");
    write(&mut a, "a1");
    let file = dump_file("copied");
    database.pg_dump(&file);
    let copy = shared().empty_database("copied_b");
    copy.pg_restore(&file);
    let mut b = Side { name: "b", client: copy.client("peers_copied_a") };
    a.client.execute("SELECT quire.sync_ack($1, 'b', 2)", &[&PROJECT]).expect("acknowledge");
    b.client.execute("SELECT quire.sync_ack($1, 'a', 2)", &[&PROJECT]).expect("acknowledge");
    write(&mut a, "a2");
    write(&mut b, "b2");
    assert_eq!(carry(&mut a, &mut b) + carry(&mut b, &mut a), 0, "nothing was set back");
    assert_eq!(files(&mut a), ["a0", "a1", "a2", "b2"]);
    assert_eq!(state(&mut a.client), state(&mut b.client));
}

/// What is pushed by hand, without telling where it stands, is applied as it is.
#[test]
fn a_bundle_that_does_not_say_where_it_stands_is_not_measured() {
    let (_a, mut a) = side_of("unmeasured", "a");
    let (_b, mut b) = side_of("unmeasured", "b");
    (0..2).for_each(|n| write(&mut a, &format!("a{n}")));
    let mut page = pull(&mut a.client, "b", 10);
    page["bundles"].as_array_mut().expect("bundles").reverse();
    let refused = {
        let sql = "SELECT * FROM quire.sync_push($1, 'a', 2, $2)";
        refusal(b.client.query(sql, &[&PROJECT, &page["bundles"]]))
    };
    assert_eq!(refused.detail["reason"], json!("must_refetch"), "the second cannot come before the first");
    for bundle in page["bundles"].as_array_mut().expect("bundles") {
        bundle.as_object_mut().expect("a bundle").remove("log");
    }
    let statuses: Vec<String> =
        push(&mut b.client, "a", &json!({"checkpoint": 2, "bundles": page["bundles"]}))
            .into_iter()
            .map(|(status, _)| status)
            .collect();
    assert_eq!(statuses, ["applied", "applied"]);
}
