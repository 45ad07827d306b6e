//! Who makes the changes that a session makes for callers without Automerge.

use super::store::{self, DocLine};
use crate::db::clock::now;
use crate::ids::ProjectId;
use quire_core::doc::{ActorId, DocChange, DocSummary};
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

/// A change without operations that depends on all heads of a document, as it is with what a line has and changes of others: it brings a
/// deleted document back as it was, and several heads together.
pub fn empty_change(
    project: ProjectId,
    branch: &str,
    line: &DocLine,
    summary: &DocSummary,
    message: Option<&str>,
) -> Result<DocChange> {
    let actor = server_actor(project, branch);
    let seq = store::last_of(project, line, &actor)? + 1;
    DocChange::empty(&actor, seq, summary.max_op + 1, &summary.heads, seconds_now(), message)
}
