//! Turns what a commit changed into the steps of a bundle. Knows neither git's program nor the server.

use crate::git::{Change, Name};
use quire_core::mode::Mode;
use quire_core::path::FilePath;

/// One operation of a bundle, with the content named, not yet read.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Delete { path: String },
    Move { from: String, to: String },
    Put { path: String, blob: String, mode: Mode },
}

/// A file that cannot be stored, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub path: String,
    pub reason: String,
}

/// The steps for what a commit changed: deletions, then moves, then contents, so that a file can make way for a directory
/// and the reverse. `present` says which paths are stored now.
pub fn plan(changes: &[Change], present: impl Fn(&str) -> bool) -> (Vec<Step>, Vec<Refusal>) {
    let (mut deletes, mut moves, mut puts, mut refused) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        let before = change.from.as_ref().unwrap_or(&change.path);
        let stored = storable_path(before).ok().filter(|path| present(path));
        let target = if change.status == 'D' { None } else { Some(target(change)) };
        match (target, stored) {
            (None, Some(path)) => deletes.push(Step::Delete { path }),
            (None, None) => {}
            (Some(Err(refusal)), stored) => {
                deletes.extend(stored.map(|path| Step::Delete { path }));
                refused.push(refusal);
            }
            (Some(Ok((path, mode))), Some(from)) if change.status == 'R' && from != path => {
                if change.old_blob != change.new_blob || storable_mode(&change.old_mode) != Ok(mode) {
                    puts.push(Step::Put { path: path.clone(), blob: change.new_blob.clone(), mode });
                }
                moves.push(Step::Move { from, to: path });
            }
            (Some(Ok((path, mode))), _) => puts.push(Step::Put { path, blob: change.new_blob.clone(), mode }),
        }
    }
    deletes.extend(moves);
    deletes.extend(puts);
    (deletes, refused)
}

/// The steps without the file at `path`: nothing is stored there, and what would have been moved there or was there
/// goes away. `None` when no step stores a file there.
pub fn without(steps: &[Step], path: &str, present: bool) -> Option<Vec<Step>> {
    let (mut gone, mut kept, mut found, mut moved_away) = (Vec::new(), Vec::new(), false, false);
    for step in steps {
        match step {
            Step::Move { from, to } if to == path => {
                found = true;
                gone.push(Step::Delete { path: from.clone() });
            }
            Step::Put { path: at, .. } if at == path => found = true,
            Step::Delete { path: at } if at == path => {}
            Step::Move { from, .. } if from == path => {
                moved_away = true;
                kept.push(step.clone());
            }
            _ => kept.push(step.clone()),
        }
    }
    if present && !moved_away {
        gone.push(Step::Delete { path: path.to_owned() });
    }
    gone.extend(kept);
    found.then_some(gone)
}

/// Where and with which mode the new side of a change is stored.
fn target(change: &Change) -> Result<(String, Mode), Refusal> {
    let shown = change.path.as_ref().unwrap_or_else(|lossy| lossy);
    let refusal = |reason: String| Refusal { path: shown.clone(), reason };
    let mode = storable_mode(&change.new_mode).map_err(refusal)?;
    Ok((storable_path(&change.path).map_err(refusal)?, mode))
}

/// A path as quire stores it.
pub fn storable_path(name: &Name) -> Result<String, String> {
    let name = name.as_ref().map_err(|_| "the path is not UTF-8".to_owned())?;
    FilePath::parse(name).map(|path| path.as_str().to_owned()).map_err(|error| error.message().to_owned())
}

