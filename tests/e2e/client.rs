//! `quire-client` has a method for every function, with the arguments and the columns that the catalog has, and reads what each of them
//! answers.

use crate::client_docs::{automerge, branches, documents};
use crate::cluster::{Database, shared};
use crate::fixture;
use crate::steps::{ensure_role, wait_until};
use postgres::Client;
use quire_client::asset::{DeleteAssetOptions, FinishUploadOptions, ReadRangeOptions};
use quire_client::bundle::{CommitOptions, DoneOp, SearchOptions};
use quire_client::event::{PollOptions, PollSubscriptionOptions, SubscribeOptions};
use quire_client::file::{
    ChangeFileOptions, ListFilesAtOptions, ListFilesOptions, ReadFileOptions, RestoreProjectOptions,
    TagProjectOptions, WriteFileOptions,
};
use quire_client::id::{ActorId, ProjectId};
use quire_client::people::MapRoleOptions;
use quire_client::project::CreateProjectOptions;
use quire_client::undo::UndoOptions;
use quire_client::{Code, Column, Error, Quire, Reason, Relation, functions};
use quire_core::ucan::cid_of;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

/// Names of required arguments, of optional ones, and of columns.
type Shape = [BTreeSet<String>; 3];

fn in_catalog(client: &mut Client) -> BTreeMap<String, Shape> {
    let sql = "SELECT proname::text, coalesce(required, '{}'), coalesce(optional, '{}'), coalesce(columns, attributes, '{}')
        FROM pg_proc
        LEFT JOIN pg_type t ON t.oid = prorettype,
        LATERAL (SELECT
            array_agg(name) FILTER (WHERE mode IN ('i', 'b') AND place <= pronargs - pronargdefaults) AS required,
            array_agg(name) FILTER (WHERE mode IN ('i', 'b') AND place > pronargs - pronargdefaults) AS optional,
            array_agg(name) FILTER (WHERE mode <> 'i') AS columns
            FROM unnest(proargnames, coalesce(proargmodes::text[], array_fill('i'::text, ARRAY[pronargs::int]))) WITH ORDINALITY
                a (name, mode, place)) a,
        LATERAL (SELECT array_agg(attname::text) AS attributes FROM pg_attribute
            WHERE attrelid = nullif(typrelid, 0) AND attnum > 0 AND NOT attisdropped) b
        WHERE pronamespace = 'quire'::regnamespace AND prokind = 'f'";
    let rows = client.query(sql, &[]).expect("look at the catalog");
    let set = |names: Vec<String>| names.into_iter().collect();
    rows.iter().map(|row| (row.get(0), [set(row.get(1)), set(row.get(2)), set(row.get(3))])).collect()
}

#[test]
fn the_client_has_a_method_for_every_function() {
    let database = shared().database("client_catalog");
    let catalog = in_catalog(&mut database.client("postgres"));
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut methods: BTreeMap<String, Shape> = BTreeMap::new();
    for function in functions() {
        let shape = [set(function.required), set(function.optional), set(function.columns)];
        assert!(
            methods.insert(function.name.to_owned(), shape).is_none(),
            "{} is there twice",
            function.name
        );
    }
    for (name, shape) in &methods {
        assert_eq!(Some(shape), catalog.get(name), "{name}");
    }
    let (methods, functions): (Vec<_>, Vec<_>) = (methods.keys().collect(), catalog.keys().collect());
    assert_eq!(methods, functions, "every function has a method");
}

const HOUR: Duration = Duration::from_secs(3600);

/// Two people and an administrator with a project of the first.
pub struct Scene {
    database: Database,
    pub owner: Client,
    editor: Client,
    admin: Client,
    editor_id: ActorId,
    pub project: ProjectId,
}

fn scene() -> Scene {
    let database = shared().database("client_calls");
    database.psql("ALTER DATABASE client_calls SET track_functions = 'all'");
    let mut admin = database.client("postgres");
    let mut map = |role: &str| {
        ensure_role(&database, role, "LOGIN IN ROLE quire_user");
        let options = MapRoleOptions { display_name: Some(role), ..Default::default() };
        Quire::new(&mut admin).map_role_to_actor(role, options).expect("map the role")
    };
    let (owner_id, editor_id) = (map("client_owner"), map("client_editor"));
    let (mut owner, editor) = (database.client("client_owner"), database.client("client_editor"));
    let mut quire = Quire::new(&mut owner);
    assert_eq!(quire.whoami().expect("ask").actor_id, Some(owner_id));
    let settings = json!({"retention_days": 0});
    let options = CreateProjectOptions { settings: Some(&settings), ..Default::default() };
    let project = quire.create_project("calls", options).expect("create the project");
    Scene { database, owner, editor, admin, editor_id, project }
}

