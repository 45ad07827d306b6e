//! Durable subscriptions: leases, redelivery, acknowledgement, filters.

use crate::cluster::shared;
use crate::dice::Dice;
use crate::steps::{add_member, backend_pid, project, put, refusal, user, wait_until_blocked};
use postgres::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A project whose log has five bundles, and a subscription named s.
fn subscribed(client: &mut Client, filter: Value) -> Uuid {
    let project = project(client, "subscribed");
    for n in 1..=5 {
        put(client, project, &format!("f{n}"), &format!("content {n}"));
    }
    client.execute("SELECT quire.create_subscription($1, 's', $2)", &[&project, &filter]).expect("subscribe");
    project
}

/// Seqs of the next events, leased for a time.
fn poll(client: &mut Client, project: Uuid, max_events: i32, lease: &str) -> Vec<i64> {
    let sql = "SELECT seq FROM quire.poll_subscription($1, 's', $2, $3::text::interval)";
    let rows = client.query(sql, &[&project, &max_events, &lease]).expect("poll");
    rows.iter().map(|row| row.get(0)).collect()
}

fn ack(client: &mut Client, project: Uuid, seq: i64) -> Result<i64, postgres::Error> {
    Ok(client.query_one("SELECT quire.ack_subscription($1, 's', $2)", &[&project, &seq])?.get(0))
}

#[test]
fn what_is_leased_is_handed_out_to_nobody_else_and_again_after_the_lease() {
    let database = shared().database("subscription_lease");
    let mut one = database.client("postgres");
    let mut two = database.client("postgres");
    let project = subscribed(&mut one, json!({}));
    let started = Instant::now();
    let lease = Duration::from_secs(2);
    assert_eq!(poll(&mut one, project, 2, "2 seconds"), [1, 2]);
    for client in [&mut one, &mut two] {
        let events = poll(client, project, 3, "0 seconds");
        assert!(events.is_empty() || started.elapsed() > lease, "leased, also for who has it");
    }
    let mut again = Vec::new();
    while again.is_empty() {
        again = poll(&mut two, project, 3, "1 hour");
        assert!(started.elapsed() < Duration::from_secs(60), "the lease does not end");
    }
    assert!(started.elapsed() >= lease);
    assert_eq!(again, [1, 2, 3], "at least once");
    // Who was too slow may still acknowledge what was handed out.
    assert_eq!(ack(&mut one, project, 2).expect("acknowledge"), 2);
    assert_eq!(poll(&mut one, project, 9, "1 hour"), [3, 4, 5]);
}

#[test]
fn what_is_acknowledged_is_never_handed_out_again() {
    let database = shared().database("subscription_ack");
    let mut client = database.client("postgres");
    let project = subscribed(&mut client, json!({}));
    assert_eq!(poll(&mut client, project, 3, "1 hour"), [1, 2, 3]);
    assert_eq!(ack(&mut client, project, 2).expect("acknowledge"), 2);
    assert_eq!(poll(&mut client, project, 9, "0 seconds"), [3, 4, 5], "the rest, in order");
    assert_eq!(poll(&mut client, project, 9, "0 seconds"), [3, 4, 5], "a lease of no time is over at once");
    assert_eq!(ack(&mut client, project, 5).expect("acknowledge"), 5);
    assert_eq!(ack(&mut client, project, 1).expect("acknowledge again"), 5, "the cursor does not go back");
    assert_eq!(poll(&mut client, project, 9, "1 hour"), [] as [i64; 0]);
    put(&mut client, project, "f6", "new");
    assert_eq!(poll(&mut client, project, 9, "1 hour"), [6], "an empty page leaves no lease behind");
}

#[test]
fn only_what_was_handed_out_can_be_acknowledged() {
    let database = shared().database("subscription_ahead");
    let mut client = database.client("postgres");
    let project = subscribed(&mut client, json!({}));
    assert_eq!(refusal(ack(&mut client, project, 1)).state, "22023");
    assert_eq!(poll(&mut client, project, 2, "1 hour"), [1, 2]);
    for seq in [3, 99, -1] {
        let refused = refusal(ack(&mut client, project, seq));
        assert_eq!((refused.state.as_str(), &refused.detail["delivered_seq"]), ("22023", &json!(2)), "{seq}");
    }
    assert_eq!(ack(&mut client, project, 2).expect("acknowledge"), 2);
}

#[test]
fn a_poll_that_rolled_back_has_handed_out_nothing() {
    let database = shared().database("subscription_rollback");
    let mut client = database.client("postgres");
    let project = subscribed(&mut client, json!({}));
    client.batch_execute("BEGIN").expect("begin");
    assert_eq!(poll(&mut client, project, 2, "1 hour"), [1, 2]);
    client.batch_execute("ROLLBACK").expect("roll back");
    assert_eq!(poll(&mut client, project, 2, "1 hour"), [1, 2]);
}

