-- Whose everything is. Runs when everything is made, and before anything is granted.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Everything that the script has made belongs to quire_owner, so that what functions do is done with its rights and never as
-- superuser, and nobody may do anything with it but the roles that the files after this one name, whatever default privileges the
-- installing role has. Only that: while the script waited for somebody, an object of theirs may have come next to it, and must not become
-- quire_owner's. Schema quire itself stays with the installing role: it is no member of the extension, and a dump that named
-- quire_owner before CREATE EXTENSION makes it could not be restored into a fresh cluster.
ALTER SCHEMA quire_store OWNER TO quire_owner;
DO $$
DECLARE
    extension CONSTANT oid := (SELECT e.oid FROM pg_extension e WHERE e.extname = 'quire');
    item      record;
    target    text;
BEGIN
    -- Whatever is in a schema depends on it.
    FOR item IN
        SELECT i.type, i.schema, i.identity,
            CASE d.classid WHEN 'pg_class'::regclass THEN (SELECT c.relacl FROM pg_class c WHERE c.oid = d.objid)
                WHEN 'pg_proc'::regclass THEN (SELECT p.proacl FROM pg_proc p WHERE p.oid = d.objid)
                WHEN 'pg_type'::regclass THEN (SELECT t.typacl FROM pg_type t WHERE t.oid = d.objid) END AS acl,
            EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e'
                      AND e.refclassid = 'pg_extension'::regclass AND e.refobjid = extension) AS is_member
        FROM pg_depend d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid IN ('quire'::regnamespace, 'quire_store'::regnamespace)
          AND NOT (d.classid = 'pg_extension'::regclass AND d.objid = extension)
        UNION ALL
        SELECT 'schema', NULL, n.nspname, n.nspacl, true FROM pg_namespace n WHERE n.nspname IN ('quire', 'quire_store')
    LOOP
        IF NOT item.is_member THEN
            RAISE EXCEPTION 'schemas quire and quire_store must hold nothing else: % %', item.type, item.identity;
        END IF;
        IF item.type <> 'schema' THEN
            EXECUTE format('ALTER %s %s OWNER TO quire_owner', item.type, item.identity);
        END IF;
        target := format('%s %s', CASE item.type WHEN 'view' THEN 'table' WHEN 'aggregate' THEN 'function' ELSE item.type END, item.identity);
        EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', target,
            (SELECT string_agg(g.grantee::regrole::text, ', ') || ', PUBLIC' FROM (SELECT 'quire_owner'::regrole::oid AS grantee
                 UNION SELECT a.grantee FROM aclexplode(item.acl) a WHERE a.grantee <> 0) AS g));
        EXECUTE format('GRANT ALL ON %s TO %s', target, CASE item.identity
            WHEN 'quire' THEN (SELECT n.nspowner::regrole::text FROM pg_namespace n WHERE n.nspname = 'quire') ELSE 'quire_owner' END);
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA quire TO quire_owner, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
