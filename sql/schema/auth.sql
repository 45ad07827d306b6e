-- People, devices and services.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.actor (
    actor_id     uuid PRIMARY KEY,
    display_name text,
    db_role      text COLLATE "C" UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.actor', $$WHERE actor_id <> '00000000-0000-0000-0000-000000000000'$$);

-- Who an administrator is who is mapped to nobody.
INSERT INTO quire_store.actor (actor_id, display_name) VALUES ('00000000-0000-0000-0000-000000000000', 'system');

SET LOCAL search_path TO quire, pg_temp;
