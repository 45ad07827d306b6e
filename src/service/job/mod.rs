//! Jobs: a worker adds operations, and one bundle commits them all.
//!
//! Owns: `job`, `job_op`.
//! Promises: a job makes one bundle or none, and finishing it again answers the same; one that is cancelled, expires or dies
//! leaves no operation. Adding operations takes no lock but the job's own.
//! Does not: run anything, or change a project by itself; what was staged goes through `bundle`.

mod api;
mod append;
mod finish;
pub mod store;

use crate::args::required;
use crate::db::clock::now;
use crate::gate::{self, Access, Action};
use crate::ids::{JobId, Pg};
use quire_core::error::{Code, Error, Result};
use quire_core::reason::Reason;
use store::{Job, JobOutcome};

/// The job, locked until the end of the transaction, if the caller may touch it.
fn locked(access: &Access, job_id: Option<pgrx::Uuid>) -> Result<Job> {
    let id = JobId::from_pg(required("job_id", job_id)?);
    let job = store::lock(access.project, id)?
        .ok_or_else(|| Error::not_found("no such job").with("job_id", id.to_string()))?;
    job.require_mine(access)?;
    Ok(job)
}

impl Job {
    /// Refuses everybody but who began it and owners.
    fn require_mine(&self, access: &Access) -> Result<()> {
        if access.principal.actor == Some(self.actor) || access.may(Action::Manage) {
            return Ok(());
        }
        Err(gate::refusal(Action::Manage).with("job_id", self.id.to_string()))
    }

    /// Refuses a job that somebody has ended (PT409).
    fn require_open(&self) -> Result<()> {
        let (status, message) = match self.outcome {
            None => return Ok(()),
            Some(JobOutcome::Finished) => ("finished", "the job is finished"),
            Some(JobOutcome::Cancelled) => ("cancelled", "the job was cancelled"),
        };
        Err(Error::conflict(Reason::JobEnded, message)
            .with("job_id", self.id.to_string())
            .with("status", status))
    }

    /// Refuses also one whose lease is over (PT410). It stays over: somebody else may have begun the work again.
    fn require_running(&self) -> Result<()> {
        self.require_open()?;
        if self.leased_until < now() { Err(self.expired()) } else { Ok(()) }
    }

    fn expired(&self) -> Error {
        Error::new(Code::Gone, "the lease of the job is over")
            .with("job_id", self.id.to_string())
            .with("status", "expired")
            .hint("begin another job, with heartbeats while it works")
    }
}
