//! Three-way merges, by lines and by characters. Input: the common text, ours and theirs.

#![no_main]

use fuzz::{accepted, spare_automerge, texts};
use libfuzzer_sys::fuzz_target;
use quire_core::merge::{Hunk, LineMerge, MergeLines, characters, lines};
use std::time::Duration;

/// Longer texts may take longer than the searches are given, and then more is in conflict than had to be.
const MAX_BYTES: usize = 4 << 10;
const WITHIN: Duration = Duration::from_secs(60);

fuzz_target!(|data: &[u8]| {
    spare_automerge();
    if data.len() > MAX_BYTES {
        return;
    }
    let Some([base, ours, theirs]) = texts(data) else { return };
    let by_lines = |base, ours, theirs| lines(base, ours, theirs, WITHIN).expect("short texts are merged");
    assert_eq!(by_lines(base, ours, base), LineMerge::Clean(ours.to_owned()), "only ours changed");
    assert_eq!(by_lines(base, base, theirs), LineMerge::Clean(theirs.to_owned()), "only theirs changed");
    assert_eq!(by_lines(base, ours, ours), LineMerge::Clean(ours.to_owned()), "both did the same");
    let by_characters = || accepted(characters(base, ours, theirs, WITHIN));
    match (by_lines(base, ours, theirs), by_lines(base, theirs, ours)) {
        (LineMerge::Clean(merged), swapped) => {
            assert_eq!(swapped, LineMerge::Clean(merged.clone()), "the sides are equal");
            assert!(merged.len() <= ours.len() + theirs.len());
            assert_eq!(
                by_characters(),
                Some(LineMerge::Clean(merged)),
                "nothing is left to merge by characters"
            );
        }
        (LineMerge::Conflict(hunks), LineMerge::Conflict(swapped)) => {
            assert!(!hunks.is_empty());
            assert_eq!(swapped, hunks.iter().map(swap).collect::<Vec<_>>(), "the sides are equal");
            for hunk in &hunks {
                check_hunk(hunk, [base, ours, theirs]);
            }
            let Some(merged) = by_characters() else { return };
            let LineMerge::Clean(text) = &merged else { panic!("not enough time: {merged:?}") };
            assert!(text.len() <= base.len() + ours.len() + theirs.len());
            assert_eq!(by_characters().as_ref(), Some(&merged), "a merge has one result");
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
