-- Row level security: defence in depth, and what the security_invoker views rely on. The functions work with the rights of
-- the tables' owner, to whom it does not apply, and pass the gate instead.

SET LOCAL search_path TO pg_catalog, pg_temp;

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY[
        'project',
        'project_head',
        'project_member',
        'departure',
        'blob',
        'blob_chunk',
        'bundle',
        'request',
        'rate_bucket',
        'file_head',
        'project_files',
        'project_tag',
        'entity_op',
        'entity_field',
        'conflict',
        'conflict_event',
        'asset_op',
        'asset',
        'upload',
        'upload_piece',
        'gc_round',
        'gc_candidate',
        'quarantine',
        'peer',
        'peer_bundle',
        'peer_stamp',
        'subscription',
        'channel',
        'sink_failure',
        'token',
        'token_revocation',
        'token_use',
        'snapshot',
        'snapshot_chunk',
        'job',
        'job_op'] LOOP
        EXECUTE pg_catalog.format('ALTER TABLE quire_store.%I ENABLE ROW LEVEL SECURITY', table_name);
        -- The array is computed once per query, never per row.
        EXECUTE pg_catalog.format(
            'CREATE POLICY readable ON quire_store.%I FOR SELECT
             USING (project_id = ANY ((SELECT quire_store.readable_projects())::uuid[]))', table_name);
    END LOOP;
END
$$;
ALTER TABLE quire_store.actor ENABLE ROW LEVEL SECURITY;

SET LOCAL search_path TO quire, pg_temp;
