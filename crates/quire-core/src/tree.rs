//! What a list of edits does to the files of a project: new versions and new heads, or the reason why not.
//!
//! Edits apply in order, each seeing what the ones before it did; the tree they leave behind must be one in which no
//! file is also a directory. The caller supplies every head that matters: the touched paths, the directories above
//! them, and what lives below them.

use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::id::{FileId, Seq, Version, VersionId};
use crate::interrupt;
use crate::mode::Mode;
use crate::op::{File, FileOp};
use crate::path::FilePath;
use crate::reason::Reason;
use crate::timestamp::Micros;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Content of a file, by reference to the blob store.
#[derive(Clone, PartialEq, Debug)]
pub struct Content {
    /// BLAKE3.
    pub hash: Hash,
    /// Bytes.
    pub size: i64,
    /// Not text.
    pub is_binary: bool,
    /// The text, where it is short enough to be the target of a symlink.
    pub link_target: Option<Arc<str>>,
}

/// The newest version of a path; also the row a writer gets back.
#[derive(Clone, PartialEq, Debug)]
pub struct Head {
    /// Number of the path inside its project.
    pub file_id: FileId,
    /// Version, from 1.
    pub version: Version,
    /// Identity of that version.
    pub version_id: VersionId,
    /// Identity of the version before.
    pub parent_version_id: Option<VersionId>,
    /// Bundle that made it; 0 while it is being made.
    pub seq: Seq,
    /// When; 0 while it is being made.
    pub updated_at: Micros,
    /// Type.
    pub file_type: String,
    /// Mode bits.
    pub mode: Mode,
    /// Content; `None` for a tombstone.
    pub content: Option<Content>,
}

impl Head {
    /// Whether the file exists now.
    pub fn is_live(&self) -> bool {
        self.content.is_some()
    }

    /// The file, if there is one, as operations tell it.
    pub fn file(&self) -> Option<File> {
        let content = self.content.as_ref()?;
        Some(File {
            content_hash: content.hash,
            file_type: self.file_type.clone(),
            mode: self.mode,
            size: content.size,
        })
    }

    fn size(&self) -> i64 {
        self.content.as_ref().map_or(0, |content| content.size)
    }
}

/// What a caller wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum FileEdit {
    /// Write content.
    Put {
        /// Where.
        path: FilePath,
        /// `None` keeps the type, or infers it for a new file.
        file_type: Option<String>,
        /// `None` keeps the mode, or takes the default for a new file.
        mode: Option<Mode>,
        /// What.
        content: Content,
        /// `None`: last write wins; 0: must not exist; n: head must be n.
        expected_version: Option<Version>,
    },
    /// Remove.
    Delete {
        /// Which.
        path: FilePath,
        /// As for `Put`.
        expected_version: Option<Version>,
    },
    /// Give another path.
    Move {
        /// From here.
        from: FilePath,
        /// To here, where nothing is.
        to: FilePath,
        /// As for `Put`, of `from`.
        expected_version: Option<Version>,
    },
}

impl FileEdit {
    /// The paths it touches.
    pub fn paths(&self) -> impl Iterator<Item = &FilePath> {
        let (first, second) = match self {
            FileEdit::Put { path, .. } | FileEdit::Delete { path, .. } => (path, None),
            FileEdit::Move { from, to, .. } => (from, Some(to)),
        };
        std::iter::once(first).chain(second)
    }

    /// The path at which a file may come into being.
    pub fn creates(&self) -> Option<&FilePath> {
        match self {
            FileEdit::Put { path, .. } => Some(path),
            FileEdit::Move { to, .. } => Some(to),
            FileEdit::Delete { .. } => None,
        }
    }

    /// The operation asked for, and the members that say what it is about.
    pub(crate) fn outline(&self) -> (&'static str, Value) {
        match self {
            FileEdit::Put { path, .. } => ("file.put", json!({"file_path": path.as_str()})),
            FileEdit::Delete { path, .. } => ("file.delete", json!({"file_path": path.as_str()})),
            FileEdit::Move { from, to, .. } => {
                ("file.move", json!({"from_path": from.as_str(), "to_path": to.as_str()}))
            }
        }
    }

