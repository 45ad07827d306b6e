//! Reads a git repository through the `git` program: history along first parents, what each commit changed, tags, the
//! tree of HEAD and contents. Writes nothing.

use crate::Result;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A path as git has it; `Err` holds what can be shown of one that is not UTF-8.
pub type Name = std::result::Result<String, String>;

/// A repository with at least one commit.
pub struct Repo {
    directory: PathBuf,
}

/// A commit on the line of first parents.
#[derive(Debug, Clone)]
pub struct Commit {
    pub id: String,
    pub parent: Option<String>,
    /// `Name <email>`.
    pub author: String,
    /// ISO 8601.
    pub date: String,
    pub message: String,
}

impl Commit {
    /// The first digits of the id.
    pub fn short(&self) -> &str {
        self.id.get(..10).unwrap_or(&self.id)
    }
}

/// One line of `git diff-tree --raw`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `A`, `D`, `M`, `R` or `T`.
    pub status: char,
    /// Where a renamed file was.
    pub from: Option<Name>,
    pub path: Name,
    pub old_mode: String,
    pub new_mode: String,
    pub old_blob: String,
    pub new_blob: String,
}

/// One line of `git ls-tree -r`.
#[derive(Debug, PartialEq)]
pub struct Entry {
    pub mode: String,
    pub blob: String,
    pub path: Name,
}

impl Repo {
    /// Opens the repository that `path` is in.
    pub fn open(path: &Path) -> Result<Self> {
        let repo = Self { directory: path.to_owned() };
        repo.run(&["rev-parse", "--git-dir"])
            .map_err(|error| format!("{} is not a git repository: {error}", path.display()))?;
        if repo.run(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).is_err() {
            return Err(format!(
                "the repository {} has no commit yet: there is nothing to import",
                path.display()
            )
            .into());
        }
        Ok(repo)
    }

    /// Whether the oldest commits here have parents that were not fetched.
    pub fn is_shallow(&self) -> Result<bool> {
        Ok(self.run(&["rev-parse", "--is-shallow-repository"])?.starts_with(b"true"))
    }

    /// The commits from the root to HEAD along first parents.
    pub fn commits(&self) -> Result<Vec<Commit>> {
        let format = "--format=%H%x00%P%x00%an <%ae>%x00%aI%x00%B";
        let out = self.run(&["log", "--first-parent", "--reverse", "-z", format, "HEAD"])?;
        let text = String::from_utf8_lossy(&out);
        let fields: Vec<&str> = text.split('\0').collect();
        Ok(fields
            .chunks_exact(5)
            .map(|fields| Commit {
                id: fields[0].to_owned(),
                parent: fields[1].split(' ').next().filter(|id| !id.is_empty()).map(str::to_owned),
                author: fields[2].to_owned(),
                date: fields[3].to_owned(),
                message: fields[4].trim_end().to_owned(),
            })
            .collect())
    }

    /// What a commit changed, compared with its first parent.
    pub fn changes(&self, commit: &Commit) -> Result<Vec<Change>> {
        let mut args = vec!["diff-tree", "-r", "-M", "--raw", "-z", "--ignore-submodules=none"];
        match &commit.parent {
            Some(parent) => args.extend([parent.as_str(), &commit.id]),
            None => args.extend(["--root", "--no-commit-id", &commit.id]),
        }
        parse_raw(&self.run(&args)?)
    }

    /// The tags and the objects they lead to.
    pub fn tags(&self) -> Result<Vec<(String, String)>> {
        let format = "--format=%(objectname) %(*objectname) %(refname:strip=2)";
        let out = self.run(&["for-each-ref", "refs/tags", format])?;
        let text = String::from_utf8_lossy(&out);
        let tag = |line: &str| {
            let mut fields = line.splitn(3, ' ');
            let (object, peeled, name) = (fields.next()?, fields.next()?, fields.next()?);
            Some((name.to_owned(), if peeled.is_empty() { object } else { peeled }.to_owned()))
        };
        Ok(text.lines().filter_map(tag).collect())
    }

    /// Every file of HEAD.
    pub fn tree(&self) -> Result<Vec<Entry>> {
        let out = self.run(&["ls-tree", "-r", "-z", "--full-tree", "HEAD"])?;
        out.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(parse_entry).collect()
    }

