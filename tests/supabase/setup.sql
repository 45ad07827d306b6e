-- The roles of a Supabase project, and what quire needs on top of them. Run by a superuser in a fresh database.

-- As in a Supabase project of today (supabase/postgres: the initial schema, and the migration of 2023-05-29 that made
-- the three roles INHERIT). Roles belong to the whole cluster, so they may be there already.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN SELECT * FROM (VALUES
        ('anon', 'NOLOGIN INHERIT NOBYPASSRLS'),
        ('authenticated', 'NOLOGIN INHERIT NOBYPASSRLS'),
        ('service_role', 'NOLOGIN INHERIT BYPASSRLS'),
        ('authenticator', 'LOGIN NOINHERIT NOBYPASSRLS')) AS roles (name, attributes)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE format('CREATE ROLE %I', wanted.name);
        END IF;
        EXECUTE format('ALTER ROLE %I %s', wanted.name, wanted.attributes);
    END LOOP;
END
$$;
GRANT anon, authenticated, service_role TO authenticator;

-- The recipe of README.md.
CREATE EXTENSION quire;
GRANT quire_user TO anon, authenticated, service_role;
