//! The principal of the current call.
//!
//! In this order: whose token was presented in this transaction; `sub` of the JWT claims, believed only when the
//! *session* belongs to a trusted authenticator, because any SQL session can set that setting; the actor mapped to the role
//! with whose rights the calling statement runs; for an administrator who is mapped to nobody, `system`; else nobody. Token and
//! claims count for their [`Audience`] only.

use super::audience::Audience;
use super::bound::{self, Bound};
use super::role::DbRole;
use super::store::{self, Known};
use crate::ids::ActorId;
use crate::{definer, guc};
use pgrx::pg_sys;
use quire_core::error::{Code, Error, Result};
use quire_core::json::read;
use quire_core::person;
use serde_json::Value;
use std::ffi::CStr;
use std::rc::Rc;

/// Who is calling.
#[derive(Clone, Debug)]
pub struct Principal {
    /// `None` is anonymous.
    pub actor: Option<ActorId>,
    /// `token`, `jwt`, `db_role`, `system` or `anonymous`.
    pub via: &'static str,
    /// The caller's database role.
    pub db_role: DbRole,
    /// Superuser, BYPASSRLS, or member of `quire_admin`.
    pub is_admin: bool,
    /// Whether the actor has a row already.
    pub is_registered: bool,
    /// As registered.
    pub display_name: Option<String>,
    /// What else is registered.
    pub known: Known,
    /// What their claims say they are called.
    pub claimed_name: Option<String>,
    /// The token that limits them.
    pub token: Option<Rc<Bound>>,
}

impl Principal {
    /// Whether what is registered is not what the session says now.
    pub fn is_behind(&self) -> bool {
        let is_called_otherwise = self.claimed_name.is_some() && self.claimed_name != self.display_name;
        self.known.is_role_behind || is_called_otherwise && !self.known.has_own_name
    }
}

/// What the session says of its caller, before the actor is looked up.
pub struct Caller {
    /// `sub` of believed JWT claims.
    pub subject: Option<ActorId>,
    /// The caller's database role.
    pub db_role: DbRole,
    claimed_name: Option<String>,
    /// The token of this transaction.
    pub token: Option<Rc<Bound>>,
    is_admin: bool,
}

/// What an actor is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PrincipalKey {
    /// The actor itself, whom believed claims name.
    Subject(ActorId),
    /// A database role that may be mapped to one.
    Role(pg_sys::Oid),
}

/// Reads the session's state.
pub fn caller() -> Result<Caller> {
    let db_role = DbRole::of(definer::caller()?);
    if let Some(token) = bound::current(|| Audience::of(&db_role)) {
        return presenting(token);
    }
    if db_role.has(c"quire_guest") && !db_role.has(c"quire_user") {
        return Err(Error::new(Code::Unauthorized, "this role needs a token").hint("call authenticate first"));
    }
    let (subject, claimed_name) = claimed(&db_role)?.map(|claimed| (claimed.subject, claimed.name)).unzip();
    let is_admin = db_role.is_admin();
    Ok(Caller { subject, db_role, claimed_name: claimed_name.flatten(), is_admin, token: None })
}

/// Whoever presents this token: they have its rights and no others.
pub fn presenting(token: Rc<Bound>) -> Result<Caller> {
    Ok(Caller {
        subject: Some(token.minted_by),
        db_role: DbRole::of(definer::caller()?),
        claimed_name: None,
        is_admin: false,
        token: Some(token),
    })
}

/// Name of the caller's database role.
pub fn caller_role() -> Result<String> {
    definer::caller().map(|role| DbRole::of(role).name)
}

/// Whom it counts for what the caller says of the session's user.
pub fn audience() -> Result<Audience> {
    definer::caller().map(|role| Audience::of(&DbRole::of(role)))
}

impl Caller {
    /// What the caller's actor is found by.
    pub fn key(&self) -> PrincipalKey {
        match self.subject {
            Some(subject) => PrincipalKey::Subject(subject),
            None => PrincipalKey::Role(self.db_role.oid),
        }
    }

