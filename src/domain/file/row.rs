//! One stored version of a file, as readers see it.

use crate::db::Row;
use crate::ids::{FileId, Seq, Version, VersionId};
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::mode::Mode;
use quire_core::timestamp::Micros;
use quire_core::tree::{Content, Head};
use std::sync::Arc;

/// A row of `project_files`.
#[derive(Clone, Debug)]
pub struct VersionRow {
    /// Number of the path.
    pub file_id: FileId,
    /// Version.
    pub version: Version,
    /// Identity.
    pub id: VersionId,
    /// Identity of the version before.
    pub parent_version_id: Option<VersionId>,
    /// Bundle.
    pub seq: Seq,
    /// When.
    pub committed_at: Micros,
    /// Type.
    pub file_type: String,
    /// Mode bits.
    pub mode: Mode,
    /// `None` for a tombstone.
    pub content_hash: Option<Hash>,
    /// Bytes.
    pub size: i64,
    /// Not text.
    pub is_binary: bool,
}

impl VersionRow {
    /// From the columns of a head, or of a version that are called like those.
    pub fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            file_id: row.get("file_id")?,
            version: row.get("version")?,
            id: row.get("version_id")?,
            parent_version_id: row.opt("parent_version_id")?,
            seq: row.get("seq")?,
            committed_at: row.get("updated_at").map(crate::db::clock::from_pg)?,
            file_type: row.get("file_type")?,
            mode: Mode::parse(row.get::<&str>("mode")?)?,
            content_hash: row.opt("content_hash")?,
            size: row.get("size")?,
            is_binary: row.get("is_binary")?,
        })
    }

    /// Whether two versions are the same file: content, type and mode.
    pub fn same_file(&self, other: &Self) -> bool {
        self.content_hash == other.content_hash
            && self.mode == other.mode
            && self.file_type == other.file_type
    }

    /// As a head, with the content by reference.
    pub fn to_head(&self, link_target: Option<Arc<str>>) -> Head {
        Head {
            file_id: self.file_id,
            version: self.version,
            version_id: self.id,
            parent_version_id: self.parent_version_id,
            seq: self.seq,
            updated_at: self.committed_at,
            file_type: self.file_type.clone(),
            mode: self.mode,
            content: self.content_hash.map(|hash| Content {
                hash,
                size: self.size,
                is_binary: self.is_binary,
                link_target,
            }),
        }
    }
}
