-- Views and one-statement readers. A reader's first statement checks the caller and the arguments: it raises, so it must
-- run even when the second would find no row. (A condition that raises is not evaluated on an empty table.)

-- Text of a blob that is stored in chunks. Apart from blob_text, because PostgreSQL does not inline a function with a
-- sub-query.
CREATE FUNCTION quire_store.chunked_text(b quire_store.blob) RETURNS text
STABLE PARALLEL SAFE LANGUAGE sql
RETURN (SELECT quire_store.decode_text_chunks(pg_catalog.array_agg(c.codec ORDER BY c.ordinal),
                   pg_catalog.array_agg(c.size ORDER BY c.ordinal),
                   pg_catalog.array_agg(c.bytes ORDER BY c.ordinal), b.size, b.hash)
        FROM quire_store.blob_chunk c WHERE c.project_id = b.project_id AND c.hash = b.hash);

-- Text of a blob, NULL when there is no row. Raises XX001 when length or hash are wrong, PT410 when it is not present.
CREATE FUNCTION quire_store.blob_text(b quire_store.blob) RETURNS text
STABLE PARALLEL SAFE LANGUAGE sql
RETURN CASE WHEN b.hash IS NULL THEN NULL
       WHEN b.state <> 0 THEN quire_store.gone_text(b.hash, b.state, b.size, b.state_at, b.state_reason)
       WHEN b.chunk_count = 0 THEN quire_store.decode_text(b.codec, b.size, b.hash, b.bytes)
       ELSE quire_store.chunked_text(b) END;

CREATE VIEW quire.project_files WITH (security_invoker = true) AS
SELECT f.id,
       f.project_id,
       h.file_path::text AS file_path,
       f.file_type,
       CASE WHEN NOT f.is_deleted AND NOT f.is_binary THEN
           COALESCE((SELECT quire_store.blob_text(b) FROM quire_store.blob b
                     WHERE b.project_id = f.project_id AND b.hash = f.content_hash),
                    quire_store.missing_text(f.content_hash)) END AS content,
       pg_catalog.encode(f.content_hash, 'hex') AS content_hash,
       f.version,
       f.parent_version_id,
       f.version = h.version AS is_current_version,
       h.created_by,
       u.actor_id AS last_modified_by,
       h.created_at,
       f.committed_at AS updated_at,
       f.is_deleted,
       f.is_binary,
       f.size,
       f.mode,
       f.bundle_seq AS seq
FROM quire_store.project_files f
JOIN quire_store.file_head h ON h.project_id = f.project_id AND h.file_id = f.file_id
LEFT JOIN quire_store.bundle u ON u.project_id = f.project_id AND u.seq = f.bundle_seq;

CREATE VIEW quire.project_files_current WITH (security_invoker = true) AS
SELECT h.version_id AS id,
       h.project_id,
       h.file_path::text AS file_path,
       h.file_type,
       CASE WHEN NOT h.is_binary THEN
           COALESCE((SELECT quire_store.blob_text(b) FROM quire_store.blob b
                     WHERE b.project_id = h.project_id AND b.hash = h.content_hash),
                    quire_store.missing_text(h.content_hash)) END AS content,
       pg_catalog.encode(h.content_hash, 'hex') AS content_hash,
       h.version,
       h.parent_version_id,
       true AS is_current_version,
       h.created_by,
       u.actor_id AS last_modified_by,
       h.created_at,
       h.updated_at,
       false AS is_deleted,
       h.is_binary,
       h.size,
       h.mode,
       h.seq
FROM quire_store.file_head h
LEFT JOIN quire_store.bundle u ON u.project_id = h.project_id AND u.seq = h.seq
WHERE NOT h.is_deleted;

CREATE VIEW quire.legacy_project_files WITH (security_invoker = true) AS
SELECT id, project_id, file_path AS path, file_type AS type, content, content_hash, version,
       created_by, last_modified_by, created_at, updated_at
FROM quire.project_files_current;

CREATE VIEW quire.bundles WITH (security_invoker = true) AS
SELECT b.project_id,
       b.seq,
       b.kind,
       b.actor_id AS actor,
       b.message,
       b.op_count,
       pg_catalog.encode(b.checksum, 'hex') AS checksum,
       b.committed_at,
       b.bundle_id,
       pg_catalog.encode(b.prev_checksum, 'hex') AS prev_checksum,
       b.correlation_id,
       b.base_seq,
       b.undoes_seq,
       b.details
FROM quire_store.bundle b;

