//! Queries over the documents of a project.
//!
//! PostgreSQL finds the documents whose JSON is kept, by one statement. Those whose JSON is not kept, and all at a point in time, are found
//! out from their changes and looked at here, by the same conditions and in the same order.

use crate::args::required;
use crate::db::clock::to_pg;
use crate::definer::definer;
use crate::domain::doc::past;
use crate::domain::doc::store::list::NameRange;
use crate::domain::doc::store::query::{DocAt, DocsAt, KeptPage, PagedDoc};
use crate::domain::{branch, doc};
use crate::gate::{Action, require_project};
use crate::ids::{ProjectId, Seq};
use crate::jsonb::{Json, JsonArg, JsonDatum};
use crate::log::point::resolve_point;
use crate::log::quarantine;
use crate::log::store::{head_seq, mark_at};
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::branch::Lineage;
use quire_core::error::{Error, Result};
use quire_core::interrupt;
use quire_core::key::DocKey;
use quire_core::mark::Mark;
use quire_core::op::Topic;
use quire_core::op::doc::about_doc;
use quire_core::quarantine::RowKind;
use quire_core::query::{
    CompiledCondition, DocCondition, DocQuery, Expander, MAX_PAGE_BYTES, MAX_SORT_PATHS, PastPoint,
    QueryCursor, Referent, compile, sort_key, weight,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::rc::Rc;

/// Documents whose state is looked up at once.
const BATCH: i64 = 100;

/// The documents for which a condition holds.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn query_docs(project_uuid: Option<Uuid>, query: Option<JsonArg>) -> Json {
    definer(|| Asked::of(project_uuid, query)?.answer().map(Json))
}

/// How a query would be run.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn explain_query(project_uuid: Option<Uuid>, query: Option<JsonArg>) -> Json {
    definer(|| Asked::of(project_uuid, query)?.explain().map(Json))
}

/// What a document is sorted by that has these values, as bytes. Bit n of `descending` says that the greatest value n comes first. It is
/// called for every document, and looks up no name: so it pins no search path.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
fn doc_sort_key(
    first: Option<JsonArg>,
    second: Option<JsonArg>,
    third: Option<JsonArg>,
    descending: i32,
) -> Vec<u8> {
    crate::raise::or_raise(outside_key([first, second, third], descending))
}

fn outside_key(values: [Option<JsonArg>; MAX_SORT_PATHS], descending: i32) -> Result<Vec<u8>> {
    let outside = |value: Option<JsonArg>| value.map(JsonArg::outside).transpose();
    let [first, second, third] = values;
    let (first, second, third) = (outside(first)?, outside(second)?, outside(third)?);
    Ok(sort_key([first.as_ref(), second.as_ref(), third.as_ref()], descending))
}

/// A query, and the state of the project that it is about.
struct Asked {
    project: ProjectId,
    query: DocQuery,
    condition: CompiledCondition,
    names: NameRange,
    lineage: Lineage,
    /// The state that is meant, if it is not the newest.
    at: Option<Seq>,
    /// What the answer says of which state it is.
    seq: Seq,
    mark: Option<Mark>,
}

impl Asked {
    fn of(project_uuid: Option<Uuid>, query: Option<JsonArg>) -> Result<Self> {
        let project = require_project(Action::ReadDocs, project_uuid)?.project;
        let mut query = DocQuery::parse(project, &required("query", query)?.parsed("query")?)?;
        if let Some(condition) = &mut query.condition {
            let mut find = |name: &str| doc::schema::by_name(project, name);
            condition.find_schemas(&mut find).map_err(|error| error.with("member", "where"))?;
        }
        let at = match query.at {
            None => None,
            Some(PastPoint::Seq(seq)) => Some(resolve_point(project, Some(seq), None, None)),
            Some(PastPoint::Time(time)) => Some(resolve_point(project, None, Some(to_pg(time)?), None)),
        };
        let at = at.transpose().map_err(Error::of_member)?;
        let lineage = match at {
            None => branch::require(project, &query.branch)?,
            Some(seq) => branch::require_at(project, &query.branch, seq)?,
        };
        quarantine::refuse(project, [RowKind::Current(Topic::Doc)], json!({}))?;
        // What a branch has from others is what operations left there.
        if at.is_some() || lineage.levels.len() > 1 {
            quarantine::refuse_ops(project, Topic::Doc, at.unwrap_or(Seq::MAX))?;
        }
        let seq = at.map_or_else(|| head_seq(project), Ok)?;
        Ok(Self {
            project,
            condition: compile(query.condition.as_ref()),
            names: NameRange::beginning(&query.prefix),
            query,
            lineage,
            at,
            seq,
            mark: mark_at(project, seq)?,
        })
    }

