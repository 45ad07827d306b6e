//! Imports the history: one commit, one bundle.

use crate::Result;
use crate::git::{Blob, Blobs, Commit, Repo};
use crate::plan::{Refusal, Step, plan, without};
use crate::sql::{explain_call, refused_path};
use indicatif::{ProgressBar, ProgressStyle};
use postgres::Client;
use quire_client::Quire;
use quire_client::bundle::{CommitOptions, DoneOp};
use quire_client::file::TagProjectOptions;
use quire_core::content::is_binary;
use quire_core::json::encode_base64;
use quire_core::mode::Mode;
use quire_core::path::FilePath;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Most operations of one bundle.
const MAX_OPS: usize = 65_536;
/// About the most bytes of JSON in one call.
const MAX_JSON: usize = 96 << 20;
/// Most bytes of one file.
const MAX_FILE: u64 = 64 << 20;
/// Most bytes of a message, of which git allows more than quire; leaves room for the trailers.
const MAX_MESSAGE: usize = 60 << 10;

/// A file as the server has it.
#[derive(Debug, Default)]
pub struct File {
    pub version: i32,
    /// How often its content was changed in place, and the newest version that did.
    pub changes: u32,
    pub changed: i32,
    /// Lines of text; 0 for what is not text.
    pub lines: usize,
    blob: String,
}

/// What an import came to.
#[derive(Debug, Default)]
pub struct Imported {
    pub files: BTreeMap<String, File>,
    pub commits: usize,
    pub bundles: usize,
    pub operations: usize,
    pub bytes: u64,
    /// Commits that changed nothing, and those of which nothing could be stored.
    pub empty: usize,
    pub nothing_storable: usize,
    /// Seq after each commit.
    pub seqs: Vec<(String, i64)>,
    /// Tags that were set, with their seq.
    pub tags: Vec<(String, i64)>,
    /// Every file of some commit that could not be stored: path, then reason and first commit.
    pub refused: BTreeMap<String, (String, String)>,
    /// Paths for which the last word was a refusal.
    pub missing: BTreeMap<String, String>,
    pub notes: Vec<String>,
    pub elapsed: Duration,
}

impl Imported {
    /// The newest seq.
    pub fn head(&self) -> i64 {
        self.seqs.last().map_or(0, |(_, seq)| *seq)
    }
}

/// Imports all commits of `repo`, and its tags.
pub fn import(client: &mut Client, project: Uuid, repo: &Repo) -> Result<Imported> {
    let commits = repo.commits()?;
    let mut tags: HashMap<String, Vec<String>> = HashMap::new();
    for (tag, commit) in repo.tags()? {
        tags.entry(commit).or_default().push(tag);
    }
    let mut importer = Importer { client, project, blobs: repo.blobs()?, head: 0, done: Imported::default() };
    let bar = ProgressBar::new(commits.len() as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} commits, {per_sec}, {eta} left")?);
    let start = Instant::now();
    for commit in &commits {
        importer.commit(repo, commit)?;
        importer.tag(tags.remove(&commit.id).unwrap_or_default())?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut done = importer.done;
    done.elapsed = start.elapsed();
    done.commits = commits.len();
    let elsewhere: Vec<String> = tags.into_values().flatten().collect();
    if !elsewhere.is_empty() {
        done.notes.push(format!("tags that are not on the line of first parents: {}", elsewhere.join(", ")));
    }
    Ok(done)
}

struct Importer<'a> {
    client: &'a mut Client,
    project: Uuid,
    blobs: Blobs,
    /// The newest seq.
    head: i64,
    done: Imported,
}

/// A step with its operation as JSON.
struct Op {
    step: Step,
    json: Value,
    /// About the bytes of `json`.
    size: usize,
    /// Bytes and lines of the content.
    bytes: usize,
    lines: usize,
}

