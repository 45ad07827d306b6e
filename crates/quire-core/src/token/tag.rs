//! Tags: the keyed hashes that chain the blocks of a token. A tag is as good as the token, so none is printable.

/// Separates the keys made here from whatever else a secret may be used for.
const CONTEXT: &str = "quire 2026 capability token v1";
/// Separates the keys that two halves make.
const HALVES: &[u8] = b"quire1.key:";
const ROOT: &[u8] = b"quire1.root:";
const NARROWING: &[u8] = b"quire1.narrowing:";

/// Bytes of a tag.
pub const TAG_BYTES: usize = blake3::OUT_LEN;

/// The key that two halves make; either says nothing of it.
pub fn key_of_halves(kept: &[u8; 32], stored: &[u8; 32]) -> [u8; 32] {
    *blake3::Hasher::new_keyed(kept).update(HALVES).update(stored).finalize().as_bytes()
}

/// The tag of a chain of blocks. Equality takes constant time, as [`blake3::Hash`] documents of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Tag(blake3::Hash);

impl Tag {
    /// Of a root block.
    pub fn of_root(secret: &[u8; 32], block: &[u8]) -> Self {
        Self::keyed(&blake3::derive_key(CONTEXT, secret), ROOT, block)
    }

    /// Of one more narrowing: the tag before it is its key.
    pub fn narrowed(&self, block: &[u8]) -> Self {
        Self::keyed(self.as_bytes(), NARROWING, block)
    }

    fn keyed(key: &[u8; 32], label: &[u8], block: &[u8]) -> Self {
        Self(blake3::Hasher::new_keyed(key).update(label).update(block).finalize())
    }

    /// As read from a token.
    pub fn from_bytes(bytes: [u8; TAG_BYTES]) -> Self {
        Self(blake3::Hash::from_bytes(bytes))
    }

    /// For writing into a token, and for nothing else.
    pub fn as_bytes(&self) -> &[u8; TAG_BYTES] {
        self.0.as_bytes()
    }
}
