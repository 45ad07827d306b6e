//! What came and cannot be beside what is here.

use super::store::load_for;
use crate::ids::ProjectId;
use crate::log::LockedHead;
use quire_core::error::{Code, Result};
use quire_core::path::FilePath;
use quire_core::tree::{self, FileEdit, Head, Refusal};
use std::collections::{HashMap, HashSet};

/// Takes edits out that cannot be done: a file here and a directory there cannot both be, and somebody has to settle it.
/// Says of each file that is left out why.
pub fn leave_out(project: ProjectId, edits: &mut Vec<FileEdit>, head: &LockedHead) -> Result<Vec<String>> {
    let heads = load_for(project, edits, None)?;
    let mut reasons = Vec::new();
    loop {
        pgrx::check_for_interrupts!();
        let mut after = heads.clone();
        let Err(refusal) = tree::apply(&mut after, edits, head.next_file_id) else { return Ok(reasons) };
        let impossible = impossible(edits, &after, &refusal);
        if impossible.is_empty() {
            return Err(refusal.error);
        }
        let (out, kept): (Vec<FileEdit>, Vec<FileEdit>) =
            edits.drain(..).partition(|edit| edit.paths().any(|path| impossible.contains(path)));
        *edits = kept;
        let why = match refusal.error.code() {
            Code::Conflict => "it is a file on one side and a directory on the other",
            _ => refusal.error.message(),
        };
        let files = out.iter().filter_map(FileEdit::creates);
        reasons.extend(files.map(|path| format!("{path} cannot be written: {why}")));
    }
}

/// The paths of edits that cannot be done: all that are in the way of others in the tree they lead to, at once, because
/// there may be thousands; else the one that was refused.
fn impossible(edits: &[FileEdit], after: &HashMap<FilePath, Head>, refusal: &Refusal) -> HashSet<FilePath> {
    let created: HashSet<&str> = edits.iter().filter_map(FileEdit::creates).map(FilePath::as_str).collect();
    let mut paths: HashSet<FilePath> = HashSet::new();
    for (path, _) in after.iter().filter(|(_, head)| head.is_live()) {
        for directory in path.ancestors() {
            let Some((file, head)) = after.get_key_value(directory) else { continue };
            let blamed = if created.contains(directory) { file } else { path };
            if head.is_live() && created.contains(blamed.as_str()) {
                paths.insert(blamed.clone());
            }
        }
    }
    if paths.is_empty() {
        let refused = refusal.edit.and_then(|at| edits.get(at));
        paths.extend(refused.and_then(FileEdit::creates).cloned());
    }
    paths
}
