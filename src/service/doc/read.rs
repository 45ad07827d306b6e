//! Readers of one document: what it holds, now and at any point in time, its bytes, who wrote what.

use super::args::{doc_arg, heads_arg};
use crate::args::{TextsArg, required};
use crate::definer::definer;
use crate::domain::doc::store::{DocHead, DocLine};
use crate::domain::doc::{cache, store};
use crate::domain::{branch, doc};
use crate::gate::{Action, require_project};
use crate::ids::{ProjectId, Seq};
use crate::jsonb::{AnyJson, Json};
use crate::log::point::resolve_point;
use crate::log::quarantine;
use crate::log::store::authors;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use quire_core::doc::helpers::conflicts_as_json;
use quire_core::doc::tree::MAX_PATHS;
use quire_core::doc::{DocLimits, Heads, Loaded};
use quire_core::error::{Code, Error, Result};
use quire_core::key::DocKey;
use quire_core::op::Topic;
use quire_core::op::doc::no_doc;
use quire_core::quarantine::RowKind;
use quire_core::text::shorten;
use serde_json::{Value, json};

/// A document, and which state of it is meant.
struct State {
    project: ProjectId,
    key: DocKey,
    /// What it is now.
    head: DocHead,
    /// The state that is meant, if it is not the newest.
    at: Option<Heads>,
    /// How many changes it had then, if that is known.
    had: Option<i64>,
}

impl State {
    /// The state that arguments mean.
    fn of(
        project_uuid: Option<Uuid>,
        (doc, branch): (Option<&str>, Option<&str>),
        (at_seq, at_time): (Option<i64>, Option<TimestampWithTimeZone>),
        at_heads: Option<TextsArg>,
    ) -> Result<Self> {
        let access = require_project(Action::ReadDocs, project_uuid)?;
        let project = access.project;
        let key = doc_arg(doc, branch)?;
        let at = heads_arg("at_heads", at_heads)?;
        let is_at_seq = at_seq.is_some() || at_time.is_some();
        let seq = is_at_seq.then(|| resolve_point(project, at_seq.map(Seq), at_time, None)).transpose()?;
        if seq.is_some() && at.is_some() {
            return Err(Error::validation("give at most one of at_seq, at_time and at_heads"));
        }
        // What a deleted branch had is read by its seqs.
        let lineage = match seq {
            Some(seq) => branch::require_at(project, &key.branch, seq)?,
            None => branch::require(project, &key.branch)?,
        };
        quarantine::refuse(project, [RowKind::Current(Topic::Doc)], json!(key))?;
        let head = store::head(project, &key)?.ok_or_else(|| no_doc(&key))?;
        if head.own.is_none() {
            // What it is stands in another branch's rows.
            let there = DocKey { branch: head.branch.clone(), doc: key.doc.clone() };
            quarantine::refuse(project, [RowKind::Current(Topic::Doc)], json!(there))?;
            quarantine::refuse_ops(project, Topic::Doc, head.seq)?;
        }
        // Whoever names heads wants them, whatever became of the document.
        let (at, had, is_deleted) = match (seq, at) {
            (Some(seq), _) => {
                quarantine::refuse_ops(project, Topic::Doc, seq)?;
                let then = store::at(project, &lineage, &key.doc)?.ok_or_else(|| no_doc(&key))?.summary;
                let is_deleted = then.is_deleted();
                (Some(then.heads), Some(then.changes), is_deleted)
            }
            (None, Some(at)) => {
                require(project, &head.line, "at_heads", &at)?;
                (Some(at), None, false)
            }
            (None, None) => (None, None, head.summary.is_deleted()),
        };
        if is_deleted {
            return Err(no_doc(&key).with("is_deleted", true));
        }
        let at = at.filter(|at| *at != head.summary.heads);
        Ok(Self { project, key, head, at, had })
    }

