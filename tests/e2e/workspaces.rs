//! Projects made from others: copies equal their sources, exports are read without quire, imports have the same past.

use crate::bounds::zip;
use crate::cluster::{Database, shared};
use crate::fixture;
use crate::log;
use crate::steps::{backend_pid, head_seq, project, put, refusal, user, wait_until_blocked};
use postgres::Client;
use quire_core::chain::{BundleHeader, checksum};
use quire_core::hash::Hash;
use quire_core::id::{ActorId, BundleId, Seq};
use quire_core::json::canonical;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use uuid::Uuid;

#[test]
fn copies_equal_their_sources_by_hash() {
    let database = shared().database("workspaces_copies");
    let fixture = fixture::build(&database, "workspaces_copies");
    let mut owner = database.client(&fixture.owner);
    let now = head_seq(&mut owner, fixture.project);
    let template = "SELECT quire.create_template($1, 'copy', $2)";
    // While it was kept, an asset had content that was collected later.
    let sql = "SELECT array_agg(o.seq) FROM quire.oplog o
        WHERE o.project_id = $1 AND o.target = (SELECT c.target FROM quire.oplog c, quire.get_asset($1, c.target) a
            WHERE c.project_id = $1 AND c.op = 'asset.delete' AND a ->> 'state' = 'collected')";
    let kept: Vec<i64> = owner.query_one(sql, &[&fixture.project]).expect("seqs").get(0);
    let [put, deleted] = kept[..] else { panic!("{kept:?}") };
    for (sql, seqs) in [("SELECT quire.clone_project($1, 'copy')", now..=now), (template, 1..=now)] {
        for seq in seqs {
            if (put..deleted).contains(&seq) {
                let refused = refusal(owner.query_one(sql, &[&fixture.project, &seq]));
                assert_eq!(refused.state, "PT410", "{sql} {seq}");
                continue;
            }
            let copy: Uuid = if sql == template {
                owner.query_one(sql, &[&fixture.project, &seq]).expect(sql).get(0)
            } else {
                owner.query_one(sql, &[&fixture.project]).expect(sql).get(0)
            };
            let newest = head_seq(&mut owner, copy);
            assert_eq!(newest, 1);
            assert_eq!(
                state(&mut owner, copy, newest),
                state(&mut owner, fixture.project, seq),
                "{sql} {seq}"
            );
            assert_eq!(log::verify(&mut owner, copy), 1);
        }
    }
    // Nothing is shared: the copies outlive their source.
    let before = state(&mut owner, fixture.project, now);
    let copy: Uuid =
        owner.query_one("SELECT quire.clone_project($1, 'copy')", &[&fixture.project]).expect("clone").get(0);
    let sql = "SELECT quire.delete_project($1, 'Größe \"1\"')";
    owner.execute(sql, &[&fixture.project]).expect("delete the source");
    assert_eq!(state(&mut owner, copy, 1), before);
    assert_eq!(log::verify(&mut owner, copy), 1);
}

