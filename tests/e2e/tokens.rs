//! Capability tokens outside of one session: behind a pooler, in a dump, in the server's log, on a standby.

use crate::cluster::{Cluster, Database, Pooler, shared};
use crate::steps::{ensure_role, project, put, refusal, user};
use postgres::{Client, GenericClient, SimpleQueryMessage};
use quire_core::token::key_of_halves;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;
use uuid::Uuid;

#[test]
fn behind_a_transaction_pooler_a_token_ends_with_its_transaction() {
    let database = shared().database("tokens_pool");
    let (project, token) = project_with_token(&database, "tokens_pool_owner", "project:read, file:write", "");
    user(&database, "tokens_pool_user");
    ensure_role(&database, "tokens_pool_guest", "LOGIN IN ROLE quire_guest");
    let pooler = Pooler::start("tokens_pool", &["tokens_pool_user", "tokens_pool_guest"]);
    // What somebody is told who has no token: that the project is not there, or that they need one.
    for (role, without_token, refused) in
        [("tokens_pool_user", "db_role", "PT404"), ("tokens_pool_guest", "42501", "42501")]
    {
        let pooled = pooler.existing_database("tokens_pool");
        let (mut holder, mut other) = (pooled.client(role), pooled.client(role));
        for ending in ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN; COMMIT", "SELECT 1 / 0"] {
            // The simple protocol: prepared statements do not survive older poolers.
            holder.batch_execute("BEGIN").expect("begin");
            let pid = simple(&mut holder, "SELECT pg_backend_pid()");
            simple(&mut holder, &format!("SELECT quire.authenticate('{token}')")).expect("authenticate");
            assert_eq!(via(&mut holder), "token");
            let read = format!("SELECT quire.get_project('{project}') ->> 'name'");
            assert_eq!(simple(&mut holder, &read).expect("read"), "pooled");
            if holder.batch_execute(ending).is_err() {
                holder.batch_execute("ROLLBACK").expect("roll back");
            }
            for client in [&mut other, &mut holder] {
                assert_eq!(
                    simple(client, "SELECT pg_backend_pid()"),
                    pid,
                    "{role}: the same server connection"
                );
                assert_eq!(via(client), without_token, "{role} after {ending}");
                assert_eq!(simple(client, &read).expect_err("refused"), refused, "{role} after {ending}");
            }
        }
        // A statement of its own is a transaction of its own.
        simple(&mut holder, &format!("SELECT quire.authenticate('{token}')")).expect("authenticate");
        assert_eq!(via(&mut other), without_token);
        // Gone in the middle of a transaction: its server connection is not handed on as it is.
        holder.batch_execute("BEGIN").expect("begin");
        simple(&mut holder, &format!("SELECT quire.authenticate('{token}')")).expect("authenticate");
        drop(holder);
        assert_eq!(via(&mut other), without_token);
    }
}

/// How `whoami` knows, or the SQLSTATE it refuses with.
fn via(client: &mut Client) -> String {
    simple(client, "SELECT quire.whoami() ->> 'via'").unwrap_or_else(|state| state)
}

/// The one value of a query in the simple protocol, or the SQLSTATE.
fn simple(client: &mut Client, sql: &str) -> Result<String, String> {
    match client.simple_query(sql) {
        Err(error) => Err(refusal::<()>(Err(error)).state),
        Ok(messages) => Ok(messages
            .iter()
            .find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            })
            .unwrap_or_default()
            .to_owned()),
    }
}

