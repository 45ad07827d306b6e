//! pg_dump and restore: nothing is lost, and the log goes on where it was.

use crate::cluster::{Cluster, Database, shared};
use crate::fixture::{self, Fixture};
use crate::log;
use crate::steps::{ensure_role, project, put, user};
use std::path::{Path, PathBuf};

#[test]
fn a_custom_dump_restores_everything_into_a_fresh_cluster() {
    let source = shared().database("dump_custom");
    let fixture = fixture::build(&source, "dump_custom");
    let file = dump_file("custom.dump");
    source.pg_dump(&file);

    let cluster = Cluster::start("dump_custom", &[]);
    let copy = cluster.empty_database("restored");
    copy.pg_restore(&file);
    assert_same_database(&source, &copy, &fixture);
    assert_log_goes_on(&copy, &fixture);
}

#[test]
fn a_plain_dump_restores_everything_into_a_fresh_cluster() {
    let source = shared().database("dump_plain");
    let fixture = fixture::build(&source, "dump_plain");
    let file = dump_file("plain.sql");
    source.pg_dump_script(&file);

    let cluster = Cluster::start("dump_plain", &[]);
    let copy = cluster.empty_database("restored");
    copy.run_script(&file);
    assert_same_database(&source, &copy, &fixture);
    assert_log_goes_on(&copy, &fixture);
}

#[test]
fn a_parallel_restore_that_does_not_check_foreign_keys_restores_everything() {
    let source = shared().database("dump_parallel");
    let fixture = fixture::build(&source, "dump_parallel");
    let file = dump_file("parallel.dump");
    source.pg_dump(&file);
    let copy = shared().empty_database("dump_parallel_copy");
    copy.pg_restore_parallel(&file);
    assert_same_database(&source, &copy, &fixture);
    assert_log_goes_on(&copy, &fixture);
}

/// What docs/guide/operations.md says of them.
#[test]
fn each_way_to_dump_holds_what_the_guide_says() {
    let source = shared().database("dump_ways");
    put_some(&source);
    let with_rows = |script: &str| script.contains("COPY quire_store.project ");
    let dump = |role: &str, options: &[&str]| source.pg_dump_as(role, options);

    let script = dump("postgres", &[]).expect("dump everything");
    assert!(with_rows(&script) && script.contains("CREATE EXTENSION IF NOT EXISTS quire"));
    let script = dump("postgres", &["--schema-only"]).expect("dump the schema");
    assert!(!with_rows(&script) && script.contains("CREATE EXTENSION IF NOT EXISTS quire"), "{script}");
    // Without a word.
    for options in [["--schema=public"], ["--exclude-schema=quire_store"]] {
        let script = dump("postgres", &options).expect("dump some schemas");
        assert!(!with_rows(&script), "{options:?}");
    }

    ensure_role(&source, "dump_reader", "LOGIN IN ROLE pg_read_all_data");
    let refused = dump("dump_reader", &[]).expect_err("row level security is in the way");
    assert!(refused.contains("would be affected by row-level security"), "{refused}");
    dump("dump_reader", &["--enable-row-security"]).expect_err("it may not call what policies call");
    ensure_role(&source, "dump_user", "LOGIN IN ROLE pg_read_all_data, quire_user");
    // Policies look into a view, which pg_dump does not let anybody do.
    let refused = dump("dump_user", &["--enable-row-security"]).expect_err("policies are asked");
    assert!(refused.contains("access to non-system view"), "{refused}");
    ensure_role(&source, "dump_backup", "LOGIN BYPASSRLS IN ROLE pg_read_all_data");
    let script = dump("dump_backup", &[]).expect("dump everything");
    assert_eq!(rows_of(&script, "project"), 1, "{script}");
}

/// pg_restore loads the tables of an extension in any order.
#[test]
fn a_parallel_restore_that_checks_foreign_keys_says_that_it_fails() {
    let source = shared().database("dump_checked");
    let fixture = fixture::build(&source, "dump_checked");
    let file = dump_file("checked.dump");
    source.pg_dump(&file);
    let copy = shared().empty_database("dump_checked_copy");
    // Whether it fails depends on who is first. It never loses rows and says nothing.
    if copy.pg_restore_parallel_checked(&file) {
        assert_same_database(&source, &copy, &fixture);
    }
}

fn put_some(database: &Database) {
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "dumped");
    put(&mut admin, project, "a", "x");
}

/// How many rows of a table are in a script.
fn rows_of(script: &str, table: &str) -> usize {
    let start = format!("COPY quire_store.{table} ");
    let rows = script.lines().skip_while(|line| !line.starts_with(&start)).skip(1);
    rows.take_while(|line| *line != "\\.").count()
}

#[test]
fn a_restored_database_dumps_to_the_same_script() {
    let source = shared().database("dump_again");
    fixture::build(&source, "dump_again");
    let first = dump_file("first.sql");
    source.pg_dump_script(&first);
    let copy = shared().empty_database("dump_again_copy");
    copy.run_script(&first);
    let second = dump_file("second.sql");
    copy.pg_dump_script(&second);
    assert_eq!(sorted_lines(&first), sorted_lines(&second));
}

