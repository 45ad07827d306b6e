//! What a list of edits does to the assets of a project.
//!
//! An asset is content with a name and types, known by the hash of the content. What is deleted keeps its place, so that
//! it is known who deleted it and why. Nothing here knows a database.

use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::label::Label;
use crate::op::{AssetOp, Kept};
use crate::text::shorten;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What an asset is.
#[derive(Clone, PartialEq, Debug)]
pub struct Asset {
    /// What is said of it.
    pub label: Label,
    /// Bytes of the content.
    pub size: i64,
    /// Whether it is gone.
    pub is_deleted: bool,
    /// Why, if it is.
    pub reason: Option<String>,
}

impl Asset {
    /// As operations tell it.
    pub fn kept(&self) -> Kept {
        Kept { label: self.label.clone(), size: self.size }
    }
}

/// Where the content of an asset comes from, which says how large it may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The caller gave so many bytes.
    Given(i64),
    /// An upload had so many bytes.
    Uploaded(i64),
    /// Another project or an archive has so many bytes.
    Copied(i64),
    /// The project has it already.
    Stored,
}

/// What a caller wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum AssetEdit {
    /// Keep this content as an asset, or say something else of it.
    Put {
        /// BLAKE3 of the content.
        hash: Hash,
        /// Where it comes from.
        source: Source,
        /// What is said of it.
        label: Label,
    },
    /// Keep it no longer.
    Delete {
        /// Which.
        hash: Hash,
        /// Why.
        reason: Option<String>,
    },
}

impl AssetEdit {
    /// What does again what was logged, with content of another project or an archive.
    pub fn again(op: &AssetOp) -> Self {
        match op {
            AssetOp::Put { content_hash, kept } => AssetEdit::Put {
                hash: *content_hash,
                source: Source::Copied(kept.size),
                label: kept.label.clone(),
            },
            AssetOp::Delete { content_hash, reason } => {
                AssetEdit::Delete { hash: *content_hash, reason: reason.clone() }
            }
        }
    }

    /// The content it is about.
    pub fn hash(&self) -> &Hash {
        match self {
            AssetEdit::Put { hash, .. } | AssetEdit::Delete { hash, .. } => hash,
        }
    }

    /// The operation asked for, and the members that say what it is about.
    pub(crate) fn outline(&self) -> (&'static str, Value) {
        let op = match self {
            AssetEdit::Put { .. } => "asset.put",
            AssetEdit::Delete { .. } => "asset.delete",
        };
        (op, json!({"content_hash": self.hash().to_hex()}))
    }

    /// What identifies it in a repeated request.
    pub(crate) fn fingerprint(&self) -> Value {
        match self {
            AssetEdit::Put { hash, label, .. } => {
                json!(["keep", hash.to_hex(), label.filename, label.media_type, label.asset_type])
            }
            AssetEdit::Delete { hash, reason } => json!(["drop", hash.to_hex(), reason]),
        }
    }
}

/// A row of the log: one operation, and what the asset is after it.
#[derive(Clone, PartialEq, Debug)]
pub struct NewAsset {
    /// Number of the operation inside its bundle, from 1.
    pub ordinal: i32,
    /// `asset.put` or `asset.delete`.
    pub op: &'static str,
    /// Which.
    pub hash: Hash,
    /// What it is now.
    pub asset: Asset,
    /// BLAKE3 of the operation.
    pub op_checksum: Hash,
}

/// What became of one edit, as the receipt tells it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AssetOutcome {
    /// `asset.put` or `asset.delete`.
    pub op: Cow<'static, str>,
    /// 64 hex digits.
    pub content_hash: String,
    /// How a download is called.
    pub filename: String,
    /// `type/subtype`.
    pub media_type: String,
    /// What it is to the application.
    pub asset_type: String,
    /// Bytes of the content.
    pub size: i64,
    /// `created`, `updated`, `unchanged`, `restored` or `deleted`.
    pub status: Cow<'static, str>,
}

