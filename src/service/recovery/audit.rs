//! `verify_project`: what stands in the tables against the checksums.

use super::{load, store};
use crate::gate::Access;
use crate::ids::ProjectId;
use crate::log;
use crate::log::quarantine::{self, Finding};
use crate::{blob, db};
use quire_core::audit::{Fault, check};
use quire_core::error::{Code, Error, Result};
use quire_core::field::FieldKey;
use quire_core::hash::Hash;
use quire_core::path::shorten;
use quire_core::replay::State;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// How far verification goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Depth {
    /// Operations, bundles and their chain.
    Log,
    /// And current state against the log.
    State,
    /// And every content against its hash.
    Content,
}

impl Depth {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "log" => Ok(Depth::Log),
            "state" => Ok(Depth::State),
            "content" => Ok(Depth::Content),
            _ => Err(Error::validation("depth must be log, state or content").with("depth", shorten(text))),
        }
    }
}

/// Content decoded at once, in bytes.
const BYTES_AT_ONCE: i64 = 16 << 20;
/// Contents listed at once.
const BLOBS_AT_ONCE: i64 = 1000;

/// What was looked at.
#[derive(Default)]
struct Counts {
    bundles: i64,
    ops: i64,
    blobs: i64,
    blob_bytes: i64,
}

/// Verifies a project and records what is wrong.
pub fn verify(access: &Access, depth: Depth) -> Result<Value> {
    let project = access.project;
    // Without a transaction id all statements see one snapshot; with one, each sees its own, so writers have to wait.
    if db::has_transaction_id() {
        log::lock_head(access)?;
    }
    let mut findings = Vec::new();
    let mut counts = Counts::default();
    let (seq, replayed) = verify_log(project, &mut findings, &mut counts)?;
    if depth >= Depth::State {
        verify_state(project, seq, &replayed, &mut findings)?;
    }
    if depth >= Depth::Content {
        verify_content(project, &mut findings, &mut counts)?;
    }
    let mut told = Vec::new();
    for finding in &findings {
        let (id, is_open) = record(project, finding)?;
        if is_open {
            told.push(self::told(id, finding));
        }
    }
    Ok(json!({
        "project_id": project.to_string(), "seq": seq, "is_sound": told.is_empty(), "bundles": counts.bundles,
        "ops": counts.ops, "files": replayed.files.len(), "fields": replayed.fields.len(), "assets": replayed.assets.len(), "blobs": counts.blobs,
        "blob_bytes": counts.blob_bytes, "findings": told
    }))
}

/// A finding, as a report tells it.
pub fn told(id: Uuid, finding: &Finding) -> Value {
    json!({
        "quarantine_id": id, "kind": finding.kind, "key": finding.key, "fault": finding.fault,
        "in_words": finding.in_words
    })
}

/// Bundles and operations; the newest seq and the state they make.
fn verify_log(project: ProjectId, findings: &mut Vec<Finding>, counts: &mut Counts) -> Result<(i64, State)> {
    let (seq, head_checksum) = store::head(project)?;
    let mut state = State::default();
    let mut before = vec![Hash::ZERO];
    // The finding about a bundle of which nothing has told yet which checksum is right.
    let mut unsure: Option<usize> = None;
    let mut pending: Option<load::Bundle> = None;
    let mut expected_seq = 0;
    let mut judge = |bundle: &load::Bundle, after: Hash, findings: &mut Vec<Finding>| -> Result<()> {
        let checked = check(&bundle.logged, &before, after)?;
        if let (Some(at), Some(proven)) = (unsure.take(), checked.before) {
            findings[at].expected = Some(proven);
        }
        let header = checked.faults.iter().position(|fault| matches!(fault, Fault::Header(_)));
        unsure = header.map(|at| findings.len() + at);
        findings.extend(checked.faults.iter().map(|fault| finding(bundle, fault)));
        before = checked.right;
        Ok(())
    };
    let mut replay = |bundle: &load::Bundle, findings: &mut Vec<Finding>| {
        for op in &bundle.ops {
            let failed = op.op.as_ref().and_then(|parsed| state.apply(parsed).err());
            findings.extend(failed.map(|why| Finding {
                kind: op.kind,
                key: json!({"seq": bundle.logged.header.seq, "ordinal": op.ordinal}),
                fault: "impossible",
                in_words: format!("operation {} of bundle {}: {why}", op.ordinal, bundle.logged.header.seq),
                expected: op.stored,
                found: None,
            }));
        }
    };
    load::bundles(project, seq, |bundle| {
        counts.bundles += 1;
        counts.ops += bundle.ops.len() as i64;
        if bundle.logged.header.seq != expected_seq + 1 {
            findings.push(missing_bundles(expected_seq + 1, bundle.logged.header.seq - 1));
        }
        expected_seq = bundle.logged.header.seq;
        replay(&bundle, findings);
        if let Some(previous) = pending.replace(bundle) {
            let after = pending.as_ref().map_or(Hash::ZERO, |bundle| bundle.logged.previous);
            judge(&previous, after, findings)?;
        }
        Ok(())
    })?;
    if expected_seq != seq {
        findings.push(missing_bundles(expected_seq + 1, seq));
    }
    if let Some(last) = pending {
        judge(&last, head_checksum, findings)?;
    }
    if !before.contains(&head_checksum) && expected_seq == seq {
        findings.push(Finding {
            kind: "project_head",
            key: json!({"seq": seq}),
            fault: "checksum",
            in_words: format!("the project's head does not have the checksum of bundle {seq}"),
            expected: before.first().copied(),
            found: Some(head_checksum),
        });
    }
    Ok((seq, state))
}

