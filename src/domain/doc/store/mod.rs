//! SQL of documents.

pub mod list;
mod logged;
pub mod query;

use crate::db::clock::to_pg;
use crate::db::rows::{Column, Name, Rows, Sight};
use crate::db::{self, Arg, Row};
use crate::ids::{ActorId, DocId, Pg, ProjectId, Seq};
use crate::jsonb::{Json, JsonDatum};
use crate::log::LockedHead;
use quire_core::doc::{ActorId as DocActor, ChangeHash, DocChange, DocKnown, DocLimits, DocSummary, Heads};
use quire_core::error::{Code, Error, Result};
use quire_core::interrupt;
use quire_core::key::DocKey;
use serde_json::Value;
use std::collections::BTreeSet;

static OPS: Name = Name::of(c"doc_op", 11);
static CHANGES: Name = Name::of(c"doc_change", 8);
static HEADS: Name = Name::of(c"doc_head", 15);

/// Rows after which the memory that their values took is given back.
const BATCH_ROWS: usize = 100;

/// A document as its row tells.
#[derive(Clone, Debug)]
pub struct DocHead {
    pub doc_id: DocId,
    pub summary: DocSummary,
    /// The bundle that made it what it is.
    pub seq: Seq,
}

/// The same of a table `d`.
macro_rules! columns_of_doc {
    () => {
        "d.doc_id, d.heads, d.deleted_heads, d.change_count, d.change_bytes, d.op_count, d.max_op, d.seq"
    };
}
use columns_of_doc;

/// What [`doc_from_row`] reads.
const COLUMNS: &str = "doc_id, heads, deleted_heads, change_count, change_bytes, op_count, max_op, seq";

/// Some documents, by their names; those that are there.
pub fn heads(project: ProjectId, keys: &BTreeSet<DocKey>) -> Result<Vec<(DocKey, DocHead)>> {
    let rows = Rows::begin();
    let mut found = Vec::new();
    for key in keys {
        interrupt::check()?;
        let head = db::in_passing(|| {
            rows.find(&HEADS, Sight::Statement, &key_of(project, key), COLUMNS, |row| {
                doc_from_row(row).map(Some)
            })
        })?;
        found.extend(head.map(|head| (key.clone(), head)));
    }
    Ok(found)
}

/// A document, for whoever reads.
pub fn head(project: ProjectId, key: &DocKey) -> Result<Option<DocHead>> {
    const SQL: &str = concat!(
        "SELECT ",
        columns_of_doc!(),
        " FROM quire_store.doc_head d WHERE d.project_id = $1 AND d.branch = $2 AND d.doc = $3"
    );
    let args: [Arg; 3] = [project.pg().into(), key.branch.as_str().into(), key.doc.as_str().into()];
    db::read_one(SQL, &args, doc_from_row)
}

/// What it holds at heads, if that is kept and these are its heads.
pub fn tip(project: ProjectId, key: &DocKey, heads: &Heads) -> Result<Option<JsonDatum>> {
    const SQL: &str = "SELECT d.tip FROM quire_store.doc_head d
        WHERE d.project_id = $1 AND d.branch = $2 AND d.doc = $3 AND d.heads = $4";
    let args: [Arg; 4] =
        [project.pg().into(), key.branch.as_str().into(), key.doc.as_str().into(), heads.to_texts().into()];
    Ok(db::read_one(SQL, &args, |row| row.opt("tip"))?.flatten())
}

fn doc_from_row(row: &Row) -> Result<DocHead> {
    Ok(DocHead {
        doc_id: row.get("doc_id")?,
        summary: DocSummary {
            heads: stored_heads(row.get("heads")?)?,
            deleted: stored_heads(row.get("deleted_heads")?)?,
            changes: row.get("change_count")?,
            bytes: row.get("change_bytes")?,
            ops: row.get("op_count")?,
            max_op: row.get::<i64>("max_op")?.unsigned_abs(),
        },
        seq: row.get("seq")?,
    })
}

fn stored_heads(texts: Vec<String>) -> Result<Heads> {
    Heads::parse("heads", texts).map_err(|_| Error::internal("stored heads cannot be read"))
}

