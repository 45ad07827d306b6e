//! Jobs.

use crate::bundle::Receipt;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, BundleId, JobId, ProjectId};
use serde_json::Value;
use std::time::{Duration, SystemTime};

options! {
    /// Optional arguments of [`finish_job`](crate::Quire::finish_job).
    FinishJobOptions<'a> {
        /// The message of the bundle. By default it is the name of the job.
        message: &'a str,
        /// What the job had seen, as for `commit_bundle`. began_seq of `list_jobs` is the seq of the project when the job
        /// began. By default the last write wins.
        base_seq: i64,
        /// Reject, record or skip, as for `commit_bundle`.
        on_conflict: &'a str,
        /// The checksum that went with base_seq, such as began_checksum of `list_jobs`.
        base_checksum: &'a str,
    }
}

rows! {
    /// A job.
    Job {
        /// The id of the job.
        job_id: JobId,
        /// Its name.
        name: String,
        /// Running, expired (its lease is over; it can only be cancelled), finished or cancelled.
        status: String,
        /// The actor who began it.
        actor: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// The seq of the project when the job began.
        began_seq: i64,
        /// When it began.
        began_at: SystemTime,
        /// When its lease ends.
        leased_until: SystemTime,
        /// When it ended.
        ended_at: Option<SystemTime>,
        /// The number of operations that were added.
        op_count: i32,
        /// Their size in bytes.
        op_bytes: i64,
        /// The operations, as {counts: {op: n}, first: \[{op, target}]} with the first 20 without content. It stays when
        /// the operations are gone.
        context: Value,
        /// Why it was cancelled.
        reason: Option<String>,
        /// The bundle that it made.
        seq: Option<i64>,
        /// The id of that bundle.
        bundle_id: Option<BundleId>,
        /// The checksum of the bundle at began_seq.
        began_checksum: String,
    }
}

objects! {
    /// What a job did.
    JobReceipt {
        /// The job.
        job_id: JobId,
        /// What its bundle did.
        #[serde(flatten)]
        receipt: Receipt,
    }
}

calls! {
    /// Adds operations at the end of a job. Their form is checked now; what they meet in the project is checked when the
    /// job is finished. The call waits for nobody but callers who work on the same job. It is not idempotent: after a
    /// lost answer, op_count in `list_jobs` says whether the operations were added.
    fn append_job_ops(project_uuid: ProjectId, job_id: JobId, ops: &Value) -> i64;

    /// Begins a job. Operations are added over time, and `finish_job` commits them as one bundle. Until then nobody sees
    /// any of them.
    fn begin_job(project_uuid: ProjectId, name: &str; lease: Duration) -> JobId;

    /// Ends a job without a bundle and drops its operations. The lease of the job may be over.
    fn cancel_job(project_uuid: ProjectId, job_id: JobId, reason: &str) -> ();

    /// Commits the operations of a job, in their order, as one bundle of kind job_output by the caller, and ends the job.
    /// A second call returns the same receipt and changes nothing. When the bundle is refused the job stays as it was.
    fn finish_job(project_uuid: ProjectId, job_id: JobId; ..FinishJobOptions<'_>) -> JobReceipt;

    /// Extends the lease of a job. It never shortens a lease, and it revives no job whose lease is over.
    fn heartbeat_job(project_uuid: ProjectId, job_id: JobId; lease: Duration) -> SystemTime;

    /// Lists the jobs that nobody has ended, the newest first.
    fn list_jobs(project_uuid: ProjectId; include_ended: bool) -> Vec<Job>;
}