/// The result of [`apply`].
#[derive(Debug, Default)]
pub struct AppliedAssets {
    /// Rows of the log, in order.
    pub rows: Vec<NewAsset>,
    /// One for each edit.
    pub outcomes: Vec<AssetOutcome>,
    /// Checksums of the operations that changed something, in order.
    pub op_checksums: Vec<Hash>,
    /// How many bytes there are more.
    pub live_bytes: i64,
}

/// Assets by their content.
pub type AssetsByHash = BTreeMap<Hash, Asset>;

/// Applies `edits` to `assets`, which afterwards hold the new state. `stored` has the sizes of contents that the project
/// has and that an edit names by hash alone; `ops_before` counts the operations before these in the bundle.
pub fn apply(
    assets: &mut AssetsByHash,
    stored: &BTreeMap<Hash, i64>,
    edits: &[AssetEdit],
    ops_before: usize,
) -> Result<AppliedAssets> {
    let mut applied = AppliedAssets::default();
    for edit in edits {
        let before = assets.get(edit.hash());
        let (op, after, status) = match edit {
            AssetEdit::Put { hash, source, label } => {
                let size = match source {
                    Source::Given(size) | Source::Uploaded(size) | Source::Copied(size) => *size,
                    Source::Stored => *stored.get(hash).ok_or_else(|| no_content(hash))?,
                };
                let status = match before {
                    None => "created",
                    Some(before) if before.is_deleted => "restored",
                    Some(before) if before.label == *label => "unchanged",
                    Some(_) => "updated",
                };
                let after = Asset { label: label.clone(), size, is_deleted: false, reason: None };
                (AssetOp::Put { content_hash: *hash, kept: after.kept() }, after, status)
            }
            AssetEdit::Delete { hash, reason } => {
                let before = before.filter(|asset| !asset.is_deleted).ok_or_else(|| no_asset(hash))?;
                let after = Asset { is_deleted: true, reason: reason.clone(), ..before.clone() };
                (AssetOp::Delete { content_hash: *hash, reason: reason.clone() }, after, "deleted")
            }
        };
        applied.outcomes.push(outcome(&op, edit.hash(), &after, status));
        if status == "unchanged" {
            continue;
        }
        let op_checksum = op.checksum()?;
        applied.op_checksums.push(op_checksum);
        let ordinal = i32::try_from(ops_before + applied.op_checksums.len())
            .map_err(|_| Error::limit("too many operations", i32::MAX))?;
        let change = live_bytes(Some(&after)).saturating_sub(live_bytes(before));
        applied.live_bytes = applied.live_bytes.saturating_add(change);
        let row = NewAsset { ordinal, op: op.name(), hash: *edit.hash(), asset: after.clone(), op_checksum };
        applied.rows.push(row);
        assets.insert(*edit.hash(), after);
    }
    Ok(applied)
}

fn live_bytes(asset: Option<&Asset>) -> i64 {
    asset.filter(|asset| !asset.is_deleted).map_or(0, |asset| asset.size)
}

fn outcome(op: &AssetOp, hash: &Hash, asset: &Asset, status: &'static str) -> AssetOutcome {
    let Label { filename, media_type, asset_type } = asset.label.clone();
    AssetOutcome {
        op: op.name().into(),
        content_hash: hash.to_hex(),
        filename,
        media_type,
        asset_type,
        size: asset.size,
        status: status.into(),
    }
}

/// An asset that is not there.
pub fn no_asset(hash: &Hash) -> Error {
    Error::not_found(format!("no asset {}", shorten(&hash.to_hex()))).with("content_hash", hash.to_hex())
}

