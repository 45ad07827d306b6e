//! Frames of zstd (RFC 8878), made and looked into without its library, so that they depend on no version of it.
//!
//! A frame with a checksum is the one without it, with a flag in its fifth byte and four bytes more at its end. So a frame
//! that was stored without gets one when it is copied.

use super::writer::corrupt;
use crate::error::Result;
use twox_hash::XxHash64;
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

/// Longest block of a frame.
pub const MAX_BLOCK_BYTES: usize = 128 << 10;
/// Magic number and frame header descriptor: all that a checksum changes, but for itself.
pub const START_BYTES: usize = 5;
/// In the descriptor, the last byte of a start: the frame ends with a checksum.
pub const HAS_CHECKSUM: u8 = 1 << 2;
/// Checksum of the content.
pub const CHECKSUM_BYTES: usize = 4;
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Of a frame that readers skip, one of sixteen.
const MAGIC_SKIPPED: [u8; 4] = [0x51, 0x2a, 0x4d, 0x18];
/// Fewer zeros are not worth a block of their own, which takes four bytes.
const MIN_RUN: usize = 8;

/// A frame that is stored.
#[derive(Debug)]
pub struct Frame<'a> {
    /// How it starts when it has a checksum.
    pub start: [u8; START_BYTES],
    /// The bytes between start and checksum.
    pub rest: &'a [u8],
    /// If it has one.
    pub checksum: Option<[u8; CHECKSUM_BYTES]>,
}

impl<'a> Frame<'a> {
    /// Takes one frame apart, which says that it holds `size` bytes.
    pub fn of(bytes: &'a [u8], size: usize) -> Result<Self> {
        let wrong = || corrupt("stored content is not a zstd frame of its length");
        let content_size = get_frame_content_size(bytes).ok().flatten();
        if content_size != Some(size as u64) || find_frame_compressed_size(bytes) != Ok(bytes.len()) {
            return Err(wrong());
        }
        let (mut start, rest) = match bytes.split_first_chunk() {
            Some((start, rest)) if start.starts_with(&MAGIC) => (*start, rest),
            _ => return Err(wrong()),
        };
        let has_checksum = start[START_BYTES - 1] & HAS_CHECKSUM != 0;
        start[START_BYTES - 1] |= HAS_CHECKSUM;
        let (rest, checksum) = match rest.split_last_chunk::<CHECKSUM_BYTES>() {
            Some((rest, checksum)) if has_checksum => (rest, Some(*checksum)),
            None if has_checksum => return Err(wrong()),
            _ => (rest, None),
        };
        Ok(Self { start, rest, checksum })
    }
}

/// RFC 8878, 3.1.1: the low four bytes of XXH64.
pub fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let [a, b, c, d, ..] = XxHash64::oneshot(0, content).to_le_bytes();
    [a, b, c, d]
}

/// A frame in which zeros are folded, of bytes that are not empty. Most of a tar header is zeros, so this makes it as small as
/// a compressor would, in a tenth of the time.
pub fn sparse_frame(bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(256);
    frame.extend_from_slice(&frame_header(bytes.len()));
    let mut done = 0;
    // Not from 0: zstd up to 1.4.3 stops at a frame that begins with a run.
    let mut at = 1;
    while let Some(word) = bytes.get(at..at + MIN_RUN) {
        if word != [0; MIN_RUN] {
            at += MIN_RUN;
            continue;
        }
        let before = bytes[done.max(1)..at].iter().rev().take_while(|byte| **byte == 0).count();
        let words = bytes[at..].chunks_exact(MIN_RUN).take_while(|word| *word == [0; MIN_RUN]).count();
        let start = at - before;
        at += words * MIN_RUN;
        at += bytes[at..].iter().take_while(|byte| **byte == 0).count();
        add_raw(&mut frame, &bytes[done..start], false);
        let runs = (at - start).div_ceil(MAX_BLOCK_BYTES);
        for (number, run) in bytes[start..at].chunks(MAX_BLOCK_BYTES).enumerate() {
            let is_last = at == bytes.len() && number + 1 == runs;
            frame.extend_from_slice(&block_header(Block::Run, run.len(), is_last));
            frame.push(0);
        }
        done = at;
    }
    add_raw(&mut frame, &bytes[done..], true);
    frame.extend_from_slice(&checksum(bytes));
    frame
}

