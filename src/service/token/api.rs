//! SQL functions of tokens.

use super::store::{self, secret};
use crate::args::{TextsArg, interval_arg, required};
use crate::db::clock::{now, to_pg};
use crate::definer::definer;
use crate::event::channel;
use crate::gate::store::token as held;
use crate::gate::token::{gone, refuse_dead};
use crate::gate::{self, Access, Action, Bound, Grant, bound, managed, require_project};
use crate::ids::{Pg, SessionId, TokenId};
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::ability::{Abilities, Ability, Need};
use quire_core::error::{Code, Error, Result};
use quire_core::reason::Reason;
use quire_core::timestamp::{Micros, rfc3339};
use quire_core::token::{self, MAX_USES, Root, Unverified};
use quire_core::ucan::{self, MAX_PROOFS, Ucan};
use serde_json::json;

/// Longest life of a token: one year, in microseconds.
const MAX_TTL: i128 = 366 * 24 * 3600 * 1_000_000;

/// Makes a token.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn mint_token(
    project_uuid: Option<Uuid>,
    abilities: Option<TextsArg>,
    ttl: Option<Interval>,
    audience: default!(Option<&str>, "NULL"),
    max_uses: default!(Option<i32>, "NULL"),
) -> String {
    definer(|| mint_inner(project_uuid, abilities, ttl, audience, max_uses))
}

fn mint_inner(
    project_uuid: Option<Uuid>,
    abilities: Option<TextsArg>,
    ttl: Option<Interval>,
    audience: Option<&str>,
    max_uses: Option<i32>,
) -> Result<String> {
    let access = require_project(Action::Belong, project_uuid)?;
    let abilities = abilities_arg(abilities)?;
    let expires_at = now() + ttl_arg(ttl)?;
    let audience = audience.map(|role| crate::args::text_arg("audience", Some(role), 63)).transpose()?;
    let max_uses = max_uses.map(uses_arg).transpose()?;
    let audience = audience.map(str::to_owned);
    let minting = Minting { audience, max_uses, ..Minting::of(abilities, expires_at) };
    mint(&access, minting)
}

/// A token to be made.
pub struct Minting {
    pub abilities: Abilities,
    pub expires_at: Micros,
    pub audience: Option<String>,
    pub max_uses: Option<u32>,
    /// The session it belongs to.
    pub session: Option<SessionId>,
}

impl Minting {
    /// For anybody, any number of times, for nothing in particular.
    pub fn of(abilities: Abilities, expires_at: Micros) -> Self {
        Self { abilities, expires_at, audience: None, max_uses: None, session: None }
    }
}

/// Makes a token with a part of the caller's own rights. Returns its text.
pub fn mint(access: &Access, minting: Minting) -> Result<String> {
    let Minting { abilities, expires_at, audience, max_uses, session } = minting;
    if abilities.allows(Need::WriteAny) && !access.may(Action::Write) {
        return Err(Error::new(
            Code::Unauthorized,
            "file:write and doc:write need the role editor in the project",
        )
        .with("needed_role", "editor"));
    }
    store::delete_expired(access.project)?;
    let (key, secret) = secret::signing()?;
    let root = Root {
        key,
        token: TokenId::generate(),
        project: access.project,
        abilities,
        expires_at,
        audience,
        max_uses,
    };
    let text = token::mint(&secret, &root)?;
    let principal = &access.principal;
    let admin_role = principal.is_admin.then(|| principal.db_role.stored());
    store::insert(&root, access.author()?, admin_role.as_ref(), session)?;
    Ok(text)
}

fn abilities_arg(abilities: Option<TextsArg>) -> Result<Abilities> {
    let abilities: Vec<Ability> =
        required("abilities", abilities)?.parsed("abilities", Abilities::check_count, Ability::parse)?;
    Ok(abilities.into_iter().collect())
}

/// How long a token is to live, in microseconds.
pub fn ttl_arg(ttl: Option<Interval>) -> Result<Micros> {
    interval_arg("ttl", ttl, 1..=MAX_TTL, "above 0 and at most 366 days")
}

fn uses_arg(uses: i32) -> Result<u32> {
    u32::try_from(uses)
        .ok()
        .filter(|uses| (1..=MAX_USES).contains(uses))
        .ok_or_else(|| Error::validation("max_uses must be above 0").with("argument", "max_uses"))
}

/// Makes a weaker token of one; needs nothing but its text.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn attenuate_token(token: Option<&str>, abilities: Option<TextsArg>, ttl: Option<Interval>) -> String {
    definer(|| attenuate(token, abilities, ttl))
}

fn attenuate(token: Option<&str>, abilities: Option<TextsArg>, ttl: Option<Interval>) -> Result<String> {
    let text = required("token", token)?;
    // Whoever calls this needs no right: what is no token is refused before anything is made of the rest.
    let given = Unverified::parse(text)?;
    let abilities = abilities_arg(abilities)?;
    let expires_at = (now() + ttl_arg(ttl)?).min(given.expires_at());
    token::narrow(text, &abilities, expires_at)
}

/// Binds a token to the current transaction.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn authenticate(token: Option<&str>, proofs: default!(Option<TextsArg>, "NULL")) -> JsonB {
    definer(|| authenticate_inner(token, proofs))
}

