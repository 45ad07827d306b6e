//! `verify_project`: compares what the tables hold with the checksums.

use super::{load, store};
use crate::domain::interface::Stray;
use crate::domain::{self, DOMAINS};
use crate::gate::Access;
use crate::ids::{ProjectId, QuarantineId, Seq};
use crate::log;
use crate::log::quarantine::{self, Finding};
use crate::{blob, db};
use quire_core::audit::{LogFault, check};
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::op::State;
use quire_core::quarantine::{Fault, RowKind};
use quire_core::text::shorten;
use serde_json::{Value, json};
use std::collections::BTreeSet;

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
    let mut unequal: Vec<Value> = Vec::new();
    if depth >= Depth::State {
        for domain in DOMAINS {
            unequal.extend(domain.unequal(project)?);
        }
    }
    // From here on each statement sees its own state.
    let mut listed = Vec::new();
    for finding in &findings {
        let (id, is_open) = record(project, finding)?;
        if is_open {
            listed.push(described(id, finding));
        }
    }
    let mut report = json!({
        "project_id": project.to_string(), "seq": seq, "is_sound": listed.is_empty(), "bundles": counts.bundles,
        "ops": counts.ops, "blobs": counts.blobs, "blob_bytes": counts.blob_bytes, "findings": listed
    });
    if !unequal.is_empty() {
        report["is_sound"] = false.into();
    }
    report["unequal_bindings"] = unequal.into();
    replayed.counts().for_each(|(things, count)| report[things] = count.into());
    Ok(report)
}

/// A finding, as a report shows it.
pub fn described(id: QuarantineId, finding: &Finding) -> Value {
    json!({
        "quarantine_id": id, "kind": finding.kind.as_str(), "key": finding.key, "fault": finding.fault.as_str(),
        "description": finding.description
    })
}

/// Bundles and operations; the newest seq and the state they make.
fn verify_log(project: ProjectId, findings: &mut Vec<Finding>, counts: &mut Counts) -> Result<(Seq, State)> {
    let (seq, head_checksum) = store::head(project)?;
    let mut state = State::default();
    let mut before = vec![Hash::ZERO];
    // The finding about a bundle of which nothing has shown yet which checksum is right.
    let mut unsure: Option<usize> = None;
    let mut pending: Option<load::LoadedBundle> = None;
    let mut last_seq = Seq::ZERO;
    let mut judge = |bundle: &load::LoadedBundle, after: Hash, findings: &mut Vec<Finding>| -> Result<()> {
        let checked = check(&bundle.logged, &before, after)?;
        if let (Some(at), Some(proven)) = (unsure.take(), checked.before) {
            findings[at].expected = Some(proven);
        }
        let header = checked.faults.iter().position(|fault| matches!(fault, LogFault::Header(_)));
        unsure = header.map(|at| findings.len() + at);
        findings.extend(checked.faults.iter().map(|fault| finding(bundle, fault)));
        before = checked.right;
        Ok(())
    };
    let mut is_readable = true;
    let mut replay = |bundle: &load::LoadedBundle, findings: &mut Vec<Finding>| {
        for (op, logged) in bundle.ops.iter().zip(&bundle.logged.ops) {
            is_readable &= logged.computed.is_some() && logged.computed == logged.stored;
            // What hangs off an operation that is not what was logged is not wrong for that.
            let failed =
                op.op.as_ref().and_then(|parsed| state.apply(bundle.logged.header.seq, parsed).err());
            let failed = failed.filter(|_| is_readable);
            findings.extend(failed.map(|why| Finding {
                kind: op.kind,
                key: json!({"seq": bundle.logged.header.seq, "ordinal": op.ordinal}),
                fault: Fault::Impossible,
                description: format!(
                    "operation {} of bundle {}: {why}",
                    op.ordinal, bundle.logged.header.seq
                ),
                expected: op.stored,
                found: None,
            }));
        }
    };
    load::bundles(project, seq, |bundle| {
        counts.bundles += 1;
        counts.ops += bundle.ops.len() as i64;
        if bundle.logged.header.seq != last_seq.next() {
            findings.push(missing_bundles(last_seq.next(), bundle.logged.header.seq.before()));
        }
        last_seq = bundle.logged.header.seq;
        replay(&bundle, findings);
        if let Some(previous) = pending.replace(bundle) {
            let after = pending.as_ref().map_or(Hash::ZERO, |bundle| bundle.logged.previous);
            judge(&previous, after, findings)?;
        }
        Ok(())
    })?;
    if last_seq != seq {
        findings.push(missing_bundles(last_seq.next(), seq));
    }
    if let Some(last) = pending {
        judge(&last, head_checksum, findings)?;
    }
    if !before.contains(&head_checksum) && last_seq == seq {
        findings.push(Finding {
            kind: RowKind::ProjectHead,
            key: json!({"seq": seq}),
            fault: Fault::Checksum,
            description: format!("the project's head does not have the checksum of bundle {seq}"),
            expected: before.first().copied(),
            found: Some(head_checksum),
        });
    }
    Ok((seq, state))
}

fn missing_bundles(first: Seq, last: Seq) -> Finding {
    Finding {
        kind: RowKind::Bundle,
        key: json!({"seq": first, "last_seq": last}),
        fault: Fault::Missing,
        description: format!("bundles {first} to {last} are not there"),
        expected: None,
        found: None,
    }
}

