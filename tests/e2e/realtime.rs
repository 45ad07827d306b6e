//! What reaches listeners: content on the private channel only, and on Supabase's private topic.

use crate::cluster::{Database, shared};
use crate::steps::{HEARD, add_member, ask, configure, ensure_role, heard, project, put, user};
use postgres::Client;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

fn listener(database: &Database, role: &str, channels: &[String]) -> Client {
    let mut client = database.client(role);
    for channel in channels {
        client.batch_execute(&format!("LISTEN \"{channel}\"")).expect("listen");
    }
    client.batch_execute(&format!("LISTEN {HEARD}")).expect("listen");
    client
}

fn open(client: &mut Client, project: Uuid) -> String {
    client.query_one("SELECT quire.open_channel($1)", &[&project]).expect("open the channel").get(0)
}

#[test]
fn who_may_not_read_hears_no_content_on_any_documented_name() {
    let database = shared().database("realtime_stranger");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "watched");
    let name = open(&mut writer, project);
    ensure_role(&database, "e2e_eavesdropper", "LOGIN");
    let guesses: Vec<String> = [
        format!("realtime:project:{project}"),
        format!("project:{project}"),
        format!("quire:{project}"),
        format!("quire:project:{project}"),
        format!("quire:{}", "0".repeat(48)),
        "quire:".to_owned(),
        "quire".to_owned(),
        "*".to_owned(),
        "%".to_owned(),
        name[..name.len() - 1].to_owned(),
        name.to_uppercase(),
    ]
    .into();
    let mut eavesdropper = listener(&database, "e2e_eavesdropper", &guesses);
    put(&mut writer, project, "plans/secret", "the secret content");
    let heard = heard(&mut eavesdropper, &mut writer);
    assert_eq!(heard.len(), 1, "only the hint: {heard:?}");
    assert!(!heard[0].1.contains("secret"), "{heard:?}");
}

#[test]
fn content_goes_to_the_private_channel_while_it_is_held_open_and_to_nobody_after() {
    let database = shared().database("realtime_private");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "private");
    let name = open(&mut writer, project);
    let mut watcher = listener(&database, "postgres", std::slice::from_ref(&name));
    put(&mut writer, project, "a.txt", "content");
    let said = heard(&mut watcher, &mut writer);
    let [(_, message)] = said.as_slice() else { panic!("one message expected: {said:?}") };
    let message: Value = serde_json::from_str(message).expect("JSON");
    assert_eq!((&message["event"], &message["seq"]), (&json!("file:update"), &json!(1)));
    assert_eq!(message["payload"]["content"], "content");

    put(&mut writer, project, "large.txt", &"x".repeat(20_000));
    let said = heard(&mut watcher, &mut writer);
    let message: Value = serde_json::from_str(&said[0].1).expect("JSON");
    assert_eq!(message["payload"]["content_omitted"], true);

    // Two bundles of one transaction are two messages here, though one hint.
    let mut transaction = writer.transaction().expect("begin");
    put(&mut transaction, project, "a.txt", "second");
    put(&mut transaction, project, "a.txt", "third");
    transaction.commit().expect("commit");
    assert_eq!(heard(&mut watcher, &mut writer).len(), 2);

    writer.execute("UPDATE quire_store.channel SET leased_until = now()", &[]).expect("let the lease end");
    put(&mut writer, project, "a.txt", "unheard");
    assert_eq!(heard(&mut watcher, &mut writer), []);
}

#[test]
fn a_name_that_has_had_its_time_is_closed_with_the_next_bundle_and_carries_no_content() {
    let database = shared().database("realtime_stale");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "stale");
    let name = open(&mut writer, project);
    let mut watcher = listener(&database, "postgres", &[name]);
    writer.execute("UPDATE quire_store.channel SET valid_until = now()", &[]).expect("let its time end");
    put(&mut writer, project, "a", "for whoever opens it again");
    let said = heard(&mut watcher, &mut writer);
    assert_eq!(
        said.iter().map(|(_, payload)| payload.as_str()).collect::<Vec<_>>(),
        [r#"{"event":"channel:closed"}"#]
    );
    put(&mut writer, project, "a", "it is told once");
    assert_eq!(heard(&mut watcher, &mut writer), []);

    // Whoever opens it again gets another name. What said something of the old one goes, but for its end.
    let name = open(&mut writer, project);
    let mut again = listener(&database, "postgres", &[name]);
    put(&mut writer, project, "a", "under the new name");
    assert_eq!((heard(&mut again, &mut writer).len(), heard(&mut watcher, &mut writer)), (1, vec![]));
    let rows = |client: &mut Client| -> i64 {
        let sql = "SELECT count(*) FROM quire_store.channel WHERE project_id = $1";
        client.query_one(sql, &[&project]).expect("count").get(0)
    };
    assert_eq!(rows(&mut writer), 2);
    writer
        .execute("UPDATE quire_store.channel SET told_at = told_at - interval '26 hours'", &[])
        .expect("wait a day");
    writer
        .execute("UPDATE quire_store.project SET created_at = created_at - interval '26 hours'", &[])
        .expect("a day");
    writer.execute("SELECT quire.gc_run($1)", &[&project]).expect("collect");
    assert_eq!(rows(&mut writer), 1);
}

