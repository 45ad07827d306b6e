//! Editing that was recorded, typed again into documents.

use crate::cluster::shared;
use crate::dice::Dice;
use crate::steps::project;
use crate::trace::{Edit, Trace};
use automerge::{AutoCommit, ReadDoc};
use postgres::Client;
use serde_json::{Value, json};
use std::path::Path;
use uuid::Uuid;

/// Changes of one call.
const AT_ONCE: usize = 100;
const BRANCHES: [&str; 2] = ["main", "friend"];

/// The recordings are in the folder that `QUIRE_TRACES` names; without it, one is made up.
#[test]
fn recorded_editing_ends_in_the_text_that_was_recorded() {
    let database = shared().database("traces");
    let mut client = database.client("postgres");
    let traces = match std::env::var_os("QUIRE_TRACES") {
        Some(folder) => ["friendsforever", "automerge-paper"]
            .map(|name| Trace::read(&Path::new(&folder).join(format!("{name}.json.gz"))).expect("a trace"))
            .into(),
        None => vec![made_up()],
    };
    for (number, trace) in traces.iter().enumerate() {
        let project = project(&mut client, &format!("trace {number}"));
        alone(&mut client, project, trace);
        assert_eq!(text(&mut client, project, "alone"), trace.end);
        if trace.copies.len() == BRANCHES.len() {
            on_branches(&mut client, project, trace);
            assert_eq!(text(&mut client, project, "together"), trace.end);
        }
        let report: Value =
            client.query_one("SELECT quire.verify_project($1)", &[&project]).expect("verify").get(0);
        assert_eq!(report["is_sound"], true, "{report}");
    }
}

/// All edits on one branch, whoever made them.
fn alone(client: &mut Client, project: Uuid, trace: &Trace) {
    apply(client, project, "alone", "main", &trace.beginning);
    for some in trace.edits.chunks(AT_ONCE) {
        let changes: Vec<Vec<u8>> = some.iter().map(|edit| edit.change.clone()).collect();
        apply(client, project, "alone", "main", &changes);
    }
}

/// Each author writes a branch of their own, into which the other one is merged when they had seen more of it.
fn on_branches(client: &mut Client, project: Uuid, trace: &Trace) {
    apply(client, project, "together", BRANCHES[0], &trace.beginning);
    let create = "SELECT quire.create_branch($1, $2)";
    client.execute(create, &[&project, &BRANCHES[1]]).expect("create a branch");
    // What each branch has, by number, and what is to be sent to it.
    let mut there = [vec![false; trace.edits.len()], vec![false; trace.edits.len()]];
    let mut waiting: [Vec<Vec<u8>>; 2] = Default::default();
    let flush = |client: &mut Client, waiting: &mut [Vec<Vec<u8>>; 2]| {
        for (branch, changes) in BRANCHES.iter().zip(waiting) {
            if !changes.is_empty() {
                apply(client, project, "together", branch, &std::mem::take(changes));
            }
        }
    };
    for (number, Edit { author, parents, change }) in trace.edits.iter().enumerate() {
        let [own, other] = [*author, 1 - author];
        if parents.iter().any(|parent| !there[own][*parent]) {
            flush(client, &mut waiting);
            merge(client, project, BRANCHES[other], BRANCHES[own]);
            for at in 0..number {
                there[own][at] |= there[other][at];
            }
        }
        there[own][number] = true;
        waiting[own].push(change.clone());
        if waiting[own].len() == AT_ONCE {
            flush(client, &mut waiting);
        }
    }
    flush(client, &mut waiting);
    merge(client, project, BRANCHES[1], BRANCHES[0]);
}

fn apply(client: &mut Client, project: Uuid, doc: &str, branch: &str, changes: &[Vec<u8>]) {
    let sql = "SELECT quire.apply_doc_changes($1, $2, $3, $4)";
    client.execute(sql, &[&project, &doc, &changes, &branch]).expect("apply");
}

fn merge(client: &mut Client, project: Uuid, source: &str, target: &str) {
    let sql = "SELECT quire.merge_branch($1, $2, $3)";
    client.execute(sql, &[&project, &source, &target]).expect("merge");
}

fn text(client: &mut Client, project: Uuid, doc: &str) -> String {
    let sql = "SELECT quire.read_doc($1, $2) ->> 'text'";
    client.query_one(sql, &[&project, &doc]).expect("read").get(0)
}

/// Two people who type, each at a place of their own, and now and then see what the other one did.
fn made_up() -> Trace {
    let mut dice = Dice::new();
    let mut edits: Vec<Value> = Vec::new();
    // The edits that each follows next.
    let mut tips: [Vec<usize>; 2] = Default::default();
    edits.push(json!({"agent": 0, "parents": [], "patches": [[0, 0, "in the beginning"]]}));
    tips.fill(vec![0]);
    for number in 1..300 {
        let author = dice.throw(2);
        if dice.throw(10) == 0 {
            let mut both = [tips[0].clone(), tips[1].clone()].concat();
            both.sort_unstable();
            both.dedup();
            tips[author] = both;
        }
        // Texts are long enough for it: more is typed than deleted.
        let patch = match dice.throw(5) {
            0 => json!([3, 1, "é"]),
            _ => json!([dice.throw(4), 0, (["a", "🙂", "\n"][dice.throw(3)])]),
        };
        edits.push(json!({"agent": author, "parents": tips[author], "patches": [patch]}));
        tips[author] = vec![number];
    }
    let mut made = Trace::replay(&json!({"numAgents": 2, "txns": edits, "endContent": ""})).expect("a trace");
    let mut all: AutoCommit = made.copies[0].clone();
    all.merge(&mut made.copies[1]).expect("merge");
    made.end = all.text(&made.text).expect("a text");
    made
}
