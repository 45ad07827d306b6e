//! What a call may take of a server whose sessions have little address space, as under `ulimit -v`: nobody's call ends the
//! sessions of others, whatever it is given, and every one can be cancelled.

use crate::cluster::{Cluster, Database};
use postgres::error::SqlState;
use postgres::{Client, Error};
use quire_core::archive::{Entry, Format, Writer};
use quire_core::content::{CHUNK_BYTES, Codec, encode};
use quire_core::hash::Hash;
use quire_core::mode::Mode;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Generous, for a machine that has other things to do: a call that is deaf is so for many seconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

#[test]
fn nobody_ends_the_sessions_of_others() {
    let cluster = Cluster::start("bounds", &[]);
    cluster.limit_memory(2_500_000 << 10);
    let database = cluster.database("app");
    let postmaster = cluster.postmaster();
    let mut witness = database.client("postgres");
    let mut stranger = people(&database, &mut witness);
    let project = owned_project(&mut stranger);

    // Before the gate, nothing is made of an argument.
    let mut guest = database.client("bounds_guest");
    let refused = guest.batch_execute(
        "SELECT quire.commit_bundle(gen_random_uuid(), (SELECT jsonb_agg('{\"\": 0}'::jsonb) FROM generate_series(1, 1000000)))",
    );
    assert_eq!(state(refused), "42501");
    // Archives that say a lot in little.
    let trees = format!("[{}0]", "{\"\":0},".repeat(2_000_000));
    for line in [
        format!("{{\"details\": {trees}}}"),
        format!("{{\"op\": {trees}}}"),
        format!("{{\"more\": {trees}}}"),
        format!("{{\"fields\": {{\"f\": {trees}}}}}"),
    ] {
        for kind in ["bundles", "operations", "entities", "tags"] {
            let archive = zip([(format!("history/{kind}/000001.jsonl"), line.as_bytes())]);
            assert!(archive.len() < 256 << 10, "{} bytes", archive.len());
            let refused = stranger.query("SELECT quire.import_project($1)", &[&archive]).map(drop);
            assert!(matches!(state(refused).as_str(), "PT413" | "PT422"), "{kind}");
        }
    }
    for (path, line, expected) in [
        (
            "history/entities/000001.jsonl",
            format!("{{\"fields\": {{{}\"a\": 0}}}}", "\"a\":0,".repeat(7_900_000)),
            "PT413",
        ),
        ("project.json", format!("[{}0]", "0,".repeat(500_000)), "PT422"),
    ] {
        let archive = zip([(path.to_owned(), line.as_bytes())]);
        let refused = stranger.query("SELECT quire.import_project($1)", &[&archive]).map(drop);
        assert_eq!(state(refused), expected, "{path}");
    }
    let deleted = went_away(24_000_000);
    let refused = stranger.query("SELECT quire.restore_snapshot($1, $2)", &[&project, &deleted]).map(drop);
    assert_eq!(state(refused), "22023");
    // A token's holder, too, may send what becomes a large tree.
    let refused = stranger.execute(
        "SELECT quire.commit_bundle($1, jsonb_build_array((SELECT jsonb_agg('{\"\": 0}'::jsonb) FROM generate_series(1, 1000000))))",
        &[&project],
    );
    assert_eq!(state(refused.map(drop)), "PT413");

    // What the budget allows and the system does not have ends the session, and no other.
    cluster.limit_memory(650_000 << 10);
    let zeros = vec![0; 400 << 20];
    let large = zip([("files/large".to_owned(), zeros.as_slice())]);
    drop(zeros);
    let mut short = database.client("bounds_stranger");
    let ended = short.query("SELECT quire.import_project($1)", &[&large]).expect_err("too much");
    let ended = ended.as_db_error().unwrap_or_else(|| panic!("no answer: {ended}\n{}", cluster.log()));
    assert_eq!((ended.severity(), ended.code().code()), ("FATAL", "53200"));
    short.batch_execute("SELECT 1").expect_err("what could not go on is over");
    // PostgreSQL's own errors about memory come through, however little is left.
    for megabytes in [60, 90, 120, 150] {
        let mut short = database.client("bounds_stranger");
        let sql = format!(
            "SELECT quire.upsert_project_file_bytes($1, 'x', decode(repeat('00', {megabytes} << 20), 'hex'))"
        );
        if let Err(error) = short.execute(&sql, &[&project]) {
            assert!(matches!(code(&error), "53200" | "PT413"), "{error}");
        }
    }

    witness.batch_execute("SELECT 1").expect("the other session is still there");
    assert_eq!(cluster.postmaster(), postmaster, "the same server");
    let log = cluster.log();
    assert!(!log.contains("PANIC") && !log.contains("terminated by signal"), "{log}");
}