    /// A reader of contents.
    pub fn blobs(&self) -> Result<Blobs> {
        let mut child =
            self.command(&["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().ok_or("git cat-file has no input")?;
        let stdout = child.stdout.take().ok_or("git cat-file has no output")?;
        Ok(Blobs { child, pipes: Some((stdin, BufReader::new(stdout))) })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        // The reader may be another user than the owner, and settings of either must not change the output.
        command.args([
            "-c",
            "safe.directory=*",
            "-c",
            "log.showSignature=false",
            "-c",
            "i18n.logOutputEncoding=UTF-8",
        ]);
        command.arg("-C").arg(&self.directory).args(args);
        for variable in
            ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"]
        {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Result<Vec<u8>> {
        let output =
            self.command(args).stdin(Stdio::null()).output().map_err(|error| format!("git: {error}"))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(format!(
            "git {}: {}",
            args.first().unwrap_or(&""),
            String::from_utf8_lossy(&output.stderr).trim()
        )
        .into())
    }
}

/// Content of a blob, unless it is larger than the reader wants.
#[derive(Debug, PartialEq)]
pub enum Blob {
    Bytes(Vec<u8>),
    TooLarge(u64),
}

/// One `git cat-file --batch`.
pub struct Blobs {
    child: Child,
    pipes: Option<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Blobs {
    /// The content of a blob, when it has at most `limit` bytes.
    pub fn read(&mut self, id: &str, limit: u64) -> Result<Blob> {
        let (input, output) = self.pipes.as_mut().ok_or("git cat-file has ended")?;
        writeln!(input, "{id}")?;
        input.flush()?;
        let mut header = String::new();
        output.read_line(&mut header)?;
        let mut fields = header.trim_end().rsplit(' ');
        let size: u64 = fields
            .next()
            .and_then(|size| size.parse().ok())
            .ok_or_else(|| format!("git cat-file: {header}"))?;
        let mut content = output.take(size + 1);
        if size > limit {
            std::io::copy(&mut content, &mut std::io::sink())?;
            return Ok(Blob::TooLarge(size));
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        if bytes.pop() != Some(b'\n') {
            return Err(format!("git cat-file: {id} ended early").into());
        }
        Ok(Blob::Bytes(bytes))
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        // Its input ends, so it does.
        self.pipes = None;
        self.child.wait().ok();
    }
}

fn name(bytes: &[u8]) -> Name {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| String::from_utf8_lossy(bytes).into_owned())
}

/// Parses `:old_mode new_mode old_blob new_blob status NUL path NUL [path NUL]`.
fn parse_raw(raw: &[u8]) -> Result<Vec<Change>> {
    let mut fields = raw.split(|byte| *byte == 0);
    let mut changes = Vec::new();
    while let Some(meta) = fields.next().filter(|meta| !meta.is_empty()) {
        let meta = String::from_utf8_lossy(meta);
        let unreadable = || format!("git diff-tree: cannot read {meta:?}");
        let parts: Vec<&str> = meta.trim_start_matches(':').split(' ').collect();
        let [old_mode, new_mode, old_blob, new_blob, status] = parts[..] else {
            return Err(unreadable().into());
        };
        let status = status.chars().next().ok_or_else(unreadable)?;
        let first = name(fields.next().ok_or_else(unreadable)?);
        let (from, path) = match status {
            'R' | 'C' => (Some(first), name(fields.next().ok_or_else(unreadable)?)),
            _ => (None, first),
        };
        changes.push(Change {
            status,
            from,
            path,
            old_mode: old_mode.to_owned(),
            new_mode: new_mode.to_owned(),
            old_blob: old_blob.to_owned(),
            new_blob: new_blob.to_owned(),
        });
    }
    Ok(changes)
}

/// Parses `mode type blob TAB path`.
fn parse_entry(line: &[u8]) -> Result<Entry> {
    let unreadable = || format!("git ls-tree: cannot read {:?}", String::from_utf8_lossy(line));
    let tab = line.iter().position(|byte| *byte == b'\t').ok_or_else(unreadable)?;
    let meta = String::from_utf8_lossy(&line[..tab]);
    let parts: Vec<&str> = meta.split(' ').collect();
    let [mode, _, blob] = parts[..] else { return Err(unreadable().into()) };
    Ok(Entry { mode: mode.to_owned(), blob: blob.to_owned(), path: name(&line[tab + 1..]) })
}

#[cfg(test)]
#[path = "git_tests.rs"]
pub mod tests;
