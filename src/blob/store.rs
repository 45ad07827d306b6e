//! SQL of the blob store.

use super::{Blob, Copied, missing};
use crate::db::{self, Arg};
use crate::error::Result;
use crate::ids::ProjectId;
use crate::pure::content::{self, Codec, Encoded};
use crate::pure::hash::Hash;
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

pub fn byte_array<'a>(hashes: &[Hash]) -> Arg<'a> {
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

/// How many contents one statement copies.
const COPIED_AT_ONCE: usize = 10_000;

/// Copies contents of another project as they are stored; XX001 when one is missing.
pub fn copy(to: ProjectId, copied: &Copied) -> Result<()> {
    const WHOLE: &str = "INSERT INTO quire_store.blob (project_id, hash, size, codec, chunk_count, bytes)
        SELECT $2, b.hash, b.size, b.codec, b.chunk_count, b.bytes
        FROM unnest($3::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.blob f WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) b
        ON CONFLICT DO NOTHING RETURNING hash, chunk_count";
    const CHUNKS: &str = "INSERT INTO quire_store.blob_chunk (project_id, hash, ordinal, size, codec, bytes)
        SELECT $2, c.hash, c.ordinal, c.size, c.codec, c.bytes
        FROM unnest($3::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.blob_chunk f WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) c";
    for hashes in copied.hashes.chunks(COPIED_AT_ONCE) {
        let args = |hashes: &[Hash]| -> [Arg<'static>; 3] {
            [copied.from.pg().into(), to.pg().into(), byte_array(hashes)]
        };
        let new = db::write(WHOLE, &args(hashes), |row| {
            Ok((Hash::from_bytes(row.get::<&[u8]>(1)?)?, row.get::<i32>(2)?))
        })?;
        let in_chunks: Vec<Hash> =
            new.into_iter().filter(|(_, chunks)| *chunks > 0).map(|(hash, _)| hash).collect();
        if !in_chunks.is_empty() {
            db::exec(CHUNKS, &args(&in_chunks))?;
        }
        let there = existing(to, hashes)?;
        if let Some(gone) = hashes.iter().find(|hash| !there.contains(hash)) {
            return Err(missing(gone));
        }
    }
    Ok(())
}

/// Content of one blob, verified.
pub fn read(project: ProjectId, hash: &Hash) -> Result<Vec<u8>> {
    read_many(project, std::slice::from_ref(hash))?.remove(hash).ok_or_else(|| missing(hash))
}

/// Contents of some blobs, verified; XX001 when one is missing.
pub fn read_many(project: ProjectId, hashes: &[Hash]) -> Result<HashMap<Hash, Vec<u8>>> {
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
