//! The only write path: lock the head row, recognise a repeated request, check the rate, apply the operations, extend
//! the checksum chain, write the bundle, wake listeners.
//!
//! Whatever is slow and needs no lock (hashing, compressing, differencing) is done before, by the caller.

use super::request::Key;
use super::single::{self, Single};
use super::store::{self, Entry, LockedHead};
use super::{Kind, Receipt, notify, rate};
use crate::auth::{self, Access};
use crate::blob::{self, Blob};
use crate::error::{Error, Result};
use crate::file;
use crate::ids::{ActorId, CorrelationId, Seq};
use crate::pure::chain::{self, BundleHeader};
use crate::pure::event;
use crate::pure::hash::Hash;
use crate::pure::op::Op;
use crate::pure::path::FilePath;
use crate::pure::tree::{self, Applied, Edit, Head};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use uuid::Uuid;

/// A write, before it happens.
pub struct Commit<'a> {
    /// Proof that the caller may.
    pub access: &'a Access,
    /// Why.
    pub kind: Kind,
    /// In words.
    pub message: Option<String>,
    /// Refuse if a touched path changed after this.
    pub base_seq: Option<Seq>,
    /// The request's id and fingerprint.
    pub correlation: Option<(CorrelationId, Hash)>,
    /// What else to record with the bundle.
    pub details: Option<Value>,
    /// The one path it touches, when that is known before.
    pub path: Option<FilePath>,
}

impl<'a> Commit<'a> {
    /// A write without message, base or details.
    pub fn new(access: &'a Access, kind: Kind, correlation: Option<(CorrelationId, Hash)>) -> Self {
        Self { access, kind, message: None, base_seq: None, correlation, details: None, path: None }
    }
}

/// What is to be done.
#[derive(Default)]
pub struct Plan {
    /// In this order.
    pub edits: Vec<Edit>,
    /// Content the edits refer to and the project may not have.
    pub blobs: Vec<Blob>,
    /// An operation that changes no file; its domain has stored what it tells of.
    pub other: Option<Op>,
    /// Kept with the receipt, where a repeated request finds it.
    pub answer: Option<Value>,
}

/// A write that happened.
pub struct Committed {
    /// For the caller.
    pub receipt: Receipt,
    /// The touched paths as they are now; `None` when an earlier receipt was repeated.
    pub heads: Option<HashMap<FilePath, Head>>,
}

/// Does it. `plan` runs under the head lock and sees the state it will change.
pub fn commit(commit: &Commit, plan: impl FnOnce(&LockedHead) -> Result<Plan>) -> Result<Committed> {
    let project = commit.access.project;
    let author = commit.access.author()?;
    let key = commit.correlation.map(|(id, fingerprint)| Key::new(id, author, fingerprint));
    let mut head =
        store::lock_head(commit.access, commit.path.as_ref())?.ok_or_else(|| auth::no_project(project))?;
    let access = commit.access.under_lock(head.standing)?;
    if let Some(receipt) = key.as_ref().map(|key| key.find(project)).transpose()?.flatten() {
        let paths: Vec<FilePath> =
            receipt.paths().map(|path| FilePath::from_stored(path.to_owned())).collect();
        access.require_paths(paths.iter())?;
        return Ok(Committed { receipt, heads: None });
    }
    access.require_active()?;
    if let Some(limit) = access.settings.rate_limit {
        rate::check(project, author, limit)?;
    }
    let plan = plan(&head)?;
    if matches!(access, Cow::Owned(_)) && commit.kind != Kind::Rollback {
        check_file_sizes(&access, &plan.edits)?;
    }
    access.require_paths(plan.edits.iter().flat_map(Edit::paths))?;
    let known = commit.path.as_ref().map(|path| (path, head.file.take()));
    let mut heads = file::store::load_for(project, &plan.edits, known)?;
    check_base(commit.base_seq, &head, &heads, &plan.edits)?;
    let mut applied = tree::apply(&mut heads, &plan.edits, head.next_file_id)?;
    applied.op_checksums.extend(plan.other.as_ref().map(Op::checksum).transpose()?);
    let outcomes = std::mem::take(&mut applied.outcomes);
    let receipt = if applied.op_checksums.is_empty() {
        Receipt { seq: head.seq, bundle: None, ops: outcomes, answer: plan.answer }
    } else {
        check_quota(&access, &head, &applied)?;
        let bundle = write(commit, &access, author, &mut head, &plan, &mut applied, &mut heads)?;
        Receipt { seq: head.seq, bundle: Some(bundle), ops: outcomes, answer: plan.answer }
    };
    if let Some(key) = key {
        key.remember(project, author, &receipt)?;
    }
    Ok(Committed { receipt, heads: Some(heads) })
}

