//! Snapshots: the same bytes every time, archives that everybody's tools read, little memory, nothing half made.

use crate::cluster::{Cluster, Database, shared};
use crate::crash::crash;
use crate::fixture;
use crate::log;
use crate::steps::{backend_pid, head_seq, project, put, refusal, wait_until};
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use quire_core::hash::Hash;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use uuid::Uuid;

const FORMATS: [&str; 2] = ["zip", "tar.zst"];

#[test]
fn ten_builds_of_one_tree_and_one_after_a_dump_and_restore_are_the_same_bytes() {
    let database = shared().database("snapshots_same");
    let fixture = fixture::build(&database, "snapshots_same");
    let project = fixture.project;
    let mut owner = database.client(&fixture.owner);
    let seq = head_seq(&mut owner, project);
    // Whatever a session may have set, and whatever was committed meanwhile that changes no file.
    let sessions = [
        "SELECT 1",
        "SET timezone = 'Asia/Kathmandu'",
        "SET datestyle = 'German'",
        "SET bytea_output = 'escape'",
        "SET extra_float_digits = -10",
    ];
    for format in FORMATS {
        let first = build_anew(&mut owner, project, format, seq);
        for n in 1..10 {
            let mut client = database.client(&fixture.owner);
            client.batch_execute(sessions[n % sessions.len()]).expect("a setting");
            assert_eq!(build_anew(&mut client, project, format, seq), first, "build {n} of {format}");
        }
    }

    let before: Vec<_> = FORMATS.iter().map(|format| build_anew(&mut owner, project, format, seq)).collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("snapshots.dump");
    database.pg_dump(&file);
    let copy = shared().empty_database("snapshots_same_copy");
    copy.pg_restore(&file);
    let mut admin = copy.client("postgres");
    // The ones that were dumped are there, whole ...
    let sql = "SELECT count(*), bool_and((quire.verify_snapshot($1, snapshot_id) -> 'ok')::boolean)
        FROM quire.list_snapshots($1)";
    let row = admin.query_one(sql, &[&project]).expect("verify");
    assert_eq!((row.get(0), row.get(1)), (FORMATS.len() as i64, true));
    // ... and new ones are like them.
    let after: Vec<_> = FORMATS.iter().map(|format| build_anew(&mut admin, project, format, seq)).collect();
    assert_eq!(after, before);
    log::verify_chain(&mut admin, project);
}

/// Hash and bytes of a snapshot that is deleted if it is there, and made.
fn build_anew(client: &mut Client, project: Uuid, format: &str, seq: i64) -> (String, Vec<u8>) {
    let sql = "SELECT quire.delete_snapshot($1, snapshot_id) FROM quire.list_snapshots($1) WHERE format = $2";
    client.execute(sql, &[&project, &format]).expect("delete");
    let made = make(client, project, format, seq);
    assert_eq!(made["cached"], json!(false));
    let bytes = read(client, project, &made);
    let hash = Hash::of(&bytes).to_hex();
    assert_eq!(made["content_hash"], json!(hash));
    (hash, bytes)
}

fn make(client: &mut Client, project: Uuid, format: &str, seq: i64) -> Value {
    let sql = "SELECT quire.create_project_snapshot($1, $2, $3)";
    client.query_one(sql, &[&project, &format, &seq]).expect("make a snapshot").get(0)
}

fn read(client: &mut Client, project: Uuid, made: &Value) -> Vec<u8> {
    client.query_one("SELECT quire.read_snapshot($1, $2)", &[&project, &id(made)]).expect("read").get(0)
}

fn id(made: &Value) -> Uuid {
    made["snapshot_id"].as_str().and_then(|id| id.parse().ok()).expect("the id of a snapshot")
}

/// Names that shells, archivers and file systems trip over; all of them are allowed in a project.
fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "-rf",
        "--help",
        "-",
        "@file",
        "~",
        "~root/x",
        ".hidden",
        "...",
        "a..b",
        "#x#",
        "=x",
        "%s%n%00",
        "%2e%2e",
        " leading",
        "trailing ",
        "trailing.",
        "two  spaces",
        "*",
        "?",
        "[a-z]",
        "{a,b}",
        "$HOME",
        "$(id)",
        "`id`",
        "a;b&c|d<e>f",
        "'single'",
        "\"double\"",
        "!",
        "ab:c",
        "CON",
        "nul.txt",
        "aux/x",
        "!important",
        "ümlaut",
        "ñandú/ärger",
        "日本語/ファイル.txt",
        "עברית",
        "\u{202e}gpj.exe",
        "😀/👩‍👩‍👧",
        "\u{feff}bom",
        "ﬀ",
        "İı",
        "\u{a0}",
        "PaxHeader/x",
        "A",
        "a",
        ".quire/x",
        ".git/config",
        "x/.quire/delta.json",
    ]
    .map(str::to_owned)
    .to_vec();
    // As long as a segment and as a path may be, in ASCII and not.
    names.push("s".repeat(255));
    names.push("ü".repeat(127));
    names.push(vec!["deep"; 200].join("/"));
    names.push(vec!["tief–"; 125].join("/"));
    for length in [98, 99, 100, 101, 154, 155, 156, 157, 255] {
        names.push(format!("at/{}", "x".repeat(length)));
    }
    names
}

