//! One concept, one name: a type that other modules can use has a name of its own, in the extension and in quire-core together.

use crate::repository;
use crate::source::rust_files;
use std::collections::BTreeMap;
use syn::{Item, Visibility};

/// What is declared in a file for other modules; what tests declare is theirs.
fn declared(source: &str) -> Vec<String> {
    let items = syn::parse_file(source).expect("a Rust file").items;
    let names = items.into_iter().filter_map(|item| {
        let (visibility, name) = match item {
            Item::Struct(item) => (item.vis, item.ident),
            Item::Enum(item) => (item.vis, item.ident),
            Item::Type(item) => (item.vis, item.ident),
            Item::Trait(item) => (item.vis, item.ident),
            _ => return None,
        };
        (!matches!(visibility, Visibility::Inherited)).then(|| name.to_string())
    });
    names.collect()
}

#[test]
fn types_have_names_of_their_own() {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for root in ["src", "crates/quire-core/src"] {
        for (name, source) in rust_files(&repository().join(root)) {
            let at = format!("{root}/{name}");
            // A domain for tests, tests, and golden vectors.
            if ["/toy", "tests", "/vectors/"].iter().any(|part| at.contains(part)) {
                continue;
            }
            for name in declared(&source) {
                homes.entry(name).or_default().push(at.clone());
            }
        }
    }
    assert!(homes.len() > 200, "{} types are found", homes.len());
    homes.retain(|_, at| at.len() > 1);
    assert!(homes.is_empty(), "types of one name: {homes:#?}");
}

#[test]
fn what_is_private_is_not_counted() {
    assert_eq!(
        declared("pub struct A; struct B; pub(crate) enum C { D } mod t { pub struct E; }"),
        ["A", "C"]
    );
}
