//! Exports: a project with its whole past, as a zip archive that can be read without quire.
//!
//! [`README`] describes the format; it is the first file of every archive. [`Lines`] writes the histories. [`Reader`]
//! takes an archive of anybody and believes nothing: every content must have the hash it is kept under, every operation
//! its checksum, the bundles must be one chain, and what they lead to must be the files, entities and assets that are there.

mod line;
mod lines;
mod outcome;
mod read;

pub use lines::{Lines, add};
pub use read::{Export, Imported, ImportedContent, Reader};

use crate::chain::BundleHeader;
use crate::hash::Hash;
use crate::id::{ProjectId, Seq};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the archive says about itself.
pub const README: &str = include_str!("README.txt");
/// Its name.
pub const README_NAME: &str = "README.txt";
/// The project's record.
pub const PROJECT: &str = "project.json";
/// The directory of the current files.
pub const FILES: &str = "files/";
/// The directory of all contents.
pub const BLOBS: &str = "blobs/";
/// The directory of the histories.
pub const HISTORY: &str = "history/";

/// What marks `project.json` as one of ours.
pub const FORMAT: &str = "quire export";
/// Which format. A change that an older reader would get wrong takes the next number.
pub const FORMAT_VERSION: i64 = 1;

/// `project.json`, as far as it is read back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ProjectRecord {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub format_version: i64,
    /// Which project.
    pub project_id: ProjectId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its settings.
    pub settings: Value,
    /// Its newest bundle.
    pub seq: Seq,
    /// That bundle's checksum.
    pub checksum: Hash,
}

/// A line of `bundles`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BundleRecord {
    /// What the checksum covers.
    pub header: BundleHeader,
    /// Name of whoever made it.
    pub author: Option<String>,
    /// When, for people.
    pub committed_at: String,
    /// How many operations it has.
    pub op_count: usize,
    /// Checksum of the bundle before.
    pub prev_checksum: Hash,
    /// Its own.
    pub checksum: Hash,
    /// What else was recorded with it.
    pub details: Option<Value>,
}

/// A line of `operations`, as far as it is read back.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct OpRecord {
    /// Its bundle.
    pub seq: Seq,
    /// Its place there, from 1.
    pub ordinal: usize,
    /// The operation.
    pub op: Value,
    /// BLAKE3 of its canonical form.
    pub checksum: Hash,
}

/// A line of `damaged`: an operation that does not match its checksum.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DamageRecord {
    /// Its bundle.
    pub seq: Value,
    /// Its place there.
    pub ordinal: Value,
}

/// A line of `entities`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EntityRecord {
    /// Its type.
    pub entity_type: String,
    /// Its id.
    pub entity_id: String,
    /// Its fields.
    pub fields: Map<String, Value>,
}

/// A line of `assets`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetRecord {
    /// BLAKE3 of its content.
    pub content_hash: Hash,
    /// How a download is called.
    pub filename: String,
    /// `type/subtype`.
    pub media_type: String,
    /// What it is to the application.
    pub asset_type: String,
    /// Bytes of the content.
    pub size: i64,
}

/// Where a content is that is not in the archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whereabouts {
    /// With an owner.
    Archived,
    /// Nowhere.
    Collected,
}

/// A line of `gone`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoneRecord {
    /// BLAKE3 of the content.
    pub content_hash: Hash,
    /// Its bytes.
    pub size: i64,
    /// Not text.
    pub is_binary: bool,
    /// Where it is.
    pub state: Whereabouts,
    /// Since when, as RFC 3339.
    pub when: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// A line of `tags`, as far as it is read back.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TagRecord {
    /// The name.
    pub tag: String,
    /// Of which seq.
    pub seq: Seq,
}

#[cfg(test)]
mod tests;
