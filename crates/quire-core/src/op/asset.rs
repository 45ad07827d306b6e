//! Operations on assets.

use super::{Change, State, hash_member, hex, size_member};
use crate::error::Result;
use crate::hash::Hash;
use crate::json::{Members, canonical};
use crate::label::{Label, reason_of};
use crate::settings::LARGEST_MAX_ASSET_BYTES;
use serde::Serialize;

/// An operation on an asset.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "op")]
pub enum AssetOp {
    /// Content is kept as an asset.
    #[serde(rename = "asset.put")]
    Put {
        /// BLAKE3 of the content.
        #[serde(serialize_with = "hex")]
        content_hash: Hash,
        /// What is said of it then.
        #[serde(flatten)]
        kept: Kept,
    },
    /// An asset is kept no longer.
    #[serde(rename = "asset.delete")]
    Delete {
        /// BLAKE3 of its content.
        #[serde(serialize_with = "hex")]
        content_hash: Hash,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// An asset, as far as operations tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Kept {
    /// What is said of it.
    #[serde(flatten)]
    pub label: Label,
    /// Bytes of the content.
    pub size: i64,
}

impl AssetOp {
    /// What they are called, in the order of the kinds above.
    pub const NAMES: [&str; 2] = ["asset.put", "asset.delete"];

    /// The `op` member.
    pub const fn name(&self) -> &'static str {
        match self {
            AssetOp::Put { .. } => Self::NAMES[0],
            AssetOp::Delete { .. } => Self::NAMES[1],
        }
    }

    /// From its members; `None` when the name is none of an asset's.
    pub(super) fn parse(name: &str, members: &mut Members) -> Result<Option<Self>> {
        if !Self::NAMES.contains(&name) {
            return Ok(None);
        }
        let content_hash = hash_member(members, "content_hash")?;
        Ok(Some(match name {
            "asset.put" => {
                let label = Label::parse(
                    members.str("filename")?,
                    members.str("media_type")?,
                    members.str("asset_type")?,
                )?;
                let size = size_member(members, LARGEST_MAX_ASSET_BYTES)?;
                AssetOp::Put { content_hash, kept: Kept { label, size } }
            }
            _ => {
                let reason = members.opt_str("reason")?.map(reason_of).transpose()?;
                AssetOp::Delete { content_hash, reason }
            }
        }))
    }

    /// The operation that keeps an asset so, or deletes it.
    pub fn making(content_hash: &Hash, kept: Option<&Kept>) -> Self {
        let content_hash = *content_hash;
        match kept.cloned() {
            Some(kept) => AssetOp::Put { content_hash, kept },
            None => AssetOp::Delete { content_hash, reason: None },
        }
    }

    /// Which asset.
    pub const fn content_hash(&self) -> &Hash {
        match self {
            AssetOp::Put { content_hash, .. } | AssetOp::Delete { content_hash, .. } => content_hash,
        }
    }

    /// BLAKE3 of the canonical form.
    pub fn checksum(&self) -> Result<Hash> {
        Ok(Hash::of(&canonical(self)?))
    }

    /// What it does.
    pub(super) fn change(&self) -> Change {
        match self {
            AssetOp::Put { content_hash, kept } => Change::Asset(*content_hash, Some(kept.clone())),
            AssetOp::Delete { content_hash, .. } => Change::Asset(*content_hash, None),
        }
    }

    pub(super) const fn content(&self) -> Option<(Hash, i64)> {
        match self {
            AssetOp::Put { content_hash, kept } => Some((*content_hash, kept.size)),
            AssetOp::Delete { .. } => None,
        }
    }

    pub(super) fn describe(&self) -> String {
        let verb = match self {
            AssetOp::Put { .. } => "keep",
            AssetOp::Delete { .. } => "delete",
        };
        format!("{verb} asset {}", self.content_hash().to_hex())
    }

    pub(super) fn apply(&self, state: &mut State) -> std::result::Result<(), String> {
        match self {
            AssetOp::Put { content_hash, kept } => {
                state.assets.insert(*content_hash, kept.clone());
            }
            AssetOp::Delete { content_hash, .. } => {
                let gone = || format!("asset {} is deleted and was not there", content_hash.to_hex());
                state.assets.remove(content_hash).ok_or_else(gone)?;
            }
        }
        Ok(())
    }
}
