//! `replay_project`: the state that the operations alone make, against the one the tables show.

use super::{load, store};
use crate::ids::{ProjectId, Seq};
use crate::log::point::existing_seq;
use quire_core::error::Result;
use quire_core::field::{EntityKey, FieldKey};
use quire_core::json::canonical;
use quire_core::op::Op;
use quire_core::path::shorten;
use quire_core::replay::State;
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
                Some(op) => state.apply(op).err(),
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
    let mut differences = store::state_at(project, seq)?.difference(&state);
    if seq == newest {
        differences.extend(store::current_state(project)?.difference(&state));
    }
    let listed: Vec<Value> = differences
        .iter()
        .take(MOST_LISTED)
        .map(|op| Ok(serde_json::from_slice(&canonical(op)?).unwrap_or_default()))
        .collect::<Result<_>>()?;
    Ok(json!({
        "project_id": project.to_string(), "seq": seq, "bundles": bundles, "ops": ops, "files": state.files.len(),
        "fields": state.fields.len(), "assets": state.assets.len(), "is_equal": differences.is_empty() && impossible.is_empty(),
        "differences": listed, "impossible": impossible
    }))
}

/// The row of current state an operation is about: kind and key.
pub fn place(op: &Op) -> (&'static str, Value) {
    match op {
        Op::FilePut { file_path, .. } | Op::FileDelete { file_path } => {
            ("file_head", json!({"file_path": file_path.as_str()}))
        }
        Op::FieldSet { entity_type, entity_id, field, .. }
        | Op::FieldUnset { entity_type, entity_id, field } => {
            let entity = EntityKey { entity_type: entity_type.clone(), entity_id: entity_id.clone() };
            ("entity_field", store::field_key(&FieldKey { entity, field: field.clone() }))
        }
        Op::AssetPut { content_hash, .. } | Op::AssetDelete { content_hash, .. } => {
            ("asset", json!({"content_hash": content_hash.to_hex()}))
        }
        Op::FileMove { .. } | Op::EntityDelete { .. } | Op::SnapshotReady { .. } => {
            ("project_head", json!({}))
        }
    }
}

/// What an operation would do, in words.
pub fn deed(op: &Op) -> String {
    match op {
        Op::FilePut { file_path, .. } => format!("write {}", shorten(file_path.as_str())),
        Op::FileDelete { file_path } => format!("delete {}", shorten(file_path.as_str())),
        Op::FieldSet { entity_type, entity_id, field, .. } => {
            format!("set {} of {} {}", shorten(field), shorten(entity_type), shorten(entity_id))
        }
        Op::FieldUnset { entity_type, entity_id, field } => {
            format!("clear {} of {} {}", shorten(field), shorten(entity_type), shorten(entity_id))
        }
        Op::AssetPut { content_hash, .. } => format!("keep asset {}", content_hash.to_hex()),
        Op::AssetDelete { content_hash, .. } => format!("delete asset {}", content_hash.to_hex()),
        other => other.name().to_owned(),
    }
}
