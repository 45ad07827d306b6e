//! The order of the SQL files in the install script, and the error table as SQL sees it.
//!
//! First come the roles, the schemas and the types that functions return, then the functions, which pgrx declares, then everything else:
//! the objects of each domain, their ownership, each function's description and grant, and policies. `sql/README.md` says what is in
//! which file.

use pgrx::prelude::*;
use quire_core::error::Code;
use quire_core::reason::Reason;

/// Tells pgrx of the storage schema, which bootstrap.sql creates.
#[pg_schema]
mod quire_store {}

extension_sql_file!("../sql/install/bootstrap.sql", name = "bootstrap_schema", bootstrap);
extension_sql_file!("../sql/file/type.sql", name = "file", requires = ["bootstrap_schema"]);

/// What comes after the functions. pgrx lets one file only be the last, and `extension_sql_file!` includes what it is given with the
/// macro `include_str!` of the place where it is written: so here it is this one, which puts the files together in the order that
/// stands here. (Were pgrx to include its file otherwise, this would not compile.)
macro_rules! include_str {
    ("after the functions") => {
        concat_files!(
            // Tables, with their triggers.
            "people/table",
            "project/table",
            "bundle/table",
            "blob/table",
            "file/table",
            "entity/table",
            "asset/table",
            "doc/table",
            "branch/table",
            "peer/table",
            "recovery/table",
            "job/table",
            "snapshot/table",
            "token/table",
            "event/subscription",
            "event/channel",
            "event/sink",
            "gc/table",
            // Views, each after those that it is put together from.
            "blob/view",
            "file/view",
            "entity/view",
            "asset/view",
            "doc/view",
            "branch/view",
            "snapshot/view",
            "job/view",
            "recovery/view",
            "bundle/view",
            "gc/view",
            toy "toy/table",
            toy "toy/view",
            // Functions that pgrx does not declare.
            "people/reader",
            "project/reader",
            "bundle/reader",
            "file/reader",
            "entity/reader",
            "asset/reader",
            "doc/reader",
            "branch/reader",
            "job/reader",
            "snapshot/reader",
            "event/reader",
            "gc/reader",
            "doc/aggregate",
            // Whose all that is; from here on nothing is made but policies.
            "install/lock",
            // What each function does and who may call it.
            "people/api",
            "project/api",
            "workspace/api",
            "blob/api",
            "file/write",
            "file/read",
            "bundle/api",
            "entity/api",
            "asset/api",
            "doc/api",
            "doc/binding",
            "doc/pack",
            "doc/query",
            "doc/schema",
            "branch/api",
            "doc/automerge",
            "doc/storage",
            "undo/api",
            "job/api",
            "recovery/api",
            "peer/api",
            "gc/api",
            "token/api",
            "snapshot/api",
            "event/api",
            toy "toy/api",
            "install/policy",
            "install/check"
        )
    };
}

macro_rules! concat_files {
    ($($($kind:ident)? $name:literal),*) => { concat!($(script!($($kind)? $name)),*) };
}

/// A file, or nothing where its domain is not built.
macro_rules! script {
    (toy $name:literal) => {
        toy_file!($name)
    };
    ($name:literal) => {
        core::include_str!(concat!("../sql/", $name, ".sql"))
    };
}

#[cfg(feature = "toy")]
macro_rules! toy_file {
    ($name:literal) => {
        script!($name)
    };
}

#[cfg(not(feature = "toy"))]
macro_rules! toy_file {
    ($name:literal) => {
        ""
    };
}

extension_sql_file!("after the functions", name = "finalize_schema", finalize);

/// Every condition a function can raise, for generated documentation.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
fn error_codes()
-> TableIterator<'static, (name!(sqlstate, String), name!(code, String), name!(description, String))> {
    TableIterator::new(
        Code::ALL
            .map(|code| (code.sqlstate().to_owned(), code.name().to_owned(), code.description().to_owned())),
    )
}

/// Every `reason` that DETAIL can have, for generated documentation.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
fn error_reasons() -> TableIterator<
    'static,
    (name!(reason, String), name!(sqlstates, Vec<String>), name!(meaning, String), name!(remedy, String)),
> {
    TableIterator::new(Reason::ALL.map(|reason| {
        let sqlstates = reason.codes().iter().map(|code| code.sqlstate().to_owned()).collect();
        (reason.as_str().to_owned(), sqlstates, reason.meaning().to_owned(), reason.remedy().to_owned())
    }))
}