#[test]
fn of_two_pollers_at_once_one_waits_and_gets_nothing() {
    let database = shared().database("subscription_two");
    let mut one = database.client("postgres");
    let mut two = database.client("postgres");
    let project = subscribed(&mut one, json!({}));
    let pid = backend_pid(&mut two);
    one.batch_execute("BEGIN").expect("begin");
    assert_eq!(poll(&mut one, project, 3, "1 hour"), [1, 2, 3]);
    thread::scope(|scope| {
        let second = scope.spawn(|| poll(&mut two, project, 3, "1 hour"));
        wait_until_blocked(&database, pid);
        one.batch_execute("COMMIT").expect("commit");
        assert_eq!(second.join().expect("the second poller"), [] as [i64; 0]);
    });
}

#[test]
fn a_poller_that_waited_for_one_that_went_further_continues_there() {
    let database = shared().database("subscription_further");
    let mut one = database.client("postgres");
    let mut two = database.client("postgres");
    let project = subscribed(&mut one, json!({}));
    let pid = backend_pid(&mut two);
    one.batch_execute("BEGIN").expect("begin");
    assert_eq!(poll(&mut one, project, 9, "0 seconds"), [1, 2, 3, 4, 5]);
    thread::scope(|scope| {
        let second = scope.spawn(|| poll(&mut two, project, 9, "1 hour"));
        wait_until_blocked(&database, pid);
        // The one that waits began before these bundles were there.
        let mut writer = database.client("postgres");
        put(&mut writer, project, "f6", "six");
        put(&mut writer, project, "f7", "seven");
        assert_eq!(poll(&mut one, project, 9, "0 seconds"), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(ack(&mut one, project, 6).expect("acknowledge"), 6);
        one.batch_execute("COMMIT").expect("commit");
        assert_eq!(second.join().expect("the second poller"), [7]);
    });
}

#[test]
fn many_pollers_that_acknowledge_share_the_log_without_overlap() {
    let database = shared().database("subscription_many");
    let mut client = database.client("postgres");
    let project = subscribed(&mut client, json!({}));
    for n in 6..=60 {
        put(&mut client, project, "f", &format!("{n}"));
    }
    let handed_out: Vec<i64> = thread::scope(|scope| {
        let running: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = database.client("postgres");
                    let mut mine = Vec::new();
                    let mut cursor = 0;
                    while cursor < 60 {
                        let page = poll(&mut client, project, 4, "1 hour");
                        let acknowledge = page.last().copied().unwrap_or(0);
                        cursor = ack(&mut client, project, acknowledge).expect("acknowledge");
                        mine.extend(page);
                    }
                    mine
                })
            })
            .collect();
        running.into_iter().flat_map(|poller| poller.join().expect("a poller")).collect()
    });
    let mut sorted = handed_out;
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=60).collect::<Vec<i64>>());
}

#[test]
fn globs_and_event_names_choose_what_is_handed_out_and_the_cursor_passes_the_rest() {
    let database = shared().database("subscription_filter");
    let mut client = database.client("postgres");
    let project = project(&mut client, "filtered");
    let sql = "SELECT quire.create_subscription($1, 's', $2)";
    let filter = json!({"paths": ["src/**", "*_%.md"], "events": ["file:update", "bulk:apply"]});
    client.execute(sql, &[&project, &filter]).expect("subscribe");
    for path in ["src/a/b", "srcx/a", "a_%.md", "ab%.md", "docs/a_%.md", "src/c"] {
        put(&mut client, project, path, path);
    }
    client.execute("SELECT quire.delete_project_file($1, 'src/c')", &[&project]).expect("delete");
    let files = json!([{"file_path": "src/d", "content": "1"}, {"file_path": "src/e", "content": "2"},
        {"file_path": "other", "content": "3"}]);
    client
        .execute("SELECT quire.bulk_upsert_project_files($1, $2)", &[&project, &files])
        .expect("write many");
    put(&mut client, project, "unwanted", "x");

    let sql = "SELECT seq, payload FROM quire.poll_subscription($1, 's', 10, '0 seconds')";
    let rows = client.query(sql, &[&project]).expect("poll");
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [1, 3, 6, 8]);
    let bulk: Value = rows[3].get(1);
    let paths: Vec<&Value> =
        bulk["files"].as_array().expect("files").iter().map(|file| &file["file_path"]).collect();
    assert_eq!(paths, ["src/d", "src/e"], "of a bulk only the matching files");
    assert_eq!(ack(&mut client, project, 8).expect("acknowledge"), 8);
    assert_eq!(poll(&mut client, project, 10, "1 hour"), [] as [i64; 0]);
    let behind = "SELECT behind FROM quire.list_subscriptions($1)";
    assert_eq!(
        client.query_one(behind, &[&project]).expect("list").get::<_, i64>(0),
        0,
        "the rest is passed"
    );
}

