-- A role with pg_read_all_data may read every table and view of quire, past the functions: row level security leaves it no row of
-- a project it may not read, no key, and nothing that is for members.
\c - regress_alice
SELECT quire.create_project('private', t.id(4300)) IS NOT NULL AS private, quire.create_project('public', t.id(4301), 'public') IS NOT NULL AS public;
DO $$
DECLARE
    project uuid;
BEGIN
    FOREACH project IN ARRAY ARRAY[t.id(4300), t.id(4301)] LOOP
        PERFORM quire.upsert_project_file(project, 'plans', 'hidden words', correlation_id => md5(project::text)::uuid);
        PERFORM quire.upsert_project_file_bytes(project, 'large', (SELECT string_agg(sha512(n::text::bytea), '') FROM generate_series(1, 40000) n));
        PERFORM quire.upsert_project_file(project, 'plans', 'other words');
        PERFORM quire.commit_bundle(project, t.set_field('f', '"hidden"'));
        PERFORM quire.put_asset(project, 'hidden.txt', 'x', 'text/plain', 'text');
        PERFORM quire.tag_project(project, 'hidden');
        PERFORM quire.begin_upload(project, 'a', 'a/b', 'data');
        PERFORM quire.create_subscription(project, 'hidden');
        PERFORM quire.mint_token(project, '{project:read}', '1 hour', max_uses => 3);
        PERFORM quire.create_project_snapshot(project);
        PERFORM quire.open_channel(project);
        PERFORM quire.stage_job_ops(project, quire.begin_job(project, 'hidden'), '[{"op": "file.delete", "file_path": "plans"}]');
        PERFORM quire.sync_ack(project, 'hidden', 1);
    END LOOP;
END
$$;
\c - postgres
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_reader') THEN
        CREATE ROLE regress_reader LOGIN;
    END IF;
    GRANT pg_read_all_data, quire_user TO regress_reader;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_backup') THEN
        CREATE ROLE regress_backup LOGIN;
    END IF;
    GRANT pg_read_all_data TO regress_backup;
END
$$;
-- Everything that can be read, with the number of rows or the SQLSTATE; of one project, or of whatever is no project's.
CREATE TEMP TABLE readable AS
SELECT c.oid::regclass::text AS name, c.relkind,
    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'project_id' AND NOT a.attisdropped) AS has_project
FROM pg_class c WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND c.relkind NOT IN ('i', 'c', 'I');
CREATE FUNCTION pg_temp.rows(name text, has_project boolean, project uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(%s) FROM %s x %s', CASE WHEN name ~ 'secret_half' THEN '*' ELSE 'x' END, name, CASE WHEN has_project THEN format('WHERE x.project_id = %L', project) END) INTO n;
    RETURN n;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN SQLSTATE;
END
$$;
GRANT SELECT ON readable TO PUBLIC;
SELECT relkind, count(*) > 0 AS there FROM readable GROUP BY 1 ORDER BY 1;
CREATE TEMP TABLE seen (by name, project uuid, name text, rows text);
GRANT INSERT ON seen TO PUBLIC;
INSERT INTO seen SELECT 'postgres', p, name, pg_temp.rows(name, has_project, p) FROM readable, unnest(ARRAY[t.id(4300), t.id(4301)]) p;
SET ROLE regress_reader;
INSERT INTO seen SELECT 'regress_reader', p, name, pg_temp.rows(name, has_project, p) FROM readable, unnest(ARRAY[t.id(4300), t.id(4301)]) p;
SET ROLE regress_backup;
INSERT INTO seen SELECT 'regress_backup', p, name, pg_temp.rows(name, has_project, p) FROM readable, unnest(ARRAY[t.id(4300), t.id(4301)]) p;
RESET ROLE;
-- what there was to be seen
SELECT count(*) >= 30 AS filled FROM seen WHERE by = 'postgres' AND project = t.id(4300) AND rows <> '0';
-- nothing of the private project, neither rows of tables nor of views; of the keys of tokens the half that is worth nothing alone
SELECT name, by, rows FROM seen WHERE by <> 'postgres' AND project = t.id(4300) AND rows NOT IN ('0', '42501') ORDER BY 1, 2;
-- of the public one what everybody may read (views with functions that only quire_owner may call: versions of PostgreSQL differ in
-- whether one that finds no rows is refused)
SELECT s.name, s.by, s.rows = o.rows AS all_of_it FROM seen s JOIN seen o USING (project, name)
WHERE s.by <> 'postgres' AND o.by = 'postgres' AND s.project = t.id(4301) AND s.rows NOT IN ('0', '42501') AND s.name !~ 'blob_(reference|use)$' ORDER BY 1, 2;
DROP TABLE seen, readable;
CALL t.drop(t.id(4300));
CALL t.drop(t.id(4301));
