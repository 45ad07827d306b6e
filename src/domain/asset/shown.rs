//! What events tell of assets.

use super::store;
use crate::domain::shown::{Changes, MAX_CONTENT_BYTES, Query};
use crate::ids::Seq;
use quire_core::error::Result;
use quire_core::event::{ASSET_UPDATE, AssetChange, add_assets};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Changed assets, by bundle.
struct Assets {
    is_wanted: bool,
    changes: BTreeMap<Seq, Vec<AssetChange>>,
}

/// What bundles up to a seq changed.
pub fn read(query: &Query, up_to: Seq) -> Result<Box<dyn Changes>> {
    let mut changes: BTreeMap<Seq, Vec<AssetChange>> = BTreeMap::new();
    for (seq, change) in store::changes(query.project, query.after, up_to)? {
        changes.entry(seq).or_default().push(change);
    }
    Ok(Box::new(Assets { is_wanted: query.filter.wants_pathless(), changes }))
}

impl Changes for Assets {
    fn event(&self, seq: Seq) -> Option<&'static str> {
        self.changes.contains_key(&seq).then_some(ASSET_UPDATE)
    }

    fn limit(&self) -> i64 {
        MAX_CONTENT_BYTES
    }

    fn describe(&mut self, seq: Seq, _event: &str, payload: &mut Map<String, Value>) -> bool {
        let Some(changes) = self.changes.remove(&seq).filter(|_| self.is_wanted) else { return false };
        add_assets(payload, changes);
        true
    }
}
