//! Locks are given up before the commit is on disk; what is acknowledged or handed out is on disk all the same.

use crate::cluster::{Cluster, Database};
use crate::fixture;
use crate::log;
use crate::steps::{
    ask, backend_pid, configure, head_seq, project, put, refusal, wait_until, wait_until_blocked,
};
use postgres::Client;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use uuid::Uuid;

/// A statement that somebody else runs meanwhile.
struct Running {
    pid: i32,
    thread: JoinHandle<Result<(), postgres::Error>>,
}

impl Running {
    fn start(database: &Database, statement: String) -> Self {
        Self::start_after(database, "", statement)
    }

    /// The same in a session that has done something before.
    fn start_after(database: &Database, before: &str, statement: String) -> Self {
        let mut client = database.client("postgres");
        client.batch_execute(before).expect("prepare the session");
        Self::start_in(client, statement)
    }

    /// The same in a session that is there.
    fn start_in(mut client: Client, statement: String) -> Self {
        let pid = backend_pid(&mut client);
        Self { pid, thread: thread::spawn(move || client.batch_execute(&statement)) }
    }

    /// Returns when it waits for the write-ahead log to be written or flushed.
    fn wait_until_flushing(&self, observer: &mut Client) {
        let is_flushing = || {
            let is = is_flushing(observer, self.pid);
            assert!(is || !self.thread.is_finished(), "it has not waited for the flush");
            is
        };
        wait_until(60, is_flushing, || "it does not wait for the flush".to_owned());
    }

    fn end(self) -> Result<(), postgres::Error> {
        self.thread.join().expect("the statement's thread")
    }
}

/// What a backend waits for.
fn waits_for(observer: &mut Client, pid: i32) -> String {
    let sql = "SELECT coalesce(lower(wait_event), '') FROM pg_stat_activity WHERE pid = $1";
    observer.query_opt(sql, &[&pid]).expect("look at the activity").map_or_else(String::new, |row| row.get(0))
}

fn is_flushing(observer: &mut Client, pid: i32) -> bool {
    ["walwrite", "walsync"].contains(&waits_for(observer, pid).as_str())
}

fn save(project: Uuid, path: &str, content: &str) -> String {
    format!("SELECT quire.upsert_project_file('{project}', '{path}', '{content}')")
}

/// Everything that was written is on disk, and PostgreSQL, which keeps one position for 32 transactions, can tell that from what comes
/// next.
fn flush(admin: &mut Client) {
    let others = "DO $$ BEGIN FOR n IN 1..64 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$";
    admin.batch_execute(others).expect("have some transactions");
    admin.batch_execute("CREATE TABLE flushed (); DROP TABLE flushed").expect("flush");
}

#[test]
fn the_next_writer_works_while_the_commit_of_the_one_before_is_flushed() {
    let cluster = Cluster::start_on_slow_disk("durability_writers", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "written");
    put(&mut admin, project, "a", "one");
    let (mut observer, mut hasty) = (database.client("postgres"), database.client("postgres"));
    hasty.batch_execute("SET synchronous_commit = off").expect("be hasty");
    put(&mut hasty, project, "b", "one");

    cluster.stop_flushes();
    let first = Running::start(&database, save(project, "a", "two"));
    first.wait_until_flushing(&mut observer);
    // One who need not wait for the disk gets the lock and is done.
    assert_eq!(put(&mut hasty, project, "b", "two"), (2, 4));
    let second = Running::start(&database, save(project, "a", "three"));
    second.wait_until_flushing(&mut observer);
    assert!(!first.thread.is_finished() && !second.thread.is_finished(), "nobody is told too early");
    cluster.let_flushes_end();
    first.end().expect("the first writer");
    second.end().expect("the second writer");
    assert_eq!(head_seq(&mut admin, project), 5);

    // With the setting off, and where the transaction wrote no bundle, commits are PostgreSQL's own.
    for before in ["SET quire.early_lock_release = off", ""] {
        cluster.stop_flushes();
        let statement = match before {
            "" => format!(
                "BEGIN; SAVEPOINT s; {}; ROLLBACK TO s;
                 SELECT FROM quire_store.project_head WHERE project_id = '{project}' FOR NO KEY UPDATE; COMMIT",
                save(project, "c", "x")
            ),
            _ => save(project, "a", "last"),
        };
        let first = Running::start_after(&database, before, statement);
        first.wait_until_flushing(&mut observer);
        let pid = backend_pid(&mut hasty);
        thread::scope(|scope| {
            let next = scope.spawn(|| put(&mut hasty, project, "b", before));
            wait_until_blocked(&database, pid);
            cluster.let_flushes_end();
            next.join().expect("the next writer");
        });
        first.end().expect("the writer");
    }
    log::verify(&mut admin, project);
}

