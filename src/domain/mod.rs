//! Domains: what operations are about. This is the only list of them.

pub mod asset;
pub mod branch;
pub mod copying;
pub mod doc;
pub mod entity;
pub mod file;
pub mod incoming;
pub mod interface;
pub mod inverse;
pub mod shown;
mod system;
#[cfg(feature = "toy")]
mod toy;

use crate::ids::{ProjectId, Seq};
use interface::{Describe, Domain, StoredOp, Written};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::op::{Edit, Op, State, Write};
use quire_core::quarantine::RowKind;
use std::collections::{BTreeSet, HashMap};

/// All of them, in the order in which their operations stand in a bundle.
pub const DOMAINS: &[&dyn Domain] = &[
    &file::Files,
    &entity::Entities,
    &asset::Assets,
    &doc::Docs,
    &branch::Branches,
    #[cfg(feature = "toy")]
    &toy::Toys,
    &system::System,
];

/// Whose rows these are.
pub fn of(kind: RowKind) -> Result<&'static dyn Domain> {
    let is_of = |domain: &&&dyn Domain| match (kind, domain.logged_kind()) {
        (RowKind::Current(topic), RowKind::Logged(own)) => topic == own,
        (kind, own) => kind == own,
    };
    DOMAINS.iter().find(is_of).copied().ok_or_else(|| Error::internal("a row belongs to no domain"))
}

/// What does again what was logged; `None` when that changed no content.
pub fn again(op: &Op, describe: &Describe) -> Result<Option<Edit>> {
    for domain in DOMAINS {
        if let Some(edit) = domain.again(op, describe)? {
            return Ok(Some(edit));
        }
    }
    Ok(None)
}

/// The operations of every domain after a seq and up to another, in log order.
pub fn logged(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>> {
    let mut ops = Vec::new();
    for domain in DOMAINS {
        ops.extend(domain.logged(project, after, up_to)?);
    }
    ops.sort_by_key(|(seq, op)| (*seq, op.ordinal));
    Ok(ops)
}

/// What operations of every domain after a seq and up to another wrote, by seq and ordinal.
pub fn written(project: ProjectId, after: Seq, up_to: Seq) -> Result<HashMap<(Seq, i32), Vec<Write>>> {
    let mut written: HashMap<(Seq, i32), Vec<Write>> = HashMap::new();
    for domain in DOMAINS {
        for Written { seq, ordinal, write } in domain.written(project, after, up_to)? {
            written.entry((seq, ordinal)).or_default().push(write);
        }
    }
    Ok(written)
}

/// What a project's tables show at a seq.
pub fn state_at(project: ProjectId, seq: Seq) -> Result<State> {
    let mut state = State::default();
    DOMAINS.iter().try_for_each(|domain| domain.add_state_at(project, seq, &mut state))?;
    Ok(state)
}

/// What a project's tables of current state show.
pub fn current_state(project: ProjectId) -> Result<State> {
    let mut state = State::default();
    DOMAINS.iter().try_for_each(|domain| domain.add_current_state(project, &mut state))?;
    Ok(state)
}

/// Contents that rows of a project name and the blob store does not have.
pub fn missing_contents(project: ProjectId) -> Result<BTreeSet<Hash>> {
    let mut missing = BTreeSet::new();
    for domain in DOMAINS {
        missing.extend(domain.missing_contents(project)?);
    }
    Ok(missing)
}

/// The bytes of a content, as the first row tells that names it.
pub fn size_of(project: ProjectId, content: &Hash) -> Result<Option<i64>> {
    for domain in DOMAINS {
        if let Some(size) = domain.size_of(project, content)? {
            return Ok(Some(size));
        }
    }
    Ok(None)
}
