-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- PostgREST sends a value of this type as what the type is called.
CREATE DOMAIN quire."application/automerge" AS bytea;
COMMENT ON DOMAIN quire."application/automerge" IS
'A document as Automerge saves it.';

CREATE FUNCTION quire.read_doc_bytes(project_uuid uuid, doc text, branch text DEFAULT 'main', at_seq bigint DEFAULT NULL,
                                     at_time timestamptz DEFAULT NULL, at_heads text[] DEFAULT NULL)
RETURNS quire."application/automerge"
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'read_doc_bytes_wrapper';

CREATE FUNCTION quire.list_docs(project_uuid uuid, branch text DEFAULT 'main', prefix text DEFAULT NULL,
                                after_doc text DEFAULT NULL, max_docs integer DEFAULT 1000)
RETURNS TABLE (doc text, heads text[], change_count bigint, change_bytes bigint, seq bigint, updated_at timestamptz,
               actor uuid, display_name text, checksum text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_docs_wrapper';

CREATE FUNCTION quire.doc_history(project_uuid uuid, doc text, branch text DEFAULT 'main', before_seq bigint DEFAULT NULL,
                                  max_ops integer DEFAULT 100)
RETURNS TABLE (seq bigint, op text, heads text[], change_count integer, actor uuid, display_name text, kind text,
               message text, bundle_id uuid, committed_at timestamptz)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'doc_history_wrapper';

CREATE FUNCTION quire.list_schemas(project_uuid uuid)
RETURNS TABLE (name text, docs text, schema jsonb, created_by uuid, display_name text, created_at timestamptz)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_schemas_wrapper';

CREATE FUNCTION quire.list_doc_bindings(project_uuid uuid)
RETURNS TABLE (doc text, path text, file_path text, created_by uuid, display_name text, created_at timestamptz)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_doc_bindings_wrapper';

CREATE FUNCTION quire.sync_doc(project_uuid uuid, doc text, branch text, INOUT message bytea, INOUT state bytea,
                               OUT heads text[])
RETURNS SETOF record
VOLATILE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'sync_doc_wrapper';

CREATE FUNCTION quire.storage_load_range(project_uuid uuid, key_prefix text[])
RETURNS TABLE (key text[], data bytea)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'storage_load_range_wrapper';

SET LOCAL search_path TO quire, pg_temp;
