//! Making snapshots, and getting rid of them.

use super::build::build;
use super::store::{self, SnapshotKey, Ticket};
use crate::args::required;
use crate::bundle::{Commit, Kind, Plan, commit};
use crate::db::clock::now;
use crate::definer::definer;
use crate::gate::{self, Access, Action, require_project};
use crate::guc;
use crate::ids::{Pg, Seq, SessionId, SnapshotId};
use crate::jsonb::JsonDatum;
use crate::log::point::seq_of;
use crate::log::{Place, quarantine};
use crate::service::token::{self, Minting, ttl_arg};
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::prelude::*;
use quire_core::ability::Abilities;
use quire_core::archive::Format;
use quire_core::error::{Error, Result};
use quire_core::op::{Op, SystemOp};
use quire_core::reason::Reason;
use quire_core::timestamp::Micros;

/// Makes an archive of a project, or finds the one that is there.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn create_project_snapshot(
    project_uuid: Option<Uuid>,
    format: default!(Option<&str>, "'zip'"),
    at_seq: default!(Option<i64>, "NULL"),
    after_seq: default!(Option<i64>, "NULL"),
    ttl: default!(Option<Interval>, "'15 minutes'"),
    at_checksum: default!(Option<&str>, "NULL"),
    after_checksum: default!(Option<&str>, "NULL"),
) -> JsonDatum {
    definer(|| {
        let (at, after) = ((at_seq.map(Seq), at_checksum), (after_seq.map(Seq), after_checksum));
        create(project_uuid, format, at, after, ttl)
    })
}

fn create(
    project_uuid: Option<Uuid>,
    format: Option<&str>,
    (at_seq, at_checksum): (Option<Seq>, Option<&str>),
    (after_seq, after_checksum): (Option<Seq>, Option<&str>),
    ttl: Option<Interval>,
) -> Result<JsonDatum> {
    let access = require_project(Action::Belong, project_uuid)?;
    let format = Format::parse(required("format", format)?)?;
    let at = Place::of(["at_seq", "at_checksum"], at_seq, at_checksum)?;
    let after = Place::of(["after_seq", "after_checksum"], after_seq, after_checksum)?;
    let seq = seq_of(access.project, at)?;
    quarantine::refuse_files(access.project, seq)?;
    after.map_or(Ok(()), |after| after.check(access.project))?;
    if after_seq.is_some_and(|after| after < Seq::ZERO || after > seq) {
        return Err(
            Error::validation(format!("after_seq must be from 0 to {seq}")).with("argument", "after_seq")
        );
    }
    let expires_at = now() + ttl_arg(ttl)?;
    let found = make(&access, format, seq, after_seq)?;
    let token = admit(&access, found.id, expires_at, None)?;
    let url = url(&token);
    let ticket = Ticket { seq, url: &url, token: &token, expires_at, cached: found.cached };
    store::describe(access.project, found.id, Some(&ticket))?
        .ok_or_else(|| Error::internal("a snapshot vanished"))
}

/// Where whoever has the token can fetch its snapshot.
pub fn url(token: &str) -> String {
    format!("{}/rpc/download_snapshot?token={token}", guc::public_url())
}

/// A token that admits to one snapshot.
pub fn admit(
    access: &Access,
    snapshot: SnapshotId,
    expires_at: Micros,
    session: Option<SessionId>,
) -> Result<String> {
    let abilities = Abilities::parse(&[format!("snapshot:read:{snapshot}")])?;
    token::mint(access, Minting { session, ..Minting::of(abilities, expires_at) })
}

/// A snapshot, and whether it was there.
pub struct FoundSnapshot {
    pub id: SnapshotId,
    pub cached: bool,
}

/// Makes the snapshot of a seq, unless one with the same files is there.
pub fn make(access: &Access, format: Format, seq: Seq, since_seq: Option<Seq>) -> Result<FoundSnapshot> {
    let project = access.project;
    let since_seq = since_seq.map(|since| store::tree_seq(project, since)).transpose()?;
    let key = SnapshotKey { tree_seq: store::tree_seq(project, seq)?, since_seq, format: format.as_str() };
    let writes = access.may(Action::Write);
    if let Some(id) = store::find(project, key, writes)? {
        return Ok(FoundSnapshot { id, cached: true });
    }
    access.require_active()?;
    let id = SnapshotId::generate();
    if !store::claim(project, id, key, access.author()?, writes)? {
        // Somebody else has made it while this call waited.
        let id = store::find(project, key, writes)?.ok_or_else(|| {
            Error::conflict(Reason::Concurrent, "the snapshot is being made by somebody else")
        })?;
        return Ok(FoundSnapshot { id, cached: true });
    }
    let made = build(project, id, format, key.tree_seq, since_seq)?;
    store::finish(project, id, &made)?;
    store::delete_old(
        project,
        id,
        access.settings.snapshots_kept,
        access.settings.snapshots_max_age,
        writes,
    )?;
    if !writes {
        return Ok(FoundSnapshot { id, cached: false });
    }
    let ready = Op::System(SystemOp::SnapshotReady {
        snapshot_id: id,
        seq: key.tree_seq,
        since_seq,
        format: format.as_str().to_owned(),
        size: made.size,
        content_hash: made.content_hash,
        file_count: made.file_count,
    });
    commit(&Commit::new(access, Kind::System, None), |head| {
        // What is not current any more may have been collected while it was read.
        if format == Format::TarZst && key.tree_seq < store::tree_seq(project, head.seq)? {
            store::require_contents(project, id)?;
        }
        Ok(Plan { other: Some(ready), ..Plan::default() })
    })?;
    Ok(FoundSnapshot { id, cached: false })
}

/// Deletes a snapshot.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn delete_snapshot(project_uuid: Option<Uuid>, snapshot_id: Option<Uuid>) {
    definer(|| delete(project_uuid, snapshot_id));
}

fn delete(project_uuid: Option<Uuid>, snapshot_id: Option<Uuid>) -> Result<()> {
    let access = require_project(Action::Belong, project_uuid)?;
    let id = SnapshotId::from_pg(required("snapshot_id", snapshot_id)?);
    let stored = super::read::stored(access.project, id)?;
    // One that is announced is waited for by who makes it again, so it takes somebody who can write.
    let is_own = access.principal.actor == Some(stored.created_by);
    if !(is_own && (access.may(Action::Write) || !stored.is_announced)) && !access.may(Action::Manage) {
        return Err(gate::refusal(Action::Manage));
    }
    if store::delete(access.project, id)? {
        return Ok(());
    }
    Err(Error::conflict(Reason::InUse, "somebody else is using the snapshot")
        .with("snapshot_id", id.to_string())
        .hint("try again"))
}
