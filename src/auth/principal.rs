//! The principal of the current call.
//!
//! In this order: whose token was presented in this transaction; `sub` of the JWT claims, believed only when the
//! *session* belongs to a trusted authenticator, because any SQL session can set that setting; the actor mapped to the role
//! with whose rights the calling statement runs; for an administrator who is mapped to nobody, `system`; else nobody.

use super::bound::{self, Bound};
use super::store;
use crate::definer;
use crate::error::{Code, Error, Result};
use crate::guc;
use crate::ids::ActorId;
use pgrx::pg_sys;
use serde_json::Value;
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::rc::Rc;
use uuid::Uuid;

/// Who is calling.
#[derive(Clone, Debug)]
pub struct Principal {
    /// `None` is anonymous.
    pub actor: Option<ActorId>,
    /// `token`, `jwt`, `db_role`, `system` or `anonymous`.
    pub via: &'static str,
    /// The caller's database role.
    pub db_role: String,
    /// Superuser, BYPASSRLS, or member of `quire_admin`.
    pub is_admin: bool,
    /// Whether the actor has a row already.
    pub is_registered: bool,
    /// As registered.
    pub display_name: Option<String>,
    /// The token that limits them.
    pub token: Option<Rc<Bound>>,
}

impl Principal {
    /// What the actor was found by.
    pub fn key(&self) -> Key<'_> {
        match self.actor {
            Some(actor) if matches!(self.via, "jwt" | "token") => Key::Subject(actor),
            _ => Key::Role(Cow::Borrowed(&self.db_role)),
        }
    }
}

/// What the session says of its caller, before the actor is looked up.
pub struct Caller {
    /// `sub` of believed JWT claims.
    pub subject: Option<ActorId>,
    /// The caller's database role.
    pub db_role: String,
    /// The token of this transaction.
    pub token: Option<Rc<Bound>>,
    is_admin: bool,
}

/// What an actor is found by.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Key<'a> {
    /// The actor itself, whom believed claims name.
    Subject(ActorId),
    /// A database role that may be mapped to one.
    Role(Cow<'a, str>),
}

impl Key<'_> {
    /// One that lives on its own.
    pub fn into_owned(self) -> Key<'static> {
        match self {
            Key::Subject(subject) => Key::Subject(subject),
            Key::Role(role) => Key::Role(Cow::Owned(role.into_owned())),
        }
    }
}

/// Reads the session's state.
pub fn caller() -> Result<Caller> {
    if let Some(token) = bound::current() {
        return presenting(token);
    }
    let role = definer::caller()?;
    // SAFETY: plain reads of backend state; the oid comes from the server itself.
    let (db_role, is_admin) = unsafe { (role_name(role), is_admin(role)) };
    // SAFETY: as above.
    if unsafe { has_role(role, c"quire_guest") && !has_role(role, c"quire_user") } {
        return Err(Error::new(Code::Unauthorized, "this role needs a token").hint("call authenticate first"));
    }
    Ok(Caller { subject: jwt_subject()?, db_role, is_admin, token: None })
}

/// Whoever presents this token: they have its rights and no others.
pub fn presenting(token: Rc<Bound>) -> Result<Caller> {
    Ok(Caller {
        subject: Some(token.minted_by),
        db_role: caller_role()?,
        is_admin: false,
        token: Some(token),
    })
}

/// Name of the caller's database role.
pub fn caller_role() -> Result<String> {
    // SAFETY: the oid comes from the server itself.
    definer::caller().map(|role| unsafe { role_name(role) })
}

impl Caller {
    /// What the caller's actor is found by.
    pub fn key(&self) -> Key<'_> {
        match self.subject {
            Some(subject) => Key::Subject(subject),
            None => Key::Role(Cow::Borrowed(&self.db_role)),
        }
    }

    /// The principal, given the actor that was found by the key, if any.
    pub fn with(self, found: Option<ActorId>, display_name: Option<String>) -> Principal {
        let is_registered = found.is_some();
        let Caller { subject, db_role, is_admin, token } = self;
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
                    token: None,
                };
            }
            (None, None) => (None, "anonymous"),
        };
        Principal { actor, via, db_role, is_admin, is_registered, display_name, token }
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
    let (actor, display_name) = store::find_actor(caller.key())?.unzip();
    Ok(caller.with(actor, display_name.flatten()))
}

/// Whether a database role of this name exists and is an administrator.
pub fn is_admin_now(role: &str) -> bool {
    let Ok(name) = CString::new(role) else { return false };
    // SAFETY: a syscache look-up by a NUL-terminated name; without such a role it gives InvalidOid.
    unsafe {
        let oid = pg_sys::get_role_oid(name.as_ptr(), true);
        oid != pg_sys::InvalidOid && is_admin(oid)
    }
}

/// # Safety
/// `role` must be the oid of an existing role.
unsafe fn is_admin(role: pg_sys::Oid) -> bool {
    // SAFETY: syscache look-ups by oid.
    unsafe {
        if pg_sys::superuser_arg(role) || has_bypassrls(role) {
            return true;
        }
        has_role(role, c"quire_admin")
    }
}

/// # Safety
/// `role` must be the oid of an existing role.
unsafe fn has_role(role: pg_sys::Oid, group: &CStr) -> bool {
    // SAFETY: syscache look-ups by oid and by a NUL-terminated name; a missing group gives InvalidOid, which nobody has the
    // rights of.
    unsafe {
        let group = pg_sys::get_role_oid(group.as_ptr(), true);
        group != pg_sys::InvalidOid && pg_sys::has_privs_of_role(role, group)
    }
}

/// # Safety
/// `role` must be the oid of an existing role.
unsafe fn has_bypassrls(role: pg_sys::Oid) -> bool {
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

/// # Safety
/// `role` must be the oid of an existing role.
unsafe fn role_name(role: pg_sys::Oid) -> String {
    // SAFETY: with noerr the result is null or a NUL-terminated copy in the current memory context.
    unsafe {
        let name = pg_sys::GetUserNameFromId(role, true);
        if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}

/// `sub` of the claims, if this session may vouch for any.
fn jwt_subject() -> Result<Option<ActorId>> {
    // SAFETY: plain read of backend state.
    let session = unsafe { role_name(pg_sys::GetSessionUserId()) };
    if !guc::is_trusted_authenticator(&session) {
        return Ok(None);
    }
    let subject = match setting(c"request.jwt.claims") {
        Some(claims) => subject_of(&claims)?,
        None => None,
    };
    let Some(subject) = subject.or_else(|| setting(c"request.jwt.claim.sub")) else { return Ok(None) };
    match Uuid::try_parse(&subject) {
        Ok(id) if ActorId(id) != ActorId::SYSTEM => Ok(Some(ActorId(id))),
        _ => Err(bad_claims("the sub of the claims is not the uuid of a user")),
    }
}

/// `sub` of a claims object; absent and null are nobody.
fn subject_of(claims: &str) -> Result<Option<String>> {
    match serde_json::from_str(claims) {
        Ok(Value::Object(claims)) => match claims.get("sub") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(sub)) => Ok(Some(sub.clone())),
            Some(_) => Err(bad_claims("the sub of the claims is not a string")),
        },
        _ => Err(bad_claims("request.jwt.claims is not a JSON object")),
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
