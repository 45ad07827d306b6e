//! What a new domain gets without a line in any service: toys, which only the feature `toy` builds, go through everything that goes
//! through the list of domains. Run with `./dev test domain`.

// A test fails by panicking.
#![allow(clippy::panic)]

#[allow(dead_code)]
#[path = "../e2e/cluster.rs"]
mod cluster;
#[allow(dead_code)]
#[path = "../e2e/steps.rs"]
mod steps;

use cluster::{Database, shared};
use postgres::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use steps::{head_seq, project, refusal, user};
use uuid::Uuid;

/// A role of its own in a database of its own.
fn owner(name: &str) -> (Database, Client) {
    let database = shared().database(&format!("toys_{name}"));
    let role = format!("toys_{name}");
    user(&database, &role);
    let client = database.client(&role);
    (database, client)
}

fn ask(client: &mut Client, sql: &str, project: Uuid) -> Value {
    client.query_one(sql, &[&project]).unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

fn commit(client: &mut Client, project: Uuid, ops: Value) -> Value {
    let sql = "SELECT quire.commit_bundle($1, $2)";
    client.query_one(sql, &[&project, &ops]).unwrap_or_else(|error| panic!("{ops}: {error:?}")).get(0)
}

fn set(toy: &str, text: &str) -> Value {
    json!({"op": "toy.set", "toy": toy, "text": text})
}

fn unset(toy: &str) -> Value {
    json!({"op": "toy.unset", "toy": toy})
}

/// What the toys of a project say, as the operations of its log make it.
fn toys(client: &mut Client, project: Uuid) -> BTreeMap<String, String> {
    let report = ask(client, "SELECT quire.replay_project($1)", project);
    assert_eq!(report["is_equal"], true, "{report}");
    let sql = "SELECT o.target, o.after ->> 'text' FROM quire.oplog o
        WHERE o.project_id = $1 AND o.op LIKE 'toy.%' ORDER BY o.seq, o.ordinal";
    let mut toys = BTreeMap::new();
    for row in client.query(sql, &[&project]).expect("read the log") {
        match row.get::<_, Option<String>>(1) {
            Some(text) => toys.insert(row.get(0), text),
            None => toys.remove(row.get::<_, &str>(0)),
        };
    }
    assert_eq!(report["toys"], toys.len(), "{report}");
    toys
}

fn expected<const N: usize>(toys: [(&str, &str); N]) -> BTreeMap<String, String> {
    toys.into_iter().map(|(toy, text)| (toy.to_owned(), text.to_owned())).collect()
}

fn assert_sound(client: &mut Client, project: Uuid) {
    let report = ask(client, "SELECT quire.verify_project($1)", project);
    assert_eq!(report["is_sound"], true, "{report}");
}

/// A project with a past of toys, files and fields in one bundle, and of toys alone.
fn with_a_past(client: &mut Client) -> Uuid {
    let project = project(client, "toys");
    let mixed = json!([
        set("bear", "brown"),
        {"op": "file.put", "file_path": "a", "content": "a"},
        {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1},
        set("ball", "red"),
    ]);
    commit(client, project, mixed);
    commit(client, project, json!([set("bear", "white"), unset("ball")]));
    project
}

#[test]
fn is_committed_and_told() {
    let (_database, mut client) = owner("committed");
    let project = with_a_past(&mut client);
    assert_eq!(toys(&mut client, project), expected([("bear", "white")]));
    let receipt = commit(&mut client, project, json!([set("bear", "white")]));
    assert_eq!(receipt["ops"], json!([{"op": "toy.set", "toy": "bear", "status": "unchanged"}]));
    assert_eq!(receipt["bundle_id"], Value::Null);
    let refused =
        client.query_one("SELECT quire.commit_bundle($1, $2)", &[&project, &json!([unset("kite")])]);
    assert_eq!(refusal(refused).state, "PT404");
    let sql = "SELECT json_agg(json_build_array(event, payload -> 'toys') ORDER BY seq) FROM quire.poll_events($1, 0)";
    assert_eq!(
        ask(&mut client, sql, project),
        json!([
            ["bulk:apply", [{"toy": "bear", "text": "brown"}, {"toy": "ball", "text": "red"}]],
            ["toy:update", [{"toy": "bear", "text": "white"}, {"toy": "ball", "text": null}]]
        ])
    );
    let sql = "SELECT quire.create_subscription($1, 'toys', '{\"events\": [\"toy:update\"]}')";
    client.query_one(sql, &[&project]).expect("a filter knows the event");
    let details = ask(&mut client, "SELECT to_jsonb(array_agg(d)) FROM quire.get_bundle($1, 2) d", project);
    assert!(details.to_string().contains("toy.unset"), "{details}");
    assert_sound(&mut client, project);
}

#[test]
fn is_staged_in_a_job() {
    let (_database, mut client) = owner("staged");
    let project = project(&mut client, "toys");
    let job: Uuid =
        client.query_one("SELECT quire.begin_job($1, 'play')", &[&project]).expect("begin").get(0);
    let ops = json!([set("bear", "brown"), set("ball", "red")]);
    client.query_one("SELECT quire.append_job_ops($1, $2, $3)", &[&project, &job, &ops]).expect("stage");
    client.query_one("SELECT quire.finish_job($1, $2)", &[&project, &job]).expect("complete");
    assert_eq!(toys(&mut client, project), expected([("bear", "brown"), ("ball", "red")]));
    let jobs = ask(&mut client, "SELECT to_jsonb(array_agg(j)) FROM quire.list_jobs($1, true) j", project);
    assert!(jobs.to_string().contains(r#""toy":"bear""#), "{jobs}");
}

#[test]
fn is_undone() {
    let (_database, mut client) = owner("undone");
    let project = with_a_past(&mut client);
    client.query_one("SELECT quire.undo($1)", &[&project]).expect("undo");
    assert_eq!(toys(&mut client, project), expected([("bear", "brown"), ("ball", "red")]));
    client.query_one("SELECT quire.redo($1)", &[&project]).expect("redo");
    assert_eq!(toys(&mut client, project), expected([("bear", "white")]));
    let refused = client.query_one("SELECT quire.revert_bundle($1, 1)", &[&project]);
    let refused = refusal(refused);
    assert_eq!(
        (refused.state.as_str(), refused.detail["conflicts"][0]["toy"].as_str()),
        ("PT409", Some("bear"))
    );
    client.query_one("SELECT quire.revert_bundle($1, 1, 'skip')", &[&project]).expect("revert the rest");
    assert_eq!(toys(&mut client, project), expected([("bear", "white")]));
    assert_sound(&mut client, project);
}

#[test]
fn travels_in_exports_clones_and_templates() {
    let (_database, mut client) = owner("copied");
    let project = with_a_past(&mut client);
    let copies = [
        ("import", "SELECT quire.import_project(quire.export_project($1))"),
        ("clone", "SELECT quire.clone_project($1, 'clone')"),
        (
            "template",
            "SELECT quire.create_project_from_template(quire.create_template($1, 'template'), 'copy')",
        ),
    ];
    for (how, sql) in copies {
        let copy: Uuid =
            client.query_one(sql, &[&project]).unwrap_or_else(|error| panic!("{how}: {error:?}")).get(0);
        assert_eq!(toys(&mut client, copy), expected([("bear", "white")]), "{how}");
        assert_sound(&mut client, copy);
    }
}

#[test]
fn is_verified_and_repaired() {
    let (database, mut client) = owner("repaired");
    let project = with_a_past(&mut client);
    let mut admin = database.client("postgres");
    let mut spoil = |sql: &str| {
        admin.batch_execute("SET session_replication_role = replica").expect("no triggers");
        admin.execute(sql, &[&project]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    spoil("UPDATE quire_store.toy SET text = 'green' WHERE project_id = $1");
    assert_eq!(repaired(&mut client, project, None), [("toy".to_owned(), "content".to_owned())]);
    spoil("DELETE FROM quire_store.toy WHERE project_id = $1");
    assert_eq!(repaired(&mut client, project, None), [("toy".to_owned(), "replay".to_owned())]);
    spoil(
        "UPDATE quire_store.toy_op SET op_checksum = '\\x00' WHERE project_id = $1 AND bundle_seq = 2 AND ordinal = 1",
    );
    assert_eq!(repaired(&mut client, project, None), [("toy_op".to_owned(), "checksum".to_owned())]);
    spoil(
        "UPDATE quire_store.toy_op SET text = 'green' WHERE project_id = $1 AND bundle_seq = 2 AND ordinal = 1",
    );
    let copy = json!({"op": set("bear", "white")});
    assert_eq!(repaired(&mut client, project, Some(copy)), [("toy_op".to_owned(), "content".to_owned())]);
    assert_eq!(toys(&mut client, project), expected([("bear", "white")]));
}

/// Verifies and repairs; the kinds and faults that were found.
fn repaired(client: &mut Client, project: Uuid, supply: Option<Value>) -> Vec<(String, String)> {
    let report = ask(client, "SELECT quire.verify_project($1)", project);
    let findings = report["findings"].as_array().expect("findings").clone();
    for finding in &findings {
        let sql = "SELECT quire.repair($1, ($2::text)::uuid, $3)";
        let id = finding["quarantine_id"].as_str();
        client
            .query_one(sql, &[&project, &id, &supply])
            .unwrap_or_else(|error| panic!("{finding}: {error:?}"));
    }
    assert_sound(client, project);
    let words =
        |finding: &Value| ["kind", "fault"].map(|word| finding[word].as_str().unwrap_or("").to_owned());
    findings.iter().map(|finding| words(finding).into()).collect()
}

/// The project that both sides have.
const PROJECT: Uuid = Uuid::from_u128(0x707);

#[test]
fn is_exchanged_with_a_peer() {
    let sides = ["here", "there"].map(|side| {
        let (_database, mut client) = owner(side);
        client.execute("SELECT quire.create_project('shared', $1)", &[&PROJECT]).expect("create the project");
        client
    });
    let [mut here, mut there] = sides;
    commit(&mut here, PROJECT, json!([set("bear", "brown"), set("ball", "red")]));
    exchange(&mut here, &mut there);
    assert_eq!(toys(&mut there, PROJECT), expected([("bear", "brown"), ("ball", "red")]));
    // Both change one without knowing of the other: the later write stays, on both sides.
    commit(&mut here, PROJECT, json!([set("bear", "white"), unset("ball")]));
    commit(&mut there, PROJECT, json!([set("bear", "black"), set("kite", "blue")]));
    exchange(&mut here, &mut there);
    exchange(&mut there, &mut here);
    for client in [&mut here, &mut there] {
        assert_eq!(toys(client, PROJECT), expected([("bear", "black"), ("kite", "blue")]));
        assert_sound(client, PROJECT);
    }
}

/// Everything that one has goes to the other, and both names are the same, because each has one peer.
fn exchange(from: &mut Client, to: &mut Client) {
    let sql = "SELECT quire.sync_pull($1, 'peer')";
    let page = ask(from, sql, PROJECT);
    assert_eq!(page["has_more"], false);
    let sql = "SELECT status FROM quire.sync_push($1, 'peer', $2, $3, $4, $5, $6)";
    let (checkpoint, ends) = (page["checkpoint"].as_i64(), page["checkpoint_checksum"].as_str());
    let (after, begins) = (page["after_seq"].as_i64(), page["after_checksum"].as_str());
    to.query(sql, &[&PROJECT, &checkpoint, &page["bundles"], &ends, &after, &begins]).expect("push");
    from.execute("SELECT quire.sync_ack($1, 'peer', $2)", &[&PROJECT, &checkpoint]).expect("acknowledge");
}

#[test]
fn goes_with_its_project() {
    let (database, mut client) = owner("deleted");
    let project = with_a_past(&mut client);
    assert_eq!(head_seq(&mut client, project), 2);
    let count = "SELECT (SELECT count(*) FROM quire_store.toy_op) + (SELECT count(*) FROM quire_store.toy)";
    assert_eq!(database.psql(count).trim(), "5");
    client.query_one("SELECT quire.delete_project($1, 'toys')", &[&project]).expect("delete");
    assert_eq!(database.psql(count).trim(), "0");
}
