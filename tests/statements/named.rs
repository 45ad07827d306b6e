//! The names by which rows are read, beside the columns of the statements that give them: a name that no column has would be an
//! internal error when the statement runs, and a column that nobody reads is read for nothing.

use crate::code::{
    Bar, all_constants, brace, constants, each_call, each_path, given_to_closures, parameter, parenthesis,
    until_semicolon, variables, words,
};
use crate::output;
use crate::source::{Macros, group, ident, is_punct, rust_files, split, tokens_of};
use crate::{is_statement, repository, tree};
use proc_macro2::{Group, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};

/// What runs a statement and maps its rows, behind `db::`.
const RUNNERS: [&str; 4] = ["read", "read_one", "write", "write_one"];
/// What finds a row without a statement: the columns it names come before what maps them.
const FINDERS: [&str; 2] = ["find", "lock"];
/// What reads a column of a row.
const READERS: [&str; 4] = ["get", "has", "hash_if_any", "opt"];
/// What rows are made of, and the statements that are made at run time.
const MACHINERY: [&str; 5] =
    ["db.rs", "db/columns.rs", "db/rows/mod.rs", "db/rows/statement.rs", "db/rows/table.rs"];

/// A place in the sources.
type Place = (String, usize, usize);

/// A function.
struct Function {
    file: String,
    /// The type it belongs to.
    owner: Option<String>,
    name: String,
    parameters: Vec<String>,
    body: Vec<TokenTree>,
    /// What it calls: paths, and what is in the parentheses.
    calls: Vec<(Vec<String>, Vec<TokenTree>)>,
}

/// What is read, and where that is written.
type Names = BTreeMap<String, BTreeSet<Place>>;

struct Sources {
    macros: Macros,
    functions: Vec<Function>,
    /// What constants outside of functions are, by file and name.
    constants: BTreeMap<(String, String), Vec<TokenTree>>,
    /// What is used from elsewhere, by file and name.
    used: BTreeSet<(String, String)>,
}

impl Sources {
    fn read() -> Self {
        Self::of(rust_files(&repository().join("src")))
    }

    fn of(files: Vec<(String, String)>) -> Self {
        let mut sources = Sources {
            macros: Macros::default(),
            functions: Vec::new(),
            constants: BTreeMap::new(),
            used: BTreeSet::new(),
        };
        for (file, source) in files {
            let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
            let tokens: Vec<TokenTree> = tokens.into_iter().collect();
            sources.macros.learn(&file, &tokens);
            sources.learn(&file, &tokens, None);
        }
        sources
    }