CREATE VIEW quire.oplog WITH (security_invoker = true) AS
SELECT f.project_id,
       f.bundle_seq AS seq,
       f.ordinal,
       f.op,
       h.file_path::text AS target,
       u.actor_id AS actor,
       CASE WHEN f.op = 'file.move' THEN (
                SELECT pg_catalog.jsonb_build_object('file_path', m.file_path, 'version', f.moved_version,
                           'content_hash', pg_catalog.encode(f.content_hash, 'hex'))
                FROM quire_store.file_head m WHERE m.project_id = f.project_id AND m.file_id = f.moved_file_id)
            ELSE (
                SELECT pg_catalog.jsonb_build_object('version', p.version,
                           'content_hash', pg_catalog.encode(p.content_hash, 'hex'),
                           'file_type', p.file_type, 'mode', p.mode)
                FROM quire_store.project_files p
                WHERE p.project_id = f.project_id AND p.file_id = f.file_id AND p.version = f.version - 1
                  AND NOT p.is_deleted) END AS before,
       CASE WHEN NOT f.is_deleted THEN
           pg_catalog.jsonb_build_object('version', f.version, 'content_hash', pg_catalog.encode(f.content_hash, 'hex'),
               'file_type', f.file_type, 'mode', f.mode, 'size', f.size) END AS after,
       pg_catalog.encode(f.op_checksum, 'hex') AS checksum,
       f.committed_at,
       NULL::jsonb AS entity