    /// What identifies it in a repeated request.
    pub(crate) fn fingerprint(&self) -> Value {
        match self {
            FileEdit::Put { path, file_type, mode, content, expected_version } => {
                json!(["put", path.as_str(), file_type, mode, content.hash.to_hex(), expected_version])
            }
            FileEdit::Delete { path, expected_version } => json!(["delete", path.as_str(), expected_version]),
            FileEdit::Move { from, to, expected_version } => {
                json!(["move", from.as_str(), to.as_str(), expected_version])
            }
        }
    }
}

/// A version to be stored.
#[derive(Clone, PartialEq, Debug)]
pub struct NewVersion {
    /// Number of the operation inside its bundle, from 1.
    pub ordinal: i32,
    /// `file.put`, `file.delete` or `file.move`.
    pub op: &'static str,
    /// Which path.
    pub path: FilePath,
    /// What the path is now.
    pub head: Head,
    /// The other end of a move: path number and version.
    pub moved: Option<(FileId, Version)>,
    /// BLAKE3 of the operation; `None` on the tombstone a move leaves behind.
    pub op_checksum: Option<Hash>,
}

/// What became of one edit, as the receipt tells it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FileOutcome {
    /// `file.put`, `file.delete` or `file.move`.
    pub op: Cow<'static, str>,
    /// Which path.
    pub file_path: String,
    /// Where a moved file came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_path: Option<String>,
    /// Its version now.
    pub version: Version,
    /// Its content now; null for a deleted file.
    pub content_hash: Option<String>,
    /// `created`, `updated`, `unchanged`, `deleted`, `moved` or `skipped`.
    pub status: Cow<'static, str>,
}

impl FileOutcome {
    /// The status of an edit that was left out.
    pub const SKIPPED: &'static str = "skipped";
}

/// The result of [`apply`].
#[derive(Debug, Default)]
pub struct AppliedFiles {
    /// Versions to store, in order.
    pub versions: Vec<NewVersion>,
    /// One for each edit.
    pub outcomes: Vec<FileOutcome>,
    /// Checksums of the operations that changed something, in order.
    pub op_checksums: Vec<Hash>,
    /// Change in the number of existing files.
    pub live_files: i64,
    /// Change in their size together.
    pub live_bytes: i64,
    /// Path number for the next new path.
    pub next_file_id: FileId,
}

/// Why edits cannot be applied.
#[derive(Debug)]
pub struct Refusal {
    /// Index of the edit that cannot; `None` when it is what all of them together lead to.
    pub edit: Option<usize>,
    /// What is wrong.
    pub error: Error,
}

/// Applies `edits` to `heads`, which afterwards hold the new state.
pub fn apply(
    heads: &mut HashMap<FilePath, Head>,
    edits: &[FileEdit],
    next_file_id: FileId,
) -> std::result::Result<AppliedFiles, Refusal> {
    let mut run = Run {
        heads,
        applied: AppliedFiles { next_file_id, ..AppliedFiles::default() },
        created: BTreeSet::new(),
    };
    let of_all = |error| Refusal { edit: None, error };
    for (at, edit) in edits.iter().enumerate() {
        interrupt::check().map_err(of_all)?;
        run.apply(edit).map_err(|error| Refusal { edit: Some(at), error })?;
    }
    run.check_directories().map_err(of_all)?;
    Ok(run.applied)
}

struct Run<'a> {
    heads: &'a mut HashMap<FilePath, Head>,
    applied: AppliedFiles,
    created: BTreeSet<FilePath>,
}

