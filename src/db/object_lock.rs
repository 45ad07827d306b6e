//! Locks of quire's own: PostgreSQL's object locks, of classes that no SQL statement locks. An advisory lock could be taken by
//! anybody who may connect, and a table or a row stands for more than what is to be locked.

use super::table_oid;
use pgrx::pg_sys;
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use std::ffi::CStr;

/// What stands for a thing in the table of locks: 48 bits of a digest. Two things that share them wait for each other, no more.
pub struct ObjectLock(pg_sys::LOCKTAG);

impl ObjectLock {
    /// The lock of the thing that `kind` and `id` name together. The table is there for its oid: it is no class of objects, those
    /// are PostgreSQL's catalogs.
    pub fn of(table: &CStr, kind: &str, id: &[u8]) -> Result<Self> {
        let class = table_oid(table);
        if class == pg_sys::InvalidOid {
            return Err(Error::internal("there is no table for a lock"));
        }
        let digest = Hash::of_parts([kind.as_bytes(), id]);
        let [a, b, c, d, e, f, ..] = *digest.as_bytes();
        Ok(Self(pg_sys::LOCKTAG {
            // SAFETY: plain read of backend state.
            locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
            locktag_field2: class.to_u32(),
            locktag_field3: u32::from_be_bytes([a, b, c, d]),
            locktag_field4: u16::from_be_bytes([e, f]),
            locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
            locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
        }))
    }

    /// Takes it, after whoever has it and whoever came before. It goes with the (sub)transaction.
    pub fn wait(&self) {
        self.acquire(false);
    }

    /// Takes it if nobody has it; else `false`.
    pub fn take_if_free(&self) -> bool {
        self.acquire(true) != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
    }

    /// Gives it up again, in the (sub)transaction that has taken it.
    pub fn release(&self) {
        // SAFETY: the tag is complete; PostgreSQL warns of a lock that is not held.
        unsafe { pg_sys::LockRelease(&self.0, pg_sys::ExclusiveLock as pg_sys::LOCKMODE, false) };
    }

    /// Who takes one is about to write: where nothing can be written that is refused (25006) before anybody waits.
    fn acquire(&self, only_if_free: bool) -> pg_sys::LockAcquireResult::Type {
        super::require_writable();
        // SAFETY: the tag is complete; an error in the wait is PostgreSQL's own.
        unsafe {
            pg_sys::LockAcquire(&self.0, pg_sys::ExclusiveLock as pg_sys::LOCKMODE, false, only_if_free)
        }
    }
}
