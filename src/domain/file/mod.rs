//! Versioned files, as the log keeps them.
//!
//! Owns: `project_files` (one row per version, never updated), `file_head`.
//! Promises: versions of a path count 1, 2, 3, ... without gaps; exactly one is current; the tree at any seq is one
//! index look-up per path.
//! Does not: write outside a bundle, or know who calls.

mod apply;
mod arrival;
mod coexist;
mod copying;
mod inverse;
mod ops;
mod row;
mod shown;
pub mod store;

use crate::args::file_type_arg;
use crate::blob;
use crate::domain::copying::Copying;
use crate::domain::incoming::{Arrival, Incoming};
use crate::domain::interface::{Applied, Brought, Describe, Domain, Writing};
use crate::domain::inverse::{InTheWay, Inverting};
use crate::domain::shown::{Changes, Query};
use crate::gate::Access;
use crate::ids::{ProjectId, Seq, Version};
use crate::log::quarantine;
pub use ops::put;
use quire_core::error::{Error, Result};
use quire_core::json::Members;
use quire_core::mode::Mode;
use quire_core::op::{Change, Edit, FileOp, Op, Outcome};
use quire_core::path::FilePath;
use quire_core::tree::{Content, FileEdit};
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
pub fn put_again(access: &Access, path: FilePath, row: VersionRow) -> Result<Option<FileEdit>> {
    let Some(hash) = row.content_hash else { return Ok(None) };
    let link_target = if row.mode == Mode::Symlink {
        String::from_utf8(blob::store::read(access.project, &hash)?).ok()
    } else {
        None
    };
    let content =
        Content { hash, size: row.size, is_binary: row.is_binary, link_target: link_target.map(Into::into) };
    Ok(Some(FileEdit::Put {
        path,
        file_type: Some(row.file_type),
        mode: Some(row.mode),
        content,
        expected_version: None,
    }))
}

/// The domain.
pub struct Files;

impl Domain for Files {
    fn ops(&self) -> &'static [&'static str] {
        &FileOp::NAMES
    }

    fn stage(&self, access: &Access, op: &str, members: Members) -> Result<(Edit, Option<Brought>)> {
        let (edit, brought) = ops::edit(access, op, members)?;
        Ok((Edit::File(edit), brought))
    }

    fn again(&self, op: &Op, describe: &Describe) -> Result<Option<Edit>> {
        let Op::File(op) = op else { return Ok(None) };
        let expected_version = None;
        Ok(Some(Edit::File(match op {
            FileOp::Put { file_path, file } => FileEdit::Put {
                path: file_path.clone(),
                file_type: file_type_arg("file_type", Some(&file.file_type))?,
                mode: Some(file.mode),
                content: describe(&file.content_hash)?,
                expected_version,
            },
            FileOp::Delete { file_path } => FileEdit::Delete { path: file_path.clone(), expected_version },
            FileOp::Move { from_path, to_path } => {
                FileEdit::Move { from: from_path.clone(), to: to_path.clone(), expected_version }
            }
        })))
    }

    /// The writer saw to it already, but perhaps by other settings.
    fn check_sizes(&self, writing: &Writing, edits: &[Edit]) -> Result<()> {
        edits.iter().filter(|_| writing.is_asked_again).try_for_each(|edit| match edit {
            Edit::File(FileEdit::Put { path, content, .. }) => {
                blob::check_size(&writing.access.settings, path.as_str(), content.size)
            }
            _ => Ok(()),
        })
    }

    fn require(&self, access: &Access, edits: &[Edit]) -> Result<()> {
        access.require_paths(edits.iter().filter_map(Edit::file).flat_map(FileEdit::paths))
    }

    fn require_outcomes(&self, access: &Access, outcomes: &[Outcome]) -> Result<()> {
        let paths: Vec<FilePath> = outcomes
            .iter()
            .filter_map(Outcome::file)
            .flat_map(|outcome| std::iter::once(&outcome.file_path).chain(&outcome.from_path))
            .map(|path| FilePath::from_stored(path.clone()))
            .collect();
        access.require_paths(paths.iter())
    }

    fn apply(&self, writing: &Writing, edits: Vec<Edit>) -> Result<Box<dyn Applied>> {
        let own = |edit| match edit {
            Edit::File(edit) => Some(edit),
            _ => None,
        };
        apply::apply(writing, &edits.into_iter().filter_map(own).collect::<Vec<_>>())
    }

    /// What is current is what the heads say; of what was before, an operation may have made it that is in quarantine.
    fn refuse_unsound(&self, project: ProjectId, seq: Seq) -> Result<()> {
        quarantine::refuse_files(project, seq)
    }

    fn check_incoming(&self, change: &Change) -> Result<()> {
        match change {
            Change::File(_, Some(file)) => file_type_arg("file_type", Some(&file.file_type)).map(drop),
            _ => Ok(()),
        }
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