#[test]
fn the_client_reads_what_every_function_answers() {
    let mut scene = scene();
    for group in [
        people, projects, files, bundles, entities, assets, documents, branches, automerge, undo, jobs,
        events, snapshots, tokens, copies, peers,
    ] {
        group(&mut scene);
    }
    recovery(&mut scene);
    collection(&mut scene);
    last(&mut scene);
    let Scene { database, owner, editor, admin, .. } = scene;
    // A backend counts its calls when it ends.
    drop((owner, editor, admin));
    let sql = "SELECT proname::text FROM pg_proc WHERE pronamespace = 'quire'::regnamespace AND prokind = 'f'
        AND oid NOT IN (SELECT funcid FROM pg_stat_user_functions WHERE calls > 0)";
    let mut observer = database.client("postgres");
    let uncalled = RefCell::new(Vec::new());
    let are_called = || {
        let rows = observer.query(sql, &[]).expect("look at the calls");
        *uncalled.borrow_mut() = rows.iter().map(|row| row.get::<_, String>(0)).collect();
        uncalled.borrow().is_empty()
    };
    wait_until(30, are_called, || format!("the client did not call {:?}", uncalled.borrow()));
}

fn people(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    quire.set_display_name("Ann", None).expect("say the name");
    let mut quire = Quire::new(&mut scene.admin);
    let options = MapRoleOptions { actor: Some(scene.editor_id), ..Default::default() };
    assert_eq!(quire.map_role_to_actor("client_editor", options).expect("map again"), scene.editor_id);
    let actors = quire.list_actors().expect("list the actors");
    let ann =
        actors.iter().find(|actor| actor.db_role.as_deref() == Some("client_owner")).expect("the owner");
    assert_eq!(ann.display_name.as_deref(), Some("Ann"));
    ensure_role(&scene.database, "client_nobody", "LOGIN IN ROLE quire_user");
    let nobody = quire.map_role_to_actor("client_nobody", Default::default()).expect("map a role");
    assert_eq!(quire.unmap_role("client_nobody").expect("unmap it"), nobody);
    quire.rotate_secret().expect("make a key");
}

fn projects(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    let renamed = quire.update_project(project, &json!({"name": "all calls"})).expect("rename");
    assert_eq!((renamed.name.as_str(), renamed.role.as_deref()), ("all calls", Some("owner")));
    assert_eq!(quire.get_project(project).expect("read"), renamed);
    assert!(renamed.updated_at >= renamed.created_at && renamed.created_at > SystemTime::UNIX_EPOCH + HOUR);
    let member = quire.set_project_member(project, scene.editor_id, "viewer").expect("add");
    assert_eq!((member.member, member.role.as_str()), (scene.editor_id, "viewer"));
    assert_eq!(quire.list_project_members(project).expect("list").len(), 2);
    quire.delete_project_member(project, scene.editor_id).expect("delete");
    quire.set_project_member(project, scene.editor_id, "editor").expect("add again");
    assert_eq!(quire.list_projects().expect("list")[0].project_id, project);
    assert_eq!(quire.get_project_stats(project).expect("count").members, 2);
    let other = quire.create_project("other", Default::default()).expect("create");
    assert_eq!(quire.archive_project(other).expect("archive").status, "archived");
    assert_eq!(quire.unarchive_project(other).expect("unarchive").status, "active");
    quire.delete_project(other, "other").expect("delete");
    let refused = quire.get_project(other).expect_err("it is gone");
    assert_eq!((refused.code(), refused.sqlstate()), (Some(Code::NotFound), Some("PT404")));
}

