-- Bytes live once per project, under their BLAKE3 hash.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.blob (
    project_id  uuid NOT NULL,
    hash        bytea NOT NULL,
    size        bigint NOT NULL,
    -- 0: raw, 1: zstd. Stored values keep their meaning for ever.
    codec       smallint NOT NULL,
    -- 0: the bytes are here; n: they are in n rows of blob_chunk.
    chunk_count integer NOT NULL DEFAULT 0,
    -- 0: present, 1: archived, 2: collected, 3: quarantined. What is archived or collected has no bytes here; whatever is not
    -- present says since when and why. Stored values keep their meaning for ever.
    state        smallint NOT NULL DEFAULT 0,
    state_at     timestamptz,
    state_reason text,
    bytes       bytea NOT NULL,
    PRIMARY KEY (project_id, hash)
) WITH (toast_tuple_target = 4080);
SELECT pg_catalog.pg_extension_config_dump('quire_store.blob', '');
-- The bytes are compressed already.
ALTER TABLE quire_store.blob ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE quire_store.blob_chunk (
    project_id uuid NOT NULL,
    hash       bytea NOT NULL,
    ordinal    integer NOT NULL,
    size       bigint NOT NULL,
    codec      smallint NOT NULL,
    -- BLAKE3 of ordinal, codec, size and bytes: a part of the content is read without the rest, which its hash needs.
    checksum   bytea NOT NULL,
    bytes      bytea NOT NULL,
    PRIMARY KEY (project_id, hash, ordinal),
    FOREIGN KEY (project_id, hash) REFERENCES quire_store.blob ON DELETE CASCADE
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.blob_chunk', '');
ALTER TABLE quire_store.blob_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;

SET LOCAL search_path TO quire, pg_temp;
