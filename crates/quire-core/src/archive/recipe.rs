//! How a piece of an archive is put together from stored parts of files and the bytes between them.
//!
//! Stored, so the form keeps its meaning for ever. Numbers are little endian with 4 bytes; a step is either a length above
//! 0 and as many bytes, or 0, the 32 bytes of a hash, and the numbers `ordinal`, `from` and `length`.
//!
//! A stored frame is meant without its checksum, which the recipe has where the archive has one: recipes were made before
//! frames had any, and what is stored anew, when it is repaired, gets one. So it makes no difference to an archive.

use super::frame::{HAS_CHECKSUM, START_BYTES};
use super::writer::corrupt;
use crate::content::Codec;
use crate::error::Result;
use crate::hash::Hash;
use std::borrow::Cow;

/// A recipe in the making.
#[derive(Clone, Default, Debug)]
pub struct Recipe {
    bytes: Vec<u8>,
    /// Where the length of the last step is, if that is a literal one.
    literal: Option<usize>,
}

/// One step.
#[derive(Clone, PartialEq, Debug)]
pub enum RecipeStep<'a> {
    /// These bytes.
    Literal(&'a [u8]),
    /// `length` stored bytes from `from` of the content with a hash: of all of it, or of its chunk `ordinal`, which
    /// counts from 1.
    Stored {
        /// Of the whole content.
        hash: Hash,
        /// 0: it is not in chunks.
        ordinal: u32,
        /// Offset.
        from: u32,
        /// How many.
        length: u32,
    },
}

impl RecipeStep<'_> {
    /// How many bytes it makes.
    pub fn length(&self) -> usize {
        match self {
            RecipeStep::Literal(bytes) => bytes.len(),
            RecipeStep::Stored { length, .. } => *length as usize,
        }
    }
}

impl Recipe {
    /// Adds bytes.
    pub fn literal(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let at = *self.literal.get_or_insert_with(|| {
            self.bytes.extend_from_slice(&[0; 4]);
            self.bytes.len() - 4
        });
        self.bytes.extend_from_slice(bytes);
        let length = (self.bytes.len() - at - 4) as u32;
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// Adds stored bytes.
    pub fn stored(&mut self, hash: &Hash, ordinal: u32, from: u32, length: u32) {
        self.literal = None;
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(hash.as_bytes());
        for number in [ordinal, from, length] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// What is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.literal = None;
    }
}

/// The steps of a stored recipe.
pub fn steps(mut recipe: &[u8]) -> Result<Vec<RecipeStep<'_>>> {
    let mut steps = Vec::new();
    while !recipe.is_empty() {
        let length = number(&mut recipe)?;
        steps.push(if length > 0 {
            RecipeStep::Literal(take(&mut recipe, length as usize)?)
        } else {
            RecipeStep::Stored {
                hash: Hash::from_bytes(take(&mut recipe, 32)?)?,
                ordinal: number(&mut recipe)?,
                from: number(&mut recipe)?,
                length: number(&mut recipe)?,
            }
        });
    }
    Ok(steps)
}

/// The `length` bytes from `from` that a step wants of a stored part; `None` when there are fewer.
pub fn stored_bytes(codec: Codec, part: &[u8], from: u32, length: u32) -> Option<Cow<'_, [u8]>> {
    const DESCRIPTOR: usize = START_BYTES - 1;
    let from = from as usize;
    let mut bytes = Cow::Borrowed(part.get(from..from.checked_add(length as usize)?)?);
    let descriptor = DESCRIPTOR.checked_sub(from).filter(|_| codec == Codec::Zstd);
    if let Some(at) = descriptor.filter(|at| bytes.get(*at).is_some_and(|byte| byte & HAS_CHECKSUM != 0)) {
        bytes.to_mut()[at] &= !HAS_CHECKSUM;
    }
    Some(bytes)
}

fn number(from: &mut &[u8]) -> Result<u32> {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(take(from, 4)?);
    Ok(u32::from_le_bytes(bytes))
}

fn take<'a>(from: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    let (taken, rest) =
        from.split_at_checked(length).ok_or_else(|| corrupt("a piece of the archive cannot be read"))?;
    *from = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::encode;
    use proptest::prelude::*;

    #[test]
    fn literals_are_joined() {
        let hash = Hash::of(b"content");
        let mut recipe = Recipe::default();
        recipe.literal(b"ab");
        recipe.literal(b"");
        recipe.literal(b"c");
        recipe.stored(&hash, 0, 5, 7);
        recipe.stored(&hash, 2, 0, 1);
        recipe.literal(b"d");
        let expected = [
            RecipeStep::Literal(b"abc"),
            RecipeStep::Stored { hash, ordinal: 0, from: 5, length: 7 },
            RecipeStep::Stored { hash, ordinal: 2, from: 0, length: 1 },
            RecipeStep::Literal(b"d"),
        ];
        assert_eq!(steps(recipe.as_bytes()).expect("reads"), expected);
        assert_eq!(expected.iter().map(RecipeStep::length).sum::<usize>(), 12);
        for end in 1..recipe.as_bytes().len() {
            if let Ok(read) = steps(&recipe.as_bytes()[..end]) {
                assert_eq!(read, expected[..read.len()]);
            }
        }
        recipe.clear();
        recipe.literal(b"e");
        assert_eq!(steps(recipe.as_bytes()).expect("reads"), [RecipeStep::Literal(b"e")]);
    }

    #[test]
    fn a_frame_with_a_checksum_stands_for_the_one_without() {
        let bytes = b"some text ".repeat(60);
        let with = encode(&bytes, 3).bytes;
        let without = zstd::bulk::compress(&bytes, 3).expect("compresses");
        assert_eq!(with.len(), without.len() + 4);
        let length = without.len() as u32;
        for from in 0..length {
            for end in from..=length {
                let expected = &without[from as usize..end as usize];
                for part in [&with, &without] {
                    let found = stored_bytes(Codec::Zstd, part, from, end - from).expect("in the frame");
                    assert_eq!(found, expected);
                }
                let found = stored_bytes(Codec::Raw, &with, from, end - from).expect("in the part");
                assert_eq!(found, &with[from as usize..end as usize]);
            }
        }
        assert_eq!(stored_bytes(Codec::Zstd, &without, 1, length), None);
        assert_eq!(stored_bytes(Codec::Zstd, &without, u32::MAX, u32::MAX), None);
    }

    proptest! {
        #[test]
        fn anything_may_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            steps(&bytes).map(drop).unwrap_or_default();
        }
    }
}
