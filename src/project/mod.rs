//! Projects and their members.
//!
//! Owns: `project`, `project_head` (its creation), `project_member`.
//! Promises: a project always keeps an owner; an archived project is read only.
//! Does not: change files, or allocate seqs; that is `bundle`.

mod api;
mod member;
pub mod store;

use crate::auth::{self, Access};
use crate::error::Result;

/// Takes the head lock, and asks for the access again if anything it depends on changed meanwhile.
pub fn locked(access: Access) -> Result<Access> {
    let version = store::lock(access.project)?.ok_or_else(|| auth::no_project(access.project))?;
    access.under_lock(version).map(|access| access.into_owned())
}