#[test]
fn a_source_may_be_written_and_deleted_while_it_is_copied_and_the_copy_is_whole_or_none() {
    let database = shared().database("workspaces_held");
    let mut admin = database.client("postgres");
    let source = project(&mut admin, "source");
    put(&mut admin, source, "a", "x");
    let fields = "SELECT quire.commit_bundle($1,
        '[{\"op\": \"field.set\", \"entity_type\": \"t\", \"entity_id\": \"1\", \"field\": \"f\", \"value\": 1}]')";
    admin.execute(fields, &[&source]).expect("set a field");
    let clone = "SELECT quire.clone_project($1, 'copy')";
    admin.batch_execute("BEGIN").expect("begin");
    let copy: Uuid = admin.query_one(clone, &[&source]).expect("clone").get(0);
    let mut other = database.client("postgres");
    other.batch_execute("SET lock_timeout = '3s'").expect("limit the waiting");
    put(&mut other, source, "a", "y");
    let delete = "SELECT quire.delete_project($1, 'source')";
    other.batch_execute("BEGIN").expect("begin");
    other.execute(delete, &[&source]).expect("delete");
    other.batch_execute("ROLLBACK").expect("roll back");
    admin.batch_execute("COMMIT").expect("commit");
    // Deleted after the files were read and before the fields are: the one who deletes it holds the table of fields.
    other.batch_execute("BEGIN; LOCK TABLE quire_store.entity_op").expect("hold a table");
    let mut third = database.client("postgres");
    let pid = backend_pid(&mut third);
    let waiting = std::thread::spawn(move || refusal(third.query_one(clone, &[&source])));
    wait_until_blocked(&database, pid);
    other.execute(delete, &[&source]).expect("delete");
    other.batch_execute("COMMIT").expect("commit");
    assert_eq!(waiting.join().expect("the copy ends").state, "PT404");
    assert_eq!(log::verify(&mut admin, copy), 1);
    let sql = "SELECT quire.verify_project($1) ->> 'is_sound', count(*)::text FROM quire.list_projects()";
    let row = admin.query_one(sql, &[&copy]).expect("verify");
    assert_eq!((row.get(0), row.get(1)), ("true", "1"));
}

#[test]
fn an_export_is_the_same_bytes_every_time_and_is_read_without_quire() {
    let database = shared().database("workspaces_export");
    let fixture = fixture::build(&database, "workspaces_export");
    let mut owner = database.client(&fixture.owner);
    let archive = export(&mut owner, fixture.project);
    for setting in ["timezone = 'Asia/Kathmandu'", "datestyle = 'German'", "bytea_output = 'escape'"] {
        let mut client = database.client(&fixture.owner);
        client.batch_execute(&format!("SET {setting}")).expect("a setting");
        assert!(export(&mut client, fixture.project) == archive, "{setting}");
    }
    let root = unzip("workspaces_export", &archive);
    let top: HashSet<String> = names(&root).collect();
    assert_eq!(top, ["README.txt", "project.json", "files", "blobs", "history"].map(str::to_owned).into());
    assert_contents(&mut owner, fixture.project, &root);
    assert_current_files(&mut owner, fixture.project, &root);
    assert_log(&mut owner, fixture.project, &root);
    for what in ["versions", "entities", "assets", "gone", "conflicts", "tags", "members"] {
        assert!(!history(&root, what).is_empty(), "{what}");
    }
    let roles: Vec<Value> =
        history(&root, "members").into_iter().map(|member| member["role"].clone()).collect();
    assert_eq!(roles, ["owner", "viewer", "editor"]);
    // Any version can be found: by path and number, and from there its content.
    let version = history(&root, "versions")
        .into_iter()
        .find(|version| version["file_path"] == "a.txt" && version["version"] == 1)
        .expect("version 1");
    let content = fs::read(root.join("blobs").join(version["content_hash"].as_str().expect("a hash")));
    assert_eq!(content.expect("the content"), b"one\ntwo\nthree\n");
}

