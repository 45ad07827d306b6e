-- Durable subscriptions. The log itself is the event stream; a subscription is a filter and a cursor into it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- No foreign key to the project: readers have subscriptions, and deleting the project does not wait for them.
CREATE TABLE quire_store.subscription (
    project_id   uuid NOT NULL,
    name         text COLLATE "C" NOT NULL,
    actor_id     uuid NOT NULL REFERENCES quire_store.actor,
    filter       jsonb NOT NULL,
    -- Everything up to here is acknowledged or does not match the filter.
    cursor_seq   bigint NOT NULL DEFAULT 0,
    -- The mark of the log there: that it is still the same log.
    cursor_checksum text COLLATE "C" NOT NULL,
    -- Everything up to here has been handed out at least once.
    delivered_seq bigint NOT NULL DEFAULT 0,
    delivered_checksum text COLLATE "C" NOT NULL,
    leased_until timestamptz,
    created_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- A name is taken once it is there for everybody; two who take it at the same time do not wait for each other.
    PRIMARY KEY (project_id, name, actor_id)
) WITH (fillfactor = 50);
SELECT pg_catalog.pg_extension_config_dump('quire_store.subscription', '');

SET LOCAL search_path TO quire, pg_temp;
