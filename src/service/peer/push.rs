//! `sync_push`: a checkpoint's bundles, verified and applied in order.

use super::apply::{self, author};
use super::follow::Followed;
use super::store::{self, Exchange};
use super::{known_as, repair};
use crate::args::{message_arg, text_arg};
use crate::bundle::staged::check_count;
use crate::bundle::{Commit, Kind, commit};
use crate::db::clock::now;
use crate::domain;
use crate::gate::Access;
use crate::ids::{ActorId, BundleId, Seq};
use crate::jsonb::Items;
use crate::log::store::touch;
use crate::log::{Place, locked};
use crate::service::recovery;
use quire_core::error::{Error, Result};
use quire_core::peer::{Bundle, Standing};
use quire_core::quarantine::RowKind;
use quire_core::{interrupt, person};
use serde_json::{Value, json};

/// How far the clock of a peer may be ahead, in microseconds.
const MAX_AHEAD: i64 = 24 * 60 * 60 * 1_000_000;

/// What became of one bundle.
pub struct PushedBundle {
    pub bundle_id: BundleId,
    pub seq: Option<Seq>,
    pub status: &'static str,
    pub reasons: Vec<String>,
}

/// Applies a checkpoint's bundles. From the first that is corrupt on, none is applied.
///
/// `after` is where what is sent begins in the peer's log, if the peer says so; `checkpoint` is where it ends.
pub fn push(
    access: &Access,
    peer: &str,
    after: Option<Place>,
    checkpoint: Place,
    bundles: Items,
) -> Result<Vec<PushedBundle>> {
    // Before anything is looked up: who sends the same at the same time waits, and finds it known.
    let access = &locked(access.clone())?;
    access.require_active()?;
    let project = access.project;
    let mut followed = Followed::of(project, peer)?;
    after.as_ref().map_or(Ok(()), |after| followed.goes_on_from(after))?;
    let mut rows = Vec::new();
    let mut behind: Option<BundleId> = None;
    let mut before: Option<Seq> = None;
    let mut began = after.as_ref().map(|after| after.seq);
    let mut ops = 0;
    for (at, value) in bundles.enumerate() {
        interrupt::check()?;
        let value = value?;
        ops += value["ops"].as_array().map_or(1, Vec::len);
        check_count("bundles", ops.max(1))?;
        let bundle = Bundle::parse(&format!("bundles[{at}]"), &value).map_err(Error::of_member)?;
        let bundle_id = bundle.header.bundle_id;
        if bundle.header.project_id != project {
            return Err(Error::validation(format!("bundles[{at}] is of another project"))
                .with("project_id", bundle.header.project_id.to_string()));
        }
        check(&format!("bundles[{at}]"), &bundle).map_err(Error::of_member)?;
        if let Some(standing) = &bundle.standing {
            check_standing(&format!("bundles[{at}]"), standing, &value)?;
            began = began.or(Some(standing.after_seq));
        }
        if let Some(corrupt) = behind {
            let reasons = vec![format!("it comes after bundle {corrupt}, which is corrupt")];
            rows.push(PushedBundle { bundle_id, seq: None, status: "quarantined", reasons });
            continue;
        }
        if let Some(fault) = bundle.fault()? {
            let id = recovery::record_incoming(project, peer, &bundle, &fault)?;
            let reasons = vec![fault, format!("recorded as {id}; nothing of it is applied")];
            rows.push(PushedBundle { bundle_id, seq: None, status: "quarantined", reasons });
            behind = Some(bundle_id);
            continue;
        }
        rows.push(one(access, peer, &followed, &bundle)?);
        bundle.standing.as_ref().inspect(|standing| followed.took(standing));
        before = seq_of(&value).or(before);
    }
    if behind.is_some() {
        // A bundle may come with its seq alone.
        before.map_or(Ok(()), |seq| followed.ends_at(Place::kept(seq, None)?, began.unwrap_or(seq)))?;
    } else if after.is_some() || !rows.is_empty() {
        let began = began.unwrap_or(checkpoint.seq);
        followed.ends_at(checkpoint, began)?;
    }
    let known = Exchange { checkpoint: followed.reached().clone(), ..Exchange::begin() };
    store::advance(project, peer, &known)?;
    if rows.iter().all(|row| row.status == "duplicate") {
        // Whoever sees an older state (REPEATABLE READ) would judge the next page by an older checkpoint.
        touch(project)?;
    }
    Ok(rows)
}

