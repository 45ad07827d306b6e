//! Queries over many documents against the same SQL by hand, over a table that has the JSON of each.

use crate::database::create_project;
use crate::measure::{Contender, Read, alternate, column};
use crate::report::{Row, Unit};
use crate::{Bench, Result};
use serde_json::{Value, json};

/// Documents of one transaction.
const AT_ONCE: i32 = 500;

/// What is asked for, the query, the same by hand, and how many rows that has.
type Question = (&'static str, Value, &'static str, usize);

/// Measures the questions, one after the other.
pub fn rows(bench: &Bench) -> Result<Vec<Row>> {
    let scratch = bench.server.scratch("docs_query")?;
    let (mut client, mut superuser) = (scratch.client()?, scratch.superuser()?);
    let project = create_project(&mut client)?;
    let count = bench.options.scale(100_000, 2_000) as i32;
    bench.say(format!("docs: writing {count} documents"));
    let write =
        "SELECT count(quire.put_doc($1, 'notes/' || lpad(n::text, 6, '0'), jsonb_build_object('n', n % 100,
            'title', md5(n::text), 'done', n % 3 = 0, 'body', repeat(md5(n::text), 8))))
        FROM generate_series($2::int4, $2::int4 + $3::int4 - 1) n";
    // In one transaction the row of the head would have as many dead versions as there are documents.
    let write = client.prepare(write)?;
    for first in (1..=count).step_by(AT_ONCE as usize) {
        client.execute(&write, &[&project, &first, &AT_ONCE.min(count - first + 1)])?;
    }
    superuser.batch_execute(
        "CREATE TABLE public.by_hand (doc text COLLATE \"C\" PRIMARY KEY, tip jsonb);
         INSERT INTO public.by_hand SELECT doc, tip FROM quire_store.doc_head;
         GRANT SELECT ON public.by_hand TO PUBLIC",
    )?;
    scratch.vacuum()?;
    let questions: [Question; 4] = [
        (
            "query_docs, a page by name of",
            json!({"where": {"path": "/n", "eq": 7}, "select": {"title": "/title"}}),
            "SELECT doc, tip -> 'title' FROM by_hand WHERE jsonb_path_match(tip, '$.n == 7') ORDER BY doc LIMIT 100",
            100,
        ),
        (
            "query_docs, a sorted page of",
            json!({"where": {"path": "/n", "lt": 10}, "select": {"title": "/title"}, "sort": [{"path": "/title"}]}),
            "SELECT doc, tip -> 'title' FROM by_hand WHERE jsonb_path_match(tip, '$.n < 10')
             ORDER BY tip ->> 'title' COLLATE \"C\", doc LIMIT 100",
            100,
        ),
        (
            "query_docs, a count of",
            json!({"where": {"and": [{"path": "/n", "lt": 50}, {"path": "/done", "eq": true}]}, "select": [], "count": true, "limit": 1}),
            "SELECT count(*) FROM by_hand WHERE jsonb_path_match(tip, '$.n < 50 && $.done == true')",
            1,
        ),
        (
            "query_docs, what no document is, of",
            json!({"where": {"path": "/title", "eq": "none"}}),
            "SELECT doc, tip FROM by_hand WHERE jsonb_path_match(tip, '$.title == \"none\"') ORDER BY doc LIMIT 100",
            0,
        ),
    ];
    let mut rows = Vec::new();
    for (what, query, by_hand, found) in questions {
        let asked = "SELECT quire.query_docs($1, $2)";
        let quire = Read::new(scratch.client()?, asked, vec![Box::new(project), Box::new(query)], 1)?;
        let by_hand = Read::new(scratch.client()?, by_hand, Vec::new(), found)?;
        let mut contenders: [Contender; 2] = [quire.contender(), by_hand.contender()];
        let samples = alternate(bench, what, &mut contenders)?;
        rows.push(Row {
            what: format!("{what} {count}"),
            unit: Unit::Milliseconds,
            quire: column(&samples[0], 0),
            baseline: column(&samples[1], 0),
            goal: Some(0.83),
        });
    }
    Ok(rows)
}
