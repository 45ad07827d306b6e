-- One-statement readers of entities and their conflicts.

CREATE FUNCTION quire.list_entities(project_uuid uuid, entity_type text, matching jsonb DEFAULT '{}')
RETURNS TABLE (entity_id text, fields jsonb, seq bigint, updated_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid), quire_store.check_entity_type(entity_type),
           quire_store.check_matching(matching),
           quire_store.refuse_quarantined(project_uuid, '{entity_field}',
               pg_catalog.jsonb_build_object('entity_type', entity_type));
    SELECT e.entity_id,
           pg_catalog.jsonb_object_agg(e.field, e.value) FILTER (WHERE e.value IS NOT NULL),
           max(e.seq),
           max(e.updated_at)
    FROM quire_store.entity_field e
    WHERE e.project_id = list_entities.project_uuid
      AND e.entity_type = list_entities.entity_type
    GROUP BY e.entity_id
    HAVING COALESCE(pg_catalog.jsonb_object_agg(e.field, e.value) FILTER (WHERE e.value IS NOT NULL) @> list_entities.matching, false)
    ORDER BY e.entity_id;
END;

CREATE FUNCTION quire.entity_history(project_uuid uuid, entity_type text, entity_id text, before_seq bigint DEFAULT NULL,
                                     max_changes integer DEFAULT 100)
RETURNS TABLE (seq bigint, op text, field text, value jsonb, is_unset boolean, actor uuid, display_name text, kind text,
               message text, bundle_id uuid, committed_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid), quire_store.check_entity(entity_type, entity_id),
           quire_store.page_size('max_changes', max_changes),
           quire_store.refuse_quarantined(project_uuid, '{field_op}', '{}');
    SELECT o.bundle_seq, o.op, o.field, o.value, o.value IS NULL, u.actor_id, a.display_name, u.kind, u.message,
           u.bundle_id, u.committed_at
    FROM quire_store.entity_op o
    JOIN quire_store.bundle u ON u.project_id = o.project_id AND u.seq = o.bundle_seq
    LEFT JOIN quire_store.actor a ON a.actor_id = u.actor_id
    WHERE o.project_id = entity_history.project_uuid
      AND o.entity_type = entity_history.entity_type
      AND o.entity_id = entity_history.entity_id
      AND (entity_history.before_seq IS NULL OR o.bundle_seq < entity_history.before_seq)
    ORDER BY o.bundle_seq DESC, o.ordinal DESC, o.part
    LIMIT quire_store.page_size('max_changes', entity_history.max_changes);
END;

CREATE FUNCTION quire.entities_at(project_uuid uuid, at_seq bigint)
RETURNS TABLE (entity_type text, entity_id text, fields jsonb, seq bigint)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid), quire_store.seq_at(project_uuid, at_seq, NULL, NULL),
           quire_store.refuse_quarantined(project_uuid, '{field_op}', '{}');
    SELECT e.entity_type,
           e.entity_id,
           pg_catalog.jsonb_object_agg(e.field, o.value) FILTER (WHERE o.value IS NOT NULL),
           max(o.bundle_seq)
    FROM quire_store.entity_field e
    CROSS JOIN LATERAL (
        SELECT p.value, p.bundle_seq
        FROM quire_store.entity_op p
        WHERE p.project_id = e.project_id AND p.entity_id = e.entity_id AND p.entity_type = e.entity_type
          AND p.field = e.field AND p.bundle_seq <= entities_at.at_seq
        ORDER BY p.bundle_seq DESC, p.ordinal DESC
        LIMIT 1) o
    WHERE e.project_id = entities_at.project_uuid
    GROUP BY e.entity_type, e.entity_id
    HAVING count(o.value) > 0
    ORDER BY e.entity_type, e.entity_id;
END;

