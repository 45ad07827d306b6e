//! Three-way merges of a text: by lines (diff3), and by words where lines are in conflict. What does not merge is reported.
//!
//! Both are functions of their three texts, as long as the time suffices. Lines end with `\n` only, as in [`super::diff`],
//! whose searches under a deadline align the sides with the base: when it runs out, more is in conflict than had to be. The
//! merge by words gives up then, and answers as the one by lines.
//!
//! diff3: S. Khanna, K. Kunal, B. Pierce, "A Formal Investigation of Diff3" (2007).

mod words;
#[cfg(test)]
mod words_tests;

pub use words::{MAX_WORDS_BYTES, words};

use super::diff::{self, compare};
use crate::error::Result;
use crate::interrupt;
use serde::Serialize;
use similar::DiffOp;
use std::time::{Duration, Instant};

/// Most bytes of lines that the conflicts of a merge show. Of those that come after as many, only the places are shown.
pub const MAX_CONFLICT_BYTES: usize = 8 << 20;

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineMerge {
    /// The merged text.
    Clean(String),
    /// The places where both sides changed the same lines differently, in order.
    Conflict(Vec<Hunk>),
}

/// One conflict. Lines count from 1; where a side has no lines, its start is the line that follows the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Hunk {
    /// First line in the common ancestor.
    pub base_start: usize,
    /// First line in ours.
    pub ours_start: usize,
    /// First line in theirs.
    pub theirs_start: usize,
    /// What both sides and the ancestor have there.
    #[serde(flatten)]
    pub lines: MergeLines,
}

/// The lines of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum MergeLines {
    /// All of them.
    Shown {
        /// Those of the common ancestor.
        base_lines: String,
        /// Ours.
        ours: String,
        /// Theirs.
        theirs: String,
    },
    /// How many there are, where all conflicts together are too long to be shown.
    Omitted {
        /// True.
        lines_omitted: bool,
        /// Those of the common ancestor.
        base_count: usize,
        /// Ours.
        ours_count: usize,
        /// Theirs.
        theirs_count: usize,
    },
}

/// Merges by lines (diff3). The same change on both sides is no conflict; changes of adjacent lines are one.
///
/// Errors: `LimitError` for a text of more than [`diff::MAX_LINES`] lines.
pub fn lines(base: &str, ours: &str, theirs: &str, within: Duration) -> Result<LineMerge> {
    let sides = Sides::split(base, ours, theirs)?;
    by_lines(&sides.pieces(Instant::now() + within)?)
}

fn by_lines(pieces: &[Piece]) -> Result<LineMerge> {
    let (mut text, mut hunks, mut shown) = (String::new(), Vec::new(), 0);
    for piece in pieces {
        interrupt::step()?;
        match piece {
            Piece::Settled(lines) => push_lines(&mut text, lines)?,
            Piece::Conflict { base, ours, theirs } => {
                shown += base.bytes() + ours.bytes() + theirs.bytes();
                let lines = if shown <= MAX_CONFLICT_BYTES {
                    MergeLines::Shown { base_lines: base.text(), ours: ours.text(), theirs: theirs.text() }
                } else {
                    MergeLines::Omitted {
                        lines_omitted: true,
                        base_count: base.lines.len(),
                        ours_count: ours.lines.len(),
                        theirs_count: theirs.lines.len(),
                    }
                };
                hunks.push(Hunk {
                    base_start: base.start + 1,
                    ours_start: ours.start + 1,
                    theirs_start: theirs.start + 1,
                    lines,
                });
            }
        }
    }
    Ok(if hunks.is_empty() { LineMerge::Clean(text) } else { LineMerge::Conflict(hunks) })
}

fn push_lines(out: &mut String, lines: &[&str]) -> Result<()> {
    for line in lines {
        interrupt::step()?;
        out.push_str(line);
    }
    Ok(())
}

/// The lines of the three texts.
struct Sides<'t> {
    base: Vec<&'t str>,
    ours: Vec<&'t str>,
    theirs: Vec<&'t str>,
}

/// Some consecutive lines of one text; `start` counts from 0.
#[derive(Clone, Copy)]
struct Part<'a> {
    start: usize,
    lines: &'a [&'a str],
}