    fn learn(&mut self, file: &str, tokens: &[TokenTree], owner: Option<&str>) {
        for (name, tokens) in constants(tokens) {
            self.constants.insert((file.to_owned(), name), tokens);
        }
        let mut at = 0;
        while at < tokens.len() {
            match ident(tokens.get(at)).as_deref() {
                Some("impl") => {
                    let body = (at..tokens.len()).find(|at| brace(tokens.get(*at)).is_some());
                    let Some(end) = body else { return };
                    let mut owner = tokens[at + 1..end].iter().filter_map(|token| ident(Some(token)));
                    let owner = owner.rfind(|word| word.starts_with(char::is_uppercase));
                    let inner = brace(tokens.get(end)).expect("just seen");
                    self.learn(file, &inner, owner.as_deref());
                    at = end;
                }
                Some("use") if ident(tokens.get(at + 1)).is_some_and(|root| root != "quire_core") => {
                    let words = words(until_semicolon(&tokens[at..]));
                    self.used.extend(words.into_iter().map(|word| (file.to_owned(), word)));
                }
                Some("fn") => {
                    let end = (at..tokens.len())
                        .find(|at| brace(tokens.get(*at)).is_some() || is_punct(tokens.get(*at), ';'));
                    let Some(end) = end else { return };
                    let parameters = tokens[at..end].iter().find_map(parenthesis);
                    if let (Some(body), Some(parameters)) = (brace(tokens.get(end)), parameters) {
                        let mut calls = Vec::new();
                        each_call(&body, &mut |path, arguments| {
                            calls.push((path.to_vec(), arguments.to_vec()))
                        });
                        self.functions.push(Function {
                            file: file.to_owned(),
                            owner: owner.map(str::to_owned),
                            name: ident(tokens.get(at + 1)).expect("a function has a name"),
                            parameters: split(&tokens_of(parameters)).into_iter().map(parameter).collect(),
                            body,
                            calls,
                        });
                    }
                    at = end;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// The functions that a path means, as one of another file says it.
    fn named(&self, path: &[String], file: &str) -> Vec<&Function> {
        let Some((name, before)) = path.split_last() else { return Vec::new() };
        let of_name = || self.functions.iter().filter(move |function| function.name == *name);
        match before.last() {
            None => {
                let is_used = self.used.contains(&(file.to_owned(), name.clone()));
                of_name().filter(|it| it.owner.is_none() && (it.file == file || is_used)).collect()
            }
            Some(owner) if owner.starts_with(char::is_uppercase) => of_name()
                .filter(|it| {
                    it.owner.as_deref() == Some(owner)
                        || owner == "Self" && it.file == file && it.owner.is_some()
                })
                .collect(),
            Some(module) => of_name()
                .filter(|it| {
                    it.file.split('/').any(|part| part.strip_suffix(".rs").unwrap_or(part) == module)
                        || ["self", "super", "crate"].contains(&module.as_str())
                })
                .collect(),
        }
    }

    /// What is given for a parameter, wherever the function is called.
    fn given(&self, called: &Function, parameter: &str) -> Vec<(&Function, Vec<TokenTree>)> {
        let place = called.parameters.iter().position(|name| name == parameter);
        let Some(place) = place else { return Vec::new() };
        let mut found = Vec::new();
        for function in &self.functions {
            for (path, arguments) in
                function.calls.iter().filter(|(path, _)| path.last() == Some(&called.name))
            {
                let is_it = self.named(path, &function.file).iter().any(|it| std::ptr::eq(*it, called));
                if let Some(argument) = split(arguments).get(place).filter(|_| is_it) {
                    found.push((function, argument.to_vec()));
                }
            }
        }
        found
    }

    /// The texts that an expression may be.
    fn texts(&self, within: &Function, tokens: &[TokenTree], seen: &mut BTreeSet<String>) -> Vec<String> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            if let Some((text, length)) = self.macros.text(&within.file, &tokens[at..]) {
                found.push(text);
                at += length;
                continue;
            }
            if let Some(inner) = group(tokens.get(at)) {
                found.extend(self.texts(within, &tokens_of(inner), seen));
            }
            let word = ident(tokens.get(at)).unwrap_or_default();
            if ["if", "match"].contains(&word.as_str()) {
                // What it asks is none of them.
                at += tokens[at..].iter().take_while(|token| brace(Some(token)).is_none()).count();
                continue;
            }
            if !word.is_empty() && seen.insert(format!("{} {} {word}", within.file, within.name)) {
                let is_method = at > 0 && is_punct(tokens.get(at - 1), '.');
                found.extend(self.texts_called(within, &word, is_method, seen));
            }
            at += 1;
        }
        found
    }

    /// The texts that a word may stand for: a constant, a variable, a parameter, or a method of the same file.
    fn texts_called(
        &self,
        within: &Function,
        word: &str,
        is_method: bool,
        seen: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        if word.starts_with(char::is_uppercase) {
            let own = all_constants(&within.body).into_iter().find(|(name, _)| name == word);
            let of_file = self.constants.get(&(within.file.clone(), word.to_owned()));
            if let Some(tokens) = own.map(|(_, tokens)| tokens).or_else(|| of_file.cloned()) {
                found.extend(self.texts(within, &tokens, seen));
            }
            return found;
        }
        for value in variables(&within.body, word) {
            found.extend(self.texts(within, &value, seen));
        }
        for value in given_to_closures(&within.body, word) {
            found.extend(self.texts(within, &value, seen));
        }
        for (function, value) in self.given(within, word) {
            found.extend(self.texts(function, &value, seen));
        }
        if is_method {
            let methods = self.functions.iter().filter(|it| it.file == within.file && it.name == word);
            for method in methods.filter(|it| it.owner.is_some()) {
                found.extend(self.texts(method, &method.body, seen));
            }
        }
        found
    }

    /// The names that an expression reads a row by, behind what the names of this part of it begin with.
    fn names(
        &self,
        within: &Function,
        tokens: &[TokenTree],
        part: &str,
        seen: &mut BTreeSet<String>,
        names: &mut Names,
    ) {
        let tokens = without_named_closures(tokens);
        for (name, place) in reads(&within.file, &tokens) {
            names.entry(format!("{part}{name}")).or_default().insert(place);
        }
        each_path(&tokens, &mut |path, arguments| {
            let word = path.last().expect("a path has a word");
            let part = part_of(arguments).unwrap_or_else(|| part.to_owned());
            if !seen.insert(format!("{} {} {} {part}", within.file, within.name, path.join("::"))) {
                return;
            }
            let is_word = path.len() == 1;
            let own = variables(&within.body, word).into_iter().filter(|value| is_word && takes_row(value));
            let own: Vec<_> = own.collect();
            for value in &own {
                self.names(within, value, &part, seen, names);
            }
            for function in self.named(path, &within.file) {
                if own.is_empty() && function.parameters.iter().any(|name| name == "row") {
                    self.names(function, &function.body, &part, seen, names);
                }
            }
            for (function, value) in self.given(within, word).into_iter().filter(|_| is_word) {
                self.names(function, &value, &part, seen, names);
            }
        });
    }
}

/// What names begin with in a part of a row that is handed on: `row.part("before_")`.
fn part_of(arguments: &[TokenTree]) -> Option<String> {
    let at = arguments.iter().position(|token| ident(Some(token)).as_deref() == Some("part"))?;
    let literal = parenthesis(arguments.get(at + 1)?)?;
    syn::parse2::<syn::LitStr>(literal.stream()).ok().map(|literal| literal.value())
}

/// Without the closures that have a name and take a row: what they read counts where they are called.
fn without_named_closures(tokens: &[TokenTree]) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if ident(tokens.get(at)).as_deref() == Some("let") && is_punct(tokens.get(at + 2), '=') {
            let whole = until_semicolon(&tokens[at..]);
            if takes_row(&whole[3..]) {
                at += whole.len();
                continue;
            }
        }
        kept.push(match &tokens[at] {
            TokenTree::Group(inner) => {
                let inside = without_named_closures(&tokens_of(inner)).into_iter().collect();
                let mut group = Group::new(inner.delimiter(), inside);
                group.set_span(inner.span());
                TokenTree::Group(group)
            }
            other => other.clone(),
        });
        at += 1;
    }
    kept
}

