//! The floors of the extension: `src/lib.rs` lists its modules by floors, and a module uses those of its own floor and of the floors
//! before it, none in a circle.

use crate::source::rust_files;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};

/// Modules that are many: each of theirs counts by itself.
const DIVIDED: [&str; 2] = ["domain", "service"];
/// These see everything: they say what the extension consists of.
const ABOVE_ALL: [&str; 2] = ["lib.rs", "schema.rs"];

/// Who uses whom, and in which file.
type Uses = BTreeMap<(String, String), String>;

/// The floors in order, each with its modules: those are separated by empty lines or comments.
fn floors(source: &str) -> Vec<Vec<String>> {
    let mut floors: Vec<Vec<String>> = Vec::new();
    let mut is_open = false;
    for line in source.lines() {
        let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else {
            is_open = false;
            continue;
        };
        if !is_open {
            floors.push(Vec::new());
            is_open = true;
        }
        floors.last_mut().expect("just opened").push(name.to_owned());
    }
    floors
}

/// The module that a path below `crate` is in. `names` has what of divided modules is there.
fn module(path: &[String], names: &BTreeSet<String>) -> Option<String> {
    let first = path.first()?;
    let second = path.get(1).map(|second| format!("{first}/{second}"));
    Some(second.filter(|both| names.contains(both)).unwrap_or_else(|| first.clone()))
}

/// Every path that begins with `crate` in a stream of tokens.
fn paths(tokens: TokenStream, found: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) if ident == "crate" => follow(&tokens[at + 1..], &[], found),
            TokenTree::Group(group) => paths(group.stream(), found),
            _ => {}
        }
    }
}

/// Goes on behind a part of a path: `::name`, or `::{several}`.
fn follow(tokens: &[TokenTree], before: &[String], found: &mut Vec<Vec<String>>) {
    let is_colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    if !(is_colon(0) && is_colon(1)) {
        found.push(before.to_vec());
        return;
    }
    match tokens.get(2) {
        Some(TokenTree::Ident(name)) => {
            let path: Vec<String> = before.iter().cloned().chain([name.to_string()]).collect();
            follow(&tokens[3..], &path, found);
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            let parts =
                inside.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','));
            for part in parts.filter(|part| !part.is_empty()) {
                let TokenTree::Ident(name) = &part[0] else { continue };
                let name = (name != "self").then(|| name.to_string());
                let path: Vec<String> = before.iter().cloned().chain(name).collect();
                follow(&part[1..], &path, found);
            }
        }
        _ => found.push(before.to_vec()),
    }
}

fn uses(files: &[(String, String)]) -> Uses {
    let segments = |name: &str| -> Vec<String> {
        let name = name.strip_suffix(".rs").expect("a Rust file");
        name.split('/').filter(|part| *part != "mod").map(str::to_owned).collect()
    };
    let mut names = BTreeSet::new();
    for (name, _) in files {
        if let [first, second, ..] = segments(name).as_slice()
            && DIVIDED.contains(&first.as_str())
        {
            names.insert(format!("{first}/{second}"));
        }
    }
    let mut uses = Uses::new();
    for (name, source) in files.iter().filter(|(name, _)| !ABOVE_ALL.contains(&name.as_str())) {
        let from = module(&segments(name), &names).expect("a file is in a module");
        let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut found = Vec::new();
        paths(tokens, &mut found);
        for to in found.iter().filter_map(|path| module(path, &names)).filter(|to| *to != from) {
            uses.entry((from.clone(), to)).or_insert_with(|| name.clone());
        }
    }
    uses
}

/// What breaks the rule, as sentences.
fn faults(floors: &[Vec<String>], uses: &Uses) -> Vec<String> {
    let floor = |module: &str| {
        let top = module.split('/').next().expect("never empty");
        floors.iter().position(|floor| floor.iter().any(|name| name == top))
    };
    let mut faults = Vec::new();
    for ((from, to), file) in uses {
        match (floor(from), floor(to)) {
            (Some(low), Some(high)) if low < high => {
                faults.push(format!("{file}: {from} uses {to}, which is on a floor above it"));
            }
            (Some(_), Some(_)) => {}
            _ => {
                faults.push(format!("{file}: {from} uses {to}, and src/lib.rs lists one of them on no floor"))
            }
        }
    }
    faults.extend(
        circle(uses).map(|circle| format!("modules use each other in a circle: {}", circle.join(" > "))),
    );
    faults
}

/// A circle, if there is one.
fn circle(uses: &Uses) -> Option<Vec<String>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in uses.keys() {
        next.entry(from).or_default().push(to);
    }
    let mut done = BTreeSet::new();
    next.keys().find_map(|start| walk(start, &next, &mut Vec::new(), &mut done))
}

fn walk<'u>(
    at: &'u str,
    next: &BTreeMap<&'u str, Vec<&'u str>>,
    way: &mut Vec<&'u str>,
    done: &mut BTreeSet<&'u str>,
) -> Option<Vec<String>> {
    if let Some(first) = way.iter().position(|before| *before == at) {
        return Some(way[first..].iter().chain([&at]).map(|&name| name.to_owned()).collect());
    }
    if done.contains(at) {
        return None;
    }
    way.push(at);
    let found = next.get(at).into_iter().flatten().find_map(|to| walk(to, next, way, done));
    way.pop();
    done.insert(at);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository;

    #[test]
    fn modules_use_only_what_is_below_them() {
        let files = rust_files(&repository().join("src"));
        let lib = &files.iter().find(|(name, _)| name == "lib.rs").expect("src/lib.rs").1;
        let uses = uses(&files);
        // A reader of sources that finds nothing passes everything.
        assert!(uses.len() > 50, "only {} uses were found", uses.len());
        let faults = faults(&floors(lib), &uses);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    fn judge(lib: &str, files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(String, String)> =
            files.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect();
        faults(&floors(lib), &uses(&files))
    }

    #[test]
    fn what_goes_up_or_in_a_circle_is_found() {
        const LIB: &str = "mod db;\n\nmod gate;\nmod log;\n\n// Several.\nmod domain;\nmod service;\n";
        let fine = [
            ("db.rs", "use std::fmt;"),
            ("gate/mod.rs", "use crate::db;"),
            ("log.rs", "use crate::{db::{self, Arg}, gate};"),
            ("service/file/mod.rs", "fn f() { crate::domain::file::g() }"),
            ("service/gc.rs", "use crate::service::file;"),
            ("domain/file.rs", "// crate::service\nuse crate::log::{Place, store::{a, b}};"),
        ];
        assert_eq!(judge(LIB, &fine), Vec::<String>::new());
        let with = |name: &'static str, source: &'static str| {
            let mut files = fine.to_vec();
            files.push((name, source));
            judge(LIB, &files).join("; ")
        };
        assert!(with("db/spi.rs", "use crate::{gate::Access};").contains("db uses gate"));
        assert!(with("gate/low.rs", "fn f() { x!(crate::log::store) }").contains("log > gate > log"));
        assert!(
            with("service/file/a.rs", "use crate::service::{gc, file};")
                .contains("service/file > service/gc")
        );
        assert!(with("new.rs", "use crate::db;").contains("on no floor"));
    }
}
