//! Reading a throw-away repository, and the repository itself, which other tests use too.

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A repository in a temporary directory, removed with the value.
pub struct Scratch {
    pub directory: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.directory).ok();
    }
}

impl Scratch {
    /// An empty one.
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("quire-demo-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let scratch = Self { directory: std::env::temp_dir().join(name) };
        fs::create_dir_all(&scratch.directory).unwrap();
        scratch.git(&["init", "--quiet", "--initial-branch=main"]);
        scratch
    }

    pub fn git(&self, args: &[&str]) {
        let who = [("NAME", "Ada"), ("EMAIL", "ada@example.org"), ("DATE", "2024-05-06T07:08:09+02:00")];
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.directory).args(args);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for (key, value) in who {
            command.env(format!("GIT_AUTHOR_{key}"), value).env(format!("GIT_COMMITTER_{key}"), value);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn write(&self, path: &str, content: &[u8]) {
        let path = self.directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.directory.join(path)).unwrap();
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
    }

    pub fn repo(&self) -> Repo {
        Repo::open(&self.directory).unwrap()
    }

    /// What the newest commit changed: status, from, path, modes.
    fn newest(&self) -> Vec<(char, Option<String>, String, String)> {
        let repo = self.repo();
        let commits = repo.commits().unwrap();
        let changes = repo.changes(commits.last().unwrap()).unwrap();
        let show = |change: Change| {
            let modes = format!("{} {}", change.old_mode, change.new_mode);
            (change.status, change.from.map(|name| name.unwrap()), change.path.unwrap(), modes)
        };
        changes.into_iter().map(show).collect()
    }
}

fn row(status: char, from: Option<&str>, path: &str, modes: &str) -> (char, Option<String>, String, String) {
    (status, from.map(str::to_owned), path.to_owned(), modes.to_owned())
}

#[test]
fn every_kind_of_change_is_read() {
    let scratch = Scratch::new();
    scratch.write("a b.txt", b"one\ntwo\nthree\nfour\nfive\n");
    scratch.write("\u{e9}.bin", b"\x00\xff\n\x00");
    scratch.write("gone", b"bye\n");
    scratch.commit("Start\n\nWith a body.");
    let added = |path| row('A', None, path, "000000 100644");
    assert_eq!(scratch.newest(), [added("a b.txt"), added("gone"), added("\u{e9}.bin")]);

    scratch.remove("gone");
    scratch.git(&["mv", "a b.txt", "d.txt"]);
    scratch.write("d.txt", b"one\ntwo\nthree\nfour\nFIVE\n");
    fs::set_permissions(scratch.directory.join("\u{e9}.bin"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("d.txt", scratch.directory.join("link")).unwrap();
    scratch.commit("Change");
    let expected = [
        row('R', Some("a b.txt"), "d.txt", "100644 100644"),
        row('D', None, "gone", "100644 000000"),
        row('A', None, "link", "000000 120000"),
        row('M', None, "\u{e9}.bin", "100644 100755"),
    ];
    assert_eq!(scratch.newest(), expected);

    scratch.remove("d.txt");
    scratch.write("d.txt/inner", b"x\n");
    scratch.commit("A directory where a file was");
    assert_eq!(scratch.newest(), [row('D', None, "d.txt", "100644 000000"), added("d.txt/inner")]);

    scratch.commit("Nothing");
    assert!(scratch.newest().is_empty());
}

#[test]
fn history_follows_first_parents() {
    let scratch = Scratch::new();
    scratch.write("main", b"1\n");
    scratch.commit("First");
    scratch.git(&["tag", "light"]);
    scratch.git(&["checkout", "--quiet", "-b", "side"]);
    scratch.write("side", b"1\n");
    scratch.commit("On the side");
    scratch.git(&["tag", "-a", "heavy", "-m", "A tag"]);
    scratch.git(&["checkout", "--quiet", "main"]);
    scratch.write("main", b"2\n");
    scratch.commit("Second");
    scratch.git(&["merge", "--quiet", "--no-ff", "-m", "Merge side", "side"]);
    assert_eq!(scratch.newest(), [row('A', None, "side", "000000 100644")]);

    let repo = scratch.repo();
    let commits = repo.commits().unwrap();
    let messages: Vec<&str> = commits.iter().map(|commit| commit.message.as_str()).collect();
    assert_eq!(messages, ["First", "Second", "Merge side"]);
    assert_eq!(commits[0].author, "Ada <ada@example.org>");
    assert_eq!(commits[0].date, "2024-05-06T07:08:09+02:00");
    assert_eq!((commits[0].parent.as_ref(), commits[1].parent.as_ref()), (None, Some(&commits[0].id)));
    let tags = repo.tags().unwrap();
    assert_eq!(tags[1], ("light".to_owned(), commits[0].id.clone()));
    assert!(tags[0].0 == "heavy" && commits.iter().all(|commit| commit.id != tags[0].1));
}

#[test]
fn contents_and_tree_are_read() {
    let scratch = Scratch::new();
    scratch.write("text", b"\nline\n\n");
    scratch.write("empty", b"");
    scratch.commit("Files");
    scratch.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        "160000,0123456789012345678901234567890123456789,sub",
    ]);
    scratch.git(&["commit", "--quiet", "-m", "A submodule"]);
    let repo = scratch.repo();
    let tree = repo.tree().unwrap();
    let names: Vec<(&str, &str)> =
        tree.iter().map(|entry| (entry.mode.as_str(), entry.path.as_deref().unwrap())).collect();
    assert_eq!(names, [("100644", "empty"), ("160000", "sub"), ("100644", "text")]);
    let mut blobs = repo.blobs().unwrap();
    assert_eq!(blobs.read(&tree[2].blob, 3).unwrap(), Blob::TooLarge(7));
    assert_eq!(blobs.read(&tree[2].blob, 7).unwrap(), Blob::Bytes(b"\nline\n\n".to_vec()));
    assert_eq!(blobs.read(&tree[0].blob, 7).unwrap(), Blob::Bytes(Vec::new()));
    assert!(blobs.read(&tree[1].blob, 7).unwrap_err().to_string().contains("missing"));
}

#[test]
fn what_cannot_be_imported_is_said() {
    let scratch = Scratch::new();
    let error = Repo::open(&scratch.directory).err().unwrap().to_string();
    assert!(error.contains("has no commit yet"), "{error}");
    let error = Repo::open(Path::new("/dev")).err().unwrap().to_string();
    assert!(error.contains("is not a git repository"), "{error}");
    scratch.commit("Only");
    scratch.commit("Two");
    assert!(!scratch.repo().is_shallow().unwrap());
    let source = format!("file://{}", scratch.directory.display());
    scratch.git(&["clone", "--quiet", "--depth=1", &source, "clone"]);
    let clone = Repo::open(&scratch.directory.join("clone")).unwrap();
    assert!(clone.is_shallow().unwrap());
    assert_eq!(clone.commits().unwrap().len(), 1);
    assert_eq!(clone.commits().unwrap()[0].parent, None);
}
