-- import_legacy_files reads tables whose owner (bob) has put code wherever PostgreSQL runs some while a table is read. The code is
-- run with the rights of whoever imports (alice), or of its owner where it is SECURITY DEFINER; never with those of quire_owner.
\c - postgres
CREATE SCHEMA regress_hostile AUTHORIZATION regress_bob;
GRANT USAGE ON SCHEMA regress_hostile TO PUBLIC;
CREATE EXTENSION postgres_fdw;
SELECT quire.create_project('of nobody here', t.id(3952)) IS NOT NULL AS created;
\c - regress_alice
SELECT quire.create_project('of alice', t.id(3950)) IS NOT NULL AS created;
SELECT quire.mint_token(t.id(3950), '{project:read,file:write}', '1 hour') AS token \gset

\c - regress_bob
SET search_path = regress_hostile;
-- Everything that runs says with whose rights, who it is for quire, and what it can get at.
CREATE TABLE said (context text, runs_as text, session text, principal text, reads text, writes text, "role" text, others text,
                   UNIQUE (context, runs_as, principal, reads, writes, "role", others));
GRANT INSERT, SELECT, DELETE ON said TO PUBLIC;
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RAISE 'done as %', current_user;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION note(context text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO regress_hostile.said
    SELECT context, current_user, session_user, concat_ws(' ', w ->> 'via', w ->> 'db_role'),
        regress_hostile.attempt('SELECT count(*) FROM quire_store.blob'), regress_hostile.attempt('DELETE FROM quire_store.project_member'),
        regress_hostile.attempt('SET ROLE quire_owner'), regress_hostile.attempt('SELECT quire.get_project(t.id(3952))')
    FROM quire.whoami() w ON CONFLICT DO NOTHING;
    RETURN context;
END
$$;
CREATE FUNCTION note_definer(context text) RETURNS text SECURITY DEFINER LANGUAGE sql AS 'SELECT regress_hostile.note(context)';
CREATE FUNCTION noted(context text, value anyelement) RETURNS anyelement IMMUTABLE LANGUAGE plpgsql AS
    $$BEGIN PERFORM regress_hostile.note(context); RETURN value; END$$;

-- types with casts of their own; output functions cannot be written in a language that tenants have
CREATE TYPE path_type AS ENUM ('by_cast');
CREATE TYPE content_type AS (text text);
CREATE FUNCTION path_text(path_type) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM regress_hostile.note('cast, implicit'); RETURN 'cast/implicit'; END$$;
CREATE FUNCTION content_text(content_type) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM regress_hostile.note('cast, assignment'); RETURN $1.text; END$$;
CREATE FUNCTION content_definer(content_type) RETURNS varchar SECURITY DEFINER LANGUAGE plpgsql AS $$BEGIN PERFORM regress_hostile.note('cast, definer'); RETURN 'x'; END$$;
CREATE CAST (path_type AS text) WITH FUNCTION path_text(path_type) AS IMPLICIT;
CREATE CAST (content_type AS text) WITH FUNCTION content_text(content_type) AS ASSIGNMENT;
CREATE CAST (content_type AS varchar) WITH FUNCTION content_definer(content_type) AS ASSIGNMENT;
SELECT t.error('CREATE FUNCTION regress_hostile.out(regress_hostile.content_type) RETURNS cstring LANGUAGE plpgsql AS ''BEGIN END''') AS output_function,
    t.error('CREATE TYPE regress_hostile.base (INPUT = int4in, OUTPUT = int4out)') AS base_type,
    t.error('CREATE CAST (text AS jsonb) WITH INOUT AS IMPLICIT') AS cast_of_others;
CREATE TABLE casts (path path_type, content content_type);
INSERT INTO casts VALUES ('by_cast', ROW('x'));
CREATE VIEW casts_definer AS SELECT 'cast/definer' AS path, content::varchar AS content FROM casts;

-- domains with checks, which a table's reader does not run and a view's does
CREATE DOMAIN checked AS text CHECK (VALUE IS NULL OR regress_hostile.note('domain') IS NOT NULL);
CREATE TABLE domains (path checked, content text);
INSERT INTO domains VALUES ('domain', 'x');
CREATE VIEW domains_view AS SELECT 'view/domain'::checked AS path, 'x' AS content;

-- generated columns, which the writer runs
CREATE TABLE generated (path text, content text GENERATED ALWAYS AS (noted('generated column', path)) STORED);
INSERT INTO generated (path) VALUES ('generated');

-- partitions: the key, a partition's own policy, and its own rights
CREATE TABLE parts (path text, content text) PARTITION BY LIST (noted('partition key', content));
CREATE TABLE part_x PARTITION OF parts FOR VALUES IN ('x');
INSERT INTO parts VALUES ('partition', 'x');
ALTER TABLE part_x ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON part_x USING (note('policy of a partition') IS NULL);

-- policies
CREATE TABLE guarded (path text, content text, reader name);
INSERT INTO guarded VALUES ('policy/alice', 'x', 'regress_alice'), ('policy/owner', 'x', 'quire_owner');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (reader = current_user AND note('policy') IS NOT NULL AND note_definer('policy, definer') IS NOT NULL);

-- views, rules and triggers
CREATE VIEW plain AS SELECT 'view/plain' AS path, note('view') AS content, 'txt' AS type;
CREATE VIEW barrier WITH (security_barrier) AS SELECT 'view/barrier' AS path, note('security_barrier view') AS content;
CREATE VIEW invoker WITH (security_invoker) AS SELECT 'view/invoker' AS path, note('security_invoker view') AS content;
CREATE VIEW definer AS SELECT 'view/definer' AS path, note_definer('view, definer') AS content;
CREATE VIEW types AS SELECT 'view/type' AS path, 'x' AS content, left(note('type column'), 0) || 'txt' AS type;
CREATE TABLE ruled (path text, content text);
INSERT INTO ruled VALUES ('ruled', 'x');
CREATE RULE r AS ON INSERT TO ruled DO ALSO SELECT note('rule');
CREATE VIEW replaced AS SELECT NULL::text AS path, NULL::text AS content;
CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO replaced DO INSTEAD SELECT 'rule/select' AS path, note('rule on select') AS content;
CREATE FUNCTION at_row() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM regress_hostile.note('trigger'); RETURN NEW; END$$;
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON ruled FOR EACH STATEMENT EXECUTE FUNCTION at_row();

-- a view of quire's inside of one of bob's, and names of quire's and of PostgreSQL's, also by a search path that is set meanwhile
CREATE VIEW files AS SELECT 'copy/' || file_path AS path, content FROM quire.project_files_current WHERE project_id = t.id(3950);
CREATE TABLE project_files (path text, content text);
INSERT INTO project_files VALUES ('named/project_files', 'x');
CREATE TABLE "quire_store.bundle" ("pa""th" text, "c); DROP TABLE regress_hostile.said; --" text, "'t'" text);
INSERT INTO "quire_store.bundle" VALUES ('named/quoted', 'x', 'txt');
CREATE FUNCTION array_append(jsonb[], jsonb) RETURNS jsonb[] LANGUAGE plpgsql AS
    $$BEGIN PERFORM regress_hostile.note('function of another search path'); RETURN pg_catalog.array_append($1, $2); END$$;
CREATE FUNCTION turn(value text) RETURNS text LANGUAGE plpgsql AS
    $$BEGIN PERFORM set_config('search_path', 'regress_hostile, pg_catalog', false); RETURN value; END$$;
CREATE VIEW turning AS SELECT 'turning/' || n AS path, regress_hostile.turn('x') AS content FROM generate_series(1, 3) n;

-- calls of quire from inside: another import, writes, the end of the project
CREATE VIEW nested AS SELECT 'nested/outer' AS path, quire.import_legacy_files(t.id(3950), 'regress_hostile.plain', 'path', 'content') ->> 'imported' AS content;
CREATE VIEW writing AS SELECT 'writing' AS path, (SELECT 'seq ' || seq FROM quire.upsert_project_file(t.id(3950), 'writing', 'from inside')) AS content;
CREATE VIEW deleting AS SELECT 'deleting' AS path, quire.delete_project(t.id(3951), 'to be deleted')::text AS content;
CREATE FUNCTION lie() RETURNS text LANGUAGE plpgsql AS
    $$BEGIN RAISE 'there is room' USING ERRCODE = 'PT413', DETAIL = '{"code": "LimitError", "reason": "made_up"}'; END$$;
CREATE VIEW lying AS SELECT 'lying' AS path, lie() AS content;
GRANT SELECT ON ALL TABLES IN SCHEMA regress_hostile TO PUBLIC;
-- bob's own function that imports, run by alice
CREATE FUNCTION import_definer() RETURNS text SECURITY DEFINER LANGUAGE sql AS
    $$SELECT t.error('SELECT quire.import_legacy_files(t.id(3950), ''regress_hostile.project_files'', ''path'', ''content'')')$$;

-- Foreign tables: what is behind one runs as whom the importer's mapping names, though quire_owner has one to a superuser.
\c - postgres
DO $$
BEGIN
    EXECUTE format('CREATE SERVER regress_loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
        split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
END
$$;
CREATE USER MAPPING FOR regress_alice SERVER regress_loop OPTIONS (user 'regress_alice', password_required 'false');
CREATE USER MAPPING FOR quire_owner SERVER regress_loop OPTIONS (user 'postgres', password_required 'false');
GRANT USAGE ON FOREIGN SERVER regress_loop TO regress_bob;
CREATE VIEW regress_hostile.far_away AS SELECT 'foreign' AS path, regress_hostile.note('foreign table') AS content;
GRANT SELECT ON regress_hostile.far_away TO PUBLIC;
SET ROLE regress_bob;
CREATE FOREIGN TABLE regress_hostile.foreign_table (path text, content text) SERVER regress_loop
    OPTIONS (schema_name 'regress_hostile', table_name 'far_away');
CREATE FOREIGN TABLE regress_hostile.foreign_log (path text, content text) SERVER regress_loop
    OPTIONS (schema_name 'quire_store', table_name 'actor');
CREATE TABLE regress_hostile.far_parts (path text, content text) PARTITION BY LIST (content);
CREATE FOREIGN TABLE regress_hostile.far_part PARTITION OF regress_hostile.far_parts FOR VALUES IN ('foreign partition') SERVER regress_loop
    OPTIONS (schema_name 'regress_hostile', table_name 'far_part_behind');
CREATE VIEW regress_hostile.far_part_behind AS SELECT 'far/partition' AS path, regress_hostile.note('foreign partition') AS content;
GRANT SELECT ON regress_hostile.foreign_table, regress_hostile.foreign_log, regress_hostile.far_parts, regress_hostile.far_part_behind TO PUBLIC;
RESET ROLE;
-- Event triggers, which only superusers make: an import does nothing that fires one.
CREATE FUNCTION regress_hostile.at_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM regress_hostile.note('event trigger'); END$$;
CREATE EVENT TRIGGER regress_hostile ON ddl_command_start EXECUTE FUNCTION regress_hostile.at_ddl();
TRUNCATE regress_hostile.said;

-- Everything is imported by alice, whose search path is bob's, too.
\c - regress_alice
SET search_path = regress_hostile, public;
CREATE TEMP TABLE blob (path text, content text);
INSERT INTO blob VALUES ('named/temporary', 'x');
CREATE TEMP VIEW actor AS SELECT 'named/temporary view' AS path, regress_hostile.note('temporary view') AS content;
-- (this was DDL of alice's own)
DELETE FROM said WHERE context = 'event trigger';
SELECT source, t.error(format('SELECT quire.import_legacy_files(t.id(3950), %L, %L, %L, %L)', source, path, content, type)) AS import
FROM (VALUES (1, 'casts', 'path', 'content', NULL), (2, 'casts_definer', 'path', 'content', NULL),
             (3, 'domains', 'path', 'content', NULL), (4, 'domains_view', 'path', 'content', NULL),
             (5, 'generated', 'path', 'content', NULL), (6, 'parts', 'path', 'content', NULL), (7, 'part_x', 'path', 'content', NULL),
             (8, 'guarded', 'path', 'content', NULL), (9, 'plain', 'path', 'content', 'type'), (10, 'barrier', 'path', 'content', NULL),
             (11, 'invoker', 'path', 'content', NULL), (12, 'definer', 'path', 'content', NULL), (13, 'types', 'path', 'content', 'type'),
             (14, 'ruled', 'path', 'content', NULL), (15, 'replaced', 'path', 'content', NULL), (16, 'files', 'path', 'content', NULL),
             (17, 'project_files', 'path', 'content', NULL),
             (18, '"quire_store.bundle"', 'pa"th', 'c); DROP TABLE regress_hostile.said; --', '''t'''),
             (19, 'blob', 'path', 'content', NULL), (20, 'actor', 'path', 'content', NULL), (21, 'nested', 'path', 'content', NULL),
             (22, 'writing', 'path', 'content', NULL), (23, 'lying', 'path', 'content', NULL), (24, 'turning', 'path', 'content', NULL),
             (25, 'foreign_table', 'path', 'content', NULL), (26, 'foreign_log', 'path', 'content', NULL),
             (27, 'far_parts', 'path', 'content', NULL)) AS sources (n, source, path, content, type)
ORDER BY n;
SELECT current_user, current_setting('search_path') AS search_path;
SELECT file_path, file_type FROM quire.list_current_files(t.id(3950)) ORDER BY file_path;
\c - postgres
SELECT context, runs_as, session, principal FROM regress_hostile.said ORDER BY context, runs_as;
SELECT DISTINCT reads, writes, "role", others FROM regress_hostile.said;
TRUNCATE regress_hostile.said;

-- What is deleted while it is imported into is gone.
\c - regress_alice
SELECT quire.create_project('to be deleted', t.id(3951)) IS NOT NULL AS created;
SELECT t.error($$SELECT quire.import_legacy_files(t.id(3951), 'regress_hostile.deleting', 'path', 'content')$$);
-- A function of bob's imports as bob, and nothing imports during maintenance.
SELECT regress_hostile.import_definer();
\c - regress_bob
CREATE MATERIALIZED VIEW regress_hostile.trap AS
    SELECT t.error('SELECT quire.import_legacy_files(t.id(3950), ''regress_hostile.plain'', ''path'', ''content'')') AS error WITH NO DATA;
\c - postgres
REFRESH MATERIALIZED VIEW regress_hostile.trap;
SELECT error FROM regress_hostile.trap;
TRUNCATE regress_hostile.said;

-- Claims and tokens count for the whole session or transaction, whoever's code runs in them.
\c - regress_nobody
BEGIN;
SELECT quire.authenticate(:'token') ->> 'project_id' = t.id(3950)::text AS bound;
SELECT quire.import_legacy_files(t.id(3950), 'regress_hostile.plain', 'path', 'content') ->> 'imported' AS imported;
COMMIT;
\c - postgres
SET quire.trusted_authenticators = 'postgres';
SET request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000002"}';
SET ROLE regress_nobody;
-- (in a superuser's session a mere SET ROLE keeps nobody's code from being the superuser)
SELECT quire.import_legacy_files(t.id(3950), 'regress_hostile.barrier', 'path', 'content') ->> 'imported' AS imported;
RESET ROLE;
RESET request.jwt.claims;
RESET quire.trusted_authenticators;
SELECT context, runs_as, session, principal, "role" FROM regress_hostile.said ORDER BY context;

SET client_min_messages = warning;
DROP EVENT TRIGGER regress_hostile;
DROP EXTENSION postgres_fdw CASCADE;
DROP SCHEMA regress_hostile CASCADE;
CALL t.drop(t.id(3950));
CALL t.drop(t.id(3952));
