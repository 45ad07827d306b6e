//! `replay_project`: the state that the operations alone make, against the one the tables show.

use super::{load, store};
use crate::domain;
use crate::ids::{ProjectId, Seq};
use crate::log::point::existing_seq;
use quire_core::error::Result;
use quire_core::op::State;
use serde_json::{Value, json};

/// Most differences an answer lists.
const MOST_LISTED: usize = 1000;

/// Replays a project up to a seq and compares.
pub fn replay(project: ProjectId, to_seq: Option<Seq>) -> Result<Value> {
    let (newest, _) = store::head(project)?;
    let seq = to_seq.map_or(Ok(newest), |seq| existing_seq(project, "to_seq", seq))?;
    let mut state = State::default();
    let (mut bundles, mut ops) = (0, 0);
    let mut impossible: Vec<Value> = Vec::new();
    load::bundles(project, seq, |bundle| {
        bundles += 1;
        for stored in &bundle.ops {
            ops += 1;
            let why = match &stored.op {
                Some(op) => state.apply(bundle.logged.header.seq, op).err(),
                None => Some("the row makes no operation".to_owned()),
            };
            impossible.extend(
                why.map(
                    |why| json!({"seq": bundle.logged.header.seq, "ordinal": stored.ordinal, "why": why}),
                ),
            );
        }
        Ok(())
    })?;
    let mut differences = domain::state_at(project, seq)?.difference(&state);
    if seq == newest {
        differences.extend(domain::current_state(project)?.difference(&state));
    }
    let listed: Vec<Value> =
        differences.iter().take(MOST_LISTED).map(|change| change.op().form()).collect::<Result<_>>()?;
    let mut report = json!({
        "project_id": project.to_string(), "seq": seq, "bundles": bundles, "ops": ops,
        "is_equal": differences.is_empty() && impossible.is_empty(), "differences": listed, "impossible": impossible
    });
    state.counts().for_each(|(things, count)| report[things] = count.into());
    Ok(report)
}
