//! Documents: many clients with documents of their own, edits from SQL, and every state there was, against a model that has nothing but
//! the changes.

use crate::cluster::{Database, shared};
use crate::dice::Dice;
use crate::log;
use crate::steps::{project, user};
use automerge::sync::{Message, State, SyncDoc};
use automerge::transaction::Transactable;
use automerge::{AutoCommit, ROOT};
use postgres::Client;
use quire_client::Quire;
use quire_client::doc::{DocWriteOptions, ReadDocOptions};
use quire_core::doc::append::MAX_DOC_HEADS;
use quire_core::doc::root::{FIRST_CHANGE, FIRST_HASH, first_change};
use quire_core::doc::{ActorId, DocAuthor, DocChange, DocLimits, Heads, Loaded};
use quire_core::json::decode_base64;
use serde_json::{Value, json};
use std::thread;
use uuid::Uuid;

/// Somebody with a copy of the document.
struct Editor {
    actor: ActorId,
    doc: Loaded,
    /// Up to where the server has heard of it.
    sent: Heads,
}

impl Editor {
    fn new(number: usize) -> Self {
        let doc = Loaded::of(&[first_change().expect("a change")]).expect("a document");
        Self { actor: ActorId::from(format!("editor {number}").as_bytes()), doc, sent: Heads::default() }
    }

    fn edit(&mut self, value: &Value) {
        let author = DocAuthor { actor: &self.actor, time: 0, message: None };
        self.doc.put(&author, value, &DocLimits::default()).expect("edit");
    }

    /// What the server may not have, some of it twice.
    fn unsent(&self) -> Vec<DocChange> {
        self.doc.changes_after(&self.sent, &DocLimits::default()).expect("changes")
    }
}

fn value(dice: &mut Dice) -> Value {
    let word = |dice: &mut Dice| ["one", "two", "three", "über", ""][dice.throw(5)];
    let text: Vec<&str> = (0..dice.throw(6)).map(|_| word(dice)).collect();
    let list: Vec<usize> = (0..dice.throw(4)).map(|_| dice.throw(3)).collect();
    json!({"text": text.join("\n"), "list": list, word(dice): dice.throw(9), "n": {"$counter": dice.throw(5)}})
}

/// Sends changes, one call for each few.
fn send(client: &mut Client, project: Uuid, doc: &str, changes: &[DocChange], at_once: usize) {
    for some in changes.chunks(at_once.max(1)) {
        let bytes: Vec<&[u8]> = some.iter().map(DocChange::bytes).collect();
        Quire::new(client)
            .apply_doc_changes(project.into(), doc, &bytes, DocWriteOptions::default())
            .expect("send changes");
    }
}

/// The changes of a document that each bundle brought, as the events tell.
fn logged(client: &mut Client, project: Uuid, doc: &str) -> Vec<(i64, Vec<DocChange>)> {
    let sql = "SELECT e.seq, d -> 'changes' FROM quire.poll_events($1, 0, 1000) e, jsonb_array_elements(e.payload -> 'docs') d
        WHERE d ->> 'doc' = $2 AND d ->> 'action' = 'update' ORDER BY e.seq";
    let rows = client.query(sql, &[&project, &doc]).expect("poll");
    rows.iter()
        .map(|row| {
            let changes: Value = row.get(1);
            let changes = changes.as_array().expect("changes").iter().map(|change| {
                let bytes = decode_base64(change.as_str().expect("Base64")).expect("Base64");
                DocChange::read(&bytes, &DocLimits::default()).expect("a change")
            });
            (row.get(0), changes.collect())
        })
        .collect()
}

fn read(client: &mut Client, project: Uuid, doc: &str, at_seq: Option<i64>) -> Value {
    Quire::new(client)
        .read_doc(project.into(), doc, ReadDocOptions { at_seq, ..Default::default() })
        .expect("read the document")
}

/// Every state there was, against one that is made of the changes alone. How many there were.
fn compare_every_state(client: &mut Client, project: Uuid, doc: &str) -> usize {
    let logged = logged(client, project, doc);
    let mut model = Loaded::new();
    for (seq, changes) in &logged {
        model.append(changes).expect("what was logged follows");
        let expected = model.to_json(None, &DocLimits::default()).expect("JSON");
        assert_eq!(read(client, project, doc, Some(*seq)), expected, "at bundle {seq}");
    }
    assert_eq!(read(client, project, doc, None), model.to_json(None, &DocLimits::default()).expect("JSON"));
    let sql = "SELECT heads FROM quire.list_docs($1, prefix => $2)";
    let heads: Vec<String> = client.query_one(sql, &[&project, &doc]).expect("list").get(0);
    assert_eq!(heads, model.heads().to_texts());
    logged.len()
}

