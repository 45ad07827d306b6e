//! Three-way merges, by lines and by words. Input: the common text, ours and theirs.

#![no_main]

use fuzz::texts;
use libfuzzer_sys::fuzz_target;
use quire_core::merge::{Hunk, LineMerge, MergeLines, lines, words};
use std::time::Duration;

/// Longer texts may take longer than the searches are given, and then more is in conflict than had to be.
const MAX_BYTES: usize = 4 << 10;
const WITHIN: Duration = Duration::from_secs(60);

fuzz_target!(|data: &[u8]| {
    if data.len() > MAX_BYTES {
        return;
    }
    let Some([base, ours, theirs]) = texts(data) else { return };
    let by_lines = |base, ours, theirs| lines(base, ours, theirs, WITHIN).expect("short texts are merged");
    assert_eq!(by_lines(base, ours, base), LineMerge::Clean(ours.to_owned()), "only ours changed");
    assert_eq!(by_lines(base, base, theirs), LineMerge::Clean(theirs.to_owned()), "only theirs changed");
    assert_eq!(by_lines(base, ours, ours), LineMerge::Clean(ours.to_owned()), "both did the same");
    let by_words = |ours, theirs| words(base, ours, theirs, WITHIN).expect("short texts are merged");
    match (by_lines(base, ours, theirs), by_lines(base, theirs, ours)) {
        (LineMerge::Clean(merged), swapped) => {
            assert_eq!(swapped, LineMerge::Clean(merged.clone()), "the sides are equal");
            assert!(merged.len() <= ours.len() + theirs.len());
            assert_eq!(by_words(ours, theirs), LineMerge::Clean(merged), "nothing is left to merge by words");
        }
        (LineMerge::Conflict(hunks), LineMerge::Conflict(swapped)) => {
            assert!(!hunks.is_empty());
            assert_eq!(swapped, hunks.iter().map(swap).collect::<Vec<_>>(), "the sides are equal");
            for hunk in &hunks {
                check_hunk(hunk, [base, ours, theirs]);
            }
            match (by_words(ours, theirs), by_words(theirs, ours)) {
                (LineMerge::Clean(text), again) => {
                    assert_eq!(again, LineMerge::Clean(text.clone()), "the sides are equal");
                    assert!(text.len() <= base.len() + ours.len() + theirs.len());
                    let is_known = |c| [base, ours, theirs].iter().any(|side| side.contains(c));
                    assert!(text.chars().all(is_known), "nobody wrote what is in {text:?}");
                }
                (LineMerge::Conflict(by_words), LineMerge::Conflict(again)) => {
                    assert_eq!((by_words, again), (hunks, swapped), "a conflict is what lines say");
                }
                (ours, theirs) => panic!("which side is which makes a difference: {ours:?} and {theirs:?}"),
            }
        }
        (ours, theirs) => panic!("which side is which makes a difference: {ours:?} and {theirs:?}"),
    }
});

fn swap(hunk: &Hunk) -> Hunk {
    let MergeLines::Shown { base_lines, ours, theirs } = hunk.lines.clone() else {
        panic!("short lines are shown")
    };
    let lines = MergeLines::Shown { base_lines, ours: theirs, theirs: ours };
    Hunk { base_start: hunk.base_start, ours_start: hunk.theirs_start, theirs_start: hunk.ours_start, lines }
}

/// What a conflict says stands where it says, and both sides differ from the base and from each other.
fn check_hunk(hunk: &Hunk, texts: [&str; 3]) {
    let MergeLines::Shown { base_lines, ours, theirs } = &hunk.lines else { panic!("short lines are shown") };
    assert!(ours != theirs && ours != base_lines && theirs != base_lines, "{hunk:?}");
    let starts = [hunk.base_start, hunk.ours_start, hunk.theirs_start];
    for ((start, text), shown) in starts.into_iter().zip(texts).zip([base_lines, ours, theirs]) {
        let from: usize = text.split_inclusive('\n').take(start - 1).map(str::len).sum();
        assert!(text[from..].starts_with(shown.as_str()), "line {start} is not {shown:?}");
    }
}
