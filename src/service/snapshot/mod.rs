//! Snapshots: a project, or what changed in it, as one archive.
//!
//! Owns: `snapshot`, `snapshot_chunk`.
//! Promises: the same tree gives the same archive, made once and kept while somebody can still fetch it; making one takes
//! memory for a few files, however large the project; a tar.zst refers to blobs and stores no content again; nothing of an
//! archive that breaks a rule comes in.
//! Does not: change files by itself; what an archive brings goes through `bundle`.

pub mod build;
mod chunk;
mod create;
mod hydrate;
pub mod read;
mod restore;
mod session;
mod store;
mod verify;
