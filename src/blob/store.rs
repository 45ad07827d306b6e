//! SQL of the blob store.

use super::state::state_of;
use super::{Blob, BlobRecord, BlobState, Copied, StagedBlob, damaged, missing};
use crate::db::clock::{from_pg, to_pg};
use crate::db::{self, Arg};
use crate::ids::{Pg, ProjectId, UploadId};
use crate::log::quarantine;
use quire_core::content::{self, CHUNK_BYTES, Codec, Encoded};
use quire_core::error::{Code, Result};
use quire_core::hash::{Hash, Hasher};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Most bytes one INSERT carries; an array of a gigabyte cannot be built.
const BATCH_BYTES: usize = 8 << 20;
/// Most rows it carries.
const BATCH_ROWS: usize = 10_000;
/// Most bytes that are reserved because a row says that so many come.
const BELIEVED_BYTES: usize = 64 << 20;

/// Which of `hashes` the project has, present.
pub fn existing(project: ProjectId, hashes: &[Hash]) -> Result<HashSet<Hash>> {
    const SQL: &str = "SELECT b.hash FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT f.hash FROM quire_store.blob f
            WHERE f.project_id = $1 AND f.hash = w.hash AND f.state = 0 OFFSET 0) b";
    let rows = db::read(SQL, &[project.pg().into(), byte_array(hashes)], |row| row.get("hash"))?;
    Ok(rows.into_iter().collect())
}

pub fn byte_array<'a>(hashes: &[Hash]) -> Arg<'a> {
    hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect::<Vec<Vec<u8>>>().into()
}

/// What happens to a blob that is there already: nothing, unless its bytes are not.
macro_rules! or_revive {
    () => {
        " ON CONFLICT (project_id, hash) DO UPDATE SET size = EXCLUDED.size, codec = EXCLUDED.codec,
             chunk_count = EXCLUDED.chunk_count, bytes = EXCLUDED.bytes, state = 0, state_at = NULL, state_reason = NULL
          WHERE b.state <> 0"
    };
}

/// Stores blobs; those that are there already stay as they are, and those whose bytes are gone get them back.
pub fn insert(project: ProjectId, blobs: &[Blob]) -> Result<()> {
    let mut batch: Vec<(&Blob, &Encoded)> = Vec::new();
    let mut bytes = 0;
    for blob in blobs {
        match blob.parts.as_slice() {
            [whole] => {
                if bytes + whole.bytes.len() > BATCH_BYTES || batch.len() >= BATCH_ROWS {
                    db::in_passing(|| insert_whole(project, &batch))?;
                    batch.clear();
                    bytes = 0;
                }
                bytes += whole.bytes.len();
                batch.push((blob, whole));
            }
            chunks => db::in_passing(|| insert_chunked(project, blob, chunks))?,
        }
    }
    insert_whole(project, &batch)
}

fn insert_whole(project: ProjectId, batch: &[(&Blob, &Encoded)]) -> Result<()> {
    const SQL: &str = concat!(
        "INSERT INTO quire_store.blob AS b (project_id, hash, size, codec, bytes)
         SELECT $1, n.hash, n.size, n.codec, n.bytes
         FROM unnest($2::bytea[], $3::bigint[], $4::smallint[], $5::bytea[]) AS n (hash, size, codec, bytes)",
        or_revive!()
    );
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

/// Stores a blob in place of what is there under its hash.
pub fn replace(project: ProjectId, blob: &Blob) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.blob WHERE project_id = $1 AND hash = $2";
    db::exec(SQL, &[project.pg().into(), blob.hash.as_bytes().as_slice().into()])?;
    insert(project, std::slice::from_ref(blob))
}

/// Stores the row of a blob whose chunks follow; `false` when it is there already, with its chunks. One that was in quarantine
/// may have corrupt ones.
fn insert_head(project: ProjectId, hash: &Hash, size: i64, chunks: i32) -> Result<bool> {
    const SQL: &str = concat!(
        "INSERT INTO quire_store.blob AS b (project_id, hash, size, codec, chunk_count, bytes)
         VALUES ($1, $2, $3, 0, $4, '')",
        or_revive!(),
        " RETURNING true"
    );
    let args: [Arg; 4] = [project.pg().into(), hash.as_bytes().as_slice().into(), size.into(), chunks.into()];
    let is_new = db::writes(SQL, &args)?;
    if is_new {
        forget_chunks(project, std::slice::from_ref(hash))?;
    }
    Ok(is_new)
}

