-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire.search_ops(project_uuid uuid, filter jsonb DEFAULT '{}', max_ops integer DEFAULT 100)
RETURNS TABLE (seq bigint, ordinal integer, op text, target text, actor uuid, display_name text, kind text, message text,
               bundle_id uuid, before jsonb, after jsonb, checksum text, committed_at timestamptz, from_peer text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'search_ops_wrapper';

SET LOCAL search_path TO quire, pg_temp;
