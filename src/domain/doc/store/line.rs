//! Where the changes of a document are: those of its own branch, and before them those that its branch has from others.
//!
//! A branch copies nothing. A document that nobody has written on it has no row there: it is what the parent had. The first write gives it
//! one, whose changes go on counting where the parent's end.

use super::{Arg, DocId, HEADS, Row, db, key_of, stored_heads};
use crate::db::rows::{Rows, Sight};
use crate::domain::branch;
use crate::ids::{Pg, ProjectId, Seq};
use quire_core::branch::{Branch, Lineage};
use quire_core::doc::{DocSummary, Heads};
use quire_core::error::Result;
use quire_core::interrupt;
use quire_core::key::DocKey;
use std::collections::{BTreeMap, BTreeSet};

/// What [`doc_summary`] reads of a table `d`, and what else names the document.
macro_rules! columns_of_doc {
    () => {
        "d.doc_id, d.heads, d.deleted_heads, d.change_count, d.change_bytes, d.op_count, d.max_op, d.seq"
    };
}

/// The same, where there is one table.
const COLUMNS: &str = "doc_id, heads, deleted_heads, change_count, change_bytes, op_count, max_op, seq";

/// Documents whose changes one document has, the oldest first, each with the last place of its own that counts.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DocLine(Vec<(DocId, i64)>);

impl DocLine {
    /// Of a document that has all its changes itself.
    pub fn own(doc: DocId) -> Self {
        Self(vec![(doc, i64::MAX)])
    }

    /// The same, and what the document has itself.
    #[must_use]
    pub fn and(mut self, doc: DocId) -> Self {
        self.0.push((doc, i64::MAX));
        self
    }

    /// Whether it is all of one document.
    pub fn is_whole(&self) -> bool {
        matches!(self.0.as_slice(), [] | [(_, i64::MAX)])
    }

    /// What of it names the document in errors.
    pub fn last(&self) -> DocId {
        self.0.last().map_or(DocId(0), |(doc, _)| *doc)
    }

    /// The parts of it that another line has not, as a whole or from a place on: the documents, and between which places.
    pub fn beyond(&self, other: &Self) -> (Vec<i64>, Vec<i64>, Vec<i64>) {
        let (mut docs, mut firsts, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
        for (doc, last) in &self.0 {
            let shared = other.0.iter().find(|(theirs, _)| theirs == doc).map_or(0, |(_, last)| *last);
            if shared < *last {
                docs.push(doc.0);
                firsts.push(shared);
                lasts.push(*last);
            }
        }
        (docs, firsts, lasts)
    }

    /// As columns of a table beside statements: the documents, and their last places.
    pub fn columns(&self) -> (Vec<i64>, Vec<i64>) {
        self.0.iter().map(|(doc, place)| (doc.0, *place)).unzip()
    }
}

/// A document as it is, or was.
#[derive(Clone, Debug)]
pub struct DocHead {
    pub line: DocLine,
    pub summary: DocSummary,
    /// The bundle that made it what it is.
    pub seq: Seq,
    /// The branch on which that was.
    pub branch: String,
    /// Its own number on the branch that was asked for; `None` where nobody has written it there.
    pub own: Option<DocId>,
}

/// Lineages of branches, each looked up once.
pub struct Lineages {
    project: ProjectId,
    known: BTreeMap<String, Option<Lineage>>,
    /// Branches as the log alone makes them, and the numbers of documents as it gives them, for who does not trust the rows beside it.
    logged: Option<(BTreeMap<String, Branch>, BTreeMap<DocKey, DocId>)>,
}

impl Lineages {
    /// Of a project.
    pub fn of(project: ProjectId) -> Self {
        Self { project, known: BTreeMap::new(), logged: None }
    }

    /// Of a project, as its log alone makes them, with the documents that its operations are about.
    pub fn logged(project: ProjectId, docs: BTreeMap<DocKey, DocId>) -> Result<Self> {
        let made = branch::store::made_by(project, Seq::MAX)?;
        let branches = made.into_iter().map(|(name, made)| (name, made.branch)).collect();
        Ok(Self { project, known: BTreeMap::new(), logged: Some((branches, docs)) })
    }

    /// Of a branch, whatever may be done to it; `None` when it was never there.
    pub fn get(&mut self, branch: &str) -> Result<Option<Lineage>> {
        if let Some(known) = self.known.get(branch) {
            return Ok(known.clone());
        }
        let found = match &self.logged {
            Some((branches, _)) => Lineage::of(branches, branch),
            None => branch::store::lineage(self.project, branch)?,
        };
        self.known.insert(branch.to_owned(), found.clone());
        Ok(found)
    }

