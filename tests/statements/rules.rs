//! The rules, and what breaks them.

use crate::schema::{Schema, relation_name};
use crate::tree::{list, name_parts, node, text};
use serde_json::Value;

/// What makes a table's rows those of one project.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tied {
    /// `project_id = $1`: a statement.
    ToParameter,
    /// Equal `project_id`s: a view. Who asks it for a project restricts one of its tables, and PostgreSQL the others.
    ToEachOther,
}

/// Functions that say what time it is.
const CLOCKS: [&str; 5] =
    ["clock_timestamp", "now", "statement_timestamp", "timeofday", "transaction_timestamp"];

/// What is wrong with a statement. Each is said once.
pub fn wrong(schema: &Schema, tied: Tied, statement: &Value) -> Vec<String> {
    let mut check = Check { schema, tied, wrong: Vec::new() };
    check.statement(statement, &[]);
    if tied == Tied::ToParameter {
        check.clocks(statement);
    }
    check.optional_bounds(statement);
    check.head_lock(statement);
    check.wrong.sort();
    check.wrong.dedup();
    check.wrong
}

/// The tables and views that a statement names, schema included.
pub fn relations(statement: &Value) -> Vec<String> {
    let mut names = Vec::new();
    each_node(statement, &mut |kind, inner| {
        // What a statement changes is a member of its own.
        if (kind == "RangeVar" || kind == "relation") && inner.get("schemaname").is_some() {
            names.push(relation_name(inner));
        }
    });
    names
}

/// A table, view or common table expression that a part of a query reads, by the name that it has there.
#[derive(Clone)]
struct Relation {
    alias: String,
    name: String,
}

impl Relation {
    fn of(range: &Value) -> Self {
        let alias =
            range.get("alias").map_or_else(|| text(range, "relname"), |alias| text(alias, "aliasname"));
        Self { alias: alias.to_owned(), name: relation_name(range) }
    }
}

/// One part of a query: what stands between SELECT and its end, without what is in parentheses.
#[derive(Default)]
struct Level<'a> {
    relations: Vec<Relation>,
    /// What has to be true of every row.
    conditions: Vec<&'a Value>,
}

impl<'a> Level<'a> {
    fn add_from(&mut self, item: &'a Value) {
        match node(item) {
            Some(("RangeVar", range)) => self.relations.push(Relation::of(range)),
            Some(("JoinExpr", join)) => {
                self.add_from(&join["larg"]);
                self.add_from(&join["rarg"]);
                self.add_condition(join.get("quals"));
            }
            // A part of its own.
            _ => {}
        }
    }

    fn add_condition(&mut self, condition: Option<&'a Value>) {
        const AND: u64 = 1;
        let Some(condition) = condition else { return };
        match node(condition) {
            Some(("BoolExpr", all)) if all["boolop"] == AND => {
                list(all, "args").iter().for_each(|one| self.add_condition(Some(one)));
            }
            _ => self.conditions.push(condition),
        }
    }

    /// Whether each of its rows is tied.
    fn ties(&self, relation: &Relation, tied: Tied, is_alone: bool) -> bool {
        self.conditions.iter().any(|condition| {
            let Some(("AExpr", equation)) = node(condition) else { return false };
            if name_parts(equation, "name") != ["="] {
                return false;
            }
            let (left, right) = (&equation["lexpr"], &equation["rexpr"]);
            [(left, right), (right, left)].into_iter().any(|(column, other)| {
                let is_column = match project_id_of(column) {
                    Some(Some(alias)) => alias == relation.alias,
                    // Of the only table.
                    Some(None) => is_alone,
                    None => false,
                };
                let is_tied = match tied {
                    Tied::ToParameter => other["ParamRef"]["number"] == 1,
                    Tied::ToEachOther => project_id_of(other).is_some(),
                };
                is_column && is_tied
            })
        })
    }
}

/// Whose `project_id` this is; nobody's where it is not said.
fn project_id_of(value: &Value) -> Option<Option<String>> {
    let fields = name_parts(value.get("ColumnRef")?, "fields");
    match fields.as_slice() {
        [column] if column == "project_id" => Some(None),
        [alias, column] if column == "project_id" => Some(Some(alias.clone())),
        _ => None,
    }
}

/// Walks a statement.
struct Check<'a> {
    schema: &'a Schema,
    tied: Tied,
    wrong: Vec<String>,
}