fn missing_bundles(first: i64, last: i64) -> Finding {
    Finding {
        kind: "bundle",
        key: json!({"seq": first, "last_seq": last}),
        fault: "missing",
        in_words: format!("bundles {first} to {last} are not there"),
        expected: None,
        found: None,
    }
}

pub fn finding(bundle: &load::Bundle, fault: &Fault) -> Finding {
    let seq = bundle.logged.header.seq;
    let found = match *fault {
        Fault::Op(ordinal, _) => {
            bundle.logged.ops.iter().find(|op| op.ordinal == ordinal).and_then(|op| op.computed)
        }
        _ => None,
    };
    let of_op =
        |ordinal: i32| bundle.ops.iter().find(|op| op.ordinal == ordinal).map_or("bundle", |op| op.kind);
    let (kind, key, fault, in_words, expected) = match *fault {
        Fault::Op(ordinal, expected) => (
            of_op(ordinal),
            json!({"seq": seq, "ordinal": ordinal}),
            "content",
            format!("operation {ordinal} of bundle {seq} is not what was logged"),
            Some(expected),
        ),
        Fault::OpChecksum(ordinal, right) => (
            of_op(ordinal),
            json!({"seq": seq, "ordinal": ordinal}),
            "checksum",
            format!(
                "operation {ordinal} of bundle {seq} has a wrong checksum; the bundle's tells the right one"
            ),
            Some(right),
        ),
        Fault::OpCount => (
            "bundle",
            json!({"seq": seq}),
            "op_count",
            format!(
                "bundle {seq} says that it has {} operations; {} are there",
                bundle.logged.op_count,
                bundle.ops.len()
            ),
            None,
        ),
        Fault::Header(expected) => (
            "bundle",
            json!({"seq": seq}),
            "content",
            format!(
                "bundle {seq} does not have its checksum: its header or its operations are not what was logged"
            ),
            Some(expected),
        ),
        Fault::Checksum(right) => (
            "bundle",
            json!({"seq": seq}),
            "checksum",
            format!("bundle {seq} has a wrong checksum; the next one tells the right one"),
            Some(right),
        ),
        Fault::Previous(right) => (
            "bundle",
            json!({"seq": seq}),
            "prev_checksum",
            format!("bundle {seq} has a wrong checksum of the one before; that one tells the right one"),
            Some(right),
        ),
    };
    Finding { kind, key, fault, in_words, expected, found }
}

/// The tables of current state against the log, row by row, and against what the operations alone make.
fn verify_state(project: ProjectId, seq: i64, replayed: &State, findings: &mut Vec<Finding>) -> Result<()> {
    // What is no operation that was logged is found already, and need not follow from others.
    let known: BTreeSet<String> = findings.iter().map(|finding| finding.key.to_string()).collect();
    for version in store::stray_versions(project)? {
        let key = json!({"seq": version.seq, "ordinal": version.key});
        if !known.contains(&key.to_string()) {
            let in_words = format!(
                "the row of operation {} of bundle {} does not follow from others",
                version.key,
                version.seq.unwrap_or_default()
            );
            findings.push(wrong_row("file_op", key, "row", in_words, version.found));
        }
    }
    // What hangs off an operation that is not what was logged is not wrong for that.
    let corrupt: BTreeSet<i64> = findings
        .iter()
        .filter(|finding| matches!(finding.kind, "file_op" | "field_op" | "asset_op"))
        .filter_map(|finding| finding.key["seq"].as_i64())
        .collect();
    let of_sound_op = |seq: Option<i64>| !seq.is_some_and(|seq| corrupt.contains(&seq));
    let mut state = Vec::new();
    for head in store::stray_heads(project)?.into_iter().filter(|head| of_sound_op(head.seq)) {
        let in_words = format!("{} is not what its newest version says", shorten(&head.key));
        let key = json!({"file_path": head.key});
        state.push(wrong_row("file_head", key, "content", in_words, head.found));
    }
    for field in store::stray_fields(project)?.into_iter().filter(|field| of_sound_op(field.seq)) {
        let FieldKey { entity, field: name } = &field.key;
        let in_words = format!("{} of {} is not what its newest operation says", shorten(name), entity);
        state.push(wrong_row("entity_field", store::field_key(&field.key), "content", in_words, field.found));
    }
    for asset in store::stray_assets(project)?.into_iter().filter(|asset| of_sound_op(asset.seq)) {
        let in_words = format!("asset {} is not what its newest operation says", asset.key);
        let key = json!({"content_hash": asset.key});
        state.push(wrong_row("asset", key, "content", in_words, asset.found));
    }
    let mut known: BTreeSet<String> = state.iter().map(|finding| finding.key.to_string()).collect();
    // Operations that are not what was logged make another state.
    let is_log_sound = !findings
        .iter()
        .any(|finding| matches!(finding.kind, "file_op" | "field_op" | "asset_op" | "bundle"));
    if is_log_sound {
        for op in store::current_state(project)?.difference(replayed) {
            let (kind, key) = super::replay::place(&op);
            if known.insert(key.to_string()) {
                let in_words = format!("replaying the log would still {}", super::replay::deed(&op));
                let found = Some(op.checksum()?);
                state.push(wrong_row(kind, key, "replay", in_words, found));
            }
        }
    }
    // Totals follow from rows, so those come first.
    if is_log_sound && state.is_empty() && store::has_stray_totals(project)? {
        let in_words = "the project's head does not count what there is".to_owned();
        state.push(wrong_row("project_head", json!({"seq": seq}), "totals", in_words, None));
    }
    findings.append(&mut state);
    Ok(())
}

