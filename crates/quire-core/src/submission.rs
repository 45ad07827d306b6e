//! What a write of documents submits, as three values that a token can be bound to.
//!
//! Owns: how they are computed, for clients to do the same.
//! Does not: know which tokens are bound, or what a document is.
//!
//! | value | what it is |
//! |---|---|
//! | `baseHeadsRoot` | SHA-256 of the base heads of all writes: each hash once, as 32 bytes, sorted by these, one after the other |
//! | `changesRoot` | SHA-256 of the hashes of all changes, 32 bytes each, one after the other: write by write, as they are given |
//! | `changeCount` | how many changes that are |
//!
//! Both roots are written as 64 lower-case hexadecimal digits. A hash is that of Automerge, and changes that the document has already
//! count, too. Where a write does not say its base heads, or lets the server merge, nothing is known of what it is made on: there is no
//! `baseHeadsRoot` then, which is another thing than the one of no heads.

use crate::error::Result;
use crate::interrupt;
use crate::op::DocEdit;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// SHA-256 of hashes.
pub type HashRoot = [u8; 32];

/// What is submitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Submission {
    /// Of what it is made on, if each write says so.
    pub base_heads_root: Option<HashRoot>,
    /// Of its changes.
    pub changes_root: HashRoot,
    /// How many these are.
    pub change_count: u64,
}

impl Submission {
    /// Of these writes.
    pub fn of(writes: &[DocEdit]) -> Result<Self> {
        let (mut heads, mut says_heads) = (BTreeSet::new(), true);
        let (mut hasher, mut change_count) = (Sha256::new(), 0);
        for write in writes {
            let (base_heads, changes) = match write {
                DocEdit::Change { base_heads, changes, .. } => (base_heads, changes.as_slice()),
                DocEdit::Delete { base_heads, .. } => (base_heads, [].as_slice()),
            };
            match base_heads {
                Some(base) => heads.extend(base.as_slice().iter().map(|hash| hash.0)),
                None => says_heads = false,
            }
            for change in changes {
                interrupt::step()?;
                hasher.update(change.hash().0);
                change_count += 1;
            }
        }
        let mut of_heads = Sha256::new();
        heads.iter().for_each(|hash| of_heads.update(hash));
        Ok(Self {
            base_heads_root: says_heads.then(|| of_heads.finalize().into()),
            changes_root: hasher.finalize().into(),
            change_count,
        })
    }
}
