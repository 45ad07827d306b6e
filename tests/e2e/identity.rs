//! Who a session acts as: JWT claims behind a pooler, and what is left of somebody who has gone.

use crate::cluster::{Database, shared};
use crate::log;
use crate::steps::{add_member, backend_pid, ensure_role, project, put, refusal, user, wait_until_blocked};
use postgres::{Client, Transaction};
use serde_json::{Value, json};
use uuid::Uuid;

/// A connection of the API server's login role, which may take on the role of users who are signed in.
pub fn gateway(database: &Database) -> Client {
    ensure_role(database, "authenticated", "NOLOGIN IN ROLE quire_user");
    ensure_role(database, "authenticator", "LOGIN NOINHERIT IN ROLE authenticated");
    database.client("authenticator")
}

/// A request as PostgREST makes it: role and claims for one transaction.
fn request<'c>(client: &'c mut Client, claims: &Value) -> Transaction<'c> {
    let mut transaction = client.transaction().expect("begin");
    transaction.batch_execute("SET LOCAL ROLE authenticated").expect("set the role");
    set_local(&mut transaction, "request.jwt.claims", &claims.to_string());
    transaction
}

fn set_local(transaction: &mut Transaction, name: &str, value: &str) {
    transaction.execute("SELECT set_config($1, $2, true)", &[&name, &value]).expect("set the claims");
}

fn whoami(client: &mut impl postgres::GenericClient) -> Value {
    client.query_one("SELECT quire.whoami()", &[]).expect("ask").get(0)
}

#[test]
fn nobody_vouches_once_the_role_of_the_session_is_gone() {
    let database = shared().database("identity_gone");
    let mut admin = database.client("postgres");
    // Runs with an administrator's rights, for whom what the session says counts.
    admin
        .batch_execute(
            "CREATE FUNCTION who() RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS 'SELECT quire.whoami()'",
        )
        .expect("a function");
    for listed in ["", " ", ",", "authenticator, ", "identity_gone", "identity_gone,"] {
        ensure_role(&database, "identity_gone", "LOGIN");
        let set = format!("ALTER DATABASE identity_gone SET quire.trusted_authenticators = '{listed}'");
        admin.batch_execute(&set).expect("set");
        let mut gone = database.client("identity_gone");
        let claims = json!({"sub": Uuid::from_u128(0xA).to_string()}).to_string();
        gone.execute("SELECT set_config('request.jwt.claims', $1, false)", &[&claims])
            .expect("set the claims");
        let who =
            |client: &mut Client| -> Value { client.query_one("SELECT who()", &[]).expect("ask").get(0) };
        let is_listed = listed.contains("gone");
        assert_eq!(who(&mut gone)["via"], if is_listed { "jwt" } else { "system" }, "{listed:?}");
        admin.batch_execute("DROP ROLE identity_gone").expect("drop");
        assert_eq!(who(&mut gone)["via"], "system", "{listed:?}");
    }
}

#[test]
fn claims_set_by_the_authenticator_are_the_user_for_functions_and_views() {
    let database = shared().database("identity_jwt");
    let mut gateway = gateway(&database);
    let [anna, bert] = [Uuid::from_u128(0xA), Uuid::from_u128(0xB)];
    let sub = |user: Uuid| json!({"sub": user.to_string(), "role": "authenticated"});

    let mut transaction = request(&mut gateway, &sub(anna));
    let who = whoami(&mut transaction);
    assert_eq!((&who["actor_id"], &who["via"]), (&json!(anna.to_string()), &json!("jwt")));
    assert_eq!((&who["db_role"], &who["is_admin"]), (&json!("authenticated"), &json!(false)));
    let project: Uuid = transaction
        .query_one("SELECT quire.create_project('of anna')", &[])
        .expect("create a project")
        .get(0);
    put(&mut transaction, project, "a", "hers");
    transaction.commit().expect("commit");

    let files = "SELECT last_modified_by FROM quire.project_files WHERE project_id = $1";
    let mut transaction = request(&mut gateway, &sub(bert));
    assert!(
        transaction.query(files, &[&project]).expect("read").is_empty(),
        "a stranger sees nothing in views"
    );
    let hidden = refusal(transaction.execute("SELECT quire.get_project($1)", &[&project]));
    assert_eq!(hidden.state, "PT404");
    drop(transaction);

    let mut transaction = request(&mut gateway, &sub(anna));
    let rows = transaction.query(files, &[&project]).expect("read");
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<Uuid>>(), [anna]);
}

