-- Other databases that hold the same project.

CREATE TABLE quire_store.peer (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    peer       text COLLATE "C" NOT NULL,
    -- The peer has everything up to this bundle of ours.
    acked_seq  bigint NOT NULL DEFAULT 0,
    -- We have everything up to this bundle of the peer's.
    checkpoint bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, peer)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.peer', '');

-- Bundles that were made elsewhere, by the id they have everywhere.
CREATE TABLE quire_store.peer_bundle (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    bundle_id  uuid NOT NULL,
    seq        bigint NOT NULL,
    PRIMARY KEY (project_id, bundle_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.peer_bundle', '');