/// Removes the chunks of some contents.
pub fn forget_chunks(project: ProjectId, hashes: &[Hash]) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.blob_chunk c
        USING unnest($2::bytea[]) AS w (hash) WHERE c.project_id = $1 AND c.hash = w.hash";
    db::exec(SQL, &[project.pg().into(), byte_array(hashes)])
}

fn insert_chunk(project: ProjectId, key: &[u8], ordinal: i32, chunk: &Encoded) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.blob_chunk (project_id, hash, ordinal, size, codec, checksum, bytes)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let checksum = content::chunk_checksum(ordinal, chunk.codec, chunk.size, &chunk.bytes);
    let args: [Arg; 7] = [
        project.pg().into(),
        key.into(),
        ordinal.into(),
        (chunk.size as i64).into(),
        (chunk.codec as i16).into(),
        checksum.as_bytes().as_slice().into(),
        chunk.bytes.as_slice().into(),
    ];
    db::exec(SQL, &args)
}

/// Sizes of those of `hashes` that the project has; PT410 for one that is not present.
pub fn sizes(project: ProjectId, hashes: &[Hash]) -> Result<BTreeMap<Hash, i64>> {
    const SQL: &str =
        "SELECT b.hash, b.state, b.size, b.state_at, b.state_reason FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT f.hash, f.state, f.size, f.state_at, f.state_reason FROM quire_store.blob f
            WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) b";
    let rows = db::read(SQL, &[project.pg().into(), byte_array(hashes)], |row| {
        let hash: Hash = row.get("hash")?;
        let stored = stored_from_row(row)?;
        if stored.state == BlobState::Present { Ok((hash, stored.size)) } else { Err(stored.gone(&hash)) }
    })?;
    Ok(rows.into_iter().collect())
}

/// Refuses content that is not present (PT410) or not there (XX001).
pub fn require_present(project: ProjectId, hashes: &[Hash]) -> Result<()> {
    let sizes = sizes(project, hashes)?;
    hashes.iter().find(|hash| !sizes.contains_key(hash)).map_or(Ok(()), |hash| Err(missing(hash)))
}

/// Reads the columns `state, size, state_at, state_reason`.
pub fn stored_from_row(row: &db::Row) -> Result<BlobRecord> {
    Ok(BlobRecord {
        state: state_of(row.get("state")?)?,
        size: row.get("size")?,
        at: row.opt("state_at")?.map(from_pg),
        why: row.opt("state_reason")?,
    })
}

/// A blob, but for its bytes.
pub fn state(project: ProjectId, hash: &Hash) -> Result<Option<BlobRecord>> {
    const SQL: &str = "SELECT b.state, b.size, b.state_at, b.state_reason FROM quire_store.blob b
        WHERE b.project_id = $1 AND b.hash = $2";
    db::read_one(SQL, &[project.pg().into(), hash.as_bytes().as_slice().into()], stored_from_row)
}

/// Makes a place for chunks whose hash is not known yet. Only its own transaction sees it.
pub fn stage(project: ProjectId, key: UploadId, size: i64) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.blob (project_id, hash, size, codec, bytes) VALUES ($1, $2, $3, 0, '')";
    db::exec(SQL, &[project.pg().into(), key.0.as_bytes().as_slice().into(), size.into()])
}

/// Stores one such chunk.
pub fn stage_chunk(project: ProjectId, key: UploadId, ordinal: i32, chunk: &Encoded) -> Result<()> {
    insert_chunk(project, key.0.as_bytes(), ordinal, chunk)
}

/// Gives staged chunks their hash, unless the project has the content already. The chunks' bytes stay where they are:
/// PostgreSQL keeps what is stored out of line when its column does not change.
pub fn adopt(project: ProjectId, staged: &StagedBlob) -> Result<()> {
    const CHUNKS: &str = "UPDATE quire_store.blob_chunk SET hash = $3 WHERE project_id = $1 AND hash = $2";
    if !insert_head(project, &staged.hash, staged.size, staged.chunks)? {
        return Ok(());
    }
    let args: [Arg; 3] = [
        project.pg().into(),
        staged.key.0.as_bytes().as_slice().into(),
        staged.hash.as_bytes().as_slice().into(),
    ];
    db::exec(CHUNKS, &args)
}

