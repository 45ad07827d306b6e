//! SQL of documents.

mod line;
pub mod list;
mod logged;
pub mod merging;
pub mod query;
pub mod schema;

pub use line::{DocHead, DocLine, Lineages, at, head, head_on, heads};

use crate::db::clock::to_pg;
use crate::db::rows::{Column, Name, Rows};
use crate::db::{self, Arg, Row};
use crate::ids::{ActorId, DocId, Pg, ProjectId, Seq};
use crate::jsonb::{Json, JsonDatum};
use crate::log::LockedHead;
use quire_core::branch::Lineage;
use quire_core::doc::{ActorId as DocActor, ChangeHash, DocChange, DocKnown, DocLimits, DocSummary, Heads};
use quire_core::error::{Code, Error, Result};
use quire_core::interrupt;
use quire_core::key::DocKey;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

static OPS: Name = Name::of(c"doc_op", 15);
static CHANGES: Name = Name::of(c"doc_change", 8);
static HEADS: Name = Name::of(c"doc_head", 15);

/// Rows after which the memory that their values took is given back.
const BATCH_ROWS: usize = 100;

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

/// What a document has of changes, of those that they depend on, and of their actors.
pub fn known(project: ProjectId, line: &DocLine, changes: &[DocChange]) -> Result<DocKnown> {
    const CHANGES: &str = "SELECT c.hash, c.max_op FROM unnest($4::bytea[]) AS w (hash)
        CROSS JOIN unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.hash = w.hash AND s.place <= l.last OFFSET 0) c";
    const ACTORS: &str = "SELECT w.actor, c.actor_seq FROM unnest($4::bytea[]) AS w (actor)
        CROSS JOIN unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT s.actor_seq FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.actor = w.actor AND s.place <= l.last
            ORDER BY s.actor_seq DESC LIMIT 1) c";
    let hashes: BTreeSet<ChangeHash> =
        changes.iter().flat_map(|change| change.deps().iter().copied().chain([change.hash()])).collect();
    let actors: BTreeSet<&DocActor> = changes.iter().map(DocChange::actor).collect();
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.0.to_vec()).collect();
    let actors: Vec<Vec<u8>> = actors.iter().map(|actor| actor.to_bytes().to_vec()).collect();
    let of = |what: Vec<Vec<u8>>| -> [Arg; 4] {
        let (docs, lasts) = line.columns();
        [project.pg().into(), docs.into(), lasts.into(), what.into()]
    };
    let changes = db::read(CHANGES, &of(hashes), |row| {
        Ok((change_hash(row.get("hash")?)?, row.get::<i64>("max_op")?.unsigned_abs()))
    })?;
    let found = db::read(ACTORS, &of(actors), |row| {
        let actor = DocActor::from(row.get::<&[u8]>("actor")?);
        Ok((actor, row.get::<i64>("actor_seq")?.unsigned_abs()))
    })?;
    // Who wrote before a branch began and goes on there has changes of both.
    let mut actors = HashMap::new();
    for (actor, last) in found {
        actors.entry(actor).and_modify(|known: &mut u64| *known = last.max(*known)).or_insert(last);
    }
    Ok(DocKnown { changes: changes.into_iter().collect(), actors })
}

fn change_hash(bytes: &[u8]) -> Result<ChangeHash> {
    ChangeHash::try_from(bytes).map_err(|_| Error::internal("a stored hash of a change has another length"))
}

/// Which of these changes a document has.
pub fn has(project: ProjectId, line: &DocLine, hashes: &Heads) -> Result<Heads> {
    const SQL: &str = "SELECT c.hash FROM unnest($4::bytea[]) AS w (hash)
        CROSS JOIN unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.hash = w.hash AND s.place <= l.last OFFSET 0) c";
    let hashes: Vec<Vec<u8>> = hashes.as_slice().iter().map(|hash| hash.0.to_vec()).collect();
    let (docs, lasts) = line.columns();
    let args: [Arg; 4] = [project.pg().into(), docs.into(), lasts.into(), hashes.into()];
    let found = db::read(SQL, &args, |row| change_hash(row.get("hash")?))?;
    Ok(Heads::new(found))
}

/// The changes of a document after a place and up to another.
pub fn changes(project: ProjectId, line: &DocLine, after: i64, up_to: i64) -> Result<Vec<DocChange>> {
    const SQL: &str = "SELECT c.place, c.bytes FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT s.place, s.bytes FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.place > $4 AND s.place <= LEAST($5, l.last)
            ORDER BY s.place) c";
    let limits = DocLimits::LARGEST;
    let (docs, lasts) = line.columns();
    let args: [Arg; 5] = [project.pg().into(), docs.into(), lasts.into(), after.into(), up_to.into()];
    let mut found = db::read(SQL, &args, |row| {
        let change = DocChange::read(row.get("bytes")?, &limits);
        Ok((row.get::<i64>("place")?, change.map_err(|_| unsound(line))?))
    })?;
    found.sort_by_key(|(place, _)| *place);
    let is_whole = found.iter().zip(after + 1..).all(|((place, _), right)| *place == right)
        && found.len() as i64 == (up_to - after).max(0);
    if !is_whole {
        return Err(unsound(line));
    }
    Ok(found.into_iter().map(|(_, change)| change).collect())
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
pub fn last_of(project: ProjectId, line: &DocLine, actor: &DocActor) -> Result<u64> {
    const SQL: &str = "SELECT c.actor_seq FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT s.actor_seq FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.actor = $4 AND s.place <= l.last
            ORDER BY s.actor_seq DESC LIMIT 1) c";
    let (docs, lasts) = line.columns();
    let args: [Arg; 4] = [project.pg().into(), docs.into(), lasts.into(), actor.to_bytes().into()];
    let last = db::read(SQL, &args, |row| row.get::<i64>("actor_seq"))?;
    Ok(last.into_iter().max().map_or(0, i64::unsigned_abs))
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
pub fn bundle_of(project: ProjectId, line: &DocLine, change: &ChangeHash) -> Result<Seq> {
    const SQL: &str = "SELECT o.bundle_seq FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT s.place FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.hash = $4 AND s.place <= l.last OFFSET 0) c
        CROSS JOIN LATERAL (
            SELECT s.bundle_seq FROM quire_store.doc_op s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND c.place >= s.first_place
              AND c.place < s.first_place + s.change_count LIMIT 1) o";
    let (docs, lasts) = line.columns();
    let args: [Arg; 4] = [project.pg().into(), docs.into(), lasts.into(), change.0.as_slice().into()];
    db::read_one(SQL, &args, |row| row.get("bundle_seq"))?.ok_or_else(|| unsound(line))
}
