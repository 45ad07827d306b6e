//! The only write path: lock the head row, recognise a repeated request, check the rate, apply the operations, extend
//! the checksum chain, write the bundle, wake listeners.
//!
//! Whatever is slow and needs no lock (hashing, compressing, differencing) is done before, by the caller.

use super::request::Key;
use super::{Domain, Kind, OpOutcome, Receipt, advice, check, rate};
use crate::blob::{self, Blob, Copied, Staged};
use crate::db::clock::now;
use crate::db::early_release;
use crate::db::rows::Rows;
use crate::domain::{asset, entity, file};
use crate::event::notify;
use crate::gate::{self, Access};
use crate::ids::{ActorId, CorrelationId, ProjectId, Seq};
use crate::log::store::{self, Entry};
use crate::log::{LockedHead, Place, lock_head_and};
use quire_core::asset::AssetEdit;
use quire_core::chain::{self, BundleHeader};
use quire_core::conflict::OnConflict;
use quire_core::error::Result;
use quire_core::field::{self, Author, FieldEdit, Fields};
use quire_core::hash::Hash;
use quire_core::op::Op;
use quire_core::path::FilePath;
use quire_core::timestamp::Micros;
use quire_core::tree::{self, Applied, Edit, Head};
use quire_core::{asset as pure_asset, event};
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
    /// What its author had seen: what changed after this is in conflict.
    pub base: Option<Place>,
    /// What to do about conflicts.
    pub on_conflict: OnConflict,
    /// Whether it counts for the rate limit.
    pub is_rate_limited: bool,
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
        Self {
            access,
            kind,
            message: None,
            base: None,
            on_conflict: OnConflict::Reject,
            is_rate_limited: true,
            correlation,
            details: None,
            path: None,
        }
    }
}

/// What is to be done.
#[derive(Default)]
pub struct Plan {
    /// Of files, in this order.
    pub edits: Vec<Edit>,
    /// Of fields, in this order, after those of files.
    pub fields: Vec<FieldEdit>,
    /// Of assets, in this order, after those of fields.
    pub assets: Vec<AssetEdit>,
    /// The order in which the receipt tells of them, when it is another one.
    pub order: Vec<Domain>,
    /// Content the edits refer to and the project may not have.
    pub blobs: Vec<Blob>,
    /// Content whose chunks are stored already.
    pub staged: Option<Staged>,
    /// Content the edits refer to that another project has.
    pub copied: Option<Copied>,
    /// Content the edits refer to that was here once, and of which the project says so.
    pub gone: Vec<Hash>,
    /// An operation that changes no content; its domain has stored what it tells of.
    pub other: Option<Op>,
    /// The bundle it takes back; it is then written even if nothing changes, so that this is known.
    pub undoes_seq: Option<Seq>,
    /// Where it was made, when that is another database; it is then written even if nothing changes.
    pub origin: Option<Origin>,
    /// The bundle is written even if nothing changes, because others count on its seq.
    pub even_if_empty: bool,
    /// Kept with the receipt, where a repeated request finds it.
    pub answer: Option<Value>,
}

impl Plan {
    /// Adds what comes after it.
    pub fn append(&mut self, next: Plan) {
        self.edits.extend(next.edits);
        self.fields.extend(next.fields);
        self.assets.extend(next.assets);
        self.order.extend(next.order);
        self.blobs.extend(next.blobs);
    }
}

