-- Projects, their hot head row, and their members.

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

CREATE TABLE quire_store.project (
    project_id uuid PRIMARY KEY,
    name       text NOT NULL,
    kind       text NOT NULL DEFAULT 'workspace' CHECK (kind IN ('workspace', 'template', 'library', 'overlay')),
    visibility text NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
    status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
    settings   jsonb NOT NULL DEFAULT '{}',
    created_by uuid NOT NULL REFERENCES quire_store.actor,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.project', '');

-- One narrow row per project, locked by every writer. No column besides the key is indexed and the page keeps room, so
-- that an update stays on its page (HOT).
CREATE TABLE quire_store.project_head (
    project_id   uuid PRIMARY KEY REFERENCES quire_store.project ON DELETE CASCADE,
    seq          bigint NOT NULL DEFAULT 0,
    checksum     bytea NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000',
    committed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Counts changes of members, settings and status, so that a writer who waited for the lock notices one.
    -- It starts anywhere, so that a project made again under the same id is not mistaken for the one before.
    access_version bigint NOT NULL DEFAULT (pg_catalog.random() * 1000000000000)::bigint,
    next_file_id integer NOT NULL DEFAULT 1,
    live_files   bigint NOT NULL DEFAULT 0,
    live_bytes   bigint NOT NULL DEFAULT 0,
    asset_bytes  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 30);
SELECT pg_catalog.pg_extension_config_dump('quire_store.project_head', '');

CREATE TABLE quire_store.project_member (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    actor_id   uuid NOT NULL REFERENCES quire_store.actor,
    role       text NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
    added_by   uuid NOT NULL REFERENCES quire_store.actor,
    added_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, actor_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.project_member', '');
CREATE INDEX project_member_actor ON quire_store.project_member (actor_id, project_id);

SELECT pg_catalog.set_config('search_path', 'quire, pg_temp', true);
