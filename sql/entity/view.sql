-- Views of entities: parts of those that are put together elsewhere.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Operations on entities; a part of quire.oplog (bundle/view.sql). Of the rows of a deleted entity, the one with the checksum.
CREATE VIEW quire_store.entity_oplog WITH (security_invoker = true) AS
SELECT o.project_id,
       o.bundle_seq AS seq,
       o.ordinal,
       o.op,
       pg_catalog.concat_ws('/', o.entity_type, o.entity_id, CASE WHEN o.op <> 'entity.delete' THEN o.field END) AS target,
       u.actor_id AS actor,
       CASE WHEN o.op = 'entity.delete' THEN (
                -- What no jsonb can hold is left out: entities were not always bounded.
                SELECT pg_catalog.jsonb_build_object('fields', pg_catalog.jsonb_object_agg(p.field, p.value)
                           FILTER (WHERE p.size_so_far <= 67108864))
                       || CASE WHEN max(p.size_so_far) > 67108864 THEN '{"fields_omitted": true}' ELSE '{}' END::jsonb
                FROM (SELECT d.field, v.value, sum(v.size) OVER (ORDER BY d.part) AS size_so_far
                      FROM quire_store.entity_op d
                      CROSS JOIN LATERAL (
                          SELECT p.value, p.size FROM quire_store.entity_op p
                          WHERE p.project_id = d.project_id AND p.entity_id = d.entity_id
                            AND p.entity_type = d.entity_type AND p.field = d.field
                            AND (p.bundle_seq, p.ordinal) < (d.bundle_seq, d.ordinal)
                          ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) v
                      WHERE d.project_id = o.project_id AND d.bundle_seq = o.bundle_seq AND d.ordinal = o.ordinal) p)
            ELSE (
                SELECT pg_catalog.jsonb_build_object('value', p.value)
                FROM (SELECT p.value FROM quire_store.entity_op p
                      WHERE p.project_id = o.project_id AND p.entity_id = o.entity_id AND p.entity_type = o.entity_type
                        AND p.field = o.field AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
                      ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p
                WHERE p.value IS NOT NULL) END AS before,
       CASE WHEN o.value IS NOT NULL THEN pg_catalog.jsonb_build_object('value', o.value) END AS after,
       pg_catalog.encode(o.op_checksum, 'hex') AS checksum,
       u.committed_at,
       pg_catalog.jsonb_build_object('entity_type', o.entity_type, 'entity_id', o.entity_id)
           || CASE WHEN o.op <> 'entity.delete' THEN pg_catalog.jsonb_build_object('field', o.field) ELSE '{}' END AS entity
FROM quire_store.entity_op o
LEFT JOIN quire_store.bundle u ON u.project_id = o.project_id AND u.seq = o.bundle_seq
WHERE o.part = 1 AND (SELECT quire_store.flushed());

SET LOCAL search_path TO quire, pg_temp;
