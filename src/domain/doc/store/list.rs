//! SQL of the readers that list documents and what happened to them.

use crate::db::Answer;
use crate::gate::store::called;
use crate::ids::{DocId, Pg, ProjectId, Seq};
use crate::log::store::mark;
use quire_core::error::Result;

/// Documents of a branch that are not deleted, by name: those that begin so, after one.
pub fn docs(
    answer: &Answer,
    project: ProjectId,
    branch: &str,
    (prefix, after): (&str, &str),
    most: i64,
) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT d.doc, d.heads, d.change_count, d.change_bytes, d.seq, d.updated_at, d.actor_id, ",
        called!("d.actor_id"),
        ", ",
        mark!("d.seq"),
        "
        FROM (SELECT h.* FROM quire_store.doc_head h
              WHERE h.project_id = $1 AND h.branch = $2 AND h.doc >= $3 AND h.doc > $4 AND starts_with(h.doc, $3)
                AND h.doc < $5 AND h.heads <> h.deleted_heads
              ORDER BY h.doc LIMIT $6) d
        ORDER BY d.doc"
    );
    // Behind whatever begins so: names are compared byte by byte, and have at most 255.
    let end = format!("{prefix}{}", char::MAX.to_string().repeat(64));
    let args =
        [project.pg().into(), branch.into(), prefix.into(), after.into(), end.as_str().into(), most.into()];
    answer.add(SQL, &args).map(drop)
}

/// Operations on a document before a seq, newest first.
pub fn history(answer: &Answer, project: ProjectId, doc: DocId, before: Seq, most: i64) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT o.bundle_seq, o.op, o.heads, o.change_count, u.actor_id, ",
        called!("u.actor_id"),
        ", u.kind, u.message, u.bundle_id, u.committed_at
        FROM (SELECT s.* FROM quire_store.doc_op s
              WHERE s.project_id = $1 AND s.doc_id = $2 AND s.bundle_seq < $3
              ORDER BY s.bundle_seq DESC FETCH FIRST $4 ROWS WITH TIES) o
        JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = o.bundle_seq OFFSET 0) u ON true
        ORDER BY o.bundle_seq DESC, o.ordinal DESC"
    );
    answer.add(SQL, &[project.pg().into(), doc.pg().into(), before.pg().into(), most.into()]).map(drop)
}
