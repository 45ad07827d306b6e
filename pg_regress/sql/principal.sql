-- Who the caller is where PostgreSQL runs somebody's code for somebody else: the role with whose rights the calling statement
-- runs, and never the user outside of it. Mallory (bob) owns the code, others run into it.
\c - postgres
CREATE SCHEMA regress_principal AUTHORIZATION regress_bob;
GRANT USAGE ON SCHEMA regress_principal TO PUBLIC;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_admin') THEN
        CREATE ROLE regress_admin LOGIN;
    END IF;
    GRANT quire_admin TO regress_admin;
END
$$;
\c - regress_alice
SELECT quire.create_project('of alice', t.id(3900)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(3900), t.actor('carol'), 'editor') ->> 'role' AS role;
SELECT quire.mint_token(t.id(3900), '{project:read,file:write}', '1 hour') AS token \gset

-- Everything that runs says who its caller is.
\c - regress_bob
SET search_path = regress_principal;
SELECT quire.create_project('of bob', t.id(3901)) IS NOT NULL AS created;
CREATE TABLE token AS SELECT quire.mint_token(t.id(3901), '{project:read,file:write}', '1 hour') AS text;
CREATE TABLE said (context text, who text);
GRANT INSERT, SELECT ON said TO PUBLIC;
CREATE FUNCTION who() RETURNS text LANGUAGE sql STABLE
    AS $$SELECT concat_ws(' ', w ->> 'via', w ->> 'db_role', CASE WHEN (w ->> 'is_admin')::boolean THEN 'as administrator' END)
         FROM quire.whoami() w$$;
CREATE FUNCTION who_definer() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT regress_principal.who()';
-- What it could do with other people's rights.
CREATE FUNCTION steal() RETURNS text LANGUAGE sql SECURITY DEFINER
    AS $$SELECT t.error('SELECT quire.set_project_member(t.id(3900), t.actor(''bob''), ''owner'')')$$;
CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO regress_principal.said VALUES (TG_ARGV[0], regress_principal.who());
    RETURN COALESCE(NEW, OLD);
END
$$;
CREATE FUNCTION say_stealing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO regress_principal.said VALUES (TG_ARGV[0], regress_principal.who());
    INSERT INTO regress_principal.said
    SELECT TG_ARGV[0] || ', stealing', t.error('SELECT quire.set_project_member(t.id(3900), t.actor(''bob''), ''owner'')');
    RETURN COALESCE(NEW, OLD);
