//! SQL of the bindings of documents to files.

use crate::db::{self, Answer, Arg, Row};
use crate::gate::store::called;
use crate::ids::{ActorId, Pg, ProjectId, Seq};
use quire_core::error::Result;

/// A text of a document of main, and the file that has the same content.
#[derive(Clone, Debug)]
pub struct DocBinding {
    pub doc: String,
    /// Where the text is in the document, as a JSON Pointer.
    pub path: String,
    pub file_path: String,
    /// The bundle that made both equal, if one did.
    pub seq: Option<Seq>,
}

impl DocBinding {
    /// Whether it is of the same text and the same file.
    pub fn is_like(&self, other: &Self) -> bool {
        self.doc == other.doc && self.path == other.path && self.file_path == other.file_path
    }
}

fn stored(row: &Row) -> Result<DocBinding> {
    Ok(DocBinding {
        doc: row.get("doc")?,
        path: row.get("path")?,
        file_path: row.get("file_path")?,
        seq: row.opt("seq")?,
    })
}

/// The bindings of some documents and of some files.
pub fn touched(project: ProjectId, docs: Vec<String>, files: Vec<String>) -> Result<Vec<DocBinding>> {
    const SQL: &str = "SELECT b.doc, b.path, b.file_path, b.seq FROM quire_store.doc_binding b
        WHERE b.project_id = $1 AND b.doc = ANY ($2)
        UNION
        SELECT b.doc, b.path, b.file_path, b.seq FROM quire_store.doc_binding b
        WHERE b.project_id = $1 AND b.file_path = ANY ($3)
        ORDER BY doc";
    db::read(SQL, &[project.pg().into(), docs.into(), files.into()], stored)
}

/// All bindings of a project, by document.
pub fn all(project: ProjectId) -> Result<Vec<DocBinding>> {
    const SQL: &str = "SELECT b.doc, b.path, b.file_path, b.seq FROM quire_store.doc_binding b
        WHERE b.project_id = $1 ORDER BY b.doc";
    db::read(SQL, &[project.pg().into()], stored)
}

/// How many bindings a project has.
pub fn count(project: ProjectId) -> Result<i64> {
    const SQL: &str = "SELECT count(*) AS bindings FROM quire_store.doc_binding b WHERE b.project_id = $1";
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.get("bindings"))?.unwrap_or(0))
}

/// Adds a binding.
pub fn insert(project: ProjectId, binding: &DocBinding, by: ActorId) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.doc_binding (project_id, doc, path, file_path, seq, created_by)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let args: [Arg; 6] = [
        project.pg().into(),
        binding.doc.as_str().into(),
        binding.path.as_str().into(),
        binding.file_path.as_str().into(),
        binding.seq.map(Pg::pg).into(),
        by.pg().into(),
    ];
    db::exec(SQL, &args)?;
    say_that_some(project)
}

/// Deletes the bindings of some documents; `false` when there is none.
pub fn delete(project: ProjectId, docs: Vec<String>) -> Result<bool> {
    const SQL: &str =
        "DELETE FROM quire_store.doc_binding WHERE project_id = $1 AND doc = ANY ($2) RETURNING true";
    db::writes(SQL, &[project.pg().into(), docs.into()])
}

/// Gives the files of some documents other paths, all at once: they may change places.
pub fn rename(project: ProjectId, docs: Vec<String>, files: Vec<String>) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.doc_binding b SET file_path = r.file_path
        FROM unnest($2::text[], $3::text[]) AS r (doc, file_path)
        WHERE b.project_id = $1 AND b.doc = r.doc";
    db::exec(SQL, &[project.pg().into(), docs.into(), files.into()])
}

/// Notes where every writer looks that there are bindings, or were: who ends one takes no lock that owners wait for.
fn say_that_some(project: ProjectId) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project SET has_doc_bindings = true WHERE project_id = $1 AND NOT has_doc_bindings";
    db::exec(SQL, &[project.pg().into()])
}

/// Bindings of a project, by document.
pub fn list(answer: Answer, project: ProjectId) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT b.doc, b.path, b.file_path, b.created_by, ",
        called!("b.created_by"),
        ", b.created_at
        FROM quire_store.doc_binding b
        WHERE b.project_id = $1
        ORDER BY b.doc"
    );
    answer.fill(SQL, &[project.pg().into()])
}
