//! What a write of fields finds and stores, row by row.

use super::{canonical, state_from_row};
use crate::db::clock::to_pg;
use crate::db::rows::{Column, Name, Rows, Sight, again};
use crate::db::{self, Arg};
use crate::ids::{ActorId, Pg, ProjectId};
use crate::jsonb::JsonText;
use crate::log::LockedHead;
use quire_core::error::Result;
use quire_core::field::{self, Fields, LEAST_WEIGHT, NewField};
use quire_core::interrupt;
use quire_core::key::{EntityKey, FieldKey, of_entity};
use std::collections::{HashMap, HashSet};

static OPS: Name = Name::of(c"entity_op", 11);
static FIELDS: Name = Name::of(c"entity_field", 10);

/// Rows after which the memory that their values took is given back.
const BATCH_ROWS: usize = 100;

/// Some fields, by key.
pub fn load_fields(project: ProjectId, keys: &[&FieldKey]) -> Result<Fields> {
    const COLUMNS: &str = "entity_type, entity_id, field, value, seq, actor_id, conflict_id";
    let mut fields = Fields::new();
    let rows = Rows::begin();
    for key in keys {
        interrupt::check()?;
        let found = db::in_passing(|| {
            rows.find(&FIELDS, Sight::Statement, &key_of(project, key), COLUMNS, |row| {
                state_from_row(row).map(Some)
            })
        })?;
        fields.extend(found);
    }
    Ok(fields)
}

/// What an entity weighs without some of its fields.
pub fn weight(project: ProjectId, entity: &EntityKey, without: &Fields) -> Result<i64> {
    let key = entity_key_of(project, entity);
    let without: HashSet<&str> = of_entity(without, entity).map(|(key, _)| key.field.as_str()).collect();
    let mut sum = 0;
    Rows::begin().find(&FIELDS, Sight::Statement, &key, "field, value, size", |row| {
        if !without.contains(row.get::<&str>("field")?) {
            sum += match (row.opt::<i32>("size")?, row.has("value")?) {
                (_, false) => 0,
                (Some(size), true) => LEAST_WEIGHT.max(size.into()),
                (None, true) => canonical(row.opt("value")?)?.as_ref().map_or(0, field::weight),
            };
        }
        Ok(None::<()>)
    })?;
    Ok(sum)
}

/// Stores rows of the log and moves the fields to them.
pub fn insert(
    rows: &Rows,
    project: ProjectId,
    by: ActorId,
    bundle: &LockedHead,
    changes: &[NewField],
) -> Result<()> {
    let newest: HashMap<&FieldKey, &NewField> = changes.iter().map(|change| (&change.key, change)).collect();
    changes.chunks(BATCH_ROWS).try_for_each(|batch| {
        interrupt::check()?;
        db::in_passing(|| {
            batch.iter().try_for_each(|change| {
                let value: Arg = json(change).into();
                insert_op(rows, project, bundle, change, &value)?;
                match newest.get(&change.key).is_some_and(|newest| std::ptr::eq(*newest, change)) {
                    true => move_field(rows, project, by, bundle, change, &value),
                    false => Ok(()),
                }
            })
        })
    })
}

fn insert_op(
    rows: &Rows,
    project: ProjectId,
    bundle: &LockedHead,
    change: &NewField,
    value: &Arg,
) -> Result<()> {
    let values: [Column; 11] = [
        ("project_id", project.pg().into()),
        ("bundle_seq", bundle.seq.pg().into()),
        ("ordinal", change.ordinal.into()),
        ("part", change.part.into()),
        ("op", change.op.into()),
        ("entity_type", change.key.entity.entity_type.as_str().into()),
        ("entity_id", change.key.entity.entity_id.as_str().into()),
        ("field", change.key.field.as_str().into()),
        ("value", again(value)),
        ("size", size(change).into()),
        ("op_checksum", change.op_checksum.as_ref().map(|hash| hash.as_bytes().as_slice()).into()),
    ];
    rows.insert(&OPS, &values)
}

fn move_field(
    rows: &Rows,
    project: ProjectId,
    by: ActorId,
    bundle: &LockedHead,
    change: &NewField,
    value: &Arg,
) -> Result<()> {
    let values: [Column; 5] = [
        ("value", again(value)),
        ("seq", bundle.seq.pg().into()),
        ("actor_id", by.pg().into()),
        ("updated_at", to_pg(bundle.committed_at)?.into()),
        ("size", size(change).into()),
    ];
    let key = key_of(project, &change.key);
    if rows.update(&FIELDS, &key, &values)? {
        return Ok(());
    }
    let in_conflict: Column = ("conflict_id", None::<pgrx::Uuid>.into());
    rows.insert(&FIELDS, &key.into_iter().chain(values).chain([in_conflict]).collect::<Vec<_>>())
}

fn entity_key_of(project: ProjectId, entity: &EntityKey) -> [Column<'_>; 3] {
    [
        ("project_id", project.pg().into()),
        ("entity_type", entity.entity_type.as_str().into()),
        ("entity_id", entity.entity_id.as_str().into()),
    ]
}

fn key_of(project: ProjectId, key: &FieldKey) -> [Column<'_>; 4] {
    let [project, entity_type, entity_id] = entity_key_of(project, &key.entity);
    [project, entity_type, entity_id, ("field", key.field.as_str().into())]
}

fn json(change: &NewField) -> Option<JsonText<'_>> {
    change.value.as_ref().map(|value| JsonText(value.as_str()))
}

/// Bytes of the value's canonical form, which are at most a megabyte.
fn size(change: &NewField) -> i32 {
    change.value.as_ref().map_or(0, |value| value.as_str().len()) as i32
}