impl Check<'_> {
    fn statement(&mut self, statement: &Value, outer: &[Relation]) {
        match node(statement) {
            Some(("SelectStmt", query)) => self.select(query, outer),
            Some(("InsertStmt", insert)) => self.insert(insert, outer),
            Some(("UpdateStmt", update)) => self.change(update, "from_clause", outer),
            Some(("DeleteStmt", delete)) => self.change(delete, "using_clause", outer),
            // Reads nothing.
            Some(("LockStmt", _)) => {}
            _ => self.wrong.push("is of a kind that this test does not know".to_owned()),
        }
    }

    fn select(&mut self, query: &Value, outer: &[Relation]) {
        for arm in ["larg", "rarg"] {
            if let Some(arm) = query.get(arm) {
                self.select(arm, outer);
            }
        }
        let mut level = Level::default();
        list(query, "from_clause").iter().for_each(|item| level.add_from(item));
        level.add_condition(query.get("where_clause"));
        let is_arm = outer.is_empty();
        self.part(query, &level, outer, is_arm);
    }

    fn change(&mut self, query: &Value, others: &str, outer: &[Relation]) {
        let mut level = Level::default();
        level.relations.push(Relation::of(&query["relation"]));
        list(query, others).iter().for_each(|item| level.add_from(item));
        level.add_condition(query.get("where_clause"));
        self.part(query, &level, outer, false);
    }

    fn insert(&mut self, insert: &Value, outer: &[Relation]) {
        let target = Relation::of(&insert["relation"]);
        if self.is_of_projects(&target) {
            let columns = list(insert, "cols");
            let place = columns.iter().position(|column| text(&column["ResTarget"], "name") == "project_id");
            let source = &insert["select_stmt"]["SelectStmt"];
            if !place.is_some_and(|place| writes_parameter(source, place)) {
                self.wrong.push(format!("writes a project_id into {} that is not $1", target.name));
            }
        }
        let level = Level { relations: vec![target], conditions: Vec::new() };
        self.inside(insert, &scope(outer, &level.relations));
    }

    /// Checks a part of a query, and what is in it.
    fn part(&mut self, query: &Value, level: &Level, outer: &[Relation], is_arm: bool) {
        let of_projects: Vec<&Relation> =
            level.relations.iter().filter(|relation| self.is_of_projects(relation)).collect();
        let is_alone = of_projects.len() == 1;
        // A view of one table is about as many projects as that.
        let is_free = self.tied == Tied::ToEachOther && is_arm && is_alone;
        let loose: Vec<String> = of_projects
            .iter()
            .filter(|relation| !is_free && !level.ties(relation, self.tied, is_alone))
            .map(|relation| match self.tied {
                Tied::ToParameter => {
                    format!("{} {}: project_id = $1 is missing", relation.name, relation.alias)
                }
                Tied::ToEachOther => format!("{} {}: project_id is not tied", relation.name, relation.alias),
            })
            .collect();
        self.wrong.extend(loose);
        self.inside(query, &scope(outer, &level.relations));
    }

    /// What is in a part: parts of their own, and expressions.
    fn inside(&mut self, value: &Value, scope: &[Relation]) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.inside(item, scope)),
            Value::Object(members) => {
                for (name, inner) in members {
                    match name.as_str() {
                        "SelectStmt" | "InsertStmt" | "UpdateStmt" | "DeleteStmt" => {
                            self.statement(value, scope);
                        }
                        "ResTarget" if is_star(&inner["val"]) => {}
                        "ColumnRef" => self.column(inner, scope),
                        // Arms of a UNION, which are looked at by themselves.
                        "larg" | "rarg" if !members.contains_key("jointype") => {}
                        _ => self.inside(inner, scope),
                    }
                }
            }
            _ => {}
        }
    }

    /// A whole row, given to a function, cast or compared.
    fn column(&mut self, column: &Value, scope: &[Relation]) {
        let fields = name_parts(column, "fields");
        let is_whole = match fields.as_slice() {
            [_] => true,
            [_, last] => last == "*",
            _ => false,
        };
        if !is_whole {
            return;
        }
        let of_alias = scope.iter().rev().find(|relation| relation.alias == fields[0]);
        let Some(relation) = of_alias else { return };
        let Some(table) = self.schema.tables.get(&relation.name) else { return };
        if fields.len() > 1 || !table.columns.contains(&fields[0]) {
            self.wrong.push(format!("{} {}: a whole row is an argument", relation.name, relation.alias));
        }
    }

    /// Whether its rows belong to projects. What has no schema is a common table expression.
    fn is_of_projects(&mut self, relation: &Relation) -> bool {
        match self.schema.tables.get(&relation.name) {
            Some(table) => table.is_of_projects(),
            None => {
                if relation.name.starts_with("quire") {
                    self.wrong.push(format!("{} is no table of the install script", relation.name));
                }
                false
            }
        }
    }

    /// Nodes have clocks of their own, and a statement that asks one while it changes rows is not planned to one node.
    fn clocks(&mut self, statement: &Value) {
        // CURRENT_DATE to LOCALTIMESTAMP, among what looks like them: CURRENT_ROLE.
        const TIMES: std::ops::RangeInclusive<u64> = 1..=9;
        each_node(statement, &mut |kind, inner| {
            let name = name_parts(inner, "funcname").pop().unwrap_or_default();
            let is_clock = match kind {
                "FuncCall" => CLOCKS.contains(&name.as_str()),
                "SqlvalueFunction" => inner["op"].as_u64().is_some_and(|op| TIMES.contains(&op)),
                _ => false,
            };
            if is_clock {
                self.wrong.push("asks a clock: a time is a parameter".to_owned());
            }
        });
    }

    /// A bound that is there or not, `$2 IS NULL OR path > $2`, is no range of an index: every row would be looked at, for each page
    /// of a list. What bounds nothing is a value: `path > COALESCE($2, '')`.
    fn optional_bounds(&mut self, statement: &Value) {
        const OR: u64 = 2;
        each_node(statement, &mut |kind, inner| {
            if kind != "BoolExpr" || inner["boolop"] != OR {
                return;
            }
            let parts = || list(inner, "args").iter().filter_map(node);
            let is_optional =
                parts().any(|(kind, part)| kind == "NullTest" && parameter(&part["arg"]).is_some());
            let is_bound = parts().any(|(kind, part)| {
                kind == "AExpr"
                    && ["<", "<=", ">", ">="].map(String::from).contains(&name_parts(part, "name").concat())
            });
            if is_optional && is_bound {
                self.wrong.push("has a bound that is no range of an index".to_owned());
            }
        });
    }

    /// A statement that locks the head of a project reads nothing else.
    fn head_lock(&mut self, statement: &Value) {
        let mut is_locking = false;
        each_node(statement, &mut |kind, inner| {
            if kind == "SelectStmt" && inner.get("locking_clause").is_some() {
                let mut level = Level::default();
                list(inner, "from_clause").iter().for_each(|item| level.add_from(item));
                is_locking |= level.relations.iter().any(|relation| relation.name == HEAD);
            }
        });
        if is_locking && relations(statement).len() > 1 {
            self.wrong.push(format!("locks {HEAD} and reads something else"));
        }
    }
}