/// Somebody who follows documents and nobody who asks: what was delivered adds up to what a query finds, at every bundle.
#[test]
fn what_is_delivered_of_documents_adds_up_to_what_a_query_finds() {
    let database = shared().database("subscription_docs");
    let other = user(&database, "subscription_docs_other");
    let mut client = database.client("postgres");
    for branch in ["main", "draft"] {
        let mut dice = Dice::new();
        let project = project(&mut client, branch);
        // What a branch begins with is there, and nobody tells of it.
        for n in 0..3 {
            let put = "SELECT quire.put_doc($1, 'd' || $2::int4, jsonb_build_object('n', 4 + $2))";
            client.execute(put, &[&project, &n]).expect("put a document");
        }
        // By somebody else: who writes takes back what is their own, and so not the branch.
        add_member(&mut client, project, other, "owner");
        let create = "SELECT (quire.create_branch($1, 'draft') ->> 'seq')::bigint";
        let mut owner = database.client("subscription_docs_other");
        let began: i64 = owner.query_one(create, &[&project]).expect("create a branch").get(0);
        let condition = json!({"path": "/n", "gt": 4});
        let filter = json!({"docs": {"branch": branch, "where": condition}});
        let subscribe = "SELECT quire.create_subscription($1, 's', $2, $3)";
        client.execute(subscribe, &[&project, &filter, &began]).expect("subscribe");
        let there = found(&mut client, project, branch, &condition, began);
        let mut followed: BTreeMap<String, Value> = serde_json::from_value(there).expect("an object");
        for round in 0..25 {
            for _ in 0..dice.throw(6) {
                change_something(&mut client, project, &mut dice);
            }
            let sql = "SELECT seq, payload -> 'docs' FROM quire.poll_subscription($1, 's', $2, '0 seconds')";
            let most = 1 + dice.throw(4) as i32;
            let rows = client.query(sql, &[&project, &most]).expect("poll");
            for row in &rows {
                follow(&mut followed, &row.get(1));
                let seq: i64 = row.get(0);
                assert_eq!(
                    Value::from_iter(followed.clone()),
                    found(&mut client, project, branch, &condition, seq),
                    "round {round}"
                );
                ack(&mut client, project, seq).expect("acknowledge");
            }
        }
    }
}

/// A write of any kind, on one of two branches.
fn change_something(client: &mut Client, project: Uuid, dice: &mut Dice) {
    let (doc, branch) = (format!("d{}", dice.throw(4)), ["main", "draft"][dice.throw(2)]);
    let value = json!({"n": dice.throw(9), "x": dice.throw(2)});
    match dice.throw(8) {
        0 => drop(client.execute("SELECT quire.delete_doc($1, $2, $3)", &[&project, &doc, &branch])),
        1 => drop(client.execute("SELECT quire.undo($1, 'skip')", &[&project])),
        2 => drop(client.execute("SELECT quire.merge_branch($1, 'draft')", &[&project])),
        3 => drop(put(client, project, &doc, "a file of this name")),
        _ => {
            let sql = "SELECT quire.put_doc($1, $2, $3, $4)";
            client.execute(sql, &[&project, &doc, &value, &branch]).expect("put a document");
        }
    }
}

/// Takes in what an event says.
fn follow(followed: &mut BTreeMap<String, Value>, docs: &Value) {
    for item in docs.as_array().expect("documents") {
        let doc = item["doc"].as_str().expect("a name");
        let was_there = match item["action"].as_str() {
            Some("leave") => followed.remove(doc).is_some(),
            Some("enter") => followed.insert(doc.to_owned(), item["value"].clone()).is_none(),
            Some("change") => followed.insert(doc.to_owned(), item["value"].clone()).is_some(),
            _ => false,
        };
        assert!(was_there, "{item} after {followed:?}");
    }
}

/// What a query finds as of a bundle.
fn found(client: &mut Client, project: Uuid, branch: &str, condition: &Value, seq: i64) -> Value {
    let query = json!({"branch": branch, "where": condition, "at_seq": seq});
    let row = client.query_one("SELECT quire.query_docs($1, $2) -> 'docs'", &[&project, &query]);
    let docs: Value = row.expect("query").get(0);
    let docs = docs.as_array().expect("documents").iter();
    docs.map(|doc| (doc["doc"].as_str().unwrap_or_default().to_owned(), doc["value"].clone())).collect()
}
