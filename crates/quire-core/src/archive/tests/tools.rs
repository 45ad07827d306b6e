//! The readers that people have. Without QUIRE_SKIP_TOOLS in the environment, a missing one fails its test.

use super::*;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory that goes away.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("quire-archive-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("creates a directory");
        Self(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Whether the tests of these tools are to run.
fn have(tools: &[&str]) -> bool {
    if std::env::var_os("QUIRE_SKIP_TOOLS").is_some() {
        return false;
    }
    for tool in tools {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(found.is_ok(), "{tool} is missing: install it, or set QUIRE_SKIP_TOOLS");
    }
    true
}

/// Runs a tool and gives what it printed.
fn run(tool: &str, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new(tool);
    let output = command.args(args).env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).output().expect("starts");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{tool} {args:?}: {error}{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(error, "", "{tool} {args:?}");
    output.stdout
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// What a tool printed as JSON, one `[path, mode, hash or target, seconds]` a file.
fn check_listing(printed: &[u8], members: &[Member]) {
    let found: Value = serde_json::from_slice(printed).expect("JSON");
    let expected: Vec<Value> = members
        .iter()
        .map(|Member { path, mode, bytes }| json!([path.as_str(), mode.as_str(), hex(bytes), AT / 1_000_000]))
        .collect();
    assert_eq!(found, Value::from(expected));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(100).map(|byte| format!("{byte:02x}")).collect()
}

/// What a tool unpacked. (bsdtar with -P, or it takes `a:` for a drive.)
fn check_directory(root: &Path, members: &[Member]) {
    for Member { path, mode, bytes } in members {
        let at = root.join(path.as_str());
        let found = fs::symlink_metadata(&at).unwrap_or_else(|error| panic!("{path}: {error}"));
        if *mode == Mode::Symlink {
            let target = fs::read_link(&at).expect("a symlink");
            assert_eq!(target.as_os_str().as_encoded_bytes(), bytes, "{path}");
        } else {
            assert!(fs::read(&at).expect("a file") == *bytes, "{path}");
            assert_eq!(found.permissions().mode() & 0o100 != 0, *mode == Mode::Executable, "{path}");
            let modified = found.modified().expect("a time").duration_since(std::time::UNIX_EPOCH);
            assert_eq!(modified.expect("after 1970").as_secs(), AT as u64 / 1_000_000, "{path}");
        }
    }
}

const LIST_ZIP: &str = r#"
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    assert all(i.date_time == (2026, 1, 2, 3, 4, 6) for i in archive.infolist())
    def seconds(info):
        at = info.extra.find(b"UT\x05\x00\x01")
        return int.from_bytes(info.extra[at + 5:at + 9], "little")
    print(json.dumps([[i.filename, "%o" % (i.external_attr >> 16), archive.read(i)[:100].hex(), seconds(i)]
                      for i in archive.infolist()]).replace("120777", "120000"))
"#;

const LIST_TAR: &str = r#"
import json, sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    assert all((i.uid, i.gid, i.uname, i.gname) == (0, 0, "", "") for i in archive)
    print(json.dumps([[i.name, "120000", i.linkname.encode()[:100].hex(), i.mtime] if i.issym() else
                      [i.name, "%o" % (0o100000 | i.mode), archive.extractfile(i).read()[:100].hex(), i.mtime]
                      for i in archive]))
"#;

#[test]
fn zip_archives() {
    if !have(&["unzip", "python3", "bsdtar"]) {
        return;
    }
    let directory = Directory::new("zip");
    let (members, file, out) = (odd_members(), directory.join("a.zip"), directory.join("out"));
    fs::write(&file, pack(Format::Zip, &members)).expect("writes");
    run("unzip", &["-tqq", text(&file)]);
    check_listing(&run("python3", &["-c", LIST_ZIP, text(&file)]), &members);
    fs::create_dir(&out).expect("creates a directory");
    run("bsdtar", &["-xPf", text(&file), "-C", text(&out)]);
    check_directory(&out, &members);
    // From a stream, which says only at its end what is executable or a symlink.
    fs::remove_dir_all(&out).expect("removes");
    fs::create_dir(&out).expect("creates a directory");
    let regular: Vec<_> = members.into_iter().filter(|member| member.mode == Mode::Regular).collect();
    run("sh", &["-c", "cat \"$1\" | bsdtar -xPf - -C \"$2\"", "sh", text(&file), text(&out)]);
    check_directory(&out, &regular);
}

#[test]
fn zip_archives_of_many_files() {
    if !have(&["unzip", "python3", "bsdtar"]) {
        return;
    }
    let directory = Directory::new("zip64");
    let file = directory.join("a.zip");
    let mut writer = Writer::new(Format::Zip, Vec::new()).expect("starts");
    for number in 0..70_000 {
        put(&mut writer, &member(&format!("{number:05}"), Mode::Regular, ""), &[], AT);
    }
    fs::write(&file, writer.finish().expect("finishes")).expect("writes");
    run("unzip", &["-tqq", text(&file)]);
    let count = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).infolist()))";
    assert_eq!(run("python3", &["-c", count, text(&file)]), b"70000\n");
    let listed = run("bsdtar", &["-tf", text(&file)]);
    assert_eq!(listed.iter().filter(|byte| **byte == b'\n').count(), 70_000);
}

