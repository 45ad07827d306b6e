//! Unified diffs of two texts, in the dialect that both `git apply` and `patch -p1` read.
//!
//! A line ends with `\n` and with nothing else: git counts that way, so a lone `\r` is ordinary text and `\r\n`
//! keeps its `\r`. The search is the bounded Myers of the `similar` crate under a deadline: when time runs out the
//! diff is still correct, only longer than it had to be. It looks at interrupts wherever it compares or hashes what it was given;
//! once `similar` has made numbers of it, the deadline alone ends the search.
//!
//! Format: <https://git-scm.com/docs/diff-format#generate_patch_text_with_p>.

use crate::error::{Error, Result};
use crate::interrupt;
use similar::udiff::UnifiedHunkHeader;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

/// How long the search for a short diff may take, where nobody says otherwise.
pub const SEARCH_TIME: Duration = Duration::from_secs(2);

/// Most lines one text may have to be compared; what bounds the memory of a comparison.
pub const MAX_LINES: usize = 2_000_000;

/// The mode of a file whose mode was not given.
const DEFAULT_MODE: &str = "100644";

/// One side of a comparison that exists.
#[derive(Clone, Copy, PartialEq)]
struct Side<'a> {
    path: &'a str,
    mode: &'a str,
    text: &'a str,
}

/// What is asked of a diff.
#[derive(Clone, Copy)]
struct How {
    context_lines: usize,
    deadline: Instant,
}

/// The diff from `old` to `new`; `None` means that the file does not exist on that side.
///
/// `modes` are git's six octal digits (`100644` when `None`); a change between kinds of file (regular, symlink) is a
/// deletion and a creation, as in git. Different paths of two existing files make a rename. Empty when nothing differs.
/// With `context_lines` 0, `git apply` needs `--unidiff-zero`. After `within` the search ends.
///
/// Errors: `LimitError` for a text of more than [`MAX_LINES`] lines.
pub fn unified(
    old: Option<&str>,
    new: Option<&str>,
    path_old: &str,
    path_new: &str,
    modes: (Option<&str>, Option<&str>),
    context_lines: usize,
    within: Duration,
) -> Result<String> {
    let how = How { context_lines, deadline: Instant::now() + within };
    let old = old.map(|text| Side { path: path_old, mode: modes.0.unwrap_or(DEFAULT_MODE), text });
    let new = new.map(|text| Side { path: path_new, mode: modes.1.unwrap_or(DEFAULT_MODE), text });
    match (old, new) {
        (Some(old), Some(new)) if old == new => Ok(String::new()),
        (Some(old), Some(new)) if kind(old.mode) != kind(new.mode) => {
            let mut out = section(Some(old), None, how)?;
            out.push_str(&section(None, Some(new), how)?);
            Ok(out)
        }
        (None, None) => Ok(String::new()),
        (old, new) => section(old, new, how),
    }
}

/// The lines of a text, each with its `\n`; the last one may lack it.
///
/// Errors: `LimitError` for more than [`MAX_LINES`].
pub fn split_lines(text: &str) -> Result<Vec<&str>> {
    let mut count = 0;
    for block in text.as_bytes().chunks(BLOCK_BYTES) {
        interrupt::check()?;
        count += memchr::memchr_iter(b'\n', block).count();
    }
    if count >= MAX_LINES {
        return Err(Error::limit("text has too many lines to compare", MAX_LINES)
            .with("lines", count)
            .hint("Compare smaller files, or compare the hashes of the two versions."));
    }
    interrupt::room((count + 1) * size_of::<&str>())?;
    let mut lines = Vec::with_capacity(count + 1);
    for line in text.split_inclusive('\n') {
        interrupt::step()?;
        lines.push(line);
    }
    Ok(lines)
}

/// Bytes that are looked at between two looks at interrupts.
const BLOCK_BYTES: usize = 1 << 20;

/// What is compared, by a search that can be interrupted: nothing else of it is ours.
#[derive(Clone, Copy, Eq, Debug)]
pub struct Compared<T>(pub T);

impl<T: Hash> Hash for Compared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        interrupt::tick();
        self.0.hash(state);
    }
}

impl<T: PartialEq> PartialEq for Compared<T> {
    fn eq(&self, other: &Self) -> bool {
        interrupt::tick();
        self.0 == other.0
    }
}

/// The steps from one list to another, shortest first as far as the deadline allows.
pub fn steps<T: Eq + Hash>(
    old: &[Compared<T>],
    new: &[Compared<T>],
    deadline: Instant,
) -> Result<Vec<DiffOp>> {
    interrupt::check()?;
    let steps = capture_diff_slices_deadline(Algorithm::Myers, old, new, Some(deadline));
    interrupt::check()?;
    Ok(steps)
}

