//! The only write path: lock the head row, recognise a repeated request, check the rate, apply the operations, extend
//! the checksum chain, write the bundle, wake listeners.
//!
//! Whatever is slow and needs no lock (hashing, compressing, differencing) is done before, by the caller.

use super::request::RequestKey;
use super::{Kind, Receipt, advice, bound, check, rate};
use crate::blob::{self, Blob, Copied, StagedBlob};
use crate::db::clock::now;
use crate::db::early_release;
use crate::db::rows::Rows;
use crate::domain::interface::{Applied, Domain, Growth, NewBundle, Writing};
use crate::domain::{DOMAINS, file};
use crate::event::notify;
use crate::gate::{self, Access};
use crate::ids::{ActorId, BundleId, CorrelationId, ProjectId, Seq};
use crate::log::store::{self, LogEntry};
use crate::log::{LockedHead, Place, lock_head_and};
use quire_core::chain::{self, BundleHeader};
use quire_core::conflict::OnConflict;
use quire_core::error::{Code, Result};
use quire_core::event;
use quire_core::hash::Hash;
use quire_core::op::{Edit, Op, Outcome, Topic};
use quire_core::path::FilePath;
use quire_core::quarantine::RowKind;
use quire_core::timestamp::Micros;
use quire_core::tree::Head;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;

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
    /// Whether what it writes was accepted elsewhere before, so that nobody here can be told what is wrong with it.
    pub was_accepted: bool,
    /// Whether it counts for the rate limit.
    pub is_rate_limited: bool,
    /// The request's id and fingerprint.
    pub correlation: Option<(CorrelationId, Hash)>,
    /// What else to record with the bundle.
    pub details: Option<Value>,
    /// The one path it touches, when that is known before.
    pub path: Option<FilePath>,
    /// The name of a schema that documents have to satisfy besides those that they are bound to.
    pub doc_schema: Option<String>,
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
            was_accepted: false,
            is_rate_limited: true,
            correlation,
            details: None,
            path: None,
            doc_schema: None,
        }
    }
}

/// What is to be done.
#[derive(Default)]
pub struct Plan {
    /// Each sees what those before it of its domain did. In the bundle they stand by domain, in the receipt in this order.
    pub edits: Vec<Edit>,
    /// Content the edits refer to and the project may not have.
    pub blobs: Vec<Blob>,
    /// Content whose chunks are stored already.
    pub staged: Option<StagedBlob>,
    /// Content the edits refer to that another project has.
    pub copied: Option<Copied>,
    /// Content the edits refer to that was here once, and of which the project says so.
    pub gone: Vec<Hash>,
    /// An operation that changes no content; its domain has stored what it tells of.
    pub other: Option<Op>,
    /// The bundle it takes back; it is then written even if nothing changes, so that this is known.
    pub undoes_seq: Option<Seq>,
    /// Where it was made, when that is another database; it is then written even if nothing changes.
    pub origin: Option<PeerOrigin>,
    /// The bundle is written even if nothing changes, because others count on its seq.
    pub even_if_empty: bool,
    /// Who made what this follows from, if that is not the caller.
    pub by: Option<ActorId>,
    /// How many bytes more the project has of what is no part of the log; whoever planned it has stored and counted them.
    pub bytes_beside: i64,
    /// Kept with the receipt, where a repeated request finds it.
    pub answer: Option<Value>,
}

impl Plan {
    /// Adds what comes after it.
    pub fn append(&mut self, next: Plan) {
        self.edits.extend(next.edits);
        self.blobs.extend(next.blobs);
    }
}

