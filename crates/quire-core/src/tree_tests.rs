use super::*;
use crate::error::Code;
use proptest::prelude::*;

fn path(text: &str) -> FilePath {
    FilePath::parse(text).expect("valid path")
}

fn content(text: &str) -> Content {
    Content {
        hash: Hash::of(text.as_bytes()),
        size: text.len() as i64,
        is_binary: false,
        link_target: Some(text.into()),
    }
}

fn put(at: &str, text: &str) -> FileEdit {
    FileEdit::Put {
        path: path(at),
        file_type: None,
        mode: None,
        content: content(text),
        expected_version: None,
    }
}

fn delete(at: &str) -> FileEdit {
    FileEdit::Delete { path: path(at), expected_version: None }
}

fn rename(from: &str, to: &str) -> FileEdit {
    FileEdit::Move { from: path(from), to: path(to), expected_version: None }
}

fn run(heads: &mut HashMap<FilePath, Head>, edits: &[FileEdit]) -> Result<AppliedFiles> {
    let next = heads.values().map(|head| head.file_id).max().unwrap_or_default().next();
    apply(heads, edits, next).map_err(|refusal| refusal.error)
}

#[test]
fn versions_count_on_after_a_delete() {
    let mut heads = HashMap::new();
    run(&mut heads, &[put("a", "1"), put("a", "2"), delete("a"), put("a", "3")]).expect("applies");
    assert_eq!(heads[&path("a")].version, Version(4));
    assert!(heads[&path("a")].is_live());
}

#[test]
fn unchanged_content_makes_no_version() {
    let mut heads = HashMap::new();
    run(&mut heads, &[put("a", "1")]).expect("applies");
    let again = run(&mut heads, &[put("a", "1")]).expect("applies");
    assert!(again.versions.is_empty() && again.op_checksums.is_empty());
    assert_eq!(again.outcomes[0].status, "unchanged");
}

#[test]
fn a_new_mode_or_type_is_a_change() {
    let mut heads = HashMap::new();
    run(&mut heads, &[put("a.sh", "1")]).expect("applies");
    let mut edit = put("a.sh", "1");
    if let FileEdit::Put { mode, .. } = &mut edit {
        *mode = Some(Mode::Executable);
    }
    assert_eq!(run(&mut heads, &[edit]).expect("applies").versions.len(), 1);
    run(&mut heads, &[put("a.sh", "2")]).expect("applies");
    assert_eq!(heads[&path("a.sh")].mode, Mode::Executable, "a put without a mode keeps it");
}

#[test]
fn expected_versions() {
    let mut heads = HashMap::new();
    let edit = |version| FileEdit::Put {
        path: path("a"),
        file_type: None,
        mode: None,
        content: content("x"),
        expected_version: Some(Version(version)),
    };
    assert_eq!(run(&mut heads, &[edit(1)]).expect_err("stale").code(), Code::Conflict);
    assert_eq!(run(&mut heads, &[edit(-1)]).expect_err("negative").code(), Code::Validation);
    run(&mut heads, &[edit(0)]).expect("creates");
    assert_eq!(run(&mut heads, &[edit(0)]).expect_err("exists").code(), Code::Conflict);
    run(&mut heads, &[delete("a")]).expect("deletes");
    run(&mut heads, &[edit(0)]).expect("creates again");
    assert_eq!(heads[&path("a")].version, Version(3));
}

#[test]
fn a_file_is_never_also_a_directory() {
    let mut heads = HashMap::new();
    run(&mut heads, &[put("a/b", "1")]).expect("applies");
    let code = |edits: &[FileEdit]| run(&mut heads.clone(), edits).map(drop).map_err(|error| error.code());
    assert_eq!(code(&[put("a", "1")]), Err(Code::Conflict));
    assert_eq!(code(&[put("a/b/c", "1")]), Err(Code::Conflict));
    assert_eq!(code(&[put("a", "1"), delete("a/b")]), Ok(()), "only the tree that is left counts");
    assert_eq!(code(&[put("ab", "1"), put("a/c", "2")]), Ok(()));
    let detail = |edit| run(&mut heads.clone(), &[edit]).map(drop).expect_err("a conflict").detail();
    assert!(detail(put("a/b/c", "1")).contains("a/b/c"), "the path that is written is named");
    assert!(!detail(put("a", "1")).contains("a/b"), "what is there is not");
}

