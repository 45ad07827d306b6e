//! The private channel: whole events by NOTIFY, under a name that only who may read them is told.
//!
//! PostgreSQL lets everybody LISTEN to every name, so the name is the secret: it cannot be guessed, and it changes when
//! somebody who was told it loses the right to know. Nothing is sent while nobody holds the channel open.

use super::store::{self, Channel};
use crate::args::{interval_arg, required};
use crate::auth::{Access, Action, require_project};
use crate::bundle::notify;
use crate::bundle::store::{now, to_pg};
use crate::definer::definer;
use crate::error::{Code, Error, Result};
use crate::ids::ProjectId;
use crate::project::locked;
use crate::pure::event::CHANNEL_CLOSED;
use crate::pure::timestamp::Micros;
use pgrx::Uuid;
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::prelude::*;

/// Longest lease, in microseconds: one hour.
const MAX_LEASE: i128 = 3600 * 1_000_000;
/// Longest life of a name, in microseconds: one day.
const MAX_LIFE: Micros = 24 * 3600 * 1_000_000;

/// Opens the private channel and tells its name.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn open_channel(project_uuid: Option<Uuid>, lease: default!(Option<Interval>, "'1 minute'")) -> String {
    definer(|| open(project_uuid, lease))
}

fn open(project_uuid: Option<Uuid>, lease: Option<Interval>) -> Result<String> {
    let access = require_project(Action::ReadEvents, project_uuid)?;
    let lease = lease_arg(lease)?;
    // Whoever is losing the right to know the name meanwhile has lost it.
    let access = locked(access)?;
    let now = now();
    let valid_until = valid_until(&access, now);
    if let Some(channel) = store::lock_channel(access.project)? {
        if channel.valid_until > now {
            let until = channel.leased_until.max(now + lease);
            store::hold_channel(access.project, until, channel.valid_until.min(valid_until))?;
            return Ok(channel.name);
        }
        close(access.project)?;
    }
    store::insert_channel(access.project, now + lease, valid_until)
}

/// Until when whoever opens it may know the name: a token ends, and nothing lasts for ever.
fn valid_until(access: &Access, now: Micros) -> Micros {
    let token = access.principal.token.as_ref().map_or(Micros::MAX, |bound| bound.token.expires_at());
    token.min(now + MAX_LIFE)
}

/// Holds the private channel open for longer.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn keep_channel(
    project_uuid: Option<Uuid>,
    channel: Option<&str>,
    lease: default!(Option<Interval>, "'1 minute'"),
) -> TimestampWithTimeZone {
    definer(|| keep(project_uuid, channel, lease))
}

fn keep(
    project_uuid: Option<Uuid>,
    channel: Option<&str>,
    lease: Option<Interval>,
) -> Result<TimestampWithTimeZone> {
    let access = require_project(Action::ReadEvents, project_uuid)?;
    let name = required("channel", channel)?;
    let lease = lease_arg(lease)?;
    let now = now();
    let current = store::lock_channel(access.project)?
        .filter(|current| current.name == name && current.valid_until > now)
        .ok_or_else(|| {
            Error::new(Code::Gone, "the channel has another name now")
                .with("reason", "renamed")
                .hint("call open_channel again")
        })?;
    let until = current.leased_until.max(now + lease);
    let valid_until = current.valid_until.min(valid_until(&access, now));
    store::hold_channel(access.project, until, valid_until)?;
    to_pg(until.min(valid_until))
}

fn lease_arg(lease: Option<Interval>) -> Result<Micros> {
    interval_arg("lease", lease, 1_000_000..=MAX_LEASE, "from 1 second to 1 hour")
}

/// Gives the private channel another name.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn rotate_channel(project_uuid: Option<Uuid>) {
    definer(|| {
        require_project(Action::Manage, project_uuid)
            .and_then(locked)
            .and_then(|access| close(access.project))
    });
}

/// Forgets the channel's name and tells who listens. Somebody who was told it may no longer know the next.
pub fn close(project: ProjectId) -> Result<()> {
    if let Some(Channel { name, .. }) = store::delete_channel(project)? {
        notify::send(&name, CHANNEL_CLOSED);
    }
    Ok(())
}
