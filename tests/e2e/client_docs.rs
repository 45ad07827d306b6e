//! What the client makes of documents: of those of a project, and of those that are plain bytes. A part of `client.rs`.

use crate::client::Scene;
use quire_client::Quire;
use quire_client::automerge::AutomergeDiffOptions;
use quire_client::branch::{CloseBranchOptions, MergeBranchOptions};
use quire_client::bundle::DoneOp;
use quire_client::doc::{
    BindDocToFileOptions, DocWriteOptions, ListDocsOptions, ReadDocOptions, RegisterSchemaOptions,
};
use quire_core::doc::root::first_change;
use quire_core::doc::{DocLimits, Heads, Loaded};
use quire_core::json::encode_base64;
use serde_json::json;

pub fn documents(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    let options = || DocWriteOptions { message: Some("a note"), ..Default::default() };
    let first = first_change().expect("a change");
    let made = quire.apply_doc_changes(project, "d", &[first.bytes()], options()).expect("apply");
    assert_eq!((made.applied, made.heads), (1, vec![first.hash().to_string()]));
    let put = quire.put_doc(project, "d", &json!({"text": "hello"}), Default::default()).expect("put");
    let [DoneOp::Doc(op)] = &put.receipt.ops[..] else { panic!("a document: {:?}", put.receipt.ops) };
    assert_eq!((op.doc.as_str(), op.status.as_str()), ("d", "changed"));
    let patch = json!([{"op": "add", "path": "/n", "value": 1}]);
    let heads: Vec<&str> = put.heads.iter().map(String::as_str).collect();
    let seen = DocWriteOptions { base_heads: Some(&heads), ..Default::default() };
    quire.edit_doc(project, "d", &patch, seen).expect("edit");
    quire.splice_doc_text(project, "d", "/text", 5, 0, "!", Default::default()).expect("splice");
    let tx = json!({"reads": [{"doc": "d", "heads": []}], "writes": [{"doc": "e", "changes": [encode_base64(first.bytes())]}]});
    let refused = quire.submit_tx(project, &tx).expect("submit");
    assert_eq!((refused.tx_id, refused.conflicts[0].reason.as_deref()), (None, Some("ReadConflict")));
    let tx = json!({"writes": tx["writes"]});
    let done = quire.submit_tx(project, &tx).expect("submit");
    assert_eq!((done.tx_id, done.results[0].applied), (Some(done.seq), 1));
    let read = quire.read_doc(project, "d", Default::default()).expect("read");
    assert_eq!(read, json!({"text": "hello!", "n": 1}));
    let then = ReadDocOptions { at_heads: Some(&heads), paths: Some(&["/text"]), ..Default::default() };
    assert_eq!(quire.read_doc(project, "d", then).expect("read"), json!({"/text": "hello"}));
    let bytes = quire.read_doc_bytes(project, "d", Default::default()).expect("read");
    let copy = Loaded::read(&bytes, &DocLimits::default()).expect("a document");
    assert_eq!(copy.to_json(None, &DocLimits::default()), Ok(read));
    let exported = quire.export_doc(project, "d", None).expect("export");
    let imported = quire.import_doc(project, "imported", &exported, Default::default()).expect("import");
    assert_eq!(Heads::parse("heads", &imported.heads), Ok(copy.heads()));
    let patch = quire.diff_doc(project, "d", &heads, Default::default()).expect("compare");
    assert_eq!(patch.as_array().map(Vec::len), Some(2));
    assert_eq!(quire.doc_conflicts(project, "d", Default::default()).expect("list"), json!([]));
    let origin = quire.explain_doc(project, "d", "/n", None).expect("explain");
    assert_eq!((origin.value, origin.display_name.as_deref()), (Some(json!(1)), Some("Ann")));
    let history = quire.doc_history(project, "d", Default::default()).expect("list");
    assert_eq!((history.len(), history[3].message.as_deref()), (4, Some("a note")));
    let listed =
        quire.list_docs(project, ListDocsOptions { prefix: Some("d"), ..Default::default() }).expect("list");
    assert_eq!((listed.len(), listed[0].change_count), (1, 4));
    let found =
        quire.query_docs(project, &json!({"prefix": "d", "select": ["/n"], "count": true})).expect("query");
    assert_eq!((&found.docs[0].value, &found.docs[0].heads), (&json!({"/n": 1}), &listed[0].heads));
    assert_eq!((found.docs.len(), found.count, found.next, found.missing.len()), (1, Some(1), None, 0));
    let packed = quire.pack_docs(project, None).expect("pack");
    assert_eq!((packed.docs, packed.remaining), (0, 0), "all are short");
    let explained = quire.explain_query(project, &json!({})).expect("explain");
    assert_eq!(explained["statements"][0]["indexes"], json!(["doc_head_pkey"]));
    let synced = quire.sync_doc(project, "d", "main", None, None).expect("sync").remove(0);
    assert_eq!((synced.message.is_some(), synced.heads), (true, listed[0].heads.clone()));
    let schema = json!({"properties": {"n": {"const": 7}}});
    let bound = RegisterSchemaOptions { docs: Some("d") };
    let registered = quire.register_schema(project, "n", &schema, bound).expect("register");
    assert_eq!((registered.is_new, registered.looked_at, registered.violating), (true, 1, 1));
    assert_eq!((registered.violations[0].path.as_str(), registered.docs.as_deref()), ("/n", Some("d")));
    let kept = quire.list_schemas(project).expect("list").remove(0);
    assert_eq!((kept.name, kept.docs.as_deref(), kept.schema), ("n".to_owned(), Some("d"), schema));
    quire.delete_schema(project, "n").expect("delete");
    let text = Some("bound");
    quire.put_doc(project, "d2", &json!({"bound": "x"}), Default::default()).expect("put");
    let options = BindDocToFileOptions { path: text, keep: None };
    let made = quire.bind_doc_to_file(project, "d2", "d2.txt", options).expect("bind");
    assert_eq!((made.doc.as_str(), made.path.as_str(), made.is_new), ("d2", "/bound", true));
    let bindings = quire.list_doc_bindings(project).expect("list");
    assert_eq!((bindings[0].file_path.as_str(), bindings[0].path.as_str()), ("d2.txt", "/bound"));
    quire.unbind_doc(project, "d2").expect("unbind");
    assert_eq!(quire.list_doc_bindings(project).expect("list").len(), 0);
    assert_eq!(quire.list_schemas(project).expect("list").len(), 0);
    assert_eq!(quire.delete_doc(project, "d", Default::default()).expect("delete").applied, 0);
    storage(scene, &exported);
}