#[test]
fn long_calls_are_cancelled_at_once() {
    let cluster = Cluster::start("cancels", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let mut owner = people(&database, &mut admin);
    let project = owned_project(&mut owner);
    // Words and lines of a few kinds only, in no order: the search does not come to an end.
    let text = |seed: u64| words(&noise(seed, 100_000));
    for (path, versions) in [("m", [1, 2].map(text)), ("d", [1, 2].map(|seed| lines(&noise(seed, 200_000))))]
    {
        for version in versions {
            owner
                .execute("SELECT quire.upsert_project_file($1, $2, $3)", &[&project, &path, &version])
                .expect("written");
        }
    }
    owner
        .execute(
            "SELECT quire.commit_bundle($1, (SELECT jsonb_agg(jsonb_build_object('op', 'field.set', 'entity_type', 't',
                'entity_id', '1', 'field', 'f' || n, 'value', (SELECT jsonb_agg(0) FROM generate_series(1, 400000))))
             FROM generate_series(1, 10) n))",
            &[&project],
        )
        .expect("written");
    // Globs that hold up every matcher, and paths that they almost match.
    owner
        .execute(
            "SELECT quire.commit_bundle($1, (SELECT jsonb_agg(jsonb_build_object('op', 'file.put', 'content', '',
                'file_path', concat_ws('/', repeat('a', 250), repeat('a', 250), repeat('a', 250), repeat('a', 200) || n)))
             FROM generate_series(1, 100) n))",
            &[&project],
        )
        .expect("written");
    owner
        .execute(
            "SELECT quire.create_subscription($1, 's', jsonb_build_object('paths', (SELECT jsonb_agg(repeat('*a', 480) || n || '/*b')
             FROM generate_series(1, 100) n)))",
            &[&project],
        )
        .expect("subscribed");
    let files: Vec<(String, Vec<u8>)> =
        (0..20_000).map(|n| (format!("d{}/f{n}", n % 100), n.to_string().into_bytes())).collect();
    let archive = zip(files.iter().map(|(path, bytes)| (path.clone(), bytes.as_slice())));
    let fields = format!("{{\"fields\": {{{}\"a\": 0}}}}", "\"a\":0,".repeat(900_000));
    let details = format!("{{\"details\": \"{}\"}}", "\\n".repeat(32 << 20));
    let [fields, details] = [("entities", fields), ("bundles", details)]
        .map(|(kind, line)| zip([(format!("history/{kind}/000001.jsonl"), line.as_bytes())]));
    let headers = pax_headers(300);
    owner
        .batch_execute(
            "CREATE TEMP TABLE given AS SELECT jsonb_build_array(jsonb_build_object('file_path', 'b64',
                 'content_base64', encode(decode(repeat('00', 120 << 20), 'hex'), 'base64'))) AS files",
        )
        .expect("stored");
    let ours = text(3);
    owner.batch_execute("SET statement_timeout = '100ms'").expect("set");
    let mut cancelled = |what: &str, run: &dyn Fn(&mut Client) -> Result<u64, Error>| {
        let start = Instant::now();
        let outcome = run(&mut owner);
        let took = start.elapsed();
        assert_eq!(state(outcome.map(drop)), SqlState::QUERY_CANCELED.code(), "{what}");
        assert!(took < ANSWERS_WITHIN, "{what} took {took:?}");
    };
    cancelled("a merge", &|client| {
        client.execute("SELECT quire.merge_project_file($1, 'm', $2, 1, 'automerge')", &[&project, &ours])
    });
    cancelled("a diff", &|client| {
        client.execute("SELECT quire.diff_project_file($1, 'd', 1, 2)", &[&project])
    });
    cancelled("a poll", &|client| client.execute("SELECT quire.poll_subscription($1, 's')", &[&project]));
    cancelled("a clone", &|client| client.execute("SELECT quire.clone_project($1, 'c')", &[&project]));
    cancelled("a template", &|client| client.execute("SELECT quire.create_template($1, 't')", &[&project]));
    cancelled("an undo", &|client| client.execute("SELECT quire.revert_bundle($1, 5)", &[&project]));
    cancelled("a restore", &|client| {
        client.execute("SELECT quire.restore_snapshot($1, $2)", &[&project, &archive])
    });
    cancelled("a restore with long headers", &|client| {
        client.execute("SELECT quire.restore_snapshot($1, $2)", &[&project, &headers])
    });
    cancelled("an import of fields", &|client| client.execute("SELECT quire.import_project($1)", &[&fields]));
    cancelled("a long base64", &|client| {
        // When it has been unpacked.
        client.batch_execute("SET statement_timeout = '700ms'")?;
        let outcome =
            client.execute("SELECT quire.bulk_upsert_project_files($1, files) FROM given", &[&project]);
        client.batch_execute("SET statement_timeout = '100ms'")?;
        outcome
    });
    cancelled("an import of a long line", &|client| {
        client.execute("SELECT quire.import_project($1)", &[&details])
    });
}

