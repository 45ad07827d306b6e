//! Tar (POSIX 1003.1 ustar and pax) in zstd frames (RFC 8878), each with a checksum of its content.
//!
//! Frames can be concatenated, so content goes out as it is stored, without being decoded; a frame that was stored without a
//! checksum is decoded for it. Between two files stands a small frame with what tar puts there: the padding of the one, the
//! header of the other. The frames made here do not depend on a version of zstd.

use super::{Sink, corrupt, unwritable};
use crate::archive::Entry;
use crate::archive::frame::{
    Block, CHECKSUM_BYTES, Frame, MAX_BLOCK_BYTES, START_BYTES, block_header, checksum, frame_header,
    sparse_frame,
};
use crate::archive::listing::Listing;
use crate::content::{Codec, decode_into};
use crate::error::Result;
use crate::hash::Hash;
use crate::mode::Mode;
use crate::timestamp::Micros;
use std::io;
use tar::{Builder, EntryType, Header};

/// Headers of empty files and symlinks are gathered up to this length.
const FRAME_BYTES: usize = 64 << 10;
/// Largest number of a ustar header: eleven octal digits.
const MAX_OCTAL: u64 = (1 << 33) - 1;

pub struct TarZst<W: Sink> {
    out: W,
    /// What goes into the next frame.
    pending: Builder<Vec<u8>>,
    open: Open,
    listing: Listing,
    /// A decoded part; kept for its memory.
    raw: Vec<u8>,
}

enum Open {
    /// How long it is, and the hash of its content if that came decoded, in one part.
    File { size: u64, actual: Option<Hash> },
    /// The target belongs into the header, which therefore waits.
    Symlink { path: String, modified_at: Micros, target: Vec<u8> },
}

impl<W: Sink> TarZst<W> {
    pub fn new(out: W) -> Result<Self> {
        Ok(Self {
            out,
            pending: Builder::new(Vec::new()),
            open: Open::File { size: 0, actual: None },
            listing: Listing::default(),
            raw: Vec::new(),
        })
    }

    pub fn begin(&mut self, entry: &Entry<'_>) -> Result<()> {
        self.listing.add(entry.path, entry.mode, &entry.hash);
        if entry.mode == Mode::Symlink {
            self.open = Open::Symlink {
                path: entry.path.to_owned(),
                modified_at: entry.modified_at,
                target: Vec::new(),
            };
            return Ok(());
        }
        self.open = Open::File { size: entry.size, actual: None };
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
                self.looked_at(bytes);
                write_raw_frame(&mut self.out, bytes).map_err(unwritable)
            }
            Codec::Zstd => {
                let Frame { start, rest, checksum } = Frame::of(bytes, size)?;
                let checksum = match checksum {
                    Some(stored) => stored,
                    None => self.checksum_of(size, bytes)?,
                };
                self.flush()?;
                self.out.write_all(&start).map_err(unwritable)?;
                self.out.stored(rest, START_BYTES).map_err(unwritable)?;
                self.out.write_all(&checksum).map_err(unwritable)
            }
        }
    }

    /// The checksum that a frame was stored without.
    fn checksum_of(&mut self, size: usize, frame: &[u8]) -> Result<[u8; CHECKSUM_BYTES]> {
        let mut raw = std::mem::take(&mut self.raw);
        raw.clear();
        decode_into(Codec::Zstd, size, frame, &mut raw)?;
        self.looked_at(&raw);
        self.raw = raw;
        Ok(checksum(&self.raw))
    }

    /// Content gets a checksum here, so it is looked at whether it is right: a checksum of what is wrong would hide that. The
    /// chunks of longer content were checked when they were read.
    fn looked_at(&mut self, part: &[u8]) {
        if let Open::File { size, actual } = &mut self.open
            && *size == part.len() as u64
        {
            *actual = Some(Hash::of(part));
        }
    }

    /// Ends the file. Of content that is one part and had no checksum yet, gives the hash.
    pub fn end(&mut self) -> Result<Option<Hash>> {
        let actual = match std::mem::replace(&mut self.open, Open::File { size: 0, actual: None }) {
            Open::File { size, actual } => {
                // Fits: it is less than 512.
                let padding = (size.wrapping_neg() % 512) as usize;
                self.pending.get_mut().extend_from_slice(&[0; 512][..padding]);
                actual
            }
            Open::Symlink { path, modified_at, target } => {
                let mut header = Header::new_ustar();
                header.set_entry_type(EntryType::Symlink);
                header.set_mode(0o777);
                self.add_header(header, &path, 0, modified_at, Some(&target))?;
                Some(Hash::of(&target))
            }
        };
        if self.pending.get_ref().len() >= FRAME_BYTES {
            self.flush()?;
        }
        Ok(actual)
    }

    pub fn sink(&mut self) -> &mut W {
        &mut self.out
    }

    pub fn finish(mut self) -> Result<W> {
        self.flush()?;
        self.out.write_all(&self.listing.end()).map_err(unwritable)?;
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

/// Writes a frame that holds `bytes` as they are. They are not empty.
fn write_raw_frame(out: &mut impl Sink, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&frame_header(bytes.len()))?;
    let blocks = bytes.len().div_ceil(MAX_BLOCK_BYTES);
    for (number, block) in bytes.chunks(MAX_BLOCK_BYTES).enumerate() {
        out.write_all(&block_header(Block::Raw, block.len(), number + 1 == blocks))?;
        out.stored(block, number * MAX_BLOCK_BYTES)?;
    }
    out.write_all(&checksum(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zstd::zstd_safe::find_frame_compressed_size;

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
