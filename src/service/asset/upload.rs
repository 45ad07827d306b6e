//! Uploads: content that arrives in pieces.

use super::api::answer;
use super::stage::{StagedContent, stage};
use super::store;
use crate::args::{interval_arg, required};
use crate::blob;
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::db::clock::now;
use crate::definer::definer;
use crate::domain::asset::check_size;
use crate::gate::{Access, Action, require_writer};
use crate::ids::{Pg, UploadId};
use pgrx::datum::Interval;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid as PgUuid};
use quire_core::asset::{AssetEdit, Source};
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::label::Label;
use quire_core::op::Edit;
use quire_core::reason::Reason;
use quire_core::timestamp::Micros;
use serde_json::json;
use std::ops::RangeInclusive;

/// Longest piece.
const MAX_PIECE_BYTES: usize = 16 << 20;
/// Most pieces.
const MAX_PIECES: i32 = 1_000_000;
/// Most uploads of one actor in a project at a time.
const MAX_OPEN: i64 = 100;
/// How long an upload may take: 1 second to 7 days.
const LEASE: RangeInclusive<i128> = 1_000_000..=7 * 86_400_000_000;

/// Begins an upload.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn begin_upload(
    project_uuid: Option<PgUuid>,
    filename: Option<&str>,
    media_type: Option<&str>,
    asset_type: Option<&str>,
    lease: default!(Option<Interval>, "'1 hour'"),
) -> PgUuid {
    definer(|| begin(project_uuid, filename, media_type, asset_type, lease))
}

fn begin(
    project_uuid: Option<PgUuid>,
    filename: Option<&str>,
    media_type: Option<&str>,
    asset_type: Option<&str>,
    lease: Option<Interval>,
) -> Result<PgUuid> {
    let access = writer(project_uuid)?;
    let label = Label::parse(
        required("filename", filename)?,
        required("media_type", media_type)?,
        required("asset_type", asset_type)?,
    )?;
    let lease: Micros = interval_arg("lease", lease, LEASE, "from 1 second to 7 days")?;
    let (by, id) = (access.author()?, UploadId::generate());
    store::delete_expired(access.project, id)?;
    if store::open_uploads(access.project, by)? >= MAX_OPEN {
        return Err(Error::limit(format!("you have {MAX_OPEN} uploads open"), MAX_OPEN)
            .hint("finish some of them, or wait until they expire"));
    }
    store::begin(access.project, id, by, &label, now() + lease)?;
    Ok(id.pg())
}

/// Adds a piece to an upload; returns the bytes so far.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn append_upload(
    project_uuid: Option<PgUuid>,
    upload_id: Option<PgUuid>,
    ordinal: Option<i32>,
    bytes: Option<&[u8]>,
) -> i64 {
    definer(|| append(project_uuid, upload_id, ordinal, bytes))
}

fn append(
    project_uuid: Option<PgUuid>,
    upload_id: Option<PgUuid>,
    ordinal: Option<i32>,
    bytes: Option<&[u8]>,
) -> Result<i64> {
    let access = writer(project_uuid)?;
    let id = UploadId::from_pg(required("upload_id", upload_id)?);
    let ordinal = required("ordinal", ordinal)?;
    if !(1..=MAX_PIECES).contains(&ordinal) {
        return Err(
            Error::validation(format!("ordinal must be from 1 to {MAX_PIECES}")).with("argument", "ordinal")
        );
    }
    let bytes = required("bytes", bytes)?;
    if bytes.len() > MAX_PIECE_BYTES {
        return Err(Error::limit(format!("a piece has {} bytes", bytes.len()), MAX_PIECE_BYTES)
            .with("argument", "bytes"));
    }
    let hash = Hash::of(bytes);
    let found = lock(&access, id)?.ok_or_else(|| no_upload(id))?;
    match store::piece_hash(access.project, id, ordinal)? {
        Some(there) if there == hash => return Ok(found.size),
        Some(_) => {
            return Err(Error::conflict(
                Reason::Duplicate,
                format!("piece {ordinal} has other bytes already"),
            )
            .with("upload_id", id.to_string())
            .with("ordinal", ordinal));
        }
        None => {}
    }
    let size = found.size + bytes.len() as i64;
    check_size(&access.settings, &found.label.filename, Source::Uploaded(size))?;
    if let Some(limit) = access.settings.max_project_bytes {
        let wanted = store::bytes_with_uploads(access.project)?.saturating_add(bytes.len() as i64);
        if wanted > limit {
            return Err(Error::limit("the project would be over its max_project_bytes", limit)
                .with("setting", "max_project_bytes")
                .with("wanted", wanted));
        }
    }
    store::add_piece(access.project, id, ordinal, &hash, bytes)?;
    Ok(size)
}