/// Path to permissions and hash; of a symlink, "link" and the hash of its target.
type Tree = BTreeMap<String, (String, String)>;

#[test]
fn archives_of_hostile_names_are_read_by_the_tools_that_people_have_and_unpack_to_the_tree() {
    let database = shared().database("snapshots_tools");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "tools");
    let mut ops: Vec<Value> = hostile_names()
        .iter()
        .map(|name| json!({"op": "file.put", "file_path": name, "content": format!("content of {name}")}))
        .collect();
    ops.extend([
        json!({"op": "file.put", "file_path": "empty", "content": ""}),
        json!({"op": "file.put", "file_path": "bytes", "content_base64": "AAH/gA=="}),
        json!({"op": "file.put", "file_path": "run", "content": "#!/bin/sh\n", "mode": "100755"}),
        json!({"op": "file.put", "file_path": "links/up", "content": "../run", "mode": "120000"}),
        json!({"op": "file.put", "file_path": "links/nöwhere", "content": "ünbekannt", "mode": "120000"}),
        json!({"op": "file.put", "file_path": "links/far", "content": "y".repeat(200), "mode": "120000"}),
    ]);
    admin
        .execute("SELECT quire.commit_bundle($1, $2)", &[&project, &Value::from(ops)])
        .expect("write the files");
    let sql = "SELECT quire.upsert_project_file_bytes($1, 'large/noise',
            (SELECT string_agg(sha512(n::text::bytea), '') FROM generate_series(1, 49152) n)),
        quire.upsert_project_file($1, 'large/text', repeat('all work and no play ', 150000))";
    admin.execute(sql, &[&project]).expect("write large files");
    let expected = stored_tree(&mut admin, project);
    assert!(expected.len() > 60);

    let seq = head_seq(&mut admin, project);
    let work = Directory::new("snapshots_tools");
    let [zip, tar] = FORMATS.map(|format| {
        let made = make(&mut admin, project, format, seq);
        let file = work.0.join(format!("archive.{format}"));
        fs::write(&file, read(&mut admin, project, &made)).expect("write the archive");
        file
    });
    tool(Command::new("unzip").args(["-tq"]).arg(&zip));
    tool(Command::new("zstd").args(["-tq"]).arg(&tar));
    let unpacked = |name: &str| {
        let into = work.0.join(name);
        fs::create_dir(&into).expect("create a directory");
        into
    };
    for (name, archive) in [("bsdtar of zip", &zip), ("bsdtar of tar", &tar)] {
        let into = unpacked(name);
        tool(Command::new("bsdtar").arg("-xpf").arg(archive).arg("-C").arg(&into));
        assert_tree(&tree(&into), &expected, name);
    }
    let into = unpacked("GNU tar");
    tool(Command::new("tar").args(["--zstd", "-xpf"]).arg(&tar).arg("-C").arg(&into));
    assert_tree(&tree(&into), &expected, "GNU tar");
    // Python knows neither modes nor links: a link is a file with its target.
    let into = unpacked("zipfile");
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nz.extractall(sys.argv[2])";
    tool(Command::new("python3").args(["-c", script]).arg(&zip).arg(&into));
    let contents =
        |tree: &Tree| tree.iter().map(|(path, (_, hash))| (path.clone(), hash.clone())).collect::<Vec<_>>();
    assert_eq!(contents(&tree(&into)), contents(&expected), "zipfile");
}

/// What the project says it holds.
fn stored_tree(client: &mut Client, project: Uuid) -> Tree {
    let sql = "SELECT f.file_path, c.mode, f.content_hash FROM quire.list_current_files($1) f
        JOIN quire.project_files_current c ON c.project_id = $1 AND c.file_path = f.file_path";
    let rows = client.query(sql, &[&project]).expect("list the files");
    rows.iter()
        .map(|row| {
            let mode = match row.get(1) {
                "120000" => "link",
                "100755" => "755",
                _ => "644",
            };
            (row.get(0), (mode.to_owned(), row.get(2)))
        })
        .collect()
}

