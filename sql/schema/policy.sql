-- Row level security: defence in depth, and what the security_invoker views rely on. The functions work with the rights of
-- the tables' owner, to whom it does not apply, and pass the gate instead.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire_store.is_readable(project_id uuid) RETURNS boolean
STABLE STRICT PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'is_readable_wrapper';

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
        -- A function that keeps what it found, and not the list of all projects that may be read, which may be long.
        EXECUTE pg_catalog.format(
            'CREATE POLICY readable ON quire_store.%I FOR SELECT
             USING (quire_store.is_readable(project_id))', name);
    END LOOP;
END
$$;

SET LOCAL search_path TO quire, pg_temp;