    /// The principal, given the actor that was found by the key, if any.
    pub fn with(self, found: Option<ActorId>, known: Known) -> Principal {
        let is_registered = found.is_some();
        let display_name = known.display_name.clone();
        let Caller { subject, db_role, claimed_name, is_admin, token } = self;
        let (actor, via) = match (subject, found) {
            (Some(subject), _) if token.is_some() => (Some(subject), "token"),
            (Some(subject), _) => (Some(subject), "jwt"),
            (None, Some(actor)) => (Some(actor), "db_role"),
            (None, None) if is_admin => {
                let display_name = Some("system".to_owned());
                let actor = Some(ActorId::SYSTEM);
                return Principal {
                    actor,
                    via: "system",
                    db_role,
                    is_admin,
                    is_registered: true,
                    display_name,
                    known,
                    claimed_name: None,
                    token: None,
                };
            }
            (None, None) => (None, "anonymous"),
        };
        Principal { actor, via, db_role, is_admin, is_registered, display_name, known, claimed_name, token }
    }
}

/// Finds out who is calling, for what concerns more than one project: a token, which is for one, does not allow it.
pub fn current() -> Result<Principal> {
    let principal = presenter()?;
    if principal.token.is_some() {
        return Err(Error::new(Code::Unauthorized, "a token does not allow this"));
    }
    Ok(principal)
}

/// Finds out who is calling, be it with a token.
pub fn presenter() -> Result<Principal> {
    let caller = caller()?;
    if let Some(bound) = &caller.token {
        super::refuse_dead_token(bound)?;
    }
    let (actor, known) = store::find_actor(caller.key())?.unzip();
    Ok(caller.with(actor, known.unwrap_or_default()))
}

/// Longest JSON of claims, in bytes: many times what a request's header may hold.
const MAX_CLAIMS_BYTES: usize = 1 << 20;

/// Somebody whom believed claims name.
struct Claimed {
    subject: ActorId,
    /// What the claims say they are called.
    name: Option<String>,
}

/// Whom the claims name, if this session may vouch for any, and they count for the caller.
fn claimed(caller: &DbRole) -> Result<Option<Claimed>> {
    // SAFETY: plain read of backend state.
    let session = unsafe { pg_sys::GetSessionUserId() };
    if !vouches(session, &guc::trusted_authenticators()) || Audience::of(caller) != Audience::Session {
        return Ok(None);
    }
    // The older setting counts where there is no newer one: who resets one need not know of the other.
    let (claims, subject) = match setting(c"request.jwt.claims") {
        Some(text) => {
            let claims = parse_claims(&text)?;
            let subject = subject_of(&claims)?;
            (claims, subject)
        }
        None => (Value::Null, setting(c"request.jwt.claim.sub")),
    };
    let Some(subject) = subject else { return Ok(None) };
    let name = guc::display_name_claim().and_then(|claim| person::claimed_name(&claims, &claim));
    Ok(Some(Claimed { subject: person::of_subject(&subject)?, name }))
}

/// Whether a session's role is one of those listed. The role of a session may be gone, and is none of them then.
fn vouches(session: pg_sys::Oid, listed: &str) -> bool {
    listed.split(',').filter_map(|name| DbRole::named(name.trim())).any(|role| role.oid == session)
}

fn parse_claims(text: &str) -> Result<Value> {
    if text.len() > MAX_CLAIMS_BYTES {
        return Err(bad_claims("request.jwt.claims is too long"));
    }
    let no_object = |_: &str| bad_claims("request.jwt.claims is not a JSON object");
    match read(text.as_bytes(), no_object)? {
        claims @ Value::Object(_) => Ok(claims),
        _ => Err(no_object("")),
    }
}

/// `sub` of the claims; absent and null are nobody.
fn subject_of(claims: &Value) -> Result<Option<String>> {
    match claims.get("sub") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(sub)) => Ok(Some(sub.clone())),
        Some(_) => Err(bad_claims("the sub of the claims is not a string")),
    }
}

fn bad_claims(message: &str) -> Error {
    Error::new(Code::Unauthorized, message)
}

/// A setting's text; absent and empty are the same (a pooler resets to empty).
fn setting(name: &CStr) -> Option<String> {
    // SAFETY: the name is NUL-terminated; the result is null or points to the setting's NUL-terminated value.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        if value.is_null() { None } else { Some(CStr::from_ptr(value).to_string_lossy().into_owned()) }
    }
    .filter(|text| !text.is_empty())
}
