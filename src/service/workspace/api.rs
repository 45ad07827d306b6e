//! SQL functions that copy from one project into another.

use super::copy::{self, CopySource};
use crate::args::{TextsArg, name_arg, required};
use crate::bundle::staged::check_count;
use crate::bundle::{Commit, Kind, commit, correlated};
use crate::definer::definer;
use crate::domain::copying::Selection;
use crate::gate::{self, Access, Action, require_project, require_writer};
use crate::ids::{Pg, ProjectId, Seq};
use crate::jsonb::JsonArg;
use crate::log::point::existing_seq;
use crate::log::store::head_seq;
use crate::service::project::ProjectKind;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::json::Members;
use quire_core::key::EntityKey;
use quire_core::path::FilePath;
use serde_json::json;
use std::collections::BTreeSet;

/// Makes a template of a project as it was at a seq.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn create_template(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    at_seq: default!(Option<i64>, "NULL"),
) -> Uuid {
    definer(|| template(project_uuid, name, at_seq.map(Seq))).pg()
}

fn template(project_uuid: Option<Uuid>, name: Option<&str>, at_seq: Option<Seq>) -> Result<ProjectId> {
    let from = source(project_uuid)?;
    let name = name_arg("name", name, 255)?;
    let project = from.project;
    let source = CopySource::of(&from)?;
    let seq = at_seq.map_or_else(|| head_seq(project), |seq| existing_seq(project, "at_seq", seq))?;
    copy::create(&from, name, ProjectKind::Template, &source, seq)
}

/// Makes a project from a template.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn create_project_from_template(template_id: Option<Uuid>, name: Option<&str>) -> Uuid {
    definer(|| from_template(template_id, name)).pg()
}

fn from_template(template_id: Option<Uuid>, name: Option<&str>) -> Result<ProjectId> {
    let from = other("template_id", template_id)?;
    from.author()?;
    let name = name_arg("name", name, 255)?;
    let source = CopySource::of(&from)?;
    if source.kind != "template" {
        return Err(Error::validation("the project is not a template")
            .with("argument", "template_id")
            .hint("clone_project copies any project"));
    }
    copy::create(&from, name, ProjectKind::Workspace, &source, head_seq(from.project)?)
}

/// Makes another project with the same content.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn clone_project(project_uuid: Option<Uuid>, name: Option<&str>) -> Uuid {
    definer(|| cloned(project_uuid, name)).pg()
}

fn cloned(project_uuid: Option<Uuid>, name: Option<&str>) -> Result<ProjectId> {
    let from = source(project_uuid)?;
    let name = name_arg("name", name, 255)?;
    let source = CopySource::of(&from)?;
    copy::create(&from, name, ProjectKind::of_copy(&source.kind), &source, head_seq(from.project)?)
}

/// The gate for a project that is copied whole, by somebody who can own the copy.
fn source(project_uuid: Option<Uuid>) -> Result<Access> {
    let access = require_project(Action::Read, project_uuid)?;
    access.refuse_token()?;
    access.author()?;
    Ok(access)
}

/// The gate for a project that is read and is not `project_uuid`.
fn other(argument: &str, project: Option<Uuid>) -> Result<Access> {
    let access = gate::require(Action::Read, required(argument, project).map(ProjectId::from_pg)?)?;
    access.refuse_token()?;
    Ok(access)
}

/// Copies files, entities and assets of a library into a project.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn import_from_library(
    project_uuid: Option<Uuid>,
    library_uuid: Option<Uuid>,
    paths: Option<TextsArg>,
    entities: default!(Option<JsonArg>, "'[]'"),
    correlation_id: default!(Option<Uuid>, "NULL"),
    assets: default!(Option<TextsArg>, "'{}'"),
) -> JsonB {
    definer(|| from_library(project_uuid, library_uuid, paths, entities, correlation_id, assets))
}

fn from_library(
    project_uuid: Option<Uuid>,
    library_uuid: Option<Uuid>,
    paths: Option<TextsArg>,
    entities: Option<JsonArg>,
    correlation_id: Option<Uuid>,
    assets: Option<TextsArg>,
) -> Result<JsonB> {
    let access = require_writer(project_uuid)?;
    let library = other("library_uuid", library_uuid)?;
    if library.project == access.project {
        return Err(
            Error::validation("a library cannot be imported into itself").with("argument", "library_uuid")
        );
    }
    let paths = paths_arg(paths)?;
    let entities = entities_arg(required("entities", entities)?)?;
    let assets = assets_arg(assets)?;
    let selection = Selection { paths, entities, assets };
    let Selection { paths, entities, assets } = &selection;
    if paths.is_empty() && entities.is_empty() && assets.is_empty() {
        return Err(
            Error::validation("paths, entities and assets must not all be empty").with("argument", "paths")
        );
    }
    let correlation = correlated(correlation_id, "import_from_library", || {
        let paths: Vec<_> = paths.iter().map(|path| path.as_ref().map(FilePath::as_str)).collect();
        let entities: Vec<_> =
            entities.iter().map(|entity| [&entity.entity_type, &entity.entity_id]).collect();
        let assets: Vec<_> = assets.iter().map(|hash| hash.to_hex()).collect();
        json!([library.project.to_string(), paths, entities, assets])
    })?;
    let source = CopySource::of(&library)?;
    if source.kind != ProjectKind::Library.as_str() {
        return Err(Error::validation("the project is not a library").with("argument", "library_uuid"));
    }
    let seq = head_seq(library.project)?;
    let details = Some(copy::origin(library.project, seq));
    let request = Commit { details, ..Commit::new(&access, Kind::Import, correlation) };
    // In the plan, because a repeated request must not ask what the library has become.
    let committed = commit(&request, |_| {
        let plan = copy::plan(library.project, seq, &access, Some(&selection))?;
        match plan.edits.len() {
            0 => {}
            count => check_count("paths, entities and assets", count)
                .map_err(|error| error.with("argument", "paths"))?,
        }
        Ok(plan)
    });
    // Contents are missed that went with it; a repeated request does not ask.
    let committed = committed.or_else(|error| source.check_still_there().and(Err(error)))?;
    Ok(JsonB(committed.receipt.to_json()))
}

/// Paths of files and directories; an empty one is everything.
fn paths_arg(paths: Option<TextsArg>) -> Result<Vec<Option<FilePath>>> {
    required("paths", paths)?.parsed("paths", |count| at_most("paths", count), FilePath::parse_prefix)
}

/// Hashes of assets.
fn assets_arg(assets: Option<TextsArg>) -> Result<BTreeSet<Hash>> {
    let count = |count| at_most("assets", count);
    required("assets", assets)?.parsed("assets", count, |hash| Hash::parse("assets", hash))
}

/// None is nothing to do, and no error as long as there is something else.
fn at_most(what: &str, count: usize) -> Result<()> {
    if count > 0 { check_count(what, count) } else { Ok(()) }
}

/// `[{"entity_type": .., "entity_id": ..}]`
fn entities_arg(entities: JsonArg) -> Result<BTreeSet<EntityKey>> {
    let items = entities.items("entities")?;
    at_most("entities", items.len())?;
    let named = items.enumerate().map(|(at, item)| {
        let item = item?;
        let mut members = Members::of(format!("entities[{at}]"), &item)?;
        let entity = EntityKey::parse(members.str("entity_type")?, members.str("entity_id")?)
            .map_err(Error::of_member)?;
        members.finish()?;
        Ok(entity)
    });
    named.collect()
}