#[test]
fn a_document_is_what_its_changes_make_whoever_made_them() {
    let database = shared().database("docs_model");
    let mut admin = database.client("postgres");
    admin.batch_execute("SET quire.doc_snapshot_changes = 3").expect("snapshots of short documents");
    for round in 0..4 {
        let mut dice = Dice::new();
        let project = project(&mut admin, &format!("model {round}"));
        let mut editors: Vec<Editor> = (0..3).map(Editor::new).collect();
        for _ in 0..40 {
            let at = dice.throw(editors.len());
            match dice.throw(8) {
                0..=3 => editors[at].edit(&value(&mut dice)),
                4 => {
                    let editor = &mut editors[at];
                    send(&mut admin, project, "d", &editor.unsent(), 1 + dice.throw(4));
                    // The next time some come twice, when it is not sure that they arrived.
                    if dice.throw(3) > 0 {
                        editor.sent = editor.doc.heads();
                    }
                }
                5 => {
                    // Somebody hears of what the others did.
                    for (_, changes) in logged(&mut admin, project, "d") {
                        editors[at].doc.append(&changes).expect("changes of others");
                    }
                }
                6 => {
                    let put = "SELECT quire.put_doc($1, 'd', $2)";
                    admin.execute(put, &[&project, &value(&mut dice)]).expect("put");
                }
                _ => drop(admin.execute("SELECT quire.undo($1, 'skip')", &[&project])),
            }
        }
        for editor in &editors {
            send(&mut admin, project, "d", &editor.unsent(), 100);
        }
        admin.execute("SELECT quire.put_doc($1, 'd', $2)", &[&project, &value(&mut dice)]).expect("put");
        assert!(compare_every_state(&mut admin, project, "d") > 3, "round {round}");
        // The same without anything that is kept of it.
        for statement in [
            "SET session_replication_role = replica; UPDATE quire_store.doc_head SET tip = NULL; RESET session_replication_role",
            "SET quire.doc_cache = 0; SET quire.max_doc_tip = 0",
            "UPDATE quire_store.doc_snapshot SET saved = set_byte(saved, length(saved) / 2, get_byte(saved, length(saved) / 2) # 1)",
            "DELETE FROM quire_store.doc_snapshot",
        ] {
            admin.batch_execute(statement).expect("forget");
            compare_every_state(&mut admin, project, "d");
            let splice = "SELECT quire.put_doc($1, 'd', $2)";
            admin.execute(splice, &[&project, &value(&mut dice)]).expect("edit what is not kept");
        }
        compare_every_state(&mut admin, project, "d");
        let snapshots = "SELECT count(*) FROM quire_store.doc_snapshot WHERE project_id = $1";
        let packed = "SELECT (quire.pack_docs($1) -> 'snapshots')::bigint";
        for statement in [packed, snapshots] {
            let made: i64 = admin.query_one(statement, &[&project]).expect("count").get(0);
            assert_eq!(made, 1, "{statement}");
        }
        compare_every_state(&mut admin, project, "d");
        admin.batch_execute("RESET quire.doc_cache; RESET quire.max_doc_tip").expect("reset");
        log::verify(&mut admin, project);
        let report: Value =
            admin.query_one("SELECT quire.verify_project($1)", &[&project]).expect("verify").get(0);
        assert_eq!(report["is_sound"], true, "{report}");
    }
}

#[test]
fn writers_of_one_document_lose_nothing() {
    const WRITERS: usize = 32;
    const WRITES: usize = 10;
    let database = shared().database("docs_writers");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "writers");
    admin.execute("SELECT quire.put_doc($1, 'd', '{}')", &[&project]).expect("begin");
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let mut client = database.client("postgres");
            scope.spawn(move || {
                let mut editor = Editor::new(writer);
                for write in 0..WRITES {
                    if writer % 2 == 0 {
                        let path = format!("/{writer}-{write}");
                        let patch = json!([{"op": "add", "path": path, "value": write}]);
                        let sql = "SELECT quire.edit_doc($1, 'd', $2)";
                        client.execute(sql, &[&project, &patch]).expect("edit");
                    } else {
                        let mut now = editor.doc.to_json(None, &DocLimits::default()).expect("JSON");
                        now[format!("{writer}-{write}")] = json!(write);
                        editor.edit(&now);
                        send(&mut client, project, "d", &editor.unsent(), 1);
                        editor.sent = editor.doc.heads();
                    }
                }
            });
        }
    });
    let now = read(&mut admin, project, "d", None);
    assert_eq!(now.as_object().map(serde_json::Map::len), Some(WRITERS * WRITES), "{now}");
    compare_every_state(&mut admin, project, "d");
    log::verify(&mut admin, project);
}

