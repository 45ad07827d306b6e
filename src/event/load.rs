//! Builds events from the log.

use super::store::{self, EventBundle};
use crate::domain::DOMAINS;
use crate::domain::shown::Changes;
pub use crate::domain::shown::{MAX_CONTENT_BYTES, Query};
use crate::ids::{ProjectId, Seq};
use crate::log::quarantine;
use quire_core::error::{Error, Result};
use quire_core::event::{MAX_NOTIFY_BYTES, Origin, build, build_other, name, other_name};
use quire_core::filter::Filter;
use quire_core::mark::Mark;
use quire_core::timestamp::Micros;
use serde_json::{Map, Value};

/// Most changed files one answer tells of; what comes after waits for the next.
const MAX_CHANGES: i64 = 100_000;

/// One event, as it is handed out.
pub struct Event {
    pub seq: Seq,
    pub name: &'static str,
    pub payload: Value,
    /// Says of which log the seq is.
    pub mark: Mark,
    pub committed_at: Micros,
}

/// Events in seq order, and the seq up to which the log was looked at.
pub struct EventPage {
    pub events: Vec<Event>,
    pub scanned: Seq,
}

/// Reads the next events. At least one bundle is looked at, if there is one; beyond that the page ends where it would
/// get too large.
pub fn page(query: &Query) -> Result<EventPage> {
    let bundles = store::bundles_after(query.project, query.after, query.max_events)?;
    let bundles = up_to(&bundles, MAX_CHANGES, |bundle| i64::from(bundle.op_count));
    let bundles = sound(query, bundles)?;
    let Some(last) = bundles.last() else {
        return Ok(EventPage { events: Vec::new(), scanned: query.after });
    };
    let mut parts: Vec<Box<dyn Changes>> = Vec::new();
    for domain in DOMAINS {
        parts.extend(domain.changes(query, last.seq)?);
    }
    let bundles = parts
        .iter()
        .fold(bundles, |bundles, part| up_to(bundles, part.limit().max(0), |bundle| part.weight(bundle.seq)));
    let scanned = bundles.last().map_or(query.after, |bundle| bundle.seq);
    parts.iter_mut().try_for_each(|part| part.load(scanned))?;
    let mut events = Vec::with_capacity(bundles.len());
    for bundle in bundles {
        let name = name(parts.iter().filter_map(|part| part.event(bundle.seq)));
        let mut payload = Map::new();
        let mut is_wanted = false;
        for part in &mut parts {
            is_wanted |= part.describe(bundle.seq, name, &mut payload);
        }
        let event = match is_wanted {
            true => Some(event(bundle, name, build(name, &origin(bundle), payload))),
            false => other_event(bundle).filter(|_| query.filter.wants_pathless()),
        };
        events.extend(event.filter(|event| query.filter.wants_event(event.name)));
    }
    Ok(EventPage { events, scanned })
}

/// The bundles before the first that is in quarantine; XX001 when that is the first of all.
fn sound<'b>(query: &Query, bundles: &'b [EventBundle]) -> Result<&'b [EventBundle]> {
    let Some(last) = bundles.last() else { return Ok(bundles) };
    match quarantine::store::first_corrupt_bundle(query.project, query.after, last.seq)? {
        None => Ok(bundles),
        Some((seq, id)) => match bundles.iter().take_while(|bundle| bundle.seq < seq).count() {
            0 => Err(quarantine::corrupt(id).with("seq", seq)),
            count => Ok(&bundles[..count]),
        },
    }
}

/// The event of one bundle, with content as far as it can be sent by NOTIFY.
pub fn of_bundle(project: ProjectId, seq: Seq) -> Result<Event> {
    let query = Query {
        project,
        after: seq.before(),
        max_events: 1,
        content_bytes: MAX_NOTIFY_BYTES as i64,
        filter: &Filter::default(),
    };
    page(&query)?.events.pop().ok_or_else(|| Error::internal("a bundle has no event"))
}

/// The leading bundles whose weights together stay within `most`; always at least one.
fn up_to(bundles: &[EventBundle], most: i64, weight: impl Fn(&EventBundle) -> i64) -> &[EventBundle] {
    let mut total = 0;
    let fitting = bundles
        .iter()
        .take_while(|bundle| {
            total = weight(bundle).saturating_add(total);
            total <= most
        })
        .count();
    &bundles[..fitting.max(1).min(bundles.len())]
}

/// The event of a bundle that changes no content.
fn other_event(bundle: &EventBundle) -> Option<Event> {
    let op = bundle.other.as_ref()?;
    let name = other_name(op.get("op")?.as_str()?);
    Some(event(bundle, name, build_other(&origin(bundle), op)))
}

fn origin(bundle: &EventBundle) -> Origin {
    Origin { sender: bundle.actor, from_peer: bundle.from_peer.clone(), committed_at: bundle.committed_at }
}

fn event(bundle: &EventBundle, name: &'static str, payload: Value) -> Event {
    Event { seq: bundle.seq, name, payload, mark: bundle.mark.clone(), committed_at: bundle.committed_at }
}
