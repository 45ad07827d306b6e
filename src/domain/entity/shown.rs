//! What events tell of fields.

use super::store::changes::{field_bytes, field_changes};
use crate::domain::shown::{Changes, MAX_CONTENT_BYTES, Query};
use crate::ids::{ProjectId, Seq};
use quire_core::error::Result;
use quire_core::event::{ENTITY_UPDATE, FieldChange, add_fields};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Changed fields, by bundle.
struct Fields {
    project: ProjectId,
    after: Seq,
    is_wanted: bool,
    /// Bytes of the values.
    bytes: BTreeMap<Seq, i64>,
    /// `None` where they are too large to travel.
    changes: BTreeMap<Seq, Option<Vec<FieldChange>>>,
}

/// What bundles up to a seq changed.
pub fn read(query: &Query, up_to: Seq) -> Result<Box<dyn Changes>> {
    Ok(Box::new(Fields {
        project: query.project,
        after: query.after,
        is_wanted: query.filter.wants_pathless(),
        bytes: field_bytes(query.project, query.after, up_to)?,
        changes: BTreeMap::new(),
    }))
}

impl Changes for Fields {
    fn event(&self, seq: Seq) -> Option<&'static str> {
        self.bytes.contains_key(&seq).then_some(ENTITY_UPDATE)
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
        // Only the first can be larger than a page.
        let first = self.bytes.first_key_value();
        let too_large = first.filter(|(_, bytes)| **bytes > MAX_CONTENT_BYTES).map(|(seq, _)| *seq);
        self.changes.extend(too_large.map(|seq| (seq, None)));
        let after = too_large.unwrap_or(self.after);
        for (seq, change) in field_changes(self.project, after, up_to)? {
            let of_bundle = self.changes.entry(seq).or_insert_with(|| Some(Vec::new()));
            of_bundle.get_or_insert_default().push(change);
        }
        Ok(())
    }

    fn describe(&mut self, seq: Seq, _event: &str, payload: &mut Map<String, Value>) -> bool {
        let Some(changes) = self.changes.remove(&seq) else { return false };
        add_fields(payload, changes);
        true
    }
}
