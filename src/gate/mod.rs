//! Who is calling, and what they may do.
//!
//! Owns: actors, the principal of the current call, the one gate [`require`].
//! Promises: a project that the caller may not know of looks exactly like one that does not exist.
//! Does not: rely on row level security; `quire_owner`, with whose rights functions work, bypasses it, so every function asks here
//! first.

mod audience;
pub mod bound;
pub mod kept;
mod principal;
pub mod role;
mod row_security;
pub mod store;
pub mod token;

use crate::args::project_arg;
use crate::db::{self, handed_out};
use crate::ids::{ActorId, ProjectId, SnapshotId};
pub use bound::{Bound, Grant};
use principal::Caller;
pub use principal::{Principal, audience, caller_role, current, presenter};
use quire_core::ability::Need;
use quire_core::error::{Code, Error, Result};
use quire_core::key::DocKey;
use quire_core::path::FilePath;
use quire_core::settings::Settings;
use quire_core::submission::Submission;
use quire_core::token as pure_token;
use role::StoredRole;
use std::borrow::Cow;
use std::rc::Rc;
use store::ProjectAccess;

/// What a function is about to do with a project.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// See it and its files.
    Read,
    /// Follow its events.
    ReadEvents,
    /// Read a snapshot of it; any, or one.
    ReadSnapshot(Option<SnapshotId>),
    /// Take part as a member: see the other members, leave, subscribe; being public is not enough.
    Belong,
    /// Change its content; with a token, its files.
    Write,
    /// See its documents and branches.
    ReadDocs,
    /// Write documents; which ones is asked by [`Access::require_docs`].
    WriteDocs,
    /// Make, merge, close and delete branches.
    WriteBranches,
    /// Change whatever an operation can change; each domain asks for its own.
    WriteAny,
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
                .with("role", quire_core::text::shorten(text))),
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

/// Has PostgreSQL tell of what changes who may do what. Called once, from `_PG_init`.
pub fn init() {
    bound::init();
    kept::init();
}

/// Proof that the gate was passed, with what it had to read anyway.
#[derive(Clone, Debug)]
pub struct Access {
    /// What was asked for.
    action: Action,
    /// What it depended on.
    access_version: i64,
    /// What this backend had heard of roles before it was asked.
    changes: u64,
    /// What is submitted, where a token may be bound to it.
    submission: Option<Submission>,
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

    /// Whether the caller may do something else, too.
    pub fn may(&self, action: Action) -> bool {
        is_allowed(action, &self.principal, self.role)
    }

    /// Refuses a caller whose token allows writing but not reading: what is about to be done shows content.
    pub fn that_reads(self) -> Result<Self> {
        if self.principal.token.is_some() {
            require(Action::Read, self.project)?;
        }
        Ok(self)
    }

    /// Refuses a caller whose token allows writing documents but not reading them.
    pub fn that_reads_docs(self) -> Result<Self> {
        if self.principal.token.is_some() {
            require(Action::ReadDocs, self.project)?;
        }
        Ok(self)
    }

    /// Whether the caller may read documents: who got through the gate may, unless with a token that does not say so.
    pub fn may_read_docs(&self) -> bool {
        self.principal.token.as_ref().is_none_or(|bound| bound.allows(Need::ReadDocs))
    }

    /// Refuses whoever comes with a token.
    pub fn refuse_token(&self) -> Result<()> {
        if self.principal.token.is_some() {
            return Err(beyond_token("none").with("project_id", self.project.to_string()));
        }
        Ok(())
    }

