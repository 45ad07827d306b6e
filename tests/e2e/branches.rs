//! Branches of documents: every state of every branch against a model that copies whatever a branch begins with.

use crate::cluster::shared;
use crate::dice::Dice;
use crate::steps::project;
use postgres::Client;
use quire_client::Quire;
use quire_client::branch::{CreateBranchOptions, DiffBranchesOptions, MergeBranchOptions};
use quire_client::doc::{DocWriteOptions, ListDocsOptions, ReadDocOptions};
use quire_core::doc::root::first_change;
use quire_core::doc::{ActorId, DocAuthor, DocChange, DocLimits, Heads, Loaded};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The documents of a branch, each as its changes.
type Docs = BTreeMap<&'static str, Vec<DocChange>>;

const DOCS: [&str; 3] = ["a", "b/1", "b/2"];

#[derive(Default)]
struct Model {
    /// By name, with the bundle that made it.
    branches: BTreeMap<String, i64>,
    /// Where each begins: another one, and its last bundle.
    begins: BTreeMap<String, (String, i64)>,
    /// What they were after each bundle.
    states: Vec<BTreeMap<String, Docs>>,
}

impl Model {
    fn now(&self) -> i64 {
        self.states.len() as i64 - 1
    }

    /// Takes the next bundle, if there was one.
    fn next(&mut self, seq: i64, is_new: bool, state: BTreeMap<String, Docs>) {
        assert_eq!(seq, self.now() + i64::from(is_new));
        if is_new {
            self.states.push(state);
        }
    }

    /// The documents of a branch at a seq; before it was made, those that it began with.
    fn at(&self, branch: &str, seq: i64) -> Docs {
        match self.begins.get(branch) {
            Some((from, at)) if seq < self.branches[branch] => self.at(from, seq.min(*at)),
            _ => self.states[seq as usize].get(branch).cloned().unwrap_or_default(),
        }
    }

    fn last(&self) -> BTreeMap<String, Docs> {
        self.states.last().expect("a state").clone()
    }
}

fn json_of(changes: &[DocChange]) -> Value {
    Loaded::of(changes).expect("loads").to_json(None, &DocLimits::default()).expect("JSON")
}

fn edit(client: &mut Client, project: Uuid, dice: &mut Dice, model: &mut Model, step: usize) {
    let branch = pick(dice, model);
    let doc = DOCS[dice.throw(DOCS.len())];
    let mut state = model.last();
    let changes = state.entry(branch.clone()).or_default().entry(doc).or_default();
    if changes.is_empty() {
        changes.push(first_change().expect("a change"));
    }
    let mut loaded = Loaded::of(changes.iter()).expect("loads");
    let known = changes.len();
    let actor = ActorId::from(format!("step {step}").as_bytes());
    let author = DocAuthor { actor: &actor, time: 0, message: None };
    let text = ["one", "two", "three"][dice.throw(3)];
    let value = json!({"n": dice.throw(5), "text": text, "step": step});
    changes.extend(loaded.put(&author, &value, &DocLimits::default()).expect("edits"));
    let sent = if known == 1 { &changes[..] } else { &changes[known..] };
    let bytes: Vec<&[u8]> = sent.iter().map(DocChange::bytes).collect();
    let options = DocWriteOptions { branch: Some(&branch), ..Default::default() };
    let done = Quire::new(client).apply_doc_changes(project.into(), doc, &bytes, options).expect("send");
    model.next(done.receipt.seq, done.receipt.bundle_id.is_some(), state);
}

fn pick(dice: &mut Dice, model: &Model) -> String {
    let at = dice.throw(model.branches.len());
    model.branches.keys().nth(at).expect("a branch").clone()
}

