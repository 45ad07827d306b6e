//! A hot standby reads like its primary and refuses every write in the same way.

use crate::cluster::Cluster;
use crate::fixture;
use crate::steps::refusal;
use postgres::Client;
use std::collections::HashSet;

#[test]
fn a_hot_standby_answers_every_reader_like_its_primary_and_refuses_every_writer_with_25006() {
    let primary = Cluster::start("standby", &[]);
    let source = primary.database("app");
    let fixture = fixture::build(&source, "standby");
    let standby = Cluster::standby_of(&primary);
    primary.wait_caught_up(&standby);
    let replica = standby.existing_database("app");
    assert_eq!(replica.psql("SELECT pg_is_in_recovery()"), "t");

    fixture::assert_readers_are_complete(&mut replica.client("postgres"));
    for reader in ["postgres", &fixture.owner] {
        let expected = fixture::answers(&mut source.client(reader), fixture.project);
        let got = fixture::answers(&mut replica.client(reader), fixture.project);
        fixture::assert_same_answers(&expected, &got);
    }
    assert_viewer_reads(&mut replica.client("standby_viewer"), &fixture);
    let everybody =
        "SELECT string_agg(a::text, ' ') FROM quire.list_actors() a WHERE a.db_role LIKE 'standby\\_%'";
    let expected = source.psql(everybody);
    assert!(expected.contains("standby_viewer"), "{expected}");
    assert_eq!(replica.psql(everybody), expected);

    let mut owner = replica.client(&fixture.owner);
    assert_writers_are_complete(&mut owner);
    for writer in WRITERS {
        let sql = writer.replace("{p}", &format!("'{}'::uuid", fixture.project));
        let client = if ADMINS.iter().any(|name| sql.contains(name)) {
            &mut replica.client("postgres")
        } else {
            &mut owner
        };
        assert_eq!(refusal(client.batch_execute(&sql)).state, "25006", "{sql}");
    }
    // Its errors are those of the primary, so bad arguments are told apart from the wrong server.
    let bad =
        owner.batch_execute("SELECT quire.read_project_file('00000000-0000-0000-0000-00000000ffff', 'a')");
    assert_eq!(refusal(bad).state, "PT404");
}

#[test]
fn a_standby_shows_what_its_primary_writes_later_also_to_a_session_that_has_read_before() {
    let primary = Cluster::start("standby_later", &[]);
    let source = primary.database("app");
    let fixture = fixture::build(&source, "standby_later");
    let standby = Cluster::standby_of(&primary);
    primary.wait_caught_up(&standby);
    let mut reader = standby.existing_database("app").client(&fixture.owner);
    let sql = "SELECT seq, payload ->> 'file_path' FROM quire.poll_events($1, $2)";
    let before = reader.query(sql, &[&fixture.project, &0i64]).expect("poll");
    let cursor: i64 = before.last().expect("events").get(0);

    crate::steps::put(&mut source.client(&fixture.owner), fixture.project, "later", "x");
    primary.wait_caught_up(&standby);
    let after = reader.query(sql, &[&fixture.project, &cursor]).expect("poll");
    let after: Vec<(i64, &str)> = after.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(after, [(cursor + 1, "later")]);
}

/// Somebody who only reads does so on the standby too, through membership and row level security.
fn assert_viewer_reads(viewer: &mut Client, fixture: &fixture::Fixture) {
    let sql = "SELECT quire.whoami() ->> 'actor_id' = $2::uuid::text, count(*) > 0,
            count(*) = (SELECT count(*) FROM quire.list_current_files($1))
        FROM quire.project_files_current WHERE project_id = $1";
    let row = viewer.query_one(sql, &[&fixture.project, &fixture.viewer_actor]).expect("read as a viewer");
    assert_eq!((row.get(0), row.get(1), row.get(2)), (true, true, true));
}