/// Removes the place of staged chunks, and those that nobody adopted.
pub fn discard(project: ProjectId, key: UploadId) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.blob WHERE project_id = $1 AND hash = $2";
    db::exec(SQL, &[project.pg().into(), key.0.as_bytes().as_slice().into()])
}

/// How many contents one statement copies.
const COPIED_AT_ONCE: usize = 10_000;

/// Copies contents of another project as they are stored; PT410 when one is not present, XX001 when it is missing.
pub fn copy(to: ProjectId, copied: &Copied) -> Result<()> {
    copy_present(copied.from, to, &copied.hashes)?;
    let archived = copy_archived(copied.from, to, &copied.or_archived)?;
    let rest: Vec<Hash> =
        copied.or_archived.iter().filter(|hash| !archived.contains(hash)).copied().collect();
    copy_present(copied.from, to, &rest)
}

fn copy_present(from: ProjectId, to: ProjectId, hashes: &[Hash]) -> Result<()> {
    // The head lock of the other project is not held: what was present may be collected between two statements.
    const WHOLE: &str = concat!(
        "INSERT INTO quire_store.blob AS b (project_id, hash, size, codec, chunk_count, bytes)
         SELECT $2, c.hash, c.size, c.codec, c.chunk_count, c.bytes
         FROM unnest($3::bytea[]) AS w (hash)
         CROSS JOIN LATERAL (
             SELECT * FROM quire_store.blob f WHERE f.project_id = $1 AND f.hash = w.hash AND f.state = 0 OFFSET 0) c",
        or_revive!(),
        " RETURNING hash, chunk_count"
    );
    const CHUNKS: &str =
        "INSERT INTO quire_store.blob_chunk (project_id, hash, ordinal, size, codec, checksum, bytes)
        SELECT $2, c.hash, c.ordinal, c.size, c.codec, c.checksum, c.bytes
        FROM unnest($3::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.blob_chunk f WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) c
        RETURNING 1";
    for hashes in hashes.chunks(COPIED_AT_ONCE) {
        require_present(from, hashes)?;
        let args =
            |hashes: &[Hash]| -> [Arg<'static>; 3] { [from.pg().into(), to.pg().into(), byte_array(hashes)] };
        let new =
            db::write(WHOLE, &args(hashes), |row| Ok((row.get("hash")?, row.get::<i32>("chunk_count")?)))?;
        let chunks: usize = new.iter().map(|(_, chunks)| *chunks as usize).sum();
        let in_chunks: Vec<Hash> =
            new.into_iter().filter(|(_, chunks)| *chunks > 0).map(|(hash, _)| hash).collect();
        if !in_chunks.is_empty() {
            forget_chunks(to, &in_chunks)?;
        }
        let copied = if chunks == 0 { 0 } else { db::write(CHUNKS, &args(&in_chunks), |_| Ok(()))?.len() };
        let there = existing(to, hashes)?;
        let lost = hashes.iter().find(|hash| !there.contains(hash));
        if let Some(lost) = lost.or_else(|| in_chunks.first().filter(|_| copied != chunks)) {
            require_present(from, hashes)?;
            return Err(missing(lost));
        }
    }
    Ok(())
}

/// Copies of contents what is said of those that are archived; gives them back.
fn copy_archived(from: ProjectId, to: ProjectId, hashes: &[Hash]) -> Result<HashSet<Hash>> {
    const SQL: &str = "SELECT b.hash, b.state, b.size, b.state_at, b.state_reason
        FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.blob f
            WHERE f.project_id = $1 AND f.hash = w.hash AND f.state = 1 OFFSET 0) b";
    if hashes.is_empty() {
        return Ok(HashSet::new());
    }
    let archived = db::write(SQL, &[from.pg().into(), byte_array(hashes)], |row| {
        Ok((row.get("hash")?, stored_from_row(row)?))
    })?;
    insert_gone(to, &archived)?;
    Ok(archived.into_iter().map(|(hash, _)| hash).collect())
}

