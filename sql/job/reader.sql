-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire.list_jobs(project_uuid uuid, include_ended boolean DEFAULT false)
RETURNS TABLE (job_id uuid, name text, status text, actor uuid, display_name text, began_seq bigint, began_at timestamptz,
               leased_until timestamptz, ended_at timestamptz, op_count integer, op_bytes bigint, context jsonb, reason text,
               seq bigint, bundle_id uuid, began_checksum text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_jobs_wrapper';

SET LOCAL search_path TO quire, pg_temp;