/// What is in a directory.
fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("list a directory") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("look at an entry");
            if metadata.is_dir() {
                directories.push(path);
                continue;
            }
            let (mode, bytes) = if metadata.is_symlink() {
                let target = fs::read_link(&path).expect("a target");
                ("link".to_owned(), target.to_str().expect("UTF-8").as_bytes().to_vec())
            } else {
                let mode = format!("{:o}", metadata.permissions().mode() & 0o777);
                (mode, fs::read(&path).expect("read a file"))
            };
            let name = path.strip_prefix(root).ok().and_then(Path::to_str).expect("a name in UTF-8");
            found.insert(name.to_owned(), (mode, Hash::of(&bytes).to_hex()));
        }
    }
    found
}

/// One by one, because both at once are unreadable.
fn assert_tree(found: &Tree, expected: &Tree, what: &str) {
    for (path, file) in expected {
        assert_eq!(found.get(path), Some(file), "{what}: {path}");
    }
    assert_eq!(found.len(), expected.len(), "{what} unpacks nothing else");
}

/// Runs a program that has to be there, to succeed, and to have nothing to say on stderr.
fn tool(command: &mut Command) {
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; install it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?}: {}: {said}", output.status);
}

/// A directory that goes away.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("create a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_hint_of_a_new_snapshot_names_its_bundle_and_a_cached_one_gives_none() {
    let database = shared().database("snapshots_hint");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "hint");
    put(&mut admin, project, "a", "one");
    let mut listener = database.client("postgres");
    listener.batch_execute(&format!("LISTEN \"realtime:project:{project}\"; LISTEN done")).expect("listen");
    for _ in 0..2 {
        admin.execute("SELECT quire.create_project_snapshot($1)", &[&project]).expect("make a snapshot");
    }
    admin.batch_execute("NOTIFY done").expect("notify");
    let mut notifications = listener.notifications();
    let mut waiting = notifications.timeout_iter(Duration::from_secs(60));
    let hint = waiting.next().expect("the connection").expect("a hint");
    let payload: Value = serde_json::from_str(hint.payload()).expect("JSON");
    assert_eq!((&payload["event"], &payload["seq"]), (&json!("snapshot:ready"), &json!(2)));
    assert!(!hint.payload().contains("token"), "whoever listens learns no token");
    assert_eq!(waiting.next().expect("the connection").expect("the end").channel(), "done");
}

/// How much more than before a backend may need.
const MOST_KIB: u64 = 100 << 10;

#[test]
fn making_a_snapshot_of_300_mb_takes_a_backend_less_than_100_mb() {
    // Pages of shared buffers count as memory of whoever has touched them.
    let cluster = Cluster::start("snapshots_memory", &[("shared_buffers", "16MB"), ("max_wal_size", "4GB")]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "large");
    put(&mut admin, project, "small", "x");
    for n in 0..3 {
        let path = format!("noise/{n}");
        let sql = "SELECT quire.upsert_project_file_bytes($1, $2,
            (SELECT string_agg(sha512((n || $2)::bytea), '') FROM generate_series(1, 819200) n))";
        admin.execute(sql, &[&project, &path]).expect("write noise");
    }
    for n in 0..3 {
        let sql = "SELECT quire.upsert_project_file($1, $2, repeat('all work and no play ' || $2, 2200000))";
        admin.execute(sql, &[&project, &format!("text/{n}")]).expect("write text");
    }
    let bytes = "SELECT (quire.get_project($1) ->> 'total_bytes')::bigint";
    assert!(admin.query_one(bytes, &[&project]).expect("ask").get::<_, i64>(0) > 300 << 20);

    let seq = head_seq(&mut admin, project);
    for format in FORMATS {
        let mut client = database.client("postgres");
        // What loading the library and planning take is not the archive's.
        make(&mut client, project, format, 1);
        let pid = backend_pid(&mut client);
        let before = peak_memory(pid);
        let made = make(&mut client, project, format, seq);
        assert_eq!((&made["cached"], &made["file_count"]), (&json!(false), &json!(7)));
        let took = peak_memory(pid) - before;
        assert!(took < MOST_KIB, "{format} took {took} KiB");
    }
}

#[test]
fn restoring_deep_paths_takes_a_backend_less_than_100_mb() {
    // A megabyte of paths in an archive of a few kilobytes, with 500 directories above each.
    let cluster = Cluster::start("snapshots_deep", &[("shared_buffers", "16MB")]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let from = project(&mut admin, "deep");
    let into = project(&mut admin, "restored");
    let sql = "SELECT quire.bulk_upsert_project_files($1,
        (SELECT jsonb_agg(jsonb_build_object('file_path', n || repeat('/d', 500), 'content', '')) FROM generate_series(1, 1000) n))";
    admin.execute(sql, &[&from]).expect("write");
    let archive = {
        let made = make(&mut admin, from, "tar.zst", 1);
        read(&mut admin, from, &made)
    };
    let mut client = database.client("postgres");
    put(&mut client, into, "a", "x");
    let pid = backend_pid(&mut client);
    let before = peak_memory(pid);
    client.execute("SELECT quire.restore_snapshot($1, $2)", &[&into, &archive]).expect("restore");
    let took = peak_memory(pid) - before;
    assert!(took < MOST_KIB, "it took {took} KiB");
}