/// What a document has of changes, of those that they depend on, and of their actors.
pub fn known(project: ProjectId, doc: DocId, changes: &[DocChange]) -> Result<DocKnown> {
    const CHANGES: &str = "SELECT c.hash, c.max_op FROM unnest($3::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.doc_change s WHERE s.project_id = $1 AND s.doc_id = $2 AND s.hash = w.hash OFFSET 0) c";
    const ACTORS: &str = "SELECT w.actor, c.actor_seq FROM unnest($3::bytea[]) AS w (actor)
        CROSS JOIN LATERAL (
            SELECT s.actor_seq FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = $2 AND s.actor = w.actor
            ORDER BY s.actor_seq DESC LIMIT 1) c";
    let hashes: BTreeSet<ChangeHash> =
        changes.iter().flat_map(|change| change.deps().iter().copied().chain([change.hash()])).collect();
    let actors: BTreeSet<&DocActor> = changes.iter().map(DocChange::actor).collect();
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.0.to_vec()).collect();
    let actors: Vec<Vec<u8>> = actors.iter().map(|actor| actor.to_bytes().to_vec()).collect();
    let changes = db::read(CHANGES, &[project.pg().into(), doc.pg().into(), hashes.into()], |row| {
        Ok((change_hash(row.get("hash")?)?, row.get::<i64>("max_op")?.unsigned_abs()))
    })?;
    let actors = db::read(ACTORS, &[project.pg().into(), doc.pg().into(), actors.into()], |row| {
        let actor = DocActor::from(row.get::<&[u8]>("actor")?);
        Ok((actor, row.get::<i64>("actor_seq")?.unsigned_abs()))
    })?;
    Ok(DocKnown { changes: changes.into_iter().collect(), actors: actors.into_iter().collect() })
}

fn change_hash(bytes: &[u8]) -> Result<ChangeHash> {
    ChangeHash::try_from(bytes).map_err(|_| Error::internal("a stored hash of a change has another length"))
}

/// Which of these changes a document has.
pub fn has(project: ProjectId, doc: DocId, hashes: &Heads) -> Result<Heads> {
    const SQL: &str = "SELECT c.hash FROM unnest($3::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.doc_change s WHERE s.project_id = $1 AND s.doc_id = $2 AND s.hash = w.hash OFFSET 0) c";
    let hashes: Vec<Vec<u8>> = hashes.as_slice().iter().map(|hash| hash.0.to_vec()).collect();
    let found = db::read(SQL, &[project.pg().into(), doc.pg().into(), hashes.into()], |row| {
        change_hash(row.get("hash")?)
    })?;
    Ok(Heads::new(found))
}

/// The changes of a document after a place and up to another.
pub fn changes(project: ProjectId, doc: DocId, after: i64, up_to: i64) -> Result<Vec<DocChange>> {
    const SQL: &str = "SELECT c.place, c.bytes FROM quire_store.doc_change c
        WHERE c.project_id = $1 AND c.doc_id = $2 AND c.place > $3 AND c.place <= $4
        ORDER BY c.place";
    let limits = DocLimits::LARGEST;
    let args: [Arg; 4] = [project.pg().into(), doc.pg().into(), after.into(), up_to.into()];
    let found = db::read(SQL, &args, |row| {
        let change = DocChange::read(row.get("bytes")?, &limits);
        Ok((row.get::<i64>("place")?, change.map_err(|_| unsound(doc))?))
    })?;
    let is_whole = found.iter().zip(after + 1..).all(|((place, _), right)| *place == right)
        && found.len() as i64 == (up_to - after).max(0);
    if !is_whole {
        return Err(unsound(doc));
    }
    Ok(found.into_iter().map(|(_, change)| change).collect())
}

/// What is stored of a document cannot be relied on.
pub fn unsound(doc: DocId) -> Error {
    Error::new(Code::Corrupt, "stored changes of a document are corrupt")
        .with("doc_id", doc.pg())
        .hint("verify_project finds out which, and repair brings them back")
}

