//! SQL of the schemas that documents have to satisfy.

use crate::db::{self, Answer, Arg, Row};
use crate::gate::store::called;
use crate::ids::{ActorId, Pg, ProjectId};
use crate::jsonb::JsonDatum;
use pgrx::{JsonB, Uuid};
use quire_core::error::Result;
use serde_json::Value;

/// A schema that is registered, without what it says.
pub struct StoredSchema {
    pub name: String,
    /// Another one each time it is registered.
    pub schema_id: Uuid,
    /// The glob of the documents that are bound to it.
    pub docs: Option<String>,
}

/// The schemas of a project that documents are bound to, by name.
pub fn binding(project: ProjectId) -> Result<Vec<StoredSchema>> {
    const SQL: &str = "SELECT s.name, s.schema_id, s.docs FROM quire_store.doc_schema s
        WHERE s.project_id = $1 AND s.docs IS NOT NULL ORDER BY s.name";
    db::read(SQL, &[project.pg().into()], stored)
}

/// One schema, without what it says.
pub fn find(project: ProjectId, name: &str) -> Result<Option<StoredSchema>> {
    const SQL: &str = "SELECT s.name, s.schema_id, s.docs FROM quire_store.doc_schema s
        WHERE s.project_id = $1 AND s.name = $2";
    db::read_one(SQL, &[project.pg().into(), name.into()], stored)
}

/// What a schema says.
pub fn said(project: ProjectId, name: &str) -> Result<Option<Value>> {
    const SQL: &str = "SELECT s.schema FROM quire_store.doc_schema s WHERE s.project_id = $1 AND s.name = $2";
    let found = db::read_one(SQL, &[project.pg().into(), name.into()], |row| row.get::<JsonDatum>("schema"))?;
    found.map(JsonDatum::tree).transpose()
}

/// How many schemas a project has.
pub fn count(project: ProjectId) -> Result<i64> {
    const SQL: &str = "SELECT count(*) AS schemas FROM quire_store.doc_schema s WHERE s.project_id = $1";
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.get("schemas"))?.unwrap_or(0))
}

/// Adds a schema, or puts it in the place of the one of its name.
pub fn put(stored: &StoredSchema, project: ProjectId, schema: Value, by: ActorId) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.doc_schema (project_id, name, schema_id, schema, docs, created_by)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (project_id, name) DO UPDATE SET schema_id = EXCLUDED.schema_id, schema = EXCLUDED.schema,
            docs = EXCLUDED.docs, created_by = EXCLUDED.created_by, created_at = EXCLUDED.created_at";
    let args: [Arg; 6] = [
        project.pg().into(),
        stored.name.as_str().into(),
        stored.schema_id.into(),
        JsonB(schema).into(),
        stored.docs.as_deref().into(),
        by.pg().into(),
    ];
    db::exec(SQL, &args)?;
    say_whether_some(project)
}

/// Deletes a schema; `false` when there is none of this name.
pub fn delete(project: ProjectId, name: &str) -> Result<bool> {
    const SQL: &str = "DELETE FROM quire_store.doc_schema WHERE project_id = $1 AND name = $2 RETURNING true";
    let is_gone = db::writes(SQL, &[project.pg().into(), name.into()])?;
    say_whether_some(project)?;
    Ok(is_gone)
}

/// Notes where every writer looks whether there are schemas.
fn say_whether_some(project: ProjectId) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project p
        SET has_doc_schemas = EXISTS (SELECT FROM quire_store.doc_schema s WHERE s.project_id = $1)
        WHERE p.project_id = $1";
    db::exec(SQL, &[project.pg().into()])
}

/// Schemas of a project, by name.
pub fn list(answer: Answer, project: ProjectId) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT s.name, s.docs, s.schema, s.created_by, ",
        called!("s.created_by"),
        ", s.created_at
        FROM quire_store.doc_schema s
        WHERE s.project_id = $1
        ORDER BY s.name"
    );
    answer.fill(SQL, &[project.pg().into()])
}

/// All schemas of a project, by name, with what they say.
pub fn all(project: ProjectId) -> Result<Vec<(StoredSchema, Value)>> {
    const SQL: &str = "SELECT s.name, s.schema_id, s.docs, s.schema FROM quire_store.doc_schema s
        WHERE s.project_id = $1 ORDER BY s.name";
    db::read(SQL, &[project.pg().into()], |row| Ok((stored(row)?, row.get::<JsonDatum>("schema")?.tree()?)))
}

fn stored(row: &Row) -> Result<StoredSchema> {
    Ok(StoredSchema { name: row.get("name")?, schema_id: row.get("schema_id")?, docs: row.opt("docs")? })
}

/// Documents of all branches, as far as they were written there and are not deleted, after one: branch and name.
pub fn written(project: ProjectId, after: (&str, &str), most: i64) -> Result<Vec<(String, String)>> {
    const SQL: &str = "SELECT d.branch, d.doc FROM quire_store.doc_head d
        WHERE d.project_id = $1 AND (d.branch, d.doc) > ($2, $3) AND d.heads <> d.deleted_heads
        ORDER BY d.branch, d.doc LIMIT $4";
    let args: [Arg; 4] = [project.pg().into(), after.0.into(), after.1.into(), most.into()];
    db::read(SQL, &args, |row| Ok((row.get("branch")?, row.get("doc")?)))
}