const HEAD: &str = "quire_store.project_head";

/// The number of a parameter, cast or not.
fn parameter(value: &Value) -> Option<u64> {
    match node(value)? {
        ("ParamRef", parameter) => parameter["number"].as_u64(),
        ("TypeCast", cast) => self::parameter(&cast["arg"]),
        _ => None,
    }
}

fn scope(outer: &[Relation], inner: &[Relation]) -> Vec<Relation> {
    outer.iter().chain(inner).cloned().collect()
}

fn is_star(value: &Value) -> bool {
    value
        .get("ColumnRef")
        .is_some_and(|column| name_parts(column, "fields").last().is_some_and(|last| last == "*"))
}

/// Whether every row of a source has $1 at a place.
fn writes_parameter(source: &Value, place: usize) -> bool {
    let is_parameter = |value: Option<&Value>| value.is_some_and(|value| value["ParamRef"]["number"] == 1);
    if source.get("larg").is_some() {
        return ["larg", "rarg"].iter().all(|arm| writes_parameter(&source[arm], place));
    }
    let rows = list(source, "values_lists");
    if rows.is_empty() {
        return is_parameter(
            list(source, "target_list").get(place).map(|target| &target["ResTarget"]["val"]),
        );
    }
    rows.iter().all(|row| is_parameter(list(&row["List"], "items").get(place)))
}

/// Calls `look` with every node below a value.
pub fn each_node(value: &Value, look: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_node(item, look)),
        Value::Object(members) => {
            for (name, inner) in members {
                look(name, inner);
                each_node(inner, look);
            }
        }
        _ => {}
    }
}