CREATE FUNCTION quire.explain_entity(project_uuid uuid, entity_type text, entity_id text)
RETURNS TABLE (field text, value jsonb, is_unset boolean, actor uuid, display_name text, seq bigint, bundle_id uuid,
               kind text, message text, committed_at timestamptz, conflict_id uuid)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid), quire_store.check_entity(entity_type, entity_id),
           quire_store.refuse_quarantined(project_uuid, '{entity_field}',
               pg_catalog.jsonb_build_object('entity_type', entity_type, 'entity_id', entity_id));
    SELECT e.field, e.value, e.value IS NULL, e.actor_id, a.display_name, e.seq, u.bundle_id, u.kind, u.message,
           e.updated_at, e.conflict_id
    FROM quire_store.entity_field e
    JOIN quire_store.bundle u ON u.project_id = e.project_id AND u.seq = e.seq
    LEFT JOIN quire_store.actor a ON a.actor_id = e.actor_id
    WHERE e.project_id = explain_entity.project_uuid
      AND e.entity_type = explain_entity.entity_type
      AND e.entity_id = explain_entity.entity_id
    ORDER BY e.field;
END;

CREATE FUNCTION quire.list_conflicts(project_uuid uuid, include_resolved boolean DEFAULT false)
RETURNS TABLE (conflict_id uuid, entity_type text, entity_id text, field text, shown jsonb, "values" jsonb,
               opened_seq bigint, resolved_seq bigint)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid);
    SELECT c.conflict_id,
           c.entity_type,
           c.entity_id,
           c.field,
           e.value,
           -- The last value of each actor since the conflict was opened.
           (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('actor', v.actor_id, 'display_name', a.display_name,
                       'value', v.value, 'is_unset', v.value IS NULL, 'seq', v.seq, 'bundle_id', u.bundle_id)
                       ORDER BY v.ordinal)
            FROM (SELECT DISTINCT ON (n.actor_id) n.actor_id, n.value, n.seq, n.ordinal
                  FROM quire_store.conflict_event n
                  WHERE n.project_id = c.project_id AND n.conflict_id = c.conflict_id AND n.event = 'value'
                    AND n.ordinal > (SELECT max(s.ordinal) FROM quire_store.conflict_event s
                                     WHERE s.project_id = c.project_id AND s.conflict_id = c.conflict_id
                                       AND s.event IN ('opened', 'reopened'))
                  ORDER BY n.actor_id, n.ordinal DESC) v
            LEFT JOIN quire_store.actor a ON a.actor_id = v.actor_id
            LEFT JOIN quire_store.bundle u ON u.project_id = c.project_id AND u.seq = v.seq),
           c.opened_seq,
           c.resolved_seq
    FROM quire_store.conflict c
    LEFT JOIN quire_store.entity_field e ON e.project_id = c.project_id AND e.entity_type = c.entity_type
         AND e.entity_id = c.entity_id AND e.field = c.field
    WHERE c.project_id = list_conflicts.project_uuid
      AND (c.resolved_seq IS NULL OR list_conflicts.include_resolved)
    ORDER BY c.opened_seq, c.entity_type, c.entity_id, c.field;
END;

CREATE FUNCTION quire.conflict_history(project_uuid uuid, conflict_id uuid)
RETURNS TABLE (event text, actor uuid, display_name text, value jsonb, is_unset boolean, seq bigint, bundle_id uuid,
               committed_at timestamptz)
STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql
BEGIN ATOMIC
    SELECT quire_store.readable_project(project_uuid);
    SELECT n.event,
           n.actor_id,
           a.display_name,
           n.value,
           CASE WHEN n.event IN ('value', 'resolved') THEN n.value IS NULL END,
           n.seq,
           u.bundle_id,
           u.committed_at
    FROM quire_store.conflict_event n
    JOIN quire_store.bundle u ON u.project_id = n.project_id AND u.seq = n.seq
    LEFT JOIN quire_store.actor a ON a.actor_id = n.actor_id
    WHERE n.project_id = conflict_history.project_uuid
      AND n.conflict_id = conflict_history.conflict_id
    ORDER BY n.ordinal;
END;