/// A bundle's identity, when it was made in another database.
pub struct Origin {
    /// Its id.
    pub bundle_id: Uuid,
    /// Who made it.
    pub actor: ActorId,
    /// When; the bundle is not older here.
    pub committed_at: Micros,
    /// What to record with it.
    pub details: Value,
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
    let path = commit.path.as_ref();
    let file_head = |rows: &Rows| {
        path.map(|path| file::store::head_at(rows, project, path)).transpose().map(Option::flatten)
    };
    let (mut head, file) =
        lock_head_and(commit.access, file_head)?.ok_or_else(|| gate::no_project(project))?;
    let access = commit.access.under_lock(head.access_version)?;
    // Whoever has waited may act as somebody else by now.
    let is_the_same = access.principal.actor == commit.access.principal.actor;
    let author = if is_the_same { author } else { access.author()? };
    let key = commit.correlation.map(|(id, fingerprint)| Key::new(id, author, fingerprint));
    if let Some(receipt) = key.as_ref().map(|key| key.find(project)).transpose()?.flatten() {
        let paths: Vec<FilePath> =
            receipt.paths().map(|path| FilePath::from_stored(path.to_owned())).collect();
        access.require_paths(paths.iter())?;
        return Ok(Committed { receipt, heads: None });
    }
    access.require_active()?;
    if let Some(limit) = access.settings.rate_limit.filter(|_| commit.is_rate_limited) {
        rate::check(project, author, limit)?;
    }
    let plan = plan(&head)?;
    let author = plan.origin.as_ref().map_or(author, |origin| origin.actor);
    if matches!(access, Cow::Owned(_)) && commit.kind != Kind::Rollback {
        check::file_sizes(&access, &plan.edits)?;
    }
    check::asset_sizes(&access, &plan.assets)?;
    check::contents(project, &plan)?;
    access.require_paths(plan.edits.iter().flat_map(Edit::paths))?;
    if !plan.fields.is_empty() || !plan.assets.is_empty() {
        access.refuse_token()?;
    }
    let known = path.map(|path| (path, file));
    let mut heads = file::store::load_for(project, &plan.edits, known)?;
    let mut effect = effect(commit, &access, author, &head, &plan, &mut heads)?;
    let ops = std::mem::take(&mut effect.outcomes);
    let says_something = plan.undoes_seq.is_some() || plan.origin.is_some() || plan.even_if_empty;
    let bundle_id = if effect.op_checksums.is_empty() && !says_something {
        // An asset that stays what it is may have lost its bytes to an archive, and a file because they were corrupt.
        if !plan.assets.is_empty() || !are_present(project, &plan.blobs)? {
            copy_contents(project, &plan)?;
            store_contents(project, &plan)?;
        }
        None
    } else {
        check::quota(&access, &head, &effect.files, effect.assets.live_bytes)?;
        Some(write(commit, &access, author, &mut head, &plan, &mut effect, &mut heads)?)
    };
    let advice = advice(commit.kind, ops.len()).filter(|_| plan.origin.is_none());
    let checksum = head.checksum.to_hex();
    let receipt = Receipt { seq: head.seq, bundle_id, checksum, ops, answer: plan.answer, advice };
    if let Some(advice) = &receipt.advice {
        pgrx::notice!("{advice}");
    }
    if let Some(key) = key {
        key.remember(project, author, &receipt)?;
    }
    Ok(Committed { receipt, heads: Some(heads) })
}

/// What a plan does to the state it meets.
struct Effect {
    files: Applied,
    fields: field::Applied,
    assets: pure_asset::Applied,
    /// The fields it touches, as they are afterwards.
    new_fields: Fields,
    /// One for each operation asked for.
    outcomes: Vec<OpOutcome>,
    /// Of the operations that change something, in order.
    op_checksums: Vec<Hash>,
}

fn effect(
    commit: &Commit,
    access: &Access,
    author: ActorId,
    head: &LockedHead,
    plan: &Plan,
    heads: &mut HashMap<FilePath, Head>,
) -> Result<Effect> {
    let project = commit.access.project;
    let base_seq = commit.base.as_ref().map(|base| base.seq);
    let stale = check::base(commit.base.as_ref(), commit.on_conflict, project, head, heads, &plan.edits)?;
    let mut files = if stale.is_empty() {
        tree::apply(heads, &plan.edits, head.next_file_id)?
    } else {
        let (indexes, kept): (Vec<usize>, Vec<Edit>) =
            plan.edits.iter().cloned().enumerate().filter(|(at, _)| !stale.contains(at)).unzip();
        let mut files = tree::apply(heads, &kept, head.next_file_id)?;
        files.outcomes = check::with_skipped(&plan.edits, heads, indexes, files.outcomes);
        files
    };
    let mut op_checksums = std::mem::take(&mut files.op_checksums);
    let by = Author {
        actor: author.0,
        seq: head.seq + 1,
        base_seq,
        on_conflict: commit.on_conflict,
        ops_before: op_checksums.len(),
    };
    let (mut fields, new_fields) = entity::apply(project, &plan.fields, &by, &access.settings)?;
    op_checksums.append(&mut fields.op_checksums);
    let mut assets = asset::apply(project, &plan.assets, op_checksums.len())?;
    op_checksums.append(&mut assets.op_checksums);
    op_checksums.extend(plan.other.as_ref().map(Op::checksum).transpose()?);
    let of_files = std::mem::take(&mut files.outcomes).into_iter().map(OpOutcome::File);
    let of_fields = std::mem::take(&mut fields.outcomes).into_iter().map(OpOutcome::Field);
    let of_assets = std::mem::take(&mut assets.outcomes).into_iter().map(OpOutcome::Asset);
    let outcomes = interleave(&plan.order, of_files, of_fields, of_assets);
    Ok(Effect { files, fields, assets, new_fields, outcomes, op_checksums })
}