fn authenticate_inner(token: Option<&str>, proofs: Option<TextsArg>) -> Result<JsonB> {
    let text = required("token", token)?;
    let presented = if ucan::is_jwt(text) { present_ucan(text, proofs)? } else { present(text)? };
    let abilities: Vec<String> = match &presented.grant {
        Grant::Token(token) => token.abilities().map(ToString::to_string).collect(),
        Grant::Ucan(ucan) => ucan.abilities().collect(),
    };
    let mut answer = json!({
        "project_id": presented.project().to_string(),
        "token_id": presented.id().to_string(),
        "actor_id": presented.minted_by.to_string(),
        "abilities": abilities,
        "expires_at": rfc3339(presented.expires_at()),
    });
    if let Grant::Ucan(ucan) = &presented.grant {
        answer["cid"] = ucan.cid().into();
        answer["issuer"] = ucan.issuer().as_str().into();
    }
    bound::bind(presented, gate::audience()?);
    Ok(JsonB(answer))
}

/// Verifies a UCAN that somebody presents to the project that it is for, whose root is whom it is addressed to. Which projects there are,
/// and what their roots are, is looked at when all else is right.
fn present_ucan(text: &str, proofs: Option<TextsArg>) -> Result<Bound> {
    ucan::check_size(text)?;
    let at_most = |count| match count {
        0..=MAX_PROOFS => Ok(()),
        _ => Err(ucan::too_many_proofs()),
    };
    let proofs = match proofs {
        None => Vec::new(),
        Some(proofs) => proofs.parsed::<String, Vec<String>>("proofs", at_most, |proof| {
            ucan::check_size(proof).map(|()| proof.to_owned())
        })?,
    };
    let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
    let ucan = Ucan::verify(text, &proofs)?;
    let root = held::find_root(ucan.project(), ucan.root(), ucan.token_ids())?;
    let root = root.ok_or_else(token::invalid)?;
    ucan.require_begun(now())?;
    refuse_dead(ucan.expires_at(), root.is_revoked)?;
    Ok(Bound { grant: Grant::Ucan(ucan), minted_by: root.set_by, admin_role: None })
}

/// Revokes a UCAN by its CID, and all that rest on it.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn revoke_ucan(project_uuid: Option<Uuid>, cid: Option<&str>) -> TimestampWithTimeZone {
    definer(|| {
        let access = require_project(Action::Manage, project_uuid)?;
        let cid = required("cid", cid)?;
        ucan::check_cid(cid)?;
        to_pg(store::revoke(access.project, ucan::token_id(cid), access.author()?)?)
    })
}

/// Verifies a token that somebody presents, and counts the use. Whatever is wrong with its text gets the same answer; only
/// who has the right text learns that it has expired, been revoked or been used up.
pub fn present(text: &str) -> Result<Bound> {
    let caller = gate::caller_role()?;
    let unverified = Unverified::parse(text)?;
    let secret = secret::find(unverified.key_id())?;
    let project = unverified.project_id();
    // Without a key the same work is done, so that its absence does not show in the time it takes.
    let verified = unverified.verify(&secret.unwrap_or_default());
    let token = verified.and_then(|token| secret.map(|_| token).ok_or_else(token::invalid))?;
    let stored = held::find(project, token.root().token)?.ok_or_else(token::invalid)?;
    if !stored.is_of(token.root())
        || token.root().audience.as_ref().is_some_and(|audience| *audience != caller)
    {
        return Err(token::invalid());
    }
    refuse_dead(token.expires_at(), stored.is_revoked)?;
    if let Some(most) = token.root().max_uses
        && !store::take_use(project, token.root().token, most)?
    {
        return Err(gone(Reason::UsedUp, "this token has been used as often as it may"));
    }
    Ok(Bound { grant: Grant::Token(token), minted_by: stored.minted_by, admin_role: stored.admin_role })
}

/// Revokes a token and everything narrowed from it.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn revoke_token(project_uuid: Option<Uuid>, token_id: Option<Uuid>) -> TimestampWithTimeZone {
    definer(|| revoke(project_uuid, token_id))
}

fn revoke(project_uuid: Option<Uuid>, token_id: Option<Uuid>) -> Result<TimestampWithTimeZone> {
    let access = require_project(Action::Belong, project_uuid)?;
    let token = TokenId::from_pg(required("token_id", token_id)?);
    let unknown = || Error::not_found("no such token").with("token_id", token.to_string());
    let minter = held::find(access.project, token)?.ok_or_else(unknown)?.minted_by;
    if access.principal.actor != Some(minter) && !access.may(Action::Manage) {
        return Err(unknown());
    }
    close_channel_if_managing(&access)?;
    to_pg(store::revoke(access.project, token, access.author()?)?)
}

/// Ends the private channel, whose name the holder of a token may have got. Who cannot manage locks nothing that others wait
/// for: then the next writer sees the revocation, sends nothing under that name and ends it.
pub fn close_channel_if_managing(access: &Access) -> Result<()> {
    if access.may(Action::Manage) {
        managed(access.clone())?;
        channel::close(access.project)?;
    }
    Ok(())
}

/// The caller's tokens; all of them for an owner.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn list_tokens(
    project_uuid: Option<Uuid>,
) -> TableIterator<
    'static,
    (
        name!(token_id, Uuid),
        name!(abilities, Vec<String>),
        name!(audience, Option<String>),
        name!(max_uses, Option<i32>),
        name!(uses, i32),
        name!(minted_by, Uuid),
        name!(minted_at, TimestampWithTimeZone),
        name!(expires_at, TimestampWithTimeZone),
        name!(revoked_at, Option<TimestampWithTimeZone>),
        name!(status, String),
    ),
> {
    TableIterator::new(definer(|| {
        require_project(Action::Belong, project_uuid).and_then(|access| {
            store::list(access.project, access.principal.actor, access.may(Action::Manage))
        })
    }))
}

/// Makes a new key for tokens. Administrators only.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn rotate_secret() -> Uuid {
    definer(|| gate::require_admin().and_then(|_| secret::rotate()))
}
