//! Writers of changes that somebody else has made, and of deletions.

use super::args::{doc_arg, heads_arg};
use crate::args::{ByteasArg, TextsArg, message_arg, required};
use crate::bundle::{Committed, commit_edit};
use crate::definer::definer;
use crate::domain::doc;
use crate::gate::require_doc_writer;
use crate::jsonb::Json;
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::doc::{DocChange, Heads, Loaded};
use quire_core::error::{Error, Result};
use quire_core::interrupt;
use quire_core::op::doc::MAX_OP_CHANGES;
use quire_core::op::{DocEdit, DocOutcome, Edit, Outcome};
use serde_json::json;

/// Adds changes to a document.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn apply_doc_changes(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    changes: Option<ByteasArg>,
    branch: default!(Option<&str>, "'main'"),
    base_heads: default!(Option<TextsArg>, "NULL"),
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| apply(project_uuid, (doc, branch), changes, base_heads, message, correlation_id))
}

fn apply(
    project_uuid: Option<Uuid>,
    (doc, branch): (Option<&str>, Option<&str>),
    changes: Option<ByteasArg>,
    base_heads: Option<TextsArg>,
    message: Option<&str>,
    correlation_id: Option<Uuid>,
) -> Result<Json> {
    let (access, key) = require_doc_writer(project_uuid, || doc_arg(doc, branch))?;
    let changes = read_changes(required("changes", changes)?)?;
    let base_heads = heads_arg("base_heads", base_heads)?;
    let message = message_arg(message)?;
    let edit = Edit::Doc(DocEdit::Change { key, changes, base_heads });
    answer(commit_edit(&access, edit, "apply_doc_changes", message, correlation_id)?)
}

/// Adds what a document has that was saved elsewhere, with its history.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn import_doc(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    bytes: Option<&[u8]>,
    branch: default!(Option<&str>, "'main'"),
    base_heads: default!(Option<TextsArg>, "NULL"),
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| {
        let (access, key) = require_doc_writer(project_uuid, || doc_arg(doc, branch))?;
        let limits = doc::limits();
        let about = |error: Error| error.with("argument", "bytes");
        let loaded = Loaded::read(required("bytes", bytes)?, &limits).map_err(about)?;
        let changes = loaded.changes_after(&Heads::default(), &limits).map_err(about)?;
        drop(loaded);
        if changes.is_empty() {
            return Err(about(Error::validation("bytes hold no change")));
        }
        let base_heads = heads_arg("base_heads", base_heads)?;
        let message = message_arg(message)?;
        let edit = Edit::Doc(DocEdit::Change { key, changes, base_heads });
        answer(commit_edit(&access, edit, "import_doc", message, correlation_id)?)
    })
}

fn read_changes(changes: ByteasArg) -> Result<Vec<DocChange>> {
    let limits = doc::limits();
    let check = |count| match count {
        0 => Err(Error::validation("changes must not be empty").with("argument", "changes")),
        1..=MAX_OP_CHANGES => Ok(()),
        _ => Err(Error::limit("there are too many changes", MAX_OP_CHANGES).with("argument", "changes")),
    };
    changes.read("changes", check, |changes| {
        let each = changes.iter().enumerate().map(|(at, bytes)| {
            interrupt::step()?;
            DocChange::read(bytes, &limits).map_err(|error| error.with("argument", "changes").with("at", at))
        });
        each.collect()
    })
}

/// The receipt, and what became of the document.
pub fn answer(committed: Committed) -> Result<Json> {
    let receipt = committed.receipt;
    let mut answered = receipt.to_json();
    if let Some(Outcome::Doc(DocOutcome { heads, applied, .. })) = receipt.ops.first() {
        answered["heads"] = json!(heads);
        answered["applied"] = json!(applied);
    }
    Ok(Json(answered))
}

/// Deletes a document; its history stays.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn delete_doc(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    branch: default!(Option<&str>, "'main'"),
    base_heads: default!(Option<TextsArg>, "NULL"),
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| delete(project_uuid, (doc, branch), base_heads, message, correlation_id))
}

fn delete(
    project_uuid: Option<Uuid>,
    (doc, branch): (Option<&str>, Option<&str>),
    base_heads: Option<TextsArg>,
    message: Option<&str>,
    correlation_id: Option<Uuid>,
) -> Result<Json> {
    let (access, key) = require_doc_writer(project_uuid, || doc_arg(doc, branch))?;
    let base_heads = heads_arg("base_heads", base_heads)?;
    let message = message_arg(message)?;
    let edit = Edit::Doc(DocEdit::Delete { key, base_heads, heads: None });
    answer(commit_edit(&access, edit, "delete_doc", message, correlation_id)?)
}
