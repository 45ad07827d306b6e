//! SQL of documents.

pub mod binding;
mod changes;
mod line;
pub mod list;
mod logged;
pub mod merging;
pub mod pack;
pub mod query;
pub mod schema;
pub mod snapshot;
pub mod storage;

pub use changes::{bundle_of, changes, has, known, last_of, stored_ops};
pub use line::{DocHead, DocLine, Lineages, at, head, head_on, heads};

use crate::db::clock::to_pg;
use crate::db::rows::{Column, Name, Rows};
use crate::db::{self, Arg, Row};
use crate::ids::{ActorId, DocId, Pg, ProjectId, Seq};
use crate::jsonb::{Json, JsonDatum};
use crate::log::LockedHead;
use quire_core::branch::Lineage;
use quire_core::doc::{DocChange, DocSummary, Heads};
use quire_core::error::{Code, Error, Result};
use quire_core::interrupt;
use quire_core::key::DocKey;
use serde_json::Value;

static OPS: Name = Name::of(c"doc_op", 15);
static CHANGES: Name = Name::of(c"doc_change", 8);
static HEADS: Name = Name::of(c"doc_head", 15);

/// What it holds, if that is kept and its branch has not gone on where it was written last.
pub fn tip(project: ProjectId, doc: &str, head: &DocHead) -> Result<Option<JsonDatum>> {
    const SQL: &str = "SELECT d.tip FROM quire_store.doc_head d
        WHERE d.project_id = $1 AND d.branch = $2 AND d.doc = $3 AND d.heads = $4";
    let args: [Arg; 4] =
        [project.pg().into(), head.branch.as_str().into(), doc.into(), head.summary.heads.to_texts().into()];
    Ok(db::read_one(SQL, &args, |row| row.opt("tip"))?.flatten())
}

fn stored_heads(texts: Vec<String>) -> Result<Heads> {
    Heads::parse("heads", texts).map_err(|_| {
        Error::new(Code::Corrupt, "stored heads of a document cannot be read")
            .hint("verify_project finds out of which, and repair brings them back")
    })
}

/// What is stored of a document cannot be relied on.
pub fn unsound(line: &DocLine) -> Error {
    Error::new(Code::Corrupt, "stored changes of a document are corrupt")
        .with("doc_id", line.last())
        .hint("verify_project finds out which, and repair brings them back")
}

/// An operation on its way into the tables.
pub struct NewOp {
    pub ordinal: i32,
    pub op: &'static str,
    pub key: DocKey,
    pub doc_id: DocId,
    pub first_place: i64,
    pub changes: Vec<DocChange>,
    /// As the column is.
    pub heads: Heads,
    /// What the document is then.
    pub summary: DocSummary,
    pub op_checksum: Vec<u8>,
}

/// Stores operations with their changes.
pub fn insert_ops(rows: &Rows, project: ProjectId, seq: Seq, ops: &[NewOp]) -> Result<()> {
    for op in ops {
        interrupt::check()?;
        db::in_passing(|| {
            let values: [Column; 15] = [
                ("project_id", project.pg().into()),
                ("bundle_seq", seq.pg().into()),
                ("ordinal", op.ordinal.into()),
                ("op", op.op.into()),
                ("branch", op.key.branch.as_str().into()),
                ("doc", op.key.doc.as_str().into()),
                ("doc_id", op.doc_id.pg().into()),
                ("first_place", op.first_place.into()),
                ("change_count", (op.changes.len() as i32).into()),
                ("heads", op.heads.to_texts().into()),
                ("total_changes", op.summary.changes.into()),
                ("total_bytes", op.summary.bytes.into()),
                ("total_ops", op.summary.ops.into()),
                ("max_op", (op.summary.max_op as i64).into()),
                ("op_checksum", op.op_checksum.as_slice().into()),
            ];
            rows.insert(&OPS, &values)
        })?;
        changes::insert(rows, project, op.doc_id, op.first_place, &op.changes)?;
    }
    Ok(())
}

/// Makes the row of a document.
pub fn move_head(
    rows: &Rows,
    project: ProjectId,
    by: ActorId,
    bundle: &LockedHead,
    key: &DocKey,
    (doc_id, summary): (DocId, &DocSummary),
    tip: Option<&Value>,
) -> Result<()> {
    let values: [Column; 11] = [
        ("doc_id", doc_id.pg().into()),
        ("heads", summary.heads.to_texts().into()),
        ("deleted_heads", summary.deleted.to_texts().into()),
        ("change_count", summary.changes.into()),
        ("change_bytes", summary.bytes.into()),
        ("op_count", summary.ops.into()),
        ("max_op", (summary.max_op as i64).into()),
        ("seq", bundle.seq.pg().into()),
        ("actor_id", by.pg().into()),
        ("updated_at", to_pg(bundle.committed_at)?.into()),
        ("tip", tip.cloned().map(Json).into()),
    ];
    let key = key_of(project, key);
    if rows.update(&HEADS, &key, &values)? {
        return Ok(());
    }
    rows.insert(&HEADS, &key.into_iter().chain(values).collect::<Vec<_>>())
}

fn key_of<'k>(project: ProjectId, key: &'k DocKey) -> [Column<'k>; 3] {
    [
        ("project_id", project.pg().into()),
        ("branch", key.branch.as_str().into()),
        ("doc", key.doc.as_str().into()),
    ]
}

