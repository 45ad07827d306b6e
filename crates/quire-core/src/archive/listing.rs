//! What an archive holds, in one hash that goes with it.
//!
//! BLAKE3 of a line `MODE HASH PATH` for each file, as [`Mode`] and [`Hash`] are written, in the order of the archive. In a
//! tar.zst it stands in a frame that other readers skip, before the last frame, so that an archive without an end has none
//! either. A zip has no such hash: who adds a file to one with a program of theirs keeps what that does not know.

use super::frame::{skipped_frame, sparse_frame};
use crate::hash::{Hash, Hasher};
use crate::mode::Mode;

/// What the frame holds, in front of 64 hex digits and the end of a line.
const LABEL: &[u8] = b"quire files blake3 ";
const HEX_DIGITS: usize = 64;
/// How many bytes the frame holds.
pub const CONTENT_BYTES: usize = LABEL.len() + HEX_DIGITS + 1;

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

    /// The frame that holds it.
    pub fn frame(&self) -> Vec<u8> {
        let mut content = [b'\n'; CONTENT_BYTES];
        content[..LABEL.len()].copy_from_slice(LABEL);
        content[LABEL.len()..][..HEX_DIGITS].copy_from_slice(self.hash().to_hex().as_bytes());
        skipped_frame(&content)
    }

    /// What a tar.zst ends with. Without files it is what every reader takes for an archive.
    pub fn end(&self) -> Vec<u8> {
        let mut end = if self.files > 0 { self.frame() } else { Vec::new() };
        end.append(&mut sparse_frame(&[0; END_BYTES]));
        end
    }
}

/// The hash in a frame that is skipped, if it is one of these; `None` inside when it is no hash.
pub fn promise_in(content: &[u8]) -> Option<Option<Hash>> {
    let rest = content.strip_prefix(LABEL).filter(|_| content.len() == CONTENT_BYTES)?;
    Some(std::str::from_utf8(&rest[..HEX_DIGITS]).ok().and_then(Hash::from_hex))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_ends_an_archive_is_skipped_or_the_end_of_a_tar() {
        let mut listing = Listing::default();
        let decoded = |end: Vec<u8>| zstd::stream::decode_all(&end[..]).expect("frames");
        assert_eq!(decoded(listing.end()), [0; END_BYTES]);
        listing.add("a", Mode::Regular, &Hash::of(b"x"));
        assert_eq!(decoded(listing.end()), [0; END_BYTES]);
        let content = &listing.frame()[8..];
        assert_eq!(promise_in(content), Some(Some(listing.hash())));
        assert_eq!(promise_in(&content[1..]), None);
        assert_eq!(promise_in(&[LABEL, &[b'x'; HEX_DIGITS + 1]].concat()), Some(None));
    }
}
