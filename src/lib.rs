//! quire: versioned files, atomic bundles and a gap-free event log inside PostgreSQL.
//!
//! Calls go downwards only:
//!
//! ```text
//! src/<domain>/…      SQL functions, thin          auth, project, file, entity, asset, undo, event and so on
//! src/bundle/commit   the only write path
//! src/<domain>/store  SQL text of a domain
//! src/db              the only SPI code
//! crates/quire-core   algorithms, no PostgreSQL     usable from everywhere
//! ```

#![cfg(feature = "server")]

mod args;
mod asset;
mod auth;
mod blob;
mod bundle;
mod bytes;
mod db;
mod definer;
mod entity;
mod event;
mod file;
mod gc;
mod guc;
mod ids;
mod job;
mod jsonb;
mod memory;
mod peer;
mod project;
mod raise;
mod recovery;
mod schema;
mod snapshot;
mod token;
mod undo;
mod workspace;

::pgrx::pg_module_magic!(name, version);

/// Called by PostgreSQL when it loads the library.
#[::pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    guc::init();
    memory::init();
    auth::init();
    bundle::init();
}
