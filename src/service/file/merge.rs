//! `merge_project_file`: writes an edit that was made on an older version.

use super::read::version_of;
use crate::args::{path_arg, required};
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::definer::definer;
use crate::domain::file::{VersionRow, no_file, store};
use crate::gate::{Access, Action, require_project};
use crate::ids::Version;
use crate::{blob, guc};
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Error, Result};
use quire_core::merge::{Hunk, LineMerge, lines, words};
use quire_core::op::Edit;
use quire_core::path::FilePath;
use quire_core::reason::Reason;
use quire_core::text::shorten;
use quire_core::tree::FileEdit;
use serde_json::{Value, json};

/// Merges content that was made from `base_version` into the current version.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn merge_project_file(
    project_uuid: Option<Uuid>,
    p_file_path: Option<&str>,
    p_content: Option<&str>,
    base_version: Option<i32>,
    strategy: default!(Option<&str>, "'lines'"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> JsonB {
    definer(|| {
        blob::retrying(|| merge(project_uuid, p_file_path, p_content, base_version, strategy, correlation_id))
    })
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Strategy {
    Lines,
    /// By words, where lines are in conflict. The name is older than that, and is in details of bundles.
    Automerge,
}

impl Strategy {
    fn parse(text: &str) -> Result<Self> {
        match text {
            "lines" => Ok(Strategy::Lines),
            "automerge" => Ok(Strategy::Automerge),
            _ => {
                Err(Error::validation("strategy must be lines or automerge").with("strategy", shorten(text)))
            }
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Strategy::Lines => "lines",
            Strategy::Automerge => "automerge",
        }
    }
}

/// What came of merging with one state of the file.
struct Attempt {
    /// The version merged with.
    with_version: Version,
    result: std::result::Result<Plan, Vec<Hunk>>,
}

fn merge(
    project_uuid: Option<Uuid>,
    path: Option<&str>,
    content: Option<&str>,
    base_version: Option<i32>,
    strategy: Option<&str>,
    correlation_id: Option<Uuid>,
) -> Result<JsonB> {
    let access = require_project(Action::Write, project_uuid)?.that_reads()?;
    let path = path_arg("p_file_path", path)?;
    let content = required("p_content", content)?;
    let base_version = required("base_version", base_version)?;
    let strategy = Strategy::parse(required("strategy", strategy)?)?;
    let ours = blob::describe(&access, path.as_str(), content.as_bytes())?;
    let base = version_of(access.project, &path, "base_version", Some(Version(base_version)))?;
    let base = text_of(&access, &path, &base)?;
    let correlation = correlated(correlation_id, "merge_project_file", || {
        json!([path.as_str(), ours.hash.to_hex(), base_version, strategy.as_str()])
    })?;
    let try_merge = || -> Result<Attempt> {
        let head = current(&access, &path)?;
        let theirs = text_of(&access, &path, &head)?;
        let result = plan(&access, &path, strategy, &base, content, &theirs)?;
        Ok(Attempt { with_version: head.version, result })
    };
    // The slow part runs before the lock; under it only again when somebody wrote in between.
    // Its failure is raised under the lock, after a repeated request has been recognised.
    let first = try_merge();
    let details = json!({"base_version": base_version, "strategy": strategy.as_str()});
    let request = Commit { details: Some(details), ..Commit::new(&access, Kind::UserEdit, correlation) };
    let receipt = commit(&request, |_| {
        let mut attempt = first?;
        if current(&access, &path)?.version != attempt.with_version {
            attempt = try_merge()?;
        }
        attempt.result.or_else(|hunks| {
            let answer = json!({"version": attempt.with_version, "conflicts": hunks});
            Ok(Plan { answer: Some(answer), ..Plan::default() })
        })
    })?
    .receipt;
    let (status, version) = match (receipt.files().next(), &receipt.answer) {
        (Some(op), _) if op.status == "unchanged" => ("unchanged", json!(op.version)),
        (Some(op), _) => ("merged", json!(op.version)),
        (None, answer) => {
            ("conflict", answer.as_ref().map_or(Value::Null, |answer| answer["version"].clone()))
        }
    };
    let conflicts = receipt.answer.map_or_else(|| json!([]), |answer| answer["conflicts"].clone());
    Ok(JsonB(json!({
        "status": status, "version": version, "seq": receipt.seq, "checksum": receipt.checksum,
        "conflicts": conflicts
    })))
}

fn current(access: &Access, path: &FilePath) -> Result<VersionRow> {
    let head = store::find_version(access.project, path, None)?.ok_or_else(|| no_file(path, None))?;
    if head.content_hash.is_none() {
        return Err(Error::conflict(Reason::Deleted, format!("{path} was deleted"))
            .with("file_path", path.as_str())
            .with("version", head.version));
    }
    Ok(head)
}

fn text_of(access: &Access, path: &FilePath, row: &VersionRow) -> Result<String> {
    let not_text =
        || Error::validation(format!("{path} is not a text file")).with("file_path", path.as_str());
    match row.content_hash {
        None => Ok(String::new()),
        Some(_) if row.is_binary => Err(not_text()),
        Some(hash) => String::from_utf8(blob::store::read(access.project, &hash)?).map_err(|_| not_text()),
    }
}

fn plan(
    access: &Access,
    path: &FilePath,
    strategy: Strategy,
    base: &str,
    ours: &str,
    theirs: &str,
) -> Result<std::result::Result<Plan, Vec<Hunk>>> {
    let by = match strategy {
        Strategy::Lines => lines,
        Strategy::Automerge => words,
    };
    let merged = match by(base, ours, theirs, guc::diff_deadline())? {
        LineMerge::Clean(text) => text,
        LineMerge::Conflict(hunks) => return Ok(Err(hunks)),
    };
    let content = blob::describe(access, path.as_str(), merged.as_bytes())?;
    let blobs = blob::prepare(access.project, &[(&content, merged.as_bytes())])?;
    let edit =
        FileEdit::Put { path: path.clone(), file_type: None, mode: None, content, expected_version: None };
    Ok(Ok(Plan { edits: vec![Edit::File(edit)], blobs, ..Plan::default() }))
}
