//! Functions of Automerge documents.
//!
//! Owns: the functions on plain bytes.
//! Promises: what works on plain bytes looks into no table, may run in a parallel worker, and takes no more than the settings allow.
//! Does not: know what a document is; that is `quire_core::doc`.

mod automerge;