fn create(client: &mut Client, project: Uuid, dice: &mut Dice, model: &mut Model) {
    let from = pick(dice, model);
    let name = format!("branch {}", model.branches.len());
    let at = (dice.throw(2) == 0).then(|| dice.throw((model.now() + 1) as usize) as i64);
    let options = CreateBranchOptions { from_branch: Some(&from), at_seq: at, ..Default::default() };
    let made = Quire::new(client).create_branch(project.into(), &name, options).expect("create");
    let sql = "SELECT count(*) FROM quire_store.doc_head WHERE project_id = $1 AND branch = $2";
    let rows: i64 = client.query_one(sql, &[&project, &name]).expect("count").get(0);
    assert_eq!(rows, 0, "nothing is copied");
    let seq = at.unwrap_or(model.now());
    let begins = model.at(&from, seq);
    model.begins.insert(name.clone(), (from, seq));
    let mut state = model.last();
    state.insert(name.clone(), begins);
    model.branches.insert(name, made.seq);
    model.next(made.seq, true, state);
}

fn merge(client: &mut Client, project: Uuid, dice: &mut Dice, model: &mut Model) {
    let (source, target) = (pick(dice, model), pick(dice, model));
    if source == target {
        return;
    }
    let options = MergeBranchOptions { target: Some(&target), ..Default::default() };
    let dry = MergeBranchOptions { dry_run: Some(true), ..options };
    let options = MergeBranchOptions { target: Some(&target), ..Default::default() };
    let preview = Quire::new(client).merge_branch(project.into(), &source, dry).expect("look");
    let done = Quire::new(client).merge_branch(project.into(), &source, options).expect("merge");
    let names = |docs: &[quire_client::branch::MergedDoc]| -> Vec<(String, i64)> {
        docs.iter().map(|doc| (doc.doc.clone(), doc.applied)).collect()
    };
    assert_eq!(names(&preview.docs), names(&done.docs));
    let mut state = model.last();
    let theirs = state.get(&source).cloned().unwrap_or_default();
    let target_name = target.clone();
    let ours = state.entry(target).or_default();
    for (doc, changes) in theirs {
        let has = ours.entry(doc).or_default();
        for change in changes {
            if !has.iter().any(|known| known.hash() == change.hash()) {
                has.push(change);
            }
        }
    }
    model.next(done.seq.expect("a seq"), done.bundle_id.is_some(), state);
    let options = DiffBranchesOptions { target: Some(&target_name), ..Default::default() };
    let different = Quire::new(client).diff_branches(project.into(), &source, options).expect("compare");
    assert!(different.iter().all(|doc| doc.source_changes == 0), "{different:?}");
}

/// Every document of every branch at every seq, and the lists of now.
fn compare(client: &mut Client, project: Uuid, model: &Model) {
    for branch in model.branches.keys() {
        for seq in 0..=model.now() {
            let docs = model.at(branch, seq);
            for doc in DOCS {
                let then = ReadDocOptions { branch: Some(branch), at_seq: Some(seq), ..Default::default() };
                let read = Quire::new(client).read_doc(project.into(), doc, then).ok();
                assert_eq!(read, docs.get(doc).map(|changes| json_of(changes)), "{doc} of {branch} at {seq}");
            }
        }
        for at_seq in [None, Some(model.now() / 2)] {
            let docs = model.at(branch, at_seq.unwrap_or(model.now()));
            let mut query = json!({"branch": branch, "count": true, "where": {"path": "/n", "ge": 2}});
            if let Some(seq) = at_seq {
                query["at_seq"] = seq.into();
            }
            let found = Quire::new(client).query_docs(project.into(), &query).expect("query");
            let expected: Vec<(&str, Value)> =
                docs.iter().map(|(doc, changes)| (*doc, json_of(changes))).collect();
            let expected: Vec<_> =
                expected.into_iter().filter(|(_, value)| value["n"].as_i64() >= Some(2)).collect();
            let found: Vec<_> = found.docs.iter().map(|doc| (doc.doc.as_str(), doc.value.clone())).collect();
            assert_eq!(found, expected, "{branch} at {at_seq:?}");
        }
        let docs = model.last().remove(branch).unwrap_or_default();
        let options = ListDocsOptions { branch: Some(branch), ..Default::default() };
        let listed = Quire::new(client).list_docs(project.into(), options).expect("list");
        assert_eq!(
            listed.iter().map(|doc| doc.doc.as_str()).collect::<Vec<_>>(),
            docs.keys().copied().collect::<Vec<_>>(),
            "{branch}"
        );
        for doc in listed {
            let heads: Vec<&str> = doc.heads.iter().map(String::as_str).collect();
            let at = ReadDocOptions { branch: Some(branch), at_heads: Some(&heads), ..Default::default() };
            let read = Quire::new(client).read_doc(project.into(), &doc.doc, at).expect("read");
            assert_eq!(read, json_of(&docs[doc.doc.as_str()]), "{} of {branch}", doc.doc);
            let bytes = Quire::new(client).read_doc_bytes(
                project.into(),
                &doc.doc,
                quire_client::doc::ReadDocBytesOptions { branch: Some(branch), ..Default::default() },
            );
            let loaded = Loaded::read(&bytes.expect("read"), &DocLimits::default()).expect("loads");
            assert_eq!(loaded.heads(), Heads::parse("heads", &doc.heads).expect("hashes"));
        }
    }
}

