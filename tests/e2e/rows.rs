//! Rows that quire writes without a statement are the rows that its statements write. It takes statements where a table is not its
//! alone, so the same is done twice: among tables as they are, and among tables on which somebody has hung a trigger.

use crate::cluster::{Cluster, Database};
use crate::fixture;
use crate::log;
use crate::steps::{project, put};
use postgres::Client;

/// A trigger for statements on every table of quire's, which notes what it hears of. Rows without a statement would not be heard of.
const LISTEN: &str = "CREATE TABLE public.heard (what text NOT NULL);
    CREATE FUNCTION public.hear() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN INSERT INTO public.heard VALUES (TG_TABLE_NAME || ' ' || TG_OP); RETURN NULL; END $$;
    DO $$ DECLARE heard text; BEGIN
        FOR heard IN SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'quire_store'::regnamespace AND c.relkind = 'r' LOOP
            EXECUTE format('CREATE TRIGGER hear AFTER INSERT OR UPDATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.hear()', heard);
        END LOOP;
    END $$";

/// The rows of some tables, without what is another each time: ids, times, digests of them, and archives that hold them.
const ROWS: &str = "SELECT c.relname, count(x.row), md5(COALESCE(string_agg(x.row, '|' ORDER BY x.row COLLATE \"C\"), ''))
    FROM pg_class c
    CROSS JOIN LATERAL (
        SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) AS columns FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.atttypid NOT IN ('uuid'::regtype, 'timestamptz'::regtype, 'jsonb'::regtype, 'oid'::regtype)
          AND a.attname NOT IN ('checksum', 'prev_checksum', 'op_checksum')
          AND (c.relname <> 'blob' OR a.attname IN ('codec', 'chunk_count', 'state'))) k
    LEFT JOIN LATERAL (
        SELECT unnest(xpath('//r/text()', query_to_xml(
            format('SELECT ROW(%s)::text AS r FROM quire_store.%I', k.columns, c.relname), false, false, '')))::text AS row) x ON true
    WHERE c.relnamespace = 'quire_store'::regnamespace AND c.relkind = 'r' AND c.relname IN (SELECT unnest($1::text[]))
    GROUP BY c.relname ORDER BY c.relname";

/// The tables whose rows are written so.
const TABLES: [&str; 7] =
    ["blob", "bundle", "entity_field", "entity_op", "file_head", "project_files", "project_head"];