impl Importer<'_> {
    /// Makes a commit a bundle, or several when it is too large for one.
    fn commit(&mut self, repo: &Repo, commit: &Commit) -> Result<()> {
        let changes = repo.changes(commit)?;
        let (mut steps, refused) = plan(&changes, |path| self.done.files.contains_key(path));
        refused.into_iter().for_each(|refusal| self.refuse(commit, refusal));
        let message = self.message(commit);
        let mut bundles = 0;
        while !steps.is_empty() {
            let refusal = match self.next_ops(&steps)? {
                Ok(mut ops) => match self.send(&mut ops, &message, commit)? {
                    None => {
                        steps.drain(..ops.len());
                        bundles += 1;
                        continue;
                    }
                    Some(refusal) => refusal,
                },
                Err(refusal) => refusal,
            };
            steps = without(&steps, &refusal.path, self.done.files.contains_key(&refusal.path))
                .ok_or_else(|| format!("commit {}: {}: {}", commit.short(), refusal.path, refusal.reason))?;
            self.refuse(commit, refusal);
        }
        match bundles {
            0 if changes.is_empty() => self.done.empty += 1,
            0 => self.done.nothing_storable += 1,
            1 => {}
            _ => self
                .done
                .notes
                .push(format!("commit {} became {bundles} bundles: it is too large for one", commit.short())),
        }
        self.done.bundles += bundles;
        self.done.seqs.push((commit.id.clone(), self.head));
        Ok(())
    }

    /// As many of the first steps as one bundle takes, with their contents; or the file that cannot be stored.
    fn next_ops(&mut self, steps: &[Step]) -> Result<std::result::Result<Vec<Op>, Refusal>> {
        let (mut ops, mut size): (Vec<Op>, usize) = (Vec::new(), 0);
        for step in steps.iter().take(MAX_OPS) {
            match self.op(step)? {
                Err(refusal) => return Ok(Err(refusal)),
                Ok(op) => {
                    size += op.size;
                    if size > MAX_JSON && !ops.is_empty() {
                        break;
                    }
                    ops.push(op);
                }
            }
        }
        Ok(Ok(ops))
    }

    fn op(&mut self, step: &Step) -> Result<std::result::Result<Op, Refusal>> {
        let mut op = Op { step: step.clone(), json: Value::Null, size: 300, bytes: 0, lines: 0 };
        match step {
            Step::Delete { path } => op.json = json!({"op": "file.delete", "file_path": path}),
            Step::Move { from, to } => op.json = json!({"op": "file.move", "from_path": from, "to_path": to}),
            Step::Put { path, blob, mode } => {
                let refusal = |reason: String| Ok(Err(Refusal { path: path.clone(), reason }));
                let bytes = match self.blobs.read(blob, MAX_FILE)? {
                    Blob::Bytes(bytes) => bytes,
                    Blob::TooLarge(size) => {
                        return refusal(format!("{size} bytes are too many for one file"));
                    }
                };
                if *mode == Mode::Symlink && !may_point_to(path, &bytes) {
                    let target = String::from_utf8_lossy(&bytes).into_owned();
                    return refusal(format!("the symlink leaves the project: {target}"));
                }
                let binary = is_binary(&bytes);
                op.bytes = bytes.len();
                op.lines = if binary { 0 } else { bytes.split_inclusive(|byte| *byte == b'\n').count() };
                let (key, text, size) = encode(bytes, binary);
                op.size += size;
                op.json = json!({"op": "file.put", "file_path": path, "mode": mode.as_str(), key: text});
            }
        }
        Ok(Ok(op))
    }

    /// Commits one bundle; or the file the server refuses.
    fn send(&mut self, ops: &mut [Op], message: &str, commit: &Commit) -> Result<Option<Refusal>> {
        let json = Value::Array(ops.iter_mut().map(|op| op.json.take()).collect());
        let options = CommitOptions { kind: Some("import"), message: Some(message), ..Default::default() };
        let receipt = match Quire::new(self.client).commit_bundle(self.project.into(), &json, options) {
            Ok(receipt) => receipt,
            Err(error) => match refused_path(&error) {
                Some(path) => return Ok(Some(Refusal { path, reason: explain_call(&error) })),
                None => return Err(format!("commit {}: {}", commit.short(), explain_call(&error)).into()),
            },
        };
        self.head = receipt.seq;
        self.done.operations += ops.len();
        for op in ops.iter() {
            self.remember(op);
        }
        for outcome in &receipt.ops {
            let DoneOp::File(outcome) = outcome else { continue };
            if let Some(file) = self.done.files.get_mut(&outcome.file_path) {
                file.version = outcome.version;
                file.changed = file.changed.min(outcome.version);
            }
        }
        Ok(None)
    }

    /// Keeps the picture of what the server has.
    fn remember(&mut self, op: &Op) {
        let files = &mut self.done.files;
        match &op.step {
            Step::Delete { path } => {
                files.remove(path);
            }
            Step::Move { from, to } => {
                let file = files.remove(from).unwrap_or_default();
                files.insert(to.clone(), File { version: 1, changes: 0, changed: 0, ..file });
            }
            Step::Put { path, blob, .. } => {
                let file = files.entry(path.clone()).or_default();
                if file.version > 0 && file.blob != *blob {
                    file.changes += 1;
                    // The receipt has the version.
                    file.changed = i32::MAX;
                }
                file.blob.clone_from(blob);
                file.lines = op.lines;
                self.done.bytes += op.bytes as u64;
                self.done.missing.remove(path);
            }
        }
    }

    fn refuse(&mut self, commit: &Commit, refusal: Refusal) {
        self.done.missing.insert(refusal.path.clone(), refusal.reason.clone());
        self.done.refused.entry(refusal.path).or_insert((refusal.reason, commit.short().to_owned()));
    }

    /// Sets the tags of the newest commit.
    fn tag(&mut self, tags: Vec<String>) -> Result<()> {
        for tag in tags {
            match set_tag(self.client, self.project, &tag, self.head) {
                Ok(()) => self.done.tags.push((tag, self.head)),
                Err(error) => self.done.notes.push(format!("tag {tag}: {}", explain_call(&error))),
            }
        }
        Ok(())
    }

    /// The commit's message with who, when and which commit as trailers.
    fn message(&mut self, commit: &Commit) -> String {
        let mut text = commit.message.clone();
        if text.len() > MAX_MESSAGE {
            let end = (0..=MAX_MESSAGE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
            self.done
                .notes
                .push(format!("commit {}: the message is cut to {MAX_MESSAGE} bytes", commit.short()));
        }
        let gap = if ends_with_trailers(&text) { "\n" } else { "\n\n" };
        format!("{text}{gap}Author: {}\nDate: {}\nCommit: {}\n", commit.author, commit.date, commit.id)
    }
}

