-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire.list_project_members(project_uuid uuid)
RETURNS TABLE (member uuid, display_name text, role text, added_by uuid, added_at timestamptz)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_project_members_wrapper';

SET LOCAL search_path TO quire, pg_temp;
