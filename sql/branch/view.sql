-- Views of branches: parts of those that are put together elsewhere.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Operations on branches; a part of quire.oplog (bundle/view.sql).
CREATE VIEW quire_store.branch_oplog WITH (security_invoker = true) AS
SELECT o.project_id,
       o.bundle_seq AS seq,
       o.ordinal,
       o.op,
       o.branch AS target,
       u.actor_id AS actor,
       (SELECT pg_catalog.jsonb_build_object('status', COALESCE(p.status, 'open'))
        FROM (SELECT p.status FROM quire_store.branch_op p
              WHERE p.project_id = o.project_id AND p.branch = o.branch
                AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
              ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p) AS before,
       pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('status', COALESCE(o.status, 'open'),
            'from_branch', o.from_branch, 'at_seq', o.at_seq, 'merged_into', o.merged_into)) AS after,
       pg_catalog.encode(o.op_checksum, 'hex') AS checksum,
       u.committed_at,
       NULL::jsonb AS entity
FROM quire_store.branch_op o
LEFT JOIN quire_store.bundle u ON u.project_id = o.project_id AND u.seq = o.bundle_seq
WHERE (SELECT quire_store.flushed());

SET LOCAL search_path TO quire, pg_temp;