/// Says of contents that they are not here, but for those that are; what is collected may be archived elsewhere.
pub fn insert_gone(project: ProjectId, gone: &[(Hash, BlobRecord)]) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.blob AS b
            (project_id, hash, size, codec, chunk_count, state, state_at, state_reason, bytes)
        SELECT $1, n.hash, n.size, 0, 0, n.state, n.at, n.why, ''
        FROM unnest($2::bytea[], $3::bigint[], $4::smallint[], $5::timestamptz[], $6::text[]) AS n (hash, size, state, at, why)
        ON CONFLICT (project_id, hash) DO UPDATE
        SET state = EXCLUDED.state, state_at = EXCLUDED.state_at, state_reason = EXCLUDED.state_reason
        WHERE b.state = 2 AND EXCLUDED.state = 1";
    if gone.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Hash> = gone.iter().map(|(hash, _)| *hash).collect();
    let at = gone.iter().map(|(_, it)| it.at.map(to_pg).transpose()).collect::<Result<Vec<_>>>()?;
    let args: [Arg; 6] = [
        project.pg().into(),
        byte_array(&hashes),
        gone.iter().map(|(_, it)| it.size).collect::<Vec<_>>().into(),
        gone.iter().map(|(_, it)| it.state.number()).collect::<Vec<_>>().into(),
        at.into(),
        gone.iter().map(|(_, it)| it.why.as_deref()).collect::<Vec<_>>().into(),
    ];
    db::exec(SQL, &args)
}

/// Content of one blob, verified.
pub fn read(project: ProjectId, hash: &Hash) -> Result<Vec<u8>> {
    read_many(project, std::slice::from_ref(hash))?.remove(hash).ok_or_else(|| missing(hash))
}

/// Contents of some blobs, verified; PT410 when one is not present; XX001 when one is missing or damaged, naming its entry
/// in quarantine if it has one.
pub fn read_many(project: ProjectId, hashes: &[Hash]) -> Result<HashMap<Hash, Vec<u8>>> {
    let (contents, gone) = read_present(project, hashes)?;
    match gone.iter().next() {
        Some((hash, stored)) => Err(stored.gone(hash)),
        None => Ok(contents),
    }
}

/// Contents by their hashes, and what is not present.
pub type Present = (HashMap<Hash, Vec<u8>>, HashMap<Hash, BlobRecord>);

/// Contents of those of some blobs that are present, verified, and what is known of the others; XX001 when one is missing.
pub fn read_present(project: ProjectId, hashes: &[Hash]) -> Result<Present> {
    read_sound(project, hashes).map_err(|error| match error.code() {
        Code::Corrupt => quarantine::name_entry(project, hashes, error),
        _ => error,
    })
}

fn read_sound(project: ProjectId, hashes: &[Hash]) -> Result<Present> {
    const SQL: &str =
        "SELECT b.hash, b.codec, b.chunk_count, b.bytes, b.state, b.size, b.state_at, b.state_reason
        FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.blob f WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) b";
    let mut gone = HashMap::new();
    let rows = db::read(SQL, &[project.pg().into(), byte_array(hashes)], |row| {
        let hash = row.get("hash")?;
        let size = row.get::<i64>("size")? as usize;
        if state_of(row.get("state")?)? != BlobState::Present {
            gone.insert(hash, stored_from_row(row)?);
            return Ok((hash, size, None));
        }
        if row.get::<i32>("chunk_count")? > 0 {
            return Ok((hash, size, None));
        }
        let mut bytes = Vec::new();
        content::decode_into(Codec::from_stored(row.get("codec")?)?, size, row.get("bytes")?, &mut bytes)?;
        content::verify(&bytes, size, &hash)?;
        Ok((hash, size, Some(bytes)))
    })?;
    let mut contents = HashMap::with_capacity(rows.len());
    for (hash, size, bytes) in rows {
        let bytes = match bytes {
            Some(bytes) => bytes,
            None if gone.contains_key(&hash) => continue,
            None => read_chunks(project, &hash, size)?,
        };
        contents.insert(hash, bytes);
    }
    match hashes.iter().find(|hash| !contents.contains_key(hash) && !gone.contains_key(hash)) {
        Some(lost) => Err(missing(lost)),
        None => Ok((contents, gone)),
    }
}

/// One stored part of some content.
pub struct Part<'a> {
    pub codec: Codec,
    pub size: usize,
    pub bytes: &'a [u8],
}

