//! A thousand files at once: quire's bulk function against what can be done with the baseline.

use crate::database::{Scratch, Side, create_project};
use crate::files::{self, BULK_FILES, File, bulk_json, bulk_sql, upsert_sql};
use crate::measure::{Contender, Sample, Samples, alternate, column, timed};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};
use postgres::Client;
use uuid::Uuid;

/// Measures the section. A sample has the time for new files, and where the way allows it the time for changing them.
pub fn run(bench: &Bench) -> Result<Section> {
    let scratch = bench.server.scratch("bulk")?;
    let mut contenders = vec![
        bulk(&scratch, Side::Quire)?,
        client_loop(&scratch)?,
        server_loop(&scratch)?,
        bulk(&scratch, Side::Baseline)?,
        plain_insert(&scratch)?,
    ];
    let samples = alternate(bench, "bulk", &mut contenders)?;
    scratch.check_same(
        "sum of all versions",
        "SELECT sum(version) FROM quire.project_files",
        // Three ways of the baseline write both versions; the plain INSERT only the first.
        &format!(
            "SELECT (sum(version) - {}) / 3 FROM baseline.project_files",
            BULK_FILES * (bench.options.rounds + 1)
        ),
    )?;
    let new =
        |name, contender, goal| row(&samples, &format!("new files, against {name}"), contender, 0, goal);
    let changed =
        |name, contender| row(&samples, &format!("changed files, against {name}"), contender, 1, None);
    let rows = vec![
        new("its function called 1,000 times", 1, Some(3.0)),
        new("its function in a loop on the server", 2, None),
        new("its bulk function", 3, None),
        new("a plain INSERT ... SELECT unnest", 4, Some(0.5)),
        changed("its function called 1,000 times", 1),
        changed("its function in a loop on the server", 2),
        changed("its bulk function", 3),
    ];
    let notes = vec![
        "Called 1,000 times: by the client, one after the other, in one transaction.".to_owned(),
        "The plain INSERT gets arrays, with the hashes already computed, and makes first versions only."
            .to_owned(),
    ];
    Ok(Section { title: "Bulk of 1,000 files of 4 KB".to_owned(), rows, notes })
}

fn row(samples: &Samples, what: &str, contender: usize, index: usize, goal: Option<f64>) -> Row {
    Row {
        what: what.to_owned(),
        unit: Unit::Milliseconds,
        quire: column(&samples[0], index),
        baseline: column(&samples[contender], index),
        goal,
    }
}

/// The files of a round, new and changed; the same for every contender.
fn contents(round: usize) -> [Vec<File>; 2] {
    let new = files::files(round as u64 + 1, BULK_FILES);
    let changed = files::edited(&new, 1);
    [new, changed]
}

/// Times `save` for the new and the changed files of a round, in a project of its own.
fn both(
    client: &mut Client,
    round: usize,
    mut save: impl FnMut(&mut Client, Uuid, &[File]) -> Result<f64>,
) -> Result<Sample> {
    let project = create_project(client)?;
    contents(round).iter().map(|files| save(client, project, files)).collect()
}

fn bulk<'a>(scratch: &Scratch, side: Side) -> Result<Contender<'a>> {
    let mut client = scratch.client()?;
    let statement = client.prepare(bulk_sql(side))?;
    Ok(Box::new(move |round| {
        both(&mut client, round, |client, project, files| {
            let json = bulk_json(files);
            timed(|| Ok(client.query_one(&statement, &[&project, &json])?))
        })
    }))
}

fn client_loop<'a>(scratch: &Scratch) -> Result<Contender<'a>> {
    let mut client = scratch.client()?;
    let statement = client.prepare(upsert_sql(Side::Baseline))?;
    Ok(Box::new(move |round| {
        both(&mut client, round, |client, project, files| {
            timed(|| {
                let mut transaction = client.transaction()?;
                for file in files {
                    transaction.query_one(&statement, &[&project, &file.path, &file.content])?;
                }
                Ok(transaction.commit()?)
            })
        })
    }))
}

fn server_loop<'a>(scratch: &Scratch) -> Result<Contender<'a>> {
    let mut client = scratch.client()?;
    let statement = client.prepare(
        "SELECT count(baseline.upsert_project_file($1, f.path, f.content))
         FROM unnest($2::text[], $3::text[]) AS f (path, content)",
    )?;
    Ok(Box::new(move |round| {
        both(&mut client, round, |client, project, files| {
            let (paths, contents) = arrays(files);
            timed(|| Ok(client.query_one(&statement, &[&project, &paths, &contents])?))
        })
    }))
}

fn plain_insert<'a>(scratch: &Scratch) -> Result<Contender<'a>> {
    let mut client = scratch.client()?;
    let hash = client.prepare(
        "SELECT array_agg(encode(sha256(convert_to(c.content, 'UTF8')), 'hex') ORDER BY c.ordinal)
         FROM unnest($1::text[]) WITH ORDINALITY AS c (content, ordinal)",
    )?;
    let statement = client.prepare(
        "INSERT INTO baseline.project_files
             (project_id, file_path, file_type, content, content_hash, version, created_by, last_modified_by)
         SELECT $1, f.path, 'ts', f.content, f.hash, 1, $1, $1
         FROM unnest($2::text[], $3::text[], $4::text[]) AS f (path, content, hash)",
    )?;
    Ok(Box::new(move |round| {
        let [new, _] = contents(round);
        let project = create_project(&mut client)?;
        let (paths, contents) = arrays(&new);
        let hashes: Vec<String> = client.query_one(&hash, &[&contents])?.try_get(0)?;
        let insert = || Ok(client.execute(&statement, &[&project, &paths, &contents, &hashes])?);
        Ok(vec![timed(insert)?])
    }))
}

fn arrays(files: &[File]) -> (Vec<&str>, Vec<&str>) {
    files.iter().map(|file| (file.path.as_str(), file.content.as_str())).unzip()
}