/// A mode as quire stores it; old repositories know more permissions than two.
pub fn storable_mode(mode: &str) -> Result<Mode, String> {
    match mode {
        "120000" => Ok(Mode::Symlink),
        "160000" => Err("a submodule has no content in this repository".to_owned()),
        "100755" => Ok(Mode::Executable),
        regular if regular.starts_with("100") => Ok(Mode::Regular),
        other => Err(format!("mode {other} is not stored")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::Scratch;
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn put(path: &str, mode: Mode) -> Step {
        Step::Put { path: path.to_owned(), blob: String::new(), mode }
    }

    fn delete(path: &str) -> Step {
        Step::Delete { path: path.to_owned() }
    }

    fn moved(from: &str, to: &str) -> Step {
        Step::Move { from: from.to_owned(), to: to.to_owned() }
    }

    fn newest(scratch: &Scratch, present: &[&str]) -> (Vec<Step>, Vec<Refusal>) {
        let repo = scratch.repo();
        let commits = repo.commits().unwrap();
        let changes = repo.changes(commits.last().unwrap()).unwrap();
        let (mut steps, refused) = plan(&changes, |path| present.contains(&path));
        for step in &mut steps {
            if let Step::Put { blob, .. } = step {
                blob.clear();
            }
        }
        (steps, refused)
    }

    #[test]
    fn a_commit_becomes_deletions_moves_and_contents() {
        let scratch = Scratch::new();
        scratch.write("same", b"1\n2\n3\n4\n5\n6\n7\n8\n");
        scratch.write("edited", b"a\nb\nc\nd\ne\nf\ng\nh\n");
        scratch.write("swap", b"file\n");
        scratch.commit("Start");
        scratch.git(&["mv", "same", "same.moved"]);
        scratch.git(&["mv", "edited", "edited.moved"]);
        scratch.write("edited.moved", b"a\nb\nc\nd\ne\nf\ng\nH\n");
        scratch.remove("swap");
        scratch.write("swap/run.sh", b"#!/bin/sh\n");
        scratch.git(&["add", "--all"]);
        scratch.git(&["update-index", "--chmod=+x", "swap/run.sh"]);
        scratch.git(&["commit", "--quiet", "-m", "Change"]);
        let expected = [
            delete("swap"),
            moved("edited", "edited.moved"),
            moved("same", "same.moved"),
            put("edited.moved", Mode::Regular),
            put("swap/run.sh", Mode::Executable),
        ];
        assert_eq!(newest(&scratch, &["same", "edited", "swap"]), (expected.to_vec(), Vec::new()));
        // What was refused before is neither moved nor deleted.
        let (steps, _) = newest(&scratch, &["edited"]);
        let unknown = [put("same.moved", Mode::Regular)];
        assert_eq!(steps, [&expected[1..2], &expected[3..4], &unknown, &expected[4..]].concat());
    }

    #[test]
    fn what_cannot_be_stored_is_named_and_leaves_nothing_old_behind() {
        let scratch = Scratch::new();
        scratch.write("lib", b"file\n");
        scratch.commit("Start");
        scratch.remove("lib");
        scratch.write("back\\slash", b"x\n");
        scratch.git(&["add", "--all"]);
        let submodule = "160000,0123456789012345678901234567890123456789,lib";
        scratch.git(&["update-index", "--add", "--cacheinfo", submodule]);
        scratch.git(&["commit", "--quiet", "-m", "A submodule"]);
        let (steps, refused) = newest(&scratch, &["lib"]);
        assert_eq!(steps, [delete("lib")]);
        let names: Vec<&str> = refused.iter().map(|refusal| refusal.path.as_str()).collect();
        assert_eq!(names, ["back\\slash", "lib"]);
    }

    #[test]
    fn a_refused_file_takes_its_steps_along() {
        let steps = [moved("a", "b"), moved("c", "d"), put("b", Mode::Symlink)];
        assert_eq!(without(&steps, "b", false).unwrap(), [delete("a"), moved("c", "d")]);
        assert_eq!(without(&steps[2..], "b", true).unwrap(), [delete("b")]);
        assert_eq!(without(&steps, "c", true), None);
    }

    /// Applies steps the way the server does: what goes away must be there, what is moved to must not.
    fn apply(tree: &mut BTreeMap<String, (String, Mode)>, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Delete { path } => assert!(tree.remove(path).is_some(), "{path} is not there"),
                Step::Move { from, to } => {
                    let file = tree.remove(from).unwrap();
                    assert!(tree.insert(to.clone(), file).is_none(), "{to} is there already");
                }
                Step::Put { path, blob, mode } => {
                    tree.insert(path.clone(), (blob.clone(), *mode));
                }
            }
        }
    }

    #[test]
    fn replaying_any_history_gives_its_trees() {
        let scratch = Scratch::new();
        let mut state = 7u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (mut tree, mut moves) = (BTreeMap::new(), 0);
        for commit in 0..40 {
            for _ in 0..=random(4) {
                // A name is a file at one time, a directory at another.
                let path = ["a", "b", "c", "a/x", "b/y", "c/x/z"][random(6) as usize];
                let file = scratch.directory.join(path);
                let above = file.ancestors().skip(1).filter(|above| above.is_file());
                above.for_each(|above| fs::remove_file(above).unwrap());
                if file.is_dir() {
                    fs::remove_dir_all(&file).unwrap();
                }
                if file.is_file() && random(2) == 0 {
                    fs::remove_file(&file).unwrap();
                    continue;
                }
                let start = random(4);
                let text: String = (start..start + 9).map(|line| format!("line {line} of many\n")).collect();
                scratch.write(path, text.as_bytes());
                let bits = [0o644, 0o755][random(2) as usize];
                fs::set_permissions(&file, fs::Permissions::from_mode(bits)).unwrap();
            }
            scratch.commit(&format!("Commit {commit}"));
            let repo = scratch.repo();
            let changes = repo.changes(repo.commits().unwrap().last().unwrap()).unwrap();
            let (steps, refused) = plan(&changes, |path| tree.contains_key(path));
            assert!(refused.is_empty());
            moves += steps.iter().filter(|step| matches!(step, Step::Move { .. })).count();
            apply(&mut tree, &steps);
            let head = repo.tree().unwrap().into_iter();
            let head =
                head.map(|entry| (entry.path.unwrap(), (entry.blob, storable_mode(&entry.mode).unwrap())));
            assert_eq!(tree, head.collect::<BTreeMap<_, _>>(), "after commit {commit}");
        }
        assert!(moves > 5, "{moves} moves make no good test");
    }
}