/// Whether an expression is a closure that takes a row.
fn takes_row(tokens: &[TokenTree]) -> bool {
    tokens.strip_prefix_bar().is_some_and(|rest| ident(rest.first()).as_deref() == Some("row"))
}

/// Every `row.get("name")` and its like.
fn reads(file: &str, tokens: &[TokenTree]) -> Vec<(String, Place)> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if let Some(inner) = group(tokens.get(at)) {
            found.extend(reads(file, &tokens_of(inner)));
        }
        let method = ident(tokens.get(at + 2)).unwrap_or_default();
        let is_read = ident(tokens.get(at)).as_deref() == Some("row")
            && is_punct(tokens.get(at + 1), '.')
            && READERS.contains(&method.as_str());
        if !is_read {
            continue;
        }
        let arguments = tokens[at + 3..].iter().find_map(parenthesis).expect("a method has arguments");
        let start = tokens[at].span().start();
        let place = (file.to_owned(), start.line, start.column);
        let name = syn::parse2::<syn::LitStr>(arguments.stream());
        let name =
            name.map_or_else(|_| format!("`{}`, which is no literal", arguments.stream()), |it| it.value());
        found.push((name, place));
    }
    found
}

/// A call that reads rows: where it is, what may give them with which columns, and by which names they are read.
struct Call {
    at: String,
    results: Vec<(String, Vec<Option<String>>)>,
    names: Names,
}

fn calls(sources: &Sources) -> Vec<Call> {
    let mut calls = Vec::new();
    for function in sources.functions.iter().filter(|it| !MACHINERY.contains(&it.file.as_str())) {
        for (path, arguments) in &function.calls {
            let arguments = split(arguments);
            let name = path.last().expect("a path has a word").trim_start_matches('.');
            let is_runner = RUNNERS.contains(&name)
                && path.len() > 1
                && ["db", "super"].contains(&path[path.len() - 2].as_str());
            let is_finder = FINDERS.contains(&name) && path[0].starts_with('.') && arguments.len() > 3;
            let (from, map) = match arguments.as_slice() {
                [sql, _, map] if is_runner => (*sql, *map),
                [.., columns, map] if is_finder => (*columns, *map),
                _ => continue,
            };
            let at = format!("{} {}", function.file, function.name);
            let texts = sources.texts(function, from, &mut BTreeSet::new());
            let columns = |text: String| {
                let columns = match is_finder {
                    true => text
                        .split(',')
                        .map(|name| Some(name.trim().trim_start_matches("h.").to_owned()))
                        .collect(),
                    false => output::columns(&tree::parse(&text).expect("a statement").remove(0)),
                };
                (text, columns)
            };
            let results: Vec<_> =
                texts.into_iter().filter(|text| is_finder || is_statement(text)).map(columns).collect();
            let mut names = Names::new();
            sources.names(function, map, "", &mut BTreeSet::new(), &mut names);
            calls.push(Call { at, results, names });
        }
    }
    calls
}

