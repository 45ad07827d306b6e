//! Members that operations of several kinds have.

use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::json::Members;
use crate::path::FilePath;
use serde::Serializer;

pub(super) fn hash_member(members: &mut Members, key: &'static str) -> Result<Hash> {
    Hash::from_hex(members.str(key)?).ok_or_else(|| members.wrong(key, "64 hex digits"))
}

/// Bytes of a content, of which there are at most so many (PT413): whoever adds sizes counts on it.
pub fn size_member(members: &mut Members, most: i64) -> Result<i64> {
    let size = members.i64("size")?;
    if size < 0 {
        return Err(members.wrong("size", "0 or more"));
    }
    check_size(size, most)?;
    Ok(size)
}

/// Refuses a size that no content can have (PT413).
pub fn check_size(size: i64, most: i64) -> Result<()> {
    if size <= most {
        return Ok(());
    }
    Err(Error::limit("a content has a size that none can have", most).with("size", size))
}

pub(super) fn path<S: Serializer>(path: &FilePath, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(path.as_str())
}

pub(super) fn hex<S: Serializer>(hash: &Hash, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&hash.to_hex())
}
