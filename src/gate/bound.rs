//! The capability tokens presented in this transaction.
//!
//! Kept in backend memory and gone when the transaction ends, or when the savepoint in which it was presented is rolled
//! back: a pooled connection hands nothing on.

use super::audience::Audience;
use super::role::StoredRole;
use crate::db;
use crate::ids::{ActorId, ProjectId, TokenId};
use pgrx::pg_sys;
use quire_core::ability::Need;
use quire_core::timestamp::Micros;
use quire_core::token::Token;
use quire_core::ucan::{self, Ucan};
use std::cell::RefCell;
use std::rc::Rc;

/// What was presented, verified: each kind says what it allows, and the gate does not ask how it knows.
#[derive(Debug)]
pub enum Grant {
    /// A capability token of quire.
    Token(Token),
    /// A UCAN, with its chain of proofs.
    Ucan(Ucan),
}

/// A verified token, and whose rights it carries a part of.
#[derive(Debug)]
pub struct Bound {
    /// What it says.
    pub grant: Grant,
    /// Who made it.
    pub minted_by: ActorId,
    /// The database role with which they did so as an administrator, who needs no role in the project.
    pub admin_role: Option<StoredRole>,
}

impl Bound {
    /// The one project it is for.
    pub fn project(&self) -> ProjectId {
        match &self.grant {
            Grant::Token(token) => token.root().project,
            Grant::Ucan(ucan) => ucan.project(),
        }
    }

    /// Which token it is, narrowed or not.
    pub fn id(&self) -> TokenId {
        match &self.grant {
            Grant::Token(token) => token.root().token,
            Grant::Ucan(ucan) => ucan::token_id(ucan.cid()),
        }
    }

    /// The capability token of quire, if it is one.
    pub fn token(&self) -> Option<&Token> {
        match &self.grant {
            Grant::Token(token) => Some(token),
            Grant::Ucan(_) => None,
        }
    }

    /// Whether it allows something. Asks neither the clock nor what was revoked.
    pub fn allows(&self, need: Need<'_>) -> bool {
        match &self.grant {
            Grant::Token(token) => token.allows(need),
            Grant::Ucan(ucan) => ucan.allows(need),
        }
    }

    /// Whether it allows something to one submission of changes only.
    pub fn is_bound_to_a_submission(&self) -> bool {
        matches!(&self.grant, Grant::Ucan(ucan) if ucan.is_bound())
    }

    /// When it ends.
    pub fn expires_at(&self) -> Micros {
        match &self.grant {
            Grant::Token(token) => token.expires_at(),
            Grant::Ucan(ucan) => ucan.expires_at(),
        }
    }
}

struct Presented {
    bound: Rc<Bound>,
    audience: Audience,
    /// The subtransaction in which it was.
    level: pg_sys::SubTransactionId,
}

impl Presented {
    fn is_at(&self, level: pg_sys::SubTransactionId, audience: Audience) -> bool {
        self.level == level && self.audience == audience
    }
}

thread_local! {
    /// Outermost first; of each audience the last one counts.
    static BOUND: RefCell<Vec<Presented>> = const { RefCell::new(Vec::new()) };
}

/// Binds a token to the transaction, instead of any before that its audience had.
pub fn bind(bound: Bound, audience: Audience) {
    // SAFETY: reads the number of the current subtransaction.
    let level = unsafe { pg_sys::GetCurrentSubTransactionId() };
    BOUND.with_borrow_mut(|stack| {
        stack.retain(|other| !other.is_at(level, audience));
        stack.push(Presented { bound: Rc::new(bound), audience, level });
    });
}

/// The token that counts for a caller; `audience` is asked only where there is any.
pub fn current(audience: impl FnOnce() -> Audience) -> Option<Rc<Bound>> {
    BOUND.with_borrow(|stack| {
        if stack.is_empty() {
            return None;
        }
        let audience = audience();
        stack
            .iter()
            .rev()
            .find(|presented| presented.audience == audience)
            .map(|presented| presented.bound.clone())
    })
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
        SubXactEvent::SUBXACT_EVENT_ABORT_SUB => stack.retain(|presented| presented.level != ending),
        SubXactEvent::SUBXACT_EVENT_COMMIT_SUB => {
            let newer: Vec<Audience> = stack
                .iter()
                .filter(|presented| presented.level == ending)
                .map(|presented| presented.audience)
                .collect();
            stack.retain(|presented| !newer.iter().any(|audience| presented.is_at(parent, *audience)));
            stack
                .iter_mut()
                .filter(|presented| presented.level == ending)
                .for_each(|presented| presented.level = parent);
        }
        _ => {}
    });
}
