-- Who may do what: owner, editor, viewer, stranger, nobody, outsider.
\c - regress_alice
SELECT quire.create_project('private', t.id(1600)) IS NOT NULL AS created;
SELECT quire.create_project('public', t.id(1601), 'public') IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(1600), 'a', 'secret');
SELECT version FROM quire.upsert_project_file(t.id(1601), 'a', 'open');
SELECT quire.set_project_member(t.id(1600), t.actor('bob'), 'viewer') ->> 'role' AS role;
SELECT quire.create_subscription(t.id(1600), 'of alice');

-- Every function that touches a project, called by a stranger: the same answer as for an unknown project.
\c - regress_carol
CREATE TEMP TABLE call (f text, statement text);
INSERT INTO call VALUES
    ('get_project', 'SELECT quire.get_project(%s)'),
    ('update_project', 'SELECT quire.update_project(%s, ''{"name": "x"}'')'),
    ('archive_project', 'SELECT quire.archive_project(%s)'),
    ('unarchive_project', 'SELECT quire.unarchive_project(%s)'),
    ('delete_project', 'SELECT quire.delete_project(%s, ''private'')'),
    ('set_project_member', 'SELECT quire.set_project_member(%s, t.actor(''carol''), ''owner'')'),
    ('remove_project_member', 'SELECT quire.remove_project_member(%s, t.actor(''carol''))'),
    ('list_project_members', 'SELECT * FROM quire.list_project_members(%s)'),
    ('upsert_project_file', 'SELECT quire.upsert_project_file(%s, ''a'', ''x'')'),
    ('upsert_project_file_bytes', 'SELECT quire.upsert_project_file_bytes(%s, ''a'', ''x'')'),
    ('delete_project_file', 'SELECT quire.delete_project_file(%s, ''a'')'),
    ('move_project_file', 'SELECT quire.move_project_file(%s, ''a'', ''b'')'),
    ('bulk_upsert_project_files', 'SELECT quire.bulk_upsert_project_files(%s, ''[{"file_path": "a", "content": "x"}]'')'),
    ('bulk_delete_project_files', 'SELECT quire.bulk_delete_project_files(%s, ''{a}'')'),
    ('commit_bundle', 'SELECT quire.commit_bundle(%s, ''[{"op": "file.delete", "file_path": "a"}]'')'),
    ('merge_project_file', 'SELECT quire.merge_project_file(%s, ''a'', ''x'', 1)'),
    ('restore_project_file', 'SELECT quire.restore_project_file(%s, ''a'', 1)'),
    ('restore_project', 'SELECT quire.restore_project(%s, 0)'),
    ('tag_project', 'SELECT quire.tag_project(%s, ''v1'')'),
    ('list_current_files', 'SELECT * FROM quire.list_current_files(%s)'),
    ('list_files_at', 'SELECT * FROM quire.list_files_at(%s, 1)'),
    ('read_project_file', 'SELECT * FROM quire.read_project_file(%s, ''a'')'),
    ('read_project_file_bytes', 'SELECT quire.read_project_file_bytes(%s, ''a'')'),
    ('project_file_history', 'SELECT * FROM quire.project_file_history(%s, ''a'')'),
    ('diff_project_file', 'SELECT quire.diff_project_file(%s, ''a'', 0, 1)'),
    ('diff_project', 'SELECT * FROM quire.diff_project(%s, 0, 1)'),
    ('list_project_tags', 'SELECT * FROM quire.list_project_tags(%s)'),
    ('import_legacy_files', 'SELECT quire.import_legacy_files(%s, ''pg_temp.legacy'', ''p'', ''c'')'),
    ('get_entity', 'SELECT quire.get_entity(%s, ''t'', ''1'')'),
    ('list_entities', 'SELECT * FROM quire.list_entities(%s, ''t'')'),
    ('entity_history', 'SELECT * FROM quire.entity_history(%s, ''t'', ''1'')'),
    ('entities_at', 'SELECT * FROM quire.entities_at(%s, 0)'),
    ('explain_entity', 'SELECT * FROM quire.explain_entity(%s, ''t'', ''1'')'),
    ('list_conflicts', 'SELECT * FROM quire.list_conflicts(%s)'),
    ('conflict_history', 'SELECT * FROM quire.conflict_history(%s, t.id(1))'),
    ('resolve_conflict', 'SELECT quire.resolve_conflict(%s, t.id(1), ''1'')'),
    ('undo', 'SELECT quire.undo(%s)'),
    ('redo', 'SELECT quire.redo(%s)'),
    ('revert_bundle', 'SELECT quire.revert_bundle(%s, 1)'),
    ('list_undoable', 'SELECT * FROM quire.list_undoable(%s)'),
    ('search_ops', 'SELECT * FROM quire.search_ops(%s)'),
    ('bundle_details', 'SELECT quire.bundle_details(%s, 1)'),
    ('verify_project', 'SELECT quire.verify_project(%s)'),
    ('replay_project', 'SELECT quire.replay_project(%s)'),
    ('list_quarantine', 'SELECT * FROM quire.list_quarantine(%s)'),
    ('repair', 'SELECT quire.repair(%s, t.id(1))'),
    ('reject_quarantined', 'SELECT quire.reject_quarantined(%s, t.id(1), ''x'')'),
    ('begin_job', 'SELECT quire.begin_job(%s, ''x'')'),
    ('stage_job_ops', 'SELECT quire.stage_job_ops(%s, t.id(1), ''[{"op": "file.delete", "file_path": "a"}]'')'),
    ('heartbeat_job', 'SELECT quire.heartbeat_job(%s, t.id(1))'),
    ('complete_job', 'SELECT quire.complete_job(%s, t.id(1))'),
    ('fail_job', 'SELECT quire.fail_job(%s, t.id(1), ''x'')'),
    ('list_jobs', 'SELECT * FROM quire.list_jobs(%s)'),
    ('sync_pull', 'SELECT quire.sync_pull(%s, ''p'')'),
    ('sync_ack', 'SELECT quire.sync_ack(%s, ''p'', 0)'),
    ('sync_push', 'SELECT * FROM quire.sync_push(%s, ''p'', 0, ''[]'')'),
    ('sync_status', 'SELECT quire.sync_status(%s, ''p'')'),
    ('put_asset', 'SELECT quire.put_asset(%s, ''a.png'', ''x'', ''image/png'', ''image'')'),
    ('delete_asset', 'SELECT quire.delete_asset(%s, repeat(''0'', 64))'),
    ('get_asset', 'SELECT quire.get_asset(%s, repeat(''0'', 64))'),
    ('read_asset_range', 'SELECT quire.read_asset_range(%s, repeat(''0'', 64))'),
    ('list_assets', 'SELECT * FROM quire.list_assets(%s)'),
    ('begin_upload', 'SELECT quire.begin_upload(%s, ''a.png'', ''image/png'', ''image'')'),
    ('append_upload', 'SELECT quire.append_upload(%s, t.id(1), 1, ''x'')'),
    ('finish_upload', 'SELECT quire.finish_upload(%s, t.id(1))'),
    ('gc_plan', 'SELECT * FROM quire.gc_plan(%s)'),
    ('gc_run', 'SELECT quire.gc_run(%s)'),
    ('archive_blob', 'SELECT quire.archive_blob(%s, repeat(''0'', 64), repeat(''0'', 64))'),
    ('restore_blob', 'SELECT quire.restore_blob(%s, repeat(''0'', 64), ''x'')'),
    ('poll_events', 'SELECT * FROM quire.poll_events(%s)'),
    ('create_subscription', 'SELECT quire.create_subscription(%s, ''s'')'),
    ('poll_subscription', 'SELECT * FROM quire.poll_subscription(%s, ''of alice'')'),
    ('ack_subscription', 'SELECT quire.ack_subscription(%s, ''of alice'', 0)'),
    ('list_subscriptions', 'SELECT * FROM quire.list_subscriptions(%s)'),
    ('drop_subscription', 'SELECT quire.drop_subscription(%s, ''of alice'')'),
    ('create_project_snapshot', 'SELECT quire.create_project_snapshot(%s)'),
    ('read_snapshot', 'SELECT quire.read_snapshot(%s, t.id(1))'),
    ('read_snapshot_chunk', 'SELECT quire.read_snapshot_chunk(%s, t.id(1), 1)'),
    ('get_snapshot_manifest', 'SELECT quire.get_snapshot_manifest(%s, t.id(1))'),
    ('list_snapshots', 'SELECT * FROM quire.list_snapshots(%s)'),
    ('delete_snapshot', 'SELECT quire.delete_snapshot(%s, t.id(1))'),
    ('verify_snapshot', 'SELECT quire.verify_snapshot(%s, t.id(1))'),
    ('restore_snapshot', 'SELECT quire.restore_snapshot(%s, ''\x504b0506000000000000000000000000000000000000'')'),
    ('plan_hydration', 'SELECT quire.plan_hydration(%s, ''{}'')'),
    ('start_session', 'SELECT quire.start_session(%s)'),
    ('end_session', 'SELECT quire.end_session(%s, t.id(1))'),
    ('mint_token', 'SELECT quire.mint_token(%s, ''{project:read}'', ''1 hour'')'),
    ('revoke_token', 'SELECT quire.revoke_token(%s, t.id(1))'),
    ('list_tokens', 'SELECT * FROM quire.list_tokens(%s)'),
    ('project_stats', 'SELECT quire.project_stats(%s)'),
    ('create_template', 'SELECT quire.create_template(%s, ''copied'')'),
    ('create_project_from_template', 'SELECT quire.create_project_from_template(%s, ''copied'')'),
    ('export_project', 'SELECT quire.export_project(%s)'),
    ('clone_project', 'SELECT quire.clone_project(%s, ''copied'')'),
    ('import_from_library', 'SELECT quire.import_from_library(%s, t.id(1600), ''{a}'')'),
    ('open_channel', 'SELECT quire.open_channel(%s)'),
    ('keep_channel', 'SELECT quire.keep_channel(%s, ''x'')'),
    ('rotate_channel', 'SELECT quire.rotate_channel(%s)');
