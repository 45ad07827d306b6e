//! SQL of what the log tells, and of verification and repair: what the rows of entities tell, what does not follow, and how it is written again.

use super::{canonical, key_from_row, select_fields_at};
use crate::db::{self, Arg, Row};
use crate::domain::entity::Entities;
use crate::domain::interface::{Logged, StoredOp, Stray, Written, found, key_text};
use crate::ids::{Pg, ProjectId, Seq};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::json::{JsonValue, inexact_number};
use quire_core::key::{EntityKey, FieldKey};
use quire_core::op::{Change, FieldOp, Op, State, Topic, Write};
use quire_core::quarantine::RowKind;
use serde_json::{Value, json};

impl Logged for Entities {
    fn logged_kind(&self) -> RowKind {
        RowKind::Logged(Topic::Field)
    }

    fn logged(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>> {
        const SQL: &str =
            "SELECT o.bundle_seq, o.ordinal, o.op, o.entity_type, o.entity_id, o.field, o.value::text, o.op_checksum
            FROM quire_store.entity_op o
            WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3 AND o.part = 1
            ORDER BY o.bundle_seq, o.ordinal";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let op = op_from_row(row)?.map(Op::Field);
            let stored = row.hash_if_any("op_checksum")?;
            Ok((
                row.get("bundle_seq")?,
                StoredOp { ordinal: row.get("ordinal")?, kind: RowKind::Logged(Topic::Field), op, stored },
            ))
        })
    }

    fn written(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<Written>> {
        const SQL: &str = "SELECT o.bundle_seq, o.ordinal, b.bundle_id, o.entity_type, o.entity_id, o.field, o.value
            FROM quire_store.entity_op o
            LEFT JOIN LATERAL (
                SELECT p.bundle_seq FROM quire_store.entity_op p
                WHERE p.project_id = $1 AND p.entity_id = o.entity_id AND p.entity_type = o.entity_type
                  AND p.field = o.field AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
                ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p ON true
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
            WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
            ORDER BY o.bundle_seq, o.ordinal, o.part";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let change = Change::Field(key_from_row(row)?, canonical(row.opt("value")?)?);
            let base = row.opt("bundle_id")?;
            Ok(Written {
                seq: row.get("bundle_seq")?,
                ordinal: row.get("ordinal")?,
                write: Write { change, base },
            })
        })
    }

    fn add_state_at(&self, project: ProjectId, seq: Seq, state: &mut State) -> Result<()> {
        const SQL: &str = select_fields_at!("o.value::text");
        state.fields.extend(db::read(SQL, &[project.pg().into(), seq.pg().into()], field_from_row)?);
        Ok(())
    }

    fn add_current_state(&self, project: ProjectId, state: &mut State) -> Result<()> {
        const SQL: &str = "SELECT e.entity_type, e.entity_id, e.field, e.value::text
            FROM quire_store.entity_field e WHERE e.project_id = $1 AND e.value IS NOT NULL";
        state.fields.extend(db::read(SQL, &[project.pg().into()], field_from_row)?);
        Ok(())
    }

    /// Fields that are not what their newest operation says.
    fn strays(&self, project: ProjectId) -> Result<Vec<Stray>> {
        const SQL: &str =
            "SELECT e.entity_type, e.entity_id, e.field, p.bundle_seq, e::text AS found FROM quire_store.entity_field e
            LEFT JOIN LATERAL (
                SELECT o.value, o.bundle_seq FROM quire_store.entity_op o
                WHERE o.project_id = $1 AND o.entity_id = e.entity_id AND o.entity_type = e.entity_type
                  AND o.field = e.field
                ORDER BY o.bundle_seq DESC, o.ordinal DESC LIMIT 1) p ON true
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
            WHERE e.project_id = $1
              AND (p.value, p.bundle_seq, b.actor_id, b.committed_at)
                  IS DISTINCT FROM (e.value, e.seq, e.actor_id, e.updated_at)
            ORDER BY e.entity_type, e.entity_id, e.field";
        db::read(SQL, &[project.pg().into()], |row| {
            let key = key_from_row(row)?;
            Ok(Stray {
                kind: RowKind::Current(Topic::Field),
                description: format!("{key} is not what its newest operation says"),
                key: json!(key),
                seq: row.opt("bundle_seq")?,
                found: found(row)?,
            })
        })
    }

    fn repair_op(&self, project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.entity_op
            SET op = $4, entity_type = $5, entity_id = $6, field = COALESCE($7, field), value = $8::text::jsonb,
                size = COALESCE(octet_length($8::text), 0)
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3 AND part = 1";
        let Op::Field(op) = op else { return Err(Error::internal("this is no operation on fields")) };
        let (entity, field, value) = match op {
            FieldOp::Set { key, value } => (&key.entity, Some(&key.field), Some(value)),
            FieldOp::Unset { key } => (&key.entity, Some(&key.field), None),
            FieldOp::DeleteEntity { entity } => (entity, None, None),
        };
        let args: [Arg; 8] = [
            project.pg().into(),
            seq.pg().into(),
            ordinal.into(),
            op.name().into(),
            entity.entity_type.as_str().into(),
            entity.entity_id.as_str().into(),
            field.map(String::as_str).into(),
            value.map(JsonValue::as_str).into(),
        ];
        db::exec(SQL, &args)
    }

    fn repair_op_checksum(&self, project: ProjectId, seq: Seq, ordinal: i32, right: &Hash) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.entity_op SET op_checksum = $4
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3 AND part = 1";
        db::exec(
            SQL,
            &[project.pg().into(), seq.pg().into(), ordinal.into(), right.as_bytes().as_slice().into()],
        )
    }

    /// Makes a field what its newest operation says; `false` when there is none.
    fn repair_current(&self, project: ProjectId, key: &Value) -> Result<bool> {
        const SQL: &str = "INSERT INTO quire_store.entity_field AS e (project_id, entity_type, entity_id, field, value, seq,
                actor_id, updated_at, size)
            SELECT $1, o.entity_type, o.entity_id, o.field, o.value, o.bundle_seq, b.actor_id, b.committed_at, o.size
            FROM quire_store.entity_op o
            JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = o.bundle_seq OFFSET 0) b ON true
            WHERE o.project_id = $1 AND o.entity_type = $2 AND o.entity_id = $3 AND o.field = $4
            ORDER BY o.bundle_seq DESC, o.ordinal DESC LIMIT 1
            ON CONFLICT (project_id, entity_type, entity_id, field) DO UPDATE
            SET value = EXCLUDED.value, seq = EXCLUDED.seq, actor_id = EXCLUDED.actor_id, updated_at = EXCLUDED.updated_at,
                size = EXCLUDED.size
            RETURNING true";
        let args: [Arg; 4] = [
            project.pg().into(),
            key_text(key, "entity_type")?.into(),
            key_text(key, "entity_id")?.into(),
            key_text(key, "field")?.into(),
        ];
        db::writes(SQL, &args)
    }

    fn delete_logged(&self, project: ProjectId) -> Result<()> {
        db::exec("DELETE FROM quire_store.entity_op WHERE project_id = $1", &[project.pg().into()])
    }
}

