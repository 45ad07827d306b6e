//! SQL of the blob store.

use super::{Blob, missing};
use crate::db::{self, Arg};
use crate::error::{Code, Result};
use crate::ids::ProjectId;
use crate::pure::content::{self, Codec, Encoded};
use crate::pure::hash::Hash;
use crate::recovery;
use std::collections::{HashMap, HashSet};

/// Most bytes one INSERT carries; an array of a gigabyte cannot be built.
const BATCH_BYTES: usize = 8 << 20;

/// Which of `hashes` the project has.
pub fn existing(project: ProjectId, hashes: &[Hash]) -> Result<HashSet<Hash>> {
    const SQL: &str = "SELECT b.hash FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT f.hash FROM quire_store.blob f WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) b";
    let rows = db::read(SQL, &[project.pg().into(), byte_array(hashes)], |row| {
        Hash::from_bytes(row.get::<&[u8]>(1)?)
    })?;
    Ok(rows.into_iter().collect())
}

fn byte_array<'a>(hashes: &[Hash]) -> Arg<'a> {
    hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect::<Vec<Vec<u8>>>().into()
}

/// Stores blobs; those that are there already stay as they are.
pub fn insert(project: ProjectId, blobs: &[Blob]) -> Result<()> {
    let mut batch: Vec<(&Blob, &Encoded)> = Vec::new();
    let mut bytes = 0;
    for blob in blobs {
        match blob.parts.as_slice() {
            [whole] => {
                if bytes + whole.bytes.len() > BATCH_BYTES {
                    insert_whole(project, &batch)?;
                    batch.clear();
                    bytes = 0;
                }
                bytes += whole.bytes.len();
                batch.push((blob, whole));
            }
            chunks => insert_chunked(project, blob, chunks)?,
        }
    }
    insert_whole(project, &batch)
}

fn insert_whole(project: ProjectId, batch: &[(&Blob, &Encoded)]) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.blob (project_id, hash, size, codec, bytes)
        SELECT $1, n.hash, n.size, n.codec, n.bytes
        FROM unnest($2::bytea[], $3::bigint[], $4::smallint[], $5::bytea[]) AS n (hash, size, codec, bytes)
        ON CONFLICT DO NOTHING";
    if batch.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Hash> = batch.iter().map(|(blob, _)| blob.hash).collect();
    let sizes: Vec<i64> = batch.iter().map(|(blob, _)| blob.size).collect();
    let codecs: Vec<i16> = batch.iter().map(|(_, whole)| whole.codec as i16).collect();
    let bytes: Vec<&[u8]> = batch.iter().map(|(_, whole)| whole.bytes.as_slice()).collect();
    db::exec(SQL, &[project.pg().into(), byte_array(&hashes), sizes.into(), codecs.into(), bytes.into()])
}

fn insert_chunked(project: ProjectId, blob: &Blob, chunks: &[Encoded]) -> Result<()> {
    const HEAD: &str = "INSERT INTO quire_store.blob (project_id, hash, size, codec, chunk_count, bytes)
        VALUES ($1, $2, $3, 0, $4, '') ON CONFLICT DO NOTHING RETURNING true";
    const CHUNK: &str = "INSERT INTO quire_store.blob_chunk (project_id, hash, ordinal, size, codec, bytes)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let hash = blob.hash.as_bytes().as_slice();
    let count = chunks.len() as i32;
    let head: [Arg; 4] = [project.pg().into(), hash.into(), blob.size.into(), count.into()];
    if db::write_one(HEAD, &head, |row| row.get::<bool>(1))?.is_none() {
        return Ok(());
    }
    for (ordinal, chunk) in (1i32..).zip(chunks) {
        let args: [Arg; 6] = [
            project.pg().into(),
            hash.into(),
            ordinal.into(),
            (chunk.size as i64).into(),
            (chunk.codec as i16).into(),
            chunk.bytes.as_slice().into(),
        ];
        db::exec(CHUNK, &args)?;
    }
    Ok(())
}

/// Stores a blob in place of what is there under its hash.
pub fn replace(project: ProjectId, blob: &Blob) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.blob WHERE project_id = $1 AND hash = $2";
    db::exec(SQL, &[project.pg().into(), blob.hash.as_bytes().as_slice().into()])?;
    insert(project, std::slice::from_ref(blob))
}

/// Content of one blob, verified.
pub fn read(project: ProjectId, hash: &Hash) -> Result<Vec<u8>> {
    read_many(project, std::slice::from_ref(hash))?.remove(hash).ok_or_else(|| missing(hash))
}