#[test]
fn what_a_reader_has_seen_is_there_after_a_crash() {
    let cluster = Cluster::start_on_slow_disk("durability_readers", &[]);
    let database = cluster.database("app");
    let fixture = fixture::build(&database, "durability");
    let p = fixture.project;
    let mut admin = database.client("postgres");
    fixture::assert_readers_are_complete(&mut admin);
    ask(&mut admin, &format!("SELECT quire.create_subscription('{p}', 'waits')"));
    let other = project(&mut admin, "quiet");
    put(&mut admin, other, "a", "x");
    let mut observer = database.client("postgres");
    let seq = head_seq(&mut admin, p);
    // These write something themselves, and wait at their commit at the latest.
    let others = [
        format!("SELECT * FROM quire.poll_subscription('{p}', 'waits')"),
        format!("SELECT * FROM quire.sync_pull('{p}', 'elsewhere')"),
        format!("SELECT quire.create_project_snapshot('{p}')"),
        format!("SELECT quire.clone_project('{p}', 'clone')"),
        // An error tells of what is there, too.
        format!("SELECT quire.upsert_project_file('{p}', 'unflushed', 'y', expected_version => 7)"),
    ];
    for is_killed in [false, true] {
        flush(&mut admin);
        cluster.stop_flushes();
        let writer = Running::start(&database, save(p, "unflushed", if is_killed { "lost" } else { "kept" }));
        writer.wait_until_flushing(&mut observer);
        let statements: Vec<String> = fixture::readers(p).chain(others.clone()).collect();
        let (answers, answered) = channel();
        let running: BTreeMap<i32, String> = statements
            .into_iter()
            .map(|statement| {
                let mut client = database.client("postgres");
                let pid = backend_pid(&mut client);
                let (answers, sql) = (answers.clone(), statement.clone());
                thread::spawn(move || answers.send((pid, client.simple_query(&sql).map(drop))));
                (pid, statement)
            })
            .collect();
        // Who reads another project waits for nobody.
        assert_eq!(head_seq(&mut admin, other), 1);
        let mut early = Vec::new();
        let all_wait = || {
            early.extend(answered.try_iter().map(|(pid, _)| running[&pid].clone()));
            let mut is_waiting =
                |pid| is_flushing(&mut observer, pid) || waits_for(&mut observer, pid) == "object";
            let waiting = running.keys().filter(|pid| is_waiting(**pid)).count();
            waiting + early.len() >= running.len()
        };
        wait_until(120, all_wait, || format!("of {} not all wait", running.len()));
        // What tells of no project.
        assert_eq!(early, ["SELECT quire.whoami()"]);
        if is_killed {
            cluster.kill_and_restart();
            writer.end().expect_err("the writer was killed");
        } else {
            cluster.let_flushes_end();
            writer.end().expect("the writer");
        }
        drop(answers);
        let answers: Vec<bool> = answered.iter().map(|(_, answer)| answer.is_ok()).collect();
        if is_killed {
            assert!(answers.iter().all(|is_ok| !is_ok), "nobody was answered");
            let mut admin = database.client("postgres");
            let kept = "SELECT content FROM quire.read_project_file($1, 'unflushed')";
            let kept: String = admin.query_one(kept, &[&p]).expect("read").get(0);
            assert_eq!(kept, "kept", "the crash took back what nobody had seen");
            log::verify(&mut admin, p);
        } else {
            assert_eq!(answers.iter().filter(|is_ok| !**is_ok).count(), 1, "the stale writer only");
            assert!(head_seq(&mut admin, p) > seq);
        }
    }
}

#[test]
fn a_reader_waits_also_in_a_session_whose_last_call_failed_after_it_had_written() {
    let cluster = Cluster::start_on_slow_disk("durability_failed", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "failed");
    put(&mut admin, project, "a", "one");
    // A request is remembered after its bundle is written.
    admin
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON quire_store.request FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("have requests refused");
    let mut reader = database.client("postgres");
    let failing = format!(
        "SELECT quire.upsert_project_file('{project}', 'a', 'two', correlation_id => gen_random_uuid())"
    );
    assert_eq!(refusal(reader.batch_execute(&failing)).message, "refused");
    let mut observer = database.client("postgres");
    cluster.stop_flushes();
    let writer = Running::start(&database, save(project, "a", "three"));
    writer.wait_until_flushing(&mut observer);
    let reading = Running::start_in(reader, format!("SELECT * FROM quire.poll_events('{project}')"));
    reading.wait_until_flushing(&mut observer);
    cluster.let_flushes_end();
    writer.end().expect("the writer");
    reading.end().expect("the reader");
}

