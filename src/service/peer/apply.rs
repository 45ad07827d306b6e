//! How an incoming bundle is applied: thing by thing, the write with the greater stamp decides.

use super::pull::header;
use super::{coexist, known_as, store};
use crate::blob;
use crate::bundle::{Origin, Plan};
use crate::domain::{asset, entity, file};
use crate::gate::Access;
use crate::ids::{ActorId, ProjectId};
use crate::log::LockedHead;
use quire_core::asset::{AssetEdit, Assets, Source};
use quire_core::edit::Edit;
use quire_core::error::{Error, Result};
use quire_core::field::{Clash, FieldEdit, FieldState, Fields};
use quire_core::hash::Hash;
use quire_core::json::JsonValue;
use quire_core::key::{EntityKey, FieldKey};
use quire_core::op::{AssetOp, Change, FieldOp, File, FileOp, Kept, Op, Write};
use quire_core::path::FilePath;
use quire_core::peer::{Bundle, SentOp, Stamp, Verdict, judge};
use quire_core::settings::Settings;
use quire_core::tree::{Content, FileEdit, Head};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What came of planning an incoming bundle.
pub struct Planned {
    pub plan: Plan,
    /// What was in conflict, in words.
    pub reasons: Vec<String>,
}

/// Plans to apply a bundle under the head lock, and keeps the conflicts it is in.
pub fn plan(access: &Access, peer: &str, head: &LockedHead, bundle: &Bundle) -> Result<Planned> {
    let mut run = Run::load(access, bundle)?;
    for sent in &bundle.ops {
        run.apply(sent)?;
    }
    let left_out = coexist::leave_out(access.project, &mut run.edits, head)?;
    run.is_verbatim &= left_out.is_empty();
    run.reasons.extend(left_out);
    run.keep_conflicts(head)?;
    run.keep_stamps()?;
    let Run { edits, fields, assets, reasons, is_verbatim, contents, .. } = run;
    let wanted: HashSet<Hash> = edits
        .iter()
        .filter_map(|edit| match edit {
            FileEdit::Put { content, .. } => Some(content.hash),
            _ => None,
        })
        .collect();
    let kept = assets.iter().filter_map(|edit| match edit {
        AssetEdit::Put { hash, source: Source::Given(_), .. } => Some(*hash),
        _ => None,
    });
    let wanted: HashSet<Hash> = wanted.into_iter().chain(kept).collect();
    let contents: Vec<(&Content, &[u8])> = contents
        .values()
        .filter(|content| wanted.contains(&content.hash))
        .filter_map(|content| Some((content, bundle.contents.get(&content.hash)?.as_slice())))
        .collect();
    let blobs = blob::prepare(access.project, &contents)?;
    let mut origin = json!({
        "peer": peer, "header": header(&bundle.header)?, "prev_checksum": bundle.previous.to_hex(),
        "checksum": bundle.checksum.to_hex(), "undoes_bundle_id": bundle.undoes,
        "undoes_made_as": bundle.undoes_made_as, "display_name": bundle.display_name
    });
    if !is_verbatim {
        origin["ops"] = bundle.ops.iter().map(SentOp::to_json).collect::<Result<Value>>()?;
    }
    let undoes_seq = match bundle.undoes {
        Some(undoes) => known_as(access.project, undoes, bundle.undoes_made_as)?,
        None => None,
    };
    let origin = Origin {
        bundle_id: bundle.header.bundle_id,
        actor: author(bundle),
        committed_at: bundle.header.committed_at,
        details: json!({"origin": origin}),
    };
    let edits = edits.into_iter().map(Edit::File);
    let edits = edits.chain(fields.into_iter().map(Edit::Field)).chain(assets.into_iter().map(Edit::Asset));
    let edits = edits.collect();
    let plan = Plan { edits, blobs, undoes_seq, origin: Some(origin), ..Plan::default() };
    Ok(Planned { plan, reasons })
}

