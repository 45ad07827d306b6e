//! What an exchange with a peer needs: nothing corrupt goes out, and a good copy that comes in repairs what is corrupt here.

use super::audit::{self, described, record};
use super::load::{self, LoadedBundle};
use super::repair::{rewrite_header, surroundings};
use crate::blob::{self, Blob};
use crate::domain::interface::StoredOp;
use crate::gate::Access;
use crate::ids::{BundleId, ProjectId, QuarantineId, Seq};
use crate::log::quarantine::{self, Finding};
use crate::log::with_guard_open;
use crate::{domain, guc};
use quire_core::audit::check;
use quire_core::chain::{BundleHeader, checksum};
use quire_core::content::encode_all;
use quire_core::error::{Code, Result};
use quire_core::hash::Hash;
use quire_core::op::Op;
use quire_core::peer;
use quire_core::quarantine::{Fault, RowKind};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// The bundles after a seq and up to another, with their operations.
pub fn load_bundles(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<LoadedBundle>> {
    load::batch(project, after, up_to)
}

fn is_sound(bundle: &LoadedBundle) -> Result<bool> {
    let logged = &bundle.logged;
    if !logged.ops.iter().map(|op| op.ordinal).eq(1..=logged.op_count) {
        return Ok(false);
    }
    let ops: Option<Vec<Hash>> =
        logged.ops.iter().map(|op| op.stored.filter(|_| op.stored == op.computed)).collect();
    match ops {
        Some(ops) => Ok(checksum(&logged.previous, &logged.header, &ops)? == logged.checksum),
        None => Ok(false),
    }
}

/// Records what is wrong with a bundle, and returns the first finding.
pub fn check_bundle(access: &Access, bundle: &LoadedBundle) -> Result<Option<Value>> {
    if is_sound(bundle)? {
        return Ok(None);
    }
    let (bundle, before, after) = surroundings(access.project, bundle.logged.header.seq)?;
    let checked = check(&bundle.logged, &before, after)?;
    let findings = checked.faults.iter().map(|fault| audit::finding(&bundle, fault));
    let mut first = None;
    for finding in findings {
        let (id, _) = record(access.project, &finding)?;
        first.get_or_insert_with(|| described(id, &finding));
    }
    Ok(first)
}

/// Records what is wrong with some contents, and returns the first finding.
pub fn check_contents(access: &Access, hashes: &[Hash]) -> Result<Value> {
    let mut first = None;
    for finding in audit::wrong_contents(access.project, hashes)? {
        let (id, _) = record(access.project, &finding)?;
        first.get_or_insert_with(|| described(id, &finding));
    }
    Ok(first.unwrap_or_default())
}

/// Records a bundle that came corrupt from a peer.
pub fn record_incoming(
    project: ProjectId,
    peer: &str,
    bundle: &peer::Bundle,
    fault: &str,
) -> Result<QuarantineId> {
    let finding = Finding {
        kind: RowKind::PeerBundle,
        key: json!({"bundle_id": bundle.header.bundle_id, "peer": peer}),
        fault: Fault::Content,
        description: format!("bundle {} came from {peer} corrupt: {fault}", bundle.header.bundle_id),
        expected: Some(bundle.checksum),
        found: None,
    };
    Ok(record(project, &finding)?.0)
}

/// Ends the entries of a bundle that came corrupt and has now come sound.
pub fn end_incoming(access: &Access, bundle: BundleId) -> Result<()> {
    end(access, RowKind::PeerBundle, &json!({"bundle_id": bundle}))
}

/// Ends all open entries of a kind whose keys have these members.
fn end(access: &Access, kind: RowKind, about: &Value) -> Result<()> {
    while let Some(entry) = quarantine::store::open_entry(access.project, [kind], about.clone())? {
        quarantine::store::end_entry(
            access.project,
            entry.id,
            "repaired",
            access.author()?,
            Some("a peer had a sound copy"),
        )?;
    }
    Ok(())
}

/// Repairs contents that are corrupt or missing here. Returns a sentence for each.
/// Those that the project never had are not missing: neither `seq` here nor anything else names them.
pub fn repair_contents(access: &Access, seq: Seq, copies: &HashMap<Hash, Vec<u8>>) -> Result<Vec<String>> {
    let mut repaired = Vec::new();
    let own = load::batch(access.project, seq.before(), seq)?;
    let ops = own.iter().flat_map(|bundle| &bundle.ops).filter_map(|stored| stored.op.as_ref());
    let named: HashSet<Hash> = ops.filter_map(Op::content).map(|(hash, _)| hash).collect();
    for (hash, bytes) in copies {
        if !named.contains(hash) && blob::store::state(access.project, hash)?.is_none() {
            continue;
        }
        match blob::store::read(access.project, hash) {
            Err(error) if error.code() == Code::Corrupt => {
                let parts = encode_all(bytes, guc::compression_level());
                blob::store::replace(access.project, &Blob { hash: *hash, size: bytes.len() as i64, parts })?;
                end(access, RowKind::Blob, &json!({"content_hash": hash.to_hex()}))?;
                repaired.push(format!("content {} was corrupt here and is repaired", hash.to_hex()));
            }
            Err(error) if error.code() != Code::Gone => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(repaired)
}

/// Repairs operations of a bundle that are not what was logged. Returns a sentence for each.
pub fn repair_ops(access: &Access, seq: Seq, copies: &[&Op]) -> Result<Vec<String>> {
    let project = access.project;
    let mut repaired = Vec::new();
    for bundle in load::batch(project, seq.before(), seq)? {
        for stored in bundle.ops.iter().filter(|stored| !is_as_logged(stored)) {
            for copy in copies {
                if stored.stored != Some(copy.checksum()?) {
                    continue;
                }
                with_guard_open(|| domain::of(stored.kind)?.repair_op(project, seq, stored.ordinal, copy))?;
                end(access, stored.kind, &json!({"seq": seq, "ordinal": stored.ordinal}))?;
                repaired.push(format!(
                    "operation {} of bundle {seq} was corrupt here and is repaired",
                    stored.ordinal
                ));
            }
        }
    }
    Ok(repaired)
}

fn is_as_logged(stored: &StoredOp) -> bool {
    stored.op.as_ref().and_then(|op| op.checksum().ok()) == stored.stored
}

/// Repairs the header of a bundle that was made here. Returns a sentence about it.
pub fn repair_header(access: &Access, seq: Seq, copy: &BundleHeader) -> Result<Vec<String>> {
    let own = load::batch(access.project, seq.before(), seq)?;
    if own.first().is_none_or(|bundle| is_sound(bundle).unwrap_or(false)) {
        return Ok(Vec::new());
    }
    let (bundle, _, after) = surroundings(access.project, seq)?;
    let recorded = [bundle.logged.checksum, after];
    if recorded.into_iter().any(|expected| rewrite_header(access.project, seq, copy, expected).is_ok()) {
        end(access, RowKind::Bundle, &json!({"seq": seq}))?;
        return Ok(vec![format!("the header of bundle {seq} was corrupt here and is repaired")]);
    }
    Ok(Vec::new())
}
