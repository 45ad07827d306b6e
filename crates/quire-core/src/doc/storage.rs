//! Keys of a storage in which automerge-repo keeps documents: lists of texts. Some name what was saved of a document; the others mean
//! nothing here.

use super::Heads;
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::key::DocKey;

/// Most parts of a key.
pub const MAX_PARTS: usize = 16;
/// Most bytes of a key, all of its parts together. It is in the key of an index.
pub const MAX_KEY_BYTES: usize = 1024;
/// Most bytes that are kept under a key.
pub const MAX_DATA_BYTES: usize = 16 << 20;

const SNAPSHOT: &str = "snapshot";
const INCREMENTAL: &str = "incremental";

/// A key, or what some keys begin with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StorageKey {
    parts: Vec<String>,
    bytes: usize,
}

impl StorageKey {
    /// Refuses to read a key of so many parts (PT413).
    pub fn check_count(argument: &'static str, count: usize) -> Result<()> {
        if count <= MAX_PARTS {
            return Ok(());
        }
        Err(Error::limit(format!("{argument} has more than {MAX_PARTS} parts"), MAX_PARTS)
            .with("argument", argument))
    }

    /// Adds a part.
    ///
    /// Errors: `LimitError` when it gets too long.
    pub fn push(&mut self, argument: &'static str, part: &str) -> Result<()> {
        self.bytes = self.bytes.saturating_add(part.len());
        if self.bytes > MAX_KEY_BYTES {
            return Err(Error::limit(
                format!("the parts of {argument} have more than {MAX_KEY_BYTES} bytes"),
                MAX_KEY_BYTES,
            )
            .with("argument", argument));
        }
        self.parts.push(part.to_owned());
        Self::check_count(argument, self.parts.len())
    }

    /// Its parts.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// The bytes of all parts together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Refuses one without parts, which is no key of anything (22023).
    pub fn require_parts(&self, argument: &'static str) -> Result<()> {
        if self.parts.is_empty() {
            return Err(Error::validation(format!("{argument} must have a part")).with("argument", argument));
        }
        Ok(())
    }

    /// What comes after all keys that begin with this one, and before the next that does not.
    pub fn behind(&self) -> Vec<String> {
        let mut parts = self.parts.clone();
        match parts.last_mut() {
            // Text holds no U+0000.
            Some(last) => last.push('\u{1}'),
            None => parts.push("\u{10ffff}".repeat(MAX_KEY_BYTES / 4 + 1)),
        }
        parts
    }

    /// The document of which a part is saved under this key.
    pub fn chunk_of(&self) -> Option<DocKey> {
        match &self.parts[..] {
            [doc, kind, _] if kind == SNAPSHOT || kind == INCREMENTAL => DocKey::main(doc).ok(),
            _ => None,
        }
    }

    /// Which documents have their key among those that begin with this one.
    pub fn docs(&self) -> StoredDocs<'_> {
        match &self.parts[..] {
            [] => StoredDocs::All,
            [doc] => StoredDocs::Named(doc),
            [doc, kind] if kind == SNAPSHOT => StoredDocs::Named(doc),
            [doc, kind, hash] if kind == SNAPSHOT => StoredDocs::At(doc, hash),
            _ => StoredDocs::None,
        }
    }
}

/// Documents that keys begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoredDocs<'a> {
    /// None.
    None,
    /// All that there are.
    All,
    /// The one of this name.
    Named(&'a str),
    /// The one of this name, if its heads have this hash.
    At(&'a str, &'a str),
}

/// The key of all that a document is.
pub fn doc_key(doc: &str, heads: &Heads) -> [String; 3] {
    [doc.to_owned(), SNAPSHOT.to_owned(), heads_hash(heads)]
}

/// Names heads by one hash: BLAKE3 of their bytes, sorted, one behind the other.
pub fn heads_hash(heads: &Heads) -> String {
    Hash::of_parts(heads.as_slice().iter().map(|head| &head.0[..])).to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn key(parts: &[&str]) -> StorageKey {
        let mut key = StorageKey::default();
        parts.iter().for_each(|part| key.push("key", part).expect("fits"));
        key
    }

    #[test]
    fn the_key_behind_is_behind_all_that_begin_so_and_nothing_else() {
        let last = key(&[&"\u{10ffff}".repeat(MAX_KEY_BYTES / 4)]);
        assert!(last.parts() < &key(&[]).behind()[..]);
        let prefix = key(&["a", "b"]);
        let behind = prefix.behind();
        for inside in [key(&["a", "b"]), key(&["a", "b", ""]), key(&["a", "b", "\u{10ffff}"])] {
            assert!(inside.parts() >= prefix.parts() && inside.parts() < &behind[..]);
        }
        for outside in
            [key(&["a"]), key(&["a", "a", "z"]), key(&["a", "b\u{1}"]), key(&["a", "bb"]), key(&["b"])]
        {
            assert!(outside.parts() < prefix.parts() || outside.parts() >= &behind[..]);
        }
    }

    #[test]
    fn keys_are_bounded() {
        let code = |parts: usize, bytes: usize| {
            let mut key = StorageKey::default();
            (0..parts).try_for_each(|_| key.push("key", &"x".repeat(bytes))).map_err(|error| error.code())
        };
        assert_eq!(code(MAX_PARTS, MAX_KEY_BYTES / MAX_PARTS), Ok(()));
        assert_eq!(code(MAX_PARTS + 1, 1), Err(Code::Limit));
        assert_eq!(code(1, MAX_KEY_BYTES + 1), Err(Code::Limit));
        assert_eq!(key(&[]).require_parts("key").map_err(|error| error.code()), Err(Code::Validation));
    }

    #[test]
    fn chunks_of_documents_are_known_by_their_keys() {
        assert_eq!(key(&["d", "snapshot", "x"]).chunk_of(), DocKey::main("d").ok());
        assert_eq!(key(&["d", "incremental", "x"]).chunk_of(), DocKey::main("d").ok());
        for other in [
            key(&["d", "sync-state", "x"]),
            key(&["d", "snapshot"]),
            key(&["d", "snapshot", "x", "y"]),
            key(&["", "snapshot", "x"]),
            key(&["a\nb", "snapshot", "x"]),
        ] {
            assert_eq!(other.chunk_of(), None, "{other:?}");
        }
        assert_eq!(key(&[]).docs(), StoredDocs::All);
        assert_eq!(key(&["d"]).docs(), StoredDocs::Named("d"));
        assert_eq!(key(&["d", "snapshot"]).docs(), StoredDocs::Named("d"));
        assert_eq!(key(&["d", "snapshot", "x"]).docs(), StoredDocs::At("d", "x"));
        assert_eq!(key(&["d", "incremental"]).docs(), StoredDocs::None);
    }
}
