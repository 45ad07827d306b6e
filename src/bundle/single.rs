//! The commonest bundle, one new version of one file, in one statement: starting and ending a statement costs more than
//! inserting its row.

use super::store::{Entry, append_sql, move_head_sql};
use crate::blob::Blob;
use crate::blob::store::or_revive;
use crate::db::{self, Arg};
use crate::error::Result;
use crate::ids::uuid_to_pg;
use crate::pure::content::Encoded;
use crate::pure::tree::NewVersion;

/// A bundle that fits into one statement.
pub struct Single<'a> {
    version: &'a NewVersion,
    /// Its content, unless the project has it.
    content: Option<&'a Encoded>,
}

impl<'a> Single<'a> {
    /// Whether these versions and blobs are such a bundle.
    pub fn of(versions: &'a [NewVersion], blobs: &'a [Blob]) -> Option<Self> {
        let [version] = versions else { return None };
        let content = match blobs {
            [] => None,
            [blob] if version.head.content.as_ref().is_some_and(|content| content.hash == blob.hash) => {
                let [whole] = blob.parts.as_slice() else { return None };
                Some(whole)
            }
            _ => return None,
        };
        version.moved.is_none().then_some(Self { version, content })
    }
}

/// Everything but the path's head. Parameters 1 to 17 are the bundle's.
macro_rules! with_version {
    ($head:literal) => {
        concat!(
            "WITH entry AS (",
            append_sql!(),
            "), moved AS (",
            move_head_sql!(),
            "), content AS (
                INSERT INTO quire_store.blob AS b (project_id, hash, size, codec, bytes)
                SELECT $1, $25, $26, $31, $32 WHERE $32 IS NOT NULL",
            or_revive!(),
            "), version AS (
                INSERT INTO quire_store.project_files (project_id, bundle_seq, committed_at, file_id, version, id,
                    parent_version_id, file_type, mode, content_hash, size, is_deleted, is_binary, ordinal, op,
                    op_checksum)
                VALUES ($1, $2, $4, $19, $20, $21, $22, $23, $24, $25, $26, $25 IS NULL, $27, $28, $29, $30)
            ) ",
            $head
        )
    };
}

/// Appends the bundle, stores the version and its content, and moves the path's head to it.
pub fn append(entry: &Entry, single: &Single) -> Result<()> {
    const FIRST: &str = with_version!(
        "INSERT INTO quire_store.file_head (project_id, file_path, file_id, version, version_id, parent_version_id,
             seq, updated_at, file_type, mode, content_hash, size, is_deleted, is_binary, created_by, created_at)
         VALUES ($1, $18, $19, $20, $21, $22, $2, $4, $23, $24, $25, $26, $25 IS NULL, $27, $7, $4)"
    );
    const NEXT: &str = with_version!(
        "UPDATE quire_store.file_head
         SET version = $20, version_id = $21, parent_version_id = $22, seq = $2, updated_at = $4, file_type = $23,
             mode = $24, content_hash = $25, size = $26, is_deleted = $25 IS NULL, is_binary = $27
         WHERE project_id = $1 AND file_path = $18"
    );
    let Single { version, content } = single;
    let head = &version.head;
    let described = head.content.as_ref();
    let of_version: [Arg; 15] = [
        version.path.as_str().into(),
        head.file_id.into(),
        head.version.into(),
        uuid_to_pg(head.version_id).into(),
        head.parent_version_id.map(uuid_to_pg).into(),
        head.file_type.as_str().into(),
        head.mode.as_str().into(),
        described.map(|content| content.hash.as_bytes().as_slice()).into(),
        described.map_or(0, |content| content.size).into(),
        described.is_some_and(|content| content.is_binary).into(),
        version.ordinal.into(),
        version.op.into(),
        version.op_checksum.as_ref().map(|checksum| checksum.as_bytes().as_slice()).into(),
        content.map(|content| content.codec as i16).into(),
        content.map(|content| content.bytes.as_slice()).into(),
    ];
    let mut args = entry.args()?;
    args.extend(of_version);
    db::exec(if head.version > 1 { NEXT } else { FIRST }, &args)
}