impl Run<'_> {
    fn apply(&mut self, edit: &FileEdit) -> Result<()> {
        match edit {
            FileEdit::Put { path, file_type, mode, content, expected_version } => {
                self.put(path, file_type.as_deref(), *mode, content, *expected_version)
            }
            FileEdit::Delete { path, expected_version } => self.delete(path, *expected_version),
            FileEdit::Move { from, to, expected_version } => self.rename(from, to, *expected_version),
        }
    }

    fn put(
        &mut self,
        path: &FilePath,
        file_type: Option<&str>,
        mode: Option<Mode>,
        content: &Content,
        expected: Option<Version>,
    ) -> Result<()> {
        check_version(path, self.heads.get(path), expected)?;
        let live = self.heads.get(path).filter(|head| head.is_live());
        let file_type = match (file_type, live) {
            (Some(given), _) => given.to_owned(),
            (None, Some(head)) => head.file_type.clone(),
            (None, None) => path.inferred_type(),
        };
        // Writing over a symlink makes a file, unless the caller says that it is a target again.
        let kept = live.map(|head| head.mode).filter(|mode| *mode != Mode::Symlink);
        let mode = mode.or(kept).unwrap_or_default();
        if mode == Mode::Symlink {
            check_symlink(path, content)?;
        }
        let same = |head: &Head| {
            head.file_type == file_type
                && head.mode == mode
                && head.content.as_ref().is_some_and(|current| current.hash == content.hash)
        };
        if let Some(version) = live.filter(|head| same(head)).map(|head| head.version) {
            self.outcome("file.put", path, None, version, Some(content.hash), "unchanged");
            return Ok(());
        }
        let status = if live.is_some() { "updated" } else { "created" };
        let file =
            File { content_hash: content.hash, file_type: file_type.clone(), mode, size: content.size };
        let op = FileOp::Put { file_path: path.clone(), file };
        let ordinal = self.begin_op(&op)?;
        let head = self.advance(path, file_type, mode, Some(content.clone()));
        self.outcome(op.name(), path, None, head.version, Some(content.hash), status);
        let op_checksum = self.applied.op_checksums.last().copied();
        self.push(NewVersion { ordinal, op: op.name(), path: path.clone(), head, moved: None, op_checksum });
        Ok(())
    }

    fn delete(&mut self, path: &FilePath, expected: Option<Version>) -> Result<()> {
        let current = self.live(path, expected)?;
        let op = FileOp::Delete { file_path: path.clone() };
        let ordinal = self.begin_op(&op)?;
        let head = self.advance(path, current.file_type, current.mode, None);
        self.outcome(op.name(), path, None, head.version, None, "deleted");
        let op_checksum = self.applied.op_checksums.last().copied();
        self.push(NewVersion { ordinal, op: op.name(), path: path.clone(), head, moved: None, op_checksum });
        Ok(())
    }

    fn rename(&mut self, from: &FilePath, to: &FilePath, expected: Option<Version>) -> Result<()> {
        if from == to {
            return Err(
                Error::validation("a file cannot be moved to its own path").with("file_path", to.as_str())
            );
        }
        let current = self.live(from, expected)?;
        if let Some(there) = self.heads.get(to).filter(|head| head.is_live()) {
            return Err(Error::conflict(Reason::DestinationExists, format!("{to} exists already"))
                .with("file_path", to.as_str())
                .with("version", there.version));
        }
        if let (Mode::Symlink, Some(content)) = (current.mode, &current.content) {
            check_symlink(to, content)?;
        }
        let op = FileOp::Move { from_path: from.clone(), to_path: to.clone() };
        let ordinal = self.begin_op(&op)?;
        let gone = self.advance(from, current.file_type.clone(), current.mode, None);
        let hash = current.content.as_ref().map(|content| content.hash);
        let head = self.advance(to, current.file_type, current.mode, current.content);
        self.outcome(op.name(), to, Some(from), head.version, hash, "moved");
        let (source, target) = ((gone.file_id, current.version), (head.file_id, head.version));
        let op_checksum = self.applied.op_checksums.last().copied();
        let name = op.name();
        self.push(NewVersion {
            ordinal,
            op: name,
            path: from.clone(),
            head: gone,
            moved: Some(target),
            op_checksum: None,
        });
        self.push(NewVersion { ordinal, op: name, path: to.clone(), head, moved: Some(source), op_checksum });
        Ok(())
    }

    /// The existing file at `path`, after the version check.
    fn live(&self, path: &FilePath, expected: Option<Version>) -> Result<Head> {
        let head = self.heads.get(path);
        if head.is_some_and(Head::is_live) || expected.is_some_and(|expected| expected != Version::default())
        {
            check_version(path, head, expected)?;
        }
        head.filter(|head| head.is_live())
            .cloned()
            .ok_or_else(|| Error::not_found(format!("no file {path}")).with("file_path", path.as_str()))
    }

    fn begin_op(&mut self, op: &FileOp) -> Result<i32> {
        self.applied.op_checksums.push(op.checksum()?);
        i32::try_from(self.applied.op_checksums.len())
            .map_err(|_| Error::limit("too many operations", i32::MAX))
    }

    /// Makes the next version of a path and keeps the totals.
    fn advance(&mut self, path: &FilePath, file_type: String, mode: Mode, content: Option<Content>) -> Head {
        let before = self.heads.get(path);
        let file_id = before.map_or(self.applied.next_file_id, |head| head.file_id);
        let head = Head {
            file_id,
            version: before.map_or(Version::default(), |head| head.version).next(),
            version_id: VersionId::generate(),
            parent_version_id: before.map(|head| head.version_id),
            seq: Seq::ZERO,
            updated_at: 0,
            file_type,
            mode,
            content,
        };
        let was_live = before.is_some_and(Head::is_live);
        let change = head.size().saturating_sub(before.map_or(0, Head::size));
        self.applied.live_bytes = self.applied.live_bytes.saturating_add(change);
        self.applied.live_files += i64::from(head.is_live()) - i64::from(was_live);
        if before.is_none() {
            self.applied.next_file_id = file_id.next();
        }
        if head.is_live() && !was_live {
            self.created.insert(path.clone());
        }
        self.heads.insert(path.clone(), head.clone());
        head
    }

    fn push(&mut self, version: NewVersion) {
        self.applied.versions.push(version);
    }

    fn outcome(
        &mut self,
        op: &'static str,
        path: &FilePath,
        from: Option<&FilePath>,
        version: Version,
        hash: Option<Hash>,
        status: &'static str,
    ) {
        self.applied.outcomes.push(FileOutcome {
            op: op.into(),
            file_path: path.as_str().to_owned(),
            from_path: from.map(|path| path.as_str().to_owned()),
            version,
            content_hash: hash.map(Hash::to_hex),
            status: status.into(),
        });
    }

    /// No file may also be a directory of another; only what came into being can have broken that.
    fn check_directories(&self) -> Result<()> {
        if self.created.is_empty() {
            return Ok(());
        }
        for (path, _) in self.heads.iter().filter(|(_, head)| head.is_live()) {
            interrupt::step()?;
            for directory in path.ancestors() {
                if self.heads.get(directory).is_some_and(Head::is_live) {
                    let error = Error::conflict(
                        Reason::PathConflict,
                        format!("{directory} cannot be both a file and a directory"),
                    )
                    .with("file_path", directory);
                    // Who may write need not be allowed to know which files there are.
                    let is_created = self.created.contains(path);
                    return Err(if is_created { error.with("below", path.as_str()) } else { error });
                }
            }
        }
        Ok(())
    }
}