fn files(scene: &mut Scene) {
    scene.database.psql("CREATE TABLE public.pages AS SELECT 'old/page' AS path, 'of a table' AS body");
    scene.database.psql("GRANT SELECT ON public.pages TO client_owner");
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    let first = quire.upsert_project_file(project, "a", "1\n2\n3\n", Default::default()).expect("write");
    assert_eq!((first.version, first.parent_version_id), (1, None));
    let at = WriteFileOptions { expected_version: Some(1), ..Default::default() };
    let second = quire.upsert_project_file(project, "a", "1\n2\n3!\n", at).expect("write");
    assert_eq!((second.version, second.parent_version_id), (2, Some(first.id)));
    let refused = quire.upsert_project_file(project, "a", "late", at).expect_err("somebody was faster");
    assert_eq!((refused.code(), refused.reason()), (Some(Code::Conflict), Some(Reason::StaleVersion)));
    let Error::Refused(refusal) = refused else { panic!("the server refused it") };
    assert_eq!(refusal.detail["current"]["version"], 2);
    quire.upsert_project_file_bytes(project, "raw", b"\x00\xff", Default::default()).expect("write bytes");

    let options = TagProjectOptions { at_seq: Some(first.seq), ..Default::default() };
    assert_eq!(quire.tag_project(project, "start", options).expect("tag"), first.seq);
    assert_eq!(quire.list_project_tags(project).expect("list")[0].tag, "start");
    let then = ReadFileOptions { at_tag: Some("start"), ..Default::default() };
    assert_eq!(
        quire.read_project_file(project, "a", then).expect("read").content.as_deref(),
        Some("1\n2\n3\n")
    );
    assert_eq!(quire.read_project_file(project, "raw", Default::default()).expect("read").content, None);
    assert_eq!(quire.read_project_file_bytes(project, "raw", Default::default()).expect("read"), b"\x00\xff");
    let options =
        ListFilesOptions { path_prefix: Some("a"), with_content: Some(false), ..Default::default() };
    assert_eq!(quire.list_current_files(project, options).expect("list").len(), 1);
    let options = ListFilesAtOptions { at_time: Some(SystemTime::now() + HOUR), ..Default::default() };
    assert_eq!(quire.list_files_at(project, options).expect("list").len(), 2);
    let history = quire.project_file_history(project, "a", Default::default()).expect("list");
    assert_eq!(history.iter().map(|version| version.version).collect::<Vec<_>>(), [2, 1]);
    assert!(quire.diff_project_file(project, "a", 1, 2, None).expect("compare").contains("+3!\n"));
    assert_eq!(quire.diff_project(project, first.seq, second.seq).expect("compare")[0].change, "modified");

    assert_eq!(
        quire.move_project_file(project, "raw", "bytes", Default::default()).expect("move").file_path,
        "bytes"
    );
    let at = ChangeFileOptions { expected_version: Some(1), ..Default::default() };
    let gone = quire.delete_project_file(project, "bytes", at).expect("delete");
    assert!(gone.is_deleted && gone.content_hash.is_none());
    assert_eq!(quire.restore_project_file(project, "bytes", 1, None).expect("restore").version, 3);
    let merged = quire.merge_project_file(project, "a", "1?\n2\n3\n", 1, Default::default()).expect("merge");
    assert_eq!((merged.status.as_str(), merged.conflicts.len()), ("merged", 0));
    let conflict = quire.merge_project_file(project, "a", "1 2 3", 1, Default::default()).expect("merge");
    assert_eq!((conflict.status.as_str(), conflict.conflicts.len()), ("conflict", 1));
    let many = json!([{"file_path": "b", "content": "b"}, {"file_path": "c", "content": "c"}]);
    assert_eq!(quire.bulk_upsert_project_files(project, &many, None).expect("write many").files.len(), 2);
    let deleted = quire.bulk_delete_project_files(project, &["b", "c"], None).expect("delete many");
    assert_eq!(deleted.files[1].content_hash, None);
    let imported = quire.import_legacy_files(
        project,
        Relation("public.pages"),
        Column("path"),
        Column("body"),
        Default::default(),
    );
    assert_eq!(imported.expect("import").imported, 1);
    let options = RestoreProjectOptions { dry_run: Some(true), ..Default::default() };
    let tried = quire.restore_project(project, first.seq, options).expect("try");
    assert!(tried.dry_run && tried.bundle_id.is_none() && !tried.files.is_empty());
}

fn field(name: &str, value: Value) -> Value {
    json!({"op": "field.set", "entity_type": "task", "entity_id": "1", "field": name, "value": value})
}