/// Names a seq.
pub fn set_tag(client: &mut Client, project: Uuid, tag: &str, seq: i64) -> quire_client::Result<()> {
    let options = TagProjectOptions { at_seq: Some(seq), ..Default::default() };
    Quire::new(client).tag_project(project.into(), tag, options).map(|_| ())
}

fn may_point_to(path: &str, target: &[u8]) -> bool {
    match (FilePath::parse(path), std::str::from_utf8(target)) {
        (Ok(path), Ok(target)) => path.allows_symlink_to(target),
        _ => false,
    }
}

/// Content as a member of an operation, and about how long it is in JSON. Text with many escapes is shorter in base64.
fn encode(bytes: Vec<u8>, binary: bool) -> (&'static str, String, usize) {
    let escapes = bytes.iter().filter(|byte| **byte < b' ' || matches!(byte, b'"' | b'\\')).count();
    let (as_text, as_base64) = (bytes.len() + 5 * escapes, bytes.len() / 3 * 4 + 4);
    match String::from_utf8(bytes) {
        Ok(text) if !binary && (as_text < MAX_JSON || as_text < as_base64) => ("content", text, as_text),
        Ok(text) => ("content_base64", encode_base64(text.as_bytes()), as_base64),
        Err(error) => ("content_base64", encode_base64(error.as_bytes()), as_base64),
    }
}

/// Whether the last paragraph, not being the only one, consists of `Key: value` lines.
fn ends_with_trailers(message: &str) -> bool {
    let is_trailer = |line: &str| {
        line.split_once(": ").is_some_and(|(key, _)| {
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    message.trim_end().rsplit_once("\n\n").is_some_and(|(_, last)| last.lines().all(is_trailer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_join_trailers() {
        assert!(ends_with_trailers("Subject\n\nBody: yes, it is\nmore\n\nSigned-off-by: A <a@b>\nFixes: 3"));
        assert!(!ends_with_trailers("Subject: one line"));
        assert!(!ends_with_trailers("Subject\n\nSome text: with colon"));
    }

    #[test]
    fn content_travels_as_text_where_it_is_text() {
        assert_eq!(encode(b"a\"\n".to_vec(), false), ("content", "a\"\n".to_owned(), 13));
        assert_eq!(encode(vec![0xff, 0], true).0, "content_base64");
        assert_eq!(encode(vec![1; MAX_JSON / 4], false).0, "content_base64");
        assert!(
            may_point_to("a/b", b"../c") && !may_point_to("a/b", b"../../c") && !may_point_to("a", b"\xff")
        );
    }
}
