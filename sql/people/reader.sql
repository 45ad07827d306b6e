-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the policies ask.
CREATE FUNCTION quire_store.is_readable(project_id uuid) RETURNS boolean
STABLE STRICT PARALLEL RESTRICTED LANGUAGE c AS 'MODULE_PATHNAME', 'is_readable_wrapper';

CREATE FUNCTION quire.list_actors()
RETURNS TABLE (actor uuid, display_name text, db_role text, created_at timestamptz)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_actors_wrapper';

SET LOCAL search_path TO quire, pg_temp;