    /// Refuses paths that the caller's token does not allow to write.
    pub fn require_paths<'p>(&self, mut paths: impl Iterator<Item = &'p FilePath>) -> Result<()> {
        let Some(bound) = &self.principal.token else { return Ok(()) };
        match paths.find(|path| !bound.allows(Need::Write(path))) {
            None => Ok(()),
            Some(path) => Err(beyond_token("file:write").with("file_path", path.as_str())),
        }
    }

    /// Refuses documents that the caller's token does not allow to write.
    pub fn require_docs<'k>(&self, mut keys: impl Iterator<Item = &'k DocKey>) -> Result<()> {
        let Some(key) = keys.find(|key| !self.may_write_doc(key)) else { return Ok(()) };
        let refusal =
            beyond_token("doc:write").with("doc", key.doc.as_str()).with("branch", key.branch.as_str());
        Err(if self.is_bound_to_a_submission() {
            refusal.hint("The token is bound to one write by submit_tx, and may be to another one.")
        } else {
            refusal
        })
    }

    /// Whether the caller's token may be bound to one submission of changes.
    fn is_bound_to_a_submission(&self) -> bool {
        self.principal.token.as_ref().is_some_and(|bound| bound.is_bound_to_a_submission())
    }

    /// The same access, for who submits just this: what a token that is bound to it allows.
    pub fn submitting(mut self, submission: impl FnOnce() -> Result<Option<Submission>>) -> Result<Self> {
        if self.is_bound_to_a_submission() {
            self.submission = submission()?;
        }
        Ok(self)
    }

    /// Whether the caller may write a document, by their role and their token.
    pub fn may_write_doc(&self, key: &DocKey) -> bool {
        let need = match &self.submission {
            Some(submission) => Need::SubmitDoc(key, submission),
            None => Need::WriteDoc(key),
        };
        self.may(Action::WriteDocs) && self.principal.token.as_ref().is_none_or(|bound| bound.allows(need))
    }

    /// Refuses a token that is not for branches.
    pub fn require_branches(&self) -> Result<()> {
        match &self.principal.token {
            Some(bound) if !bound.allows(Need::WriteBranches) => Err(beyond_token("doc:write")
                .hint("Branches have documents of all names: this needs doc:write without a glob.")),
            _ => Ok(()),
        }
    }

    /// The same access after the head lock was taken: asked again if anything it depends on is not as it was. A transaction that
    /// sees an older state asks what is true now.
    pub fn under_lock(&self, access_version: i64) -> Result<Cow<'_, Self>> {
        if db::sees_older_state() {
            return db::latest(|| self.again()).map(Cow::Owned);
        }
        if let Some(bound) = &self.principal.token {
            // Who revokes a token does not wait for who writes with it.
            refuse_dead_token(bound)?;
        }
        let is_as_it_was = access_version == self.access_version && self.changes == kept::changes();
        if is_as_it_was { Ok(Cow::Borrowed(self)) } else { self.again().map(Cow::Owned) }
    }

    /// The same access, asked again.
    pub fn again(&self) -> Result<Self> {
        let again = require(self.action, self.project)?;
        Ok(Self { submission: self.submission, ..again })
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
    pass(action, project, principal::caller()?)
}

/// The gate, for whoever presents a token without binding it.
pub fn require_as(action: Action, presented: Rc<Bound>) -> Result<Access> {
    pass(action, presented.project(), principal::presenting(presented)?)
}

fn pass(action: Action, project: ProjectId, caller: Caller) -> Result<Access> {
    let changes = kept::changes();
    let found = store::project_access(project, caller.key())?.ok_or_else(|| no_project(project))?;
    // After what counts revocations was read: one that comes later is noticed under the head lock.
    if let Some(bound) = &caller.token {
        refuse_dead_token(bound)?;
    }
    // What a transaction or a long statement still sees may be over, and whatever ended it was heard of already.
    if db::sees_latest() {
        kept::keep(project, caller.key(), &found, changes);
    }
    decide(action, project, caller, found, changes)
}

/// What the gate said before, when this backend asked already: good only for a writer that has it confirmed by
/// [`Access::under_lock`] before anything happens or is shown, and asks [`Access::again`] before it refuses.
pub fn expect(action: Action, project_uuid: Option<pgrx::Uuid>) -> Result<Access> {
    let project = project_arg(project_uuid)?;
    let caller = principal::caller()?;
    if caller.token.is_some() {
        return require(action, project);
    }
    let changes = kept::changes();
    match kept::find(project, caller.key()).map(|found| decide(action, project, caller, found, changes)) {
        Some(Ok(access)) => Ok(access),
        Some(Err(_)) => require(action, project),
        None => db::latest(|| require(action, project)),
    }
}

/// Refuses a token that no longer counts.
fn refuse_dead_token(bound: &Bound) -> Result<()> {
    let is_revoked = match &bound.grant {
        Grant::Token(_) => {
            store::token::find(bound.project(), bound.id())?.ok_or_else(pure_token::invalid)?.is_revoked
        }
        Grant::Ucan(ucan) => {
            let root = store::token::find_root(ucan.project(), ucan.root(), ucan.token_ids())?;
            let root = root.filter(|root| root.set_by == bound.minted_by);
            root.ok_or_else(pure_token::invalid)?.is_revoked
        }
    };
    token::refuse_dead(bound.expires_at(), is_revoked)
}

fn decide(
    action: Action,
    project: ProjectId,
    caller: Caller,
    found: ProjectAccess,
    changes: u64,
) -> Result<Access> {
    handed_out::tells_of(project);
    let ProjectAccess { is_public, is_archived, settings, name, access_version, actor, role: own, known } =
        found;
    let principal = caller.with(actor, known);
    let (role, is_elsewhere) = match &principal.token {
        Some(bound)
            if bound.admin_role.as_ref().and_then(StoredRole::here).is_some_and(|role| role.is_admin()) =>
        {
            (Some(Role::Owner), bound.project() != project)
        }
        Some(bound) => (own, bound.project() != project),
        None => (own, false),
    };
    let may_know = principal.is_admin || role.is_some() || is_public;
    if !may_know || is_elsewhere {
        return Err(no_project(project));
    }
    if !is_allowed(action, &principal, role) {
        return Err(refusal(action).with("project_id", project.to_string()));
    }
    if let Some(bound) = &principal.token {
        let (need, ability) = needed_ability(action);
        if !need.is_some_and(|need| bound.allows(need)) {
            return Err(beyond_token(ability).with("project_id", project.to_string()));
        }
    }
    Ok(Access {
        action,
        access_version,
        changes,
        submission: None,
        project,
        principal,
        role,
        settings,
        name,
        is_archived,
    })
}