    /// A document as a lineage has it; `None` when it was not there.
    pub fn at(&self, lineage: &Lineage, doc: &str) -> Result<Option<DocHead>> {
        let docs = match &self.logged {
            None => numbers(self.project, lineage, doc)?,
            Some((_, docs)) => {
                let number = |branch: &str| {
                    docs.get(&DocKey { branch: branch.to_owned(), doc: doc.to_owned() }).copied()
                };
                let levels = lineage.levels.iter();
                levels.filter_map(|(branch, _)| Some((branch.clone(), number(branch)?))).collect()
            }
        };
        head_of(self.project, lineage, docs)
    }

    /// What a document is that its branch has from others.
    pub fn inherited(&mut self, key: &DocKey) -> Result<Option<DocHead>> {
        match self.get(&key.branch)? {
            Some(lineage) if lineage.levels.len() > 1 => {
                let found = self.at(&lineage.inherited(), &key.doc)?;
                Ok(found.map(|head| DocHead { own: None, ..head }))
            }
            _ => Ok(None),
        }
    }

    /// A document of which its row tells what it is.
    pub fn complete(&mut self, key: &DocKey, (doc, summary, seq): HeadRow) -> Result<DocHead> {
        let line = self.inherited(key)?.map(|head| head.line).unwrap_or_default().and(doc);
        Ok(DocHead { line, summary, seq, branch: key.branch.clone(), own: Some(doc) })
    }
}

fn doc_summary(row: &Row) -> Result<DocSummary> {
    Ok(DocSummary {
        heads: stored_heads(row.get("heads")?)?,
        deleted: stored_heads(row.get("deleted_heads")?)?,
        changes: row.get("change_count")?,
        bytes: row.get("change_bytes")?,
        ops: row.get("op_count")?,
        max_op: row.get::<i64>("max_op")?.unsigned_abs(),
    })
}

/// What the row of a document tells.
pub type HeadRow = (DocId, DocSummary, Seq);

fn head_row(row: &Row) -> Result<HeadRow> {
    Ok((row.get("doc_id")?, doc_summary(row)?, row.get("seq")?))
}

/// Some documents, by their names; those that are there.
pub fn heads(project: ProjectId, keys: &BTreeSet<DocKey>) -> Result<Vec<(DocKey, DocHead)>> {
    let rows = Rows::begin();
    let mut lineages = Lineages::of(project);
    let mut found = Vec::new();
    for key in keys {
        interrupt::check()?;
        let row = db::in_passing(|| {
            rows.find(&HEADS, Sight::Statement, &key_of(project, key), COLUMNS, |row| head_row(row).map(Some))
        })?;
        let head = match row {
            Some(row) => Some(lineages.complete(key, row)?),
            None => lineages.inherited(key)?,
        };
        found.extend(head.map(|head| (key.clone(), head)));
    }
    Ok(found)
}

/// A document, for whoever reads.
pub fn head(project: ProjectId, key: &DocKey) -> Result<Option<DocHead>> {
    let lineage = branch::store::lineage(project, &key.branch)?;
    lineage.map_or(Ok(None), |lineage| head_on(project, &lineage, &key.doc))
}

/// The same, of a branch whose lineage is known.
pub fn head_on(project: ProjectId, lineage: &Lineage, doc: &str) -> Result<Option<DocHead>> {
    const SQL: &str = concat!(
        "SELECT ",
        columns_of_doc!(),
        " FROM quire_store.doc_head d WHERE d.project_id = $1 AND d.branch = $2 AND d.doc = $3"
    );
    let key = DocKey { branch: lineage.name().to_owned(), doc: doc.to_owned() };
    let args: [Arg; 3] = [project.pg().into(), key.branch.as_str().into(), doc.into()];
    let mut lineages = Lineages::of(project);
    lineages.known.insert(key.branch.clone(), Some(lineage.clone()));
    match db::read_one(SQL, &args, head_row)? {
        Some(row) => lineages.complete(&key, row).map(Some),
        None => lineages.inherited(&key),
    }
}

/// What all rows of current state tell, each as far as it can be read.
pub fn current_rows(project: ProjectId) -> Result<Vec<(DocKey, Result<HeadRow>)>> {
    const SQL: &str = concat!(
        "SELECT d.branch, d.doc, ",
        columns_of_doc!(),
        " FROM quire_store.doc_head d WHERE d.project_id = $1 ORDER BY d.branch, d.doc"
    );
    db::read(SQL, &[project.pg().into()], |row| {
        let key = DocKey { branch: row.get("branch")?, doc: row.get("doc")? };
        Ok((key, head_row(row)))
    })
}

/// A document as a lineage has it; `None` when it was not there.
pub fn at(project: ProjectId, lineage: &Lineage, doc: &str) -> Result<Option<DocHead>> {
    head_of(project, lineage, numbers(project, lineage, doc)?)
}

/// The numbers of a document on the branches of a lineage where somebody has written it.
fn numbers(project: ProjectId, lineage: &Lineage, doc: &str) -> Result<BTreeMap<String, DocId>> {
    const SQL: &str = "SELECT d.branch, d.doc_id FROM unnest($2::text[]) AS l (branch)
        CROSS JOIN LATERAL (
            SELECT s.branch, s.doc_id FROM quire_store.doc_head s
            WHERE s.project_id = $1 AND s.branch = l.branch AND s.doc = $3 OFFSET 0) d";
    let branches: Vec<String> = lineage.levels.iter().map(|(branch, _)| branch.clone()).collect();
    let found = db::read(SQL, &[project.pg().into(), branches.into(), doc.into()], |row| {
        Ok((row.get("branch")?, row.get("doc_id")?))
    })?;
    Ok(found.into_iter().collect())
}

/// What the documents of these numbers come to along a lineage.
fn head_of(project: ProjectId, lineage: &Lineage, docs: BTreeMap<String, DocId>) -> Result<Option<DocHead>> {
    const LAST: &str =
        "SELECT l.doc_id, t.bundle_seq, o.heads, o.total_changes, o.total_bytes, o.total_ops, o.max_op
        FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS l (doc_id, seq, at)
        CROSS JOIN LATERAL (
            SELECT s.bundle_seq FROM quire_store.doc_op s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.bundle_seq <= l.seq
            ORDER BY s.bundle_seq DESC, s.ordinal DESC LIMIT 1) t
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.doc_op s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.bundle_seq <= l.seq AND s.op = 'doc.change'
            ORDER BY s.bundle_seq DESC, s.ordinal DESC LIMIT 1) o ON true
        ORDER BY l.at";
    const DELETED: &str = "SELECT o.heads FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, seq)
        CROSS JOIN LATERAL (
            SELECT s.heads FROM quire_store.doc_op s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.bundle_seq <= l.seq AND s.op = 'doc.delete' OFFSET 0) o";
    struct Level {
        doc: DocId,
        touched: Seq,
        summary: Option<DocSummary>,
    }
    let of: BTreeMap<DocId, &str> = docs.iter().map(|(branch, doc)| (*doc, branch.as_str())).collect();
    let bounds = lineage.levels.iter().filter_map(|(branch, seq)| Some((docs.get(branch)?.pg(), seq.pg())));
    let (numbers, seqs): (Vec<i64>, Vec<i64>) = bounds.unzip();
    let args = || -> [Arg; 3] { [project.pg().into(), numbers.clone().into(), seqs.clone().into()] };
    let levels = db::read(LAST, &args(), |row| {
        let summary = match row.opt("heads")? {
            None => None,
            Some(heads) => Some(DocSummary {
                heads: stored_heads(heads)?,
                deleted: Heads::default(),
                changes: row.get("total_changes")?,
                bytes: row.get("total_bytes")?,
                ops: row.get("total_ops")?,
                max_op: row.get::<i64>("max_op")?.unsigned_abs(),
            }),
        };
        Ok(Level { doc: row.get("doc_id")?, touched: row.get("bundle_seq")?, summary })
    })?;
    let Some(mut summary) = levels.iter().find_map(|level| level.summary.clone()) else { return Ok(None) };
    let deleted = db::read(DELETED, &args(), |row| stored_heads(row.get("heads")?))?;
    let deleted = deleted.iter().flat_map(|heads| heads.as_slice()).copied();
    summary.deleted = Heads::new(deleted.filter(|hash| summary.heads.contains(hash)));
    let line = levels.iter().rev().filter_map(|level| Some((level.doc, level.summary.as_ref()?.changes)));
    let line = DocLine(line.collect());
    let branch_of = |level: &Level| of.get(&level.doc).copied().unwrap_or_default();
    let own = levels.iter().find(|level| branch_of(level) == lineage.name()).map(|level| level.doc);
    let newest = levels.first().map(|level| (branch_of(level).to_owned(), level.touched));
    let (branch, seq) = newest.unwrap_or_default();
    Ok(Some(DocHead { line, summary, seq, branch, own }))
}
