//! `commit_bundle`.

use super::staged::{Staged, items};
use super::{Commit, Kind, commit, correlated};
use crate::args::{message_arg, required};
use crate::blob;
use crate::definer::definer;
use crate::gate::{Action, expect};
use crate::ids::Seq;
use crate::jsonb::{Json, JsonArg};
use crate::log::Place;
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::conflict::OnConflict;
use quire_core::error::Result;
use quire_core::json::Members;
use serde_json::json;

/// Commits any mix of operations as one bundle.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn commit_bundle(
    project_uuid: Option<Uuid>,
    ops: Option<JsonArg>,
    kind: default!(Option<&str>, "'user_edit'"),
    message: default!(Option<&str>, "NULL"),
    base_seq: default!(Option<i64>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
    on_conflict: default!(Option<&str>, "'reject'"),
    base_checksum: default!(Option<&str>, "NULL"),
) -> Json {
    definer(|| {
        let base = (base_seq.map(Seq), base_checksum);
        commit_ops(project_uuid, ops, kind, message, base, correlation_id, on_conflict)
    })
}

fn commit_ops(
    project_uuid: Option<Uuid>,
    ops: Option<JsonArg>,
    kind: Option<&str>,
    message: Option<&str>,
    (base_seq, base_checksum): (Option<Seq>, Option<&str>),
    correlation_id: Option<Uuid>,
    on_conflict: Option<&str>,
) -> Result<Json> {
    let access = expect(Action::WriteAny, project_uuid)?;
    let ops = required("ops", ops)?;
    let kind = Kind::parse(required("kind", kind)?)?;
    let message = message_arg(message)?;
    let base = Place::of(["base_seq", "base_checksum"], base_seq, base_checksum)?;
    let on_conflict = OnConflict::parse(required("on_conflict", on_conflict)?)?;
    let mut staged = Staged::default();
    for op in items("ops", ops.exact_items("ops")?)? {
        let (name, op) = op?;
        staged.push_op(&access, Members::of(name, &op)?)?;
    }
    let correlation = correlated(correlation_id, "commit_bundle", || {
        json!([staged.fingerprint(), kind.as_str(), message, base_seq, on_conflict.as_str(), base_checksum])
    })?;
    let request = Commit { message, base, on_conflict, ..Commit::new(&access, kind, correlation) };
    let committed = blob::retrying(|| {
        let plan = staged.plan(access.project)?;
        commit(&request, |_| Ok(plan))
    })?;
    Ok(Json(committed.receipt.to_json()))
}