pub fn finding(bundle: &load::LoadedBundle, fault: &LogFault) -> Finding {
    let seq = bundle.logged.header.seq;
    let found = match *fault {
        LogFault::Op(ordinal, _) => {
            bundle.logged.ops.iter().find(|op| op.ordinal == ordinal).and_then(|op| op.computed)
        }
        _ => None,
    };
    let of_op = |ordinal: i32| {
        bundle.ops.iter().find(|op| op.ordinal == ordinal).map_or(RowKind::Bundle, |op| op.kind)
    };
    let (kind, key, fault, description, expected) = match *fault {
        LogFault::Op(ordinal, expected) => (
            of_op(ordinal),
            json!({"seq": seq, "ordinal": ordinal}),
            Fault::Content,
            format!("operation {ordinal} of bundle {seq} is not what was logged"),
            Some(expected),
        ),
        LogFault::OpChecksum(ordinal, right) => (
            of_op(ordinal),
            json!({"seq": seq, "ordinal": ordinal}),
            Fault::Checksum,
            format!(
                "operation {ordinal} of bundle {seq} has a wrong checksum; that of the bundle shows the right one"
            ),
            Some(right),
        ),
        LogFault::OpCount => (
            RowKind::Bundle,
            json!({"seq": seq}),
            Fault::OpCount,
            format!(
                "bundle {seq} says that it has {} operations; {} are there",
                bundle.logged.op_count,
                bundle.ops.len()
            ),
            None,
        ),
        LogFault::Header(expected) => (
            RowKind::Bundle,
            json!({"seq": seq}),
            Fault::Content,
            format!(
                "bundle {seq} does not have its checksum: its header or its operations are not what was logged"
            ),
            Some(expected),
        ),
        LogFault::Checksum(right) => (
            RowKind::Bundle,
            json!({"seq": seq}),
            Fault::Checksum,
            format!("bundle {seq} has a wrong checksum; the next bundle shows the right one"),
            Some(right),
        ),
        LogFault::Previous(right) => (
            RowKind::Bundle,
            json!({"seq": seq}),
            Fault::PrevChecksum,
            format!(
                "bundle {seq} has a wrong checksum of the bundle before; that bundle shows the right one"
            ),
            Some(right),
        ),
    };
    Finding { kind, key, fault, description, expected, found }
}

/// The tables of current state against the log, row by row, and against what the operations alone make.
fn verify_state(project: ProjectId, seq: Seq, replayed: &State, findings: &mut Vec<Finding>) -> Result<()> {
    // What is no operation that was logged is found already, and need not follow from others.
    let known: BTreeSet<String> = findings.iter().map(|finding| finding.key.to_string()).collect();
    let mut strays = Vec::new();
    for domain in DOMAINS {
        strays.extend(domain.strays(project)?);
    }
    let (of_log, of_state): (Vec<Stray>, Vec<Stray>) =
        strays.into_iter().partition(|stray| matches!(stray.kind, RowKind::Logged(_)));
    let is_new = |stray: &Stray| !known.contains(&stray.key.to_string());
    findings.extend(of_log.into_iter().filter(is_new).map(|stray| wrong_row(stray, Fault::Row)));
    // What hangs off an operation that is not what was logged is not wrong for that.
    let corrupt: BTreeSet<Seq> = findings
        .iter()
        .filter(|finding| matches!(finding.kind, RowKind::Logged(_)))
        .filter_map(|finding| finding.key["seq"].as_i64().map(Seq))
        .collect();
    let of_sound_op = |stray: &Stray| !stray.seq.is_some_and(|seq| corrupt.contains(&seq));
    let of_state = of_state.into_iter().filter(of_sound_op);
    let mut state: Vec<Finding> = of_state.map(|stray| wrong_row(stray, Fault::Content)).collect();
    let mut known: BTreeSet<String> = state.iter().map(|finding| finding.key.to_string()).collect();
    // Operations that are not what was logged make another state.
    let is_log_sound =
        !findings.iter().any(|finding| matches!(finding.kind, RowKind::Logged(_) | RowKind::Bundle));
    if is_log_sound {
        for change in domain::current_state(project)?.difference(replayed) {
            let key = change.key();
            if known.insert(key.to_string()) {
                let op = change.op();
                let description = format!("replaying the log would still {}", op.describe());
                let found = Some(op.checksum()?);
                let kind = RowKind::Current(change.topic());
                state.push(wrong_row(Stray { kind, key, seq: None, found, description }, Fault::Replay));
            }
        }
    }
    // Totals follow from rows, so those come first.
    if is_log_sound && state.is_empty() && store::has_stray_totals(project)? {
        let description = "the project's head does not count what there is".to_owned();
        let kind = RowKind::ProjectHead;
        let stray = Stray { kind, key: json!({"seq": seq}), seq: None, found: None, description };
        state.push(wrong_row(stray, Fault::Totals));
    }
    findings.append(&mut state);
    Ok(())
}

fn wrong_row(stray: Stray, fault: Fault) -> Finding {
    let Stray { kind, key, found, description, .. } = stray;
    Finding { kind, key, fault, description, expected: None, found }
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
    for hash in domain::missing_contents(project)? {
        findings.push(Finding {
            kind: RowKind::Blob,
            key: json!({"content_hash": hash.to_hex()}),
            fault: Fault::Missing,
            description: format!("content {} is not there", hash.to_hex()),
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
        kind: RowKind::Blob,
        key: json!({"content_hash": hash.to_hex()}),
        fault: Fault::Content,
        description: format!("content {} does not have its hash or length", hash.to_hex()),
        expected: Some(*hash),
        found: None,
    }
}

/// Records a finding; its entry, and `false` when just this was discarded before. Content that has bytes is marked, so that readers are
/// given the entry.
pub fn record(project: ProjectId, finding: &Finding) -> Result<(QuarantineId, bool)> {
    let (id, is_open) = quarantine::store::record(project, finding)?;
    if let (true, RowKind::Blob, Some(hash)) = (is_open, finding.kind, &finding.expected) {
        store::mark_blob(project, hash, id)?;
    }
    Ok((id, is_open))
}
