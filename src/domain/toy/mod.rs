//! Toys: texts by their names, built for tests only (feature `toy`): what a new domain takes, in its smallest form.
//!
//! Owns: `toy_op` (one row per operation, never updated), `toy`.
//! Promises: whatever goes through the list of domains works for toys; `tests/domain` tries it.
//! Does not: have functions of its own. Toys are staged, and read from the log.

mod arrival;
mod store;

use crate::domain::copying::Copying;
use crate::domain::incoming::{Arrival, Incoming};
use crate::domain::interface::{Applied, Brought, Describe, Domain, NewBundle, Writing};
use crate::domain::inverse::{InTheWay, Inverting, Why};
use crate::domain::shown::{Changes, Query};
use crate::gate::Access;
use crate::ids::Seq;
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::json::Members;
use quire_core::op::toy::{self, TOY_UPDATE, ToyEdit, ToyOp};
use quire_core::op::{Edit, Op, Outcome, State, Topic};
use quire_core::undo::{UndoVerdict, judge};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The domain.
pub struct Toys;

impl Domain for Toys {
    fn ops(&self) -> &'static [&'static str] {
        &ToyOp::NAMES
    }

    fn stage(&self, _access: &Access, op: &str, mut members: Members) -> Result<(Edit, Option<Brought>)> {
        let edit = ToyOp::parse(op, &mut members)?.map(|op| Edit::Toy(ToyEdit(op)));
        members.finish()?;
        Ok((edit.ok_or_else(|| quire_core::error::Error::internal("this is no operation on a toy"))?, None))
    }

    fn again(&self, op: &Op, _describe: &Describe) -> Result<Option<Edit>> {
        Ok(match op {
            Op::Toy(op) => Some(Edit::Toy(ToyEdit(op.clone()))),
            _ => None,
        })
    }

    fn check_sizes(&self, _writing: &Writing, _edits: &[Edit]) -> Result<()> {
        Ok(())
    }

    fn apply(&self, writing: &Writing, edits: Vec<Edit>) -> Result<Box<dyn Applied>> {
        let own = |edit| match edit {
            Edit::Toy(edit) => Some(edit),
            _ => None,
        };
        let mut toys = store::current(writing.access.project)?;
        let applied = toy::apply(&mut toys, edits.into_iter().filter_map(own).collect())?;
        Ok(Box::new(Changed { applied, ops_before: writing.ops_before }))
    }

    fn arrive<'a>(&self, incoming: &'a Incoming<'a>) -> Result<Option<Box<dyn Arrival + 'a>>> {
        arrival::arrive(incoming).map(Some)
    }

    fn changes(&self, query: &Query, up_to: Seq) -> Result<Option<Box<dyn Changes>>> {
        let mut shown = Shown { is_wanted: query.filter.wants_pathless(), ops: BTreeMap::new() };
        for (seq, _, op) in store::ops(query.project, query.after, up_to)? {
            shown.ops.entry(seq).or_default().extend(op);
        }
        Ok(Some(Box::new(shown)))
    }

    fn copy(&self, copying: &mut Copying) -> Result<()> {
        if copying.selection.is_some() {
            return Ok(());
        }
        let mut state = State::default();
        store::add_state_at(copying.from, copying.seq, &mut state)?;
        let ops = state.toys.iter().map(|(toy, text)| ToyOp::making(toy, Some(text)));
        copying.edits.extend(ops.map(|op| Edit::Toy(ToyEdit(op))));
        Ok(())
    }

    fn invert(&self, inverting: &Inverting, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
        let touched = store::touched_by(inverting.access.project, inverting.seq)?;
        if !touched.is_empty() {
            inverting.refuse_corrupt(Topic::Toy)?;
        }
        let mut found = Vec::new();
        for store::Touched { toy, before, after, now, seq } in touched {
            match judge(&before, &after, &now) {
                UndoVerdict::Nothing => {}
                UndoVerdict::Restore => edits.push(Edit::Toy(ToyEdit(ToyOp::making(&toy, before.as_ref())))),
                UndoVerdict::Conflict => {
                    let why = Why::Changed { seq, action: format!("changed toy {toy}") };
                    found.push(InTheWay {
                        key: json!({"toy": toy}),
                        part_of: None,
                        why,
                        is_recordable: false,
                    });
                }
            }
        }
        Ok(found)
    }
}

/// What edits do to toys, on its way into the tables.
struct Changed {
    applied: toy::Applied,
    ops_before: usize,
}

impl Applied for Changed {
    fn op_checksums(&self) -> &[Hash] {
        &self.applied.op_checksums
    }

    fn take_outcomes(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.applied.outcomes).into_iter().map(Outcome::Toy).collect()
    }

    fn event(&self) -> Option<&'static str> {
        (!self.applied.ops.is_empty()).then_some(TOY_UPDATE)
    }

    fn finish(&self, bundle: &NewBundle) -> Result<()> {
        let ops = self.applied.ops.iter().zip(&self.applied.op_checksums);
        for ((op, checksum), ordinal) in ops.zip(self.ops_before + 1..) {
            store::insert(bundle.project, bundle.head.seq, ordinal as i32, op, checksum)?;
        }
        Ok(())
    }
}

/// Changed toys, by bundle.
struct Shown {
    is_wanted: bool,
    ops: BTreeMap<Seq, Vec<ToyOp>>,
}

impl Changes for Shown {
    fn event(&self, seq: Seq) -> Option<&'static str> {
        self.ops.contains_key(&seq).then_some(TOY_UPDATE)
    }

    fn describe(&mut self, seq: Seq, _event: &str, payload: &mut Map<String, Value>) -> bool {
        let Some(ops) = self.ops.remove(&seq).filter(|_| self.is_wanted) else { return false };
        let toys: Value = ops.iter().map(|op| json!({"toy": op.toy(), "text": op.text()})).collect();
        payload.insert("toys".into(), toys);
        true
    }
}
