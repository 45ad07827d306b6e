//! Garbage collection, in small steps.
//!
//! One look at everything, without a lock, makes a list of candidates; each call takes some of them. Whatever refers to
//! content anew comes with a bundle, so a look at the bundles since suffices before the lock, and at the few that came while
//! waiting for it under it. References of other kinds are looked up by hash (see `quire_store.blob_hold`).

use super::store::{self, Candidate};
use crate::args::page_arg;
use crate::definer::definer;
use crate::event::channel;
use crate::gate::{self, Action, require_project};
use crate::ids::UploadId;
use crate::log::lock_head;
use crate::log::store::{head_seq, touch};
use crate::service::asset;
use quire_core::error::Result;
use quire_core::hash::Hash;

use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use serde_json::json;
use std::collections::HashSet;

/// Most blobs of one call: how long writers wait depends on it.
const MAX_BLOBS: i32 = 10_000;

/// Collects content that nobody needs.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn gc_run(project_uuid: Option<Uuid>, max_blobs: default!(Option<i32>, "100")) -> JsonB {
    definer(|| run(project_uuid, max_blobs))
}

fn run(project_uuid: Option<Uuid>, max_blobs: Option<i32>) -> Result<JsonB> {
    let access = require_project(Action::Manage, project_uuid)?;
    access.require_active()?;
    let most = page_arg("max_blobs", max_blobs, MAX_BLOBS)?;
    let project = access.project;
    asset::store::delete_expired(project, UploadId::default())?;
    channel::sweep(project)?;
    let mut round = store::lock_round(project)?;
    let terms = store::terms(project)?;
    if round.terms != terms {
        round = store::begin_round(project, head_seq(project)?, &terms)?;
    }
    store::forget_done(project, round.done)?;
    // Takes candidates off the list that newer bundles refer to.
    let seen = std::mem::replace(&mut round.as_of_seq, head_seq(project)?);
    if round.as_of_seq > seen {
        store::forget_used(project, seen, round.as_of_seq)?;
    }
    let up_to = round.last.min(round.done + most);
    let batch = store::candidates(project, round.done, up_to)?;

    let head = lock_head(&access)?.ok_or_else(|| gate::no_project(project))?;
    let access = access.under_lock(head.access_version)?;
    access.require_active()?;
    // Who changes the settings does not take the head lock.
    gate::store::hold_settings(project)?;
    let mut collected = 0;
    let mut freed = 0;
    if store::terms(project)? == round.terms {
        let hashes: Vec<Hash> = batch.iter().map(|candidate| candidate.hash).collect();
        let kept: HashSet<Hash> = store::used_since(project, round.as_of_seq, &hashes)?
            .into_iter()
            .chain(store::held(project, &hashes)?)
            .collect();
        let gone: Vec<&Candidate> =
            batch.iter().filter(|candidate| !kept.contains(&candidate.hash)).collect();
        collected = store::collect(project, &gone, access.author()?)?;
        touch(project)?;
        freed = gone.iter().map(|candidate| candidate.stored_bytes).sum();
        round.done = up_to;
        store::end_call(project, &round)?;
    }
    // Else a tag or a setting came in between: this call collects nothing, and the next one looks at everything again.
    Ok(JsonB(json!({"collected": collected, "freed_bytes": freed, "remaining": round.last - round.done})))
}
