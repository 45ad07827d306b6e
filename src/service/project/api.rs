//! SQL functions of projects.

use super::{ProjectKind, store};
use crate::args::{name_arg, required};
use crate::definer::definer;
use crate::event::channel;
use crate::gate::{self, Action, Role, managed, require_project};
use crate::ids::{Pg, ProjectId};
use crate::jsonb::{Json, JsonArg};
use crate::log::locked;
use crate::service::{asset, gc, job};
use quire_core::error::{Error, Result};
use quire_core::json::Members;
use quire_core::reason::Reason;
use quire_core::settings::{self, Settings};
use quire_core::ucan::Did;

use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};

/// Creates a project; the caller becomes its owner.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn create_project(
    name: Option<&str>,
    project_uuid: default!(Option<Uuid>, "NULL"),
    visibility: default!(Option<&str>, "'private'"),
    settings: default!(Option<JsonArg>, "'{}'"),
    kind: default!(Option<&str>, "'workspace'"),
) -> Uuid {
    definer(|| create(name, project_uuid, visibility, settings, kind))
}

fn create(
    name: Option<&str>,
    project_uuid: Option<Uuid>,
    visibility: Option<&str>,
    settings: Option<JsonArg>,
    kind: Option<&str>,
) -> Result<Uuid> {
    let owner = gate::author(&gate::current()?)?;
    let name = name_arg("name", name, 255)?;
    let visibility = visibility_arg(required("visibility", visibility)?)?;
    let settings = required("settings", settings)?.parsed("settings")?;
    Settings::parse(&settings)?;
    let kind = ProjectKind::parse(required("kind", kind)?)?;
    let insert = if project_uuid.is_some() { store::insert_given } else { store::insert };
    let project = project_uuid.map_or_else(ProjectId::generate, ProjectId::from_pg);
    if !insert(project, name, kind, visibility, settings, owner)? {
        return Err(Error::conflict(Reason::Duplicate, "a project with this id exists already")
            .with("project_id", project.to_string()));
    }
    Ok(project.pg())
}

fn visibility_arg(visibility: &str) -> Result<&str> {
    match visibility {
        "private" | "public" => Ok(visibility),
        _ => Err(Error::validation("visibility must be private or public").with("argument", "visibility")),
    }
}

/// A project as JSON.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn get_project(project_uuid: Option<Uuid>) -> JsonB {
    definer(|| require_project(Action::Read, project_uuid).and_then(|access| describe(&access)))
}

fn describe(access: &gate::Access) -> Result<JsonB> {
    store::describe(access.project, access.principal.actor)?.ok_or_else(|| gate::no_project(access.project))
}

/// The caller's projects.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn list_projects() -> TableIterator<
    'static,
    (
        name!(project_id, Uuid),
        name!(name, String),
        name!(kind, String),
        name!(visibility, String),
        name!(status, String),
        name!(role, Option<String>),
        name!(seq, i64),
        name!(changed_at, TimestampWithTimeZone),
        name!(checksum, String),
    ),
> {
    TableIterator::new(definer(|| {
        gate::current().and_then(|principal| store::list(principal.actor, principal.is_admin))
    }))
}

/// How much a project holds.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn get_project_stats(project_uuid: Option<Uuid>) -> Json {
    definer(|| {
        let access = require_project(Action::Belong, project_uuid)?;
        store::stats(access.project)?.map(Json).ok_or_else(|| gate::no_project(access.project))
    })
}

/// Changes `name`, `visibility`, `settings` or `did`.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn update_project(project_uuid: Option<Uuid>, changes: Option<JsonArg>) -> JsonB {
    definer(|| update(project_uuid, changes))
}

fn update(project_uuid: Option<Uuid>, changes: Option<JsonArg>) -> Result<JsonB> {
    let access = require_project(Action::Manage, project_uuid)?;
    let changes = required("changes", changes)?.parsed("changes")?;
    let mut members = Members::of("changes", &changes)?;
    let name = members.opt_str("name")?.map(|name| name_arg("name", Some(name), 255)).transpose();
    let name = name.map_err(Error::of_member)?;
    let visibility = members.opt_str("visibility")?.map(visibility_arg).transpose();
    let visibility = visibility.map_err(Error::of_member)?;
    let wanted = members.opt("settings");
    // Null is a value: it takes the root away.
    let did =
        members.opt_str("did")?.map(|did| Did::parse("did", did)).transpose().map_err(Error::of_member)?;
    let sets_did = changes.get("did").is_some();
    members.finish()?;
    let changes_more = name.is_some() || visibility.is_some() || wanted.is_some();
    if !changes_more && !sets_did {
        return Err(Error::validation("changes must have name, visibility, settings or did"));
    }
    let access = managed(access)?;
    // A key that has become known is taken away whatever the project is.
    if changes_more || did.is_some() {
        access.require_active()?;
    }
    let settings =
        wanted.map(|wanted| settings::merged(&store::settings(access.project)?, wanted)).transpose()?;
    store::update(access.project, name, visibility, settings)?;
    if sets_did {
        let by = access.author()?;
        // An administrator who is nobody here has no rights that UCANs could have.
        if did.is_some() && store::member_role(access.project, by)? != Some(Role::Owner) {
            return Err(gate::refusal(Action::Manage).with("project_id", access.project.to_string()));
        }
        store::set_did(access.project, did.as_ref(), by)?;
    }
    if visibility == Some("private") {
        channel::close(access.project)?;
    }
    describe(&access)
}

/// Makes a project read only.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn archive_project(project_uuid: Option<Uuid>) -> JsonB {
    definer(|| set_archived(project_uuid, true))
}

/// Makes an archived project writable again.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn unarchive_project(project_uuid: Option<Uuid>) -> JsonB {
    definer(|| set_archived(project_uuid, false))
}

fn set_archived(project_uuid: Option<Uuid>, archived: bool) -> Result<JsonB> {
    let access = managed(require_project(Action::Manage, project_uuid)?)?;
    store::set_archived(access.project, archived)?;
    describe(&access)
}

/// Deletes a project with its whole history.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn delete_project(project_uuid: Option<Uuid>, confirm_name: Option<&str>) {
    definer(|| delete(project_uuid, confirm_name));
}

fn delete(project_uuid: Option<Uuid>, confirm_name: Option<&str>) -> Result<()> {
    let access = require_project(Action::Manage, project_uuid)?;
    let confirm_name = required("confirm_name", confirm_name)?;
    job::store::lock_open(access.project)?;
    asset::store::lock_uploads(access.project)?;
    gc::store::lock_round(access.project)?;
    let access = managed(locked(access)?)?;
    if confirm_name != access.name {
        return Err(
            Error::validation("confirm_name is not the name of the project").with("argument", "confirm_name")
        );
    }
    store::delete(access.project)
}
