-- Looking into the log.

CREATE FUNCTION quire.search_ops(project_uuid uuid, filter jsonb DEFAULT '{}', max_ops integer DEFAULT 100)
RETURNS TABLE (seq bigint, ordinal integer, op text, target text, actor uuid, display_name text, kind text, message text,
               bundle_id uuid, before jsonb, after jsonb, checksum text, committed_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid), quire_store.check_op_filter(filter),
           quire_store.page_size('max_ops', max_ops),
           quire_store.refuse_quarantined(project_uuid, '{bundle,file_op,field_op,asset_op}', '{}');
    SELECT o.seq, o.ordinal, o.op, o.target, o.actor, a.display_name, u.kind, u.message, u.bundle_id, o.before, o.after,
           o.checksum, o.committed_at
    FROM quire.oplog o
    JOIN quire_store.bundle u ON u.project_id = o.project_id AND u.seq = o.seq
    LEFT JOIN quire_store.actor a ON a.actor_id = o.actor
    WHERE o.project_id = search_ops.project_uuid
      AND (search_ops.filter ->> 'op' IS NULL OR o.op = search_ops.filter ->> 'op')
      AND (search_ops.filter ->> 'kind' IS NULL OR u.kind = search_ops.filter ->> 'kind')
      AND (search_ops.filter ->> 'actor' IS NULL OR o.actor = (search_ops.filter ->> 'actor')::uuid)
      AND (search_ops.filter ->> 'target' IS NULL OR o.target = search_ops.filter ->> 'target')
      AND (search_ops.filter ->> 'target_prefix' IS NULL
           OR pg_catalog.starts_with(o.target, search_ops.filter ->> 'target_prefix'))
      AND (search_ops.filter ->> 'entity_type' IS NULL
           OR o.entity ->> 'entity_type' = search_ops.filter ->> 'entity_type')
      AND (search_ops.filter ->> 'entity_id' IS NULL OR o.entity ->> 'entity_id' = search_ops.filter ->> 'entity_id')
      AND (search_ops.filter ->> 'field' IS NULL OR o.entity ->> 'field' = search_ops.filter ->> 'field')
      AND (search_ops.filter ->> 'after_seq' IS NULL OR o.seq > (search_ops.filter ->> 'after_seq')::bigint)
      AND (search_ops.filter ->> 'before_seq' IS NULL OR o.seq < (search_ops.filter ->> 'before_seq')::bigint)
      AND (search_ops.filter ->> 'since' IS NULL OR o.committed_at >= (search_ops.filter ->> 'since')::timestamptz)
      AND (search_ops.filter ->> 'until' IS NULL OR o.committed_at < (search_ops.filter ->> 'until')::timestamptz)
      AND (search_ops.filter ->> 'message' IS NULL OR pg_catalog.strpos(u.message, search_ops.filter ->> 'message') > 0)
    ORDER BY o.seq DESC, o.ordinal DESC
    LIMIT quire_store.page_size('max_ops', search_ops.max_ops);
END;
