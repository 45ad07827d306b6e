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
-- jsonb that is small as it is stored, and large as a tree or as text
SELECT t.error($$SELECT quire.commit_bundle(t.id(4000), (SELECT jsonb_build_array(jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', '1', 'field', 'f', 'value', (SELECT jsonb_agg('{"": 0}'::jsonb) FROM generate_series(1, 400000))))))$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(4000), (SELECT jsonb_agg(1e131071) FROM generate_series(1, 10000)))$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(4000), jsonb_build_array(1e-16383))$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(4000), (SELECT jsonb_build_array(jsonb_build_object('op', (repeat('{"a":', 200) || '0' || repeat('}', 200))::jsonb))))$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(4000), jsonb_build_array((repeat('[', 2000) || repeat(']', 2000))::jsonb))$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(4000), '[1]')$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(4000), '"x"')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(4000), '"x"')$$);
-- what is far too long is refused before anything is made of it
SELECT t.error($$SELECT quire.search_ops(t.id(4000), jsonb_build_object('target_prefix', repeat('x', 3 << 20)))$$);
SELECT t.error($$SELECT quire.update_project(t.id(4000), jsonb_build_object('name', repeat('x', 3 << 20)))$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(4000), t.set_field('f', to_jsonb(repeat('x', 3 << 20))))$$);
SELECT t.error($$SELECT quire.resolve_conflict(t.id(4000), t.id(1), to_jsonb(repeat('x', 40 << 20)))$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(4000), jsonb_build_object(repeat('x', 5000), repeat('0', 64)))$$);
SELECT t.error($$SELECT quire.authenticate('eyJ' || repeat('x', 64 << 20))$$);
SELECT t.error($$SELECT quire.authenticate('eyJ', array_fill('x'::text, ARRAY[4000000]))$$);
SELECT t.error($$SELECT quire.authenticate('eyJ', ARRAY[repeat('x', 64 << 20)])$$);
-- numbers, texts and nesting as they are
SELECT quire.commit_bundle(t.id(4000), t.set_field('f', '{"": [1e308, -0.5, 9007199254740992, -9007199254740992, [], {}, null, true, "é😀\\\"\\n"], "b": {"a": [[0]]}}')) ->> 'seq' AS seq;
SELECT fields -> 'f' = '{"": [1e308, -0.5, 9007199254740992, -9007199254740992, [], {}, null, true, "é😀\\\"\\n"], "b": {"a": [[0]]}}' AS same FROM quire.list_entities(t.id(4000), 't');
-- a merge that finds no time is a conflict, by words as by lines; a diff is coarser, and right
SELECT version FROM quire.upsert_project_file(t.id(4000), 'm', (SELECT string_agg(md5(n::text), ' ') FROM generate_series(1, 7000) n));
SELECT version FROM quire.upsert_project_file(t.id(4000), 'm', (SELECT string_agg(CASE n % 4 WHEN 0 THEN 'x' ELSE '' END || md5(n::text), ' ') FROM generate_series(1, 7000) n));
SET quire.diff_deadline = '1ms';
SELECT r ->> 'status' AS status, r ->> 'version' AS version, jsonb_array_length(r -> 'conflicts') AS conflicts FROM quire.merge_project_file(t.id(4000), 'm', (SELECT string_agg(CASE n % 4 WHEN 2 THEN 'y' ELSE '' END || md5(n::text), ' ') FROM generate_series(1, 7000) n), 1, 'automerge') r;
SELECT length(quire.diff_project_file(t.id(4000), 'm', 1, 2)) > 2 * 7000 * 32 AS whole;
RESET quire.diff_deadline;
-- both are the server's to set
\c - regress_alice
SELECT count(*) FROM quire.list_projects() WHERE name = 'bounds';
SET quire.max_call_memory = '1TB';
SET quire.diff_deadline = '1h';