struct Run<'a> {
    project: ProjectId,
    settings: Settings,
    bundle: &'a Bundle,
    /// Files as they are, and as the edits so far make them.
    files: HashMap<FilePath, Option<File>>,
    heads: HashMap<FilePath, Head>,
    here: Fields,
    stamps: HashMap<i64, Stamp>,
    /// Of writes that left a thing as it was.
    seen: HashMap<String, Stamp>,
    verdicts: HashMap<FilePath, Verdict>,
    field_verdicts: HashMap<FieldKey, Verdict>,
    /// Contents that came, described.
    contents: HashMap<Hash, Content>,
    existing: HashSet<Hash>,
    edits: Vec<FileEdit>,
    fields: Vec<FieldEdit>,
    /// The entities that `fields` are of.
    written: HashSet<EntityKey>,
    /// Assets as they are: the bundle that made them so, and whether they are kept.
    kept: HashMap<Hash, (i64, bool)>,
    known_assets: Assets,
    asset_verdicts: HashMap<Hash, Verdict>,
    assets: Vec<AssetEdit>,
    /// Those that `assets` are of.
    written_assets: HashSet<Hash>,
    lost: HashMap<FieldKey, Option<JsonValue>>,
    reasons: Vec<String>,
    /// Every operation is applied as it came.
    is_verbatim: bool,
}

impl<'a> Run<'a> {
    fn load(access: &Access, bundle: &'a Bundle) -> Result<Self> {
        let project = access.project;
        let mut paths: BTreeSet<&str> = BTreeSet::new();
        let mut keys: BTreeSet<&FieldKey> = BTreeSet::new();
        let mut entities: BTreeSet<EntityKey> = BTreeSet::new();
        let mut assets: Vec<Hash> = Vec::new();
        for write in bundle.ops.iter().flat_map(|sent| &sent.writes) {
            match &write.change {
                Change::File(path, _) => drop(paths.insert(path.as_str())),
                Change::Field(key, _) => drop(keys.insert(key)),
                Change::Asset(hash, _) => assets.push(*hash),
            }
        }
        for sent in &bundle.ops {
            if let Op::Field(FieldOp::DeleteEntity { entity }) = &sent.op {
                entities.insert(entity.clone());
            }
        }
        let heads = file::store::heads_at(project, &paths)?;
        let mut here = entity::store::load_fields(project, &keys.into_iter().collect::<Vec<_>>())?;
        for entity in &entities {
            here.extend(entity::store::load_entity(project, entity)?);
        }
        let kept = store::assets(project, &assets)?;
        let seqs: BTreeSet<i64> = heads
            .values()
            .map(|head| head.seq)
            .chain(here.values().map(|state| state.seq))
            .chain(kept.values().map(|(seq, _)| *seq))
            .collect();
        let stamps = store::stamps(project, &seqs.into_iter().collect::<Vec<_>>())?;
        let targets: Vec<String> =
            paths.iter().map(|path| of_file(path)).chain(assets.iter().map(of_asset)).collect();
        let seen = store::seen_stamps(project, &targets)?;
        let files = heads.iter().map(|(path, head)| (path.clone(), head.file())).collect();
        let hashes: Vec<Hash> = bundle
            .ops
            .iter()
            .flat_map(|sent| &sent.writes)
            .filter_map(|write| match &write.change {
                Change::File(_, file) => file.as_ref().map(|file| file.content_hash),
                Change::Asset(hash, _) => Some(*hash),
                Change::Field(..) => None,
            })
            .collect();
        let existing = blob::store::existing(project, &hashes)?;
        let contents = bundle.contents.iter().map(|(hash, bytes)| (*hash, blob::content_of(bytes))).collect();
        Ok(Self {
            project,
            settings: access.settings,
            bundle,
            files,
            heads,
            here,
            stamps,
            seen,
            verdicts: HashMap::new(),
            field_verdicts: HashMap::new(),
            contents,
            existing,
            edits: Vec::new(),
            fields: Vec::new(),
            written: HashSet::new(),
            kept,
            known_assets: asset::store::load(project, &assets)?,
            asset_verdicts: HashMap::new(),
            assets: Vec::new(),
            written_assets: HashSet::new(),
            lost: HashMap::new(),
            reasons: Vec::new(),
            is_verbatim: true,
        })
    }