fn op_from_row(row: &Row) -> Result<Option<FieldOp>> {
    let entity = EntityKey { entity_type: row.get("entity_type")?, entity_id: row.get("entity_id")? };
    let Ok(value) = row.opt::<&str>("value")?.map(stored_value).transpose() else { return Ok(None) };
    Ok(match (row.get::<&str>("op")?, value) {
        ("entity.delete", None) => Some(FieldOp::DeleteEntity { entity }),
        ("field.set", Some(value)) => {
            Some(FieldOp::Set { key: FieldKey { entity, field: row.get("field")? }, value })
        }
        ("field.unset", None) => Some(FieldOp::Unset { key: FieldKey { entity, field: row.get("field")? } }),
        _ => None,
    })
}

/// A value as PostgreSQL prints it, in canonical form; an error when it is one that was never accepted.
fn stored_value(text: &str) -> Result<JsonValue> {
    match (inexact_number(text), serde_json::from_str(text)) {
        (None, Ok(value)) => JsonValue::of(&value),
        _ => Err(Error::internal("a stored value cannot be read")),
    }
}

fn field_from_row(row: &Row) -> Result<(FieldKey, JsonValue)> {
    let value = stored_value(row.get("value")?).or_else(|_| JsonValue::of(&json!({"unreadable": true})))?;
    Ok((key_from_row(row)?, value))
}
