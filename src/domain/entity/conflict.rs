//! Conflicts at field level: the author gets them as an error, or they are kept until somebody resolves them.

use super::store::{self, Conflict, ConflictEvent};
use crate::ids::{ActorId, ConflictId, ProjectId, Seq};
use crate::log::store::authors;
use quire_core::error::{Error, Result};
use quire_core::field::{AppliedFields, Clash, FieldState, Fields};
use quire_core::json::JsonValue;
use quire_core::key::FieldKey;
use quire_core::reason::Reason;
use quire_core::text::shorten;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Most fields an error lists.
const MOST_LISTED: usize = 100;
/// Bytes of their values after which it lists no more.
const MOST_BYTES: usize = 256 << 10;

/// The error that tells an author of all conflicts: entity, field, both values, actors, bundles.
pub fn refusal(project: ProjectId, clashes: &[Clash]) -> Result<Error> {
    let mut bytes = 0;
    let is_listed = |clash: &&Clash| {
        let is_listed = bytes < MOST_BYTES;
        bytes += [&clash.yours, &clash.theirs.value]
            .into_iter()
            .flatten()
            .map(|it| it.as_str().len())
            .sum::<usize>();
        is_listed
    };
    let listed: Vec<&Clash> = clashes.iter().take(MOST_LISTED).take_while(is_listed).collect();
    let others = authors(project, listed.iter().map(|clash| clash.theirs.seq))?;
    let mut entities: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut first = None;
    for clash in listed {
        let FieldState { value: theirs, seq, actor, .. } = &clash.theirs;
        let other = others.get(seq);
        let name = other.map_or_else(|| actor.to_string(), |author| author.name.clone());
        let description = format!(
            "{name} {} in bundle {seq}; you had seen bundle {} and {}",
            action(&clash.key.field, theirs.as_ref()),
            clash.base_seq,
            wish(clash.yours.as_ref()),
        );
        first.get_or_insert_with(|| {
            format!("{} of {} was changed by {name}", shorten(&clash.key.field), clash.key.entity)
        });
        let told = json!({
            "yours": clash.yours, "your_value_is_unset": clash.yours.is_none(), "theirs": theirs,
            "their_value_is_unset": theirs.is_none(), "their_actor": actor, "their_name": name, "their_seq": seq,
            "their_bundle": other.map(|author| author.bundle_id), "base_seq": clash.base_seq, "description": description,
        });
        let entity = format!("{}/{}", clash.key.entity.entity_type, clash.key.entity.entity_id);
        entities.entry(entity).or_default().insert(clash.key.field.clone(), told);
    }
    let message = match (first, clashes.len()) {
        (Some(first), 1) => first,
        (Some(first), 2) => format!("{first}, and there is 1 more conflict"),
        (Some(first), count) => format!("{first}, and there are {} more conflicts", count - 1),
        (None, _) => "fields are in conflict".to_owned(),
    };
    Ok(Error::conflict(Reason::FieldConflict, message)
        .with("conflicts", json!(entities))
        .with("count", clashes.len())
        .hint(
            "look at what changed and send it again with a newer base_seq, or use on_conflict record or skip",
        ))
}

pub fn action(field: &str, value: Option<&JsonValue>) -> String {
    match value {
        Some(value) => format!("set {} to {}", shorten(field), shorten(value.as_str())),
        None => format!("cleared {}", shorten(field)),
    }
}

fn wish(value: Option<&JsonValue>) -> String {
    match value {
        Some(value) => format!("want {}", shorten(value.as_str())),
        None => "want it cleared".to_owned(),
    }
}

