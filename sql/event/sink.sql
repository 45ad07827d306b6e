-- Supabase Realtime: events are handed to realtime.send, which swallows its errors; what went wrong is kept here.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.sink_failure (
    project_id uuid PRIMARY KEY REFERENCES quire_store.project ON DELETE CASCADE,
    failures   bigint NOT NULL,
    last_seq   bigint NOT NULL,
    last_error text NOT NULL,
    last_at    timestamptz NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.sink_failure', '');

-- Whether realtime.send is there and Supabase's, and not of anybody's making.
CREATE FUNCTION quire_store.has_supabase_realtime() RETURNS boolean
STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN EXISTS (
    SELECT FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_roles f ON f.oid = p.proowner
    JOIN pg_catalog.pg_roles s ON s.oid = n.nspowner
    WHERE n.nspname = 'realtime' AND p.proname = 'send'
      AND pg_catalog.oidvectortypes(p.proargtypes) = 'jsonb, text, text, boolean'
      AND (f.rolsuper OR f.rolname IN ('supabase_admin', 'supabase_realtime_admin'))
      AND (s.rolsuper OR s.rolname IN ('supabase_admin', 'supabase_realtime_admin')));

-- The grants that quire_sink lacks, or NULL. By oid: names of a schema can be looked up only by those who may use it.
CREATE FUNCTION quire_store.missing_for_sink() RETURNS text
STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN (
    WITH realtime AS (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'realtime'),
    missing AS (
        SELECT 1 AS ordinal, 'USAGE on schema realtime' AS what FROM realtime r
        WHERE NOT pg_catalog.has_schema_privilege('quire_sink', r.oid, 'USAGE')
        UNION ALL
        SELECT 2, 'EXECUTE on function realtime.send' FROM realtime r JOIN pg_catalog.pg_proc p ON p.pronamespace = r.oid
        WHERE p.proname = 'send' AND pg_catalog.oidvectortypes(p.proargtypes) = 'jsonb, text, text, boolean'
          AND NOT pg_catalog.has_function_privilege('quire_sink', p.oid, 'EXECUTE')
        UNION ALL
        SELECT 3, w.privilege || ' on realtime.messages' FROM realtime r
        JOIN pg_catalog.pg_class c ON c.relnamespace = r.oid AND c.relname = 'messages'
        CROSS JOIN (VALUES ('SELECT'), ('INSERT')) AS w (privilege)
        WHERE NOT pg_catalog.has_table_privilege('quire_sink', c.oid, w.privilege))
    SELECT pg_catalog.string_agg(m.what, ', ' ORDER BY m.ordinal, m.what DESC) FROM missing m);

-- Sends a message and looks whether it is there. Triggers and policies on realtime.messages run here, with the rights of
-- quire_sink, to whom this function belongs: it has none in quire, and no schema in which it could name this function. The
-- only one of quire's that is SECURITY DEFINER; who called is of no interest to it.
CREATE FUNCTION quire_store.send_as_sink(topic text, event text, payload jsonb) RETURNS boolean
SECURITY DEFINER LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_there boolean;
BEGIN
    EXECUTE 'SELECT realtime.send($1, $2, $3, true)' USING payload, event, topic;
    EXECUTE 'SELECT EXISTS (SELECT FROM realtime.messages m
             WHERE m.topic = $1 AND m.event = $2 AND m.private AND m.extension = ''broadcast''
               AND m.inserted_at > now() - interval ''1 minute'' AND m.payload ->> ''seq'' = $3)'
        INTO is_there USING topic, event, payload ->> 'seq';
    RETURN is_there;
END
$$;

-- Sends a message. Returns why not, or NULL.
CREATE FUNCTION quire_store.send_to_supabase(topic text, event text, payload jsonb) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    missing text;
BEGIN
    IF NOT quire_store.has_supabase_realtime() THEN
        RETURN 'there is no function realtime.send(jsonb, text, text, boolean) of Supabase';
    END IF;
    missing := quire_store.missing_for_sink();
    IF missing IS NOT NULL THEN
        RETURN 'role quire_sink needs ' || missing;
    END IF;
    IF NOT quire_store.send_as_sink(topic, event, payload) THEN
        RETURN 'realtime.send stored no message that quire_sink may see: policies for it may be missing; a warning of realtime.send is in the server log';
    END IF;
    RETURN NULL;
-- Others are all but a cancel, which ends the save, and this.
EXCEPTION WHEN OTHERS OR assert_failure THEN
    RETURN SQLERRM;
END
$$;

SET LOCAL search_path TO quire, pg_temp;
