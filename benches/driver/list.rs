//! Listing a project of 10,000 files.

use crate::database::SIDES;
use crate::files;
use crate::measure::{Param, Read, Samples, alternate, column};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};

const FILES: usize = 10_000;
/// Files that have a second version, so that being current means something.
const CHANGED: usize = 2_000;

/// The contenders. Their one parameter is the project.
const QUERIES: [&str; 6] = [
    "SELECT file_path, content_hash, version FROM quire.project_files_current WHERE project_id = $1",
    "SELECT file_path, content_hash, version FROM quire.list_current_files($1, with_content => false)",
    "SELECT file_path, content_hash, version
     FROM baseline.project_files WHERE project_id = $1 AND is_current_version AND NOT is_deleted",
    "SELECT file_path, file_type, content, content_hash, version, updated_at FROM quire.list_current_files($1)",
    "SELECT file_path, file_type, content, content_hash, version, updated_at
     FROM quire.project_files_current WHERE project_id = $1",
    "SELECT file_path, file_type, content, content_hash, version, updated_at
     FROM baseline.project_files WHERE project_id = $1 AND is_current_version AND NOT is_deleted",
];

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let scratch = bench.server.scratch("list")?;
    let project = scratch.project()?;
    bench.say("list: saving 10,000 files");
    let mut client = scratch.client()?;
    let new = files::files(1, FILES);
    let changed = files::edited(&new[..CHANGED], 1);
    for side in SIDES {
        files::save(&mut client, side, project, &new)?;
        files::save(&mut client, side, project, &changed)?;
    }
    drop(client);
    scratch.vacuum()?;
    let digest = |source: &str| {
        format!(
            "SELECT sum(version), md5(string_agg(md5(content), '' ORDER BY file_path COLLATE \"C\")) FROM {source}"
        )
    };
    scratch.check_same(
        "current files",
        &digest(&format!("quire.list_current_files('{project}')")),
        &digest(&format!("baseline.list_current_files('{project}')")),
    )?;

    let mut contenders = Vec::new();
    for sql in QUERIES {
        let params: Vec<Param> = vec![Box::new(project)];
        contenders.push(Read::new(scratch.client()?, sql, params, FILES)?.contender());
    }
    let samples = alternate(bench, "list", &mut contenders)?;
    let rows = vec![
        row(&samples, "path, hash, version: project_files_current", 0, 2, None),
        row(&samples, "path, hash, version: list_current_files", 1, 2, Some(0.7)),
        row(&samples, "with content: list_current_files", 3, 5, Some(1.0)),
        row(&samples, "with content: project_files_current", 4, 5, None),
    ];
    let row = scratch.superuser()?.query_one(
        "SELECT (SELECT sum(size)::float8 / sum(octet_length(bytes)) FROM quire_store.blob),
                (SELECT sum(octet_length(content))::float8 / sum(pg_column_size(content)) FROM baseline.project_files)",
        &[],
    )?;
    let (quire, baseline): (f64, f64) = (row.try_get(0)?, row.try_get(1)?);
    let notes = vec![
        "Against a plain SELECT of the same columns, until the client has all rows. list_current_files sorts by path; without"
            .to_owned(),
        "content it is called with with_content => false, and decodes and verifies none.".to_owned(),
        format!("The content compresses {quire:.1} times in quire (zstd), {baseline:.1} times in the baseline (TOAST)."),
    ];
    Ok(Section { title: "List of 10,000 files of 4 KB".to_owned(), rows, notes })
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
