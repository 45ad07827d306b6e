//! Rows that are not committed yet. PostgreSQL has whoever inserts a key wait for a transaction that has inserted the same one; who is
//! to wait for nobody looks first.

use super::table_oid;
use crate::error::{Error, Result};
use pgrx::IntoDatum;
use pgrx::pg_sys;
use std::ffi::CStr;
use uuid::Uuid;

/// A value of a key.
#[derive(Clone, Copy)]
pub enum Part {
    Uuid(Uuid),
    Int(i32),
}

/// What is there under a key.
pub enum Sight {
    Nothing,
    /// A row that is committed or one's own, whether one's statements see it or not.
    Row,
    /// A row that another transaction has inserted, which goes on.
    Uncommitted(Writer),
}

/// A transaction that goes on.
pub struct Writer(pg_sys::TransactionId);

impl Writer {
    /// Waits until it has ended.
    pub fn wait(&self) {
        use std::ptr::null_mut;
        // SAFETY: an error in the wait is PostgreSQL's own.
        unsafe { pg_sys::XactLockTableWait(self.0, null_mut(), null_mut(), pg_sys::XLTW_Oper::XLTW_None) };
    }
}

/// Looks for a row by its primary key: the table's first columns in their order.
pub fn look(table: &CStr, primary_key: &CStr, key: &[Part]) -> Result<Sight> {
    let (table, index) = (table_oid(table), table_oid(primary_key));
    if table == pg_sys::InvalidOid || index == pg_sys::InvalidOid {
        return Err(Error::internal("there is no table to look into"));
    }
    // SAFETY: the scan's keys, of the columns' types, and its snapshot live until it ends; what it returns is only counted. An error
    // closes table and scan with the (sub)transaction.
    unsafe {
        let mut keys = vec![std::mem::zeroed::<pg_sys::ScanKeyData>(); key.len()];
        for ((entry, part), column) in keys.iter_mut().zip(key).zip(1..) {
            let (equal, value) = match part {
                Part::Uuid(id) => (pg_sys::F_UUID_EQ, pgrx::Uuid::from_bytes(*id.as_bytes()).into_datum()),
                Part::Int(number) => (pg_sys::F_INT4EQ, number.into_datum()),
            };
            let value = value.ok_or_else(|| Error::internal("a key has no value"))?;
            let is = pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber;
            pg_sys::ScanKeyInit(entry, column, is, equal.into(), value);
        }
        let mut dirty = std::mem::zeroed::<pg_sys::SnapshotData>();
        dirty.snapshot_type = pg_sys::SnapshotType::SNAPSHOT_DIRTY;
        let relation = pg_sys::table_open(table, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let count = i32::try_from(keys.len()).map_err(|_| Error::internal("a key is too long"))?;
        let scan =
            pg_sys::systable_beginscan(relation, index, true, &raw mut dirty, count, keys.as_mut_ptr());
        let sight = if pg_sys::systable_getnext(scan).is_null() {
            Sight::Nothing
        } else if dirty.xmin == pg_sys::InvalidTransactionId {
            Sight::Row
        } else {
            Sight::Uncommitted(Writer(dirty.xmin))
        };
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        Ok(sight)
    }
}