/// How a blob is stored.
pub enum BlobParts<'a> {
    Whole(Part<'a>),
    /// In so many chunks, which [`read_part`] reads.
    Chunked(i32),
}

/// Hands out blobs as they are stored, in the order of `hashes`; XX001 when one is missing, PT410 when one is not present.
pub fn read_stored(
    project: ProjectId,
    hashes: &[Hash],
    mut each: impl FnMut(BlobParts) -> Result<()>,
) -> Result<()> {
    const SQL: &str =
        "SELECT b.hash, b.codec, b.chunk_count, b.bytes, b.state, b.size, b.state_at, b.state_reason
        FROM unnest($2::bytea[]) WITH ORDINALITY AS w (hash, place)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.blob f WHERE f.project_id = $1 AND f.hash = w.hash OFFSET 0) b
        ORDER BY w.place";
    let mut wanted = hashes.iter();
    db::read(SQL, &[project.pg().into(), byte_array(hashes)], |row| {
        let hash: Hash = row.get("hash")?;
        if let Some(gone) = wanted.next().filter(|wanted| **wanted != hash) {
            return Err(missing(gone));
        }
        if state_of(row.get("state")?)? != BlobState::Present {
            return Err(stored_from_row(row)?.gone(&hash));
        }
        let chunks: i32 = row.get("chunk_count")?;
        if chunks > 0 {
            return each(BlobParts::Chunked(chunks));
        }
        let codec = Codec::from_stored(row.get("codec")?)?;
        each(BlobParts::Whole(Part {
            codec,
            size: row.get::<i64>("size")? as usize,
            bytes: row.get("bytes")?,
        }))
    })?;
    wanted.next().map_or(Ok(()), |gone| Err(missing(gone)))
}

/// One chunk, checked against its own checksum, from the columns `ordinal, size, codec, checksum, bytes`.
fn chunk_from_row<'r>(row: &'r db::Row, hash: &Hash, wanted: i32) -> Result<Part<'r>> {
    let part = Part {
        codec: Codec::from_stored(row.get("codec")?)?,
        size: usize::try_from(row.get::<i64>("size")?).unwrap_or(usize::MAX),
        bytes: row.get("bytes")?,
    };
    let checksum = content::chunk_checksum(wanted, part.codec, part.size, part.bytes);
    if row.get::<i32>("ordinal")? != wanted || row.get::<&[u8]>("checksum")? != checksum.as_bytes() {
        return Err(damaged(hash));
    }
    Ok(part)
}

/// Reads one chunk of a blob as it is stored, from 1.
pub fn read_part<R>(
    project: ProjectId,
    hash: &Hash,
    ordinal: i32,
    mut work: impl FnMut(Part) -> Result<R>,
) -> Result<R> {
    const SQL: &str = "SELECT c.ordinal, c.size, c.codec, c.checksum, c.bytes FROM quire_store.blob_chunk c
        WHERE c.project_id = $1 AND c.hash = $2 AND c.ordinal = $3";
    let args: [Arg; 3] = [project.pg().into(), hash.as_bytes().as_slice().into(), ordinal.into()];
    db::read_one(SQL, &args, |row| work(chunk_from_row(row, hash, ordinal)?))?.ok_or_else(|| missing(hash))
}

fn read_chunks(project: ProjectId, hash: &Hash, size: usize) -> Result<Vec<u8>> {
    const SQL: &str = "SELECT c.size, c.codec, c.bytes FROM quire_store.blob_chunk c
        WHERE c.project_id = $1 AND c.hash = $2 ORDER BY c.ordinal";
    // What is stored may be wrong, so it is not believed that so much is needed.
    let mut whole = Vec::with_capacity(size.min(BELIEVED_BYTES));
    db::read(SQL, &[project.pg().into(), hash.as_bytes().as_slice().into()], |row| {
        let codec = Codec::from_stored(row.get("codec")?)?;
        content::decode_into(codec, row.get::<i64>("size")? as usize, row.get("bytes")?, &mut whole)
    })?;
    content::verify(&whole, size, hash)?;
    Ok(whole)
}