fn rows(database: &Database) -> Vec<(String, i64, String)> {
    let mut client = database.client("postgres");
    let rows = client.query(ROWS, &[&TABLES.as_slice()]).expect("read the rows");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

fn heard(client: &mut Client) -> Vec<String> {
    let rows = client
        .query("SELECT DISTINCT what FROM public.heard ORDER BY what", &[])
        .expect("ask what was heard");
    client.batch_execute("TRUNCATE public.heard").expect("forget");
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn what_is_written_without_statements_is_what_statements_write() {
    let cluster = Cluster::start("rows", &[]);
    let (alone, shared) = (cluster.database("alone"), cluster.database("shared"));
    let mut admin = shared.client("postgres");
    admin.batch_execute(LISTEN).expect("listen");
    let there = fixture::build(&alone, "rows_alone");
    let heard_of = {
        let fixture = fixture::build(&shared, "rows_shared");
        assert_eq!(fixture.project, there.project);
        heard(&mut admin)
    };
    for what in TABLES.map(|table| format!("{table} INSERT")) {
        assert!(heard_of.contains(&what), "{what} in {heard_of:?}");
    }
    for what in ["project_head UPDATE", "file_head UPDATE", "entity_field UPDATE"] {
        assert!(heard_of.iter().any(|heard| heard == what), "{what} in {heard_of:?}");
    }
    let (alone_rows, shared_rows) = (rows(&alone), rows(&shared));
    assert_eq!(alone_rows.len(), TABLES.len());
    assert!(alone_rows.iter().all(|(_, count, _)| *count > 0), "{alone_rows:?}");
    assert_eq!(alone_rows, shared_rows);
    for database in [&alone, &shared] {
        log::verify(&mut database.client("postgres"), there.project);
    }

    // Of the one trigger that is left something is heard, of the others not; a column that somebody has added gets its default.
    admin
        .batch_execute(
            "DO $$ DECLARE heard text; BEGIN
                 FOR heard IN SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'hear'
                     AND tgrelid <> 'quire_store.blob'::regclass LOOP
                     EXECUTE format('DROP TRIGGER hear ON %s', heard);
                 END LOOP;
             END $$;
             ALTER TABLE quire_store.bundle ADD COLUMN note text DEFAULT 'mine'",
        )
        .expect("take the triggers off");
    let last = project(&mut admin, "last");
    put(&mut admin, last, "a", "one");
    put(&mut admin, last, "a", "two");
    assert_eq!(heard(&mut admin), ["blob INSERT"]);
    let sql = "SELECT count(*) FROM quire_store.bundle WHERE project_id = $1 AND note = 'mine'";
    assert_eq!(admin.query_one(sql, &[&last]).expect("look").get::<_, i64>(0), 2);
    log::verify(&mut admin, last);
}

/// Triggers of rows see each row, and what they say counts; so does a constraint that somebody has added.
#[test]
fn constraints_and_triggers_of_rows_do_their_part() {
    let cluster = Cluster::start("rows_guarded", &[]);
    let database = cluster.database("guarded");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "guarded");
    put(&mut admin, project, "a", "one");
    // A constraint is no trigger: the rows are still written without statements.
    admin
        .batch_execute("ALTER TABLE quire_store.project_files ADD CONSTRAINT small CHECK (size < 10)")
        .expect("add a constraint");
    let error = admin
        .execute("SELECT quire.upsert_project_file($1, 'a', 'longer than ten')", &[&project])
        .expect_err("the constraint holds");
    assert_eq!(error.code().map(|code| code.code()), Some("23514"), "{error}");
    put(&mut admin, project, "a", "two");
    log::verify(&mut admin, project);
    admin
        .batch_execute(
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN IF NEW.file_path = 'b' THEN RAISE EXCEPTION 'no b' USING ERRCODE = '23514'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON quire_store.file_head FOR EACH ROW EXECUTE FUNCTION public.refuse()",
        )
        .expect("add a trigger");
    let error = admin
        .execute("SELECT quire.upsert_project_file($1, 'b', 'x')", &[&project])
        .expect_err("the trigger refuses");
    assert_eq!(error.code().map(|code| code.code()), Some("23514"), "{error}");
    put(&mut admin, project, "c", "three");
    log::verify(&mut admin, project);
}

/// Rows are found by the primary key that a table has, whatever its index is called, and whatever else is called as it was.
#[test]
fn a_primary_key_is_known_by_what_it_is_and_not_by_its_name() {
    let cluster = Cluster::start("rows_renamed", &[]);
    let database = cluster.database("renamed");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "renamed");
    put(&mut admin, project, "a", "one");
    admin
        .batch_execute(
            "ALTER INDEX quire_store.file_head_pkey RENAME TO file_head_key;
             CREATE INDEX file_head_pkey ON quire_store.file_head (project_id, file_path) WHERE is_deleted;
             ALTER INDEX quire_store.entity_field_pkey RENAME TO entity_field_key;
             CREATE INDEX entity_field_pkey ON quire_store.entity_field (seq)",
        )
        .expect("take the names away");
    assert_eq!(put(&mut admin, project, "a", "two").0, 2);
    let ops = serde_json::json!([
        {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1},
        {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "g", "value": 1},
    ]);
    for _ in 0..2 {
        admin.query_one("SELECT quire.commit_bundle($1, $2)", &[&project, &ops]).expect("set fields");
    }
    // Without a primary key the statements do it.
    admin
        .batch_execute("ALTER TABLE quire_store.file_head DROP CONSTRAINT file_head_key")
        .expect("drop the primary key");
    assert_eq!(put(&mut admin, project, "a", "three").0, 3);
    log::verify(&mut admin, project);
}

