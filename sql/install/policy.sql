-- Row level security: defence in depth, and what the security_invoker views rely on. The functions work with the rights of
-- the tables' owner, to whom it does not apply, and pass the gate instead.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Every table has it. Where there is no policy, only the owner sees a row: a role with pg_read_all_data, which may read every
-- table, gets none of members, tokens, keys, names of channels or contexts of jobs.
--
-- A policy have the tables that a view of schema quire touches with the rights of its reader: those on which the files before this one
-- grant SELECT. Each has a column project_id; one that has none could not be granted so.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT c.oid::regclass::text AS name,
            EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner) AS is_read_by_others
        FROM pg_class c WHERE c.relnamespace = 'quire_store'::regnamespace AND c.relkind = 'r'
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', item.name);
        IF item.is_read_by_others THEN
            -- A function that keeps what it found, and not the list of all projects that may be read, which may be long.
            EXECUTE format('CREATE POLICY readable ON %s FOR SELECT USING (quire_store.is_readable(project_id))', item.name);
        END IF;
    END LOOP;
END
$$;

SET LOCAL search_path TO quire, pg_temp;