/// The seq that comes with a bundle.
fn seq_of(value: &Value) -> Option<Seq> {
    value.get("seq").and_then(Value::as_i64).map(Seq)
}

/// The place of a bundle in the log is that of its seq (22023).
fn check_standing(what: &str, standing: &Standing, value: &Value) -> Result<()> {
    if seq_of(value) != Some(standing.seq) {
        return Err(
            Error::validation(format!("{what} has another seq than its log")).with("seq", standing.seq)
        );
    }
    Ok(())
}

/// What no bundle made here has (22023).
fn check(what: &str, bundle: &Bundle) -> Result<()> {
    let header = &bundle.header;
    // Every later bundle here would have to be later still.
    if !(0..=now() + MAX_AHEAD).contains(&header.committed_at) {
        return Err(Error::validation(format!("{what} is of a time that cannot be: more than a day ahead"))
            .with("committed_at", header.committed_at)
            .hint("compare the clocks of both servers"));
    }
    message_arg(header.message.as_deref())?;
    if let Some(name) = bundle.display_name.as_deref() {
        text_arg("display_name", Some(name), person::MAX_NAME)?;
    }
    let writes = bundle.ops.iter().flat_map(|sent| &sent.writes);
    writes
        .map(|write| &write.change)
        .try_for_each(|change| domain::of(RowKind::Logged(change.topic()))?.check_incoming(change))
}

fn one(access: &Access, peer: &str, followed: &Followed, bundle: &Bundle) -> Result<PushedBundle> {
    let bundle_id = bundle.header.bundle_id;
    let known = known_as(access.project, bundle_id, Some(bundle.header.seq))?;
    if let Some(standing) = &bundle.standing {
        followed.may_take(standing, known.is_some())?;
    }
    if let Some(seq) = known {
        let reasons = repair::repair(access, seq, bundle)?;
        recovery::end_incoming(access, bundle_id)?;
        return Ok(PushedBundle { bundle_id, seq: Some(seq), status: "duplicate", reasons });
    }
    if let Some(name) = name_of(bundle) {
        store::name_actor(access.project, author(bundle), name)?;
    }
    let kind = Kind::parse_any(&bundle.header.kind)?;
    let mut reasons = Vec::new();
    let request = Commit {
        message: bundle.header.message.clone(),
        is_rate_limited: false,
        ..Commit::new(access, kind, None)
    };
    let receipt = commit(&request, |head| {
        let planned = apply::plan(access, peer, head, bundle)?;
        reasons = planned.reasons;
        // Before its event is built, which says so.
        store::remember(access.project, bundle, head.seq.next(), peer)?;
        Ok(planned.plan)
    })?
    .receipt;
    recovery::end_incoming(access, bundle_id)?;
    let status = if reasons.is_empty() { "applied" } else { "conflict" };
    Ok(PushedBundle { bundle_id, seq: Some(receipt.seq), status, reasons })
}

/// What somebody who has no name here is called in the project: as they are there, if one may be called so here.
fn name_of(bundle: &Bundle) -> Option<&str> {
    if author(bundle) == ActorId::SYSTEM_ELSEWHERE {
        return Some(person::SYSTEM_ELSEWHERE_NAME);
    }
    bundle.display_name.as_deref().filter(|name| person::may_be_called(name))
}

/// A row as JSON tells it.
pub fn reasons(row: &PushedBundle) -> Value {
    json!(row.reasons)
}
