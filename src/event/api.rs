//! `poll_events`: the log for a reader that keeps its own cursor.

use super::load::{Event, MAX_CONTENT_BYTES, Query, page};
use crate::args::{natural, page_arg, required};
use crate::auth::{Action, require_project};
use crate::bundle::Place;
use crate::bundle::place::other_log;
use crate::bundle::store::{head_seq, to_pg};
use crate::db;
use crate::definer::definer;
use crate::error::{Code, Result};
use crate::ids::{ProjectId, Seq};
use crate::jsonb::Json;
use crate::pure::filter::Filter;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

/// Most events one call hands out.
pub const MAX_EVENTS: i32 = 1000;

/// One row of an event reader.
pub type EventRow = (i64, String, Json, TimestampWithTimeZone, String);

/// The events after a seq, in order.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn poll_events(
    project_uuid: Option<Uuid>,
    after_seq: default!(Option<i64>, "0"),
    max_events: default!(Option<i32>, "100"),
    with_content: default!(Option<bool>, "true"),
    after_checksum: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(seq, i64),
        name!(event, String),
        name!(payload, Json),
        name!(committed_at, TimestampWithTimeZone),
        name!(checksum, String),
    ),
> {
    TableIterator::new(definer(|| poll(project_uuid, (after_seq, after_checksum), max_events, with_content)))
}

fn poll(
    project_uuid: Option<Uuid>,
    (after_seq, after_checksum): (Option<Seq>, Option<&str>),
    max_events: Option<i32>,
    with_content: Option<bool>,
) -> Result<Vec<EventRow>> {
    let access = require_project(Action::ReadEvents, project_uuid)?;
    let after = cursor_arg(access.project, after_seq, after_checksum)?.seq;
    let query = Query {
        project: access.project,
        after,
        max_events: page_arg("max_events", max_events, MAX_EVENTS)?,
        content_bytes: if required("with_content", with_content)? { MAX_CONTENT_BYTES } else { 0 },
        filter: &Filter::default(),
    };
    page(&query)?.events.into_iter().map(row).collect()
}

/// An event as a row.
pub fn row(event: Event) -> Result<EventRow> {
    Ok((
        event.seq,
        event.name.to_owned(),
        Json(event.payload),
        to_pg(event.committed_at)?,
        event.mark.to_string(),
    ))
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
