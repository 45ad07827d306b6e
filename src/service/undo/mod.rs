//! Undo, redo and revert: bundles that take other bundles back.
//!
//! Owns: no table; `bundle.undoes_seq` says it all.
//! Promises: nothing is rewritten; what somebody else has since changed is never lost silently; `undo` and `redo` walk
//! the caller's own bundles only.
//! Does not: know how a domain stores things; it reads what a bundle touched and plans ordinary edits.

mod api;
mod plan;
mod store;
