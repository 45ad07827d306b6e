//! What edits do to the files of a project, under the head lock.

use super::store;
use crate::db::rows::Rows;
use crate::domain::interface::{Applied, Growth, NewBundle, Writing};
use crate::ids::{Seq, Version};
use crate::log::LockedHead;
use quire_core::conflict::OnConflict;
use quire_core::error::{Error, Result};
use quire_core::event;
use quire_core::hash::Hash;
use quire_core::op::Outcome;
use quire_core::path::FilePath;
use quire_core::reason::Reason;
use quire_core::tree::{self, FileEdit, FileOutcome, Head};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// What was applied, and the heads that it touched.
struct Files {
    applied: tree::AppliedFiles,
    heads: HashMap<FilePath, Head>,
}

/// Applies edits to the heads as they are now; those whose path changed after what the author had seen are refused, or left out.
pub fn apply(writing: &Writing, edits: &[FileEdit]) -> Result<Box<dyn Applied>> {
    let known = writing.known.map(|(path, head)| (path, head.clone()));
    let mut heads = store::load_for(writing.access.project, edits, known)?;
    let stale = match writing.base_seq {
        Some(base_seq) => stale(base_seq, writing, &heads, edits)?,
        None => BTreeSet::new(),
    };
    let next = writing.head.next_file_id;
    if stale.is_empty() {
        let applied = tree::apply(&mut heads, edits, next).map_err(|refusal| refusal.error)?;
        return Ok(Box::new(Files { applied, heads }));
    }
    let (indexes, kept): (Vec<usize>, Vec<FileEdit>) =
        edits.iter().cloned().enumerate().filter(|(at, _)| !stale.contains(at)).unzip();
    let mut applied = tree::apply(&mut heads, &kept, next).map_err(|refusal| refusal.error)?;
    applied.outcomes = with_skipped(edits, &heads, indexes, applied.outcomes);
    Ok(Box::new(Files { applied, heads }))
}

impl Applied for Files {
    fn op_checksums(&self) -> &[Hash] {
        &self.applied.op_checksums
    }

    fn take_outcomes(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.applied.outcomes).into_iter().map(Outcome::File).collect()
    }

    fn growth(&self) -> Growth {
        Growth { files: self.applied.live_files, bytes: self.applied.live_bytes }
    }

    fn event(&self) -> Option<&'static str> {
        let versions = self.applied.versions.iter();
        event::of_files(versions.map(|version| (version.path.as_str(), version.head.is_live())))
    }

    fn begin(&mut self, head: &mut LockedHead) {
        head.next_file_id = self.applied.next_file_id;
        head.live_files += self.applied.live_files;
        head.live_bytes = head.live_bytes.saturating_add(self.applied.live_bytes);
        for version in &mut self.applied.versions {
            version.head.seq = head.seq;
            version.head.updated_at = head.committed_at;
            if let Some(now) = self.heads.get_mut(&version.path) {
                now.seq = head.seq;
                now.updated_at = head.committed_at;
            }
        }
    }

    fn insert(&self, rows: &Rows, bundle: &NewBundle) -> Result<()> {
        store::insert(rows, bundle.project, bundle.author, bundle.head, &self.applied.versions)
    }

    fn take_heads(&mut self) -> HashMap<FilePath, Head> {
        std::mem::take(&mut self.heads)
    }
}

/// Indexes of the edits to leave out, because their path changed after what the author had seen; PT409 unless they may
/// be left out. A file has no conflict that could be recorded.
fn stale(
    base_seq: Seq,
    writing: &Writing,
    heads: &HashMap<FilePath, Head>,
    edits: &[FileEdit],
) -> Result<BTreeSet<usize>> {
    let mut stale = BTreeSet::new();
    let mut changed: Vec<(&str, &Head)> = Vec::new();
    let named = edits.len().saturating_sub(writing.following_files);
    for (at, edit) in edits[..named].iter().enumerate() {
        for path in edit.paths() {
            if let Some(head) = heads.get(path).filter(|head| head.seq > base_seq) {
                stale.insert(at);
                changed.push((path.as_str(), head));
            }
        }
    }
    if writing.on_conflict == OnConflict::Skip {
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
    Err(Error::conflict(Reason::BaseChanged, format!("{first} changed after seq {base_seq}"))
        .with("base_seq", base_seq)
        .with("seq", writing.head.seq)
        .with("files", files))
}

/// Outcomes of all edits, when only those at `kept` were applied.
fn with_skipped(
    edits: &[FileEdit],
    heads: &HashMap<FilePath, Head>,
    kept: Vec<usize>,
    outcomes: Vec<FileOutcome>,
) -> Vec<FileOutcome> {
    let mut applied: HashMap<usize, FileOutcome> = kept.into_iter().zip(outcomes).collect();
    let skipped = |edit: &FileEdit| {
        let (op, path, from) = match edit {
            FileEdit::Put { path, .. } => ("file.put", path, None),
            FileEdit::Delete { path, .. } => ("file.delete", path, None),
            FileEdit::Move { from, to, .. } => ("file.move", to, Some(from)),
        };
        let head = heads.get(path);
        FileOutcome {
            op: op.into(),
            file_path: path.as_str().to_owned(),
            from_path: from.map(|path| path.as_str().to_owned()),
            version: head.map_or(Version::default(), |head| head.version),
            content_hash: head.and_then(|head| head.content.as_ref()).map(|content| content.hash.to_hex()),
            status: FileOutcome::SKIPPED.into(),
        }
    };
    edits.iter().enumerate().map(|(at, edit)| applied.remove(&at).unwrap_or_else(|| skipped(edit))).collect()
}
