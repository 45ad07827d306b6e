//! Merging by words what lines cannot: each conflict is compared word by word, and the edits of both sides are put together.
//!
//! The answer is a merged text only where it is sure what both sides meant. No word of it is made of two: each is a word of the base,
//! of ours or of theirs, as Unicode cuts words (UAX #29), and so is each grapheme cluster.

use super::{LineMerge, Part, Piece, Sides, by_lines, push_lines};
use crate::diff::compare;
use crate::error::{Error, Result};
use crate::interrupt;
use similar::DiffOp;
use std::collections::HashSet;
use std::ops::Range;
use std::time::{Duration, Instant};
use unicode_segmentation::UnicodeSegmentation;

/// Most bytes that may be in conflict on one side of a merge by words.
pub const MAX_WORDS_BYTES: usize = 256 * 1024;

/// Merges by lines, and what is in conflict by words. Where words do not merge either, or the time does not suffice, the answer is that
/// of [`super::lines`].
///
/// Both sides' edits count. An edit that both made counts once, and so does one that is a part of the other side's. They do not merge
/// where they change the same words differently, where both add at one place, or where words of both would run together.
///
/// Errors: `LimitError` for a text of more than [`crate::diff::MAX_LINES`] lines, or conflicts of more than [`MAX_WORDS_BYTES`].
pub fn words(base: &str, ours: &str, theirs: &str, within: Duration) -> Result<LineMerge> {
    let deadline = Instant::now() + within;
    let sides = Sides::split(base, ours, theirs)?;
    let pieces = sides.pieces(deadline)?;
    check_size(&pieces)?;
    let mut out = String::new();
    for piece in &pieces {
        match piece {
            Piece::Settled(lines) => push_lines(&mut out, lines)?,
            Piece::Conflict { base, ours, theirs } => {
                match merge_words([base, ours, theirs].map(Part::text), deadline)? {
                    Some(text) => out.push_str(&text),
                    None => return by_lines(&pieces),
                }
            }
        }
    }
    Ok(LineMerge::Clean(out))
}

fn check_size(pieces: &[Piece]) -> Result<()> {
    let mut sizes = [0; 3];
    for piece in pieces {
        interrupt::step()?;
        if let Piece::Conflict { base, ours, theirs } = piece {
            for (size, part) in sizes.iter_mut().zip([base, ours, theirs]) {
                *size += part.bytes();
            }
        }
    }
    for (side, size) in ["base", "ours", "theirs"].into_iter().zip(sizes) {
        if size > MAX_WORDS_BYTES {
            let error = Error::limit("conflicts are too large to merge by words", MAX_WORDS_BYTES);
            return Err(error.with("side", side).with("size", size).hint("Merge by lines instead."));
        }
    }
    Ok(())
}

/// What the sides make of the lines in one conflict (base, ours, theirs); `None` when that is not sure, or was not found in time.
pub(super) fn merge_words(texts: [String; 3], deadline: Instant) -> Result<Option<String>> {
    let [base, ours, theirs] = &texts;
    let (old, ours_new, theirs_new) = (tokens(base)?, tokens(ours)?, tokens(theirs)?);
    let ours_edits = edits(&old, &ours_new, deadline)?;
    let theirs_edits = edits(&old, &theirs_new, deadline)?;
    // A search that ran out of time has found longer edits than there are.
    if Instant::now() >= deadline {
        return Ok(None);
    }
    let Some(steps) = in_order(&old, &ours_edits, &theirs_edits, deadline)? else { return Ok(None) };
    let Some(new) = carry_out(&old, &steps)? else { return Ok(None) };
    let text = new.concat();
    // Where what stood between two words is gone, they may have become one that nobody wrote.
    let is_cut_the_same = tokens(&text)? == new;
    // What comes next is a line of its own.
    let ends_well = |text: &str| text.is_empty() || text.ends_with('\n');
    let is_whole = ends_well(&text) || !ends_well(ours) || !ends_well(theirs);
    Ok((is_cut_the_same && is_whole).then_some(text))
}