/// Content that the project does not have.
pub fn no_content(hash: &Hash) -> Error {
    Error::not_found(format!("the project has no content {}", shorten(&hash.to_hex())))
        .with("content_hash", hash.to_hex())
        .hint("send the bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn label(filename: &str) -> Label {
        Label::parse(filename, "image/png", "image").expect("valid")
    }

    fn put(content: u8, filename: &str) -> AssetEdit {
        AssetEdit::Put {
            hash: Hash::of(&[content]),
            source: Source::Given(i64::from(content)),
            label: label(filename),
        }
    }

    fn delete(content: u8) -> AssetEdit {
        AssetEdit::Delete { hash: Hash::of(&[content]), reason: Some("old".into()) }
    }

    fn statuses(assets: &mut AssetsByHash, edits: &[AssetEdit]) -> Result<Vec<String>> {
        let applied = apply(assets, &BTreeMap::new(), edits, 0)?;
        Ok(applied.outcomes.iter().map(|outcome| outcome.status.clone().into_owned()).collect())
    }

    #[test]
    fn an_asset_is_created_updated_deleted_and_restored() {
        let mut assets = AssetsByHash::new();
        let edits = [put(3, "a"), put(3, "a"), put(3, "b"), delete(3), put(3, "b"), put(4, "c")];
        let applied = apply(&mut assets, &BTreeMap::new(), &edits, 2).expect("applies");
        let statuses: Vec<&str> = applied.outcomes.iter().map(|outcome| outcome.status.as_ref()).collect();
        assert_eq!(statuses, ["created", "unchanged", "updated", "deleted", "restored", "created"]);
        assert_eq!(applied.rows.iter().map(|row| row.ordinal).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
        assert_eq!(applied.live_bytes, 7);
        assert_eq!(applied.rows[2].asset.reason.as_deref(), Some("old"));
    }

    #[test]
    fn what_is_not_there_cannot_be_deleted_or_attached() {
        let mut assets = AssetsByHash::new();
        assert!(statuses(&mut assets, &[delete(1)]).is_err());
        assert!(statuses(&mut assets, &[put(1, "a"), delete(1), delete(1)]).is_err());
        let by_hash = AssetEdit::Put { hash: Hash::of(b"x"), source: Source::Stored, label: label("a") };
        assert!(apply(&mut assets, &BTreeMap::new(), std::slice::from_ref(&by_hash), 0).is_err());
        let stored = BTreeMap::from([(Hash::of(b"x"), 9)]);
        let applied = apply(&mut assets, &stored, &[by_hash], 0).expect("applies");
        assert_eq!((applied.outcomes[0].size, applied.live_bytes), (9, 9));
    }

    #[test]
    fn labels_are_checked() {
        for (filename, media_type, asset_type) in [
            ("", "image/png", "image"),
            ("a/b", "image/png", "image"),
            ("a\\b", "image/png", "image"),
            ("..", "image/png", "image"),
            ("a\nb", "image/png", "image"),
            ("a", "", "image"),
            ("a", "image", "image"),
            ("a", "image/", "image"),
            ("a", "im age/png", "image"),
            ("a", "image/png\r\nX: y", "image"),
            ("a", "text/plain; charset=\u{e4}", "image"),
            ("a", "image/png", ""),
        ] {
            assert!(Label::parse(filename, media_type, asset_type).is_err(), "{filename:?} {media_type:?}");
        }
        for media_type in ["image/svg+xml", "text/plain; charset=utf-8", "application/x.y-z"] {
            assert!(Label::parse("Größe 1.png", media_type, "image").is_ok(), "{media_type}");
        }
    }

    proptest! {
        /// Whatever is done, the bytes are those of the assets that are there, and the log ends in the state.
        #[test]
        fn totals_and_log_agree_with_the_state(steps in proptest::collection::vec((0..4u8, 0..3u8), 0..40)) {
            let mut assets = AssetsByHash::new();
            let (mut bytes, mut last) = (0, BTreeMap::new());
            for (content, step) in steps {
                let edit = match step { 0 => delete(content), 1 => put(content, "a"), _ => put(content, "b") };
                let before = assets.clone();
                match apply(&mut assets, &BTreeMap::new(), &[edit], 0) {
                    Ok(applied) => {
                        bytes += applied.live_bytes;
                        last.extend(applied.rows.into_iter().map(|row| (row.hash, row.asset)));
                    }
                    Err(_) => prop_assert_eq!(&assets, &before),
                }
                prop_assert_eq!(bytes, assets.values().map(|asset| live_bytes(Some(asset))).sum::<i64>());
                prop_assert_eq!(&assets, &last);
            }
        }
    }
}