fn bundles(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let ops = json!([{"op": "file.put", "file_path": "d", "content": "d"}, field("title", json!("one")),
        {"op": "asset.put", "filename": "x", "media_type": "a/b", "asset_type": "data", "content_base64": "AAE="}]);
    let options = CommitOptions { message: Some("three kinds"), ..Default::default() };
    let receipt = quire.commit_bundle(scene.project, &ops, options).expect("commit");
    let [DoneOp::File(file), DoneOp::Entity(entity), DoneOp::Asset(asset)] = &receipt.ops[..] else {
        panic!("operations are told apart: {:?}", receipt.ops)
    };
    assert_eq!((file.file_path.as_str(), entity.field.as_deref(), asset.size), ("d", Some("title"), 2));
    let bundle = quire.get_bundle(scene.project, receipt.seq).expect("read");
    assert_eq!((Some(bundle.bundle_id), bundle.ops.len()), (receipt.bundle_id, 3));
    assert_eq!(bundle.message.as_deref(), Some("three kinds"));
    let filter = json!({"op": "asset.put"});
    let options = SearchOptions { filter: Some(&filter), ..Default::default() };
    let found = quire.search_ops(scene.project, options).expect("search");
    assert_eq!((found.len(), found[0].seq), (1, receipt.seq));
}

fn entities(scene: &mut Scene) {
    let project = scene.project;
    let seen = Quire::new(&mut scene.owner).get_project(project).expect("read").seq;
    let theirs = json!([field("title", json!("theirs"))]);
    Quire::new(&mut scene.editor).commit_bundle(project, &theirs, Default::default()).expect("commit");
    let mut quire = Quire::new(&mut scene.owner);
    let mine = json!([field("title", json!("mine"))]);
    let options = CommitOptions { base_seq: Some(seen), on_conflict: Some("record"), ..Default::default() };
    quire.commit_bundle(project, &mine, options).expect("commit");
    let conflicts = quire.list_conflicts(project, None).expect("list");
    assert_eq!(conflicts[0].shown, Some(json!("mine")));
    let id = conflicts[0].conflict_id;
    let resolved = quire.resolve_conflict(project, id, Some(&json!("both")), None).expect("resolve");
    assert_eq!((resolved.conflict_id, resolved.receipt.ops.len()), (id, 1));
    assert!(quire.conflict_history(project, id).expect("list").iter().any(|event| event.event == "resolved"));
    assert_eq!(quire.get_entity(project, "task", "1").expect("read").fields, json!({"title": "both"}));
    assert_eq!(quire.list_entities(project, "task", None).expect("list")[0].entity_id, "1");
    assert_eq!(quire.list_entities_at(project, seen).expect("list")[0].fields, json!({"title": "one"}));
    assert_eq!(quire.entity_history(project, "task", "1", Default::default()).expect("list").len(), 4);
    assert_eq!(quire.explain_entity(project, "task", "1").expect("list")[0].value, Some(json!("both")));
}

fn assets(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    let put = quire.put_asset(project, "logo", b"pixels", "image/png", "image", None).expect("put");
    assert_eq!(put.size, 6);
    assert_eq!(quire.get_asset(project, &put.content_hash).expect("read").state, "present");
    assert_eq!(quire.list_assets(project, Some("image")).expect("list").len(), 1);
    let range = ReadRangeOptions { offset: Some(2), length: Some(3) };
    assert_eq!(quire.read_asset_range(project, &put.content_hash, range).expect("read"), b"xel");
    let reason = DeleteAssetOptions { reason: Some("old"), ..Default::default() };
    quire.delete_asset(project, &put.content_hash, reason).expect("delete");
    let asset = quire.get_asset(project, &put.content_hash).expect("read");
    assert_eq!((asset.is_deleted, asset.reason.as_deref()), (true, Some("old")));
    let upload = quire.begin_upload(project, "big", "a/b", "data", Some(HOUR)).expect("begin");
    assert_eq!(quire.append_upload(project, upload, 1, b"half").expect("append"), 4);
    assert_eq!(quire.append_upload(project, upload, 2, b"half").expect("append"), 8);
    assert_eq!(quire.finish_upload(project, upload, FinishUploadOptions::default()).expect("finish").size, 8);
}

