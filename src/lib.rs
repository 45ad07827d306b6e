//! quire: versioned files, atomic bundles and a gap-free event log inside PostgreSQL.
//!
//! The modules are listed by floors, the lowest first. Each knows those of its own floor and of the floors before it, never one that
//! comes later, and none in a circle; `tests/statements/floors.rs` checks it. Below all is `quire_core`: what is computed, without
//! PostgreSQL.

#![cfg(feature = "server")]

// What PostgreSQL offers: arguments and values, SPI, settings, memory, errors, the switch of roles.
mod args;
mod bytes;
mod db;
mod definer;
mod guc;
mod ids;
mod jsonb;
mod memory;
mod raise;

// Who may do what.
mod gate;

// The log of a project, and its content.
mod blob;
mod log;

// What an operation is about.
mod domain;

// Events of a bundle, and the only path on which one is written.
mod bundle;
mod event;

// What applications call.
mod service;

// The order of the install script.
mod schema;

::pgrx::pg_module_magic!(name, version);

/// Called by PostgreSQL when it loads the library.
#[::pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    guc::init();
    memory::init();
    gate::init();
    bundle::init();
}
