//! Durable subscriptions: a filter, a cursor kept by the server, leases and acknowledgement. At least once, in order,
//! nothing again after it was acknowledged.

use super::api::{MAX_EVENTS, check_cursor, cursor_arg, tell};
use super::follower::Follower;
use super::store::{self, Subscription};
use crate::args::{interval_arg, name_arg, page_arg, required};
use crate::db::Answer;
use crate::db::clock::{now, to_pg};
use crate::definer::definer;
use crate::domain::branch;
use crate::event::load::{Event, MAX_CONTENT_BYTES, Query, page};
use crate::gate::{Access, Action, Role, require_project};
use crate::ids::{Pg, ProjectId, Seq};
use crate::jsonb::JsonArg;
use crate::log::Place;
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Error, Result};
use quire_core::filter::Filter;
use quire_core::reason::Reason;

/// Longest lease, in microseconds: one day.
const MAX_LEASE: i128 = 24 * 3600 * 1_000_000;
/// How many pages without a match one poll looks through before it lets the caller go.
const MAX_PAGES: usize = 20;

/// Starts a subscription after a seq.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn create_subscription(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    filter: default!(Option<JsonArg>, "'{}'"),
    after_seq: default!(Option<i64>, "0"),
    after_checksum: default!(Option<&str>, "NULL"),
) {
    definer(|| create(project_uuid, name, filter, after_seq.map(Seq), after_checksum));
}

fn create(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    filter: Option<JsonArg>,
    after_seq: Option<Seq>,
    after_checksum: Option<&str>,
) -> Result<()> {
    // Members only: a public project can be polled by everybody, but not filled with strangers' cursors.
    let access = require_project(Action::Belong, project_uuid)?;
    let name = name_arg("name", name, 255)?;
    let filter = required("filter", filter)?.parsed("filter")?;
    if let Some(docs) = Filter::parse(&filter)?.docs() {
        branch::require(access.project, &docs.branch)?;
    }
    let after = cursor_arg(access.project, after_seq, after_checksum)?.seq;
    let actor = access.author()?;
    if !store::insert(access.project, name, actor, &filter, &Place::here(access.project, after)?)? {
        return Err(
            Error::conflict(Reason::Duplicate, "a subscription of this name exists").with("name", name)
        );
    }
    Ok(())
}

/// Hands out the next matching events and leases them. reader.sql says what it returns.
#[pg_extern(sql = false)]
fn poll_subscription(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    max_events: Option<i32>,
    lease: Option<Interval>,
    after_seq: Option<i64>,
    after_checksum: Option<&str>,
    fcinfo: FunctionCallInfo,
) {
    definer(|| {
        let events = poll(project_uuid, name, max_events, lease, (after_seq.map(Seq), after_checksum))?;
        tell(&Answer::of(fcinfo), events)
    });
}

fn poll(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    max_events: Option<i32>,
    lease: Option<Interval>,
    (after_seq, after_checksum): (Option<Seq>, Option<&str>),
) -> Result<Vec<Event>> {
    let (access, name) = named(project_uuid, name)?;
    let max_events = page_arg("max_events", max_events, MAX_EVENTS)?;
    let lease = interval_arg("lease", lease, 0..=MAX_LEASE, "from 0 seconds to 1 day")?;
    let after = Place::of(["after_seq", "after_checksum"], after_seq, after_checksum)?;
    let subscription = owned(&access, name)?;
    check(access.project, &subscription)?;
    after.map_or(Ok(()), |after| check_cursor(access.project, &after))?;
    let now = now();
    if subscription.leased_until.is_some_and(|until| until > now) {
        return Ok(Vec::new());
    }
    let filter = Filter::parse(&subscription.filter)?;
    let (cursor, events) = next_matching(&access, &subscription, &filter, max_events)?;
    let shown = events.last().map_or(cursor, |event| event.seq);
    let cursor = moved(access.project, &subscription.cursor, cursor)?;
    let delivered = moved(access.project, &subscription.delivered, shown)?;
    let leased_until = if events.is_empty() { None } else { Some(to_pg(now + lease)?) };
    store::update(access.project, name, subscription.actor, &cursor, &delivered, leased_until)?;
    Ok(events)
}

/// Refuses to go on in a log that is not the one the subscription has followed (PT410).
fn check(project: ProjectId, subscription: &Subscription) -> Result<()> {
    let Subscription { cursor, delivered, .. } = subscription;
    check_cursor(project, cursor)?;
    check_cursor(project, delivered).map_err(|error| error.with("common_seq", cursor.seq))
}

/// A place moved on to a seq, if that is further.
fn moved(project: ProjectId, place: &Place, seq: Seq) -> Result<Place> {
    if seq > place.seq { Place::here(project, seq) } else { Ok(place.clone()) }
}

