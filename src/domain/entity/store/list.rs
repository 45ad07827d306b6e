//! SQL of the readers that list entities, changes and conflicts.

use crate::db::Answer;
use crate::gate::store::called;
use crate::ids::{ConflictId, Pg, ProjectId, Seq};
use crate::log::store::mark;
use pgrx::JsonB;
use quire_core::error::Result;
use quire_core::key::EntityKey;
use serde_json::Value;

/// Entities of a type whose fields have these members.
pub fn list_entities(answer: Answer, project: ProjectId, entity_type: &str, matching: Value) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT e.entity_id,
            jsonb_object_agg(e.field, e.value) FILTER (WHERE e.value IS NOT NULL), max(e.seq), max(e.updated_at), ",
        mark!("max(e.seq)"),
        "
        FROM quire_store.entity_field e
        WHERE e.project_id = $1 AND e.entity_type = $2
        GROUP BY e.entity_id
        HAVING COALESCE(jsonb_object_agg(e.field, e.value) FILTER (WHERE e.value IS NOT NULL) @> $3, false)
        ORDER BY e.entity_id"
    );
    answer.fill(SQL, &[project.pg().into(), entity_type.into(), JsonB(matching).into()])
}

/// Changes of an entity, newest first. So many, and what else the bundle of the last one changed.
pub fn entity_history(
    answer: Answer,
    project: ProjectId,
    entity: &EntityKey,
    before: Option<Seq>,
    most: i64,
) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT o.bundle_seq, o.op, o.field, o.value, o.value IS NULL, u.actor_id, ",
        called!("u.actor_id"),
        ", u.kind, u.message, u.bundle_id, u.committed_at
        FROM (SELECT c.* FROM quire_store.entity_field f
              CROSS JOIN LATERAL (
                  SELECT * FROM quire_store.entity_op e
                  WHERE e.project_id = $1 AND e.entity_type = $2 AND e.entity_id = $3 AND e.field = f.field
                    AND e.bundle_seq < COALESCE($4, 9223372036854775807)
                  ORDER BY e.bundle_seq DESC FETCH FIRST $5 ROWS WITH TIES) c
              WHERE f.project_id = $1 AND f.entity_type = $2 AND f.entity_id = $3
              ORDER BY c.bundle_seq DESC FETCH FIRST $5 ROWS WITH TIES) o
        JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = o.bundle_seq OFFSET 0) u ON true
        ORDER BY o.bundle_seq DESC, o.ordinal DESC, o.part"
    );
    let EntityKey { entity_type, entity_id } = entity;
    answer.fill(
        SQL,
        &[
            project.pg().into(),
            entity_type.as_str().into(),
            entity_id.as_str().into(),
            before.map(Pg::pg).into(),
            most.into(),
        ],
    )
}

/// Every entity as it was at a seq.
pub fn entities_at(answer: Answer, project: ProjectId, seq: Seq) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT e.entity_type, e.entity_id,
            jsonb_object_agg(e.field, o.value) FILTER (WHERE o.value IS NOT NULL), max(o.bundle_seq), ",
        mark!("max(o.bundle_seq)"),
        "
        FROM quire_store.entity_field e
        CROSS JOIN LATERAL (
            SELECT p.value, p.bundle_seq
            FROM quire_store.entity_op p
            WHERE p.project_id = $1 AND p.entity_id = e.entity_id AND p.entity_type = e.entity_type
              AND p.field = e.field AND p.bundle_seq <= $2
            ORDER BY p.bundle_seq DESC, p.ordinal DESC
            LIMIT 1) o
        WHERE e.project_id = $1
        GROUP BY e.entity_type, e.entity_id
        HAVING count(o.value) > 0
        ORDER BY e.entity_type, e.entity_id"
    );
    answer.fill(SQL, &[project.pg().into(), seq.pg().into()])
}

/// The fields of an entity and who set them, unset ones included.
pub fn explain_entity(answer: Answer, project: ProjectId, entity: &EntityKey) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT e.field, e.value, e.value IS NULL, e.actor_id, ",
        called!("e.actor_id"),
        ", e.seq, u.bundle_id, u.kind, u.message, e.updated_at, e.conflict_id
        FROM quire_store.entity_field e
        JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = e.seq OFFSET 0) u ON true
        WHERE e.project_id = $1 AND e.entity_type = $2 AND e.entity_id = $3
        ORDER BY e.field"
    );
    let EntityKey { entity_type, entity_id } = entity;
    answer.fill(SQL, &[project.pg().into(), entity_type.as_str().into(), entity_id.as_str().into()])
}

/// Conflicts, each with the last value of each actor since it was opened.
pub fn list_conflicts(answer: Answer, project: ProjectId, include_resolved: bool) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT c.conflict_id, c.entity_type, c.entity_id, c.field, e.value,
            (SELECT jsonb_agg(jsonb_build_object('actor', v.actor_id, 'display_name', ",
        called!("v.actor_id"),
        ", 'value', v.value, 'is_unset', v.value IS NULL, 'seq', v.seq, 'bundle_id', u.bundle_id)
                        ORDER BY v.ordinal)
             FROM (SELECT DISTINCT ON (n.actor_id) n.actor_id, n.value, n.seq, n.ordinal
                   FROM quire_store.conflict_event n
                   WHERE n.project_id = $1 AND n.conflict_id = c.conflict_id AND n.event = 'value'
                     AND n.ordinal > (SELECT max(s.ordinal) FROM quire_store.conflict_event s
                                      WHERE s.project_id = $1 AND s.conflict_id = c.conflict_id
                                        AND s.event IN ('opened', 'reopened'))
                   ORDER BY n.actor_id, n.ordinal DESC) v
             LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = v.seq OFFSET 0) u ON true),
            c.opened_seq, c.resolved_seq
        FROM quire_store.conflict c
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.entity_field e WHERE e.project_id = $1 AND e.entity_type = c.entity_type
             AND e.entity_id = c.entity_id AND e.field = c.field OFFSET 0) e ON true
        WHERE c.project_id = $1 AND (c.resolved_seq IS NULL OR $2)
        ORDER BY c.opened_seq, c.entity_type, c.entity_id, c.field"
    );
    answer.fill(SQL, &[project.pg().into(), include_resolved.into()])
}

/// What happened to a conflict, in order.
pub fn conflict_history(answer: Answer, project: ProjectId, conflict: ConflictId) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT n.event, n.actor_id, ",
        called!("n.actor_id"),
        ", n.value,
            CASE WHEN n.event IN ('value', 'resolved') THEN n.value IS NULL END,
            n.seq, u.bundle_id, u.committed_at
        FROM quire_store.conflict_event n
        JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = n.seq OFFSET 0) u ON true
        WHERE n.project_id = $1 AND n.conflict_id = $2
        ORDER BY n.ordinal"
    );
    answer.fill(SQL, &[project.pg().into(), conflict.pg().into()])
}
