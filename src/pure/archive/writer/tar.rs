//! Tar (POSIX 1003.1 ustar and pax) in zstd frames (RFC 8878).
//!
//! Frames can be concatenated, so content goes out as it is stored, without being decoded. Between two files stands a
//! small frame with what tar puts there: the padding of the one, the header of the other. The frames made here do not depend
//! on a version of zstd.

use super::{Sink, corrupt, unwritable};
use crate::error::Result;
use crate::pure::archive::Entry;
use crate::pure::content::{Codec, decode_into};
use crate::pure::op::Mode;
use crate::pure::timestamp::Micros;
use std::io;
use tar::{Builder, EntryType, Header};
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

/// Headers of empty files and symlinks are gathered up to this length.
const FRAME_BYTES: usize = 64 << 10;
/// Largest number of a ustar header: eleven octal digits.
const MAX_OCTAL: u64 = (1 << 33) - 1;
/// Longest block of a zstd frame.
const MAX_BLOCK_BYTES: usize = 128 << 10;
/// Fewer zeros are not worth a block of their own, which takes four bytes.
const MIN_RUN: usize = 8;

pub struct TarZst<W: Sink> {
    out: W,
    /// What goes into the next frame.
    pending: Builder<Vec<u8>>,
    open: Open,
}

enum Open {
    /// Padding that the content will need.
    File { padding: usize },
    /// The target belongs into the header, which therefore waits.
    Symlink { path: String, modified_at: Micros, target: Vec<u8> },
}

impl<W: Sink> TarZst<W> {
    pub fn new(out: W) -> Result<Self> {
        Ok(Self { out, pending: Builder::new(Vec::new()), open: Open::File { padding: 0 } })
    }

    pub fn begin(&mut self, entry: &Entry<'_>) -> Result<()> {
        if entry.mode == Mode::Symlink {
            self.open = Open::Symlink {
                path: entry.path.to_owned(),
                modified_at: entry.modified_at,
                target: Vec::new(),
            };
            return Ok(());
        }
        // Fits: it is less than 512.
        self.open = Open::File { padding: (entry.size.wrapping_neg() % 512) as usize };
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(if entry.mode == Mode::Executable { 0o755 } else { 0o644 });
        self.add_header(header, entry.path, entry.size, entry.modified_at, None)
    }

    pub fn part(&mut self, codec: Codec, size: usize, bytes: &[u8]) -> Result<()> {
        if let Open::Symlink { target, .. } = &mut self.open {
            return decode_into(codec, size, bytes, target);
        }
        match codec {
            Codec::Raw if bytes.len() != size => Err(corrupt("stored content has the wrong length")),
            Codec::Raw if size == 0 => Ok(()),
            Codec::Raw => {
                self.flush()?;
                write_raw_frame(&mut self.out, bytes).map_err(unwritable)
            }
            Codec::Zstd => {
                let content_size = get_frame_content_size(bytes).ok().flatten();
                if content_size != Some(size as u64) || find_frame_compressed_size(bytes) != Ok(bytes.len()) {
                    return Err(corrupt("stored content is not a zstd frame of its length"));
                }
                self.flush()?;
                self.out.stored(bytes, 0).map_err(unwritable)
            }
        }
    }

    pub fn end(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.open, Open::File { padding: 0 }) {
            Open::File { padding } => self.pending.get_mut().extend_from_slice(&[0; 512][..padding]),
            Open::Symlink { path, modified_at, target } => {
                let mut header = Header::new_ustar();
                header.set_entry_type(EntryType::Symlink);
                header.set_mode(0o777);
                self.add_header(header, &path, 0, modified_at, Some(&target))?;
            }
        }
        if self.pending.get_ref().len() >= FRAME_BYTES { self.flush() } else { Ok(()) }
    }

    pub fn sink(&mut self) -> &mut W {
        &mut self.out
    }

    pub fn finish(mut self) -> Result<W> {
        self.pending.finish().map_err(unwritable)?;
        self.flush()?;
        self.out.flush().map_err(unwritable)?;
        Ok(self.out)
    }

    /// The header, behind a pax header with what does not fit into it.
    fn add_header(
        &mut self,
        mut header: Header,
        path: &str,
        size: u64,
        modified_at: Micros,
        target: Option<&[u8]>,
    ) -> Result<()> {
        let mut pax: Vec<(&str, Vec<u8>)> = Vec::new();
        if !path.is_ascii() || header.set_path(path).is_err() {
            pax.push(("path", path.into()));
            set_short_path(&mut header, path);
        }
        if let Some(target) = target
            && (!target.is_ascii() || header.set_link_name_literal(target).is_err())
        {
            pax.push(("linkpath", target.into()));
            // Some readers take a symlink without a target here for a file.
            if let Some(ustar) = header.as_ustar_mut() {
                set_short(&mut ustar.linkname, &String::from_utf8_lossy(target));
            }
        }
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(size);
        if size > MAX_OCTAL {
            pax.push(("size", size.to_string().into_bytes()));
        }
        let seconds = modified_at.div_euclid(1_000_000);
        match u64::try_from(seconds) {
            Ok(fits) if fits <= MAX_OCTAL => header.set_mtime(fits),
            _ => pax.push(("mtime", seconds.to_string().into_bytes())),
        }
        header.set_cksum();
        self.pending
            .append_pax_extensions(pax.iter().map(|(key, value)| (*key, value.as_slice())))
            .map_err(unwritable)?;
        self.pending.get_mut().extend_from_slice(header.as_bytes());
        Ok(())
    }

    /// Writes what is pending as a frame.
    fn flush(&mut self) -> Result<()> {
        if self.pending.get_ref().is_empty() {
            return Ok(());
        }
        let frame = sparse_frame(self.pending.get_ref());
        self.pending.get_mut().clear();
        self.out.write_all(&frame).map_err(unwritable)
    }
}

