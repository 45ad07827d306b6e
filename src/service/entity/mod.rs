//! Functions of entities: readers, writers, conflicts.
//!
//! Owns: nothing; what a field is, `domain::entity` says.
//! Does not: write outside a bundle.

mod api;
mod list;
