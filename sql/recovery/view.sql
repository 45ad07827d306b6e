-- Views of what is corrupt: parts of those that are put together elsewhere.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Content in quarantine; a part of blob_hold (gc/view.sql). Nobody could distinguish a repaired content from a collected one.
CREATE VIEW quire_store.recovery_blob_hold WITH (security_invoker = true) AS
SELECT q.project_id, pg_catalog.decode(q.key ->> 'content_hash', 'hex') AS hash, 'quarantine' AS kind, q.quarantine_id::text AS detail
FROM quire_store.quarantine q
CROSS JOIN (SELECT 1) AS not_updatable
WHERE q.status = 'open' AND q.kind = 'blob';

SET LOCAL search_path TO quire, pg_temp;
