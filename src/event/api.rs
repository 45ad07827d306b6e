//! `poll_events`: the log for a reader that keeps its own cursor.

use super::load::{Event, MAX_CONTENT_BYTES, Query, page};
use crate::args::{page_arg, required};
use crate::auth::{Action, require_project};
use crate::bundle::store::{head_seq, to_pg};
use crate::definer::definer;
use crate::error::{Code, Error, Result};
use crate::ids::{ProjectId, Seq};
use crate::jsonb::Json;
use crate::pure::filter::Filter;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

/// Most events one call hands out.
pub const MAX_EVENTS: i32 = 1000;

/// One row of an event reader.
pub type EventRow = (i64, String, Json, TimestampWithTimeZone);

/// The events after a seq, in order.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn poll_events(
    project_uuid: Option<Uuid>,
    after_seq: default!(Option<i64>, "0"),
    max_events: default!(Option<i32>, "100"),
    with_content: default!(Option<bool>, "true"),
) -> TableIterator<
    'static,
    (name!(seq, i64), name!(event, String), name!(payload, Json), name!(committed_at, TimestampWithTimeZone)),
> {
    TableIterator::new(definer(|| poll(project_uuid, after_seq, max_events, with_content)))
}

fn poll(
    project_uuid: Option<Uuid>,
    after_seq: Option<Seq>,
    max_events: Option<i32>,
    with_content: Option<bool>,
) -> Result<Vec<EventRow>> {
    let access = require_project(Action::ReadEvents, project_uuid)?;
    let after = cursor_arg(access.project, "after_seq", required("after_seq", after_seq)?)?;
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
    Ok((event.seq, event.name.to_owned(), Json(event.payload), to_pg(event.committed_at)?))
}

/// A cursor the log can continue from. One that is ahead of the log comes from a database that has since been set back
/// to an older state; silence would hide what is written until it catches up.
pub fn cursor_arg(project: ProjectId, name: &str, cursor: Seq) -> Result<Seq> {
    if cursor < 0 {
        return Err(Error::validation(format!("{name} must not be negative")).with("argument", name));
    }
    let newest = head_seq(project)?;
    // SAFETY: plain read of server state.
    if cursor > newest && unsafe { pgrx::pg_sys::RecoveryInProgress() } {
        // A standby that lags has simply not got there yet.
        return Ok(cursor);
    }
    if cursor > newest {
        return Err(Error::new(
            Code::Gone,
            format!("cursor {cursor} is ahead of the log, which ends at {newest}"),
        )
        .with("reason", "must_refetch")
        .with("seq", newest)
        .hint("fetch the project again and continue from its seq"));
    }
    Ok(cursor)
}
