//! Edits from SQL: each becomes one change, by the Automerge actor of this database.

use super::args::{doc_arg, heads_arg};
use super::write::answer;
use crate::args::{TextsArg, message_arg, natural, required};
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::definer::definer;
use crate::domain::doc::{cache, empty_change, seconds_now, server_actor, store};
use crate::domain::{branch, doc};
use crate::gate::require_doc_writer;
use crate::ids::ProjectId;
use crate::jsonb::{Json, JsonArg};
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::doc::root::first_change;
use quire_core::doc::{DocAuthor, DocChange, DocLimits, DocSummary, Heads, Loaded};
use quire_core::error::Result;
use quire_core::key::DocKey;
use quire_core::op::doc::{about_doc, no_doc};
use quire_core::op::{DocEdit, Edit};
use serde_json::{Value, json};

/// Edits a document by a JSON Patch.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn edit_doc(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    patch: Option<JsonArg>,
    branch: default!(Option<&str>, "'main'"),
    base_heads: default!(Option<TextsArg>, "NULL"),
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| {
        let doc = Arguments { project_uuid, doc, branch, base_heads, message, correlation_id };
        doc.edit("edit_doc", IfAbsent::Make, || Ok(What::Patch(required("patch", patch)?.document("patch")?)))
    })
}

/// Makes a document hold a value.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn put_doc(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    value: Option<JsonArg>,
    branch: default!(Option<&str>, "'main'"),
    base_heads: default!(Option<TextsArg>, "NULL"),
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| {
        let doc = Arguments { project_uuid, doc, branch, base_heads, message, correlation_id };
        doc.edit("put_doc", IfAbsent::BringBack, || {
            Ok(What::Value(required("value", value)?.document("value")?))
        })
    })
}

/// Deletes a part of a text of a document, and inserts another one there.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::too_many_arguments)]
fn splice_doc_text(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    path: Option<&str>,
    index: Option<i32>,
    delete_count: Option<i32>,
    insert: Option<&str>,
    branch: default!(Option<&str>, "'main'"),
    base_heads: default!(Option<TextsArg>, "NULL"),
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| {
        let doc = Arguments { project_uuid, doc, branch, base_heads, message, correlation_id };
        doc.edit("splice_doc_text", IfAbsent::Refuse, || {
            let number = |name, value| natural(name, required(name, value)?).map(i32::unsigned_abs);
            Ok(What::Splice {
                path: required("path", path)?,
                index: number("index", index)? as usize,
                delete: number("delete_count", delete_count)? as usize,
                insert: required("insert", insert)?,
            })
        })
    })
}

/// What these functions have in common.
struct Arguments<'a> {
    project_uuid: Option<Uuid>,
    doc: Option<&'a str>,
    branch: Option<&'a str>,
    base_heads: Option<TextsArg>,
    message: Option<&'a str>,
    correlation_id: Option<Uuid>,
}

/// What is to be done where no document is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IfAbsent {
    Refuse,
    /// Begin a new one; one that was deleted stays deleted.
    Make,
    /// Begin a new one, and go on with one that was deleted.
    BringBack,
}

enum What<'a> {
    Patch(Value),
    Value(Value),
    Splice { path: &'a str, index: usize, delete: usize, insert: &'a str },
}

impl What<'_> {
    /// What of it identifies a repeated request.
    fn about(&self) -> Value {
        match self {
            What::Patch(patch) => patch.clone(),
            What::Value(value) => value.clone(),
            What::Splice { path, index, delete, insert } => json!([path, index, delete, insert]),
        }
    }

    fn make(&self, loaded: &mut Loaded, author: &DocAuthor, limits: &DocLimits) -> Result<Option<DocChange>> {
        match self {
            What::Patch(patch) => loaded.patch(author, patch, limits),
            What::Value(value) => loaded.put(author, value, limits),
            What::Splice { path, index, delete, insert } => {
                loaded.splice_text(author, path, *index, *delete, insert, limits)
            }
        }
    }
}

impl<'a> Arguments<'a> {
    fn edit(
        self,
        function: &str,
        if_absent: IfAbsent,
        what: impl FnOnce() -> Result<What<'a>>,
    ) -> Result<Json> {
        let (access, key) = require_doc_writer(self.project_uuid, || doc_arg(self.doc, self.branch))?;
        // What a refusal says of paths, whether a test fails, and how large the smallest change is, show what is there.
        let access = access.that_reads_docs()?;
        let what = what()?;
        let base_heads = heads_arg("base_heads", self.base_heads)?;
        let message = message_arg(self.message)?;
        let correlation = correlated(self.correlation_id, function, || {
            json!([key, what.about(), base_heads.as_ref().map(Heads::to_texts), message])
        })?;
        let request =
            Commit { message: message.clone(), ..Commit::new(&access, Kind::UserEdit, correlation) };
        let project = access.project;
        warm(project, &key)?;
        answer(commit(&request, |_| {
            let changes = changes(project, &key, if_absent, base_heads.as_ref(), &what, message.as_deref())?;
            let edit = DocEdit::Change { key: key.clone(), changes, base_heads };
            Ok(Plan { edits: vec![Edit::Doc(edit)], ..Plan::default() })
        })?)
    }
}

/// Loads a document that a session has not loaded yet, before anybody waits for it.
fn warm(project: ProjectId, key: &DocKey) -> Result<()> {
    match store::head(project, key)? {
        Some(head) => cache::with(project, &head, |_| Ok(())),
        None => Ok(()),
    }
}

/// The changes that an edit comes to at the newest state: one, and the first of all of a document that begins with it.
fn changes(
    project: ProjectId,
    key: &DocKey,
    if_absent: IfAbsent,
    base_heads: Option<&Heads>,
    what: &What,
    message: Option<&str>,
) -> Result<Vec<DocChange>> {
    let about = |error| about_doc(key, error);
    let limits = doc::limits();
    branch::require(project, &key.branch)?;
    let head = store::head(project, key)?;
    let none = DocSummary::default();
    let summary = head.as_ref().map_or(&none, |head| &head.summary);
    if let Some(base) = base_heads {
        summary.require(base).map_err(about)?;
    }
    let is_there = head.is_some() && !summary.is_deleted();
    if !is_there && (if_absent == IfAbsent::Refuse || if_absent == IfAbsent::Make && head.is_some()) {
        let error = no_doc(key);
        return Err(match head {
            Some(_) => error.with("is_deleted", true).hint("put_doc brings it back with what it is given"),
            None => error,
        });
    }
    let mut changes = Vec::new();
    let mut loaded = match &head {
        Some(head) => cache::take(project, &head.line, summary.changes, &summary.heads)?,
        None => {
            changes.push(first_change()?);
            Loaded::of(&changes)?
        }
    };
    let actor = server_actor(project, &key.branch);
    let author = DocAuthor { actor: &actor, time: seconds_now(), message };
    let made = what.make(&mut loaded, &author, &limits).map_err(about)?;
    match made {
        Some(change) => changes.push(change),
        // Who puts what a deleted document held brings it back all the same.
        None if !is_there => {
            if let Some(head) = &head {
                changes.push(empty_change(project, &key.branch, &head.line, summary, message)?);
            }
        }
        None => {}
    }
    if let Some(head) = &head {
        cache::keep(project, &head.line, summary.changes, loaded);
    }
    Ok(changes)
}
