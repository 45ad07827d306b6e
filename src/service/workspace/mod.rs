//! Projects made from others: templates, clones, what a library lends, exports and imports.
//!
//! Owns: no table; what it makes are ordinary projects and bundles of kind `import`.
//! Promises: a copy is equal to its source by hash and shares nothing with it; both sides pass the gate; an export says all
//! that is needed to recover everything without quire, and what is imported was verified first.
//! Does not: keep a copy up to date with its source, or carry over members, tokens, subscriptions and snapshots.

mod api;
mod copy;
mod export;
mod import;
mod store;