    /// Loads it for `work`. A state of the past does not depend on what Automerge thinks of later changes.
    fn with<T>(&self, work: impl FnOnce(&Loaded) -> Result<T>) -> Result<T> {
        let DocHead { line, summary, .. } = &self.head;
        match (cache::take(self.project, line, summary.changes, &summary.heads), self.had) {
            (Ok(loaded), _) => {
                let done = work(&loaded);
                cache::keep(self.project, line, summary.changes, loaded);
                done
            }
            (Err(error), Some(had)) if error.code() == Code::Invariant => {
                work(&cache::load(self.project, line, had, self.at.as_ref().unwrap_or(&summary.heads))?)
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// Refuses heads of which the document has not all (PT404).
fn require(project: ProjectId, line: &DocLine, argument: &str, heads: &Heads) -> Result<()> {
    let has = store::has(project, line, heads)?;
    let missing: Vec<String> =
        heads.as_slice().iter().filter(|hash| !has.contains(hash)).map(|hash| hash.to_string()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::not_found("the document has no such change")
        .with("argument", argument)
        .with("missing", missing))
}

/// What a document holds.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn read_doc(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    branch: default!(Option<&str>, "'main'"),
    at_seq: default!(Option<i64>, "NULL"),
    at_time: default!(Option<TimestampWithTimeZone>, "NULL"),
    at_heads: default!(Option<TextsArg>, "NULL"),
    paths: default!(Option<TextsArg>, "NULL"),
) -> AnyJson {
    definer(|| {
        let state = State::of(project_uuid, (doc, branch), (at_seq, at_time), at_heads)?;
        let paths = paths.map(paths_arg).transpose()?;
        if paths.is_none()
            && state.at.is_none()
            && let Some(tip) = store::tip(state.project, &state.key.doc, &state.head)?
        {
            return Ok(AnyJson::Stored(tip));
        }
        state.with(|loaded| read(loaded, state.at.as_ref(), paths.as_deref())).map(AnyJson::New)
    })
}

fn paths_arg(paths: TextsArg) -> Result<Vec<String>> {
    let at_most = |count| match count {
        0..=MAX_PATHS => Ok(()),
        _ => Err(Error::limit("too many paths", MAX_PATHS).with("argument", "paths")),
    };
    paths.parsed("paths", at_most, |path| Ok(path.to_owned()))
}

fn read(loaded: &Loaded, at: Option<&Heads>, paths: Option<&[String]>) -> Result<Value> {
    match paths {
        None => loaded.to_json(at, &doc::limits()),
        Some(paths) => {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            loaded.at_paths(&paths, at, &doc::limits())
        }
    }
}

/// A document as Automerge saves it. sql/doc/reader.sql declares it, as its result has a type of its own.
#[pg_extern(stable, sql = false)]
fn read_doc_bytes(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    branch: Option<&str>,
    at_seq: Option<i64>,
    at_time: Option<TimestampWithTimeZone>,
    at_heads: Option<TextsArg>,
) -> Vec<u8> {
    definer(|| {
        let state = State::of(project_uuid, (doc, branch), (at_seq, at_time), at_heads)?;
        match &state.at {
            None => state.with(Loaded::save),
            Some(at) => {
                let changes = state.with(|loaded| loaded.changes_up_to(at, &DocLimits::LARGEST))?;
                Loaded::of(&changes)?.save()
            }
        }
    })
}

/// A document as Automerge saves it, with all of its history.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn export_doc(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    branch: default!(Option<&str>, "'main'"),
) -> Vec<u8> {
    definer(|| State::of(project_uuid, (doc, branch), (None, None), None)?.with(Loaded::save))
}

/// What is different between two states of a document.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn diff_doc(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    from_heads: Option<TextsArg>,
    to_heads: default!(Option<TextsArg>, "NULL"),
    branch: default!(Option<&str>, "'main'"),
) -> Json {
    definer(|| {
        let state = State::of(project_uuid, (doc, branch), (None, None), None)?;
        let from = heads_arg("from_heads", Some(required("from_heads", from_heads)?))?.unwrap_or_default();
        let to = heads_arg("to_heads", to_heads)?;
        require(state.project, &state.head.line, "from_heads", &from)?;
        to.as_ref().map_or(Ok(()), |to| require(state.project, &state.head.line, "to_heads", to))?;
        state.with(|loaded| loaded.diff(Some(&from), to.as_ref(), &doc::limits())).map(Json)
    })
}

/// The places of a document with several values.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn doc_conflicts(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    branch: default!(Option<&str>, "'main'"),
    at_heads: default!(Option<TextsArg>, "NULL"),
) -> Json {
    definer(|| {
        let state = State::of(project_uuid, (doc, branch), (None, None), at_heads)?;
        let found = state.with(|loaded| loaded.conflicts(state.at.as_ref(), &doc::limits()))?;
        Ok(Json(conflicts_as_json(&found)))
    })
}

/// Who wrote what is at a path of a document.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn explain_doc(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    path: Option<&str>,
    branch: default!(Option<&str>, "'main'"),
) -> Json {
    definer(|| {
        let state = State::of(project_uuid, (doc, branch), (None, None), None)?;
        let path = required("path", path)?;
        let limits = doc::limits();
        let (value, origin) = state.with(|loaded| {
            let origin = loaded.origin(path, None)?;
            Ok((loaded.at_paths(&[path], None, &limits)?.get(path).cloned(), origin))
        })?;
        if value.is_none() && origin.is_none() {
            return Err(Error::not_found("nothing is at this path")
                .with("argument", "path")
                .with("path", shorten(path)));
        }
        let mut answer = json!({"path": path, "value": value});
        if let Some(origin) = origin {
            let seq = store::bundle_of(state.project, &state.head.line, &origin.change)?;
            let author = authors(state.project, [seq])?.remove(&seq);
            answer["change"] = origin.change.to_string().into();
            answer["doc_actor"] = origin.actor.to_hex_string().into();
            answer["changed_at"] = origin.time.into();
            answer["change_message"] = origin.message.into();
            answer["seq"] = seq.into();
            if let Some(author) = author {
                answer["bundle_id"] = json!(author.bundle_id);
                answer["actor"] = json!(author.actor);
                answer["display_name"] = author.name.into();
            }
        }
        Ok(Json(answer))
    })
}
