//! Functions of people: which role acts as whom, what they are called, and who the caller is.
//!
//! Owns: nothing; actors are the gate's.

mod whoami;

use crate::args::{display_name_arg, text_arg};
use crate::db::Answer;
use crate::definer::definer;
use crate::gate::role::{DbRole, cluster};
use crate::gate::{Principal, author, current, kept, require_admin, store};
use crate::ids::{ActorId, Pg};
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::error::{Code, Error, Result};

/// Longest name of a role, in characters.
const MAX_ROLE: usize = 63;

/// Makes a database role act as an actor. Administrators only.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn map_role_to_actor(
    db_role: Option<&str>,
    actor: default!(Option<Uuid>, "NULL"),
    display_name: default!(Option<&str>, "NULL"),
) -> Uuid {
    definer(|| map_role(db_role, actor, display_name))
}

fn map_role(db_role: Option<&str>, actor: Option<Uuid>, display_name: Option<&str>) -> Result<Uuid> {
    let admin = require_admin()?;
    let db_role = text_arg("db_role", db_role, MAX_ROLE)?;
    let display_name = display_name.map(|name| display_name_arg("display_name", Some(name))).transpose()?;
    let actor = actor.map(ActorId::from_pg);
    if actor.is_some_and(ActorId::is_built_in) {
        return Err(Error::validation("the actor system cannot be given to a role"));
    }
    let role = DbRole::named(db_role)
        .ok_or_else(|| Error::not_found("no such database role").with("db_role", db_role))?;
    hold(&admin)?;
    store::hold_role(&role)?;
    // Who runs a script twice means the same person.
    let actor = actor.or(store::mapped(&role)?).unwrap_or_else(ActorId::generate);
    for lost in store::release_role(&role, Some(actor))? {
        let name = lost.display_name.map(|name| format!(" ({name})")).unwrap_or_default();
        pgrx::notice!("role {db_role} does not act as {}{name} any more", lost.actor);
    }
    if let Some(other) = store::role_of(actor)?.filter(|other| other.here().as_ref() != Some(&role)) {
        let name = other.here().map_or(other.name, |role| role.name);
        pgrx::notice!("{actor} is not role {name} any more");
    }
    store::map_role(&role, actor, display_name)?;
    store::refresh_names()?;
    kept::forget();
    Ok(actor.pg())
}

/// Takes a role's actor away. Administrators only.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn unmap_role(db_role: Option<&str>) -> Uuid {
    definer(|| unmap(db_role))
}

fn unmap(db_role: Option<&str>) -> Result<Uuid> {
    let admin = require_admin()?;
    let db_role = text_arg("db_role", db_role, MAX_ROLE)?;
    // Of one that is gone, or that is only known by its name, the name is all there is.
    let gone = || DbRole { oid: pgrx::pg_sys::Oid::INVALID, name: db_role.to_owned() };
    let role = DbRole::named(db_role).unwrap_or_else(gone);
    hold(&admin)?;
    store::hold_role(&role)?;
    let released = store::release_role(&role, None)?;
    kept::forget();
    let first = released.first().map(|lost| lost.actor.pg());
    first.ok_or_else(|| Error::not_found("this role acts as nobody").with("db_role", db_role))
}

/// Everybody. Administrators only.
#[pg_extern(stable, sql = false)]
fn list_actors(fcinfo: FunctionCallInfo) {
    definer(|| {
        require_admin()?;
        store::list_actors(Answer::of(fcinfo), cluster())
    });
}

/// Says what the caller is called; what others are, if an administrator says it.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn set_display_name(name: Option<&str>, actor: default!(Option<Uuid>, "NULL")) {
    definer(|| set_name(name, actor));
}

fn set_name(name: Option<&str>, actor: Option<Uuid>) -> Result<()> {
    let principal = current()?;
    let name = display_name_arg("name", name)?;
    let other = actor.map(ActorId::from_pg).filter(|actor| principal.actor != Some(*actor));
    if other.is_some() && !principal.is_admin {
        return Err(Error::new(Code::Unauthorized, "this needs an administrator"));
    }
    let own = if principal.is_admin { hold(&principal)? } else { author(&principal)? };
    let actor = other.unwrap_or(own);
    if actor.is_built_in() {
        return Err(Error::validation("the actor system keeps its name"));
    }
    if !store::set_name(actor, name)? {
        return Err(Error::not_found("no such actor").with("actor", actor.to_string()));
    }
    kept::forget();
    Ok(())
}

/// Has an administrator wait for others who change what is known of people, before they change a row that one of these could want.
fn hold(admin: &Principal) -> Result<ActorId> {
    store::hold_people()?;
    author(admin)
}
