-- Other databases that hold the same project.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.peer (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    peer       text COLLATE "C" NOT NULL,
    -- The peer has everything up to this bundle of ours.
    acked_seq  bigint NOT NULL DEFAULT 0,
    -- The mark of our log there.
    acked_checksum text COLLATE "C" NOT NULL,
    -- We have everything up to this bundle of the peer's.
    checkpoint bigint NOT NULL DEFAULT 0,
    -- The mark of the peer's log there; NULL when nobody has given it.
    checkpoint_checksum text COLLATE "C",
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, peer)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.peer', '');

-- Bundles that were made elsewhere, by the id they have everywhere.
CREATE TABLE quire_store.peer_bundle (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    bundle_id  uuid NOT NULL,
    seq        bigint NOT NULL,
    -- Who sent it.
    peer       text COLLATE "C" NOT NULL,
    -- Its seq in the sender's log, and the mark there; NULL when nobody has given them.
    peer_seq   bigint,
    peer_checksum text COLLATE "C",
    PRIMARY KEY (project_id, bundle_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.peer_bundle', '');

-- What authors are called elsewhere. It is the word of whoever may push into the project, so it is kept with the project and shown in
-- no other place; and nobody is registered by it, or their own first write would wait for the push.
CREATE TABLE quire_store.peer_actor (
    project_id   uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    actor_id     uuid NOT NULL,
    display_name text NOT NULL,
    PRIMARY KEY (project_id, actor_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.peer_actor', '');

-- What a bundle made elsewhere would have made of a path or an asset, and what it was already: no row of the log has it, and
-- an earlier write that comes later from a third database must not win over it.
CREATE TABLE quire_store.peer_stamp (
    project_id   uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    -- 'file ' and the path, or 'asset ' and the hash.
    target       text COLLATE "C" NOT NULL,
    -- Where it was made, in microseconds since 1970.
    committed_at bigint NOT NULL,
    bundle_id    uuid NOT NULL,
    PRIMARY KEY (project_id, target)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.peer_stamp', '');

SET LOCAL search_path TO quire, pg_temp;
