//! The gate of the SQL reader.

use crate::auth::{Action, require_project};
use crate::raise::or_raise;
use pgrx::Uuid;
use pgrx::prelude::*;

/// The gate for readers that are for owners only.
#[pg_extern(schema = "quire_store", stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn managed_project(project_uuid: Option<Uuid>) -> Uuid {
    or_raise(require_project(Action::Manage, project_uuid)).project.pg()
}