/// The comparison of two lists of lines. Equal lines become equal numbers first.
pub fn compare<'t>(old: &[&'t str], new: &[&'t str], deadline: Instant) -> Result<Vec<DiffOp>> {
    interrupt::room((old.len() + new.len()) * size_of::<(&str, u32, u32)>())?;
    let mut numbers: HashMap<&'t str, u32> = HashMap::with_capacity(old.len());
    let mut numbered = |lines: &[&'t str]| {
        let mut list = Vec::with_capacity(lines.len());
        for line in lines {
            interrupt::step()?;
            let next = numbers.len() as u32;
            list.push(Compared(*numbers.entry(line).or_insert(next)));
        }
        Ok(list)
    };
    let (old, new) = (numbered(old)?, numbered(new)?);
    drop(numbers);
    steps(&old, &new, deadline)
}

/// The kind of file: the digits of a mode that are not permissions.
fn kind(mode: &str) -> &str {
    mode.get(..3).unwrap_or(mode)
}

/// One `diff --git` section.
fn section(old: Option<Side>, new: Option<Side>, how: How) -> Result<String> {
    let name_old = old.or(new).map_or("", |side| side.path);
    let name_new = new.or(old).map_or("", |side| side.path);
    let text_old = old.map_or("", |side| side.text);
    let text_new = new.map_or("", |side| side.text);
    // Without a `---` line, `patch` takes the names from the first one, where only quotes keep a blank.
    let special = if text_old == text_new { needs_quotes_or_blank } else { needs_quotes };
    let (first, second) = (quoted("a/", name_old, special), quoted("b/", name_new, special));
    let mut out = format!("diff --git {first} {second}\n{}", mode_lines(old, new));
    if name_old != name_new {
        let (from, to) = (quoted("", name_old, needs_quotes), quoted("", name_new, needs_quotes));
        out.push_str(&format!("rename from {from}\nrename to {to}\n"));
    }
    if text_old != text_new {
        let name =
            |prefix, side: Option<Side>| side.map_or("/dev/null".into(), |side| label(prefix, side.path));
        out.push_str(&format!("--- {}\n+++ {}\n", name("a/", old), name("b/", new)));
        hunks(&mut out, text_old, text_new, how)?;
    }
    Ok(out)
}

/// The lines between `diff --git` and `---` that speak of modes.
fn mode_lines(old: Option<Side>, new: Option<Side>) -> String {
    match (old, new) {
        (None, Some(new)) => format!("new file mode {}\n", new.mode),
        (Some(old), None) => format!("deleted file mode {}\n", old.mode),
        (Some(old), Some(new)) if old.mode != new.mode => {
            format!("old mode {}\nnew mode {}\n", old.mode, new.mode)
        }
        _ => String::new(),
    }
}

/// Appends the hunks. Not `similar`'s own writer: it takes a final `\r` for the end of a line.
fn hunks(out: &mut String, old: &str, new: &str, how: How) -> Result<()> {
    let (old, new) = (split_lines(old)?, split_lines(new)?);
    let steps = compare(&old, &new, how.deadline)?;
    for group in group_diff_ops(steps, how.context_lines.min(MAX_LINES)) {
        let _infallible = writeln!(out, "{}", UnifiedHunkHeader::new(&group));
        for step in &group {
            match step {
                DiffOp::Equal { .. } => write_lines(out, ' ', &old[step.old_range()])?,
                _ => {
                    write_lines(out, '-', &old[step.old_range()])?;
                    write_lines(out, '+', &new[step.new_range()])?;
                }
            }
        }
    }
    Ok(())
}

