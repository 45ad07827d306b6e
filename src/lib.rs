//! quire: versioned files, atomic bundles and a gap-free event log inside PostgreSQL.
//!
//! Calls go downwards only:
//!
//! ```text
//! src/<domain>/…      SQL functions, thin          auth, project, file, entity, asset, undo, event and so on
//! src/bundle/commit   the only write path
//! src/<domain>/store  SQL text of a domain
//! src/db              the only SPI code
//! src/pure            algorithms, no PostgreSQL     usable from everywhere, as is `error`
//! ```

pub mod error;
pub mod pure;

#[cfg(feature = "server")]
mod args;
#[cfg(feature = "server")]
mod asset;
#[cfg(feature = "server")]
mod auth;
#[cfg(feature = "server")]
mod blob;
#[cfg(feature = "server")]
mod bundle;
#[cfg(feature = "server")]
mod bytes;
#[cfg(feature = "server")]
mod db;
#[cfg(feature = "server")]
mod definer;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod event;
#[cfg(feature = "server")]
mod file;
#[cfg(feature = "server")]
mod gc;
#[cfg(feature = "server")]
mod guc;
#[cfg(feature = "server")]
mod ids;
#[cfg(feature = "server")]
mod job;
#[cfg(feature = "server")]
mod jsonb;
#[cfg(feature = "server")]
mod memory;
#[cfg(feature = "server")]
mod peer;
#[cfg(feature = "server")]
mod project;
#[cfg(feature = "server")]
mod raise;
#[cfg(feature = "server")]
mod recovery;
#[cfg(feature = "server")]
mod schema;
#[cfg(feature = "server")]
mod snapshot;
#[cfg(feature = "server")]
mod token;
#[cfg(feature = "server")]
mod undo;
#[cfg(feature = "server")]
mod workspace;

#[cfg(feature = "server")]
::pgrx::pg_module_magic!(name, version);

/// Called by PostgreSQL when it loads the library.
#[cfg(feature = "server")]
#[::pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    guc::init();
    memory::init();
    auth::init();
    bundle::init();
}
