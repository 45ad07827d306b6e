//! What the gate found, kept per backend for writers, who have it confirmed under the head lock anyway: by the project's
//! `access_version`, and by whether anybody's role has become another actor's since, or somebody has changed members or projects by hand, of
//! which PostgreSQL's invalidations tell, sent by triggers of the tables.

use super::principal::PrincipalKey;
use super::store::ProjectAccess;
use crate::db;
use crate::ids::ProjectId;
use pgrx::pg_sys::{self, FunctionCallInfo};
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Most entries; a pooled connection may serve very many users.
const MOST: usize = 1000;

/// Before they are looked up.
const NO_TABLES: [pg_sys::Oid; 4] = [pg_sys::InvalidOid; 4];

thread_local! {
    static KEPT: RefCell<HashMap<(ProjectId, PrincipalKey), ProjectAccess>> = RefCell::default();
    static TABLES: Cell<[pg_sys::Oid; 4]> = const { Cell::new(NO_TABLES) };
    static CHANGES: Cell<u64> = const { Cell::new(0) };
    /// The transaction that has changed what is known of somebody.
    static CHANGED_BY: Cell<pg_sys::TransactionId> = const { Cell::new(pg_sys::InvalidTransactionId) };
}

/// How often this backend has heard of such a change.
pub fn changes() -> u64 {
    if TABLES.get() == NO_TABLES {
        TABLES.set([c"actor", c"project_member", c"departure", c"project"].map(db::table_oid));
    }
    // SAFETY: takes in what other sessions have committed.
    unsafe { pg_sys::AcceptInvalidationMessages() };
    CHANGES.get()
}

/// Has PostgreSQL tell of changes. Called once, from `_PG_init`.
pub fn init() {
    // SAFETY: the callback lives as long as the library, which is never unloaded.
    unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(at_change), pg_sys::Datum::from(0usize)) };
}

/// Only touches backend memory.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_change(_arg: pg_sys::Datum, table: pg_sys::Oid) {
    let _ = TABLES.try_with(|tables| {
        if table == pg_sys::InvalidOid || tables.get().contains(&table) {
            CHANGES.set(CHANGES.get() + 1);
            // They may have been made anew.
            tables.set(NO_TABLES);
            let _ = KEPT.try_with(|kept| kept.try_borrow_mut().map(|mut kept| kept.clear()));
        }
    });
}

/// Tells all sessions, when the transaction commits, that a table has changed.
// Outside definer: it looks into no table.
#[pg_extern(sql = false)]
fn invalidate_sessions(fcinfo: FunctionCallInfo) {
    // SAFETY: PostgreSQL calls a function that returns a trigger as a trigger only, and hands over which table it is of.
    unsafe {
        if let Some(call) = (*fcinfo).context.cast::<pg_sys::TriggerData>().as_ref() {
            pg_sys::CacheInvalidateRelcacheByRelid((*call.tg_relation).rd_id);
        }
    }
}

/// What was found last time.
pub fn find(project: ProjectId, key: PrincipalKey) -> Option<ProjectAccess> {
    KEPT.with_borrow(|kept| kept.get(&(project, key)).cloned())
}

/// Remembers, unless something has changed since `changes` were counted, or was changed in this transaction, which may be rolled back.
pub fn keep(project: ProjectId, key: PrincipalKey, found: &ProjectAccess, changes: u64) {
    let xid = top_transaction();
    let has_changed_some = xid != pg_sys::InvalidTransactionId && xid == CHANGED_BY.get();
    if CHANGES.get() != changes || has_changed_some {
        return;
    }
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert((project, key), found.clone());
    });
}

/// Forgets everything, after what is known of somebody has changed here.
pub fn forget() {
    KEPT.with_borrow_mut(HashMap::clear);
    CHANGED_BY.set(top_transaction());
}

fn top_transaction() -> pg_sys::TransactionId {
    // SAFETY: plain read of the transaction's state.
    unsafe { pg_sys::GetTopTransactionIdIfAny() }
}
