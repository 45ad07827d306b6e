//! Single saves of 4 KB by several clients at once. quire serialises the writers of a project, the baseline those of a
//! path: so everything is measured with all clients in one project, and with a project for each.

use crate::database::{SIDES, Scratch, Side};
use crate::files::{self, File, Texts};
use crate::measure::{Contender, alternate, column};
use crate::pgbench::{self, Run};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};
use uuid::Uuid;

/// How many connections there are at a time.
pub const CLIENTS: [usize; 3] = [1, 8, 32];
/// Directories of a project; the scripts know it too.
const DIRECTORIES: usize = 40;

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let scratch = bench.server.scratch("upsert")?;
    let files_per_dir = bench.options.scale(25, 10);
    bench.say("upsert: filling the projects");
    fill(&scratch, files_per_dir)?;
    let mut rows = Vec::new();
    for clients in CLIENTS {
        rows.extend(compare(bench, &scratch, clients, 1, files_per_dir)?);
    }
    for clients in CLIENTS.into_iter().filter(|clients| *clients > 1) {
        rows.extend(compare(bench, &scratch, clients, clients, files_per_dir)?);
    }
    let files = DIRECTORIES * files_per_dir;
    let notes = vec![
        format!("Each save makes a new version of one of {files} files of its project, chosen at random."),
        "Percentiles leave out the first save of each connection, which loads code and makes plans."
            .to_owned(),
    ];
    Ok(Section { title: "Single save of 4 KB (upsert_project_file)".to_owned(), rows, notes })
}

fn compare(
    bench: &Bench,
    scratch: &Scratch,
    clients: usize,
    projects: usize,
    files_per_dir: usize,
) -> Result<Vec<Row>> {
    let what = match (clients, projects) {
        (1, _) => "1 client".to_owned(),
        (_, 1) => format!("{clients} clients, one project"),
        _ => format!("{clients} clients, {projects} projects"),
    };
    bench.say(format!("upsert, {what}: vacuum"));
    scratch.vacuum()?;
    let body = Texts::new(7).text(files::FILE_BYTES - 32);
    let variables =
        [("projects", projects.to_string()), ("files_per_dir", files_per_dir.to_string()), ("body", body)];
    let contender = |side: Side| -> Contender {
        let variables = &variables;
        Box::new(move |round| {
            let seconds = if round == 0 { 1 } else { bench.options.seconds };
            pgbench::run(bench, scratch, &Run { side, clients, seconds, variables })
        })
    };
    let samples = alternate(bench, &format!("upsert, {what}"), &mut SIDES.map(contender))?;
    let goal = match (clients, projects) {
        (1, 1) => Some(0.9),
        (8, 1) => Some(1.0),
        _ => None,
    };
    let measured = [("", Unit::PerSecond), (": p50", Unit::Milliseconds), (": p99", Unit::Milliseconds)];
    let row = |(index, (suffix, unit)): (usize, (&str, Unit))| Row {
        what: format!("{what}{suffix}"),
        unit,
        quire: column(&samples[0], index),
        baseline: column(&samples[1], index),
        goal: goal.filter(|_| index == 0),
    };
    Ok(measured.into_iter().enumerate().map(row).collect())
}

/// The projects of all clients on both sides, with their files, so that every measured save changes one.
fn fill(scratch: &Scratch, files_per_dir: usize) -> Result<()> {
    let mut client = scratch.client()?;
    let mut texts = Texts::new(1);
    for number in 0..CLIENTS.into_iter().max().unwrap_or(1) {
        let project: Uuid =
            client.query_one("SELECT md5($1::text)::uuid", &[&number.to_string()])?.try_get(0)?;
        client
            .execute("SELECT quire.create_project(name => 'benchmark', project_uuid => $1)", &[&project])?;
        let places = (0..DIRECTORIES).flat_map(|dir| (1..=files_per_dir).map(move |file| (dir, file)));
        let files: Vec<File> = places
            .map(|(dir, file)| File {
                path: format!("src/{dir}/file_{file}.ts"),
                content: texts.text(files::FILE_BYTES),
            })
            .collect();
        for side in SIDES {
            files::save(&mut client, side, project, &files)?;
        }
    }
    Ok(())
}