/// Content that came without a bundle is seen by whoever sees an older state, among tables as they are and among triggers.
#[test]
fn content_that_came_meanwhile_is_not_stored_again() {
    let cluster = Cluster::start("rows_meanwhile", &[]);
    for (name, prepare) in [("alone", ""), ("shared", LISTEN)] {
        let database = cluster.database(name);
        let mut admin = database.client("postgres");
        admin.batch_execute(prepare).expect("prepare");
        let project = project(&mut admin, name);
        put(&mut admin, project, "a", "one");
        admin.execute("DELETE FROM quire_store.blob WHERE project_id = $1", &[&project]).expect("lose it");
        let mut older = database.client("postgres");
        older
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM quire_store.blob")
            .expect("look");
        let (_, before) = put(&mut admin, project, "a", "one");
        assert_eq!(before, 1, "nothing but the content is new");
        assert_eq!(put(&mut older, project, "b", "one"), (1, 2), "{name}");
        older.batch_execute("COMMIT").expect("commit");
        log::verify(&mut admin, project);
    }
}

/// Tables that a save only reads are locked as by who reads.
#[test]
fn who_saves_does_not_wait_for_an_index_of_what_they_read() {
    let cluster = Cluster::start("rows_read", &[]);
    let database = cluster.database("read");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "read");
    let mut builder = database.client("postgres");
    builder
        .batch_execute(
            "BEGIN; CREATE INDEX ON quire_store.project (name); CREATE INDEX ON quire_store.channel (name)",
        )
        .expect("build indexes");
    admin.batch_execute("SET lock_timeout = '3s'").expect("set a timeout");
    put(&mut admin, project, "a", "one");
    put(&mut admin, project, "a", "two");
    builder.batch_execute("COMMIT").expect("commit");
}

/// What the statement that calls has changed so far is seen, as every statement inside of it would see it.
#[test]
fn who_is_called_sees_what_the_calling_statement_has_changed() {
    let cluster = Cluster::start("rows_inside", &[]);
    let database = cluster.database("inside");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "inside");
    let sql = "UPDATE quire_store.project_head SET in_order_after = in_order_after WHERE project_id = $1
        RETURNING (quire.upsert_project_file($1, 'a', 'one')).version";
    assert_eq!(admin.query_one(sql, &[&project]).expect("write").get::<_, i32>(0), 1);
    log::verify(&mut admin, project);
}

/// Whatever ends it half-way, a save leaves nothing open: neither table nor snapshot, of which PostgreSQL would warn.
#[test]
fn a_save_that_fails_leaves_nothing_open() {
    let cluster = Cluster::start("rows_fails", &[]);
    let database = cluster.database("fails");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "fails");
    put(&mut admin, project, "a", "one");
    admin
        .batch_execute(
            "ALTER TABLE quire_store.file_head ADD CONSTRAINT no_b CHECK (file_path <> 'b');
             ALTER TABLE quire_store.project_files ADD CONSTRAINT later UNIQUE (project_id, content_hash) DEFERRABLE;
             CREATE INDEX ON quire_store.file_head ((1 / (size - 13)))",
        )
        .expect("add what refuses");
    let failing = "DO $$ DECLARE p uuid := (SELECT project_id FROM quire_store.project WHERE name = 'fails'); what text; BEGIN
        FOR i IN 1 .. 20 LOOP
            FOREACH what IN ARRAY ARRAY['b/two', 'c/one', 'd/longer than it'] LOOP
                BEGIN
                    PERFORM quire.upsert_project_file(p, split_part(what, '/', 1), left(split_part(what, '/', 2), 13));
                    RAISE 'it was written: %', what;
                EXCEPTION WHEN check_violation OR unique_violation OR division_by_zero THEN
                    PERFORM quire.upsert_project_file(p, 'a', clock_timestamp()::text);
                END;
            END LOOP;
        END LOOP;
    END $$";
    admin.batch_execute(failing).expect("go on after errors");
    log::verify(&mut admin, project);
    let server_log = cluster.log();
    let told: Vec<&str> = server_log.lines().filter(|line| line.contains("WARNING")).collect();
    assert!(told.is_empty(), "{told:?}");
}