/// A reader of another project could not tell for which commit to wait.
#[test]
fn what_was_changed_besides_the_bundle_is_seen_by_nobody_before_it_is_flushed() {
    let cluster = Cluster::start_on_slow_disk("durability_others", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let [one, other] = ["one", "other"].map(|name| project(&mut admin, name));
    let name = format!("SELECT quire.get_project('{other}') ->> 'name'");
    let members = format!("SELECT count(*) FROM quire.list_project_members('{other}')");
    let mut observer = database.client("postgres");
    let rename = |name: &str| format!("SELECT quire.update_project('{other}', '{{\"name\": \"{name}\"}}')");
    let add = |member: u8| {
        format!(
            "SELECT quire.set_project_member('{other}', '00000000-0000-4000-8000-0000000000{member}', 'editor')"
        )
    };
    for (at, (first, last)) in
        [("", rename("renamed")), ("SAVEPOINT s;", rename("again"))].into_iter().enumerate()
    {
        let before = (ask(&mut admin, &name), ask(&mut admin, &members));
        flush(&mut admin);
        cluster.stop_flushes();
        let save = save(one, "f", &format!("version {at}"));
        let statement = match at {
            0 => format!("BEGIN; {first} {save}; {last}; {}; COMMIT", add(10 + at as u8)),
            _ => format!("BEGIN; {last}; {first} {}; {save}; COMMIT", add(10 + at as u8)),
        };
        let writer = Running::start(&database, statement);
        writer.wait_until_flushing(&mut observer);
        assert_eq!((ask(&mut admin, &name), ask(&mut admin, &members)), before);
        cluster.let_flushes_end();
        writer.end().expect("the writer");
        let after = (ask(&mut admin, &name), ask(&mut admin, &members));
        assert!(after.0 != before.0 && after.1 != before.1, "{after:?}");
    }
}

/// What is wrong with a content shows while a statement runs.
#[test]
fn an_error_that_a_statement_raises_leaves_when_what_it_tells_of_is_flushed() {
    let cluster = Cluster::start_on_slow_disk("durability_errors", &[]);
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "archived");
    put(&mut admin, project, "f", "old");
    put(&mut admin, project, "f", "new");
    let (mut observer, mut hasty) = (database.client("postgres"), database.client("postgres"));
    hasty.batch_execute("SET synchronous_commit = off").expect("be hasty");
    flush(&mut admin);
    cluster.stop_flushes();
    // By hand, because whoever takes the head row waits for what they see themselves.
    let archive = format!(
        "SET session_replication_role = replica;
         UPDATE quire_store.blob SET state = 1, state_at = now(), state_reason = 'cold', codec = 0, bytes = ''
         WHERE project_id = '{project}' AND hash = (
             SELECT content_hash FROM quire_store.project_files WHERE project_id = '{project}' AND version = 1)"
    );
    hasty.batch_execute(&archive).expect("archive");
    let reading = Running::start(&database, format!("SELECT * FROM quire.list_files_at('{project}', 1)"));
    reading.wait_until_flushing(&mut observer);
    cluster.let_flushes_end();
    assert_eq!(refusal(reading.end()).state, "PT410");
}