/// VmHWM of a process, in KiB. The server runs on this machine.
fn peak_memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("this test needs Linux's /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_backend_that_dies_while_it_makes_a_snapshot_leaves_nothing_and_the_next_call_makes_it() {
    let cluster = Cluster::start("snapshots_crash", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "crash");
    let sql = "SELECT quire.upsert_project_file_bytes($1, 'noise',
        (SELECT string_agg(sha512(n::text::bytea), '') FROM generate_series(1, 300000) n))";
    admin.execute(sql, &[&project]).expect("write");
    // Terminated, cancelled, killed: the session's end, the statement's end, the server's end.
    for how in ["pg_terminate_backend", "pg_cancel_backend", "kill"] {
        let mut maker = database.client("postgres");
        let pid = backend_pid(&mut maker);
        let running = thread::spawn(move || {
            maker.execute("SELECT quire.create_project_snapshot($1)", &[&project]).map(drop)
        });
        wait_until_storing(&database, pid);
        if how == "kill" {
            crash(&cluster, &database, &[pid]);
        } else {
            database.psql(&format!("SELECT {how}({pid})"));
        }
        assert!(running.join().expect("the maker").is_err(), "{how} came before the end");
        let left = "SELECT (SELECT count(*) FROM quire_store.snapshot), (SELECT count(*) FROM quire_store.snapshot_chunk),
            (SELECT count(*) FROM quire_store.token)";
        assert_eq!(database.psql(left), "0|0|0", "{how}");
    }
    let mut admin = database.client("postgres");
    assert_eq!(log::verify(&mut admin, project), 1);
    let made = make(&mut admin, project, "zip", 1);
    assert_eq!(made["cached"], json!(false));
    let sql = "SELECT (quire.verify_snapshot($1, $2) -> 'ok')::boolean";
    assert!(admin.query_one(sql, &[&project, &id(&made)]).expect("verify").get::<_, bool>(0));
    assert_eq!(log::verify(&mut admin, project), 2);
}

/// Returns when the backend has begun to store an archive.
fn wait_until_storing(database: &Database, pid: i32) {
    let mut observer = database.client("postgres");
    let sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND mode = 'RowExclusiveLock'
        AND relation = 'quire_store.snapshot_chunk'::regclass)";
    let is_storing = || observer.query_one(sql, &[&pid]).expect("look at the locks").get(0);
    wait_until(60, is_storing, || format!("backend {pid} stores nothing"));
}

#[test]
fn a_standby_gives_out_snapshots_and_makes_none() {
    let primary = Cluster::start("snapshots_standby", &[]);
    let source = primary.database("app");
    let mut admin = source.client("postgres");
    let project = project(&mut admin, "standby");
    put(&mut admin, project, "a", "one");
    let sql = "SELECT quire.upsert_project_file_bytes($1, 'noise',
        (SELECT string_agg(sha512(n::text::bytea), '') FROM generate_series(1, 40000) n))";
    admin.execute(sql, &[&project]).expect("write");
    let made = make(&mut admin, project, "zip", 2);
    let bytes = read(&mut admin, project, &made);

    let standby = Cluster::standby_of(&primary);
    primary.wait_caught_up(&standby);
    let replica = standby.existing_database("app");
    let mut reader = replica.client("postgres");
    assert!(read(&mut reader, project, &made) == bytes);
    let token = made["token"].as_str().expect("a token");
    let sql = "SELECT quire.download_snapshot($1)::bytea, current_setting('response.headers')";
    let row = reader.query_one(sql, &[&token]).expect("download");
    assert!(row.get::<_, &[u8]>(0) == bytes);
    assert!(row.get::<_, &str>(1).contains("application/zip"));
    let sql = "SELECT (quire.verify_snapshot($1, $2) -> 'ok')::boolean";
    assert!(reader.query_one(sql, &[&project, &id(&made)]).expect("verify").get::<_, bool>(0));

    for format in FORMATS {
        // Also of the one that is there: the token would have to be written.
        let sql = "SELECT quire.create_project_snapshot($1, $2)";
        assert_eq!(refusal(reader.query_one(sql, &[&project, &format])).state, "25006", "{format}");
    }
    let refused = refusal(reader.query_one("SELECT quire.begin_session($1)", &[&project]));
    assert_eq!(refused.state, "25006");
    let refused = refusal(reader.query_one("SELECT quire.delete_snapshot($1, $2)", &[&project, &id(&made)]));
    assert_eq!(refused.state, "25006");
}
