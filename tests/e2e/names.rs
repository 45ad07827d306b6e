//! Names that travel between databases: what a peer says of somebody, and who is `system`.

use crate::log;
use crate::peers::{PROJECT, exchange, pull, push, side_of, sides, state};
use crate::steps::put;
use postgres::Client;
use serde_json::{Value, json};
use uuid::Uuid;

/// What an actor is called here, and who said so.
fn called(client: &mut Client, actor: Uuid) -> (Option<String>, Option<String>) {
    let sql = "SELECT display_name, name_from FROM quire_store.actor WHERE actor_id = $1";
    let row = client.query_one(sql, &[&actor]).expect("the actor is registered");
    (row.get(0), row.get(1))
}

fn actor_of(client: &mut Client) -> Uuid {
    let sql = "SELECT (quire.whoami() ->> 'actor_id')::uuid";
    client.query_one(sql, &[]).expect("ask").get(0)
}

fn name(text: &str, from: &str) -> (Option<String>, Option<String>) {
    (Some(text.to_owned()), Some(from.to_owned()))
}

#[test]
fn a_name_from_a_peer_gives_way_to_the_persons_own() {
    let (_a, b_db, mut sides) = sides("named");
    let [a, b] = &mut sides;
    let mut admin = b_db.client("postgres");
    let person = actor_of(&mut a.client);
    a.client.execute("SELECT quire.set_display_name('Ann of A')", &[]).expect("set the name");
    put(&mut a.client, PROJECT, "a", "one");
    exchange(a, b);
    assert_eq!(called(&mut admin, person), name("Ann of A", "peer"));
    // The person comes here, too, and says what they are called; what a peer says then changes nothing.
    let sql = "SELECT quire.map_role_to_actor('peers_named_a', $1)";
    admin.execute(sql, &[&person]).expect("map");
    assert_eq!(called(&mut admin, person), name("Ann of A", "peer"));
    b_db.client("peers_named_a").execute("SELECT quire.set_display_name('Ann')", &[]).expect("set the name");
    a.client.execute("SELECT quire.set_display_name('Ann, later')", &[]).expect("set the name");
    put(&mut a.client, PROJECT, "a", "two");
    exchange(a, b);
    assert_eq!(called(&mut admin, person), name("Ann", "person"));
}

#[test]
fn nobody_is_called_system_by_a_peer() {
    for (test, forged) in [("unnamed", "System"), ("unnamed_2", "ｓｙｓ\u{200b}ｔｅｍ")] {
        let (_a, b_db, mut sides) = sides(test);
        let [a, b] = &mut sides;
        let person = actor_of(&mut a.client);
        put(&mut a.client, PROJECT, "a", "one");
        // Names are not part of any checksum.
        let mut page = pull(&mut a.client, b.name, 100);
        page["bundles"][0]["display_name"] = json!(forged);
        assert_eq!(push(&mut b.client, a.name, &page)[0].0, "applied");
        let mut admin = b_db.client("postgres");
        assert_eq!(called(&mut admin, person), (None, None), "{forged}");
        // Nor does a peer say what is system's name.
        assert_eq!(called(&mut admin, Uuid::nil()), name("system", "person"));
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
            assert_eq!(called(&mut admin, elsewhere), name("system of another database", "peer"));
            // So an administrator's undo does not take it back.
            let sql = "SELECT count(*) FROM quire.list_undoable($1)";
            assert_eq!(admin.query_one(sql, &[&PROJECT]).expect("list").get::<_, i64>(0), 0);
        }
        log::verify(&mut admin, PROJECT);
        let sql = "SELECT quire.verify_project($1) -> 'findings'";
        assert_eq!(admin.query_one(sql, &[&PROJECT]).expect("verify").get::<_, Value>(0), json!([]));
    }
}
