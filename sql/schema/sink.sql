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

-- Whether realtime.send is there and Supabase's: it runs with the rights of quire_owner, so it must not be anybody's.
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

-- Sends a message and looks whether it is there. Returns why not, or NULL.
CREATE FUNCTION quire_store.send_to_supabase(topic text, event text, payload jsonb) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_there boolean;
BEGIN
    IF NOT quire_store.has_supabase_realtime() THEN
        RETURN 'there is no function realtime.send(jsonb, text, text, boolean) of Supabase';
    END IF;
    EXECUTE 'SELECT realtime.send($1, $2, $3, true)' USING payload, event, topic;
    EXECUTE 'SELECT EXISTS (SELECT FROM realtime.messages m
             WHERE m.topic = $1 AND m.event = $2 AND m.private AND m.extension = ''broadcast''
               AND m.inserted_at > now() - interval ''1 minute'' AND m.payload ->> ''seq'' = $3)'
        INTO is_there USING topic, event, payload ->> 'seq';
    RETURN CASE WHEN NOT is_there THEN 'realtime.send stored no message; its warning is in the server log' END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;

SET LOCAL search_path TO quire, pg_temp;
