//! Reading a query.

use super::condition::{Comparison, DocCondition, PathTest, SchemaTest};
use super::cursor::QueryCursor;
use super::order::DocOrder;
use super::path::QueryPath;
use super::projection::Projection;
use super::{
    DEFAULT_LIMIT, MAX_CONDITIONS, MAX_DEPTH, MAX_EXPAND_PATHS, MAX_LIMIT, MAX_NESTING, MAX_PATH_INDEXES,
    MAX_SCHEMAS_ASKED, MAX_SORT_PATHS, MAX_VALUES,
};
use crate::doc::tree::MAX_PATHS;
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::id::{ProjectId, Seq};
use crate::interrupt;
use crate::json::Members;
use crate::key::DocKey;
use crate::schema::schema_name;
use crate::text::shorten;
use crate::timestamp::{Micros, parse_rfc3339};
use serde_json::{Value, json};

/// A query over the documents of a project.
#[derive(Clone, PartialEq, Debug)]
pub struct DocQuery {
    /// Of this branch,
    pub branch: String,
    /// those whose names begin so,
    pub prefix: String,
    /// for which this holds;
    pub condition: Option<DocCondition>,
    /// this much of them,
    pub projection: Projection,
    /// in this order,
    pub order: DocOrder,
    /// so many,
    pub limit: usize,
    /// after this one.
    pub after: Option<QueryCursor>,
    /// Whether all for which the condition holds are counted.
    pub is_counted: bool,
    /// As they were then.
    pub at: Option<PastPoint>,
    /// The paths along which references are followed,
    pub expand: Vec<QueryPath>,
    /// so many of them one behind the other.
    pub depth: usize,
    /// What cursors of the query are good for.
    hash: Hash,
}

/// A point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PastPoint {
    /// At a bundle.
    Seq(Seq),
    /// At a time.
    Time(Micros),
}

