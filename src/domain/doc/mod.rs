//! Documents: Automerge changes, and what they make of a document.
//!
//! Owns: `doc_op` (one row per operation, never updated), `doc_change` (one row per change, never updated), `doc_pack` (old ones
//! of them), `doc_head`; `doc_storage`, `doc_schema` and `doc_binding`, which are no part of the log.
//! Promises: a change is stored as it came, once, and after those it depends on; heads say which changes a document has, here and in
//! every other database; writing to a document with a long history does not load it, unless it is bound to a schema, which it satisfies
//! after every write of somebody here.
//! Does not: know who typed what it is given, or resolve what people wrote at once: Automerge has decided that. Delete a change.

mod apply;
mod arrival;
pub mod binding;
pub mod cache;
mod copying;
mod inverse;
pub mod merging;
pub mod past;
pub mod schema;
mod server;
mod shown;
pub mod snapshot;
pub mod store;

pub use apply::{AppliedDocs, apply as trial, is_of_an_edit, judge};
pub use server::{empty_change, seconds_now, server_actor};

use crate::domain::copying::Copying;
use crate::domain::incoming::{Arrival, Incoming};
use crate::domain::interface::{Applied, Brought, Describe, Domain, Writing};
use crate::domain::inverse::{InTheWay, Inverting};
use crate::domain::shown::{Changes, Query};
use crate::gate::Access;
use crate::guc;
use crate::ids::Seq;
use quire_core::doc::DocLimits;
use quire_core::error::Result;
use quire_core::json::Members;
use quire_core::key::DocKey;
use quire_core::op::{DocEdit, DocOp, DocOutcome, Edit, Op, Outcome};

/// What documents of a project may take. A change travels in an operation, so the settings allow no more than an operation may have.
pub fn limits() -> DocLimits {
    guc::doc_limits().within(&DocLimits::LARGEST)
}

/// The domain.
pub struct Docs;

impl Domain for Docs {
    fn ops(&self) -> &'static [&'static str] {
        &DocOp::NAMES
    }

    fn stage(&self, _access: &Access, op: &str, members: Members) -> Result<(Edit, Option<Brought>)> {
        Ok((Edit::Doc(DocEdit::parse(op, members, &limits())?), None))
    }

    fn again(&self, op: &Op, _describe: &Describe) -> Result<Option<Edit>> {
        Ok(match op {
            Op::Doc(op) => Some(Edit::Doc(DocEdit::again(op))),
            _ => None,
        })
    }

    /// A document's size is known when its changes are counted.
    fn check_sizes(&self, _writing: &Writing, _edits: &[Edit]) -> Result<()> {
        Ok(())
    }

    fn require(&self, access: &Access, edits: &[Edit]) -> Result<()> {
        let keys = edits.iter().filter_map(|edit| match edit {
            Edit::Doc(edit) => Some(edit.key()),
            _ => None,
        });
        access.require_docs(keys)
    }

    fn require_outcomes(&self, access: &Access, outcomes: &[Outcome]) -> Result<()> {
        let keys: Vec<DocKey> = outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::Doc(DocOutcome { branch, doc, .. }) => {
                    Some(DocKey { branch: branch.clone(), doc: doc.clone() })
                }
                _ => None,
            })
            .collect();
        access.require_docs(keys.iter())
    }

    fn apply(&self, writing: &Writing, edits: Vec<Edit>) -> Result<Box<dyn Applied>> {
        let own = |edit| match edit {
            Edit::Doc(edit) => Some(edit),
            _ => None,
        };
        Ok(Box::new(apply::apply(writing, edits.into_iter().filter_map(own).collect())?))
    }

    fn arrive<'a>(&self, incoming: &'a Incoming<'a>) -> Result<Option<Box<dyn Arrival + 'a>>> {
        Ok(Some(arrival::arrive(incoming)))
    }

    fn changes(&self, query: &Query, up_to: Seq) -> Result<Option<Box<dyn Changes>>> {
        shown::read(query, up_to).map(Some)
    }

    fn copy(&self, copying: &mut Copying) -> Result<()> {
        copying::copy(copying)
    }

    fn invert(&self, inverting: &Inverting, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
        inverse::invert(inverting, edits)
    }
}
