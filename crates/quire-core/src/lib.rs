//! What quire computes, without PostgreSQL: nothing here knows pgrx or SQL, so unit and property tests need no server.
//!
//! Owns: the forms of what is hashed, stored and handed out; what a list of edits does; errors and identifiers.
//! Promises: no unsafe code; nothing panics on input; what may be long asks [`interrupt`] whether to go on.
//! Does not: read or write anything but its arguments.

#![forbid(unsafe_code)]

pub mod ability;
pub mod archive;
pub mod asset;
pub mod audit;
pub mod blob;
pub mod branch;
pub mod bucket;
pub mod chain;
pub mod code;
pub mod conflict;
pub mod content;
#[cfg(test)]
#[path = "../../../tests/lib/dice.rs"]
mod dice;
pub mod diff;
pub mod doc;
pub mod error;
pub mod event;
pub mod export;
pub mod field;
pub mod filter;
pub mod hash;
pub mod id;
pub mod interrupt;
pub mod job;
pub mod json;
pub mod key;
pub mod label;
pub mod mark;
pub mod merge;
pub mod mode;
pub mod name;
pub mod number;
pub mod op;
pub mod path;
pub mod peer;
pub mod person;
pub mod quarantine;
pub mod query;
pub mod reason;
pub mod schema;
pub mod settings;
pub mod submission;
pub mod text;
pub mod timestamp;
pub mod token;
pub mod tree;
pub mod ucan;
pub mod undo;
pub mod value;
#[cfg(test)]
mod vectors;
pub mod wal;

#[cfg(test)]
use hash::Hash;
