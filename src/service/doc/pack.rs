//! Packing: runs of old changes, from a row each to one compressed row.
//!
//! Promises: no writer waits, and no answer changes: what does not come back from a pack as it went in stays as it is.

use crate::args::page_arg;
use crate::db;
use crate::definer::definer;
use crate::domain::doc::store::pack::{self, candidates, rows_between};
use crate::domain::doc::store::{DocHead, DocLine, changes, head};
use crate::domain::doc::{cache, snapshot};
use crate::gate::{Action, require_project};
use crate::guc;
use crate::ids::{DocId, ProjectId};
use crate::jsonb::Json;
use crate::log::with_guard_open;
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::doc::pack::{MAX_CHANGES, pack as packed_of};
use quire_core::doc::{ChangeHash, DocChange, DocLimits, Loaded};
use quire_core::error::{Code, Result};
use quire_core::interrupt;
use quire_core::key::DocKey;
use serde_json::json;

/// How many of the newest changes of a document keep their rows: what comes next depends on them.
const NEWEST: i64 = 100;
/// Shortest run that is packed. Packs of fewer changes save less, and are read one by one.
const LEAST: i64 = 1000;
/// Where a run ends before it has [`MAX_CHANGES`]: all of a pack is unpacked for any of it.
const RUN_BYTES: usize = 8 << 20;
const RUN_OPS: usize = 500_000;
/// Most changes that one call may be asked to pack.
const MOST: i32 = 100_000_000;

/// Packs old changes of documents.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn pack_docs(project_uuid: Option<Uuid>, max_changes: default!(Option<i32>, "1000000")) -> Json {
    definer(|| {
        let access = require_project(Action::Manage, project_uuid)?;
        access.require_active()?;
        let most = page_arg("max_changes", max_changes, MOST)?;
        pack::lock(access.project)?;
        // What is deleted has to be what was read.
        match db::sees_older_state() {
            true => pack_project(access.project, most),
            false => db::latest(|| pack_project(access.project, most)),
        }
    })
}

#[derive(Default)]
struct Packed {
    docs: i64,
    changes: i64,
    change_bytes: i64,
    stored_bytes: i64,
    left: i64,
    remaining: usize,
    snapshots: i64,
}

fn pack_project(project: ProjectId, most: i64) -> Result<Json> {
    let mut packed = Packed::default();
    let candidates = candidates(project, LEAST + NEWEST, guc::doc_snapshot_after().0)?;
    for (at, (key, doc)) in candidates.iter().enumerate() {
        interrupt::check()?;
        if packed.changes >= most {
            packed.remaining = candidates.len() - at;
            break;
        }
        pack_doc(project, key, *doc, &mut packed)?;
    }
    let Packed { docs, changes, change_bytes, stored_bytes, left, remaining, snapshots } = packed;
    Ok(Json(json!({
        "docs": docs,
        "changes": changes,
        "change_bytes": change_bytes,
        "stored_bytes": stored_bytes,
        "left": left,
        "remaining": remaining,
        "snapshots": snapshots,
    })))
}

fn pack_doc(project: ProjectId, key: &DocKey, doc: DocId, packed: &mut Packed) -> Result<()> {
    let Some(head) = head(project, key)? else { return Ok(()) };
    let runs: Vec<(i64, i64)> = rows_between(project, doc, head.summary.changes - NEWEST)?
        .into_iter()
        .filter(|(first, last)| last - first + 1 >= LEAST)
        .collect();
    if runs.is_empty() && !snapshot::is_due(project, &head.line, &head.summary)? {
        return Ok(());
    }
    let Some(loaded) = load(project, &head)? else {
        packed.left += runs.iter().map(|(first, last)| last - first + 1).sum::<i64>();
        return Ok(());
    };
    let before = packed.changes;
    for (mut first, last) in runs {
        let mut read = Vec::new();
        while last - first + 1 >= LEAST {
            let (had, up_to) = (first + read.len() as i64 - 1, last.min(first + MAX_CHANGES as i64 - 1));
            read.extend(changes(project, &DocLine::own(doc), had, up_to)?);
            let rest = read.split_off(length(&read));
            pack_run(project, doc, first, &read, &loaded, packed)?;
            first += read.len() as i64;
            read = rest;
        }
    }
    packed.docs += i64::from(packed.changes > before);
    packed.snapshots += i64::from(snapshot::keep(project, doc, &head.line, &head.summary, &loaded)?);
    cache::keep(project, &head.line, head.summary.changes, loaded);
    Ok(())
}

/// A document in memory; `None` of one that Automerge refuses, or whose rows cannot be read: verification tells of that.
fn load(project: ProjectId, head: &DocHead) -> Result<Option<Loaded>> {
    match cache::take(project, &head.line, head.summary.changes, &head.summary.heads) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(error) if matches!(error.code(), Code::Invariant | Code::Corrupt) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How many of these changes are a run: one at least.
fn length(changes: &[DocChange]) -> usize {
    let (mut bytes, mut ops) = (0, 0);
    let within = changes.iter().take_while(|change| {
        bytes += change.bytes().len();
        ops += change.ops();
        bytes <= RUN_BYTES && ops <= RUN_OPS
    });
    within.count().max(1)
}

fn pack_run(
    project: ProjectId,
    doc: DocId,
    first: i64,
    run: &[DocChange],
    loaded: &Loaded,
    packed: &mut Packed,
) -> Result<()> {
    let hashes: Vec<ChangeHash> = run.iter().map(DocChange::hash).collect();
    let bytes: usize = run.iter().map(|change| change.bytes().len()).sum();
    let found = match packed_of(loaded, &hashes, &DocLimits::LARGEST) {
        Err(error) if error.code() == Code::Validation => None,
        found => found?,
    };
    let stored = match found {
        Some(found) if found.len() < bytes => {
            with_guard_open(|| pack::store(project, doc, first, run, &found))?.then_some(found.len())
        }
        _ => None,
    };
    match stored {
        Some(stored) => {
            packed.changes += run.len() as i64;
            packed.change_bytes += bytes as i64;
            packed.stored_bytes += stored as i64;
        }
        None => packed.left += run.len() as i64,
    }
    Ok(())
}