#[test]
fn an_import_has_the_same_state_at_every_seq_also_in_another_database() {
    let database = shared().database("workspaces_import");
    let fixture = fixture::build(&database, "workspaces_import");
    let mut owner = database.client(&fixture.owner);
    let archive = export(&mut owner, fixture.project);
    let newest = head_seq(&mut owner, fixture.project);
    let elsewhere = shared().database("workspaces_import_elsewhere");
    let importer = user(&elsewhere, "workspaces_importer");
    for mut client in [database.client(&fixture.owner), elsewhere.client("workspaces_importer")] {
        let copy: Uuid =
            client.query_one("SELECT quire.import_project($1)", &[&archive]).expect("import").get(0);
        assert_eq!(log::verify(&mut client, copy), newest);
        for seq in 0..=newest {
            assert_eq!(state(&mut client, copy, seq), state(&mut owner, fixture.project, seq), "at {seq}");
        }
        for sql in [
            "SELECT file_path, version, file_type, mode, size, is_deleted, is_binary, is_current_version, seq, content_hash
             FROM quire.project_files WHERE project_id = {p} ORDER BY file_path, version",
            "SELECT seq, message, undoes_seq FROM quire.bundles WHERE project_id = {p} ORDER BY seq",
            "SELECT seq, ordinal, op, target, before, after, checksum, entity FROM quire.oplog
             WHERE project_id = {p} AND op <> 'snapshot.ready' ORDER BY seq, ordinal",
            "SELECT tag, seq FROM quire.list_project_tags({p})",
            "SELECT DISTINCT o.target, a - ARRAY['actor', 'updated_at', 'checksum'] FROM quire.oplog o, quire.get_asset({p}, o.target) a
             WHERE o.project_id = {p} AND o.op LIKE 'asset.%' ORDER BY o.target",
            "SELECT content_hash, quire.read_asset_range({p}, content_hash) FROM quire.list_assets({p}) WHERE asset_type <> 'cold'",
            "SELECT content_hash, size, state FROM quire.gc_plan({p}) ORDER BY content_hash",
            "SELECT p ->> 'name', p ->> 'kind', p -> 'settings', p ->> 'file_count', p ->> 'total_bytes', p ->> 'asset_bytes'
             FROM quire.get_project({p}) p",
        ] {
            assert_eq!(rows(&mut client, sql, copy), rows(&mut owner, sql, fixture.project), "{sql}");
        }
        let sql = "SELECT count(*) FROM quire.bundles b
            WHERE b.project_id = $1 AND (b.kind <> 'import' OR b.details -> 'imported' ->> 'seq' <> b.seq::text
                OR b.details -> 'imported' ->> 'project_id' <> $2::text)";
        let row = client.query_one(sql, &[&copy, &fixture.project.to_string()]).expect("look at the bundles");
        assert_eq!(row.get::<_, i64>(0), 0, "every bundle says what it was");
        // Its own export is sound again, and it goes on.
        let again = export(&mut client, copy);
        client.query_one("SELECT quire.import_project($1, 'again')", &[&again]).expect("import again");
        assert_eq!(put(&mut client, copy, "new", "x").1, newest + 1);
    }
    let sql = "SELECT string_agg(DISTINCT b.actor::text, ' ') FROM quire.bundles b";
    let authors: String =
        elsewhere.client("workspaces_importer").query_one(sql, &[]).expect("authors").get(0);
    assert_eq!(authors, importer.to_string());
}

#[test]
fn an_import_may_have_a_past_beyond_its_limits_and_then_keeps_them() {
    let database = shared().database("workspaces_limits");
    let mut admin = database.client("postgres");
    let source = project(&mut admin, "limits");
    for path in ["a", "b", "c"] {
        put(&mut admin, source, path, "too long for later");
    }
    admin.execute("SELECT quire.bulk_delete_project_files($1, ARRAY['b', 'c'])", &[&source]).expect("delete");
    crate::steps::configure(
        &mut admin,
        source,
        json!({"max_files": 1, "max_file_bytes": 2, "rate_limit": {"per_minute": 1, "burst": 1}}),
    );
    let archive = export(&mut admin, source);
    let copy: Uuid = admin.query_one("SELECT quire.import_project($1)", &[&archive]).expect("import").get(0);
    assert_eq!(log::verify(&mut admin, copy), 4);
    let sql = "SELECT quire.upsert_project_file($1, 'd', $2)";
    assert_eq!(refusal(admin.query_one(sql, &[&copy, &"x"])).state, "PT413");
    assert_eq!(refusal(admin.query_one(sql, &[&copy, &"long"])).state, "PT413");
}

