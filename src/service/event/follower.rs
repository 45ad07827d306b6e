//! Subscriptions to documents: what a bundle did to those that a query finds.
//!
//! Whether a document was found before a bundle and is after it follows from the log alone, so whoever asks again hears the same.

use crate::domain::branch;
use crate::domain::doc::store::query::DocAt;
use crate::domain::doc::{past, store};
use crate::event::load::{Event, EventPage};
use crate::ids::{ProjectId, Seq};
use crate::log::quarantine;
use quire_core::branch::Lineage;
use quire_core::error::{Code, Error, Result};
use quire_core::event::{DOC_UPDATE, only_origin};
use quire_core::interrupt;
use quire_core::json::encode_base64;
use quire_core::key::DocKey;
use quire_core::op::Topic;
use quire_core::op::doc::about_doc;
use quire_core::quarantine::RowKind;
use quire_core::query::{DocWatch, MAX_PAGE_BYTES, WatchAction, WatchFormat, weight};
use quire_core::reason::Reason;
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// Changed documents that one poll looks at; the bundle with which there are more is still told of whole.
const MAX_LOOKED_AT: usize = 1000;

/// How long one poll looks. It ends before a bundle, whatever that one would say.
const MAX_TIME: Duration = Duration::from_secs(2);

/// The documents that a subscription follows, and what one poll has taken.
pub struct Follower<'a> {
    project: ProjectId,
    docs: &'a DocWatch,
    lineage: Lineage,
    began: Instant,
    looked_at: usize,
    bytes: usize,
    /// Whether the answer has an event already.
    is_told: bool,
}

impl<'a> Follower<'a> {
    pub fn new(project: ProjectId, docs: &'a DocWatch) -> Result<Self> {
        let lineage = branch::require_at(project, &docs.branch, Seq::MAX)?;
        Ok(Self { project, docs, lineage, began: Instant::now(), looked_at: 0, bytes: 0, is_told: false })
    }

