//! `undo`, `redo`, `revert_bundle`.

use super::{plan, store};
use crate::args::{page_arg, required};
use crate::bundle::{Commit, Kind, commit, correlated};
use crate::definer::definer;
use crate::gate::{Access, require_writer};
use crate::ids::{Pg, ProjectId, Seq};
use crate::jsonb::Json;
use crate::log::store::head_seq;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use quire_core::conflict::OnConflict;
use quire_core::error::{Code, Error, Result};
use quire_core::undo::{FoundStep, Step, undone, walk as walk_through};
use serde_json::json;
use std::collections::{HashMap, HashSet};

/// How many bundles of the caller are looked at, at first and at most, at once.
const AT_ONCE: std::ops::RangeInclusive<i64> = 4..=4096;
/// A walk that looks at more than these at once had better know all pairs.
const FEW: i64 = 256;
/// Most bundles one call lists.
const MAX_BUNDLES: i32 = 10_000;

/// Takes back the caller's newest bundle that is not taken back.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn undo(
    project_uuid: Option<Uuid>,
    on_conflict: default!(Option<&str>, "'reject'"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| walk(project_uuid, on_conflict, correlation_id, "undo"))
}

/// Takes back the caller's newest undo, unless there is a newer edit.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn redo(
    project_uuid: Option<Uuid>,
    on_conflict: default!(Option<&str>, "'reject'"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| walk(project_uuid, on_conflict, correlation_id, "redo"))
}

fn walk(
    project_uuid: Option<Uuid>,
    on_conflict: Option<&str>,
    correlation_id: Option<Uuid>,
    function: &str,
) -> Result<Json> {
    let access = require_writer(project_uuid)?;
    let kind = if function == "undo" { Kind::Undo } else { Kind::Redo };
    take_back(&access, kind, function, on_conflict, correlation_id, None)
}

