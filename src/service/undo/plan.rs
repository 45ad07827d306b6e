//! What takes a bundle back, as its domains say, and the refusal when something is in the way.

use crate::bundle::Plan;
use crate::domain::DOMAINS;
use crate::domain::inverse::{InTheWay, Inverting, Why};
use crate::gate::Access;
use crate::ids::Seq;
use crate::log::quarantine;
use crate::log::store::{Author, authors};
use quire_core::conflict::OnConflict;
use quire_core::error::{Error, Result};
use quire_core::quarantine::RowKind;
use quire_core::reason::Reason;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Most conflicts an error lists.
const MOST_LISTED: usize = 100;

/// Plans to take a bundle back. What is in the way is refused, left out, or, of fields, overwritten and kept as a conflict.
pub fn invert(access: &Access, seq: Seq, on_conflict: OnConflict) -> Result<Plan> {
    let mut plan = Plan { undoes_seq: Some(seq), ..Plan::default() };
    quarantine::refuse(access.project, RowKind::log(), json!({"seq": seq}))?;
    let inverting = Inverting { access, seq, on_conflict };
    let mut in_the_way = Vec::new();
    for domain in DOMAINS {
        in_the_way.extend(domain.invert(&inverting, &mut plan.edits)?);
    }
    let stops = |way: &&InTheWay| match on_conflict {
        OnConflict::Reject => true,
        OnConflict::Record => !way.is_recordable,
        OnConflict::Skip => false,
    };
    let authors = authors(access.project, in_the_way.iter().filter_map(InTheWay::seq))?;
    let stopping: Vec<&InTheWay> = in_the_way.iter().filter(stops).collect();
    if !stopping.is_empty() {
        return Err(refusal(seq, &stopping, &authors));
    }
    let skipped: Vec<Value> = match on_conflict {
        OnConflict::Skip => in_the_way.iter().map(|way| described(way, &authors)).collect(),
        _ => Vec::new(),
    };
    plan.answer = Some(json!({"undoes_seq": seq, "skipped": skipped}));
    Ok(plan)
}

fn refusal(undoes: Seq, stopping: &[&InTheWay], authors: &HashMap<Seq, Author>) -> Error {
    let listed: Vec<Value> = stopping.iter().take(MOST_LISTED).map(|way| described(way, authors)).collect();
    let first = stopping.first().map_or_else(String::new, |way| sentence(way, authors));
    let message = match stopping.len() {
        1 => format!("since bundle {undoes}, {first}"),
        2 => format!("since bundle {undoes}, {first}, and 1 more conflict"),
        count => format!("since bundle {undoes}, {first}, and {} more conflicts", count - 1),
    };
    Error::conflict(Reason::ChangedSince, message)
        .with("undoes_seq", undoes)
        .with("conflicts", listed)
        .with("count", stopping.len())
        .hint("on_conflict skip leaves what has changed since as it is")
}

fn sentence(way: &InTheWay, authors: &HashMap<Seq, Author>) -> String {
    match &way.why {
        Why::Changed { seq, action } => {
            let name = authors.get(seq).map_or("somebody", |author| author.name.as_str());
            let part_of = way.part_of.as_ref().map(|whole| format!("in {whole}, ")).unwrap_or_default();
            format!("{part_of}{name} {action} (bundle {seq})")
        }
        Why::Gone(how) => how.clone(),
    }
}

fn described(way: &InTheWay, authors: &HashMap<Seq, Author>) -> Value {
    let mut described = way.key.clone();
    let author = way.seq().and_then(|seq| authors.get(&seq));
    described["seq"] = way.seq().into();
    described["actor"] = json!(author.map(|author| author.actor));
    described["bundle_id"] = json!(author.map(|author| author.bundle_id));
    described["description"] = sentence(way, authors).into();
    described
}
