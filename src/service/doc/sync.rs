//! `sync_doc`: Automerge's sync protocol, of which nothing is kept between calls.

use super::args::doc_arg;
use crate::bundle::{Commit, Kind, Plan, commit};
use crate::db::Answer;
use crate::definer::definer;
use crate::domain::doc::{cache, store};
use crate::domain::{branch, doc};
use crate::gate::{Action, require_doc_writer, require_project};
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::doc::sync::{SyncStep, step};
use quire_core::doc::{DocSummary, Loaded};
use quire_core::error::{Error, Result};
use quire_core::op::doc::no_doc;
use quire_core::op::{DocEdit, Edit};

/// Takes a message of a peer and answers it.
#[pg_extern(sql = false)]
fn sync_doc(
    project_uuid: Option<Uuid>,
    doc: Option<&str>,
    branch: Option<&str>,
    message: Option<&[u8]>,
    state: Option<&[u8]>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let SyncStep { message, state, heads, .. } = sync(project_uuid, (doc, branch), message, state)?;
        Answer::of(fcinfo).put(&[message.into(), state.into(), heads.to_texts().into()]);
        Ok(())
    });
}

fn sync(
    project_uuid: Option<Uuid>,
    (doc, branch): (Option<&str>, Option<&str>),
    message: Option<&[u8]>,
    state: Option<&[u8]>,
) -> Result<SyncStep> {
    let access = require_project(Action::ReadDocs, project_uuid)?;
    let project = access.project;
    let key = doc_arg(doc, branch)?;
    branch::require(project, &key.branch)?;
    let state = state.unwrap_or_default();
    let limits = doc::limits();
    let may_write = access.may_write_doc(&key);
    let read = |must_be_there| -> Result<(DocSummary, Loaded, Option<_>)> {
        let head = store::head(project, &key)?;
        let is_there = head.as_ref().is_some_and(|head| !head.summary.is_deleted());
        if must_be_there && !is_there {
            return Err(no_doc(&key));
        }
        Ok(match head {
            Some(head) => {
                let loaded = cache::take(project, &head.line, head.summary.changes, &head.summary.heads)?;
                (head.summary, loaded, Some(head.line))
            }
            None => (DocSummary::default(), Loaded::new(), None),
        })
    };
    let (summary, mut loaded, line) = read(!may_write)?;
    let answered = step(&mut loaded, message, state, &limits)?;
    if answered.new.is_empty() {
        if let Some(line) = line {
            cache::keep(project, &line, summary.changes, loaded);
        }
        return Ok(answered);
    }
    let (access, key) = require_doc_writer(project_uuid, || Ok(key.clone()))?;
    let mut answered = Some(answered);
    let mut loaded = Some(loaded);
    commit(&Commit::new(&access, Kind::UserEdit, None), |_| {
        let head = store::head(project, &key)?;
        let now = head.as_ref().map(|head| head.summary.heads.clone()).unwrap_or_default();
        if now != summary.heads {
            // Somebody has written meanwhile, so the answer is another one.
            let (_, mut newer, _) = read(false)?;
            answered = Some(step(&mut newer, message, state, &limits)?);
            loaded = Some(newer);
        }
        if let (Some(head), Some(loaded)) = (head, loaded.take()) {
            cache::keep(project, &head.line, head.summary.changes, loaded);
        }
        let changes = answered.as_ref().map(|answered| answered.new.clone()).unwrap_or_default();
        let edit = DocEdit::Change { key: key.clone(), changes, base_heads: None };
        Ok(Plan { edits: vec![Edit::Doc(edit)], ..Plan::default() })
    })?;
    answered.ok_or_else(|| Error::internal("a write was not planned"))
}
