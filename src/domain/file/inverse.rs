//! What takes back what a bundle did to files.

use super::{VersionRow, put_again, store};
use crate::domain::inverse::{InTheWay, Inverting, Why};
use crate::ids::Seq;
use quire_core::error::Result;
use quire_core::op::{Edit, Topic};
use quire_core::path::FilePath;
use quire_core::text::shorten;
use quire_core::tree::{FileEdit, Head};
use quire_core::undo::{UndoVerdict, judge};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};

/// Adds the edits; what is in their way.
pub fn invert(inverting: &Inverting, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
    let project = inverting.access.project;
    let touched = store::changed_in(project, inverting.seq)?;
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    inverting.refuse_corrupt(Topic::File)?;
    let paths: BTreeSet<&str> = touched.iter().map(|change| change.path.as_str()).collect();
    let heads: HashMap<FilePath, Head> = store::heads_at(project, &paths)?;
    let gone = inverting.gone(touched.iter().filter_map(|change| change.from.as_ref()?.content_hash))?;
    let in_the_way = |path: &FilePath, why| InTheWay {
        key: json!({"file_path": path.as_str()}),
        part_of: None,
        why,
        is_recordable: false,
    };
    let mut found = Vec::new();
    for change in touched {
        let head = heads.get(&change.path);
        let of = |row: &Option<VersionRow>| row.as_ref().and_then(|row| row.to_head(None).file());
        match judge(&of(&change.from), &of(&change.to), &head.and_then(Head::file)) {
            UndoVerdict::Nothing => {}
            UndoVerdict::Restore => match change.from {
                Some(row) => match row.content_hash.and_then(|hash| gone.get(&hash)) {
                    Some(how) => found.push(in_the_way(&change.path, Why::Gone(how.clone()))),
                    None => {
                        edits.extend(put_again(inverting.access, change.path, row)?.map(Edit::File));
                    }
                },
                None => {
                    edits.push(Edit::File(FileEdit::Delete { path: change.path, expected_version: None }));
                }
            },
            UndoVerdict::Conflict => {
                let verb = if head.is_some_and(Head::is_live) { "changed" } else { "deleted" };
                let action = format!("{verb} {}", shorten(change.path.as_str()));
                let seq = head.map_or(Seq::ZERO, |head| head.seq);
                found.push(in_the_way(&change.path, Why::Changed { seq, action }));
            }
        }
    }
    Ok(found)
}
