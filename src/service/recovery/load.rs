//! The log as rows tell it, with the checksums computed anew.

use super::store;
use crate::domain;
use crate::domain::interface::StoredOp;
use crate::ids::{ProjectId, Seq};
use quire_core::audit::{LoggedBundle, LoggedOp};
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::op::Op;
use std::collections::BTreeMap;

/// How many bundles are looked at, at once.
const BUNDLES_AT_ONCE: i64 = 1000;

/// A bundle with its operations, as far as the rows make any.
pub struct LoadedBundle {
    pub logged: LoggedBundle,
    pub ops: Vec<StoredOp>,
}

/// Hands every bundle up to a seq to `each`, in order.
pub fn bundles(
    project: ProjectId,
    up_to: Seq,
    mut each: impl FnMut(LoadedBundle) -> Result<()>,
) -> Result<()> {
    let mut after = Seq::ZERO;
    while after < up_to {
        pgrx::check_for_interrupts!();
        let last = after.plus(BUNDLES_AT_ONCE).min(up_to);
        let batch = batch(project, after, last)?;
        // A head that is wrong may be very far away.
        let next = if batch.is_empty() { store::next_bundle(project, last)? } else { Some(last) };
        let Some(next) = next else { break };
        batch.into_iter().try_for_each(&mut each)?;
        after = if next > last { next.before() } else { last };
    }
    Ok(())
}

/// The bundles after a seq and up to another.
pub fn batch(project: ProjectId, after: Seq, last: Seq) -> Result<Vec<LoadedBundle>> {
    let mut ops: BTreeMap<Seq, Vec<StoredOp>> = BTreeMap::new();
    for (seq, op) in domain::logged(project, after, last)? {
        ops.entry(seq).or_default().push(op);
    }
    let bundles = store::bundles(project, after, last)?;
    Ok(bundles
        .into_iter()
        .map(|mut logged| {
            let ops = ops.remove(&logged.header.seq).unwrap_or_default();
            logged.ops = ops.iter().map(logged_op).collect();
            LoadedBundle { logged, ops }
        })
        .collect())
}

fn logged_op(op: &StoredOp) -> LoggedOp {
    LoggedOp { ordinal: op.ordinal, computed: op.op.as_ref().and_then(checksum), stored: op.stored }
}

fn checksum(op: &Op) -> Option<Hash> {
    op.checksum().ok()
}