fn add_raw(frame: &mut Vec<u8>, bytes: &[u8], is_last: bool) {
    let blocks = bytes.len().div_ceil(MAX_BLOCK_BYTES);
    for (number, block) in bytes.chunks(MAX_BLOCK_BYTES).enumerate() {
        frame.extend_from_slice(&block_header(Block::Raw, block.len(), is_last && number + 1 == blocks));
        frame.extend_from_slice(block);
    }
}

/// RFC 8878, 3.1.2: a frame that is no content.
pub fn skipped_frame<const N: usize>(content: &[u8; N]) -> Vec<u8> {
    [&MAGIC_SKIPPED[..], &(N as u32).to_le_bytes(), content].concat()
}

/// How a block of a frame is written.
#[derive(Clone, Copy)]
pub enum Block {
    /// As it is.
    Raw = 0,
    /// One byte that is repeated.
    Run = 1,
}

/// RFC 8878, 3.1.1.1: single segment, 4 bytes of content size, a checksum.
pub fn frame_header(length: usize) -> [u8; 9] {
    let mut header = [0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000 | HAS_CHECKSUM, 0, 0, 0, 0];
    // Fits: a part has at most 1 MiB.
    header[START_BYTES..].copy_from_slice(&(length as u32).to_le_bytes());
    header
}

/// RFC 8878, 3.1.1.2.
pub fn block_header(block: Block, length: usize, is_last: bool) -> [u8; 3] {
    let [a, b, c, _] = ((length as u32) << 3 | (block as u32) << 1 | u32::from(is_last)).to_le_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zstd::bulk::{Compressor, decompress};

    fn compress(bytes: &[u8], has_checksum: bool) -> Vec<u8> {
        let mut compressor = Compressor::new(3).expect("level 3");
        compressor.include_checksum(has_checksum).expect("known");
        compressor.compress(bytes).expect("compresses")
    }

    proptest! {
        #[test]
        fn sparse_frames_are_zstd(runs in prop::collection::vec((prop_oneof![Just(0u8), any::<u8>()], 1..40usize), 1..30), long in 0..300_000usize) {
            let mut bytes: Vec<u8> = runs.iter().flat_map(|(byte, length)| vec![*byte; *length]).collect();
            bytes.extend(vec![0; long]);
            let frame = sparse_frame(&bytes);
            prop_assert_eq!(find_frame_compressed_size(&frame), Ok(frame.len()));
            prop_assert_eq!(decompress(&frame, bytes.len()).expect("a frame"), bytes);
        }

        #[test]
        fn a_checksum_is_a_flag_and_four_bytes(text in "[a-z]{0,20}", times in 0..400usize) {
            let bytes = text.repeat(times).into_bytes();
            let (with, without) = (compress(&bytes, true), compress(&bytes, false));
            let frame = Frame::of(&without, bytes.len()).expect("a frame");
            prop_assert!(frame.checksum.is_none());
            let added = [&frame.start[..], frame.rest, &checksum(&bytes)].concat();
            prop_assert_eq!(&added, &with);
            let frame = Frame::of(&with, bytes.len()).expect("a frame");
            prop_assert_eq!(frame.checksum, Some(checksum(&bytes)));
            prop_assert_eq!([&frame.start[..], frame.rest, &checksum(&bytes)].concat(), with);
        }
    }

    #[test]
    fn another_checksum_is_an_error() {
        let mut frame = sparse_frame(b"some bytes");
        for at in frame.len() - CHECKSUM_BYTES..frame.len() {
            frame[at] ^= 1;
            assert!(decompress(&frame, 10).is_err());
            frame[at] ^= 1;
        }
        assert_eq!(decompress(&frame, 10).expect("a frame"), b"some bytes");
    }

    #[test]
    fn only_one_frame_of_its_length_is_taken_apart() {
        let frame = compress(b"abc", true);
        let skipped = skipped_frame(b"");
        for (bytes, size) in [
            (&frame[..], 4),
            (&frame[..frame.len() - 1], 3),
            (&frame.repeat(2), 3),
            (&skipped, 0),
            (&frame[..4], 3),
            (&[], 0),
        ] {
            Frame::of(bytes, size).expect_err("no such frame");
        }
    }
}
