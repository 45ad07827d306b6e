-- map_role_to_actor, unmap_role, list_actors, set_display_name: who a role acts as, also after it was renamed, and what people are called.
\c - postgres
CREATE ROLE regress_person LOGIN IN ROLE quire_user;
CREATE ROLE regress_other LOGIN IN ROLE quire_user;
CREATE FUNCTION t.mapping(wanted uuid) RETURNS text SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql AS $$
    SELECT concat_ws(' | ', a.db_role, CASE WHEN a.role_oid IS NOT NULL THEN COALESCE(r.rolname::text, 'gone') END,
               CASE WHEN a.role_cluster = c.system_identifier THEN 'here' WHEN a.role_cluster IS NOT NULL THEN 'elsewhere' END,
               a.display_name, a.name_from)
    FROM pg_control_system() c, quire_store.actor a LEFT JOIN pg_roles r ON r.oid = a.role_oid WHERE a.actor_id = wanted
$$;

-- Mapped again ------------------------------------------------------------------------------------------------------
-- a script that runs twice means the same person
SELECT quire.map_role_to_actor('regress_person') AS new \gset
SELECT quire.map_role_to_actor('regress_person') = :'new' AS same;
SELECT quire.map_role_to_actor('regress_person', display_name => 'Pat') = :'new' AS same, t.mapping(:'new');
SELECT quire.map_role_to_actor('regress_person', :'new') = :'new' AS same, t.mapping(:'new');
SELECT quire.unmap_role('regress_person') = :'new' AS unmapped, t.mapping(:'new');
SELECT quire.map_role_to_actor('regress_person', t.id(4410), 'Pat') AS person \gset
\c - regress_person
SELECT quire.create_project('of pat', t.id(4400)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(4400), 'b', 'x');
\c - postgres
SELECT quire.map_role_to_actor('regress_person') = :'person' AS same;
\c - regress_person
SELECT role FROM quire.list_projects();
-- what is taken away is told: the role's actor, the actor's role, or both
\c - postgres
SELECT quire.map_role_to_actor('regress_other', t.id(4401), 'Oli') = t.id(4401) AS mapped;
BEGIN;
SELECT quire.map_role_to_actor('regress_person', t.id(4402)) = t.id(4402) AS mapped;
SELECT t.mapping(:'person'), t.mapping(t.id(4402));
ROLLBACK;
BEGIN;
SELECT quire.map_role_to_actor('regress_nobody', :'person') = :'person' AS mapped;
SELECT t.mapping(:'person');
ROLLBACK;
BEGIN;
SELECT quire.map_role_to_actor('regress_other', :'person') = :'person' AS mapped;
SELECT t.mapping(:'person'), t.mapping(t.id(4401));
ROLLBACK;

-- Everybody ---------------------------------------------------------------------------------------------------------
SELECT display_name, db_role, created_at <= now() AS created FROM quire.list_actors()
WHERE actor IN (:'person', t.id(4401), t.actor('alice'), '00000000-0000-0000-0000-000000000000') ORDER BY display_name;
SELECT count(*) = (SELECT count(*) FROM quire_store.actor) AS all FROM quire.list_actors();