#[test]
fn tar_archives() {
    if !have(&["zstd", "tar", "bsdtar", "python3"]) {
        return;
    }
    let directory = Directory::new("tar");
    let (members, file, plain) = (odd_members(), directory.join("a.tar.zst"), directory.join("a.tar"));
    fs::write(&file, pack(Format::TarZst, &members)).expect("writes");
    run("zstd", &["-tq", text(&file)]);
    run("zstd", &["-dq", text(&file), "-o", text(&plain)]);
    check_listing(&run("python3", &["-c", LIST_TAR, text(&plain)]), &members);
    let listed = run("tar", &["--zstd", "-tf", text(&file)]);
    assert_eq!(listed.iter().filter(|byte| **byte == b'\n').count(), members.len());
    for (tool, args) in [("tar", &["--zstd", "-xf"][..]), ("bsdtar", &["-xPf"])] {
        let out = directory.join(tool);
        fs::create_dir(&out).expect("creates a directory");
        run(tool, &[args, &[text(&file), "-C", text(&out)]].concat());
        check_directory(&out, &members);
    }
}

/// What others write can be read.
#[test]
fn archives_of_others() {
    if !have(&["tar", "bsdtar", "python3", "zstd"]) {
        return;
    }
    let directory = Directory::new("others");
    let out = directory.join("tree");
    fs::create_dir(&out).expect("creates a directory");
    let mut members = odd_members();
    let own = directory.join("own.tar.zst");
    fs::write(&own, pack(Format::TarZst, &members)).expect("writes");
    run("tar", &["--zstd", "-xf", text(&own), "-C", text(&out)]);
    members.sort_by(|a, b| a.path.cmp(&b.path));
    let python = "import os, shutil, sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[2])";
    let makers: [(Format, &str, Vec<&str>); 6] = [
        (Format::TarZst, "tar", vec!["--zstd", "--format=gnu"]),
        (Format::TarZst, "tar", vec!["--zstd", "--format=pax"]),
        (Format::TarZst, "bsdtar", vec!["--zstd", "--format=pax"]),
        (Format::TarZst, "bsdtar", vec!["--zstd", "--format=gnutar"]),
        (Format::Zip, "bsdtar", vec!["--format=zip"]),
        (Format::Zip, "python3", vec!["-c", python]),
    ];
    for (number, (format, tool, args)) in makers.into_iter().enumerate() {
        let base = directory.join(&number.to_string());
        let file = directory.join(&format!("{number}.zip"));
        if tool == "python3" {
            // It follows symlinks, and this one leads nowhere.
            fs::remove_file(out.join("src/long link")).expect("removes");
            run(tool, &[&args[..], &[text(&base), text(&out)]].concat());
        } else {
            run(tool, &[&args[..], &["-cf", text(&file), "-C", text(&out), "."]].concat());
        }
        let archive = fs::read(&file).expect("reads");
        let mut found = unpack(format, &archive).unwrap_or_else(|error| panic!("{tool} {args:?}: {error:?}"));
        found.sort_by(|a, b| a.path.cmp(&b.path));
        if tool == "python3" {
            found.retain(|member| !member.path.as_str().contains("link"));
            let files: Vec<_> =
                members.iter().filter(|member| !member.path.as_str().contains("link")).cloned().collect();
            assert_eq!(found, files, "{tool} {args:?}");
        } else {
            assert_eq!(found, members, "{tool} {args:?}");
        }
    }
}