#[test]
fn a_dump_holds_what_was_given_out_and_nothing_to_make_it_with() {
    let source = shared().database("tokens_dump");
    let (project, valid) = project_with_token(&source, "tokens_dump_owner", "project:read", "");
    let mut owner = source.client("tokens_dump_owner");
    let revoked = mint(&mut owner, project, "project:read", "1 hour", "");
    let sql = "SELECT quire.revoke_token($1, token_id) FROM quire.list_tokens($1) LIMIT 1";
    owner.execute(sql, &[&project]).expect("revoke");
    let used = mint(&mut owner, project, "project:read", "1 hour", ", max_uses => 1");
    owner.execute("SELECT quire.authenticate($1)", &[&used]).expect("authenticate");
    let expired = mint(&mut owner, project, "project:read", "1 second", "");
    sleep(Duration::from_millis(1100));
    let secret = secret_of(&source);

    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tokens.sql");
    source.pg_dump_script(&file);
    let dump = std::fs::read(&file).expect("read the dump");
    for token in [&valid, &revoked, &used, &expired] {
        assert_holds_no_token(&dump, token);
    }
    assert_holds_no_secret(&dump, &secret);
    assert!(!contains(&dump, b"quire_store.secret"), "the dump does not speak of secrets");
    assert_ne!(kept_half(&source), [0; 32]);

    let copy = shared().empty_database("tokens_dump_copy");
    copy.run_script(&file);
    assert_eq!(copy.psql("SELECT count(*) FROM quire_store.secret"), "0");
    let rows = "SELECT to_jsonb(t) FROM quire_store.token t ORDER BY token_id";
    assert_eq!(copy.psql(rows), source.psql(rows));
    let mut owner = copy.client("tokens_dump_owner");
    assert_eq!(
        statuses(&mut source.client("tokens_dump_owner"), project),
        ["expired", "used", "revoked", "valid"]
    );
    assert_eq!(statuses(&mut owner, project), ["expired", "void", "revoked", "void"]);
    // Each is refused like a text that somebody made up, also after there is a key again.
    for _ in 0..2 {
        for token in [&valid, &revoked, &used, &expired] {
            assert_eq!(refusal(owner.execute("SELECT quire.authenticate($1)", &[token])).state, "42501");
        }
        let new = mint(&mut owner, project, "project:read", "1 hour", "");
        assert_eq!(read_with(&mut owner, &new, project), "pooled");
    }
}