END
$$;
CREATE FUNCTION is_said(context text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO regress_principal.said VALUES (context, regress_principal.who());
    RETURN true;
END
$$;
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (id integer REFERENCES parent ON DELETE CASCADE);
GRANT SELECT, INSERT, DELETE ON parent TO PUBLIC;
GRANT SELECT, INSERT ON child TO PUBLIC;
CREATE TRIGGER before_row BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION say('trigger');
CREATE TRIGGER cascade BEFORE DELETE ON child FOR EACH ROW EXECUTE FUNCTION say_stealing('foreign key');
CREATE VIEW view AS SELECT who() AS who;
GRANT SELECT ON view TO PUBLIC;
CREATE VIEW definer_view AS SELECT who_definer() AS who;
GRANT SELECT ON definer_view TO PUBLIC;
CREATE DOMAIN checked AS integer CHECK (VALUE IS NULL OR regress_principal.is_said('domain'));
CREATE TABLE guarded (id integer);
INSERT INTO guarded VALUES (1);
GRANT SELECT ON guarded TO PUBLIC;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (regress_principal.is_said('policy'));
CREATE FUNCTION indexed(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM regress_principal.is_said('index');
    RETURN $1;
END
$$;
CREATE TABLE with_index (id integer);
CREATE INDEX ON with_index (indexed(id));
GRANT INSERT ON with_index TO PUBLIC;
-- says who the user is: with a token of bob's, and with claims
CREATE TABLE presented (id integer REFERENCES parent ON DELETE CASCADE);
GRANT SELECT, INSERT ON presented TO PUBLIC;
CREATE FUNCTION present() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('request.jwt.claims', jsonb_build_object('sub', t.actor('alice'))::text, true);
    INSERT INTO regress_principal.said VALUES ('claims set in a foreign key', regress_principal.who());
    PERFORM set_config('request.jwt.claims', '', true);
    PERFORM quire.authenticate(text) FROM regress_principal.token;
    INSERT INTO regress_principal.said VALUES ('token presented in a foreign key', regress_principal.who());
    RETURN OLD;
END
$$;
CREATE TRIGGER present BEFORE DELETE ON presented FOR EACH ROW EXECUTE FUNCTION present();
CREATE PROCEDURE meet() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO regress_principal.parent VALUES (2);
    INSERT INTO regress_principal.presented VALUES (2);
    DELETE FROM regress_principal.parent;
END
$$;
-- rows of the projects the caller may read, through a view of bob's over one that runs with the caller's rights
CREATE VIEW files AS SELECT file_path FROM quire.project_files_current WHERE project_id = t.id(3900);
GRANT SELECT ON files TO PUBLIC;
\c - postgres
CREATE FUNCTION regress_principal.at_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO regress_principal.said VALUES ('event trigger', regress_principal.who()); END$$;
CREATE EVENT TRIGGER regress_principal ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION regress_principal.at_ddl();
CREATE PROCEDURE regress_principal.run() LANGUAGE plpgsql AS $$
DECLARE
    one integer;
BEGIN
    INSERT INTO regress_principal.said VALUES ('directly', regress_principal.who());
    INSERT INTO regress_principal.said VALUES ('definer function', regress_principal.who_definer());
    INSERT INTO regress_principal.said VALUES ('definer function, stealing', regress_principal.steal());
    INSERT INTO regress_principal.parent VALUES (1);
    INSERT INTO regress_principal.child VALUES (1);
    DELETE FROM regress_principal.parent;
    INSERT INTO regress_principal.said SELECT 'view', who FROM regress_principal.view;
    INSERT INTO regress_principal.said SELECT 'view, definer function', who FROM regress_principal.definer_view;
    PERFORM 1::regress_principal.checked;
    PERFORM FROM regress_principal.guarded;
    INSERT INTO regress_principal.with_index VALUES (1);
    CREATE TEMP TABLE commented ();
    COMMENT ON TABLE commented IS 'x';
    DROP TABLE commented;
    INSERT INTO regress_principal.said VALUES ('after all', regress_principal.who());
END
$$;

-- superuser
CALL regress_principal.run();
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;
DO $$BEGIN SET LOCAL ROLE regress_carol; INSERT INTO regress_principal.said VALUES ('DO after SET ROLE', regress_principal.who()); END$$;
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;
-- administrator
\c - regress_admin
CALL regress_principal.run();
\c - postgres
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;
-- owner
\c - regress_alice
CALL regress_principal.run();
\c - postgres
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;
-- editor
\c - regress_carol
CALL regress_principal.run();
\c - postgres
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;
-- Claims and tokens count for the session's own statements and administrators', and not in anybody else's code.
SET quire.trusted_authenticators = 'postgres';
SET request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000002"}';
SET ROLE regress_nobody;
CALL regress_principal.run();
RESET ROLE;
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;
SELECT quire.set_project_member(t.id(3900), t.actor('bob'), 'viewer') ->> 'role' AS role;
SELECT quire.delete_project_member(t.id(3900), t.actor('bob'));
\c - regress_guest
BEGIN;
SELECT quire.authenticate(:'token') ->> 'project_id' = t.id(3900)::text AS bound;
CALL regress_principal.run();
COMMIT;
\c - postgres
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;

-- What somebody's code says of the user counts for that code: neither for the session, nor as more than they may say.
DELETE FROM regress_principal.said;
SET quire.trusted_authenticators = 'postgres';
SET ROLE regress_nobody;
CALL regress_principal.meet();
SELECT regress_principal.who();
RESET ROLE;
RESET quire.trusted_authenticators;
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;
BEGIN;
CALL regress_principal.meet();
SELECT regress_principal.who();
COMMIT;
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;
\c - regress_guest
BEGIN;
SELECT quire.authenticate(:'token') ->> 'project_id' = t.id(3900)::text AS bound;
SAVEPOINT s;
CALL regress_principal.meet();
SELECT quire.whoami() ->> 'actor_id' = t.actor('alice')::text AS alice, quire.get_project(t.id(3900)) ->> 'name' AS name;
RELEASE s;
SELECT quire.whoami() ->> 'actor_id' = t.actor('alice')::text AS alice, quire.get_project(t.id(3900)) ->> 'name' AS name;
SELECT t.error($$SELECT quire.get_project(t.id(3901))$$);
COMMIT;
\c - postgres
SELECT context, who FROM regress_principal.said ORDER BY context; TRUNCATE regress_principal.said;

-- rows are the caller's own, whose view it may be
\c - regress_alice
SELECT version FROM quire.upsert_project_file(t.id(3900), 'a', 'secret');
SELECT * FROM regress_principal.files;
\c - regress_bob
SELECT * FROM regress_principal.files;

-- After an error the caller is who they were, also inside of somebody's function.
\c - regress_alice
DO $$
BEGIN
    PERFORM quire.upsert_project_file(t.id(3900), '../a', 'x');
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% %: %', current_user, regress_principal.who(), SQLERRM;
END
$$;
SELECT regress_principal.steal(), regress_principal.who();
SELECT member = t.actor('alice') AS alice, role FROM quire.list_project_members(t.id(3900)) ORDER BY role DESC;
-- While quire works, nobody is quire_owner outside of it.
SELECT current_user, (SELECT count(*) FROM quire.list_current_files(t.id(3900))) AS files, current_user;
SELECT DISTINCT current_user FROM quire.poll_events(t.id(3900));
\c - postgres
SET client_min_messages = warning;
DROP EVENT TRIGGER regress_principal;
DROP SCHEMA regress_principal CASCADE;

-- What quire changes in a session that replays what was done elsewhere, as logical replication does, it changes whole, and leaves the
-- session's setting as it is.
\c - postgres
SELECT quire.create_project('replayed', t.id(3990)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(3990), 'a', 'x');
SET session_replication_role = replica;
SELECT quire.delete_project(t.id(3990), 'replayed');
SHOW session_replication_role;
SELECT t.error($$SELECT quire.delete_project(t.id(3990), 'replayed')$$);
SHOW session_replication_role;
RESET session_replication_role;
SELECT t.rows(t.id(3990));
SELECT quire.create_project('again', t.id(3990)) IS NOT NULL AS created;
SELECT quire.delete_project(t.id(3990), 'again');
