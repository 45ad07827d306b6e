//! SQL of queries over documents. There is one statement for each way to go through them, whatever a query asks: what it asks are
//! parameters, a jsonpath among them.

use super::list::{self, NameRange};
use super::{DocHead, DocLine, stored_heads};
use crate::db::{self, Arg};
use crate::ids::{Pg, ProjectId, Seq};
use crate::jsonb::{Json, JsonDatum, JsonPathText};
use quire_core::branch::Lineage;
use quire_core::doc::Heads;
use quire_core::error::Result;
use quire_core::query::{CompiledCondition, DocOrder, MAX_SORT_PATHS, NOTHING_SORTED, QueryCursor};
use serde_json::{Value, json};

/// Documents of a branch in some order, of those whose JSON is kept, and for which a condition holds.
pub struct KeptPage<'a> {
    pub project: ProjectId,
    pub branch: &'a str,
    pub names: &'a NameRange,
    pub condition: &'a CompiledCondition,
    pub order: &'a DocOrder,
    pub after: Option<&'a QueryCursor>,
    pub most: usize,
}

/// A document that was found.
pub struct PagedDoc {
    /// What it is sorted by.
    pub key: Vec<u8>,
    pub doc: String,
    pub heads: Heads,
    pub seq: Seq,
    /// What is wanted of it; nothing where there was no room to hold that.
    pub value: Option<Value>,
}

/// What is kept as JSON of documents that are not deleted, and meets the condition. `jsonb_path_match` is NULL where nothing is kept.
macro_rules! kept {
    ($part:literal) => {
        concat!(
            " FROM quire_store.doc_head h
            WHERE h.project_id = $1 AND h.branch = $2 AND h.doc >= $3 AND h.doc < $4 AND h.heads <> h.deleted_heads",
            $part,
            " AND jsonb_path_match(h.tip, $5, $6, true)"
        )
    };
}

/// By name, which is the order of the primary key: it ends where the page does.
macro_rules! by_name {
    ($part:literal) => {
        concat!(
            "SELECT h.doc, h.heads, h.seq, h.tip, ''::bytea AS key",
            kept!($part),
            " AND h.doc > $8 ORDER BY h.doc LIMIT $9"
        )
    };
}

/// By values at paths.
macro_rules! by_key {
    ($part:literal) => {
        concat!(
            "SELECT d.doc, d.heads, d.seq, d.tip, d.key FROM (
                SELECT h.doc, h.heads, h.seq, h.tip,
                       quire_store.doc_sort_key(h.tip #> $10, h.tip #> $11, h.tip #> $12, $13) AS key",
            kept!($part),
            " OFFSET 0) d
            WHERE (d.key, d.doc) > ($14, $8) ORDER BY d.key, d.doc LIMIT $9"
        )
    };
}

impl KeptPage<'_> {
    fn sql(&self) -> &'static str {
        const BY_NAME: &str = by_name!("");
        const BY_NAME_WITH_PART: &str = by_name!(" AND h.tip @> $7");
        const BY_KEY: &str = by_key!("");
        const BY_KEY_WITH_PART: &str = by_key!(" AND h.tip @> $7");
        match (self.order.by.is_empty(), self.condition.part.is_some()) {
            (true, false) => BY_NAME,
            (true, true) => BY_NAME_WITH_PART,
            (false, false) => BY_KEY,
            (false, true) => BY_KEY_WITH_PART,
        }
    }

    fn counting(&self) -> &'static str {
        const COUNT: &str = concat!("SELECT count(*) AS count", kept!(""));
        const COUNT_WITH_PART: &str = concat!("SELECT count(*) AS count", kept!(" AND h.tip @> $7"));
        if self.condition.part.is_some() { COUNT_WITH_PART } else { COUNT }
    }

    /// The parts of the path that documents are sorted by, of those that there may be.
    fn path(&self, number: usize) -> Option<Vec<String>> {
        self.order.by.get(number).map(|(path, _)| path.parts().to_vec())
    }

    fn after(&self) -> (&str, &[u8]) {
        self.after.map_or(("", NOTHING_SORTED), |after| (after.doc.as_str(), after.key.as_slice()))
    }

    fn args(&self) -> [Arg<'_>; 11 + MAX_SORT_PATHS] {
        let (doc, key) = self.after();
        [
            self.project.pg().into(),
            self.branch.into(),
            self.names.from.as_str().into(),
            self.names.before.as_str().into(),
            JsonPathText(&self.condition.jsonpath).into(),
            Json(self.condition.vars.clone()).into(),
            self.condition.part.clone().map(Json).into(),
            doc.into(),
            (self.most as i64).into(),
            self.path(0).into(),
            self.path(1).into(),
            self.path(2).into(),
            self.order.descending().into(),
            key.into(),
        ]
    }

    /// The same for people.
    fn shown_args(&self) -> Vec<Value> {
        let (doc, key) = self.after();
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = json!([
            self.project,
            self.branch,
            self.names.from,
            self.names.before,
            self.condition.jsonpath,
            self.condition.vars,
            self.condition.part,
            doc,
            self.most,
            self.path(0),
            self.path(1),
            self.path(2),
            self.order.descending(),
            format!("\\x{hex}")
        ]);
        shown.as_array().cloned().unwrap_or_default()
    }

    /// The documents; `make` makes of their JSON what is wanted.
    pub fn read(
        &self,
        mut make: impl FnMut(Option<JsonDatum>) -> Result<Option<Value>>,
    ) -> Result<Vec<PagedDoc>> {
        db::read(self.sql(), &self.args(), |row| {
            Ok(PagedDoc {
                key: row.get("key")?,
                doc: row.get("doc")?,
                heads: stored_heads(row.get("heads")?)?,
                seq: row.get("seq")?,
                value: make(row.opt("tip")?)?,
            })
        })
    }

    /// How many there are, on all pages together.
    pub fn count(&self) -> Result<i64> {
        let count = db::read_one(self.counting(), &self.args(), |row| row.get("count"))?;
        Ok(count.unwrap_or_default())
    }

    /// How PostgreSQL finds them, and how it counts them.
    pub fn explain(&self, is_counted: bool) -> Result<Vec<Value>> {
        let mut all = vec![explained("page", self.sql(), &self.args(), self.shown_args())?];
        if is_counted {
            all.push(explained("count", self.counting(), &self.args(), self.shown_args())?);
        }
        Ok(all)
    }
}