/// The outcomes in the order in which the operations were given.
fn interleave(
    order: &[Domain],
    mut files: impl Iterator<Item = OpOutcome>,
    mut fields: impl Iterator<Item = OpOutcome>,
    mut assets: impl Iterator<Item = OpOutcome>,
) -> Vec<OpOutcome> {
    let mut outcomes: Vec<OpOutcome> = order
        .iter()
        .filter_map(|domain| match domain {
            Domain::File => files.next(),
            Domain::Field => fields.next(),
            Domain::Asset => assets.next(),
        })
        .collect();
    outcomes.extend(files);
    outcomes.extend(fields);
    outcomes.extend(assets);
    outcomes
}

/// Stores what `effect` says as the next bundle and returns its id and checksum.
fn write(
    commit: &Commit,
    access: &Access,
    author: ActorId,
    head: &mut LockedHead,
    plan: &Plan,
    effect: &mut Effect,
    heads: &mut HashMap<FilePath, Head>,
) -> Result<String> {
    let project = access.project;
    let previous = head.checksum;
    head.seq += 1;
    // Strictly later than the bundle before, also when the clock steps back.
    head.committed_at = now().max(head.committed_at + 1);
    if let Some(origin) = &plan.origin {
        head.committed_at = head.committed_at.max(origin.committed_at);
    }
    head.next_file_id = effect.files.next_file_id;
    head.live_files += effect.files.live_files;
    head.live_bytes = head.live_bytes.saturating_add(effect.files.live_bytes);
    let header = BundleHeader {
        project_id: project.0,
        seq: head.seq,
        bundle_id: plan.origin.as_ref().map_or_else(Uuid::now_v7, |origin| origin.bundle_id),
        kind: commit.kind.as_str().to_owned(),
        actor_id: author.0,
        message: commit.message.clone(),
        correlation_id: commit.correlation.map(|(id, _)| id.0),
        base_seq: commit.base.as_ref().map(|base| base.seq),
        undoes_seq: plan.undoes_seq,
        committed_at: head.committed_at,
    };
    head.checksum = chain::checksum(&previous, &header, &effect.op_checksums)?;
    let op_count = effect.op_checksums.len() as i32;
    stamp(&mut effect.files, heads, head);
    let details = match &plan.other {
        // Its checksum is the last.
        Some(op) => {
            Some(json!({"op": op, "op_checksum": effect.op_checksums.last().map(|hash| hash.to_hex())}))
        }
        None => {
            plan.origin.as_ref().map_or_else(|| commit.details.clone(), |origin| Some(origin.details.clone()))
        }
    };
    let entry = Entry { header: &header, op_count, previous: &previous, head, details };
    copy_contents(project, plan)?;
    store_contents(project, plan)?;
    let rows = Rows::begin();
    store::append(&rows, &entry)?;
    file::store::insert(&rows, project, author, head, &effect.files.versions)?;
    entity::store::insert(&rows, project, author, head, &effect.fields.rows)?;
    drop(rows);
    entity::keep(project, author, head, &effect.fields, &effect.new_fields)?;
    asset::insert(project, author, head, &effect.assets)?;
    early_release::ask();
    if let Some(undoes) = plan.undoes_seq {
        entity::take_back(project, author, head.seq, undoes)?;
        if commit.kind == Kind::Rollback || plan.origin.is_some() {
            store::leave_order(project, head.seq)?;
        }
    }
    if op_count > 0 {
        notify::bundle(access, head, event_name(plan, effect))?;
    }
    Ok(header.bundle_id.to_string())
}

fn copy_contents(project: ProjectId, plan: &Plan) -> Result<()> {
    plan.copied.as_ref().map_or(Ok(()), |copied| blob::store::copy(project, copied))
}

fn store_contents(project: ProjectId, plan: &Plan) -> Result<()> {
    blob::insert_locked(project, &plan.blobs)?;
    plan.staged.as_ref().map_or(Ok(()), |staged| blob::store::adopt(project, staged))
}

fn are_present(project: ProjectId, blobs: &[Blob]) -> Result<bool> {
    let hashes: Vec<Hash> = blobs.iter().map(|blob| blob.hash).collect();
    Ok(hashes.is_empty() || blob::store::existing(project, &hashes)?.len() == hashes.len())
}

fn event_name(plan: &Plan, effect: &Effect) -> &'static str {
    let changes = effect.files.versions.iter().map(|version| (version.path.as_str(), version.head.is_live()));
    match &plan.other {
        Some(op) => event::other_name(op.name()),
        None => event::name(changes, !effect.fields.rows.is_empty(), !effect.assets.rows.is_empty()),
    }
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
