//! SQL of entities.

pub mod changes;
pub mod list;
pub mod logged;
mod write;

pub use write::{insert, load_fields, weight};

use crate::db::{self, Arg};
use crate::ids::{ActorId, ConflictId, Pg, ProjectId, Seq};
use pgrx::JsonB;
use quire_core::error::Result;
use quire_core::field::{FieldEdit, FieldState, Fields};
use quire_core::json::JsonValue;
use quire_core::key::{EntityKey, FieldKey};
use std::collections::BTreeSet;

/// A stored value in its canonical form.
pub fn canonical(value: Option<JsonB>) -> Result<Option<JsonValue>> {
    value.map(|json| JsonValue::of(&json.0)).transpose()
}

pub(super) fn key_from_row(row: &db::Row) -> Result<FieldKey> {
    Ok(FieldKey {
        entity: EntityKey { entity_type: row.get("entity_type")?, entity_id: row.get("entity_id")? },
        field: row.get("field")?,
    })
}

fn state_from_row(row: &db::Row) -> Result<(FieldKey, FieldState)> {
    let state = FieldState {
        value: canonical(row.opt("value")?)?,
        seq: row.get("seq")?,
        actor: row.get("actor_id")?,
        conflict: row.opt("conflict_id")?,
    };
    Ok((key_from_row(row)?, state))
}

/// The fields that edits touch: of an entity that is deleted all, else the named ones.
pub fn load(project: ProjectId, edits: &[FieldEdit]) -> Result<Fields> {
    let written: BTreeSet<&FieldKey> = edits
        .iter()
        .filter_map(|edit| match edit {
            FieldEdit::Write { key, .. } => Some(key),
            FieldEdit::Delete { .. } => None,
        })
        .collect();
    let deleted: BTreeSet<&EntityKey> = edits
        .iter()
        .filter_map(|edit| match edit {
            FieldEdit::Delete { entity, .. } => Some(entity),
            FieldEdit::Write { .. } => None,
        })
        .collect();
    let mut fields = load_fields(project, &written.into_iter().collect::<Vec<_>>())?;
    for entity in deleted {
        fields.extend(load_entity(project, entity)?);
    }
    Ok(fields)
}

/// All fields of an entity, tombstones included.
pub fn load_entity(project: ProjectId, entity: &EntityKey) -> Result<Fields> {
    const SQL: &str = "SELECT f.entity_type, f.entity_id, f.field, f.value, f.seq, f.actor_id, f.conflict_id
        FROM quire_store.entity_field f
        WHERE f.project_id = $1 AND f.entity_type = $2 AND f.entity_id = $3";
    let args: [Arg; 3] =
        [project.pg().into(), entity.entity_type.as_str().into(), entity.entity_id.as_str().into()];
    Ok(db::read(SQL, &args, state_from_row)?.into_iter().collect())
}

/// The live fields of project $1 as they were at seq $2, with `$value` of `o.value`.
macro_rules! select_fields_at {
    ($value:literal) => {
        concat!(
            "SELECT e.entity_type, e.entity_id, e.field, ",
            $value,
            " FROM quire_store.entity_field e
            CROSS JOIN LATERAL (
                SELECT p.value FROM quire_store.entity_op p
                WHERE p.project_id = $1 AND p.entity_id = e.entity_id AND p.entity_type = e.entity_type
                  AND p.field = e.field AND p.bundle_seq <= $2
                ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) o
            WHERE e.project_id = $1 AND o.value IS NOT NULL"
        )
    };
}
pub(crate) use select_fields_at;

/// The live fields as they were at a seq, by entity and name.
pub fn fields_at(project: ProjectId, seq: Seq) -> Result<Vec<(FieldKey, JsonValue)>> {
    const SQL: &str = concat!(select_fields_at!("o.value"), " ORDER BY e.entity_type, e.entity_id, e.field");
    db::read(SQL, &[project.pg().into(), seq.pg().into()], |row| {
        Ok((key_from_row(row)?, JsonValue::of(&row.get::<JsonB>("value")?.0)?))
    })
}

/// A recorded conflict.
pub struct Conflict {
    pub id: ConflictId,
    pub key: FieldKey,
    /// Bundle that resolved it.
    pub resolved_seq: Option<Seq>,
}

fn conflict_from_row(row: &db::Row) -> Result<Conflict> {
    Ok(Conflict {
        id: row.get("conflict_id")?,
        key: key_from_row(row)?,
        resolved_seq: row.opt("resolved_seq")?,
    })
}

/// A conflict by its id.
pub fn conflict(project: ProjectId, id: ConflictId) -> Result<Option<Conflict>> {
    const SQL: &str = "SELECT c.conflict_id, c.entity_type, c.entity_id, c.field, c.resolved_seq
        FROM quire_store.conflict c WHERE c.project_id = $1 AND c.conflict_id = $2";
    db::write_one(SQL, &[project.pg().into(), id.pg().into()], conflict_from_row)
}

