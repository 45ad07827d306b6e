-- Jobs: operations that a worker gathers over time, and that are committed together or not at all.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.job (
    project_id   uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    job_id       uuid NOT NULL,
    name         text NOT NULL,
    actor_id     uuid NOT NULL REFERENCES quire_store.actor,
    -- The seq of the project then.
    began_seq    bigint NOT NULL,
    began_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Beyond it a job that has not ended is dead: nothing brings it back.
    leased_until timestamptz NOT NULL,
    -- The operations in short, kept when they themselves are gone.
    op_count     integer NOT NULL DEFAULT 0,
    op_bytes     bigint NOT NULL DEFAULT 0,
    context      jsonb NOT NULL,
    -- NULL until somebody ends it; completed is shown as finished, failed as cancelled.
    outcome      text CHECK (outcome IN ('completed', 'failed')),
    ended_at     timestamptz,
    error        text,
    -- Of the bundle, if it made one.
    seq          bigint,
    -- What finish_job answered, and answers again.
    receipt      jsonb,
    PRIMARY KEY (project_id, job_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.job', '');
-- No column of it changes with a heartbeat or with operations that are added.
CREATE INDEX job_open ON quire_store.job (job_id, project_id) WHERE ended_at IS NULL;

-- Gone when the job has ended.
CREATE TABLE quire_store.job_op (
    project_id uuid NOT NULL,
    job_id     uuid NOT NULL,
    ordinal    integer NOT NULL,
    -- Bytes of it, so that a reader can take as many as its memory allows.
    size       integer NOT NULL,
    op         jsonb NOT NULL,
    PRIMARY KEY (project_id, job_id, ordinal),
    FOREIGN KEY (project_id, job_id) REFERENCES quire_store.job ON DELETE CASCADE
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.job_op', '');
-- Looked up by job_blob_hold.
CREATE INDEX job_op_content ON quire_store.job_op ((op ->> 'content_hash'), project_id)
    WHERE op ->> 'content_hash' IS NOT NULL;

SET LOCAL search_path TO quire, pg_temp;