#[test]
fn a_flipped_byte_is_refused_and_nothing_is_left() {
    let database = shared().database("workspaces_flipped");
    let fixture = fixture::build(&database, "workspaces_flipped");
    let mut owner = database.client(&fixture.owner);
    let archive = export(&mut owner, fixture.project);
    let before = everything(&database);
    let mut at = 0;
    let mut tried = 0;
    // One byte of every file: behind its header, whose lengths are known unless it was streamed.
    while archive[at..].starts_with(b"PK\x03\x04") {
        let number = |from: usize| u16::from_le_bytes([archive[at + from], archive[at + from + 1]]) as usize;
        let start = at + 30 + number(26) + number(28);
        let mut bad = archive.clone();
        bad[start] ^= 0x10;
        let next = archive[start..].windows(4).position(|bytes| bytes == b"PK\x03\x04");
        // An empty file has no byte to flip.
        if archive[start..].starts_with(b"PK") {
            at = start;
            continue;
        }
        let refused = refusal(owner.query_one("SELECT quire.import_project($1)", &[&bad]));
        assert!(matches!(refused.state.as_str(), "22023" | "PT422"), "byte {start}: {refused:?}");
        tried += 1;
        let Some(next) = next else { break };
        at = start + next;
    }
    assert!(tried > 20, "{tried} files were tried");
    for cut in [1, 100, archive.len() / 2, archive.len() - 10] {
        let refused = refusal(owner.query_one("SELECT quire.import_project($1)", &[&&archive[..cut]]));
        assert_eq!(refused.state, "22023", "cut at {cut}");
    }
    assert_eq!(everything(&database), before);
}

/// Whoever makes an archive can make its checksums: of a content that is gone it may say that it had any size.
#[test]
fn a_forged_export_with_sizes_that_no_content_has_is_refused() {
    let database = shared().database("workspaces_forged");
    let mut admin = database.client("postgres");
    let put = |content: &str, size: i64| {
        json!({"op": "file.put", "file_path": "a", "file_type": "x", "mode": "100644",
            "content_hash": Hash::of(content.as_bytes()), "size": size})
    };
    let import = |admin: &mut Client, size: i64| {
        // Twice the same path in a bundle, as commit_bundle allows.
        let archive = forged(&[put("one", size), put("two", size)]);
        admin.query_one("SELECT quire.import_project($1)", &[&archive]).map(|row| row.get::<_, Uuid>(0))
    };
    for size in [9_007_199_254_740_992_000, (512 << 20) + 1] {
        assert_eq!(refusal(import(&mut admin, size)).state, "PT413", "{size}");
    }
    assert_eq!(refusal(import(&mut admin, -1)).state, "22023");
    let copy = import(&mut admin, 512 << 20).expect("as large as may be");
    let sound = "SELECT (quire.verify_project($1) ->> 'is_sound')::boolean";
    assert!(admin.query_one(sound, &[&copy]).expect("verify").get::<_, bool>(0));
    let events = admin.query("SELECT payload FROM quire.poll_events($1)", &[&copy]).expect("events");
    assert_eq!(events.len(), 1);
}