#[test]
fn sessions_keep_their_synchronous_commit() {
    let cluster = Cluster::start_on_slow_disk("durability_setting", &[]);
    let database = cluster.database("app");
    let mut client = database.client("postgres");
    let project = project(&mut client, "kept");
    configure(&mut client, project, json!({"broadcast": "off"}));
    client
        .batch_execute(
            "CREATE TABLE deferred (a int PRIMARY KEY, b int REFERENCES deferred DEFERRABLE INITIALLY DEFERRED);
             CREATE TABLE cases (n int)",
        )
        .expect("prepare");
    let save = |n: i32| save(project, "a", &format!("version {n}"));
    let cases = [
        save(1),
        format!("BEGIN; {}; COMMIT", save(2)),
        format!("BEGIN; {}; ROLLBACK", save(3)),
        format!("BEGIN; SAVEPOINT s; {}; ROLLBACK TO s; COMMIT", save(4)),
        format!("BEGIN; SAVEPOINT s; {}; RELEASE s; {}; COMMIT", save(5), save(6)),
        format!("BEGIN; {}; COMMIT AND CHAIN; {}; COMMIT AND CHAIN; ROLLBACK", save(7), save(8)),
        format!("BEGIN; {}; ROLLBACK AND CHAIN; {}; COMMIT", save(9), save(10)),
        format!("BEGIN; {}; INSERT INTO deferred VALUES (1, 2); COMMIT", save(11)),
        format!("BEGIN; {}; PREPARE TRANSACTION 'one'; COMMIT PREPARED 'one'", save(12)),
        format!("BEGIN; {}; PREPARE TRANSACTION 'two'; ROLLBACK PREPARED 'two'", save(13)),
        format!(
            "BEGIN; DECLARE held CURSOR WITH HOLD FOR SELECT * FROM quire.list_current_files('{project}'); {}; COMMIT;
             FETCH ALL FROM held; CLOSE held",
            save(14)
        ),
        format!(
            "DO $$ BEGIN FOR n IN 20..24 LOOP PERFORM quire.upsert_project_file('{project}', 'a', n::text); COMMIT; END LOOP; END $$"
        ),
        // Fails after the callbacks of the commit: it and another one read what the other has changed.
        format!(
            "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM cases; INSERT INTO cases VALUES (1); {}; COMMIT",
            save(15)
        ),
    ];
    let mut rival = database.client("postgres");
    for level in ["on", "local", "remote_apply", "off"] {
        client.batch_execute(&format!("SET synchronous_commit = {level}")).expect("set the level");
        for case in &cases {
            let is_serializable = case.contains("SERIALIZABLE");
            if is_serializable {
                rival
                    .batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM cases; INSERT INTO cases VALUES (2)")
                    .expect("the rival begins");
            }
            for statement in case.split("; ").filter(|_| !case.starts_with("DO")) {
                if is_serializable && statement == "COMMIT" {
                    rival.batch_execute("COMMIT").expect("the rival commits first");
                }
                let done = client.batch_execute(statement);
                let may_fail = statement == "COMMIT" && (is_serializable || case.contains("deferred"));
                assert_eq!(done.is_err(), may_fail, "{statement} of {case}: {done:?}");
            }
            if case.starts_with("DO") {
                client.batch_execute(case).expect("a procedure's commits");
            }
            assert_eq!(ask(&mut client, "SHOW synchronous_commit"), level, "after {case}");
            // What comes next is as durable as the level says, and nothing else.
            cluster.stop_flushes();
            let next = thread::scope(|scope| {
                let pid = backend_pid(&mut client);
                let next = scope.spawn(|| client.batch_execute("INSERT INTO cases VALUES (0)"));
                let mut waited = false;
                let is_decided = || {
                    waited = is_flushing(&mut rival, pid);
                    waited || next.is_finished()
                };
                wait_until(60, is_decided, || format!("{case}: neither ended nor flushed"));
                cluster.let_flushes_end();
                next.join().expect("the next statement's thread").expect("the next statement");
                waited
            });
            assert_eq!(next, level != "off", "with {level} after {case}");
        }
    }
    log::verify(&mut client, project);
}

#[test]
fn a_commit_waits_for_its_standby_as_it_is_told() {
    let primary = Cluster::start("durability_sync", &[("wal_sender_timeout", "0")]);
    let database = primary.database("app");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "replicated");
    put(&mut admin, project, "a", "one");
    let standby = Cluster::standby_of(&primary);
    primary.wait_caught_up(&standby);
    admin.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").expect("ask for a standby");
    admin.batch_execute("SELECT pg_reload_conf()").expect("reload");
    let mut observer = database.client("postgres");
    let synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    wait_until(60, || ask(&mut observer, synchronous) == "1", || "the standby is not synchronous".to_owned());
    put(&mut admin, project, "a", "two");

    standby.stop();
    let mut seq = 2;
    for level in ["remote_apply", "on", "remote_write"] {
        let before = format!("SET synchronous_commit = {level}");
        let (mut client, notices) = database.client_with_notices("postgres");
        client.batch_execute(&before).expect("set the level");
        let pid = backend_pid(&mut client);
        let statement = save(project, "a", level);
        let waiting = thread::spawn(move || client.batch_execute(&statement));
        let is_waiting = || {
            let is = waits_for(&mut observer, pid) == "syncrep";
            assert!(is || !waiting.is_finished(), "{level} waits for the standby");
            is
        };
        wait_until(60, is_waiting, || format!("{level} does not wait for the standby"));
        // The lock is kept, and readers see the state before.
        assert_eq!(head_seq(&mut observer, project), seq);
        let next =
            Running::start_after(&database, "SET synchronous_commit = local", save(project, "b", level));
        wait_until_blocked(&database, next.pid);
        // As of PostgreSQL's own commits: it is done here, and the client is warned.
        observer.query_one("SELECT pg_cancel_backend($1)", &[&pid]).expect("cancel");
        waiting.join().expect("the writer's thread").expect("committed all the same");
        let warned = notices.lock().expect("the notices");
        assert!(
            warned
                .iter()
                .any(|notice| notice.message().contains("canceling wait for synchronous replication"))
        );
        next.end().expect("a commit that asks for no standby");
        seq += 2;
        assert_eq!(head_seq(&mut observer, project), seq);
    }
    for level in ["local", "off"] {
        admin.batch_execute(&format!("SET synchronous_commit = {level}")).expect("set the level");
        put(&mut admin, project, "c", level);
    }
    log::verify(&mut admin, project);
}
