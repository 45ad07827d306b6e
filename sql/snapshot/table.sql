-- Snapshots: archives of a project at a seq, made once and kept in chunks. A tar.zst refers to the blobs of its manifest.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- No foreign key to the project: who may only read makes some, too, and deleting the project does not wait for that.
CREATE TABLE quire_store.snapshot (
    project_id    uuid NOT NULL,
    snapshot_id   uuid NOT NULL,
    -- The last bundle that changed a file: snapshots of every later seq up to the next such bundle are this one.
    tree_seq      bigint NOT NULL,
    -- Set in a delta.
    since_seq     bigint,
    format        text NOT NULL,
    -- NULL only while it is being made, which nobody else sees.
    size          bigint,
    content_hash  bytea,
    chunk_count   integer,
    file_count    bigint,
    manifest      jsonb,
    deleted       jsonb,
    created_by    uuid NOT NULL REFERENCES quire_store.actor,
    -- Its making is a bundle. That of somebody who cannot write is none, because a bundle makes writers wait.
    is_announced  boolean NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, snapshot_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.snapshot', '');
-- Read by every caller who gets this snapshot again.
ALTER TABLE quire_store.snapshot ALTER COLUMN manifest SET STORAGE EXTERNAL;
-- Who comes second waits here until the first has made it; but nobody waits for somebody who cannot write.
CREATE UNIQUE INDEX snapshot_tree ON quire_store.snapshot (project_id, tree_seq, format, COALESCE(since_seq, -1))
    WHERE is_announced;

-- Every chunk but the last has 1 MiB.
CREATE TABLE quire_store.snapshot_chunk (
    project_id  uuid NOT NULL,
    snapshot_id uuid NOT NULL,
    ordinal     integer NOT NULL,
    -- The bytes themselves; or, where an archive holds content as it is stored, how they are put together: what is
    -- between files, and which stored bytes of which blobs go there.
    bytes       bytea,
    recipe      bytea,
    CHECK (pg_catalog.num_nonnulls(bytes, recipe) = 1),
    PRIMARY KEY (project_id, snapshot_id, ordinal),
    FOREIGN KEY (project_id, snapshot_id) REFERENCES quire_store.snapshot ON DELETE CASCADE
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.snapshot_chunk', '');
-- The bytes are compressed already.
ALTER TABLE quire_store.snapshot_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE quire_store.snapshot_chunk ALTER COLUMN recipe SET STORAGE EXTERNAL;

-- PostgREST answers with the bytes themselves when a function returns a domain that is named by a media type; of the one
-- that is named */* the function sets the type itself.
CREATE DOMAIN quire."*/*" AS bytea;
COMMENT ON DOMAIN quire."*/*" IS
'Bytes of a media type that the function names in the setting response.headers, as PostgREST expects it.';

SET LOCAL search_path TO quire, pg_temp;
