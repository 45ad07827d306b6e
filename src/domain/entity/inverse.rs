//! What takes back what a bundle did to fields.

use super::{conflict, store};
use crate::domain::inverse::{InTheWay, Inverting, Why};
use quire_core::conflict::OnConflict;
use quire_core::error::Result;
use quire_core::field::FieldEdit;
use quire_core::op::{Edit, Topic};
use quire_core::undo::{UndoVerdict, judge};
use serde_json::json;

/// Adds the edits; what is in their way.
pub fn invert(inverting: &Inverting, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
    let touched = store::touched_by(inverting.access.project, inverting.seq)?;
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    inverting.refuse_corrupt(Topic::Field)?;
    let mut found = Vec::new();
    for touched in touched {
        let verdict = judge(&touched.before, &touched.after, &touched.now.value);
        let is_in_the_way = verdict == UndoVerdict::Conflict;
        if is_in_the_way {
            let action = conflict::action(&touched.key.field, touched.now.value.as_ref());
            found.push(InTheWay {
                key: json!(touched.key),
                part_of: Some(touched.key.entity.to_string()),
                why: Why::Changed { seq: touched.now.seq, action },
                is_recordable: true,
            });
        }
        if verdict == UndoVerdict::Restore || is_in_the_way && inverting.on_conflict == OnConflict::Record {
            // Who changed it since is in conflict with this.
            let base_seq = is_in_the_way.then_some(inverting.seq);
            let (key, value) = (touched.key, touched.before);
            edits.push(Edit::Field(FieldEdit::Write { key, value, base_seq, always: false }));
        }
    }
    Ok(found)
}
