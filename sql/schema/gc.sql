-- What keeps content, and what nobody needs any more.
--
-- The views are quire's own, and still run with their reader's rights: whoever gets at them past the functions, as a role with
-- pg_read_all_data does, sees what row level security shows them.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What a project keeps of what is not current, by its settings.
CREATE VIEW quire_store.retention WITH (security_invoker = true) AS
SELECT p.project_id,
       COALESCE((p.settings ->> 'retention_days')::integer, 90) AS days,
       COALESCE(p.settings -> 'asset_retention_days', '{}') AS asset_days,
       pg_catalog.statement_timestamp()
           - pg_catalog.make_interval(days => COALESCE((p.settings ->> 'retention_days')::integer, 90)) AS cutoff
FROM quire_store.project p CROSS JOIN (SELECT 1) AS not_updatable;

-- The contents that a snapshot's manifest names.
CREATE FUNCTION quire_store.manifest_hashes(manifest jsonb) RETURNS text[]
IMMUTABLE PARALLEL SAFE LANGUAGE sql
RETURN (SELECT pg_catalog.array_agg(DISTINCT e ->> 'content_hash') FROM pg_catalog.jsonb_array_elements(manifest) e
        WHERE e ->> 'content_hash' IS NOT NULL);

-- References that need not come with a bundle, or that an index finds by their content. Garbage collection looks them up by
-- hash, under the head lock, so each branch needs such an index, and whoever makes one holds that lock. To keep content for
-- something new, add a branch here; a table of its own needs nothing else.
CREATE VIEW quire_store.blob_hold WITH (security_invoker = true) AS
SELECT a.project_id,
       a.content_hash AS hash,
       CASE WHEN a.is_deleted THEN 'recent_asset' ELSE 'live_asset' END AS kind,
       a.filename AS detail
FROM quire_store.asset a
JOIN quire_store.retention r ON r.project_id = a.project_id
WHERE NOT a.is_deleted
   OR a.updated_at > pg_catalog.statement_timestamp()
          - pg_catalog.make_interval(days => COALESCE((r.asset_days ->> a.asset_type)::integer, r.days))
UNION ALL
-- A job that names content by its hash. Staging takes no lock: should the content go meanwhile, completing says so.
SELECT o.project_id, pg_catalog.decode(o.op ->> 'content_hash', 'hex'), 'open_job', o.job_id::text
FROM quire_store.job_op o
WHERE o.op ->> 'content_hash' IS NOT NULL
UNION ALL
-- Nobody could tell a repaired content from a collected one.
SELECT q.project_id, pg_catalog.decode(q.key ->> 'content_hash', 'hex'), 'quarantine', q.quarantine_id::text
FROM quire_store.quarantine q
WHERE q.status = 'open' AND q.kind = 'blob';

CREATE INDEX quarantine_content ON quire_store.quarantine ((key ->> 'content_hash'), project_id)
    WHERE status = 'open' AND kind = 'blob';
CREATE INDEX job_op_content ON quire_store.job_op ((op ->> 'content_hash'), project_id)
    WHERE op ->> 'content_hash' IS NOT NULL;

-- Every reason to keep content: one row each. Uploads and zip snapshots have bytes of their own, so they refer to none.
CREATE VIEW quire_store.blob_reference WITH (security_invoker = true) AS
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
WHERE v.content_hash IS NOT NULL
UNION ALL
-- A tar.zst is put together from the contents when it is read. Its making is a bundle, so it is a use, too.
SELECT s.project_id, pg_catalog.decode(h.hash, 'hex'), 'snapshot', s.snapshot_id::text
FROM quire_store.snapshot s
CROSS JOIN LATERAL pg_catalog.unnest(quire_store.manifest_hashes(s.manifest)) AS h (hash)
WHERE s.format = 'tar.zst'
UNION ALL
SELECT o.project_id, o.hash, o.kind, o.detail FROM quire_store.blob_hold o;

-- Bundles that named some content. A new reference to old content comes with a later one.
CREATE VIEW quire_store.blob_use WITH (security_invoker = true) AS
SELECT v.project_id, v.content_hash AS hash, v.bundle_seq AS seq
FROM quire_store.project_files v WHERE v.content_hash IS NOT NULL
UNION ALL
SELECT o.project_id, o.content_hash, o.bundle_seq FROM quire_store.asset_op o
UNION ALL
SELECT b.project_id, pg_catalog.decode(h.hash, 'hex'), b.seq
FROM quire_store.bundle b
JOIN quire_store.snapshot s ON s.project_id = b.project_id AND s.snapshot_id = (b.details -> 'op' ->> 'snapshot_id')::uuid
CROSS JOIN LATERAL pg_catalog.unnest(quire_store.manifest_hashes(s.manifest)) AS h (hash)
WHERE b.kind = 'system' AND s.format = 'tar.zst';

-- A round of garbage collection: what one look at everything found to be collectable. Later calls take their share of it,
-- and look only at what came since.
-- No foreign key: who comes for the lock of a round may find the project deleted.
CREATE TABLE quire_store.gc_round (
    project_id uuid PRIMARY KEY,
    -- What had been looked at: bundles up to this one, and these tags and settings (none: it has not begun).
    as_of_seq  bigint NOT NULL,
    terms      text NOT NULL,
    -- Candidates up to this one are dealt with, and this one is the last.
    done       bigint NOT NULL,
    last       bigint NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.gc_round', '');

-- In the order in which they were used last, which is about that of their rows on disk.
CREATE TABLE quire_store.gc_candidate (
    project_id uuid NOT NULL REFERENCES quire_store.gc_round ON DELETE CASCADE,
    ordinal    bigint NOT NULL,
    hash       bytea NOT NULL,
    last_seq   bigint NOT NULL,
    PRIMARY KEY (project_id, ordinal)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.gc_candidate', '');
CREATE INDEX gc_candidate_hash ON quire_store.gc_candidate (hash, project_id);
CREATE INDEX project_tag_seq ON quire_store.project_tag (seq, project_id);

SET LOCAL search_path TO quire, pg_temp;
