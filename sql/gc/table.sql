-- What nobody needs any more, while it is being collected.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- A round of garbage collection: what one look at everything found to be collectable. Later calls take their share of it,
-- and look only at what came since.
-- No foreign key: who comes for the lock of a round may find the project deleted.
CREATE TABLE quire_store.gc_round (
    project_id uuid PRIMARY KEY,
    -- What had been looked at: bundles up to this one, and these tags and settings (none: it has not begun).
    as_of_seq  bigint NOT NULL,
    terms      text NOT NULL,
    -- Candidates up to this one are dealt with, and this one is the last.
    done       bigint NOT NULL,
    last       bigint NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.gc_round', '');

-- In the order in which they were used last, which is about that of their rows on disk.
CREATE TABLE quire_store.gc_candidate (
    project_id uuid NOT NULL REFERENCES quire_store.gc_round ON DELETE CASCADE,
    ordinal    bigint NOT NULL,
    hash       bytea NOT NULL,
    last_seq   bigint NOT NULL,
    PRIMARY KEY (project_id, ordinal)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.gc_candidate', '');
CREATE INDEX gc_candidate_hash ON quire_store.gc_candidate (hash, project_id);

SET LOCAL search_path TO quire, pg_temp;
