-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire.list_branches(project_uuid uuid, after_branch text DEFAULT NULL, max_branches integer DEFAULT 1000)
RETURNS TABLE (branch text, status text, from_branch text, at_seq bigint, head_seq bigint, merged_into text, created_seq bigint,
               created_by uuid, created_at timestamptz, checksum text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_branches_wrapper';

CREATE FUNCTION quire.diff_branches(project_uuid uuid, source text, target text DEFAULT 'main', after_doc text DEFAULT NULL,
                                    max_docs integer DEFAULT 1000)
RETURNS TABLE (doc text, status text, source_heads text[], target_heads text[], source_changes bigint, target_changes bigint)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'diff_branches_wrapper';

SET LOCAL search_path TO quire, pg_temp;
