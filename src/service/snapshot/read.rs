//! Reading snapshots, whole, in chunks, and by whoever holds the URL.

use super::chunk;
use super::store::{self, StoredSnapshot};
use crate::args::required;
use crate::bytes::{Bytes, NewBytes};
use crate::definer::definer;
use crate::gate::{Access, Action, require_project};
use crate::ids::{Pg, ProjectId, SnapshotId};
use crate::jsonb::JsonDatum;
use crate::service::token;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use quire_core::ability::{Ability, Need};
use quire_core::archive::Format;
use quire_core::error::{Code, Error, Result};
use quire_core::token::Token;
use serde_json::json;
use std::rc::Rc;

/// Largest archive that one value can carry, printed as hex digits included.
const MAX_WHOLE_BYTES: i64 = 500 << 20;

/// The gate for one snapshot, and what it is.
pub fn readable(project_uuid: Option<Uuid>, snapshot_id: Option<Uuid>) -> Result<(Access, StoredSnapshot)> {
    let id = snapshot_id.map(SnapshotId::from_pg);
    let access = require_project(Action::ReadSnapshot(id), project_uuid)?;
    let stored = stored(access.project, required("snapshot_id", id)?)?;
    Ok((access, stored))
}

/// A snapshot, or PT404.
pub fn stored(project: ProjectId, id: SnapshotId) -> Result<StoredSnapshot> {
    store::get(project, id)?
        .ok_or_else(|| Error::not_found("no such snapshot").with("snapshot_id", id.to_string()))
}

/// The bytes of a snapshot.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn read_snapshot(project_uuid: Option<Uuid>, snapshot_id: Option<Uuid>) -> Bytes {
    definer(|| {
        readable(project_uuid, snapshot_id).and_then(|(access, stored)| whole(access.project, &stored))
    })
}

fn check_whole(stored: &StoredSnapshot) -> Result<()> {
    if stored.size > MAX_WHOLE_BYTES {
        return Err(Error::limit(format!("the snapshot has {} bytes", stored.size), MAX_WHOLE_BYTES)
            .with("size", stored.size)
            .hint("use read_snapshot_chunk"));
    }
    Ok(())
}

/// One chunk of a snapshot, from 1.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn read_snapshot_chunk(project_uuid: Option<Uuid>, snapshot_id: Option<Uuid>, ordinal: Option<i32>) -> Bytes {
    definer(|| one_chunk(project_uuid, snapshot_id, ordinal))
}

fn one_chunk(project_uuid: Option<Uuid>, snapshot_id: Option<Uuid>, ordinal: Option<i32>) -> Result<Bytes> {
    let (access, stored) = readable(project_uuid, snapshot_id)?;
    let ordinal = required("ordinal", ordinal)?;
    chunk::read(access.project, stored.id, ordinal)?
        .ok_or_else(|| Error::not_found("the snapshot has no such chunk").with("ordinal", ordinal))
}

/// What is in a snapshot.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn get_snapshot_manifest(project_uuid: Option<Uuid>, snapshot_id: Option<Uuid>) -> JsonDatum {
    definer(|| {
        readable(project_uuid, snapshot_id).and_then(|(access, stored)| {
            store::describe(access.project, stored.id, None)?
                .ok_or_else(|| Error::internal("a snapshot vanished"))
        })
    })
}

/// The snapshots of a project.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn list_snapshots(
    project_uuid: Option<Uuid>,
) -> TableIterator<
    'static,
    (
        name!(snapshot_id, Uuid),
        name!(seq, i64),
        name!(after_seq, Option<i64>),
        name!(format, String),
        name!(size, i64),
        name!(content_hash, String),
        name!(file_count, i64),
        name!(chunk_count, i32),
        name!(created_by, Uuid),
        name!(created_at, TimestampWithTimeZone),
        name!(checksum, String),
    ),
> {
    TableIterator::new(definer(|| {
        require_project(Action::ReadSnapshot(None), project_uuid)
            .and_then(|access| store::list(access.project))
    }))
}

/// Bytes for the holder of a token, and the headers PostgREST sends with them.
#[pg_extern(sql = false)]
fn download_snapshot(token: Option<&str>) -> Bytes {
    definer(|| download(token))
}

fn download(text: Option<&str>) -> Result<Bytes> {
    let presented = Rc::new(token::present(required("token", text)?)?);
    let project = presented.project();
    let mut named =
        presented.token().into_iter().flat_map(Token::abilities).filter_map(|ability| match ability {
            Ability::SnapshotRead(id) => *id,
            _ => None,
        });
    let one = named.next().filter(|_| named.next().is_none());
    let id = one.filter(|id| presented.allows(Need::ReadSnapshot(*id))).ok_or_else(|| {
        Error::new(Code::Unauthorized, "the token is not for one snapshot")
            .with("needed_ability", "snapshot:read:<snapshot id>")
    })?;
    // Only what its maker may read now.
    crate::gate::require_as(Action::ReadSnapshot(Some(id)), presented.clone())?;
    let stored = store::get(project, id)?.ok_or_else(|| deleted(id))?;
    let bytes = whole(project, &stored)?;
    set_headers(&stored)?;
    Ok(bytes)
}

fn whole(project: ProjectId, stored: &StoredSnapshot) -> Result<Bytes> {
    check_whole(stored)?;
    let mut bytes = NewBytes::of_length(stored.size as usize);
    let mut ordinal = 1;
    while bytes.lacking() > 0 {
        if !chunk::read_pieces(project, stored.id, ordinal, |piece| bytes.append(piece))? {
            return Err(missing_chunk(project, stored.id, ordinal));
        }
        ordinal += 1;
    }
    bytes.finish()
}

fn deleted(id: SnapshotId) -> Error {
    Error::new(Code::Gone, "the snapshot has been deleted").with("snapshot_id", id.to_string())
}

/// Why a chunk is not there: it should be (XX001), unless the snapshot has been deleted while it was read (PT410).
pub fn missing_chunk(project: ProjectId, id: SnapshotId, ordinal: i32) -> Error {
    match store::get(project, id) {
        Ok(Some(_)) => {
            Error::new(Code::Corrupt, "a chunk of the snapshot is missing").with("ordinal", ordinal)
        }
        Ok(None) => deleted(id),
        Err(error) => error,
    }
}

fn set_headers(stored: &StoredSnapshot) -> Result<()> {
    let format = Format::parse(&stored.format)?;
    let headers = json!([
        {"Content-Type": format.media_type()},
        {"Content-Disposition": format!("attachment; filename=\"{}.{}\"", stored.id, format.as_str())},
        {"Cache-Control": "private, no-store"},
    ]);
    store::set_headers(&headers.to_string())
}
