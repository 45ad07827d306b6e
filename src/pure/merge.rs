//! Three-way merges of a text: by lines (diff3, conflicts are reported) and by characters (conflicts are merged as a CRDT).
//!
//! Both are functions of their three texts, as long as the time suffices. Lines end with `\n` only, as in [`super::diff`],
//! whose searches under a deadline align the sides with the base: when it runs out, more is in conflict than had to be. The
//! merge by characters goes in steps of tens of milliseconds; what is not merged at the deadline is in conflict, all of it.
//!
//! diff3: S. Khanna, K. Kunal, B. Pierce, "A Formal Investigation of Diff3" (2007).

use super::diff::{self, Compared, compare, steps};
use crate::error::{Error, Result};
use crate::pure::interrupt;
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, TextEncoding};
use serde::Serialize;
use similar::DiffOp;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Most bytes that may be in conflict on one side of a merge by characters: each takes up to a kilobyte of memory.
pub const MAX_AUTOMERGE_BYTES: usize = 256 * 1024;

/// Most bytes of lines that the conflicts of a merge tell. Of those that come after as many, only the places are told.
pub const MAX_CONFLICT_BYTES: usize = 8 << 20;

/// Most edits that a merge by characters may have to make.
pub const MAX_AUTOMERGE_EDITS: usize = 50_000;

/// Characters of the base that are put into a document at a time.
const STEP_CHARS: usize = 4096;
/// Edits of one change. Applying a change looks at the whole document, so they should not be too few.
const STEP_EDITS: usize = 2_000;

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
    /// What stands there.
    #[serde(flatten)]
    pub lines: Lines,
}

