//! Bindings of documents to files: making, listing and ending them.

use super::args::doc_arg;
use crate::args::{name_arg, path_arg};
use crate::blob;
use crate::bundle::{Commit, Kind, Plan, commit};
use crate::db::Answer;
use crate::definer::definer;
use crate::domain::doc::binding::{self, BoundDoc, DocBinding};
use crate::domain::doc::store::binding as bindings;
use crate::domain::{doc, file};
use crate::gate::{Access, Action, managed, require_project, require_writer};
use crate::jsonb::Json;
use crate::log::{locked, store::touch};
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::doc::Loaded;
use quire_core::error::{Error, Result};
use quire_core::key::DocKey;
use quire_core::mode::Mode;
use quire_core::op::doc::{about_doc, no_doc};
use quire_core::op::{DocEdit, Edit};
use quire_core::path::FilePath;
use quire_core::reason::Reason;
use quire_core::text::shorten;
use quire_core::tree::FileEdit;
use serde_json::Value;
use std::collections::BTreeSet;

/// Most bindings of a project.
const MAX_BINDINGS: i64 = 1000;
/// Longest path inside of a document, in bytes.
const LONGEST_PATH: usize = 1000;

/// Makes a text of a document and a file one thing.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn bind_doc_to_file(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    p_file_path: Option<&str>,
    path: default!(Option<&str>, "'text'"),
    keep: default!(Option<&str>, "NULL"),
) -> Json {
    definer(|| {
        let access = require_writer(project_uuid)?;
        let key = doc_arg(doc, Some(DocKey::MAIN))?;
        let file_path = path_arg("p_file_path", p_file_path)?;
        let path = pointer(name_arg("path", path, LONGEST_PATH)?);
        let keep = keep.map(Side::parse).transpose()?;
        // Whether there are bindings is said where owners write.
        let access = managed(locked(access)?)?;
        bind(&access, &key, &file_path, path, keep).map(Json)
    })
}

/// Ends a binding; both sides stay as they are.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn unbind_doc(project_uuid: Option<Uuid>, doc: Option<&str>) {
    definer(|| {
        let access = require_writer(project_uuid)?;
        let key = doc_arg(doc, Some(DocKey::MAIN))?;
        let access = locked(access)?;
        access.require_active()?;
        if !bindings::delete(access.project, vec![key.doc.clone()])? {
            return Err(about_doc(&key, Error::not_found(format!("{key} is not bound to a file"))));
        }
        touch(access.project)
    });
}

/// The bindings of a project. sql/doc/reader.sql says what it returns.
#[pg_extern(stable, sql = false)]
fn list_doc_bindings(project_uuid: Option<Uuid>, fcinfo: FunctionCallInfo) {
    definer(|| {
        let access = require_project(Action::ReadDocs, project_uuid)?;
        bindings::list(Answer::of(fcinfo), access.project)
    });
}

/// The side of a binding that stays as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Doc,
    File,
}

impl Side {
    fn parse(text: &str) -> Result<Self> {
        match text {
            "doc" => Ok(Side::Doc),
            "file" => Ok(Side::File),
            _ => Err(Error::validation("keep must be doc or file").with("keep", shorten(text))),
        }
    }
}

/// A path as a JSON Pointer; what does not begin with a slash is a key of the document.
fn pointer(path: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{}", path.replace('~', "~0").replace('/', "~1")),
    }
}

fn bind(
    access: &Access,
    key: &DocKey,
    file_path: &FilePath,
    path: String,
    keep: Option<Side>,
) -> Result<Value> {
    let project = access.project;
    let file_path_text = file_path.as_str().to_owned();
    let mut wanted = DocBinding { doc: key.doc.clone(), path, file_path: file_path_text, seq: None };
    let mut is_new = true;
    let request = Commit {
        message: Some(format!("bind {key} to {file_path}")),
        ..Commit::new(access, Kind::UserEdit, None)
    };
    let committed = commit(&request, |_| {
        let there = bindings::touched(project, vec![wanted.doc.clone()], vec![wanted.file_path.clone()])?;
        is_new = !there.iter().any(|other| other.is_like(&wanted));
        if let Some(other) = there.iter().find(|_| is_new) {
            let why = format!("{} is bound to {}", other.doc, other.file_path);
            let refused = Error::conflict(Reason::Bound, why).with("file_path", other.file_path.as_str());
            return Err(about_doc(key, refused.with("path", other.path.as_str())));
        }
        if !is_new {
            return Ok(Plan::default());
        }
        if bindings::count(project)? >= MAX_BINDINGS {
            return Err(Error::limit("the project has too many bindings", MAX_BINDINGS));
        }
        plan(access, key, file_path, &wanted, keep)
    })?;
    if is_new {
        wanted.seq = committed.receipt.bundle_id.as_ref().map(|_| committed.receipt.seq);
        bindings::insert(project, &wanted, access.author()?)?;
        // Who writes later and sees an older state would not know of it.
        touch(project)?;
    }
    let mut answer = committed.receipt.to_json();
    answer["doc"] = wanted.doc.into();
    answer["path"] = wanted.path.into();
    answer["file_path"] = wanted.file_path.into();
    answer["is_new"] = is_new.into();
    Ok(answer)
}

