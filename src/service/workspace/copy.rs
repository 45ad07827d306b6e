//! What a project holds at a seq, and how it gets into another project.

use crate::blob::{self, Copied};
use crate::bundle::{Commit, Kind, Plan, commit};
use crate::domain::file::store::files_at;
use crate::domain::file::{VersionRow, no_file};
use crate::domain::{asset, entity};
use crate::gate::{self, Access, Action};
use crate::ids::{ActorId, ProjectId, Seq};
use crate::log::quarantine;
use crate::service::project::{self, ProjectKind};
use quire_core::asset::{Asset, AssetEdit, Source as AssetSource, no_asset};
use quire_core::edit::Edit;
use quire_core::error::{Error, Result};
use quire_core::field::{FieldEdit, no_entity};
use quire_core::hash::Hash;
use quire_core::interrupt;
use quire_core::json::JsonValue;
use quire_core::key::{EntityKey, FieldKey};
use quire_core::mode::Mode;
use quire_core::op::Topic;
use quire_core::path::FilePath;
use quire_core::quarantine::RowKind;
use quire_core::timestamp::Micros;
use quire_core::tree::{Content, FileEdit};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};

/// Everything in a project at a seq.
pub struct State {
    pub from: ProjectId,
    /// By path.
    pub files: Vec<(FilePath, VersionRow)>,
    /// By entity and name.
    pub fields: Vec<(FieldKey, JsonValue)>,
    /// By hash.
    pub assets: Vec<(Hash, Asset)>,
}

impl State {
    /// Reads it; XX001 when something of it may be in quarantine, because the copy would count as sound.
    pub fn sound_at(project: ProjectId, seq: Seq) -> Result<Self> {
        quarantine::refuse_files(project, seq)?;
        quarantine::refuse(
            project,
            [RowKind::Current(Topic::Field), RowKind::Current(Topic::Asset)],
            json!({}),
        )?;
        quarantine::refuse_ops(project, Topic::Field, seq)?;
        quarantine::refuse_ops(project, Topic::Asset, seq)?;
        Self::at(project, seq)
    }

    /// Reads it; the gate was passed before.
    pub fn at(project: ProjectId, seq: Seq) -> Result<Self> {
        let files = files_at(project, seq)?;
        let fields = entity::store::fields_at(project, seq)?;
        Ok(Self { from: project, files, fields, assets: asset::store::assets_at(project, seq)? })
    }

    /// Only these files (`None`: all), what is below these directories, these entities and assets; PT404 for what is not
    /// there.
    pub fn only(
        mut self,
        paths: &[Option<FilePath>],
        entities: &BTreeSet<EntityKey>,
        assets: &BTreeSet<Hash>,
    ) -> Result<Self> {
        let mut wanted = vec![false; self.files.len()];
        for path in paths {
            let (from, to) = match path {
                None => (0, self.files.len()),
                Some(path) => self.range(path).ok_or_else(|| no_file(path, None))?,
            };
            wanted[from..to].fill(true);
        }
        let mut wanted = wanted.into_iter();
        self.files.retain(|_| wanted.next().unwrap_or(false));
        self.fields.retain(|(key, _)| entities.contains(&key.entity));
        self.assets.retain(|(hash, _)| assets.contains(hash));
        let kept: HashSet<&Hash> = self.assets.iter().map(|(hash, _)| hash).collect();
        if let Some(gone) = assets.iter().find(|hash| !kept.contains(hash)) {
            return Err(no_asset(gone));
        }
        let there: HashSet<&EntityKey> = self.fields.iter().map(|(key, _)| &key.entity).collect();
        match entities.iter().find(|entity| !there.contains(entity)) {
            Some(gone) => Err(no_entity(gone)),
            None => Ok(self),
        }
    }

    /// Where a file, or what is below a directory, is among the files.
    fn range(&self, path: &FilePath) -> Option<(usize, usize)> {
        if let Ok(at) = self.files.binary_search_by(|(file, _)| file.cmp(path)) {
            return Some((at, at + 1));
        }
        let below = format!("{path}/");
        let from = self.files.partition_point(|(file, _)| file.as_str() < below.as_str());
        let count = self.files[from..].iter().take_while(|(file, _)| file.is_below(path.as_str())).count();
        (count > 0).then_some((from, from + count))
    }

