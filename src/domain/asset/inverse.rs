//! What takes back what a bundle did to assets.

use super::store::{self, TouchedAsset};
use crate::domain::inverse::{InTheWay, Inverting, Why};
use quire_core::asset::{AssetEdit, Source};
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::op::{Edit, Topic};
use quire_core::undo::{UndoVerdict, judge};
use serde_json::json;

/// Adds the edits; what is in their way.
pub fn invert(inverting: &Inverting, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
    let touched = store::touched_by(inverting.access.project, inverting.seq)?;
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    inverting.refuse_corrupt(Topic::Asset)?;
    let gone = inverting.gone(touched.iter().map(|touched| touched.hash))?;
    let in_the_way = |hash: &Hash, why| InTheWay {
        key: json!({"content_hash": hash.to_hex()}),
        part_of: None,
        why,
        is_recordable: false,
    };
    let mut found = Vec::new();
    for TouchedAsset { hash, before, after, now, seq } in touched {
        match judge(&before, &after, &now) {
            UndoVerdict::Nothing => {}
            UndoVerdict::Restore => match (before, gone.get(&hash)) {
                (Some(_), Some(how)) => found.push(in_the_way(&hash, Why::Gone(how.clone()))),
                (Some(label), None) => {
                    edits.push(Edit::Asset(AssetEdit::Put { hash, source: Source::Stored, label }));
                }
                (None, _) => edits.push(Edit::Asset(AssetEdit::Delete { hash, reason: None })),
            },
            UndoVerdict::Conflict => {
                let verb = if now.is_some() { "changed" } else { "deleted" };
                let action = format!("{verb} asset {}", hash.to_hex());
                found.push(in_the_way(&hash, Why::Changed { seq, action }));
            }
        }
    }
    Ok(found)
}
