-- Row level security: defence in depth, and what the security_invoker views rely on. The functions work with the rights of
-- the tables' owner, to whom it does not apply, and pass the gate instead.

SET LOCAL search_path TO pg_catalog, pg_temp;

DO $$
DECLARE
    name text;
BEGIN
    -- Where there is no policy, only the owner sees a row: a role with pg_read_all_data, which may read every table, gets
    -- none of members, tokens, keys, names of channels or contexts of jobs.
    FOR name IN
        SELECT c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_class c
        WHERE c.relnamespace = 'quire_store'::pg_catalog.regnamespace AND c.relkind = 'r'
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    END LOOP;
    -- What the views of schema quire touch.
    FOREACH name IN ARRAY ARRAY[
        'blob', 'blob_chunk', 'bundle', 'file_head', 'project_files', 'entity_op', 'asset_op'] LOOP
        -- The array is computed once per query, never per row.
        EXECUTE pg_catalog.format(
            'CREATE POLICY readable ON quire_store.%I FOR SELECT
             USING (project_id = ANY ((SELECT quire_store.readable_projects())::uuid[]))', name);
    END LOOP;
END
$$;

SET LOCAL search_path TO quire, pg_temp;
