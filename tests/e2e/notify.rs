//! NOTIFY: a wake-up at most once per transaction and project, and never a reason for a save to fail.

use crate::cluster::{Database, shared};
use crate::steps::{HEARD, configure, head_seq, heard, project, put, refusal, try_put};
use postgres::Client;
use serde_json::{Value, json};
use uuid::Uuid;

/// PostgreSQL refuses longer payloads.
const LONGEST: usize = 8000;

/// A connection that listens to some projects.
struct Listener(Client);

impl Listener {
    fn on(database: &Database, projects: &[Uuid]) -> Self {
        let mut client = database.client("postgres");
        for project in projects {
            client.batch_execute(&format!("LISTEN \"realtime:project:{project}\"")).expect("listen");
        }
        client.batch_execute(&format!("LISTEN {HEARD}")).expect("listen");
        Self(client)
    }

    /// What was said since the last call, in order: project and payload.
    fn heard(&mut self, writer: &mut Client) -> Vec<(Uuid, String)> {
        let project =
            |channel: &str| channel.strip_prefix("realtime:project:").and_then(|id| id.parse().ok());
        heard(&mut self.0, writer)
            .into_iter()
            .map(|(channel, payload)| (project(&channel).expect("a project's channel"), payload))
            .collect()
    }

    /// The one payload, as JSON.
    fn heard_one(&mut self, writer: &mut Client) -> Value {
        let heard = self.heard(writer);
        let [(_, payload)] = heard.as_slice() else {
            panic!("one notification expected, but heard {heard:?}")
        };
        assert!(payload.len() < LONGEST, "{} bytes", payload.len());
        serde_json::from_str(payload).expect("a payload is JSON")
    }
}

#[test]
fn a_hint_says_what_happened_and_nothing_more() {
    let database = shared().database("notify_hint");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "hint");
    let mut listener = Listener::on(&database, &[project]);
    put(&mut writer, project, "secret/path", "secret content");
    let hint = listener.heard_one(&mut writer);
    assert_eq!((&hint["event"], &hint["seq"]), (&json!("file:update"), &json!(1)));
    let sql = "SELECT payload ->> 'timestamp' FROM quire.poll_events($1)";
    let timestamp: String = writer.query_one(sql, &[&project]).expect("poll").get(0);
    assert_eq!(hint["timestamp"], json!(timestamp));
    assert_eq!(hint.as_object().expect("an object").len(), 3, "{hint}");

    writer.execute("SELECT quire.delete_project_file($1, 'secret/path')", &[&project]).expect("delete");
    assert_eq!(listener.heard_one(&mut writer)["event"], "file:delete");
    let files = json!([{"file_path": "a", "content": "1"}, {"file_path": "b", "content": "2"}]);
    writer.execute("SELECT quire.bulk_upsert_project_files($1, $2)", &[&project, &files]).expect("write two");
    let hint = listener.heard_one(&mut writer);
    assert_eq!((&hint["event"], &hint["seq"]), (&json!("bulk:apply"), &json!(3)));
}

#[test]
fn a_transaction_hints_once_per_project_however_many_bundles_it_has() {
    let database = shared().database("notify_once");
    let mut writer = database.client("postgres");
    let [one, two] = ["one", "two"].map(|name| project(&mut writer, name));
    let mut listener = Listener::on(&database, &[one, two]);
    let mut transaction = writer.transaction().expect("begin");
    for n in 0..5 {
        put(&mut transaction, one, "a", &format!("{n}"));
        put(&mut transaction, two, "a", &format!("{n}"));
    }
    transaction.commit().expect("commit");
    let hinted: Vec<Uuid> = listener.heard(&mut writer).into_iter().map(|(project, _)| project).collect();
    assert_eq!(hinted, [one, two]);
    // The next transaction of the same connection hints again.
    put(&mut writer, one, "a", "next");
    assert_eq!(listener.heard_one(&mut writer)["seq"], 6);
}

#[test]
fn there_is_no_notification_when_nothing_changed_or_the_transaction_rolled_back_or_broadcast_is_off() {
    let database = shared().database("notify_silent");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "silent");
    put(&mut writer, project, "a", "same");
    let mut listener = Listener::on(&database, &[project]);
    put(&mut writer, project, "a", "same");
    assert_eq!(listener.heard(&mut writer), [], "unchanged content");
    let refused = refusal(try_put(&mut writer, project, "a", "stale", Some(7)));
    assert_eq!(refused.state, "PT409");
    assert_eq!(listener.heard(&mut writer), [], "refused");
    let mut transaction = writer.transaction().expect("begin");
    put(&mut transaction, project, "a", "never");
    transaction.rollback().expect("roll back");
    assert_eq!(listener.heard(&mut writer), [], "rolled back");
    configure(&mut writer, project, json!({"broadcast": "off"}));
    put(&mut writer, project, "a", "silently");
    assert_eq!(listener.heard(&mut writer), [], "off");
    configure(&mut writer, project, json!({"broadcast": null}));
    put(&mut writer, project, "a", "aloud");
    assert_eq!(listener.heard_one(&mut writer)["seq"], 3);
}

