//! What is handed out is on disk: readers may see what was committed and not flushed yet (by [`super::early_release`], or with
//! `synchronous_commit` off), and a crash would take that back. Before their answer leaves, they wait until it is flushed.
//!
//! Promises: whoever has seen a bundle in an answer of quire's functions or views finds it after a crash.
//! Does not: wait on a standby, which is only sent what is flushed; nor for what the caller's own open transaction has written.

use crate::db;
use crate::ids::{Pg, ProjectId};
use pgrx::{direct_function_call, pg_sys};
use quire_core::error::Result;
use quire_core::wal;
use std::cell::Cell;

/// What an answer tells of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum About {
    /// Whatever there is.
    #[default]
    All,
    /// One project.
    One(ProjectId),
    /// More than one.
    Several,
    /// Nothing that is in a log.
    NoLog,
}

thread_local! {
    static ABOUT: Cell<About> = const { Cell::new(About::All) };
}

/// The answer tells of this project.
pub fn tells_of(project: ProjectId) {
    ABOUT.set(match ABOUT.get() {
        About::All | About::NoLog => About::One(project),
        About::One(other) if other != project => About::Several,
        same => same,
    });
}

/// The answer tells of no log, unless it tells of a project's.
pub fn tells_of_no_log() {
    if ABOUT.get() == About::All {
        ABOUT.set(About::NoLog);
    }
}

/// What was noted since it was last asked.
pub fn take() -> About {
    ABOUT.take()
}

/// Waits until what an answer tells of is flushed.
pub fn wait(about: About) -> Result<()> {
    if about == About::NoLog {
        return Ok(());
    }
    let Some(written) = unflushed() else { return Ok(()) };
    let until = match about {
        About::One(project) => newest_commit(project, written)?,
        _ => written,
    };
    // SAFETY: a position that was reached, or the end of a commit record; zero is flushed.
    unsafe { pg_sys::XLogFlush(until) };
    Ok(())
}

/// Waits until everything that is written is flushed: when it cannot be known what an answer tells of.
pub fn wait_for_all() {
    if let Some(written) = unflushed() {
        // SAFETY: a position that was reached.
        unsafe { pg_sys::XLogFlush(written) };
    }
}

/// How far the write-ahead log is written, unless all of that is flushed. On a standby it is.
fn unflushed() -> Option<pg_sys::XLogRecPtr> {
    // SAFETY: plain read of server state.
    if unsafe { pg_sys::RecoveryInProgress() } {
        return None;
    }
    let written = written();
    // SAFETY: a position that was reached.
    unsafe { pg_sys::XLogNeedsFlush(written) }.then_some(written)
}

/// How far the write-ahead log is written. At the start of a page PostgreSQL tells where the next record would begin, which is
/// after the page's header, and what is before that is all there is to flush.
fn written() -> pg_sys::XLogRecPtr {
    // SAFETY: plain reads of server state.
    let (position, segment) = unsafe { (pg_sys::GetXLogInsertRecPtr(), pg_sys::wal_segment_size as u64) };
    wal::end_of_records(position, u64::from(pg_sys::XLOG_BLCKSZ), segment)
}

/// Up to where the commit of the newest bundle that is seen is in the write-ahead log; those before it come earlier. Zero when it was
/// flushed long ago.
fn newest_commit(project: ProjectId, written: pg_sys::XLogRecPtr) -> Result<pg_sys::XLogRecPtr> {
    const SQL: &str = "SELECT xmin::text::bigint AS xmin FROM quire_store.project_head WHERE project_id = $1";
    let Some(xmin) = db::read_one(SQL, &[project.pg().into()], |row| row.get::<i64>("xmin"))? else {
        return Ok(0);
    };
    // SAFETY: pg_xact_status takes a full transaction id that was begun and returns a text; it looks while nobody truncates what it
    // looks at, and remembers the commit that it found, from where the position is taken.
    unsafe {
        let next = pg_sys::ReadNextFullTransactionId().value;
        let age = (next as u32).wrapping_sub(xmin as u32);
        let full = next.wrapping_sub(u64::from(age));
        let status: Option<String> =
            direct_function_call(pg_sys::pg_xact_status, &[Some(pg_sys::Datum::from(full))]);
        Ok(match status.as_deref() {
            Some("committed") => {
                pg_sys::TransactionIdGetCommitLSN(pg_sys::TransactionId::from_inner(xmin as u32))
            }
            // The caller's own.
            Some(_) => written,
            None => 0,
        })
    }
}
