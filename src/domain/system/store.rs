//! SQL of operations that stand in their bundle's row.

use super::System;
use crate::db;
use crate::domain::interface::{Logged, StoredOp};
use crate::ids::{Pg, ProjectId, Seq};
use pgrx::JsonB;
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::op::Op;
use quire_core::quarantine::RowKind;

impl Logged for System {
    fn logged_kind(&self) -> RowKind {
        RowKind::Bundle
    }

    fn logged(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>> {
        const SQL: &str = "SELECT b.seq, b.details -> 'op' AS op, b.details ->> 'op_checksum' AS op_checksum
            FROM quire_store.bundle b
            WHERE b.project_id = $1 AND b.seq > $2 AND b.seq <= $3 AND b.kind = 'system'
            ORDER BY b.seq";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let op = row.opt::<JsonB>("op")?.and_then(|op| Op::parse("op", &op.0).ok());
            let stored = row.opt::<&str>("op_checksum")?.and_then(Hash::from_hex);
            Ok((row.get("seq")?, StoredOp { ordinal: 1, kind: RowKind::Bundle, op, stored }))
        })
    }

    fn repair_op(&self, _project: ProjectId, _seq: Seq, _ordinal: i32, _op: &Op) -> Result<()> {
        Err(Error::internal("an operation of the system is part of its bundle's row"))
    }

    fn repair_op_checksum(&self, project: ProjectId, seq: Seq, ordinal: i32, right: &Hash) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.bundle
            SET details = jsonb_set(details, '{op_checksum}', to_jsonb(encode($4, 'hex')))
            WHERE project_id = $1 AND seq = $2 AND $3 = 1";
        db::exec(
            SQL,
            &[project.pg().into(), seq.pg().into(), ordinal.into(), right.as_bytes().as_slice().into()],
        )
    }
}
