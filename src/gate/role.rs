//! Database roles. In its cluster a role is its oid, so that one that is renamed stays who it is, and a new one of an old name is
//! nobody; its name is what it is known by elsewhere.

use pgrx::pg_sys;
use pgrx::pg_sys::Oid;
use std::ffi::{CStr, CString};

/// A role of this cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DbRole {
    pub oid: Oid,
    /// As it is called now.
    pub name: String,
}

impl DbRole {
    /// The role of an oid; its name is empty when there is none.
    pub fn of(oid: Oid) -> Self {
        // SAFETY: a syscache look-up; with noerr the result is null or a NUL-terminated copy in the current memory context.
        let name = unsafe {
            let name = pg_sys::GetUserNameFromId(oid, true);
            if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
        };
        Self { oid, name }
    }

    /// The role of a name.
    pub fn named(name: &str) -> Option<Self> {
        let text = CString::new(name).ok()?;
        // SAFETY: a syscache look-up by a NUL-terminated name; without such a role it gives InvalidOid.
        let oid = unsafe { pg_sys::get_role_oid(text.as_ptr(), true) };
        (oid != Oid::INVALID).then(|| Self { oid, name: name.to_owned() })
    }

    /// Superuser, BYPASSRLS, or member of `quire_admin`; not when it is gone.
    pub fn is_admin(&self) -> bool {
        // SAFETY: syscache look-ups by oid.
        let is_above = unsafe { pg_sys::superuser_arg(self.oid) || has_bypassrls(self.oid) };
        is_above || !self.name.is_empty() && self.has(c"quire_admin")
    }

    /// Whether it has the rights of a group.
    pub fn has(&self, group: &CStr) -> bool {
        // SAFETY: syscache look-ups by oid and by a NUL-terminated name; a missing group gives InvalidOid, which nobody has the
        // rights of.
        unsafe {
            let group = pg_sys::get_role_oid(group.as_ptr(), true);
            group != Oid::INVALID && pg_sys::has_privs_of_role(self.oid, group)
        }
    }

    /// As it is to be stored.
    pub fn stored(&self) -> StoredRole {
        StoredRole { name: self.name.clone(), oid: self.oid, cluster: cluster() }
    }
}

/// A role as it was stored, be it in another cluster.
#[derive(Clone, Debug)]
pub struct StoredRole {
    pub name: String,
    pub oid: Oid,
    /// Of which cluster the oid is.
    pub cluster: i64,
}

impl StoredRole {
    /// The role it is here.
    pub fn here(&self) -> Option<DbRole> {
        if self.cluster == cluster() {
            Some(DbRole::of(self.oid)).filter(|role| !role.name.is_empty())
        } else {
            DbRole::named(&self.name)
        }
    }
}

/// This cluster's system identifier, which its physical copies share and a restored dump does not.
pub fn cluster() -> i64 {
    // SAFETY: reads shared memory.
    unsafe { pg_sys::GetSystemIdentifier() }.cast_signed()
}

/// # Safety
/// Has to be called in a backend.
unsafe fn has_bypassrls(role: Oid) -> bool {
    // SAFETY: the tuple is released before returning; its form is pg_authid's.
    unsafe {
        let tuple =
            pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::AUTHOID as i32, pg_sys::Datum::from(role));
        if tuple.is_null() {
            return false;
        }
        let form = pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_authid;
        let bypasses = (*form).rolbypassrls;
        pg_sys::ReleaseSysCache(tuple);
        bypasses
    }
}
