//! The frames of a zstd stream (RFC 8878), distinguished as they are read, for the hash of all files that may stand in one that is skipped.
//!
//! It is looked for in every frame, not at a place counted from an end: frames that were moved or left out must not hide it.

use crate::archive::listing;
use crate::hash::Hash;
use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

/// What was found in a stream.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Promised {
    /// No hash of files.
    #[default]
    Nothing,
    /// This one.
    Files(Hash),
    /// Two that differ, or one that is no hash.
    Nonsense,
}

/// Where a stream is: what the next bytes are that say something.
#[derive(Clone, Copy)]
enum Next {
    Magic,
    SkippedLength,
    SkippedContent,
    Descriptor,
    Block {
        has_checksum: bool,
    },
    /// These are no frames. Whoever decodes them says so.
    Lost,
}

impl Next {
    /// How many bytes that are.
    const fn length(self) -> usize {
        match self {
            Next::Magic | Next::SkippedLength => 4,
            Next::SkippedContent => listing::CONTENT_BYTES,
            Next::Descriptor => 1,
            Next::Block { .. } => 3,
            Next::Lost => usize::MAX,
        }
    }
}

struct Walk {
    next: Next,
    /// Bytes that say nothing, before those.
    over: u64,
    /// Those, as far as they have come.
    head: Vec<u8>,
    promised: Promised,
}

impl Walk {
    fn took(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !matches!(self.next, Next::Lost) {
            let over = self.over.min(bytes.len() as u64);
            self.over -= over;
            bytes = &bytes[over as usize..];
            let missing = self.next.length() - self.head.len();
            let (head, rest) = bytes.split_at(missing.min(bytes.len()));
            if self.over == 0 {
                self.head.extend_from_slice(head);
                bytes = rest;
            }
            if self.head.len() == self.next.length() {
                let head = std::mem::take(&mut self.head);
                (self.next, self.over) = self.step(&head);
            }
        }
    }

    /// What comes after these bytes, and behind how many others.
    fn step(&mut self, head: &[u8]) -> (Next, u64) {
        let number = head.iter().take(4).rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        match self.next {
            Next::Magic if number == 0xFD2F_B528 => (Next::Descriptor, 0),
            Next::Magic if number & !0xF == 0x184D_2A50 => (Next::SkippedLength, 0),
            Next::SkippedLength if number == listing::CONTENT_BYTES as u64 => (Next::SkippedContent, 0),
            Next::SkippedLength => (Next::Magic, number),
            Next::SkippedContent => {
                self.found(head);
                (Next::Magic, 0)
            }
            Next::Descriptor => {
                let is_single_segment = number >> 5 & 1;
                let of_dictionary = [0, 1, 2, 4][(number & 3) as usize];
                let of_size = [is_single_segment, 2, 4, 8][(number >> 6) as usize];
                let has_checksum = number >> 2 & 1 == 1;
                (Next::Block { has_checksum }, 1 - is_single_segment + of_dictionary + of_size)
            }
            Next::Block { has_checksum } => {
                let (is_last, is_run) = (number & 1 == 1, number >> 1 & 3 == 1);
                let length = if is_run { 1 } else { number >> 3 };
                match is_last {
                    true => (Next::Magic, length + if has_checksum { 4 } else { 0 }),
                    false => (self.next, length),
                }
            }
            Next::Magic | Next::Lost => (Next::Lost, 0),
        }
    }

    fn found(&mut self, content: &[u8]) {
        let Some(hash) = listing::promise_in(content) else { return };
        self.promised = match (self.promised, hash) {
            (Promised::Nothing, Some(hash)) => Promised::Files(hash),
            (Promised::Files(known), Some(hash)) if known == hash => self.promised,
            _ => Promised::Nonsense,
        };
    }
}

/// A source whose frames are looked at on the way.
pub struct Frames<R> {
    source: R,
    walk: Rc<RefCell<Walk>>,
}

/// What was found so far.
pub struct Found(Rc<RefCell<Walk>>);

impl<R> Frames<R> {
    /// From the beginning of a stream.
    pub fn of(source: R) -> (Self, Found) {
        let walk = Walk { next: Next::Magic, over: 0, head: Vec::new(), promised: Promised::Nothing };
        let walk = Rc::new(RefCell::new(walk));
        (Self { source, walk: Rc::clone(&walk) }, Found(walk))
    }
}

impl Found {
    /// The hash of files that goes with the stream.
    pub fn promised(&self) -> Promised {
        self.0.borrow().promised
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.walk.borrow_mut().took(&buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::frame::sparse_frame;
    use crate::archive::listing::Listing;
    use crate::mode::Mode;

    fn promised(stream: &[u8], at_once: usize) -> Promised {
        let (mut frames, found) = Frames::of(stream);
        let mut buffer = vec![0; at_once];
        while frames.read(&mut buffer).expect("a slice") > 0 {}
        found.promised()
    }

    fn listing(path: &str) -> Listing {
        let mut listing = Listing::default();
        listing.add(path, Mode::Regular, &Hash::of(b"x"));
        listing
    }

    /// Frames of every kind that zstd makes.
    fn others() -> Vec<Vec<u8>> {
        let text: Vec<u8> = (0..50_000u32).flat_map(|n| (n.wrapping_mul(n) % 251).to_le_bytes()).collect();
        let mut frames = vec![sparse_frame(&[0; 5000]), vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]];
        for (length, has_checksum, says_size) in
            [(0, true, true), (10, false, true), (300, true, false), (text.len(), true, true)]
        {
            let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
            encoder.include_checksum(has_checksum).expect("a checksum");
            encoder.include_contentsize(says_size).expect("a size");
            encoder.set_pledged_src_size(says_size.then_some(length as u64)).expect("a size");
            io::Write::write_all(&mut encoder, &text[..length]).expect("compresses");
            frames.push(encoder.finish().expect("a frame"));
        }
        frames
    }

    #[test]
    fn the_hash_is_found_wherever_it_stands_and_however_the_stream_is_read() {
        let (one, others) = (listing("a"), others());
        for place in 0..=others.len() {
            let mut frames = others.clone();
            frames.insert(place, one.frame());
            let stream = frames.concat();
            for at_once in [1, 7, 4096, stream.len()] {
                assert_eq!(promised(&stream, at_once), Promised::Files(one.hash()), "{place}, {at_once}");
            }
        }
        assert_eq!(promised(&others.concat(), 4096), Promised::Nothing);
    }

    #[test]
    fn one_that_is_content_is_none_and_of_two_that_differ_there_is_none_to_believe() {
        let (one, two) = (listing("a"), listing("b"));
        assert_eq!(promised(&sparse_frame(&one.frame()), 4096), Promised::Nothing);
        let twice = [one.frame(), one.frame()].concat();
        assert_eq!(promised(&twice, 4096), Promised::Files(one.hash()));
        let both = [one.frame(), two.frame()].concat();
        assert_eq!(promised(&both, 4096), Promised::Nonsense);
        let mut broken = one.frame();
        let last_digit = broken.len() - 2;
        broken[last_digit] = b'x';
        assert_eq!(promised(&broken, 4096), Promised::Nonsense);
    }

    #[test]
    fn whatever_is_no_stream_is_read_to_its_end() {
        let stream = [listing("a").frame(), others().concat()].concat();
        for seed in 0..300u64 {
            let mut changed = stream.clone();
            let at = (seed * 7919) as usize % changed.len();
            changed[at] ^= (seed % 255) as u8 + 1;
            promised(&changed, 1000);
            promised(&changed[at..], 1000);
        }
    }
}
