-- Roles and schemas. Runs first.

DO $$
BEGIN
    IF pg_catalog.current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'quire needs a database with encoding UTF8';
    END IF;
    -- A schema prepared by somebody else could hold objects that quire would trust.
    IF (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'quire')
        IS DISTINCT FROM (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER)
       OR EXISTS (SELECT FROM pg_catalog.pg_class
                  WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'quire'))
       OR EXISTS (SELECT FROM pg_catalog.pg_proc
                  WHERE pronamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'quire')) THEN
        RAISE EXCEPTION 'schema quire must be empty and owned by the installing role';
    END IF;
END
$$;

-- Roles belong to the whole cluster: another database may have made them already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['quire_owner', 'quire_guest', 'quire_user', 'quire_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
END
$$;
-- The role that everything runs as must be nobody's.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'quire_owner'
               AND (r.rolcanlogin OR r.rolsuper OR r.rolbypassrls OR r.rolcreaterole))
       OR EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
                  WHERE r.rolname = 'quire_owner'
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles s WHERE s.oid = m.member AND s.rolsuper)) THEN
        RAISE EXCEPTION 'role quire_owner exists and has members or attributes';
    END IF;
END
$$;
GRANT quire_guest TO quire_user;
GRANT quire_user TO quire_admin;

CREATE SCHEMA quire_store;
