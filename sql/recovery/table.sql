-- What was found corrupt: recorded, not raised. Reading it raises XX001 with the id of its entry.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.quarantine (
    project_id    uuid NOT NULL REFERENCES quire_store.project ON DELETE CASCADE,
    quarantine_id uuid NOT NULL,
    -- blob, file_op, field_op, asset_op, bundle, file_head, entity_field, asset, project_head or peer_bundle.
    kind          text NOT NULL,
    -- Which row: content_hash; seq and ordinal; file_path; entity_type, entity_id and field.
    key           jsonb NOT NULL,
    -- What is wrong, as a word for programs and as a sentence; list_quarantine shows the latter as description.
    fault         text NOT NULL,
    in_words      text NOT NULL,
    -- The checksum that was recorded, where there is one.
    expected      bytea,
    -- BLAKE3 of what was found instead, so that what is discarded is known from what becomes wrong later.
    found         bytea,
    -- rejected is shown as discarded.
    status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'repaired', 'rejected')),
    found_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended_at      timestamptz,
    ended_by      uuid,
    reason        text,
    PRIMARY KEY (project_id, quarantine_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.quarantine', '');
-- One open entry per row.
CREATE UNIQUE INDEX quarantine_row ON quire_store.quarantine (project_id, kind, key, fault) WHERE status = 'open';
-- What was discarded is looked for whenever it is found.
CREATE INDEX quarantine_rejected ON quire_store.quarantine (key, project_id) WHERE status = 'rejected';
-- Looked up by recovery_blob_hold.
CREATE INDEX quarantine_content ON quire_store.quarantine ((key ->> 'content_hash'), project_id)
    WHERE status = 'open' AND kind = 'blob';

SET LOCAL search_path TO quire, pg_temp;
