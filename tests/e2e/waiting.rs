//! Who cannot write a project makes nobody wait who can: every function, called by readers whose transaction then stays open.

use crate::calls::{Names, assert_calls_are_complete, calls};
use crate::cluster::{Database, shared};
use crate::peers::{PROJECT, pull, push, sides};
use crate::steps::{add_member, ask, backend_pid, ensure_role, put, user, wait_until_blocked};
use postgres::Client;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What people who can do something do meanwhile, none of which may wait. Those after `BEGIN` are rolled back.
const OTHERS: &[(&str, &str)] = &[
    ("writer", "SELECT quire.upsert_project_file('{p}', 'a', gen_random_uuid()::text)"),
    ("snapshot", "SELECT quire.create_project_snapshot('{p}', 'tar.zst')"),
    ("subscriber", "BEGIN; SELECT quire.create_subscription('{p}', 'another'); ROLLBACK"),
    ("channel", "SELECT quire.open_channel('{p}')"),
    ("settings", "SELECT quire.update_project('{p}', '{\"name\": \"waiting\"}')"),
    ("members", "BEGIN; SELECT quire.set_project_member('{p}', '{me}', 'editor'); ROLLBACK"),
    (
        "removal",
        "BEGIN; SELECT quire.set_project_member('{p}', '{me}', 'viewer'); SELECT quire.delete_project_member('{p}', '{me}'); ROLLBACK",
    ),
    ("archiving", "BEGIN; SELECT quire.archive_project('{p}'); ROLLBACK"),
    ("renaming the channel", "SELECT quire.rotate_channel('{p}')"),
    ("revoking", "BEGIN; SELECT quire.revoke_token('{p}', token_id) FROM quire.list_tokens('{p}'); ROLLBACK"),
    ("tag", "BEGIN; SELECT quire.tag_project('{p}', 'v1'); ROLLBACK"),
    ("collector", "SELECT quire.gc_run('{p}')"),
    ("deleter", "BEGIN; SELECT quire.delete_project('{p}', 'waiting'); ROLLBACK"),
];

/// What administrators do meanwhile.
const ADMINS: &[(&str, &str)] = &[
    ("keys", "BEGIN; SELECT quire.rotate_secret(); ROLLBACK"),
    ("roles", "BEGIN; SELECT quire.map_role_to_actor('waiting_viewer', '{me}', 'renamed'); ROLLBACK"),
];

/// A reader: what is theirs in the project, and whether they begin with a token.
struct Reader {
    role: &'static str,
    names: Names,
    token: Option<String>,
}

