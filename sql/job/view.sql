-- Views of jobs: parts of those that are put together elsewhere.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Content that an open job names by its hash; a part of blob_hold (gc/view.sql). Staging takes no lock: should the content go
-- meanwhile, completing says so.
CREATE VIEW quire_store.job_blob_hold WITH (security_invoker = true) AS
SELECT o.project_id, pg_catalog.decode(o.op ->> 'content_hash', 'hex') AS hash, 'open_job' AS kind, o.job_id::text AS detail
FROM quire_store.job_op o
CROSS JOIN (SELECT 1) AS not_updatable
WHERE o.op ->> 'content_hash' IS NOT NULL;

SET LOCAL search_path TO quire, pg_temp;
