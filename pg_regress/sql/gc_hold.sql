-- What keeps content besides files, tags and assets: a tar.zst snapshot, an open job, the quarantine.
\c - postgres
CREATE FUNCTION t.reasons(project uuid) RETURNS text SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql AS $$
    SELECT string_agg(format('%s: %s %s', size, CASE WHEN is_collectable THEN 'collectable' ELSE 'kept' END,
        (SELECT string_agg(DISTINCT r ->> 'kind', ',') FROM jsonb_array_elements("references") r)), '; ' ORDER BY size)
    FROM quire.gc_plan(project)
$$;
\c - regress_alice
SELECT quire.create_project('holds', t.id(3600), settings => '{"retention_days": 0}') IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(3600), 'f', 'x');
SELECT version FROM quire.upsert_project_file(t.id(3600), 'f', 'xx');
SELECT version FROM quire.upsert_project_file(t.id(3600), 'f', 'xxx');
SELECT t.reasons(t.id(3600));
-- a snapshot of the first version, and its archive goes on being readable
SELECT quire.create_project_snapshot(t.id(3600), 'tar.zst', 1) ->> 'seq' AS seq;
SELECT t.reasons(t.id(3600));
SELECT quire.gc_run(t.id(3600)) ->> 'collected' AS collected;
SELECT quire.verify_snapshot(t.id(3600), snapshot_id) -> 'problems' AS problems FROM quire.list_snapshots(t.id(3600));
SELECT t.error($$SELECT quire.read_project_file(t.id(3600), 'f', 2)$$);
-- a snapshot of what is collected is refused, and nothing of it stays
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(3600), 'tar.zst', 2)$$);
SELECT count(*) FROM quire.list_snapshots(t.id(3600));
-- what is collected cannot be undone to; verification does not call it corrupt
SELECT t.error($$SELECT quire.undo(t.id(3600))$$);
SELECT quire.verify_project(t.id(3600)) -> 'is_sound' AS sound;
SELECT quire.delete_snapshot(t.id(3600), snapshot_id) FROM quire.list_snapshots(t.id(3600));
SELECT t.reasons(t.id(3600));
-- an open job that names it
SELECT quire.begin_job(t.id(3600), 'keep', '1 hour') AS job \gset
SELECT quire.append_job_ops(t.id(3600), :'job', jsonb_build_array(jsonb_build_object('op', 'asset.put', 'filename', 'a', 'media_type', 'a/b',
    'asset_type', 'data', 'content_hash', (SELECT content_hash FROM quire.project_files WHERE project_id = t.id(3600) AND version = 1))));
SELECT t.reasons(t.id(3600));
SELECT quire.gc_run(t.id(3600)) ->> 'collected' AS collected;
SELECT quire.finish_job(t.id(3600), :'job') -> 'ops' -> 0 ->> 'status' AS status;
SELECT quire.delete_asset(t.id(3600), content_hash, 'x') ->> 'status' AS status FROM quire.list_assets(t.id(3600));
SELECT quire.update_project(t.id(3600), '{"settings": {"asset_retention_days": {"data": 0}}}') IS NOT NULL AS updated;
SELECT t.reasons(t.id(3600));
-- an entry in quarantine
\c - postgres
CALL t.spoil($$UPDATE quire_store.blob SET bytes = '\x00' WHERE project_id = t.id(3600) AND size = 1$$);
\c - regress_alice
SELECT quire.verify_project(t.id(3600)) -> 'is_sound' AS sound;
SELECT t.reasons(t.id(3600));
SELECT quire.gc_run(t.id(3600)) ->> 'collected' AS collected;
SELECT quire.discard_quarantined(t.id(3600), quarantine_id, 'nobody has it') ->> 'status' AS status FROM quire.list_quarantine(t.id(3600));
SELECT quire.gc_run(t.id(3600)) ->> 'collected' AS collected;
SELECT t.reasons(t.id(3600));