CREATE TEMP TABLE legacy (p text, c text);
INSERT INTO legacy VALUES ('imported', 'x');
GRANT SELECT ON call, legacy TO PUBLIC;
SELECT f, t.error(format(statement, 't.id(1600)')) AS hidden,
    t.error(format(statement, 't.id(1600)')) = t.error(format(statement, 't.id(999999)')) AS same_as_unknown
FROM call ORDER BY f;
-- the list is complete
SELECT proname FROM pg_proc WHERE pronamespace = 'quire'::regnamespace
    AND proname NOT IN ('whoami', 'create_project', 'list_projects', 'map_role_to_actor', 'authenticate', 'attenuate_token', 'rotate_secret', 'download_snapshot', 'import_project')
EXCEPT SELECT f FROM call;
-- nothing shows in views, tables or lists either
SELECT count(*) FROM quire.project_files WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.project_files_current WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.legacy_project_files WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.bundles WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.oplog WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.list_projects() WHERE project_id IN (t.id(1600), t.id(1601));
SELECT t.error($$SELECT * FROM quire_store.blob$$);
SELECT t.error($$SELECT quire_store.readable_project(t.id(1600))$$);
-- a public project can be read by everybody, and by nobody else written
SELECT content FROM quire.list_current_files(t.id(1601));
SELECT file_path, content FROM quire.project_files WHERE project_id = t.id(1601);
SELECT count(*) FROM quire.poll_events(t.id(1601));
SELECT f, t.error(format(statement, 't.id(1601)')) AS public FROM call
WHERE t.error(format(statement, 't.id(1601)')) <> 'no error' ORDER BY f;
-- a view's filter cannot see hidden rows by raising or by being cheap
CREATE FUNCTION pg_temp.spy(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END$$;
SELECT count(*) FROM quire.project_files WHERE pg_temp.spy(file_path) AND project_id = t.id(1600);

-- a viewer reads and cannot write
\c - regress_bob
SELECT content FROM quire.list_current_files(t.id(1600));
SELECT content FROM quire.project_files_current WHERE project_id = t.id(1600);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1600), 'a', 'x')$$);
SELECT t.error($$SELECT quire.delete_project_file(t.id(1600), 'a')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(1600), '[{"op": "file.delete", "file_path": "a"}]')$$);
SELECT t.error($$SELECT quire.restore_project(t.id(1600), 0)$$);
SELECT t.error($$SELECT quire.restore_project(t.id(1600), 0, true)$$);
SELECT t.error($$SELECT quire.tag_project(t.id(1600), 'v1')$$);
SELECT t.error($$SELECT quire.update_project(t.id(1600), '{"name": "x"}')$$);
SELECT t.error($$SELECT quire.set_project_member(t.id(1600), t.actor('bob'), 'owner')$$);
SELECT t.error($$SELECT quire.archive_project(t.id(1600))$$);
SELECT t.error($$SELECT quire.delete_project(t.id(1600), 'private')$$);
-- the owner of one project reaches no other through any argument
SELECT quire.create_project('of bob', t.id(1602)) IS NOT NULL AS created;
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1600), 'a', 'x')$$);
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(1602), 'of alice')$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(1602), at_tag => 'v1')$$);

