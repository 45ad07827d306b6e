//! SQL functions of this domain, and the gate as seen from SQL.

use crate::db::handed_out;
use crate::definer::definer;
use crate::gate::presenter;
use pgrx::JsonB;
use pgrx::prelude::*;
use serde_json::json;

/// Who the caller is: `{actor_id, display_name, via, db_role, is_admin}`.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn whoami() -> JsonB {
    definer(|| {
        handed_out::tells_of_no_log();
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
