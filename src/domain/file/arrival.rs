//! What came from a peer about files.

use super::{coexist, store};
use crate::blob;
use crate::domain::incoming::{Arrival, Incoming, Report, Stamps};
use crate::ids::{BundleId, Seq};
use quire_core::error::Result;
use quire_core::op::{Change, Edit, File, FileOp, Op, Write};
use quire_core::path::FilePath;
use quire_core::peer::{PeerVerdict, SentOp, judge};
use quire_core::tree::{Content, FileEdit, Head};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The files that a bundle writes.
struct Files<'a> {
    incoming: &'a Incoming<'a>,
    /// As they are.
    heads: HashMap<FilePath, Head>,
    /// As the edits so far make them.
    files: HashMap<FilePath, Option<File>>,
    /// Every path that is written.
    paths: BTreeSet<String>,
    verdicts: HashMap<FilePath, PeerVerdict>,
    edits: Vec<FileEdit>,
}

/// Reads what is here of what it writes.
pub fn arrive<'a>(incoming: &'a Incoming<'a>) -> Result<Box<dyn Arrival + 'a>> {
    let writes = incoming.bundle.ops.iter().flat_map(|sent| &sent.writes);
    let paths: BTreeSet<&str> = writes
        .filter_map(|write| match &write.change {
            Change::File(path, _) => Some(path.as_str()),
            _ => None,
        })
        .collect();
    let heads = store::heads_at(incoming.access.project, &paths)?;
    let files = heads.iter().map(|(path, head)| (path.clone(), head.file())).collect();
    let paths = paths.into_iter().map(str::to_owned).collect();
    let (verdicts, edits) = (HashMap::new(), Vec::new());
    Ok(Box::new(Files { incoming, heads, files, paths, verdicts, edits }))
}

/// A path, as stamps are kept of it.
fn name(path: &str) -> String {
    format!("file {path}")
}

impl Arrival for Files<'_> {
    fn seqs(&self) -> Vec<Seq> {
        self.heads.values().map(|head| head.seq).collect()
    }

    fn names(&self) -> Vec<String> {
        self.paths.iter().map(|path| name(path)).collect()
    }

    fn apply(&mut self, sent: &SentOp, stamps: &Stamps, report: &mut Report) -> Result<()> {
        if let Op::File(FileOp::Move { from_path, to_path }) = &sent.op {
            return self.rename(&sent.writes, [from_path, to_path], stamps, report);
        }
        for write in &sent.writes {
            if let Change::File(path, file) = &write.change {
                let wins = self.judge(path, file.as_ref(), write.base, stamps, report);
                let is_done = wins && self.write(path, file.as_ref(), report)?;
                report.is_verbatim &= is_done;
            }
        }
        Ok(())
    }

    fn finish(&mut self, report: &mut Report) -> Result<()> {
        let left_out = coexist::leave_out(self.incoming.access.project, &mut self.edits, self.incoming.head)?;
        report.is_verbatim &= left_out.is_empty();
        report.reasons.extend(left_out);
        Ok(())
    }

    fn decided(&self) -> Vec<String> {
        let written: HashSet<&FilePath> = self.edits.iter().flat_map(FileEdit::paths).collect();
        let left = self.verdicts.iter().filter(|(path, verdict)| verdict.wins && !written.contains(path));
        left.map(|(path, _)| name(path.as_str())).collect()
    }

    fn take_edits(&mut self) -> Vec<Edit> {
        std::mem::take(&mut self.edits).into_iter().map(Edit::File).collect()
    }
}

impl Files<'_> {
    /// Whether this bundle decides what is at a path; the first of its operations there settles it.
    fn judge(
        &mut self,
        path: &FilePath,
        file: Option<&File>,
        base: Option<BundleId>,
        stamps: &Stamps,
        report: &mut Report,
    ) -> bool {
        if let Some(verdict) = self.verdicts.get(path) {
            return verdict.wins;
        }
        let head = self.heads.get(path);
        let stamp = stamps.of(head.map(|head| head.seq), &name(path.as_str()));
        let is_equal = head.and_then(Head::file).as_ref() == file;
        let verdict = judge(stamp, self.incoming.bundle.stamp(), base, is_equal);
        if verdict.is_conflict {
            let kept = if verdict.wins { "the incoming one" } else { "the one that is here" };
            report.reasons.push(format!("{path} was changed on both sides; {kept} is later and stays"));
        }
        report.is_verbatim &= !verdict.is_conflict;
        self.verdicts.insert(path.clone(), verdict);
        verdict.wins
    }

    /// Plans what makes a path this file; `false` when that is no operation of its own.
    fn write(&mut self, path: &FilePath, file: Option<&File>, report: &mut Report) -> Result<bool> {
        let now = self.files.get(path).cloned().flatten();
        if now.as_ref() == file {
            return Ok(false);
        }
        let Some(file) = file else {
            self.files.insert(path.clone(), None);
            self.edits.push(FileEdit::Delete { path: path.clone(), expected_version: None });
            return Ok(true);
        };
        let Some(content) = self.content(file)? else {
            report.reasons.push(format!("the content of {path} was not sent"));
            return Ok(false);
        };
        blob::check_size(&self.incoming.access.settings, path.as_str(), content.size)?;
        self.files.insert(path.clone(), Some(file.clone()));
        self.edits.push(FileEdit::Put {
            path: path.clone(),
            file_type: Some(file.file_type.clone()),
            mode: Some(file.mode),
            content,
            expected_version: None,
        });
        Ok(true)
    }

    /// Content that came, or is here already.
    fn content(&self, file: &File) -> Result<Option<Content>> {
        if let Some(content) = self.incoming.contents.get(&file.content_hash) {
            return Ok(Some(content.clone()));
        }
        if !self.incoming.existing.contains(&file.content_hash) {
            return Ok(None);
        }
        Ok(Some(blob::content_of(&blob::store::read(self.incoming.access.project, &file.content_hash)?)))
    }

    fn rename(
        &mut self,
        writes: &[Write],
        [from, to]: [&FilePath; 2],
        stamps: &Stamps,
        report: &mut Report,
    ) -> Result<()> {
        let mut moved = None;
        let mut wins = [false, false];
        for write in writes {
            if let Change::File(path, file) = &write.change {
                let at = usize::from(path == to);
                wins[at] = self.judge(path, file.as_ref(), write.base, stamps, report);
                moved = file.clone().or(moved);
            }
        }
        let at = |path: &FilePath| self.files.get(path).cloned().flatten();
        if wins == [true, true] && at(from) == moved && at(to).is_none() {
            self.files.insert(from.clone(), None);
            self.files.insert(to.clone(), moved);
            self.edits.push(FileEdit::Move { from: from.clone(), to: to.clone(), expected_version: None });
            return Ok(());
        }
        report.is_verbatim = false;
        if wins[0] {
            self.write(from, None, report)?;
        }
        if wins[1] {
            self.write(to, moved.as_ref(), report)?;
        }
        Ok(())
    }
}
