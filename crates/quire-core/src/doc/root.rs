//! The first change of every document that begins here.
//!
//! It has no operations, and everything about it is fixed: who creates a document offline begins with it and not with a change of
//! their own, so that two who create the same one have an ancestor in common. A client loads [`FIRST_CHANGE`] as a document
//! (`Automerge.load` in JavaScript) and goes on from there.

use super::{Change, Limits};
use crate::error::Result;

/// Its actor.
pub const FIRST_ACTOR: &[u8; 16] = b"quire first doc.";

/// Its bytes. They never change: documents are out there that begin with them.
pub const FIRST_CHANGE: [u8; 34] =
    *b"\x85\x6f\x4a\x83\x9a\x59\xf2\x08\x01\x18\x00\x10quire first doc.\x01\x01\x00\x00\x00\x00";

/// Its hash.
pub const FIRST_HASH: &str = "9a59f208d87013924c0035b72bc38712575a02c69b379cc76b0343da869356fa";

/// The change.
pub fn first_change() -> Result<Change> {
    Change::read(&FIRST_CHANGE, &Limits::default())
}
