-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire.list_assets(project_uuid uuid, asset_type text DEFAULT NULL)
RETURNS TABLE (content_hash text, filename text, media_type text, asset_type text, size bigint, seq bigint, actor uuid,
               updated_at timestamptz, checksum text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_assets_wrapper';

SET LOCAL search_path TO quire, pg_temp;
