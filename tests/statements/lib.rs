//! Statement rules: a distributed PostgreSQL plans each statement to one node, and a local one by its shape.

#[cfg(test)]
mod rules;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod source;
#[cfg(test)]
mod tree;

#[cfg(test)]
mod tests {
    use crate::{rules, schema, source, tree};
    #[test]
    fn dump() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let schema = schema::Schema::read(&root.join("sql/schema"));
        for (name, table) in &schema.tables { if !table.is_of_projects() { println!("global {name} {:?}", table.columns); } }
        for text in source::texts(&root.join("src")) {
            if !(text.value.contains("quire_store.") || text.value.contains("SELECT")) { continue; }
            match tree::parse(&text.value) {
                Err(error) => println!("## {}: {error}", text.at),
                Ok(statements) => for s in &statements { for w in rules::wrong(&schema, rules::Tied::ToParameter, s) { println!("@@ {}: {w}", text.at); } }
            }
        }
        for (what, list) in [("view", &schema.views), ("function", &schema.functions)] { for d in list { println!("{what} {}", d.at); for w in rules::wrong(&schema, rules::Tied::ToEachOther, &d.query) { println!("%% {}: {w}", d.at); } } }
    }
}
