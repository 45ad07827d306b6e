//! Who is calling, and what they may do.
//!
//! Owns: actors, the principal of the current call, the one gate [`require`].
//! Promises: a project that the caller may not know of looks exactly like one that does not exist.
//! Does not: rely on row level security; definer functions bypass it, so every function asks here first.

pub mod api;
mod kept;
mod principal;
pub mod store;

use crate::args::project_arg;
use crate::error::{Code, Error, Result};
use crate::ids::{ActorId, ProjectId};
use crate::pure::settings::Settings;
use principal::Caller;
pub use principal::{Principal, current};
use std::borrow::Cow;
use store::ProjectAccess;
pub use store::Standing;

/// What a function is about to do with a project.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// See it.
    Read,
    /// Take part as a member: see the other members, leave, subscribe; being public is not enough.
    Belong,
    /// Change its content.
    Write,
    /// Change its name, settings, status or members, or delete it.
    Manage,
}

/// Role of a member, strongest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Writes.
    Editor,
    /// Manages.
    Owner,
}

impl Role {
    /// From `owner`, `editor` or `viewer`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "owner" => Ok(Role::Owner),
            "editor" => Ok(Role::Editor),
            "viewer" => Ok(Role::Viewer),
            _ => Err(Error::validation("role must be owner, editor or viewer")
                .with("role", crate::pure::path::shorten(text))),
        }
    }

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Editor => "editor",
            Role::Viewer => "viewer",
        }
    }
}

/// Proof that the gate was passed, with what it had to read anyway.
#[derive(Clone, Debug)]
pub struct Access {
    /// What was asked for.
    action: Action,
    /// What it depended on.
    standing: Standing,
    /// The project.
    pub project: ProjectId,
    /// Who.
    pub principal: Principal,
    /// Their role, when they are a member.
    pub role: Option<Role>,
    /// Settings in force.
    pub settings: Settings,
    /// The project's name.
    pub name: String,
    /// Read only.
    pub is_archived: bool,
}

impl Access {
    /// The actor a write is attributed to; registered if it is seen for the first time.
    pub fn author(&self) -> Result<ActorId> {
        author(&self.principal)
    }

    /// The same access after the head lock was taken: asked again if anything it depends on is not as it was.
    pub fn under_lock(&self, standing: Standing) -> Result<Cow<'_, Self>> {
        if standing == self.standing {
            Ok(Cow::Borrowed(self))
        } else {
            self.again().map(Cow::Owned)
        }
    }

    /// The same access, asked again.
    pub fn again(&self) -> Result<Self> {
        require(self.action, self.project)
    }

    /// Refuses an archived project (PT423).
    pub fn require_active(&self) -> Result<()> {
        if self.is_archived {
            return Err(Error::new(Code::Locked, "the project is archived")
                .with("project_id", self.project.to_string())
                .hint("an owner can call unarchive_project"));
        }
        Ok(())
    }
}

/// The gate: whether the caller may do `action` with `project`.
pub fn require(action: Action, project: ProjectId) -> Result<Access> {
    let caller = principal::caller()?;
    let found = store::project_access(project, caller.key())?.ok_or_else(|| no_project(project))?;
    kept::keep(project, caller.key(), &found);
    decide(action, project, caller, found)
}

/// What the gate said before, when this backend asked already: good only for a writer that has it confirmed by
/// [`Access::under_lock`] before anything happens or is shown, and asks [`Access::again`] before it refuses.
pub fn expect(action: Action, project_uuid: Option<pgrx::Uuid>) -> Result<Access> {
    let project = project_arg(project_uuid)?;
    let caller = principal::caller()?;
    match kept::find(project, caller.key()).map(|found| decide(action, project, caller, found)) {
        Some(Ok(access)) => Ok(access),
        _ => require(action, project),
    }
}

fn decide(action: Action, project: ProjectId, caller: Caller, found: ProjectAccess) -> Result<Access> {
    let ProjectAccess { is_public, is_archived, settings, name, standing, display_name } = found;
    let principal = caller.with(standing.actor, display_name);
    let role = standing.role;
    let may_know = principal.is_admin || role.is_some() || is_public;
    if !may_know {
        return Err(no_project(project));
    }
    let allowed = principal.is_admin
        || match action {
            Action::Read => true,
            Action::Belong => role.is_some(),
            Action::Write => role >= Some(Role::Editor),
            Action::Manage => role >= Some(Role::Owner),
        };
    if !allowed {
        let needed = match action {
            Action::Read | Action::Belong => "viewer",
            Action::Write => "editor",
            Action::Manage => "owner",
        };
        return Err(Error::new(Code::Unauthorized, format!("this needs the role {needed} in the project"))
            .with("project_id", project.to_string())
            .with("needed_role", needed));
    }
    Ok(Access { action, standing, project, principal, role, settings, name, is_archived })
}

/// The gate, for a function's `project_uuid` argument.
pub fn require_project(action: Action, project_uuid: Option<pgrx::Uuid>) -> Result<Access> {
    require(action, project_arg(project_uuid)?)
}

/// The actor a write of `principal` is attributed to; registered if it is seen for the first time.
pub fn author(principal: &Principal) -> Result<ActorId> {
    let actor = principal.actor.ok_or_else(|| {
        Error::new(Code::Unauthorized, "nobody is signed in")
            .hint("an administrator maps a database role with map_role_to_actor, or an authenticator sets request.jwt.claims")
    })?;
    if !principal.is_registered {
        store::register_actor(actor)?;
    }
    Ok(actor)
}

/// Refuses everybody but administrators (42501).
pub fn require_admin() -> Result<Principal> {
    let principal = current()?;
    if principal.is_admin {
        Ok(principal)
    } else {
        Err(Error::new(Code::Unauthorized, "this needs an administrator"))
    }
}

/// The same answer for absent and hidden.
pub fn no_project(project: ProjectId) -> Error {
    Error::not_found("no such project").with("project_id", project.to_string())
}