    fn apply(&mut self, sent: &SentOp) -> Result<()> {
        match &sent.op {
            Op::File(FileOp::Move { from_path, to_path }) => self.apply_move(sent, from_path, to_path),
            Op::File(FileOp::Put { .. } | FileOp::Delete { .. })
            | Op::Field(FieldOp::Set { .. } | FieldOp::Unset { .. })
            | Op::Asset(_) => sent.writes.iter().try_for_each(|write| self.apply_write(write, &sent.op)),
            Op::Field(FieldOp::DeleteEntity { entity }) => {
                self.apply_delete(sent, entity);
                Ok(())
            }
            Op::System(_) => Err(Error::internal("this operation does not travel")),
        }
    }

    fn apply_write(&mut self, Write { change, base }: &Write, op: &Op) -> Result<()> {
        let is_done = match change {
            Change::File(path, file) => {
                self.judge_file(path, file.as_ref(), *base) && self.write_file(path, file.as_ref())?
            }
            Change::Field(key, value) => {
                let wins = self.judge_field(key, value.as_ref(), *base);
                if wins {
                    self.write_field(key, value.as_ref());
                }
                wins
            }
            Change::Asset(hash, kept) => {
                let reason = match op {
                    Op::Asset(AssetOp::Delete { reason, .. }) => reason.as_deref(),
                    Op::Asset(AssetOp::Put { .. }) | Op::File(_) | Op::Field(_) | Op::System(_) => None,
                };
                self.judge_asset(hash, kept.as_ref(), *base) && self.write_asset(hash, kept.as_ref(), reason)
            }
        };
        self.is_verbatim &= is_done;
        Ok(())
    }

    /// The write that decided what a file or asset is: the one that made it so, or a later one that found it so.
    fn stamp(&self, seq: Option<i64>, target: &str) -> Option<Stamp> {
        let made = seq.and_then(|seq| self.stamps.get(&seq));
        made.max(self.seen.get(target)).copied()
    }

    /// Whether this bundle decides what is at a path; the first of its operations there settles it.
    fn judge_file(&mut self, path: &FilePath, file: Option<&File>, base: Option<uuid::Uuid>) -> bool {
        if let Some(verdict) = self.verdicts.get(path) {
            return verdict.wins;
        }
        let head = self.heads.get(path);
        let stamp = self.stamp(head.map(|head| head.seq), &of_file(path.as_str()));
        let is_equal = head.and_then(Head::file).as_ref() == file;
        let verdict = judge(stamp, self.bundle.stamp(), base, is_equal);
        if verdict.is_conflict {
            let kept = if verdict.wins { "the incoming one" } else { "the one that is here" };
            self.reasons.push(format!("{path} was changed on both sides; {kept} is later and stays"));
        }
        self.is_verbatim &= !verdict.is_conflict;
        self.verdicts.insert(path.clone(), verdict);
        verdict.wins
    }

    /// Plans what makes a path this file; `false` when that is no operation of its own.
    fn write_file(&mut self, path: &FilePath, file: Option<&File>) -> Result<bool> {
        let now = self.files.get(path).cloned().flatten();
        if now.as_ref() == file {
            return Ok(false);
        }
        let Some(file) = file else {
            self.files.insert(path.clone(), None);
            self.edits.push(FileEdit::Delete { path: path.clone(), expected_version: None });
            return Ok(true);
        };
        let Some(content) = self.content(file)? else {
            self.reasons.push(format!("the content of {path} was not sent"));
            return Ok(false);
        };
        blob::check_size(&self.settings, path.as_str(), content.size)?;
        self.files.insert(path.clone(), Some(file.clone()));
        self.edits.push(FileEdit::Put {
            path: path.clone(),
            file_type: Some(file.file_type.clone()),
            mode: Some(file.mode),
            content,
            expected_version: None,
        });
        Ok(true)
    }

