//! A database in which every kind of thing quire stores occurs, and every way to read it.

use crate::cluster::Database;
use crate::steps::{add_member, configure, put, user};
use crate::trace::typed;
use postgres::Client;
use serde_json::json;
use std::collections::HashSet;
use uuid::Uuid;

/// What [`build`] made.
pub struct Fixture {
    /// The project with files, history and subscriptions.
    pub project: Uuid,
    /// Login role of its owner.
    pub owner: String,
    /// Actor of a member whose role may read only.
    pub viewer_actor: Uuid,
    /// Id of a request that was answered with bundle 2.
    pub correlation: Uuid,
}

/// Fills a database. `prefix` keeps its roles apart from those of other tests.
pub fn build(database: &Database, prefix: &str) -> Fixture {
    let owner = format!("{prefix}_owner");
    user(database, &owner);
    let viewer_actor = user(database, &format!("{prefix}_viewer"));
    let editor = format!("{prefix}_editor");
    let editor_actor = user(database, &editor);
    let mut client = database.client(&owner);
    let project = Uuid::from_u128(0x0001_0000);
    client
        .execute(
            "SELECT quire.create_project('Größe \"1\"', $1, 'private', '{\"max_files\": 500}')",
            &[&project],
        )
        .expect("create the project");
    add_member(&mut client, project, viewer_actor, "viewer");
    add_member(&mut client, project, editor_actor, "editor");
    configure(
        &mut client,
        project,
        json!({"rate_limit": {"per_minute": 6000, "burst": 1000}, "broadcast": "off"}),
    );
    let correlation = Uuid::from_u128(0xC0);
    write_files(&mut client, project, correlation);
    write_files_of_another(&mut database.client(&editor), project);
    write_entities(&mut client, &mut database.client(&editor), project);
    take_back(&mut client, project);
    write_assets(&mut client, project);
    write_docs(&mut client, &mut database.client(&editor), project);
    subscribe(&mut client, project);
    mint(&mut client, project);
    archive(&mut client, project);
    work(&mut client, project);
    let other = "SELECT quire.archive_project(quire.create_project('archived', $1, 'public'))";
    client.execute(other, &[&Uuid::from_u128(0x0002_0000)]).expect("archive a project");
    copy(&mut client, project);
    Fixture { project, owner, viewer_actor, correlation }
}

