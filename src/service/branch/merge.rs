//! `merge_branch`: what branches have and another one lacks gets into that one.

use crate::args::{TextsArg, message_arg, required};
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::definer::definer;
use crate::domain::branch;
use crate::domain::doc::{self, merging};
use crate::gate::{Access, Action, require_project};
use crate::jsonb::Json;
use crate::log::quarantine;
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::branch::{BranchStatus, Lineage};
use quire_core::error::{Code, Error, Result};
use quire_core::interrupt;
use quire_core::key::branch_name;
use quire_core::op::{BranchEdit, Edit, Topic};
use quire_core::quarantine::RowKind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most branches that are merged at once.
const MAX_SOURCES: usize = 100;
/// Documents of which a merge says which values are in conflict, and bytes of changes that these may have: they are loaded for it.
const MAX_TOLD: usize = 100;
const MAX_TOLD_BYTES: i64 = 16 << 20;

/// Merges branches into another one.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn merge_branch(
    project_uuid: Option<Uuid>,
    source: Option<&str>,
    target: default!(Option<&str>, "'main'"),
    dry_run: default!(Option<bool>, "false"),
    more_sources: default!(Option<TextsArg>, "NULL"),
    close_sources: default!(Option<bool>, "false"),
    message: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| {
        let access = require_project(Action::WriteBranches, project_uuid)?.that_reads_docs()?;
        let at_most = |count| match count {
            0..MAX_SOURCES => Ok(()),
            _ => Err(Error::limit("too many branches", MAX_SOURCES).with("argument", "more_sources")),
        };
        let mut sources = vec![branch_name("source", required("source", source)?)?];
        if let Some(more) = more_sources {
            let more: Vec<String> =
                more.parsed("more_sources", at_most, |name| branch_name("more_sources", name))?;
            sources.extend(more);
        }
        let target = branch_name("target", required("target", target)?)?;
        let is_dry = required("dry_run", dry_run)?;
        let closes = required("close_sources", close_sources)?;
        let message = message_arg(message)?;
        if sources.contains(&target) {
            return Err(Error::validation("a branch is not merged into itself").with("argument", "source"));
        }
        if sources.iter().collect::<BTreeSet<_>>().len() < sources.len() {
            return Err(Error::validation("a branch is named twice").with("argument", "more_sources"));
        }
        let merge = Merge { access: &access, sources, target, closes, message };
        if is_dry { merge.preview() } else { merge.commit(correlation_id) }
    })
}

struct Merge<'a> {
    access: &'a Access,
    sources: Vec<String>,
    target: String,
    closes: bool,
    message: Option<String>,
}

impl Merge<'_> {
    /// What it would do; nothing is written.
    fn preview(&self) -> Result<Json> {
        let (_, docs) = self.plan()?;
        Ok(Json(json!({"seq": null, "bundle_id": null, "checksum": null, "docs": docs})))
    }

    fn commit(self, correlation_id: Option<Uuid>) -> Result<Json> {
        let correlation = correlated(correlation_id, "merge_branch", || {
            json!([self.sources, self.target, self.closes, self.message])
        })?;
        let message = self.message.clone();
        let request = Commit { message, ..Commit::new(self.access, Kind::UserEdit, correlation) };
        let committed = commit(&request, |_| {
            if !self.access.settings.server_merge {
                let error = Error::new(Code::Unauthorized, "the project does not let the server merge");
                return Err(error
                    .with("setting", "server_merge")
                    .hint("merge in a client, and send the change by submit_tx with merge_of"));
            }
            let (edits, docs) = self.plan()?;
            Ok(Plan { edits, answer: Some(docs), ..Plan::default() })
        })?;
        let receipt = committed.receipt;
        Ok(Json(json!({
            "seq": receipt.seq, "bundle_id": receipt.bundle_id, "checksum": receipt.checksum,
            "docs": receipt.answer.unwrap_or_else(|| json!([]))
        })))
    }

    /// The edits, and what they do to which document.
    fn plan(&self) -> Result<(Vec<Edit>, Value)> {
        let project = self.access.project;
        // What is written anew would be sound.
        let kinds =
            [Topic::Doc, Topic::Branch].map(|topic| [RowKind::Current(topic), RowKind::Logged(topic)]);
        quarantine::refuse(project, kinds.into_iter().flatten(), json!({}))?;
        let sources: Vec<Lineage> =
            self.sources.iter().map(|source| branch::require(project, source)).collect::<Result<_>>()?;
        let target = branch::require(project, &self.target)?;
        target.require_open()?;
        let mut names = BTreeSet::new();
        for source in &sources {
            names.extend(merging::candidates(project, source, &target)?);
        }
        let limits = doc::limits();
        let (mut edits, mut docs) = (Vec::new(), Vec::new());
        let (mut told_docs, mut told_bytes) = (0, 0);
        for name in names {
            interrupt::check()?;
            let merged = merging::merge(project, &name, &sources, &target, self.message.as_deref())?;
            let Some(merged) = merged else { continue };
            let mut told = json!({
                "doc": merged.key.doc, "applied": merged.changes.len(), "heads": merged.after.heads.to_texts(),
                "is_deleted": merged.after.is_deleted()
            });
            if merged.is_both {
                told_docs += 1;
                told_bytes += merged.after.bytes;
                let fits = told_docs <= MAX_TOLD && told_bytes <= MAX_TOLD_BYTES;
                let conflicts = if fits { merging::conflicts(project, &merged, &limits)? } else { None };
                match conflicts {
                    Some(conflicts) => told["conflicts"] = conflicts,
                    None => told["conflicts_omitted"] = true.into(),
                }
            }
            docs.push(told);
            edits.extend(merged.into_edits().map(Edit::Doc));
        }
        if self.closes {
            edits.extend(sources.iter().filter(|source| source.status == BranchStatus::Open).map(|source| {
                Edit::Branch(BranchEdit::Update {
                    branch: source.name().to_owned(),
                    status: BranchStatus::Closed,
                    merged_into: Some(self.target.clone()),
                })
            }));
        }
        Ok((edits, docs.into()))
    }
}
