//! `submit_tx`: changes of several documents at once, by somebody who says what they have read.

use super::patches::{self, Before, Patches};
use crate::args::required;
use crate::bundle::staged::check_count;
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::definer::definer;
use crate::domain::branch;
use crate::domain::doc;
use crate::domain::doc::{is_of_an_edit, judge, merging, store};
use crate::domain::interface::Writing;
use crate::gate::{Access, Action, require_project};
use crate::ids::{CorrelationId, ProjectId, Seq};
use crate::jsonb::{Json, JsonArg};
use crate::log::store::committed_at;
use crate::log::{LockedHead, quarantine};
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::doc::{DocChange, Heads};
use quire_core::error::{Code, Error, Result};
use quire_core::json::Members;
use quire_core::key::{DocKey, branch_name};
use quire_core::op::doc::{about_doc, heads_member};
use quire_core::op::{DocEdit, DocOp, Edit, Outcome, Topic};
use quire_core::quarantine::RowKind;
use quire_core::reason::Reason;
use quire_core::schema::schema_name;
use quire_core::submission::Submission;
use quire_core::timestamp::rfc3339;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most branches that a write merges.
const MAX_MERGED: usize = 100;

/// Commits changes of documents, all or none, if what their author read is still what there is.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn submit_tx(project_uuid: Option<Uuid>, tx: Option<JsonArg>) -> Json {
    definer(|| {
        let access = require_project(Action::WriteDocs, project_uuid)?;
        let tx = Tx::parse(&required("tx", tx)?.document("tx")?).map_err(Error::of_member)?;
        let access = access.submitting(|| tx.submission())?;
        access.require_docs(tx.writes.iter().map(DocEdit::key))?;
        let access = if tx.shows_docs() { access.that_reads_docs()? } else { access };
        submit(&access, tx)
    })
}

/// What somebody has read of a document.
struct Read {
    key: DocKey,
    heads: Heads,
}

struct Tx {
    client_tx_id: Option<CorrelationId>,
    message: Option<String>,
    reads: Vec<Read>,
    writes: Vec<DocEdit>,
    /// What each write merges: states of its document on other branches.
    merges: Vec<Vec<MergeOf>>,
    /// The name of a schema that every document has to satisfy that is written.
    schema: Option<String>,
    returns_heads: bool,
    returns_patches: bool,
}

/// A state of a document on another branch.
struct MergeOf {
    branch: String,
    heads: Heads,
}

impl Tx {
    /// Whether the answer says what documents are that it does not write, or what they hold.
    fn shows_docs(&self) -> bool {
        let asks = self.returns_patches || self.schema.is_some() || !self.reads.is_empty();
        asks || self.merges.iter().any(|merges| !merges.is_empty())
    }

    /// What it submits; what brings more with it than it says is nothing that a token can be bound to.
    fn submission(&self) -> Result<Option<Submission>> {
        if self.merges.iter().all(Vec::is_empty) { Submission::of(&self.writes).map(Some) } else { Ok(None) }
    }

