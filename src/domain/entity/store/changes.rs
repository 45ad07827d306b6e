//! SQL of what bundles changed, for their events.

use crate::db::{self, Arg};
use crate::ids::{Pg, ProjectId, Seq};
use pgrx::JsonB;
use quire_core::error::Result;
use quire_core::event::FieldChange;
use std::collections::BTreeMap;

/// Bytes of the field values that each bundle after a seq and up to another wrote; of those that wrote any.
pub fn field_bytes(project: ProjectId, after: Seq, up_to: Seq) -> Result<BTreeMap<Seq, i64>> {
    const SQL: &str = "SELECT o.bundle_seq, sum(o.size) AS bytes FROM quire_store.entity_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        GROUP BY o.bundle_seq";
    let args: [Arg; 3] = [project.pg().into(), after.pg().into(), up_to.pg().into()];
    Ok(db::read(SQL, &args, |row| Ok((row.get("bundle_seq")?, row.get("bytes")?)))?.into_iter().collect())
}

/// Changes of fields after a seq and up to another, in log order.
pub fn field_changes(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, FieldChange)>> {
    const SQL: &str = "SELECT o.bundle_seq, o.op, o.entity_type, o.entity_id, o.field, o.value
        FROM quire_store.entity_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        ORDER BY o.bundle_seq, o.ordinal, o.part";
    db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
        let change = FieldChange {
            op: row.get("op")?,
            entity_type: row.get("entity_type")?,
            entity_id: row.get("entity_id")?,
            field: row.get("field")?,
            value: row.opt::<JsonB>("value")?.map(|value| value.0),
        };
        Ok((row.get("bundle_seq")?, change))
    })
}
