//! Single saves of 4 KB by several clients at once. quire serialises the writers of a project, the baseline those of a
//! path: so everything is measured with all clients in one project, and with a project for each.

use crate::database::{SIDES, Scratch, Side};
use crate::files::{self, File, Texts};
use crate::measure::{Contender, alternate, column};
use crate::pgbench::{self, Run, UPSERT};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};
use quire_client::Quire;
use quire_client::project::CreateProjectOptions;
use uuid::Uuid;

/// How many connections there are at a time.
pub const CLIENTS: [usize; 3] = [1, 8, 32];
/// Directories of a project; the scripts know it too.
pub const DIRECTORIES: usize = 40;
/// Sessions that listen while others write.
const LISTENERS: usize = 80;

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let scratch = bench.server.scratch("upsert")?;
    let files_per_dir = bench.options.scale(25, 10);
    bench.say("upsert: filling the projects");
    fill(&scratch, files_per_dir)?;
    let mut rows = Vec::new();
    let case = |clients, projects, listeners| Case { clients, projects, listeners, files_per_dir };
    for clients in CLIENTS {
        rows.extend(compare(bench, &scratch, &case(clients, 1, 0))?);
    }
    for clients in CLIENTS.into_iter().filter(|clients| *clients > 1) {
        rows.extend(compare(bench, &scratch, &case(clients, clients, 0))?);
    }
    rows.extend(compare(bench, &scratch, &case(8, 1, LISTENERS))?);
    let files = DIRECTORIES * files_per_dir;
    let notes = vec![
        format!("Each save makes a new version of one of {files} files of its project, chosen at random."),
        "Percentiles leave out the first save of each connection, which loads code and makes plans."
            .to_owned(),
    ];
    Ok(Section { title: "Single save of 4 KB (upsert_project_file)".to_owned(), rows, notes })
}

/// Who writes where.
struct Case {
    clients: usize,
    projects: usize,
    /// Sessions that listen to something else meanwhile.
    listeners: usize,
    files_per_dir: usize,
}

impl Case {
    fn name(&self) -> String {
        let who = match (self.clients, self.projects) {
            (1, _) => "1 client".to_owned(),
            (clients, 1) => format!("{clients} clients, one project"),
            (clients, projects) => format!("{clients} clients, {projects} projects"),
        };
        if self.listeners == 0 { who } else { format!("{who}, {} idle listeners", self.listeners) }
    }

    /// The ratio to reach; on a disk that is slow to flush it is another one.
    fn goal(&self, is_slow: bool) -> Option<f64> {
        match (self.clients, self.projects, self.listeners > 0, is_slow) {
            (1, 1, false, false) => Some(0.95),
            (8, 1, true, false) => Some(1.5),
            (8 | 32, 1, false, false) => Some(1.2),
            (8, 8, false, false) => Some(1.6),
            (32, 32, false, false) => Some(1.8),
            (8, _, false, true) => Some(3.0),
            (32, 1, false, true) => Some(3.5),
            (32, 32, false, true) => Some(5.0),
            _ => None,
        }
    }
}

fn compare(bench: &Bench, scratch: &Scratch, case: &Case) -> Result<Vec<Row>> {
    let what = case.name();
    bench.say(format!("upsert, {what}: vacuum"));
    scratch.vacuum()?;
    let _listening = scratch.listeners(case.listeners)?;
    let variables = variables(case.projects, false, case.files_per_dir);
    let contender = |side: Side| -> Contender {
        let variables = &variables;
        Box::new(move |round| {
            let seconds = if round == 0 { 1 } else { bench.options.seconds };
            pgbench::run(
                bench,
                scratch,
                &Run { script: &UPSERT, side, clients: case.clients, seconds, variables },
            )
        })
    };
    let samples = alternate(bench, &format!("upsert, {what}"), &mut SIDES.map(contender))?;
    let goal = case.goal(bench.options.flush_delay > 0);
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

/// What the scripts know: how many projects there are, whether each save picks one at random or each client keeps to its own, and what a
/// save writes.
pub fn variables(projects: usize, is_random: bool, files_per_dir: usize) -> [(&'static str, String); 4] {
    let body = Texts::new(7).text(files::FILE_BYTES - 32);
    [
        ("projects", projects.to_string()),
        ("random", u8::from(is_random).to_string()),
        ("files_per_dir", files_per_dir.to_string()),
        ("body", body),
    ]
}

/// The projects of all clients on both sides, with their files, so that every measured save changes one.
fn fill(scratch: &Scratch, files_per_dir: usize) -> Result<()> {
    let mut client = scratch.client()?;
    let mut texts = Texts::new(1);
    for number in 0..CLIENTS.into_iter().max().unwrap_or(1) {
        let project: Uuid =
            client.query_one("SELECT md5($1::text)::uuid", &[&number.to_string()])?.try_get(0)?;
        let options = CreateProjectOptions { project_uuid: Some(project.into()), ..Default::default() };
        Quire::new(&mut client).create_project("benchmark", options)?;
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