/// Speaks the sync protocol until one of them has nothing to say. How the server refused it, if it did.
fn synchronise(client: &mut Client, project: Uuid, doc: &str, copy: &mut AutoCommit) -> Option<String> {
    let (mut state, mut server_state) = (State::new(), None::<Vec<u8>>);
    for _ in 0..50 {
        let message = copy.sync().generate_sync_message(&mut state)?.encode();
        let synced =
            Quire::new(client).sync_doc(project.into(), doc, "main", Some(&message), server_state.as_deref());
        let synced = match synced {
            Ok(mut rows) => rows.remove(0),
            Err(quire_client::Error::Refused(refusal)) => return Some(refusal.sqlstate),
            Err(error) => panic!("sync: {error:?}"),
        };
        server_state = Some(synced.state);
        let answer = Message::decode(&synced.message?).expect("a message");
        copy.sync().receive_sync_message(&mut state, answer).expect("receive");
    }
    panic!("they never end");
}

/// What a copy is.
fn shown(copy: &mut AutoCommit) -> (Vec<String>, Value) {
    let limits = DocLimits::default();
    let loaded = Loaded::read(&copy.save(), &limits).expect("loads");
    (loaded.heads().to_texts(), loaded.to_json(None, &limits).expect("JSON"))
}

fn copy_of(name: &str) -> AutoCommit {
    let copy = AutoCommit::load(&FIRST_CHANGE).expect("a document");
    copy.with_actor(ActorId::from(name.as_bytes()))
}

#[test]
fn copies_are_the_same_after_the_sync_protocol() {
    let database = shared().database("docs_sync");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "sync");
    let mut dice = Dice::new();
    let mut copies = ["one", "two", "three"].map(copy_of);
    for _ in 0..6 {
        for copy in &mut copies {
            for _ in 0..dice.throw(4) {
                copy.put(ROOT, format!("key {}", dice.throw(4)), dice.throw(9) as i64).expect("put");
                copy.commit();
            }
        }
        if dice.throw(2) == 0 {
            let put = "SELECT quire.put_doc($1, 'd', $2)";
            admin.execute(put, &[&project, &value(&mut dice)]).expect("put");
        }
        for at in [0, 1, 2, 0, 1] {
            assert_eq!(synchronise(&mut admin, project, "d", &mut copies[at]), None);
        }
        let states: Vec<_> = copies.iter_mut().map(shown).collect();
        assert!(states.windows(2).all(|pair| pair[0] == pair[1]), "{states:?}");
        if states[0].0 != [FIRST_HASH] {
            assert_eq!(read(&mut admin, project, "d", None), states[0].1);
        }
    }
    admin.execute("SELECT quire.put_doc($1, 'd', '{\"a\": 1}')", &[&project]).expect("put");
    // Who reads only gets everything, and is refused when they bring something.
    let viewer = user(&database, "docs_sync_viewer");
    crate::steps::add_member(&mut admin, project, viewer, "viewer");
    let mut client = database.client("docs_sync_viewer");
    let mut copy = AutoCommit::new().with_actor(ActorId::from(b"viewer".as_slice()));
    assert_eq!(synchronise(&mut client, project, "d", &mut copy), None);
    assert_eq!(shown(&mut copy).1, json!({"a": 1}));
    copy.put(ROOT, "mine", true).expect("put");
    copy.commit();
    assert_eq!(synchronise(&mut client, project, "d", &mut copy).as_deref(), Some("42501"));
    compare_every_state(&mut admin, project, "d");
}

