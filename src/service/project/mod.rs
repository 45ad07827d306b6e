//! Projects and their members.
//!
//! Owns: `project`, `project_head` (its creation), `project_member`.
//! Promises: a project always keeps an owner; an archived project is read only.
//! Does not: change files, or allocate seqs; that is `bundle`.

mod api;
mod member;
pub mod store;

use quire_core::error::{Error, Result};
use quire_core::text::shorten;

/// What a project is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProjectKind {
    /// Somebody works on it.
    Workspace,
    /// Others are made from it.
    Template,
    /// What its owner takes along from project to project.
    Library,
}

impl ProjectKind {
    /// The kinds a caller may give; templates are made by a function of their own.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "workspace" => Ok(ProjectKind::Workspace),
            "library" => Ok(ProjectKind::Library),
            _ => Err(Error::validation("kind must be workspace or library").with("kind", shorten(text))),
        }
    }

    /// From the stored word; what is bound to another project is a workspace when it is copied.
    pub fn of_copy(stored: &str) -> Self {
        match stored {
            "template" => ProjectKind::Template,
            "library" => ProjectKind::Library,
            _ => ProjectKind::Workspace,
        }
    }

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProjectKind::Workspace => "workspace",
            ProjectKind::Template => "template",
            ProjectKind::Library => "library",
        }
    }
}