-- Renamed -----------------------------------------------------------------------------------------------------------
ALTER ROLE regress_person RENAME TO regress_married;
\c - regress_married
SELECT quire.whoami() ->> 'actor_id' = :'person' AS same, quire.whoami() ->> 'db_role' AS db_role, quire.whoami() ->> 'display_name' AS display_name;
SELECT role FROM quire.list_projects();
SELECT count(*) FROM quire.bundles WHERE project_id = t.id(4400);
\c - postgres
SELECT t.mapping(:'person') AS before_writing, (SELECT db_role FROM quire.list_actors() WHERE actor = :'person') AS listed;
-- a new role of the old name is nobody
CREATE ROLE regress_person LOGIN IN ROLE quire_user;
\c - regress_person
SELECT quire.whoami() ->> 'via' AS via, t.error($$SELECT quire.get_project(t.id(4400))$$);
-- the name follows with the next write, in the same transaction and in a session that has written before
\c - regress_married
SELECT version FROM quire.upsert_project_file(t.id(4400), 'a', 'x');
SELECT t.mapping(:'person') AS after_writing;
SELECT version FROM quire.upsert_project_file(t.id(4400), 'a', 'y');
\c - postgres
ALTER ROLE regress_married RENAME TO regress_widowed;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SET LOCAL ROLE regress_widowed;
SELECT version FROM quire.upsert_project_file(t.id(4400), 'a', 'z');
COMMIT;
SELECT t.mapping(:'person') AS not_yet;
-- or with the next mapping, of whomever; the old name is free
SELECT quire.map_role_to_actor('regress_person', t.id(4403), 'Namesake') = t.id(4403) AS mapped;
SELECT t.mapping(:'person'), t.mapping(t.id(4403));
-- two that swap their names are who they were
ALTER ROLE regress_person RENAME TO regress_swap;
ALTER ROLE regress_widowed RENAME TO regress_person;
ALTER ROLE regress_swap RENAME TO regress_widowed;
SET ROLE regress_person;
SELECT quire.whoami() ->> 'display_name' AS name;
RESET ROLE;
SET ROLE regress_widowed;
SELECT quire.whoami() ->> 'display_name' AS name;
RESET ROLE;
SELECT quire.map_role_to_actor('regress_person') = :'person' AS same;
SELECT t.mapping(:'person'), t.mapping(t.id(4403));
-- dropped, and made again: nobody, until somebody says who that is
DROP ROLE regress_widowed;
SELECT t.mapping(t.id(4403)), (SELECT db_role FROM quire.list_actors() WHERE actor = t.id(4403)) AS listed;
CREATE ROLE regress_widowed LOGIN IN ROLE quire_user;
\c - regress_widowed
SELECT quire.whoami() ->> 'via' AS via;
\c - postgres
SELECT quire.map_role_to_actor('regress_widowed', t.id(4404)) = t.id(4404) AS told_of_the_one_that_is_gone;
SELECT t.mapping(t.id(4403)), t.mapping(t.id(4404));
SELECT quire.map_role_to_actor('regress_widowed', t.id(4403)) = t.id(4403) AS had_back;
SELECT t.mapping(t.id(4403)), t.mapping(t.id(4404));

-- In another cluster ------------------------------------------------------------------------------------------------
-- a dump that was restored: oids mean nothing, names do
UPDATE quire_store.actor SET role_cluster = 1, role_oid = (SELECT oid FROM pg_roles WHERE rolname = 'regress_other') WHERE actor_id = :'person';
UPDATE quire_store.actor SET role_cluster = 1, role_oid = 1 WHERE actor_id = t.id(4401);
SELECT t.mapping(:'person'), t.mapping(t.id(4401));
\c - regress_person
SELECT quire.whoami() ->> 'actor_id' = :'person' AS by_name, quire.whoami() ->> 'via' AS via;
SELECT role FROM quire.list_projects();
SELECT count(*) > 0 AS reads FROM quire.bundles WHERE project_id = t.id(4400);
-- writing makes it one of this cluster
SELECT version FROM quire.upsert_project_file(t.id(4400), 'a', 'restored');
SELECT t.mapping(:'person');
SELECT version FROM quire.upsert_project_file(t.id(4400), 'a', 'again');
\c - postgres
-- in a transaction that sees an older state everything works, and the mapping waits
BEGIN ISOLATION LEVEL REPEATABLE READ;
SET LOCAL ROLE regress_other;
SELECT quire.whoami() ->> 'actor_id' = t.id(4401)::text AS by_name;
SELECT quire.create_project('of oli', t.id(4401)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(4401), 'a', 'x');
COMMIT;
SELECT t.mapping(t.id(4401));
-- a mapping made here wins over one from elsewhere, and takes its name
SELECT quire.map_role_to_actor('regress_other', t.id(4405)) = t.id(4405) AS mapped;
SELECT t.mapping(t.id(4401)), t.mapping(t.id(4405));
-- mapping it again keeps who it is by its name
UPDATE quire_store.actor SET role_cluster = 1, role_oid = 1 WHERE actor_id = t.id(4405);
SELECT quire.map_role_to_actor('regress_other') = t.id(4405) AS same;
SELECT t.mapping(t.id(4405));
-- two of one name: nobody can tell who is meant
UPDATE quire_store.actor SET role_cluster = 1, role_oid = 1 WHERE actor_id = t.id(4405);
UPDATE quire_store.actor SET role_cluster = 1, role_oid = 2, db_role = 'regress_other' WHERE actor_id = t.id(4401);
SET ROLE regress_other;
SELECT quire.whoami() ->> 'via' AS via;
RESET ROLE;
SELECT quire.unmap_role('regress_other') IN (t.id(4405), t.id(4401)) AS unmapped;
SELECT t.mapping(t.id(4401)), t.mapping(t.id(4405));