/// A change that only Automerge can tell to be wrong: what it changes is nowhere. Short documents refuse it. A long one takes it, and shows
/// what it was before.
#[test]
fn a_change_that_automerge_refuses_harms_nothing_but_its_document() {
    let database: Database = shared().database("docs_broken");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "broken");
    admin.execute("SELECT quire.put_doc($1, 'd', '{\"list\": [1, 2]}')", &[&project]).expect("put");
    admin.execute("SELECT quire.put_doc($1, 'other', '{\"a\": 1}')", &[&project]).expect("put");
    let broken = broken_change(&mut admin, project);
    let sql = "SELECT quire.apply_doc_changes($1, 'd', ARRAY[$2::bytea])";
    let refused = admin.execute(sql, &[&project, &broken]).expect_err("a short document");
    assert_eq!(refused.code().map(|code| code.code()), Some("22023"), "{refused:?}");
    admin.batch_execute("SET quire.max_doc_tip = 0").expect("keep no tips");
    let mut quire = Quire::new(&mut admin);
    let before = quire.list_docs(project.into(), Default::default()).expect("list");
    admin.execute(sql, &[&project, &broken]).expect("a long document");
    let error =
        admin.query_one("SELECT quire.read_doc($1, 'd')", &[&project]).expect_err("it cannot be read");
    assert!(error.code().is_some_and(|code| code.code() == "PT422"), "{error:?}");
    assert_eq!(read(&mut admin, project, "d", Some(before[0].seq)), json!({"list": [1, 2]}));
    assert_eq!(read(&mut admin, project, "other", None), json!({"a": 1}));
    let report: Value =
        admin.query_one("SELECT quire.verify_project($1)", &[&project]).expect("verify").get(0);
    assert_eq!(report["is_sound"], true, "{report}");
    admin.execute("SELECT quire.delete_doc($1, 'd')", &[&project]).expect("delete it");
}

/// Made with another document: what it refers to is nowhere in this one.
fn broken_change(client: &mut Client, project: Uuid) -> Vec<u8> {
    let sql = "SELECT quire.read_doc_bytes($1, 'd')";
    let bytes: Vec<u8> = client.query_one(sql, &[&project]).expect("bytes").get(0);
    let limits = DocLimits::default();
    let mut there = Loaded::read(&bytes, &limits).expect("loads");
    let stranger = ActorId::from(b"stranger".as_slice());
    let author = DocAuthor { actor: &stranger, time: 0, message: None };
    there.put(&author, &json!({"list": [1, 2], "map": {"x": 1}}), &limits).expect("one change");
    let next = there
        .put(&author, &json!({"list": [1, 2], "map": {"x": 2}}), &limits)
        .expect("another")
        .expect("a change");
    let mut change = automerge::Change::try_from(next.bytes()).expect("a change").decode();
    let here = Loaded::read(&bytes, &limits).expect("loads");
    change.deps = here.heads().as_slice().to_vec();
    change.seq = 1;
    change.start_op = here.next_op().expect("a number").try_into().expect("more than none");
    automerge::Change::from(change).raw_bytes().to_vec()
}

/// Changes that know of none of the others: each is a head.
#[test]
fn a_document_has_so_many_heads_and_no_more() {
    let database = shared().database("docs_heads");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "heads");
    let root = first_change().expect("a change");
    let changes: Vec<DocChange> = (0..MAX_DOC_HEADS + 1)
        .map(|number| {
            let actor = ActorId::from(format!("actor {number}").as_bytes());
            DocChange::empty(&actor, 1, 1, &Heads::new([root.hash()]), 0, None).expect("a change")
        })
        .collect();
    send(&mut admin, project, "d", &[root], 1);
    send(&mut admin, project, "d", &changes[..MAX_DOC_HEADS], 100);
    let last = changes.last().expect("some").bytes();
    let sql = "SELECT quire.apply_doc_changes($1, 'd', ARRAY[$2::bytea])";
    let refused = admin.execute(sql, &[&project, &last]).expect_err("too many");
    assert_eq!(refused.code().map(|code| code.code().to_owned()).as_deref(), Some("PT413"), "{refused:?}");
    // An edit brings them together, and there is room again.
    admin.execute("SELECT quire.put_doc($1, 'd', '{\"a\": 1}')", &[&project]).expect("put");
    admin.execute(sql, &[&project, &last]).expect("there is room");
    compare_every_state(&mut admin, project, "d");
    let report: Value =
        admin.query_one("SELECT quire.verify_project($1)", &[&project]).expect("verify").get(0);
    assert_eq!(report["is_sound"], true, "{report}");
}
