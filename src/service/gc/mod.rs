//! The end of content: collected when nobody needs it, or archived by an owner.
//!
//! Owns: `gc_round`, `gc_candidate`, the states of `blob`, the views of what keeps content.
//! Promises: content that `blob_reference` lists is never collected, also when a writer refers to it at the same moment;
//! a collected blob says when and why.
//! Does not: make bundles, because no file, field or asset changes; or hold the head lock while it looks at everything.

pub mod api;
mod archive;
mod run;
pub mod store;
