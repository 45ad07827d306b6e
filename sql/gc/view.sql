-- What keeps content, put together from what each domain keeps.
--
-- The views are quire's own, and still run with their reader's rights: whoever gets at them past the functions, as a role with
-- pg_read_all_data does, sees what row level security shows them.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- References that need not come with a bundle, or that an index finds by their content. Garbage collection looks them up by
-- hash, under the head lock, so each part needs such an index, and whoever makes a reference holds that lock. To keep content for
-- something new, add a view of its domain here; a table of its own needs nothing else.
CREATE VIEW quire_store.blob_hold WITH (security_invoker = true) AS
SELECT project_id, hash, kind, detail FROM quire_store.asset_blob_hold
UNION ALL
SELECT project_id, hash, kind, detail FROM quire_store.job_blob_hold
UNION ALL
SELECT project_id, hash, kind, detail FROM quire_store.recovery_blob_hold;

-- Every reason to keep content: one row each. Uploads and zip snapshots have bytes of their own, so they refer to none.
CREATE VIEW quire_store.blob_reference WITH (security_invoker = true) AS
SELECT project_id, hash, kind, detail FROM quire_store.file_blob_reference
UNION ALL
SELECT project_id, hash, kind, detail FROM quire_store.snapshot_blob_reference
UNION ALL
SELECT project_id, hash, kind, detail FROM quire_store.blob_hold;

-- Bundles that named some content. A new reference to old content comes with a later one.
CREATE VIEW quire_store.blob_use WITH (security_invoker = true) AS
SELECT project_id, hash, seq FROM quire_store.file_blob_use
UNION ALL
SELECT project_id, hash, seq FROM quire_store.asset_blob_use
UNION ALL
SELECT project_id, hash, seq FROM quire_store.snapshot_blob_use;

SET LOCAL search_path TO quire, pg_temp;
