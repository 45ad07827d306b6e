//! Builds events from the log.

use super::store::{self, LoggedBundle, LoggedChange};
use crate::blob;
use crate::domain::asset;
use crate::ids::{ProjectId, Seq};
use crate::log::quarantine;
use quire_core::error::{Error, Result};
use quire_core::event::{
    ASSET_UPDATE, AssetChange, BULK, Body, Change, ENTITY_UPDATE, FieldChange, File, MAX_NOTIFY_BYTES,
    Origin, build, build_other, name, of_files, other_name,
};
use quire_core::filter::Filter;
use quire_core::hash::Hash;
use quire_core::mark::Mark;
use quire_core::timestamp::Micros;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Most content one answer carries; what comes after waits for the next.
pub const MAX_CONTENT_BYTES: i64 = 32 << 20;
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

/// What to read.
pub struct Query<'a> {
    pub project: ProjectId,
    pub after: Seq,
    pub max_events: i64,
    /// Most bytes of content; 0 for none.
    pub content_bytes: i64,
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
    let bundles = sound(query, bundles)?;
    let Some(last) = bundles.last() else { return Ok(Page { events: Vec::new(), scanned: query.after }) };
    let mut changes: BTreeMap<Seq, Vec<LoggedChange>> = BTreeMap::new();
    for change in store::changes(query.project, query.after, last.seq)? {
        changes.entry(change.seq).or_default().push(change);
    }
    let field_bytes = store::field_bytes(query.project, query.after, last.seq)?;
    let mut assets: BTreeMap<Seq, Vec<AssetChange>> = BTreeMap::new();
    for (seq, change) in asset::store::changes(query.project, query.after, last.seq)? {
        assets.entry(seq).or_default().push(change);
    }
    // Named before the filter: a bulk stays a bulk when only one of its files is wanted.
    let names: HashMap<Seq, &'static str> = bundles
        .iter()
        .map(|bundle| {
            let files = changes.get(&bundle.seq).map(Vec::as_slice).unwrap_or_default();
            let files = files.iter().map(|change| (change.path.as_str(), change.content_hash.is_some()));
            let fields = field_bytes.contains_key(&bundle.seq).then_some(ENTITY_UPDATE);
            let assets = assets.contains_key(&bundle.seq).then_some(ASSET_UPDATE);
            (bundle.seq, name(of_files(files).into_iter().chain(fields).chain(assets)))
        })
        .collect();
    changes.values_mut().for_each(|changes| changes.retain(|change| query.filter.wants_path(&change.path)));
    let size = |bundle: &LoggedBundle| {
        let changes = changes.get(&bundle.seq).map(Vec::as_slice).unwrap_or_default();
        changes.iter().fold(0i64, |bytes, change| bytes.saturating_add(change.size))
    };
    let bundles = if query.content_bytes > 0 { up_to(bundles, query.content_bytes, size) } else { bundles };
    let wants_fields = query.filter.wants_pathless() && !field_bytes.is_empty();
    let bytes = |bundle: &LoggedBundle| field_bytes.get(&bundle.seq).copied().unwrap_or(0);
    let bundles = if wants_fields { up_to(bundles, MAX_CONTENT_BYTES, bytes) } else { bundles };
    let scanned = bundles.last().map_or(query.after, |bundle| bundle.seq);
    changes.retain(|seq, changes| *seq <= scanned && !changes.is_empty());
    let contents = if query.content_bytes > 0 {
        Contents::load(query.project, &mut changes, query.content_bytes)?
    } else {
        Contents::NotAsked
    };
    let mut fields: BTreeMap<Seq, Option<Vec<FieldChange>>> = BTreeMap::new();
    if wants_fields {
        // Only the first can be larger than a page.
        let too_large = bundles.first().filter(|bundle| bytes(bundle) > MAX_CONTENT_BYTES);
        fields.extend(too_large.map(|bundle| (bundle.seq, None)));
        let after = too_large.map_or(query.after, |bundle| bundle.seq);
        for (seq, change) in store::field_changes(query.project, after, scanned)? {
            fields.entry(seq).or_insert_with(|| Some(Vec::new())).get_or_insert_default().push(change);
        }
    }
    if !query.filter.wants_pathless() {
        assets.clear();
    }
    let mut events = Vec::with_capacity(bundles.len());
    for bundle in bundles {
        let seq = &bundle.seq;
        let event = match (changes.remove(seq), fields.remove(seq), assets.remove(seq)) {
            (None, None, None) => other_event(bundle).filter(|_| query.filter.wants_pathless()),
            (files, fields, assets) => {
                let name = names.get(seq).copied().unwrap_or(BULK);
                let changed = Changed {
                    files: files.unwrap_or_default(),
                    fields: fields.unwrap_or_else(|| Some(Vec::new())),
                    assets: assets.unwrap_or_default(),
                };
                Some(event(bundle, name, changed, &contents))
            }
        };
        events.extend(event.filter(|event| query.filter.wants_event(event.name)));
    }
    Ok(Page { events, scanned })
}

