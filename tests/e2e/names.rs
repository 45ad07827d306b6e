//! Names that travel between databases: what a peer says of somebody, and who is `system`.

use crate::cluster::Database;
use crate::log;
use crate::peers::{PROJECT, exchange, pull, push, side_of, sides, state};
use crate::steps::{HEARD, add_member, configure, ensure_role, heard, project, put, user};
use postgres::{Client, GenericClient};
use serde_json::{Value, json};
use uuid::Uuid;

/// What the project shows as the name of an actor, to whoever asks.
fn called(client: &mut impl GenericClient, actor: Uuid) -> Option<String> {
    let sql = "SELECT DISTINCT display_name FROM quire.search_ops($1, jsonb_build_object('actor', $2::uuid))";
    client.query_one(sql, &[&PROJECT, &actor]).expect("search").get(0)
}

fn actor_of(client: &mut Client) -> Uuid {
    let sql = "SELECT (quire.whoami() ->> 'actor_id')::uuid";
    client.query_one(sql, &[]).expect("ask").get(0)
}

fn name(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn rename(client: &mut Client, text: &str) {
    client.execute("SELECT quire.set_display_name($1)", &[&text]).expect("set the name");
}

/// How many rows of people there are.
fn registered(admin: &mut Client) -> i64 {
    admin.query_one("SELECT count(*) FROM quire.list_actors()", &[]).expect("count").get(0)
}

#[test]
fn a_name_from_a_peer_gives_way_to_the_persons_own() {
    let (_a, b_db, mut sides) = sides("named");
    let [a, b] = &mut sides;
    let mut admin = b_db.client("postgres");
    let person = actor_of(&mut a.client);
    rename(&mut a.client, "Ann of A");
    put(&mut a.client, PROJECT, "a", "one");
    exchange(a, b);
    assert_eq!(called(&mut b.client, person), name("Ann of A"));
    // What they are called there later is known with what they did later.
    rename(&mut a.client, "Ann, later");
    put(&mut a.client, PROJECT, "a", "two");
    exchange(a, b);
    assert_eq!(called(&mut b.client, person), name("Ann, later"));
    // The person comes here, too, and has no name of their own yet; the one the peer told is shown in its project alone.
    let sql = "SELECT quire.map_role_to_actor('peers_named_a', $1)";
    admin.execute(sql, &[&person]).expect("map");
    assert_eq!(called(&mut b.client, person), name("Ann, later"));
    let mut here = b_db.client("peers_named_a");
    let who: Value = here.query_one("SELECT quire.whoami()", &[]).expect("ask").get(0);
    assert_eq!(who["display_name"], Value::Null);
    // They say what they are called; what a peer says then changes nothing.
    rename(&mut here, "Ann");
    rename(&mut a.client, "Ann, last");
    put(&mut a.client, PROJECT, "a", "three");
    exchange(a, b);
    assert_eq!(called(&mut b.client, person), name("Ann"));
}

#[test]
fn what_a_peer_says_of_people_stays_in_its_project() {
    let (_a, b_db, mut sides) = sides("strangers");
    let [a, b] = &mut sides;
    let person = actor_of(&mut a.client);
    rename(&mut a.client, "Mallory was here");
    put(&mut a.client, PROJECT, "a", "one");
    // Somebody else's project knows the person by their id, before they have ever come.
    user(&b_db, "peers_strangers_other");
    let mut other = b_db.client("peers_strangers_other");
    let theirs = project(&mut other, "somebody else's");
    add_member(&mut other, theirs, person, "editor");
    let mut admin = b_db.client("postgres");
    let before = registered(&mut admin);
    exchange(a, b);
    assert_eq!(called(&mut b.client, person), name("Mallory was here"));
    assert_eq!(registered(&mut admin), before, "nobody is registered by a peer");
    let members = "SELECT display_name FROM quire.list_project_members($1) WHERE member = $2";
    let listed: Option<String> = other.query_one(members, &[&theirs, &person]).expect("list").get(0);
    assert_eq!(listed, None);
    add_member(&mut b.client, PROJECT, person, "viewer");
    let listed: Option<String> = b.client.query_one(members, &[&PROJECT, &person]).expect("list").get(0);
    assert_eq!(listed, name("Mallory was here"));
    let mut person_here = as_subject(&b_db, person);
    let who = "SELECT quire.whoami() ->> 'display_name'";
    put(&mut person_here, theirs, "a", "x");
    assert_eq!(person_here.query_one(who, &[]).expect("ask").get::<_, Option<String>>(0), None);
    // And goes with the project.
    b.client.execute("SELECT quire.delete_project($1, 'shared')", &[&PROJECT]).expect("delete");
    let left = "SELECT count(*) FROM quire_store.peer_actor";
    assert_eq!(admin.query_one(left, &[]).expect("count").get::<_, i64>(0), 0);
}

/// A session that a trusted authenticator has made one of this person's.
fn as_subject(database: &Database, person: Uuid) -> Client {
    ensure_role(database, "authenticated", "NOLOGIN IN ROLE quire_user");
    let mut client = database.client("postgres");
    let sql = format!(
        "SET quire.trusted_authenticators = 'postgres'; SET ROLE authenticated;
         SET request.jwt.claims = '{{\"sub\": \"{person}\"}}'; SET lock_timeout = '3s'"
    );
    client.batch_execute(&sql).expect("sign in");
    client
}

#[test]
fn nobody_waits_for_who_pushes_what_they_have_done() {
    let (_a, b_db, mut sides) = sides("unhurried");
    let [a, b] = &mut sides;
    let person = actor_of(&mut a.client);
    put(&mut a.client, PROJECT, "a", "one");
    user(&b_db, "peers_unhurried_other");
    let mut other = b_db.client("peers_unhurried_other");
    let theirs = project(&mut other, "somebody else's");
    add_member(&mut other, theirs, person, "editor");
    let page = pull(&mut a.client, b.name, 100);
    configure(&mut b.client, PROJECT, json!({"broadcast": "full"}));
    let mut listener = b_db.client("postgres");
    listener
        .batch_execute(&format!("LISTEN \"realtime:project:{PROJECT}\"; LISTEN {HEARD}"))
        .expect("listen");
    b.client.batch_execute("BEGIN").expect("begin");
    assert_eq!(push(&mut b.client, a.name, &page)[0].0, "applied");
    // Their first write, by which they are registered, while the push stays open.
    put(&mut as_subject(&b_db, person), theirs, "a", "x");
    b.client.batch_execute("COMMIT").expect("commit");
    // Who listens is told, too, on whose word it is.
    let told = heard(&mut listener, &mut b.client);
    let event: Value = serde_json::from_str(&told[0].1).expect("an event");
    assert_eq!(event["payload"]["from_peer"], a.name);
}

#[test]
fn nobody_is_called_by_a_peer_what_nobody_may_be_called() {
    for (test, forged) in
        [("unnamed", "System"), ("unnamed_2", "An\u{200b}n"), ("unnamed_3", "system of Another database")]
    {
        let (_a, b_db, mut sides) = sides(test);
        let [a, b] = &mut sides;
        let person = actor_of(&mut a.client);
        put(&mut a.client, PROJECT, "a", "one");
        // Names are not part of any checksum.
        let mut page = pull(&mut a.client, b.name, 100);
        page["bundles"][0]["display_name"] = json!(forged);
        assert_eq!(push(&mut b.client, a.name, &page)[0].0, "applied");
        assert_eq!(called(&mut b.client, person), None, "{forged}");
        // Nor does a peer say what is system's name.
        let mut admin = b_db.client("postgres");
        put(&mut admin, PROJECT, "b", "by an administrator");
        assert_eq!(called(&mut b.client, Uuid::nil()), name("system"));
    }
}

#[test]
fn what_the_system_of_another_database_did_is_not_the_work_of_this_one() {
    let (a_db, b_db, mut sides) = sides("system");
    let (c_db, mut c) = side_of("system", "c");
    let [a, b] = &mut sides;
    let mut admin = a_db.client("postgres");
    put(&mut admin, PROJECT, "a", "by an administrator of a");
    let ops =
        json!([{"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "x", "value": "of a"}]);
    let commit = "SELECT quire.commit_bundle($1, $2, message => 'by an administrator')";
    admin.execute(commit, &[&PROJECT, &ops]).expect("commit");
    // Also when both sides change a field, and through a third database, and back.
    let ops =
        json!([{"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "x", "value": "of b"}]);
    b.client.execute(commit, &[&PROJECT, &ops]).expect("commit");
    exchange(a, b);
    exchange(b, &mut c);
    exchange(b, a);
    exchange(&mut c, a);
    assert_eq!(state(&mut a.client), state(&mut b.client));
    assert_eq!(state(&mut a.client), state(&mut c.client));

    let by_system = "SELECT count(*) FROM quire.bundles WHERE project_id = $1 AND actor = $2";
    let elsewhere = Uuid::from_u128(0x0000_0000_0000_5000_8000_0000_0000_0000);
    for (database, side, here, there) in
        [(&a_db, &mut *a, 2, 0), (&b_db, &mut *b, 0, 2), (&c_db, &mut c, 0, 2)]
    {
        let mut admin = database.client("postgres");
        for (actor, expected) in [(Uuid::nil(), here), (elsewhere, there)] {
            let count: i64 = admin.query_one(by_system, &[&PROJECT, &actor]).expect("count").get(0);
            assert_eq!(count, expected, "{} in {}", actor, side.name);
        }
        if there > 0 {
            assert_eq!(called(&mut admin, elsewhere), name("system of another database"));
            // So an administrator's undo does not take it back.
            let sql = "SELECT count(*) FROM quire.list_undoable($1)";
            assert_eq!(admin.query_one(sql, &[&PROJECT]).expect("list").get::<_, i64>(0), 0);
        }
        log::verify(&mut admin, PROJECT);
        let sql = "SELECT quire.verify_project($1) -> 'findings'";
        assert_eq!(admin.query_one(sql, &[&PROJECT]).expect("verify").get::<_, Value>(0), json!([]));
    }
}