/// A name for readers without pax: the beginning, in ASCII.
fn set_short_path(header: &mut Header, path: &str) {
    if let Some(ustar) = header.as_ustar_mut() {
        ustar.prefix.fill(0);
        set_short(&mut ustar.name, path);
    }
}

fn set_short(field: &mut [u8], text: &str) {
    field.fill(0);
    for (byte, char) in field.iter_mut().zip(text.chars()) {
        *byte = if char.is_ascii() { char as u8 } else { b'_' };
    }
}

/// Writes a zstd frame that holds `bytes` as they are. They are not empty, as in [`sparse_frame`].
fn write_raw_frame(out: &mut impl Sink, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&frame_header(bytes.len()))?;
    let blocks = bytes.len().div_ceil(MAX_BLOCK_BYTES);
    for (number, block) in bytes.chunks(MAX_BLOCK_BYTES).enumerate() {
        out.write_all(&block_header(Block::Raw, block.len(), number + 1 == blocks))?;
        out.stored(block, number * MAX_BLOCK_BYTES)?;
    }
    Ok(())
}

/// A zstd frame in which zeros are folded. Most of a tar header is zeros, so this makes it as small as a compressor would, in
/// a tenth of the time.
fn sparse_frame(bytes: &[u8]) -> Vec<u8> {
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
    frame
}

fn add_raw(frame: &mut Vec<u8>, bytes: &[u8], is_last: bool) {
    let blocks = bytes.len().div_ceil(MAX_BLOCK_BYTES);
    for (number, block) in bytes.chunks(MAX_BLOCK_BYTES).enumerate() {
        frame.extend_from_slice(&block_header(Block::Raw, block.len(), is_last && number + 1 == blocks));
        frame.extend_from_slice(block);
    }
}

/// How a block of a zstd frame is written.
#[derive(Clone, Copy)]
enum Block {
    Raw = 0,
    Run = 1,
}

/// RFC 8878, 3.1.1.1: single segment, 4 bytes of content size, no checksum.
fn frame_header(length: usize) -> [u8; 9] {
    let mut header = [0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000, 0, 0, 0, 0];
    // Fits: a part has at most 1 MiB.
    header[5..].copy_from_slice(&(length as u32).to_le_bytes());
    header
}

/// RFC 8878, 3.1.1.2.
fn block_header(block: Block, length: usize, is_last: bool) -> [u8; 3] {
    let [a, b, c, _] = ((length as u32) << 3 | (block as u32) << 1 | u32::from(is_last)).to_le_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn raw_frames_are_zstd() {
        for length in [1, 255, 256, MAX_BLOCK_BYTES, MAX_BLOCK_BYTES + 1, 1 << 20] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut frame = Vec::new();
            write_raw_frame(&mut frame, &bytes).expect("a Vec takes all");
            assert_eq!(find_frame_compressed_size(&frame), Ok(frame.len()));
            assert_eq!(zstd::bulk::decompress(&frame, length).expect("a frame"), bytes);
        }
    }

    proptest! {
        #[test]
        fn sparse_frames_are_zstd(runs in prop::collection::vec((prop_oneof![Just(0u8), any::<u8>()], 1..40usize), 1..30), long in 0..300_000usize) {
            let mut bytes: Vec<u8> = runs.iter().flat_map(|(byte, length)| vec![*byte; *length]).collect();
            bytes.extend(vec![0; long]);
            let frame = sparse_frame(&bytes);
            prop_assert_eq!(find_frame_compressed_size(&frame), Ok(frame.len()));
            prop_assert_eq!(zstd::bulk::decompress(&frame, bytes.len()).expect("a frame"), bytes);
        }
    }

    #[test]
    fn a_header_takes_little() {
        let mut header = Header::new_ustar();
        header.set_path("src/some/module/of/a/project.rs").expect("fits");
        header.set_size(12_345);
        header.set_mtime(1_700_000_000);
        header.set_cksum();
        assert!(sparse_frame(header.as_bytes()).len() < 160);
    }
}