/// The lines of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Lines {
    /// All of them.
    Told {
        /// Those of the common ancestor.
        base_lines: String,
        /// Ours.
        ours: String,
        /// Theirs.
        theirs: String,
    },
    /// How many there are, where all conflicts together are too long to be told.
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
    let (mut text, mut hunks, mut told) = (String::new(), Vec::new(), 0);
    for piece in pieces {
        interrupt::step()?;
        match piece {
            Piece::Settled(lines) => push_lines(&mut text, lines)?,
            Piece::Conflict { base, ours, theirs } => {
                told += base.bytes() + ours.bytes() + theirs.bytes();
                let lines = if told <= MAX_CONFLICT_BYTES {
                    Lines::Told { base_lines: base.text(), ours: ours.text(), theirs: theirs.text() }
                } else {
                    Lines::Omitted {
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

/// Merges by lines, and what is in conflict by characters: all insertions of both sides, minus all their deletions, in
/// an order that depends on the three texts only. When the time does not suffice, the answer is that of [`lines`].
///
/// Errors: `LimitError` for a text of more than [`diff::MAX_LINES`] lines, or a conflict of more than
/// [`MAX_AUTOMERGE_BYTES`] or [`MAX_AUTOMERGE_EDITS`]; `InternalError` if the CRDT fails.
pub fn characters(base: &str, ours: &str, theirs: &str, within: Duration) -> Result<LineMerge> {
    let deadline = Instant::now() + within;
    let sides = Sides::split(base, ours, theirs)?;
    let pieces = sides.pieces(deadline)?;
    let in_conflict = || {
        pieces.iter().filter_map(|piece| match piece {
            Piece::Conflict { base, ours, theirs } => Some([base, ours, theirs]),
            Piece::Settled(_) => None,
        })
    };
    for (index, side) in ["base", "ours", "theirs"].into_iter().enumerate() {
        let size: usize = in_conflict().map(|parts| parts[index].bytes()).sum();
        if size > MAX_AUTOMERGE_BYTES {
            let error = Error::limit("conflicts are too large to merge by characters", MAX_AUTOMERGE_BYTES);
            return Err(error.with("side", side).with("size", size).hint("Merge by lines instead."));
        }
    }
    let conflicts: Vec<[String; 3]> = in_conflict().map(|parts| parts.map(Part::text)).collect();
    let Some(merged) = through_automerge(&conflicts, deadline)? else { return by_lines(&pieces) };
    let mut merged = merged.into_iter();
    let mut out = String::new();
    for piece in &pieces {
        match piece {
            Piece::Settled(lines) => push_lines(&mut out, lines)?,
            Piece::Conflict { .. } => out.extend(merged.next()),
        }
    }
    Ok(LineMerge::Clean(out))
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

/// The character merge of each conflict (base, ours, theirs), with Automerge's errors and panics made ours; `None` when there
/// was not enough time.
fn through_automerge(conflicts: &[[String; 3]], deadline: Instant) -> Result<Option<Vec<String>>> {
    let mut edits: Vec<[Vec<Splice>; 2]> = Vec::with_capacity(conflicts.len());
    for [base, ours, theirs] in conflicts {
        edits.push([splices(base, ours, deadline)?, splices(base, theirs, deadline)?]);
    }
    let count: usize = edits.iter().flatten().map(Vec::len).sum();
    if count > MAX_AUTOMERGE_EDITS {
        let error = Error::limit("conflicts differ too much to merge by characters", MAX_AUTOMERGE_EDITS);
        return Err(error.with("edits", count).hint("Merge by lines instead."));
    }
    match catch_unwind(AssertUnwindSafe(|| merge_forks(conflicts, &edits, deadline))) {
        Ok(Ok(texts)) => Ok(Some(texts)),
        Ok(Err(Stopped::Late)) => Ok(None),
        Ok(Err(Stopped::By(error))) => Err(error),
        Err(panic) if panic.is::<&str>() || panic.is::<String>() => {
            Err(Error::internal("character merge failed: automerge panicked"))
        }
        // A cancel, which looking at interrupts has thrown.
        Err(other) => resume_unwind(other),
    }
}

/// Why a merge did not come to an end.
enum Stopped {
    /// The time is over.
    Late,
    By(Error),
}

impl From<AutomergeError> for Stopped {
    fn from(error: AutomergeError) -> Self {
        Self::By(Error::internal(format!("character merge failed: {error}")))
    }
}

/// Between two steps.
fn go_on(deadline: Instant) -> std::result::Result<(), Stopped> {
    interrupt::check().map_err(Stopped::By)?;
    if Instant::now() < deadline { Ok(()) } else { Err(Stopped::Late) }
}

/// Two documents with a text per conflict, edited and merged. The actors are fixed, for that a merge has one result.
fn merge_forks(
    conflicts: &[[String; 3]],
    edits: &[[Vec<Splice>; 2]],
    deadline: Instant,
) -> std::result::Result<Vec<String>, Stopped> {
    let (mut document, texts) = base_document(conflicts, deadline)?;
    // The same steps make the same document; to fork one is a single step, and a long one.
    let (mut other, _) = base_document(conflicts, deadline)?;
    let base = document.get_heads();
    document.set_actor(ActorId::from(b"quire ours".as_slice()));
    other.set_actor(ActorId::from(b"quire theirs".as_slice()));
    for (side, fork) in [&mut document, &mut other].into_iter().enumerate() {
        let mut steps = 0;
        for (text, edits) in texts.iter().zip(edits) {
            // From the end, so that no splice moves the next one's position.
            for splice in edits[side].iter().rev() {
                let deleted = isize::try_from(splice.deleted).unwrap_or(isize::MAX);
                fork.splice_text(text, splice.position, deleted, &splice.inserted)?;
                steps += 1;
                if steps % 16 == 0 {
                    go_on(deadline)?;
                }
                if steps % STEP_EDITS == 0 {
                    fork.commit();
                }
            }
        }
        fork.commit();
    }
    for change in other.get_changes(&base) {
        go_on(deadline)?;
        document.apply_changes([change])?;
    }
    go_on(deadline)?;
    let merged: std::result::Result<_, AutomergeError> =
        texts.iter().map(|text| document.text(text)).collect();
    Ok(merged?)
}

fn base_document(
    conflicts: &[[String; 3]],
    deadline: Instant,
) -> std::result::Result<(AutoCommit, Vec<ObjId>), Stopped> {
    let mut document = AutoCommit::new_with_encoding(TextEncoding::UnicodeCodePoint)
        .with_actor(ActorId::from(b"quire base".as_slice()));
    let list = document.put_object(ROOT, "conflicts", ObjType::List)?;
    let mut texts = Vec::with_capacity(conflicts.len());
    for (index, [base, ..]) in conflicts.iter().enumerate() {
        let text = document.insert_object(&list, index, ObjType::Text)?;
        let chars: Vec<char> = base.chars().collect();
        for (number, step) in chars.chunks(STEP_CHARS).enumerate() {
            go_on(deadline)?;
            document.splice_text(&text, number * STEP_CHARS, 0, &step.iter().collect::<String>())?;
        }
        texts.push(text);
    }
    document.commit();
    Ok((document, texts))
}

/// One edit of a text; positions and lengths count Unicode code points of the old text.
#[derive(Debug, PartialEq)]
struct Splice {
    position: usize,
    deleted: usize,
    inserted: String,
}

/// The edits from `old` to `new`: lines are compared first, then the characters of the lines that differ.
fn splices(old: &str, new: &str, deadline: Instant) -> Result<Vec<Splice>> {
    let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
    let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
    let (mut out, mut start) = (Vec::new(), 0);
    let chars = |lines: &[&str]| -> Vec<Compared<char>> {
        lines.iter().flat_map(|line| line.chars()).map(Compared).collect()
    };
    for op in compare(&old_lines, &new_lines, deadline)? {
        let old_chars = chars(&old_lines[op.old_range()]);
        if !matches!(op, DiffOp::Equal { .. }) {
            let new_chars = chars(&new_lines[op.new_range()]);
            let ops = steps(&old_chars, &new_chars, deadline)?;
            out.extend(ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).map(|op| Splice {
                position: start + op.old_range().start,
                deleted: op.old_range().len(),
                inserted: new_chars[op.new_range()].iter().map(|c| c.0).collect(),
            }));
        }
        start += old_chars.len();
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::pure::diff::SEARCH_TIME;
    use proptest::prelude::*;

    const AMPLE: Duration = Duration::from_secs(60);

    fn lines(base: &str, ours: &str, theirs: &str) -> Result<LineMerge> {
        super::lines(base, ours, theirs, AMPLE)
    }

    fn characters(base: &str, ours: &str, theirs: &str) -> Result<String> {
        match super::characters(base, ours, theirs, AMPLE)? {
            LineMerge::Clean(text) => Ok(text),
            LineMerge::Conflict(hunks) => panic!("{hunks:?}"),
        }
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
    fn characters_keep_what_both_sides_wrote() {
        let merged = characters("the cat sat\n", "the black cat sat\n", "the cat sat down\n").unwrap();
        assert_eq!(merged, "the black cat sat down\n");
        assert_eq!(characters("😀x😀\n", "😀x🦀😀\n", "é😀x😀\n").unwrap(), "é😀x🦀😀\n");
        assert_eq!(characters("", "a", "a").unwrap(), "a");
    }

    #[test]
    fn a_text_over_the_limit_is_refused_before_work() {
        let large = "x".repeat(MAX_AUTOMERGE_BYTES + 1);
        assert_eq!(characters("", &large, "y").unwrap_err().code(), Code::Limit);
        assert_eq!(characters("", &large, "").unwrap(), large, "no conflict, no limit");
        let base = "ab".repeat(MAX_AUTOMERGE_EDITS);
        let (ours, theirs) = (base.replace('a', ""), base.replace('b', ""));
        assert_eq!(characters(&base, &ours, &theirs).unwrap_err().code(), Code::Limit);
        assert_eq!(lines("", "", &"\n".repeat(diff::MAX_LINES)).unwrap_err().code(), Code::Limit);
    }

    /// What is not merged in time is in conflict, by characters as by lines.
    #[test]
    fn a_merge_that_takes_too_long_is_a_conflict() {
        let base = "abcdefgh".repeat(8_000);
        let (ours, theirs) = (base.replace("a", "12"), base.replace('e', "34"));
        let start = Instant::now();
        let merged = super::characters(&base, &ours, &theirs, Duration::ZERO).unwrap();
        assert!(start.elapsed() < SEARCH_TIME, "{:?}", start.elapsed());
        let LineMerge::Conflict(hunks) = merged else { panic!("merged") };
        assert_eq!(hunks.len(), 1);
        assert_eq!(hunks[0].lines, Lines::Told { base_lines: base, ours, theirs });
    }

    /// Conflicts that are too long together say where they are.
    #[test]
    fn long_conflicts_are_told_without_their_lines() {
        let side = |letter: &str| {
            let line = format!("{}\n", letter.repeat(MAX_CONFLICT_BYTES / 4));
            format!("{line}same\n{line}{line}")
        };
        let LineMerge::Conflict(hunks) = lines(&side("a"), &side("b"), &side("c")).unwrap() else {
            panic!("merged")
        };
        let omitted = |count| Lines::Omitted {
            lines_omitted: true,
            base_count: count,
            ours_count: count,
            theirs_count: count,
        };
        assert_eq!(hunks.len(), 2);
        assert!(matches!(hunks[0].lines, Lines::Told { .. }));
        assert_eq!((hunks[1].base_start, &hunks[1].lines), (3, &omitted(2)));
    }

    /// Changes are made and applied in steps; the result is that of one step.
    #[test]
    fn many_edits_merge_in_steps() {
        let base: String = (0..30_000).map(|n| if n % 5 == 0 { 'x' } else { 'y' }).collect();
        let merged = characters(&base, &base.replace('x', "1"), &format!("{base}2")).unwrap();
        assert_eq!(merged, format!("{}2", base.replace('x', "1")));
    }

    fn text() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec!["a\n", "b\n", "ab\r\n", "c", "é😀", "\r", "\n"]);
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    /// `base` with `mark` put in at some places.
    fn marked(base: &str, places: &[prop::sample::Index], mark: char) -> String {
        let mut chars: Vec<char> = base.chars().collect();
        for place in places {
            chars.insert(place.index(chars.len() + 1), mark);
        }
        chars.into_iter().collect()
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
                    let Lines::Told { base_lines, ours, theirs } = hunk.lines else { panic!("too long") };
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

        #[test]
        fn splices_lead_from_one_text_to_the_other(old in text(), new in text()) {
            let mut chars: Vec<char> = old.chars().collect();
            for splice in splices(&old, &new, Instant::now() + SEARCH_TIME)?.iter().rev() {
                chars.splice(splice.position..splice.position + splice.deleted, splice.inserted.chars());
            }
            prop_assert_eq!(chars.into_iter().collect::<String>(), new);
        }

        #[test]
        fn characters_follow_the_laws_of_a_merge(base in text(), x in text(), y in text()) {
            let merge = |ours: &str, theirs: &str| {
                let conflicts = [[base.clone(), ours.into(), theirs.into()]];
                through_automerge(&conflicts, Instant::now() + AMPLE).map(Option::unwrap)
            };
            prop_assert_eq!(merge(&x, &base)?, [x.clone()]);
            prop_assert_eq!(merge(&base, &y)?, [y.clone()]);
            prop_assert_eq!(characters(&base, &x, &base)?, &*x);
            prop_assert_eq!(characters(&base, &base, &y)?, &*y);
            prop_assert_eq!(characters(&base, &x, &x)?, &*x);
            prop_assert_eq!(characters(&base, &x, &y)?, characters(&base, &x, &y)?);
        }

        #[test]
        fn no_insertion_is_lost(
            length in 0u8..40,
            x in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
            y in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        ) {
            // No character twice: there is one shortest way from the base to each side.
            let base: String = (0..length).filter_map(|n| char::from_u32(0x1_f600 + u32::from(n))).collect();
            let merged = characters(&base, &marked(&base, &x, '1'), &marked(&base, &y, '2'))?;
            prop_assert_eq!(merged.matches('1').count(), x.len());
            prop_assert_eq!(merged.matches('2').count(), y.len());
            prop_assert_eq!(merged.replace(['1', '2'], ""), base);
        }
    }
}
