//! SQL of the blob store.

use super::{Blob, Staged, damaged, missing};
use crate::db::{self, Arg};
use crate::error::Result;
use crate::ids::ProjectId;
use crate::pure::content::{self, CHUNK_BYTES, Codec, Encoded};
use crate::pure::hash::Hash;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

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
    if !insert_head(project, &blob.hash, blob.size, chunks.len() as i32)? {
        return Ok(());
    }
    for (ordinal, chunk) in (1i32..).zip(chunks) {
        insert_chunk(project, blob.hash.as_bytes(), ordinal, chunk)?;
    }
    Ok(())
}

/// Stores the row of a blob whose chunks follow; `false` when it is there already, with its chunks.
fn insert_head(project: ProjectId, hash: &Hash, size: i64, chunks: i32) -> Result<bool> {
    const SQL: &str = "INSERT INTO quire_store.blob (project_id, hash, size, codec, chunk_count, bytes)
        VALUES ($1, $2, $3, 0, $4, '') ON CONFLICT DO NOTHING RETURNING true";
    let args: [Arg; 4] = [project.pg().into(), hash.as_bytes().as_slice().into(), size.into(), chunks.into()];
    Ok(db::write_one(SQL, &args, |row| row.get::<bool>(1))?.is_some())
}

fn insert_chunk(project: ProjectId, key: &[u8], ordinal: i32, chunk: &Encoded) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.blob_chunk (project_id, hash, ordinal, size, codec, bytes)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let args: [Arg; 6] = [
        project.pg().into(),
        key.into(),
        ordinal.into(),
        (chunk.size as i64).into(),
        (chunk.codec as i16).into(),
        chunk.bytes.as_slice().into(),
    ];
    db::exec(SQL, &args)
}

/// Sizes of those of `hashes` that the project has.
pub fn sizes(project: ProjectId, hashes: &[Hash]) -> Result<BTreeMap<Hash, i64>> {
    const SQL: &str = "SELECT b.hash, b.size FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT f.hash, f.size FROM quire_store.blob f
            WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) b";
    let rows = db::read(SQL, &[project.pg().into(), byte_array(hashes)], |row| {
        Ok((Hash::from_bytes(row.get::<&[u8]>(1)?)?, row.get(2)?))
    })?;
    Ok(rows.into_iter().collect())
}

/// Makes a place for chunks whose hash is not known yet. Only its own transaction sees it.
pub fn stage(project: ProjectId, key: Uuid, size: i64) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.blob (project_id, hash, size, codec, bytes) VALUES ($1, $2, $3, 0, '')";
    db::exec(SQL, &[project.pg().into(), key.as_bytes().as_slice().into(), size.into()])
}

/// Stores one such chunk.
pub fn stage_chunk(project: ProjectId, key: Uuid, ordinal: i32, chunk: &Encoded) -> Result<()> {
    insert_chunk(project, key.as_bytes(), ordinal, chunk)
}

/// Gives staged chunks their hash, unless the project has the content already. The chunks' bytes stay where they are:
/// PostgreSQL keeps what is stored out of line when its column does not change.
pub fn adopt(project: ProjectId, staged: &Staged) -> Result<()> {
    const CHUNKS: &str = "UPDATE quire_store.blob_chunk SET hash = $3 WHERE project_id = $1 AND hash = $2";
    if !insert_head(project, &staged.hash, staged.size, staged.chunks)? {
        return Ok(());
    }
    let args: [Arg; 3] = [
        project.pg().into(),
        staged.key.as_bytes().as_slice().into(),
        staged.hash.as_bytes().as_slice().into(),
    ];
    db::exec(CHUNKS, &args)
}

/// Removes the place of staged chunks, and those that nobody adopted.
pub fn discard(project: ProjectId, key: Uuid) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.blob WHERE project_id = $1 AND hash = $2";
    db::exec(SQL, &[project.pg().into(), key.as_bytes().as_slice().into()])
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

/// Bytes `start` to `start + length` of one blob, which must lie in it. Reads only the chunks it needs; the whole is verified
/// when it is one chunk, or when the range is all of it.
pub fn read_range(project: ProjectId, hash: &Hash, start: i64, length: i64) -> Result<Vec<u8>> {
    const HEAD: &str =
        "SELECT b.size, b.chunk_count FROM quire_store.blob b WHERE b.project_id = $1 AND b.hash = $2";
    const CHUNKS: &str = "SELECT c.size, c.codec, c.bytes FROM quire_store.blob_chunk c
        WHERE c.project_id = $1 AND c.hash = $2 AND c.ordinal BETWEEN $3 AND $4 ORDER BY c.ordinal";
    let key = hash.as_bytes().as_slice();
    let (size, chunks) = db::read_one(HEAD, &[project.pg().into(), key.into()], |row| {
        Ok((row.get::<i64>(1)?, row.get::<i32>(2)?))
    })?
    .ok_or_else(|| missing(hash))?;
    let end = start + length;
    if chunks == 0 || (start == 0 && end == size) {
        let mut whole = read(project, hash)?;
        whole.truncate(end as usize);
        whole.drain(..start as usize);
        return Ok(whole);
    }
    if length == 0 {
        return Ok(Vec::new());
    }
    let chunk = CHUNK_BYTES as i64;
    let (first, last) = (start / chunk, (end - 1) / chunk);
    let args: [Arg; 4] =
        [project.pg().into(), key.into(), (first as i32 + 1).into(), (last as i32 + 1).into()];
    let mut bytes = Vec::with_capacity(((last - first + 1) * chunk) as usize);
    db::read(CHUNKS, &args, |row| {
        let codec = Codec::from_stored(row.get(2)?)?;
        content::decode_into(codec, row.get::<i64>(1)? as usize, row.get::<&[u8]>(3)?, &mut bytes)
    })?;
    let expected = ((last + 1) * chunk).min(size) - first * chunk;
    if bytes.len() as i64 != expected {
        return Err(damaged(hash));
    }
    bytes.truncate((end - first * chunk) as usize);
    bytes.drain(..(start - first * chunk) as usize);
    Ok(bytes)
}
