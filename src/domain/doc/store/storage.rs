//! SQL of what automerge-repo keeps: pairs of a key and bytes. Whoever changes them holds the head lock, which makes the last one win and
//! keeps what is counted right.

use crate::bytes::Bytes;
use crate::db::clock::pg_now;
use crate::db::{self, Answer, Arg};
use crate::ids::{Pg, ProjectId};
use pgrx::datum::TimestampWithTimeZone;
use quire_core::doc::storage::StorageKey;
use quire_core::error::Result;
use quire_core::key::DocKey;

/// Most chunks of a document that are looked at again when it gets changes, the newest.
const MOST_WAITING: i64 = 100;

/// What is kept under a key.
pub enum Stored {
    /// These bytes.
    Bytes(Bytes),
    /// Nothing: all that was saved is in the document.
    InDoc,
}

/// What is under a key.
pub fn find(project: ProjectId, key: &StorageKey) -> Result<Option<Stored>> {
    const SQL: &str = "SELECT d.data FROM quire_store.doc_storage d WHERE d.project_id = $1 AND d.key = $2";
    db::read_one(SQL, &key_args(project, key), |row| {
        Ok(row.opt::<Bytes>("data")?.map_or(Stored::InDoc, Stored::Bytes))
    })
}

fn key_args<'a>(project: ProjectId, key: &StorageKey) -> [Arg<'a>; 2] {
    [project.pg().into(), key.parts().to_vec().into()]
}

fn range_args<'a>(project: ProjectId, prefix: &StorageKey) -> [Arg<'a>; 3] {
    [project.pg().into(), prefix.parts().to_vec().into(), prefix.behind().into()]
}

/// The pairs whose keys begin so, in the order in which they were saved.
pub fn pairs(answer: &Answer, project: ProjectId, prefix: &StorageKey) -> Result<()> {
    const SQL: &str = "SELECT d.key, d.data FROM quire_store.doc_storage d
        WHERE d.project_id = $1 AND d.key >= $2 AND d.key < $3 AND d.data IS NOT NULL
        ORDER BY d.saved_at, d.key";
    answer.add(SQL, &range_args(project, prefix)).map(drop)
}

/// Names of the documents of main that are not deleted, after one.
pub fn docs_after(project: ProjectId, after: &str, most: i64) -> Result<Vec<String>> {
    const SQL: &str = "SELECT d.doc FROM quire_store.doc_head d
        WHERE d.project_id = $1 AND d.branch = $2 AND d.doc > $3 AND d.heads <> d.deleted_heads
        ORDER BY d.doc LIMIT $4";
    let args: [Arg; 4] = [project.pg().into(), DocKey::MAIN.into(), after.into(), most.into()];
    db::read(SQL, &args, |row| row.get("doc"))
}

/// Keeps bytes under a key, or that what was saved there is in the document. How many bytes more that takes.
pub fn put(project: ProjectId, key: &StorageKey, data: Option<&[u8]>, waits: bool) -> Result<i64> {
    const BEFORE: &str =
        "SELECT COALESCE(octet_length(d.data), 0)::bigint AS bytes FROM quire_store.doc_storage d
        WHERE d.project_id = $1 AND d.key = $2";
    const SQL: &str = "INSERT INTO quire_store.doc_storage (project_id, key, data, waits, saved_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (project_id, key) DO UPDATE
        SET data = EXCLUDED.data, waits = EXCLUDED.waits, saved_at = EXCLUDED.saved_at";
    let before: Option<i64> = db::write_one(BEFORE, &key_args(project, key), |row| row.get("bytes"))?;
    let [project_arg, key_arg] = key_args(project, key);
    db::exec(SQL, &[project_arg, key_arg, data.into(), waits.into(), pg_now()?.into()])?;
    let held = before.map_or(0, |bytes| bytes + key.bytes() as i64);
    count(project, data.map_or(0, <[u8]>::len) as i64 + key.bytes() as i64 - held)
}

/// Forgets a key. How many bytes more that takes: none, or fewer.
pub fn remove(project: ProjectId, key: &StorageKey) -> Result<i64> {
    const SQL: &str = "DELETE FROM quire_store.doc_storage d WHERE d.project_id = $1 AND d.key = $2
        RETURNING (octet_length(array_to_string(d.key, '')) + COALESCE(octet_length(d.data), 0))::bigint AS bytes";
    let freed: Option<i64> = db::write_one(SQL, &key_args(project, key), |row| row.get("bytes"))?;
    count(project, -freed.unwrap_or(0))
}

/// Forgets all keys that begin so. How many bytes more that takes: none, or fewer.
pub fn remove_range(project: ProjectId, prefix: &StorageKey) -> Result<i64> {
    const SQL: &str = "WITH gone AS (
            DELETE FROM quire_store.doc_storage d WHERE d.project_id = $1 AND d.key >= $2 AND d.key < $3
            RETURNING octet_length(array_to_string(d.key, '')) + COALESCE(octet_length(d.data), 0) AS bytes)
        SELECT COALESCE(sum(g.bytes), 0)::bigint AS bytes FROM gone g";
    let freed: Option<i64> = db::write_one(SQL, &range_args(project, prefix), |row| row.get("bytes"))?;
    count(project, -freed.unwrap_or(0))
}

/// Counts the bytes that a project has more of this, and gives them back.
fn count(project: ProjectId, bytes: i64) -> Result<i64> {
    const SQL: &str =
        "UPDATE quire_store.project_head SET storage_bytes = storage_bytes + $2 WHERE project_id = $1";
    if bytes != 0 {
        db::exec(SQL, &[project.pg().into(), bytes.into()])?;
    }
    Ok(bytes)
}

/// A chunk of a document that waits for changes: its key, and when it was saved.
pub type Waiting = (Vec<String>, TimestampWithTimeZone);

/// Chunks of a document that wait, the newest first.
pub fn waiting(project: ProjectId, doc: &DocKey) -> Result<Vec<Waiting>> {
    const SQL: &str = "SELECT d.key, d.saved_at FROM quire_store.doc_storage d
        WHERE d.project_id = $1 AND d.key >= $2 AND d.key < $3 AND d.waits
        ORDER BY d.saved_at DESC, d.key LIMIT $4";
    let mut prefix = StorageKey::default();
    prefix.push("key", &doc.doc)?;
    let [project_arg, from, before] = range_args(project, &prefix);
    db::write(SQL, &[project_arg, from, before, MOST_WAITING.into()], |row| {
        Ok((row.get("key")?, row.get("saved_at")?))
    })
}

/// The bytes of one of them.
pub fn waiting_bytes(project: ProjectId, (key, saved_at): &Waiting) -> Result<Option<Vec<u8>>> {
    const SQL: &str = "SELECT d.data FROM quire_store.doc_storage d
        WHERE d.project_id = $1 AND d.key = $2 AND d.saved_at = $3 AND d.waits";
    let args: [Arg; 3] = [project.pg().into(), key.clone().into(), (*saved_at).into()];
    Ok(db::read_one(SQL, &args, |row| row.opt("data"))?.flatten())
}