/// The words of a text, and what stands between them: it is cut at each border of words that is also one of grapheme clusters.
pub(super) fn tokens(text: &str) -> Result<Vec<&str>> {
    let mut clusters = text.grapheme_indices(true).map(|(at, _)| at).peekable();
    let (mut out, mut start) = (Vec::new(), 0);
    for (at, word) in text.split_word_bound_indices() {
        interrupt::step()?;
        let end = at + word.len();
        while clusters.next_if(|cluster| *cluster < end).is_some() {}
        if clusters.peek().is_none_or(|cluster| *cluster == end) {
            out.push(&text[start..end]);
            start = end;
        }
    }
    Ok(out)
}

/// Tokens of the base, which may be none, that a side has others for, which may be none.
#[derive(Debug, PartialEq)]
struct Edit<'a> {
    old: Range<usize>,
    new: &'a [&'a str],
}

impl Edit<'_> {
    /// Whether it adds tokens at a border of those that it takes away. As many as before stand for one each.
    fn adds(&self) -> bool {
        !self.new.is_empty() && self.new.len() != self.old.len()
    }

    /// Whether it is about what an edit of the other side is about, too.
    fn meets(&self, other: &Self, base: &[&str]) -> bool {
        let takes_line_end = |edit: &Self| base[edit.old.clone()].iter().any(|token| token.ends_with('\n'));
        let touches = self.old.end == other.old.start || other.old.end == self.old.start;
        let overlaps = self.old.start < other.old.end && other.old.start < self.old.end;
        self.old == other.old
            || overlaps
            // Which of two additions comes first is anybody's guess. So is what is a line where each side has joined two.
            || touches && (self.adds() && other.adds() || takes_line_end(self) && takes_line_end(other))
    }

    /// Whether the other edit does all that this one does, at the same place.
    fn is_part_of(&self, other: &Self, deadline: Instant) -> bool {
        if self.old.start < other.old.start || other.old.end < self.old.end {
            return false;
        }
        // Who deletes a word does not want another one there.
        if self.new.is_empty() {
            return other.new.is_empty();
        }
        if self.old == other.old {
            // What is not found in time is no part, and so a conflict.
            let mut places = other.new.windows(self.new.len()).take_while(|_| Instant::now() < deadline);
            return places.any(|place| {
                interrupt::tick();
                place == self.new
            });
        }
        self.old.start == other.old.start && other.new.starts_with(self.new)
            || self.old.end == other.old.end && other.new.ends_with(self.new)
    }
}

/// The edits from the base to a side, with something that is kept between any two of them.
fn edits<'a>(base: &[&'a str], side: &'a [&'a str], deadline: Instant) -> Result<Vec<Edit<'a>>> {
    let mut changes: Vec<Change> = Vec::new();
    let mut at = (0, 0);
    for (old, new) in kept(base, side, deadline)?.into_iter().chain([(base.len(), side.len())]) {
        interrupt::step()?;
        if at != (old, new) {
            changes.push((at.0..old, at.1..new));
        }
        at = (old + 1, new + 1);
    }
    let placed = further_down(base, side, changes, deadline)?;
    Ok(placed.into_iter().rev().map(|(old, new)| Edit { old, new: &side[new] }).collect())
}

/// Where the tokens are, in the base and in the side, that the side has kept: as many words as can be, and what else is the same between
/// these. If blanks counted as much as words, a word would be taken for another one where that saves a blank.
fn kept(base: &[&str], side: &[&str], deadline: Instant) -> Result<Vec<(usize, usize)>> {
    let words = same(base, 0..base.len(), side, 0..side.len(), is_word, deadline)?;
    let mut out = Vec::with_capacity(base.len().min(side.len()));
    let mut at = (0, 0);
    let others = |old, new| same(base, old, side, new, |token| !is_word(token), deadline);
    for (old, new) in words {
        out.extend(others(at.0..old, at.1..new)?);
        out.push((old, new));
        at = (old + 1, new + 1);
    }
    out.extend(others(at.0..base.len(), at.1..side.len())?);
    Ok(out)
}

