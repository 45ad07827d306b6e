//! Schemas of documents: registering, listing and deleting them.

use crate::args::required;
use crate::db::Answer;
use crate::definer::definer;
use crate::domain::doc;
use crate::domain::doc::schema::{is_of_the_doc, new_id, no_schema, unread};
use crate::domain::doc::store::schema::{self as schemas, StoredSchema};
use crate::domain::doc::{cache, store};
use crate::gate::{Access, Action, managed, require_project};
use crate::ids::ProjectId;
use crate::jsonb::{Json, JsonArg, JsonDatum};
use crate::log::locked;
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::error::{Error, Result};
use quire_core::filter::Globs;
use quire_core::interrupt;
use quire_core::key::DocKey;
use quire_core::schema::{DocSchema, MAX_SCHEMAS, Violation, docs_glob, schema_name};
use serde_json::{Value, json};

/// Most documents that are looked at when a schema is registered.
const MAX_LOOKED_AT: usize = 1000;
/// Most of them that are named.
const MAX_NAMED: usize = 20;
/// Names that are read at once.
const BATCH: i64 = 1000;

/// Adds a schema to a project, or puts it in the place of the one of its name.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn register_schema(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    schema: Option<JsonArg>,
    docs: default!(Option<&str>, "NULL"),
) -> Json {
    definer(|| register(project_uuid, name, schema, docs).map(Json))
}

fn register(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    schema: Option<JsonArg>,
    docs: Option<&str>,
) -> Result<Value> {
    let access = require_project(Action::Manage, project_uuid)?;
    let name = schema_name("name", required("name", name)?)?;
    let schema = required("schema", schema)?.value("schema")?;
    let compiled = DocSchema::compile(&schema)?;
    let globs = docs.map(docs_glob).transpose()?;
    access.require_active()?;
    // Before anybody waits for it: whoever writes meanwhile may add to what is found.
    let found = globs.map(|globs| Found::of(access.project, &compiled, &globs)).transpose()?;
    let access = as_manager(access)?;
    let project = access.project;
    let is_new = schemas::find(project, &name)?.is_none();
    if is_new && schemas::count(project)? >= MAX_SCHEMAS as i64 {
        return Err(Error::limit("the project has too many schemas", MAX_SCHEMAS));
    }
    let stored = StoredSchema { name, schema_id: new_id(), docs: docs.map(str::to_owned) };
    schemas::put(&stored, project, schema, access.author()?)?;
    let found = found.unwrap_or_default();
    Ok(json!({
        "name": stored.name, "docs": stored.docs, "is_new": is_new, "looked_at": found.looked_at,
        "violating": found.violating, "violations": found.named, "is_complete": !found.is_cut
    }))
}

/// Deletes a schema.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn delete_schema(project_uuid: Option<Uuid>, name: Option<&str>) {
    definer(|| {
        let access = require_project(Action::Manage, project_uuid)?;
        let name = schema_name("name", required("name", name)?)?;
        let access = as_manager(access)?;
        if schemas::delete(access.project, &name)? { Ok(()) } else { Err(no_schema(&name)) }
    });
}

/// The schemas of a project. sql/doc/reader.sql says what it returns.
#[pg_extern(stable, sql = false)]
fn list_schemas(project_uuid: Option<Uuid>, fcinfo: FunctionCallInfo) {
    definer(|| {
        let access = require_project(Action::ReadDocs, project_uuid)?;
        schemas::list(Answer::of(fcinfo), access.project)
    });
}

/// Takes the locks of writers, none of whom goes on by what was true before, and of managers.
fn as_manager(access: Access) -> Result<Access> {
    let access = managed(locked(access)?)?;
    access.require_active()?;
    Ok(access)
}

/// What documents that are bound to a schema are like when it is registered.
#[derive(Default)]
struct Found {
    looked_at: usize,
    violating: usize,
    named: Vec<Value>,
    /// There are more than were looked at.
    is_cut: bool,
}

impl Found {
    fn of(project: ProjectId, schema: &DocSchema, docs: &Globs) -> Result<Self> {
        let mut found = Self::default();
        let mut after = (String::new(), String::new());
        loop {
            let names = schemas::written(project, (&after.0, &after.1), BATCH)?;
            let Some(last) = names.last().cloned() else { return Ok(found) };
            for (branch, doc) in names {
                interrupt::check()?;
                if !docs.is_match(&doc) {
                    continue;
                }
                let key = DocKey { branch, doc };
                found.is_cut = found.looked_at == MAX_LOOKED_AT;
                if found.is_cut {
                    return Ok(found);
                }
                found.look_at(project, schema, &key)?;
            }
            after = last;
        }
    }

    fn look_at(&mut self, project: ProjectId, schema: &DocSchema, key: &DocKey) -> Result<()> {
        let fault = match value_of(project, key) {
            Ok(None) => return Ok(()),
            Ok(Some(value)) => schema.fault(&value)?,
            Err(error) if is_of_the_doc(&error) => Some(unread(&error)),
            Err(error) => return Err(error),
        };
        self.looked_at += 1;
        if let Some(Violation { path, text }) = fault {
            self.violating += 1;
            if self.named.len() < MAX_NAMED {
                self.named.push(json!({"doc": key.doc, "branch": key.branch, "path": path, "message": text}));
            }
        }
        Ok(())
    }
}

/// What a document holds; nothing when it is not there any more.
fn value_of(project: ProjectId, key: &DocKey) -> Result<Option<Value>> {
    let head = store::head(project, key)?.filter(|head| !head.summary.is_deleted());
    let Some(head) = head else { return Ok(None) };
    if let Some(tip) = store::tip(project, &key.doc, &head)? {
        return JsonDatum::tree(tip).map(Some);
    }
    cache::with(project, &head, |loaded| loaded.to_json(None, &doc::limits())).map(Some)
}
