//! The composite `quire.project_file_head`: what a writer of one file returns.

use crate::bundle::Committed;
use crate::db::clock::to_pg;
use crate::domain::file::{VersionRow, store};
use crate::ids::{Pg, ProjectId};
use crate::log::store::locked_checksum_at;
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pgbox::AllocatedByRust;
use pgrx::tupdesc::PgTupleDesc;
use pgrx::{IntoDatum, pg_sys};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::path::FilePath;
use quire_core::tree::Head;

/// The composite as a Rust value.
pub type FileHead = PgHeapTuple<'static, AllocatedByRust>;

/// The file that a committed write of one operation touched, as that operation left it.
pub fn after(project: ProjectId, committed: &Committed) -> Result<FileHead> {
    let outcome =
        committed.receipt.files().next().ok_or_else(|| Error::internal("a receipt has no operation"))?;
    let path = FilePath::from_stored(outcome.file_path.clone());
    if let Some(head) = committed.heads.as_ref().and_then(|heads| heads.get(&path)) {
        return composite(project, &path, head, committed);
    }
    let row = store::find_version(project, &path, Some(outcome.version))?;
    let row: VersionRow =
        row.ok_or_else(|| Error::internal("a receipt names a version that does not exist"))?;
    composite(project, &path, &row.to_head(None), committed)
}

fn composite(project: ProjectId, path: &FilePath, head: &Head, committed: &Committed) -> Result<FileHead> {
    let content = head.content.as_ref();
    let receipt = &committed.receipt;
    let checksum = match head.seq == receipt.seq {
        true => Some(receipt.checksum.clone()),
        // Nothing changed, so an older bundle made it what it is.
        false => locked_checksum_at(project, head.seq)?.map(Hash::to_hex),
    };
    let values = [
        head.version_id.pg().into_datum(),
        path.as_str().into_datum(),
        head.file_type.as_str().into_datum(),
        content.map(|content| content.hash.to_hex()).into_datum(),
        head.version.0.into_datum(),
        head.parent_version_id.map(Pg::pg).into_datum(),
        content.map_or(0, |content| content.size).into_datum(),
        content.is_none().into_datum(),
        content.is_some_and(|content| content.is_binary).into_datum(),
        head.seq.pg().into_datum(),
        to_pg(head.updated_at)?.into_datum(),
        checksum.into_datum(),
    ];
    let shape = PgTupleDesc::for_composite_type_by_oid(type_oid())
        .ok_or_else(|| Error::internal("type quire.project_file_head is missing"))?;
    // SAFETY: the values are in the order and of the types of the composite, which file.sql declares.
    unsafe { PgHeapTuple::from_datums(shape, values) }
        .map_err(|error| Error::internal(format!("no composite could be made: {error}")))
}

/// The type's oid, from the catalog cache; parsing its name as SQL would cost more than the rest of the row.
fn type_oid() -> pg_sys::Oid {
    // SAFETY: cache look-ups by NUL-terminated names; what is missing gives InvalidOid.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"quire".as_ptr(), true);
        pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::TYPENAMENSP as i32,
            pg_sys::Anum_pg_type_oid as i16,
            pg_sys::Datum::from(c"project_file_head".as_ptr()),
            pg_sys::Datum::from(schema),
            pg_sys::Datum::from(0usize),
            pg_sys::Datum::from(0usize),
        )
    }
}
