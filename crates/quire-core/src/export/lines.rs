//! Writing JSON Lines, a file after the other, so that none is large.

use super::HISTORY;
use crate::archive::{Entry, Sink, Writer};
use crate::content::{CHUNK_BYTES, Codec};
use crate::error::Result;
use crate::hash::Hash;
use crate::json::canonical;
use crate::mode::Mode;
use crate::timestamp::Micros;
use serde::Serialize;

/// Where a file of lines ends and the next begins.
const FILE_BYTES: usize = 4 << 20;

/// Lines of one kind on their way into an archive.
pub struct Lines {
    what: &'static str,
    at: Micros,
    files: u32,
    buffer: Vec<u8>,
}

impl Lines {
    /// Of `history/<what>`, with the time that the files of the archive get.
    pub fn new(what: &'static str, at: Micros) -> Self {
        Self { what, at, files: 0, buffer: Vec::new() }
    }

    /// Adds a line: the canonical form of `record`.
    pub fn push<W: Sink>(&mut self, archive: &mut Writer<W>, record: &impl Serialize) -> Result<()> {
        self.buffer.append(&mut canonical(record)?);
        self.buffer.push(b'\n');
        if self.buffer.len() >= FILE_BYTES { self.flush(archive) } else { Ok(()) }
    }

    /// Writes what is left.
    pub fn finish<W: Sink>(mut self, archive: &mut Writer<W>) -> Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.flush(archive) }
    }

    fn flush<W: Sink>(&mut self, archive: &mut Writer<W>) -> Result<()> {
        self.files += 1;
        let name = format!("{HISTORY}{}/{:06}.jsonl", self.what, self.files);
        add(archive, &name, &self.buffer, self.at)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Adds a file of these bytes.
pub fn add<W: Sink>(archive: &mut Writer<W>, path: &str, bytes: &[u8], modified_at: Micros) -> Result<()> {
    let (size, hash) = (bytes.len() as u64, Hash::of(bytes));
    archive.begin(&Entry { path, mode: Mode::Regular, size, hash, modified_at })?;
    for part in bytes.chunks(CHUNK_BYTES) {
        archive.part(Codec::Raw, part.len(), part)?;
    }
    archive.end()
}
