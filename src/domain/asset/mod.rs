//! Assets: content with a name and types, kept beside the files.
//!
//! Owns: `asset_op` (one row per operation, never updated), `asset`.
//! Promises: an asset's content is in the project's blob store; nobody attaches content by its hash that the project
//! does not have.
//! Does not: keep versions (the content is what an asset is), delete bytes, or write outside a bundle.

mod arrival;
mod copying;
mod inverse;
mod ops;
mod shown;
pub mod store;

use crate::blob;
use crate::domain::copying::Copying;
use crate::domain::incoming::{Arrival, Incoming};
use crate::domain::interface::{Applied, Brought, Describe, Domain, Growth, NewBundle, Writing};
use crate::domain::inverse::{InTheWay, Inverting};
use crate::domain::shown::{Changes, Query};
use crate::gate::Access;
use crate::ids::Seq;
use quire_core::asset::{self, AssetEdit, Source};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::json::Members;
use quire_core::op::{AssetOp, Edit, Op, Outcome};
use quire_core::settings::Settings;
use quire_core::tree::Content;
use quire_core::{content, event};

/// Applies edits to the assets as they are now, under the head lock.
fn apply(writing: &Writing, edits: &[AssetEdit]) -> Result<asset::AppliedAssets> {
    let project = writing.access.project;
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
    asset::apply(&mut assets, &stored, edits, writing.ops_before)
}

impl Applied for asset::AppliedAssets {
    fn op_checksums(&self) -> &[Hash] {
        &self.op_checksums
    }

    fn take_outcomes(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.outcomes).into_iter().map(Outcome::Asset).collect()
    }

    fn growth(&self) -> Growth {
        Growth { files: 0, bytes: self.live_bytes }
    }

    fn event(&self) -> Option<&'static str> {
        (!self.rows.is_empty()).then_some(event::ASSET_UPDATE)
    }

    fn finish(&self, bundle: &NewBundle) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        store::insert(bundle.project, bundle.author, bundle.head, self)
    }
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

/// The domain.
pub struct Assets;

impl Domain for Assets {
    fn ops(&self) -> &'static [&'static str] {
        &AssetOp::NAMES
    }

    fn stage(&self, access: &Access, op: &str, members: Members) -> Result<(Edit, Option<Brought>)> {
        let (edit, brought) = ops::edit(access, op, members)?;
        Ok((Edit::Asset(edit), brought))
    }

    fn again(&self, op: &Op, _describe: &Describe) -> Result<Option<Edit>> {
        Ok(match op {
            Op::Asset(op) => Some(Edit::Asset(AssetEdit::again(op))),
            _ => None,
        })
    }

    fn check_sizes(&self, writing: &Writing, edits: &[Edit]) -> Result<()> {
        edits.iter().try_for_each(|edit| match edit {
            Edit::Asset(AssetEdit::Put { source, label, .. }) => {
                check_size(&writing.access.settings, &label.filename, *source)
            }
            _ => Ok(()),
        })
    }

    fn apply(&self, writing: &Writing, edits: Vec<Edit>) -> Result<Box<dyn Applied>> {
        let own = |edit| match edit {
            Edit::Asset(edit) => Some(edit),
            _ => None,
        };
        let edits: Vec<AssetEdit> = edits.into_iter().filter_map(own).collect();
        Ok(Box::new(apply(writing, &edits)?))
    }

    fn arrive<'a>(&self, incoming: &'a Incoming<'a>) -> Result<Option<Box<dyn Arrival + 'a>>> {
        arrival::arrive(incoming).map(Some)
    }

    fn changes(&self, query: &Query, up_to: Seq) -> Result<Option<Box<dyn Changes>>> {
        shown::read(query, up_to).map(Some)
    }

    fn copy(&self, copying: &mut Copying) -> Result<()> {
        copying::copy(copying)
    }

    fn invert(&self, inverting: &Inverting, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
        inverse::invert(inverting, edits)
    }
}