fn wrong_row(
    kind: &'static str,
    key: Value,
    fault: &'static str,
    in_words: String,
    found: Option<Hash>,
) -> Finding {
    Finding { kind, key, fault, in_words, expected: None, found }
}

/// Every content against its length and hash. What is in chunks is read chunk by chunk, because it may be larger than memory.
fn verify_content(project: ProjectId, findings: &mut Vec<Finding>, counts: &mut Counts) -> Result<()> {
    let mut after = None;
    loop {
        let page = store::blobs(project, after.as_ref(), BLOBS_AT_ONCE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.hash);
        let mut batch: Vec<Hash> = Vec::new();
        let mut bytes: i64 = 0;
        for blob in page {
            pgrx::check_for_interrupts!();
            counts.blobs += 1;
            counts.blob_bytes = counts.blob_bytes.saturating_add(blob.size);
            if blob.is_odd {
                findings.push(wrong_content(&blob.hash));
            } else if blob.is_chunked {
                let checked = crate::db::in_passing(|| blob::store::check(project, &blob.hash));
                findings.extend(judged(&blob.hash, checked)?);
            } else {
                batch.push(blob.hash);
                bytes = bytes.saturating_add(blob.size);
            }
            if bytes >= BYTES_AT_ONCE {
                findings.extend(wrong_contents(project, &std::mem::take(&mut batch))?);
                bytes = 0;
            }
        }
        findings.extend(wrong_contents(project, &batch)?);
    }
    for hash in store::missing_blobs(project)? {
        findings.push(Finding {
            kind: "blob",
            key: json!({"content_hash": hash.to_hex()}),
            fault: "missing",
            in_words: format!("content {} is not there", hash.to_hex()),
            expected: Some(hash),
            found: None,
        });
    }
    Ok(())
}

pub fn wrong_contents(project: ProjectId, hashes: &[Hash]) -> Result<Vec<Finding>> {
    if crate::db::in_passing(|| blob::store::read_many(project, hashes)).is_ok() {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    for hash in hashes {
        let checked = crate::db::in_passing(|| blob::store::check(project, hash));
        findings.extend(judged(hash, checked)?);
    }
    Ok(findings)
}

fn judged(hash: &Hash, checked: Result<()>) -> Result<Option<Finding>> {
    match checked {
        Ok(()) => Ok(None),
        // Archived or collected: there is nothing to check.
        Err(error) if error.code() == Code::Gone => Ok(None),
        Err(error) if error.code() == Code::Corrupt => Ok(Some(wrong_content(hash))),
        Err(error) => Err(error),
    }
}

fn wrong_content(hash: &Hash) -> Finding {
    Finding {
        kind: "blob",
        key: json!({"content_hash": hash.to_hex()}),
        fault: "content",
        in_words: format!("content {} does not have its hash or length", hash.to_hex()),
        expected: Some(*hash),
        found: None,
    }
}

/// Records a finding; its entry, and `false` when just this was rejected before. Content that has bytes is marked, so that readers are
/// told of the entry.
pub fn record(project: ProjectId, finding: &Finding) -> Result<(Uuid, bool)> {
    let (id, is_open) = quarantine::store::record(project, finding)?;
    if let (true, "blob", Some(hash)) = (is_open, finding.kind, &finding.expected) {
        store::mark_blob(project, hash, id)?;
    }
    Ok((id, is_open))
}
