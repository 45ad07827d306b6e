//! The private channel: whole events by NOTIFY, under a name that only who may read them gets.
//!
//! PostgreSQL lets everybody LISTEN to every name, so the name is the secret: it cannot be guessed, and it changes when
//! somebody who got it loses the right to know. Nothing is sent while nobody holds the channel open.

use crate::args::{interval_arg, required};
use crate::db;
use crate::db::clock::{now, to_pg};
use crate::definer::definer;
use crate::event::channel;
use crate::event::store::channel as store;
use crate::event::store::channel::Channel;
use crate::gate::{Access, Action, managed, require_project};
use pgrx::Uuid;
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::prelude::*;
use quire_core::error::{Code, Error, Result};
use quire_core::reason::Reason;
use quire_core::timestamp::Micros;

/// Longest lease, in microseconds: one hour.
const MAX_LEASE: i128 = 3600 * 1_000_000;
/// How much longer than it is a channel is held at least, in microseconds: a second. Who asks for less gets what there is.
const GRAIN: Micros = 1_000_000;
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
    let now = now();
    let (epoch, channels) = look(&access)?;
    let valid_until = valid_until(&access, now);
    match channels.into_iter().find(|channel| !channel.is_stale) {
        Some(channel) => {
            hold(&access, epoch, &channel, now + lease, valid_until)?;
            Ok(channel.name)
        }
        None => {
            store::sweep(access.project)?;
            store::add_new(&access, epoch, now + lease, valid_until)
        }
    }
}

/// The epoch and what is open in it. The gate is passed once more after that: whoever is losing the right to know a name
/// meanwhile has lost it, or the epoch has ended.
fn look(access: &Access) -> Result<(i64, Vec<Channel>)> {
    db::require_writable();
    let epoch = store::epoch(access.project)?;
    let channels = store::channels(access.project, Some(access))?;
    access.again()?;
    Ok((epoch, channels))
}

/// Holds a channel open until a time, unless the caller does for about as long. Returns until when it is.
fn hold(
    access: &Access,
    epoch: i64,
    channel: &Channel,
    until: Micros,
    valid_until: Micros,
) -> Result<Micros> {
    let valid_until = valid_until.min(channel.valid_until);
    let is_held = channel.held_until.is_some_and(|held| held >= until - GRAIN);
    if is_held && channel.valid_until <= valid_until {
        return Ok(channel.leased_until.min(valid_until));
    }
    store::add(access, epoch, &channel.name, until, valid_until)?;
    Ok(until.max(channel.leased_until).min(valid_until))
}

/// Until when whoever opens it may know the name: a token ends, and nothing lasts for ever.
fn valid_until(access: &Access, now: Micros) -> Micros {
    let token = access.principal.token.as_ref().map_or(Micros::MAX, |bound| bound.expires_at());
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
    let (epoch, channels) = look(&access)?;
    let current = channels.into_iter().find(|channel| channel.name == name && !channel.is_stale);
    let current = current.ok_or_else(|| {
        Error::new(Code::Gone, "the channel has another name now")
            .because(Reason::Renamed)
            .hint("call open_channel again")
    })?;
    to_pg(hold(&access, epoch, &current, now + lease, valid_until(&access, now))?)
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
            .and_then(managed)
            .and_then(|access| channel::close(access.project))
    });
}
