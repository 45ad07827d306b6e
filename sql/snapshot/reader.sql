-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Volatile, because a token may count its uses; in a read-only transaction such a token is refused.
CREATE FUNCTION quire.download_snapshot(token text) RETURNS quire."*/*"
SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'download_snapshot_wrapper';

SET LOCAL search_path TO quire, pg_temp;