fn storage(scene: &mut Scene, saved: &[u8]) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    quire.storage_save(project, &["stored", "snapshot", "x"], saved).expect("save");
    quire.storage_save(project, &["stored", "sync-state", "y"], b"state").expect("save");
    assert_eq!(
        quire.storage_load(project, &["stored", "sync-state", "y"]).expect("load"),
        Some(b"state".to_vec())
    );
    let pairs = quire.storage_load_range(project, &["stored"]).expect("load");
    assert_eq!(
        (pairs.len(), &pairs[1].key[..], &pairs[1].data[..]),
        (2, &["stored", "sync-state", "y"].map(String::from)[..], &b"state"[..])
    );
    let read = |bytes: &[u8]| Loaded::read(bytes, &DocLimits::default()).expect("a document").heads();
    assert_eq!(read(&pairs[0].data), read(saved));
    quire.storage_remove(project, &["stored", "snapshot", "x"]).expect("remove");
    assert_eq!(quire.storage_load(project, &["stored", "snapshot", "x"]).expect("load"), None);
    quire.storage_remove_range(project, &["stored"]).expect("remove");
    assert_eq!(quire.storage_load_range(project, &["stored"]).expect("load"), []);
}

pub fn branches(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    quire.put_doc(project, "b", &json!({"a": 1}), Default::default()).expect("put");
    let made = quire.create_branch(project, "draft", Default::default()).expect("create");
    let [DoneOp::Branch(op)] = &made.ops[..] else { panic!("a branch: {:?}", made.ops) };
    assert_eq!((op.branch.as_str(), op.branch_status.as_str()), ("draft", "open"));
    let on_draft = DocWriteOptions { branch: Some("draft"), ..Default::default() };
    quire.put_doc(project, "b", &json!({"a": 1, "b": 2}), on_draft).expect("put");
    let different = quire.diff_branches(project, "draft", Default::default()).expect("compare");
    assert_eq!(
        (different.len(), different[0].status.as_str(), different[0].source_changes),
        (1, "changed", 1)
    );
    let dry = MergeBranchOptions { dry_run: Some(true), ..Default::default() };
    let preview = quire.merge_branch(project, "draft", dry).expect("look");
    assert_eq!((preview.seq, preview.docs[0].applied), (None, 1));
    let closing = MergeBranchOptions { close_sources: Some(true), ..Default::default() };
    let merged = quire.merge_branch(project, "draft", closing).expect("merge");
    assert_eq!(
        (merged.docs[0].heads.clone(), merged.docs[0].is_deleted),
        (preview.docs[0].heads.clone(), false)
    );
    let read = quire.read_doc(project, "b", Default::default()).expect("read");
    assert_eq!(read, json!({"a": 1, "b": 2}));
    let info = quire.get_branch(project, "draft").expect("describe");
    assert_eq!((info.status.as_str(), info.merged_into.as_deref()), ("closed", Some("main")));
    assert_eq!((info.lineage.len(), info.lineage[0].branch.as_str()), (1, "main"));
    let into_main = CloseBranchOptions { merged_into: Some("main"), ..Default::default() };
    assert_eq!(quire.close_branch(project, "draft", into_main).expect("close").bundle_id, None);
    let listed = quire.list_branches(project, Default::default()).expect("list");
    assert_eq!(listed.iter().map(|branch| branch.branch.as_str()).collect::<Vec<_>>(), ["draft", "main"]);
    quire.delete_branch(project, "draft", Default::default()).expect("delete");
    assert_eq!(quire.list_branches(project, Default::default()).expect("list").len(), 1);
}