/// A state of a document, which is not deleted in it.
pub struct DocAt {
    pub doc: String,
    pub line: DocLine,
    pub heads: Heads,
    pub seq: Seq,
    /// How many changes it had then.
    pub had: i64,
    /// How many it has now, and its heads now.
    pub changes: i64,
    pub newest: Heads,
    /// What it holds, if that is kept.
    pub tip: Option<Value>,
}

/// States of documents of a branch, by name.
pub struct DocsAt<'a> {
    pub project: ProjectId,
    /// As it is meant: up to a seq, if that is so.
    pub lineage: &'a Lineage,
    pub names: &'a NameRange,
    /// Only names after this one.
    pub after: &'a str,
    pub most: i64,
}

const NOW: &str = "SELECT d.doc, d.doc_id, d.heads, d.seq, d.change_count, d.tip FROM quire_store.doc_head d
    WHERE d.project_id = $1 AND d.branch = $2 AND d.doc >= $3 AND d.doc < $4 AND d.doc > $5 AND d.heads <> d.deleted_heads
      AND (d.tip IS NULL OR $7)
    ORDER BY d.doc LIMIT $6";

const THEN: &str =
    "SELECT d.doc, d.doc_id, o.heads, l.bundle_seq, o.place, d.change_count, d.heads AS newest,
           CASE WHEN d.heads = o.heads THEN d.tip END AS tip
    FROM quire_store.doc_head d
    CROSS JOIN LATERAL (
        SELECT s.heads, s.first_place + s.change_count - 1 AS place FROM quire_store.doc_op s
        WHERE s.project_id = $1 AND s.doc_id = d.doc_id AND s.bundle_seq <= $7 AND s.op = 'doc.change'
        ORDER BY s.bundle_seq DESC, s.ordinal DESC LIMIT 1) o
    CROSS JOIN LATERAL (
        SELECT s.bundle_seq FROM quire_store.doc_op s
        WHERE s.project_id = $1 AND s.doc_id = d.doc_id AND s.bundle_seq <= $7
        ORDER BY s.bundle_seq DESC LIMIT 1) l
    WHERE d.project_id = $1 AND d.branch = $2 AND d.doc >= $3 AND d.doc < $4 AND d.doc > $5
      AND EXISTS (
        SELECT FROM unnest(o.heads) AS h (hash)
        WHERE NOT EXISTS (
            SELECT FROM quire_store.doc_op s
            WHERE s.project_id = $1 AND s.doc_id = d.doc_id AND s.op = 'doc.delete' AND s.bundle_seq <= $7
              AND h.hash = ANY (s.heads)))
    ORDER BY d.doc LIMIT $6";

