-- The private channel of a project that somebody watches. Nobody watches after a restore, so a dump has no rows.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- One row for each who got a name, and one that the name is ended: its last message is sent, both times are '-infinity'. Who may
-- only read opens it, so nobody waits here: readers and writers add rows, what is replaced or says nothing any more is removed as far
-- as nobody else has it locked, and there is no foreign key.
CREATE TABLE quire_store.channel (
    project_id   uuid NOT NULL,
    row_id       uuid NOT NULL,
    -- Whoever knows it can listen.
    name         text NOT NULL,
    -- The project's channel_epoch that was read before the gate was passed: who passed it before the channel was closed, and
    -- commits after it, has a name that is closed.
    epoch        bigint NOT NULL,
    -- Who got the name, since when: its time is over when they leave or their token is revoked.
    actor_id     uuid,
    token_id     uuid,
    told_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Nothing is sent after this.
    leased_until timestamptz NOT NULL,
    -- When somebody who got it may lose the right to know: then it must get another name.
    valid_until  timestamptz NOT NULL,
    PRIMARY KEY (project_id, row_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.channel', 'WHERE false');

SET LOCAL search_path TO quire, pg_temp;
