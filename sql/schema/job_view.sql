-- The reader of jobs.

CREATE FUNCTION quire.list_jobs(project_uuid uuid, include_ended boolean DEFAULT false)
RETURNS TABLE (job_id uuid, name text, status text, actor uuid, display_name text, began_seq bigint, began_at timestamptz,
               leased_until timestamptz, ended_at timestamptz, op_count integer, op_bytes bigint, context jsonb, error text,
               seq bigint, bundle_id uuid)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.member_project(project_uuid);
    SELECT j.job_id,
           j.name,
           CASE WHEN j.outcome IS NOT NULL THEN j.outcome
                WHEN j.leased_until < pg_catalog.clock_timestamp() THEN 'expired'
                ELSE 'running' END,
           j.actor_id,
           a.display_name,
           j.began_seq,
           j.began_at,
           j.leased_until,
           j.ended_at,
           j.op_count,
           j.op_bytes,
           j.context,
           j.error,
           j.seq,
           u.bundle_id
    FROM quire_store.job j
    LEFT JOIN quire_store.actor a ON a.actor_id = j.actor_id
    LEFT JOIN quire_store.bundle u ON u.project_id = j.project_id AND u.seq = j.seq
    WHERE j.project_id = list_jobs.project_uuid
      AND (j.ended_at IS NULL OR list_jobs.include_ended)
    ORDER BY j.began_at DESC, j.job_id;
END;
