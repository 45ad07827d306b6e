//! Heads: what a state of a document is known by.

use super::{Change, ChangeHash};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::text::shorten;
use std::collections::BTreeSet;

/// Most heads that a caller may name. A document has more only while as many write it at once.
pub const MAX_HEADS: usize = 10_000;

/// The changes of a state that none of its other changes depends on, sorted, none twice. Two states are the same exactly when these are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Heads(Vec<ChangeHash>);

impl Heads {
    /// In any order, any number of times.
    pub fn new(hashes: impl IntoIterator<Item = ChangeHash>) -> Self {
        let mut hashes: Vec<ChangeHash> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes)
    }

    /// From hashes of 64 hexadecimal digits each, in any order; `argument` is named in errors.
    ///
    /// Errors: `ValidationError` for what is no hash; `LimitError` for more than [`MAX_HEADS`].
    pub fn parse<T: AsRef<str>>(argument: &str, texts: impl IntoIterator<Item = T>) -> Result<Self> {
        let mut hashes = Vec::new();
        for text in texts {
            interrupt::step()?;
            if hashes.len() == MAX_HEADS {
                return Err(Error::limit(format!("{argument} has too many hashes"), MAX_HEADS));
            }
            hashes.push(parse_hash(argument, text.as_ref())?);
        }
        Ok(Self::new(hashes))
    }

    /// 64 lower-case hexadecimal digits each, sorted.
    pub fn to_texts(&self) -> Vec<String> {
        self.0.iter().map(ChangeHash::to_string).collect()
    }

    /// The hashes, sorted.
    pub fn as_slice(&self) -> &[ChangeHash] {
        &self.0
    }

    /// Whether it is one of them.
    pub fn contains(&self, hash: &ChangeHash) -> bool {
        self.0.binary_search(hash).is_ok()
    }

    /// Whether nothing has been written yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The heads after one more change, whose dependencies are in the state and which itself is not: what that is for the caller to
    /// have seen to, by hash. No document is loaded.
    #[must_use]
    pub fn advance(&self, hash: ChangeHash, deps: &[ChangeHash]) -> Self {
        let gone: BTreeSet<&ChangeHash> = deps.iter().collect();
        Self::new(self.0.iter().filter(|head| !gone.contains(head)).copied().chain([hash]))
    }

    /// As [`Heads::advance`], for each of several changes in an order in which none comes before its dependencies.
    #[must_use]
    pub fn advance_all<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut heads: BTreeSet<ChangeHash> = self.0.iter().copied().collect();
        for change in changes {
            for dep in change.deps() {
                heads.remove(dep);
            }
            heads.insert(change.hash());
        }
        Self(heads.into_iter().collect())
    }
}

/// A hash of 64 hexadecimal digits; `argument` is named in errors.
pub fn parse_hash(argument: &str, text: &str) -> Result<ChangeHash> {
    let wrong = || {
        Error::validation(format!("{argument} has {:?}, which is no hash of a change", shorten(text)))
            .with("argument", argument)
            .hint("A hash has 64 hexadecimal digits.")
    };
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits};
    use super::*;
    use crate::error::Code;

    #[test]
    fn heads_are_a_set() {
        let [a, b] = [1, 2].map(|byte| ChangeHash([byte; 32]));
        assert_eq!(Heads::new([a, b]), Heads::new([b, a, b]));
        assert_eq!(
            Heads::new([b, a]).to_texts(),
            [format!("{:064}", 0).replace("00", "01"), format!("{:064}", 0).replace("00", "02")]
        );
        assert_ne!(Heads::new([a]), Heads::new([a, b]));
        assert!(Heads::new([a, b]).contains(&a) && !Heads::new([b]).contains(&a));
    }

    #[test]
    fn texts_are_read_as_they_are_written() {
        let heads = Heads::new((0..20).map(|byte| ChangeHash([byte; 32])));
        assert_eq!(Heads::parse("heads", heads.to_texts()), Ok(heads.clone()));
        assert_eq!(Heads::parse("heads", heads.to_texts().iter().map(|text| text.to_uppercase())), Ok(heads));
        for wrong in ["", "0", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), &"é".repeat(32), "\0"] {
            let error = Heads::parse("base_heads", [wrong]).expect_err("no hash");
            assert_eq!(error.code(), Code::Validation);
            assert_eq!(error.member("argument"), Some(&"base_heads".into()));
        }
        let many = (0..=MAX_HEADS).map(|_| "0".repeat(64));
        assert_eq!(Heads::parse("heads", many).expect_err("too many").code(), Code::Limit);
    }

    #[test]
    fn advancing_gives_the_heads_that_automerge_has() {
        let mut dice = Dice::new();
        for _ in 0..10 {
            let mut document = edited(&mut dice, 40);
            let mut again = automerge::AutoCommit::new();
            let mut heads = Heads::default();
            let changes: Vec<Change> = document
                .get_changes(&[])
                .iter()
                .map(|change| Change::read(change.raw_bytes(), &limits()).expect("a change"))
                .collect();
            for change in &changes {
                heads = heads.advance(change.hash(), change.deps());
                again.apply_changes([change.inner().clone()]).expect("applies");
                assert_eq!(heads.as_slice(), again.get_heads());
            }
            assert_eq!(heads, Heads::default().advance_all(&changes));
        }
    }
}
