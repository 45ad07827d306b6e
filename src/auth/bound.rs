//! The capability token presented in this transaction.
//!
//! Kept in backend memory and gone when the transaction ends, or when the savepoint in which it was presented is rolled
//! back: a pooled connection hands nothing on.

use super::role::StoredRole;
use crate::db;
use crate::ids::{ActorId, ProjectId};
use crate::pure::token::Token;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::rc::Rc;
use uuid::Uuid;

/// A verified token, and whose rights it carries a part of.
#[derive(Debug)]
pub struct Bound {
    /// What it says.
    pub token: Token,
    /// Who made it.
    pub minted_by: ActorId,
    /// The database role with which they did so as an administrator, who needs no role in the project.
    pub admin_role: Option<StoredRole>,
}

impl Bound {
    /// The one project it is for.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.token.root().project)
    }

    /// Which token it is, narrowed or not.
    pub fn id(&self) -> Uuid {
        self.token.root().token
    }
}

thread_local! {
    /// Each with the subtransaction in which it was presented, outermost first; the last one counts.
    static BOUND: RefCell<Vec<(Rc<Bound>, pg_sys::SubTransactionId)>> = const { RefCell::new(Vec::new()) };
}

/// Binds a token to the transaction, instead of any before.
pub fn bind(bound: Bound) {
    // SAFETY: reads the number of the current subtransaction.
    let level = unsafe { pg_sys::GetCurrentSubTransactionId() };
    BOUND.with_borrow_mut(|stack| {
        stack.retain(|(_, other)| *other != level);
        stack.push((Rc::new(bound), level));
    });
}

/// The token of this transaction.
pub fn current() -> Option<Rc<Bound>> {
    BOUND.with_borrow(|stack| stack.last().map(|(bound, _)| bound.clone()))
}

/// Has PostgreSQL tell when transactions end. Called once, from `_PG_init`.
pub fn init() {
    // SAFETY: the callbacks live as long as the library, which is never unloaded.
    unsafe {
        pg_sys::RegisterXactCallback(Some(at_end), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(at_subtransaction), std::ptr::null_mut());
    }
}

/// Only touches backend memory: an error here would end the server process.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _arg: *mut std::ffi::c_void) {
    // It is taken only where a session ends for want of memory in the middle of something.
    if db::ends_transaction(event) {
        let _ = BOUND.try_with(|stack| stack.try_borrow_mut().map(|mut stack| stack.clear()));
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_subtransaction(
    event: pg_sys::SubXactEvent::Type,
    ending: pg_sys::SubTransactionId,
    parent: pg_sys::SubTransactionId,
    _arg: *mut std::ffi::c_void,
) {
    use pg_sys::SubXactEvent;
    BOUND.with_borrow_mut(|stack| match event {
        // What was bound before counts again.
        SubXactEvent::SUBXACT_EVENT_ABORT_SUB => stack.retain(|(_, level)| *level != ending),
        SubXactEvent::SUBXACT_EVENT_COMMIT_SUB if stack.iter().any(|(_, level)| *level == ending) => {
            stack.retain(|(_, level)| *level != parent);
            stack.iter_mut().filter(|(_, level)| *level == ending).for_each(|(_, level)| *level = parent);
        }
        _ => {}
    });
}
