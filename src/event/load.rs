//! Builds events from the log.

use super::store::{self, LoggedBundle, LoggedChange};
use crate::blob;
use crate::error::{Error, Result};
use crate::ids::{ProjectId, Seq};
use crate::pure::event::{Body, Change, File, Origin, build};
use crate::pure::filter::Filter;
use crate::pure::hash::Hash;
use crate::pure::timestamp::Micros;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Most content one answer carries; what comes after waits for the next.
const MAX_CONTENT_BYTES: i64 = 32 << 20;
/// Most changed files one answer tells of; what comes after waits for the next.
const MAX_CHANGES: i64 = 100_000;

/// One event, as it is handed out.
pub struct Event {
    pub seq: Seq,
    pub name: &'static str,
    pub payload: Value,
    pub committed_at: Micros,
}

/// What to read.
pub struct Query<'a> {
    pub project: ProjectId,
    pub after: Seq,
    pub max_events: i64,
    pub with_content: bool,
    pub filter: &'a Filter,
}

/// Events in seq order, and the seq up to which the log was looked at.
pub struct Page {
    pub events: Vec<Event>,
    pub scanned: Seq,
}

/// Reads the next events. At least one bundle is looked at, if there is one; beyond that the page ends where it would
/// get too large.
pub fn page(query: &Query) -> Result<Page> {
    let bundles = store::bundles_after(query.project, query.after, query.max_events)?;
    let bundles = up_to(&bundles, MAX_CHANGES, |bundle| i64::from(bundle.op_count));
    let Some(last) = bundles.last() else { return Ok(Page { events: Vec::new(), scanned: query.after }) };
    let mut changes: BTreeMap<Seq, Vec<LoggedChange>> = BTreeMap::new();
    for change in store::changes(query.project, query.after, last.seq)? {
        if query.filter.wants_path(&change.path) {
            changes.entry(change.seq).or_default().push(change);
        }
    }
    let size = |bundle: &LoggedBundle| {
        changes.get(&bundle.seq).map_or(0, |changes| changes.iter().map(|change| change.size).sum())
    };
    let bundles = if query.with_content { up_to(bundles, MAX_CONTENT_BYTES, size) } else { bundles };
    let scanned = bundles.last().map_or(query.after, |bundle| bundle.seq);
    changes.retain(|seq, _| *seq <= scanned);
    let contents =
        if query.with_content { Contents::load(query.project, &changes)? } else { Contents::not_asked() };
    let mut events = Vec::with_capacity(bundles.len());
    for bundle in bundles {
        let Some(changes) = changes.remove(&bundle.seq) else { continue };
        let event = event(bundle, changes, &contents);
        if query.filter.wants_event(event.name) {
            events.push(event);
        }
    }
    Ok(Page { events, scanned })
}

/// The event of one bundle, with content where it could be sent by NOTIFY.
pub fn of_bundle(project: ProjectId, seq: Seq) -> Result<Event> {
    let query =
        Query { project, after: seq - 1, max_events: 1, with_content: true, filter: &Filter::default() };
    page(&query)?.events.pop().ok_or_else(|| Error::internal("a bundle has no event"))
}

/// The leading bundles whose weights together stay within `most`; always at least one.
fn up_to(bundles: &[LoggedBundle], most: i64, weight: impl Fn(&LoggedBundle) -> i64) -> &[LoggedBundle] {
    let mut total = 0;
    let fitting = bundles
        .iter()
        .take_while(|bundle| {
            total += weight(bundle);
            total <= most
        })
        .count();
    &bundles[..fitting.max(1).min(bundles.len())]
}

fn event(bundle: &LoggedBundle, changes: Vec<LoggedChange>, contents: &Contents) -> Event {
    let origin = Origin { sender: bundle.actor.0, committed_at: bundle.committed_at };
    let changes = changes
        .into_iter()
        .map(|change| Change {
            file: change.content_hash.map(|hash| File {
                content: contents.of(&hash),
                content_hash: hash,
                size: change.size,
                file_type: change.file_type,
                mode: change.mode,
                is_binary: change.is_binary,
            }),
            file_path: change.path,
            version: change.version,
            moved_from: change.moved_from,
        })
        .collect();
    let (name, payload) = build(&origin, changes);
    Event { seq: bundle.seq, name, payload, committed_at: bundle.committed_at }
}

/// Contents of a page's files.
enum Contents {
    NotAsked,
    Loaded(HashMap<Hash, Vec<u8>>),
}

impl Contents {
    fn not_asked() -> Self {
        Contents::NotAsked
    }

    /// Loads in log order until the page is full; only a single bundle larger than a page leaves some out.
    fn load(project: ProjectId, changes: &BTreeMap<Seq, Vec<LoggedChange>>) -> Result<Self> {
        let mut wanted = Vec::new();
        let mut seen = HashSet::new();
        let mut bytes = 0;
        for change in changes.values().flatten() {
            let Some(hash) = change.content_hash else { continue };
            if seen.insert(hash) && bytes + change.size <= MAX_CONTENT_BYTES {
                bytes += change.size;
                wanted.push(hash);
            }
        }
        Ok(Contents::Loaded(blob::store::read_many(project, &wanted)?))
    }

    fn of(&self, hash: &Hash) -> Body {
        match self {
            Contents::NotAsked => Body::NotAsked,
            Contents::Loaded(contents) => {
                contents.get(hash).map_or(Body::Omitted, |bytes| Body::Bytes(bytes.clone()))
            }
        }
    }
}