/// Counts the bytes of changes that a project got.
pub fn count_bytes(project: ProjectId, bytes: i64) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project_head SET doc_bytes = doc_bytes + $2 WHERE project_id = $1";
    db::exec(SQL, &[project.pg().into(), bytes.into()])
}

/// What a bundle did to a document: the heads before it and after it, and whether it was there.
pub struct TouchedDoc {
    pub key: DocKey,
    pub before: Heads,
    pub after: Heads,
    pub was_there: bool,
    pub is_there: bool,
}

/// The documents a bundle touched.
pub fn touched_by(project: ProjectId, seq: Seq) -> Result<Vec<TouchedDoc>> {
    const SQL: &str = "SELECT DISTINCT o.branch, o.doc FROM quire_store.doc_op o
        WHERE o.project_id = $1 AND o.bundle_seq = $2 ORDER BY o.branch, o.doc";
    let keys = db::read(SQL, &[project.pg().into(), seq.pg().into()], |row| {
        Ok(DocKey { branch: row.get("branch")?, doc: row.get("doc")? })
    })?;
    let mut lineages = Lineages::of(project);
    let mut at = |key: &DocKey, seq: Seq| -> Result<(Heads, bool)> {
        let Some(lineage) = lineages.get(&key.branch)? else { return Ok((Heads::default(), false)) };
        let found = at(project, &lineage.up_to(seq), &key.doc)?;
        Ok(found.map_or((Heads::default(), false), |head| {
            let is_there = !head.summary.is_deleted();
            (head.summary.heads, is_there)
        }))
    };
    keys.into_iter()
        .map(|key| {
            let ((before, was_there), (after, is_there)) = (at(&key, seq.before())?, at(&key, seq)?);
            Ok(TouchedDoc { key, before, after, was_there, is_there })
        })
        .collect()
}

/// The documents of main that there were at a seq and were not deleted.
pub fn docs_at(project: ProjectId, seq: Seq) -> Result<Vec<(DocKey, DocHead)>> {
    const SQL: &str = "SELECT d.doc FROM quire_store.doc_head d
        WHERE d.project_id = $1 AND d.branch = 'main' ORDER BY d.doc";
    let names: Vec<String> = db::read(SQL, &[project.pg().into()], |row| row.get("doc"))?;
    let lineage = Lineage::main().up_to(seq);
    let mut found = Vec::new();
    for doc in names {
        interrupt::check()?;
        let head = at(project, &lineage, &doc)?.filter(|head| !head.summary.is_deleted());
        found.extend(head.map(|head| (DocKey { branch: DocKey::MAIN.to_owned(), doc }, head)));
    }
    Ok(found)
}

/// The bundles after a seq and up to another that touched documents, with the bytes that their events have: heads, and changes if those
/// are wanted. What a branch has packed of its first operation on a document counts with what the document had before.
pub fn shown_bytes(
    project: ProjectId,
    after: Seq,
    up_to: Seq,
    with_changes: bool,
) -> Result<Vec<(Seq, i64)>> {
    const SQL: &str = "SELECT o.bundle_seq, sum(cardinality(o.heads) * 66 + CASE
            WHEN NOT $4 OR o.change_count = 0 THEN 0
            WHEN c.count = o.change_count THEN c.bytes
            ELSE o.total_bytes - COALESCE((
                SELECT s.total_bytes FROM quire_store.doc_op s
                WHERE s.project_id = $1 AND s.doc_id = o.doc_id
                  AND (s.bundle_seq, s.ordinal) < (o.bundle_seq, o.ordinal)
                ORDER BY s.bundle_seq DESC, s.ordinal DESC LIMIT 1), 0) END)::bigint AS bytes
        FROM quire_store.doc_op o
        LEFT JOIN LATERAL (
            SELECT count(*) AS count, sum(octet_length(s.bytes)) AS bytes FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = o.doc_id AND s.place >= o.first_place
              AND s.place < o.first_place + o.change_count AND $4 OFFSET 0) c ON true
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        GROUP BY o.bundle_seq ORDER BY o.bundle_seq";
    let args: [Arg; 4] = [project.pg().into(), after.pg().into(), up_to.pg().into(), with_changes.into()];
    db::read(SQL, &args, |row| Ok((row.get("bundle_seq")?, row.get("bytes")?)))
}

/// An operation as events show it.
pub struct ShownOp {
    pub key: DocKey,
    pub is_deletion: bool,
    pub heads: Vec<String>,
    pub count: i64,
}

/// Operations on documents after a seq and up to another, in log order.
pub fn ops(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, ShownOp)>> {
    const SQL: &str = "SELECT o.bundle_seq, o.branch, o.doc, o.op, o.heads, o.change_count
        FROM quire_store.doc_op o
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        ORDER BY o.bundle_seq, o.ordinal";
    let args: [Arg; 3] = [project.pg().into(), after.pg().into(), up_to.pg().into()];
    db::read(SQL, &args, |row| {
        let op = ShownOp {
            key: DocKey { branch: row.get("branch")?, doc: row.get("doc")? },
            is_deletion: row.get::<&str>("op")? == "doc.delete",
            heads: row.get("heads")?,
            count: row.get::<i32>("change_count")?.into(),
        };
        Ok((row.get("bundle_seq")?, op))
    })
}
