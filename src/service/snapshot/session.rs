//! Sessions: everything a container needs to come up with a project's files and follow its edits. A session is the tokens
//! that were made for it.

use super::create::{admit, make, url};
use crate::args::required;
use crate::db::clock::now;
use crate::definer::definer;
use crate::gate::{Action, require_project};
use crate::ids::{Pg, SessionId};
use crate::log::store::{head_seq, sound_mark_at};
use crate::service::token::{self, Minting, ttl_arg};
use pgrx::datum::Interval;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::ability::Abilities;
use quire_core::archive::Format;
use quire_core::error::{Error, Result};
use serde_json::json;

/// Begins a session.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn begin_session(
    project_uuid: Option<Uuid>,
    ttl: default!(Option<Interval>, "'2 hours'"),
    format: default!(Option<&str>, "'zip'"),
) -> JsonB {
    definer(|| begin(project_uuid, ttl, format))
}

fn begin(project_uuid: Option<Uuid>, ttl: Option<Interval>, format: Option<&str>) -> Result<JsonB> {
    let access = require_project(Action::Belong, project_uuid)?;
    let expires_at = now() + ttl_arg(ttl)?;
    let format = Format::parse(required("format", format)?)?;
    let seq = head_seq(access.project)?;
    let snapshot = make(&access, format, seq, None)?.id;
    let session = SessionId::generate();
    let download = admit(&access, snapshot, expires_at, Some(session))?;
    let abilities = Abilities::parse(&[
        "project:read".to_owned(),
        "events:read".to_owned(),
        format!("snapshot:read:{snapshot}"),
    ])?;
    let minting = Minting { session: Some(session), ..Minting::of(abilities, expires_at) };
    let realtime = token::mint(&access, minting)?;
    Ok(JsonB(json!({
        "PROJECT_ID": access.project.to_string(),
        "SESSION_ID": session.to_string(),
        "SNAPSHOT_URL": url(&download),
        "REALTIME_TOKEN": realtime,
        "SEQ": seq,
        "SEQ_CHECKSUM": sound_mark_at(access.project, seq)?.as_str(),
    })))
}

/// Finishes a session.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn finish_session(project_uuid: Option<Uuid>, session_id: Option<Uuid>) {
    definer(|| finish(project_uuid, session_id));
}

fn finish(project_uuid: Option<Uuid>, session_id: Option<Uuid>) -> Result<()> {
    let access = require_project(Action::Belong, project_uuid)?;
    let session = SessionId::from_pg(required("session_id", session_id)?);
    token::close_channel_if_managing(&access)?;
    let all = access.may(Action::Manage);
    if token::store::revoke_session(access.project, session, access.author()?, all)? == 0 {
        return Err(Error::not_found("no such session").with("session_id", session.to_string()));
    }
    Ok(())
}