/// Stores what `applied` says as the next bundle and returns its id and checksum.
fn write(
    commit: &Commit,
    access: &Access,
    author: ActorId,
    head: &mut LockedHead,
    plan: &Plan,
    applied: &mut Applied,
    heads: &mut HashMap<FilePath, Head>,
) -> Result<(String, String)> {
    let project = access.project;
    let previous = head.checksum;
    head.seq += 1;
    // Strictly later than the bundle before, also when the clock steps back.
    head.committed_at = store::now().max(head.committed_at + 1);
    head.next_file_id = applied.next_file_id;
    head.live_files += applied.live_files;
    head.live_bytes += applied.live_bytes;
    let header = BundleHeader {
        project_id: project.0,
        seq: head.seq,
        bundle_id: Uuid::now_v7(),
        kind: commit.kind.as_str().to_owned(),
        actor_id: author.0,
        message: commit.message.clone(),
        correlation_id: commit.correlation.map(|(id, _)| id.0),
        base_seq: commit.base_seq,
        committed_at: head.committed_at,
    };
    head.checksum = chain::checksum(&previous, &header, &applied.op_checksums)?;
    let op_count = applied.op_checksums.len() as i32;
    stamp(applied, heads, head);
    let details = match &plan.other {
        // Its checksum is the last.
        Some(op) => {
            Some(json!({"op": op, "op_checksum": applied.op_checksums.last().map(|hash| hash.to_hex())}))
        }
        None => commit.details.clone(),
    };
    let entry = Entry { header: &header, op_count, previous: &previous, head, details };
    match Single::of(&applied.versions, &plan.blobs) {
        Some(single) => single::append(&entry, &single)?,
        None => {
            blob::store::insert(project, &plan.blobs)?;
            store::append(&entry)?;
            file::store::insert(project, author, head, &applied.versions)?;
        }
    }
    let changes = applied.versions.iter().map(|version| (version.path.as_str(), version.head.is_live()));
    let event_name =
        plan.other.as_ref().map_or_else(|| event::name(changes), |op| event::other_name(op.name()));
    notify::bundle(access, head, event_name)?;
    Ok((header.bundle_id.to_string(), head.checksum.to_hex()))
}

/// Gives the new versions the seq and time of their bundle.
fn stamp(applied: &mut Applied, heads: &mut HashMap<FilePath, Head>, bundle: &LockedHead) {
    for version in &mut applied.versions {
        version.head.seq = bundle.seq;
        version.head.updated_at = bundle.committed_at;
        if let Some(head) = heads.get_mut(&version.path) {
            head.seq = bundle.seq;
            head.updated_at = bundle.committed_at;
        }
    }
}

/// Refuses when a touched path changed after what the author had seen.
fn check_base(
    base_seq: Option<Seq>,
    head: &LockedHead,
    heads: &HashMap<FilePath, Head>,
    edits: &[Edit],
) -> Result<()> {
    let Some(base_seq) = base_seq else { return Ok(()) };
    if base_seq < 0 || base_seq > head.seq {
        return Err(
            Error::validation(format!("base_seq must be from 0 to {}", head.seq)).with("base_seq", base_seq)
        );
    }
    let mut changed: Vec<(&str, &Head)> = edits
        .iter()
        .flat_map(Edit::paths)
        .filter_map(|path| heads.get(path).map(|head| (path.as_str(), head)))
        .filter(|(_, head)| head.seq > base_seq)
        .collect();
    changed.sort_unstable_by_key(|(path, _)| *path);
    changed.dedup_by_key(|(path, _)| *path);
    let Some((first, _)) = changed.first() else { return Ok(()) };
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

/// The writer saw to it already, but by settings that have changed since.
fn check_file_sizes(access: &Access, edits: &[Edit]) -> Result<()> {
    edits.iter().try_for_each(|edit| match edit {
        Edit::Put { path, content, .. } => blob::check_size(&access.settings, path.as_str(), content.size),
        Edit::Delete { .. } | Edit::Move { .. } => Ok(()),
    })
}

fn check_quota(access: &Access, head: &LockedHead, applied: &Applied) -> Result<()> {
    let check = |setting: &str, limit: Option<i64>, before: i64, change: i64| match limit {
        // What does not grow is allowed, so that a project over a lowered limit can be brought back.
        Some(limit) if change > 0 && before + change > limit => {
            Err(Error::limit(format!("the project would be over its {setting}"), limit)
                .with("setting", setting)
                .with("current", before)
                .with("wanted", before + change))
        }
        _ => Ok(()),
    };
    check("max_files", access.settings.max_files, head.live_files, applied.live_files)?;
    check("max_project_bytes", access.settings.max_project_bytes, head.live_bytes, applied.live_bytes)
}