/// One corrupt file does not keep the others in.
#[test]
fn a_project_with_a_corrupt_file_can_be_exported_and_imported_but_for_that_file() {
    let database = shared().database("workspaces_corrupt");
    user(&database, "workspaces_corrupt_user");
    let mut owner = database.client("workspaces_corrupt_user");
    let source = project(&mut owner, "source");
    put(&mut owner, source, "sound", "a sound text");
    put(&mut owner, source, "corrupt", "a text that gets corrupt");
    let spoil = "SET session_replication_role = replica;
        UPDATE quire_store.blob b SET bytes = set_byte(b.bytes, 0, get_byte(b.bytes, 0) # 1)
        FROM quire_store.project_files f WHERE f.content_hash = b.hash AND f.bundle_seq = 2";
    database.client("postgres").batch_execute(spoil).expect("spoil");
    let sql = "SELECT quire.export_project($1)";
    let refused = refusal(owner.query_one(sql, &[&source]));
    assert_eq!(refused.state, "XX001");
    owner.execute("SELECT quire.verify_project($1)", &[&source]).expect("verify");
    let give_up =
        "SELECT quire.discard_quarantined($1, quarantine_id, 'lost') FROM quire.list_quarantine($1)";
    for is_given_up in [false, true] {
        if is_given_up {
            assert_eq!(owner.execute(give_up, &[&source]).expect("give up"), 1);
        }
        let root = unzip("corrupt", &export(&mut owner, source));
        assert_eq!(names(&root.join("files")).collect::<Vec<_>>(), ["sound"]);
        assert_eq!(history(&root, "gone").len(), 1);
        let import = "SELECT quire.import_project(quire.export_project($1), 'copy')";
        let copy: Uuid = owner.query_one(import, &[&source]).expect("import").get(0);
        let read = "SELECT convert_from(quire.read_project_file_bytes($1, $2), 'UTF8')";
        let sound: String = owner.query_one(read, &[&copy, &"sound"]).expect("read").get(0);
        assert_eq!(sound, "a sound text");
        assert_eq!(refusal(owner.query_one(read, &[&copy, &"corrupt"])).state, "PT410");
        // Whoever has the bytes brings them back.
        put(&mut owner, copy, "corrupt", "a text that gets corrupt");
        let repaired: String = owner.query_one(read, &[&copy, &"corrupt"]).expect("read").get(0);
        assert_eq!(repaired, "a text that gets corrupt");
        log::verify(&mut owner, copy);
    }
}

/// Nor does one corrupt operation, though nobody can replay it.
#[test]
fn a_project_with_a_corrupt_operation_can_be_exported_and_says_so() {
    let database = shared().database("workspaces_damaged");
    user(&database, "workspaces_damaged_user");
    let mut owner = database.client("workspaces_damaged_user");
    let source = project(&mut owner, "source");
    put(&mut owner, source, "a", "first");
    put(&mut owner, source, "a", "second");
    put(&mut owner, source, "b", "other");
    let spoil = "SET session_replication_role = replica;
        UPDATE quire_store.project_files SET file_type = 'spoilt' WHERE bundle_seq = 1";
    database.client("postgres").batch_execute(spoil).expect("spoil");
    for is_known in [false, true] {
        if is_known {
            owner.execute("SELECT quire.verify_project($1)", &[&source]).expect("verify");
        }
        let root = unzip("damaged", &export(&mut owner, source));
        assert_eq!(names(&root.join("files")).collect::<BTreeSet<_>>(), ["a", "b"].map(str::to_owned).into());
        assert_eq!(history(&root, "operations").len(), 3);
        let damaged = history(&root, "damaged");
        assert_eq!(damaged, [json!({"seq": 1, "ordinal": 1})]);
        let import = "SELECT quire.import_project(quire.export_project($1), 'copy')";
        assert_eq!(refusal(owner.query_one(import, &[&source])).state, "PT422");
    }
}

fn export(client: &mut Client, project: Uuid) -> Vec<u8> {
    client.query_one("SELECT quire.export_project($1)", &[&project]).expect("export").get(0)
}

/// An export of one bundle, whose contents are all gone.
fn forged(ops: &[Value]) -> Vec<u8> {
    let checksums: Vec<Hash> = ops.iter().map(|op| Hash::of(&canonical(op).expect("canonical"))).collect();
    let id = Uuid::now_v7();
    let header = BundleHeader {
        project_id: id.into(),
        seq: Seq::FIRST,
        bundle_id: BundleId::generate(),
        kind: "user_edit".into(),
        actor_id: ActorId::generate(),
        message: None,
        correlation_id: None,
        base_seq: None,
        undoes_seq: None,
        committed_at: 1_700_000_000_000_000,
    };
    let whole = checksum(&Hash::ZERO, &header, &checksums).expect("a checksum");
    let project = json!({"format": "quire export", "format_version": 1, "project_id": id, "name": "forged",
        "kind": "workspace", "settings": {}, "seq": 1, "checksum": whole});
    let bundle = json!({"header": header, "committed_at": "2023-11-14T22:13:20Z", "op_count": ops.len(),
        "prev_checksum": Hash::ZERO, "checksum": whole});
    let logged = (1..).zip(ops).zip(&checksums).map(|((ordinal, op), checksum)| {
        json!({"seq": 1, "ordinal": ordinal, "op": op, "checksum": checksum}).to_string()
    });
    let gone = ops.iter().map(|op| {
        json!({"content_hash": op["content_hash"], "size": op["size"], "is_binary": false, "state": "collected"})
            .to_string()
    });
    let files = [
        ("project.json", project.to_string()),
        ("history/bundles/000001.jsonl", bundle.to_string()),
        ("history/operations/000001.jsonl", logged.collect::<Vec<_>>().join("\n")),
        ("history/gone/000001.jsonl", gone.collect::<Vec<_>>().join("\n")),
    ];
    zip(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes())))
}

