-- One-statement readers of assets.

CREATE FUNCTION quire.list_assets(project_uuid uuid, asset_type text DEFAULT NULL)
RETURNS TABLE (content_hash text, filename text, media_type text, asset_type text, size bigint, seq bigint, actor uuid,
               updated_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid), quire_store.check_asset_type(asset_type),
           quire_store.refuse_quarantined(project_uuid, '{asset}', '{}');
    SELECT pg_catalog.encode(a.content_hash, 'hex'), a.filename, a.media_type, a.asset_type, a.size, a.seq, a.actor_id,
           a.updated_at
    FROM quire_store.asset a
    WHERE a.project_id = list_assets.project_uuid
      AND NOT a.is_deleted
      AND (list_assets.asset_type IS NULL OR a.asset_type = list_assets.asset_type)
    ORDER BY a.asset_type COLLATE "C", a.filename COLLATE "C", a.content_hash;
END;
