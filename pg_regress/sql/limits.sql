-- Sizes, quotas and rates. What is refused leaves nothing behind.
SELECT quire.create_project('limits', t.id(1900), settings => '{"max_file_bytes": 10, "max_project_bytes": 25, "max_files": 3}') IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(1900), 'a', '0123456789');
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1900), 'b', '0123456789x')$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1900), 'b', 'äöüßäö')$$) AS counted_in_bytes;
SELECT t.error($$SELECT quire.upsert_project_file_bytes(t.id(1900), 'b', '\x0001020304050607080910')$$);
SELECT version FROM quire.upsert_project_file(t.id(1900), 'b', '0123456789');
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1900), 'c', '012345')$$);
SELECT version FROM quire.upsert_project_file(t.id(1900), 'c', '01234');
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1900), 'd', '')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(1900), '[{"op": "file.put", "file_path": "d", "content": ""}, {"op": "file.put", "file_path": "e", "content": ""}, {"op": "file.delete", "file_path": "a"}]')$$);
SELECT quire.commit_bundle(t.id(1900), '[{"op": "file.put", "file_path": "d", "content": "0123456789"}, {"op": "file.delete", "file_path": "a"}]') ->> 'seq' AS seq;
SELECT p ->> 'file_count' AS files, p ->> 'total_bytes' AS bytes FROM quire.get_project(t.id(1900)) p;
SELECT t.rows(t.id(1900));
-- a lowered limit lets a project shrink
SELECT quire.update_project(t.id(1900), '{"settings": {"max_files": 1}}') ->> 'name' AS name;
SELECT version FROM quire.upsert_project_file(t.id(1900), 'c', '0');
SELECT version FROM quire.delete_project_file(t.id(1900), 'd');
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1900), 'z', '')$$);
-- the default: 64 MiB
SELECT quire.create_project('default', t.id(1901)) IS NOT NULL AS created;
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1901), 'a', repeat('x', 64 * 1024 * 1024 + 1))$$);
SELECT t.rows(t.id(1901));
-- rate
SELECT quire.create_project('rate', t.id(1902), settings => '{"rate_limit": {"per_minute": 1, "burst": 3}}') IS NOT NULL AS created;
SELECT n, version FROM generate_series(1, 3) n, LATERAL quire.upsert_project_file(t.id(1902), 'a', n::text);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(1902), 'a', 'x')$$);
DO $$
DECLARE detail jsonb;
BEGIN
    PERFORM quire.upsert_project_file(t.id(1902), 'a', 'x');
EXCEPTION WHEN SQLSTATE 'PT429' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE NOTICE 'wait %', (detail ->> 'retry_after_ms')::bigint BETWEEN 50000 AND 60000;
END
$$;
-- the bucket is the actor's own
SELECT quire.set_project_member(t.id(1902), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT version FROM quire.upsert_project_file(t.id(1902), 'a', 'by bob');
