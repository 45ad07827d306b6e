//! `commit_bundle`, and how operations arrive as JSON.

use super::write::correlated;
use crate::args::{file_type_arg, message_arg, required};
use crate::auth::{Access, Action, expect};
use crate::blob;
use crate::bundle::{Commit, Kind, Plan, commit};
use crate::error::{Error, Result};
use crate::guc;
use crate::ids::ProjectId;
use crate::jsonb::JsonArg;
use crate::pure::json::{Members, decode_base64};
use crate::pure::op::Mode;
use crate::pure::path::{FilePath, shorten};
use crate::pure::tree::{Content, Edit};
use crate::raise::or_raise;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Commits any mix of operations as one bundle.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn commit_bundle(
    project_uuid: Option<Uuid>,
    ops: Option<JsonArg>,
    kind: default!(Option<&str>, "'user_edit'"),
    message: default!(Option<&str>, "NULL"),
    base_seq: default!(Option<i64>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> JsonB {
    or_raise(commit_ops(project_uuid, ops, kind, message, base_seq, correlation_id))
}

fn commit_ops(
    project_uuid: Option<Uuid>,
    ops: Option<JsonArg>,
    kind: Option<&str>,
    message: Option<&str>,
    base_seq: Option<i64>,
    correlation_id: Option<Uuid>,
) -> Result<JsonB> {
    let access = expect(Action::Write, project_uuid)?;
    let ops = required("ops", ops)?.parsed("ops")?;
    let kind = Kind::parse(required("kind", kind)?)?;
    let message = message_arg(message)?;
    let mut staged = Staged::default();
    for (at, op) in items("ops", &ops)?.iter().enumerate() {
        staged.push_op(&access, Members::of(format!("ops[{at}]"), op)?)?;
    }
    let correlation = correlated(correlation_id, "commit_bundle", || {
        json!([staged.fingerprint(), kind.as_str(), message, base_seq])
    })?;
    let plan = staged.into_plan(access.project)?;
    let request = Commit { message, base_seq, ..Commit::new(&access, kind, correlation) };
    commit(&request, |_| Ok(plan)).map(|committed| JsonB(committed.receipt.to_json()))
}

/// A JSON array of 1 to `quire.max_bundle_ops` items.
pub fn items<'a>(what: &str, value: &'a Value) -> Result<&'a Vec<Value>> {
    let Value::Array(items) = value else {
        return Err(Error::validation(format!("{what} must be a JSON array")).with("argument", what));
    };
    check_count(what, items.len())?;
    Ok(items)
}

/// Refuses nothing to do (22023) and too much (PT413), before any work is done for it.
pub fn check_count(what: &str, count: usize) -> Result<()> {
    if count == 0 {
        return Err(Error::validation(format!("{what} must not be empty")).with("argument", what));
    }
    let most = guc::max_bundle_ops();
    if count > most {
        return Err(Error::limit(format!("{what} has {count} items"), most)
            .with("argument", what)
            .hint("split it into several bundles"));
    }
    Ok(())
}

/// Edits with their content, on the way to a plan.
#[derive(Default)]
pub struct Staged<'a> {
    edits: Vec<Edit>,
    contents: Vec<(Content, Cow<'a, [u8]>)>,
}

impl<'a> Staged<'a> {
    /// Adds one operation of `commit_bundle`.
    fn push_op(&mut self, access: &Access, mut members: Members<'a>) -> Result<()> {
        match members.str("op")? {
            "file.put" => self.push_put(access, members),
            "file.delete" => {
                let path = FilePath::parse(members.str("file_path")?)?;
                let expected_version = members.opt_i32("expected_version")?;
                self.edits.push(Edit::Delete { path, expected_version });
                members.finish()
            }
            "file.move" => {
                let from = FilePath::parse(members.str("from_path")?)?;
                let to = FilePath::parse(members.str("to_path")?)?;
                let expected_version = members.opt_i32("expected_version")?;
                self.edits.push(Edit::Move { from, to, expected_version });
                members.finish()
            }
            unknown => Err(Error::validation(format!("unknown op {:?}", shorten(unknown)))
                .with("op", shorten(unknown))
                .with("known", json!(["file.put", "file.delete", "file.move"]))),
        }
    }

    /// Adds one `{file_path, content | content_base64, file_type?, mode?, expected_version?}`.
    pub fn push_put(&mut self, access: &Access, mut members: Members<'a>) -> Result<()> {
        let path = FilePath::parse(members.str("file_path")?)?;
        let file_type = file_type_arg(members.opt_str("file_type")?)?;
        let mode = members.opt_str("mode")?.map(Mode::parse).transpose()?;
        let expected_version = members.opt_i32("expected_version")?;
        let bytes = match (members.opt_str("content")?, members.opt_str("content_base64")?) {
            (Some(text), None) => Cow::Borrowed(text.as_bytes()),
            (None, Some(base64)) => {
                Cow::Owned(decode_base64(base64).map_err(|error| error.with("file_path", path.as_str()))?)
            }
            _ => {
                return Err(Error::validation("a file needs either content or content_base64")
                    .with("file_path", path.as_str()));
            }
        };
        members.finish()?;
        let content = blob::describe(access, path.as_str(), &bytes)?;
        self.contents.push((content.clone(), bytes));
        self.edits.push(Edit::Put { path, file_type, mode, content, expected_version });
        Ok(())
    }

    /// Adds a deletion.
    pub fn push_delete(&mut self, path: FilePath) {
        self.edits.push(Edit::Delete { path, expected_version: None });
    }

    /// Refuses a path that occurs twice (PT409).
    pub fn refuse_duplicates(&self) -> Result<()> {
        let mut seen = std::collections::HashSet::with_capacity(self.edits.len());
        match self.edits.iter().flat_map(Edit::paths).find(|path| !seen.insert(*path)) {
            None => Ok(()),
            Some(path) => Err(Error::conflict("duplicate_path", format!("{path} occurs twice"))
                .with("file_path", path.as_str())),
        }
    }

    /// What identifies these edits in a repeated request.
    pub fn fingerprint(&self) -> Value {
        self.edits
            .iter()
            .map(|edit| match edit {
                Edit::Put { path, file_type, mode, content, expected_version } => {
                    json!(["put", path.as_str(), file_type, mode, content.hash.to_hex(), expected_version])
                }
                Edit::Delete { path, expected_version } => json!(["delete", path.as_str(), expected_version]),
                Edit::Move { from, to, expected_version } => {
                    json!(["move", from.as_str(), to.as_str(), expected_version])
                }
            })
            .collect()
    }

    /// Compresses the content.
    pub fn into_plan(self, project: ProjectId) -> Result<Plan> {
        let contents: Vec<(&Content, &[u8])> =
            self.contents.iter().map(|(content, bytes)| (content, bytes.as_ref())).collect();
        let blobs = blob::prepare(project, &contents)?;
        Ok(Plan { edits: self.edits, blobs, ..Plan::default() })
    }
}
