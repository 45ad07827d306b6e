//! SQL of what one branch has of documents and another one lacks.

use super::line::DocLine;
use crate::db;
use crate::ids::{Pg, ProjectId, Seq};
use quire_core::doc::{ChangeHash, DocChange};
use quire_core::error::Result;
use std::collections::HashSet;

/// Names of documents that were written on a branch after a seq.
pub fn written_after(project: ProjectId, branch: &str, seq: Seq) -> Result<Vec<String>> {
    const SQL: &str = "SELECT d.doc FROM quire_store.doc_head d
        WHERE d.project_id = $1 AND d.branch = $2 AND d.seq > $3";
    db::read(SQL, &[project.pg().into(), branch.into(), seq.pg().into()], |row| row.get("doc"))
}

/// The first changes of a document of one line that another line has not, each after those it depends on.
pub fn lacking(
    project: ProjectId,
    source: &DocLine,
    changes: i64,
    target: &DocLine,
) -> Result<Vec<DocChange>> {
    let lacking = super::changes::lacking(project, source, changes, target)?;
    let (Some((first, _)), Some((last, _))) = (lacking.first(), lacking.last()) else {
        return Ok(Vec::new());
    };
    let hashes: HashSet<ChangeHash> = lacking.iter().map(|(_, hash)| *hash).collect();
    let mut changes = super::changes(project, source, first - 1, *last)?;
    changes.retain(|change| hashes.contains(&change.hash()));
    Ok(changes)
}

/// How many these are.
pub fn count_lacking(project: ProjectId, source: &DocLine, changes: i64, target: &DocLine) -> Result<i64> {
    Ok(super::changes::lacking(project, source, changes, target)?.len() as i64)
}
