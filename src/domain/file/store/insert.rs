//! What a write stores: version rows, and the heads moved to them.

use super::heads::FILE_HEAD;
use crate::db::clock::to_pg;
use crate::db::rows::{Column, Name, Rows};
use crate::db::{self, Arg};
use crate::ids::{ActorId, Pg, ProjectId, Version};
use crate::log::LockedHead;
use quire_core::error::Result;
use quire_core::path::FilePath;
use quire_core::tree::NewVersion;
use std::collections::HashMap;

/// Most rows one INSERT carries.
const BATCH_ROWS: usize = 10_000;

static VERSIONS: Name = Name::of(c"project_files", 18);

/// Versions from which on a statement for all of them takes less time than their rows one by one.
const FEW: usize = 8;

/// Stores new versions and moves the heads to them.
pub fn insert(
    rows: &Rows,
    project: ProjectId,
    author: ActorId,
    bundle: &LockedHead,
    versions: &[NewVersion],
) -> Result<()> {
    let newest: HashMap<&FilePath, &NewVersion> =
        versions.iter().map(|version| (&version.path, version)).collect();
    if versions.len() <= FEW {
        versions.iter().try_for_each(|version| insert_version(rows, project, bundle, version))?;
        return newest
            .into_values()
            .try_for_each(|version| move_head(rows, project, author, bundle, version));
    }
    for batch in versions.chunks(BATCH_ROWS) {
        // What the arguments take goes with the statement.
        db::in_passing(|| insert_versions(project, bundle, batch))?;
    }
    let mut newest: Vec<&NewVersion> = newest.into_values().collect();
    newest.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    for batch in newest.chunks(BATCH_ROWS) {
        db::in_passing(|| upsert_heads(project, author, bundle, batch))?;
    }
    Ok(())
}

fn insert_version(rows: &Rows, project: ProjectId, bundle: &LockedHead, version: &NewVersion) -> Result<()> {
    let head = &version.head;
    let values: [Column; 18] = [
        ("project_id", project.pg().into()),
        ("bundle_seq", bundle.seq.pg().into()),
        ("ordinal", version.ordinal.into()),
        ("file_id", head.file_id.pg().into()),
        ("version", head.version.pg().into()),
        ("moved_file_id", version.moved.map(|(file_id, _)| file_id.pg()).into()),
        ("moved_version", version.moved.map(|(_, version)| version.pg()).into()),
        ("id", head.version_id.pg().into()),
        ("parent_version_id", head.parent_version_id.map(Pg::pg).into()),
        ("committed_at", to_pg(bundle.committed_at)?.into()),
        ("size", size(version).into()),
        ("is_deleted", head.content.is_none().into()),
        ("is_binary", is_binary(version).into()),
        ("op", version.op.into()),
        ("file_type", head.file_type.as_str().into()),
        ("mode", head.mode.as_str().into()),
        ("content_hash", content_hash(version).into()),
        ("op_checksum", version.op_checksum.as_ref().map(|hash| hash.as_bytes().as_slice()).into()),
    ];
    rows.insert(&VERSIONS, &values)
}

/// Moves a path's head to a version, or makes it.
fn move_head(
    rows: &Rows,
    project: ProjectId,
    author: ActorId,
    bundle: &LockedHead,
    version: &NewVersion,
) -> Result<()> {
    let head = &version.head;
    let key = || -> [Column; 2] {
        [("project_id", project.pg().into()), ("file_path", version.path.as_str().into())]
    };
    let at = to_pg(bundle.committed_at)?;
    let values: [Column; 12] = [
        ("file_id", head.file_id.pg().into()),
        ("version", head.version.pg().into()),
        ("version_id", head.version_id.pg().into()),
        ("parent_version_id", head.parent_version_id.map(Pg::pg).into()),
        ("seq", bundle.seq.pg().into()),
        ("updated_at", at.into()),
        ("file_type", head.file_type.as_str().into()),
        ("mode", head.mode.as_str().into()),
        ("content_hash", content_hash(version).into()),
        ("size", size(version).into()),
        ("is_deleted", head.content.is_none().into()),
        ("is_binary", is_binary(version).into()),
    ];
    if head.version > Version(1) && rows.update(&FILE_HEAD, &key(), &values)? {
        return Ok(());
    }
    let made: [Column; 2] = [("created_by", author.pg().into()), ("created_at", at.into())];
    rows.insert(&FILE_HEAD, &key().into_iter().chain(values).chain(made).collect::<Vec<_>>())
}