/// Bytes `start` to `start + length` of one blob; XX001 when they do not lie in it. Reads only the chunks it needs, each checked
/// against its own checksum; the whole is verified when it is one chunk, or when the range is all of it.
pub fn read_range(project: ProjectId, hash: &Hash, start: i64, length: i64) -> Result<Vec<u8>> {
    const HEAD: &str = "SELECT b.state, b.size, b.state_at, b.state_reason, b.chunk_count
        FROM quire_store.blob b WHERE b.project_id = $1 AND b.hash = $2";
    const CHUNKS: &str =
        "SELECT c.ordinal, c.size, c.codec, c.checksum, c.bytes FROM quire_store.blob_chunk c
        WHERE c.project_id = $1 AND c.hash = $2 AND c.ordinal BETWEEN $3 AND $4 ORDER BY c.ordinal";
    let key = hash.as_bytes().as_slice();
    let (stored, chunks) = db::read_one(HEAD, &[project.pg().into(), key.into()], |row| {
        Ok((stored_from_row(row)?, row.get::<i32>("chunk_count")?))
    })?
    .ok_or_else(|| missing(hash))?;
    if stored.state != BlobState::Present {
        return Err(stored.gone(hash));
    }
    let size = stored.size;
    let end = start + length;
    if start < 0 || length < 0 || end > size {
        return Err(damaged(hash));
    }
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
    let numbers = (i32::try_from(first + 1), i32::try_from(last + 1));
    let (Ok(first_ordinal), Ok(last_ordinal)) = numbers else { return Err(damaged(hash)) };
    let args: [Arg; 4] = [project.pg().into(), key.into(), first_ordinal.into(), last_ordinal.into()];
    let mut bytes = Vec::with_capacity(((last - first + 1) * chunk) as usize);
    let mut wanted = first_ordinal..;
    db::read(CHUNKS, &args, |row| {
        let part = chunk_from_row(row, hash, wanted.next().unwrap_or_default())?;
        content::decode_into(part.codec, part.size, part.bytes, &mut bytes)
    })?;
    let expected = ((last + 1) * chunk).min(size) - first * chunk;
    if bytes.len() as i64 != expected {
        return Err(damaged(hash));
    }
    bytes.truncate((end - first * chunk) as usize);
    bytes.drain(..(start - first * chunk) as usize);
    Ok(bytes)
}

/// Hands the decoded parts of a present blob to `take`, in order; returns the bytes they take, compressed. One part is in
/// memory at a time.
pub fn each_part(project: ProjectId, hash: &Hash, mut take: impl FnMut(&[u8])) -> Result<i64> {
    const WHOLE: &str = "SELECT b.size, b.codec, b.bytes, b.chunk_count FROM quire_store.blob b
        WHERE b.project_id = $1 AND b.hash = $2";
    let mut stored = 0;
    let mut decoded = Vec::new();
    let mut part = |part: Part| {
        decoded.clear();
        content::decode_into(part.codec, part.size, part.bytes, &mut decoded)?;
        stored += part.bytes.len() as i64;
        take(&decoded);
        Ok(())
    };
    let key = hash.as_bytes().as_slice();
    let chunks = db::read_one(WHOLE, &[project.pg().into(), key.into()], |row| {
        let chunks = row.get::<i32>("chunk_count")?;
        if chunks == 0 {
            let codec = Codec::from_stored(row.get("codec")?)?;
            part(Part { codec, size: row.get::<i64>("size")? as usize, bytes: row.get("bytes")? })?;
        }
        Ok(chunks)
    })?
    .ok_or_else(|| missing(hash))?;
    for ordinal in 1..=chunks {
        pgrx::check_for_interrupts!();
        db::in_passing(|| read_part(project, hash, ordinal, &mut part))?;
    }
    Ok(stored)
}

/// Checks a blob without having it in memory: its parts, its length and its hash. PT410 when it is not present.
pub fn check(project: ProjectId, hash: &Hash) -> Result<()> {
    let stored = state(project, hash)?.ok_or_else(|| missing(hash))?;
    if stored.state != BlobState::Present {
        return Err(stored.gone(hash));
    }
    let mut hasher = Hasher::default();
    let mut size = 0;
    each_part(project, hash, |bytes| {
        hasher.update(bytes);
        size += bytes.len() as i64;
    })?;
    if size != stored.size || hasher.finish() != *hash {
        return Err(damaged(hash));
    }
    Ok(())
}