/// How many rows there are.
fn everything(database: &Database) -> String {
    database.psql(
        "SELECT (SELECT count(*) FROM quire_store.project), (SELECT count(*) FROM quire_store.bundle),
            (SELECT count(*) FROM quire_store.blob)",
    )
}

/// Files, entities and assets at a seq, without what depends on how they came there.
fn state(client: &mut Client, project: Uuid, seq: i64) -> String {
    let sql = format!(
        "SELECT (SELECT json_agg(json_build_array(f.file_path, f.file_type, f.content_hash, v.mode, v.size, v.is_binary)
                                 ORDER BY f.file_path)
                 FROM quire.list_files_at({{p}}, at_seq => {seq}) f
                 JOIN quire.project_files v ON v.project_id = {{p}} AND v.file_path = f.file_path AND v.version = f.version),
                (SELECT json_agg(json_build_array(e.entity_type, e.entity_id, e.fields) ORDER BY e.entity_type, e.entity_id)
                 FROM quire.list_entities_at({{p}}, {seq}) e),
                (SELECT json_agg(json_build_array(a.after, quire.get_asset({{p}}, a.target) -> 'state') ORDER BY a.target)
                 FROM (SELECT DISTINCT ON (o.target) o.* FROM quire.oplog o
                       WHERE o.project_id = {{p}} AND o.seq <= {seq} AND o.op LIKE 'asset.%'
                       ORDER BY o.target, o.seq DESC, o.ordinal DESC) a
                 WHERE a.op = 'asset.put')"
    );
    rows(client, &sql, project)
}