#[test]
fn the_hint_of_a_savepoint_that_was_rolled_back_is_not_missed_by_a_later_bundle() {
    let database = shared().database("notify_savepoint");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "savepoint");
    let mut listener = Listener::on(&database, &[project]);
    let mut transaction = writer.transaction().expect("begin");
    let mut savepoint = transaction.savepoint("undone").expect("savepoint");
    put(&mut savepoint, project, "a", "undone");
    savepoint.rollback().expect("roll back to it");
    put(&mut transaction, project, "a", "kept");
    transaction.commit().expect("commit");
    assert_eq!(listener.heard_one(&mut writer)["seq"], 1);

    // One that was released counts, also when a savepoint around it is rolled back.
    let mut transaction = writer.transaction().expect("begin");
    let mut outer = transaction.savepoint("around").expect("savepoint");
    let mut inner = outer.savepoint("within").expect("savepoint");
    put(&mut inner, project, "a", "inner");
    inner.commit().expect("release");
    put(&mut outer, project, "a", "outer");
    outer.rollback().expect("roll back to it");
    put(&mut transaction, project, "a", "after both");
    transaction.commit().expect("commit");
    assert_eq!(listener.heard_one(&mut writer)["seq"], 2);
}

#[test]
fn broadcast_full_carries_the_content_of_a_small_file() {
    let database = shared().database("notify_full");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "full");
    configure(&mut writer, project, json!({"broadcast": "full"}));
    let mut listener = Listener::on(&database, &[project]);
    put(&mut writer, project, "a", "hello ✓");
    let heard = listener.heard_one(&mut writer);
    let sql = "SELECT payload FROM quire.poll_events($1)";
    let polled: Value = writer.query_one(sql, &[&project]).expect("poll").get(0);
    assert_eq!((&heard["event"], &heard["seq"]), (&json!("file:update"), &json!(1)));
    assert_eq!((&heard["payload"], &heard["payload"]["content"]), (&polled, &json!("hello ✓")));

    // Content and not only a wake-up: every bundle of a transaction is told of, in order.
    let mut transaction = writer.transaction().expect("begin");
    put(&mut transaction, project, "a", "two");
    put(&mut transaction, project, "b", "three");
    transaction.commit().expect("commit");
    let seqs: Vec<Value> = listener
        .heard(&mut writer)
        .iter()
        .map(|(_, payload)| serde_json::from_str::<Value>(payload).expect("JSON")["seq"].clone())
        .collect();
    assert_eq!(seqs, [json!(2), json!(3)]);
}

#[test]
fn with_broadcast_full_a_save_of_1_mb_succeeds_and_its_notification_says_content_omitted() {
    let database = shared().database("notify_large");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "large");
    configure(&mut writer, project, json!({"broadcast": "full"}));
    let mut listener = Listener::on(&database, &[project]);
    put(&mut writer, project, "large.txt", &"x".repeat(1 << 20));
    let heard = listener.heard_one(&mut writer);
    assert_eq!((&heard["seq"], &heard["payload"]["content_omitted"]), (&json!(1), &json!(true)));
    assert_eq!(
        (&heard["payload"]["file_path"], &heard["payload"]["size"]),
        (&json!("large.txt"), &json!(1 << 20))
    );
    assert!(heard["payload"].get("content").is_none());
    // Around the limit, in characters that JSON makes longer.
    for length in [1900, 3800, 3900, 7400, 7600, 7900, 8000] {
        for letter in ["x", "\"", "✓", "\u{1}"] {
            put(&mut writer, project, "limit.txt", &letter.repeat(length / letter.len()));
            listener.heard_one(&mut writer);
        }
    }
    // The longest path, binary.
    let path = ["d".repeat(255), "e".repeat(255), "f".repeat(255), "g".repeat(255)].join("/");
    let sql = "SELECT quire.upsert_project_file_bytes($1, $2, decode(repeat('00ff', 5000), 'hex'))";
    writer.execute(sql, &[&project, &path]).expect("write bytes");
    assert_eq!(listener.heard_one(&mut writer)["payload"]["content_omitted"], true);
}

#[test]
fn with_broadcast_full_a_bulk_of_1000_files_succeeds_with_one_notification() {
    let database = shared().database("notify_bulk");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "bulk");
    configure(&mut writer, project, json!({"broadcast": "full"}));
    let mut listener = Listener::on(&database, &[project]);
    let files: Value =
        (0..1000).map(|n| json!({"file_path": format!("f{n}"), "content": format!("{n}")})).collect();
    writer.execute("SELECT quire.bulk_upsert_project_files($1, $2)", &[&project, &files]).expect("write");
    let heard = listener.heard_one(&mut writer);
    assert_eq!(
        (&heard["event"], &heard["seq"], &heard["content_omitted"]),
        (&json!("bulk:apply"), &json!(1), &json!(true))
    );
    let sql = "SELECT jsonb_array_length(payload -> 'files') FROM quire.poll_events($1)";
    assert_eq!(writer.query_one(sql, &[&project]).expect("poll").get::<_, i32>(0), 1000);
}

#[test]
fn a_save_succeeds_while_the_notification_queue_is_blocked_by_a_sleeping_listener() {
    let database = shared().database("notify_sleeper");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "sleeper");
    configure(&mut writer, project, json!({"broadcast": "full"}));
    // An open transaction that listens keeps everything in the queue.
    let mut sleeper = database.client("postgres");
    sleeper.batch_execute("LISTEN anything; BEGIN; SELECT 1").expect("sleep");
    for n in 0..50 {
        put(&mut writer, project, "a", &format!("{n}").repeat(1000));
    }
    assert_eq!(head_seq(&mut writer, project), 50);
    sleeper.batch_execute("COMMIT").expect("wake up");
}
