-- Projects, their hot head row, and their members.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.project (
    project_id uuid PRIMARY KEY,
    name       text NOT NULL,
    kind       text NOT NULL DEFAULT 'workspace' CHECK (kind IN ('workspace', 'template', 'library', 'overlay')),
    visibility text NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
    status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
    settings   jsonb NOT NULL DEFAULT '{}',
    -- Another one at each change of members, settings and status, so that a writer notices it. Not on the head row: whoever
    -- changes these does not wait for writers. Drawn, and never counted: what was seen in a transaction that was rolled back, or
    -- in a project that had the same id before, must not look like what is true now.
    access_version bigint NOT NULL
        DEFAULT ('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 12))::bit(48)::bigint,
    -- Counts how often the private channel was closed: its names are of one epoch.
    channel_epoch bigint NOT NULL DEFAULT 0,
    -- Whether there are rows in doc_schema, so that writers of a project without schemas look for none.
    has_doc_schemas boolean NOT NULL DEFAULT false,
    -- Whether there are rows in doc_binding, or were: writers of a project that never had bindings look for none.
    has_doc_bindings boolean NOT NULL DEFAULT false,
    -- Where the rights of UCANs come from, and whose rights that are.
    did        text COLLATE "C",
    did_by     uuid REFERENCES quire_store.actor,
    created_by uuid NOT NULL REFERENCES quire_store.actor,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK ((did IS NULL) = (did_by IS NULL))
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.project', '');

-- One narrow row per project, locked by every writer. No column besides the key is indexed and the page keeps room, so
-- that an update stays on its page (HOT).
CREATE TABLE quire_store.project_head (
    project_id   uuid PRIMARY KEY REFERENCES quire_store.project ON DELETE CASCADE,
    seq          bigint NOT NULL DEFAULT 0,
    checksum     bytea NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000',
    committed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    next_file_id integer NOT NULL DEFAULT 1,
    live_files   bigint NOT NULL DEFAULT 0,
    live_bytes   bigint NOT NULL DEFAULT 0,
    asset_bytes  bigint NOT NULL DEFAULT 0,
    -- Bytes of the changes of documents.
    doc_bytes    bigint NOT NULL DEFAULT 0,
    -- Bytes of what a storage keeps beside documents, keys included.
    storage_bytes bigint NOT NULL DEFAULT 0,
    -- Every bundle that was taken back by a revert, or in another database, is at or before this seq: out of its author's order.
    in_order_after bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 30);
SELECT pg_catalog.pg_extension_config_dump('quire_store.project_head', '');

-- A member need not have been seen yet: to make them wait for the row of an actor who is just being registered would be to make
-- them wait for a stranger.
CREATE TABLE quire_store.project_member (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    actor_id   uuid NOT NULL,
    role       text NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
    added_by   uuid NOT NULL REFERENCES quire_store.actor,
    added_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, actor_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.project_member', '');
-- What quire itself changes it says in access_version; somebody may change rows by hand.
CREATE TRIGGER project_member_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON quire_store.project_member
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.invalidate_sessions();
ALTER TABLE quire_store.project_member ENABLE ALWAYS TRIGGER project_member_changed;
CREATE TRIGGER project_changed AFTER UPDATE OF project_id, kind, visibility, status, settings, access_version ON quire_store.project
    FOR EACH ROW WHEN (OLD.access_version = NEW.access_version AND OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION quire_store.invalidate_sessions();
ALTER TABLE quire_store.project ENABLE ALWAYS TRIGGER project_changed;
CREATE INDEX project_member_actor ON quire_store.project_member (actor_id, project_id);

-- Members who cannot write and have left: to take their row away would be to hold up who removes them or the project. No foreign
-- keys, for the same reason. Whoever changes the members next clears up.
CREATE TABLE quire_store.departure (
    project_id   uuid NOT NULL,
    actor_id     uuid NOT NULL,
    departure_id uuid NOT NULL,
    left_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, actor_id, departure_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.departure', '');
CREATE TRIGGER departure_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON quire_store.departure
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.invalidate_sessions();
ALTER TABLE quire_store.departure ENABLE ALWAYS TRIGGER departure_changed;

-- The members there are.
CREATE VIEW quire_store.membership WITH (security_invoker = true) AS
SELECT m.project_id, m.actor_id, m.role, m.added_by, m.added_at
FROM quire_store.project_member m CROSS JOIN (SELECT 1) AS not_updatable
WHERE NOT EXISTS (SELECT FROM quire_store.departure d
                  WHERE d.project_id = m.project_id AND d.actor_id = m.actor_id AND d.left_at >= m.added_at);

-- What a project keeps of what is not current, by its settings.
CREATE VIEW quire_store.retention WITH (security_invoker = true) AS
SELECT p.project_id,
       COALESCE((p.settings ->> 'retention_days')::integer, 90) AS days,
       COALESCE(p.settings -> 'asset_retention_days', '{}') AS asset_days,
       pg_catalog.statement_timestamp()
           - pg_catalog.make_interval(days => COALESCE((p.settings ->> 'retention_days')::integer, 90)) AS cutoff
FROM quire_store.project p CROSS JOIN (SELECT 1) AS not_updatable;

SET LOCAL search_path TO quire, pg_temp;
