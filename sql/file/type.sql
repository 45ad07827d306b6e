-- What functions of files return; made before them.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What a writer of one file gets back: the file as it is now.
CREATE TYPE quire.project_file_head AS (
    id                uuid,
    file_path         text,
    file_type         text,
    content_hash      text,
    version           integer,
    parent_version_id uuid,
    size              bigint,
    is_deleted        boolean,
    is_binary         boolean,
    seq               bigint,
    updated_at        timestamptz,
    checksum          text
);
COMMENT ON TYPE quire.project_file_head IS
'A file as a writer leaves it: id (of the version), file_path, file_type, content_hash (64 hex digits of BLAKE3; NULL when deleted), version (from 1), parent_version_id, size (bytes), is_deleted, is_binary, seq (of the bundle that made the version), updated_at, checksum (of that bundle).';

SET LOCAL search_path TO quire, pg_temp;
