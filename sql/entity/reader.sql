-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire.list_entities(project_uuid uuid, entity_type text, matching jsonb DEFAULT '{}')
RETURNS TABLE (entity_id text, fields jsonb, seq bigint, updated_at timestamptz, checksum text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_entities_wrapper';

CREATE FUNCTION quire.entity_history(project_uuid uuid, entity_type text, entity_id text, before_seq bigint DEFAULT NULL,
                                     max_changes integer DEFAULT 100)
RETURNS TABLE (seq bigint, op text, field text, value jsonb, is_unset boolean, actor uuid, display_name text, kind text,
               message text, bundle_id uuid, committed_at timestamptz)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'entity_history_wrapper';

CREATE FUNCTION quire.list_entities_at(project_uuid uuid, at_seq bigint)
RETURNS TABLE (entity_type text, entity_id text, fields jsonb, seq bigint, checksum text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_entities_at_wrapper';

CREATE FUNCTION quire.explain_entity(project_uuid uuid, entity_type text, entity_id text)
RETURNS TABLE (field text, value jsonb, is_unset boolean, actor uuid, display_name text, seq bigint, bundle_id uuid,
               kind text, message text, committed_at timestamptz, conflict_id uuid)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'explain_entity_wrapper';

CREATE FUNCTION quire.list_conflicts(project_uuid uuid, include_resolved boolean DEFAULT false)
RETURNS TABLE (conflict_id uuid, entity_type text, entity_id text, field text, shown jsonb, "values" jsonb,
               opened_seq bigint, resolved_seq bigint)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_conflicts_wrapper';

CREATE FUNCTION quire.conflict_history(project_uuid uuid, conflict_id uuid)
RETURNS TABLE (event text, actor uuid, display_name text, value jsonb, is_unset boolean, seq bigint, bundle_id uuid,
               committed_at timestamptz)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'conflict_history_wrapper';

SET LOCAL search_path TO quire, pg_temp;
