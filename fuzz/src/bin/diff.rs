//! Unified diffs: applying one to the old text gives the new one. Input: the old text, and the new one.

#![no_main]

use fuzz::texts;
use libfuzzer_sys::fuzz_target;
use quire_core::diff::{SEARCH_TIME, unified};

fuzz_target!(|data: &[u8]| {
    let Some([old, new]) = texts(data) else { return };
    for context in [0, 3] {
        let diff = |old, new| {
            unified(Some(old), Some(new), "f", "f", (None, None), context, SEARCH_TIME).expect("short texts")
        };
        let there = diff(old, new);
        assert_eq!(there.is_empty(), old == new);
        assert!(there.is_empty() || there.ends_with('\n'));
        assert_eq!(patched(old, &there), new);
        assert_eq!(patched(new, &diff(new, old)), old);
    }
});

/// What a patch program makes of a text: every line that a hunk keeps or removes must be where it says.
fn patched(old: &str, diff: &str) -> String {
    let mut old = old.split_inclusive('\n');
    let mut done = 0;
    let mut out = String::new();
    let mut lines = diff.split_inclusive('\n').skip_while(|line| !line.starts_with("@@ ")).peekable();
    while let Some(line) = lines.next() {
        let (tag, rest) = line.split_at(1);
        if tag == "@" {
            let range = rest.split(['-', ' ']).find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            let (start, count) =
                range.map(|range| range.split_once(',').unwrap_or((range, "1"))).expect("a range");
            let start: usize = start.parse().expect("a line");
            // Where no line is removed, it is the one before.
            let start = if count == "0" { start } else { start - 1 };
            out.extend(old.by_ref().take(start - done));
            done = start;
            continue;
        }
        let text = match lines.next_if(|next| next.starts_with('\\')) {
            Some(_) => rest.strip_suffix('\n').expect("a line of a diff ends"),
            None => rest,
        };
        if tag != "+" {
            assert_eq!(old.next(), Some(text), "the line is not there");
            done += 1;
        }
        if tag != "-" {
            out.push_str(text);
        }
    }
    out.extend(old);
    out
}