/// A bundle's identity, when it was made in another database.
pub struct PeerOrigin {
    /// Its id.
    pub bundle_id: BundleId,
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

/// What plans a bundle, where another one calls for it.
type Planning<'p> = Box<dyn FnOnce(&LockedHead) -> Result<Plan> + 'p>;

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
    let key = commit.correlation.map(|(id, fingerprint)| RequestKey::new(id, author, fingerprint));
    if let Some(receipt) = key.as_ref().map(|key| key.find(project)).transpose()?.flatten() {
        DOMAINS.iter().try_for_each(|domain| domain.require_outcomes(&access, &receipt.ops))?;
        return Ok(Committed { receipt, heads: None });
    }
    access.require_active()?;
    if let Some(limit) = access.settings.rate_limit.filter(|_| commit.is_rate_limited) {
        rate::check(project, author, limit)?;
    }
    let mut plan = plan(&head)?;
    let author = plan.origin.as_ref().map(|origin| origin.actor).or(plan.by).unwrap_or(author);
    let known = path.map(|path| (path, &file));
    let mut writing = Writing {
        access: &access,
        is_asked_again: matches!(access, Cow::Owned(_)) && commit.kind != Kind::Rollback,
        author,
        head: &head,
        base_seq: None,
        on_conflict: commit.on_conflict,
        is_own: plan.origin.is_none() && !commit.was_accepted,
        following_files: 0,
        ops_before: 0,
        known,
        doc_schema: commit.doc_schema.as_deref(),
    };
    let mut parts = Parts::of(std::mem::take(&mut plan.edits));
    parts.each(|domain, edits| domain.check_sizes(&writing, edits))?;
    check::contents(project, &plan, &parts)?;
    parts.each(|domain, edits| domain.require(&access, edits))?;
    // What the log is like is nothing for who may not touch what they name.
    writing.base_seq = check::base(commit.base.as_ref(), project, &head)?;
    let mut bound = bound::mirror(&writing, &plan, &parts)?;
    // What came from elsewhere stays what it is, so that it is the same everywhere; a bundle of its own follows it.
    let later = if plan.origin.is_some() { std::mem::take(&mut bound.edits) } else { Vec::new() };
    let asked = parts.order.len();
    writing.following_files = parts.extend(std::mem::take(&mut bound.edits));
    check::count(&parts, asked)?;
    if later.is_empty() {
        plan.blobs.append(&mut bound.blobs);
    }
    let keeps_assets = parts.order.contains(&Topic::Asset);
    let mut effect = parts.apply(&mut writing)?;
    effect.op_checksums.extend(plan.other.as_ref().map(Op::checksum).transpose()?);
    let mut ops = effect.take_outcomes();
    // Nobody is told of what they have not named: a token may not read it, and has to be good for the same request again.
    ops.truncate(asked);
    let mut growth = effect.growth();
    growth.bytes = growth.bytes.saturating_add(plan.bytes_beside);
    check::quota(&access, &head, growth)?;
    let says_something = plan.undoes_seq.is_some() || plan.origin.is_some() || plan.even_if_empty;
    let bundle_id = if effect.op_checksums.is_empty() && !says_something {
        // An asset that stays what it is may have lost its bytes to an archive, and a file because they were corrupt.
        if keeps_assets || !are_present(project, &plan.blobs)? {
            copy_contents(project, &plan)?;
            store_contents(project, &plan)?;
        }
        None
    } else {
        Some(write(commit, &access, author, &mut head, &plan, &mut effect)?)
    };
    bound.finish(project)?;
    let advice = advice(commit.kind, ops.len()).filter(|_| plan.origin.is_none());
    let checksum = head.checksum.to_hex();
    let receipt = Receipt { seq: head.seq, bundle_id, checksum, ops, answer: plan.answer, advice };
    if let Some(advice) = &receipt.advice {
        pgrx::notice!("{advice}");
    }
    if let Some(key) = key {
        key.remember(project, author, &receipt)?;
    }
    if !later.is_empty() {
        let message = Some("keep bound documents and files equal".to_owned());
        let follows = Commit::new(&access, Kind::Import, None);
        let follows = Commit { message, was_accepted: true, is_rate_limited: false, ..follows };
        let (blobs, by) = (std::mem::take(&mut bound.blobs), Some(author));
        let plan: Planning = Box::new(move |_| Ok(Plan { edits: later, blobs, by, ..Plan::default() }));
        match self::commit(&follows, plan) {
            // A limit of this project is found before anything is written, and does not keep a peer's bundles out.
            Err(error) if error.code() == Code::Limit => bound.end(project)?,
            followed => drop(followed?),
        }
    }
    Ok(Committed { receipt, heads: Some(effect.take_heads()) })
}

