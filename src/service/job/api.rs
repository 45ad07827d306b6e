//! Jobs begin, keep their lease, are cancelled and are listed.

use super::{locked, store};
use crate::args::{interval_arg, long_text_arg, name_arg, required};
use crate::db::Answer;
use crate::db::clock::now;
use crate::definer::definer;
use crate::gate::{self, Action, require_project, require_writer};
use crate::ids::{JobId, Pg};
use crate::log::store::head_seq;
use pgrx::Uuid;
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::error::{Error, Result};
use quire_core::timestamp::Micros;

/// Shortest and longest lease, in microseconds: a second and a day.
const LEASES: std::ops::RangeInclusive<i128> = 1_000_000..=24 * 3600 * 1_000_000;

fn lease_arg(lease: Option<Interval>) -> Result<Micros> {
    interval_arg("lease", lease, LEASES, "from 1 second to 1 day")
}

/// Begins a job.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn begin_job(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    lease: default!(Option<Interval>, "'5 minutes'"),
) -> Uuid {
    definer(|| begin(project_uuid, name, lease))
}

fn begin(project_uuid: Option<Uuid>, name: Option<&str>, lease: Option<Interval>) -> Result<Uuid> {
    let access = require_writer(project_uuid)?;
    let name = name_arg("name", name, 255)?;
    let lease = lease_arg(lease)?;
    access.require_active()?;
    store::drop_expired_ops(access.project)?;
    let id = JobId::generate();
    let began_seq = head_seq(access.project)?;
    if !store::insert(access.project, id, name, access.author()?, began_seq, now() + lease)? {
        return Err(gate::no_project(access.project));
    }
    Ok(id.pg())
}

/// Extends the lease of a job.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn heartbeat_job(
    project_uuid: Option<Uuid>,
    job_id: Option<Uuid>,
    lease: default!(Option<Interval>, "'5 minutes'"),
) -> TimestampWithTimeZone {
    definer(|| heartbeat(project_uuid, job_id, lease))
}

fn heartbeat(
    project_uuid: Option<Uuid>,
    job_id: Option<Uuid>,
    lease: Option<Interval>,
) -> Result<TimestampWithTimeZone> {
    let access = require_writer(project_uuid)?;
    required("job_id", job_id)?;
    let lease = lease_arg(lease)?;
    let job = locked(&access, job_id)?;
    job.require_running()?;
    store::extend(access.project, job.id, now() + lease)?
        .ok_or_else(|| Error::internal("a locked job is gone"))
}

/// Ends a job without a bundle.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn cancel_job(project_uuid: Option<Uuid>, job_id: Option<Uuid>, reason: Option<&str>) {
    definer(|| cancel(project_uuid, job_id, reason));
}

fn cancel(project_uuid: Option<Uuid>, job_id: Option<Uuid>, reason: Option<&str>) -> Result<()> {
    let access = require_writer(project_uuid)?;
    required("job_id", job_id)?;
    let reason = long_text_arg("reason", required("reason", reason)?)?;
    let job = locked(&access, job_id)?;
    job.require_open()?;
    store::cancel(access.project, job.id, reason)
}

/// The jobs of a project.
#[pg_extern(stable, sql = false)]
fn list_jobs(project_uuid: Option<Uuid>, include_ended: Option<bool>, fcinfo: FunctionCallInfo) {
    definer(|| {
        let access = require_project(Action::Belong, project_uuid)?;
        // As in a condition, NULL is not true.
        store::list_jobs(Answer::of(fcinfo), access.project, include_ended.unwrap_or(false))
    });
}
