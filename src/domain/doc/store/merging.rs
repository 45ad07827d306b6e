//! SQL of what one branch has of documents and another one lacks.

use super::line::DocLine;
use super::unsound;
use crate::db::{self, Arg};
use crate::ids::{Pg, ProjectId, Seq};
use quire_core::doc::{DocChange, DocLimits};
use quire_core::error::Result;

/// Names of documents that were written on a branch after a seq.
pub fn written_after(project: ProjectId, branch: &str, seq: Seq) -> Result<Vec<String>> {
    const SQL: &str = "SELECT d.doc FROM quire_store.doc_head d
        WHERE d.project_id = $1 AND d.branch = $2 AND d.seq > $3";
    db::read(SQL, &[project.pg().into(), branch.into(), seq.pg().into()], |row| row.get("doc"))
}

/// The statement behind both that look for changes which a line has and another one has not.
macro_rules! lacking {
    ($what:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS l (doc_id, first, last)
        CROSS JOIN LATERAL (
            SELECT s.place, s.hash, s.bytes FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.place > l.first AND s.place <= LEAST(l.last, $5)
            ORDER BY s.place) c
        WHERE NOT EXISTS (
            SELECT FROM unnest($6::bigint[], $7::bigint[]) AS t (doc_id, last)
            CROSS JOIN LATERAL (
                SELECT s.place FROM quire_store.doc_change s
                WHERE s.project_id = $1 AND s.doc_id = t.doc_id AND s.hash = c.hash AND s.place <= t.last OFFSET 0) h)"
        )
    };
}

/// The first changes of a document of one line that another line has not, each after those it depends on.
pub fn lacking(
    project: ProjectId,
    source: &DocLine,
    changes: i64,
    target: &DocLine,
) -> Result<Vec<DocChange>> {
    const SQL: &str = lacking!("c.place, c.bytes");
    let mut found = db::read(SQL, &args(project, source, changes, target), |row| {
        let change = DocChange::read(row.get("bytes")?, &DocLimits::LARGEST);
        Ok((row.get::<i64>("place")?, change.map_err(|_| unsound(source))?))
    })?;
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, change)| change).collect())
}

/// How many these are.
pub fn count_lacking(project: ProjectId, source: &DocLine, changes: i64, target: &DocLine) -> Result<i64> {
    const SQL: &str = lacking!("count(*) AS count");
    let count = db::read_one(SQL, &args(project, source, changes, target), |row| row.get("count"))?;
    Ok(count.unwrap_or_default())
}

fn args(project: ProjectId, source: &DocLine, changes: i64, target: &DocLine) -> [Arg<'static>; 7] {
    let (docs, firsts, lasts) = source.beyond(target);
    let (targets, bounds) = target.columns();
    [
        project.pg().into(),
        docs.into(),
        firsts.into(),
        lasts.into(),
        changes.into(),
        targets.into(),
        bounds.into(),
    ]
}