fn readers(database: &Database, owner: &mut Client, project: Uuid) -> [Reader; 3] {
    let p = project.to_string();
    put(owner, project, "a", "x");
    let library =
        ask(owner, "SELECT quire.create_project('library', visibility => 'public', kind => 'library')");
    ask(owner, &format!("SELECT quire.upsert_project_file('{library}', 'a', 'x')"));
    ask(owner, &format!(r#"SELECT quire.put_doc('{project}', 'd', '{{"a": 1, "t": "x"}}') ->> 'seq'"#));
    let template = ask(owner, &format!("SELECT quire.create_template('{p}', 'template')"));
    ask(owner, &format!("SELECT quire.update_project('{template}', '{{\"visibility\": \"public\"}}')"));
    ["waiting_viewer", "waiting_stranger", "waiting_guest"].map(|role| {
        let is_guest = role == "waiting_guest";
        let me = if is_guest {
            ensure_role(database, role, "LOGIN IN ROLE quire_guest");
            Uuid::from_u128(0xE)
        } else {
            user(database, role)
        };
        // Of the guest and the stranger, what a member has is the owner's.
        let mut member = database.client(if role == "waiting_viewer" { role } else { "waiting_owner" });
        if role == "waiting_viewer" {
            add_member(owner, project, me, "viewer");
            ask(&mut member, &format!("SELECT quire.create_subscription('{p}', 'own {me}')"));
        }
        let own = match is_guest {
            true => p.clone(),
            false => ask(&mut database.client(role), "SELECT quire.create_project('own')"),
        };
        let snapshot =
            format!("SELECT quire.create_project_snapshot('{p}', at_seq => 0, format => 'zip') ->> 'snapshot_id'");
        let counted = format!(
            "SELECT quire.mint_token('{p}', '{{project:read,events:read,snapshot:read}}', '1 hour', max_uses => 1000)"
        );
        let token = format!("SELECT token_id FROM quire.list_tokens('{p}') ORDER BY minted_at LIMIT 1");
        let counted = ask(&mut member, &counted);
        let nowhere = || Uuid::from_u128(0xF).to_string();
        let archive = match is_guest {
            true => String::new(),
            false => ask(&mut database.client(role), &format!("SELECT quire.export_project('{own}')")),
        };
        let names = Names::of(vec![
            ("p", p.clone()),
            ("name", "waiting".to_owned()),
            ("lib", library.clone()),
            ("template", template.clone()),
            ("into", own),
            ("archive", archive),
            ("me", me.to_string()),
            ("member", me.to_string()),
            ("subscription", format!("own {me}")),
            ("snapshot", ask(&mut member, &snapshot)),
            ("session", ask(&mut member, &format!("SELECT quire.begin_session('{p}') ->> 'SESSION_ID'"))),
            ("text", counted.clone()),
            ("ability", "project:read".to_owned()),
            ("link", ask(&mut member, &format!("SELECT quire.create_project_snapshot('{p}') ->> 'token'"))),
            ("token_id", ask(&mut member, &token)),
            ("role", "waiting_viewer".to_owned()),
            // Who may not write learns nothing of these, be they there or not.
            ("job", nowhere()),
            ("upload", nowhere()),
            ("conflict", nowhere()),
            ("quarantine", nowhere()),
            ("hash", "0".repeat(64)),
            ("sha256", "0".repeat(64)),
            ("bytes", "x".to_owned()),
        ]);
        Reader { role, names, token: is_guest.then_some(counted) }
    })
}

/// What a project has after a while: a name of its channel whose time is over, held open by many, and a token that was revoked and
/// ended long ago. Whoever comes next tidies up.
fn age(owner: &mut Client, admin: &mut Client, project: Uuid) {
    let aged = "SELECT quire.mint_token($1, ARRAY['project:read'], '1 hour', 'aged', 3)";
    owner.execute(aged, &[&project]).expect("make a token");
    let revoke = "SELECT quire.revoke_token($1, token_id) FROM quire.list_tokens($1) WHERE audience = 'aged'";
    owner.execute(revoke, &[&project]).expect("revoke it");
    ask(owner, &format!("SELECT quire.open_channel('{project}')"));
    for statement in [
        "UPDATE quire_store.token SET expires_at = now() - interval '31 days' WHERE project_id = $1 AND audience = 'aged'",
        "INSERT INTO quire_store.channel (project_id, row_id, name, epoch, actor_id, leased_until, valid_until)
            SELECT $1, gen_random_uuid(), c.name, c.epoch, gen_random_uuid(), c.leased_until, now()
            FROM quire_store.channel c, generate_series(1, 60)
            WHERE c.project_id = $1 AND c.valid_until > now()",
    ] {
        admin.execute(statement, &[&project]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

#[test]
fn nobody_waits_for_who_cannot_write_whatever_they_call() {
    let database = shared().database("waiting");
    user(&database, "waiting_owner");
    let mut owner = database.client("waiting_owner");
    let project: Uuid = owner
        .query_one("SELECT quire.create_project('waiting', visibility => 'public', settings => '{\"retention_days\": 0}')", &[])
        .expect("create")
        .get(0);
    assert_calls_are_complete(&mut owner);
    let mut admin = database.client("postgres");
    for client in [&mut owner, &mut admin] {
        client.batch_execute("SET lock_timeout = '3s'").expect("limit the waiting");
    }
    let mut allowed = BTreeSet::new();
    let mut waited = Vec::new();
    for reader in readers(&database, &mut owner, project) {
        let mut client = database.client(reader.role);
        for call in calls() {
            let name = call.name;
            age(&mut owner, &mut admin, project);
            client.batch_execute("BEGIN").expect("begin");
            if let Some(token) = &reader.token {
                client.execute("SELECT quire.authenticate($1)", &[token]).expect("authenticate");
            }
            if let Err(error) = client.batch_execute(&call.statement(&reader.names)) {
                // What is refused holds no lock any more.
                let refused = error.as_db_error().unwrap_or_else(|| panic!("{name}: {error:?}"));
                assert!(
                    ["42501", "PT404", "PT410", "PT422", "22023", "22004"].contains(&refused.code().code()),
                    "{name} as {}: {refused:?}",
                    reader.role
                );
                client.batch_execute("ROLLBACK").expect("roll back");
                continue;
            }
            allowed.insert(name);
            // Who renames themselves and who gives them to another role change one row: those two wait for each other.
            let admins = if name == "set_display_name" { &ADMINS[..1] } else { ADMINS };
            for (what, statement) in admins {
                if let Err(error) = admin.batch_execute(&reader.names.fill(statement)) {
                    waited.push(format!("{what} after {name} by {}: {error:?}", reader.role));
                    admin.batch_execute("ROLLBACK").expect("roll back");
                }
            }
            for (what, statement) in OTHERS {
                if let Err(error) = owner.batch_execute(&reader.names.fill(statement)) {
                    let why = error
                        .as_db_error()
                        .map_or_else(|| error.to_string(), |error| error.message().to_owned());
                    waited.push(format!("{what} after {name} by {}: {why}", reader.role));
                    owner.batch_execute("ROLLBACK").expect("roll back");
                }
            }
            client.batch_execute("ROLLBACK").expect("roll back");
        }
    }
    assert!(waited.is_empty(), "{}", waited.join("\n"));
    // The walk means something: what readers may do was done, and not refused.
    for name in [
        "ack_subscription",
        "authenticate",
        "clone_project",
        "create_project_from_template",
        "create_project_snapshot",
        "create_subscription",
        "create_template",
        "delete_snapshot",
        "download_snapshot",
        "delete_subscription",
        "finish_session",
        "import_from_library",
        "import_project",
        "keep_channel",
        "mint_token",
        "open_channel",
        "poll_subscription",
        "delete_project_member",
        "revoke_token",
        "begin_session",
    ] {
        assert!(allowed.contains(name), "{name} was refused to everybody");
    }
}

#[test]
fn nobody_who_can_only_connect_finds_a_lock_to_take() {
    let database = shared().database("waiting_locks");
    user(&database, "waiting_locks_owner");
    let mut owner = database.client("waiting_locks_owner");
    let project = crate::steps::project(&mut owner, "locked");
    ensure_role(&database, "waiting_locks_outsider", "LOGIN");
    owner.batch_execute("BEGIN").expect("begin");
    put(&mut owner, project, "a", "x");
    owner.execute("SELECT quire.gc_run($1)", &[&project]).expect("collect");
    let mut outsider = database.client("waiting_locks_outsider");
    let locks = "SELECT count(*) FILTER (WHERE locktype = 'advisory'), count(*) FILTER (WHERE locktype = 'object' AND granted)
        FROM pg_locks WHERE pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let row = outsider.query_one(locks, &[]).expect("look at the locks");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 1), "no advisory lock, one of an object");
    owner.batch_execute("COMMIT").expect("commit");

    // Whatever somebody takes whose key they can compute: writers and collectors pass.
    outsider.batch_execute("BEGIN").expect("begin");
    outsider
        .batch_execute("SELECT pg_advisory_lock(('x' || substr(md5(n::text), 1, 16))::bit(64)::bigint) FROM generate_series(1, 100) n")
        .expect("take locks");
    owner.batch_execute("SET lock_timeout = '3s'").expect("limit the waiting");
    put(&mut owner, project, "a", "y");
    owner.execute("SELECT quire.gc_run($1)", &[&project]).expect("collect");
}

#[test]
fn one_statement_over_thousands_of_projects_leaves_room_in_the_table_of_locks() {
    let cluster = crate::cluster::Cluster::start(
        "waiting_many",
        &[("max_locks_per_transaction", "10"), ("max_connections", "20")],
    );
    let database = cluster.database("waiting_many");
    let mut admin = database.client("postgres");
    admin
        .batch_execute(
            "DO $$ BEGIN FOR n IN 1..3000 LOOP
                 PERFORM quire.upsert_project_file(quire.create_project('p' || n), 'a', 'x'); COMMIT;
             END LOOP; END $$",
        )
        .expect("make projects");
    let collected: i64 = admin
        .query_one("SELECT count(quire.gc_run(project_id)) FROM quire.list_projects()", &[])
        .expect("collect all")
        .get(0);
    assert_eq!(collected, 3000);
    // Twice each in one transaction, while others write.
    let mut other = database.client("postgres");
    let first: Uuid = other
        .query_one("SELECT project_id FROM quire.list_projects() ORDER BY project_id LIMIT 1", &[])
        .expect("a project")
        .get(0);
    admin.batch_execute("BEGIN").expect("begin");
    for round in 0..2 {
        let written: i64 = admin
            .query_one(
                "SELECT count((quire.upsert_project_file(project_id, 'a', $1)).seq) FROM quire.list_projects()",
                &[&format!("round {round}")],
            )
            .expect("write to all")
            .get(0);
        assert_eq!(written, 3000);
    }
    let locks: i64 = admin
        .query_one("SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND pid = pg_backend_pid()", &[])
        .expect("look at the locks")
        .get(0);
    assert!(locks <= 40, "{locks} places are kept");
    // Who waits for a row whose place was given up sees what was written meanwhile.
    let mut waiter = database.client("postgres");
    let pid = backend_pid(&mut waiter);
    let waiter = std::thread::spawn(move || put(&mut waiter, first, "a", "after"));
    wait_until_blocked(&database, pid);
    admin.batch_execute("COMMIT").expect("commit");
    assert_eq!(waiter.join().expect("the waiter writes"), (4, 4), "version and seq go on");
}

/// People of whom quire has just learnt something, each in a transaction that stays open: one comes for the first time, by claims; one is
/// found in a restored dump, by the role's name; of one the role was renamed, and one renames themselves.
fn people_who_change(database: &Database, newcomer: Uuid) -> Vec<(&'static str, Uuid, Client)> {
    ensure_role(database, "authenticated", "NOLOGIN IN ROLE quire_user");
    ensure_role(database, "authenticator", "LOGIN NOINHERIT IN ROLE authenticated");
    let [restored, married, named] =
        ["waiting_restored", "waiting_maiden", "waiting_named"].map(|role| user(database, role));
    database.psql(
        "UPDATE quire_store.actor SET role_cluster = 1, role_oid = 1 WHERE db_role = 'waiting_restored'",
    );
    database.psql("ALTER ROLE waiting_maiden RENAME TO waiting_married");
    let claims = format!(
        "SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '{{\"sub\": \"{newcomer}\"}}'; SELECT quire.create_project('own')"
    );
    [
        ("who registers", "authenticator", newcomer, claims.as_str()),
        ("who is found by name", "waiting_restored", restored, "SELECT quire.create_project('own')"),
        ("whose role was renamed", "waiting_married", married, "SELECT quire.create_project('own')"),
        ("who renames themselves", "waiting_named", named, "SELECT quire.set_display_name('Nadja')"),
    ]
    .into_iter()
    .map(|(who, role, actor, change)| {
        let mut client = database.client(role);
        client.batch_execute(&format!("BEGIN; {change}")).unwrap_or_else(|error| panic!("{who}: {error:?}"));
        (who, actor, client)
    })
    .collect()
}

/// What quire knows of an actor: names of the role and of the person, who gave that, and whether the role is of this cluster.
fn known(admin: &mut Client, actor: Uuid) -> Option<String> {
    let sql =
        "SELECT concat_ws(' ', a.db_role, a.display_name, a.name_from, a.role_cluster = c.system_identifier)
        FROM quire_store.actor a, pg_control_system() c WHERE a.actor_id = $1";
    admin.query_opt(sql, &[&actor]).expect("look at the actor").map(|row| row.get(0))
}

#[test]
fn nobody_waits_for_who_registers_or_has_another_name() {
    let (_a, database, [mut from, mut to]) = sides("waiting");
    let newcomer: Uuid =
        ask(&mut from.client, "SELECT quire.whoami() ->> 'actor_id'").parse().expect("an id");
    let other = user(&database, "waiting_other");
    let mut admin = database.client("postgres");
    let mut people = people_who_change(&database, newcomer);
    for client in [&mut to.client, &mut admin] {
        client.batch_execute("SET lock_timeout = '3s'").expect("limit the waiting");
    }
    for statement in [
        "BEGIN; SELECT quire.rotate_secret(); ROLLBACK",
        "BEGIN; SELECT quire.map_role_to_actor('waiting_other', NULL, 'Otto'); ROLLBACK",
        "BEGIN; SELECT quire.map_role_to_actor('waiting_other', gen_random_uuid()); ROLLBACK",
        "BEGIN; SELECT quire.unmap_role('waiting_other'); ROLLBACK",
        &format!("BEGIN; SELECT quire.set_display_name('Otto', '{other}'); ROLLBACK"),
        "SELECT quire.list_actors()",
    ] {
        admin.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    for (who, actor, _) in &people {
        let names = Names::of(vec![("p", PROJECT.to_string()), ("me", actor.to_string())]);
        for (what, statement) in OTHERS {
            let done = to.client.batch_execute(&names.fill(statement));
            done.unwrap_or_else(|error| panic!("{what} beside {who}: {error:?}"));
        }
    }
    // A peer sends what somebody wrote there who is just registering here.
    put(&mut from.client, PROJECT, "b", "x");
    let page = pull(&mut from.client, to.name, 100);
    assert_eq!(push(&mut to.client, from.name, &page).len(), 1);

    // They did change something. Of who takes their registering back nothing is known, whatever a peer says of them.
    let mut outcomes = Vec::new();
    for (who, actor, client) in &mut people {
        client.batch_execute(if *who == "who registers" { "ROLLBACK" } else { "COMMIT" }).expect("end");
        outcomes.push(known(&mut admin, *actor));
    }
    let expected = [
        None,
        Some("waiting_restored waiting_restored person t"),
        Some("waiting_married waiting_maiden person t"),
        Some("waiting_named Nadja person t"),
    ];
    assert_eq!(outcomes.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    put(&mut from.client, PROJECT, "b", "y");
    let page = pull(&mut from.client, to.name, 100);
    push(&mut to.client, from.name, &page);
    assert_eq!(known(&mut admin, newcomer), None);
}