-- Taken away --------------------------------------------------------------------------------------------------------
SELECT quire.unmap_role('regress_person') = :'person' AS unmapped;
SELECT t.mapping(:'person');
\c - regress_person
SELECT quire.whoami() ->> 'via' AS via, t.error($$SELECT quire.get_project(t.id(4400))$$);
\c - postgres
SELECT t.error($$SELECT quire.unmap_role('regress_person')$$), t.error($$SELECT quire.unmap_role('regress_no_such_role')$$),
    t.error($$SELECT quire.unmap_role(NULL)$$), t.error($$SELECT quire.unmap_role('')$$);
SELECT quire.map_role_to_actor('regress_person', :'person') = :'person' AS back;
-- also of a role that is gone
DROP ROLE regress_widowed;
SELECT quire.unmap_role('regress_widowed') = t.id(4403) AS unmapped, t.mapping(t.id(4403));

-- What people are called --------------------------------------------------------------------------------------------
\c - regress_person
SELECT quire.set_display_name('Patricia');
SELECT quire.whoami() ->> 'display_name' AS name;
SELECT t.error($$SELECT quire.set_display_name(NULL)$$), t.error($$SELECT quire.set_display_name(' ')$$),
    t.error($$SELECT quire.set_display_name(repeat('n', 256))$$), t.error($$SELECT quire.set_display_name(E'a\nb')$$);
-- nobody is system
-- (versions of psql differ in how wide they take some of the names to be)
SELECT n, t.error(format('SELECT quire.set_display_name(%L)', name)) FROM unnest(ARRAY['system', 'System', ' SYS-TEM ', 'ｓｙｓｔｅｍ', U&'sys\200Btem']) WITH ORDINALITY u (name, n);
SELECT n, t.error(format('SELECT quire.set_display_name(%L)', name)) FROM unnest(ARRAY['System of another database', '🆂🆈🆂🆃🅴🅼']) WITH ORDINALITY u (name, n);
SELECT quire.set_display_name('Systems Pat'), quire.set_display_name('Pat');
-- nothing in a name is hidden, and something of it shows
SELECT what, t.error(format('SELECT quire.set_display_name(%L)', name)) FROM (VALUES
    ('zero width space', U&'Al\200Bice'), ('right to left', U&'\202EecilA'), ('soft hyphen', U&'Al\00ADice'), ('joiner', U&'Al\200Dice'),
    ('braille blank', U&'\2800'), ('hangul filler', U&'\3164'), ('tag', U&'Alice\+0E0041'), ('byte order mark', U&'\FEFFAlice'),
    ('selector', U&'Alice\FE0F'), ('accent alone', U&' \0301'), ('line separator', U&'a\2028b'), ('isolate', U&'\2066Alice\2069')) AS c (what, name);