#[test]
fn claims_do_not_outlive_their_transaction_on_a_pooled_connection() {
    let database = shared().database("identity_pooled");
    let mut gateway = gateway(&database);
    let sub = json!({"sub": Uuid::from_u128(0xA).to_string()});
    for ending in ["COMMIT", "ROLLBACK"] {
        let mut transaction = request(&mut gateway, &sub);
        assert_eq!(whoami(&mut transaction)["via"], "jwt");
        transaction.batch_execute(ending).expect("end the transaction");
        drop(transaction);
        let mut transaction = gateway.transaction().expect("begin");
        transaction.batch_execute("SET LOCAL ROLE authenticated").expect("set the role");
        let who = whoami(&mut transaction);
        assert_eq!((&who["via"], &who["actor_id"]), (&json!("anonymous"), &Value::Null), "after {ending}");
        let refused = refusal(transaction.execute("SELECT quire.create_project('nobody''s')", &[]));
        assert_eq!(refused.state, "42501");
    }
    // Without a role of its own the login role of the API server may do nothing.
    assert_eq!(refusal(gateway.execute("SELECT quire.whoami()", &[])).state, "42501");
}

#[test]
fn claims_set_by_any_other_login_role_are_ignored() {
    let database = shared().database("identity_forged");
    let mut gateway = gateway(&database);
    let victim = Uuid::from_u128(0xA);
    let claims = json!({"sub": victim.to_string()});
    let mut transaction = request(&mut gateway, &claims);
    let project: Uuid =
        transaction.query_one("SELECT quire.create_project('hers')", &[]).expect("create").get(0);
    transaction.commit().expect("commit");

    // Also when the forger may take on the roles of the API server: the session is still their own.
    ensure_role(&database, "identity_forger", "LOGIN IN ROLE quire_user, authenticator, authenticated");
    let mapped = user(&database, "identity_mapped_forger");
    for (role, actor) in
        [("identity_forger", Value::Null), ("identity_mapped_forger", json!(mapped.to_string()))]
    {
        let mut forger = database.client(role);
        forger.batch_execute(&format!("SET request.jwt.claim.sub = '{victim}'")).expect("set a claim");
        forger.batch_execute(&format!("SET request.jwt.claims = '{claims}'")).expect("set claims");
        assert_eq!(whoami(&mut forger)["actor_id"], actor, "{role}");
        assert_eq!(
            refusal(forger.execute("SELECT quire.get_project($1)", &[&project])).state,
            "PT404",
            "{role}"
        );
        let seen = forger.query("SELECT FROM quire.bundles", &[]).expect("read");
        assert!(seen.is_empty(), "{role}");
        // Nor may they declare themselves trustworthy.
        let sql = format!("SET quire.trusted_authenticators = '{role}'");
        assert_eq!(refusal(forger.batch_execute(&sql)).state, "42501", "{role}");
    }
    let mut forger = database.client("identity_forger");
    for role in ["authenticator", "authenticated"] {
        forger
            .batch_execute(&format!("SET ROLE {role}; SET request.jwt.claims = '{claims}'"))
            .expect("set the role");
        let who = forger.query("SELECT quire.whoami() ->> 'actor_id'", &[]);
        let actor = who.ok().and_then(|rows| rows[0].get::<_, Option<String>>(0));
        assert_eq!(actor, None, "as {role}");
    }
}

#[test]
fn the_older_claim_setting_works_and_yields_to_the_claims() {
    let database = shared().database("identity_legacy");
    let mut gateway = gateway(&database);
    let [older, newer] = [Uuid::from_u128(0xA), Uuid::from_u128(0xB)];
    let mut transaction = gateway.transaction().expect("begin");
    transaction.batch_execute("SET LOCAL ROLE authenticated").expect("set the role");
    set_local(&mut transaction, "request.jwt.claim.sub", &older.to_string());
    assert_eq!(whoami(&mut transaction)["actor_id"], json!(older.to_string()));
    set_local(&mut transaction, "request.jwt.claims", &json!({"sub": newer.to_string()}).to_string());
    assert_eq!(whoami(&mut transaction)["actor_id"], json!(newer.to_string()));
}