fn write_files(client: &mut Client, project: Uuid, correlation: Uuid) {
    put(client, project, "a.txt", "one\ntwo\nthree\n");
    let sql = "SELECT quire.upsert_project_file($1, 'a.txt', E'one\n2\nthree\n', correlation_id => $2)";
    client.execute(sql, &[&project, &correlation]).expect("write with a correlation id");
    let ops = json!([
        {"op": "file.put", "file_path": "bin/run", "content": "#!/bin/sh\n", "mode": "100755"},
        {"op": "file.put", "file_path": "bin/link", "content": "run", "mode": "120000"},
        {"op": "file.put", "file_path": "raw", "content_base64": "AP+A"},
        {"op": "file.put", "file_path": "weird/ä _%.md", "content": "", "file_type": "text/markdown"},
        {"op": "file.put", "file_path": "gone", "content": "soon"}]);
    let sql = "SELECT quire.commit_bundle($1, $2, 'import', E'first\nimport ✓', 2)";
    client.execute(sql, &[&project, &ops]).expect("commit a bundle");
    // More than one chunk, of text and of bytes that do not compress.
    let sql = "SELECT quire.upsert_project_file($1, 'big.txt',
        (SELECT string_agg(md5(n::text), E'\n') FROM generate_series(1, 80000) n))";
    client.execute(sql, &[&project]).expect("write a long text");
    let sql = "SELECT quire.upsert_project_file_bytes($1, 'big.bin',
        (SELECT string_agg(sha512(n::text::bytea), '') FROM generate_series(1, 40000) n))";
    client.execute(sql, &[&project]).expect("write long bytes");
    for statement in [
        "SELECT quire.tag_project($1, 'v1')",
        "SELECT quire.move_project_file($1, 'raw', 'moved/raw')",
        "SELECT quire.delete_project_file($1, 'gone')",
        "SELECT quire.restore_project_file($1, 'a.txt', 1)",
        "SELECT quire.merge_project_file($1, 'a.txt', E'one\ntwo\n3\n', 1)",
        "SELECT quire.restore_project($1, 4)",
        "SELECT quire.tag_project($1, 'früher', 3)",
    ] {
        client.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

fn write_files_of_another(client: &mut Client, project: Uuid) {
    put(client, project, "a.txt", "by somebody else\n");
    let sql = "SELECT quire.bulk_delete_project_files($1, ARRAY['bin/link', 'weird/ä _%.md'])";
    client.execute(sql, &[&project]).expect("delete files");
    let sql = "SELECT quire.create_subscription($1, 'theirs', '{\"events\": [\"bulk:apply\"]}')";
    client.execute(sql, &[&project]).expect("subscribe");
}

/// Entities with a past: a deleted one, an open conflict, a resolved one.
fn write_entities(client: &mut Client, editor: &mut Client, project: Uuid) {
    fn set(id: &str, field: &str, value: serde_json::Value) -> serde_json::Value {
        json!({"op": "field.set", "entity_type": "task", "entity_id": id, "field": field, "value": value})
    }
    let commit = "SELECT quire.commit_bundle($1, $2, base_seq => $3, on_conflict => 'record') ->> 'seq'";
    let ops = json!([
        set("1", "title", json!("Größe")),
        set("1", "rank", json!(0.5)),
        set("2", "title", json!({"a": [null]})),
        set("gone", "title", json!(1))
    ]);
    let first: String = client.query_one(commit, &[&project, &ops, &None::<i64>]).expect("set fields").get(0);
    let seen: i64 = first.parse().expect("a seq");
    let ops = json!([{"op": "entity.delete", "entity_type": "task", "entity_id": "gone"}, set("1", "title", json!("mine")),
        set("2", "title", json!(true))]);
    client.query_one(commit, &[&project, &ops, &None::<i64>]).expect("change fields");
    let ops = json!([set("1", "title", json!("theirs")), set("2", "title", json!(false))]);
    editor.query_one(commit, &[&project, &ops, &seen]).expect("conflict");
    let sql = "SELECT quire.resolve_conflict($1, conflict_id, '\"both\"') FROM quire.list_conflicts($1) WHERE entity_id = '1'";
    client.query_one(sql, &[&project]).expect("resolve a conflict");
}

/// Bundles that take others back.
fn take_back(client: &mut Client, project: Uuid) {
    for statement in [
        "SELECT quire.undo($1, 'skip')",
        "SELECT quire.undo($1, 'skip')",
        "SELECT quire.redo($1, 'skip')",
        "SELECT quire.revert_bundle($1, 1, 'skip')",
    ] {
        client.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

/// Assets of one chunk and of several, one with a past, and an upload that is not finished.
fn write_assets(client: &mut Client, project: Uuid) {
    for statement in [
        "SELECT quire.put_asset($1, 'Größe.png', '\\x89504e47', 'image/png', 'image')",
        "SELECT quire.put_asset($1, 'old.txt', 'old', 'text/plain; charset=utf-8', 'note')",
        "SELECT quire.delete_asset($1, content_hash, 'outdated ✓') FROM quire.list_assets($1, 'note')",
        "SELECT quire.append_upload($1, u, 7, 'half of it') FROM quire.begin_upload($1, 'half', 'a/b', 'data', '7 days') u",
    ] {
        client.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    // One that is archived, one that is collected.
    configure(client, project, json!({"asset_retention_days": {"waste": 0}}));
    for statement in [
        "SELECT quire.archive_blob($1, quire.put_asset($1, 'cold.txt', 'cold', 'text/plain', 'cold') ->> 'content_hash',
            encode(sha256('cold'), 'hex'))",
        "SELECT quire.delete_asset($1, quire.put_asset($1, 'w', 'waste', 'text/plain', 'waste') ->> 'content_hash')",
        "SELECT quire.gc_run($1)",
    ] {
        client.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    let sql = "SELECT quire.begin_upload($1, 'large.bin', 'application/octet-stream', 'data')";
    let upload: Uuid = client.query_one(sql, &[&project]).expect("begin an upload").get(0);
    for statement in [
        "SELECT quire.append_upload($1, $2, 1, decode(repeat('00ff', 1500000), 'hex'))",
        "SELECT quire.finish_upload($1, $2)",
    ] {
        client
            .execute(statement, &[&project, &upload])
            .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    let ops = json!([{"op": "asset.put", "filename": "two", "media_type": "a/b", "asset_type": "data", "content_base64": "AAE="},
        {"op": "file.put", "file_path": "with-asset", "content": "x"}]);
    client
        .execute("SELECT quire.commit_bundle($1, $2)", &[&project, &ops])
        .expect("commit an asset and a file");
}

/// Documents: one with a past that two have written, one that is deleted, one that was brought back, one whose tip is not kept, one that is
/// packed.
fn write_docs(client: &mut Client, editor: &mut Client, project: Uuid) {
    for statement in [
        r#"SELECT quire.put_doc($1, 'notes/ä', '{"title": "Größe", "n": {"$counter": 1}, "list": [1, null, {"a": true}]}')"#,
        r#"SELECT quire.edit_doc($1, 'notes/ä', '[{"op": "increment", "path": "/n", "by": 4}]', message => 'counted ✓')"#,
        "SELECT quire.put_doc($1, 'gone', '{}')",
        "SELECT quire.delete_doc($1, 'gone')",
        r#"SELECT quire.put_doc($1, 'back', '{"a": 1}')"#,
        "SELECT quire.delete_doc($1, 'back')",
        r#"SELECT quire.put_doc($1, 'back', '{"a": 1}')"#,
        "SELECT quire.put_doc($1, 'long', (SELECT jsonb_build_object('text', string_agg(md5(n::text), ' '))
            FROM generate_series(1, 9000) n))",
        "SELECT quire.revert_bundle($1, (quire.put_doc($1, 'back', '{\"a\": 2}') ->> 'seq')::bigint)",
        "SELECT quire.create_branch($1, 'entwürfe/1')",
        "SELECT quire.splice_doc_text($1, 'long', '/text', 0, 3, 'on a branch', 'entwürfe/1')",
        "SELECT quire.put_doc($1, 'new', '{\"a\": 3}', 'entwürfe/1')",
        "SELECT quire.delete_doc($1, 'back', 'entwürfe/1')",
        "SELECT quire.create_branch($1, 'draft', 'entwürfe/1')",
        "SELECT quire.put_doc($1, 'new', '{\"a\": 4}', 'draft')",
        "SELECT quire.put_doc($1, 'new', '{\"b\": 5}', 'entwürfe/1')",
        "SELECT quire.merge_branch($1, 'draft', 'entwürfe/1')",
        "SELECT quire.create_branch($1, 'closed')",
        "SELECT quire.close_branch($1, 'closed', 'main')",
        "SELECT quire.create_branch($1, 'no more')",
        "SELECT quire.delete_branch($1, 'no more')",
        r#"SELECT quire.register_schema($1, 'note', '{"properties": {"title": {"type": "string"}}}', 'notes/**')"#,
        r#"SELECT quire.put_doc($1, 'bound', '{"text": "one\n"}')"#,
        "SELECT quire.bind_doc_to_file($1, 'bound', 'bound.txt')",
    ] {
        client.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    let apply = "SELECT quire.apply_doc_changes($1, 'packed', $2)";
    client.execute(apply, &[&project, &typed(1200)]).expect("type a document");
    let pack = "SELECT (quire.pack_docs($1) ->> 'changes')::bigint";
    let packed: i64 = client.query_one(pack, &[&project]).expect("pack").get(0);
    assert!(packed > 1000, "{packed}");
    let splice = "SELECT quire.splice_doc_text($1, 'notes/ä', '/title', 0, 1, 'g')";
    editor.execute(splice, &[&project]).expect("edit a document");
}

/// One subscription that is half read, one with a running lease.
fn subscribe(client: &mut Client, project: Uuid) {
    for statement in [
        "SELECT quire.create_subscription($1, 'half', '{\"paths\": [\"*.txt\"]}')",
        "SELECT count(*) FROM quire.poll_subscription($1, 'half', 3, '0 seconds')",
        "SELECT quire.ack_subscription($1, 'half', 2)",
        "SELECT quire.create_subscription($1, 'leased', '{}', 5)",
        "SELECT count(*) FROM quire.poll_subscription($1, 'leased', 2, '1 day')",
    ] {
        client.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

/// One token that was used and revoked, one for a role; a root of UCANs, and one of these that was revoked.
fn mint(client: &mut Client, project: Uuid) {
    for statement in [
        "SELECT quire.authenticate(quire.mint_token($1, ARRAY['project:read'], '1 day', max_uses => 2))",
        "SELECT quire.revoke_token($1, token_id) FROM quire.list_tokens($1)",
        "SELECT quire.mint_token($1, ARRAY['events:read', 'file:write:a/**'], '1 hour', 'somebody')",
        r#"SELECT quire.update_project($1, '{"did": "did:key:z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX"}')"#,
        "SELECT quire.revoke_ucan($1, 'bafkreibvv43zt5dfzwr5ejms3oeb5rkazufzkvqs6v3izwwlj64jmrchci')",
    ] {
        client.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

/// A snapshot and a delta, in both formats.
fn archive(client: &mut Client, project: Uuid) {
    for statement in [
        "SELECT quire.create_project_snapshot($1)",
        "SELECT quire.create_project_snapshot($1, 'tar.zst', after_seq => 3)",
    ] {
        client.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

/// A job of each outcome, and one that still runs.
fn work(client: &mut Client, project: Uuid) {
    let mut job = |name: &str, ops: serde_json::Value| -> Uuid {
        let sql = "SELECT quire.begin_job($1, $2, '1 day')";
        let job = client.query_one(sql, &[&project, &name]).expect("begin a job").get(0);
        let sql = "SELECT quire.append_job_ops($1, $2, $3)";
        client.execute(sql, &[&project, &job, &ops]).expect("stage operations");
        job
    };
    let put = |path: &str| json!({"op": "file.put", "file_path": path, "content": "by a job ✓"});
    let set =
        json!({"op": "field.set", "entity_type": "task", "entity_id": "job", "field": "rank", "value": 1e21});
    let completed = job("completed", json!([put("job/1"), set]));
    let failed = job("failed", json!([put("job/2")]));
    job("running", json!([put("job/3"), {"op": "file.delete", "file_path": "job/1"}]));
    client.execute("SELECT quire.finish_job($1, $2)", &[&project, &completed]).expect("complete a job");
    client
        .execute("SELECT quire.cancel_job($1, $2, E'größer\nthan')", &[&project, &failed])
        .expect("fail a job");
}

/// A template of the project, and a library.
fn copy(client: &mut Client, project: Uuid) {
    client.query_one("SELECT quire.create_template($1, 'template', 5)", &[&project]).expect("a template");
    let library = Uuid::from_u128(0x0003_0000);
    let sql = "SELECT quire.create_project('library', $1, kind => 'library')";
    client.query_one(sql, &[&library]).expect("create a library");
    put(client, library, "logo", "<svg/>");
    let sql = "SELECT quire.import_from_library($1, $2, ARRAY['logo'])";
    client.query_one(sql, &[&project, &library]).expect("import from the library");
}

/// Every way to read. `{p}` is the project; results come in a fixed order.
const READERS: &[&str] = &[
    "SELECT quire.whoami()",
    "SELECT quire.get_project({p})",
    "SELECT * FROM quire.list_projects()",
    "SELECT * FROM quire.list_project_members({p})",
    "SELECT * FROM quire.list_current_files({p})",
    "SELECT * FROM quire.list_current_files({p}, 'bin')",
    "SELECT n, f.* FROM generate_series(0, 8) n, quire.list_files_at({p}, at_seq => n) f",
    "SELECT * FROM quire.list_files_at({p}, at_tag => 'v1')",
    "SELECT b.seq, f.* FROM quire.bundles b, quire.list_files_at({p}, at_time => b.committed_at) f
     WHERE b.project_id = {p} ORDER BY b.seq, f.file_path",
    "SELECT f.* FROM quire.project_files v, quire.read_project_file({p}, v.file_path, v.version) f
     WHERE v.project_id = {p} ORDER BY v.file_path, v.version",
    "SELECT v.file_path, quire.read_project_file_bytes({p}, v.file_path, v.version) FROM quire.project_files v
     WHERE v.project_id = {p} AND NOT v.is_deleted ORDER BY v.file_path, v.version",
    "SELECT v.file_path, h.* FROM quire.project_files v, quire.project_file_history({p}, v.file_path) h
     WHERE v.project_id = {p} AND v.is_current_version ORDER BY v.file_path, h.version",
    "SELECT v.version, quire.diff_project_file({p}, 'a.txt', v.version - 1, v.version) FROM quire.project_files v
     WHERE v.project_id = {p} AND v.file_path = 'a.txt' ORDER BY v.version",
    "SELECT n, d.* FROM generate_series(0, 8) n, quire.diff_project({p}, n, 8 - n) d ORDER BY n, d.file_path",
    "SELECT * FROM quire.list_project_tags({p})",
    "SELECT * FROM quire.poll_events({p})",
    "SELECT * FROM quire.poll_events({p}, 3, 2, false)",
    "SELECT * FROM quire.list_subscriptions({p})",
    "SELECT quire.sync_status({p}, 'elsewhere')",
    "SELECT quire.replay_project({p}), quire.replay_project({p}, 4)",
    "SELECT count(*) FROM quire.list_quarantine({p})",
    "SELECT count(*) FROM quire.list_undoable({p})",
    "SELECT * FROM quire.search_ops({p}, '{}', 10000)",
    "SELECT b.seq, quire.get_bundle({p}, b.seq) FROM quire.bundles b WHERE b.project_id = {p} ORDER BY b.seq",
    "SELECT * FROM quire.list_entities({p}, 'task')",
    "SELECT e.entity_id, quire.get_entity({p}, 'task', e.entity_id) FROM quire.list_entities({p}, 'task') e",
    "SELECT n, h.* FROM unnest('{1,2,gone}'::text[]) n, quire.entity_history({p}, 'task', n) h",
    "SELECT b.seq, e.* FROM quire.bundles b, quire.list_entities_at({p}, b.seq) e WHERE b.project_id = {p}
     ORDER BY b.seq, e.entity_type, e.entity_id",
    "SELECT n, h.* FROM unnest('{1,2,gone}'::text[]) n, quire.explain_entity({p}, 'task', n) h",
    "SELECT * FROM quire.list_conflicts({p}, true)",
    "SELECT c.conflict_id, h.* FROM quire.list_conflicts({p}, true) c, quire.conflict_history({p}, c.conflict_id) h",
    "SELECT * FROM quire.list_assets({p})",
    "SELECT o.seq, quire.get_asset({p}, o.target) FROM quire.oplog o WHERE o.project_id = {p} AND o.op LIKE 'asset.%'
     ORDER BY o.seq, o.ordinal",
    "SELECT a.content_hash, quire.read_asset_range({p}, a.content_hash), quire.read_asset_range({p}, a.content_hash, 1048570, 12)
     FROM quire.list_assets({p}) a WHERE a.asset_type <> 'cold'",
    "SELECT * FROM quire.list_docs({p})",
    "SELECT * FROM quire.list_doc_bindings({p})",
    r#"SELECT s.*, quire.query_docs({p}, '{"where": {"schema": "note"}, "select": []}') FROM quire.list_schemas({p}) s"#,
    "SELECT quire.automerge_heads(quire.export_doc({p}, 'notes/ä'))",
    "SELECT s.key, quire.automerge_heads(s.data) FROM quire.storage_load_range({p}, '{}') s",
    "SELECT quire.storage_load({p}, '{storage-adapter-id}')",
    "SELECT d.doc, quire.read_doc({p}, d.doc) FROM quire.list_docs({p}) d",
    r#"SELECT n, quire.query_docs({p}, jsonb_build_object('at_seq', n, 'count', true)) FROM generate_series(0, 8) n"#,
    r#"SELECT quire.query_docs({p}, '{"sort": [{"path": "/n"}]}'), quire.explain_query({p}, '{}')"#,
    "SELECT n, h.* FROM unnest('{notes/ä,gone,back,long}'::text[]) n, quire.doc_history({p}, n) h",
    "SELECT h.seq, quire.read_doc({p}, 'notes/ä', at_seq => h.seq), quire.read_doc_bytes({p}, 'notes/ä', at_seq => h.seq),
        quire.diff_doc({p}, 'notes/ä', h.heads) FROM quire.doc_history({p}, 'notes/ä') h",
    "SELECT quire.explain_doc({p}, 'notes/ä', '/n'), quire.doc_conflicts({p}, 'notes/ä')",
    "SELECT quire.explain_doc({p}, 'packed', '/text'), quire.read_doc_bytes({p}, 'packed')",
    "SELECT b.*, quire.get_branch({p}, b.branch) FROM quire.list_branches({p}) b",
    "SELECT b.branch, d.*, CASE WHEN d.doc <> 'long' THEN quire.read_doc({p}, d.doc, b.branch) END
     FROM quire.list_branches({p}) b, quire.list_docs({p}, b.branch) d",
    "SELECT b.branch, h.* FROM quire.list_branches({p}) b, quire.doc_history({p}, 'long', b.branch) h",
    "SELECT b.branch, d.* FROM quire.list_branches({p}) b, quire.diff_branches({p}, b.branch) d",
    // A document of the files.
    "SELECT quire.automerge_to_json(m.doc), quire.automerge_conflicts(m.doc), quire.automerge_diff(m.doc, '{}'),
        quire.automerge_heads(quire.automerge_apply(m.doc, quire.automerge_changes(m.doc))),
        quire.automerge_heads(quire.automerge_merge(m.doc, m.doc))
     FROM (SELECT quire.automerge_merge_agg(quire.automerge_from_json(jsonb_build_object('path', f.file_path))) AS doc
           FROM quire.list_current_files({p}) f) m",
    "SELECT * FROM quire.gc_plan({p})",
    // Without the status: the keys of tokens are in no dump, so after a restore it is another one.
    "SELECT token_id, abilities, audience, max_uses, uses, minted_by, minted_at, expires_at, revoked_at
     FROM quire.list_tokens({p})",
    "SELECT * FROM quire.list_jobs({p})",
    "SELECT * FROM quire.list_jobs({p}, true)",
    "SELECT * FROM quire.list_snapshots({p})",
    "SELECT quire.get_project_stats({p})",
    "SELECT s.snapshot_id, quire.get_snapshot_manifest({p}, s.snapshot_id), quire.read_snapshot({p}, s.snapshot_id),
        quire.verify_snapshot({p}, s.snapshot_id)
     FROM quire.list_snapshots({p}) s",
    "SELECT s.snapshot_id, n, quire.read_snapshot_chunk({p}, s.snapshot_id, n)
     FROM quire.list_snapshots({p}) s, generate_series(1, s.chunk_count) n",
    "SELECT md5(a), length(a) FROM quire.export_project({p}) a",
    "SELECT quire.plan_hydration({p}, '{}'), quire.plan_hydration({p}, '{}', 4)",
    "SELECT quire.restore_project({p}, 3, dry_run => true)",
    "SELECT * FROM quire.project_files ORDER BY project_id, file_path, version",
    "SELECT * FROM quire.project_files_current ORDER BY project_id, file_path",
    "SELECT * FROM quire.legacy_project_files ORDER BY project_id, path",
    "SELECT * FROM quire.bundles ORDER BY project_id, seq",
    "SELECT * FROM quire.oplog ORDER BY project_id, seq, ordinal",
];

/// A statement for every reader.
pub fn readers(project: Uuid) -> impl Iterator<Item = String> {
    READERS.iter().map(move |reader| reader.replace("{p}", &format!("'{project}'::uuid")))
}

/// What every reader answers: pairs of statement and rows as JSON.
pub fn answers(client: &mut Client, project: Uuid) -> Vec<(String, String)> {
    // Times as text depend on the zone; both sides get the same.
    client.batch_execute("SET timezone = 'UTC'").expect("set the time zone");
    readers(project)
        .map(|reader| {
            let sql =
                format!("SELECT coalesce(json_agg(to_json(answer)), '[]')::text FROM ({reader}) answer");
            let row = client.query_one(&sql, &[]).unwrap_or_else(|error| panic!("{reader}: {error:?}"));
            (reader, row.get(0))
        })
        .collect()
}

/// Fails when the catalog has a reader that [`answers`] does not call.
pub fn assert_readers_are_complete(client: &mut Client) {
    let called: String = READERS.concat();
    let sql = "SELECT 'quire.' || proname FROM pg_proc
        WHERE pronamespace = 'quire'::regnamespace AND provolatile <> 'v'
        UNION ALL SELECT 'quire.' || viewname FROM pg_views WHERE schemaname = 'quire'";
    let existing: HashSet<String> =
        client.query(sql, &[]).expect("read the catalog").iter().map(|row| row.get(0)).collect();
    // One takes a token, which a restore makes void; that it answers on a standby is shown in `snapshots`. The other is for
    // administrators; that it answers there is shown in `standby`.
    let others = ["quire.download_snapshot", "quire.list_actors"];
    let missing: Vec<&String> = existing
        .iter()
        .filter(|name| !called.contains(name.as_str()) && !others.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "add readers for {missing:?}");
    assert!(existing.len() > 15, "the catalog query finds the readers");
}

/// Compares the answers of two servers, one by one, because all of them at once are unreadable.
pub fn assert_same_answers(expected: &[(String, String)], got: &[(String, String)]) {
    assert_eq!(expected.len(), got.len());
    for ((reader, expected), (_, got)) in expected.iter().zip(got) {
        assert!(expected.len() > 2, "{reader} answers nothing, so it shows nothing");
        assert!(expected == got, "{reader}\nexpected {}\ngot      {}", shorten(expected), shorten(got));
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(2000).collect()
}