/// Keeps what a bundle means for conflicts: new ones, more values of open ones.
pub fn keep(
    project: ProjectId,
    by: ActorId,
    seq: Seq,
    applied: &AppliedFields,
    fields: &Fields,
) -> Result<()> {
    let mut clashing: BTreeMap<&FieldKey, &Clash> = BTreeMap::new();
    for clash in &applied.clashes {
        clashing.entry(&clash.key).or_insert(clash);
    }
    let mut newest: BTreeMap<&FieldKey, Option<&JsonValue>> = BTreeMap::new();
    for row in &applied.rows {
        newest.insert(&row.key, row.value.as_ref());
    }
    for (key, yours) in newest {
        if let Some(clash) = clashing.get(key) {
            record(project, by, seq, clash, yours)?;
        } else if let Some(id) = fields.get(key).and_then(|state| state.conflict) {
            store::add_conflict_event(
                project,
                id,
                &ConflictEvent { event: "value", seq, actor: by, value: yours },
            )?;
        }
    }
    Ok(())
}

fn record(project: ProjectId, by: ActorId, seq: Seq, clash: &Clash, yours: Option<&JsonValue>) -> Result<()> {
    open(project, by, seq, clash, Some(yours))
}

/// Opens the conflict of a field, if it is not open, with what stands there; and adds the value of who came to it, unless
/// that is added when it is written.
pub fn open(
    project: ProjectId,
    by: ActorId,
    seq: Seq,
    clash: &Clash,
    yours: Option<Option<&JsonValue>>,
) -> Result<()> {
    let known = store::conflict_of(project, &clash.key)?;
    let id = known.as_ref().map_or_else(ConflictId::generate, |conflict| conflict.id);
    let opening = match &known {
        None => Some("opened"),
        Some(conflict) if conflict.resolved_seq.is_some() => Some("reopened"),
        Some(_) => None,
    };
    if let Some(event) = opening {
        begin(project, by, seq, id, &clash.key, event)?;
        let FieldState { value, seq, actor, .. } = &clash.theirs;
        let theirs = ConflictEvent { event: "value", seq: *seq, actor: *actor, value: value.as_ref() };
        store::add_conflict_event(project, id, &theirs)?;
    }
    match yours {
        Some(value) => {
            store::add_conflict_event(project, id, &ConflictEvent { event: "value", seq, actor: by, value })
        }
        None => Ok(()),
    }
}

fn begin(
    project: ProjectId,
    by: ActorId,
    seq: Seq,
    id: ConflictId,
    key: &FieldKey,
    event: &'static str,
) -> Result<()> {
    store::open_conflict(project, id, key, seq)?;
    store::add_conflict_event(project, id, &ConflictEvent { event, seq, actor: by, value: None })
}

/// Closes the conflict of a field, if it is open.
pub fn settle(
    project: ProjectId,
    by: ActorId,
    seq: Seq,
    key: &FieldKey,
    value: Option<&JsonValue>,
) -> Result<()> {
    match store::conflict_of(project, key)? {
        Some(conflict) if conflict.resolved_seq.is_none() => close(project, by, seq, &conflict, value),
        _ => Ok(()),
    }
}

fn close(
    project: ProjectId,
    by: ActorId,
    seq: Seq,
    conflict: &Conflict,
    value: Option<&JsonValue>,
) -> Result<()> {
    store::close_conflict(project, conflict.id, &conflict.key, seq)?;
    store::add_conflict_event(
        project,
        conflict.id,
        &ConflictEvent { event: "resolved", seq, actor: by, value },
    )
}

/// What taking a bundle back means for conflicts: those that it resolved are open again, with the values they had; those that
/// it had opened again by taking their resolution back are resolved again.
pub fn take_back(project: ProjectId, by: ActorId, seq: Seq, undoes: Seq) -> Result<()> {
    for (conflict, value) in store::reopened_by(project, undoes, seq)? {
        close(project, by, seq, &conflict, value.as_ref())?;
    }
    for conflict in store::resolved_by(project, undoes, seq)? {
        let values = store::conflict_values(project, conflict.id)?;
        begin(project, by, seq, conflict.id, &conflict.key, "reopened")?;
        for (seq, actor, value) in &values {
            let event = ConflictEvent { event: "value", seq: *seq, actor: *actor, value: value.as_ref() };
            store::add_conflict_event(project, conflict.id, &event)?;
        }
    }
    Ok(())
}