#[test]
fn claims_that_are_not_those_of_a_user_are_refused_with_42501() {
    let database = shared().database("identity_bad");
    let mut gateway = gateway(&database);
    let system = format!(r#"{{"sub": "{}"}}"#, Uuid::nil());
    let long = json!({"sub": "x".repeat(256)}).to_string();
    let bad = [&long, r#"{"sub": ""}"#, &system, "{", r#"{"sub": 42}"#, r#"{"sub": ["x"]}"#, "[]", "42"];
    let accepted: Vec<&str> = bad
        .into_iter()
        .filter(|claims| match ask_with_claims(&mut gateway, claims) {
            Ok(_) => true,
            error => {
                assert_eq!(refusal(error).state, "42501", "{claims}");
                false
            }
        })
        .collect();
    assert!(accepted.is_empty(), "these should have been refused: {accepted:?}");
}

#[test]
fn a_subject_that_is_no_uuid_is_always_the_same_actor_and_is_called_as_its_claims_say() {
    let database = shared().database("identity_named");
    database.psql("ALTER DATABASE identity_named SET quire.display_name_claim = 'user_metadata.full_name'");
    let mut gateway = gateway(&database);
    let claims = |sub: &str, name: &str| json!({"sub": sub, "user_metadata": {"full_name": name}});
    let mut transaction = request(&mut gateway, &claims("auth0|abc", "Anna"));
    let anna = "dcdc10eb-9566-591a-a11e-8ae6a653d1a9";
    assert_eq!(whoami(&mut transaction)["actor_id"], anna);
    let project: Uuid =
        transaction.query_one("SELECT quire.create_project('of anna')", &[]).expect("create").get(0);
    put(&mut transaction, project, "a", "hers");
    transaction.commit().expect("commit");

    // Another connection, another backend, another name: the same person.
    drop(gateway);
    let mut gateway = database.client("authenticator");
    let mut transaction = request(&mut gateway, &claims("auth0|abc", "Anna B."));
    put(&mut transaction, project, "a", "hers, again");
    let sql = "SELECT member::text, display_name FROM quire.list_project_members($1)";
    let row = transaction.query_one(sql, &[&project]).expect("list");
    assert_eq!((row.get(0), row.get(1)), (anna, "Anna B."));
    let sql = "SELECT quire.get_bundle($1, 1) ->> 'display_name'";
    assert_eq!(transaction.query_one(sql, &[&project]).expect("details").get::<_, &str>(0), "Anna B.");
    transaction.commit().expect("commit");
    let mut transaction = request(&mut gateway, &claims("auth0|abd", "Anna B."));
    assert_eq!(refusal(transaction.execute("SELECT quire.get_project($1)", &[&project])).state, "PT404");
}

#[test]
fn claims_without_a_subject_are_those_of_nobody() {
    let database = shared().database("identity_nobody");
    let mut gateway = gateway(&database);
    for claims in ["", "{}", r#"{"sub": null}"#, r#"{"role": "anon"}"#] {
        assert_eq!(ask_with_claims(&mut gateway, claims).expect("ask"), "anonymous", "{claims}");
    }
}

/// What `whoami` says about how it knows.
fn ask_with_claims(gateway: &mut Client, claims: &str) -> Result<String, postgres::Error> {
    let mut transaction = gateway.transaction()?;
    transaction.batch_execute("SET LOCAL ROLE authenticated")?;
    set_local(&mut transaction, "request.jwt.claims", claims);
    Ok(transaction.query_one("SELECT quire.whoami() ->> 'via'", &[])?.get(0))
}

#[test]
fn history_keeps_the_actor_of_a_member_who_was_removed_and_whose_role_was_dropped() {
    let database = shared().database("identity_removed");
    let mut admin = database.client("postgres");
    user(&database, "identity_keeper");
    let mut owner = database.client("identity_keeper");
    let project = project(&mut owner, "left behind");
    let leaver = user(&database, "identity_leaver");
    add_member(&mut owner, project, leaver, "editor");
    let mut client = database.client("identity_leaver");
    put(&mut client, project, "a", "theirs");
    client.execute("SELECT quire.tag_project($1, 'theirs')", &[&project]).expect("tag");
    client.execute("SELECT quire.create_subscription($1, 'theirs')", &[&project]).expect("subscribe");

    let everything = "SELECT jsonb_agg(x)::text FROM (
        SELECT to_jsonb(h) x FROM quire.project_file_history($1, 'a') h
        UNION ALL SELECT to_jsonb(b) FROM quire.bundles b UNION ALL SELECT to_jsonb(o) FROM quire.oplog o
        UNION ALL SELECT to_jsonb(f) FROM quire.project_files f UNION ALL SELECT to_jsonb(e) FROM quire.poll_events($1) e
        UNION ALL SELECT to_jsonb(t) FROM quire.list_project_tags($1) t) everything";
    let before: String = owner.query_one(everything, &[&project]).expect("read").get(0);
    assert!(before.matches(&leaver.to_string()).count() >= 5, "the actor is named everywhere");

    owner.execute("SELECT quire.delete_project_member($1, $2)", &[&project, &leaver]).expect("remove");
    assert_eq!(owner.query_one(everything, &[&project]).expect("read").get::<_, String>(0), before);
    assert_eq!(refusal(client.execute("SELECT quire.get_project($1)", &[&project])).state, "PT404");
    assert!(client.query("SELECT FROM quire.oplog", &[]).expect("read").is_empty());
    assert_eq!(
        refusal(client.execute("SELECT quire.poll_subscription($1, 'theirs')", &[&project])).state,
        "PT404"
    );
    drop(client);
    admin.batch_execute("DROP ROLE identity_leaver").expect("drop the role");
    assert_eq!(owner.query_one(everything, &[&project]).expect("read").get::<_, String>(0), before);
    log::verify(&mut owner, project);
    // An owner can still see and end what they left behind.
    let sql = "SELECT quire.delete_subscription($1, name) FROM quire.list_subscriptions($1) WHERE actor = $2";
    assert_eq!(owner.execute(sql, &[&project, &leaver]).expect("drop"), 1);
}

/// Whoever waits for another writer, and acts as somebody else when their turn comes, writes as them.
#[test]
fn who_was_remapped_while_they_waited_writes_as_who_they_are_now() {
    let database = shared().database("identity_waiting");
    let mut admin = database.client("postgres");
    let was = user(&database, "identity_waiting");
    let becomes = Uuid::now_v7();
    let project = project(&mut admin, "waiting");
    for actor in [was, becomes] {
        add_member(&mut admin, project, actor, "editor");
    }
    let mut waits = database.client("identity_waiting");
    put(&mut waits, project, "a", "as who they were");
    let pid = backend_pid(&mut waits);
    let mut writes = database.client("postgres");
    writes.batch_execute("BEGIN").expect("begin");
    put(&mut writes, project, "b", "first");
    let waiting = std::thread::spawn(move || put(&mut waits, project, "a", "as who they are"));
    wait_until_blocked(&database, pid);
    let sql = "SELECT quire.map_role_to_actor('identity_waiting', $1)";
    admin.query_one(sql, &[&becomes]).expect("map the role");
    writes.batch_execute("COMMIT").expect("commit");
    assert_eq!(waiting.join().expect("write"), (2, 3));
    let sql = "SELECT actor_id FROM quire_store.bundle WHERE project_id = $1 ORDER BY seq";
    let authors: Vec<Uuid> =
        admin.query(sql, &[&project]).expect("ask who wrote").iter().map(|row| row.get(0)).collect();
    assert_eq!((authors[0], authors[2]), (was, becomes));
}

/// Rights that end while a statement runs have ended for what it does afterwards, in a savepoint of who had locked the project before, too.
#[test]
fn nobody_writes_with_rights_that_ended_while_their_statement_waited() {
    let database = shared().database("identity_ended");
    let mut admin = database.client("postgres");
    let actor = user(&database, "identity_ended");
    let project = project(&mut admin, "ended");
    add_member(&mut admin, project, actor, "editor");
    let mut writes = database.client("identity_ended");
    put(&mut writes, project, "a", "one");
    put(&mut writes, project, "a", "two");
    for savepoint in ["", "SAVEPOINT inside"] {
        add_member(&mut admin, project, actor, "editor");
        admin.batch_execute("SELECT pg_advisory_lock(1)").expect("lock");
        let mut writes = database.client("identity_ended");
        let pid = backend_pid(&mut writes);
        writes.batch_execute("BEGIN").expect("begin");
        // Locks the project and changes nothing.
        put(&mut writes, project, "a", "two");
        writes.batch_execute(savepoint).expect("begin inside");
        let waiting = std::thread::spawn(move || {
            let sql = "SELECT pg_advisory_xact_lock(1), quire.restore_project($1, 1)";
            writes.execute(sql, &[&project]).map_err(|error| error.code().map(|code| code.code().to_owned()))
        });
        wait_until_blocked(&database, pid);
        admin.query_one("SELECT quire.delete_project_member($1, $2)", &[&project, &actor]).expect("remove");
        admin.batch_execute("SELECT pg_advisory_unlock(1)").expect("unlock");
        assert_eq!(waiting.join().expect("write"), Err(Some("PT404".to_owned())), "{savepoint}");
    }
    log::verify(&mut admin, project);
}

/// Who has registered in a transaction that was rolled back has not, whatever this backend has seen meanwhile.
#[test]
fn a_registration_that_was_rolled_back_is_made_again() {
    let database = shared().database("identity_registered");
    let mut admin = database.client("postgres");
    let actor = Uuid::now_v7();
    let projects = ["first", "second"].map(|name| {
        let project = project(&mut admin, name);
        add_member(&mut admin, project, actor, "editor");
        project
    });
    let mut client = gateway(&database);
    let claims = json!({"sub": actor});
    for commits in [false, true] {
        let mut transaction = request(&mut client, &claims);
        let written = if commits { &projects[1..] } else { &projects };
        for project in written {
            put(&mut transaction, *project, "a", "one");
        }
        if commits { transaction.commit() } else { transaction.rollback() }.expect("end");
    }
    let sql = "SELECT count(*) FROM quire_store.actor WHERE actor_id = $1";
    assert_eq!(admin.query_one(sql, &[&actor]).expect("look").get::<_, i64>(0), 1);
}