/// Makes an asset of an upload.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn finish_upload(
    project_uuid: Option<PgUuid>,
    upload_id: Option<PgUuid>,
    content_hash: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<PgUuid>, "NULL"),
) -> JsonB {
    definer(|| finish(project_uuid, upload_id, content_hash, correlation_id))
}

fn finish(
    project_uuid: Option<PgUuid>,
    upload_id: Option<PgUuid>,
    content_hash: Option<&str>,
    correlation_id: Option<PgUuid>,
) -> Result<JsonB> {
    let access = writer(project_uuid)?;
    let id = UploadId::from_pg(required("upload_id", upload_id)?);
    let expected = content_hash.map(|hash| Hash::parse("content_hash", hash)).transpose()?;
    let correlation =
        correlated(correlation_id, "finish_upload", || json!([id, expected.map(Hash::to_hex)]))?;
    let project = access.project;
    store::delete_expired(project, id)?;
    let plan = match lock(&access, id)? {
        None => None,
        Some(found) => {
            let content = stage(project, id, found.size)?;
            let hash = content.hash();
            if let Some(expected) = expected.filter(|expected| *expected != hash) {
                return Err(Error::validation("the upload has another content_hash")
                    .with("expected", expected.to_hex())
                    .with("content_hash", hash.to_hex()));
            }
            store::delete_upload(project, id)?;
            let source = Source::Uploaded(found.size);
            let edits = vec![Edit::Asset(AssetEdit::Put { hash, source, label: found.label })];
            Some(match content {
                StagedContent::Small(blob) => Plan { edits, blobs: vec![blob], ..Plan::default() },
                StagedContent::Large(staged) => Plan { edits, staged: Some(staged), ..Plan::default() },
            })
        }
    };
    let request = Commit::new(&access, Kind::UserEdit, correlation);
    // One that is gone may have been finished by this very request.
    let committed = commit(&request, |_| plan.ok_or_else(|| no_upload(id)))?;
    // What the project had already was not adopted.
    blob::store::discard(project, id)?;
    answer(&committed)
}

/// Somebody who may upload.
fn writer(project_uuid: Option<PgUuid>) -> Result<Access> {
    let access = require_writer(project_uuid)?;
    access.require_active()?;
    Ok(access)
}

/// An upload that the caller may go on with, locked; `None` when there is none.
fn lock(access: &Access, id: UploadId) -> Result<Option<store::Upload>> {
    let Some(found) = store::lock_upload(access.project, id)? else { return Ok(None) };
    if access.principal.actor != Some(found.actor) && !access.may(Action::Manage) {
        return Err(Error::new(Code::Unauthorized, "somebody else began this upload")
            .with("upload_id", id.to_string()));
    }
    if found.expires_at <= now() {
        return Err(Error::new(Code::Gone, "the upload has expired").with("upload_id", id.to_string()));
    }
    Ok(Some(found))
}

fn no_upload(id: UploadId) -> Error {
    Error::not_found("no such upload").with("upload_id", id.to_string())
}
