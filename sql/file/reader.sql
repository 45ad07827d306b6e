-- What readers of files return. The functions fill their answers at once, most by one statement behind the gate (src/service/file/list.rs). And
-- the one function that pgrx cannot declare because it is not in Rust.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire.list_current_files(project_uuid uuid, path_prefix text DEFAULT NULL, after_path text DEFAULT NULL,
                                         max_files integer DEFAULT NULL, with_content boolean DEFAULT true)
RETURNS TABLE (file_path text, file_type text, content text, content_hash text, version integer, updated_at timestamptz)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_current_files_wrapper';

CREATE FUNCTION quire.list_files_at(project_uuid uuid, at_seq bigint DEFAULT NULL, at_time timestamptz DEFAULT NULL,
                                    at_tag text DEFAULT NULL, after_path text DEFAULT NULL,
                                    max_files integer DEFAULT NULL)
RETURNS TABLE (file_path text, file_type text, content text, content_hash text, version integer, updated_at timestamptz, seq bigint,
               checksum text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_files_at_wrapper';

CREATE FUNCTION quire.project_file_history(project_uuid uuid, p_file_path text, before_version integer DEFAULT NULL,
                                           max_versions integer DEFAULT 100)
RETURNS TABLE (version integer, op text, content_hash text, size bigint, file_type text, mode text, is_deleted boolean,
               is_binary boolean, moved_from text, moved_from_version integer, moved_to text, actor uuid, kind text,
               message text, seq bigint, committed_at timestamptz)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'project_file_history_wrapper';

CREATE FUNCTION quire.list_project_tags(project_uuid uuid)
RETURNS TABLE (tag text, seq bigint, created_by uuid, created_at timestamptz, checksum text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'list_project_tags_wrapper';

-- Brings an existing table's files in. Reads it with the caller's rights (SECURITY INVOKER) and writes through
-- commit_bundle, in bundles of at most 1,000 files.
CREATE FUNCTION quire.import_legacy_files(project_uuid uuid, source regclass, path_column name, content_column name,
                                          type_column name DEFAULT NULL, correlation_id uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    batch    jsonb[] := '{}';
    item     jsonb;
    pending  bigint := 0;
    receipt  jsonb;
    imported integer := 0;
    last_seq bigint;
    bundles  integer := 0;
    missing  text := CASE WHEN project_uuid IS NULL THEN 'project_uuid' WHEN source IS NULL THEN 'source'
                          WHEN path_column IS NULL THEN 'path_column' WHEN content_column IS NULL THEN 'content_column' END;
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'argument % must not be null', missing
            USING ERRCODE = '22004', DETAIL = format('{"argument":"%s","code":"ValidationError"}', missing);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class WHERE oid = source) THEN
        RAISE EXCEPTION 'no such table' USING ERRCODE = 'PT404', DETAIL = '{"code":"NotFoundError","argument":"source"}';
    END IF;
    FOR item IN EXECUTE format(
        'SELECT jsonb_build_object(''op'', ''file.put'', ''file_path'', %1$I::text, ''content'', %2$I::text, ''file_type'', %3$s)
         FROM %4$s ORDER BY %1$I', path_column, content_column,
        CASE WHEN type_column IS NULL THEN 'NULL' ELSE format('%I::text', type_column) END, source)
    LOOP
        batch := array_append(batch, item);
        pending := pending + octet_length(item ->> 'content') + 1;
        imported := imported + 1;
        IF cardinality(batch) >= 1000 OR pending > 16777216 THEN
            bundles := bundles + 1;
            receipt := quire.commit_bundle(project_uuid, to_jsonb(batch), 'import', format('import from %s', source),
                correlation_id => md5(correlation_id::text || '/' || bundles)::uuid);
            last_seq := (receipt ->> 'seq')::bigint;
            batch := '{}';
            pending := 0;
        END IF;
    END LOOP;
    IF cardinality(batch) > 0 THEN
        bundles := bundles + 1;
        receipt := quire.commit_bundle(project_uuid, to_jsonb(batch), 'import', format('import from %s', source),
            correlation_id => md5(correlation_id::text || '/' || bundles)::uuid);
        last_seq := (receipt ->> 'seq')::bigint;
    END IF;
    -- Nothing to write is no reason not to ask who may.
    IF bundles = 0 THEN
        BEGIN
            PERFORM quire.commit_bundle(project_uuid, '[]', 'import');
        EXCEPTION WHEN invalid_parameter_value THEN
            NULL; -- They may, and there is nothing.
        END;
    END IF;
    RETURN jsonb_build_object('imported', imported, 'seq', last_seq);
END
$$;

SET LOCAL search_path TO quire, pg_temp;
