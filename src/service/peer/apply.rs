//! How an incoming bundle is applied: its domains judge and plan, thing by thing.

use super::pull::header;
use super::{known_as, store};
use crate::blob;
use crate::bundle::{PeerOrigin, Plan};
use crate::domain::DOMAINS;
use crate::domain::incoming::{Arrival, Incoming, Report, Stamps};
use crate::gate::Access;
use crate::ids::{ActorId, Seq};
use crate::log::LockedHead;
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::op::Edit;
use quire_core::peer::{Bundle, SentOp};
use quire_core::quarantine::RowKind;
use quire_core::tree::Content;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};

/// What came of planning an incoming bundle.
pub struct Planned {
    pub plan: Plan,
    /// What was in conflict, for people.
    pub reasons: Vec<String>,
}

/// Plans to apply a bundle under the head lock, and keeps the conflicts it is in.
pub fn plan(access: &Access, peer: &str, head: &LockedHead, bundle: &Bundle) -> Result<Planned> {
    let project = access.project;
    let writes = bundle.ops.iter().flat_map(|sent| &sent.writes);
    let named: Vec<Hash> = writes.filter_map(|write| write.change.named_content()).collect();
    let incoming = Incoming {
        access,
        head,
        bundle,
        author: author(bundle),
        contents: bundle.contents.iter().map(|(hash, bytes)| (*hash, blob::content_of(bytes))).collect(),
        existing: blob::store::existing(project, &named)?,
    };
    let mut parts: Vec<(RowKind, Box<dyn Arrival + '_>)> = Vec::new();
    for domain in DOMAINS {
        let arrival = domain.arrive(&incoming)?;
        parts.extend(arrival.map(|arrival| (domain.logged_kind(), arrival)));
    }
    let seqs: BTreeSet<Seq> = parts.iter().flat_map(|(_, part)| part.seqs()).collect();
    let names: Vec<String> = parts.iter().flat_map(|(_, part)| part.names()).collect();
    let made = store::stamps(project, &seqs.into_iter().collect::<Vec<_>>())?;
    let stamps = Stamps { made, seen: store::seen_stamps(project, &names)? };
    let mut report = Report { reasons: Vec::new(), is_verbatim: true };
    for sent in &bundle.ops {
        let kind = sent.op.topic().map(RowKind::Logged);
        let part = parts.iter_mut().find(|(of, _)| Some(*of) == kind);
        let (_, part) = part.ok_or_else(|| Error::internal("this operation does not travel"))?;
        part.apply(sent, &stamps, &mut report)?;
    }
    parts.iter_mut().try_for_each(|(_, part)| part.finish(&mut report))?;
    let decided: Vec<String> = parts.iter().flat_map(|(_, part)| part.decided()).collect();
    store::keep_stamp(project, &decided, bundle.stamp())?;
    let edits: Vec<Edit> = parts.iter_mut().flat_map(|(_, part)| part.take_edits()).collect();
    let wanted: HashSet<Hash> = edits.iter().filter_map(Edit::content).collect();
    let contents: Vec<(&Content, &[u8])> = incoming
        .contents
        .values()
        .filter(|content| wanted.contains(&content.hash))
        .filter_map(|content| Some((content, bundle.contents.get(&content.hash)?.as_slice())))
        .collect();
    let blobs = blob::prepare(project, &contents)?;
    let Report { reasons, is_verbatim } = report;
    let mut origin = json!({
        "peer": peer, "header": header(&bundle.header)?, "prev_checksum": bundle.previous.to_hex(),
        "checksum": bundle.checksum.to_hex(), "undoes_bundle_id": bundle.undoes,
        "undoes_made_as": bundle.undoes_made_as, "display_name": bundle.display_name
    });
    if !is_verbatim {
        origin["ops"] = bundle.ops.iter().map(SentOp::to_json).collect::<Result<Value>>()?;
    }
    let undoes_seq = match bundle.undoes {
        Some(undoes) => known_as(access.project, undoes, bundle.undoes_made_as)?,
        None => None,
    };
    let origin = PeerOrigin {
        bundle_id: bundle.header.bundle_id,
        actor: author(bundle),
        committed_at: bundle.header.committed_at,
        details: json!({"origin": origin}),
    };
    let plan = Plan { edits, blobs, undoes_seq, origin: Some(origin), ..Plan::default() };
    Ok(Planned { plan, reasons })
}

/// Who made a bundle, as it is attributed here: what the built-in actor of another database did, that of this one did not.
pub fn author(bundle: &Bundle) -> ActorId {
    Some(bundle.header.actor_id).filter(|actor| !actor.is_built_in()).unwrap_or(ActorId::SYSTEM_ELSEWHERE)
}