impl DocQuery {
    /// Reads a query over the documents of a project.
    ///
    /// Errors: `ValidationError` for what is none, naming what is wrong with it; `LimitError` for more than a query may have.
    pub fn parse(project: ProjectId, value: &Value) -> Result<Self> {
        let mut members = Members::of("query", value)?;
        let branch = members.opt_str("branch")?.unwrap_or(DocKey::MAIN);
        // As a name it is checked with the branch; it may be empty, and end in the middle of a name.
        let prefix = members.opt_str("prefix")?.unwrap_or_default();
        let name = DocKey::parse(branch, if prefix.is_empty() { "any" } else { prefix });
        let branch = name.map_err(|error| match error.member("argument") {
            Some(argument) if argument == "doc" => members.wrong("prefix", "what a name may begin with"),
            _ => error.of_member(),
        })?;
        let mut budget = Budget::default();
        let condition = members.opt("where");
        let condition = condition.map(|value| budget.condition("where", value, 0)).transpose()?;
        let projection = projection(&members, value.get("select"))?;
        members.opt("select");
        let order = order(&mut members)?;
        let limit = within(&mut members, "limit", MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
        let is_counted = members.opt("count").map(Value::as_bool).unwrap_or(Some(false));
        let is_counted = is_counted.ok_or_else(|| members.wrong("count", "true or false"))?;
        let at = past_point(&mut members)?;
        let expand = expand(&mut members)?;
        let depth = within(&mut members, "depth", MAX_DEPTH)?.unwrap_or(1);
        // What decides which documents there are, and in which order.
        let parts = ["where", "sort", "at_seq", "at_time"].map(|part| value.get(part));
        let hash = Hash::of(json!([project, branch.branch, prefix, parts]).to_string().as_bytes());
        let after = members.opt_str("after")?.map(|text| QueryCursor::parse(text, &hash)).transpose()?;
        members.finish()?;
        Ok(Self {
            branch: branch.branch,
            prefix: prefix.to_owned(),
            condition,
            projection,
            order,
            limit,
            after,
            is_counted,
            at,
            expand,
            depth,
            hash,
        })
    }

    /// A page that ended with this document goes on from there.
    pub fn cursor(&self, after: &QueryCursor) -> String {
        after.to_text(&self.hash)
    }
}

/// An integer from 1 on.
fn within(members: &mut Members, key: &'static str, most: usize) -> Result<Option<usize>> {
    let Some(number) = members.opt_i64(key)? else { return Ok(None) };
    let number = usize::try_from(number).ok().filter(|number| (1..=most).contains(number));
    number.map(Some).ok_or_else(|| members.wrong(key, &format!("an integer from 1 to {most}")))
}

fn past_point(members: &mut Members) -> Result<Option<PastPoint>> {
    let seq = members.opt_seq("at_seq")?.map(PastPoint::Seq);
    let time = members.opt_str("at_time")?.map(|text| {
        let time = parse_rfc3339(text).map(PastPoint::Time);
        time.ok_or_else(|| members.wrong("at_time", "a time of RFC 3339, such as 2026-01-02T03:04:05Z"))
    });
    match (seq, time.transpose()?) {
        (Some(_), Some(_)) => {
            Err(Error::validation("give at most one of at_seq and at_time").with("member", "at_time"))
        }
        (seq, time) => Ok(seq.or(time)),
    }
}

/// `["/a"]`, whose paths are the names of what they lead to, or `{"name": "/a"}`.
fn projection(members: &Members, select: Option<&Value>) -> Result<Projection> {
    let wrong = || members.wrong("select", "an array of paths, or an object of names and paths");
    let named = |name: &str, path: &Value| {
        let path = QueryPath::parse("select", path.as_str().ok_or_else(wrong)?).map_err(Error::of_member)?;
        Ok((name.to_owned(), path))
    };
    let paths = match select {
        None | Some(Value::Null) => return Ok(Projection::Whole),
        Some(Value::Array(paths)) => {
            at_most("select", "paths", paths.len(), MAX_PATHS)?;
            paths.iter().map(|path| named(path.as_str().unwrap_or_default(), path)).collect::<Result<_>>()?
        }
        Some(Value::Object(paths)) => {
            at_most("select", "paths", paths.len(), MAX_PATHS)?;
            paths.iter().map(|(name, path)| named(name, path)).collect::<Result<_>>()?
        }
        Some(_) => return Err(wrong()),
    };
    Ok(Projection::Paths(paths))
}

fn order(members: &mut Members) -> Result<DocOrder> {
    let Some(sort) = members.opt("sort") else { return Ok(DocOrder::default()) };
    let sort = sort.as_array().ok_or_else(|| members.wrong("sort", "an array"))?;
    at_most("sort", "paths", sort.len(), MAX_SORT_PATHS)?;
    let one = |(at, item): (usize, &Value)| {
        let what = format!("sort[{at}]");
        let mut members = Members::of(what.clone(), item)?;
        let path = QueryPath::parse(&what, members.str("path")?).map_err(Error::of_member)?;
        if !path.is_plain() {
            return Err(members.wrong("path", "without a number that is no index, such as 01 or -1"));
        }
        let is_descending = members.opt("desc").map(Value::as_bool).unwrap_or(Some(false));
        let is_descending = is_descending.ok_or_else(|| members.wrong("desc", "true or false"))?;
        members.finish()?;
        Ok((path, is_descending))
    };
    Ok(DocOrder { by: sort.iter().enumerate().map(one).collect::<Result<_>>()? })
}

fn expand(members: &mut Members) -> Result<Vec<QueryPath>> {
    let Some(expand) = members.opt("expand") else { return Ok(Vec::new()) };
    let wrong = || members.wrong("expand", "an array of paths");
    let expand = expand.as_array().ok_or_else(wrong)?;
    at_most("expand", "paths", expand.len(), MAX_EXPAND_PATHS)?;
    let one =
        |path: &Value| QueryPath::parse("expand", path.as_str().ok_or_else(wrong)?).map_err(Error::of_member);
    expand.iter().map(one).collect()
}

fn at_most(what: &str, things: &str, count: usize, limit: usize) -> Result<()> {
    if count <= limit {
        return Ok(());
    }
    Err(Error::limit(format!("{what} has more than {limit} {things}"), limit).with("member", what))
}

/// What conditions have taken of what they may.
#[derive(Default)]
struct Budget {
    conditions: usize,
    values: usize,
    schemas: usize,
}

impl Budget {
    /// A condition; `what` names the member that has it.
    fn condition(&mut self, what: &str, value: &Value, depth: usize) -> Result<DocCondition> {
        interrupt::step()?;
        if depth == MAX_NESTING {
            let message = format!("where has conditions that are nested more than {MAX_NESTING} deep");
            return Err(Error::limit(message, MAX_NESTING).with("member", "where"));
        }
        self.count()?;
        let mut members = Members::of(what, value)?;
        let has = |key: &str| value.get(key).is_some();
        let condition = if has("and") {
            DocCondition::All(self.conditions(&mut members, what, "and", depth)?)
        } else if has("or") {
            DocCondition::Any(self.conditions(&mut members, what, "or", depth)?)
        } else if has("not") {
            let not = members.value("not")?;
            DocCondition::Not(Box::new(self.condition(&format!("{what}.not"), not, depth + 1)?))
        } else if has("path") {
            let path = QueryPath::parse(what, members.str("path")?).map_err(Error::of_member)?;
            if path.indexes() > MAX_PATH_INDEXES {
                let message = format!("{what} has a path with more than {MAX_PATH_INDEXES} numbers");
                return Err(Error::limit(message, MAX_PATH_INDEXES).with("member", what));
            }
            self.tests(what, value, &mut members, &path)?
        } else if has("schema") {
            self.schemas += 1;
            at_most("where", "schemas", self.schemas, MAX_SCHEMAS_ASKED)?;
            let name = schema_name("schema", members.str("schema")?).map_err(Error::of_member)?;
            DocCondition::Satisfies(SchemaTest::named(name))
        } else {
            return Err(match first_member(value) {
                Some(_) if is_test(value) => members.wrong("path", "given"),
                Some(key) => unknown(what, key),
                None => Error::validation(format!("{what} must have path, schema, and, or or not"))
                    .with("member", what),
            });
        };
        members.finish()?;
        Ok(condition)
    }