/// Newest first.
fn statuses(client: &mut Client, project: Uuid) -> Vec<String> {
    let rows = client.query("SELECT status FROM quire.list_tokens($1)", &[&project]).expect("list");
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn a_server_log_holds_neither_tokens_that_came_as_parameters_nor_the_secret() {
    // What a careful administrator looks at: plans of nested statements, every message, statements that fail.
    let cluster = Cluster::start(
        "tokens_log",
        &[
            ("shared_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_nested_statements", "on"),
            ("auto_explain.log_analyze", "on"),
            // Later versions show parameters unless told otherwise; 15 never does.
            ("auto_explain.log_parameter_max_length", "0"),
            ("log_min_messages", "debug1"),
            ("log_min_error_statement", "debug1"),
            ("log_error_verbosity", "verbose"),
            ("log_statement", "none"),
        ],
    );
    let database = cluster.database("app");
    let tokens = work_with_tokens(&database);
    let log = cluster.log();
    assert!(log.contains("quire_store.token"), "nested statements are logged");
    assert!(log.contains("this token is not valid"), "refusals are logged");
    for token in &tokens {
        assert_holds_no_token(log.as_bytes(), token);
    }
    assert_holds_no_secret(log.as_bytes(), &secret_of(&database));
}

#[test]
fn the_most_talkative_server_log_does_not_hold_the_secret() {
    let cluster = Cluster::start(
        "tokens_log_all",
        &[
            ("shared_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_nested_statements", "on"),
            ("auto_explain.log_verbose", "on"),
            ("log_statement", "all"),
            ("log_min_duration_statement", "0"),
            ("log_parameter_max_length_on_error", "-1"),
            ("log_min_messages", "debug5"),
            ("debug_print_plan", "on"),
            ("debug_print_rewritten", "on"),
        ],
    );
    let database = cluster.database("app");
    let tokens = work_with_tokens(&database);
    let log = cluster.log();
    // Then the texts of tokens are there, as the guide says; this also shows that we look at the right place.
    assert!(log.contains(tag_of(&tokens[0])), "parameters are logged");
    assert_holds_no_secret(log.as_bytes(), &secret_of(&database));
}

/// Every function of tokens, well and badly used, with tokens as parameters; returns the tokens.
pub fn work_with_tokens(database: &Database) -> Vec<String> {
    let (project, token) = project_with_token(database, "tokens_log_owner", "project:read, file:write", "");
    let mut owner = database.client("tokens_log_owner");
    let counted = mint(&mut owner, project, "project:read", "1 hour", ", max_uses => 1");
    let sql = "SELECT quire.attenuate_token($1, '{project:read}', '1 minute')";
    let narrowed: String = owner.query_one(sql, &[&token]).expect("narrow").get(0);
    assert_eq!(read_with(&mut owner, &narrowed, project), "pooled");
    read_with(&mut owner, &counted, project);
    let mut forged = narrowed.clone().into_bytes();
    forged[100] ^= 1;
    let forged = String::from_utf8(forged).expect("ASCII");
    for (bad, state) in [(&counted, "PT410"), (&forged, "42501")] {
        assert_eq!(refusal(owner.execute("SELECT quire.authenticate($1)", &[bad])).state, state);
    }
    let wider = "SELECT quire.attenuate_token($1, '{events:read}', '1 minute')";
    assert_eq!(refusal(owner.execute(wider, &[&token])).state, "22023");
    database.client("postgres").execute("SELECT quire.rotate_secret()", &[]).expect("rotate");
    let newer = mint(&mut owner, project, "project:read", "1 hour", "");
    owner
        .execute("SELECT quire.revoke_token($1, token_id) FROM quire.list_tokens($1)", &[&project])
        .expect("revoke");
    for token in [&token, &narrowed, &newer] {
        assert_eq!(refusal(owner.execute("SELECT quire.authenticate($1)", &[token])).state, "PT410");
    }
    vec![token, counted, narrowed, forged, newer]
}

/// The half of the keys that the server keeps, the stored halves, and the keys that these make.
fn secret_of(database: &Database) -> Vec<u8> {
    let kept = kept_half(database);
    let mut all = kept.to_vec();
    for (_, stored) in stored_halves(database) {
        all.extend(stored);
        all.extend(key_of_halves(&kept, &stored));
    }
    assert!(all.len() > 32, "there are keys");
    all
}

/// What no dump and no decoding may show.
pub fn kept_half(database: &Database) -> [u8; 32] {
    let mut client = database.client("postgres");
    let mut half = [0; 32];
    for (part, eight) in half.chunks_exact_mut(8).enumerate() {
        let sql = format!("SELECT last_value FROM quire_store.secret_half_{}", part + 1);
        let value: i64 = client.query_one(&sql, &[]).expect("read a sequence").get(0);
        eight.copy_from_slice(&value.to_be_bytes());
    }
    half
}

/// The halves in the table, by key.
pub fn stored_halves(database: &Database) -> Vec<(Uuid, [u8; 32])> {
    let sql = "SELECT key_id, half FROM quire_store.secret ORDER BY created_at";
    let rows = database.client("postgres").query(sql, &[]).expect("read the halves");
    rows.iter().map(|row| (row.get(0), row.get::<_, Vec<u8>>(1).try_into().expect("32 bytes"))).collect()
}

/// Many at once, of whom some take it back and some see an older state, never use a token more often than it may be used, and nobody
/// is refused who comes while a use is left.
#[test]
fn however_many_present_a_counted_token_at_once_its_uses_are_counted_right() {
    let database = shared().database("tokens_counted");
    user(&database, "tokens_counted_owner");
    ensure_role(&database, "tokens_counted_guest", "LOGIN IN ROLE quire_guest");
    let mut owner = database.client("tokens_counted_owner");
    let project = project(&mut owner, "counted");
    for most in [1, 7, 100, 1500] {
        let token = mint(&mut owner, project, "project:read", "1 hour", &format!(", max_uses => {most}"));
        let present = |number: usize| {
            let (mut guest, token) = (database.client("tokens_counted_guest"), token.clone());
            std::thread::spawn(move || {
                let mut used = 0;
                for round in 0..40_usize {
                    let sees_older = (round + number).is_multiple_of(7);
                    let begin = if sees_older { "BEGIN ISOLATION LEVEL REPEATABLE READ" } else { "BEGIN" };
                    guest.batch_execute(begin).expect("begin");
                    let is_used = match authenticate(&mut guest, &token) {
                        Ok(_) => true,
                        Err(error) => {
                            let state = refusal::<()>(Err(error)).state;
                            assert!(state == "PT410" || sees_older && state == "40001", "{state}");
                            false
                        }
                    };
                    let keeps = is_used && !(round + number).is_multiple_of(3);
                    guest.batch_execute(if keeps { "COMMIT" } else { "ROLLBACK" }).expect("end");
                    used += i64::from(keeps);
                }
                used
            })
        };
        let holders: Vec<_> = (0..8).map(present).collect();
        let used: i64 = holders.into_iter().map(|holder| holder.join().expect("a holder")).sum();
        let sql = "SELECT uses::bigint FROM quire.list_tokens($1) ORDER BY minted_at DESC LIMIT 1";
        assert_eq!(owner.query_one(sql, &[&project]).expect("count").get::<_, i64>(0), used, "of {most}");
        if most <= 100 {
            assert_eq!(used, most, "as often as it may, in more attempts than that");
        }
    }
}

#[test]
fn a_token_that_is_not_counted_works_on_a_standby() {
    let primary = Cluster::start("tokens_standby", &[]);
    let source = primary.database("app");
    let (project, token) =
        project_with_token(&source, "tokens_standby_owner", "project:read, file:write", "");
    let mut owner = source.client("tokens_standby_owner");
    let counted = mint(&mut owner, project, "project:read", "1 hour", ", max_uses => 5");
    let brief = mint(&mut owner, project, "project:read", "1 second", "");
    ensure_role(&source, "tokens_standby_guest", "LOGIN IN ROLE quire_guest");
    let standby = Cluster::standby_of(&primary);
    primary.wait_caught_up(&standby);
    let replica = standby.existing_database("app");

    for role in ["tokens_standby_guest", "tokens_standby_owner", "postgres"] {
        let mut client = replica.client(role);
        assert_eq!(read_with(&mut client, &token, project), "pooled", "{role}");
        let sql = "SELECT quire.attenuate_token($1, '{project:read}', '1 minute')";
        let narrowed: String = client.query_one(sql, &[&token]).expect("narrow on the standby").get(0);
        assert_eq!(read_with(&mut client, &narrowed, project), "pooled", "{role}");

        let mut transaction = client.transaction().expect("begin");
        authenticate(&mut transaction, &token).expect("authenticate");
        let sql = "SELECT content FROM quire.list_current_files($1)";
        assert_eq!(transaction.query_one(sql, &[&project]).expect("list").get::<_, &str>(0), "x");
        let sql = "SELECT quire.upsert_project_file($1, 'a', 'y')";
        assert_eq!(refusal(transaction.execute(sql, &[&project])).state, "25006", "{role}");
        drop(transaction);
        assert_eq!(refusal(authenticate(&mut client, &counted)).state, "25006", "a use cannot be counted");
        assert_eq!(refusal(authenticate(&mut client, "quire1.x")).state, "42501");
    }
    let mut guest = replica.client("tokens_standby_guest");
    sleep(Duration::from_millis(1100));
    assert_eq!(refusal(authenticate(&mut guest, &brief)).state, "PT410");

    // A token that is revoked is refused as soon as the standby knows.
    let mut bound = replica.client("tokens_standby_guest");
    let mut bound = bound.transaction().expect("begin");
    authenticate(&mut bound, &token).expect("authenticate");
    owner
        .execute("SELECT quire.revoke_token($1, token_id) FROM quire.list_tokens($1)", &[&project])
        .expect("revoke");
    primary.wait_caught_up(&standby);
    assert_eq!(refusal(authenticate(&mut guest, &token)).state, "PT410");
    assert_eq!(refusal(bound.execute("SELECT quire.get_project($1)", &[&project])).state, "PT410");
}

/// A project with a file, owned by a new user, and a token for it.
pub fn project_with_token(database: &Database, owner: &str, abilities: &str, more: &str) -> (Uuid, String) {
    user(database, owner);
    let mut owner = database.client(owner);
    let project = project(&mut owner, "pooled");
    put(&mut owner, project, "a", "x");
    let token = mint(&mut owner, project, abilities, "1 hour", more);
    (project, token)
}

pub fn mint(client: &mut Client, project: Uuid, abilities: &str, ttl: &str, more: &str) -> String {
    let sql = format!("SELECT quire.mint_token($1, '{{{abilities}}}', '{ttl}'{more})");
    client.query_one(&sql, &[&project]).expect("mint").get(0)
}

pub fn authenticate(client: &mut impl GenericClient, token: &str) -> Result<u64, postgres::Error> {
    client.execute("SELECT quire.authenticate($1)", &[&token])
}

/// Name of the project, read by whoever holds the token.
fn read_with(client: &mut Client, token: &str, project: Uuid) -> String {
    let mut transaction = client.transaction().expect("begin");
    authenticate(&mut transaction, token).expect("authenticate");
    let sql = "SELECT quire.get_project($1) ->> 'name'";
    let name = transaction.query_one(sql, &[&project]).expect("read").get(0);
    transaction.commit().expect("commit");
    name
}

/// The last characters of a token's text: of its tag, without which it is worth nothing.
pub fn tag_of(token: &str) -> &str {
    &token[token.len() - 40..]
}

pub fn assert_holds_no_token(text: &[u8], token: &str) {
    assert!(!contains(text, tag_of(token).as_bytes()), "the text of a token");
}

/// In no form in which PostgreSQL writes bytes, and no half of it.
pub fn assert_holds_no_secret(text: &[u8], secrets: &[u8]) {
    for half in secrets.chunks(16) {
        let hex: String = half.iter().map(|byte| format!("{byte:02x}")).collect();
        let escaped: String = half.iter().map(|byte| format!("\\{byte:03o}")).collect();
        // As a plan tree prints it: signed numbers.
        let signed = half.iter().map(|byte| byte.cast_signed().to_string()).collect::<Vec<_>>().join(" ");
        for form in
            [half, hex.as_bytes(), hex.to_uppercase().as_bytes(), escaped.as_bytes(), signed.as_bytes()]
        {
            assert!(!contains(text, form), "half of a secret");
        }
    }
}

pub fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
