//! Logical replication: a worker of PostgreSQL's applies what was written elsewhere, and triggers of the tables call quire.

use crate::cluster::Cluster;
use crate::log;
use crate::steps::{ask, head_seq, project, user, wait_until};
use postgres::Client;

#[test]
fn what_a_worker_applies_is_saved_and_the_worker_is_as_it_was() {
    let cluster = Cluster::start("replication", &[("wal_level", "logical")]);
    let (source, app) = (cluster.empty_database("source"), cluster.database("app"));
    let mut writer = source.client("postgres");
    writer
        .batch_execute("CREATE TABLE notes (id int PRIMARY KEY, body text NOT NULL); CREATE PUBLICATION notes FOR TABLE notes")
        .expect("publish");
    let slot = "SELECT pg_create_logical_replication_slot('notes', 'pgoutput')";
    writer.batch_execute(slot).expect("make a slot");

    user(&app, "replication_owner");
    let project = project(&mut app.client("replication_owner"), "mirrored");
    let mut admin = app.client("postgres");
    // The table is somebody's who is no superuser: from PostgreSQL 16 on the worker applies changes as them, in a restricted operation.
    admin
        .batch_execute(&format!(
            "CREATE TABLE notes (id int PRIMARY KEY, body text NOT NULL);
             CREATE TABLE applied (level text, role text);
             GRANT INSERT ON applied TO PUBLIC;
             CREATE FUNCTION mirror() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 PERFORM quire.upsert_project_file('{project}', NEW.id::text, NEW.body);
                 INSERT INTO public.applied VALUES (current_setting('synchronous_commit'), current_setting('session_replication_role'));
                 RETURN NEW;
             END $$;
             CREATE TRIGGER mirror AFTER INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION mirror();
             ALTER TABLE notes ENABLE ALWAYS TRIGGER mirror;
             ALTER TABLE notes OWNER TO replication_owner"
        ))
        .expect("prepare the mirror");
    let (host, port) = (ask(&mut admin, "SHOW unix_socket_directories"), ask(&mut admin, "SHOW port"));
    admin
        .batch_execute(&format!(
            "CREATE SUBSCRIPTION notes CONNECTION 'host={host} port={port} dbname=source user=postgres' PUBLICATION notes
             WITH (create_slot = false, slot_name = 'notes', copy_data = false, synchronous_commit = 'on')"
        ))
        .expect("subscribe");

    for n in 1..=8 {
        writer.execute("INSERT INTO notes VALUES ($1, 'one')", &[&n]).expect("write");
    }
    writer.batch_execute("UPDATE notes SET body = 'two' WHERE id <= 4").expect("write several at once");
    let has_arrived = |admin: &mut Client| head_seq(admin, project) == 12;
    wait_until(60, || has_arrived(&mut admin), || "the changes have not arrived".to_owned());
    let sql = "SELECT string_agg(file_path || ' ' || content, ', ' ORDER BY file_path) FROM quire.list_current_files($1)";
    let files: String = admin.query_one(sql, &[&project]).expect("list").get(0);
    assert_eq!(files, "1 two, 2 two, 3 two, 4 two, 5 one, 6 one, 7 one, 8 one");
    let sql = "SELECT count(*), string_agg(DISTINCT level || ' ' || role, ', ') FROM applied";
    let row = admin.query_one(sql, &[]).expect("look at the worker");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, &str>(1)), (12, "on replica"));
    log::verify(&mut admin, project);
    // A worker that fails begins again, and would have written more.
    let failed = "SELECT sum(apply_error_count)::bigint FROM pg_stat_subscription_stats";
    assert_eq!(admin.query_one(failed, &[]).expect("look at the failures").get::<_, Option<i64>>(0), Some(0));
}