    /// Content that came, or is here already.
    fn content(&self, file: &File) -> Result<Option<Content>> {
        if let Some(content) = self.contents.get(&file.content_hash) {
            return Ok(Some(content.clone()));
        }
        if !self.existing.contains(&file.content_hash) {
            return Ok(None);
        }
        Ok(Some(blob::content_of(&blob::store::read(self.project, &file.content_hash)?)))
    }

    fn apply_move(&mut self, sent: &SentOp, from: &FilePath, to: &FilePath) -> Result<()> {
        let mut moved = None;
        let mut wins = [false, false];
        for write in &sent.writes {
            if let Change::File(path, file) = &write.change {
                let at = usize::from(path == to);
                wins[at] = self.judge_file(path, file.as_ref(), write.base);
                moved = file.clone().or(moved);
            }
        }
        let at = |path: &FilePath| self.files.get(path).cloned().flatten();
        if wins == [true, true] && at(from) == moved && at(to).is_none() {
            self.files.insert(from.clone(), None);
            self.files.insert(to.clone(), moved);
            self.edits.push(FileEdit::Move { from: from.clone(), to: to.clone(), expected_version: None });
            return Ok(());
        }
        self.is_verbatim = false;
        if wins[0] {
            self.write_file(from, None)?;
        }
        if wins[1] {
            self.write_file(to, moved.as_ref())?;
        }
        Ok(())
    }

    fn judge_field(&mut self, key: &FieldKey, value: Option<&JsonValue>, base: Option<uuid::Uuid>) -> bool {
        if let Some(verdict) = self.field_verdicts.get(key) {
            return verdict.wins;
        }
        let state = self.here.get(key);
        let stamp = state.and_then(|state| self.stamps.get(&state.seq)).copied();
        let is_equal = state.is_some_and(|state| state.value.as_ref() == value);
        let verdict = judge(stamp, self.bundle.stamp(), base, is_equal);
        if verdict.is_conflict {
            let kept = if verdict.wins { "the incoming value" } else { "the value that is here" };
            self.reasons.push(format!(
                "{} of {} was changed on both sides; {kept} is later and shows",
                key.field, key.entity
            ));
            if !verdict.wins {
                self.lost.insert(key.clone(), value.cloned());
            }
        }
        self.is_verbatim &= !verdict.is_conflict;
        self.field_verdicts.insert(key.clone(), verdict);
        verdict.wins
    }

    /// Whether an asset is kept so, or not at all.
    fn is_asset_equal(&self, hash: &Hash, kept: Option<&Kept>) -> bool {
        let here = self.known_assets.get(hash).filter(|asset| !asset.is_deleted).map(|asset| &asset.label);
        here == kept.map(|kept| &kept.label)
    }

    fn judge_asset(&mut self, hash: &Hash, kept: Option<&Kept>, base: Option<uuid::Uuid>) -> bool {
        let is_equal = self.is_asset_equal(hash, kept);
        let here = self.stamp(self.kept.get(hash).map(|(seq, _)| *seq), &of_asset(hash));
        let incoming = self.bundle.stamp();
        let verdict =
            *self.asset_verdicts.entry(*hash).or_insert_with(|| judge(here, incoming, base, is_equal));
        if verdict.is_conflict {
            let kept = if verdict.wins { "the incoming one" } else { "the one that is here" };
            self.reasons.push(format!(
                "asset {} was changed on both sides; {kept} is later and stays",
                hash.to_hex()
            ));
        }
        self.is_verbatim &= !verdict.is_conflict;
        verdict.wins
    }

