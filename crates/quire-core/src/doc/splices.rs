//! The edits from one text to another, as an Automerge text takes them.

use crate::diff::{Compared, compare, steps};
use crate::error::Result;
use similar::DiffOp;
use std::time::Instant;

/// One edit of a text; positions and lengths count Unicode code points of the old text.
#[derive(Debug, PartialEq)]
pub(super) struct Splice {
    pub(super) position: usize,
    pub(super) deleted: usize,
    pub(super) inserted: String,
}

/// The edits from `old` to `new`: lines are compared first, then the characters of the lines that differ.
pub(super) fn splices(old: &str, new: &str, deadline: Instant) -> Result<Vec<Splice>> {
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
    use crate::diff::SEARCH_TIME;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec!["a\n", "b\n", "ab\r\n", "c", "é😀", "\r", "\n"]);
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn splices_lead_from_one_text_to_the_other(old in text(), new in text()) {
            let mut chars: Vec<char> = old.chars().collect();
            for splice in splices(&old, &new, Instant::now() + SEARCH_TIME)?.iter().rev() {
                chars.splice(splice.position..splice.position + splice.deleted, splice.inserted.chars());
            }
            prop_assert_eq!(chars.into_iter().collect::<String>(), new);
        }
    }
}
