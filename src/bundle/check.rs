//! What a write must pass under the head lock.

use super::Plan;
use super::commit::Parts;
use crate::blob;
use crate::domain::interface::Growth;
use crate::gate::Access;
use crate::guc;
use crate::ids::{ProjectId, Seq};
use crate::log::{LockedHead, Place};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::op::Edit;
use std::collections::HashSet;

/// What the author had seen, if that is a place in this log (PT409, 22023).
pub fn base(base: Option<&Place>, project: ProjectId, head: &LockedHead) -> Result<Option<Seq>> {
    let Some(base) = base else { return Ok(None) };
    base.check_locked(project, head.seq)?;
    if base.seq < Seq::ZERO || base.seq > head.seq {
        return Err(
            Error::validation(format!("base_seq must be from 0 to {}", head.seq)).with("base_seq", base.seq)
        );
    }
    Ok(Some(base.seq))
}

/// Refuses references to content that the plan does not bring and that is not present. Whoever collects content has the head
/// lock, too.
pub fn contents(project: ProjectId, plan: &Plan, parts: &Parts) -> Result<()> {
    let brought: HashSet<&Hash> = plan
        .blobs
        .iter()
        .map(|blob| &blob.hash)
        .chain(plan.staged.iter().map(|staged| &staged.hash))
        .chain(plan.copied.iter().flat_map(|copied| copied.hashes.iter().chain(&copied.or_archived)))
        .chain(&plan.gone)
        .collect();
    let named = parts.edits().filter_map(Edit::content);
    let relied_on: Vec<Hash> = named.filter(|hash| !brought.contains(hash)).collect();
    if relied_on.is_empty() { Ok(()) } else { blob::store::require_present(project, &relied_on) }
}

/// Refuses a bundle that gets too many operations by what follows from those that were asked for (PT413).
pub fn count(parts: &Parts, asked: usize) -> Result<()> {
    let most = guc::max_bundle_ops();
    if parts.len() > asked && parts.len() > most {
        return Err(Error::limit(
            "too many operations, with those that keep bound documents and files equal",
            most,
        )
        .with("setting", "quire.max_bundle_ops")
        .with("size", parts.len()));
    }
    Ok(())
}

/// Refuses what would take the project over its quotas (PT413).
pub fn quota(access: &Access, head: &LockedHead, growth: Growth) -> Result<()> {
    let check = |setting: &str, limit: Option<i64>, before: i64, change: i64| match limit {
        // What does not grow is allowed, so that a project over a lowered limit can be brought back.
        Some(limit) if change > 0 && before.saturating_add(change) > limit => {
            Err(Error::limit(format!("the project would be over its {setting}"), limit)
                .with("setting", setting)
                .with("current", before)
                .with("wanted", before.saturating_add(change)))
        }
        _ => Ok(()),
    };
    check("max_files", access.settings.max_files, head.live_files, growth.files)?;
    let held = [head.live_bytes, head.asset_bytes, head.doc_bytes, head.storage_bytes];
    let bytes = held.into_iter().fold(0, i64::saturating_add);
    check("max_project_bytes", access.settings.max_project_bytes, bytes, growth.bytes)
}
