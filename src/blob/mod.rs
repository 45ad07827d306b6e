//! Content-addressed bytes of a project.
//!
//! Owns: `blob`, `blob_chunk`.
//! Promises: identical content is stored once per project; what is read back has the length and hash it was stored
//! with, or XX001 is raised; PT410 when it is archived or collected. Writing it again makes it present again.
//! Does not: take locks of its own; it is written under the head lock of its project, with bytes that were hashed and
//! compressed before.

pub mod api;
mod locked;
mod state;
pub mod store;

pub use locked::insert_locked;
pub use state::{BlobRecord, BlobState};

use crate::gate::Access;
use crate::guc;
use crate::ids::{ProjectId, UploadId};
use quire_core::content::{self, Encoded};
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::interrupt;
use quire_core::settings::Settings;
use quire_core::tree::Content;
use std::collections::HashSet;
use std::sync::Arc;

/// Bytes ready to be stored.
pub struct Blob {
    /// BLAKE3 of the whole.
    pub hash: Hash,
    /// Bytes of the whole.
    pub size: i64,
    /// One part, or one per chunk.
    pub parts: Vec<Encoded>,
}

/// Chunks that are stored already, and wait for the hash of the whole.
pub struct StagedBlob {
    /// What they are stored under meanwhile.
    pub key: UploadId,
    /// BLAKE3 of the whole.
    pub hash: Hash,
    /// Bytes of the whole.
    pub size: i64,
    /// How many there are.
    pub chunks: i32,
}

/// Contents that another project has.
pub struct Copied {
    /// Which project.
    pub from: ProjectId,
    /// Which contents; they must be present there.
    pub hashes: Vec<Hash>,
    /// Which others; what is archived there is archived here, too.
    pub or_archived: Vec<Hash>,
}

/// Longest target of a symlink.
const MAX_LINK_BYTES: usize = 4096;

/// Below this, looking whether a blob is there already costs more than compressing it again.
const WORTH_LOOKING: usize = 64 << 10;

/// Content that a version refers to and that is not there (XX001).
pub fn missing(hash: &Hash) -> Error {
    Error::new(Code::Corrupt, "stored content is missing").with("content_hash", hash.to_hex())
}

/// Content that is there and is not what it should be (XX001).
pub fn damaged(hash: &Hash) -> Error {
    Error::new(Code::Corrupt, "stored content does not match its hash").with("content_hash", hash.to_hex())
}

/// Runs a writer that has bytes at hand. Content that it found in the project, and therefore does not bring, may be collected
/// before it has the head lock, which tells it so (PT410). Then it runs again: it has the lock now, so what it finds stays.
pub fn retrying<T>(write: impl Fn() -> Result<T>) -> Result<T> {
    match write() {
        Err(error) if error.code() == Code::Gone => write(),
        result => result,
    }
}

/// Describes content, or PT413 when it is larger than the project allows.
pub fn describe(access: &Access, path: &str, bytes: &[u8]) -> Result<Content> {
    let size = bytes.len() as i64;
    // What was expected of the project may be out of date.
    if size > access.settings.max_file_bytes {
        check_size(&access.again()?.settings, path, size)?;
    }
    Ok(content_of(bytes))
}

/// Describes content of any size.
pub fn content_of(bytes: &[u8]) -> Content {
    let is_binary = content::is_binary(bytes);
    let link_target = (!is_binary && bytes.len() <= MAX_LINK_BYTES)
        .then(|| std::str::from_utf8(bytes).ok().map(Arc::from))
        .flatten();
    Content { hash: Hash::of(bytes), size: bytes.len() as i64, is_binary, link_target }
}

/// PT413 when a file is larger than the project allows.
pub fn check_size(settings: &Settings, path: &str, size: i64) -> Result<()> {
    if size <= settings.max_file_bytes {
        return Ok(());
    }
    Err(Error::limit(format!("{path} has {size} bytes"), settings.max_file_bytes)
        .with("file_path", path)
        .with("size", size)
        .with("setting", "max_file_bytes"))
}

/// Compresses what the project does not have yet. Takes no lock.
pub fn prepare(project: ProjectId, contents: &[(&Content, &[u8])]) -> Result<Vec<Blob>> {
    let total: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut have: HashSet<Hash> = if total >= WORTH_LOOKING {
        let hashes: Vec<Hash> = contents.iter().map(|(content, _)| content.hash).collect();
        store::existing(project, &hashes)?
    } else {
        HashSet::new()
    };
    let level = guc::compression_level();
    let mut blobs = Vec::new();
    for (content, bytes) in contents {
        interrupt::check()?;
        if have.insert(content.hash) {
            blobs.push(Blob {
                hash: content.hash,
                size: content.size,
                parts: content::encode_all(bytes, level),
            });
        }
    }
    Ok(blobs)
}