/// The edits of a plan by what they are about.
pub struct Parts {
    edits: Vec<(&'static dyn Domain, Vec<Edit>)>,
    /// What each edit of the plan was about.
    order: Vec<Topic>,
}

impl Parts {
    fn of(edits: Vec<Edit>) -> Self {
        let order: Vec<Topic> = edits.iter().map(Edit::topic).collect();
        let mut parts: Vec<(&'static dyn Domain, Vec<Edit>)> =
            DOMAINS.iter().map(|domain| (*domain, Vec::new())).collect();
        for edit in edits {
            let own = RowKind::Logged(edit.topic());
            if let Some((_, part)) = parts.iter_mut().find(|(domain, _)| domain.logged_kind() == own) {
                part.push(edit);
            }
        }
        Self { edits: parts, order }
    }

    /// Adds what follows from them, and says how many of it are of files.
    fn extend(&mut self, edits: Vec<Edit>) -> usize {
        let files = edits.iter().filter(|edit| edit.topic() == Topic::File).count();
        for edit in edits {
            let own = RowKind::Logged(edit.topic());
            if let Some((_, part)) = self.edits.iter_mut().find(|(domain, _)| domain.logged_kind() == own) {
                self.order.push(edit.topic());
                part.push(edit);
            }
        }
        files
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// All of them, by domain.
    pub fn edits(&self) -> impl Iterator<Item = &Edit> {
        self.edits.iter().flat_map(|(_, edits)| edits)
    }

    fn each(&self, each: impl Fn(&dyn Domain, &[Edit]) -> Result<()>) -> Result<()> {
        self.edits.iter().try_for_each(|(domain, edits)| each(*domain, edits))
    }

    /// What they do to the state they meet.
    fn apply(self, writing: &mut Writing) -> Result<Effect> {
        let mut effect = Effect { parts: Vec::new(), op_checksums: Vec::new(), order: self.order };
        for (domain, edits) in self.edits {
            if edits.is_empty() {
                continue;
            }
            let topic = edits[0].topic();
            writing.ops_before = effect.op_checksums.len();
            let applied = domain.apply(writing, edits)?;
            effect.op_checksums.extend_from_slice(applied.op_checksums());
            effect.parts.push((topic, applied));
        }
        Ok(effect)
    }
}

/// What a plan does to the state it meets.
struct Effect {
    parts: Vec<(Topic, Box<dyn Applied>)>,
    /// Of the operations that change something, in order.
    op_checksums: Vec<Hash>,
    order: Vec<Topic>,
}

impl Effect {
    /// What became of each edit, in the order in which they were given.
    fn take_outcomes(&mut self) -> Vec<Outcome> {
        let mut parts: Vec<(Topic, _)> =
            self.parts.iter_mut().map(|(topic, part)| (*topic, part.take_outcomes().into_iter())).collect();
        let mut next = |topic: &Topic| parts.iter_mut().find(|(of, _)| of == topic)?.1.next();
        self.order.iter().filter_map(&mut next).collect()
    }

    fn growth(&self) -> Growth {
        self.parts.iter().map(|(_, part)| part.growth()).fold(Growth::default(), |all, part| Growth {
            files: all.files.saturating_add(part.files),
            bytes: all.bytes.saturating_add(part.bytes),
        })
    }

    fn take_heads(&mut self) -> HashMap<FilePath, Head> {
        let heads = self.parts.iter_mut().map(|(_, part)| part.take_heads());
        heads.into_iter().find(|heads| !heads.is_empty()).unwrap_or_default()
    }

    /// How the bundle's event is called.
    fn event(&self, other: Option<&Op>) -> &'static str {
        match other {
            Some(op) => event::other_name(op.name()),
            None => event::name(self.parts.iter().filter_map(|(_, part)| part.event())),
        }
    }
}

/// Stores what `effect` says as the next bundle and returns its id and checksum.
fn write(
    commit: &Commit,
    access: &Access,
    author: ActorId,
    head: &mut LockedHead,
    plan: &Plan,
    effect: &mut Effect,
) -> Result<String> {
    let project = access.project;
    let previous = head.checksum;
    head.seq = head.seq.next();
    // Strictly later than the bundle before, also when the clock steps back.
    head.committed_at = now().max(head.committed_at + 1);
    if let Some(origin) = &plan.origin {
        head.committed_at = head.committed_at.max(origin.committed_at);
    }
    effect.parts.iter_mut().for_each(|(_, part)| part.begin(head));
    let header = BundleHeader {
        project_id: project,
        seq: head.seq,
        bundle_id: plan.origin.as_ref().map_or_else(BundleId::generate, |origin| origin.bundle_id),
        kind: commit.kind.as_str().to_owned(),
        actor_id: author,
        message: commit.message.clone(),
        correlation_id: commit.correlation.map(|(id, _)| id),
        base_seq: commit.base.as_ref().map(|base| base.seq),
        undoes_seq: plan.undoes_seq,
        committed_at: head.committed_at,
    };
    head.checksum = chain::checksum(&previous, &header, &effect.op_checksums)?;
    let op_count = effect.op_checksums.len() as i32;
    let details = match &plan.other {
        // Its checksum is the last.
        Some(op) => {
            Some(json!({"op": op, "op_checksum": effect.op_checksums.last().map(|hash| hash.to_hex())}))
        }
        None => {
            plan.origin.as_ref().map_or_else(|| commit.details.clone(), |origin| Some(origin.details.clone()))
        }
    };
    let entry = LogEntry { header: &header, op_count, previous: &previous, head, details };
    copy_contents(project, plan)?;
    store_contents(project, plan)?;
    let rows = Rows::begin();
    store::append(&rows, &entry)?;
    let bundle = NewBundle { project, author, head };
    effect.parts.iter().try_for_each(|(_, part)| part.insert(&rows, &bundle))?;
    drop(rows);
    effect.parts.iter().try_for_each(|(_, part)| part.finish(&bundle))?;
    early_release::ask();
    if let Some(undoes) = plan.undoes_seq {
        DOMAINS.iter().try_for_each(|domain| domain.take_back(&bundle, undoes))?;
        if commit.kind == Kind::Rollback || plan.origin.is_some() {
            store::leave_order(project, head.seq)?;
        }
    }
    if op_count > 0 {
        notify::bundle(access, head, effect.event(plan.other.as_ref()))?;
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
