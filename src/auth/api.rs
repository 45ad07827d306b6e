//! SQL functions of this domain, and the gate as seen from SQL.

use super::principal::presenter;
use super::{Action, require, store};
use crate::definer::definer;
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
                "db_role": principal.db_role.name,
                "is_admin": principal.is_admin,
            }))
        })
    })
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