fn insert_versions(project: ProjectId, bundle: &LockedHead, versions: &[NewVersion]) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.project_files (project_id, bundle_seq, committed_at, ordinal, file_id,
            version, moved_file_id, moved_version, id, parent_version_id, size, is_deleted, is_binary, op, file_type,
            mode, content_hash, op_checksum)
        SELECT $1, $2, $3, n.ordinal, n.file_id, n.version, n.moved_file_id, n.moved_version, n.id,
            n.parent_version_id, n.size, n.content_hash IS NULL, n.is_binary, n.op, n.file_type, n.mode,
            n.content_hash, n.op_checksum
        FROM unnest($4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::uuid[], $10::uuid[], $11::bigint[],
                    $12::bool[], $13::text[], $14::text[], $15::text[], $16::bytea[], $17::bytea[])
            AS n (ordinal, file_id, version, moved_file_id, moved_version, id, parent_version_id, size,
                  is_binary, op, file_type, mode, content_hash, op_checksum)";
    let column = Columns(versions.iter().collect());
    let args: [Arg; 17] = [
        project.pg().into(),
        bundle.seq.pg().into(),
        to_pg(bundle.committed_at)?.into(),
        column.of(|v| v.ordinal),
        column.of(|v| v.head.file_id.pg()),
        column.of(|v| v.head.version.pg()),
        column.of(|v| v.moved.map(|(file_id, _)| file_id.pg())),
        column.of(|v| v.moved.map(|(_, version)| version.pg())),
        column.of(|v| v.head.version_id.pg()),
        column.of(|v| v.head.parent_version_id.map(Pg::pg)),
        column.of(size),
        column.of(is_binary),
        column.of(|v| v.op),
        column.of(|v| v.head.file_type.as_str()),
        column.of(|v| v.head.mode.as_str()),
        column.of(content_hash),
        column.of(|v| v.op_checksum.as_ref().map(|hash| hash.as_bytes().to_vec())),
    ];
    db::exec(SQL, &args)
}

fn upsert_heads(
    project: ProjectId,
    author: ActorId,
    bundle: &LockedHead,
    newest: &[&NewVersion],
) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.file_head AS h (project_id, file_path, file_id, version, version_id,
            parent_version_id, seq, updated_at, file_type, mode, content_hash, size, is_deleted, is_binary,
            created_by, created_at)
        SELECT $1, n.file_path, n.file_id, n.version, n.version_id, n.parent_version_id, $3, $4, n.file_type, n.mode,
            n.content_hash, n.size, n.content_hash IS NULL, n.is_binary, $2, $4
        FROM unnest($5::text[], $6::int[], $7::int[], $8::uuid[], $9::uuid[], $10::text[], $11::text[], $12::bytea[],
                    $13::bigint[], $14::bool[])
            AS n (file_path, file_id, version, version_id, parent_version_id, file_type, mode, content_hash, size,
                  is_binary)
        ON CONFLICT (project_id, file_path) DO UPDATE
        SET version = EXCLUDED.version, version_id = EXCLUDED.version_id,
            parent_version_id = EXCLUDED.parent_version_id, seq = EXCLUDED.seq, updated_at = EXCLUDED.updated_at,
            file_type = EXCLUDED.file_type, mode = EXCLUDED.mode, content_hash = EXCLUDED.content_hash,
            size = EXCLUDED.size, is_deleted = EXCLUDED.is_deleted, is_binary = EXCLUDED.is_binary";
    let column = Columns(newest.to_vec());
    let args: [Arg; 14] = [
        project.pg().into(),
        author.pg().into(),
        bundle.seq.pg().into(),
        to_pg(bundle.committed_at)?.into(),
        column.of(|v| v.path.as_str()),
        column.of(|v| v.head.file_id.pg()),
        column.of(|v| v.head.version.pg()),
        column.of(|v| v.head.version_id.pg()),
        column.of(|v| v.head.parent_version_id.map(Pg::pg)),
        column.of(|v| v.head.file_type.as_str()),
        column.of(|v| v.head.mode.as_str()),
        column.of(content_hash),
        column.of(size),
        column.of(is_binary),
    ];
    db::exec(SQL, &args)
}

/// Rows as the array columns that `unnest` takes.
struct Columns<'v>(Vec<&'v NewVersion>);

impl<'v> Columns<'v> {
    fn of<'a, T>(&self, value: impl Fn(&'v NewVersion) -> T) -> Arg<'a>
    where
        Vec<T>: pgrx::IntoDatum,
    {
        self.0.iter().map(|version| value(version)).collect::<Vec<T>>().into()
    }
}

fn size(version: &NewVersion) -> i64 {
    version.head.content.as_ref().map_or(0, |content| content.size)
}

fn is_binary(version: &NewVersion) -> bool {
    version.head.content.as_ref().is_some_and(|content| content.is_binary)
}

fn content_hash(version: &NewVersion) -> Option<&[u8]> {
    version.head.content.as_ref().map(|content| content.hash.as_bytes().as_slice())
}
