//! Statements are planned by their shape, not by how much there happens to be of what.
//!
//! Statistics are of a whole table, and say little of one project in it: of few projects that hold most rows PostgreSQL would conclude
//! that each holds very many, and read all tables for the smallest one, with parallel workers or compiled code. Every statement here says
//! which project it is about, and there is an index for it. Of many projects that hold next to nothing it would conclude that each
//! does, and compare all rows of a large one with each other.
//!
//! Promises: while a statement of quire's is planned and runs, no table is read from end to end where an index would do, no rows are kept
//! to be gone through again for each of others, nothing is compiled and no worker is started. The caller's settings are theirs again when
//! it ends, be it with an error.

use pgrx::pg_sys;
use std::ffi::c_int;

/// While it lives, PostgreSQL plans so.
pub struct ByShape {
    enable_seqscan: bool,
    enable_material: bool,
    jit_enabled: bool,
    workers: c_int,
}

impl ByShape {
    /// Begins.
    pub fn begin() -> Self {
        // SAFETY: plain reads and writes of a backend's variables, which only its planner reads.
        unsafe {
            let before = Self {
                enable_seqscan: pg_sys::enable_seqscan,
                enable_material: pg_sys::enable_material,
                jit_enabled: pg_sys::jit_enabled,
                workers: pg_sys::max_parallel_workers_per_gather,
            };
            pg_sys::enable_seqscan = false;
            pg_sys::enable_material = false;
            pg_sys::jit_enabled = false;
            pg_sys::max_parallel_workers_per_gather = 0;
            before
        }
    }
}

impl Drop for ByShape {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe {
            pg_sys::enable_seqscan = self.enable_seqscan;
            pg_sys::enable_material = self.enable_material;
            pg_sys::jit_enabled = self.jit_enabled;
            pg_sys::max_parallel_workers_per_gather = self.workers;
        }
    }
}
