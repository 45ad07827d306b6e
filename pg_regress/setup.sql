-- What every regression test starts from. Run once per database, by a superuser.
CREATE EXTENSION quire;

-- People: each a login role mapped to an actor of its own.
DO $$
DECLARE
    person text;
    number integer := 0;
BEGIN
    FOREACH person IN ARRAY ARRAY['regress_member', 'regress_alice', 'regress_bob', 'regress_carol'] LOOP
        number := number + 1;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = person) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', person);
        END IF;
        EXECUTE format('GRANT quire_user TO %I', person);
        PERFORM quire.map_role_to_actor(person, format('00000000-0000-0000-0000-%s', lpad(number::text, 12, '0'))::uuid, person);
    END LOOP;
    -- Logs in, but has nothing to do with quire.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_outsider') THEN
        CREATE ROLE regress_outsider LOGIN;
    END IF;
    -- May use quire, but is nobody.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_nobody') THEN
        CREATE ROLE regress_nobody LOGIN;
    END IF;
    GRANT quire_user TO regress_nobody;
    -- May present a token, and nothing else.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_guest') THEN
        CREATE ROLE regress_guest LOGIN;
    END IF;
    GRANT quire_guest TO regress_guest;
END
$$;

-- Helpers of the tests.
CREATE SCHEMA t;
GRANT USAGE ON SCHEMA t TO PUBLIC;

-- The project of a test, by number.
CREATE FUNCTION t.id(n integer) RETURNS uuid IMMUTABLE LANGUAGE sql
RETURN ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid;

-- The actor of a person, by name.
CREATE FUNCTION t.actor(name text) RETURNS uuid IMMUTABLE LANGUAGE sql
RETURN ('00000000-0000-0000-0000-' || lpad(array_position(ARRAY['member', 'alice', 'bob', 'carol'], name)::text, 12, '0'))::uuid;

-- An operation that sets a field of an entity, as commit_bundle takes it.
CREATE FUNCTION t.set_field(field text, value jsonb) RETURNS jsonb IMMUTABLE LANGUAGE sql
RETURN jsonb_build_array(jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', '1', 'field', field, 'value', value));

-- What a statement fails with: SQLSTATE, code, reason, message.
CREATE FUNCTION t.error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state  text;
    msg    text;
    detail text;
    body   jsonb;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    BEGIN
        body := detail::jsonb;
    EXCEPTION WHEN OTHERS THEN
        body := NULL;
    END;
    RETURN concat_ws(' | ', state, body ->> 'code', body ->> 'reason', msg);
END
$$;

-- How many rows quire holds of a project, to show that a refused call leaves none.
CREATE FUNCTION t.rows(project uuid) RETURNS text
SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql AS $$
    SELECT format('bundles %s, versions %s, heads %s, blobs %s, requests %s, seq %s',
        (SELECT count(*) FROM quire_store.bundle WHERE project_id = project),
        (SELECT count(*) FROM quire_store.project_files WHERE project_id = project),
        (SELECT count(*) FROM quire_store.file_head WHERE project_id = project),
        (SELECT count(*) FROM quire_store.blob WHERE project_id = project),
        (SELECT count(*) FROM quire_store.request WHERE project_id = project),
        (SELECT seq FROM quire_store.project_head WHERE project_id = project))
$$;
GRANT CREATE ON DATABASE :DBNAME TO regress_member;
GRANT CREATE ON SCHEMA public TO regress_member;

-- Spoils rows, past the guards; for superusers.
CREATE PROCEDURE t.spoil(statement text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE statement;
    SET LOCAL session_replication_role = origin;
END
$$;

-- Deletes a project, if it is still there, whoever owns it.
CREATE PROCEDURE t.drop(project uuid) LANGUAGE sql AS $$
    SELECT quire.delete_project(project_id, name) FROM quire_store.project WHERE project_id = $1
$$;
