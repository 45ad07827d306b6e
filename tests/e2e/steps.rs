//! What most tests do: prepare users and projects, write a file, look at a refusal, wait for a blocked backend.

use crate::cluster::Database;
use postgres::fallible_iterator::FallibleIterator;
use postgres::{Client, GenericClient, SimpleQueryMessage};
use quire_client::file::WriteFileOptions;
use quire_client::people::MapRoleOptions;
use quire_client::{Error, Quire};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A login role that may use quire, mapped to an actor of its own, whose id is returned. Roles belong to the whole
/// server: each test uses names of its own.
pub fn user(database: &Database, role: &str) -> Uuid {
    ensure_role(database, role, "LOGIN IN ROLE quire_user");
    let options = MapRoleOptions { display_name: Some(role), ..Default::default() };
    let mut admin = database.client("postgres");
    Quire::new(&mut admin).map_role_to_actor(role, options).expect("map the role").0
}

/// A role with these options. One that another test or an earlier run has made is kept.
pub fn ensure_role(database: &Database, role: &str, options: &str) {
    static CREATING: Mutex<()> = Mutex::new(());
    let _guard = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let exists = database.psql(&format!("SELECT 1 FROM pg_roles WHERE rolname = '{role}'"));
    if exists.is_empty() {
        database.psql(&format!("CREATE ROLE {role} {options}"));
    }
}

/// A new project of the client's.
pub fn project(client: &mut Client, name: &str) -> Uuid {
    Quire::new(client).create_project(name, Default::default()).expect("create the project").0
}

/// Changes settings of a project.
pub fn configure(client: &mut Client, project: Uuid, settings: Value) {
    let changes = serde_json::json!({ "settings": settings });
    Quire::new(client).update_project(project.into(), &changes).expect("change the settings");
}

/// Makes an actor a member of a project.
pub fn add_member(client: &mut Client, project: Uuid, actor: Uuid, role: &str) {
    Quire::new(client).set_project_member(project.into(), actor.into(), role).expect("add the member");
}

/// Writes a file and returns its version and seq.
pub fn put(client: &mut impl GenericClient, project: Uuid, path: &str, content: &str) -> (i32, i64) {
    try_put(client, project, path, content, None).unwrap_or_else(|error| panic!("write {path}: {error:?}"))
}

/// Writes a file, perhaps only when it is at a version, and returns its version and seq.
pub fn try_put(
    client: &mut impl GenericClient,
    project: Uuid,
    path: &str,
    content: &str,
    expected_version: Option<i32>,
) -> quire_client::Result<(i32, i64)> {
    let options = WriteFileOptions { expected_version, ..Default::default() };
    let file = Quire::new(client).upsert_project_file(project.into(), path, content, options)?;
    Ok((file.version, file.seq))
}

/// The first column of the first row of a statement.
pub fn ask(client: &mut Client, statement: &str) -> String {
    let answer = client.simple_query(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    row.unwrap_or_else(|| panic!("{statement}: nothing"))
}

/// Seq of the project's newest bundle.
pub fn head_seq(client: &mut impl GenericClient, project: Uuid) -> i64 {
    Quire::new(client).get_project(project.into()).expect("read the project").seq
}

/// What a statement that must fail says.
#[derive(Debug)]
pub struct Refusal {
    /// SQLSTATE.
    pub state: String,
    /// The primary message.
    pub message: String,
    /// DETAIL, when it is JSON; null otherwise.
    pub detail: Value,
}

/// The refusal of a statement or a call that must fail.
pub fn refusal<T>(result: Result<T, impl Into<Error>>) -> Refusal {
    let Err(error) = result else { panic!("the statement should have been refused") };
    match error.into() {
        Error::Refused(refused) => {
            Refusal { state: refused.sqlstate, message: refused.message, detail: refused.detail }
        }
        error => panic!("the connection failed: {error:?}"),
    }
}

/// Process id of the client's backend.
pub fn backend_pid(client: &mut Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).expect("ask for the pid").get(0)
}

/// Returns when something is so, which must be within some seconds; else `what` is said of it.
pub fn wait_until(seconds: u64, mut is_so: impl FnMut() -> bool, what: impl FnOnce() -> String) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !is_so() {
        if Instant::now() >= deadline {
            panic!("after {seconds} seconds: {}", what());
        }
        sleep(Duration::from_millis(2));
    }
}

/// Returns when the backend waits for a lock that somebody else holds.
pub fn wait_until_blocked(database: &Database, pid: i32) {
    let mut observer = database.client("postgres");
    let sql = "SELECT cardinality(pg_blocking_pids($1)) > 0";
    let is_blocked = || observer.query_one(sql, &[&pid]).expect("look at the locks").get(0);
    wait_until(60, is_blocked, || format!("backend {pid} is not blocked"));
}

/// The channel on which a writer says that it is done, so that a listener need not wait for silence.
pub const HEARD: &str = "heard_everything";

/// Channel and payload of what a listener, which must listen to [`HEARD`], too, was told since the last call, in order.
pub fn heard(listener: &mut Client, writer: &mut Client) -> Vec<(String, String)> {
    writer.batch_execute(&format!("NOTIFY {HEARD}")).expect("notify");
    let mut heard = Vec::new();
    let mut notifications = listener.notifications();
    let mut waiting = notifications.timeout_iter(Duration::from_secs(60));
    while let Some(message) = waiting.next().expect("the listener's connection") {
        if message.channel() == HEARD {
            return heard;
        }
        heard.push((message.channel().to_owned(), message.payload().to_owned()));
    }
    panic!("nothing was heard for a minute; before that {heard:?}");
}

/// Bytes that no compressor makes smaller, the same in each run.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(length)
    .collect()
}