/// Contents of some blobs, verified; XX001 when one is missing or damaged, naming its entry in quarantine if it has one.
pub fn read_many(project: ProjectId, hashes: &[Hash]) -> Result<HashMap<Hash, Vec<u8>>> {
    read_sound(project, hashes).map_err(|error| match error.code() {
        Code::Corrupt => recovery::name_entry(project, hashes, error),
        _ => error,
    })
}

fn read_sound(project: ProjectId, hashes: &[Hash]) -> Result<HashMap<Hash, Vec<u8>>> {
    const SQL: &str = "SELECT b.hash, b.size, b.codec, b.chunk_count, b.bytes
        FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.blob f WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) b";
    let rows = db::read(SQL, &[project.pg().into(), byte_array(hashes)], |row| {
        let hash = Hash::from_bytes(row.get::<&[u8]>(1)?)?;
        let size = row.get::<i64>(2)? as usize;
        if row.get::<i32>(4)? > 0 {
            return Ok((hash, size, None));
        }
        let mut bytes = Vec::new();
        content::decode_into(Codec::from_stored(row.get(3)?)?, size, row.get::<&[u8]>(5)?, &mut bytes)?;
        content::verify(&bytes, size, &hash)?;
        Ok((hash, size, Some(bytes)))
    })?;
    let mut contents = HashMap::with_capacity(rows.len());
    for (hash, size, bytes) in rows {
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => read_chunks(project, &hash, size)?,
        };
        contents.insert(hash, bytes);
    }
    match hashes.iter().find(|hash| !contents.contains_key(hash)) {
        Some(gone) => Err(missing(gone)),
        None => Ok(contents),
    }
}

/// One stored part of some content.
pub struct Part<'a> {
    pub codec: Codec,
    pub size: usize,
    pub bytes: &'a [u8],
}

/// How a blob is stored.
pub enum Stored<'a> {
    Whole(Part<'a>),
    /// In so many chunks, which [`read_part`] reads.
    Chunked(i32),
}

/// Hands out blobs as they are stored, in the order of `hashes`; XX001 when one is missing.
pub fn read_stored(
    project: ProjectId,
    hashes: &[Hash],
    mut each: impl FnMut(Stored) -> Result<()>,
) -> Result<()> {
    const SQL: &str = "SELECT b.hash, b.codec, b.size, b.chunk_count, b.bytes
        FROM unnest($2::bytea[]) WITH ORDINALITY AS w (hash, place)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.blob f WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) b
        ORDER BY w.place";
    let mut wanted = hashes.iter();
    db::read(SQL, &[project.pg().into(), byte_array(hashes)], |row| {
        let hash = Hash::from_bytes(row.get::<&[u8]>(1)?)?;
        if let Some(gone) = wanted.next().filter(|wanted| **wanted != hash) {
            return Err(missing(gone));
        }
        let chunks: i32 = row.get(4)?;
        if chunks > 0 {
            return each(Stored::Chunked(chunks));
        }
        let codec = Codec::from_stored(row.get(2)?)?;
        each(Stored::Whole(Part { codec, size: row.get::<i64>(3)? as usize, bytes: row.get(5)? }))
    })?;
    wanted.next().map_or(Ok(()), |gone| Err(missing(gone)))
}

/// Reads one chunk of a blob as it is stored, from 1.
pub fn read_part(
    project: ProjectId,
    hash: &Hash,
    ordinal: i32,
    mut work: impl FnMut(Part) -> Result<()>,
) -> Result<()> {
    const SQL: &str = "SELECT c.codec, c.size, c.bytes FROM quire_store.blob_chunk c
        WHERE c.project_id = $1 AND c.hash = $2 AND c.ordinal = $3";
    let args: [Arg; 3] = [project.pg().into(), hash.as_bytes().as_slice().into(), ordinal.into()];
    db::read_one(SQL, &args, |row| {
        let codec = Codec::from_stored(row.get(1)?)?;
        work(Part { codec, size: row.get::<i64>(2)? as usize, bytes: row.get(3)? })
    })?
    .ok_or_else(|| missing(hash))
}

fn read_chunks(project: ProjectId, hash: &Hash, size: usize) -> Result<Vec<u8>> {
    const SQL: &str = "SELECT c.size, c.codec, c.bytes FROM quire_store.blob_chunk c
        WHERE c.project_id = $1 AND c.hash = $2 ORDER BY c.ordinal";
    let mut whole = Vec::with_capacity(size);
    db::read(SQL, &[project.pg().into(), hash.as_bytes().as_slice().into()], |row| {
        let codec = Codec::from_stored(row.get(2)?)?;
        content::decode_into(codec, row.get::<i64>(1)? as usize, row.get::<&[u8]>(3)?, &mut whole)
    })?;
    content::verify(&whole, size, hash)?;
    Ok(whole)
}
