//! Versioned files.
//!
//! Owns: `project_files` (one row per version, never updated), `file_head`, `project_tag`.
//! Promises: versions of a path count 1, 2, 3, ... without gaps; exactly one is current; the tree at any seq is one
//! index look-up per path.
//! Does not: write outside a bundle. Every writer here plans edits and hands them to `bundle::commit`.

mod bulk;
mod diff;
mod head;
mod list;
mod merge;
pub mod read;
mod restore;
mod row;
pub mod store;
mod tag;
mod write;

pub use restore::put as put_again;
pub use row::VersionRow;
