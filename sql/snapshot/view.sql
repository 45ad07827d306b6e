-- Views of snapshots: parts of those that are put together elsewhere.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- The contents that a snapshot's manifest names.
CREATE FUNCTION quire_store.manifest_hashes(manifest jsonb) RETURNS text[]
IMMUTABLE PARALLEL SAFE LANGUAGE sql
RETURN (SELECT pg_catalog.array_agg(DISTINCT e ->> 'content_hash') FROM pg_catalog.jsonb_array_elements(manifest) e
        WHERE e ->> 'content_hash' IS NOT NULL);

-- Operations that change no content, which are kept with their bundle; a part of quire.oplog (bundle/view.sql).
CREATE VIEW quire_store.snapshot_oplog WITH (security_invoker = true) AS
SELECT b.project_id,
       b.seq,
       1 AS ordinal,
       b.details -> 'op' ->> 'op' AS op,
       b.details -> 'op' ->> 'snapshot_id' AS target,
       b.actor_id AS actor,
       NULL::jsonb AS before,
       b.details -> 'op' AS after,
       b.details ->> 'op_checksum' AS checksum,
       b.committed_at,
       NULL::jsonb AS entity
FROM quire_store.bundle b
CROSS JOIN (SELECT 1) AS not_updatable
WHERE b.kind = 'system' AND (SELECT quire_store.flushed());

-- Why content is kept for snapshots; a part of blob_reference (gc/view.sql). A tar.zst is put together from the contents when it is
-- read. A zip has bytes of its own.
CREATE VIEW quire_store.snapshot_blob_reference WITH (security_invoker = true) AS
SELECT s.project_id, pg_catalog.decode(h.hash, 'hex') AS hash, 'snapshot' AS kind, s.snapshot_id::text AS detail
FROM quire_store.snapshot s
CROSS JOIN LATERAL pg_catalog.unnest(quire_store.manifest_hashes(s.manifest)) AS h (hash)
WHERE s.format = 'tar.zst';

-- Bundles that named content of snapshots; a part of blob_use (gc/view.sql). The making of a tar.zst is a bundle, so it is a use.
CREATE VIEW quire_store.snapshot_blob_use WITH (security_invoker = true) AS
SELECT b.project_id, pg_catalog.decode(h.hash, 'hex') AS hash, b.seq
FROM quire_store.bundle b
JOIN quire_store.snapshot s ON s.project_id = b.project_id AND s.snapshot_id = (b.details -> 'op' ->> 'snapshot_id')::uuid
CROSS JOIN LATERAL pg_catalog.unnest(quire_store.manifest_hashes(s.manifest)) AS h (hash)
WHERE b.kind = 'system' AND s.format = 'tar.zst';

SET LOCAL search_path TO quire, pg_temp;
