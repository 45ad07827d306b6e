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
'A file as a writer leaves it.';
COMMENT ON COLUMN quire.project_file_head.id IS 'The id of the version.';
COMMENT ON COLUMN quire.project_file_head.file_path IS 'The path, as it is stored.';
COMMENT ON COLUMN quire.project_file_head.file_type IS 'What the file is to the application.';
COMMENT ON COLUMN quire.project_file_head.content_hash IS 'BLAKE3 of the content, 64 hex digits. NULL for tombstones.';
COMMENT ON COLUMN quire.project_file_head.version IS 'The number of the version: 1, 2, 3, ... for each path.';
COMMENT ON COLUMN quire.project_file_head.parent_version_id IS 'The id of the version that this one was made from. NULL for the first version of a path.';
COMMENT ON COLUMN quire.project_file_head.size IS 'The length of the content in bytes.';
COMMENT ON COLUMN quire.project_file_head.is_deleted IS 'Whether the version is a tombstone.';
COMMENT ON COLUMN quire.project_file_head.is_binary IS 'Whether the content is not text (UTF-8 without NUL).';
COMMENT ON COLUMN quire.project_file_head.seq IS 'The bundle that made the version.';
COMMENT ON COLUMN quire.project_file_head.updated_at IS 'When that bundle was committed.';
COMMENT ON COLUMN quire.project_file_head.checksum IS 'The checksum of that bundle.';

SET LOCAL search_path TO quire, pg_temp;