FROM quire_store.project_files f
JOIN quire_store.file_head h ON h.project_id = f.project_id AND h.file_id = f.file_id
LEFT JOIN quire_store.bundle u ON u.project_id = f.project_id AND u.seq = f.bundle_seq
-- The tombstone of a move is part of the move.
WHERE NOT (f.op = 'file.move' AND f.is_deleted)
UNION ALL
-- Of the rows of a deleted entity, the one with the checksum.
SELECT o.project_id,
       o.bundle_seq,
       o.ordinal,
       o.op,
       pg_catalog.concat_ws('/', o.entity_type, o.entity_id, CASE WHEN o.op <> 'entity.delete' THEN o.field END),
       u.actor_id,
       CASE WHEN o.op = 'entity.delete' THEN (
                SELECT pg_catalog.jsonb_build_object('fields', pg_catalog.jsonb_object_agg(d.field, p.value))
                FROM quire_store.entity_op d
                CROSS JOIN LATERAL (
                    SELECT p.value FROM quire_store.entity_op p
                    WHERE p.project_id = d.project_id AND p.entity_id = d.entity_id AND p.entity_type = d.entity_type
                      AND p.field = d.field AND (p.bundle_seq, p.ordinal) < (d.bundle_seq, d.ordinal)
                    ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p
                WHERE d.project_id = o.project_id AND d.bundle_seq = o.bundle_seq AND d.ordinal = o.ordinal)
            ELSE (
                SELECT pg_catalog.jsonb_build_object('value', p.value)
                FROM (SELECT p.value FROM quire_store.entity_op p
                      WHERE p.project_id = o.project_id AND p.entity_id = o.entity_id AND p.entity_type = o.entity_type
                        AND p.field = o.field AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
                      ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p
                WHERE p.value IS NOT NULL) END,
       CASE WHEN o.value IS NOT NULL THEN pg_catalog.jsonb_build_object('value', o.value) END,
       pg_catalog.encode(o.op_checksum, 'hex'),
       u.committed_at,
       pg_catalog.jsonb_build_object('entity_type', o.entity_type, 'entity_id', o.entity_id)
           || CASE WHEN o.op <> 'entity.delete' THEN pg_catalog.jsonb_build_object('field', o.field) ELSE '{}' END
FROM quire_store.entity_op o
LEFT JOIN quire_store.bundle u ON u.project_id = o.project_id AND u.seq = o.bundle_seq
WHERE o.part = 1
UNION ALL
SELECT o.project_id,
       o.bundle_seq,
       o.ordinal,
       o.op,
       pg_catalog.encode(o.content_hash, 'hex'),
       u.actor_id,
       (SELECT pg_catalog.jsonb_build_object('filename', p.filename, 'media_type', p.media_type,
                   'asset_type', p.asset_type, 'size', p.size)
        FROM (SELECT * FROM quire_store.asset_op p
              WHERE p.project_id = o.project_id AND p.content_hash = o.content_hash
                AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
              ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p
        WHERE p.op = 'asset.put'),
       CASE WHEN o.op = 'asset.put' THEN
                pg_catalog.jsonb_build_object('content_hash', pg_catalog.encode(o.content_hash, 'hex'),
                    'filename', o.filename, 'media_type', o.media_type, 'asset_type', o.asset_type, 'size', o.size)
            ELSE pg_catalog.jsonb_build_object('is_deleted', true, 'reason', o.reason) END,
       pg_catalog.encode(o.op_checksum, 'hex'),
       u.committed_at,
       NULL
FROM quire_store.asset_op o
LEFT JOIN quire_store.bundle u ON u.project_id = o.project_id AND u.seq = o.bundle_seq
UNION ALL
-- Operations that change no content are kept with their bundle.
SELECT b.project_id,
       b.seq,
       1,
       b.details -> 'op' ->> 'op',
       b.details -> 'op' ->> 'snapshot_id',
       b.actor_id,
       NULL,
       b.details -> 'op',
       b.details ->> 'op_checksum',
       b.committed_at,
       NULL
FROM quire_store.bundle b
WHERE b.kind = 'system';

CREATE FUNCTION quire.list_current_files(project_uuid uuid, path_prefix text DEFAULT NULL)
RETURNS TABLE (file_path text, file_type text, content text, content_hash text, version integer, updated_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid), quire_store.normal_prefix(path_prefix),
           quire_store.refuse_quarantined(project_uuid, '{file_head}', '{}');
    -- Sorted before it is decoded: sorting the content would spill it to disk.
    SELECT h.file_path,
           h.file_type,
           CASE WHEN NOT h.is_binary THEN
               COALESCE((SELECT quire_store.blob_text(b) FROM quire_store.blob b
                         WHERE b.project_id = list_current_files.project_uuid AND b.hash = h.content_hash),
                        quire_store.missing_text(h.content_hash)) END,
           pg_catalog.encode(h.content_hash, 'hex'),
           h.version,
           h.updated_at
    FROM (SELECT f.file_path, f.file_type, f.is_binary, f.content_hash, f.version, f.updated_at
          FROM quire_store.file_head f
          WHERE f.project_id = list_current_files.project_uuid
            AND NOT f.is_deleted
            AND quire_store.path_is_within(f.file_path, (SELECT quire_store.normal_prefix(list_current_files.path_prefix)))
          ORDER BY f.file_path
          OFFSET 0) h
    ORDER BY h.file_path;
END;

CREATE FUNCTION quire.list_files_at(project_uuid uuid, at_seq bigint DEFAULT NULL, at_time timestamptz DEFAULT NULL,
                                    at_tag text DEFAULT NULL)
RETURNS TABLE (file_path text, file_type text, content text, content_hash text, version integer, updated_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid), quire_store.seq_at(project_uuid, at_seq, at_time, at_tag),
           quire_store.refuse_quarantined(project_uuid, '{file_head,file_op}', '{}');
    SELECT t.file_path,
           t.file_type,
           CASE WHEN NOT t.is_binary THEN
               COALESCE((SELECT quire_store.blob_text(b) FROM quire_store.blob b
                         WHERE b.project_id = list_files_at.project_uuid AND b.hash = t.content_hash),
                        quire_store.missing_text(t.content_hash)) END,
           pg_catalog.encode(t.content_hash, 'hex'),
           t.version,
           t.committed_at
    FROM (SELECT h.file_path, f.file_type, f.is_binary, f.content_hash, f.version, f.committed_at
          FROM (SELECT quire_store.seq_at(list_files_at.project_uuid, list_files_at.at_seq, list_files_at.at_time,
                                          list_files_at.at_tag) AS seq OFFSET 0) point
          CROSS JOIN quire_store.file_head h
          CROSS JOIN LATERAL (
              SELECT v.file_type, v.is_binary, v.is_deleted, v.content_hash, v.version, v.committed_at
              FROM quire_store.project_files v
              WHERE v.project_id = h.project_id AND v.file_id = h.file_id AND v.bundle_seq <= point.seq
              ORDER BY v.bundle_seq DESC, v.version DESC
              LIMIT 1) f
          WHERE h.project_id = list_files_at.project_uuid
            AND NOT f.is_deleted
          ORDER BY h.file_path
          OFFSET 0) t
    ORDER BY t.file_path;
END;

CREATE FUNCTION quire.project_file_history(project_uuid uuid, p_file_path text, before_version integer DEFAULT NULL,
                                           max_versions integer DEFAULT 100)
RETURNS TABLE (version integer, op text, content_hash text, size bigint, file_type text, mode text, is_deleted boolean,
               is_binary boolean, moved_from text, moved_from_version integer, moved_to text, actor uuid, kind text,
               message text, seq bigint, committed_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid), quire_store.normal_path(p_file_path),
           quire_store.page_size('max_versions', max_versions),
           quire_store.refuse_quarantined(project_uuid, '{file_op}', '{}');
    SELECT f.version,
           f.op,
           pg_catalog.encode(f.content_hash, 'hex'),
           f.size,
           f.file_type,
           f.mode,
           f.is_deleted,
           f.is_binary,
           CASE WHEN NOT f.is_deleted THEN m.file_path::text END,
           CASE WHEN NOT f.is_deleted THEN f.moved_version END,
           CASE WHEN f.is_deleted THEN m.file_path::text END,
           u.actor_id,
           u.kind,
           u.message,
           f.bundle_seq,
           f.committed_at
    FROM quire_store.file_head h
    JOIN quire_store.project_files f ON f.project_id = h.project_id AND f.file_id = h.file_id
    JOIN quire_store.bundle u ON u.project_id = f.project_id AND u.seq = f.bundle_seq
    LEFT JOIN quire_store.file_head m ON m.project_id = f.project_id AND m.file_id = f.moved_file_id
    WHERE h.project_id = project_file_history.project_uuid
      AND h.file_path = quire_store.normal_path(project_file_history.p_file_path)
      AND (project_file_history.before_version IS NULL OR f.version < project_file_history.before_version)
    ORDER BY f.version DESC
    LIMIT quire_store.page_size('max_versions', project_file_history.max_versions);
END;

-- Volatile, because a token may count its uses; in a read-only transaction such a token is refused.
CREATE FUNCTION quire.download_snapshot(token text) RETURNS quire."*/*"
SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
RETURN quire_store.download_bytes(token)::quire."*/*";

CREATE FUNCTION quire.list_project_tags(project_uuid uuid)
RETURNS TABLE (tag text, seq bigint, created_by uuid, created_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid);
    SELECT t.tag, t.seq, t.created_by, t.created_at
    FROM quire_store.project_tag t
    WHERE t.project_id = list_project_tags.project_uuid
    ORDER BY t.seq, t.tag;
END;

CREATE FUNCTION quire.project_stats(project_uuid uuid) RETURNS jsonb
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.member_project(project_uuid);
    SELECT pg_catalog.jsonb_build_object('project_id', h.project_id, 'seq', h.seq, 'bundles', h.seq, 'files', h.live_files,
        'file_bytes', h.live_bytes,
        'versions', (SELECT count(*) FROM quire_store.project_files f WHERE f.project_id = h.project_id),
        'blobs', b.blobs, 'blob_bytes', b.blob_bytes, 'stored_bytes', b.stored_bytes,
        'archived_blobs', b.archived, 'collected_blobs', b.collected,
        'assets', (SELECT count(*) FROM quire_store.asset a WHERE a.project_id = h.project_id AND NOT a.is_deleted),
        'asset_bytes', h.asset_bytes,
        'snapshots', s.snapshots, 'snapshot_bytes', s.snapshot_bytes,
        'members', (SELECT count(*) FROM quire_store.project_member m WHERE m.project_id = h.project_id),
        'realtime_sink', (SELECT pg_catalog.jsonb_build_object('failures', e.failures, 'last_seq', e.last_seq,
                              'last_error', e.last_error, 'last_at', e.last_at)
                          FROM quire_store.sink_failure e WHERE e.project_id = h.project_id))
    FROM quire_store.project_head h
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE b.state = 0) AS blobs, count(*) FILTER (WHERE b.state = 1) AS archived,
               count(*) FILTER (WHERE b.state = 2) AS collected,
               COALESCE(sum(b.size) FILTER (WHERE b.state = 0), 0) AS blob_bytes,
               COALESCE(sum(pg_catalog.octet_length(b.bytes)), 0)
                   + (SELECT COALESCE(sum(pg_catalog.octet_length(c.bytes)), 0) FROM quire_store.blob_chunk c
                      WHERE c.project_id = h.project_id) AS stored_bytes
        FROM quire_store.blob b WHERE b.project_id = h.project_id) b
    CROSS JOIN LATERAL (
        SELECT count(*) AS snapshots, COALESCE(sum(s.size), 0) AS snapshot_bytes
        FROM quire_store.snapshot s WHERE s.project_id = h.project_id) s
    WHERE h.project_id = project_stats.project_uuid;
END;

CREATE FUNCTION quire.list_project_members(project_uuid uuid)
RETURNS TABLE (member uuid, display_name text, role text, added_by uuid, added_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.member_project(project_uuid);
    SELECT m.actor_id, a.display_name, m.role, m.added_by, m.added_at
    FROM quire_store.project_member m
    JOIN quire_store.actor a USING (actor_id)
    WHERE m.project_id = list_project_members.project_uuid
    ORDER BY pg_catalog.array_position(ARRAY['owner', 'editor', 'viewer'], m.role), m.added_at, m.actor_id;
END;

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
BEGIN
    IF project_uuid IS NULL OR source IS NULL OR path_column IS NULL OR content_column IS NULL THEN
        RAISE EXCEPTION 'arguments project_uuid, source, path_column and content_column must not be null'
            USING ERRCODE = '22004', DETAIL = '{"code":"ValidationError"}';
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
    RETURN jsonb_build_object('imported', imported, 'seq', last_seq);
END
$$;
