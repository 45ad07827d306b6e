//! `sync_pull`, `sync_ack`, `sync_push`, `sync_status`, `sync_reset`.

use super::store::{self, Exchange};
use super::{pull, push};
use crate::args::{name_arg, natural, page_arg, required};
use crate::definer::definer;
use crate::gate::{Access, Action, require_project};
use crate::ids::{Pg, Seq};
use crate::jsonb::JsonArg;
use crate::log::point::existing_seq;
use crate::log::store::{head, locked_checksum_at, touch};
use crate::log::{Place, locked};
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Code, Error, Result};
use quire_core::mark::Mark;
use serde_json::json;

/// Longest name of a peer, in characters.
const LONGEST_PEER: usize = 255;
/// Most operations one page may be asked for.
const MAX_OPS: i32 = 1_000_000;

/// The next whole bundles for a peer.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn sync_pull(
    project_uuid: Option<Uuid>,
    peer_id: Option<&str>,
    max_ops: default!(Option<i32>, "100"),
    after_seq: default!(Option<i64>, "NULL"),
    after_checksum: default!(Option<&str>, "NULL"),
) -> JsonB {
    definer(|| pulled(project_uuid, peer_id, max_ops, after_seq.map(Seq), after_checksum))
}

fn pulled(
    project_uuid: Option<Uuid>,
    peer_id: Option<&str>,
    max_ops: Option<i32>,
    after_seq: Option<Seq>,
    after_checksum: Option<&str>,
) -> Result<JsonB> {
    let (access, peer) = gate(project_uuid, peer_id)?;
    let max_ops = page_arg("max_ops", max_ops, MAX_OPS)?;
    let given = Place::of(["after_seq", "after_checksum"], after_seq, after_checksum)?;
    let acked = store::find(access.project, peer)?.acked;
    let after = match given {
        Some(given) => reached(&access, "after_seq", &given, &acked)?,
        None => reached(&access, "acked_seq", &acked, &acked)?,
    };
    pull::pull(&access, peer, after, max_ops, after_seq.is_some()).map(JsonB)
}

/// A peer has everything up to a seq.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn sync_ack(
    project_uuid: Option<Uuid>,
    peer_id: Option<&str>,
    seq: Option<i64>,
    checksum: default!(Option<&str>, "NULL"),
) -> i64 {
    definer(|| acknowledged(project_uuid, peer_id, seq.map(Seq), checksum)).pg()
}

fn acknowledged(
    project_uuid: Option<Uuid>,
    peer_id: Option<&str>,
    seq: Option<Seq>,
    checksum: Option<&str>,
) -> Result<Seq> {
    let (access, peer) = gate(project_uuid, peer_id)?;
    let given = required("seq", Place::of(["seq", "checksum"], seq, checksum)?)?;
    let had = store::find(access.project, peer)?.acked;
    let seq = reached(&access, "seq", &given, &had)?;
    let acked = Place::here(access.project, seq)?;
    store::advance(access.project, peer, &Exchange { acked, ..Exchange::begin() })?;
    Ok(store::locked(access.project, peer)?.acked.seq)
}

/// Applies bundles of a peer.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn sync_push(
    project_uuid: Option<Uuid>,
    peer_id: Option<&str>,
    checkpoint: Option<i64>,
    bundles: Option<JsonArg>,
    checkpoint_checksum: default!(Option<&str>, "NULL"),
    after_seq: default!(Option<i64>, "NULL"),
    after_checksum: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (name!(bundle_id, Uuid), name!(seq, Option<i64>), name!(status, String), name!(reasons, JsonB)),
> {
    let rows = definer(|| {
        let begins = (after_seq.map(Seq), after_checksum);
        let ends = (checkpoint.map(Seq), checkpoint_checksum);
        pushed(project_uuid, peer_id, ends, bundles, begins)
    });
    TableIterator::new(rows.into_iter().map(|row| {
        let reasons = JsonB(push::reasons(&row));
        (row.bundle_id.pg(), row.seq.map(Pg::pg), row.status.to_owned(), reasons)
    }))
}

