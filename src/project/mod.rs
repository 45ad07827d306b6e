//! Projects and their members.
//!
//! Owns: `project`, `project_head` (its creation), `project_member`.
//! Promises: a project always keeps an owner; an archived project is read only.
//! Does not: change files, or allocate seqs; that is `bundle`.

mod api;
mod member;
pub mod store;

use crate::auth::{self, Access};
use crate::bundle::store::lock_head;
use crate::error::Result;

/// Takes the head lock, and asks for the access again if anything it depends on changed meanwhile.
pub fn locked(access: Access) -> Result<Access> {
    let head = lock_head(&access, None)?.ok_or_else(|| auth::no_project(access.project))?;
    access.under_lock(head.standing).map(|access| access.into_owned())
}
