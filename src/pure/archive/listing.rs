//! What an archive holds, in one hash that goes with it.
//!
//! BLAKE3 of a line `MODE HASH PATH` for each file, as [`Mode`] and [`Hash`] are written, in the order of the archive. In a
//! tar.zst it stands in a frame that other readers skip, before the last frame, so that an archive without an end has none
//! either. A zip has no such hash: who adds a file to one with a program of theirs keeps what that does not know.

use super::frame::{skipped_frame, sparse_frame};
use crate::pure::hash::{Hash, Hasher};
use crate::pure::op::Mode;
use std::io::{self, Read, Seek, SeekFrom};

/// What the frame holds, in front of 64 hex digits and the end of a line.
const LABEL: &[u8] = b"quire files blake3 ";
const HEX_DIGITS: usize = 64;
const CONTENT_BYTES: usize = LABEL.len() + HEX_DIGITS + 1;

/// How many zeros a tar ends with.
const END_BYTES: usize = 1024;

/// The files so far.
#[derive(Default)]
pub struct Listing {
    hasher: Hasher,
    files: u64,
}

impl Listing {
    /// Adds a file. No path has an end of a line in it.
    pub fn add(&mut self, path: &str, mode: Mode, hash: &Hash) {
        for piece in [mode.as_str(), " ", &hash.to_hex(), " ", path, "\n"] {
            self.hasher.update(piece.as_bytes());
        }
        self.files += 1;
    }

    /// The hash of them all.
    pub fn hash(&self) -> Hash {
        self.hasher.finish()
    }

    /// What a tar.zst ends with. Without files it is what every reader takes for an archive.
    pub fn end(&self) -> Vec<u8> {
        let mut end = Vec::new();
        if self.files > 0 {
            end = frame_of(&self.hash());
        }
        end.append(&mut sparse_frame(&[0; END_BYTES]));
        end
    }
}

fn frame_of(hash: &Hash) -> Vec<u8> {
    let mut content = [b'\n'; CONTENT_BYTES];
    content[..LABEL.len()].copy_from_slice(LABEL);
    content[LABEL.len()..][..HEX_DIGITS].copy_from_slice(hash.to_hex().as_bytes());
    skipped_frame(&content)
}

/// The hash that goes with a tar.zst, if it has one. Leaves the source at its beginning.
pub fn promised(mut source: impl Read + Seek) -> io::Result<Option<Hash>> {
    let frame = frame_of(&Hash::ZERO);
    let before = frame.len() - HEX_DIGITS - 1;
    let from_end = frame.len() + sparse_frame(&[0; END_BYTES]).len();
    let mut found = vec![0; frame.len()];
    let is_long_enough = source.seek(SeekFrom::End(0))? >= from_end as u64;
    if is_long_enough {
        source.seek(SeekFrom::End(-(from_end as i64)))?;
        source.read_exact(&mut found)?;
    }
    source.rewind()?;
    if !is_long_enough || found[..before] != frame[..before] {
        return Ok(None);
    }
    // What is no hash is none of any files.
    let digits = std::str::from_utf8(&found[before..][..HEX_DIGITS]).ok().and_then(Hash::from_hex);
    Ok(Some(digits.unwrap_or(Hash::ZERO)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn lines_are_those_of_the_format() {
        let mut listing = Listing::default();
        listing.add("bin/run", Mode::Executable, &Hash::of(b"x"));
        listing.add("日本 語", Mode::Symlink, &Hash::of(b"y"));
        let lines = format!(
            "100755 {} bin/run\n120000 {} 日本 語\n",
            Hash::of(b"x").to_hex(),
            Hash::of(b"y").to_hex()
        );
        assert_eq!(listing.hash(), Hash::of(lines.as_bytes()));
    }

    #[test]
    fn the_hash_is_found_before_the_end() {
        let mut listing = Listing::default();
        let none = listing.end();
        assert_eq!(promised(Cursor::new(&none)).expect("reads"), None);
        listing.add("a", Mode::Regular, &Hash::of(b"x"));
        let hash = listing.hash();
        let archive = [sparse_frame(b"files"), listing.end()].concat();
        let mut source = Cursor::new(&archive);
        assert_eq!(promised(&mut source).expect("reads"), Some(hash));
        assert_eq!(source.position(), 0);
        assert_eq!(
            zstd::stream::decode_all(&archive[..]).expect("frames"),
            [&b"files"[..], &[0; END_BYTES]].concat()
        );
        for end in 0..archive.len() {
            assert_eq!(promised(Cursor::new(&archive[..end])).expect("reads"), None);
        }
        let text = archive.windows(LABEL.len()).position(|window| window == LABEL).expect("a label");
        for at in 0..HEX_DIGITS {
            let mut changed = archive.clone();
            changed[text + LABEL.len() + at] ^= 0x10;
            assert_ne!(promised(Cursor::new(&changed)).expect("reads"), Some(hash));
        }
    }
}
