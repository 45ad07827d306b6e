-- Durable subscriptions. The log itself is the event stream; a subscription is a filter and a cursor into it.

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

CREATE TABLE quire_store.subscription (
    project_id   uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    name         text COLLATE "C" NOT NULL,
    actor_id     uuid NOT NULL REFERENCES quire_store.actor,
    filter       jsonb NOT NULL,
    -- Everything up to here is acknowledged or does not match the filter.
    cursor_seq   bigint NOT NULL DEFAULT 0,
    -- Everything up to here has been handed out at least once.
    delivered_seq bigint NOT NULL DEFAULT 0,
    leased_until timestamptz,
    created_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, name)
) WITH (fillfactor = 50);
SELECT pg_catalog.pg_extension_config_dump('quire_store.subscription', '');

SELECT pg_catalog.set_config('search_path', 'quire, pg_temp', true);