/// A guest, and a user who owns nothing yet and is connected.
fn people(database: &Database, admin: &mut Client) -> Client {
    admin
        .batch_execute(
            "CREATE ROLE bounds_guest LOGIN IN ROLE quire_guest;
             CREATE ROLE bounds_stranger LOGIN IN ROLE quire_user;
             SELECT quire.map_role_to_actor('bounds_stranger', gen_random_uuid(), 'stranger')",
        )
        .expect("roles");
    database.client("bounds_stranger")
}

fn owned_project(owner: &mut Client) -> Uuid {
    let sql = "SELECT quire.create_project('bounds', settings => '{\"max_file_bytes\": 536870912}')";
    owner.query_one(sql, &[]).expect("a project").get(0)
}

fn code(error: &Error) -> &str {
    error.code().map_or("the connection is gone", SqlState::code)
}

fn state(outcome: Result<(), Error>) -> String {
    outcome.map_or_else(|error| code(&error).to_owned(), |()| "no error".to_owned())
}

/// An archive of these files.
pub fn zip<'a>(files: impl IntoIterator<Item = (String, &'a [u8])>) -> Vec<u8> {
    let mut archive = Writer::new(Format::Zip, Vec::new()).expect("starts");
    for (path, bytes) in files {
        let (size, hash) = (bytes.len() as u64, Hash::of(bytes));
        let entry = Entry { path: &path, mode: Mode::Regular, size, hash, modified_at: 0 };
        archive.begin(&entry).expect("begins");
        for part in bytes.chunks(CHUNK_BYTES) {
            let part = encode(part, 1);
            archive.part(part.codec, part.size, &part.bytes).expect("a part");
        }
        if bytes.is_empty() {
            archive.part(Codec::Raw, 0, &[]).expect("a part");
        }
        archive.end().expect("ends");
    }
    archive.finish().expect("finishes")
}

/// A tar.zst of so many headers that say a lot of small things, of the file after them.
fn pax_headers(count: usize) -> Vec<u8> {
    let records = "6 a=b\n".repeat((1 << 20) / 6);
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::XHeader);
    header.set_size(records.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(records.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    encode(&bytes, 1).bytes.repeat(count)
}

/// An archive that names a file as gone so many times.
fn went_away(times: usize) -> Vec<u8> {
    let names = "\"a\",".repeat(times - 1);
    let delta = format!("{{\"since_seq\": 0, \"seq\": 1, \"deleted\": [{names}\"a\"]}}");
    zip([(".quire/delta.json".to_owned(), delta.as_bytes())])
}

/// As many lines of a few kinds.
pub fn lines(text: &str) -> String {
    text.bytes().flat_map(|letter| [char::from(b'a' + letter % 3), '\n']).collect()
}

/// The same, as words of one line.
pub fn words(text: &str) -> String {
    lines(text).replace('\n', " ")
}

/// Letters from a to z in no order.
pub fn noise(seed: u64, length: usize) -> String {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (state >> 33) as u8 % 26)
    };
    std::iter::repeat_with(next).take(length).collect()
}
