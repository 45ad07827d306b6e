-- What a call may take: memory and time. What is refused leaves nothing behind, and the session goes on.
\c - postgres
SELECT quire.create_project('bounds', t.id(4000)) IS NOT NULL AS created;
SELECT name, setting, unit, context FROM pg_settings WHERE name IN ('quire.max_call_memory', 'quire.diff_deadline') ORDER BY name;
-- of contents that are written, and that are read
SELECT quire.commit_bundle(t.id(4000), (SELECT jsonb_agg(jsonb_build_object('op', 'file.put', 'file_path', 'f/' || n, 'content', repeat(md5(n::text), 32768))) FROM generate_series(1, 24) n)) ->> 'seq' AS seq;
SET quire.max_call_memory = '16MB';
SELECT t.error($$SELECT quire.commit_bundle(t.id(4000), (SELECT jsonb_agg(jsonb_build_object('op', 'file.put', 'file_path', 'g/' || n, 'content', repeat(md5('g' || n), 32768))) FROM generate_series(1, 24) n))$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(4000), '{}')$$);
SELECT t.rows(t.id(4000));
SELECT version FROM quire.upsert_project_file(t.id(4000), 'small', 'x');
RESET quire.max_call_memory;
SELECT jsonb_array_length(quire.plan_hydration(t.id(4000), '{}') -> 'put') AS files;
-- a merge that finds no time is a conflict, by characters as by lines; a diff is coarser, and right
SELECT version FROM quire.upsert_project_file(t.id(4000), 'm', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 7000) n));
SELECT version FROM quire.upsert_project_file(t.id(4000), 'm', (SELECT string_agg(translate(md5(n::text), '01', 'xy'), '') FROM generate_series(1, 7000) n));
SET quire.diff_deadline = '1ms';
SELECT r ->> 'status' AS status, r ->> 'version' AS version, jsonb_array_length(r -> 'conflicts') AS conflicts FROM quire.merge_project_file(t.id(4000), 'm', (SELECT string_agg(translate(md5(n::text), '23', 'uv'), '') FROM generate_series(1, 7000) n), 1, 'automerge') r;
SELECT length(quire.diff_project_file(t.id(4000), 'm', 1, 2)) > 2 * 7000 * 32 AS whole;
RESET quire.diff_deadline;
-- both are the server's to set
\c - regress_alice
SELECT count(*) FROM quire.list_projects() WHERE name = 'bounds';
SET quire.max_call_memory = '1TB';
SET quire.diff_deadline = '1h';