/// `None`: any; 0: must not exist now; n: the head must be n.
fn check_version(path: &FilePath, head: Option<&Head>, expected: Option<Version>) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    if expected < Version::default() {
        return Err(Error::validation("expected_version must not be negative")
            .with("file_path", path.as_str())
            .with("expected_version", expected));
    }
    let version = head.map_or(Version::default(), |head| head.version);
    let fits =
        if expected == Version::default() { !head.is_some_and(Head::is_live) } else { version == expected };
    if fits {
        return Ok(());
    }
    let content_hash = head.and_then(|head| head.content.as_ref()).map(|content| content.hash.to_hex());
    let message = match expected.0 {
        0 => format!("{path} exists already at version {version}"),
        _ => format!("{path} is at version {version}, not {expected}"),
    };
    Err(Error::conflict(Reason::StaleVersion, message)
        .with("file_path", path.as_str())
        .with("expected_version", expected)
        .with("current", json!({"version": version, "content_hash": content_hash, "is_deleted": !head.is_some_and(Head::is_live)}))
        .hint("read the file again, merge, and write with its current version"))
}

fn check_symlink(path: &FilePath, content: &Content) -> Result<()> {
    match &content.link_target {
        Some(target) if path.allows_symlink_to(target) => Ok(()),
        _ => Err(Error::validation("the target of a symlink must be a relative path inside the project")
            .with("file_path", path.as_str())),
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
