//! Assets of a project on their way into another one.

use super::store::assets_at;
use crate::domain::copying::Copying;
use quire_core::asset::{AssetEdit, Source, no_asset};
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::op::Edit;
use std::collections::HashSet;

/// Adds them; PT404 for what is not there. One whose content is archived stays so.
pub fn copy(copying: &mut Copying) -> Result<()> {
    let mut assets = assets_at(copying.from, copying.seq)?;
    if let Some(selection) = copying.selection {
        assets.retain(|(hash, _)| selection.assets.contains(hash));
        let kept: HashSet<&Hash> = assets.iter().map(|(hash, _)| hash).collect();
        if let Some(gone) = selection.assets.iter().find(|hash| !kept.contains(hash)) {
            return Err(no_asset(gone));
        }
    }
    let of_files: HashSet<Hash> = copying.contents.hashes.iter().copied().collect();
    let others = assets.iter().map(|(hash, _)| *hash).filter(|hash| !of_files.contains(hash));
    copying.contents.or_archived.extend(others);
    copying.edits.extend(assets.into_iter().map(|(hash, asset)| {
        let source = Source::Copied(asset.size);
        Edit::Asset(AssetEdit::Put { hash, source, label: asset.label })
    }));
    Ok(())
}
