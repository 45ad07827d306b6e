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
CREATE TEMP TABLE call AS SELECT * FROM t.call;
INSERT INTO call VALUES
    ('delete_project', 'SELECT quire.delete_project(%s, ''private'')'),
    ('delete_project_member', 'SELECT quire.delete_project_member(%s, t.actor(''carol''))'),
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
    ('read_project_file', 'SELECT * FROM quire.read_project_file(%s, ''a'')'),
    ('read_project_file_bytes', 'SELECT quire.read_project_file_bytes(%s, ''a'')'),
    ('project_file_history', 'SELECT * FROM quire.project_file_history(%s, ''a'')'),
    ('diff_project_file', 'SELECT quire.diff_project_file(%s, ''a'', 0, 1)'),
    ('import_legacy_files', 'SELECT quire.import_legacy_files(%s, ''pg_temp.legacy'', ''p'', ''c'')'),
    ('read_snapshot', 'SELECT quire.read_snapshot(%s, t.id(1))'),
    ('read_snapshot_chunk', 'SELECT quire.read_snapshot_chunk(%s, t.id(1), 1)'),
    ('get_snapshot_manifest', 'SELECT quire.get_snapshot_manifest(%s, t.id(1))'),
    ('delete_snapshot', 'SELECT quire.delete_snapshot(%s, t.id(1))'),
    ('verify_snapshot', 'SELECT quire.verify_snapshot(%s, t.id(1))'),
    ('restore_snapshot', 'SELECT quire.restore_snapshot(%s, ''\x504b0506000000000000000000000000000000000000'')'),
    ('import_from_library', 'SELECT quire.import_from_library(%s, t.id(1600), ''{a}'')'),
    ('keep_channel', 'SELECT quire.keep_channel(%s, ''x'')');
CREATE TEMP TABLE legacy (p text, c text);
INSERT INTO legacy VALUES ('imported', 'x');
GRANT SELECT ON call, legacy TO PUBLIC;
SELECT f, t.error(format(statement, 't.id(1600)')) AS hidden,
    t.error(format(statement, 't.id(1600)')) = t.error(format(statement, 't.id(999999)')) AS same_as_unknown
FROM call ORDER BY f;
-- the list is complete
SELECT proname FROM pg_proc WHERE pronamespace = 'quire'::regnamespace
    AND proname NOT IN ('whoami', 'create_project', 'list_projects', 'map_role_to_actor', 'unmap_role', 'list_actors', 'set_display_name', 'authenticate', 'attenuate_token', 'rotate_secret', 'download_snapshot', 'import_project')
    -- about what the caller brings
    AND proname NOT LIKE 'automerge\_%'
EXCEPT SELECT f FROM call;
-- nothing shows in views, tables or lists either
SELECT count(*) FROM quire.project_files WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.project_files_current WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.legacy_project_files WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.bundles WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.oplog WHERE project_id = t.id(1600);
SELECT count(*) FROM quire.list_projects() WHERE project_id IN (t.id(1600), t.id(1601));
SELECT t.error($$SELECT * FROM quire_store.blob$$);
SELECT t.error($$SELECT quire_store.readable_projects()$$);
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
SELECT quire.delete_project_member(t.id(1600), t.actor('bob'));
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
TRUNCATE regress_trap.loot;
REINDEX TABLE regress_trap.bait;
SELECT DISTINCT what FROM regress_trap.loot ORDER BY what;
REFRESH MATERIALIZED VIEW regress_trap.view;
SELECT error FROM regress_trap.view;
SET client_min_messages = warning;
DROP SCHEMA regress_trap CASCADE;
