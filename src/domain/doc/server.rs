//! Who makes the changes that a session makes for callers without Automerge.

use super::store::{self, DocHead};
use crate::db::clock::now;
use crate::ids::ProjectId;
use quire_core::doc::{ActorId, DocChange};
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::timestamp::Micros;

/// Microseconds of the unit in which JavaScript's Automerge says when a change was made.
const SECOND: Micros = 1_000_000;

thread_local! {
    static SESSION: [u8; 16] = *uuid::Uuid::new_v4().as_bytes();
}

/// The Automerge actor of this session on a branch of a project. An actor's changes are counted, so nobody else may be it: no other
/// session, no session of a copy of this database or of what it was set back to, and not this one in a copy of the project or on another
/// branch, which goes on from the same changes. So it is one of chance.
pub fn server_actor(project: ProjectId, branch: &str) -> ActorId {
    let name =
        SESSION.with(|session| Hash::of_parts([&session[..], &project.0.as_bytes()[..], branch.as_bytes()]));
    ActorId::from(&name.as_bytes()[..16])
}

/// Now, as changes tell the time.
pub fn seconds_now() -> i64 {
    now() / SECOND
}

/// What brings a deleted document back as it was: a change without operations, which nobody has deleted.
pub fn bring_back(
    project: ProjectId,
    branch: &str,
    head: &DocHead,
    message: Option<&str>,
) -> Result<DocChange> {
    let actor = server_actor(project, branch);
    let seq = store::last_of(project, &head.line, &actor)? + 1;
    DocChange::empty(&actor, seq, head.summary.max_op + 1, &head.summary.heads, seconds_now(), message)
}