fn write_lines(out: &mut String, tag: char, lines: &[&str]) -> Result<()> {
    for line in lines {
        interrupt::step()?;
        out.push(tag);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
    Ok(())
}

/// A path on a `---` or `+++` line: with a blank in it, a tab says where it ends.
fn label(prefix: &str, path: &str) -> String {
    let tab = if path.contains(' ') { "\t" } else { "" };
    format!("{}{tab}", quoted(prefix, path, needs_quotes))
}

/// Whether git puts a path with this character in quotes.
fn needs_quotes(c: char) -> bool {
    c.is_ascii_control() || c == '"' || c == '\\'
}

/// The same, and blanks.
fn needs_quotes_or_blank(c: char) -> bool {
    c == ' ' || needs_quotes(c)
}

/// A path as git writes it: C-quoted when it has a `special` character, else as it is.
fn quoted<'a>(prefix: &str, path: &'a str, special: fn(char) -> bool) -> Cow<'a, str> {
    if !path.contains(special) {
        return if prefix.is_empty() { path.into() } else { format!("{prefix}{path}").into() };
    }
    let mut out = format!("\"{prefix}");
    for c in path.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if needs_quotes(c) => out.push_str(&format!("\\{:03o}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::time::Instant;

    fn unified(
        old: Option<&str>,
        new: Option<&str>,
        path_old: &str,
        path_new: &str,
        modes: (Option<&str>, Option<&str>),
        context_lines: usize,
    ) -> Result<String> {
        super::unified(old, new, path_old, path_new, modes, context_lines, SEARCH_TIME)
    }

    fn plain(old: &str, new: &str) -> String {
        unified(Some(old), Some(new), "f", "f", (None, None), 3).unwrap()
    }

    #[test]
    fn a_change_of_one_line_reads_as_git_writes_it() {
        let diff = unified(Some("a\nb\r\nc"), Some("a\nB\r\nc"), "d/f", "d/f", (None, None), 3).unwrap();
        let expected = "diff --git a/d/f b/d/f\n--- a/d/f\n+++ b/d/f\n@@ -1,3 +1,3 @@\n a\n-b\r\n+B\r\n c\n\
            \\ No newline at end of file\n";
        assert_eq!(diff, expected);
    }

    #[test]
    fn equal_texts_make_no_diff_and_a_lone_carriage_return_is_text() {
        assert_eq!(plain("a\rb\n", "a\rb\n"), "");
        assert_eq!(unified(None, None, "f", "f", (None, None), 3).unwrap(), "");
        assert!(plain("a\rb\n", "a\rc\n").ends_with("@@ -1 +1 @@\n-a\rb\n+a\rc\n"));
        assert!(
            plain("a\r", "b")
                .ends_with("-a\r\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n")
        );
    }

    #[test]
    fn paths_are_quoted_only_when_they_must_be() {
        assert_eq!(quoted("a/", "ü/日本 x", needs_quotes), "a/ü/日本 x");
        assert_eq!(quoted("b/", "say \"ü\"\\\t\u{7}", needs_quotes), r#""b/say \"ü\"\\\t\007""#);
        assert_eq!(label("a/", "x y"), "a/x y\t");
    }

    #[test]
    fn hopeless_inputs_are_answered_within_the_deadline() {
        let noise = |seed: u64| {
            let mut state = seed;
            let next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                ["a\n", "b\n", "c\n"][(state >> 33) as usize % 3]
            };
            std::iter::repeat_with(next).take(200_000).collect::<String>()
        };
        let (old, new) = (noise(1), noise(2));
        let start = Instant::now();
        let diff = plain(&old, &new);
        assert!(start.elapsed() < 4 * SEARCH_TIME, "{:?}", start.elapsed());
        assert_eq!(apply(&old, &diff), new);
        let error = unified(Some(&"\n".repeat(MAX_LINES)), Some(""), "f", "f", (None, None), 3).unwrap_err();
        assert_eq!(error.code(), crate::error::Code::Limit);
    }

    /// A patch applier that trusts nothing: context, counts and positions must all agree.
    fn apply(old: &str, diff: &str) -> String {
        let lines: Vec<&str> = old.split_inclusive('\n').collect();
        let (mut at, mut out) = (0, String::new());
        let mut rest = diff.split_inclusive('\n').skip_while(|line| !line.starts_with("@@")).peekable();
        while let Some(header) = rest.next() {
            let mut ranges = header.split(' ').skip(1).map(|range| {
                let (start, count) = range[1..].split_once(',').unwrap_or((&range[1..], "1"));
                (start.parse::<usize>().unwrap(), count.parse::<usize>().unwrap())
            });
            let ((start, mut removed), (_, mut added)) = (ranges.next().unwrap(), ranges.next().unwrap());
            let start = if removed == 0 { start } else { start - 1 };
            out.extend(lines[at..start].iter().copied());
            at = start;
            while removed + added > 0 {
                let line = rest.next().unwrap();
                let (tag, mut text) = line.split_at(1);
                if rest.next_if(|next| next.starts_with('\\')).is_some() {
                    text = text.strip_suffix('\n').unwrap();
                }
                if tag != "+" {
                    assert_eq!(lines[at], text);
                    (at, removed) = (at + 1, removed - 1);
                }
                if tag != "-" {
                    out.push_str(text);
                    added -= 1;
                }
            }
        }
        out.extend(lines[at..].iter().copied());
        out
    }

    fn text() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec!["", "a", "b", "-- c", "\rx", "é😀", "+@@ -1 +1 @@", "\\ No"]);
        let end = prop::sample::select(vec!["\n", "\r\n", "\n\n", "\r"]);
        prop::collection::vec((line, end), 0..14).prop_flat_map(|lines| {
            let text: String = lines.into_iter().flat_map(|(line, end)| [line, end]).collect();
            prop::sample::select(vec![text.clone(), text + "last"])
        })
    }

    /// A directory for one case of [`apply_with`].
    fn scratch() -> PathBuf {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("quire-diff-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        directory
    }

    /// Runs a real patch program on `old` and gives back what it left at `path`.
    fn apply_with(program: &[&str], path: (&str, &str), old: Option<&str>, diff: &str) -> Option<String> {
        let directory = scratch();
        let write = |path: &Path, text: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        if let Some(old) = old {
            write(&directory.join(path.0), old);
        }
        let patch = directory.join("the.patch");
        write(&patch, diff);
        let output = Command::new(program[0])
            .args(&program[1..])
            .current_dir(&directory)
            .env("GIT_CEILING_DIRECTORIES", std::env::temp_dir())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::from(std::fs::File::open(&patch).unwrap()))
            .output()
            .unwrap();
        let result = std::fs::read(directory.join(path.1)).ok();
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(output.status.success(), "{program:?}\n{diff}\n{}", String::from_utf8_lossy(&output.stderr));
        result.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    const GIT: [&str; 4] = ["git", "apply", "--whitespace=nowarn", "-"];
    const PATCH: [&str; 5] = ["patch", "-p1", "--silent", "--force", "--no-backup-if-mismatch"];

    /// `git` is always there; `patch` is where a developer has it.
    fn programs() -> Vec<&'static [&'static str]> {
        let patch = Command::new("patch").arg("--version").output().is_ok();
        if patch { vec![&GIT, &PATCH] } else { vec![&GIT] }
    }

    proptest! {
        #[test]
        fn applying_a_diff_gives_the_new_text(old in text(), new in text(), context in 0usize..4) {
            let diff = unified(Some(&old), Some(&new), "f", "f", (None, None), context)?;
            prop_assert_eq!(apply(&old, &diff), new);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn git_and_patch_apply_it(
            old in prop::option::of(text()),
            new in prop::option::of(text()),
            path in prop::sample::select(vec!["f", "d/x y.txt", "ü/日\"q\".md"]),
            context in 1usize..4,
        ) {
            let diff = unified(old.as_deref(), new.as_deref(), path, path, (None, None), context)?;
            if !diff.is_empty() {
                for program in programs() {
                    prop_assert_eq!(&apply_with(program, (path, path), old.as_deref(), &diff), &new);
                }
            }
        }
    }

    #[test]
    fn git_and_patch_follow_renames_modes_and_kinds() {
        for program in programs() {
            let renamed = unified(Some("a\nb\n"), Some("a\nc\n"), "x", "d/y", (None, None), 3).unwrap();
            assert_eq!(apply_with(program, ("x", "d/y"), Some("a\nb\n"), &renamed).unwrap(), "a\nc\n");
            let moved = unified(Some("a\n"), Some("a\n"), "x 1", "y \"2", (None, None), 3).unwrap();
            assert_eq!(apply_with(program, ("x 1", "y \"2"), Some("a\n"), &moved).unwrap(), "a\n");
            let created = unified(None, Some(""), "x", "x", (None, None), 3).unwrap();
            assert_eq!(apply_with(program, ("x", "x"), None, &created).unwrap(), "");
            let deleted = unified(Some(""), None, "x", "x", (None, None), 3).unwrap();
            assert_eq!(apply_with(program, ("x", "x"), Some(""), &deleted), None);
            let mode = unified(Some("a\n"), Some("a\n"), "x", "x", (None, Some("100755")), 3).unwrap();
            assert_eq!(mode, "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n");
            assert_eq!(apply_with(program, ("x", "x"), Some("a\n"), &mode).unwrap(), "a\n");
        }
        let link = unified(Some("a\n"), Some("t"), "x", "x", (None, Some("120000")), 3).unwrap();
        assert!(
            link.contains("deleted file mode 100644\n") && link.contains("new file mode 120000\n"),
            "{link}"
        );
        assert_eq!(apply_with(&GIT, ("x", "x"), Some("a\n"), &link), None, "a link to nothing");
    }
}