    fn answer(&self) -> Result<Value> {
        let mut hits = Hits { most: self.query.limit + 1, held: 0, found: Vec::new() };
        let mut count = 0;
        let mut is_full = false;
        if let Some(kept) = self.kept() {
            let found = kept.read(|tip| {
                hits.hold_if(|| Ok(self.wanted(tip.map_or(Ok(Value::Null), JsonDatum::tree)?)))
            })?;
            is_full = found.len() == hits.most;
            hits.found = found;
            if self.query.is_counted {
                count += kept.count()?;
            }
        }
        count += self.look_at_others(&mut hits, is_full)?;
        let (docs, next, missing) = self.shown(hits)?;
        let mut answer = json!({
            "docs": docs, "next": next, "seq": self.seq, "checksum": self.mark.as_ref().map(Mark::as_str)
        });
        if self.query.is_counted {
            answer["count"] = count.into();
        }
        if !self.query.expand.is_empty() {
            answer["missing"] = missing.into();
        }
        Ok(answer)
    }

    fn explain(&self) -> Result<Value> {
        let mut statements = match self.kept() {
            Some(kept) => kept.explain(self.query.is_counted)?,
            None => Vec::new(),
        };
        statements.push(self.states(&self.names, "").explain(self.at, self.has_schema())?);
        Ok(json!({
            "statements": statements, "seq": self.seq, "checksum": self.mark.as_ref().map(Mark::as_str)
        }))
    }

    /// Whether documents are asked for that satisfy a schema, which only this side can tell.
    fn has_schema(&self) -> bool {
        self.query.condition.as_ref().is_some_and(DocCondition::has_schema)
    }

