//! SQL of snapshots: what Automerge saves of a document at a place, so that who loads it need not apply all of its changes.
//!
//! Promises: they are a cache. Without them every answer is the same.

use super::{DocLine, stored_heads};
use crate::db::{self, Arg};
use crate::ids::{DocId, Pg, ProjectId};
use quire_core::doc::Heads;
use quire_core::error::Result;

/// A document of its first changes, saved.
pub struct Snapshot {
    pub place: i64,
    pub heads: Heads,
    pub saved: Vec<u8>,
}

/// How far a snapshot goes, or a document.
pub struct Extent {
    /// How many changes there are.
    pub place: i64,
    /// How many bytes they take one by one.
    pub change_bytes: i64,
}

/// The newest snapshot along a line, `$2` and `$3`, that goes no further than `$4`.
macro_rules! newest_up_to {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
            CROSS JOIN LATERAL (
                SELECT * FROM quire_store.doc_snapshot n
                WHERE n.project_id = $1 AND n.doc_id = l.doc_id AND n.place <= LEAST($4, l.last)
                ORDER BY n.place DESC LIMIT 1) s
            ORDER BY s.place DESC LIMIT 1"
        )
    };
}

/// The newest snapshot that has no change behind a place.
pub fn up_to(project: ProjectId, line: &DocLine, place: i64) -> Result<Option<Snapshot>> {
    const SQL: &str = newest_up_to!("s.place, s.heads, s.saved");
    let (docs, lasts) = line.columns();
    let args: [Arg; 4] = [project.pg().into(), docs.into(), lasts.into(), place.into()];
    db::read_one(SQL, &args, |row| {
        Ok(Snapshot {
            place: row.get("place")?,
            heads: stored_heads(row.get("heads")?)?,
            saved: row.get("saved")?,
        })
    })
}

/// How far the newest snapshot goes that serves a document.
pub fn newest(project: ProjectId, line: &DocLine) -> Result<Option<Extent>> {
    const SQL: &str = newest_up_to!("s.place, s.change_bytes");
    let (docs, lasts) = line.columns();
    let args: [Arg; 4] = [project.pg().into(), docs.into(), lasts.into(), i64::MAX.into()];
    db::read_one(SQL, &args, |row| {
        Ok(Extent { place: row.get("place")?, change_bytes: row.get("change_bytes")? })
    })
}

/// Keeps a snapshot of changes of so many bytes, and of the older ones so many that there are `most`.
pub fn keep(project: ProjectId, doc: DocId, change_bytes: i64, of: &Snapshot, most: i64) -> Result<()> {
    const INSERT: &str =
        "INSERT INTO quire_store.doc_snapshot (project_id, doc_id, place, change_bytes, heads, saved)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    const DELETE: &str =
        "DELETE FROM quire_store.doc_snapshot s WHERE s.project_id = $1 AND s.doc_id = $2 AND s.place IN (
            SELECT n.place FROM quire_store.doc_snapshot n
            WHERE n.project_id = $1 AND n.doc_id = $2 ORDER BY n.place DESC OFFSET $3)";
    let args: [Arg; 6] = [
        project.pg().into(),
        doc.pg().into(),
        of.place.into(),
        change_bytes.into(),
        of.heads.to_texts().into(),
        of.saved.as_slice().into(),
    ];
    db::exec(INSERT, &args)?;
    db::exec(DELETE, &[project.pg().into(), doc.pg().into(), most.into()])
}
