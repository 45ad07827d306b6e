-- Views of assets: parts of those that are put together elsewhere.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Operations on assets; a part of quire.oplog (bundle/view.sql).
CREATE VIEW quire_store.asset_oplog WITH (security_invoker = true) AS
SELECT o.project_id,
       o.bundle_seq AS seq,
       o.ordinal,
       o.op,
       pg_catalog.encode(o.content_hash, 'hex') AS target,
       u.actor_id AS actor,
       (SELECT pg_catalog.jsonb_build_object('filename', p.filename, 'media_type', p.media_type,
                   'asset_type', p.asset_type, 'size', p.size)
        FROM (SELECT * FROM quire_store.asset_op p
              WHERE p.project_id = o.project_id AND p.content_hash = o.content_hash
                AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
              ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p
        WHERE p.op = 'asset.put') AS before,
       CASE WHEN o.op = 'asset.put' THEN
                pg_catalog.jsonb_build_object('content_hash', pg_catalog.encode(o.content_hash, 'hex'),
                    'filename', o.filename, 'media_type', o.media_type, 'asset_type', o.asset_type, 'size', o.size)
            ELSE pg_catalog.jsonb_build_object('is_deleted', true, 'reason', o.reason) END AS after,
       pg_catalog.encode(o.op_checksum, 'hex') AS checksum,
       u.committed_at,
       NULL::jsonb AS entity
FROM quire_store.asset_op o
LEFT JOIN quire_store.bundle u ON u.project_id = o.project_id AND u.seq = o.bundle_seq
WHERE (SELECT quire_store.flushed());

-- Why content is kept for assets; a part of blob_hold (gc/view.sql).
CREATE VIEW quire_store.asset_blob_hold WITH (security_invoker = true) AS
SELECT a.project_id,
       a.content_hash AS hash,
       CASE WHEN a.is_deleted THEN 'recent_asset' ELSE 'live_asset' END AS kind,
       a.filename AS detail
FROM quire_store.asset a
JOIN quire_store.retention r ON r.project_id = a.project_id
WHERE NOT a.is_deleted
   OR a.updated_at > pg_catalog.statement_timestamp()
          - pg_catalog.make_interval(days => COALESCE((r.asset_days ->> a.asset_type)::integer, r.days));

-- Bundles that named content of assets; a part of blob_use (gc/view.sql).
CREATE VIEW quire_store.asset_blob_use WITH (security_invoker = true) AS
SELECT o.project_id, o.content_hash AS hash, o.bundle_seq AS seq
FROM quire_store.asset_op o
CROSS JOIN (SELECT 1) AS not_updatable;

SET LOCAL search_path TO quire, pg_temp;
