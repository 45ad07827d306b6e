//! SQL of jobs.

use crate::db::clock::{from_pg, pg_now, to_pg};
use crate::db::{self, Answer, Arg};
use crate::gate::store::called;
use crate::ids::{ActorId, JobId, Pg, ProjectId, Seq};
use crate::jsonb::{JsonArg, JsonDatum};
use crate::log::store::mark;
use pgrx::JsonB;
use pgrx::datum::TimestampWithTimeZone;
use quire_core::error::{Error, Result};
use quire_core::job::Context;
use quire_core::timestamp::Micros;
use serde_json::Value;

/// Most operations read at once, and most bytes of them, if there is more than one.
const BATCH_OPS: i64 = 1_000;
const BATCH_BYTES: i64 = 8 << 20;

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobOutcome {
    Finished,
    Cancelled,
}

/// A job that is locked.
pub struct Job {
    pub id: JobId,
    pub name: String,
    /// Who began it.
    pub actor: ActorId,
    pub leased_until: Micros,
    pub op_count: i32,
    pub context: Context,
    /// `None` until somebody ends it.
    pub outcome: Option<JobOutcome>,
}

fn context_json(context: &Context) -> Result<Value> {
    serde_json::to_value(context).map_err(|_| Error::internal("the context of a job has no JSON form"))
}

/// Begins a job; `false` when the project has been deleted meanwhile.
pub fn insert(
    project: ProjectId,
    id: JobId,
    name: &str,
    actor: ActorId,
    began_seq: Seq,
    leased_until: Micros,
) -> Result<bool> {
    const SQL: &str =
        "INSERT INTO quire_store.job (project_id, job_id, name, actor_id, began_seq, leased_until, context)
        SELECT $1, $2, $3, $4, $5, $6, $7
        FROM quire_store.project p WHERE p.project_id = $1 FOR KEY SHARE OF p
        RETURNING true";
    let args: [Arg; 7] = [
        project.pg().into(),
        id.pg().into(),
        name.into(),
        actor.pg().into(),
        began_seq.pg().into(),
        to_pg(leased_until)?.into(),
        JsonB(context_json(&Context::default())?).into(),
    ];
    db::writes(SQL, &args)
}

/// Locks a job until the end of the transaction.
pub fn lock(project: ProjectId, id: JobId) -> Result<Option<Job>> {
    const SQL: &str = "SELECT j.name, j.actor_id, j.leased_until, j.op_count, j.context, j.outcome
        FROM quire_store.job j WHERE j.project_id = $1 AND j.job_id = $2 FOR NO KEY UPDATE";
    db::write_one(SQL, &[project.pg().into(), id.pg().into()], |row| {
        let context = serde_json::from_value(row.get::<JsonB>("context")?.0)
            .map_err(|_| Error::internal("the context of a job cannot be read"))?;
        let outcome = match row.opt::<&str>("outcome")? {
            None => None,
            Some("completed") => Some(JobOutcome::Finished),
            Some(_) => Some(JobOutcome::Cancelled),
        };
        Ok(Job {
            id,
            name: row.get("name")?,
            actor: row.get("actor_id")?,
            leased_until: from_pg(row.get("leased_until")?),
            op_count: row.get("op_count")?,
            context,
            outcome,
        })
    })
}

/// Locks the jobs of a project that have not ended. Who deletes the project does so before taking the head lock, as
/// whoever finishes a job does: otherwise each could wait for the other.
pub fn lock_open(project: ProjectId) -> Result<()> {
    const SQL: &str = "SELECT true FROM quire_store.job j
        WHERE j.project_id = $1 AND j.ended_at IS NULL ORDER BY j.job_id FOR UPDATE";
    db::exec(SQL, &[project.pg().into()])
}

/// Adds operations at the end of a locked job; the bytes of all it has now.
pub fn add_ops(project: ProjectId, job: &Job, count: i32, ops: JsonArg, context: &Context) -> Result<i64> {
    const SQL: &str = "WITH staged AS (
            INSERT INTO quire_store.job_op (project_id, job_id, ordinal, size, op)
            SELECT $1, $2, $3 + e.n::int, pg_column_size(e.op), e.op
            FROM jsonb_array_elements($4) WITH ORDINALITY AS e (op, n)
            RETURNING size)
        UPDATE quire_store.job
        SET op_count = $3 + $5, op_bytes = op_bytes + (SELECT sum(size) FROM staged)::bigint, context = $6
        WHERE project_id = $1 AND job_id = $2 RETURNING op_bytes";
    let args: [Arg; 6] = [
        project.pg().into(),
        job.id.pg().into(),
        job.op_count.into(),
        ops.arg(),
        count.into(),
        JsonB(context_json(context)?).into(),
    ];
    db::write_one(SQL, &args, |row| row.get("op_bytes"))?
        .ok_or_else(|| Error::internal("a locked job is gone"))
}

