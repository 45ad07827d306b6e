//! What is about operations names each kind of them: a new domain must not be taken for another one. Only a domain's own files, and the
//! list of them, may have an arm for whatever else there is.

use crate::source::rust_files;
use std::path::Path;
use syn::visit::Visit;
use syn::{Arm, ExprMatch, Pat};

/// The enums that have a variant for each domain.
const OF_DOMAINS: [&str; 5] = ["Op", "Change", "Edit", "Outcome", "Topic"];
/// Where a domain is at home.
const HOMES: [&str; 12] = [
    "src/domain/file/",
    "src/domain/entity/",
    "src/domain/asset/",
    "src/domain/doc/",
    "src/domain/branch/",
    "src/domain/toy/",
    "src/service/file/",
    "src/service/entity/",
    "src/service/asset/",
    "src/service/doc/",
    "src/service/branch/",
    "crates/quire-core/src/op/",
];

struct Finder {
    found: Vec<usize>,
}

impl<'a> Visit<'a> for Finder {
    fn visit_expr_match(&mut self, expression: &'a ExprMatch) {
        let is_about = expression.arms.iter().any(|arm| names_a_domain(&arm.pat));
        let catches_all = |arm: &&Arm| arm.guard.is_none() && is_catch_all(&arm.pat);
        if let Some(arm) = expression.arms.iter().find(catches_all).filter(|_| is_about) {
            self.found.push(line(&arm.pat));
        }
        syn::visit::visit_expr_match(self, expression);
    }
}

/// Whether a pattern names a variant of one of these enums, at any depth.
fn names_a_domain(pattern: &Pat) -> bool {
    struct Names(bool);
    impl<'a> Visit<'a> for Names {
        fn visit_path(&mut self, path: &'a syn::Path) {
            let mut segments = path.segments.iter();
            let first = segments.next().map(|segment| segment.ident.to_string());
            self.0 |=
                segments.next().is_some() && first.is_some_and(|first| OF_DOMAINS.contains(&first.as_str()));
        }
    }
    let mut names = Names(false);
    names.visit_pat(pattern);
    names.0
}

fn is_catch_all(pattern: &Pat) -> bool {
    match pattern {
        Pat::Wild(_) => true,
        Pat::Ident(name) => name.subpat.is_none() && name.ident.to_string().starts_with(char::is_lowercase),
        _ => false,
    }
}

fn line(pattern: &Pat) -> usize {
    syn::spanned::Spanned::span(pattern).start().line
}

/// The lines of a source with an arm for whatever else there is.
fn lines(source: &str) -> Vec<usize> {
    let mut finder = Finder { found: Vec::new() };
    finder.visit_file(&syn::parse_file(source).expect("a Rust file"));
    finder.found
}

/// The same of every file below a directory, but for tests and homes: `FILE:LINE`.
fn everywhere(repository: &Path) -> (usize, Vec<String>) {
    let (mut count, mut found) = (0, Vec::new());
    for root in ["src", "crates/quire-core/src"] {
        for (name, source) in rust_files(&repository.join(root)) {
            let name = format!("{root}/{name}");
            if HOMES.iter().any(|home| name.starts_with(home)) {
                continue;
            }
            count += 1;
            let source = source.split("\n#[cfg(test)]").next().expect("there is always a first part");
            found.extend(lines(source).iter().map(|line| format!("{name}:{line}")));
        }
    }
    (count, found)
}

#[test]
fn whatever_is_about_operations_names_each_kind() {
    let (count, found) = everywhere(&crate::repository());
    assert!(count > 100, "only {count} files were looked at");
    assert!(found.is_empty(), "an arm for whatever else there is: {}", found.join(", "));
}

#[test]
fn an_arm_for_the_rest_is_found() {
    let wrong = "fn f() { match op {\n Op::File(_) => 1,\n _ => 2 } }";
    assert_eq!(lines(wrong), [3]);
    assert_eq!(lines("fn f() { match op {\n Some(Op::File(FileOp::Put { .. })) => 1,\n other => 2 } }"), [3]);
    assert!(lines("fn f() { match op { Op::File(_) | Op::Field(_) => 1, Op::Asset(_) => 2 } }").is_empty());
    assert!(lines("fn f() { match name { \"file.put\" => 1, _ => 2 } }").is_empty());
    assert!(
        lines("fn f() { match op { Op::File(_) => match x { None => 1, _ => 2 }, Op::Asset(_) => 3 } }")
            .is_empty()
    );
}