    fn parse(value: &Value) -> Result<Self> {
        let mut members = Members::of("tx", value)?;
        let limits = doc::limits();
        check_count("tx.writes", value["writes"].as_array().map_or(0, Vec::len))?;
        let reads = match members.opt("reads") {
            None => Vec::new(),
            Some(reads) => {
                let reads = reads.as_array().ok_or_else(|| members.wrong("reads", "an array"))?;
                let read = |(at, read)| Read::parse(&format!("tx.reads[{at}]"), read);
                reads.iter().enumerate().map(read).collect::<Result<_>>()?
            }
        };
        let writes = members.list("writes", |at, write| {
            let what = format!("tx.writes[{at}]");
            let mut write_members = Members::of(what.clone(), write)?;
            let allows = write_members.opt("allow_server_merge").map(Value::as_bool);
            let allows = allows.unwrap_or(Some(false));
            let allows = allows.ok_or_else(|| write_members.wrong("allow_server_merge", "true or false"))?;
            let merge_of = match write_members.opt("merge_of") {
                None => Vec::new(),
                Some(_) => write_members.list("merge_of", |of, merge| {
                    if of >= MAX_MERGED {
                        return Err(
                            Error::limit("too many branches", MAX_MERGED).with("argument", "merge_of")
                        );
                    }
                    MergeOf::parse(&format!("{what}.merge_of[{of}]"), merge)
                })?,
            };
            let mut rest = write.clone();
            if let Some(object) = rest.as_object_mut() {
                object.remove("allow_server_merge");
                object.remove("merge_of");
                // Whoever lets the server merge, or has merged, says what they had seen, and does not mind that it is another state.
                if allows || !merge_of.is_empty() {
                    object.remove("base_heads");
                }
            }
            Ok((DocEdit::parse(DocOp::NAMES[0], Members::of(what, &rest)?, &limits)?, merge_of))
        })?;
        let (writes, merges) = writes.into_iter().unzip();
        let (returns_heads, returns_patches) = match members.opt("options") {
            None => (true, false),
            Some(options) => {
                let mut options = Members::of("tx.options", options)?;
                let mut flag = |name: &'static str, default| {
                    let given = options.opt(name).map_or(Some(default), Value::as_bool);
                    given.ok_or_else(|| options.wrong(name, "true or false"))
                };
                let returns = (flag("return_heads", true)?, flag("return_patches", false)?);
                options.finish()?;
                returns
            }
        };
        let tx = Self {
            client_tx_id: members.opt_uuid("client_tx_id")?,
            message: crate::args::message_arg(members.opt_str("message")?)?,
            reads,
            writes,
            merges,
            schema: members.opt_str("schema")?.map(|name| schema_name("schema", name)).transpose()?,
            returns_heads,
            returns_patches,
        };
        members.finish()?;
        Ok(tx)
    }
}

impl MergeOf {
    fn parse(what: &str, value: &Value) -> Result<Self> {
        let mut members = Members::of(what, value)?;
        let branch = branch_name("branch", members.str("branch")?)?;
        let heads = heads_member(&mut members, "heads")?;
        let heads = heads.ok_or_else(|| members.wrong("heads", "an array of hashes"))?;
        members.finish()?;
        Ok(Self { branch, heads })
    }
}

/// For each write, the changes of other branches that come with it.
type BroughtChanges = Vec<Result<Vec<DocChange>>>;

/// The changes of other branches that the document of a write lacks.
fn brought(project: ProjectId, key: &DocKey, merges: &[MergeOf]) -> Result<Vec<DocChange>> {
    if merges.is_empty() {
        return Ok(Vec::new());
    }
    // What is written anew would be sound.
    quarantine::refuse(project, [RowKind::Current(Topic::Doc), RowKind::Logged(Topic::Doc)], json!({}))?;
    let target = store::head(project, key)?;
    let mut brought = Vec::new();
    for MergeOf { branch, heads } in merges {
        let lineage = branch::require(project, branch)?;
        let lacking = match store::head_on(project, &lineage, &key.doc)? {
            Some(source) => merging::lacking(project, &source, heads, target.as_ref())?,
            None => None,
        };
        brought.extend(lacking.ok_or_else(|| {
            let why = "the document has not these heads on the branch that is merged";
            let there = DocKey { branch: branch.clone(), doc: key.doc.clone() };
            about_doc(&there, Error::conflict(Reason::MissingDependency, why))
        })?);
    }
    Ok(brought)
}

/// A write with changes before its own. Those that several branches have are left out like others that the document has.
fn after(mut brought: Vec<DocChange>, edit: &DocEdit) -> DocEdit {
    let mut edit = edit.clone();
    if let DocEdit::Change { changes, .. } = &mut edit
        && !brought.is_empty()
    {
        brought.append(changes);
        *changes = brought;
    }
    edit
}

impl Read {
    fn parse(what: &str, value: &Value) -> Result<Self> {
        let mut members = Members::of(what, value)?;
        let key = DocKey::parse(members.opt_str("branch")?.unwrap_or(DocKey::MAIN), members.str("doc")?)?;
        let heads = heads_member(&mut members, "heads")?;
        let heads = heads.ok_or_else(|| members.wrong("heads", "an array of hashes"))?;
        members.finish()?;
        Ok(Self { key, heads })
    }
}

