-- Views of documents: parts of those that are put together elsewhere.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Operations on documents; a part of quire.oplog (bundle/view.sql). What a document held is not in them: read_doc has it.
CREATE VIEW quire_store.doc_oplog WITH (security_invoker = true) AS
SELECT o.project_id,
       o.bundle_seq AS seq,
       o.ordinal,
       o.op,
       CASE WHEN o.branch = 'main' THEN o.doc ELSE o.branch || '/' || o.doc END AS target,
       u.actor_id AS actor,
       (SELECT pg_catalog.jsonb_build_object('heads', p.heads)
                || CASE WHEN o.branch = 'main' THEN '{}' ELSE pg_catalog.jsonb_build_object('branch', o.branch) END
        FROM (SELECT p.heads FROM quire_store.doc_op p
              WHERE p.project_id = o.project_id AND p.doc_id = o.doc_id AND p.op = 'doc.change'
                AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
              ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p) AS before,
       CASE WHEN o.op = 'doc.change' THEN
            pg_catalog.jsonb_build_object('heads', o.heads, 'changes', o.change_count)
                || CASE WHEN o.branch = 'main' THEN '{}' ELSE pg_catalog.jsonb_build_object('branch', o.branch) END END AS after,
       pg_catalog.encode(o.op_checksum, 'hex') AS checksum,
       u.committed_at,
       NULL::jsonb AS entity
FROM quire_store.doc_op o
LEFT JOIN quire_store.bundle u ON u.project_id = o.project_id AND u.seq = o.bundle_seq
WHERE (SELECT quire_store.flushed());

SET LOCAL search_path TO quire, pg_temp;