fn rows(client: &mut Client, sql: &str, project: Uuid) -> String {
    let sql = sql.replace("{p}", &format!("'{project}'::uuid"));
    let sql = format!("SELECT coalesce(json_agg(to_json(answer)), '[]')::text FROM ({sql}) answer");
    client.query_one(&sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

/// The archive, unpacked by the system's own unzip.
fn unzip(name: &str, archive: &[u8]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).expect("a directory");
    let file = root.with_extension("zip");
    fs::write(&file, archive).expect("write the archive");
    let status =
        Command::new("unzip").env("LC_ALL", "C.UTF-8").arg("-q").arg(&file).arg("-d").arg(&root).status();
    assert!(status.expect("unzip runs").success());
    root
}

fn names(directory: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
}

/// The lines of a history, in order.
fn history(root: &Path, what: &str) -> Vec<Value> {
    let directory = root.join("history").join(what);
    let mut files: Vec<String> = names(&directory).collect();
    files.sort_unstable();
    let text: String =
        files.iter().map(|file| fs::read_to_string(directory.join(file)).expect("UTF-8")).collect();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Every content is there, under its hash, or listed as gone, and nothing else is.
fn assert_contents(client: &mut Client, project: Uuid, root: &Path) {
    let blobs: HashSet<String> = names(&root.join("blobs")).collect();
    for name in &blobs {
        let content = fs::read(root.join("blobs").join(name)).expect("a content");
        assert_eq!(Hash::of(&content).to_hex(), *name);
    }
    let sql = "SELECT content_hash FROM quire.project_files WHERE project_id = $1 AND NOT is_deleted
        UNION SELECT target FROM quire.oplog WHERE project_id = $1 AND op = 'asset.put'";
    let expected: HashSet<String> =
        client.query(sql, &[&project]).expect("hashes").iter().map(|row| row.get(0)).collect();
    let gone: Vec<Value> = history(root, "gone");
    let states: HashSet<&str> = gone.iter().map(|line| line["state"].as_str().expect("a state")).collect();
    assert_eq!(states, HashSet::from(["archived", "collected"]));
    let gone: HashSet<String> =
        gone.iter().map(|line| line["content_hash"].as_str().expect("a hash").to_owned()).collect();
    assert!(gone.is_disjoint(&blobs));
    assert_eq!(&blobs | &gone, expected);
}

fn assert_current_files(client: &mut Client, project: Uuid, root: &Path) {
    let sql = "SELECT file_path, mode, content_hash FROM quire.project_files_current WHERE project_id = $1";
    let files = client.query(sql, &[&project]).expect("files");
    assert!(files.len() > 3);
    for row in files {
        let path = root.join("files").join(row.get::<_, &str>(0));
        let metadata =
            fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let content = if metadata.is_symlink() {
            fs::read_link(&path)
                .expect("a target")
                .into_os_string()
                .into_string()
                .expect("UTF-8")
                .into_bytes()
        } else {
            fs::read(&path).expect("a file")
        };
        assert_eq!(Hash::of(&content).to_hex(), row.get::<_, &str>(2), "{}", path.display());
        let mode = match (metadata.is_symlink(), metadata.permissions().mode() & 0o100 != 0) {
            (true, _) => "120000",
            (false, true) => "100755",
            (false, false) => "100644",
        };
        assert_eq!(mode, row.get::<_, &str>(1), "{}", path.display());
    }
}

/// The chain, recomputed as the README says, and ending where the project stands.
fn assert_log(client: &mut Client, project: Uuid, root: &Path) {
    let mut ops: HashMap<Seq, BTreeMap<i64, Hash>> = HashMap::new();
    for line in history(root, "operations") {
        let hash = Hash::of(&canonical(&line["op"]).expect("canonical"));
        assert_eq!(line["checksum"], hash.to_hex(), "{line}");
        let of_bundle = ops.entry(Seq(line["seq"].as_i64().expect("a seq"))).or_default();
        of_bundle.insert(line["ordinal"].as_i64().expect("an ordinal"), hash);
    }
    let mut before = Hash::ZERO;
    let bundles = history(root, "bundles");
    for line in &bundles {
        let header: BundleHeader = serde_json::from_value(line["header"].clone()).expect("a header");
        let of_bundle: Vec<Hash> = ops.remove(&header.seq).unwrap_or_default().into_values().collect();
        assert_eq!(line["prev_checksum"], before.to_hex());
        before = checksum(&before, &header, &of_bundle).expect("checksum");
        assert_eq!(line["checksum"], before.to_hex(), "bundle {}", header.seq);
    }
    assert!(ops.is_empty());
    let record: Value =
        serde_json::from_slice(&fs::read(root.join("project.json")).expect("the record")).expect("JSON");
    let sql = "SELECT quire.get_project($1)";
    let expected: Value = client.query_one(sql, &[&project]).expect("the project").get(0);
    for key in ["project_id", "name", "kind", "settings", "seq", "checksum", "file_count", "total_bytes"] {
        assert_eq!(record[key], expected[key], "{key}");
    }
    assert_eq!(
        (record["checksum"].as_str(), bundles.len()),
        (Some(&*before.to_hex()), record["seq"].as_u64().expect("a seq") as usize)
    );
}
