//! What a project holds at a seq, and how it gets into another project.

use crate::bundle::{Commit, Kind, Plan, commit};
use crate::domain::DOMAINS;
use crate::domain::copying::{Copying, Selection};
use crate::gate::{self, Access, Action};
use crate::ids::{ActorId, ProjectId, Seq};
use crate::service::project::{self, ProjectKind};
use quire_core::error::{Error, Result};
use quire_core::timestamp::Micros;
use serde_json::{Value, json};

/// Plans to write what a project holds at a seq, or a part of it, into another one; XX001 when something of it may be in quarantine,
/// because the copy would count as sound, PT404 for what is not there, PT413 for what is too large there.
pub fn plan(from: ProjectId, seq: Seq, to: &Access, selection: Option<&Selection>) -> Result<Plan> {
    DOMAINS.iter().try_for_each(|domain| domain.refuse_unsound(from, seq))?;
    let mut copying = Copying::new(from, seq, to, selection);
    DOMAINS.iter().try_for_each(|domain| domain.copy(&mut copying))?;
    let Copying { edits, contents, .. } = copying;
    Ok(Plan { edits, copied: Some(contents), ..Plan::default() })
}

/// Where a copy comes from, as the bundle that brings it in says.
pub fn origin(from: ProjectId, seq: Seq) -> Value {
    json!({"from_project": from.to_string(), "from_seq": seq})
}

/// A project that is being copied, as it was before anything of it was read.
pub struct CopySource {
    pub kind: String,
    pub settings: Value,
    project: ProjectId,
    made_at: Micros,
}

impl CopySource {
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
pub fn create(
    from: &Access,
    name: &str,
    kind: ProjectKind,
    source: &CopySource,
    seq: Seq,
) -> Result<ProjectId> {
    let to = new_project(name, kind, source.settings.clone(), from.author()?)?;
    let details = Some(origin(from.project, seq));
    let request = Commit { details, was_accepted: true, ..Commit::new(&to, Kind::Import, None) };
    let copied = commit(&request, |_| plan(from.project, seq, &to, None));
    // Before contents are missed that went with it.
    source.check_still_there()?;
    copied?;
    Ok(to.project)
}
