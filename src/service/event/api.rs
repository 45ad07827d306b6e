//! `poll_events`: the log for a reader that keeps its own cursor.

use crate::args::{natural, page_arg, required};
use crate::db::clock::to_pg;
use crate::db::{self, Answer};
use crate::definer::definer;
use crate::event::load::{Event, MAX_CONTENT_BYTES, Query, page};
use crate::gate::{Action, require_project};
use crate::ids::{Pg, ProjectId, Seq};
use crate::jsonb::Json;
use crate::log::Place;
use crate::log::place::other_log;
use crate::log::store::head_seq;
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::error::{Code, Result};
use quire_core::filter::Filter;

/// Most events one call hands out.
pub const MAX_EVENTS: i32 = 1000;

/// The events after a seq, in order. reader.sql says what it returns.
#[pg_extern(stable, sql = false)]
fn poll_events(
    project_uuid: Option<Uuid>,
    after_seq: Option<i64>,
    max_events: Option<i32>,
    with_content: Option<bool>,
    after_checksum: Option<&str>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let events = poll(project_uuid, (after_seq.map(Seq), after_checksum), max_events, with_content)?;
        tell(&Answer::of(fcinfo), events)
    });
}

fn poll(
    project_uuid: Option<Uuid>,
    (after_seq, after_checksum): (Option<Seq>, Option<&str>),
    max_events: Option<i32>,
    with_content: Option<bool>,
) -> Result<Vec<Event>> {
    let access = require_project(Action::ReadEvents, project_uuid)?;
    let after = cursor_arg(access.project, after_seq, after_checksum)?.seq;
    let query = Query {
        project: access.project,
        after,
        max_events: page_arg("max_events", max_events, MAX_EVENTS)?,
        content_bytes: if required("with_content", with_content)? { MAX_CONTENT_BYTES } else { 0 },
        filter: &Filter::default(),
    };
    Ok(page(&query)?.events)
}

/// Events as rows.
pub fn tell(answer: &Answer, events: Vec<Event>) -> Result<()> {
    events.into_iter().try_for_each(|event| {
        db::in_passing(|| {
            answer.put(&[
                event.seq.pg().into(),
                event.name.into(),
                Json(event.payload).into(),
                to_pg(event.committed_at)?.into(),
                event.mark.to_string().into(),
            ]);
            Ok(())
        })
    })
}

/// A cursor the log can continue from, by the arguments `after_seq` and `after_checksum`. One that is ahead of the log, or of another
/// log, comes from a database that has since been set back to an older state; silence would hide what was written since.
pub fn cursor_arg(project: ProjectId, after_seq: Option<Seq>, after_checksum: Option<&str>) -> Result<Place> {
    let after = Place::of(["after_seq", "after_checksum"], after_seq, after_checksum)?;
    let after = required("after_seq", after)?;
    natural("after_seq", after.seq)?;
    check_cursor(project, &after)?;
    Ok(after)
}

/// Refuses a cursor that is ahead of the log or of another log (PT410).
pub fn check_cursor(project: ProjectId, cursor: &Place) -> Result<()> {
    if cursor.is_here(project)? {
        return Ok(());
    }
    let mut newest = head_seq(project)?;
    if cursor.seq > newest {
        // The caller's snapshot may be older than what they have heard of.
        newest = db::latest(|| head_seq(project))?;
    }
    // SAFETY: plain read of server state.
    if cursor.seq > newest && !unsafe { pgrx::pg_sys::RecoveryInProgress() } {
        let message = format!("cursor {} is ahead of the log, which ends at {newest}", cursor.seq);
        return Err(other_log(Code::Gone, message, newest));
    }
    cursor.check(project)
}