/// What is wrong with how rows are read.
fn wrong(sources: &Sources) -> BTreeSet<String> {
    let calls = calls(sources);
    let mut wrong = BTreeSet::new();
    let mut read: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for call in &calls {
        if call.results.is_empty() {
            wrong.insert(format!("{}: which statement is it", call.at));
        }
        for (text, columns) in &call.results {
            read.entry(text).or_default().extend(call.names.keys().map(String::as_str));
            for name in call.names.keys() {
                let count = columns.iter().filter(|column| column.as_ref() == Some(name)).count();
                if count != 1 {
                    wrong.insert(format!("{}: {count} columns are called {name} in\n{text}", call.at));
                }
            }
        }
    }
    for (text, columns) in calls.iter().flat_map(|call| &call.results) {
        // Of what nobody reads anything of, only the number of its rows matters.
        let names = &read[text.as_str()];
        let unread =
            columns.iter().filter(|column| !column.as_deref().is_some_and(|name| names.contains(name)));
        if !names.is_empty() {
            wrong.extend(unread.map(|column| format!("nobody reads the column {column:?} of\n{text}")));
        }
    }
    let checked: BTreeSet<&Place> = calls.iter().flat_map(|call| call.names.values().flatten()).collect();
    for function in sources.functions.iter().filter(|it| !MACHINERY.contains(&it.file.as_str())) {
        let all = reads(&function.file, &function.body);
        wrong.extend(all.iter().filter(|(_, place)| !checked.contains(place)).map(|(name, place)| {
            format!("{}:{}: no statement is seen of which this would be a column: {name}", place.0, place.1)
        }));
    }
    wrong
}

#[test]
fn rows_are_read_by_names_that_their_columns_have() {
    let sources = Sources::read();
    let wrong = wrong(&sources);
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(calls(&sources).len() > 150, "calls are found");
}

#[test]
fn what_is_read_otherwise_is_found() {
    let store = r#"
        const FILE: &str = "SELECT f.size, count(*) AS versions FROM quire_store.project_files f";
        fn all() -> Result<()> {
            const SQL: &str = "SELECT h.file_path, a.size AS from_size, b.size AS to_size FROM quire_store.file_head h";
            let size = |row: Row| row.get("size");
            db::read(SQL, &[], |row| Ok((path(row)?, size(row.part("from_"))?, size(row.part("to_"))?)))
        }
        fn path(row: &Row) -> Result<String> { row.get("file_path") }
        fn one() { db::read_one(FILE, &[], |row| row.opt("mode")) }
        fn found() { rows.find(&HEAD, &key, "h.seq, h.size", |row| row.get::<i64>("seq")) }
        fn lost(row: &Row) { row.has("seq") }
        fn numbered() { db::write_one("SELECT 1 AS one", &[], |row| row.get(1)) }
    "#;
    let found = wrong(&Sources::of(vec![("store.rs".to_owned(), store.to_owned())]));
    let found: Vec<String> = found.iter().map(|what| what.replace('\n', " ")).collect();
    let file = "SELECT f.size, count(*) AS versions FROM quire_store.project_files f";
    assert_eq!(
        found,
        [
            "nobody reads the column Some(\"one\") of SELECT 1 AS one".to_owned(),
            format!("nobody reads the column Some(\"size\") of {file}"),
            "nobody reads the column Some(\"size\") of h.seq, h.size".to_owned(),
            format!("nobody reads the column Some(\"versions\") of {file}"),
            "store.rs numbered: 0 columns are called `1`, which is no literal in SELECT 1 AS one".to_owned(),
            format!("store.rs one: 0 columns are called mode in {file}"),
            "store.rs:11: no statement is seen of which this would be a column: seq".to_owned(),
        ]
    );
}
