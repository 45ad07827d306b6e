-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire.gc_plan(project_uuid uuid)
RETURNS TABLE (content_hash text, size bigint, stored_bytes bigint, state text, is_collectable boolean, reason text,
               "references" jsonb)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'gc_plan_wrapper';

SET LOCAL search_path TO quire, pg_temp;
