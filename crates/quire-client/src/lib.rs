//! Typed calls of quire's functions over a PostgreSQL client.
//!
//! [`Quire`] borrows a client, or a transaction of one, and has a method for each SQL function, with its name and the names of its
//! arguments. Optional arguments that are not given have the defaults of the SQL function. An only one is an `Option`; more of them are a
//! struct with a default.
//!
//! ```no_run
//! use postgres::{Client, NoTls};
//! use quire_client::file::WriteFileOptions;
//! use quire_client::{Quire, Reason};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::connect("host=localhost dbname=app", NoTls)?;
//! let mut quire = Quire::new(&mut client);
//! let project = quire.create_project("notes", Default::default())?;
//! let first = quire.upsert_project_file(project, "a.md", "# Notes\n", Default::default())?;
//!
//! let options = WriteFileOptions { expected_version: Some(first.version), ..Default::default() };
//! match quire.upsert_project_file(project, "a.md", "# My notes\n", options) {
//!     Ok(file) => println!("version {}, bundle {}", file.version, file.seq),
//!     Err(error) if error.reason() == Some(Reason::StaleVersion) => println!("somebody else was faster"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Each call is one round trip and leaves no prepared statement behind, so it works behind a pooler, too. Hashes and checksums are
//! text: a checksum may have its first digits only. Whatever an application gives a form of its own (fields, filters, settings,
//! operations) is JSON.
//!
//! Owns: the forms of arguments, results and errors in Rust.
//! Promises: no unsafe code; [`functions`] is what the methods call, because both are made of the same declaration.
//! Does not: connect, retry, or listen.

#![forbid(unsafe_code)]

mod answer;
mod argument;
pub mod asset;
pub mod automerge;
pub mod branch;
pub mod bundle;
mod call;
pub mod copy;
pub mod doc;
pub mod entity;
mod error;
pub mod event;
pub mod file;
pub mod gc;
pub mod job;
pub mod peer;
pub mod people;
pub mod project;
pub mod recovery;
pub mod snapshot;
pub mod token;
pub mod undo;

pub use argument::{Column, Relation};
pub use call::Function;
pub use error::{Error, Refusal, Result};
pub use quire_core::code::Code;
pub use quire_core::id;
pub use quire_core::reason::Reason;

/// quire's functions over a client. The methods are in the order of the reference.
#[derive(Debug)]
pub struct Quire<'c, C> {
    client: &'c mut C,
}

impl<'c, C: postgres::GenericClient> Quire<'c, C> {
    /// Calls go over this client or transaction.
    pub fn new(client: &'c mut C) -> Self {
        Self { client }
    }
}

/// Every function that has a method.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    let groups = [
        project::FUNCTIONS,
        people::FUNCTIONS,
        file::FUNCTIONS,
        bundle::FUNCTIONS,
        doc::FUNCTIONS,
        branch::FUNCTIONS,
        entity::FUNCTIONS,
        asset::FUNCTIONS,
        automerge::FUNCTIONS,
        undo::FUNCTIONS,
        job::FUNCTIONS,
        event::FUNCTIONS,
        snapshot::FUNCTIONS,
        token::FUNCTIONS,
        copy::FUNCTIONS,
        peer::FUNCTIONS,
        recovery::FUNCTIONS,
        gc::FUNCTIONS,
    ];
    groups.into_iter().flatten()
}
