//! The pieces of an upload, cut anew into the chunks of a blob: one piece and one chunk in memory at a time.
//!
//! Its hash is known only at the end, so the chunks are stored under the upload's id first; what is slow then happens before
//! the head lock. Under it they get their hash (see `blob::store::adopt`). Nobody else ever sees them under that id.

use super::store;
use crate::blob::{self, Blob, StagedBlob};
use crate::ids::{ProjectId, UploadId};
use crate::{db, guc};
use quire_core::content::{self, CHUNK_BYTES};
use quire_core::error::{Error, Result};
use quire_core::hash::{Hash, Hasher};
use quire_core::reason::Reason;

/// Content of an upload, ready to be stored.
pub enum StagedContent {
    /// It fits into one chunk.
    Small(Blob),
    /// Its chunks are stored, and wait for their hash.
    Large(StagedBlob),
}

impl StagedContent {
    /// BLAKE3 of the whole.
    pub fn hash(&self) -> Hash {
        match self {
            StagedContent::Small(blob) => blob.hash,
            StagedContent::Large(staged) => staged.hash,
        }
    }
}

/// Reads the pieces of an upload of `size` bytes, or PT409 when one is missing.
pub fn stage(project: ProjectId, upload: UploadId, size: i64) -> Result<StagedContent> {
    let ordinals = store::piece_ordinals(project, upload)?;
    if let Some((missing, _)) = (1..).zip(&ordinals).find(|(expected, ordinal)| expected != *ordinal) {
        return Err(Error::conflict(Reason::Incomplete, format!("piece {missing} of the upload is missing"))
            .with("upload_id", upload.to_string())
            .with("ordinal", missing));
    }
    if size <= CHUNK_BYTES as i64 {
        let mut whole = Vec::new();
        for ordinal in ordinals {
            store::with_piece(project, upload, ordinal, |bytes| {
                whole.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        let parts = content::encode_all(&whole, guc::compression_level());
        return Ok(StagedContent::Small(Blob { hash: Hash::of(&whole), size, parts }));
    }
    let mut chunks = Chunks::begin(project, upload, size)?;
    for ordinal in ordinals {
        pgrx::check_for_interrupts!();
        db::in_passing(|| store::with_piece(project, upload, ordinal, |bytes| chunks.take(bytes)))?;
    }
    chunks.finish().map(StagedContent::Large)
}

struct Chunks {
    project: ProjectId,
    key: UploadId,
    buffer: Vec<u8>,
    hasher: Hasher,
    size: i64,
    count: i32,
}

impl Chunks {
    fn begin(project: ProjectId, key: UploadId, size: i64) -> Result<Self> {
        blob::store::stage(project, key, size)?;
        let buffer = Vec::with_capacity(CHUNK_BYTES);
        Ok(Self { project, key, buffer, hasher: Hasher::default(), size: 0, count: 0 })
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.size += bytes.len() as i64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == CHUNK_BYTES {
                self.store()?;
            }
        }
        Ok(())
    }

    fn store(&mut self) -> Result<()> {
        pgrx::check_for_interrupts!();
        self.count += 1;
        let chunk = content::encode(&self.buffer, guc::compression_level());
        db::in_passing(|| blob::store::stage_chunk(self.project, self.key, self.count, &chunk))?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<StagedBlob> {
        if !self.buffer.is_empty() {
            self.store()?;
        }
        Ok(StagedBlob { key: self.key, hash: self.hasher.finish(), size: self.size, chunks: self.count })
    }
}
