//! What takes back what a bundle did to documents: the inverse of what lies between its heads, as a new change.

use super::store::{self, DocHead, TouchedDoc};
use super::{cache, empty_change, seconds_now, server_actor};
use crate::domain::branch;
use crate::domain::inverse::{InTheWay, Inverting, Why};
use quire_core::branch::BranchStatus;
use quire_core::conflict::OnConflict;
use quire_core::doc::DocAuthor;
use quire_core::error::{Code, Result};
use quire_core::op::{DocEdit, Edit, Topic};
use quire_core::text::shorten;
use serde_json::{Value, json};

/// Adds the edits; what is in their way.
pub fn invert(inverting: &Inverting, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
    let project = inverting.access.project;
    let touched = store::touched_by(project, inverting.seq)?;
    if !touched.is_empty() {
        inverting.refuse_corrupt(Topic::Doc)?;
    }
    let mut found = Vec::new();
    for touched in touched {
        let Some(head) = store::head(project, &touched.key)? else { continue };
        let mut of_this = Vec::new();
        edits.extend(of_doc(inverting, &touched, &head, &mut of_this)?.map(Edit::Doc));
        found.append(&mut of_this);
    }
    Ok(found)
}

/// Nobody can overwrite it: what is newer in a document stays.
fn in_the_way(key: Value, why: Why) -> InTheWay {
    InTheWay { key, part_of: None, why, is_recordable: false }
}

/// The edit that takes back what a bundle did to a document. `found` is what is in the way of this one.
fn of_doc(
    inverting: &Inverting,
    touched: &TouchedDoc,
    head: &DocHead,
    found: &mut Vec<InTheWay>,
) -> Result<Option<DocEdit>> {
    let project = inverting.access.project;
    let key = &touched.key;
    let lineage = branch::store::lineage(project, &key.branch)?;
    if lineage.is_none_or(|lineage| lineage.status != BranchStatus::Open) {
        let why = Why::Gone(format!("branch {} is not open", shorten(&key.branch)));
        found.push(in_the_way(json!(key), why));
        return Ok(None);
    }
    let is_there_now = !head.summary.is_deleted();
    if !is_there_now && (touched.is_there || head.summary.heads != touched.after) {
        // Of what was not there before, that is how it was.
        if touched.was_there {
            let why = Why::Changed { seq: head.seq, action: format!("deleted {key}") };
            found.push(in_the_way(json!(key), why));
        }
        return Ok(None);
    }
    if !touched.was_there && head.summary.heads == touched.after {
        let edit = DocEdit::Delete { key: key.clone(), base_heads: None, heads: None };
        return Ok(is_there_now.then_some(edit));
    }
    let edit = match touched.before == touched.after {
        true => None,
        false => take_back(inverting, touched, head, found)?,
    };
    let comes_back = edit.is_none() && !is_there_now && touched.was_there && found.is_empty();
    if !comes_back {
        return Ok(edit);
    }
    let changes = vec![empty_change(project, &key.branch, &head.line, &head.summary, None)?];
    Ok(Some(DocEdit::Change { key: key.clone(), changes, base_heads: None }))
}

fn take_back(
    inverting: &Inverting,
    touched: &TouchedDoc,
    head: &DocHead,
    found: &mut Vec<InTheWay>,
) -> Result<Option<DocEdit>> {
    let project = inverting.access.project;
    let limits = super::limits();
    let summary = &head.summary;
    let mut loaded = match cache::take(project, &head.line, summary.changes, &summary.heads) {
        Err(error) if error.code() == Code::Invariant => {
            let why = Why::Gone(format!("{} cannot be loaded: {}", touched.key, error.message()));
            found.push(in_the_way(json!(touched.key), why));
            return Ok(None);
        }
        loaded => loaded?,
    };
    let inverse = loaded.inverse(&touched.before, &touched.after, &limits)?;
    for place in &inverse.in_the_way {
        let key = &touched.key;
        let path = shorten(&place.path);
        let action =
            format!("changed {} of {key}", if path.is_empty() { "the whole" } else { path.as_str() });
        let at = json!({"branch": key.branch, "doc": key.doc, "path": place.path.replace('\0', "\u{fffd}")});
        found.push(in_the_way(at, Why::Changed { seq: head.seq, action }));
    }
    let is_refused = !inverse.in_the_way.is_empty() && inverting.on_conflict != OnConflict::Skip;
    let change = if is_refused {
        None
    } else {
        let author = DocAuthor {
            actor: &server_actor(project, &touched.key.branch),
            time: seconds_now(),
            message: None,
        };
        loaded.put(&author, &inverse.value, &limits)?
    };
    cache::keep(project, &head.line, summary.changes, loaded);
    Ok(change.map(|change| DocEdit::Change {
        key: touched.key.clone(),
        changes: vec![change],
        base_heads: None,
    }))
}