impl Part<'_> {
    fn text(&self) -> String {
        self.lines.concat()
    }

    fn bytes(&self) -> usize {
        self.lines.iter().map(|line| line.len()).sum()
    }
}

/// A step of a merge.
enum Piece<'a> {
    /// These lines are the result.
    Settled(&'a [&'a str]),
    /// Both sides changed these lines, differently.
    Conflict { base: Part<'a>, ours: Part<'a>, theirs: Part<'a> },
}

impl<'t> Sides<'t> {
    fn split(base: &'t str, ours: &'t str, theirs: &'t str) -> Result<Self> {
        let split = diff::split_lines;
        Ok(Self { base: split(base)?, ours: split(ours)?, theirs: split(theirs)? })
    }

    /// diff3: the lines of the base that both sides still have divide the texts; what is between two of them was changed
    /// by one side, by both alike, or is a conflict. (`similar::TextMerge` does the same, but without a deadline, in time
    /// quadratic in the number of edits, and with a lone `\r` as the end of a line; the tests compare the two.)
    fn pieces(&self, deadline: Instant) -> Result<Vec<Piece<'_>>> {
        let in_ours = places(&self.base, &self.ours, deadline)?;
        let in_theirs = places(&self.base, &self.theirs, deadline)?;
        let end = (self.base.len(), Some(self.ours.len()), Some(self.theirs.len()));
        let kept = in_ours.into_iter().zip(in_theirs).enumerate().map(|(b, (o, t))| (b, o, t));
        let (mut pieces, mut from) = (Vec::new(), (0, 0, 0));
        for place in kept.chain([end]) {
            interrupt::step()?;
            let (b, Some(o), Some(t)) = place else { continue };
            if (b, o, t) != from {
                let base = Part { start: from.0, lines: &self.base[from.0..b] };
                let ours = Part { start: from.1, lines: &self.ours[from.1..o] };
                let theirs = Part { start: from.2, lines: &self.theirs[from.2..t] };
                pieces.push(if ours.lines == theirs.lines || base.lines == theirs.lines {
                    Piece::Settled(ours.lines)
                } else if base.lines == ours.lines {
                    Piece::Settled(theirs.lines)
                } else {
                    Piece::Conflict { base, ours, theirs }
                });
            }
            pieces.push(Piece::Settled(self.base.get(b..=b).unwrap_or_default()));
            from = (b + 1, o + 1, t + 1);
        }
        Ok(pieces)
    }
}

