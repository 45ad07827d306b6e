//! SQL of uploads.

use crate::db::clock::{from_pg, pg_now, to_pg};
use crate::db::{self, Arg};
use crate::domain::asset::store::label_from_row;
use crate::ids::{ActorId, Pg, ProjectId, UploadId};
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::label::Label;
use quire_core::timestamp::Micros;

/// An upload, locked.
pub struct Upload {
    pub actor: ActorId,
    pub label: Label,
    pub size: i64,
    pub expires_at: Micros,
}

pub fn begin(project: ProjectId, id: UploadId, by: ActorId, label: &Label, expires_at: Micros) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.upload (project_id, upload_id, actor_id, filename, media_type, asset_type, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let args: [Arg; 7] = [
        project.pg().into(),
        id.pg().into(),
        by.pg().into(),
        label.filename.as_str().into(),
        label.media_type.as_str().into(),
        label.asset_type.as_str().into(),
        to_pg(expires_at)?.into(),
    ];
    db::exec(SQL, &args)
}

/// Locks an upload: pieces and its end come one after the other.
pub fn lock_upload(project: ProjectId, id: UploadId) -> Result<Option<Upload>> {
    const SQL: &str = "SELECT actor_id, filename, media_type, asset_type, size, expires_at
        FROM quire_store.upload WHERE project_id = $1 AND upload_id = $2 FOR UPDATE";
    db::write_one(SQL, &[project.pg().into(), id.pg().into()], |row| {
        Ok(Upload {
            actor: row.get("actor_id")?,
            label: label_from_row(row)?,
            size: row.get("size")?,
            expires_at: row.get("expires_at").map(from_pg)?,
        })
    })
}

/// Locks the uploads of a project. Who deletes the project does so before taking the head lock, as whoever finishes one does.
pub fn lock_uploads(project: ProjectId) -> Result<()> {
    const SQL: &str = "SELECT true FROM quire_store.upload
        WHERE project_id = $1 ORDER BY upload_id FOR UPDATE";
    db::exec(SQL, &[project.pg().into()])
}

/// How many uploads an actor has open in a project.
pub fn open_uploads(project: ProjectId, by: ActorId) -> Result<i64> {
    const SQL: &str =
        "SELECT count(*) AS uploads FROM quire_store.upload WHERE project_id = $1 AND actor_id = $2";
    Ok(db::read_one(SQL, &[project.pg().into(), by.pg().into()], |row| row.get("uploads"))?.unwrap_or(0))
}

/// Bytes of a project's current files, assets and documents, and of all that is being uploaded.
pub fn bytes_with_uploads(project: ProjectId) -> Result<i64> {
    const SQL: &str = "SELECT h.live_bytes + h.asset_bytes + h.doc_bytes + h.storage_bytes + COALESCE((
            SELECT sum(u.size) FROM quire_store.upload u WHERE u.project_id = $1), 0)::bigint AS bytes
        FROM quire_store.project_head h WHERE h.project_id = $1";
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.get("bytes"))?.unwrap_or(0))
}

/// Hash of a piece.
pub fn piece_hash(project: ProjectId, id: UploadId, ordinal: i32) -> Result<Option<Hash>> {
    const SQL: &str = "SELECT hash FROM quire_store.upload_piece
        WHERE project_id = $1 AND upload_id = $2 AND ordinal = $3";
    db::write_one(SQL, &[project.pg().into(), id.pg().into(), ordinal.into()], |row| row.get("hash"))
}

pub fn add_piece(project: ProjectId, id: UploadId, ordinal: i32, hash: &Hash, bytes: &[u8]) -> Result<()> {
    const SQL: &str = "WITH piece AS (
            INSERT INTO quire_store.upload_piece (project_id, upload_id, ordinal, hash, bytes)
            VALUES ($1, $2, $3, $4, $5))
        UPDATE quire_store.upload SET size = size + octet_length($5) WHERE project_id = $1 AND upload_id = $2";
    let args: [Arg; 5] = [
        project.pg().into(),
        id.pg().into(),
        ordinal.into(),
        hash.as_bytes().as_slice().into(),
        bytes.into(),
    ];
    db::exec(SQL, &args)
}

/// The numbers of an upload's pieces, in order.
pub fn piece_ordinals(project: ProjectId, id: UploadId) -> Result<Vec<i32>> {
    const SQL: &str = "SELECT ordinal FROM quire_store.upload_piece
        WHERE project_id = $1 AND upload_id = $2 ORDER BY ordinal";
    db::write(SQL, &[project.pg().into(), id.pg().into()], |row| row.get("ordinal"))
}

/// Hands the bytes of a piece to `take`.
pub fn with_piece(
    project: ProjectId,
    id: UploadId,
    ordinal: i32,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    const SQL: &str = "SELECT bytes FROM quire_store.upload_piece
        WHERE project_id = $1 AND upload_id = $2 AND ordinal = $3";
    let args: [Arg; 3] = [project.pg().into(), id.pg().into(), ordinal.into()];
    db::write_one(SQL, &args, |row| row.get::<Vec<u8>>("bytes"))?.map_or(Ok(()), |bytes| take(&bytes))
}

pub fn delete_upload(project: ProjectId, id: UploadId) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.upload WHERE project_id = $1 AND upload_id = $2";
    db::exec(SQL, &[project.pg().into(), id.pg().into()])
}

/// Removes uploads whose time is over, but for one, and those somebody is busy with.
pub fn delete_expired(project: ProjectId, but: UploadId) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.upload u
        WHERE u.project_id = $1 AND u.upload_id = ANY (ARRAY(
            SELECT e.upload_id FROM quire_store.upload e
            WHERE e.project_id = $1 AND e.upload_id <> $2 AND e.expires_at <= $3
            FOR UPDATE SKIP LOCKED))";
    db::exec(SQL, &[project.pg().into(), but.pg().into(), pg_now()?.into()])
}
