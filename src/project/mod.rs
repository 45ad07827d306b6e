//! Projects and their members.
//!
//! Owns: `project`, `project_head` (its creation), `project_member`.
//! Promises: a project always keeps an owner; an archived project is read only.
//! Does not: change files, or allocate seqs; that is `bundle`.

mod api;
mod member;
pub mod store;
