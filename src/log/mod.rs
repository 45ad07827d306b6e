//! The log of a project: its bundles, its head row, and the places in it that others remember.
//!
//! Owns: `bundle`, `project_head` but for its creation, `project_tag`, what of a project is in quarantine.
//! Promises: seqs are gapless and in commit order; each bundle is chained to the one before; writers of a project queue in
//! the order of their arrival; a row in quarantine is not handed out.
//! Does not: know what an operation means.

mod guard;
mod head;
pub mod place;
pub mod point;
pub mod quarantine;
pub mod queue;
pub mod store;

use crate::gate::{self, Access};
pub use guard::with_guard_open;
pub use head::{LockedHead, lock_head, lock_head_and};
pub use place::Place;
use quire_core::error::Result;

/// Takes the head lock, and asks for the access again if anything it depends on changed meanwhile.
pub fn locked(access: Access) -> Result<Access> {
    let head = lock_head(&access)?.ok_or_else(|| gate::no_project(access.project))?;
    access.under_lock(head.access_version).map(|access| access.into_owned())
}
