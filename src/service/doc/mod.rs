//! The functions of documents: changes of Automerge clients, edits from SQL, readers at any point in time, the sync protocol, a
//! storage for automerge-repo, and documents that are values of anybody's tables.
//!
//! Owns: no table; `domain/doc` does.
//! Promises: what a reader shows is what the changes of the document make, whether something of it was kept or not. What works on plain
//! bytes looks into no table, may run in a parallel worker, and takes no more than the settings allow.
//! Does not: write past `bundle::commit`.

mod args;
mod automerge;
mod bind;
mod edit;
mod list;
mod pack;
mod patches;
mod query;
mod read;
mod schema;
mod storage;
mod sync;
mod tx;
mod write;
