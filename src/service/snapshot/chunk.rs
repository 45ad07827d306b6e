//! Chunks of archives: stored as they are, or as recipes that say which stored content goes where.
//!
//! A recipe makes sense where an archive holds content as it is stored, which a tar.zst does: what is written then is a
//! small part of the archive, and content is not stored twice. It counts on the blobs of the snapshot's manifest, which
//! therefore stay as long as the snapshot.

use super::store::{self, Chunk};
use crate::blob::damaged;
use crate::blob::store::{BlobParts, Part, read_part, read_stored};
use crate::bytes::{Bytes, NewBytes};
use crate::db;
use crate::ids::{ProjectId, SnapshotId};
use quire_core::archive::{Format, Recipe, RecipeStep, Sink, steps, stored_bytes};
use quire_core::error::Result;
use quire_core::hash::{Hash, Hasher};
use std::borrow::Cow;
use std::io;

/// Bytes of every chunk but the last.
pub const CHUNK_BYTES: usize = 1 << 20;

/// Takes an archive's bytes and stores them in chunks.
pub struct Chunks {
    project: ProjectId,
    snapshot: SnapshotId,
    buffer: Vec<u8>,
    /// Of what is in the buffer, where chunks are stored as recipes.
    recipe: Option<Recipe>,
    /// The stored part that is being written: hash of the content, and ordinal.
    part: Option<(Hash, u32)>,
    hasher: Hasher,
    size: i64,
    count: i32,
}

/// What was stored.
pub struct Finished {
    pub size: i64,
    pub hash: Hash,
    pub count: i32,
}

impl Chunks {
    pub fn new(project: ProjectId, snapshot: SnapshotId, format: Format) -> Self {
        Self {
            project,
            snapshot,
            buffer: Vec::with_capacity(CHUNK_BYTES),
            recipe: (format == Format::TarZst).then(Recipe::default),
            part: None,
            hasher: Hasher::default(),
            size: 0,
            count: 0,
        }
    }

    /// Takes what fits into the chunk, and says how much that was. `from` is the place of the bytes in the stored part.
    fn take(&mut self, bytes: &[u8], from: Option<usize>) -> io::Result<usize> {
        let taken = &bytes[..bytes.len().min(CHUNK_BYTES - self.buffer.len())];
        self.buffer.extend_from_slice(taken);
        if let Some(recipe) = &mut self.recipe {
            match self.part.zip(from) {
                // Fits: a part has at most 1 MiB.
                Some(((hash, ordinal), from)) => {
                    recipe.stored(&hash, ordinal, from as u32, taken.len() as u32);
                }
                None => recipe.literal(taken),
            }
        }
        if self.buffer.len() == CHUNK_BYTES {
            self.store().map_err(io::Error::other)?;
        }
        Ok(taken.len())
    }

    fn store(&mut self) -> Result<()> {
        self.hasher.update(&self.buffer);
        self.size += self.buffer.len() as i64;
        self.count += 1;
        let chunk = match &self.recipe {
            Some(recipe) => Chunk::Recipe(recipe.as_bytes()),
            None => Chunk::Bytes(self.buffer.as_slice()),
        };
        db::in_passing(|| store::insert_chunk(self.project, self.snapshot, self.count, chunk))?;
        self.buffer.clear();
        self.recipe.iter_mut().for_each(Recipe::clear);
        Ok(())
    }

    pub fn finish(mut self) -> Result<Finished> {
        if !self.buffer.is_empty() {
            self.store()?;
        }
        Ok(Finished { size: self.size, hash: self.hasher.finish(), count: self.count })
    }
}

impl io::Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes, None)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Chunks {
    /// It is not stored again.
    fn expect_part(&mut self, part: Option<(Hash, u32)>) {
        self.part = part;
    }

    fn stored(&mut self, bytes: &[u8], from: usize) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            done += self.take(&bytes[done..], Some(from + done))?;
        }
        Ok(())
    }
}

/// One chunk, from 1, for whoever called.
pub fn read(project: ProjectId, snapshot: SnapshotId, ordinal: i32) -> Result<Option<Bytes>> {
    let recipe = match store::chunk(project, snapshot, ordinal, |row| row.get("bytes"))? {
        None => return Ok(None),
        Some(Chunk::Bytes(bytes)) => return Ok(Some(bytes)),
        Some(Chunk::Recipe(recipe)) => recipe,
    };
    let steps = steps(&recipe)?;
    let mut bytes = NewBytes::of_length(steps.iter().map(RecipeStep::length).sum());
    db::in_passing(|| follow(project, &steps, |piece| bytes.append(piece)))?;
    bytes.finish().map(Some)
}

/// Hands out the bytes of one chunk, from 1, piece by piece; `false` when there is none.
pub fn read_pieces(
    project: ProjectId,
    snapshot: SnapshotId,
    ordinal: i32,
    mut piece: impl FnMut(&[u8]) -> Result<()>,
) -> Result<bool> {
    db::in_passing(|| {
        match store::chunk(project, snapshot, ordinal, |row| piece(row.get("bytes")?))? {
            None => return Ok(false),
            Some(Chunk::Bytes(())) => {}
            Some(Chunk::Recipe(recipe)) => follow(project, &steps(&recipe)?, piece)?,
        }
        Ok(true)
    })
}

/// Does what a recipe says. As long as a chunk is, so are the parts it is made of together, but for the first and the last.
fn follow(
    project: ProjectId,
    steps: &[RecipeStep],
    mut piece: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut rest = steps.iter();
    let hashes: Vec<Hash> = steps.iter().filter_map(whole).map(|(hash, ..)| hash).collect();
    read_stored(project, &hashes, |content| {
        for step in rest.by_ref() {
            let Some((hash, from, length)) = whole(step) else {
                other(project, step, &mut piece)?;
                continue;
            };
            return match content {
                BlobParts::Whole(part) => piece(&wanted(&part, &hash, from, length)?),
                BlobParts::Chunked(_) => Err(damaged(&hash)),
            };
        }
        Ok(())
    })?;
    rest.try_for_each(|step| other(project, step, &mut piece))
}

/// Which content a step wants bytes of, from where, and how many, if the content is not in chunks.
fn whole(step: &RecipeStep) -> Option<(Hash, u32, u32)> {
    match step {
        RecipeStep::Stored { hash, ordinal: 0, from, length } => Some((*hash, *from, *length)),
        _ => None,
    }
}

/// Does any other step.
fn other(project: ProjectId, step: &RecipeStep, mut piece: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    match step {
        RecipeStep::Literal(bytes) => piece(bytes),
        RecipeStep::Stored { hash, ordinal, from, length } => {
            read_part(project, hash, *ordinal as i32, |part| piece(&wanted(&part, hash, *from, *length)?))
        }
    }
}

fn wanted<'p>(part: &Part<'p>, hash: &Hash, from: u32, length: u32) -> Result<Cow<'p, [u8]>> {
    stored_bytes(part.codec, part.bytes, from, length).ok_or_else(|| damaged(hash))
}