#[test]
fn who_was_renamed_is_found_by_the_new_name_where_a_dump_is_restored() {
    let source = shared().database("dump_renamed");
    let actor = user(&source, "dump_renamed_maiden");
    let project = project(&mut source.client("dump_renamed_maiden"), "theirs");
    source.psql("ALTER ROLE dump_renamed_maiden RENAME TO dump_renamed_married");
    // What follows the name, so that the dump has it.
    put(&mut source.client("dump_renamed_married"), project, "a", "written under another name");
    let file = dump_file("renamed.dump");
    source.pg_dump(&file);

    let cluster = Cluster::start("dump_renamed", &[]);
    let copy = cluster.empty_database("restored");
    copy.pg_restore(&file);
    // Where there is no such role yet, there is nothing to find; a role of the name before is nobody.
    for role in ["dump_renamed_maiden", "dump_renamed_married"] {
        ensure_role(&copy, role, "LOGIN IN ROLE quire_user");
    }
    let whoami = "SELECT quire.whoami() ->> 'actor_id'";
    let mut maiden = copy.client("dump_renamed_maiden");
    assert_eq!(maiden.query_one(whoami, &[]).expect("ask").get::<_, Option<String>>(0), None);
    let mut married = copy.client("dump_renamed_married");
    assert_eq!(married.query_one(whoami, &[]).expect("ask").get::<_, String>(0), actor.to_string());
    put(&mut married, project, "a", "written in another cluster");
    // From then on they are known here, whatever they are called.
    copy.psql("ALTER ROLE dump_renamed_married RENAME TO dump_renamed_again");
    put(&mut copy.client("dump_renamed_again"), project, "a", "and once more");
    assert_eq!(log::verify(&mut copy.client("postgres"), project), 3);
}

#[test]
#[should_panic(expected = "checksum of bundle 2")]
fn a_changed_bundle_is_found_by_the_chain() {
    let database = shared().database("dump_tampered");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "tampered");
    for content in ["one", "two", "three"] {
        put(&mut admin, project, "a", content);
    }
    log::verify_chain(&mut admin, project);
    database.psql(
        "ALTER TABLE quire_store.bundle DISABLE TRIGGER USER;
         UPDATE quire_store.bundle SET message = 'not me' WHERE seq = 2",
    );
    log::verify_chain(&mut admin, project);
}

fn assert_same_database(source: &Database, copy: &Database, fixture: &Fixture) {
    let expected = fixture::answers(&mut source.client("postgres"), fixture.project);
    let mut admin = copy.client("postgres");
    fixture::assert_same_answers(&expected, &fixture::answers(&mut admin, fixture.project));
    log::verify(&mut admin, fixture.project);
    // The system's actor is made by the extension, at its own time.
    let actors = "actor t WHERE t.actor_id <> '00000000-0000-0000-0000-000000000000'";
    for table in [
        actors,
        "request t",
        "project t",
        "project_member t",
        "subscription t",
        "project_tag t",
        "doc_schema t",
        "doc_binding t",
        "token t",
        "snapshot t",
        "job t",
        "job_op t",
    ] {
        let sql = format!("SELECT to_jsonb(t) FROM quire_store.{table} ORDER BY to_jsonb(t)::text");
        assert_eq!(source.psql(&sql), copy.psql(&sql), "{table}");
    }
    // Owners and grants are made by the extension, not by the dump: they must come out the same.
    let relations = "SELECT c.oid::regclass, c.relowner::regrole, c.relacl, c.relrowsecurity FROM pg_class c
        WHERE c.relnamespace::regnamespace::text IN ('quire', 'quire_store') ORDER BY c.oid::regclass::text";
    let functions = "SELECT p.oid::regprocedure, p.proowner::regrole, p.proacl FROM pg_proc p
        WHERE p.pronamespace::regnamespace::text IN ('quire', 'quire_store') ORDER BY p.oid::regprocedure::text";
    let schemas =
        "SELECT nspname, nspowner::regrole, nspacl FROM pg_namespace WHERE nspname LIKE 'quire%' ORDER BY 1";
    for sql in [relations, functions, schemas] {
        assert_eq!(source.psql(sql), copy.psql(sql));
    }
}

/// The owner's role is created again and is the same actor; the next write takes the next seq, a repeated request its
/// first answer, a subscription continues after its cursor, and an open job completes.
fn assert_log_goes_on(copy: &Database, fixture: &Fixture) {
    ensure_role(copy, &fixture.owner, "LOGIN IN ROLE quire_user");
    let mut owner = copy.client(&fixture.owner);
    let last = log::verify_chain(&mut owner, fixture.project);

    let sql =
        "SELECT seq FROM quire.upsert_project_file($1, 'a.txt', E'one\n2\nthree\n', correlation_id => $2)";
    let repeated =
        owner.query_one(sql, &[&fixture.project, &fixture.correlation]).expect("repeat the request");
    assert_eq!(repeated.get::<_, i64>(0), 2, "the request was answered with bundle 2");

    let sql = "SELECT seq FROM quire.poll_subscription($1, 'half', 1)";
    let next = owner.query_one(sql, &[&fixture.project]).expect("poll the subscription");
    assert!(next.get::<_, i64>(0) > 2, "what was acknowledged is not handed out again");

    let (version, seq) = put(&mut owner, fixture.project, "a.txt", "after the restore\n");
    assert_eq!(seq, last + 1);
    let sql = "SELECT version FROM quire.project_file_history($1, 'a.txt')";
    let versions = owner.query(sql, &[&fixture.project]).expect("read the history");
    assert_eq!(version as usize, versions.len());

    // What a job had staged is there, and it completes.
    let sql = "SELECT (quire.finish_job($1, job_id) ->> 'seq')::bigint FROM quire.list_jobs($1)";
    let completed = owner.query_one(sql, &[&fixture.project]).expect("complete the job");
    assert_eq!(completed.get::<_, i64>(0), last + 2);
    assert_eq!(log::verify(&mut owner, fixture.project), last + 2);
}

fn dump_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Rows of a table may come in another order.
fn sorted_lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("read the dump");
    // psql's guard against scripts that break out of themselves has a random key.
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .map(str::to_owned)
        .collect();
    lines.sort_unstable();
    lines
}
