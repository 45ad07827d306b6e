//! SQL of the readers that list documents and what happened to them.

use super::DocHead;
use crate::db::{self, Answer, Arg};
use crate::gate::store::called;
use crate::ids::{Pg, ProjectId, Seq};
use crate::log::store::mark;
use quire_core::branch::Lineage;
use quire_core::error::Result;
use quire_core::interrupt;

/// Documents that one statement describes.
const PART: usize = 400;

/// Documents of a branch that are not deleted, by name: those that begin so, after one.
pub fn docs(
    answer: &Answer,
    project: ProjectId,
    lineage: &Lineage,
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
    const INHERITED: &str = concat!(
        "SELECT d.doc, d.heads, d.change_count, d.change_bytes, d.seq, b.committed_at, b.actor_id, ",
        called!("b.actor_id"),
        ", ",
        mark!("d.seq"),
        "
        FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
            AS w (doc, heads, change_count, change_bytes, seq)
        CROSS JOIN LATERAL (
            SELECT w.doc, string_to_array(w.heads, ' ') AS heads, w.change_count, w.change_bytes, w.seq) d
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle s WHERE s.project_id = $1 AND s.seq = d.seq OFFSET 0) b ON true
        ORDER BY d.doc COLLATE \"C\""
    );
    let range = NameRange::beginning(prefix);
    if lineage.levels.len() > 1 {
        for part in inherited(project, lineage, (&range, after), most)?.chunks(PART) {
            let of =
                |column: fn(&DocHead) -> i64| part.iter().map(|(_, head)| column(head)).collect::<Vec<_>>();
            let docs: Vec<&str> = part.iter().map(|(doc, _)| doc.as_str()).collect();
            let heads: Vec<String> =
                part.iter().map(|(_, head)| head.summary.heads.to_texts().join(" ")).collect();
            let args: [Arg; 6] = [
                project.pg().into(),
                docs.into(),
                heads.into(),
                of(|head| head.summary.changes).into(),
                of(|head| head.summary.bytes).into(),
                of(|head| head.seq.pg()).into(),
            ];
            answer.add(INHERITED, &args)?;
        }
        return Ok(());
    }
    let args: [Arg; 6] = [
        project.pg().into(),
        lineage.name().into(),
        prefix.into(),
        after.into(),
        range.before.as_str().into(),
        most.into(),
    ];
    answer.add(SQL, &args).map(drop)
}

/// Names from one on and up to another, which is not among them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameRange {
    pub from: String,
    pub before: String,
}

impl NameRange {
    /// The names that begin so.
    pub fn beginning(prefix: &str) -> Self {
        // Behind whatever begins so: names are compared byte by byte, and have at most 255.
        Self { from: prefix.to_owned(), before: format!("{prefix}{}", char::MAX.to_string().repeat(64)) }
    }

    /// This name: the next one has a control character.
    pub fn only(name: &str) -> Self {
        Self { from: name.to_owned(), before: format!("{name}\u{1}") }
    }
}

/// Names of documents that were ever written on one of some branches.
pub const NAMES: &str = "SELECT DISTINCT d.doc FROM unnest($2::text[]) AS l (branch)
    CROSS JOIN LATERAL (
        SELECT h.doc FROM quire_store.doc_head h
        WHERE h.project_id = $1 AND h.branch = l.branch AND h.doc >= $3 AND h.doc < $4 AND h.doc > $5
        ORDER BY h.doc LIMIT $6) d
    ORDER BY d.doc LIMIT $6";

/// The documents that a branch has and that are not deleted, those included that it has from others, by name, after one.
pub fn inherited(
    project: ProjectId,
    lineage: &Lineage,
    (range, after): (&NameRange, &str),
    most: i64,
) -> Result<Vec<(String, DocHead)>> {
    let branches: Vec<String> = lineage.levels.iter().map(|(branch, _)| branch.clone()).collect();
    let most = usize::try_from(most).unwrap_or_default();
    let mut found = Vec::new();
    let mut after = after.to_owned();
    // Names of what is deleted, or came to a parent after the branch began, make a page of names one of fewer documents.
    while found.len() < most {
        let wanted = (most - found.len()).max(100) as i64;
        let args: [Arg; 6] = [
            project.pg().into(),
            branches.clone().into(),
            range.from.as_str().into(),
            range.before.as_str().into(),
            after.as_str().into(),
            wanted.into(),
        ];
        let names: Vec<String> = db::read(NAMES, &args, |row| row.get("doc"))?;
        let is_last = (names.len() as i64) < wanted;
        for doc in names {
            interrupt::check()?;
            after.clone_from(&doc);
            let head = super::at(project, lineage, &doc)?.filter(|head| !head.summary.is_deleted());
            found.extend(head.map(|head| (doc, head)));
            if found.len() == most {
                return Ok(found);
            }
        }
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// Operations on a document of a branch before a seq, newest first, those included that its branch has from others.
pub fn history(
    answer: &Answer,
    project: ProjectId,
    (lineage, doc): (&Lineage, &str),
    before: Seq,
    most: i64,
) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT o.bundle_seq, o.op, o.heads, o.change_count, u.actor_id, ",
        called!("u.actor_id"),
        ", u.kind, u.message, u.bundle_id, u.committed_at
        FROM (SELECT a.* FROM unnest($2::text[], $3::bigint[]) AS l (branch, seq)
              CROSS JOIN LATERAL (
                  SELECT h.doc_id FROM quire_store.doc_head h
                  WHERE h.project_id = $1 AND h.branch = l.branch AND h.doc = $4 OFFSET 0) d
              CROSS JOIN LATERAL (
                  SELECT s.* FROM quire_store.doc_op s
                  WHERE s.project_id = $1 AND s.doc_id = d.doc_id AND s.bundle_seq < $5 AND s.bundle_seq <= l.seq
                  ORDER BY s.bundle_seq DESC FETCH FIRST $6 ROWS WITH TIES) a
              ORDER BY a.bundle_seq DESC FETCH FIRST $6 ROWS WITH TIES) o
        JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = o.bundle_seq OFFSET 0) u ON true
        ORDER BY o.bundle_seq DESC, o.ordinal DESC"
    );
    let (branches, seqs): (Vec<String>, Vec<i64>) =
        lineage.levels.iter().map(|(branch, seq)| (branch.clone(), seq.pg())).unzip();
    let args: [Arg; 6] =
        [project.pg().into(), branches.into(), seqs.into(), doc.into(), before.pg().into(), most.into()];
    answer.add(SQL, &args).map(drop)
}
