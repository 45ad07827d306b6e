//! Makes an archive, a few files at a time, and stores it chunk by chunk.

use super::store::{self, Made, Part};
use crate::blob;
use crate::db;
use crate::error::Result;
use crate::file::VersionRow;
use crate::file::store::{Changed, changed_between};
use crate::ids::{ProjectId, Seq};
use crate::pure::archive::{DELTA_PATH, Delta, Entry, Format, Writer};
use crate::pure::content::Codec;
use crate::pure::hash::{Hash, Hasher};
use crate::pure::op::Mode;
use crate::pure::path::FilePath;
use crate::pure::timestamp::Micros;
use serde_json::{Value, json};
use std::io;
use uuid::Uuid;

/// Bytes of every chunk but the last.
pub const CHUNK_BYTES: usize = 1 << 20;
/// How much content is read at once.
const BATCH_BYTES: i64 = 8 << 20;
/// How many files are read at once.
const BATCH_FILES: usize = 1000;

/// Makes the archive of the tree at `tree_seq`, or of what changed in it since another seq.
pub fn build(
    project: ProjectId,
    snapshot: Uuid,
    format: Format,
    tree_seq: Seq,
    since_seq: Option<Seq>,
) -> Result<Made> {
    let mut files: Vec<(FilePath, VersionRow)> = Vec::new();
    let mut deleted: Vec<FilePath> = Vec::new();
    for Changed { path, from, to } in changed_between(project, since_seq.unwrap_or(0), tree_seq)? {
        match (from, to) {
            (Some(before), Some(now)) if before.same_file(&now) => {}
            (_, Some(now)) => files.push((path, now)),
            (Some(_), None) => deleted.push(path),
            (None, None) => {}
        }
    }
    let mut archive = Writer::new(format, Chunks::new(project, snapshot))?;
    let mut deleted_json = None;
    if let Some(since_seq) = since_seq {
        let modified_at = files.iter().map(|(_, file)| file.committed_at).max().unwrap_or(0);
        deleted_json = Some(deleted.iter().map(|path| Value::from(path.as_str())).collect());
        add_delta(&mut archive, &Delta { since_seq, seq: tree_seq, deleted }, modified_at)?;
    }
    add_files(project, &mut archive, "", &files)?;
    let chunks = archive.finish()?.finish()?;
    Ok(Made {
        size: chunks.size,
        content_hash: chunks.hash,
        chunk_count: chunks.count,
        file_count: files.len() as i64,
        manifest: files.iter().map(|(path, file)| listed(path, file)).collect(),
        deleted: deleted_json,
    })
}

fn listed(path: &FilePath, file: &VersionRow) -> Value {
    json!({
        "file_path": path.as_str(),
        "content_hash": file.content_hash.map(Hash::to_hex),
        "size": file.size,
        "version": file.version,
        "file_type": file.file_type,
        "mode": file.mode,
    })
}

fn add_delta<W: io::Write>(archive: &mut Writer<W>, delta: &Delta, modified_at: Micros) -> Result<()> {
    let bytes = delta.to_bytes()?;
    archive.begin(&Entry { path: DELTA_PATH, mode: Mode::Regular, size: bytes.len() as u64, modified_at })?;
    for part in bytes.chunks(CHUNK_BYTES) {
        archive.part(Codec::Raw, part.len(), part)?;
    }
    archive.end().map(drop)
}

/// Adds files below a directory of the archive, which is empty or ends with `/`.
pub fn add_files<W: io::Write>(
    project: ProjectId,
    archive: &mut Writer<W>,
    root: &str,
    files: &[(FilePath, VersionRow)],
) -> Result<()> {
    let mut rest = files;
    while !rest.is_empty() {
        pgrx::check_for_interrupts!();
        let mut bytes = 0;
        let fitting = rest
            .iter()
            .take(BATCH_FILES)
            .take_while(|(_, file)| {
                bytes += file.size;
                bytes <= BATCH_BYTES
            })
            .count();
        let (batch, after) = rest.split_at(fitting.max(1));
        // What the statements of a batch allocate goes with it.
        db::in_passing(|| add_batch(project, archive, root, batch))?;
        rest = after;
    }
    Ok(())
}

fn add_batch<W: io::Write>(
    project: ProjectId,
    archive: &mut Writer<W>,
    root: &str,
    batch: &[(FilePath, VersionRow)],
) -> Result<()> {
    let hashes: Vec<Hash> = batch.iter().filter_map(|(_, file)| file.content_hash).collect();
    let mut contents = store::parts(project, &hashes)?.into_iter();
    for ((path, file), wanted) in batch.iter().zip(&hashes) {
        let (_, content) =
            contents.next().filter(|(hash, _)| hash == wanted).ok_or_else(|| blob::missing(wanted))?;
        let entry = Entry {
            path: path.as_str(),
            mode: file.mode,
            size: file.size as u64,
            modified_at: file.committed_at,
        };
        archive.begin_below(root, &entry)?;
        match content {
            Ok(part) => add_part(archive, &part)?,
            Err(chunks) => {
                for ordinal in 1..=chunks {
                    pgrx::check_for_interrupts!();
                    db::in_passing(|| {
                        let part =
                            store::part(project, wanted, ordinal)?.ok_or_else(|| blob::missing(wanted))?;
                        add_part(archive, &part)
                    })?;
                }
            }
        }
        if archive.end()?.is_some_and(|hash| hash != *wanted) {
            return Err(blob::damaged(wanted));
        }
    }
    Ok(())
}

fn add_part<W: io::Write>(archive: &mut Writer<W>, part: &Part) -> Result<()> {
    archive.part(part.codec, part.size, &part.bytes)
}

/// Takes the archive's bytes and stores them in chunks.
struct Chunks {
    project: ProjectId,
    snapshot: Uuid,
    buffer: Vec<u8>,
    hasher: Hasher,
    size: i64,
    count: i32,
}

/// What was stored.
struct Stored {
    size: i64,
    hash: Hash,
    count: i32,
}

impl Chunks {
    fn new(project: ProjectId, snapshot: Uuid) -> Self {
        let buffer = Vec::with_capacity(CHUNK_BYTES);
        Self { project, snapshot, buffer, hasher: Hasher::default(), size: 0, count: 0 }
    }

    fn store(&mut self) -> Result<()> {
        self.hasher.update(&self.buffer);
        self.size += self.buffer.len() as i64;
        self.count += 1;
        db::in_passing(|| store::insert_chunk(self.project, self.snapshot, self.count, &self.buffer))?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Stored> {
        if !self.buffer.is_empty() {
            self.store()?;
        }
        Ok(Stored { size: self.size, hash: self.hasher.finish(), count: self.count })
    }
}

impl io::Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.store().map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