    /// What a page of events tells of the documents. It ends before the first bundle for which this poll has no room left.
    pub fn page(&mut self, page: EventPage) -> Result<EventPage> {
        let mut told = EventPage { events: Vec::new(), scanned: page.scanned };
        if !page.events.is_empty() {
            quarantine::refuse(self.project, [RowKind::Current(Topic::Doc)], json!({}))?;
            quarantine::refuse_ops(self.project, Topic::Doc, page.scanned)?;
        }
        for event in page.events {
            if self.is_full() {
                told.scanned = event.seq.before();
                break;
            }
            let seq = event.seq;
            match self.event(event) {
                Ok(found) => {
                    self.is_told |= found.is_some();
                    told.events.extend(found);
                }
                // What else the answer has takes memory, too: the next one begins here.
                Err(error) if self.is_told && error.code() == Code::Limit => {
                    told.scanned = seq.before();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(told)
    }

    /// Whether nothing more is looked at in this poll. Something is in each.
    pub fn is_full(&self) -> bool {
        let is_late = self.looked_at > 0 && self.began.elapsed() > MAX_TIME;
        is_late || self.looked_at >= MAX_LOOKED_AT || self.bytes >= MAX_PAGE_BYTES
    }

    fn event(&mut self, event: Event) -> Result<Option<Event>> {
        let Some(changed) = event.payload.get("docs").and_then(Value::as_array) else { return Ok(None) };
        let mut docs = Vec::new();
        // An event depends on its bundle only, not on what comes before it in the answer.
        let mut bytes = 0;
        for item in changed {
            interrupt::check()?;
            let text = |member: &str| item.get(member).and_then(Value::as_str).unwrap_or_default();
            if self.docs.may_be(text("branch"), text("doc")) {
                self.looked_at += 1;
                docs.extend(self.doc(event.seq, text("doc"), &mut bytes)?);
            }
        }
        self.bytes += bytes;
        if docs.is_empty() {
            return Ok(None);
        }
        let mut payload = only_origin(&event.payload);
        payload.insert("docs".to_owned(), docs.into());
        Ok(Some(Event { name: DOC_UPDATE, payload: Value::Object(payload), ..event }))
    }

    /// What a bundle did to a document; one that cannot be read is told of as such, so that it holds nothing up.
    fn doc(&self, seq: Seq, doc: &str, bytes: &mut usize) -> Result<Option<Value>> {
        let mut found = match self.compare(seq, doc, bytes) {
            Ok(None) => return Ok(None),
            Ok(Some(found)) => found,
            Err(error) if matches!(error.code(), Code::Corrupt | Code::Invariant) => unreadable(&error),
            // Too large by itself, and not because of what else is in memory.
            Err(error) if !self.is_told && *bytes == 0 && is_of_the_doc(&error) => unreadable(&error),
            Err(error) => {
                let key = DocKey { branch: self.docs.branch.clone(), doc: doc.to_owned() };
                return Err(about_doc(&key, error));
            }
        };
        found.insert("doc".to_owned(), doc.into());
        found.insert("branch".to_owned(), self.docs.branch.as_str().into());
        Ok(Some(found.into()))
    }

    fn compare(&self, seq: Seq, doc: &str, bytes: &mut usize) -> Result<Option<Map<String, Value>>> {
        // What it held before is not kept while it is looked at as it is after.
        let before = self.found(doc, seq.before())?.map(|(state, _)| (state.heads, state.had));
        let after = self.found(doc, seq)?;
        let Some(action) = WatchAction::of(before.is_some(), after.is_some()) else { return Ok(None) };
        let heads = after.as_ref().map(|(state, _)| &state.heads);
        // A bundle may name a document and leave it as it was.
        if before.as_ref().map(|(heads, _)| heads) == heads {
            return Ok(None);
        }
        let mut found = Map::new();
        found.insert("action".to_owned(), action.as_str().into());
        let (old_heads, had) = before.unzip();
        if let Some(heads) = heads.or(old_heads.as_ref()) {
            found.insert("heads".to_owned(), heads.to_texts().into());
        }
        let Some((state, value)) = after else { return Ok(Some(found)) };
        let (member, told) = match self.docs.format {
            WatchFormat::Json => ("value", self.docs.projection.of(value)),
            // Who has not had the document gets all of it.
            WatchFormat::Changes => {
                let after = old_heads.map_or_else(Vec::new, |heads| heads.to_texts());
                found.insert("after".to_owned(), after.into());
                ("changes", self.changes(&state, had.unwrap_or(0))?)
            }
        };
        let size = weight(&told);
        if *bytes > 0 && *bytes + size > MAX_PAGE_BYTES {
            found.insert(format!("{member}_omitted"), true.into());
        } else {
            *bytes += size;
            found.insert(member.to_owned(), told);
        }
        Ok(Some(found))
    }

    /// The document at a seq, if the condition holds for it.
    fn found(&self, doc: &str, seq: Seq) -> Result<Option<(DocAt, Value)>> {
        let Some(mut state) = past::state(self.project, &self.lineage, doc, seq)? else { return Ok(None) };
        let value = past::value(self.project, &mut state, true)?;
        Ok(self.docs.holds(&value).then_some((state, value)))
    }

    fn changes(&self, state: &DocAt, had: i64) -> Result<Value> {
        let changes = store::changes(self.project, &state.line, had, state.had)?;
        Ok(changes.iter().map(|change| Value::from(encode_base64(change.bytes()))).collect())
    }
}

/// Whether a limit is that of a document: nobody can read it while the setting is what it is.
fn is_of_the_doc(error: &Error) -> bool {
    error.code() == Code::Limit
        && error.member("reason").is_none_or(|reason| reason != Reason::OutOfMemory.as_str())
}

fn unreadable(error: &Error) -> Map<String, Value> {
    let mut found = Map::new();
    found.insert("action".to_owned(), "unreadable".into());
    found.insert("sqlstate".to_owned(), error.code().sqlstate().into());
    found.insert("error".to_owned(), error.message().into());
    found
}
