//! What a write must pass under the head lock.

use super::Plan;
use crate::blob;
use crate::domain::asset;
use crate::gate::Access;
use crate::ids::ProjectId;
use crate::log::{LockedHead, Place};
use quire_core::asset::{AssetEdit, Source};
use quire_core::conflict::OnConflict;
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::path::FilePath;
use quire_core::tree::{Applied, Edit, Head, Outcome};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Indexes of the edits to leave out, because their path changed after what the author had seen; PT409 unless they may
/// be left out. A file has no conflict that could be recorded.
pub fn base(
    base: Option<&Place>,
    on_conflict: OnConflict,
    project: ProjectId,
    head: &LockedHead,
    heads: &HashMap<FilePath, Head>,
    edits: &[Edit],
) -> Result<BTreeSet<usize>> {
    let Some(base) = base else { return Ok(BTreeSet::new()) };
    base.check_locked(project, head.seq)?;
    let base_seq = base.seq;
    if base_seq < 0 || base_seq > head.seq {
        return Err(
            Error::validation(format!("base_seq must be from 0 to {}", head.seq)).with("base_seq", base_seq)
        );
    }
    let mut stale = BTreeSet::new();
    let mut changed: Vec<(&str, &Head)> = Vec::new();
    for (at, edit) in edits.iter().enumerate() {
        for path in edit.paths() {
            if let Some(head) = heads.get(path).filter(|head| head.seq > base_seq) {
                stale.insert(at);
                changed.push((path.as_str(), head));
            }
        }
    }
    if on_conflict == OnConflict::Skip {
        return Ok(stale);
    }
    changed.sort_unstable_by_key(|(path, _)| *path);
    changed.dedup_by_key(|(path, _)| *path);
    let Some((first, _)) = changed.first() else { return Ok(stale) };
    let files: Vec<Value> = changed
        .iter()
        .take(100)
        .map(|(path, head)| json!({"file_path": path, "version": head.version, "seq": head.seq}))
        .collect();
    Err(Error::conflict("base_changed", format!("{first} changed after seq {base_seq}"))
        .with("base_seq", base_seq)
        .with("seq", head.seq)
        .with("files", files))
}

/// Outcomes of all edits, when only those at `kept` were applied.
pub fn with_skipped(
    edits: &[Edit],
    heads: &HashMap<FilePath, Head>,
    kept: Vec<usize>,
    outcomes: Vec<Outcome>,
) -> Vec<Outcome> {
    let mut applied: HashMap<usize, Outcome> = kept.into_iter().zip(outcomes).collect();
    let skipped = |edit: &Edit| {
        let (op, path, from) = match edit {
            Edit::Put { path, .. } => ("file.put", path, None),
            Edit::Delete { path, .. } => ("file.delete", path, None),
            Edit::Move { from, to, .. } => ("file.move", to, Some(from)),
        };
        let head = heads.get(path);
        Outcome {
            op: op.into(),
            file_path: path.as_str().to_owned(),
            from_path: from.map(|path| path.as_str().to_owned()),
            version: head.map_or(0, |head| head.version),
            content_hash: head.and_then(|head| head.content.as_ref()).map(|content| content.hash.to_hex()),
            status: "skipped".into(),
        }
    };
    edits.iter().enumerate().map(|(at, edit)| applied.remove(&at).unwrap_or_else(|| skipped(edit))).collect()
}

/// The writer saw to it already, but by settings that have changed since.
pub fn file_sizes(access: &Access, edits: &[Edit]) -> Result<()> {
    edits.iter().try_for_each(|edit| match edit {
        Edit::Put { path, content, .. } => blob::check_size(&access.settings, path.as_str(), content.size),
        Edit::Delete { .. } | Edit::Move { .. } => Ok(()),
    })
}

/// Refuses references to content that the plan does not bring and that is not present. Whoever collects content has the head
/// lock, too.
pub fn contents(project: ProjectId, plan: &Plan) -> Result<()> {
    let of_files = plan.edits.iter().filter_map(|edit| match edit {
        Edit::Put { content, .. } => Some(content.hash),
        Edit::Delete { .. } | Edit::Move { .. } => None,
    });
    let of_assets = plan.assets.iter().filter_map(|edit| match edit {
        // What is named by hash alone is looked up when it is applied.
        AssetEdit::Put { source: Source::Stored, .. } | AssetEdit::Delete { .. } => None,
        AssetEdit::Put { hash, .. } => Some(*hash),
    });
    let brought: HashSet<&Hash> = plan
        .blobs
        .iter()
        .map(|blob| &blob.hash)
        .chain(plan.staged.iter().map(|staged| &staged.hash))
        .chain(plan.copied.iter().flat_map(|copied| copied.hashes.iter().chain(&copied.or_archived)))
        .chain(&plan.gone)
        .collect();
    let relied_on: Vec<Hash> = of_files.chain(of_assets).filter(|hash| !brought.contains(hash)).collect();
    if relied_on.is_empty() { Ok(()) } else { blob::store::require_present(project, &relied_on) }
}

/// Like `file_sizes`, of assets, which are few.
pub fn asset_sizes(access: &Access, edits: &[AssetEdit]) -> Result<()> {
    edits.iter().try_for_each(|edit| match edit {
        AssetEdit::Put { source, label, .. } => asset::check_size(&access.settings, &label.filename, *source),
        AssetEdit::Delete { .. } => Ok(()),
    })
}

pub fn quota(access: &Access, head: &LockedHead, applied: &Applied, asset_bytes: i64) -> Result<()> {
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
    check("max_files", access.settings.max_files, head.live_files, applied.live_files)?;
    let bytes = head.live_bytes.saturating_add(head.asset_bytes);
    let change = applied.live_bytes.saturating_add(asset_bytes);
    check("max_project_bytes", access.settings.max_project_bytes, bytes, change)
}