/// Which tokens of some kind in the one part are those in the other.
fn same(
    base: &[&str],
    old: Range<usize>,
    side: &[&str],
    new: Range<usize>,
    is_meant: impl Fn(&str) -> bool,
    deadline: Instant,
) -> Result<Vec<(usize, usize)>> {
    interrupt::step()?;
    let meant = |tokens: &[&str], part: Range<usize>| -> Vec<usize> {
        part.filter(|at| is_meant(tokens[*at])).collect()
    };
    let (old, new) = (meant(base, old), meant(side, new));
    let old_tokens: Vec<&str> = old.iter().map(|at| base[*at]).collect();
    let new_tokens: Vec<&str> = new.iter().map(|at| side[*at]).collect();
    // As it is between most words.
    if old_tokens == new_tokens {
        return Ok(old.into_iter().zip(new).collect());
    }
    let steps = compare(&old_tokens, &new_tokens, deadline)?;
    let same = steps.iter().filter(|step| matches!(step, DiffOp::Equal { .. }));
    Ok(same
        .flat_map(|step| old[step.old_range()].iter().copied().zip(new[step.new_range()].iter().copied()))
        .collect())
}

fn is_word(token: &str) -> bool {
    token.contains(char::is_alphanumeric)
}

/// What is gone from the base, and what a side has there.
type Change = (Range<usize>, Range<usize>);

/// The same changes, the last one first, with tokens kept as far up as they can be: from `the cat` to `a black cat`, the blank is kept
/// that follows `a`, and `black ` is added behind it. So what both sides did alike is at the same place, whatever else they did there.
fn further_down(
    base: &[&str],
    side: &[&str],
    mut changes: Vec<Change>,
    deadline: Instant,
) -> Result<Vec<Change>> {
    let mut placed: Vec<Change> = Vec::with_capacity(changes.len());
    while let Some((mut old, mut new)) = changes.pop() {
        loop {
            interrupt::step()?;
            if let Some((next_old, next_new)) = placed.pop_if(|(next, _)| next.start == old.end) {
                (old.end, new.end) = (next_old.end, next_new.end);
            }
            let Some(kept) = base.get(old.end).filter(|_| Instant::now() < deadline) else { break };
            let in_old = base[old.clone()].iter().position(|token| token == kept);
            let in_new = side[new.clone()].iter().position(|token| token == kept);
            match (in_old, in_new) {
                // An addition, or a deletion, moves as a whole.
                (Some(0), _) if new.is_empty() => {}
                (_, Some(0)) if old.is_empty() => {}
                (_, Some(at)) if !old.is_empty() => {
                    changes.push((old.clone(), new.start..new.start + at));
                    (old, new) = (old.end..old.end, new.start + at..new.end);
                }
                (Some(at), None) if !new.is_empty() => {
                    changes.push((old.start..old.start + at, new.clone()));
                    (old, new) = (old.start + at..old.end, new.end..new.end);
                }
                _ => break,
            }
            (old, new) = (old.start + 1..old.end + 1, new.start + 1..new.end + 1);
        }
        placed.push((old, new));
    }
    Ok(placed)
}

/// An edit, and the side that made it: 0 is ours, 1 theirs; `None` is both.
type Step<'a> = (&'a Edit<'a>, Option<usize>);