/// What makes both sides equal.
fn plan(
    access: &Access,
    key: &DocKey,
    file_path: &FilePath,
    wanted: &DocBinding,
    keep: Option<Side>,
) -> Result<Plan> {
    let project = access.project;
    let limits = doc::limits();
    let about = |error: Error| about_doc(key, error);
    let heads = file::store::heads_at(project, &BTreeSet::from([file_path.as_str()]))?;
    let live = heads.get(file_path).and_then(|head| Some((head.content.as_ref()?, head.mode)));
    let content = match live {
        Some((_, Mode::Symlink)) => {
            return Err(
                Error::validation(format!("{file_path} is a symlink")).with("file_path", file_path.as_str())
            );
        }
        Some((content, _)) => {
            binding::check_size(file_path.as_str(), content.size, &limits)?;
            let text = binding::text_of(binding::stored(project, &content.hash)?);
            let no_text =
                || Error::validation(format!("{file_path} is no text")).with("file_path", file_path.as_str());
            Some(text.ok_or_else(no_text)?)
        }
        None => None,
    };
    let (head, there) = binding::now(project, key)?;
    let mut changes = Vec::new();
    let (mut loaded, is_there) = match there {
        BoundDoc::There(loaded) => (*loaded, true),
        BoundDoc::Gone if head.is_some() => return Err(no_doc(key).with("is_deleted", true)),
        BoundDoc::Gone => {
            let (loaded, first) = binding::begin()?;
            changes.push(first);
            (loaded, false)
        }
    };
    let text = match binding::text(&loaded, &wanted.path, &limits) {
        Ok(text) => text,
        Err(error) => {
            give_back(access, head.as_ref(), loaded);
            return Err(about(error));
        }
    };
    let is_empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
    let side = match (&content, &text) {
        (None, None) if is_there => {
            return Err(about(Error::not_found("there is no such file, and no such text in the document")));
        }
        (None, None) => return Err(no_doc(key)),
        (Some(content), Some(text)) if content == text => None,
        (Some(_), None) => Some(Side::File),
        (None, Some(_)) => Some(Side::Doc),
        _ if keep.is_some() => keep,
        _ if is_empty(&content) => Some(Side::Doc),
        _ if is_empty(&text) => Some(Side::File),
        _ => {
            give_back(access, head.as_ref(), loaded);
            let refused =
                Error::conflict(Reason::Bound, format!("{file_path} is not what the document says"));
            return Err(about(
                refused.with("file_path", file_path.as_str()).hint("keep says which side stays as it is"),
            ));
        }
    };
    let mut plan = Plan::default();
    match side {
        Some(Side::File) => {
            let content = content.unwrap_or_default();
            changes.extend(binding::change(project, key, &mut loaded, (&wanted.path, &content))?);
            let edit = DocEdit::Change { key: key.clone(), changes, base_heads: None };
            plan.edits.push(Edit::Doc(edit));
        }
        Some(Side::Doc) => {
            let text = text.unwrap_or_default();
            let content = blob::describe(access, file_path.as_str(), text.as_bytes())?;
            plan.blobs = blob::prepare(project, &[(&content, text.as_bytes())])?;
            let path = file_path.clone();
            plan.edits.push(Edit::File(FileEdit::Put {
                path,
                file_type: None,
                mode: None,
                content,
                expected_version: None,
            }));
        }
        None => {}
    }
    give_back(access, head.as_ref(), loaded);
    Ok(plan)
}

/// Keeps a document that is stored.
fn give_back(access: &Access, head: Option<&doc::store::DocHead>, loaded: Loaded) {
    if let Some(head) = head {
        binding::keep(access.project, head, loaded);
    }
}
