//! The head row: one for each project, which every writer locks.

use super::queue;
use crate::db::Arg;
use crate::db::clock::{from_pg, to_pg};
use crate::db::rows::{Column, Name, Rows, Sight};
use crate::gate::Access;
use crate::ids::{FileId, Pg, ProjectId, Seq};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::timestamp::Micros;

/// The head row, locked until the end of the transaction, and what a writer reads in the same breath.
#[derive(Clone, Debug)]
pub struct LockedHead {
    pub seq: Seq,
    pub checksum: Hash,
    pub committed_at: Micros,
    pub next_file_id: FileId,
    pub live_files: i64,
    pub live_bytes: i64,
    /// Bytes of the live assets; the domain of assets moves them.
    pub asset_bytes: i64,
    /// Bytes of the changes of documents; their domain moves them.
    pub doc_bytes: i64,
    /// Bytes of what a storage keeps beside documents; their domain moves them.
    pub storage_bytes: i64,
    /// Another one when members, settings or status are others.
    pub access_version: i64,
    /// The project's private channel has names, ended or not: somebody may hold it open.
    pub has_channel: bool,
    /// The project has schemas of documents.
    pub has_doc_schemas: bool,
    /// Documents of the project are bound to files.
    pub has_doc_bindings: bool,
}

static HEAD: Name = Name::of(c"project_head", 11);
static PROJECT: Name = Name::to_read(c"project", 13);
static CHANNEL: Name = Name::to_read(c"channel", 9);

/// Locks the head row; `None` when the project has been deleted meanwhile.
pub fn lock_head(access: &Access) -> Result<Option<LockedHead>> {
    Ok(lock_head_and(access, |_| Ok(()))?.map(|(head, ())| head))
}

/// The same, and what `read` finds right after in rows that only who has the lock changes.
pub fn lock_head_and<R>(
    access: &Access,
    read: impl FnOnce(&Rows) -> Result<R>,
) -> Result<Option<(LockedHead, R)>> {
    let project = access.project;
    let place = queue::wait(project)?;
    let Some(head) = lock(project)? else { return Ok(None) };
    place.has_row(project);
    let rows = Rows::begin();
    match beside(&rows, project, head)? {
        Some(head) => Ok(Some((head, read(&rows)?))),
        None => Ok(None),
    }
}

/// Locks the row and reads nothing else: what whoever waits finds beside it may be older than the row is by then.
fn lock(project: ProjectId) -> Result<Option<LockedHead>> {
    const COLUMNS: &str = "seq, checksum, committed_at, next_file_id, live_files, live_bytes, asset_bytes, doc_bytes, storage_bytes";
    Rows::begin().lock(&HEAD, &[("project_id", project.pg().into())], COLUMNS, |row| {
        Ok(LockedHead {
            seq: row.get("seq")?,
            checksum: row.get("checksum")?,
            committed_at: from_pg(row.get("committed_at")?),
            next_file_id: row.get("next_file_id")?,
            live_files: row.get("live_files")?,
            live_bytes: row.get("live_bytes")?,
            asset_bytes: row.get("asset_bytes")?,
            doc_bytes: row.get("doc_bytes")?,
            storage_bytes: row.get("storage_bytes")?,
            access_version: 0,
            has_channel: false,
            has_doc_schemas: false,
            has_doc_bindings: false,
        })
    })
}

/// Reads the rest; `None` when the project is gone.
fn beside(rows: &Rows, project: ProjectId, head: LockedHead) -> Result<Option<LockedHead>> {
    let key = || ("project_id", Arg::from(project.pg()));
    let columns = "access_version, channel_epoch, has_doc_schemas, has_doc_bindings";
    let found: Option<(i64, i64, bool, bool)> =
        rows.find(&PROJECT, Sight::Statement, &[key()], columns, |row| {
            Ok(Some((
                row.get("access_version")?,
                row.get("channel_epoch")?,
                row.get("has_doc_schemas")?,
                row.get("has_doc_bindings")?,
            )))
        })?;
    let Some((access_version, epoch, has_doc_schemas, has_doc_bindings)) = found else { return Ok(None) };
    let channel = rows.find(&CHANNEL, Sight::Statement, &[key()], "epoch", |row| {
        Ok((row.get::<i64>("epoch")? == epoch).then_some(()))
    })?;
    Ok(Some(LockedHead {
        access_version,
        has_channel: channel.is_some(),
        has_doc_schemas,
        has_doc_bindings,
        ..head
    }))
}

/// Moves the row to where `head` says.
pub(super) fn move_to(rows: &Rows, project: ProjectId, head: &LockedHead) -> Result<()> {
    let values: [Column; 6] = [
        ("seq", head.seq.pg().into()),
        ("checksum", head.checksum.as_bytes().as_slice().into()),
        ("committed_at", to_pg(head.committed_at)?.into()),
        ("next_file_id", head.next_file_id.pg().into()),
        ("live_files", head.live_files.into()),
        ("live_bytes", head.live_bytes.into()),
    ];
    match rows.update(&HEAD, &[("project_id", project.pg().into())], &values)? {
        true => Ok(()),
        false => Err(Error::internal("a head row that was locked is gone")),
    }
}
