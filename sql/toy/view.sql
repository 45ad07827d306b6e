-- Operations on toys. A real domain's view is one more line of quire.oplog (bundle/view.sql); that of toys is added to it afterwards.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE VIEW quire_store.toy_oplog WITH (security_invoker = true) AS
SELECT o.project_id,
       o.bundle_seq AS seq,
       o.ordinal,
       o.op,
       o.toy AS target,
       u.actor_id AS actor,
       (SELECT pg_catalog.jsonb_build_object('text', p.text)
        FROM (SELECT * FROM quire_store.toy_op p
              WHERE p.project_id = o.project_id AND p.toy = o.toy AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
              ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p
        WHERE p.text IS NOT NULL) AS before,
       CASE WHEN o.text IS NOT NULL THEN pg_catalog.jsonb_build_object('text', o.text) END AS after,
       pg_catalog.encode(o.op_checksum, 'hex') AS checksum,
       u.committed_at,
       NULL::jsonb AS entity
FROM quire_store.toy_op o
LEFT JOIN quire_store.bundle u ON u.project_id = o.project_id AND u.seq = o.bundle_seq
WHERE (SELECT quire_store.flushed());

DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW quire.oplog WITH (security_invoker = true) AS '
        || rtrim(pg_get_viewdef('quire.oplog'::regclass), ';') || ' UNION ALL SELECT project_id, seq, ordinal, op, target, actor,
            before, after, checksum, committed_at, entity FROM quire_store.toy_oplog';
END
$$;

SET LOCAL search_path TO quire, pg_temp;
