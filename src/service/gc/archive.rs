//! Content that an owner keeps elsewhere.
//!
//! Handing bytes out and forgetting them in one call would lose them with the answer. So the owner reads and stores them
//! first, and shows with their SHA-256, which quire does not know and never tells, that they have them.

use super::store;
use crate::args::required;
use crate::blob::{self, Blob, BlobState};
use crate::definer::definer;
use crate::gate::{self, Access, Action, require_project};
use crate::guc;
use crate::log::store::{head_seq, touch};
use crate::log::{LockedHead, lock_head};
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::content;
use quire_core::error::{Error, Result};
use quire_core::hash::{Hash, Hasher};
use quire_core::reason::Reason;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Takes content away that the caller has stored elsewhere.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn archive_blob(project_uuid: Option<Uuid>, content_hash: Option<&str>, sha256: Option<&str>) -> JsonB {
    definer(|| archive(project_uuid, content_hash, sha256))
}

fn archive(project_uuid: Option<Uuid>, content_hash: Option<&str>, sha256: Option<&str>) -> Result<JsonB> {
    let access = require_project(Action::Manage, project_uuid)?;
    access.require_active()?;
    let hash = Hash::parse("content_hash", required("content_hash", content_hash)?)?;
    let sha256 = Hash::parse("sha256", required("sha256", sha256)?)?;
    let project = access.project;
    let seen = head_seq(project)?;
    let found = blob::store::state(project, &hash)?.ok_or_else(|| no_blob(&hash))?;
    match found.state {
        BlobState::Present => {}
        BlobState::Archived => return Ok(answer(&hash, BlobState::Archived, found.size, 0)),
        BlobState::Collected | BlobState::Quarantined => return Err(found.gone(&hash)),
    }
    if store::is_in_a_live_file(project, &hash)? {
        return Err(in_use(&hash));
    }
    let mut hashers = (Hasher::default(), Sha256::new());
    let stored = blob::store::each_part(project, &hash, |bytes| {
        hashers.0.update(bytes);
        hashers.1.update(bytes);
    })?;
    if hashers.0.finish() != hash {
        return Err(blob::damaged(&hash));
    }
    if hashers.1.finalize().as_slice() != sha256.as_bytes() {
        return Err(Error::validation("sha256 is not that of the content")
            .with("argument", "sha256")
            .hint("store the bytes, read them back, and give their SHA-256"));
    }
    let (access, head) = locked(&access)?;
    // A file that got this content meanwhile came with a bundle.
    if head.seq > seen && !store::used_since(project, seen, &[hash])?.is_empty() {
        return Err(in_use(&hash));
    }
    store::archive(project, &hash, access.author()?)?;
    touch(project)?;
    Ok(answer(&hash, BlobState::Archived, found.size, stored))
}

/// Takes bytes back.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn restore_blob(project_uuid: Option<Uuid>, content_hash: Option<&str>, bytes: Option<&[u8]>) -> JsonB {
    definer(|| restore(project_uuid, content_hash, bytes))
}

fn restore(project_uuid: Option<Uuid>, content_hash: Option<&str>, bytes: Option<&[u8]>) -> Result<JsonB> {
    let access = require_project(Action::Manage, project_uuid)?;
    access.require_active()?;
    let hash = Hash::parse("content_hash", required("content_hash", content_hash)?)?;
    let bytes = required("bytes", bytes)?;
    let found = blob::store::state(access.project, &hash)?.ok_or_else(|| no_blob(&hash))?;
    if Hash::of(bytes) != hash {
        return Err(Error::validation("the bytes are not this content")
            .with("argument", "bytes")
            .with("content_hash", hash.to_hex()));
    }
    let size = bytes.len() as i64;
    if found.state != BlobState::Present {
        let parts = content::encode_all(bytes, guc::compression_level());
        let (access, _) = locked(&access)?;
        blob::store::insert(access.project, &[Blob { hash, size, parts }])?;
    }
    Ok(answer(&hash, BlobState::Present, size, 0))
}

fn locked(access: &Access) -> Result<(Cow<'_, Access>, LockedHead)> {
    let head = lock_head(access)?.ok_or_else(|| gate::no_project(access.project))?;
    let access = access.under_lock(head.access_version)?;
    access.require_active()?;
    Ok((access, head))
}

fn answer(hash: &Hash, state: BlobState, size: i64, freed: i64) -> JsonB {
    JsonB(json!({
        "content_hash": hash.to_hex(), "state": state.as_str(), "size": size, "freed_bytes": freed
    }))
}

fn no_blob(hash: &Hash) -> Error {
    Error::not_found("the project has no such content").with("content_hash", hash.to_hex())
}

fn in_use(hash: &Hash) -> Error {
    Error::conflict(Reason::InUse, "a current file has this content").with("content_hash", hash.to_hex())
}
