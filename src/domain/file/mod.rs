//! Versioned files, as the log keeps them.
//!
//! Owns: `project_files` (one row per version, never updated), `file_head`.
//! Promises: versions of a path count 1, 2, 3, ... without gaps; exactly one is current; the tree at any seq is one
//! index look-up per path.
//! Does not: write outside a bundle, or know who calls.

mod row;
pub mod store;

use crate::blob;
use crate::gate::Access;
use crate::ids::Version;
use quire_core::error::{Error, Result};
use quire_core::op::Mode;
use quire_core::path::FilePath;
use quire_core::tree::{Content, Edit};
pub use row::VersionRow;

/// PT404 for a path or a version of it.
pub fn no_file(path: &FilePath, version: Option<Version>) -> Error {
    match version {
        None => Error::not_found(format!("no file {path}")).with("file_path", path.as_str()),
        Some(version) => Error::not_found(format!("no version {version} of {path}"))
            .with("file_path", path.as_str())
            .with("version", version),
    }
}

/// The edit that writes a stored version again; `None` for a tombstone.
pub fn put_again(access: &Access, path: FilePath, row: VersionRow) -> Result<Option<Edit>> {
    let Some(hash) = row.content_hash else { return Ok(None) };
    let link_target = if row.mode == Mode::Symlink {
        String::from_utf8(blob::store::read(access.project, &hash)?).ok()
    } else {
        None
    };
    let content =
        Content { hash, size: row.size, is_binary: row.is_binary, link_target: link_target.map(Into::into) };
    Ok(Some(Edit::Put {
        path,
        file_type: Some(row.file_type),
        mode: Some(row.mode),
        content,
        expected_version: None,
    }))
}