/// The next events the filter wants, and the cursor moved past the leading bundles it does not.
fn next_matching(
    access: &Access,
    subscription: &Subscription,
    filter: &Filter,
    max_events: i64,
) -> Result<(Seq, Vec<Event>)> {
    let mut after = subscription.cursor.seq;
    let mut follower = filter.docs().map(|docs| Follower::new(access.project, docs)).transpose()?;
    // Of documents that are followed, contents are read here, and not with the page.
    let content_bytes = if follower.is_some() { 0 } else { MAX_CONTENT_BYTES };
    for _ in 0..MAX_PAGES {
        pgrx::check_for_interrupts!();
        let query = Query { project: access.project, after, max_events, content_bytes, filter };
        let mut page = page(&query)?;
        if let Some(follower) = &mut follower {
            page = follower.page(page)?;
        }
        if let Some(first) = page.events.first() {
            return Ok((first.seq.before(), page.events));
        }
        let is_end = page.scanned == after;
        after = page.scanned;
        if is_end || follower.as_ref().is_some_and(Follower::is_full) {
            break;
        }
    }
    Ok((after, Vec::new()))
}

/// Acknowledges everything up to a seq and ends the lease.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn ack_subscription(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    seq: Option<i64>,
    checksum: default!(Option<&str>, "NULL"),
) -> i64 {
    definer(|| ack(project_uuid, name, seq.map(Seq), checksum)).pg()
}

fn ack(
    project_uuid: Option<Uuid>,
    name: Option<&str>,
    seq: Option<Seq>,
    checksum: Option<&str>,
) -> Result<Seq> {
    let (access, name) = named(project_uuid, name)?;
    let given = required("seq", Place::of(["seq", "checksum"], seq, checksum)?)?;
    let subscription = owned(&access, name)?;
    check(access.project, &subscription)?;
    given.check(access.project)?;
    let Subscription { cursor, delivered, actor, .. } = subscription;
    if given.seq < Seq::ZERO || given.seq > delivered.seq {
        return Err(Error::validation(format!("seq must be from 0 to {}", delivered.seq))
            .with("argument", "seq")
            .with("delivered_seq", delivered.seq)
            .hint("only what has been handed out can be acknowledged"));
    }
    // A late acknowledgement of what is acknowledged already must not end somebody else's lease.
    if given.seq <= cursor.seq {
        return Ok(cursor.seq);
    }
    // Acknowledging a part ends the lease too: the rest is handed out again.
    let cursor = Place::here(access.project, given.seq)?;
    store::update(access.project, name, actor, &cursor, &delivered, None)?;
    Ok(cursor.seq)
}

/// The caller's subscriptions; all of them for an owner.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn list_subscriptions(
    project_uuid: Option<Uuid>,
) -> TableIterator<
    'static,
    (
        name!(name, String),
        name!(actor, Uuid),
        name!(filter, JsonB),
        name!(cursor_seq, i64),
        name!(behind, i64),
        name!(leased_until, Option<TimestampWithTimeZone>),
        name!(created_at, TimestampWithTimeZone),
        name!(cursor_checksum, String),
    ),
> {
    TableIterator::new(definer(|| {
        gate(project_uuid)
            .and_then(|access| store::list(access.project, access.principal.actor, sees_all(&access)))
    }))
}

/// Deletes a subscription.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn delete_subscription(project_uuid: Option<Uuid>, name: Option<&str>) {
    definer(|| {
        named(project_uuid, name).and_then(|(access, name)| {
            let subscription = owned(&access, name)?;
            store::delete(access.project, name, subscription.actor)
        })
    });
}

/// Who has lost their membership may still look after what they started. A token may not: its holder keeps a cursor of
/// their own.
fn gate(project_uuid: Option<Uuid>) -> Result<Access> {
    let access = require_project(Action::ReadEvents, project_uuid)?;
    access.refuse_token()?;
    Ok(access)
}

fn named(project_uuid: Option<Uuid>, name: Option<&str>) -> Result<(Access, &str)> {
    let access = gate(project_uuid)?;
    Ok((access, required("name", name)?))
}

/// The subscription, locked, if it is the caller's or the caller may see all; PT404 otherwise.
fn owned(access: &Access, name: &str) -> Result<Subscription> {
    store::lock(access.project, name, access.principal.actor, sees_all(access))?
        .ok_or_else(|| Error::not_found("no such subscription").with("name", quire_core::text::shorten(name)))
}

fn sees_all(access: &Access) -> bool {
    access.principal.is_admin || access.role == Some(Role::Owner)
}
