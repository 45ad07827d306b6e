//! What a document holds in a state, of the past or now.

use super::cache;
use super::limits;
use super::store::list::NameRange;
use super::store::query::{DocAt, DocsAt};
use crate::ids::{ProjectId, Seq};
use quire_core::branch::Lineage;
use quire_core::error::{Code, Result};
use serde_json::Value;

/// What a document holds in a state. One of the past does not depend on what Automerge thinks of later changes.
pub fn value(project: ProjectId, state: &mut DocAt, is_past: bool) -> Result<Value> {
    if let Some(tip) = state.tip.take() {
        return Ok(tip);
    }
    let limits = limits();
    match cache::take(project, &state.line, state.changes, &state.newest) {
        Ok(loaded) => {
            let value = loaded.to_json(Some(&state.heads), &limits);
            cache::keep(project, &state.line, state.changes, loaded);
            value
        }
        Err(error) if is_past && error.code() == Code::Invariant => {
            cache::load(project, &state.line, state.had, &state.heads)
                .and_then(|loaded| loaded.to_json(None, &limits))
        }
        Err(error) => Err(error),
    }
}

/// The state of one document of a branch at a seq, unless it was not there or was deleted. `branch` is as it is now.
pub fn state(project: ProjectId, branch: &Lineage, doc: &str, seq: Seq) -> Result<Option<DocAt>> {
    let names = NameRange::only(doc);
    let lineage = branch.clone().up_to(seq);
    let states = DocsAt { project, lineage: &lineage, names: &names, after: "", most: 1 };
    Ok(states.then(seq)?.into_iter().next())
}
