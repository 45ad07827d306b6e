-- Documents: Automerge changes, never updated, an operation for each write of some, and a row for each document.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.doc_op (
    project_id   uuid NOT NULL,
    bundle_seq   bigint NOT NULL,
    ordinal      integer NOT NULL,
    op           text NOT NULL,
    branch       text COLLATE "C" NOT NULL,
    doc          text COLLATE "C" NOT NULL,
    doc_id       bigint NOT NULL,
    -- The places of its changes in the document, behind those that its branch has from others; 0 in an operation that deletes.
    first_place  bigint NOT NULL,
    change_count integer NOT NULL,
    -- The heads that the document has then. Of one that deletes, what it deletes.
    heads        text[] NOT NULL,
    -- What the document has then, with what its branch has from others.
    total_changes bigint NOT NULL,
    total_bytes   bigint NOT NULL,
    total_ops     bigint NOT NULL,
    max_op        bigint NOT NULL,
    op_checksum  bytea NOT NULL,
    PRIMARY KEY (project_id, bundle_seq, ordinal)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.doc_op', '');
-- What a document was at a seq, and which bundle a change came with, is one look-up in this index.
CREATE INDEX doc_op_history ON quire_store.doc_op (doc_id, project_id, bundle_seq, ordinal);
-- The newest bundle of a branch.
CREATE INDEX doc_op_branch ON quire_store.doc_op (branch, project_id, bundle_seq);

CREATE TRIGGER doc_op_append_only BEFORE UPDATE OR DELETE ON quire_store.doc_op
    FOR EACH ROW EXECUTE FUNCTION quire_store.guard_append_only();
CREATE TRIGGER doc_op_not_truncated BEFORE TRUNCATE ON quire_store.doc_op
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.guard_append_only();

-- The changes of a document, in the order in which they came. What is not its bytes is read from them, for look-ups.
CREATE TABLE quire_store.doc_change (
    project_id uuid NOT NULL,
    doc_id     bigint NOT NULL,
    -- 1, 2, 3, ... in the document, without gaps.
    place      bigint NOT NULL,
    hash       bytea NOT NULL,
    actor      bytea NOT NULL,
    actor_seq  bigint NOT NULL,
    -- The number of its last operation.
    max_op     bigint NOT NULL,
    bytes      bytea NOT NULL,
    PRIMARY KEY (project_id, doc_id, place)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.doc_change', '');
CREATE UNIQUE INDEX doc_change_hash ON quire_store.doc_change (doc_id, hash, project_id);
CREATE UNIQUE INDEX doc_change_actor ON quire_store.doc_change (doc_id, actor, actor_seq, project_id);

CREATE TRIGGER doc_change_append_only BEFORE UPDATE OR DELETE ON quire_store.doc_change
    FOR EACH ROW EXECUTE FUNCTION quire_store.guard_append_only('movable');
CREATE TRIGGER doc_change_not_truncated BEFORE TRUNCATE ON quire_store.doc_change
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.guard_append_only();

-- Runs of old changes that have no rows of their own any more, each compressed as a whole.
CREATE TABLE quire_store.doc_pack (
    project_id   uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    doc_id       bigint NOT NULL,
    -- The places of its changes.
    first_place  bigint NOT NULL,
    last_place   bigint NOT NULL,
    -- What the changes take one by one.
    change_bytes bigint NOT NULL,
    -- Who made them, in hexadecimal, and the number of the last change of each.
    actors       text[] NOT NULL,
    last_seqs    bigint[] NOT NULL,
    -- The beginnings of their hashes, equally long and no two the same, in the order of their places.
    hashes       bytea NOT NULL,
    -- Compressed by quire.
    packed       bytea NOT NULL,
    PRIMARY KEY (project_id, doc_id, last_place)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.doc_pack', '');
ALTER TABLE quire_store.doc_pack ALTER COLUMN hashes SET STORAGE EXTERNAL, ALTER COLUMN packed SET STORAGE EXTERNAL;

CREATE TRIGGER doc_pack_append_only BEFORE UPDATE OR DELETE ON quire_store.doc_pack
    FOR EACH ROW EXECUTE FUNCTION quire_store.guard_append_only('movable');
CREATE TRIGGER doc_pack_not_truncated BEFORE TRUNCATE ON quire_store.doc_pack
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.guard_append_only();

-- What Automerge saves of a document of its first changes, so that who loads it need not apply them all. A cache: its rows may be deleted.
CREATE TABLE quire_store.doc_snapshot (
    project_id   uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    doc_id       bigint NOT NULL,
    -- How many changes it has, with those that the branch has from others.
    place        bigint NOT NULL,
    -- What these take one by one.
    change_bytes bigint NOT NULL,
    -- Sorted, 64 hex digits each.
    heads        text[] NOT NULL,
    -- As any Automerge library loads it.
    saved        bytea NOT NULL,
    PRIMARY KEY (project_id, doc_id, place)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.doc_snapshot', '');
ALTER TABLE quire_store.doc_snapshot ALTER COLUMN saved SET STORAGE EXTERNAL;

-- The current state.
CREATE TABLE quire_store.doc_head (
    project_id    uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    branch        text COLLATE "C" NOT NULL,
    doc           text COLLATE "C" NOT NULL,
    -- The place of its first operation in the log: seq times 2^20, and ordinal.
    doc_id        bigint NOT NULL,
    -- Sorted, 64 hex digits each.
    heads         text[] NOT NULL,
    -- Those of them that were deleted. The document is deleted while all are.
    deleted_heads text[] NOT NULL,
    change_count  bigint NOT NULL,
    change_bytes  bigint NOT NULL,
    op_count      bigint NOT NULL,
    max_op        bigint NOT NULL,
    seq           bigint NOT NULL,
    actor_id      uuid NOT NULL,
    updated_at    timestamptz NOT NULL,
    -- What it holds, of a document with a short history; NULL where it is to be found out from the changes.
    tip           jsonb,
    PRIMARY KEY (project_id, branch, doc)
) WITH (fillfactor = 80);
SELECT pg_catalog.pg_extension_config_dump('quire_store.doc_head', '');

-- What automerge-repo keeps: pairs that are no part of a document, and the keys under which parts of documents were saved. No part of
-- the log. Its rows change under the head lock only.
CREATE TABLE quire_store.doc_storage (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    key        text[] COLLATE "C" NOT NULL,
    -- What was saved; NULL where all of it is in the document that the key begins with.
    data       bytea,
    -- Whether it has changes for that document that depend on others which are not there yet.
    waits      boolean NOT NULL,
    saved_at   timestamptz NOT NULL,
    PRIMARY KEY (project_id, key)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.doc_storage', '');
CREATE INDEX doc_storage_waits ON quire_store.doc_storage (key, project_id) WHERE waits;

-- JSON Schemas that documents have to satisfy. They are no part of the log.
CREATE TABLE quire_store.doc_schema (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    name       text COLLATE "C" NOT NULL,
    -- Another one each time it is registered: what a session has compiled is kept by it.
    schema_id  uuid NOT NULL,
    schema     jsonb NOT NULL,
    -- The glob of the names of the documents that are bound to it; NULL of a schema that is only asked for by its name.
    docs       text,
    created_by uuid NOT NULL REFERENCES quire_store.actor,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, name)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.doc_schema', '');

-- Texts of documents of main and files that are one thing. They are no part of the log; writing one side writes the other one in the
-- same bundle.
CREATE TABLE quire_store.doc_binding (
    project_id uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    doc        text COLLATE "C" NOT NULL,
    -- Where the text is in the document, as a JSON Pointer.
    path       text COLLATE "C" NOT NULL,
    file_path  text COLLATE "C" NOT NULL,
    -- The bundle that made both equal, if one did.
    seq        bigint,
    created_by uuid NOT NULL REFERENCES quire_store.actor,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (project_id, doc),
    -- One bundle may have two files change places.
    CONSTRAINT doc_binding_file UNIQUE (file_path, project_id) DEFERRABLE
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.doc_binding', '');

SET LOCAL search_path TO quire, pg_temp;
