//! The tables and views of the install script, and what it runs besides.

use crate::tree::{list, name_parts, node, parse, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A table or a view.
#[derive(Default)]
pub struct Table {
    pub columns: BTreeSet<String>,
}

impl Table {
    /// Whether its rows belong to projects.
    pub fn is_of_projects(&self) -> bool {
        self.columns.contains("project_id")
    }
}

/// A query that the script defines.
pub struct Definition {
    pub at: String,
    pub query: Value,
}

/// A function in SQL.
pub struct Function {
    pub at: String,
    /// Names of the types of its arguments.
    pub argument_types: Vec<String>,
}

/// The install script.
pub struct Schema {
    /// By their names, schema included.
    pub tables: BTreeMap<String, Table>,
    pub views: Vec<Definition>,
    pub functions: Vec<Function>,
    /// Its text.
    pub script: String,
}

impl Schema {
    /// Reads the files of the domains, each of which is a folder of a directory.
    pub fn read(directory: &Path) -> Self {
        let mut schema = Schema {
            tables: BTreeMap::new(),
            views: Vec::new(),
            functions: Vec::new(),
            script: String::new(),
        };
        let folders = entries(directory).into_iter().filter(|path| path.is_dir());
        for path in folders.flat_map(|folder| entries(&folder)) {
            let script = fs::read_to_string(&path).expect("read a file");
            let statements = parse(&script).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            for statement in &statements {
                let (kind, inner) = node(statement).expect("a statement");
                schema.learn(kind, inner);
            }
            schema.script.push_str(&script);
        }
        schema
    }

    fn learn(&mut self, kind: &str, inner: &Value) {
        match kind {
            "CreateStmt" => {
                let columns = list(inner, "table_elts").iter().filter_map(|element| match node(element)? {
                    ("ColumnDef", column) => Some(text(column, "colname").to_owned()),
                    _ => None,
                });
                let columns = columns.collect();
                self.tables.insert(relation_name(&inner["relation"]), Table { columns });
            }
            "CreateSeqStmt" => {
                self.tables.insert(relation_name(&inner["sequence"]), Table::default());
            }
            "ViewStmt" => {
                let at = relation_name(&inner["view"]);
                self.tables.insert(at.clone(), Table { columns: columns_of(&inner["query"]["SelectStmt"]) });
                self.views.push(Definition { at, query: inner["query"].clone() });
            }
            "CreateFunctionStmt" => {
                let at = name_parts(inner, "funcname").join(".");
                let arguments = list(inner, "parameters").iter();
                let type_of = |argument: &Value| {
                    name_parts(&argument["FunctionParameter"]["arg_type"], "names").join(".")
                };
                self.functions.push(Function { at, argument_types: arguments.map(type_of).collect() });
            }
            _ => {}
        }
    }
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("list a directory");
    entries.map(|entry| entry.expect("list a directory").path()).collect()
}

/// The name of a relation, schema included where it is given.
pub fn relation_name(relation: &Value) -> String {
    match text(relation, "schemaname") {
        "" => text(relation, "relname").to_owned(),
        schema => format!("{schema}.{}", text(relation, "relname")),
    }
}

/// What the columns of a query are called.
fn columns_of(query: &Value) -> BTreeSet<String> {
    if let Some(first) = query.get("larg") {
        return columns_of(first);
    }
    let name = |target: &Value| {
        let target = target.get("ResTarget")?;
        match text(target, "name") {
            "" => name_parts(target.get("val")?.get("ColumnRef")?, "fields").pop(),
            name => Some(name.to_owned()),
        }
    };
    list(query, "target_list").iter().filter_map(name).collect()
}
