//! Whom it counts for what a session says of its user.
//!
//! Promises: a token and JWT claims speak for the statements of the session itself, and for those that run with an
//! administrator's rights, who could say as much. In a function, a trigger or a foreign key of somebody else they do not count,
//! and what is presented there counts nowhere else: what somebody's code says of its user is not said by the session, and what
//! the session says is not theirs to use.

use super::role::DbRole;
use pgrx::pg_sys;
use pgrx::pg_sys::Oid;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// The session, be it with another role than it began with, and administrators.
    Session,
    /// Code that runs with the rights of somebody else.
    Role(Oid),
}

impl Audience {
    /// The one that a calling role is of.
    pub fn of(caller: &DbRole) -> Self {
        // SAFETY: plain read of backend state: the role that SET ROLE has set, else the session's.
        let outer = unsafe { pg_sys::GetOuterUserId() };
        if caller.oid == outer || caller.is_admin() { Self::Session } else { Self::Role(caller.oid) }
    }
}