fn submit(access: &Access, tx: Tx) -> Result<Json> {
    let project = access.project;
    let Tx { client_tx_id, message, reads, writes, merges, schema, returns_heads, returns_patches } = tx;
    let correlation = match client_tx_id {
        None => None,
        Some(id) => correlated(Some(crate::ids::Pg::pg(id)), "submit_tx", || {
            let reads: Value = reads.iter().map(|read| json!([read.key, read.heads.to_texts()])).collect();
            let writes: Value = writes.iter().map(|edit| Edit::Doc(edit.clone()).fingerprint()).collect();
            let merges: Value = merges
                .iter()
                .map(|of| of.iter().map(|of| json!([of.branch, of.heads.to_texts()])).collect::<Value>())
                .collect();
            match &schema {
                None => json!([reads, writes, merges, message]),
                Some(schema) => json!([reads, writes, merges, message, schema]),
            }
        })?,
    };
    let doc_schema = schema.clone();
    let request = Commit { message, doc_schema, ..Commit::new(access, Kind::UserEdit, correlation) };
    // Where it was planned, whether what was read had changed by then, and what each write brings from other branches.
    let mut planned: Option<(LockedHead, bool, BroughtChanges)> = None;
    // What the documents were, for patches.
    let mut before: Option<Before> = None;
    let committed = commit(&request, |head| {
        let is_stale = !stale_reads(project, &reads)?.is_empty();
        let merges = writes.iter().zip(&merges);
        let all = merges.map(|(edit, merges)| brought(project, edit.key(), merges)).collect();
        let (_, _, all) = planned.insert((head.clone(), is_stale, all));
        if is_stale {
            return Err(Error::conflict(Reason::StaleHeads, "what was read has changed"));
        }
        if returns_patches {
            before = Some(patches::now(project, writes.iter().map(DocEdit::key))?);
        }
        let edits = writes.iter().zip(all.iter());
        let edits = edits.map(|(edit, brought)| Ok(Edit::Doc(after(brought.clone()?, edit))));
        let edits = edits.collect::<Result<_>>()?;
        Ok(Plan { edits, ..Plan::default() })
    });
    match (committed, planned) {
        // What is wrong with a document is found before anything is written.
        (Err(error), Some((head, is_stale, brought))) if is_stale || is_about_a_doc(&error) => {
            let mut found = conflicts(access, &head, &reads, (&writes, brought), schema.as_deref())?;
            if found.is_all_right() {
                found.blame(&writes, &error);
            }
            if found.is_all_right() { Err(error) } else { Ok(Json(found.receipt(&writes, returns_heads))) }
        }
        (Err(error), _) => Err(error),
        (Ok(committed), _) => {
            let receipt = committed.receipt;
            let at = match &receipt.bundle_id {
                Some(_) => committed_at(project, receipt.seq)?.map(rfc3339),
                None => None,
            };
            let mut results = Vec::new();
            for outcome in &receipt.ops {
                let Outcome::Doc(done) = outcome else { continue };
                let (doc, branch) = (&done.doc, &done.branch);
                let mut result =
                    json!({"doc": doc, "branch": branch, "status": "ok", "applied": done.applied});
                if returns_heads {
                    result["heads"] = json!(done.heads);
                }
                results.push(result);
            }
            if returns_patches {
                // Of several writes of a document the last one has what became of it, as it has the heads.
                let mut patches = Patches::of(project, before.unwrap_or_default(), &doc::limits());
                let mut said = BTreeSet::new();
                for (result, edit) in results.iter_mut().zip(&writes).rev() {
                    if said.insert(edit.key()) {
                        patches.add_to(result, edit.key())?;
                    }
                }
            }
            let tx_id = receipt.bundle_id.as_ref().map(|_| receipt.seq);
            Ok(Json(json!({
                "tx_id": tx_id, "bundle_id": receipt.bundle_id, "committed_at": at, "seq": receipt.seq,
                "checksum": receipt.checksum, "results": results, "conflicts": []
            })))
        }
    }
}

/// What is in the way of a transaction.
struct Conflicts {
    /// Of what was read, and what it is.
    reads: Vec<(DocKey, Heads)>,
    /// Of each write.
    writes: Vec<Option<Error>>,
    /// What each written document is.
    heads: Vec<Heads>,
    seq: Seq,
}

impl Conflicts {
    fn is_all_right(&self) -> bool {
        self.reads.is_empty() && self.writes.iter().all(Option::is_none)
    }

    /// Gives the writes of a document what only the whole bundle shows of it, as a binding to a file does.
    fn blame(&mut self, writes: &[DocEdit], error: &Error) {
        let of = |member| error.member(member).and_then(Value::as_str);
        for (edit, wrong) in writes.iter().zip(&mut self.writes) {
            let key = edit.key();
            if error.code() == Code::Invariant
                && of("doc") == Some(&key.doc)
                && of("branch") == Some(&key.branch)
            {
                *wrong = Some(error.clone());
            }
        }
    }

