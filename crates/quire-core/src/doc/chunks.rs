//! The changes of bytes that an Automerge library has written: a document, changes one behind the other, or any of these mixed.

use super::change::{ChunkType, DocChunk};
use super::merge::in_order;
use super::pack::of_bundle;
use super::{ChangeHash, DocChange, DocLimits, Heads, Loaded, document};
use crate::error::Result;
use crate::interrupt;
use std::collections::HashMap;

const WHAT: &str = "chunk is malformed";

/// The changes of chunks, once each, in an order in which none comes before one that it depends on and that is among them. What they
/// depend on besides need not be there: a chunk that was written after others has only what is new.
///
/// Errors: `LimitError` over a limit; `ValidationError` when the bytes are no chunks, or one of these is damaged.
pub fn read_chunks(bytes: &[u8], limits: &DocLimits) -> Result<Vec<DocChange>> {
    document::price(bytes, limits)?;
    let mut changes: HashMap<ChangeHash, DocChange> = HashMap::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        interrupt::check()?;
        let (chunk, behind) = DocChunk::split(WHAT, rest)?;
        rest = behind;
        let found = match chunk.kind {
            ChunkType::Change | ChunkType::Deflated => vec![DocChange::read(chunk.bytes, limits)?],
            ChunkType::Document => {
                Loaded::read(chunk.bytes, limits)?.changes_after(&Heads::default(), limits)?
            }
            ChunkType::Bundle => of_bundle(chunk.bytes, limits)?,
        };
        changes.extend(found.into_iter().map(|change| (change.hash(), change)));
    }
    in_order(changes)
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits, read_all};
    use super::*;
    use crate::error::Code;

    fn hashes(changes: &[DocChange]) -> Vec<ChangeHash> {
        let mut hashes: Vec<ChangeHash> = changes.iter().map(DocChange::hash).collect();
        hashes.sort_unstable();
        hashes
    }

    #[test]
    fn chunks_of_all_forms_are_read_in_any_order() {
        let mut dice = Dice::new();
        for _ in 0..10 {
            let mut document = edited(&mut dice, 40);
            let all = read_all(&mut document);
            let bundle = document.bundle(all.iter().map(DocChange::hash)).expect("bundles").bytes().to_vec();
            let backwards: Vec<u8> = all.iter().rev().flat_map(|change| change.bytes().to_vec()).collect();
            let mixed = [document.save(), bundle.clone(), backwards.clone()].concat();
            for bytes in [document.save(), document.save_nocompress(), bundle, backwards, mixed] {
                let read = read_chunks(&bytes, &limits()).expect("reads");
                assert_eq!(hashes(&read), hashes(&all));
                assert_eq!(Loaded::of(&read).expect("in order").heads(), Heads::new(document.get_heads()));
            }
        }
    }

    #[test]
    fn what_comes_after_others_needs_them_not() {
        let mut dice = Dice::new();
        let mut document = edited(&mut dice, 40);
        let all = read_all(&mut document);
        let later = &all[all.len() / 2..];
        let bytes: Vec<u8> = later.iter().flat_map(|change| change.bytes().to_vec()).collect();
        assert_eq!(hashes(&read_chunks(&bytes, &limits()).expect("reads")), hashes(later));
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let mut dice = Dice::new();
        let bytes = edited(&mut dice, 40).save();
        for _ in 0..200 {
            let mut wrong = bytes.clone();
            match dice.throw(3) {
                0 => wrong.truncate(dice.throw(bytes.len())),
                1 => wrong.push(0),
                _ => {
                    let at = dice.throw(bytes.len());
                    wrong[at] ^= 1 << dice.throw(8);
                }
            }
            let error = read_chunks(&wrong, &limits()).expect_err("refuses");
            assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error:?}");
        }
        let small = DocLimits { max_bytes: bytes.len() - 1, ..limits() };
        assert_eq!(read_chunks(&bytes, &small).expect_err("refuses").code(), Code::Limit);
    }
}