impl DocsAt<'_> {
    fn args<'s>(&'s self, last: Arg<'s>) -> [Arg<'s>; 7] {
        [
            self.project.pg().into(),
            self.lineage.name().into(),
            self.names.from.as_str().into(),
            self.names.before.as_str().into(),
            self.after.into(),
            self.most.into(),
            last,
        ]
    }

    fn shown_args(&self, last: Value) -> Vec<Value> {
        let shown = json!([
            self.project,
            self.lineage.name(),
            self.names.from,
            self.names.before,
            self.after,
            self.most,
            last
        ]);
        shown.as_array().cloned().unwrap_or_default()
    }

    /// As they are now; all, or those whose JSON is not kept.
    pub fn now(&self, also_kept: bool) -> Result<Vec<DocAt>> {
        if !self.is_main() {
            return self.of_branch();
        }
        db::read(NOW, &self.args(also_kept.into()), |row| {
            let heads = stored_heads(row.get("heads")?)?;
            let changes = row.get("change_count")?;
            Ok(DocAt {
                doc: row.get("doc")?,
                line: DocLine::own(row.get("doc_id")?),
                newest: heads.clone(),
                heads,
                seq: row.get("seq")?,
                had: changes,
                changes,
                tip: row.opt("tip")?.map(JsonDatum::tree).transpose()?,
            })
        })
    }

    /// As they were at a seq.
    pub fn then(&self, seq: Seq) -> Result<Vec<DocAt>> {
        if !self.is_main() {
            return self.of_branch();
        }
        db::read(THEN, &self.args(seq.pg().into()), |row| {
            Ok(DocAt {
                doc: row.get("doc")?,
                line: DocLine::own(row.get("doc_id")?),
                heads: stored_heads(row.get("heads")?)?,
                seq: row.get("bundle_seq")?,
                had: row.get("place")?,
                changes: row.get("change_count")?,
                newest: stored_heads(row.get("newest")?)?,
                tip: row.opt("tip")?.map(JsonDatum::tree).transpose()?,
            })
        })
    }

    /// What is kept of main stands in rows of its own; a branch has rows of several.
    fn is_main(&self) -> bool {
        self.lineage.levels.len() == 1
    }

    /// Along the lineage of a branch.
    fn of_branch(&self) -> Result<Vec<DocAt>> {
        let found = list::inherited(self.project, self.lineage, (self.names, self.after), self.most)?;
        let states = found.into_iter().map(|(doc, head)| {
            let tip = super::tip(self.project, &doc, &head)?.map(JsonDatum::tree).transpose()?;
            let DocHead { line, summary, seq, .. } = head;
            let (heads, newest) = (summary.heads.clone(), summary.heads);
            Ok(DocAt { doc, line, heads, seq, had: summary.changes, changes: summary.changes, newest, tip })
        });
        states.collect()
    }

    fn explain_branch(&self) -> Result<Value> {
        let branches: Vec<String> = self.lineage.levels.iter().map(|(branch, _)| branch.clone()).collect();
        let (from, before) = (self.names.from.as_str(), self.names.before.as_str());
        let shown = json!([self.project, branches, from, before, self.after, self.most]);
        let args: [Arg; 6] = [
            self.project.pg().into(),
            branches.into(),
            from.into(),
            before.into(),
            self.after.into(),
            self.most.into(),
        ];
        explained("branch", list::NAMES, &args, shown.as_array().cloned().unwrap_or_default())
    }

    /// How PostgreSQL finds those whose JSON is not kept, or all, or those at a seq, or the names that a branch may have.
    pub fn explain(&self, at: Option<Seq>, also_kept: bool) -> Result<Value> {
        if !self.is_main() {
            return self.explain_branch();
        }
        match at {
            None => {
                let finds = if also_kept { "all" } else { "not kept" };
                explained(finds, NOW, &self.args(also_kept.into()), self.shown_args(also_kept.into()))
            }
            Some(seq) => explained("past", THEN, &self.args(seq.pg().into()), self.shown_args(seq.into())),
        }
    }
}

/// A statement, what it gets, and how PostgreSQL would run it.
fn explained(finds: &str, sql: &'static str, args: &[Arg], shown_args: Vec<Value>) -> Result<Value> {
    let plan = db::plan_of(sql, args)?;
    let mut indexes = Vec::new();
    add_indexes(&plan, &mut indexes);
    Ok(json!({"finds": finds, "sql": sql, "parameters": shown_args, "plan": plan, "indexes": indexes}))
}

/// The indexes that a plan names, each once.
fn add_indexes(plan: &Value, indexes: &mut Vec<Value>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| add_indexes(part, indexes)),
        Value::Object(members) => {
            if let Some(index) = members.get("Index Name").filter(|index| !indexes.contains(index)) {
                indexes.push(index.clone());
            }
            members.values().for_each(|part| add_indexes(part, indexes));
        }
        _ => {}
    }
}