/// A valid call of every writer.
const WRITERS: &[&str] = &[
    "SELECT quire.create_project('new')",
    "SELECT quire.update_project({p}, '{\"name\": \"new\"}')",
    "SELECT quire.archive_project({p})",
    "SELECT quire.unarchive_project({p})",
    "SELECT quire.delete_project({p}, 'Größe \"1\"')",
    "SELECT quire.set_project_member({p}, '00000000-0000-0000-0000-0000000000ff', 'viewer')",
    "SELECT quire.delete_project_member({p}, (SELECT member FROM quire.list_project_members({p}) LIMIT 1 OFFSET 1))",
    "SELECT quire.map_role_to_actor('postgres')",
    "SELECT quire.unmap_role('postgres')",
    "SELECT quire.set_display_name('new')",
    "SELECT quire.upsert_project_file({p}, 'new', 'x')",
    "SELECT quire.upsert_project_file({p}, 'a.txt', 'x', expected_version => (SELECT version FROM quire.read_project_file({p}, 'a.txt')))",
    "SELECT quire.upsert_project_file_bytes({p}, 'new', '\\x00')",
    "SELECT quire.delete_project_file({p}, 'a.txt')",
    "SELECT quire.move_project_file({p}, 'a.txt', 'b.txt')",
    "SELECT quire.bulk_upsert_project_files({p}, '[{\"file_path\": \"new\", \"content\": \"x\"}]')",
    "SELECT quire.bulk_delete_project_files({p}, ARRAY['a.txt'])",
    "SELECT quire.commit_bundle({p}, '[{\"op\": \"file.put\", \"file_path\": \"new\", \"content\": \"x\"}]')",
    "SELECT quire.merge_project_file({p}, 'a.txt', 'x', 1)",
    "SELECT quire.merge_project_file({p}, 'a.txt', 'x', 1, 'automerge')",
    "SELECT quire.restore_project_file({p}, 'a.txt', 1)",
    "SELECT quire.restore_project({p}, 1)",
    "SELECT quire.tag_project({p}, 'new')",
    "SELECT quire.import_legacy_files({p}, 'pg_catalog.pg_class', 'relname', 'relkind')",
    "SELECT quire.create_subscription({p}, 'new')",
    "SELECT quire.poll_subscription({p}, 'half')",
    "SELECT quire.ack_subscription({p}, 'half', 2)",
    "SELECT quire.delete_subscription({p}, 'half')",
    "SELECT quire.create_project_snapshot({p})",
    "SELECT quire.delete_snapshot({p}, snapshot_id) FROM quire.list_snapshots({p})",
    "SELECT quire.restore_snapshot({p}, '\\x504b0506000000000000000000000000000000000000')",
    "SELECT quire.begin_session({p})",
    "SELECT quire.finish_session({p}, '00000000-0000-0000-0000-0000000000ff')",
    "SELECT quire.mint_token({p}, ARRAY['project:read'], '1 hour')",
    "SELECT quire.revoke_token({p}, token_id) FROM quire.list_tokens({p})",
    "SELECT quire.revoke_ucan({p}, 'bafkreibvv43zt5dfzwr5ejms3oeb5rkazufzkvqs6v3izwwlj64jmrchci')",
    "SELECT quire.rotate_secret()",
    "SELECT quire.resolve_conflict({p}, conflict_id, '1') FROM quire.list_conflicts({p})",
    "SELECT quire.undo({p}, 'skip')",
    "SELECT quire.redo({p}, 'skip')",
    "SELECT quire.revert_bundle({p}, 1, 'skip')",
    "SELECT quire.repair({p}, '00000000-0000-0000-0000-0000000000ff')",
    "SELECT quire.discard_quarantined({p}, '00000000-0000-0000-0000-0000000000ff', 'x')",
    "SELECT quire.begin_job({p}, 'new')",
    "SELECT quire.append_job_ops({p}, job_id, '[{\"op\": \"file.delete\", \"file_path\": \"a.txt\"}]') FROM quire.list_jobs({p})",
    "SELECT quire.heartbeat_job({p}, job_id) FROM quire.list_jobs({p})",
    "SELECT quire.finish_job({p}, job_id) FROM quire.list_jobs({p})",
    "SELECT quire.cancel_job({p}, job_id, 'x') FROM quire.list_jobs({p})",
    "SELECT quire.sync_ack({p}, 'elsewhere', 1)",
    "SELECT quire.sync_push({p}, 'elsewhere', 1, '[]')",
    "SELECT quire.sync_reset({p}, 'elsewhere')",
    "SELECT quire.put_asset({p}, 'a.png', '\\x00', 'image/png', 'image')",
    "SELECT quire.delete_asset({p}, content_hash) FROM quire.list_assets({p})",
    "SELECT quire.begin_upload({p}, 'a.png', 'image/png', 'image')",
    "SELECT quire.append_upload({p}, '00000000-0000-0000-0000-0000000000ff', 1, '\\x00')",
    "SELECT quire.finish_upload({p}, '00000000-0000-0000-0000-0000000000ff')",
    "SELECT quire.apply_doc_changes({p}, 'new',
        ARRAY[decode('856f4a839a59f20801180010717569726520666972737420646f632e010100000000', 'hex')])",
    "SELECT quire.submit_tx({p},
        '{\"writes\": [{\"doc\": \"new\", \"changes\": [\"hW9Kg5pZ8ggBGAAQcXVpcmUgZmlyc3QgZG9jLgEBAAAAAA==\"]}]}')",
    "SELECT quire.put_doc({p}, 'long', '{}')",
    "SELECT quire.edit_doc({p}, 'long', '[{\"op\": \"add\", \"path\": \"/a\", \"value\": 1}]')",
    "SELECT quire.splice_doc_text({p}, 'long', '/text', 0, 0, 'x')",
    "SELECT quire.delete_doc({p}, 'long')",
    "SELECT quire.import_doc({p}, 'new', quire.automerge_from_json('{}'))",
    "SELECT quire.storage_save({p}, '{new,snapshot,x}', quire.automerge_from_json('{}'))",
    "SELECT quire.storage_save({p}, '{storage-adapter-id}', 'x')",
    "SELECT quire.storage_remove({p}, '{storage-adapter-id}')",
    "SELECT quire.storage_remove_range({p}, '{long}')",
    "SELECT quire.create_branch({p}, 'new')",
    "SELECT quire.merge_branch({p}, 'draft')",
    "SELECT quire.close_branch({p}, 'draft')",
    "SELECT quire.delete_branch({p}, 'draft')",
    "SELECT quire.register_schema({p}, 'new', '{}')",
    "SELECT quire.delete_schema({p}, 'note')",
    "SELECT quire.bind_doc_to_file({p}, 'new', 'new')",
    "SELECT quire.unbind_doc({p}, 'bound')",
    "SELECT quire.gc_run({p})",
    "SELECT quire.pack_docs({p})",
    "SELECT quire.archive_blob({p}, content_hash, encode(sha256('\\x89504e47'), 'hex')) FROM quire.list_assets({p}, 'image')",
    "SELECT quire.restore_blob({p}, content_hash, 'cold') FROM quire.list_assets({p}, 'cold')",
    "SELECT quire.create_template({p}, 'new')",
    "SELECT quire.create_project_from_template(project_id, 'new') FROM quire.list_projects() WHERE kind = 'template'",
    "SELECT quire.clone_project({p}, 'new')",
    "SELECT quire.import_project(quire.export_project({p}))",
    "SELECT quire.import_from_library({p}, project_id, '{logo}') FROM quire.list_projects() WHERE kind = 'library'",
    "SELECT quire.open_channel({p})",
    "SELECT quire.keep_channel({p}, 'x')",
    "SELECT quire.rotate_channel({p})",
];

/// Writers for administrators.
const ADMINS: &[&str] = &["map_role_to_actor", "unmap_role", "rotate_secret"];

/// Volatile for other reasons than writing: they depend on the clock, and bind a token to the transaction. That they work
/// on a standby is shown in `tokens`.
const NO_WRITERS: &[&str] = &[
    "quire.verify_project",
    "quire.sync_pull",
    "quire.authenticate",
    "quire.attenuate_token",
    "quire.download_snapshot",
    // It writes what a message brings, and nothing else.
    "quire.sync_doc",
];

fn assert_writers_are_complete(client: &mut Client) {
    let called: String = WRITERS.concat();
    let sql = "SELECT 'quire.' || proname FROM pg_proc
        WHERE pronamespace = 'quire'::regnamespace AND provolatile = 'v'";
    let existing: HashSet<String> =
        client.query(sql, &[]).expect("read the catalog").iter().map(|row| row.get(0)).collect();
    let missing: Vec<&String> = existing
        .iter()
        .filter(|name| !called.contains(&format!("{name}(")) && !NO_WRITERS.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "add a call of {missing:?}");
    assert!(existing.len() >= 20, "the catalog query finds the writers");
}
