//! Functions of versioned files: readers, writers, differences, merges, restores, tags.
//!
//! Owns: nothing; what a file is, `domain::file` says.
//! Does not: write outside a bundle. Every writer here plans edits and hands them to `bundle::commit`.

mod bulk;
mod diff;
mod head;
mod list;
mod merge;
mod read;
mod restore;
mod tag;
mod write;
