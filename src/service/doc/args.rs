//! Arguments that name documents and states of them.

use crate::args::{TextsArg, required};
use quire_core::doc::heads::{MAX_HEADS, parse_hash};
use quire_core::doc::{ChangeHash, Heads};
use quire_core::error::{Error, Result};
use quire_core::key::DocKey;

/// The arguments that name a document. Whether its branch is there is for who reads or writes it.
pub fn doc_arg(doc: Option<&str>, branch: Option<&str>) -> Result<DocKey> {
    DocKey::parse(required("branch", branch)?, required("doc", doc)?)
}

/// Heads that are given.
pub fn heads_arg(argument: &'static str, heads: Option<TextsArg>) -> Result<Option<Heads>> {
    let at_most = |count| match count {
        0..=MAX_HEADS => Ok(()),
        _ => {
            Err(Error::limit(format!("{argument} has too many hashes"), MAX_HEADS).with("argument", argument))
        }
    };
    let hashes = heads.map(|heads| {
        heads.parsed::<ChangeHash, Vec<ChangeHash>>(argument, at_most, |text| parse_hash(argument, text))
    });
    Ok(hashes.transpose()?.map(Heads::new))
}
