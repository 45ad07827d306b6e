//! Makes an archive, a few files at a time, and stores it chunk by chunk.

use super::chunk::{CHUNK_BYTES, Chunks};
use super::store::Made;
use crate::blob::store::{BlobParts, Part, read_part, read_stored};
use crate::db;
use crate::domain::file::VersionRow;
use crate::domain::file::store::{Changed, changed_between, files_at};
use crate::ids::{ProjectId, Seq, SnapshotId, Version};
use quire_core::archive::{DELTA_PATH, Delta, Entry, Format, Sink, Writer};
use quire_core::content::Codec;
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::mode::Mode;
use quire_core::path::FilePath;
use quire_core::timestamp::Micros;
use serde::Serialize;
use std::borrow::Cow;

/// How much content is read at once.
const BATCH_BYTES: i64 = 8 << 20;
/// How many files are read at once.
const BATCH_FILES: usize = 1000;

/// Makes the archive of the tree at `tree_seq`, or of what changed in it since another seq.
pub fn build(
    project: ProjectId,
    snapshot: SnapshotId,
    format: Format,
    tree_seq: Seq,
    since_seq: Option<Seq>,
) -> Result<Made> {
    let (files, deleted) = match since_seq {
        None => (files_at(project, tree_seq)?, Vec::new()),
        Some(since_seq) => changes(project, since_seq, tree_seq)?,
    };
    let mut archive = Writer::new(format, Chunks::new(project, snapshot, format))?;
    let mut deleted_json = None;
    if let Some(since_seq) = since_seq {
        let modified_at = files.iter().map(|(_, file)| file.committed_at).max().unwrap_or(0);
        deleted_json = Some(to_json(deleted.iter().map(FilePath::as_str))?);
        add_delta(&mut archive, &Delta { since_seq, seq: tree_seq, deleted }, modified_at)?;
    }
    let packed: Vec<Packed> = files.iter().filter_map(Packed::of).collect();
    add_files(project, &mut archive, "", &packed)?;
    let chunks = archive.finish()?.finish()?;
    Ok(Made {
        size: chunks.size,
        content_hash: chunks.hash,
        chunk_count: chunks.count,
        file_count: files.len() as i64,
        manifest: to_json(files.iter().map(|(path, file)| Listed::new(path, file)))?,
        deleted: deleted_json,
    })
}

type Files = Vec<(FilePath, VersionRow)>;

/// The files that are new or others than at `since_seq`, and the paths that went away.
fn changes(project: ProjectId, since_seq: Seq, tree_seq: Seq) -> Result<(Files, Vec<FilePath>)> {
    let mut files = Vec::new();
    let mut deleted = Vec::new();
    for Changed { path, from, to } in changed_between(project, since_seq, tree_seq)? {
        match (from, to) {
            (Some(before), Some(now)) if before.same_file(&now) => {}
            (_, Some(now)) => files.push((path, now)),
            (Some(_), None) => deleted.push(path),
            (None, None) => {}
        }
    }
    Ok((files, deleted))
}

/// A file in the manifest.
#[derive(Serialize)]
struct Listed<'a> {
    file_path: &'a str,
    content_hash: Option<String>,
    size: i64,
    version: Version,
    file_type: &'a str,
    mode: Mode,
}

impl<'a> Listed<'a> {
    fn new(path: &'a FilePath, file: &'a VersionRow) -> Self {
        Self {
            file_path: path.as_str(),
            content_hash: file.content_hash.map(Hash::to_hex),
            size: file.size,
            version: file.version,
            file_type: &file.file_type,
            mode: file.mode,
        }
    }
}

fn to_json(values: impl Iterator<Item = impl Serialize>) -> Result<String> {
    serde_json::to_string(&values.collect::<Vec<_>>())
        .map_err(|error| Error::internal(format!("a manifest cannot be written: {error}")))
}

fn add_delta(archive: &mut Writer<Chunks>, delta: &Delta, modified_at: Micros) -> Result<()> {
    let bytes = delta.to_bytes()?;
    let (size, hash) = (bytes.len() as u64, Hash::of(&bytes));
    archive.begin(&Entry { path: DELTA_PATH, mode: Mode::Regular, size, hash, modified_at })?;
    for part in bytes.chunks(CHUNK_BYTES) {
        archive.part(Codec::Raw, part.len(), part)?;
    }
    archive.end()
}

/// Stored content on its way into an archive.
pub struct Packed<'a> {
    pub path: Cow<'a, str>,
    pub hash: Hash,
    pub mode: Mode,
    pub size: i64,
    pub modified_at: Micros,
}

impl<'a> Packed<'a> {
    /// A file, unless it is deleted.
    pub fn of((path, file): &'a (FilePath, VersionRow)) -> Option<Self> {
        Some(Self {
            path: path.as_str().into(),
            hash: file.content_hash?,
            mode: file.mode,
            size: file.size,
            modified_at: file.committed_at,
        })
    }
}

/// Adds files below a directory of the archive, which is empty or ends with `/`.
pub fn add_files<W: Sink>(
    project: ProjectId,
    archive: &mut Writer<W>,
    root: &str,
    files: &[Packed],
) -> Result<()> {
    let mut rest = files;
    while !rest.is_empty() {
        pgrx::check_for_interrupts!();
        let mut bytes = 0;
        let fitting = rest
            .iter()
            .take(BATCH_FILES)
            .take_while(|file| {
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

fn add_batch<W: Sink>(
    project: ProjectId,
    archive: &mut Writer<W>,
    root: &str,
    batch: &[Packed],
) -> Result<()> {
    let hashes: Vec<Hash> = batch.iter().map(|file| file.hash).collect();
    let mut contents = batch.iter();
    read_stored(project, &hashes, |content| {
        let Some(Packed { path, hash, mode, size, modified_at }) = contents.next() else { return Ok(()) };
        let (size, hash) = (*size as u64, *hash);
        let entry = Entry { path, mode: *mode, size, hash, modified_at: *modified_at };
        archive.begin_below(root, &entry)?;
        match content {
            BlobParts::Whole(part) => add_part(archive, &hash, 0, &part)?,
            BlobParts::Chunked(chunks) => {
                for ordinal in 1..=chunks {
                    pgrx::check_for_interrupts!();
                    db::in_passing(|| {
                        read_part(project, &hash, ordinal, |part| add_part(archive, &hash, ordinal, &part))
                    })?;
                }
            }
        }
        archive.end()
    })
}

fn add_part<W: Sink>(archive: &mut Writer<W>, hash: &Hash, ordinal: i32, part: &Part<'_>) -> Result<()> {
    archive.sink().expect_part(Some((*hash, ordinal as u32)));
    archive.part(part.codec, part.size, part.bytes)?;
    archive.sink().expect_part(None);
    Ok(())
}