-- an editor writes and does not manage
\c - regress_alice
SELECT quire.set_project_member(t.id(1600), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT version FROM quire.upsert_project_file(t.id(1600), 'a', 'by bob');
SELECT t.error($$SELECT quire.update_project(t.id(1600), '{"name": "x"}')$$);
SELECT t.error($$SELECT quire.set_project_member(t.id(1600), t.actor('carol'), 'viewer')$$);
SELECT t.error($$SELECT quire.delete_project(t.id(1600), 'private')$$);
-- a removed user loses access, and their history stays
\c - regress_alice
SELECT quire.remove_project_member(t.id(1600), t.actor('bob'));
SELECT version, actor = t.actor('bob') AS by_bob FROM quire.project_file_history(t.id(1600), 'a');
\c - regress_bob
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(1600))$$);

-- nobody: public projects, read only
\c - regress_nobody
SELECT content FROM quire.list_current_files(t.id(1601));
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1601), 'a', 'x')$$);
SELECT t.error($$SELECT quire.get_project(t.id(1600))$$);
SELECT t.error($$SELECT * FROM quire.list_project_members(t.id(1601))$$);
SELECT t.error($$SELECT quire.create_subscription(t.id(1601), 's')$$);
SELECT count(*) FROM quire.list_projects();
SET request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000002"}';
SELECT t.error($$SELECT quire.get_project(t.id(1600))$$);

