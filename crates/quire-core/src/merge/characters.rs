//! Merging by characters what lines cannot: each conflict becomes a text of an Automerge document, edited by both sides.

use super::{LineMerge, Part, Piece, Sides, by_lines, push_lines};
use crate::diff::{Compared, compare, steps};
use crate::error::{Error, Result};
use crate::interrupt;
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, TextEncoding};
use similar::DiffOp;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Most bytes that may be in conflict on one side of a merge by characters: each takes up to a kilobyte of memory.
pub const MAX_AUTOMERGE_BYTES: usize = 256 * 1024;
/// Most edits that a merge by characters may have to make.
pub const MAX_AUTOMERGE_EDITS: usize = 50_000;
/// Characters of the base that are put into a document at a time.
const STEP_CHARS: usize = 4096;
/// Edits of one change. Applying a change looks at the whole document, so they should not be too few.
const STEP_EDITS: usize = 2_000;

/// Merges by lines, and what is in conflict by characters: all insertions of both sides, minus all their deletions, in
/// an order that depends on the three texts only. When the time does not suffice, the answer is that of [`super::lines`].
///
/// Errors: `LimitError` for a text of more than [`crate::diff::MAX_LINES`] lines, or a conflict of more than
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

/// The character merge of each conflict (base, ours, theirs), with Automerge's errors and panics made ours; `None` when there
/// was not enough time.
pub(super) fn through_automerge(conflicts: &[[String; 3]], deadline: Instant) -> Result<Option<Vec<String>>> {
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
pub(crate) struct Splice {
    pub(crate) position: usize,
    pub(crate) deleted: usize,
    pub(crate) inserted: String,
}

/// The edits from `old` to `new`: lines are compared first, then the characters of the lines that differ.
pub(crate) fn splices(old: &str, new: &str, deadline: Instant) -> Result<Vec<Splice>> {
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
