-- Roles and schemas. Runs first.

-- The script runs as superuser, also where the extension is trusted and its owner is none. CREATE EXTENSION looks names up in
-- schema quire, too. The files of this script do not, so that nothing in it could stand for an operator or a type of
-- PostgreSQL's; between them, where pgrx declares functions, quire is where these go.
SET LOCAL search_path TO pg_catalog, pg_temp;

DO $$
DECLARE
    api       oid;
    installer oid;
    extension oid;
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'quire needs a database with encoding UTF8';
    END IF;
    SELECT oid, extowner INTO STRICT extension, installer FROM pg_extension WHERE extname = 'quire';
    SELECT n.oid INTO STRICT api FROM pg_namespace n WHERE n.nspname = 'quire';
    -- A schema prepared by somebody else could hold objects that quire would trust, or get them later.
    IF (SELECT n.nspowner FROM pg_namespace n WHERE n.oid = api) <> installer THEN
        RAISE EXCEPTION 'schema quire must belong to the installing role';
    END IF;
    -- Whatever is in a schema depends on it.
    IF EXISTS (SELECT FROM pg_depend d
               WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = api
                 AND NOT (d.classid = 'pg_extension'::regclass AND d.objid = extension)) THEN
        RAISE EXCEPTION 'schema quire must be empty';
    END IF;
    IF EXISTS (SELECT FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
               WHERE n.oid = api AND a.privilege_type = 'CREATE' AND a.grantee <> installer)
       OR EXISTS (SELECT FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a
                  WHERE d.defaclnamespace IN (0, api) AND d.defaclobjtype = 'n' AND a.privilege_type = 'CREATE'
                    AND d.defaclrole = installer AND a.grantee <> installer) THEN
        RAISE EXCEPTION 'nobody but the installing role may have CREATE on schema quire';
    END IF;
END
$$;

-- Roles belong to the whole cluster: another database may have made them already. Whoever installs quire first may give the
-- group roles to others; who installs it into a second database gets that from them.
DO $$
DECLARE
    role_name text;
    installer regrole := (SELECT extowner FROM pg_extension WHERE extname = 'quire');
BEGIN
    FOREACH role_name IN ARRAY ARRAY['quire_owner', 'quire_sink', 'quire_guest', 'quire_user', 'quire_admin'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role_name);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            -- Who installs into another database at the same time has just made it.
            CONTINUE;
        END;
        CONTINUE WHEN role_name IN ('quire_owner', 'quire_sink') OR (SELECT rolsuper FROM pg_roles WHERE oid = installer);
        EXECUTE format('GRANT %I TO %s WITH ADMIN OPTION', role_name, installer);
    END LOOP;
END
$$;
-- The roles that quire runs as must be nobody's, and what others may do is nothing for them.
DO $$
DECLARE
    role_name text;
    groups    text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['quire_owner', 'quire_sink'] LOOP
        IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role_name
                   AND (r.rolcanlogin OR r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication OR r.rolcreatedb))
           OR EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
                      WHERE r.rolname = role_name
                        AND NOT EXISTS (SELECT FROM pg_roles s WHERE s.oid = m.member AND s.rolsuper)) THEN
            RAISE EXCEPTION 'role % exists and has members or attributes', role_name;
        END IF;
        groups := (SELECT string_agg(m.roleid::regrole::text, ', ' ORDER BY m.roleid::regrole::text) FROM pg_auth_members m
                   WHERE m.member = role_name::regrole);
        IF groups IS NOT NULL THEN
            RAISE EXCEPTION 'role % exists and is a member of %', role_name, groups
                USING HINT = format('REVOKE %s FROM %I', groups, role_name);
        END IF;
    END LOOP;
END
$$;
-- Who has quire_admin already administers this database's projects, too. (Notices of an extension's script are not shown.)
DO $$
DECLARE
    administrators text := (SELECT string_agg(DISTINCT r.oid::regrole::text, ', ')
        FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
        WHERE m.roleid = 'quire_admin'::regrole AND NOT r.rolsuper
          AND r.oid <> (SELECT extowner FROM pg_extension WHERE extname = 'quire'));
BEGIN
    IF administrators IS NOT NULL THEN
        RAISE WARNING 'quire_admin has members already: %', administrators
            USING DETAIL = 'Roles belong to the cluster: they are administrators of quire in this database, too.';
    END IF;
END
$$;
GRANT quire_guest TO quire_user;
GRANT quire_user TO quire_admin;

CREATE SCHEMA quire_store;
COMMENT ON SCHEMA quire_store IS 'Storage of quire. Not an interface: use the functions and views of schema quire.';

SET LOCAL search_path TO quire, pg_temp;