/// The conflict of a field, open or not.
pub fn conflict_of(project: ProjectId, key: &FieldKey) -> Result<Option<Conflict>> {
    const SQL: &str = "SELECT c.conflict_id, c.entity_type, c.entity_id, c.field, c.resolved_seq
        FROM quire_store.conflict c
        WHERE c.project_id = $1 AND c.entity_type = $2 AND c.entity_id = $3 AND c.field = $4";
    let args: [Arg; 4] = [
        project.pg().into(),
        key.entity.entity_type.as_str().into(),
        key.entity.entity_id.as_str().into(),
        key.field.as_str().into(),
    ];
    db::write_one(SQL, &args, conflict_from_row)
}

/// Opens the conflict of a field, for the first time or again, and marks the field.
pub fn open_conflict(project: ProjectId, id: ConflictId, key: &FieldKey, seq: Seq) -> Result<()> {
    const SQL: &str = "WITH opened AS (
            INSERT INTO quire_store.conflict (project_id, conflict_id, entity_type, entity_id, field, opened_seq)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (project_id, conflict_id) DO UPDATE SET opened_seq = EXCLUDED.opened_seq, resolved_seq = NULL)
        UPDATE quire_store.entity_field SET conflict_id = $2
        WHERE project_id = $1 AND entity_type = $3 AND entity_id = $4 AND field = $5";
    db::exec(SQL, &conflict_args(project, id, key, seq))
}

/// Closes a conflict and unmarks the field.
pub fn close_conflict(project: ProjectId, id: ConflictId, key: &FieldKey, seq: Seq) -> Result<()> {
    const SQL: &str = "WITH closed AS (
            UPDATE quire_store.conflict SET resolved_seq = $6 WHERE project_id = $1 AND conflict_id = $2)
        UPDATE quire_store.entity_field SET conflict_id = NULL
        WHERE project_id = $1 AND entity_type = $3 AND entity_id = $4 AND field = $5";
    db::exec(SQL, &conflict_args(project, id, key, seq))
}

fn conflict_args(project: ProjectId, id: ConflictId, key: &FieldKey, seq: Seq) -> [Arg<'_>; 6] {
    [
        project.pg().into(),
        id.pg().into(),
        key.entity.entity_type.as_str().into(),
        key.entity.entity_id.as_str().into(),
        key.field.as_str().into(),
        seq.pg().into(),
    ]
}

/// Something that happened to a conflict.
pub struct ConflictEvent<'a> {
    /// `opened`, `value`, `resolved` or `reopened`.
    pub event: &'static str,
    pub seq: Seq,
    pub actor: ActorId,
    pub value: Option<&'a JsonValue>,
}

pub fn add_conflict_event(project: ProjectId, id: ConflictId, event: &ConflictEvent) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.conflict_event (project_id, conflict_id, ordinal, event, seq, actor_id, value)
        SELECT $1, $2, COALESCE(max(e.ordinal), 0) + 1, $3, $4, $5, $6::text::jsonb
        FROM quire_store.conflict_event e WHERE e.project_id = $1 AND e.conflict_id = $2";
    let args: [Arg; 6] = [
        project.pg().into(),
        id.pg().into(),
        event.event.into(),
        event.seq.pg().into(),
        event.actor.pg().into(),
        event.value.map(JsonValue::as_str).into(),
    ];
    db::exec(SQL, &args)
}

/// What every actor wanted, the last time that a conflict was open, oldest first.
pub fn conflict_values(project: ProjectId, id: ConflictId) -> Result<Vec<(Seq, ActorId, Option<JsonValue>)>> {
    const SQL: &str = "SELECT v.seq, v.actor_id, v.value
        FROM (SELECT DISTINCT ON (n.actor_id) n.actor_id, n.value, n.seq, n.ordinal
              FROM quire_store.conflict_event n
              WHERE n.project_id = $1 AND n.conflict_id = $2 AND n.event = 'value'
                AND n.ordinal > (SELECT max(s.ordinal) FROM quire_store.conflict_event s
                                 WHERE s.project_id = $1 AND s.conflict_id = $2 AND s.event IN ('opened', 'reopened'))
                -- What resolved it was nobody's wish before.
                AND NOT EXISTS (SELECT FROM quire_store.conflict_event r
                                WHERE r.project_id = $1 AND r.conflict_id = $2 AND r.event = 'resolved' AND r.seq = n.seq)
              ORDER BY n.actor_id, n.ordinal DESC) v
        ORDER BY v.ordinal";
    db::write(SQL, &[project.pg().into(), id.pg().into()], |row| {
        Ok((row.get("seq")?, row.get("actor_id")?, canonical(row.opt("value")?)?))
    })
}

