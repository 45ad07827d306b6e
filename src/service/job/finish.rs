//! Finishing a job: its operations become one bundle.

use super::locked;
use super::store::{self, Job, JobOutcome};
use crate::args::{message_arg, required};
use crate::blob;
use crate::bundle::staged::Staged;
use crate::bundle::{Commit, Kind, Plan, commit};
use crate::definer::definer;
use crate::gate::{Access, require_writer};
use crate::ids::Seq;
use crate::jsonb::JsonDatum;
use crate::log::Place;
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::conflict::OnConflict;
use quire_core::error::{Error, Result};
use quire_core::json::Members;
use serde_json::json;
use std::collections::HashSet;

/// Commits the operations of a job as one bundle.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn finish_job(
    project_uuid: Option<Uuid>,
    job_id: Option<Uuid>,
    message: default!(Option<&str>, "NULL"),
    base_seq: default!(Option<i64>, "NULL"),
    on_conflict: default!(Option<&str>, "'reject'"),
    base_checksum: default!(Option<&str>, "NULL"),
) -> JsonDatum {
    definer(|| finish(project_uuid, job_id, message, (base_seq.map(Seq), base_checksum), on_conflict))
}

fn finish(
    project_uuid: Option<Uuid>,
    job_id: Option<Uuid>,
    message: Option<&str>,
    (base_seq, base_checksum): (Option<Seq>, Option<&str>),
    on_conflict: Option<&str>,
) -> Result<JsonDatum> {
    let access = require_writer(project_uuid)?;
    required("job_id", job_id)?;
    let message = message_arg(message)?;
    let base = Place::of(["base_seq", "base_checksum"], base_seq, base_checksum)?;
    let on_conflict = OnConflict::parse(required("on_conflict", on_conflict)?)?;
    // Before the head lock, so that nobody waits for the project while this waits for whoever is still adding operations.
    let job = locked(&access, job_id)?;
    let gone = || Error::internal("a locked job is gone");
    if job.outcome == Some(JobOutcome::Finished) {
        return store::receipt(access.project, job.id)?.ok_or_else(gone);
    }
    job.require_running()?;
    access.require_active()?;
    let request = Commit {
        message: Some(message.unwrap_or_else(|| job.name.clone())),
        base,
        on_conflict,
        details: Some(json!({"job_id": job.id, "job": job.name})),
        ..Commit::new(&access, Kind::JobOutput, None)
    };
    let committed = blob::retrying(|| {
        let plan = plan(&access, &job)?;
        commit(&request, |head| {
            job.require_mine(&*access.under_lock(head.access_version)?)?;
            Ok(plan)
        })
    })?;
    let receipt = committed.receipt;
    let seq = receipt.bundle_id.is_some().then_some(receipt.seq);
    let mut answer = receipt.to_json();
    answer["job_id"] = json!(job.id);
    store::finish(access.project, job.id, seq, answer)?.ok_or_else(gone)
}

/// The operations of the job in their order, content compressed. One batch at a time is in memory as it was given.
fn plan(access: &Access, job: &Job) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut contents = HashSet::new();
    let mut done = 0;
    while done < job.op_count {
        pgrx::check_for_interrupts!();
        let batch = store::next_ops(access.project, job.id, done)?;
        // Their number has no gaps, unless the lease was over before and the clock was set back.
        let Some((last, _)) = batch.last() else { return Err(job.expired()) };
        done = *last;
        let mut staged = Staged::default();
        for (number, op) in &batch {
            staged.push_op(access, Members::of(format!("ops[{}]", number - 1), op)?)?;
        }
        let mut next = staged.plan(access.project)?;
        next.blobs.retain(|blob| contents.insert(blob.hash));
        plan.append(next);
    }
    Ok(plan)
}
