//! Operations are added to a job.

use super::{locked, store};
use crate::args::required;
use crate::bundle::staged::{Staged, items};
use crate::definer::definer;
use crate::gate::require_writer;
use crate::guc;
use crate::jsonb::JsonArg;
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::error::{Error, Result};
use quire_core::job::Context;
use quire_core::json::Members;

/// Most bytes of all operations of a job: finishing it holds their compressed content in memory.
const MOST_BYTES: i64 = 1 << 30;

/// Adds operations at the end of a job.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn append_job_ops(project_uuid: Option<Uuid>, job_id: Option<Uuid>, ops: Option<JsonArg>) -> i64 {
    definer(|| append(project_uuid, job_id, ops))
}

fn append(project_uuid: Option<Uuid>, job_id: Option<Uuid>, ops: Option<JsonArg>) -> Result<i64> {
    let access = require_writer(project_uuid)?;
    required("job_id", job_id)?;
    let ops = required("ops", ops)?;
    let list = items("ops", ops.exact_items("ops")?)?;
    let count = list.len();
    // The shape of each is checked before anybody waits for this call.
    let mut added = Context::default();
    for op in list {
        let (name, op) = op?;
        let mut staged = Staged::default();
        staged.push_op(&access, Members::of(name, &op)?)?;
        staged.edits().iter().for_each(|edit| added.add(edit));
    }
    let job = locked(&access, job_id)?;
    job.require_running()?;
    access.require_active()?;
    let count = refuse_too_many(job.op_count, count)?;
    let mut context = job.context.clone();
    context.append(added);
    let bytes = store::add_ops(access.project, &job, count, ops, &context)?;
    if bytes > MOST_BYTES {
        return Err(Error::limit(format!("the job would hold {bytes} bytes"), MOST_BYTES)
            .with("argument", "ops")
            .hint("finish it before, or make several of it"));
    }
    Ok(i64::from(job.op_count) + i64::from(count))
}

/// PT413 when a job would hold more operations than a bundle may; `count` as PostgreSQL has it.
fn refuse_too_many(staged: i32, count: usize) -> Result<i32> {
    let most = guc::max_bundle_ops();
    let total = usize::try_from(staged).unwrap_or(usize::MAX).saturating_add(count);
    match i32::try_from(count) {
        Ok(count) if total <= most => Ok(count),
        _ => Err(Error::limit(format!("the job would have {total} operations"), most)
            .with("argument", "ops")
            .with("staged", staged)
            .hint("finish it before, or make several of it")),
    }
}
