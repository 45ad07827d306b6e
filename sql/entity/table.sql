-- Entities: a type, an id and fields. One row per change of a field, never updated, and one row per field ever used.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- A row is its operation's row: (bundle_seq, ordinal) is its place in the log. Deleting an entity makes one row per
-- field, and the first of them has the checksum.
CREATE TABLE quire_store.entity_op (
    project_id  uuid NOT NULL,
    bundle_seq  bigint NOT NULL,
    ordinal     integer NOT NULL,
    part        integer NOT NULL,
    op          text NOT NULL,
    entity_type text COLLATE "C" NOT NULL,
    entity_id   text COLLATE "C" NOT NULL,
    field       text COLLATE "C" NOT NULL,
    -- NULL: the field was cleared. JSON's null is a value.
    value       jsonb,
    -- Bytes of the value's canonical form.
    size        integer NOT NULL,
    op_checksum bytea,
    PRIMARY KEY (project_id, bundle_seq, ordinal, part)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.entity_op', '');
-- An entity at a seq is one look-up per field in this index.
CREATE INDEX entity_op_history ON quire_store.entity_op (entity_id, entity_type, field, project_id, bundle_seq, ordinal);
-- Whatever the statistics saw: of a log that was all about one entity the planner would think that any other index is as
-- good, and read a whole project for each field.
ALTER TABLE quire_store.entity_op ALTER COLUMN entity_id SET (n_distinct = -0.5);

CREATE TRIGGER entity_op_append_only BEFORE UPDATE OR DELETE ON quire_store.entity_op
    FOR EACH ROW EXECUTE FUNCTION quire_store.guard_append_only();
CREATE TRIGGER entity_op_not_truncated BEFORE TRUNCATE ON quire_store.entity_op
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.guard_append_only();

-- The current state.
CREATE TABLE quire_store.entity_field (
    project_id  uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    entity_type text COLLATE "C" NOT NULL,
    entity_id   text COLLATE "C" NOT NULL,
    field       text COLLATE "C" NOT NULL,
    value       jsonb,
    seq         bigint NOT NULL,
    actor_id    uuid NOT NULL,
    updated_at  timestamptz NOT NULL,
    -- The open conflict it is in.
    conflict_id uuid,
    -- Bytes of the value's canonical form; NULL in rows of a time when it was not kept.
    size        integer,
    PRIMARY KEY (project_id, entity_type, entity_id, field)
) WITH (fillfactor = 80);
SELECT pg_catalog.pg_extension_config_dump('quire_store.entity_field', '');

-- Conflicts that were recorded; one per field, opened again when somebody unaware of its resolution writes.
CREATE TABLE quire_store.conflict (
    project_id   uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    conflict_id  uuid NOT NULL,
    entity_type  text COLLATE "C" NOT NULL,
    entity_id    text COLLATE "C" NOT NULL,
    field        text COLLATE "C" NOT NULL,
    -- Bundle that opened it, the last time.
    opened_seq   bigint NOT NULL,
    -- Bundle that resolved it; NULL while it is open.
    resolved_seq bigint,
    PRIMARY KEY (project_id, conflict_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.conflict', '');
CREATE UNIQUE INDEX conflict_field ON quire_store.conflict (entity_id, entity_type, field, project_id);

CREATE TABLE quire_store.conflict_event (
    project_id  uuid NOT NULL,
    conflict_id uuid NOT NULL,
    ordinal     integer NOT NULL,
    -- opened, value, resolved or reopened.
    event       text NOT NULL,
    -- Bundle it came with; for the value that was there before, the bundle that wrote it.
    seq         bigint NOT NULL,
    actor_id    uuid NOT NULL,
    -- NULL: cleared.
    value       jsonb,
    PRIMARY KEY (project_id, conflict_id, ordinal),
    FOREIGN KEY (project_id, conflict_id) REFERENCES quire_store.conflict ON DELETE CASCADE
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.conflict_event', '');

SET LOCAL search_path TO quire, pg_temp;