SELECT what, t.error(format('SELECT quire.set_display_name(%L)', name)) FROM (VALUES
    ('emoji', U&'Pat \+01F469\200D\+01F4BB'), ('heart', U&'Pat \2764\FE0F'), ('Persian', U&'\0639\0644\06CC\200C\0631\0636\0627'),
    ('Japanese', U&'\8FBB\+0E0100'), ('accents', U&'Zoe\0308')) AS c (what, name);
SELECT quire.set_display_name('Pat');
-- nor in that of a thing
SELECT call, t.error(format(call, U&'a\200Bb', t.id(4400))) FROM unnest(ARRAY['SELECT quire.create_project(%1$L)', 'SELECT quire.tag_project(%2$L, %1$L)',
    'SELECT quire.update_project(%2$L, jsonb_build_object(''name'', %1$L))', 'SELECT quire.begin_job(%2$L, %1$L)', 'SELECT quire.create_subscription(%2$L, %1$L)',
    'SELECT quire.create_template(%2$L, %1$L)', 'SELECT quire.clone_project(%2$L, %1$L)', 'SELECT quire.create_project_from_template(%2$L, %1$L)',
    'SELECT quire.import_project(quire.export_project(%2$L), %1$L)', 'SELECT quire.sync_status(%2$L, %1$L)']) call;
-- others by administrators
SELECT t.error(format($$SELECT quire.set_display_name('x', %L)$$, t.actor('alice')));
SELECT quire.set_display_name('Pat S.', (quire.whoami() ->> 'actor_id')::uuid);
\c - postgres
SELECT quire.set_display_name('Pat', :'person');
SELECT t.mapping(:'person');
SELECT t.error($$SELECT quire.set_display_name('x', t.id(999999))$$), t.error($$SELECT quire.set_display_name('x')$$),
    t.error($$SELECT quire.set_display_name('x', '00000000-0000-0000-0000-000000000000')$$),
    t.error($$SELECT quire.set_display_name('x', '00000000-0000-5000-8000-000000000000')$$);
SELECT t.error($$SELECT quire.map_role_to_actor('regress_other', display_name => 'SYSTEM')$$),
    t.error($$SELECT quire.map_role_to_actor('regress_other', '00000000-0000-5000-8000-000000000000')$$);
\c - regress_nobody
SELECT t.error($$SELECT quire.set_display_name('x')$$);

