//! Files of a project on their way into another one.

use super::store::files_at;
use super::{VersionRow, no_file};
use crate::blob;
use crate::domain::copying::Copying;
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::interrupt;
use quire_core::mode::Mode;
use quire_core::op::Edit;
use quire_core::path::FilePath;
use quire_core::tree::{Content, FileEdit};
use std::collections::BTreeSet;

type Files = Vec<(FilePath, VersionRow)>;

/// Adds them; PT404 for what is not there, PT413 for what is too large there. Current files are present.
pub fn copy(copying: &mut Copying) -> Result<()> {
    let mut files = files_at(copying.from, copying.seq)?;
    if let Some(selection) = copying.selection {
        keep_only(&mut files, &selection.paths)?;
    }
    let links = files.iter().filter(|(_, file)| file.mode == Mode::Symlink);
    let links: Vec<Hash> = links.filter_map(|(_, file)| file.content_hash).collect();
    let targets = blob::store::read_many(copying.from, &links)?;
    let hashes: BTreeSet<Hash> = files.iter().filter_map(|(_, file)| file.content_hash).collect();
    for (path, file) in files {
        interrupt::step()?;
        let Some(hash) = file.content_hash else { continue };
        blob::check_size(&copying.to.settings, path.as_str(), file.size)?;
        let target = targets.get(&hash).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let link_target = target.map(Into::into);
        copying.edits.push(Edit::File(FileEdit::Put {
            path,
            file_type: Some(file.file_type),
            mode: Some(file.mode),
            content: Content { hash, size: file.size, is_binary: file.is_binary, link_target },
            expected_version: None,
        }));
    }
    copying.contents.hashes.extend(hashes);
    Ok(())
}

/// Leaves these files, and what is below these directories.
fn keep_only(files: &mut Files, paths: &[Option<FilePath>]) -> Result<()> {
    let mut wanted = vec![false; files.len()];
    for path in paths {
        let (from, to) = match path {
            None => (0, files.len()),
            Some(path) => range(files, path).ok_or_else(|| no_file(path, None))?,
        };
        wanted[from..to].fill(true);
    }
    let mut wanted = wanted.into_iter();
    files.retain(|_| wanted.next().unwrap_or(false));
    Ok(())
}

/// Where a file, or what is below a directory, is among the files.
fn range(files: &Files, path: &FilePath) -> Option<(usize, usize)> {
    if let Ok(at) = files.binary_search_by(|(file, _)| file.cmp(path)) {
        return Some((at, at + 1));
    }
    let below = format!("{path}/");
    let from = files.partition_point(|(file, _)| file.as_str() < below.as_str());
    let count = files[from..].iter().take_while(|(file, _)| file.is_below(path.as_str())).count();
    (count > 0).then_some((from, from + count))
}