#[test]
fn every_state_of_every_branch_is_what_copies_would_be() {
    let database = shared().database("branches_model");
    let mut admin = database.client("postgres");
    for round in 0..3 {
        let mut dice = Dice::new();
        let project = project(&mut admin, &format!("model {round}"));
        let mut model = Model::default();
        model.branches.insert("main".to_owned(), 0);
        model.states.push(BTreeMap::new());
        for step in 0..40 {
            match dice.throw(10) {
                0..=5 => edit(&mut admin, project, &mut dice, &mut model, step),
                6..=7 => create(&mut admin, project, &mut dice, &mut model),
                _ => merge(&mut admin, project, &mut dice, &mut model),
            }
        }
        // As it comes to somebody else, and without what is only kept to be quick.
        compare(&mut database.client("postgres"), project, &model);
        admin
            .execute("UPDATE quire_store.doc_head SET tip = NULL WHERE project_id = $1", &[&project])
            .expect("forget");
        compare(&mut database.client("postgres"), project, &model);
        let sql = "SELECT (quire.replay_project($1) ->> 'is_equal')::boolean, (quire.verify_project($1) -> 'findings')";
        let row = admin.query_one(sql, &[&project]).expect("verify");
        assert_eq!((row.get::<_, bool>(0), row.get::<_, Value>(1)), (true, json!([])), "round {round}");
        for seq in 0..=model.now() {
            let sql = "SELECT quire.replay_project($1, $2)";
            let report: Value = admin.query_one(sql, &[&project, &seq]).expect("replay").get(0);
            assert_eq!(report["is_equal"], true, "round {round} at {seq}: {report}");
        }
    }
}

#[test]
fn an_actor_who_writes_on_two_branches_keeps_them_apart() {
    let database = shared().database("branches_actor");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "one actor");
    let first = first_change().expect("a change");
    let change = |n: i64| {
        let mut doc = Loaded::of([&first]).expect("loads");
        let author = DocAuthor { actor: &ActorId::from(b"somebody".as_slice()), time: 0, message: None };
        doc.put(&author, &json!({"n": n}), &DocLimits::default()).expect("edits").expect("a change")
    };
    Quire::new(&mut admin).create_branch(project.into(), "draft", Default::default()).expect("create");
    for (n, branch) in [(1, "main"), (2, "draft")] {
        let changes = [first.clone(), change(n)];
        let bytes: Vec<&[u8]> = changes.iter().map(DocChange::bytes).collect();
        let options = DocWriteOptions { branch: Some(branch), ..Default::default() };
        Quire::new(&mut admin).apply_doc_changes(project.into(), "d", &bytes, options).expect("send");
    }
    for dry_run in [true, false] {
        let options = MergeBranchOptions { dry_run: Some(dry_run), ..Default::default() };
        let error =
            Quire::new(&mut admin).merge_branch(project.into(), "draft", options).expect_err("refused");
        assert!(format!("{error:?}").contains("duplicate_change"), "{error:?}");
    }
}