    /// The receipt of a transaction that did not happen.
    fn receipt(&self, writes: &[DocEdit], returns_heads: bool) -> Value {
        let described = |key: &DocKey, heads: &Heads, status: &str, reason: Option<&str>, shows: bool| {
            let mut described = json!({"doc": key.doc, "branch": key.branch, "status": status, "applied": 0});
            if let Some(reason) = reason {
                described["reason"] = reason.into();
            }
            if shows {
                described["heads"] = json!(heads.to_texts());
            }
            described
        };
        let mut conflicts: Vec<Value> = self
            .reads
            .iter()
            .map(|(key, heads)| described(key, heads, "conflict", Some("ReadConflict"), true))
            .collect();
        let results =
            writes.iter().zip(&self.writes).zip(&self.heads).map(|((edit, error), heads)| match error {
                None => described(edit.key(), heads, "ok", None, returns_heads),
                Some(error) => {
                    let (status, reason) = named(error);
                    let mut conflict = described(edit.key(), heads, status, Some(reason), true);
                    conflict["message"] = error.message().into();
                    for member in ["missing", "schema", "path"] {
                        if let Some(said) = error.member(member) {
                            conflict[member] = said.clone();
                        }
                    }
                    conflicts.push(conflict.clone());
                    conflict
                }
            });
        let results: Vec<Value> = results.collect();
        json!({
            "tx_id": null, "bundle_id": null, "committed_at": null, "seq": self.seq, "checksum": null, "results": results,
            "conflicts": conflicts
        })
    }
}

/// What a refusal is called in a receipt.
fn named(error: &Error) -> (&'static str, &'static str) {
    let reason = error.member("reason").and_then(Value::as_str).unwrap_or_default();
    match (error.code(), reason) {
        (Code::Conflict, "stale_heads") => ("conflict", "StaleBaseHeads"),
        (Code::Conflict, "missing_dependency") => ("conflict", "MissingDependency"),
        (Code::Conflict, _) => ("conflict", "DuplicateChange"),
        (Code::NotFound, _) => ("rejected", "InvalidBranch"),
        (Code::Locked, _) => ("rejected", "BranchClosed"),
        (Code::Invariant, _) => ("rejected", "InvariantFailed"),
        _ => ("rejected", "InvalidDoc"),
    }
}

/// Documents that are not what somebody has read, and what they are.
fn stale_reads(project: ProjectId, reads: &[Read]) -> Result<Vec<(DocKey, Heads)>> {
    let mut stale = Vec::new();
    for read in reads {
        let now = heads_of(project, &read.key)?;
        if now != read.heads {
            stale.push((read.key.clone(), now));
        }
    }
    Ok(stale)
}

/// Whether a refusal is about one document, and no limit.
fn is_about_a_doc(error: &Error) -> bool {
    is_of_an_edit(error) && (error.member("doc").is_some() || error.member("branch").is_some())
}

/// What is in the way of a transaction now, under the lock.
fn conflicts(
    access: &Access,
    head: &LockedHead,
    reads: &[Read],
    (writes, brought): (&[DocEdit], BroughtChanges),
    schema: Option<&str>,
) -> Result<Conflicts> {
    let project = access.project;
    let writing = Writing::trial(access, head, schema)?;
    let heads = writes.iter().map(|edit| heads_of(project, edit.key())).collect::<Result<_>>()?;
    let mut incomplete = Vec::with_capacity(writes.len());
    let mut tried = Vec::with_capacity(writes.len());
    for (edit, brought) in writes.iter().zip(brought) {
        incomplete.push(brought.as_ref().err().cloned());
        tried.push(after(brought.unwrap_or_default(), edit));
    }
    let judged = judge(&writing, &tried)?.into_iter().zip(incomplete);
    Ok(Conflicts {
        reads: stale_reads(project, reads)?,
        writes: judged.map(|(wrong, incomplete)| incomplete.or(wrong)).collect(),
        heads,
        seq: head.seq,
    })
}

/// What a document is; a document that is not there has no heads.
fn heads_of(project: ProjectId, key: &DocKey) -> Result<Heads> {
    Ok(store::head(project, key)?.map(|head| head.summary.heads).unwrap_or_default())
}
