//! How much a new domain touches that is not its own. Toys (feature `toy`) are one in its smallest form, which `tests/domain` tries; what
//! they touch, every domain does.

use crate::repository;
use crate::source::read;
use std::collections::BTreeSet;

/// Their own.
const OWN: [&str; 3] = ["src/domain/toy/", "sql/toy/", "crates/quire-core/src/op/toy.rs"];

/// What a domain adds a line to, and toys change afterwards, because they are not always there.
const ADDED_TO: [&str; 1] = ["sql/bundle/view.sql"];

/// Most files of others that a new domain may touch. The expected output of the contract's test, for one that has functions, and the list
/// of services are two of these.
const MOST: usize = 6;
const OF_FUNCTIONS: [&str; 2] = ["pg_regress/expected/contract.out", "src/service/mod.rs"];

#[test]
fn a_new_domain_touches_few_files_of_others() {
    let mut touched: BTreeSet<String> =
        ADDED_TO.iter().chain(&OF_FUNCTIONS).map(|name| (*name).to_owned()).collect();
    let mut own = 0;
    for root in ["src", "crates", "sql"] {
        for (name, text) in read(&repository().join(root), &["rs", "sql"]) {
            let name = format!("{root}/{name}");
            let is_own = OWN.iter().any(|folder| name.starts_with(folder));
            own += usize::from(is_own);
            if !is_own
                && text
                    .to_lowercase()
                    .split(|c: char| !c.is_alphanumeric())
                    .any(|word| word.starts_with("toy"))
            {
                touched.insert(name);
            }
        }
    }
    assert!(own >= 5, "toys have {own} files of their own");
    for name in &touched {
        assert!(repository().join(name).exists(), "{name} is not there");
    }
    assert!(touched.contains("src/domain/mod.rs"), "toys are not in the list of domains");
    assert!(touched.len() <= MOST, "{} files of others: {touched:?}", touched.len());
}