fn undo(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    let skip = UndoOptions { on_conflict: Some("skip"), ..Default::default() };
    let undone = quire.undo(project, skip).expect("undo");
    assert_eq!(
        quire.list_undoable(project, Default::default()).expect("list")[0].undone_by,
        Some(undone.seq)
    );
    assert_eq!(quire.redo(project, skip).expect("redo").undoes_seq, undone.seq);
    let changed = quire.upsert_project_file(project, "e", "mine", Default::default()).expect("write");
    Quire::new(&mut scene.editor)
        .upsert_project_file(project, "e", "theirs", Default::default())
        .expect("write");
    let mut quire = Quire::new(&mut scene.owner);
    let reverted = quire.revert_bundle(project, changed.seq, skip).expect("revert");
    assert_eq!(reverted.skipped[0].file_path.as_deref(), Some("e"));
    assert_eq!(reverted.skipped[0].actor, Some(scene.editor_id));
}

fn jobs(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    let job = quire.begin_job(project, "work", None).expect("begin");
    let until = quire.heartbeat_job(project, job, Some(HOUR)).expect("hold");
    assert!(until > SystemTime::now() + HOUR / 2);
    let ops = json!([{"op": "file.put", "file_path": "by-job", "content": "x"}]);
    assert_eq!(quire.append_job_ops(project, job, &ops).expect("append"), 1);
    assert_eq!(quire.list_jobs(project, None).expect("list")[0].leased_until, until);
    let receipt = quire.finish_job(project, job, Default::default()).expect("finish");
    assert_eq!((receipt.job_id, receipt.receipt.ops.len()), (job, 1));
    let job = quire.begin_job(project, "in vain", None).expect("begin");
    quire.cancel_job(project, job, "changed my mind").expect("cancel");
    let ended = quire.list_jobs(project, Some(true)).expect("list");
    assert_eq!(ended.iter().map(|job| job.status.as_str()).collect::<Vec<_>>(), ["cancelled", "finished"]);
}