#[test]
fn a_move_keeps_the_content_and_leaves_a_tombstone() {
    let mut heads = HashMap::new();
    run(&mut heads, &[put("a", "1")]).expect("applies");
    let applied = run(&mut heads, &[rename("a", "b"), put("b", "2")]).expect("applies");
    assert_eq!(applied.versions.len(), 3);
    assert_eq!(applied.op_checksums.len(), 2);
    assert!(!heads[&path("a")].is_live());
    assert_eq!(heads[&path("b")].version, Version(2));
    assert_eq!(applied.versions[1].moved, Some((heads[&path("a")].file_id, Version(1))));
    assert_eq!((applied.live_files, applied.live_bytes), (0, 0));
}

#[test]
fn moves_that_cannot_be() {
    let mut heads = HashMap::new();
    run(&mut heads, &[put("a", "1"), put("b", "1")]).expect("applies");
    assert_eq!(run(&mut heads, &[rename("a", "b")]).expect_err("exists").code(), Code::Conflict);
    assert_eq!(run(&mut heads, &[rename("a", "a")]).expect_err("same").code(), Code::Validation);
    assert_eq!(run(&mut heads, &[rename("x", "y")]).expect_err("absent").code(), Code::NotFound);
}

#[test]
fn a_symlink_stays_inside_also_when_it_moves() {
    let mut heads = HashMap::new();
    let link = |at: &str, target: &str| FileEdit::Put {
        path: path(at),
        file_type: None,
        mode: Some(Mode::Symlink),
        content: content(target),
        expected_version: None,
    };
    run(&mut heads, &[link("a/b/l", "../../x")]).expect("inside");
    assert_eq!(run(&mut heads, &[link("l", "../x")]).expect_err("outside").code(), Code::Validation);
    assert_eq!(run(&mut heads, &[rename("a/b/l", "l")]).expect_err("outside").code(), Code::Validation);
    run(&mut heads, &[put("a/b/l", "/etc/passwd")]).expect("a file now");
    assert_eq!(heads[&path("a/b/l")].mode, Mode::Regular, "writing over a link makes a file");
}

fn any_edit() -> impl Strategy<Value = FileEdit> {
    let name = || prop_oneof![Just("a"), Just("b"), Just("a/c"), Just("a/c/d"), Just("e/f")];
    prop_oneof![
        (name(), 0..3u8).prop_map(|(at, text)| put(at, &text.to_string())),
        name().prop_map(delete),
        (name(), name()).prop_map(|(from, to)| rename(from, to)),
    ]
}

proptest! {
    #[test]
    fn totals_and_versions_stay_true(edits in proptest::collection::vec(any_edit(), 0..40)) {
        let mut heads = HashMap::new();
        let (mut files, mut bytes, mut versions) = (0, 0, 0);
        for edit in &edits {
            let mut next = heads.clone();
            if let Ok(applied) = run(&mut next, std::slice::from_ref(edit)) {
                heads = next;
                files += applied.live_files;
                bytes += applied.live_bytes;
                versions += applied.versions.len();
            }
        }
        let live: Vec<_> = heads.values().filter(|head| head.is_live()).collect();
        prop_assert_eq!(files, live.len() as i64);
        prop_assert_eq!(bytes, live.iter().map(|head| head.size()).sum::<i64>());
        prop_assert_eq!(versions as i32, heads.values().map(|head| head.version.0).sum::<i32>());
        for (path, _) in heads.iter().filter(|(_, head)| head.is_live()) {
            for above in path.ancestors() {
                prop_assert!(!heads.get(&FilePath::from_stored(above.into())).is_some_and(Head::is_live));
            }
        }
    }
}
