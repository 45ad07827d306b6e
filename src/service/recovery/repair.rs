//! `repair`: a row is written again, from a copy whose checksum is the recorded one, or from other rows.

use super::load::{self, LoadedBundle};
use super::store;
use crate::blob::{self, Blob};
use crate::gate::Access;
use crate::ids::{ProjectId, Seq};
use crate::log::quarantine::QuarantineEntry;
use crate::log::with_guard_open;
use crate::{domain, guc};
use quire_core::audit::{LogFault, check};
use quire_core::chain::{BundleHeader, checksum};
use quire_core::content::encode_all;
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::json::{Members, decode_base64};
use quire_core::op::Op;
use quire_core::peer;
use quire_core::quarantine::{Fault, RowKind};
use serde_json::{Value, json};

/// Repairs the row of an entry. Returns what it was repaired from.
pub fn repair(access: &Access, entry: &QuarantineEntry, supply: Option<&Value>) -> Result<&'static str> {
    let project = access.project;
    let from_supply = |wanted: &'static str| {
        supply.ok_or_else(|| {
            Error::new(Code::NullArgument, format!("a copy is needed: pass supply with {wanted}"))
                .with("argument", "supply")
                .with("needs", wanted)
        })
    };
    match (entry.kind, entry.fault) {
        // Whoever wrote it again brought it back.
        (RowKind::Blob, _) if supply.is_none() && blob::store::check(project, &expected(entry)?).is_ok() => {
            Ok("a later write")
        }
        (RowKind::Blob, _) => {
            content(project, entry, from_supply("content or content_base64")?).map(|()| "supply")
        }
        // Read by a version of quire that did not take a number for what it is.
        (RowKind::Logged(_), Fault::Content) if supply.is_none() && is_as_logged(project, entry)? => {
            Ok("the log")
        }
        (RowKind::Logged(_), Fault::Content) => {
            operation(project, entry, from_supply("op")?).map(|()| "supply")
        }
        (RowKind::Logged(_) | RowKind::Bundle, Fault::Checksum | Fault::PrevChecksum) => {
            checksums(project, entry).map(|()| "the log")
        }
        // Other repairs may have brought it back.
        (RowKind::Bundle, Fault::OpCount) => {
            let (bundle, before, after) = surroundings(project, seq_of(entry)?)?;
            from_the_log(entry, check(&bundle.logged, &before, after)?.faults.is_empty())
        }
        (RowKind::Bundle, Fault::Content) => {
            header(project, entry, from_supply("header")?).map(|()| "supply")
        }
        (RowKind::Logged(_), Fault::Row) => {
            let (seq, ordinal) = (seq_of(entry)?, number(entry, "ordinal")? as i32);
            let repaired =
                with_guard_open(|| domain::of(entry.kind)?.repair_logged_row(project, seq, ordinal))?;
            from_the_log(entry, repaired)
        }
        (RowKind::ProjectHead, Fault::Totals) => store::repair_totals(project).map(|()| "the log"),
        (RowKind::ProjectHead, _) => checksums(project, entry).map(|()| "the log"),
        (RowKind::Current(_), _) => {
            from_the_log(entry, domain::of(entry.kind)?.repair_current(project, &entry.key)?)
        }
        (RowKind::Logged(_) | RowKind::Bundle | RowKind::PeerBundle, _) => Err(not_one_by_one(entry)),
    }
}

fn from_the_log(entry: &QuarantineEntry, is_repaired: bool) -> Result<&'static str> {
    if is_repaired { Ok("the log") } else { Err(not_one_by_one(entry)) }
}

fn not_one_by_one(entry: &QuarantineEntry) -> Error {
    Error::new(Code::Invariant, "rows that are missing or impossible cannot be repaired one by one")
        .with("kind", entry.kind.as_str())
        .with("fault", entry.fault.as_str())
        .hint("restore the project from a backup or a peer")
}

fn seq_of(entry: &QuarantineEntry) -> Result<Seq> {
    number(entry, "seq").map(Seq)
}

fn number(entry: &QuarantineEntry, key: &str) -> Result<i64> {
    entry.key[key].as_i64().ok_or_else(|| Error::internal("an entry of the quarantine has another key"))
}

fn expected(entry: &QuarantineEntry) -> Result<Hash> {
    entry.expected.ok_or_else(|| Error::internal("an entry of the quarantine has no checksum"))
}

fn not_the_copy(expected: &Hash, found: &Hash) -> Error {
    Error::new(Code::Invariant, "the copy does not have the checksum that was recorded")
        .with("expected", expected.to_hex())
        .with("found", found.to_hex())
}

fn content(project: ProjectId, entry: &QuarantineEntry, supply: &Value) -> Result<()> {
    let mut members = Members::of("supply", supply)?;
    let bytes = match (members.opt_str("content")?, members.opt_str("content_base64")?) {
        (Some(text), None) => text.as_bytes().to_vec(),
        (None, Some(base64)) => decode_base64(base64)?,
        _ => return Err(Error::validation("supply needs either content or content_base64")),
    };
    members.finish()?;
    let (expected, found) = (expected(entry)?, Hash::of(&bytes));
    if found != expected {
        return Err(not_the_copy(&expected, &found));
    }
    let parts = encode_all(&bytes, guc::compression_level());
    blob::store::replace(project, &Blob { hash: found, size: bytes.len() as i64, parts })
}

