-- The private channel of a project that somebody watches. Nobody watches after a restore, so a dump has no rows.

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

CREATE TABLE quire_store.channel (
    project_id   uuid PRIMARY KEY REFERENCES quire_store.project ON DELETE CASCADE,
    -- Whoever knows it can listen.
    name         text NOT NULL,
    -- Nothing is sent after this.
    leased_until timestamptz NOT NULL,
    -- When somebody who opened it may lose the right to: then it must get another name.
    valid_until  timestamptz NOT NULL
) WITH (fillfactor = 50);
SELECT pg_catalog.pg_extension_config_dump('quire_store.channel', 'WHERE false');

SELECT pg_catalog.set_config('search_path', 'quire, pg_temp', true);
