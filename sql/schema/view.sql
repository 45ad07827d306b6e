-- Views of files and of the log. They run with the caller's rights; row level security decides which rows they show. None is
-- updatable: one of a single table would be, for whoever has the rights of its owner, past all functions. What they show is on disk:
-- flushed() is asked once a statement, in every arm.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Text of a blob that is stored in chunks. Apart from blob_text, because PostgreSQL does not inline a function with a
-- sub-query. Neither takes the row as a whole, which a distributed PostgreSQL hands to no function.
CREATE FUNCTION quire_store.chunked_text(project_id uuid, hash bytea, size bigint) RETURNS text
STABLE PARALLEL SAFE LANGUAGE sql
RETURN (SELECT quire_store.decode_text_chunks(pg_catalog.array_agg(c.codec ORDER BY c.ordinal),
                   pg_catalog.array_agg(c.size ORDER BY c.ordinal),
                   pg_catalog.array_agg(c.bytes ORDER BY c.ordinal), $3, $2)
        FROM quire_store.blob_chunk c WHERE c.project_id = $1 AND c.hash = $2);

-- Text of a blob, NULL when there is no row. Raises XX001 when length or hash are wrong, PT410 when it is not present.
CREATE FUNCTION quire_store.blob_text(project_id uuid, hash bytea, state smallint, size bigint, state_at timestamptz,
    state_reason text, codec smallint, chunk_count integer, bytes bytea) RETURNS text
STABLE PARALLEL SAFE LANGUAGE sql
RETURN CASE WHEN hash IS NULL THEN NULL
       WHEN state <> 0 THEN quire_store.gone_text(hash, state, size, state_at, state_reason)
       WHEN chunk_count = 0 THEN quire_store.decode_text(codec, size, hash, bytes)
       ELSE quire_store.chunked_text(project_id, hash, size) END;

CREATE VIEW quire.project_files WITH (security_invoker = true) AS
SELECT f.id,
       f.project_id,
       h.file_path::text AS file_path,
       f.file_type,
       CASE WHEN NOT f.is_deleted AND NOT f.is_binary THEN
           COALESCE((SELECT quire_store.blob_text(b.project_id, b.hash, b.state, b.size, b.state_at, b.state_reason,
                             b.codec, b.chunk_count, b.bytes)
                     FROM quire_store.blob b
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
LEFT JOIN quire_store.bundle u ON u.project_id = f.project_id AND u.seq = f.bundle_seq
WHERE (SELECT quire_store.flushed());

CREATE VIEW quire.project_files_current WITH (security_invoker = true) AS
SELECT h.version_id AS id,
       h.project_id,
       h.file_path::text AS file_path,
       h.file_type,
       CASE WHEN NOT h.is_binary THEN
           COALESCE((SELECT quire_store.blob_text(b.project_id, b.hash, b.state, b.size, b.state_at, b.state_reason,
                             b.codec, b.chunk_count, b.bytes)
                     FROM quire_store.blob b
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
WHERE NOT h.is_deleted AND (SELECT quire_store.flushed());

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
FROM quire_store.bundle b CROSS JOIN (SELECT 1) AS not_updatable
WHERE (SELECT quire_store.flushed());

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
WHERE NOT (f.op = 'file.move' AND f.is_deleted) AND (SELECT quire_store.flushed())
UNION ALL
-- Of the rows of a deleted entity, the one with the checksum.
SELECT o.project_id,
       o.bundle_seq,
       o.ordinal,
       o.op,
       pg_catalog.concat_ws('/', o.entity_type, o.entity_id, CASE WHEN o.op <> 'entity.delete' THEN o.field END),
       u.actor_id,
       CASE WHEN o.op = 'entity.delete' THEN (
                -- What no jsonb can hold is left out: entities were not always bounded.
                SELECT pg_catalog.jsonb_build_object('fields', pg_catalog.jsonb_object_agg(p.field, p.value)
                           FILTER (WHERE p.size_so_far <= 67108864))
                       || CASE WHEN max(p.size_so_far) > 67108864 THEN '{"fields_omitted": true}' ELSE '{}' END::jsonb
                FROM (SELECT d.field, v.value, sum(v.size) OVER (ORDER BY d.part) AS size_so_far
                      FROM quire_store.entity_op d
                      CROSS JOIN LATERAL (
                          SELECT p.value, p.size FROM quire_store.entity_op p
                          WHERE p.project_id = d.project_id AND p.entity_id = d.entity_id
                            AND p.entity_type = d.entity_type AND p.field = d.field
                            AND (p.bundle_seq, p.ordinal) < (d.bundle_seq, d.ordinal)
                          ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) v
                      WHERE d.project_id = o.project_id AND d.bundle_seq = o.bundle_seq AND d.ordinal = o.ordinal) p)
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
WHERE o.part = 1 AND (SELECT quire_store.flushed())
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
WHERE (SELECT quire_store.flushed())
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
WHERE b.kind = 'system' AND (SELECT quire_store.flushed());

COMMENT ON VIEW quire.project_files IS
'Every version of every file of the projects the caller may read. content is NULL for binary files and tombstones; Selecting content that is archived or collected raises PT410. content_hash is 64 hex digits of BLAKE3.';
COMMENT ON VIEW quire.project_files_current IS
'The current files of the projects the caller may read; columns as in project_files.';
COMMENT ON VIEW quire.legacy_project_files IS
'The current files under older column names: path for file_path, type for file_type.';
COMMENT ON VIEW quire.bundles IS
'The log of the projects the caller may read, one row per bundle. checksum = BLAKE3(prev_checksum, header, checksums of the operations).';
COMMENT ON VIEW quire.oplog IS
'Every operation of the projects the caller may read. checksum is BLAKE3 of the operation''s canonical JSON (RFC 8785); before and after are JSON; of a deleted entity with more than 64 MiB of fields, before has fields_omitted: true.';

SET LOCAL search_path TO quire, pg_temp;
