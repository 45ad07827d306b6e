//! The few blobs of most writes, stored without a statement.

use super::state::state_of;
use super::{Blob, BlobState, store};
use crate::db::Arg;
use crate::db::rows::{Column, Name, Rows, Sight};
use crate::ids::{Pg, ProjectId};
use pgrx::datum::TimestampWithTimeZone;
use quire_core::content::Encoded;
use quire_core::error::Result;

static BLOB: Name = Name::of(c"blob", 9);

/// Blobs from which on one statement for all of them takes less time than their rows one by one.
const FEW: usize = 8;

/// Stores blobs, as [`store::insert`] does, under the head lock: nobody else stores any of the project meanwhile.
pub fn insert_locked(project: ProjectId, blobs: &[Blob]) -> Result<()> {
    let small = |blob: &Blob| matches!(blob.parts.as_slice(), [_]);
    if blobs.len() > FEW || !blobs.iter().all(small) {
        return store::insert(project, blobs);
    }
    let mut gone = Vec::new();
    let rows = Rows::begin();
    for blob in blobs {
        let key: [Column; 2] =
            [("project_id", project.pg().into()), ("hash", blob.hash.as_bytes().as_slice().into())];
        let state: Option<i16> =
            rows.find(&BLOB, Sight::Now, &key, "state", |row| row.get("state").map(Some))?;
        let state = state.map(state_of).transpose()?;
        match (state, blob.parts.as_slice()) {
            (None, [whole]) => rows.insert(&BLOB, &values(project, blob, whole))?,
            (Some(BlobState::Present), _) => {}
            _ => gone.push(blob),
        }
    }
    drop(rows);
    gone.into_iter().try_for_each(|blob| store::insert(project, std::slice::from_ref(blob)))
}

fn values<'a>(project: ProjectId, blob: &'a Blob, whole: &'a Encoded) -> [Column<'a>; 9] {
    [
        ("project_id", project.pg().into()),
        ("hash", blob.hash.as_bytes().as_slice().into()),
        ("size", blob.size.into()),
        ("codec", (whole.codec as i16).into()),
        ("chunk_count", 0i32.into()),
        ("state", (BlobState::Present.number()).into()),
        ("state_at", Arg::null::<TimestampWithTimeZone>()),
        ("state_reason", Arg::null::<String>()),
        ("bytes", whole.bytes.as_slice().into()),
    ]
}
