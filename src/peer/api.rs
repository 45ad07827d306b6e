//! `sync_pull`, `sync_ack`, `sync_push`, `sync_status`.

use super::{pull, push, store};
use crate::args::{name_arg, page_arg, required};
use crate::auth::{Access, Action, require_project};
use crate::bundle::store::head_seq;
use crate::definer::definer;
use crate::error::{Error, Result};
use crate::ids::{Seq, uuid_to_pg};
use crate::jsonb::JsonArg;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
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
    peer: Option<&str>,
    max_ops: default!(Option<i32>, "100"),
    after_seq: default!(Option<i64>, "NULL"),
) -> JsonB {
    definer(|| pulled(project_uuid, peer, max_ops, after_seq))
}

fn pulled(
    project_uuid: Option<Uuid>,
    peer: Option<&str>,
    max_ops: Option<i32>,
    after_seq: Option<Seq>,
) -> Result<JsonB> {
    let (access, peer) = gate(project_uuid, peer)?;
    let max_ops = page_arg("max_ops", max_ops, MAX_OPS)?;
    let after = match after_seq {
        Some(after) => reached(&access, "after_seq", after)?,
        None => store::find(access.project, peer)?.0,
    };
    pull::pull(&access, peer, after, max_ops, after_seq.is_some()).map(JsonB)
}

/// A peer has everything up to a seq.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn sync_ack(project_uuid: Option<Uuid>, peer: Option<&str>, seq: Option<i64>) -> i64 {
    definer(|| {
        gate(project_uuid, peer).and_then(|(access, peer)| {
            let seq = reached(&access, "seq", required("seq", seq)?)?;
            Ok(store::advance(access.project, peer, seq, 0)?.0)
        })
    })
}

/// Applies bundles of a peer.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn sync_push(
    project_uuid: Option<Uuid>,
    peer: Option<&str>,
    checkpoint: Option<i64>,
    bundles: Option<JsonArg>,
) -> TableIterator<
    'static,
    (name!(bundle_id, Uuid), name!(seq, Option<i64>), name!(status, String), name!(reasons, JsonB)),
> {
    let rows = definer(|| pushed(project_uuid, peer, checkpoint, bundles));
    TableIterator::new(rows.into_iter().map(|row| {
        let reasons = JsonB(push::reasons(&row));
        (uuid_to_pg(row.bundle_id), row.seq, row.status.to_owned(), reasons)
    }))
}

fn pushed(
    project_uuid: Option<Uuid>,
    peer: Option<&str>,
    checkpoint: Option<Seq>,
    bundles: Option<JsonArg>,
) -> Result<Vec<push::Row>> {
    let (access, peer) = gate(project_uuid, peer)?;
    access.require_active()?;
    let checkpoint = required("checkpoint", checkpoint)?;
    if checkpoint < 0 {
        return Err(Error::validation("checkpoint must not be negative").with("argument", "checkpoint"));
    }
    push::push(&access, peer, checkpoint, required("bundles", bundles)?.exact_items("bundles")?)
}

/// How far an exchange has come.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn sync_status(project_uuid: Option<Uuid>, peer: Option<&str>) -> JsonB {
    definer(|| {
        gate(project_uuid, peer).and_then(|(access, peer)| {
            let (acked_seq, checkpoint) = store::find(access.project, peer)?;
            let seq = head_seq(access.project)?;
            Ok(JsonB(json!({"peer": peer, "seq": seq, "acked_seq": acked_seq, "checkpoint": checkpoint})))
        })
    })
}

fn gate(project_uuid: Option<Uuid>, peer: Option<&str>) -> Result<(Access, &str)> {
    let access = require_project(Action::Manage, project_uuid)?;
    Ok((access, name_arg("peer", peer, LONGEST_PEER)?))
}

fn reached(access: &Access, argument: &str, seq: Seq) -> Result<Seq> {
    crate::file::read::existing_seq(access.project, argument, seq)
}