fn is_allowed(action: Action, principal: &Principal, role: Option<Role>) -> bool {
    principal.is_admin
        || match action {
            Action::Read | Action::ReadEvents | Action::ReadSnapshot(_) | Action::ReadDocs => true,
            Action::Belong => role.is_some(),
            Action::Write | Action::WriteDocs | Action::WriteBranches | Action::WriteAny => {
                role >= Some(Role::Editor)
            }
            Action::Manage => role >= Some(Role::Owner),
        }
}

/// The error for a role that does not suffice.
pub fn refusal(action: Action) -> Error {
    let needed = match action {
        Action::Read | Action::ReadEvents | Action::ReadSnapshot(_) | Action::ReadDocs | Action::Belong => {
            "viewer"
        }
        Action::Write | Action::WriteDocs | Action::WriteBranches | Action::WriteAny => "editor",
        Action::Manage => "owner",
    };
    Error::new(Code::Unauthorized, format!("this needs the role {needed} in the project"))
        .with("needed_role", needed)
}

/// What a token must allow, and how that is written; `None` is beyond every token.
fn needed_ability(action: Action) -> (Option<Need<'static>>, &'static str) {
    match action {
        Action::Read => (Some(Need::ReadFiles), "project:read"),
        Action::ReadEvents => (Some(Need::ReadEvents), "events:read"),
        Action::ReadSnapshot(None) => (Some(Need::ReadAnySnapshot), "snapshot:read"),
        Action::ReadSnapshot(Some(snapshot)) => (Some(Need::ReadSnapshot(snapshot)), "snapshot:read"),
        Action::Write => (Some(Need::WriteSome), "file:write"),
        Action::ReadDocs => (Some(Need::ReadDocs), "doc:read"),
        Action::WriteDocs => (Some(Need::WriteSomeDoc), "doc:write"),
        Action::WriteBranches => (Some(Need::WriteBranches), "doc:write"),
        Action::WriteAny => (Some(Need::WriteAny), "file:write or doc:write"),
        Action::Belong | Action::Manage => (None, "none"),
    }
}

fn beyond_token(ability: &str) -> Error {
    Error::new(Code::Unauthorized, "the token does not allow this").with("needed_ability", ability)
}

/// The gate, for a function's `project_uuid` argument.
pub fn require_project(action: Action, project_uuid: Option<pgrx::Uuid>) -> Result<Access> {
    require(action, project_arg(project_uuid)?)
}

/// The gate of writers of one document: their token allows writing it.
pub fn require_doc_writer(
    project_uuid: Option<pgrx::Uuid>,
    key: impl FnOnce() -> Result<DocKey>,
) -> Result<(Access, DocKey)> {
    let access = require_project(Action::WriteDocs, project_uuid)?;
    let key = key()?;
    access.require_docs(std::iter::once(&key))?;
    Ok((access, key))
}

/// The gate of writers of what no token is for.
pub fn require_writer(project_uuid: Option<pgrx::Uuid>) -> Result<Access> {
    let access = require_project(Action::Write, project_uuid)?;
    access.refuse_token()?;
    Ok(access)
}

/// The actor a write of `principal` is attributed to; registered if it is seen for the first time. What is kept of them follows the
/// name of their role and the name that their claims give.
pub fn author(principal: &Principal) -> Result<ActorId> {
    let actor = principal.actor.ok_or_else(|| {
        Error::new(Code::Unauthorized, "nobody is signed in")
            .hint("an administrator maps a database role with map_role_to_actor, or an authenticator sets request.jwt.claims")
    })?;
    if !principal.is_registered {
        store::register_actor(actor, principal.claimed_name.as_deref())?;
        kept::forget();
        return Ok(actor);
    }
    // In a transaction that sees an older state, what it sees may not be what there is: another write will do it.
    if principal.is_behind() && !db::sees_older_state() {
        if principal.known.is_role_behind {
            store::follow_role(actor, &principal.db_role.stored())?;
        }
        if let Some(name) = &principal.claimed_name {
            store::follow_claim(actor, name)?;
        }
        kept::forget();
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

/// Takes the lock of those who change a project's name, settings, status or members, and asks for the access again. They wait for
/// each other and not for writers: what a transaction has written before may still be committed, what comes after is refused.
/// Who takes both takes the head lock first.
pub fn managed(access: Access) -> Result<Access> {
    if store::lock_project(access.project)? { access.again() } else { Err(no_project(access.project)) }
}
