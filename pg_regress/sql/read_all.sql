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
        PERFORM quire.append_job_ops(project, quire.begin_job(project, 'hidden'), '[{"op": "file.delete", "file_path": "plans"}]');
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

-- Whoever may read all data has USAGE on the schema of the tables, too, and there calls what the views call, with anything: that answers
-- or is refused, and does nothing else. None takes the oid of something to be called.
SELECT p.oid::regprocedure AS takes_an_oid FROM pg_proc p
WHERE p.pronamespace = 'quire_store'::regnamespace AND has_function_privilege('regress_reader', p.oid, 'EXECUTE')
    AND p.proargtypes::oid[] && ARRAY['oid'::regtype, 'regproc', 'regprocedure', 'regclass', 'internal']::oid[];
CREATE TEMP TABLE hostile (type text, one text, two text, three text, four text);
INSERT INTO hostile VALUES
    ('uuid', '00000000-0000-0000-0000-000000000000', t.id(4300), t.id(4301), t.id(1)),
    ('smallint', '-32768', '32767', '0', '1'),
    ('bigint', '-9223372036854775808', '9223372036854775807', '0', '1'),
    ('bytea', '', repeat('x', 100000), repeat('x', 32), '\x28b52ffd'),
    ('text', '', repeat('x', 100000), '{', '[]'),
    ('timestamp with time zone', '-infinity', 'infinity', '4714-11-24 BC', '294276-12-31'),
    ('smallint[]', '{}', '{NULL}', '{-32768,32767}', '{0}'),
    ('bigint[]', '{}', '{NULL}', '{-9223372036854775808,9223372036854775807}', '{5}'),
    ('bytea[]', '{}', '{NULL}', '{"",""}', '{x}');
CREATE TEMP TABLE called AS
    SELECT p.oid::regproc::text AS f, n, format('SELECT %s(%s)', p.oid::regproc, (SELECT string_agg(
        CASE WHEN n = 0 OR h.type IS NULL THEN 'NULL' ELSE quote_literal((ARRAY[h.one, h.two, h.three, h.four])[n]) END || '::' || format_type(a, NULL), ', ' ORDER BY at)
        FROM unnest(p.proargtypes) WITH ORDINALITY u (a, at) LEFT JOIN hostile h ON h.type = format_type(a, NULL))) AS call
    FROM pg_proc p, generate_series(0, 4) n
    WHERE p.pronamespace = 'quire_store'::regnamespace AND has_function_privilege('regress_reader', p.oid, 'EXECUTE');
CREATE TEMP TABLE answer (f text, state text);
GRANT SELECT ON called TO PUBLIC;
GRANT INSERT, SELECT ON answer TO PUBLIC;
SET ROLE regress_reader;
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT f, call FROM called LOOP
        BEGIN
            EXECUTE c.call;
            INSERT INTO answer VALUES (c.f, 'answered');
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO answer VALUES (c.f, SQLSTATE);
        END;
    END LOOP;
END
$$;
RESET ROLE;
SELECT f, count(*) AS calls FROM answer GROUP BY f ORDER BY f;
SELECT DISTINCT state FROM answer WHERE state NOT IN ('answered', 'XX001', 'PT410', '22023', '22004', '42501', '22P02', 'XX000') ORDER BY 1;
DROP TABLE hostile, called, answer;
CALL t.drop(t.id(4300));
CALL t.drop(t.id(4301));
