-- The log: one row per bundle. It is the audit log, the point-in-time index and the event stream.
--
-- bundle, project_files and blob, the tables every save writes, have no foreign keys: each would cost a look-up and a row
-- lock per row. The one write path inserts them together under the head lock, and delete_project deletes them together.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.bundle (
    project_id     uuid NOT NULL,
    seq            bigint NOT NULL,
    bundle_id      uuid NOT NULL,
    -- user_edit, job_output, import, merge_resolution, undo, redo, rollback or system. No CHECK: PostgreSQL would read
    -- the expression anew in every INSERT of the hottest table, and the write path knows the kinds.
    kind           text NOT NULL,
    actor_id       uuid NOT NULL,
    message        text,
    correlation_id uuid,
    base_seq       bigint,
    op_count       integer NOT NULL,
    prev_checksum  bytea NOT NULL,
    checksum       bytea NOT NULL,
    undoes_seq     bigint,
    details        jsonb,
    committed_at   timestamptz NOT NULL,
    PRIMARY KEY (project_id, seq)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.bundle', '');
-- What takes a bundle back. Partial, so no other question is asked of it.
CREATE INDEX bundle_undoes ON quire_store.bundle (project_id, undoes_seq, seq) WHERE undoes_seq IS NOT NULL;

-- Answers already given, so that a repeated request with the same correlation_id gets the first one again.
CREATE TABLE quire_store.request (
    project_id     uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    correlation_id uuid NOT NULL,
    actor_id       uuid NOT NULL REFERENCES quire_store.actor,
    request_hash   bytea NOT NULL,
    receipt        jsonb NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, correlation_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.request', '');

-- Token buckets. Worth nothing after a crash, so not worth WAL.
CREATE UNLOGGED TABLE quire_store.rate_bucket (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    actor_id   uuid NOT NULL,
    tokens     double precision NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, actor_id)
) WITH (fillfactor = 50);
SELECT pg_catalog.pg_extension_config_dump('quire_store.rate_bucket', '');

-- Rows of the log never change, and go only together with their project.
CREATE FUNCTION quire_store.guard_append_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM quire_store.project p WHERE p.project_id = OLD.project_id) THEN
            RETURN OLD;
        END IF;
    END IF;
    -- What verification found corrupt is written again, from a copy with the checksum that was recorded.
    IF TG_OP = 'UPDATE' AND pg_catalog.current_setting('quire_store.repairing', true) = 'on' THEN
        RETURN NEW;
    END IF;
    -- What may move into a row with others, or out of it, is there before it is deleted here.
    IF TG_OP = 'DELETE' AND TG_NARGS > 0 AND pg_catalog.current_setting('quire_store.repairing', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'table %.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'PT422', DETAIL = '{"code":"InvariantError"}';
END
$$;

CREATE TRIGGER bundle_append_only BEFORE UPDATE OR DELETE ON quire_store.bundle
    FOR EACH ROW EXECUTE FUNCTION quire_store.guard_append_only();
CREATE TRIGGER bundle_not_truncated BEFORE TRUNCATE ON quire_store.bundle
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.guard_append_only();

SET LOCAL search_path TO quire, pg_temp;
