-- Views: columns, and content that is only decoded when it is selected.
SELECT relname, string_agg(attname, ', ' ORDER BY attnum) AS columns
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'quire'::regnamespace AND c.relkind = 'v' AND attnum > 0
GROUP BY relname ORDER BY relname;
SELECT quire.create_project('views', t.id(1400)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(1400), 'a', '1');
SELECT version FROM quire.upsert_project_file(t.id(1400), 'a', '2');
SELECT version FROM quire.upsert_project_file(t.id(1400), 'b', 'b');
SELECT version FROM quire.delete_project_file(t.id(1400), 'b');
SELECT file_path, content, version, is_current_version, is_deleted, parent_version_id IS NULL AS first, created_by = last_modified_by AS same_person, seq
FROM quire.project_files WHERE project_id = t.id(1400) ORDER BY file_path, version;
SELECT file_path, content, version, is_current_version FROM quire.project_files_current WHERE project_id = t.id(1400);
SELECT path, type, content FROM quire.legacy_project_files WHERE project_id = t.id(1400);
SELECT file_path, version FROM quire.project_files WHERE id = (SELECT parent_version_id FROM quire.project_files_current WHERE project_id = t.id(1400));
-- a query that does not ask for content does not touch the blob store; one that does, does
DO $$
DECLARE
    line text;
    touches boolean := false;
BEGIN
    FOR line IN EXPLAIN (COSTS OFF) SELECT file_path, version, size FROM quire.project_files WHERE project_id = t.id(1400) LOOP
        touches := touches OR line ~ 'blob';
    END LOOP;
    RAISE NOTICE 'without content: %', touches;
    FOR line IN EXPLAIN (COSTS OFF) SELECT content FROM quire.project_files WHERE project_id = t.id(1400) LOOP
        touches := touches OR line ~ 'blob';
    END LOOP;
    RAISE NOTICE 'with content: %', touches;
END
$$;
-- views cannot be written, and the log not even by a superuser
\c - regress_alice
SELECT t.error($$UPDATE quire.project_files SET version = 9$$);
SELECT t.error($$DELETE FROM quire.bundles$$);
SELECT t.error($$INSERT INTO quire.bundles DEFAULT VALUES$$);
\c - postgres
SELECT t.error($$DELETE FROM quire.bundles WHERE project_id = t.id(1400)$$);
SELECT t.error($$UPDATE quire_store.bundle SET message = 'x' WHERE project_id = t.id(1400)$$);
SELECT t.error($$UPDATE quire_store.project_files SET size = 9 WHERE project_id = t.id(1400)$$);
SELECT t.error($$DELETE FROM quire_store.project_files WHERE project_id = t.id(1400)$$);