/// The bundles before the first that is in quarantine; XX001 when that is the first of all.
fn sound<'b>(query: &Query, bundles: &'b [LoggedBundle]) -> Result<&'b [LoggedBundle]> {
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
        after: seq - 1,
        max_events: 1,
        content_bytes: MAX_NOTIFY_BYTES as i64,
        filter: &Filter::default(),
    };
    page(&query)?.events.pop().ok_or_else(|| Error::internal("a bundle has no event"))
}

/// The leading bundles whose weights together stay within `most`; always at least one.
fn up_to(bundles: &[LoggedBundle], most: i64, weight: impl Fn(&LoggedBundle) -> i64) -> &[LoggedBundle] {
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
fn other_event(bundle: &LoggedBundle) -> Option<Event> {
    let op = bundle.other.as_ref()?;
    let origin = Origin {
        sender: bundle.actor.0,
        from_peer: bundle.from_peer.clone(),
        committed_at: bundle.committed_at,
    };
    let name = other_name(op.get("op")?.as_str()?);
    Some(Event {
        seq: bundle.seq,
        name,
        payload: build_other(&origin, op),
        mark: bundle.mark.clone(),
        committed_at: bundle.committed_at,
    })
}

/// What a bundle changed, as far as somebody wants to hear of it.
struct Changed {
    files: Vec<LoggedChange>,
    /// `None` when they are too large to travel.
    fields: Option<Vec<FieldChange>>,
    assets: Vec<AssetChange>,
}

fn event(bundle: &LoggedBundle, name: &'static str, changed: Changed, contents: &Contents) -> Event {
    let origin = Origin {
        sender: bundle.actor.0,
        from_peer: bundle.from_peer.clone(),
        committed_at: bundle.committed_at,
    };
    let files = changed
        .files
        .into_iter()
        .map(|change| Change {
            file: change.content_hash.map(|hash| File {
                content: contents.of(&hash, change.travels),
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
    let payload = build(name, &origin, files, changed.fields, changed.assets);
    Event { seq: bundle.seq, name, payload, mark: bundle.mark.clone(), committed_at: bundle.committed_at }
}

/// Contents of a page's files.
enum Contents {
    NotAsked,
    Loaded(blob::store::Present),
}

impl Contents {
    /// Loads in log order until the page is full; only a bundle larger than a page leaves some out.
    fn load(project: ProjectId, changes: &mut BTreeMap<Seq, Vec<LoggedChange>>, most: i64) -> Result<Self> {
        let mut wanted = HashSet::new();
        let mut bytes = 0i64;
        for change in changes.values_mut().flatten() {
            let Some(hash) = change.content_hash else { continue };
            // Every occurrence counts: content that is stored once may be sent many times.
            change.travels = bytes.saturating_add(change.size) <= most;
            if change.travels {
                bytes += change.size;
                wanted.insert(hash);
            }
        }
        let wanted: Vec<Hash> = wanted.into_iter().collect();
        Ok(Contents::Loaded(blob::store::read_present(project, &wanted)?))
    }

    fn of(&self, hash: &Hash, travels: bool) -> Body {
        match self {
            Contents::NotAsked => Body::NotAsked,
            Contents::Loaded((contents, gone)) => match (contents.get(hash), gone.get(hash)) {
                _ if !travels => Body::Omitted,
                (Some(bytes), _) => Body::Bytes(bytes.clone()),
                (None, Some(stored)) => Body::Unavailable(stored.state.as_str()),
                (None, None) => Body::Omitted,
            },
        }
    }
}
