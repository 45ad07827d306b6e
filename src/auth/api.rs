//! SQL functions of this domain, and the gate as seen from SQL.

use super::principal::presenter;
use super::{Action, author, require, require_admin, store};
use crate::args::text_arg;
use crate::definer::definer;
use crate::error::{Error, Result};
use crate::ids::ActorId;
use crate::pure::ability::Need;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use serde_json::json;

/// Who the caller is: `{actor_id, display_name, via, db_role, is_admin}`.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn whoami() -> JsonB {
    definer(|| {
        presenter().map(|principal| {
            JsonB(json!({
                "actor_id": principal.actor.map(|actor| actor.to_string()),
                "display_name": principal.display_name,
                "via": principal.via,
                "db_role": principal.db_role,
                "is_admin": principal.is_admin,
            }))
        })
    })
}

/// Makes a database role act as an actor. Administrators only.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn map_role_to_actor(
    db_role: Option<&str>,
    actor: default!(Option<Uuid>, "NULL"),
    display_name: default!(Option<&str>, "NULL"),
) -> Uuid {
    definer(|| map_role_inner(db_role, actor, display_name))
}

fn map_role_inner(db_role: Option<&str>, actor: Option<Uuid>, display_name: Option<&str>) -> Result<Uuid> {
    author(&require_admin()?)?;
    let db_role = text_arg("db_role", db_role, 63)?;
    let display_name = display_name.map(|name| text_arg("display_name", Some(name), 255)).transpose()?;
    let actor = actor.map_or_else(|| ActorId(uuid::Uuid::now_v7()), ActorId::from_pg);
    if actor == ActorId::SYSTEM {
        return Err(Error::validation("the actor system cannot be given to a role"));
    }
    if !store::role_exists(db_role)? {
        return Err(Error::not_found("no such database role").with("db_role", db_role));
    }
    store::map_role(db_role, actor, display_name)?;
    Ok(actor.pg())
}

/// The projects the caller may read, for row level security.
#[pg_extern(schema = "quire_store", stable)]
#[search_path(pg_catalog, pg_temp)]
fn readable_projects() -> Vec<Uuid> {
    definer(|| {
        presenter().and_then(|principal| match &principal.token {
            None => store::readable_projects(principal.actor, principal.is_admin),
            // Also refuses a token that is dead by now.
            Some(bound) if bound.token.allows(Need::ReadFiles) => {
                require(Action::Read, bound.project()).map(|access| vec![access.project.pg()])
            }
            Some(_) => Ok(Vec::new()),
        })
    })
}