/// A document at a seq: how many changes it had, its heads, and those of them that were deleted; `None` when it was not there.
pub fn at_seq(project: ProjectId, doc: DocId, seq: Seq) -> Result<Option<(i64, Heads, Heads)>> {
    const LAST: &str = "SELECT o.first_place + o.change_count - 1 AS place, o.heads FROM quire_store.doc_op o
        WHERE o.project_id = $1 AND o.doc_id = $2 AND o.bundle_seq <= $3 AND o.op = 'doc.change'
        ORDER BY o.bundle_seq DESC, o.ordinal DESC LIMIT 1";
    const DELETED: &str = "SELECT o.heads FROM quire_store.doc_op o
        WHERE o.project_id = $1 AND o.doc_id = $2 AND o.bundle_seq <= $3 AND o.op = 'doc.delete'";
    let args = || -> [Arg; 3] { [project.pg().into(), doc.pg().into(), seq.pg().into()] };
    let last: Option<(i64, Heads)> =
        db::read_one(LAST, &args(), |row| Ok((row.get("place")?, stored_heads(row.get("heads")?)?)))?;
    let Some((place, heads)) = last else { return Ok(None) };
    let deleted = db::read(DELETED, &args(), |row| stored_heads(row.get("heads")?))?;
    let deleted = deleted.iter().flat_map(|heads| heads.as_slice()).copied();
    let deleted = Heads::new(deleted.filter(|hash| heads.contains(hash)));
    Ok(Some((place, heads, deleted)))
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
    pub op_checksum: Vec<u8>,
}

/// Stores operations with their changes.
pub fn insert_ops(rows: &Rows, project: ProjectId, seq: Seq, ops: &[NewOp]) -> Result<()> {
    for op in ops {
        interrupt::check()?;
        db::in_passing(|| {
            let values: [Column; 11] = [
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
                ("op_checksum", op.op_checksum.as_slice().into()),
            ];
            rows.insert(&OPS, &values)
        })?;
        insert_changes(rows, project, op.doc_id, op.first_place, &op.changes)?;
    }
    Ok(())
}

