//! Rows that are not committed yet. PostgreSQL has whoever inserts a key wait for a transaction that has inserted the same one; who is
//! to wait for nobody looks first.

use super::rows::{primary_key, scan_keys};
use super::{Arg, table_oid};
use pgrx::pg_sys;
use quire_core::error::{Error, Result};
use std::ffi::CStr;

/// What is there under a key.
pub enum UnderKey {
    Nothing,
    /// A row that is committed or one's own, whether one's statements see it or not.
    Row,
    /// A row that another transaction has inserted, which goes on.
    Uncommitted(OtherWriter),
}

/// A transaction that goes on.
pub struct OtherWriter(pg_sys::TransactionId);

impl OtherWriter {
    /// Waits until it has ended.
    pub fn wait(&self) {
        use std::ptr::null_mut;
        // SAFETY: an error in the wait is PostgreSQL's own.
        unsafe { pg_sys::XactLockTableWait(self.0, null_mut(), null_mut(), pg_sys::XLTW_Oper::XLTW_None) };
    }
}

/// Looks for a row by its primary key: the table's first columns in their order.
pub fn look(table: &CStr, key: &[Arg]) -> Result<UnderKey> {
    let table = table_oid(table);
    if table == pg_sys::InvalidOid {
        return Err(Error::internal("there is no table to look into"));
    }
    let mut keys = scan_keys(key.iter())?;
    // SAFETY: the scan's keys, of the columns' types, and its snapshot live until it ends; what it returns is only counted. An error
    // closes table and scan with the (sub)transaction.
    unsafe {
        let mut dirty = std::mem::zeroed::<pg_sys::SnapshotData>();
        dirty.snapshot_type = pg_sys::SnapshotType::SNAPSHOT_DIRTY;
        let relation = pg_sys::table_open(table, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let index = primary_key(relation);
        let has_index = index != pg_sys::InvalidOid;
        let count = keys.len() as i32;
        let scan =
            pg_sys::systable_beginscan(relation, index, has_index, &raw mut dirty, count, keys.as_mut_ptr());
        let sight = if pg_sys::systable_getnext(scan).is_null() {
            UnderKey::Nothing
        } else if dirty.xmin == pg_sys::InvalidTransactionId {
            UnderKey::Row
        } else {
            UnderKey::Uncommitted(OtherWriter(dirty.xmin))
        };
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        Ok(sight)
    }
}