pub fn automerge(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let mine = quire.automerge_from_json(&json!({"title": "mine", "a": 1})).expect("make");
    let theirs = quire.automerge_from_json(&json!({"title": "theirs", "b": 2})).expect("make");
    let merged = quire.automerge_merge(&mine, &theirs).expect("merge");
    let value = quire.automerge_to_json(&merged, None).expect("read");
    assert_eq!((&value["a"], &value["b"]), (&json!(1), &json!(2)));
    let conflicts = quire.automerge_conflicts(&merged, None).expect("look");
    assert_eq!(conflicts[0]["values"][1]["value"], value["title"]);
    let heads = quire.automerge_heads(&mine).expect("ask");
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    assert_eq!(quire.automerge_to_json(&merged, Some(&heads)).expect("read")["title"], "mine");
    let changes = quire.automerge_changes(&merged, Some(&heads)).expect("list");
    let changes: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
    assert_eq!(changes.len(), 1, "the first one is in both");
    let applied = quire.automerge_apply(&mine, &changes).expect("apply");
    assert_eq!(quire.automerge_heads(&applied).expect("ask"), quire.automerge_heads(&merged).expect("ask"));
    let options = AutomergeDiffOptions { from_heads: Some(&heads), ..Default::default() };
    let patch = quire.automerge_diff(&merged, options).expect("compare");
    assert!(
        patch.as_array().is_some_and(|patch| patch.contains(&json!({"op": "add", "path": "/b", "value": 2})))
    );
}
