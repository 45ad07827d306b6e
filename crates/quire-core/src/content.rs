//! File content on its way into and out of the blob store: hashed, classified, split into chunks and compressed.

use crate::error::{Code, Error, Result};
use crate::hash::Hash;
use std::cell::RefCell;
use zstd::bulk::{Compressor, Decompressor};

/// Content longer than this is stored in chunks of this many bytes, each compressed on its own.
pub const CHUNK_BYTES: usize = 1 << 20;

/// How stored bytes are encoded. Numbers are stored; new ones may be added, none may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i16)]
pub enum Codec {
    /// As they are.
    Raw = 0,
    /// One zstd frame (RFC 8878), with a checksum of its content; what was stored before there were checksums has none.
    Zstd = 1,
}

impl Codec {
    /// From the stored number.
    pub fn from_stored(number: i16) -> Result<Self> {
        match number {
            0 => Ok(Codec::Raw),
            1 => Ok(Codec::Zstd),
            _ => Err(corrupt("unknown codec").with("codec", number)),
        }
    }
}

/// Bytes as they are stored.
#[derive(Clone, PartialEq, Debug)]
pub struct Encoded {
    /// How.
    pub codec: Codec,
    /// Length before encoding.
    pub size: usize,
    /// The stored bytes.
    pub bytes: Vec<u8>,
}

/// What a checksum adds to a frame.
const CHECKSUM_BYTES: usize = 4;

/// Encodes one chunk: zstd when that is smaller without its checksum, raw otherwise. So what was encoded before there were
/// checksums is encoded the same way again, which archives that refer to it count on.
pub fn encode(raw: &[u8], level: i32) -> Encoded {
    let size = raw.len();
    match compress(raw, level) {
        Ok(bytes) if bytes.len() < size + CHECKSUM_BYTES => Encoded { codec: Codec::Zstd, size, bytes },
        _ => Encoded { codec: Codec::Raw, size, bytes: raw.to_vec() },
    }
}

/// One zstd frame. Making a compressor costs more than compressing a small file, so one is kept.
fn compress(raw: &[u8], level: i32) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static KEPT: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
    }
    KEPT.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some((kept_level, compressor)) if *kept_level == level => compressor,
            _ => {
                let mut compressor = Compressor::new(level)?;
                compressor.include_checksum(true)?;
                &mut kept.insert((level, compressor)).1
            }
        };
        compressor.compress(raw)
    })
}

/// Encodes content, in chunks when it is longer than [`CHUNK_BYTES`].
pub fn encode_all(raw: &[u8], level: i32) -> Vec<Encoded> {
    if raw.is_empty() {
        return vec![encode(raw, level)];
    }
    raw.chunks(CHUNK_BYTES).map(|chunk| encode(chunk, level)).collect()
}

/// What is kept with a chunk, so that one can be checked without the others: BLAKE3 of where it stands and how it is stored.
pub fn chunk_checksum(ordinal: i32, codec: Codec, size: usize, bytes: &[u8]) -> Hash {
    let place = ordinal.to_be_bytes();
    let how = (codec as i16).to_be_bytes();
    let size = (size as u64).to_be_bytes();
    Hash::of_parts([&place[..], &how, &size, bytes])
}

/// Decodes one chunk into `out`. What is stored may be wrong, so no more memory is taken than a chunk can need.
pub fn decode_into(codec: Codec, size: usize, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if size > CHUNK_BYTES {
        return Err(corrupt("stored content has the wrong length"));
    }
    match codec {
        Codec::Raw if bytes.len() == size => out.extend_from_slice(bytes),
        Codec::Raw => return Err(corrupt("stored content has the wrong length")),
        Codec::Zstd => {
            let start = out.len();
            let mut chunk =
                decompress(bytes, size).map_err(|_| corrupt("stored content does not decompress"))?;
            if chunk.len() != size {
                return Err(corrupt("stored content has the wrong length"));
            }
            if start == 0 {
                std::mem::swap(out, &mut chunk);
            } else {
                out.append(&mut chunk);
            }
        }
    }
    Ok(())
}

/// The content of one zstd frame. As with compressing, the context costs more than a small file.
fn decompress(bytes: &[u8], size: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static KEPT: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    KEPT.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(bytes, size)
    })
}

/// Checks decoded content against what was recorded when it was stored.
pub fn verify(raw: &[u8], size: usize, hash: &Hash) -> Result<()> {
    if raw.len() != size || Hash::of(raw) != *hash {
        return Err(corrupt("stored content does not match its hash").with("content_hash", hash.to_hex()));
    }
    Ok(())
}