/// The edits of both sides in the order of their places, each once; `None` when two are in each other's way.
fn in_order<'a>(
    base: &[&str],
    mut ours: &'a [Edit<'a>],
    mut theirs: &'a [Edit<'a>],
    deadline: Instant,
) -> Result<Option<Vec<Step<'a>>>> {
    let mut steps = Vec::with_capacity(ours.len() + theirs.len());
    loop {
        interrupt::step()?;
        let is_ours = match (ours.first(), theirs.first()) {
            (None, None) => return Ok(Some(steps)),
            (Some(one), Some(other)) if one.meets(other, base) => {
                let (ours_here, theirs_here) = meeting(base, ours, theirs);
                let Some(step) = settle(ours_here, theirs_here, deadline) else { return Ok(None) };
                steps.push(step);
                (ours, theirs) = (&ours[ours_here.len()..], &theirs[theirs_here.len()..]);
                continue;
            }
            (Some(one), Some(other)) => is_before(one, other),
            (one, _) => one.is_some(),
        };
        let (side, edits) = if is_ours { (0, &mut ours) } else { (1, &mut theirs) };
        steps.extend(edits.split_off_first().map(|edit| (edit, Some(side))));
    }
}

fn is_before(one: &Edit, other: &Edit) -> bool {
    (one.old.start, one.old.end) < (other.old.start, other.old.end)
}

/// The first edits of both sides, which meet, and whatever meets one of these.
fn meeting<'a>(
    base: &[&str],
    ours: &'a [Edit<'a>],
    theirs: &'a [Edit<'a>],
) -> (&'a [Edit<'a>], &'a [Edit<'a>]) {
    let (mut many, mut others) = (1, 1);
    // Something is kept between two edits of a side, so the next one can meet the other side's last one only.
    loop {
        if ours.get(many).is_some_and(|next| next.meets(&theirs[others - 1], base)) {
            many += 1;
        } else if theirs.get(others).is_some_and(|next| next.meets(&ours[many - 1], base)) {
            others += 1;
        } else {
            return (&ours[..many], &theirs[..others]);
        }
    }
}

/// What edits that meet come to: the one that all others are parts of.
fn settle<'a>(ours: &'a [Edit<'a>], theirs: &'a [Edit<'a>], deadline: Instant) -> Option<Step<'a>> {
    let are_parts = |parts: &[Edit], whole: &Edit| {
        parts.iter().map(|part| part.new.len()).sum::<usize>() <= whole.new.len()
            && parts.iter().all(|part| part.is_part_of(whole, deadline))
    };
    match (ours, theirs) {
        ([one], [other]) if one == other => Some((one, None)),
        ([one], others) if are_parts(others, one) => Some((one, Some(0))),
        (many, [other]) if are_parts(many, other) => Some((other, Some(1))),
        _ => None,
    }
}

/// The tokens of the base after all edits; `None` when both sides may have done the same in two places.
///
/// Where an edit is, is a guess: from `a b` to `x b`, x may be a new a, or a is gone and x was added, as the other side has done with
/// `a x b`; and from `a b` to `a x a b`, what is new may be `a x` or `x a`. A word that both have kept is between two edits for
/// sure only when nobody has added or deleted the same word elsewhere.
fn carry_out<'a>(base: &[&'a str], steps: &[Step<'a>]) -> Result<Option<Vec<&'a str>>> {
    let touched = |edit: &Edit<'a>| {
        if edit.new.is_empty() { base[edit.old.clone()].to_vec() } else { edit.new.to_vec() }
    };
    let unsure: HashSet<&str> = steps.iter().flat_map(|(edit, _)| touched(edit)).collect();
    let mut out = Vec::with_capacity(base.len());
    let mut at = 0;
    // What each side has added or deleted since the last word that is kept for sure.
    let mut nearby: [HashSet<&str>; 2] = Default::default();
    for (edit, by) in steps {
        for token in &base[at..edit.old.start] {
            interrupt::step()?;
            out.push(*token);
        }
        if base[at..edit.old.start].iter().any(|token| is_word(token) && !unsure.contains(token)) {
            nearby = Default::default();
        }
        for token in touched(edit) {
            interrupt::step()?;
            if let Some(side) = *by
                && !token.trim().is_empty()
            {
                if nearby[1 - side].contains(token) {
                    return Ok(None);
                }
                nearby[side].insert(token);
            }
        }
        out.extend(edit.new);
        at = edit.old.end;
    }
    out.extend(&base[at..]);
    Ok(Some(out))
}
