//! What events tell of documents.

use super::store::{self, ShownOp};
use crate::domain::shown::{Changes, MAX_CONTENT_BYTES, Query};
use crate::ids::{ProjectId, Seq};
use quire_core::error::Result;
use quire_core::event::DOC_UPDATE;
use quire_core::json::encode_base64;
use quire_core::key::DocKey;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Changed documents, by bundle.
struct Docs {
    project: ProjectId,
    is_wanted: bool,
    /// Most bytes of changes in an event.
    content_bytes: i64,
    bytes: BTreeMap<Seq, i64>,
    after: Seq,
    ops: BTreeMap<Seq, Vec<ShownOp>>,
    bodies: BTreeMap<(Seq, DocKey), Vec<String>>,
}

/// What bundles up to a seq changed.
pub fn read(query: &Query, up_to: Seq) -> Result<Box<dyn Changes>> {
    let bytes = store::shown_bytes(query.project, query.after, up_to, query.content_bytes > 0)?;
    Ok(Box::new(Docs {
        project: query.project,
        is_wanted: query.filter.wants_docs(),
        content_bytes: query.content_bytes.min(MAX_CONTENT_BYTES),
        bytes: bytes.into_iter().collect(),
        after: query.after,
        ops: BTreeMap::new(),
        bodies: BTreeMap::new(),
    }))
}

impl Docs {
    /// Whether the changes of a bundle travel with its event.
    fn is_sent(&self, seq: Seq) -> bool {
        self.bytes.get(&seq).is_some_and(|bytes| *bytes <= self.content_bytes)
    }
}

impl Changes for Docs {
    fn event(&self, seq: Seq) -> Option<&'static str> {
        self.bytes.contains_key(&seq).then_some(DOC_UPDATE)
    }

    fn limit(&self) -> i64 {
        MAX_CONTENT_BYTES
    }

    fn weight(&self, seq: Seq) -> i64 {
        self.bytes.get(&seq).copied().filter(|_| self.is_wanted).unwrap_or(0)
    }

    fn load(&mut self, up_to: Seq) -> Result<()> {
        self.bytes.retain(|seq, _| *seq <= up_to);
        if !self.is_wanted || self.bytes.is_empty() {
            return Ok(());
        }
        for (seq, op) in store::ops(self.project, self.after, up_to)? {
            self.ops.entry(seq).or_default().push(op);
        }
        if self.content_bytes == 0 {
            return Ok(());
        }
        // Only the first can be larger than a page.
        let first = self.bytes.keys().next().copied().filter(|first| !self.is_sent(*first));
        for op in store::stored_ops(self.project, first.unwrap_or(self.after), up_to)? {
            let changes = op.changes.values().map(|bytes| encode_base64(bytes));
            self.bodies.entry((op.seq, op.key)).or_default().extend(changes);
        }
        Ok(())
    }

    /// One item for each document: what the bundle made of it in the end.
    fn describe(&mut self, seq: Seq, _event: &str, payload: &mut Map<String, Value>) -> bool {
        let Some(ops) = self.ops.remove(&seq) else { return false };
        let mut docs: Vec<(DocKey, Value)> = Vec::new();
        for op in ops {
            let at = docs.iter().position(|(key, _)| *key == op.key).unwrap_or_else(|| {
                let DocKey { branch, doc } = op.key.clone();
                docs.push((op.key.clone(), json!({"branch": branch, "doc": doc, "change_count": 0})));
                docs.len() - 1
            });
            let shown = &mut docs[at].1;
            shown["action"] = if op.is_deletion { "delete" } else { "update" }.into();
            shown["heads"] = op.heads.into();
            shown["change_count"] = (shown["change_count"].as_i64().unwrap_or(0) + op.count).into();
        }
        let is_sent = self.content_bytes > 0 && self.is_sent(seq);
        let docs: Value = docs
            .into_iter()
            .map(|(key, mut shown)| {
                if is_sent {
                    shown["changes"] = self.bodies.remove(&(seq, key)).unwrap_or_default().into();
                } else if self.content_bytes > 0 {
                    shown["changes_omitted"] = true.into();
                }
                shown
            })
            .collect();
        payload.insert("docs".into(), docs);
        true
    }
}