-- Claims ------------------------------------------------------------------------------------------------------------
SELECT t.error($$SET quire.display_name_claim = 'email'$$);
\c - postgres
SELECT setting AS default_claim FROM pg_settings WHERE name = 'quire.display_name_claim';
SET quire.trusted_authenticators = 'postgres';
SET request.jwt.claims = '{"sub": "auth0|abc", "name": "Jo", "email": "jo@example.org", "user_metadata": {"full_name": "Jo D."}}';
SET ROLE regress_nobody;
SELECT quire.whoami() ->> 'actor_id' AS uuid_v5, quire.whoami() ->> 'via' AS via;
-- off: who writes has no name
SELECT quire.create_project('of jo', t.id(4406)) IS NOT NULL AS created;
SELECT quire.whoami() ->> 'display_name' AS name;
RESET ROLE;
SET quire.display_name_claim = 'name';
SET ROLE regress_nobody;
SELECT quire.whoami() ->> 'display_name' AS not_by_reading;
SELECT version FROM quire.upsert_project_file(t.id(4406), 'a', 'x');
SELECT quire.whoami() ->> 'display_name' AS by_writing;
-- kept current, by whichever claim
SET request.jwt.claims = '{"sub": "auth0|abc", "name": "Joanna", "email": "jo@example.org", "user_metadata": {"full_name": "Jo D."}}';
SELECT version FROM quire.upsert_project_file(t.id(4406), 'a', 'y');
SELECT quire.whoami() ->> 'display_name' AS name;
RESET ROLE;
SET quire.display_name_claim = 'user_metadata.full_name';
SET ROLE regress_nobody;
SELECT version FROM quire.upsert_project_file(t.id(4406), 'a', 'z');
SELECT quire.whoami() ->> 'display_name' AS name;
-- claims that are no name change nothing, and none says system
SET request.jwt.claims = '{"sub": "auth0|abc", "user_metadata": {"full_name": "System"}}';
SELECT version FROM quire.upsert_project_file(t.id(4406), 'a', '1');
SET request.jwt.claims = '{"sub": "auth0|abc", "user_metadata": "none"}';
SELECT version FROM quire.upsert_project_file(t.id(4406), 'a', '2');
SELECT quire.whoami() ->> 'display_name' AS name;
-- their own name stays
SELECT quire.set_display_name('Jo herself');
SET request.jwt.claims = '{"sub": "auth0|abc", "user_metadata": {"full_name": "Jo X."}}';
SELECT version FROM quire.upsert_project_file(t.id(4406), 'a', '3');
SELECT quire.whoami() ->> 'display_name' AS name;
-- somebody new has the name from the first write on
SET request.jwt.claims = '{"sub": "user_2x", "user_metadata": {"full_name": "Kim"}}';
SELECT quire.create_project('of kim', t.id(4407)) IS NOT NULL AS created;
SELECT quire.whoami() ->> 'actor_id' AS uuid_v5, quire.whoami() ->> 'display_name' AS name;
-- also of somebody whom an owner added before they came
SET request.jwt.claims = '{"sub": "user_2x", "user_metadata": {"full_name": "Kim"}}';
SELECT quire.set_project_member(t.id(4407), t.id(4408), 'editor') ->> 'role' AS role;
SET request.jwt.claims = '{"sub": "00000000-0000-4000-8000-000000004408", "user_metadata": {"full_name": "Lou"}}';
SELECT version FROM quire.upsert_project_file(t.id(4407), 'a', 'x');
SELECT member, display_name FROM quire.list_project_members(t.id(4407)) ORDER BY 2;
-- what a peer says is shown in its project alone, and gives way to a claim
SET request.jwt.claims = '{"sub": "00000000-0000-4000-8000-000000004409"}';
SELECT quire.create_project('with a peer', t.id(4409)) IS NOT NULL AS created;
SELECT quire.create_project('without', t.id(4410)) IS NOT NULL AS created;
RESET ROLE;
INSERT INTO quire_store.peer_actor (project_id, actor_id, display_name) VALUES (t.id(4409), t.id(4409), 'as a peer says');
SET ROLE regress_nobody;
SELECT quire.whoami() ->> 'display_name' AS name;
SELECT m.display_name AS here, n.display_name AS elsewhere FROM quire.list_project_members(t.id(4409)) m, quire.list_project_members(t.id(4410)) n;
SET request.jwt.claims = '{"sub": "00000000-0000-4000-8000-000000004409", "user_metadata": {"full_name": "Mo"}}';
SELECT version FROM quire.upsert_project_file(t.id(4409), 'a', 'x');
SELECT display_name AS here FROM quire.list_project_members(t.id(4409));
SELECT quire.whoami() ->> 'display_name' AS name;
-- a sub may be anything short
SELECT length, t.error(format('SET request.jwt.claims = %L; SELECT quire.whoami()', json_build_object('sub', repeat('x', length)))) FROM unnest(ARRAY[1, 255, 256]) length;
SELECT sub, t.error(format('SET request.jwt.claims = %L; SELECT quire.whoami()', json_build_object('sub', sub)))
FROM unnest(ARRAY['', E'a\tb', '00000000-0000-0000-0000-000000000000', '00000000-0000-5000-8000-000000000000']) sub;
-- a uuid is itself in its one form, and a text like others in any other
CREATE FUNCTION pg_temp.actor_of(sub text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('request.jwt.claims', json_build_object('sub', sub)::text, false);
    RETURN quire.whoami() ->> 'actor_id';
END
$$;
SELECT sub, pg_temp.actor_of(sub) AS actor FROM unnest(ARRAY['00000000-0000-4000-8000-000000004409', upper('00000000-0000-4000-8000-00000000440a'),
    '00000000000040008000000000004409', '{00000000-0000-4000-8000-000000004409}', 'urn:uuid:00000000-0000-4000-8000-000000004409',
    '00000000000000000000000000000000']) sub;
RESET ROLE;
RESET request.jwt.claims;
RESET quire.display_name_claim;
RESET quire.trusted_authenticators;

-- The administrator behind a token ------------------------------------------------------------------------------------
CREATE ROLE regress_people_admin LOGIN IN ROLE quire_admin;
SET ROLE regress_people_admin;
SELECT quire.mint_token(t.id(4400), '{project:read}', '1 hour') AS token \gset
RESET ROLE;
ALTER ROLE regress_people_admin RENAME TO regress_people_chief;
BEGIN;
SET LOCAL ROLE regress_guest;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound, quire.get_project(t.id(4400)) ->> 'name' AS name;
COMMIT;
SELECT admin_role FROM quire_store.token WHERE project_id = t.id(4400);
SELECT quire.map_role_to_actor('regress_person') IS NOT NULL AS mapped;
SELECT admin_role FROM quire_store.token WHERE project_id = t.id(4400);
-- elsewhere by the name
UPDATE quire_store.token SET admin_cluster = 1, admin_oid = 1 WHERE project_id = t.id(4400);
BEGIN;
SET LOCAL ROLE regress_guest;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound, quire.get_project(t.id(4400)) ->> 'name' AS name;
COMMIT;
UPDATE quire_store.token SET admin_cluster = system_identifier, admin_oid = r.oid FROM pg_control_system(), pg_roles r
WHERE project_id = t.id(4400) AND r.rolname = 'regress_people_chief';
-- a new administrator of the old name does not stand in for one that is gone
DROP OWNED BY regress_people_chief;
DROP ROLE regress_people_chief;
CREATE ROLE regress_people_chief LOGIN IN ROLE quire_admin;
BEGIN;
SET LOCAL ROLE regress_guest;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
SELECT t.error($$SELECT quire.get_project(t.id(4400))$$);
ROLLBACK;

-- Who may -----------------------------------------------------------------------------------------------------------
\c - regress_alice
SELECT t.error($$SELECT quire.unmap_role('regress_person')$$), t.error($$SELECT * FROM quire.list_actors()$$), t.error($$SELECT quire.map_role_to_actor('regress_person')$$);
\c - regress_people_chief
SELECT count(*) > 0 AS listed FROM quire.list_actors();
SELECT quire.unmap_role('regress_person') = :'person' AS unmapped;
SELECT quire.map_role_to_actor('regress_person', :'person') = :'person' AS mapped;
SELECT quire.set_display_name('Pat again', :'person');
-- a token says nothing of people
\c - regress_person
SELECT quire.mint_token(t.id(4400), '{project:read,file:write}', '1 hour') AS token \gset
BEGIN;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
SELECT t.error($$SELECT quire.set_display_name('x')$$);
COMMIT;
\c - postgres
BEGIN;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
SELECT t.error($$SELECT quire.unmap_role('regress_person')$$), t.error($$SELECT * FROM quire.list_actors()$$), t.error($$SELECT quire.set_display_name('x', t.actor('alice'))$$);
COMMIT;
SET client_min_messages = warning;
CALL t.drop(t.id(4400));
CALL t.drop(t.id(4401));
CALL t.drop(t.id(4406));
CALL t.drop(t.id(4407));
CALL t.drop(t.id(4409));
CALL t.drop(t.id(4410));
SELECT quire.unmap_role('regress_person') IS NOT NULL AS unmapped;
DROP FUNCTION t.mapping(uuid);
DROP ROLE regress_person, regress_other, regress_people_chief;
