-- Files: one row per version, never updated, and one narrow row per path ever used.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.file_head (
    project_id        uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    file_path         text COLLATE "C" NOT NULL,
    file_id           integer NOT NULL,
    version           integer NOT NULL,
    version_id        uuid NOT NULL,
    parent_version_id uuid,
    seq               bigint NOT NULL,
    updated_at        timestamptz NOT NULL,
    file_type         text NOT NULL,
    mode              text NOT NULL,
    content_hash      bytea,
    size              bigint NOT NULL,
    is_deleted        boolean NOT NULL,
    is_binary         boolean NOT NULL,
    created_by        uuid NOT NULL,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (project_id, file_path)
) WITH (fillfactor = 80);
SELECT pg_catalog.pg_extension_config_dump('quire_store.file_head', '');
-- Secondary indexes lead with what only they are for. If they led with project_id, too, the planner would take the narrowest of
-- them for any condition on a project it has no statistics of, and read the whole project through it.
CREATE UNIQUE INDEX file_head_file_id ON quire_store.file_head (file_id, project_id);
ALTER TABLE quire_store.file_head ALTER COLUMN file_id SET (n_distinct = -0.5);

-- A version row is its operation's row: (bundle_seq, ordinal) is its place in the log. A move makes two rows of one
-- ordinal: the tombstone it leaves behind and the version it makes.
CREATE TABLE quire_store.project_files (
    project_id        uuid NOT NULL,
    bundle_seq        bigint NOT NULL,
    ordinal           integer NOT NULL,
    file_id           integer NOT NULL,
    version           integer NOT NULL,
    moved_file_id     integer,
    moved_version     integer,
    id                uuid NOT NULL,
    parent_version_id uuid,
    committed_at      timestamptz NOT NULL,
    size              bigint NOT NULL,
    is_deleted        boolean NOT NULL,
    is_binary         boolean NOT NULL,
    op                text NOT NULL,
    file_type         text NOT NULL,
    mode              text NOT NULL,
    content_hash      bytea,
    op_checksum       bytea,
    PRIMARY KEY (project_id, bundle_seq, ordinal, file_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.project_files', '');
CREATE UNIQUE INDEX project_files_version ON quire_store.project_files (file_id, project_id, version);
-- The tree at a seq is one lookup per path in this index.
CREATE INDEX project_files_point_in_time ON quire_store.project_files (file_id, project_id, bundle_seq, version);
-- Whatever the statistics saw: of a log that was all about one file the planner would think that any other index is as good,
-- and read a whole project for each path.
ALTER TABLE quire_store.project_files ALTER COLUMN file_id SET (n_distinct = -0.5);
CREATE UNIQUE INDEX project_files_id ON quire_store.project_files (id, project_id);

CREATE TRIGGER project_files_append_only BEFORE UPDATE OR DELETE ON quire_store.project_files
    FOR EACH ROW EXECUTE FUNCTION quire_store.guard_append_only();
CREATE TRIGGER project_files_not_truncated BEFORE TRUNCATE ON quire_store.project_files
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.guard_append_only();

CREATE TABLE quire_store.project_tag (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    tag        text COLLATE "C" NOT NULL,
    seq        bigint NOT NULL,
    created_by uuid NOT NULL REFERENCES quire_store.actor,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, tag)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.project_tag', '');
-- Which tag a version was current at: see file_blob_reference.
CREATE INDEX project_tag_seq ON quire_store.project_tag (seq, project_id);

SET LOCAL search_path TO quire, pg_temp;
