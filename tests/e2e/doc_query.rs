//! Queries over documents by chance: PostgreSQL, where JSON is kept, and Rust, where it is not, find what a model finds that knows the
//! documents alone.

#[path = "../lib/random_query.rs"]
mod random_query;

use crate::cluster::shared;
use crate::dice::Dice;
use crate::steps::project;
use postgres::Client;
use quire_client::Quire;
use quire_core::query::DocQuery;
use random_query::{random_condition, random_doc, random_path};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

const DOCS: usize = 40;

/// Names and values of all documents that a query finds, page by page, and how many it counts.
fn found(client: &mut Client, project: Uuid, query: &Value) -> (Vec<(String, Value)>, Option<i64>) {
    let mut query = query.clone();
    let mut docs = Vec::new();
    loop {
        let page = Quire::new(client).query_docs(project.into(), &query);
        let page = page.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        docs.extend(page.docs.into_iter().map(|doc| (doc.doc, doc.value)));
        match page.next {
            Some(next) => query["after"] = next.into(),
            None => return (docs, page.count),
        }
    }
}

/// The same, by the documents alone.
fn expected(project: Uuid, docs: &BTreeMap<String, Value>, query: &Value) -> Vec<(String, Value)> {
    let query = DocQuery::parse(project.into(), query).expect("a query");
    let mut found: Vec<(Vec<u8>, String, Value)> = docs
        .iter()
        .filter(|(name, _)| name.starts_with(&query.prefix))
        .filter(|(_, doc)| query.condition.as_ref().is_none_or(|condition| condition.holds(doc)))
        .map(|(name, doc)| (query.order.key_of(doc), name.clone(), query.projection.of(doc.clone())))
        .collect();
    found.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    found.into_iter().map(|(_, name, value)| (name, value)).collect()
}

fn random_query(dice: &mut Dice, docs: &BTreeMap<String, Value>) -> Value {
    let near = docs.values().nth(dice.throw(docs.len())).expect("a document");
    let prefix = ["", "d", "d1"][dice.throw(3)];
    let limit = 1 + dice.throw(2 * DOCS);
    let mut query =
        json!({"where": random_condition(dice, near, 3), "count": true, "limit": limit, "prefix": prefix});
    if dice.throw(3) > 0 {
        let by = |dice: &mut Dice| json!({"path": random_path(dice), "desc": dice.throw(2) == 0});
        query["sort"] = (0..=dice.throw(3)).map(|_| by(dice)).collect();
    }
    if dice.throw(2) == 0 {
        query["select"] = json!([random_path(dice), random_path(dice)]);
    }
    query
}

#[test]
fn a_query_means_the_same_whoever_answers_it() {
    let database = shared().database("doc_query");
    let mut admin = database.client("postgres");
    for round in 0..3 {
        let mut dice = Dice::new();
        let project = project(&mut admin, &format!("queries {round}"));
        let mut docs = BTreeMap::new();
        for number in 0..DOCS {
            let name = format!("d{number}");
            Quire::new(&mut admin)
                .put_doc(project.into(), &name, &random_doc(&mut dice), Default::default())
                .expect("put");
            // As it comes back: `jsonb` has one zero, and no two members of one name.
            let read = Quire::new(&mut admin).read_doc(project.into(), &name, Default::default());
            docs.insert(name, read.expect("read"));
        }
        let queries: Vec<Value> = (0..100).map(|_| random_query(&mut dice, &docs)).collect();
        let mut some = 0;
        for which in ["false", "doc LIKE '%1'", "true"] {
            let sql = format!(
                "UPDATE quire_store.doc_head SET tip = NULL WHERE project_id = '{project}' AND {which}"
            );
            admin.batch_execute(&sql).expect("keep less");
            for query in &queries {
                let model = expected(project, &docs, query);
                let (answer, count) = found(&mut admin, project, query);
                assert_eq!(answer, model, "{query} where {which}");
                assert_eq!(count, Some(model.len() as i64), "{query} where {which}");
                some += usize::from((1..DOCS).contains(&model.len()));
                let mut then = query.clone();
                then["at_seq"] = DOCS.into();
                assert_eq!(found(&mut admin, project, &then), (model, count), "{then}");
            }
        }
        assert!(some > 50, "{some} found some");
    }
}