    /// Plans what makes an asset so; `false` when nothing can be done.
    fn write_asset(&mut self, hash: &Hash, kept: Option<&Kept>, reason: Option<&str>) -> bool {
        let is_first = !self.written_assets.contains(hash);
        if is_first && self.is_asset_equal(hash, kept) {
            return false;
        }
        let is_kept = self.kept.get(hash).is_some_and(|(_, is_kept)| *is_kept);
        let edit = match kept {
            Some(Kept { label, .. }) => {
                let source = match self.contents.get(hash) {
                    Some(content) => Source::Given(content.size),
                    None if self.existing.contains(hash) => Source::Stored,
                    None => {
                        self.reasons.push(format!("the content of asset {} was not sent", hash.to_hex()));
                        return false;
                    }
                };
                AssetEdit::Put { hash: *hash, source, label: label.clone() }
            }
            None if is_kept => AssetEdit::Delete { hash: *hash, reason: reason.map(str::to_owned) },
            None => return false,
        };
        let seq = self.kept.get(hash).map_or(0, |(seq, _)| *seq);
        self.kept.insert(*hash, (seq, matches!(edit, AssetEdit::Put { .. })));
        self.written_assets.insert(*hash);
        self.assets.push(edit);
        true
    }

    fn write_field(&mut self, key: &FieldKey, value: Option<&JsonValue>) {
        self.written.insert(key.entity.clone());
        self.fields.push(FieldEdit::Write {
            key: key.clone(),
            value: value.cloned(),
            base_seq: None,
            always: true,
        });
    }

    fn apply_delete(&mut self, sent: &SentOp, entity: &EntityKey) {
        let mut won = BTreeSet::new();
        for write in &sent.writes {
            if let Change::Field(key, _) = &write.change
                && self.judge_field(key, None, write.base)
            {
                won.insert(key.clone());
            }
        }
        // What the author did not know of stays.
        let live: BTreeSet<FieldKey> =
            quire_core::field::fields_of(&self.here, entity).map(|(key, _)| key.clone()).collect();
        let is_whole = !live.is_empty() && live == won && !self.written.contains(entity);
        self.is_verbatim &= is_whole;
        if is_whole {
            self.written.insert(entity.clone());
            self.fields.push(FieldEdit::Delete { entity: entity.clone(), base_seq: None });
            return;
        }
        for key in won {
            self.write_field(&key, None);
        }
    }

    /// Of a path or asset that the bundle decides and leaves as it is, no row tells that it does.
    fn keep_stamps(&self) -> Result<()> {
        let written: HashSet<&FilePath> = self.edits.iter().flat_map(FileEdit::paths).collect();
        let files = self.verdicts.iter().filter(|(path, verdict)| verdict.wins && !written.contains(path));
        let assets = self.asset_verdicts.iter();
        let assets = assets.filter(|(hash, verdict)| verdict.wins && !self.written_assets.contains(hash));
        let targets: Vec<String> = files
            .map(|(path, _)| of_file(path.as_str()))
            .chain(assets.map(|(hash, _)| of_asset(hash)))
            .collect();
        store::keep_stamp(self.project, &targets, self.bundle.stamp())
    }

    /// Conflicts about fields are kept, whoever won.
    fn keep_conflicts(&self, head: &LockedHead) -> Result<()> {
        let (seq, by) = (head.seq + 1, author(self.bundle));
        if self.bundle.header.kind == "merge_resolution" {
            for edit in &self.fields {
                if let FieldEdit::Write { key, value, .. } = edit {
                    entity::settle(self.project, by, seq, key, value.as_ref())?;
                }
            }
            return Ok(());
        }
        for (key, verdict) in &self.field_verdicts {
            let Some(theirs) = self.here.get(key).filter(|_| verdict.is_conflict) else { continue };
            let lost = self.lost.get(key).map(Option::as_ref);
            let theirs: FieldState = theirs.clone();
            let clash = Clash { key: key.clone(), yours: None, theirs, base_seq: 0 };
            entity::open(self.project, by, seq, &clash, lost)?;
        }
        Ok(())
    }
}

/// Who made a bundle, as it is attributed here: what the built-in actor of another database did, that of this one did not.
pub fn author(bundle: &Bundle) -> ActorId {
    Some(ActorId(bundle.header.actor_id))
        .filter(|actor| !actor.is_built_in())
        .unwrap_or(ActorId::SYSTEM_ELSEWHERE)
}

/// A path, as stamps are kept of it.
fn of_file(path: &str) -> String {
    format!("file {path}")
}

/// An asset, as stamps are kept of it.
fn of_asset(hash: &Hash) -> String {
    format!("asset {}", hash.to_hex())
}