    /// What writes all of it into another project, and clears fields there; PT413 for what is too large there. Current files are present; an
    /// asset that is archived stays so.
    pub fn into_plan(self, to: &Access, cleared: Vec<FieldEdit>) -> Result<Plan> {
        let hashes: HashSet<Hash> = self.files.iter().filter_map(|(_, file)| file.content_hash).collect();
        let links = self.files.iter().filter(|(_, file)| file.mode == Mode::Symlink);
        let links: Vec<Hash> = links.filter_map(|(_, file)| file.content_hash).collect();
        let targets = blob::store::read_many(self.from, &links)?;
        let mut edits = Vec::with_capacity(self.files.len());
        for (path, file) in self.files {
            interrupt::step()?;
            let Some(hash) = file.content_hash else { continue };
            blob::check_size(&to.settings, path.as_str(), file.size)?;
            let link_target =
                targets.get(&hash).and_then(|bytes| std::str::from_utf8(bytes).ok()).map(Into::into);
            edits.push(Edit::File(FileEdit::Put {
                path,
                file_type: Some(file.file_type),
                mode: Some(file.mode),
                content: Content { hash, size: file.size, is_binary: file.is_binary, link_target },
                expected_version: None,
            }));
        }
        edits.extend(self.fields.into_iter().map(|(key, value)| write(key, Some(value))).map(Edit::Field));
        edits.extend(cleared.into_iter().map(Edit::Field));
        let or_archived: Vec<Hash> =
            self.assets.iter().map(|(hash, _)| *hash).filter(|hash| !hashes.contains(hash)).collect();
        let assets = self.assets.into_iter().map(|(hash, asset)| AssetEdit::Put {
            hash,
            source: AssetSource::Copied(asset.size),
            label: asset.label,
        });
        edits.extend(assets.map(Edit::Asset));
        let mut hashes: Vec<Hash> = hashes.into_iter().collect();
        hashes.sort_unstable();
        let copied = Some(Copied { from: self.from, hashes, or_archived });
        Ok(Plan { edits, copied, ..Plan::default() })
    }
}

/// Where a copy comes from, as the bundle that brings it in says.
pub fn origin(from: ProjectId, seq: Seq) -> Value {
    json!({"from_project": from.to_string(), "from_seq": seq})
}

/// The fields that entities have in a project and not in what replaces them, cleared.
pub fn clear_others(project: ProjectId, new: &[(FieldKey, JsonValue)]) -> Result<Vec<FieldEdit>> {
    let kept: HashSet<&FieldKey> = new.iter().map(|(key, _)| key).collect();
    let entities: BTreeSet<&EntityKey> = new.iter().map(|(key, _)| &key.entity).collect();
    let mut edits = Vec::new();
    for entity in entities {
        let fields = entity::store::load_entity(project, entity)?;
        let others = fields.into_iter().filter(|(key, state)| state.value.is_some() && !kept.contains(key));
        edits.extend(others.map(|(key, _)| write(key, None)));
    }
    Ok(edits)
}

fn write(key: FieldKey, value: Option<JsonValue>) -> FieldEdit {
    FieldEdit::Write { key, value, base_seq: None, always: false }
}

/// A project that is being copied, as it was before anything of it was read.
pub struct Source {
    pub kind: String,
    pub settings: Value,
    project: ProjectId,
    made_at: Micros,
}

impl Source {
    /// What it is.
    pub fn of(access: &Access) -> Result<Self> {
        let project = access.project;
        let found = project::store::kind_and_settings(project)?;
        let (kind, settings, made_at) = found.ok_or_else(|| gate::no_project(project))?;
        Ok(Self { kind, settings, project, made_at })
    }

    /// Refuses a copy whose source was deleted while it was read, in several statements: to lock the source would be to make
    /// who deletes it wait for strangers.
    pub fn check_still_there(&self) -> Result<()> {
        match project::store::kind_and_settings(self.project)? {
            Some((_, _, made_at)) if made_at == self.made_at => Ok(()),
            _ => Err(gate::no_project(self.project)),
        }
    }
}

/// A new private project of `owner`, and the right to write to it.
pub fn new_project(name: &str, kind: ProjectKind, settings: Value, owner: ActorId) -> Result<Access> {
    let project = ProjectId::generate();
    if !project::store::insert(project, name, kind, "private", settings, owner)? {
        return Err(Error::internal("a new id is taken"));
    }
    gate::require(Action::Manage, project)
}

/// A new project with the settings of the one that is read, and one bundle with what was in it at a seq.
pub fn create(from: &Access, name: &str, kind: ProjectKind, source: &Source, seq: Seq) -> Result<ProjectId> {
    let state = State::sound_at(from.project, seq)?;
    let to = new_project(name, kind, source.settings.clone(), from.author()?)?;
    let details = Some(origin(from.project, seq));
    let request = Commit { details, ..Commit::new(&to, Kind::Import, None) };
    let copied = commit(&request, |_| state.into_plan(&to, Vec::new()));
    // Before contents are missed that went with it.
    source.check_still_there()?;
    copied?;
    Ok(to.project)
}
