//! Reading a snapshot back and comparing it with its manifest.

use super::chunk::{CHUNK_BYTES, read_pieces};
use super::read::{missing_chunk, readable};
use super::store;
use crate::definer::definer;
use crate::ids::{ProjectId, SnapshotId};
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::archive::{DELTA_PATH, Format, Limits, read};
use quire_core::error::Result;
use quire_core::hash::{Hash, Hasher};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

/// Most problems that are listed.
const MAX_PROBLEMS: usize = 100;

/// Hashes a snapshot and every file in it again.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn verify_snapshot(project_uuid: Option<Uuid>, snapshot_id: Option<Uuid>) -> JsonB {
    definer(|| verify(project_uuid, snapshot_id))
}

fn verify(project_uuid: Option<Uuid>, snapshot_id: Option<Uuid>) -> Result<JsonB> {
    let (access, stored) = readable(project_uuid, snapshot_id)?;
    let mut problems: Vec<Value> = Vec::new();
    let mut source =
        Chunks { project: access.project, snapshot: stored.id, size: stored.size as u64, at: 0, kept: None };
    match source.hash() {
        Ok(hash) if hash == stored.content_hash => {}
        Ok(hash) => problems.push(json!({
            "problem": "the archive has another hash", "expected": stored.content_hash.to_hex(), "actual": hash.to_hex()
        })),
        Err(error) => problems.push(json!({"problem": error.message()})),
    }
    let mut expected: HashMap<String, String> =
        store::manifest(access.project, stored.id)?.into_iter().collect();
    let files = expected.len();
    let everything = Limits {
        max_files: u64::MAX,
        max_file_bytes: u64::MAX,
        max_total_bytes: u64::MAX,
        max_name_bytes: u64::MAX,
        bytes_per_file: 0,
    };
    let outcome = read(Format::parse(&stored.format)?, source, &everything, |member| {
        let path = member.path.as_str();
        let actual = Hash::of(&member.bytes).to_hex();
        match expected.remove(path) {
            Some(hash) if hash == actual => {}
            Some(hash) => problems.push(json!({
                "file_path": path, "problem": "the file has another hash", "expected": hash, "actual": actual
            })),
            None if stored.since_seq.is_some() && path == DELTA_PATH => {}
            None => problems.push(json!({"file_path": path, "problem": "the file is not in the manifest"})),
        }
        Ok(())
    });
    match outcome {
        Ok(()) => problems.extend(
            expected
                .keys()
                .map(|path| json!({"file_path": path, "problem": "the file is not in the archive"})),
        ),
        Err(error) => problems.push(match error.member("file_path") {
            Some(path) => json!({"file_path": path, "problem": error.message()}),
            None => json!({"problem": error.message()}),
        }),
    }
    let count = problems.len();
    problems.truncate(MAX_PROBLEMS);
    Ok(JsonB(json!({
        "ok": count == 0, "snapshot_id": stored.id.to_string(), "file_count": files, "problem_count": count,
        "problems": problems
    })))
}

/// The archive as its reader wants it, one chunk in memory.
struct Chunks {
    project: ProjectId,
    snapshot: SnapshotId,
    size: u64,
    at: u64,
    kept: Option<(i32, Vec<u8>)>,
}

impl Chunks {
    fn chunk(&mut self, ordinal: i32) -> Result<&[u8]> {
        if self.kept.as_ref().is_none_or(|(kept, _)| *kept != ordinal) {
            let mut bytes = Vec::with_capacity(CHUNK_BYTES);
            let append = |piece: &[u8]| {
                bytes.extend_from_slice(piece);
                Ok(())
            };
            if !read_pieces(self.project, self.snapshot, ordinal, append)? {
                return Err(missing_chunk(self.project, self.snapshot, ordinal));
            }
            self.kept = Some((ordinal, bytes));
        }
        Ok(self.kept.as_ref().map_or(&[], |(_, bytes)| bytes))
    }

    fn hash(&mut self) -> Result<Hash> {
        let mut hasher = Hasher::default();
        let chunks = self.size.div_ceil(CHUNK_BYTES as u64) as i32;
        for ordinal in 1..=chunks {
            pgrx::check_for_interrupts!();
            hasher.update(self.chunk(ordinal)?);
        }
        Ok(hasher.finish())
    }
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.size {
            return Ok(0);
        }
        let offset = (self.at % CHUNK_BYTES as u64) as usize;
        let ordinal = (self.at / CHUNK_BYTES as u64) as i32 + 1;
        let chunk = self.chunk(ordinal).map_err(io::Error::other)?;
        let rest = chunk.get(offset..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Chunks {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