/// A bundle, and those that took back what took it back: they do what it did. There may be very many, and none is older than the bundle,
/// so they are looked for only where a conflict tells of one that is not, in this column.
macro_rules! again {
    ($column:literal) => {
        concat!(
            "WITH RECURSIVE again (seq) AS (
            SELECT $2 WHERE EXISTS (SELECT FROM quire_store.conflict n WHERE n.project_id = $1 AND n.",
            $column,
            " >= $2)
            UNION
            SELECT v.seq
            FROM again a
            JOIN quire_store.bundle u ON u.project_id = $1 AND u.undoes_seq = a.seq
            JOIN quire_store.bundle v ON v.project_id = $1 AND v.undoes_seq = u.seq) "
        )
    };
}

/// The conflicts that a bundle resolved, of fields that nobody else has written before `seq`, which takes the bundle back.
pub fn resolved_by(project: ProjectId, undoes: Seq, seq: Seq) -> Result<Vec<Conflict>> {
    const SQL: &str = concat!(
        again!("resolved_seq"),
        "SELECT c.conflict_id, c.entity_type, c.entity_id, c.field, c.resolved_seq
        FROM quire_store.conflict c
        JOIN LATERAL (
            SELECT * FROM quire_store.entity_field f WHERE f.project_id = $1 AND f.entity_type = c.entity_type
             AND f.entity_id = c.entity_id AND f.field = c.field OFFSET 0) f ON true
        WHERE c.project_id = $1 AND c.resolved_seq IN (SELECT seq FROM again) AND (f.seq <= $2 OR f.seq = $3)"
    );
    db::write(SQL, &[project.pg().into(), undoes.pg().into(), seq.pg().into()], conflict_from_row)
}

/// The conflicts that a bundle opened again by taking their resolution back, of fields that nobody else has written before
/// `seq`, which takes that bundle back; with what the fields are now.
pub fn reopened_by(project: ProjectId, undoes: Seq, seq: Seq) -> Result<Vec<(Conflict, Option<JsonValue>)>> {
    const SQL: &str = concat!(
        again!("opened_seq"),
        "SELECT c.conflict_id, c.entity_type, c.entity_id, c.field, c.resolved_seq, f.value
        FROM quire_store.bundle u
        JOIN quire_store.conflict c ON c.project_id = $1 AND c.opened_seq IN (SELECT seq FROM again)
        JOIN LATERAL (
            SELECT * FROM quire_store.entity_field f WHERE f.project_id = $1 AND f.entity_type = c.entity_type
             AND f.entity_id = c.entity_id AND f.field = c.field OFFSET 0) f ON true
        WHERE u.project_id = $1 AND u.seq = $2 AND c.resolved_seq IS NULL AND (f.seq <= $2 OR f.seq = $3)
          AND EXISTS (SELECT FROM quire_store.conflict_event n
                      WHERE n.project_id = $1 AND n.conflict_id = c.conflict_id
                        AND n.event = 'resolved' AND n.seq = u.undoes_seq)"
    );
    db::write(SQL, &[project.pg().into(), undoes.pg().into(), seq.pg().into()], |row| {
        Ok((conflict_from_row(row)?, canonical(row.opt("value")?)?))
    })
}

/// What a bundle did to a field.
pub struct TouchedField {
    pub key: FieldKey,
    pub before: Option<JsonValue>,
    pub after: Option<JsonValue>,
    pub now: FieldState,
}

/// The fields a bundle touched, by key.
pub fn touched_by(project: ProjectId, seq: Seq) -> Result<Vec<TouchedField>> {
    const SQL: &str = "SELECT e.entity_type, e.entity_id, e.field, e.value, e.seq, e.actor_id, e.conflict_id,
            (SELECT p.value FROM quire_store.entity_op p
             WHERE p.project_id = $1 AND p.entity_id = e.entity_id AND p.entity_type = e.entity_type
               AND p.field = e.field AND p.bundle_seq < $2
             ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) AS before,
            o.value AS after
        FROM (SELECT DISTINCT ON (t.entity_type, t.entity_id, t.field) t.entity_type, t.entity_id, t.field, t.value
              FROM quire_store.entity_op t
              WHERE t.project_id = $1 AND t.bundle_seq = $2
              ORDER BY t.entity_type, t.entity_id, t.field, t.ordinal DESC) o
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.entity_field f
            WHERE f.project_id = $1 AND f.entity_type = o.entity_type AND f.entity_id = o.entity_id
              AND f.field = o.field OFFSET 0) e
        ORDER BY e.entity_type, e.entity_id, e.field";
    db::read(SQL, &[project.pg().into(), seq.pg().into()], |row| {
        let (key, now) = state_from_row(row)?;
        Ok(TouchedField {
            key,
            before: canonical(row.opt("before")?)?,
            after: canonical(row.opt("after")?)?,
            now,
        })
    })
}