/// Whether PostgreSQL cannot hold these bytes as text: not UTF-8, or with a NUL.
pub fn is_binary(raw: &[u8]) -> bool {
    std::str::from_utf8(raw).is_err() || raw.contains(&0)
}

fn corrupt(message: &str) -> Error {
    Error::new(Code::Corrupt, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode_all(parts: &[Encoded]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for part in parts {
            decode_into(part.codec, part.size, &part.bytes, &mut out)?;
        }
        Ok(out)
    }

    #[test]
    fn incompressible_content_is_stored_raw() {
        assert_eq!(encode(b"x", 3).codec, Codec::Raw);
        assert_eq!(encode(&[b'x'; 1000], 3).codec, Codec::Zstd);
    }

    #[test]
    fn long_content_is_split() {
        let raw = vec![7u8; CHUNK_BYTES * 2 + 5];
        let parts = encode_all(&raw, 3);
        assert_eq!(parts.iter().map(|part| part.size).collect::<Vec<_>>(), [CHUNK_BYTES, CHUNK_BYTES, 5]);
        assert_eq!(decode_all(&parts).expect("decodes"), raw);
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let raw = b"some content that is long enough to be compressed, compressed, compressed".repeat(4);
        let hash = Hash::of(&raw);
        let good = encode(&raw, 3);
        for at in 0..good.bytes.len() {
            let mut bad = good.clone();
            bad.bytes[at] ^= 1;
            let mut out = Vec::new();
            let read = decode_into(bad.codec, bad.size, &bad.bytes, &mut out)
                .and_then(|()| verify(&out, raw.len(), &hash));
            assert!(read.is_err() || out == raw, "byte {at}");
        }
    }

    #[test]
    fn frames_have_checksums() {
        let raw = b"some content that is long enough to be compressed, compressed, compressed".repeat(4);
        let good = encode(&raw, 3);
        for at in 0..good.bytes.len() {
            let mut bad = good.bytes.clone();
            bad[at] ^= 1;
            let mut out = Vec::new();
            assert!(decode_into(good.codec, good.size, &bad, &mut out).is_err() || out == raw, "byte {at}");
        }
    }

    #[test]
    fn frames_without_checksums_are_read() {
        let raw = b"stored before frames had checksums ".repeat(10);
        let frame = zstd::bulk::compress(&raw, 3).expect("compresses");
        assert_eq!(encode(&raw, 3).bytes.len(), frame.len() + CHECKSUM_BYTES);
        let mut out = Vec::new();
        decode_into(Codec::Zstd, raw.len(), &frame, &mut out).expect("decodes");
        assert_eq!(out, raw);
    }

    #[test]
    fn a_checksum_does_not_decide_how_content_is_stored() {
        for length in 1..200 {
            let raw = b"abcabcabdabcabeabcabcfabcabcgabcabchabcabciabcabcj".repeat(4)[..length].to_vec();
            let is_smaller = zstd::bulk::compress(&raw, 3).expect("compresses").len() < length;
            assert_eq!(encode(&raw, 3).codec == Codec::Zstd, is_smaller, "{length}");
        }
    }

    #[test]
    fn a_frame_that_claims_too_much_is_refused() {
        let bomb = zstd::bulk::compress(&vec![0u8; 1 << 20], 3).expect("compresses");
        assert!(decode_into(Codec::Zstd, 10, &bomb, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_size_that_no_chunk_has_takes_no_memory() {
        let good = encode(&[7; 1000], 3);
        for size in [CHUNK_BYTES + 1, 1 << 62, usize::MAX] {
            assert!(decode_into(good.codec, size, &good.bytes, &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn a_chunk_has_a_checksum_of_its_own() {
        let checksum = chunk_checksum(1, Codec::Raw, 3, b"abc");
        for other in [
            chunk_checksum(2, Codec::Raw, 3, b"abc"),
            chunk_checksum(1, Codec::Zstd, 3, b"abc"),
            chunk_checksum(1, Codec::Raw, 4, b"abc"),
            chunk_checksum(1, Codec::Raw, 3, b"abd"),
        ] {
            assert_ne!(checksum, other);
        }
    }

    proptest! {
        #[test]
        fn round_trip(raw in proptest::collection::vec(any::<u8>(), 0..5000), level in 1..9) {
            prop_assert_eq!(decode_all(&encode_all(&raw, level)).expect("decodes"), raw);
        }

        #[test]
        fn text_is_what_postgres_can_hold(raw in proptest::collection::vec(any::<u8>(), 0..50)) {
            let holds = String::from_utf8(raw.clone()).is_ok_and(|text| !text.contains('\0'));
            prop_assert_eq!(is_binary(&raw), !holds);
        }
    }
}