fn pushed(
    project_uuid: Option<Uuid>,
    peer_id: Option<&str>,
    (checkpoint, checkpoint_checksum): (Option<Seq>, Option<&str>),
    bundles: Option<JsonArg>,
    (after_seq, after_checksum): (Option<Seq>, Option<&str>),
) -> Result<Vec<push::PushedBundle>> {
    let (access, peer) = gate(project_uuid, peer_id)?;
    access.require_active()?;
    let checkpoint = Place::of(["checkpoint", "checkpoint_checksum"], checkpoint, checkpoint_checksum)?;
    let checkpoint = required("checkpoint", checkpoint)?;
    let after = Place::of(["after_seq", "after_checksum"], after_seq, after_checksum)?;
    natural("checkpoint", checkpoint.seq)?;
    after.as_ref().map(|after| natural("after_seq", after.seq)).transpose()?;
    push::push(&access, peer, after, checkpoint, required("bundles", bundles)?.exact_items("bundles")?)
}

/// How far an exchange has come.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn sync_status(project_uuid: Option<Uuid>, peer_id: Option<&str>) -> JsonB {
    definer(|| {
        gate(project_uuid, peer_id).and_then(|(access, peer)| {
            let known = store::find(access.project, peer)?;
            status(&access, peer, &known)
        })
    })
}

fn status(access: &Access, peer: &str, known: &Exchange) -> Result<JsonB> {
    let (seq, checksum) = head(access.project)?;
    let Exchange { acked, checkpoint } = known;
    Ok(JsonB(json!({
        "peer_id": peer, "seq": seq, "checksum": Mark::of(&checksum).as_str(),
        "acked_seq": acked.seq, "acked_checksum": acked.digits(),
        "checkpoint": checkpoint.seq, "checkpoint_checksum": checkpoint.digits()
    })))
}

/// Sets an exchange back.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn sync_reset(
    project_uuid: Option<Uuid>,
    peer_id: Option<&str>,
    acked_seq: default!(Option<i64>, "0"),
    checkpoint: default!(Option<i64>, "0"),
    checkpoint_checksum: default!(Option<&str>, "NULL"),
) -> JsonB {
    definer(|| {
        let checkpoint = (checkpoint.map(Seq), checkpoint_checksum);
        reset(project_uuid, peer_id, acked_seq.map(Seq), checkpoint)
    })
}

fn reset(
    project_uuid: Option<Uuid>,
    peer_id: Option<&str>,
    acked_seq: Option<Seq>,
    (checkpoint, checkpoint_checksum): (Option<Seq>, Option<&str>),
) -> Result<JsonB> {
    let (access, peer) = gate(project_uuid, peer_id)?;
    let checkpoint = Place::of(["checkpoint", "checkpoint_checksum"], checkpoint, checkpoint_checksum)?;
    acked_seq.map(|seq| natural("acked_seq", seq)).transpose()?;
    checkpoint.as_ref().map(|place| natural("checkpoint", place.seq)).transpose()?;
    let access = locked(access)?;
    let mut known = store::locked(access.project, peer)?;
    if let Some(seq) = acked_seq.filter(|seq| *seq < known.acked.seq) {
        let checksum = locked_checksum_at(access.project, seq)?.ok_or_else(|| {
            Error::validation(format!("acked_seq {seq} is ahead of the log")).with("argument", "acked_seq")
        })?;
        known.acked = Place::new(seq, Mark::of(&checksum));
    }
    if let Some(place) = checkpoint.filter(|place| place.seq < known.checkpoint.seq) {
        known.checkpoint = if place.seq == Seq::ZERO { Exchange::begin().checkpoint } else { place };
    }
    store::set(access.project, peer, &known)?;
    touch(access.project)?;
    status(&access, peer, &known)
}

fn gate(project_uuid: Option<Uuid>, peer_id: Option<&str>) -> Result<(Access, &str)> {
    let access = require_project(Action::Manage, project_uuid)?;
    Ok((access, name_arg("peer_id", peer_id, LONGEST_PEER)?))
}

/// A seq of our log that a peer has reached. PT409 when that was another log, with the newest place that both have as far as it is
/// known: the one that was acknowledged.
fn reached(access: &Access, argument: &str, place: &Place, acked: &Place) -> Result<Seq> {
    let checked = place.check_as(Code::Conflict, access.project);
    checked.map_err(|error| match acked.check_as(Code::Conflict, access.project) {
        Ok(()) if acked.seq < place.seq => {
            error.with("common_seq", acked.seq).with("common_checksum", acked.digits())
        }
        _ => error,
    })?;
    existing_seq(access.project, argument, place.seq)
}