/// Takes back any bundle.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn revert_bundle(
    project_uuid: Option<Uuid>,
    seq: Option<i64>,
    on_conflict: default!(Option<&str>, "'reject'"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> Json {
    definer(|| {
        require_writer(project_uuid).and_then(|access| {
            let seq = required("seq", seq.map(Seq))?;
            take_back(&access, Kind::Rollback, "revert_bundle", on_conflict, correlation_id, Some(seq))
        })
    })
}

fn take_back(
    access: &Access,
    kind: Kind,
    function: &str,
    on_conflict: Option<&str>,
    correlation_id: Option<Uuid>,
    seq: Option<Seq>,
) -> Result<Json> {
    let on_conflict = OnConflict::parse(required("on_conflict", on_conflict)?)?;
    let correlation = correlated(correlation_id, function, || json!([seq, on_conflict.as_str()]))?;
    let request = Commit { on_conflict, ..Commit::new(access, kind, correlation) };
    let receipt = commit(&request, |head| {
        let seq = match seq {
            Some(seq) => invertible(access.project, seq)?,
            None => next(access, kind, head.seq)?,
        };
        plan::invert(access, seq, on_conflict)
    })?
    .receipt;
    let mut answered = receipt.to_json();
    if let Some(answer) = &receipt.answer {
        answered["undoes_seq"] = answer["undoes_seq"].clone();
        answered["skipped"] = answer["skipped"].clone();
    }
    Ok(Json(answered))
}

/// A bundle that can be taken back, or why it cannot.
fn invertible(project: ProjectId, seq: Seq) -> Result<Seq> {
    let kind = store::kind(project, seq)?
        .ok_or_else(|| Error::not_found(format!("no bundle {seq}")).with("seq", seq))?;
    if kind == "system" {
        return Err(Error::new(Code::Invariant, "a bundle that changes no content cannot be taken back")
            .with("seq", seq)
            .with("kind", kind)
            .hint("a snapshot that was made is removed with delete_snapshot"));
    }
    Ok(seq)
}

/// The bundle that the caller's walk takes back next.
fn next(access: &Access, kind: Kind, newest: Seq) -> Result<Seq> {
    let actor = access.author()?;
    let sought = if kind == Kind::Undo { Step::Edit } else { Step::Undo };
    let in_order_after = store::in_order_after(access.project)?;
    let mut before = newest.next();
    let mut at_once = *AT_ONCE.start();
    let mut taken_back: HashSet<Seq> = HashSet::new();
    let mut knows_all = false;
    loop {
        let own = store::own(access.project, actor, before, at_once)?;
        if at_once <= FEW {
            let of = own.iter().map(|own| own.seq).collect();
            taken_back = undone(&store::pairs(access.project, of)?);
        } else if !knows_all {
            taken_back = undone(&store::all_pairs(access.project)?);
            knows_all = true;
        }
        match walk_through(sought, &own, &taken_back, in_order_after) {
            FoundStep::Bundle(seq) => return Ok(seq),
            FoundStep::Before(seq) => before = seq,
            FoundStep::Nothing => return Err(nothing(kind)),
        }
        at_once = (at_once * 4).min(*AT_ONCE.end());
    }
}

fn nothing(kind: Kind) -> Error {
    match kind {
        Kind::Undo => Error::not_found("nothing to undo"),
        _ => Error::not_found("nothing to redo").hint(
            "after a new edit, revert_bundle brings an undone bundle back: give it the seq of the undo",
        ),
    }
}

/// The caller's bundles and whether they are taken back, newest first.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn list_undoable(
    project_uuid: Option<Uuid>,
    max_bundles: default!(Option<i32>, "100"),
    before_seq: default!(Option<i64>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(seq, i64),
        name!(kind, String),
        name!(message, Option<String>),
        name!(op_count, i32),
        name!(committed_at, TimestampWithTimeZone),
        name!(state, String),
        name!(undone_by, Option<i64>),
        name!(next, Option<String>),
    ),
> {
    TableIterator::new(definer(|| listed(project_uuid, max_bundles, before_seq.map(Seq))))
}

/// One row of `list_undoable`.
type Listed = (i64, String, Option<String>, i32, TimestampWithTimeZone, String, Option<i64>, Option<String>);

fn listed(
    project_uuid: Option<Uuid>,
    max_bundles: Option<i32>,
    before_seq: Option<Seq>,
) -> Result<Vec<Listed>> {
    let access = require_writer(project_uuid)?;
    let limit = page_arg("max_bundles", max_bundles, MAX_BUNDLES)?;
    let Some(actor) = access.principal.actor else { return Ok(Vec::new()) };
    let edits = store::edits(access.project, actor, before_seq, limit)?;
    let pairs = store::pairs(access.project, edits.iter().map(|edit| edit.seq).collect())?;
    let undone = undone(&pairs);
    // The one that holds now: a bundle may have been taken back, given back, and taken back again.
    let undone_by: HashMap<Seq, Seq> =
        pairs.iter().filter(|(seq, _)| !undone.contains(seq)).map(|(seq, undoes)| (*undoes, *seq)).collect();
    let upcoming = |kind| match next(&access, kind, head_seq(access.project)?) {
        Ok(seq) => Ok(Some(seq)),
        Err(error) if error.code() == Code::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let to_undo = upcoming(Kind::Undo)?;
    let to_redo = match upcoming(Kind::Redo)? {
        Some(undo) => pairs.iter().find(|(seq, _)| *seq == undo).map(|(_, undoes)| *undoes),
        None => None,
    };
    let row = |edit: store::UndoableBundle| {
        let store::UndoableBundle { seq, kind, message, op_count, committed_at } = edit;
        let undone_by = undone_by.get(&seq).copied();
        let state = if undone_by.is_some() { "undone" } else { "done" };
        let next = if Some(seq) == to_undo {
            Some("undo".to_owned())
        } else if Some(seq) == to_redo {
            Some("redo".to_owned())
        } else {
            None
        };
        let undone_by = undone_by.map(Pg::pg);
        (seq.pg(), kind, message, op_count, committed_at, state.to_owned(), undone_by, next)
    };
    Ok(edits.into_iter().map(row).collect())
}
