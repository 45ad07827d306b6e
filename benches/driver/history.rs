//! A point in time of a project with a long history.

use crate::database::{SIDES, Side};
use crate::files;
use crate::measure::{Param, Read, alternate, column};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};

const PATHS: usize = 2_000;

/// The contenders: with and without content, quire and baseline. Parameters: project, seq.
const QUERIES: [&str; 4] = [
    "SELECT * FROM quire.list_files_at($1, at_seq => $2)",
    "SELECT * FROM baseline.list_files_at($1, at_seq => $2)",
    "SELECT file_path, content_hash, version FROM quire.list_files_at($1, at_seq => $2)",
    "SELECT file_path, content_hash, version FROM baseline.list_files_at($1, at_seq => $2)",
];

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let versions = bench.options.scale(100, 10);
    let scratch = bench.server.scratch("history")?;
    let project = scratch.project()?;
    let mut client = scratch.client()?;
    let first = files::files(1, PATHS);
    let mut middle = [0; 2];
    for version in 1..=versions {
        bench.say(format!("history: saving version {version} of {versions} of {PATHS} files"));
        let files = files::edited(&first, version);
        for (index, side) in SIDES.into_iter().enumerate() {
            let seq = files::save(&mut client, side, project, &files)?;
            if version == versions / 2 {
                middle[index] = seq;
            }
        }
    }
    drop(client);
    bench.say("history: vacuum");
    scratch.vacuum()?;
    let digest = |side: &str, seq: i64| {
        format!(
            "SELECT sum(version), md5(string_agg(md5(content), '' ORDER BY file_path COLLATE \"C\"))
             FROM {side}.list_files_at('{project}', at_seq => {seq})"
        )
    };
    scratch.check_same("files in the middle", &digest("quire", middle[0]), &digest("baseline", middle[1]))?;

    let mut contenders = Vec::new();
    for (sql, side) in QUERIES.into_iter().zip(SIDES.into_iter().cycle()) {
        let seq = if side == Side::Quire { middle[0] } else { middle[1] };
        let params: Vec<Param> = vec![Box::new(project), Box::new(seq)];
        contenders.push(Read::new(scratch.client()?, sql, params, PATHS)?.contender());
    }
    let samples = alternate(bench, "history", &mut contenders)?;
    let row = |what: &str, first: usize| Row {
        what: what.to_owned(),
        unit: Unit::Milliseconds,
        quire: column(&samples[first], 0),
        baseline: column(&samples[first + 1], 0),
        goal: None,
    };
    let total = thousands(PATHS * versions);
    Ok(Section {
        title: format!("Files at the middle of {total} versions"),
        rows: vec![row("list_files_at, with content", 0), row("list_files_at: path, hash, version", 2)],
        notes: vec![format!(
            "{PATHS} files with {versions} versions of 4 KB each; the baseline uses DISTINCT ON (file_path)."
        )],
    })
}

/// `200000` as `200,000`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    grouped.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(["200,000", "1,234", "12"], [200_000, 1234, 12].map(thousands));
    }
}