/// Where each line of `base` is in `side`.
fn places(base: &[&str], side: &[&str], deadline: Instant) -> Result<Vec<Option<usize>>> {
    interrupt::room(size_of_val(base))?;
    let mut places = vec![None; base.len()];
    for op in compare(base, side, deadline)? {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            for offset in 0..len {
                places[old_index + offset] = Some(new_index + offset);
            }
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::SEARCH_TIME;
    use crate::error::Code;
    use proptest::prelude::*;

    const AMPLE: Duration = Duration::from_secs(60);

    fn lines(base: &str, ours: &str, theirs: &str) -> Result<LineMerge> {
        super::lines(base, ours, theirs, AMPLE)
    }

    fn clean(text: &str) -> LineMerge {
        LineMerge::Clean(text.into())
    }

    #[test]
    fn changes_of_different_lines_merge() {
        let merged = lines("one\ntwo\nthree\n", "ONE\ntwo\nthree\n", "one\ntwo\nTHREE").unwrap();
        assert_eq!(merged, clean("ONE\ntwo\nTHREE"));
        assert_eq!(
            lines("a\rb\n-\nc\rd\n", "A\rb\n-\nc\rd\n", "a\rb\n-\nc\rD\n").unwrap(),
            clean("A\rb\n-\nc\rD\n")
        );
    }

    #[test]
    fn a_conflict_names_the_lines_of_all_three() {
        let merged = lines("one\ntwo\nthree\n", "one\n2\nthree\n", "zero\none\nII\nthree\n").unwrap();
        let LineMerge::Conflict(hunks) = merged else { panic!("{merged:?}") };
        let json = serde_json::to_value(&hunks).unwrap();
        let expected = serde_json::json!([{"base_start": 2, "base_lines": "two\n", "ours_start": 2, "ours": "2\n",
            "theirs_start": 3, "theirs": "II\n"}]);
        assert_eq!(json, expected);
    }

    #[test]
    fn many_edits_take_linear_time() {
        let text = |word: &str, rest: usize| -> String {
            (0..200_000)
                .map(|line| if line % 10 == rest { format!("{word}\n") } else { format!("{line}\n") })
                .collect()
        };
        let start = Instant::now();
        assert!(matches!(lines(&text("", 11), &text("x", 3), &text("y", 7)).unwrap(), LineMerge::Clean(_)));
        assert!(start.elapsed() < 10 * SEARCH_TIME, "{:?}", start.elapsed());
    }

    #[test]
    fn a_line_kept_by_one_and_written_anew_by_the_other_is_no_conflict() {
        assert_eq!(lines("a\nb\n", "b\na\nb\n", "b\na\nb\n").unwrap(), clean("b\na\nb\n"));
    }

    #[test]
    fn a_text_of_too_many_lines_is_refused() {
        assert_eq!(lines("", "", &"\n".repeat(diff::MAX_LINES)).unwrap_err().code(), Code::Limit);
    }

    /// Conflicts that are too long together say where they are.
    #[test]
    fn long_conflicts_are_shown_without_their_lines() {
        let side = |letter: &str| {
            let line = format!("{}\n", letter.repeat(MAX_CONFLICT_BYTES / 4));
            format!("{line}same\n{line}{line}")
        };
        let LineMerge::Conflict(hunks) = lines(&side("a"), &side("b"), &side("c")).unwrap() else {
            panic!("merged")
        };
        let omitted = |count| MergeLines::Omitted {
            lines_omitted: true,
            base_count: count,
            ours_count: count,
            theirs_count: count,
        };
        assert_eq!(hunks.len(), 2);
        assert!(matches!(hunks[0].lines, MergeLines::Shown { .. }));
        assert_eq!((hunks[1].base_start, &hunks[1].lines), (3, &omitted(2)));
    }

    fn text() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec!["a\n", "b\n", "ab\r\n", "c", "é😀", "\r", "\n"]);
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn lines_agree_with_the_merge_of_similar(base in text(), x in text(), y in text()) {
            let [base, x, y] = [base, x, y].map(|text| text.replace('\r', ""));
            let merge = similar::TextMerge::from_lines(&base, &x, &y);
            match lines(&base, &x, &y)? {
                LineMerge::Clean(text) => prop_assert_eq!(text, merge.to_string()),
                LineMerge::Conflict(hunks) => prop_assert_eq!(hunks.len(), merge.conflict_count()),
            }
        }

        #[test]
        fn lines_follow_the_laws_of_a_merge(base in text(), x in text(), y in text()) {
            prop_assert_eq!(lines(&base, &x, &base)?, clean(&x));
            prop_assert_eq!(lines(&base, &base, &y)?, clean(&y));
            prop_assert_eq!(lines(&base, &x, &x)?, clean(&x));
            match (lines(&base, &x, &y)?, lines(&base, &y, &x)?) {
                (LineMerge::Conflict(one), LineMerge::Conflict(other)) => prop_assert_eq!(one.len(), other.len()),
                (one, other) => prop_assert_eq!(one, other),
            }
        }

        #[test]
        fn hunks_quote_the_lines_they_name(base in text(), x in text(), y in text()) {
            if let LineMerge::Conflict(hunks) = lines(&base, &x, &y)? {
                for hunk in hunks {
                    let MergeLines::Shown { base_lines, ours, theirs } = hunk.lines else { panic!("too long") };
                    let sides = [(&base, hunk.base_start, base_lines), (&x, hunk.ours_start, ours),
                        (&y, hunk.theirs_start, theirs)];
                    for (text, start, quoted) in sides {
                        let count = quoted.split_inclusive('\n').count();
                        let lines = text.split_inclusive('\n').skip(start - 1).take(count);
                        prop_assert_eq!(lines.collect::<String>(), quoted);
                    }
                }
            }
        }
    }
}