#[test]
fn a_writer_who_sees_an_older_state_sends_nothing_to_whom_it_is_not_for_any_more() {
    let database = shared().database("realtime_older");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "older");
    let token =
        ask(&mut writer, &format!("SELECT quire.mint_token('{project}', '{{events:read}}', '1 hour')"));
    let mut guest = database.client("postgres");
    guest.batch_execute("BEGIN").expect("begin");
    guest.execute("SELECT quire.authenticate($1)", &[&token]).expect("authenticate");
    let name = open(&mut guest, project);
    guest.batch_execute("COMMIT").expect("commit");
    let mut watcher = listener(&database, "postgres", &[name]);
    let mut older = database.client("postgres");
    older.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").expect("begin");
    writer
        .execute("SELECT quire.revoke_token($1, token_id) FROM quire.list_tokens($1)", &[&project])
        .expect("revoke");
    put(&mut older, project, "a", "not for them");
    older.batch_execute("COMMIT").expect("commit");
    let said = heard(&mut watcher, &mut writer);
    assert!(said.iter().all(|(_, payload)| payload == r#"{"event":"channel:closed"}"#), "{said:?}");
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn a_removed_member_hears_that_the_channel_is_closed_and_nothing_more() {
    let database = shared().database("realtime_removed");
    let mut writer = database.client("postgres");
    let member = user(&database, "e2e_watcher");
    let project = project(&mut writer, "removed");
    add_member(&mut writer, project, member, "viewer");
    let name = open(&mut database.client("e2e_watcher"), project);
    let mut watcher = listener(&database, "e2e_watcher", &[name]);
    put(&mut writer, project, "a", "for members");
    assert_eq!(heard(&mut watcher, &mut writer).len(), 1);
    writer.execute("SELECT quire.delete_project_member($1, $2)", &[&project, &member]).expect("remove");
    let said = heard(&mut watcher, &mut writer);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].1, r#"{"event":"channel:closed"}"#);
    let new_name = open(&mut writer, project);
    let mut owner = listener(&database, "postgres", &[new_name]);
    put(&mut writer, project, "a", "not for them");
    assert_eq!(heard(&mut owner, &mut writer).len(), 1);
    assert_eq!(heard(&mut watcher, &mut writer), []);
}

/// `realtime.send` as Supabase ships it: it stores the message and turns every error into a warning.
const SUPABASE: &str = "
    CREATE SCHEMA realtime;
    CREATE TABLE realtime.messages (id uuid NOT NULL DEFAULT gen_random_uuid(), topic text NOT NULL, extension text NOT NULL,
        payload jsonb, event text, private boolean DEFAULT false, inserted_at timestamp NOT NULL DEFAULT now());
    CREATE FUNCTION realtime.send(payload jsonb, event text, topic text, private boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql AS $$
    BEGIN
        BEGIN
            INSERT INTO realtime.messages (payload, event, topic, private, extension)
            VALUES (payload, event, topic, private, 'broadcast');
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'ErrorSendingBroadcastMessage: %', SQLERRM;
        END;
    END $$;";

fn sink(client: &mut Client, project: Uuid) -> Value {
    let sql = "SELECT quire.get_project_stats($1) -> 'realtime_sink'";
    client.query_one(sql, &[&project]).expect("read the statistics").get(0)
}

#[test]
fn supabase_realtime_gets_every_event_and_its_failures_are_seen_and_fail_no_save() {
    let database = shared().database("realtime_supabase");
    let mut writer = database.client("postgres");
    let project = project(&mut writer, "supabase");
    configure(&mut writer, project, json!({"realtime_sink": "supabase"}));
    put(&mut writer, project, "a", "there is no Supabase yet");
    assert_eq!(
        (&sink(&mut writer, project)["failures"], &sink(&mut writer, project)["last_seq"]),
        (&json!(1), &json!(1))
    );

    writer.batch_execute(SUPABASE).expect("make the schema");
    // What is missing is told, one after the other; the last thing, policies, shows only in that nothing arrives.
    for (failures, grant, error) in [
        (2, "", "role quire_sink needs USAGE on schema realtime, SELECT on realtime.messages, INSERT on realtime.messages"),
        (
            3,
            "REVOKE ALL ON FUNCTION realtime.send FROM PUBLIC; GRANT USAGE ON SCHEMA realtime TO quire_sink;
             GRANT SELECT ON realtime.messages TO quire_sink",
            "role quire_sink needs EXECUTE on function realtime.send, INSERT on realtime.messages",
        ),
        (
            4,
            "GRANT EXECUTE ON FUNCTION realtime.send TO quire_sink; GRANT INSERT ON realtime.messages TO quire_sink;
             ALTER TABLE realtime.messages ENABLE ROW LEVEL SECURITY",
            "realtime.send stored no message that quire_sink may see: policies for it may be missing; a \
             warning of realtime.send is in the server log",
        ),
    ] {
        writer.batch_execute(grant).expect("grant");
        put(&mut writer, project, "a", grant);
        let failure = sink(&mut writer, project);
        assert_eq!((&failure["failures"], &failure["last_error"]), (&json!(failures), &json!(error)));
    }
    // As the guide has it.
    writer
        .batch_execute(
            "CREATE POLICY quire_sends ON realtime.messages FOR INSERT TO quire_sink WITH CHECK (true);
             CREATE POLICY quire_looks ON realtime.messages FOR SELECT TO quire_sink USING (true)",
        )
        .expect("make policies");
    put(&mut writer, project, "a", "arrives");
    let row = writer
        .query_one("SELECT topic, event, private, payload FROM realtime.messages", &[])
        .expect("exactly one message");
    assert_eq!(row.get::<_, String>(0), format!("project:{project}"));
    assert_eq!((row.get::<_, String>(1), row.get::<_, bool>(2)), ("file:update".to_owned(), true));
    let payload: Value = row.get(3);
    assert_eq!(
        (&payload["seq"], &payload["content"], &payload["file_path"]),
        (&json!(5), &json!("arrives"), &json!("a"))
    );
    assert_eq!(sink(&mut writer, project)["failures"], 4);
}

/// What a trigger or a policy of somebody else's tries when a message is sent, each with what comes of it.
const TRIED: &[&str] = &[
    "SELECT half::text FROM quire_store.secret",
    "SELECT last_value::text FROM quire_store.secret_half_1",
    "SELECT name FROM quire_store.project",
    "SELECT quire_store.error_codes()::text",
    "SELECT quire.whoami()::text",
    "SET ROLE quire_owner",
    "SET SESSION AUTHORIZATION quire_owner",
    "RESET SESSION AUTHORIZATION",
    "ALTER FUNCTION quire_store.send_as_sink SECURITY INVOKER",
    "CREATE FUNCTION quire_store.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "DROP OWNED BY quire_sink CASCADE",
    "REASSIGN OWNED BY quire_sink TO quire_owner",
    "GRANT quire_sink TO e2e_meddler",
    "CREATE SCHEMA of_sink",
];

#[test]
fn triggers_and_policies_on_messages_run_as_a_role_that_has_nothing_of_quires() {
    let database = shared().database("realtime_meddled");
    let mut writer = database.client("postgres");
    ensure_role(&database, "e2e_meddler", "LOGIN");
    let project = project(&mut writer, "meddled");
    configure(&mut writer, project, json!({"realtime_sink": "supabase"}));
    writer.batch_execute(SUPABASE).expect("make the schema");
    writer
        .batch_execute(
            "GRANT USAGE ON SCHEMA realtime TO quire_sink; GRANT SELECT, INSERT ON realtime.messages TO quire_sink;
             ALTER TABLE realtime.messages OWNER TO e2e_meddler; ALTER TABLE realtime.messages ENABLE ROW LEVEL SECURITY;
             GRANT USAGE ON SCHEMA realtime TO e2e_meddler; CREATE SCHEMA meddler AUTHORIZATION e2e_meddler",
        )
        .expect("hand the table to somebody");
    let tries: String = TRIED.iter().map(|statement| format!("$x${statement}$x$, ")).collect();
    let mut meddler = database.client("e2e_meddler");
    meddler
        .batch_execute(&format!(
            "CREATE TABLE meddler.loot (way text, who text, statement text, came text);
             GRANT USAGE ON SCHEMA meddler TO PUBLIC; GRANT INSERT ON meddler.loot TO PUBLIC;
             CREATE FUNCTION meddler.try(way text) RETURNS boolean LANGUAGE plpgsql AS $f$
             DECLARE statement text; came text;
             BEGIN
                 FOREACH statement IN ARRAY ARRAY[{tries} NULL] LOOP
                     came := NULL;
                     BEGIN
                         IF statement ~ '^SELECT' THEN EXECUTE statement INTO came; ELSE EXECUTE statement; END IF;
                         came := 'DONE ' || came;
                     EXCEPTION WHEN OTHERS THEN came := SQLSTATE;
                     END;
                     INSERT INTO meddler.loot VALUES (way, current_user, statement, COALESCE(came, 'DONE'));
                 END LOOP;
                 RETURN true;
             END $f$;
             CREATE FUNCTION meddler.fires() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM meddler.try(TG_WHEN || '' '' || TG_LEVEL); RETURN NEW; END';
             CREATE TRIGGER a BEFORE INSERT ON realtime.messages FOR EACH ROW EXECUTE FUNCTION meddler.fires();
             CREATE TRIGGER b AFTER INSERT ON realtime.messages FOR EACH ROW EXECUTE FUNCTION meddler.fires();
             CREATE TRIGGER c AFTER INSERT ON realtime.messages EXECUTE FUNCTION meddler.fires();
             CREATE POLICY p ON realtime.messages TO PUBLIC USING (meddler.try('USING')) WITH CHECK (meddler.try('CHECK'));"
        ))
        .expect("meddle");
    put(&mut writer, project, "a", "hidden");
    assert_eq!(sink(&mut writer, project), Value::Null, "sent");
    let rows = writer
        .query("SELECT way, who, statement, came FROM meddler.loot WHERE statement IS NOT NULL", &[])
        .expect("look");
    let ways: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        ways.into_iter().collect::<Vec<_>>(),
        ["AFTER ROW", "AFTER STATEMENT", "BEFORE ROW", "CHECK", "USING"]
    );
    for row in &rows {
        let (statement, came): (String, String) = (row.get(2), row.get(3));
        assert_eq!(row.get::<_, String>(1), "quire_sink");
        // Privileges that are missing, a role that cannot be set here, and what the extension needs.
        assert!(["42501", "2BP01"].contains(&came.as_str()), "{statement}: {came}");
    }
    // What fails there, fails no save.
    for failure in ["ASSERT false, ''failed''", "RAISE ''failed''"] {
        let sql = format!(
            "CREATE OR REPLACE FUNCTION meddler.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {failure}; END'"
        );
        meddler.batch_execute(&sql).expect("break it");
        put(&mut writer, project, "a", failure);
    }
    assert_eq!(sink(&mut writer, project)["failures"], 2);
    meddler
        .batch_execute(
            "CREATE OR REPLACE FUNCTION meddler.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        )
        .expect("repair it");
    // Nothing has changed: the next one is sent the same way.
    put(&mut writer, project, "a", "again");
    assert_eq!(
        writer.query_one("SELECT count(*) FROM realtime.messages", &[]).expect("count").get::<_, i64>(0),
        2
    );
}

#[test]
fn a_function_of_somebody_elses_making_is_not_called_with_the_owners_rights() {
    let database = shared().database("realtime_forged");
    let mut writer = database.client("postgres");
    ensure_role(&database, "e2e_forger", "LOGIN");
    let project = project(&mut writer, "forged");
    configure(&mut writer, project, json!({"realtime_sink": "supabase"}));
    writer.batch_execute("CREATE SCHEMA realtime AUTHORIZATION e2e_forger").expect("make the schema");
    let mut forger = database.client("e2e_forger");
    forger
        .batch_execute(
            "CREATE FUNCTION realtime.send(jsonb, text, text, boolean) RETURNS void LANGUAGE plpgsql AS
             'BEGIN CREATE TABLE realtime.loot AS SELECT * FROM quire_store.secret; END';
             GRANT ALL ON SCHEMA realtime TO PUBLIC",
        )
        .expect("make the function");
    put(&mut writer, project, "a", "x");
    let failure = sink(&mut writer, project);
    assert!(failure["last_error"].as_str().is_some_and(|error| error.contains("of Supabase")), "{failure}");
    let sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'realtime'";
    assert_eq!(writer.query_one(sql, &[]).expect("look").get::<_, i64>(0), 0);
}
