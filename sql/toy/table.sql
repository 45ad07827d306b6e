-- Toys, for tests of what a new domain takes.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.toy_op (
    project_id  uuid NOT NULL,
    bundle_seq  bigint NOT NULL,
    ordinal     integer NOT NULL,
    op          text NOT NULL,
    toy         text NOT NULL,
    -- NULL where it goes away.
    text        text,
    op_checksum bytea NOT NULL,
    PRIMARY KEY (project_id, bundle_seq, ordinal)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.toy_op', '');

CREATE TRIGGER toy_op_append_only BEFORE UPDATE OR DELETE ON quire_store.toy_op
    FOR EACH ROW EXECUTE FUNCTION quire_store.guard_append_only();
CREATE TRIGGER toy_op_not_truncated BEFORE TRUNCATE ON quire_store.toy_op
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.guard_append_only();

CREATE TABLE quire_store.toy (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    toy        text NOT NULL,
    text       text NOT NULL,
    seq        bigint NOT NULL,
    PRIMARY KEY (project_id, toy)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.toy', '');

SET LOCAL search_path TO quire, pg_temp;
