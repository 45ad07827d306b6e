//! A subscriber that catches up: 1,000 events after a cursor.

use crate::database::SIDES;
use crate::files::{self, upsert_sql};
use crate::measure::{Param, Read, Samples, alternate, column};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};

/// Saves, each an event; the middle third is read.
const SAVES: usize = 3_000;
const EVENTS: usize = 1_000;

/// The contenders. Parameters: project, cursor.
const QUERIES: [&str; 6] = [
    "SELECT * FROM quire.poll_events($1, $2, 1000, true)",
    "SELECT * FROM baseline.poll_events($1, $2, 1000, true)",
    "SELECT seq, file_path, content, content_hash, version, is_deleted, last_modified_by, updated_at
     FROM baseline.project_files WHERE project_id = $1 AND seq > $2 ORDER BY seq LIMIT 1000",
    "SELECT * FROM quire.poll_events($1, $2, 1000, false)",
    "SELECT * FROM baseline.poll_events($1, $2, 1000, false)",
    "SELECT seq, file_path, content_hash, version, is_deleted, last_modified_by, updated_at
     FROM baseline.project_files WHERE project_id = $1 AND seq > $2 ORDER BY seq LIMIT 1000",
];

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let scratch = bench.server.scratch("poll")?;
    let project = scratch.project()?;
    bench.say("poll: saving 3,000 files");
    let mut client = scratch.client()?;
    for side in SIDES {
        let statement = client.prepare(upsert_sql(side))?;
        let mut transaction = client.transaction()?;
        for file in files::files(1, SAVES) {
            transaction.query_one(&statement, &[&project, &file.path, &file.content])?;
        }
        transaction.commit()?;
    }
    drop(client);
    scratch.vacuum()?;
    let digest = |side: &str| {
        format!(
            "SELECT string_agg(event, '' ORDER BY seq), md5(string_agg(payload ->> 'content', '' ORDER BY seq))
             FROM {side}.poll_events('{project}', {EVENTS}, {EVENTS}, true)"
        )
    };
    // A fresh sequence counts from 1, as quire does.
    scratch.check_same("events", &digest("quire"), &digest("baseline"))?;

    let mut contenders = Vec::new();
    for sql in QUERIES {
        let params: Vec<Param> = vec![Box::new(project), Box::new(EVENTS as i64)];
        contenders.push(Read::new(scratch.client()?, sql, params, EVENTS)?.contender());
    }
    let samples = alternate(bench, "poll", &mut contenders)?;
    let rows = vec![
        row(&samples, "with content, against the same as JSON", 0, 1, Some(1.0)),
        row(&samples, "with content, against plain columns", 0, 2, None),
        row(&samples, "without content, against the same as JSON", 3, 4, Some(0.7)),
        row(&samples, "without content, against plain columns", 3, 5, None),
    ];
    Ok(Section { title: "Poll of 1,000 events (poll_events)".to_owned(), rows, notes: Vec::new() })
}

fn row(samples: &Samples, what: &str, quire: usize, baseline: usize, goal: Option<f64>) -> Row {
    Row {
        what: what.to_owned(),
        unit: Unit::Milliseconds,
        quire: column(&samples[quire], 0),
        baseline: column(&samples[baseline], 0),
        goal,
    }
}