fn operation(project: ProjectId, entry: &QuarantineEntry, supply: &Value) -> Result<()> {
    let mut members = Members::of("supply", supply)?;
    let op = Op::parse("supply.op", members.value("op")?).map_err(Error::of_member)?;
    members.finish()?;
    let (expected, found) = (expected(entry)?, op.checksum()?);
    if found != expected {
        return Err(not_the_copy(&expected, &found));
    }
    let (seq, ordinal) = (seq_of(entry)?, number(entry, "ordinal")? as i32);
    with_guard_open(|| domain::of(entry.kind)?.repair_op(project, seq, ordinal, &op))?;
    // What the row does not say itself, the path of a file for one, may be missing.
    if is_as_logged(project, entry)? { Ok(()) } else { Err(not_one_by_one(entry)) }
}

/// Whether an operation has the checksum that was recorded.
fn is_as_logged(project: ProjectId, entry: &QuarantineEntry) -> Result<bool> {
    let (seq, ordinal, expected) = (seq_of(entry)?, number(entry, "ordinal")?, expected(entry)?);
    let bundles = load::batch(project, seq.before(), seq)?;
    let mut ops = bundles.iter().flat_map(|bundle| &bundle.logged.ops);
    Ok(ops.any(|op| i64::from(op.ordinal) == ordinal && op.computed == Some(expected)))
}

/// A bundle, what the checksum of the one before may be, and what the next one or the head says of its own.
pub fn surroundings(project: ProjectId, seq: Seq) -> Result<(LoadedBundle, Vec<Hash>, Hash)> {
    let gone = || Error::not_found(format!("no bundle {seq}")).with("seq", seq);
    let mut around = load::batch(project, seq.before().before().max(Seq::ZERO), seq.next())?;
    let at = around.iter().position(|bundle| bundle.logged.header.seq == seq).ok_or_else(gone)?;
    let after = match around.get(at + 1) {
        Some(next) => next.logged.previous,
        None => store::head(project)?.1,
    };
    let bundle = around.swap_remove(at);
    let own = around
        .iter()
        .find(|before| before.logged.header.seq == seq.before())
        .map(|before| before.logged.checksum);
    let before = vec![own.unwrap_or(Hash::ZERO), bundle.logged.previous];
    Ok((bundle, before, after))
}

/// Writes checksums that other rows prove.
fn checksums(project: ProjectId, entry: &QuarantineEntry) -> Result<()> {
    let seq = seq_of(entry)?;
    let (bundle, before, after) = surroundings(project, seq)?;
    let checked = check(&bundle.logged, &before, after)?;
    let (Some(before), [right]) = (checked.before, checked.right.as_slice()) else {
        return Err(Error::new(
            Code::Invariant,
            "other rows of the bundle are corrupt, too: repair those first",
        )
        .with("seq", seq));
    };
    with_guard_open(|| {
        for fault in checked.faults {
            if let LogFault::OpChecksum(ordinal, right) = fault {
                let kind =
                    bundle.ops.iter().find(|op| op.ordinal == ordinal).map_or(RowKind::Bundle, |op| op.kind);
                domain::of(kind)?.repair_op_checksum(project, seq, ordinal, &right)?;
            }
        }
        store::repair_bundle_checksums(project, seq, &before, right)
    })
}

fn header(project: ProjectId, entry: &QuarantineEntry, supply: &Value) -> Result<()> {
    let mut members = Members::of("supply", supply)?;
    let header = peer::header("supply.header", members.value("header")?).map_err(Error::of_member)?;
    members.finish()?;
    rewrite_header(project, seq_of(entry)?, &header, expected(entry)?)
}

/// Writes a bundle's header again, if with it the bundle has the checksum that was recorded.
pub fn rewrite_header(project: ProjectId, seq: Seq, header: &BundleHeader, expected: Hash) -> Result<()> {
    if header.project_id != project || header.seq != seq {
        return Err(Error::validation("the header is of another bundle")
            .with("wanted", json!({"project_id": project.to_string(), "seq": seq})));
    }
    let (bundle, before, _) = surroundings(project, seq)?;
    let ops: Option<Vec<Hash>> = bundle.logged.ops.iter().map(|op| op.stored).collect();
    let ops = ops.ok_or_else(|| {
        Error::new(Code::Invariant, "operations of the bundle are corrupt, too: repair those first")
            .with("seq", seq)
    })?;
    let mut found = Hash::ZERO;
    for candidate in before {
        found = checksum(&candidate, header, &ops)?;
        if found == expected {
            return with_guard_open(|| {
                store::repair_header(project, header, ops.len() as i32)?;
                store::repair_bundle_checksums(project, seq, &candidate, &found)
            });
        }
    }
    Err(not_the_copy(&expected, &found))
}