-- outsider: no function, no view
\c - regress_outsider
SELECT t.error($$SELECT quire.whoami()$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1601), 'a', 'x')$$);
SELECT t.error($$SELECT * FROM quire.project_files$$);

-- A table owner's functions run during maintenance with somebody else behind them: quire does not answer there.
\c - postgres
CREATE SCHEMA regress_trap AUTHORIZATION regress_carol;
\c - regress_carol
CREATE TABLE regress_trap.loot (what text);
CREATE TABLE regress_trap.bait (a integer);
INSERT INTO regress_trap.bait VALUES (1), (2);
CREATE FUNCTION regress_trap.f(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE INDEX ON regress_trap.bait (regress_trap.f(a));
CREATE FUNCTION regress_trap.spring() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO regress_trap.loot SELECT t.error('SELECT quire.set_project_member(t.id(1600), t.actor(''carol''), ''owner'')');
    INSERT INTO regress_trap.loot SELECT t.error('SELECT count(*) FROM quire.project_files');
END
$$;
CREATE OR REPLACE FUNCTION regress_trap.f(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM regress_trap.spring();
    RETURN $1;
END
$$;
CREATE MATERIALIZED VIEW regress_trap.view AS SELECT t.error('SELECT quire.whoami()') AS error WITH NO DATA;
\c - postgres
ANALYZE regress_trap.bait;
SELECT DISTINCT what FROM regress_trap.loot ORDER BY what;
REFRESH MATERIALIZED VIEW regress_trap.view;
SELECT error FROM regress_trap.view;
SET client_min_messages = warning;
DROP SCHEMA regress_trap CASCADE;
