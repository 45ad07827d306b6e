-- Branches of documents: a row for each but main, and the operations that made them so.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.branch_op (
    project_id  uuid NOT NULL,
    bundle_seq  bigint NOT NULL,
    ordinal     integer NOT NULL,
    op          text NOT NULL,
    branch      text COLLATE "C" NOT NULL,
    -- Where it begins; NULL in an operation that only updates it.
    from_branch text COLLATE "C",
    at_seq      bigint,
    -- What becomes of it; NULL in an operation that makes it.
    status      text,
    merged_into text COLLATE "C",
    op_checksum bytea NOT NULL,
    PRIMARY KEY (project_id, bundle_seq, ordinal)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.branch_op', '');
CREATE INDEX branch_op_history ON quire_store.branch_op (branch, project_id, bundle_seq, ordinal);

CREATE TRIGGER branch_op_append_only BEFORE UPDATE OR DELETE ON quire_store.branch_op
    FOR EACH ROW EXECUTE FUNCTION quire_store.guard_append_only();
CREATE TRIGGER branch_op_not_truncated BEFORE TRUNCATE ON quire_store.branch_op
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.guard_append_only();

-- The current state. Deleted ones stay: their names are not given again, and others may begin with them.
CREATE TABLE quire_store.branch (
    project_id  uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    branch      text COLLATE "C" NOT NULL,
    from_branch text COLLATE "C" NOT NULL,
    -- The last bundle of that branch that it has.
    at_seq      bigint NOT NULL,
    -- open, closed or deleted
    status      text NOT NULL,
    merged_into text COLLATE "C",
    -- The bundles that made it and that made it so.
    created_seq bigint NOT NULL,
    seq         bigint NOT NULL,
    PRIMARY KEY (project_id, branch)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.branch', '');

SET LOCAL search_path TO quire, pg_temp;