    fn count(&mut self) -> Result<()> {
        self.conditions += 1;
        at_most("where", "conditions", self.conditions, MAX_CONDITIONS)
    }

    fn conditions(
        &mut self,
        members: &mut Members,
        what: &str,
        key: &'static str,
        depth: usize,
    ) -> Result<Vec<DocCondition>> {
        let list = members.value(key)?.as_array().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| members.wrong(key, "an array of conditions, one at least"))?;
        let each = list.iter().enumerate();
        each.map(|(at, one)| self.condition(&format!("{what}.{key}[{at}]"), one, depth + 1)).collect()
    }

    /// What is asked of the value at a path. Of several tests all have to pass.
    fn tests(
        &mut self,
        what: &str,
        value: &Value,
        members: &mut Members,
        path: &QueryPath,
    ) -> Result<DocCondition> {
        let mut all = Vec::new();
        for name in TESTS {
            if value.get(name).is_none() {
                continue;
            }
            if !all.is_empty() {
                self.count()?;
            }
            let given = members.value(name)?;
            self.weigh(given)?;
            let (is_not, test) = test(members, name, given)?;
            let at = DocCondition::At(path.clone(), test);
            all.push(if is_not { DocCondition::Not(Box::new(at)) } else { at });
        }
        match all.pop() {
            None => Err(match value.as_object().and_then(|all| all.keys().find(|key| *key != "path")) {
                Some(key) => unknown(what, key),
                None => Error::validation(format!("{what} must have one of {}", TESTS.join(", ")))
                    .with("member", what),
            }),
            Some(one) if all.is_empty() => Ok(one),
            Some(last) => {
                all.push(last);
                Ok(DocCondition::All(all))
            }
        }
    }

    fn weigh(&mut self, value: &Value) -> Result<()> {
        interrupt::step()?;
        self.values += 1;
        at_most("where", "values", self.values, MAX_VALUES)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.weigh(item)),
            Value::Object(members) => members.values().try_for_each(|value| self.weigh(value)),
            _ => Ok(()),
        }
    }
}

/// What may be asked of the value at a path.
const TESTS: [&str; 10] = ["eq", "ne", "lt", "le", "gt", "ge", "in", "exists", "prefix", "contains"];

fn first_member(value: &Value) -> Option<&String> {
    value.as_object().and_then(|members| members.keys().next())
}

fn unknown(what: &str, key: &str) -> Error {
    let key = shorten(key);
    Error::validation(format!("{what} has an unknown member {key:?}")).with("member", key)
}

fn is_test(value: &Value) -> bool {
    TESTS.iter().any(|name| value.get(name).is_some())
}

/// One of [`TESTS`], and whether it must not pass.
fn test(members: &Members, name: &str, given: &Value) -> Result<(bool, PathTest)> {
    let compares = |comparison| match given {
        Value::Number(_) | Value::String(_) => Ok((false, PathTest::Compares(comparison, given.clone()))),
        _ => Err(members.wrong(name, "a number or a string")),
    };
    match name {
        "eq" => Ok((false, PathTest::OneOf(vec![given.clone()]))),
        "ne" => Ok((true, PathTest::OneOf(vec![given.clone()]))),
        "lt" => compares(Comparison::Less),
        "le" => compares(Comparison::LessOrEqual),
        "gt" => compares(Comparison::Greater),
        "ge" => compares(Comparison::GreaterOrEqual),
        "in" => match given.as_array().filter(|values| !values.is_empty()) {
            Some(values) => Ok((false, PathTest::OneOf(values.clone()))),
            None => Err(members.wrong(name, "an array of values, one at least")),
        },
        "exists" => match given.as_bool() {
            Some(exists) => Ok((!exists, PathTest::Exists)),
            None => Err(members.wrong(name, "true or false")),
        },
        "prefix" => match given.as_str() {
            Some(prefix) => Ok((false, PathTest::Begins(prefix.to_owned()))),
            None => Err(members.wrong(name, "a string")),
        },
        _ => Ok((false, PathTest::Contains(given.clone()))),
    }
}
