//! SQL functions of one asset.

use crate::args::{natural, required};
use crate::blob;
use crate::bundle::{Commit, Committed, Kind, Plan, commit, correlated};
use crate::db::Answer;
use crate::definer::definer;
use crate::domain::asset::{describe, store};
use crate::gate::{Action, require_project, require_writer};
use crate::ids::ProjectId;
use crate::log::quarantine;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::asset::{AssetEdit, Source, no_asset};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::label::{Label, asset_type_of, reason_of};
use quire_core::op::{Edit, Topic};
use quire_core::quarantine::RowKind;
use serde_json::json;

/// Most bytes one call reads.
const MAX_RANGE_BYTES: i64 = 64 << 20;

/// Keeps content as an asset.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn put_asset(
    project_uuid: Option<Uuid>,
    filename: Option<&str>,
    bytes: Option<&[u8]>,
    media_type: Option<&str>,
    asset_type: Option<&str>,
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> JsonB {
    definer(|| blob::retrying(|| put(project_uuid, filename, bytes, media_type, asset_type, correlation_id)))
}

fn put(
    project_uuid: Option<Uuid>,
    filename: Option<&str>,
    bytes: Option<&[u8]>,
    media_type: Option<&str>,
    asset_type: Option<&str>,
    correlation_id: Option<Uuid>,
) -> Result<JsonB> {
    let access = require_writer(project_uuid)?;
    let label = Label::parse(
        required("filename", filename)?,
        required("media_type", media_type)?,
        required("asset_type", asset_type)?,
    )?;
    let bytes = required("bytes", bytes)?;
    let content = describe(&access, &label.filename, bytes)?;
    let blobs = blob::prepare(access.project, &[(&content, bytes)])?;
    let Label { filename, media_type, asset_type } = &label;
    let correlation = correlated(correlation_id, "put_asset", || {
        json!([filename, content.hash.to_hex(), media_type, asset_type])
    })?;
    let edit = AssetEdit::Put { hash: content.hash, source: Source::Given(content.size), label };
    let request = Commit::new(&access, Kind::UserEdit, correlation);
    answer(&commit(&request, |_| Ok(Plan { edits: vec![Edit::Asset(edit)], blobs, ..Plan::default() }))?)
}

/// Keeps an asset no longer; its content stays until nothing needs it any more.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn delete_asset(
    project_uuid: Option<Uuid>,
    content_hash: Option<&str>,
    reason: default!(Option<&str>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> JsonB {
    definer(|| delete(project_uuid, content_hash, reason, correlation_id))
}

fn delete(
    project_uuid: Option<Uuid>,
    content_hash: Option<&str>,
    reason: Option<&str>,
    correlation_id: Option<Uuid>,
) -> Result<JsonB> {
    let access = require_writer(project_uuid)?;
    let hash = hash_arg(content_hash)?;
    let reason = reason.map(reason_of).transpose()?;
    let correlation = correlated(correlation_id, "delete_asset", || json!([hash.to_hex(), reason]))?;
    let edit = AssetEdit::Delete { hash, reason };
    let request = Commit::new(&access, Kind::UserEdit, correlation);
    answer(&commit(&request, |_| Ok(Plan { edits: vec![Edit::Asset(edit)], ..Plan::default() }))?)
}

/// `{content_hash, filename, media_type, asset_type, size, seq, checksum, status}` of a bundle of one asset.
pub fn answer(committed: &Committed) -> Result<JsonB> {
    let outcome =
        committed.receipt.assets().next().ok_or_else(|| Error::internal("a receipt lacks its asset"))?;
    Ok(JsonB(json!({
        "content_hash": outcome.content_hash, "filename": outcome.filename, "media_type": outcome.media_type,
        "asset_type": outcome.asset_type, "size": outcome.size, "seq": committed.receipt.seq,
        "checksum": committed.receipt.checksum, "status": outcome.status
    })))
}

/// What is known of an asset, deleted or not.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn get_asset(project_uuid: Option<Uuid>, content_hash: Option<&str>) -> JsonB {
    definer(|| get(project_uuid, content_hash))
}

fn get(project_uuid: Option<Uuid>, content_hash: Option<&str>) -> Result<JsonB> {
    let access = require_project(Action::Read, project_uuid)?;
    let hash = hash_arg(content_hash)?;
    refuse(access.project, &hash)?;
    store::describe(access.project, &hash)?.ok_or_else(|| no_asset(&hash))
}

/// A part of an asset's bytes.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn read_asset_range(
    project_uuid: Option<Uuid>,
    content_hash: Option<&str>,
    offset: default!(Option<i64>, "0"),
    length: default!(Option<i64>, "NULL"),
) -> Vec<u8> {
    definer(|| read_range(project_uuid, content_hash, offset, length))
}

fn read_range(
    project_uuid: Option<Uuid>,
    content_hash: Option<&str>,
    offset: Option<i64>,
    length: Option<i64>,
) -> Result<Vec<u8>> {
    let access = require_project(Action::Read, project_uuid)?;
    let hash = hash_arg(content_hash)?;
    let offset = natural("offset", required("offset", offset)?)?;
    let length = length.map(|length| natural("length", length)).transpose()?;
    refuse(access.project, &hash)?;
    let assets = store::load(access.project, &[hash])?;
    let asset = assets.get(&hash).ok_or_else(|| no_asset(&hash))?;
    if asset.is_deleted {
        return Err(Error::not_found("the asset is deleted")
            .with("content_hash", hash.to_hex())
            .with("is_deleted", true)
            .hint("asset.put with its content_hash brings it back"));
    }
    let start = offset.min(asset.size);
    let length = length.map_or(asset.size - start, |length| length.min(asset.size - start));
    if length > MAX_RANGE_BYTES {
        return Err(Error::limit(format!("the range has {length} bytes"), MAX_RANGE_BYTES)
            .with("size", asset.size)
            .hint("read it in several ranges"));
    }
    blob::store::read_range(access.project, &hash, start, length)
}

/// XX001 when what is known of an asset is in quarantine.
fn refuse(project: ProjectId, hash: &Hash) -> Result<()> {
    quarantine::refuse(project, [RowKind::Current(Topic::Asset)], json!({"content_hash": hash.to_hex()}))
}

fn hash_arg(content_hash: Option<&str>) -> Result<Hash> {
    Hash::parse("content_hash", required("content_hash", content_hash)?)
}

/// The assets of a project.
#[pg_extern(stable, sql = false)]
fn list_assets(project_uuid: Option<Uuid>, asset_type: Option<&str>, fcinfo: FunctionCallInfo) {
    definer(|| {
        let access = require_project(Action::Read, project_uuid)?;
        let asset_type = asset_type.map(asset_type_of).transpose()?;
        quarantine::refuse(access.project, [RowKind::Current(Topic::Asset)], json!({}))?;
        store::list_assets(Answer::of(fcinfo), access.project, asset_type.as_deref())
    });
}
