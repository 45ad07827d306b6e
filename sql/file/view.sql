-- Views of files. Those of schema quire run with the caller's rights; row level security decides which rows they show. None is
-- updatable: one of a single table would be, for whoever has the rights of its owner, past all functions. What they show is on disk:
-- flushed() is asked once a statement. The others are parts of views that are put together elsewhere, and run with their reader's
-- rights, too.

SET LOCAL search_path TO pg_catalog, pg_temp;

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
COMMENT ON VIEW quire.project_files IS
'Every version of every file of the projects that the caller may read.';
COMMENT ON COLUMN quire.project_files.id IS 'The id of the version.';
COMMENT ON COLUMN quire.project_files.project_id IS 'The project.';
COMMENT ON COLUMN quire.project_files.file_path IS 'The path, relative to the project.';
COMMENT ON COLUMN quire.project_files.file_type IS 'What the file is to the application, such as text or html.';
COMMENT ON COLUMN quire.project_files.content IS 'The content as text. NULL for binary files and tombstones. It is decoded only when it is selected; content that is archived or collected raises PT410 then, and corrupt content XX001.';
COMMENT ON COLUMN quire.project_files.content_hash IS 'BLAKE3 of the content, 64 hex digits. NULL for tombstones.';
COMMENT ON COLUMN quire.project_files.version IS 'The number of the version: 1, 2, 3, ... for each path.';
COMMENT ON COLUMN quire.project_files.parent_version_id IS 'The id of the version that this one was made from. NULL for the first version of a path.';
COMMENT ON COLUMN quire.project_files.is_current_version IS 'Whether this is the newest version of its path, a tombstone included.';
COMMENT ON COLUMN quire.project_files.created_by IS 'The actor who wrote the first version of the path.';
COMMENT ON COLUMN quire.project_files.last_modified_by IS 'The actor who wrote this version.';
COMMENT ON COLUMN quire.project_files.created_at IS 'When the first version of the path was committed.';
COMMENT ON COLUMN quire.project_files.updated_at IS 'When this version was committed.';
COMMENT ON COLUMN quire.project_files.is_deleted IS 'Whether the version is a tombstone.';
COMMENT ON COLUMN quire.project_files.is_binary IS 'Whether the content is not text (UTF-8 without NUL).';
COMMENT ON COLUMN quire.project_files.size IS 'The length of the content in bytes.';
COMMENT ON COLUMN quire.project_files.mode IS 'The mode as in git: 100644, 100755 (executable) or 120000 (symlink).';
COMMENT ON COLUMN quire.project_files.seq IS 'The bundle that made the version.';

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
COMMENT ON VIEW quire.project_files_current IS
'The current files of the projects that the caller may read. Tombstones are not among them.';
COMMENT ON COLUMN quire.project_files_current.id IS 'The id of the current version.';
COMMENT ON COLUMN quire.project_files_current.project_id IS 'The project.';
COMMENT ON COLUMN quire.project_files_current.file_path IS 'The path, relative to the project.';
COMMENT ON COLUMN quire.project_files_current.file_type IS 'What the file is to the application, such as text or html.';
COMMENT ON COLUMN quire.project_files_current.content IS 'The content as text. NULL for binary files. It is decoded only when it is selected; content that is archived or collected raises PT410 then, and corrupt content XX001.';
COMMENT ON COLUMN quire.project_files_current.content_hash IS 'BLAKE3 of the content, 64 hex digits.';
COMMENT ON COLUMN quire.project_files_current.version IS 'The number of the current version.';
COMMENT ON COLUMN quire.project_files_current.parent_version_id IS 'The id of the version that the current one was made from. NULL for the first version of a path.';
COMMENT ON COLUMN quire.project_files_current.is_current_version IS 'Always true.';
COMMENT ON COLUMN quire.project_files_current.created_by IS 'The actor who wrote the first version of the path.';
COMMENT ON COLUMN quire.project_files_current.last_modified_by IS 'The actor who wrote the current version.';
COMMENT ON COLUMN quire.project_files_current.created_at IS 'When the first version of the path was committed.';
COMMENT ON COLUMN quire.project_files_current.updated_at IS 'When the current version was committed.';
COMMENT ON COLUMN quire.project_files_current.is_deleted IS 'Always false.';
COMMENT ON COLUMN quire.project_files_current.is_binary IS 'Whether the content is not text (UTF-8 without NUL).';
COMMENT ON COLUMN quire.project_files_current.size IS 'The length of the content in bytes.';
COMMENT ON COLUMN quire.project_files_current.mode IS 'The mode as in git: 100644, 100755 (executable) or 120000 (symlink).';
COMMENT ON COLUMN quire.project_files_current.seq IS 'The bundle that made the current version.';

