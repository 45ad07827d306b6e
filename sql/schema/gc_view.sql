-- What garbage collection would do. One aggregate over everything, because a join could be planned as a loop over a loop.

CREATE FUNCTION quire.gc_plan(project_uuid uuid)
RETURNS TABLE (content_hash text, size bigint, stored_bytes bigint, state text, is_collectable boolean, reason text,
               "references" jsonb)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.managed_project(project_uuid);
    SELECT pg_catalog.encode(g.hash, 'hex'),
           g.size,
           g.stored_bytes,
           (ARRAY['present', 'archived', 'collected', 'quarantined'])[g.state + 1],
           g.state = 0 AND g.kinds IS NULL,
           CASE WHEN g.state <> 0 THEN g.state_reason
                WHEN g.kinds IS NULL THEN pg_catalog.format('unreferenced; last used in bundle %s; retention %s days',
                                              g.last_seq, r.days)
                ELSE g.kinds END,
           g.refs
    FROM (SELECT b.hash,
                 max(b.size) AS size,
                 max(b.stored_bytes) AS stored_bytes,
                 max(b.state) AS state,
                 max(b.state_reason) AS state_reason,
                 max(b.last_seq) AS last_seq,
                 pg_catalog.string_agg(b.kind, ', ' ORDER BY b.kind) AS kinds,
                 COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('kind', b.kind, 'count', b.count,
                              'detail', b.detail) ORDER BY b.kind) FILTER (WHERE b.kind IS NOT NULL), '[]') AS refs
          FROM (SELECT s.hash, s.size,
                       pg_catalog.octet_length(s.bytes) + CASE WHEN s.chunk_count > 0 THEN (
                           SELECT sum(pg_catalog.octet_length(c.bytes)) FROM quire_store.blob_chunk c
                           WHERE c.project_id = s.project_id AND c.hash = s.hash) ELSE 0 END AS stored_bytes,
                       s.state, s.state_reason, NULL::text AS kind, NULL::bigint AS count, NULL::text AS detail,
                       NULL::bigint AS last_seq
                FROM quire_store.blob s WHERE s.project_id = gc_plan.project_uuid
                UNION ALL
                SELECT f.hash, NULL, NULL, NULL, NULL, f.kind, count(*), min(f.detail), NULL
                FROM quire_store.blob_reference f WHERE f.project_id = gc_plan.project_uuid GROUP BY f.hash, f.kind
                UNION ALL
                SELECT u.hash, NULL, NULL, NULL, NULL, NULL, NULL, NULL, max(u.seq)
                FROM quire_store.blob_use u WHERE u.project_id = gc_plan.project_uuid GROUP BY u.hash) b
          GROUP BY b.hash
          HAVING max(b.state) IS NOT NULL) g
    CROSS JOIN (SELECT t.days FROM quire_store.retention t WHERE t.project_id = gc_plan.project_uuid) r
    ORDER BY g.hash;
END;