fn insert_changes(
    rows: &Rows,
    project: ProjectId,
    doc: DocId,
    first: i64,
    changes: &[DocChange],
) -> Result<()> {
    let mut place = first;
    for batch in changes.chunks(BATCH_ROWS) {
        interrupt::check()?;
        db::in_passing(|| {
            batch.iter().try_for_each(|change| {
                let values: [Column; 8] = [
                    ("project_id", project.pg().into()),
                    ("doc_id", doc.pg().into()),
                    ("place", place.into()),
                    ("hash", change.hash().0.as_slice().into()),
                    ("actor", change.actor().to_bytes().into()),
                    ("actor_seq", (change.seq() as i64).into()),
                    ("max_op", (change.max_op() as i64).into()),
                    ("bytes", change.bytes().into()),
                ];
                place += 1;
                rows.insert(&CHANGES, &values)
            })
        })?;
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
    const SQL: &str = "SELECT DISTINCT o.branch, o.doc, o.doc_id FROM quire_store.doc_op o
        WHERE o.project_id = $1 AND o.bundle_seq = $2 ORDER BY o.branch, o.doc";
    let docs = db::read(SQL, &[project.pg().into(), seq.pg().into()], |row| {
        Ok((DocKey { branch: row.get("branch")?, doc: row.get("doc")? }, row.get::<DocId>("doc_id")?))
    })?;
    let at = |doc, seq| -> Result<(Heads, bool)> {
        let found = at_seq(project, doc, seq)?;
        Ok(found.map_or((Heads::default(), false), |(_, heads, deleted)| {
            let is_there = heads != deleted;
            (heads, is_there)
        }))
    };
    docs.into_iter()
        .map(|(key, doc)| {
            let ((before, was_there), (after, is_there)) = (at(doc, seq.before())?, at(doc, seq)?);
            Ok(TouchedDoc { key, before, after, was_there, is_there })
        })
        .collect()
}

/// The documents that there were at a seq and were not deleted, each with how many changes it had.
pub fn docs_at(project: ProjectId, seq: Seq) -> Result<Vec<(DocKey, DocId, i64)>> {
    const SQL: &str = "SELECT d.branch, d.doc, d.doc_id FROM quire_store.doc_head d
        WHERE d.project_id = $1 ORDER BY d.branch, d.doc";
    let docs = db::read(SQL, &[project.pg().into()], |row| {
        Ok((DocKey { branch: row.get("branch")?, doc: row.get("doc")? }, row.get::<DocId>("doc_id")?))
    })?;
    let mut found = Vec::new();
    for (key, doc_id) in docs {
        interrupt::check()?;
        let Some((changes, heads, deleted)) = at_seq(project, doc_id, seq)? else { continue };
        if heads != deleted {
            found.push((key, doc_id, changes));
        }
    }
    Ok(found)
}

/// The bundles after a seq and up to another that touched documents, with the bytes that their events have: heads, and changes if those
/// are wanted.
pub fn shown_bytes(
    project: ProjectId,
    after: Seq,
    up_to: Seq,
    with_changes: bool,
) -> Result<Vec<(Seq, i64)>> {
    const SQL: &str =
        "SELECT o.bundle_seq, sum(cardinality(o.heads) * 66 + COALESCE(c.bytes, 0))::bigint AS bytes
        FROM quire_store.doc_op o
        LEFT JOIN LATERAL (
            SELECT sum(octet_length(s.bytes)) AS bytes FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = o.doc_id AND s.place >= o.first_place
              AND s.place < o.first_place + o.change_count AND $4 OFFSET 0) c ON true
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        GROUP BY o.bundle_seq ORDER BY o.bundle_seq";
    let args: [Arg; 4] = [project.pg().into(), after.pg().into(), up_to.pg().into(), with_changes.into()];
    db::read(SQL, &args, |row| Ok((row.get("bundle_seq")?, row.get("bytes")?)))
}

/// The changes that bundles after a seq and up to another brought, in their order.
pub fn bodies(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, DocKey, Vec<u8>)>> {
    const SQL: &str = "SELECT o.bundle_seq, o.branch, o.doc, c.bytes
        FROM quire_store.doc_op o
        CROSS JOIN LATERAL (
            SELECT s.place, s.bytes FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = o.doc_id AND s.place >= o.first_place
              AND s.place < o.first_place + o.change_count OFFSET 0) c
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
        ORDER BY o.bundle_seq, o.ordinal, c.place";
    let args: [Arg; 3] = [project.pg().into(), after.pg().into(), up_to.pg().into()];
    db::read(SQL, &args, |row| {
        let key = DocKey { branch: row.get("branch")?, doc: row.get("doc")? };
        Ok((row.get("bundle_seq")?, key, row.get("bytes")?))
    })
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

/// The number of the last change of an actor.
pub fn last_of(project: ProjectId, doc: DocId, actor: &DocActor) -> Result<u64> {
    const SQL: &str = "SELECT c.actor_seq FROM quire_store.doc_change c
        WHERE c.project_id = $1 AND c.doc_id = $2 AND c.actor = $3 ORDER BY c.actor_seq DESC LIMIT 1";
    let args: [Arg; 3] = [project.pg().into(), doc.pg().into(), actor.to_bytes().into()];
    let last = db::read_one(SQL, &args, |row| row.get::<i64>("actor_seq"))?;
    Ok(last.map_or(0, i64::unsigned_abs))
}

/// Writes changes of a document again, at the places from the first on. Only with the guard of the log's rows open.
fn write_again(project: ProjectId, doc: DocId, first: i64, changes: &[DocChange]) -> Result<()> {
    const SQL: &str =
        "UPDATE quire_store.doc_change SET hash = $4, actor = $5, actor_seq = $6, max_op = $7, bytes = $8
        WHERE project_id = $1 AND doc_id = $2 AND place = $3 RETURNING true";
    for (change, place) in changes.iter().zip(first..) {
        interrupt::check()?;
        let args: [Arg; 8] = [
            project.pg().into(),
            doc.pg().into(),
            place.into(),
            change.hash().0.as_slice().into(),
            change.actor().to_bytes().into(),
            (change.seq() as i64).into(),
            (change.max_op() as i64).into(),
            change.bytes().into(),
        ];
        if !db::in_passing(|| db::writes(SQL, &args))? {
            insert_changes(&Rows::begin(), project, doc, place, std::slice::from_ref(change))?;
        }
    }
    Ok(())
}

/// The bundle with which a change came.
pub fn bundle_of(project: ProjectId, doc: DocId, change: &ChangeHash) -> Result<Seq> {
    const SQL: &str = "SELECT o.bundle_seq FROM quire_store.doc_change c
        JOIN LATERAL (
            SELECT s.bundle_seq FROM quire_store.doc_op s
            WHERE s.project_id = $1 AND s.doc_id = $2 AND c.place >= s.first_place
              AND c.place < s.first_place + s.change_count LIMIT 1) o ON true
        WHERE c.project_id = $1 AND c.doc_id = $2 AND c.hash = $3";
    let args: [Arg; 3] = [project.pg().into(), doc.pg().into(), change.0.as_slice().into()];
    db::read_one(SQL, &args, |row| row.get("bundle_seq"))?.ok_or_else(|| unsound(doc))
}
