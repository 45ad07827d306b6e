-- What everything in schema quire must have. Runs last: whoever forgets one of these cannot install.

SET LOCAL search_path TO pg_catalog, pg_temp;

DO $$
DECLARE
    groups CONSTANT oid[] := ARRAY['quire_guest'::regrole, 'quire_user'::regrole, 'quire_admin'::regrole];
    wrong  text;
BEGIN
    SELECT string_agg(m.identity || ' ' || m.what, ', ' ORDER BY m.identity, m.what) INTO wrong
    FROM (
        SELECT p.oid::regprocedure::text AS identity, c.what
        FROM pg_proc p CROSS JOIN LATERAL (VALUES
            (obj_description(p.oid, 'pg_proc') IS NULL, 'has no description'),
            (NOT EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = ANY (groups)), 'is granted to nobody'),
            (EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee <> p.proowner AND a.grantee <> ALL (groups)),
             'is granted to somebody else')) AS c (is_so, what)
        WHERE p.pronamespace = 'quire'::regnamespace AND c.is_so
        UNION ALL
        SELECT v.oid::regclass::text, c.what
        FROM pg_class v CROSS JOIN LATERAL (VALUES
            (v.relkind = 'v' AND obj_description(v.oid, 'pg_class') IS NULL, 'has no description'),
            (v.relkind = 'v' AND NOT EXISTS (SELECT FROM aclexplode(v.relacl) a WHERE a.grantee = ANY (groups)), 'is granted to nobody'),
            (EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = v.oid AND t.attnum > 0
                       AND col_description(t.attrelid, t.attnum) IS NULL), 'has a column without description')) AS c (is_so, what)
        WHERE v.relnamespace = 'quire'::regnamespace AND v.relkind IN ('v', 'c') AND c.is_so) AS m;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the install script is not complete: %', wrong;
    END IF;
END
$$;

SET LOCAL search_path TO quire, pg_temp;