CREATE VIEW quire.legacy_project_files WITH (security_invoker = true) AS
SELECT id, project_id, file_path AS path, file_type AS type, content, content_hash, version,
       created_by, last_modified_by, created_at, updated_at
FROM quire.project_files_current;
COMMENT ON VIEW quire.legacy_project_files IS
'The current files under older column names: path for file_path, type for file_type.';
COMMENT ON COLUMN quire.legacy_project_files.id IS 'The id of the current version.';
COMMENT ON COLUMN quire.legacy_project_files.project_id IS 'The project.';
COMMENT ON COLUMN quire.legacy_project_files.path IS 'The path, relative to the project.';
COMMENT ON COLUMN quire.legacy_project_files.type IS 'What the file is to the application, such as text or html.';
COMMENT ON COLUMN quire.legacy_project_files.content IS 'The content as text. NULL for binary files. It is decoded only when it is selected; content that is archived or collected raises PT410 then, and corrupt content XX001.';
COMMENT ON COLUMN quire.legacy_project_files.content_hash IS 'BLAKE3 of the content, 64 hex digits.';
COMMENT ON COLUMN quire.legacy_project_files.version IS 'The number of the current version.';
COMMENT ON COLUMN quire.legacy_project_files.created_by IS 'The actor who wrote the first version of the path.';
COMMENT ON COLUMN quire.legacy_project_files.last_modified_by IS 'The actor who wrote the current version.';
COMMENT ON COLUMN quire.legacy_project_files.created_at IS 'When the first version of the path was committed.';
COMMENT ON COLUMN quire.legacy_project_files.updated_at IS 'When the current version was committed.';

-- Operations on files; a part of quire.oplog (bundle/view.sql).
CREATE VIEW quire_store.file_oplog WITH (security_invoker = true) AS
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
WHERE NOT (f.op = 'file.move' AND f.is_deleted) AND (SELECT quire_store.flushed());

-- Why content is kept for files; a part of blob_reference (gc/view.sql).
CREATE VIEW quire_store.file_blob_reference WITH (security_invoker = true) AS
SELECT h.project_id,
       h.content_hash AS hash,
       'live_file' AS kind,
       h.file_path::text AS detail
FROM quire_store.file_head h
WHERE NOT h.is_deleted
UNION ALL
-- A version that was current at some time inside the retention: what a point in time or a restore inside it needs. One that
-- nothing follows is live.
SELECT v.project_id,
       v.content_hash,
       'recent_version',
       pg_catalog.format('%s version %s', h.file_path, v.version)
FROM quire_store.project_files v
JOIN quire_store.project_files n ON n.file_id = v.file_id AND n.project_id = v.project_id AND n.version = v.version + 1
JOIN quire_store.retention r ON r.project_id = v.project_id
LEFT JOIN quire_store.file_head h ON h.file_id = v.file_id AND h.project_id = v.project_id
WHERE v.content_hash IS NOT NULL
  AND n.committed_at > r.cutoff
UNION ALL
-- The tree at a tag; of several tags the first.
SELECT v.project_id,
       v.content_hash,
       'tagged_version',
       pg_catalog.format('%s version %s, tag %s', h.file_path, v.version, t.tag)
FROM quire_store.project_files v
LEFT JOIN quire_store.project_files n
    ON n.file_id = v.file_id AND n.project_id = v.project_id AND n.version = v.version + 1
LEFT JOIN quire_store.file_head h ON h.file_id = v.file_id AND h.project_id = v.project_id
CROSS JOIN LATERAL (
    SELECT g.tag FROM quire_store.project_tag g
    WHERE g.project_id = v.project_id AND g.seq >= v.bundle_seq AND (n.bundle_seq IS NULL OR g.seq < n.bundle_seq)
    ORDER BY g.seq, g.tag LIMIT 1) t
WHERE v.content_hash IS NOT NULL;

-- Bundles that named content of files; a part of blob_use (gc/view.sql).
CREATE VIEW quire_store.file_blob_use WITH (security_invoker = true) AS
SELECT v.project_id, v.content_hash AS hash, v.bundle_seq AS seq
FROM quire_store.project_files v
CROSS JOIN (SELECT 1) AS not_updatable
WHERE v.content_hash IS NOT NULL;

SET LOCAL search_path TO quire, pg_temp;
