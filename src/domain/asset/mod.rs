//! Assets: content with a name and types, kept beside the files.
//!
//! Owns: `asset_op` (one row per operation, never updated), `asset`.
//! Promises: an asset's content is in the project's blob store; nobody attaches content by its hash that the project
//! does not have.
//! Does not: keep versions (the content is what an asset is), delete bytes, or write outside a bundle.

mod ops;
pub mod store;

pub use ops::edit;

use crate::blob;
use crate::gate::Access;
use crate::ids::{ActorId, ProjectId};
use crate::log::LockedHead;
use quire_core::asset::{self, Applied, AssetEdit, Source};
use quire_core::content;
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::settings::Settings;
use quire_core::tree::Content;

/// Applies edits to the assets as they are now, under the head lock.
pub fn apply(project: ProjectId, edits: &[AssetEdit], ops_before: usize) -> Result<Applied> {
    if edits.is_empty() {
        return Ok(Applied::default());
    }
    let hashes: Vec<Hash> = edits.iter().map(|edit| *edit.hash()).collect();
    let by_hash: Vec<Hash> = edits
        .iter()
        .filter_map(|edit| match edit {
            AssetEdit::Put { hash, source: Source::Stored, .. } => Some(*hash),
            _ => None,
        })
        .collect();
    let mut assets = store::load(project, &hashes)?;
    let stored = if by_hash.is_empty() { Default::default() } else { blob::store::sizes(project, &by_hash)? };
    asset::apply(&mut assets, &stored, edits, ops_before)
}

/// Stores what was applied, under the head lock.
pub fn insert(project: ProjectId, by: ActorId, bundle: &LockedHead, applied: &Applied) -> Result<()> {
    if applied.rows.is_empty() {
        return Ok(());
    }
    store::insert(project, by, bundle, applied)
}

/// Describes content that the caller gives at once, or PT413 when it is larger than the project allows.
pub fn describe(access: &Access, filename: &str, bytes: &[u8]) -> Result<Content> {
    let size = bytes.len() as i64;
    // What was expected of the project may be out of date.
    if size > access.settings.max_file_bytes {
        check_size(&access.again()?.settings, filename, Source::Given(size))?;
    }
    Ok(Content { hash: Hash::of(bytes), size, is_binary: content::is_binary(bytes), link_target: None })
}

/// PT413 when an asset is larger than the project allows.
pub fn check_size(settings: &Settings, filename: &str, source: Source) -> Result<()> {
    let (size, limit, setting) = match source {
        Source::Given(size) => (size, settings.max_file_bytes, "max_file_bytes"),
        Source::Uploaded(size) => (size, settings.max_asset_bytes, "max_asset_bytes"),
        // It may have come at once or in pieces.
        Source::Copied(size) => {
            (size, settings.max_asset_bytes.max(settings.max_file_bytes), "max_asset_bytes")
        }
        Source::Stored => return Ok(()),
    };
    if size <= limit {
        return Ok(());
    }
    let error = Error::limit(format!("{filename} has {size} bytes"), limit)
        .with("filename", filename)
        .with("size", size)
        .with("setting", setting);
    Err(if setting == "max_file_bytes" { error.hint("use begin_upload for larger assets") } else { error })
}
