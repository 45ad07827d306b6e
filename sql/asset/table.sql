-- Assets: content with a name and types, known by its hash; and uploads, contents on their way in.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- A row is its operation's row: (bundle_seq, ordinal) is its place in the log. It holds what the asset is after it.
CREATE TABLE quire_store.asset_op (
    project_id   uuid NOT NULL,
    bundle_seq   bigint NOT NULL,
    ordinal      integer NOT NULL,
    op           text NOT NULL,
    content_hash bytea NOT NULL,
    filename     text NOT NULL,
    media_type   text NOT NULL,
    asset_type   text NOT NULL,
    size         bigint NOT NULL,
    -- Of a deletion.
    reason       text,
    op_checksum  bytea NOT NULL,
    PRIMARY KEY (project_id, bundle_seq, ordinal)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.asset_op', '');
CREATE INDEX asset_op_history ON quire_store.asset_op (content_hash, project_id, bundle_seq, ordinal);
-- Whatever the statistics saw: see entity_op.
ALTER TABLE quire_store.asset_op ALTER COLUMN content_hash SET (n_distinct = -0.5);

CREATE TRIGGER asset_op_append_only BEFORE UPDATE OR DELETE ON quire_store.asset_op
    FOR EACH ROW EXECUTE FUNCTION quire_store.guard_append_only();
CREATE TRIGGER asset_op_not_truncated BEFORE TRUNCATE ON quire_store.asset_op
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.guard_append_only();

-- The current state.
CREATE TABLE quire_store.asset (
    project_id    uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    content_hash  bytea NOT NULL,
    filename      text NOT NULL,
    media_type    text NOT NULL,
    asset_type    text NOT NULL,
    size          bigint NOT NULL,
    is_deleted    boolean NOT NULL,
    delete_reason text,
    seq           bigint NOT NULL,
    actor_id      uuid NOT NULL,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (project_id, content_hash)
) WITH (fillfactor = 80);
SELECT pg_catalog.pg_extension_config_dump('quire_store.asset', '');

-- Uploads that are not finished. They are no part of the project yet, so they need no bundle.
CREATE TABLE quire_store.upload (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    upload_id  uuid NOT NULL,
    actor_id   uuid NOT NULL,
    filename   text NOT NULL,
    media_type text NOT NULL,
    asset_type text NOT NULL,
    -- Bytes of its pieces.
    size       bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, upload_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.upload', '');

CREATE TABLE quire_store.upload_piece (
    project_id uuid NOT NULL,
    upload_id  uuid NOT NULL,
    ordinal    integer NOT NULL,
    hash       bytea NOT NULL,
    bytes      bytea NOT NULL,
    PRIMARY KEY (project_id, upload_id, ordinal),
    FOREIGN KEY (project_id, upload_id) REFERENCES quire_store.upload ON DELETE CASCADE
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.upload_piece', '');
-- Compressed when the upload is finished.
ALTER TABLE quire_store.upload_piece ALTER COLUMN bytes SET STORAGE EXTERNAL;

SET LOCAL search_path TO quire, pg_temp;