fn events(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    let options = PollOptions { max_events: Some(2), with_content: Some(false), ..Default::default() };
    let page = quire.poll_events(project, options).expect("poll");
    assert_eq!(page.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
    let next =
        PollOptions { after_seq: Some(2), after_checksum: Some(&page[1].checksum), ..Default::default() };
    assert_eq!(quire.poll_events(project, next).expect("poll")[0].seq, 3);
    let filter = json!({"paths": ["a"]});
    let options = SubscribeOptions { filter: Some(&filter), ..Default::default() };
    quire.create_subscription(project, "mine", options).expect("subscribe");
    let lease = PollSubscriptionOptions { lease: Some(HOUR), max_events: Some(1), ..Default::default() };
    assert_eq!(quire.poll_subscription(project, "mine", lease).expect("poll")[0].seq, 1);
    assert_eq!(quire.ack_subscription(project, "mine", 1, None).expect("acknowledge"), 1);
    assert_eq!(quire.list_subscriptions(project).expect("list")[0].filter, filter);
    quire.delete_subscription(project, "mine").expect("delete");
    let channel = quire.open_channel(project, None).expect("open");
    assert!(quire.keep_channel(project, &channel, Some(HOUR)).expect("keep") > SystemTime::now());
    quire.rotate_channel(project).expect("rotate");
    let refused = quire.keep_channel(project, &channel, None).expect_err("it is another one");
    assert_eq!((refused.code(), refused.reason()), (Some(Code::Gone), Some(Reason::Renamed)));
}

fn snapshots(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    let made = quire.create_project_snapshot(project, Default::default()).expect("make");
    let id = made.manifest.snapshot_id;
    assert!(!made.cached && made.manifest.file_count > 0 && made.expires_at > SystemTime::now());
    assert_eq!(quire.get_snapshot_manifest(project, id).expect("read"), made.manifest);
    let bytes = quire.read_snapshot(project, id).expect("read");
    assert_eq!(quire.read_snapshot_chunk(project, id, 1).expect("read"), bytes);
    assert_eq!(quire.download_snapshot(&made.token).expect("download"), bytes);
    assert_eq!(quire.list_snapshots(project).expect("list")[0].snapshot_id, id);
    assert!(quire.verify_snapshot(project, id).expect("verify").ok);
    let plan = quire.plan_hydration(project, &json!({}), Default::default()).expect("plan");
    assert_eq!((plan.put.len() as i64, plan.keep), (made.manifest.file_count, 0));
    quire.delete_project_file(project, "e", Default::default()).expect("delete");
    let restored = quire.restore_snapshot(project, &bytes, None).expect("restore");
    assert_eq!(
        quire.get_project(project).expect("read").file_count,
        made.manifest.file_count,
        "{restored:?}"
    );
    let session = quire.begin_session(project, Default::default()).expect("begin");
    assert_eq!(session.project_id, project);
    quire.finish_session(project, session.session_id).expect("finish");
    quire.delete_snapshot(project, id).expect("delete");
}

fn tokens(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let token = quire.mint_token(scene.project, &["project:read"], HOUR, Default::default()).expect("mint");
    let weaker = quire.attenuate_token(&token, &["project:read"], HOUR / 2).expect("narrow");
    let mut transaction = scene.editor.transaction().expect("begin");
    let presented = Quire::new(&mut transaction).authenticate(&weaker, None).expect("present");
    assert_eq!(presented.abilities, ["project:read"]);
    assert_eq!(Quire::new(&mut transaction).whoami().expect("ask").via, "token");
    drop(transaction);
    let mut quire = Quire::new(&mut scene.owner);
    quire.revoke_ucan(scene.project, &cid_of("any text has a CID")).expect("revoke");
    quire.revoke_token(scene.project, presented.token_id).expect("revoke");
    let listed = quire.list_tokens(scene.project).expect("list");
    let revoked = listed.iter().find(|token| token.token_id == presented.token_id).expect("the token");
    assert_eq!((revoked.status.as_str(), revoked.revoked_at.is_some()), ("revoked", true));
}

fn copies(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let template = quire.create_template(scene.project, "template", Some(1)).expect("a template");
    let made = quire.create_project_from_template(template, "from it").expect("a project");
    assert_eq!(quire.get_project(made).expect("read").file_count, 1);
    quire.clone_project(made, "clone").expect("clone");
    let options = CreateProjectOptions { kind: Some("library"), ..Default::default() };
    let library = quire.create_project("library", options).expect("a library");
    quire.upsert_project_file(library, "shared", "for all", Default::default()).expect("write");
    let imported = quire.import_from_library(made, library, &["shared"], Default::default()).expect("import");
    assert_eq!(imported.ops.len(), 1);
    let archive = quire.export_project(made).expect("export");
    quire.delete_project(made, "from it").expect("delete");
    let again = quire.import_project(&archive, Some("again")).expect("import");
    assert_eq!(quire.get_project(again).expect("read").file_count, 2);
}

fn peers(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    assert_eq!(quire.sync_status(project, "laptop").expect("ask").acked_seq, 0);
    let page = quire.sync_pull(project, "laptop", Default::default()).expect("pull");
    let pushed = quire.sync_push(project, "elsewhere", page.checkpoint, &page.bundles, Default::default());
    assert!(pushed.expect("push").iter().all(|bundle| bundle.status == "duplicate"));
    let acked = quire.sync_ack(project, "laptop", page.checkpoint, Some(&page.checkpoint_checksum));
    assert_eq!(acked.expect("acknowledge"), page.checkpoint);
    let kept = quire_client::peer::ResetOptions { acked_seq: Some(None), ..Default::default() };
    assert_eq!(quire.sync_reset(project, "laptop", kept).expect("reset").acked_seq, page.checkpoint);
    assert_eq!(quire.sync_reset(project, "laptop", Default::default()).expect("reset").acked_seq, 0);
}

fn recovery(scene: &mut Scene) {
    let project = scene.project;
    let replay = Quire::new(&mut scene.owner).replay_project(project, None).expect("replay");
    assert!(replay.is_equal, "{:?}", replay.differences);
    for repaired in [true, false] {
        scene.database.psql(
            "SET session_replication_role = replica;
             UPDATE quire_store.file_head SET file_type = 'spoilt'
             WHERE (project_id, file_path) = (SELECT project_id, 'd' FROM quire_store.project WHERE name = 'all calls')",
        );
        let mut quire = Quire::new(&mut scene.owner);
        let found = quire.verify_project(project, None).expect("verify");
        assert_eq!((found.is_sound, found.findings.len()), (false, 1));
        let listed = quire.list_quarantine(project, None).expect("list");
        assert_eq!(listed[0].quarantine_id, found.findings[0].quarantine_id);
        let id = listed[0].quarantine_id;
        if repaired {
            assert_eq!(quire.repair(project, id, None).expect("repair").status, "repaired");
        } else {
            assert_eq!(
                quire.discard_quarantined(project, id, "a test").expect("discard").status,
                "discarded"
            );
        }
    }
}

fn collection(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let project = scene.project;
    let old = "kept elsewhere";
    let file = quire.upsert_project_file(project, "outdated", old, Default::default()).expect("write");
    quire.delete_project_file(project, "outdated", Default::default()).expect("delete");
    let hash = file.content_hash.expect("a hash");
    let sha256 = scene.database.psql(&format!("SELECT encode(sha256('{old}'), 'hex')"));
    let mut quire = Quire::new(&mut scene.owner);
    assert_eq!(quire.archive_blob(project, &hash, &sha256).expect("archive").state, "archived");
    assert_eq!(quire.restore_blob(project, &hash, old.as_bytes()).expect("restore").state, "present");
    let plan = quire.gc_plan(project).expect("plan");
    assert!(plan.iter().any(|content| content.content_hash == hash));
    let due = plan.iter().filter(|content| content.is_collectable).count() as i64;
    assert_eq!(quire.gc_run(project, None).expect("collect").collected, due);
}

/// Where everything has a past, more of a row is absent.
#[test]
fn the_client_reads_rows_of_every_kind() {
    let database = shared().database("client_rows");
    let fixture = fixture::build(&database, "client_rows");
    let project = ProjectId(fixture.project);
    let mut client = database.client(&fixture.owner);
    let mut quire = Quire::new(&mut client);
    for conflict in quire.list_conflicts(project, Some(true)).expect("list the conflicts") {
        assert!(!quire.conflict_history(project, conflict.conflict_id).expect("list").is_empty());
    }
    for entity in ["1", "2", "gone"] {
        assert!(!quire.entity_history(project, "task", entity, Default::default()).expect("list").is_empty());
        assert!(!quire.explain_entity(project, "task", entity).expect("list").is_empty());
    }
    let options = SearchOptions { max_ops: Some(10_000), ..Default::default() };
    let ops = quire.search_ops(project, options).expect("search");
    let seq = quire.get_project(project).expect("read").seq;
    let in_bundles: i64 = (1..=seq)
        .map(|seq| {
            let bundle = quire.get_bundle(project, seq).expect("read the bundle");
            assert_eq!(bundle.ops.len(), bundle.op_count as usize);
            i64::from(bundle.op_count)
        })
        .sum();
    assert_eq!(ops.len() as i64, in_bundles);
    for op in ops.iter().filter(|op| op.op.starts_with("asset.")) {
        assert_eq!(quire.get_asset(project, &op.target).expect("read").content_hash, op.target);
    }
    for file in quire.list_current_files(project, Default::default()).expect("list the files") {
        let path = &file.file_path;
        for version in quire.project_file_history(project, path, Default::default()).expect("list") {
            let options = ReadFileOptions { version: Some(version.version), ..Default::default() };
            let read = quire.read_project_file(project, path, options).expect("read the version");
            assert_eq!((read.is_deleted, read.content_hash), (version.is_deleted, version.content_hash));
        }
    }
    assert!(quire.list_files_at(project, Default::default()).is_err(), "at no point in time");
    assert!(!quire.diff_project(project, 1, seq).expect("compare").is_empty());
    assert!(!quire.poll_events(project, Default::default()).expect("poll").is_empty());
    let statuses: BTreeSet<String> =
        quire.list_jobs(project, Some(true)).expect("list").into_iter().map(|job| job.status).collect();
    assert_eq!(statuses.len(), 3);
    assert!(!quire.list_undoable(project, Default::default()).expect("list").is_empty());
    assert!(!quire.list_subscriptions(project).expect("list").is_empty());
    assert!(quire.gc_plan(project).expect("plan").iter().any(|content| content.state == "collected"));
    assert!(quire.list_tokens(project).expect("list").iter().any(|token| token.audience.is_some()));
    for snapshot in quire.list_snapshots(project).expect("list") {
        let manifest = quire.get_snapshot_manifest(project, snapshot.snapshot_id).expect("read");
        assert_eq!(manifest.deleted.is_some(), snapshot.after_seq.is_some());
    }
}

/// What cannot be sent, and what PostgreSQL refuses.
fn last(scene: &mut Scene) {
    let mut quire = Quire::new(&mut scene.owner);
    let refused = quire.list_actors().expect_err("only administrators may");
    assert_eq!((refused.code(), refused.sqlstate()), (None, Some("42501")));
    scene
        .database
        .psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'client_owner'");
    let lost = Quire::new(&mut scene.owner).whoami().expect_err("the connection is over");
    assert!(lost.refusal().is_none_or(|refusal| refusal.sqlstate == "57P01"), "{lost:?}");
}