    /// What PostgreSQL looks at: what is kept of main now.
    fn kept(&self) -> Option<KeptPage<'_>> {
        let is_kept = self.at.is_none() && self.lineage.levels.len() == 1 && !self.has_schema();
        is_kept.then(|| KeptPage {
            project: self.project,
            branch: &self.query.branch,
            names: &self.names,
            condition: &self.condition,
            order: &self.query.order,
            after: self.query.after.as_ref(),
            most: self.query.limit + 1,
        })
    }

    fn states<'s>(&'s self, names: &'s NameRange, after: &'s str) -> DocsAt<'s> {
        DocsAt { project: self.project, lineage: &self.lineage, names, after, most: BATCH }
    }

    /// What is held of a document until it is shown.
    fn wanted(&self, value: Value) -> Value {
        if self.query.expand.is_empty() { self.query.projection.of(value) } else { value }
    }

    /// Looks at the documents that PostgreSQL has not looked at, and counts those for which the condition holds. Where a page is by name,
    /// it looks no further than the page reaches.
    fn look_at_others(&self, hits: &mut Hits, is_full: bool) -> Result<i64> {
        let query = &self.query;
        let is_by_name = query.order.by.is_empty() && !query.is_counted;
        let mut names = self.names.clone();
        let mut last = String::new();
        if is_by_name {
            last = query.after.as_ref().map(|after| after.doc.clone()).unwrap_or_default();
            if let Some(hit) = hits.found.last().filter(|_| is_full) {
                names.before = hit.doc.clone();
            }
        }
        let (mut count, mut added) = (0, 0);
        loop {
            let states = self.states(&names, &last);
            let states = match self.at {
                None => states.now(self.has_schema())?,
                Some(seq) => states.then(seq)?,
            };
            let Some(end) = states.last().map(|state| state.doc.clone()) else { return Ok(count) };
            for mut state in states {
                interrupt::check()?;
                let value = self.value_of(&mut state)?;
                if !query.condition.as_ref().is_none_or(|condition| condition.holds(&value)) {
                    continue;
                }
                count += 1;
                let key = query.order.key_of(&value);
                let DocAt { doc, heads, seq, .. } = state;
                if query.after.as_ref().is_some_and(|after| (&key, &doc) <= (&after.key, &after.doc)) {
                    continue;
                }
                let value = hits.hold_if(|| Ok(self.wanted(value)))?;
                hits.add(PagedDoc { key, doc, heads, seq, value });
                added += 1;
                if is_by_name && added == hits.most {
                    return Ok(count);
                }
            }
            last = end;
        }
    }

    /// What a document holds in a state.
    fn value_of(&self, state: &mut DocAt) -> Result<Value> {
        past::value(self.project, state, self.at.is_some())
            .map_err(|error| about_doc(&key(&self.query, &state.doc), error))
    }

    /// What a document of this name holds.
    fn named(&self, doc: &str) -> Result<Option<Value>> {
        // What is no name of a document is the name of none.
        if DocKey::main(doc).is_err() {
            return Ok(None);
        }
        let names = NameRange::only(doc);
        let states = self.states(&names, "");
        let found = match self.at {
            None => states.now(true)?,
            Some(seq) => states.then(seq)?,
        };
        found.into_iter().next().map(|mut state| self.value_of(&mut state)).transpose()
    }

    /// The documents of a page, the cursor of the next one, and the references that lead nowhere.
    fn shown(&self, hits: Hits) -> Result<(Vec<Value>, Option<String>, Vec<Value>)> {
        let query = &self.query;
        let mut targets: HashMap<String, Referent> = HashMap::new();
        let mut expander = Expander::new(&query.expand, query.depth, |doc: &str| {
            if let Some(known) = targets.get(doc) {
                return Ok(known.clone());
            }
            let found = self.named(doc)?.map(Rc::new);
            targets.insert(doc.to_owned(), found.clone());
            Ok(found)
        });
        let mut docs = Vec::new();
        let mut last: Option<QueryCursor> = None;
        let mut bytes = 0;
        let mut is_more = false;
        for hit in hits.sorted() {
            interrupt::check()?;
            is_more = docs.len() == query.limit;
            if is_more {
                break;
            }
            let mut value = match hit.value {
                Some(value) => value,
                None => match self.named(&hit.doc)? {
                    Some(value) => self.wanted(value),
                    // A transaction that has written sees what others have deleted meanwhile.
                    None => continue,
                },
            };
            if !query.expand.is_empty() {
                expander.expand(&hit.doc, &mut value)?;
                value = query.projection.of(value);
            }
            bytes += weight(&value);
            is_more = bytes > MAX_PAGE_BYTES && !docs.is_empty();
            if is_more {
                break;
            }
            docs.push(json!({"doc": hit.doc, "heads": hit.heads.to_texts(), "seq": hit.seq, "value": value}));
            last = Some(QueryCursor { key: hit.key, doc: hit.doc });
        }
        let next = last.filter(|_| is_more).map(|last| query.cursor(&last));
        Ok((docs, next, expander.missing()))
    }
}

fn key(query: &DocQuery, doc: &str) -> DocKey {
    DocKey { branch: query.branch.clone(), doc: doc.to_owned() }
}

/// The first documents in the order of a query, of those that were found.
struct Hits {
    most: usize,
    /// Bytes of the values that are held, about.
    held: usize,
    found: Vec<PagedDoc>,
}

impl Hits {
    /// A value, if there is room to hold it.
    fn hold_if(&mut self, make: impl FnOnce() -> Result<Value>) -> Result<Option<Value>> {
        if self.held > MAX_PAGE_BYTES {
            return Ok(None);
        }
        let value = make()?;
        self.held += weight(&value);
        Ok(Some(value))
    }

    fn add(&mut self, hit: PagedDoc) {
        self.found.push(hit);
        if self.found.len() >= 2 * self.most {
            self.sort();
            self.held = self.found.iter().flat_map(|hit| &hit.value).map(weight).sum();
        }
    }

    fn sort(&mut self) {
        self.found.sort_unstable_by(|one, other| (&one.key, &one.doc).cmp(&(&other.key, &other.doc)));
        self.found.truncate(self.most);
    }

    fn sorted(mut self) -> Vec<PagedDoc> {
        self.sort();
        self.found
    }
}