/// The next operations of a locked job, with their numbers: as many as fit into memory, at least one.
pub fn next_ops(project: ProjectId, id: JobId, after: i32) -> Result<Vec<(i32, Value)>> {
    const SQL: &str = "SELECT b.ordinal, b.op
        FROM (SELECT n.ordinal, n.op, n.size, sum(n.size) OVER (ORDER BY n.ordinal) AS total
              FROM (SELECT o.ordinal, o.op, o.size FROM quire_store.job_op o
                    WHERE o.project_id = $1 AND o.job_id = $2 AND o.ordinal > $3
                    ORDER BY o.ordinal LIMIT $4) n) b
        WHERE b.total - b.size < $5
        ORDER BY b.ordinal";
    let args: [Arg; 5] =
        [project.pg().into(), id.pg().into(), after.into(), BATCH_OPS.into(), BATCH_BYTES.into()];
    db::write(SQL, &args, |row| Ok((row.get("ordinal")?, row.get::<JsonB>("op")?.0)))
}

/// Until when a locked job lives; never shorter than before.
pub fn extend(project: ProjectId, id: JobId, until: Micros) -> Result<Option<TimestampWithTimeZone>> {
    const SQL: &str = "UPDATE quire_store.job SET leased_until = GREATEST(leased_until, $3)
        WHERE project_id = $1 AND job_id = $2 RETURNING leased_until";
    db::write_one(SQL, &[project.pg().into(), id.pg().into(), to_pg(until)?.into()], |row| {
        row.get("leased_until")
    })
}

/// Ends a locked job without a bundle and drops its operations.
pub fn cancel(project: ProjectId, id: JobId, reason: &str) -> Result<()> {
    const SQL: &str = "WITH dropped AS (
            DELETE FROM quire_store.job_op WHERE project_id = $1 AND job_id = $2)
        UPDATE quire_store.job SET outcome = 'failed', ended_at = $4, error = $3
        WHERE project_id = $1 AND job_id = $2";
    db::exec(SQL, &[project.pg().into(), id.pg().into(), reason.into(), pg_now()?.into()])
}

/// Ends a locked job whose operations are committed, and drops them. The receipt, as it is kept.
pub fn finish(project: ProjectId, id: JobId, seq: Option<Seq>, receipt: Value) -> Result<Option<JsonDatum>> {
    const SQL: &str = "WITH dropped AS (
            DELETE FROM quire_store.job_op WHERE project_id = $1 AND job_id = $2)
        UPDATE quire_store.job SET outcome = 'completed', ended_at = $5, seq = $3, receipt = $4
        WHERE project_id = $1 AND job_id = $2 RETURNING receipt";
    let args: [Arg; 5] = [
        project.pg().into(),
        id.pg().into(),
        seq.map(Pg::pg).into(),
        JsonB(receipt).into(),
        pg_now()?.into(),
    ];
    db::write_one(SQL, &args, |row| row.get("receipt"))
}

/// What finish_job answered.
pub fn receipt(project: ProjectId, id: JobId) -> Result<Option<JsonDatum>> {
    const SQL: &str = "SELECT receipt FROM quire_store.job WHERE project_id = $1 AND job_id = $2";
    db::write_one(SQL, &[project.pg().into(), id.pg().into()], |row| row.get("receipt"))
}

/// Drops the operations of the project's expired jobs, but of none that somebody is busy with.
pub fn drop_expired_ops(project: ProjectId) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.job_op o
        USING (SELECT j.job_id FROM quire_store.job j
               WHERE j.project_id = $1 AND j.ended_at IS NULL AND j.leased_until < $2
                 AND EXISTS (SELECT FROM quire_store.job_op n WHERE n.project_id = $1 AND n.job_id = j.job_id)
               FOR NO KEY UPDATE OF j SKIP LOCKED) e
        WHERE o.project_id = $1 AND o.job_id = e.job_id";
    db::exec(SQL, &[project.pg().into(), pg_now()?.into()])
}

/// Jobs, newest first.
pub fn list_jobs(answer: Answer, project: ProjectId, include_ended: bool) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT j.job_id,
            j.name,
            CASE WHEN j.outcome = 'completed' THEN 'finished'
                 WHEN j.outcome IS NOT NULL THEN 'cancelled'
                 WHEN j.leased_until < $3 THEN 'expired'
                 ELSE 'running' END,
            j.actor_id, ",
        called!("j.actor_id"),
        ", j.began_seq, j.began_at, j.leased_until, j.ended_at, j.op_count, j.op_bytes,
            j.context, j.error, j.seq, u.bundle_id, ",
        mark!("j.began_seq"),
        "
        FROM quire_store.job j
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = j.seq OFFSET 0) u ON true
        WHERE j.project_id = $1 AND (j.ended_at IS NULL OR $2)
        ORDER BY j.began_at DESC, j.job_id"
    );
    answer.fill(SQL, &[project.pg().into(), include_ended.into(), pg_now()?.into()])
}
