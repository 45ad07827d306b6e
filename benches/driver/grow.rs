//! Single saves in a database that has grown: thousands of projects, each with a history, of which every save picks one at random.

use crate::database::{SIDES, Scratch, Side};
use crate::measure::{Contender, Samples, alternate, column};
use crate::pgbench::{self, Run, UPSERT};
use crate::report::{Row, Section, Unit};
use crate::upsert::{DIRECTORIES, variables};
use crate::{Bench, Result};

const CLIENTS: usize = 8;
/// Versions of each file: 400 of each project.
const VERSIONS: usize = 5;
const FILES_PER_DIRECTORY: usize = 2;
/// Projects of a database that is small.
const FEW: usize = 30;

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let many = bench.options.scale(3_000, 300);
    let large = measure(bench, "grow", many)?;
    let small = measure(bench, "grow_small", FEW)?;
    let versions = many * DIRECTORIES * FILES_PER_DIRECTORY * VERSIONS;
    let row = |what: String, quire: &[Vec<f64>], baseline: &[Vec<f64>], goal: f64| Row {
        what,
        unit: Unit::PerSecond,
        quire: column(quire, 0),
        baseline: column(baseline, 0),
        goal: Some(goal),
    };
    let goal = if bench.options.flush_delay > 0 { 4.0 } else { 1.3 };
    let rows = vec![
        row(format!("{many} projects, {versions} versions"), &large[0], &large[1], goal),
        row(format!("the same against quire with {FEW} projects"), &large[0], &small[0], 0.8),
    ];
    let notes = vec![format!(
        "{CLIENTS} clients save 4 KB each to a file and a project chosen at random. What was there before has about 300 bytes a version."
    )];
    Ok(Section { title: "Single saves in a grown database".to_owned(), rows, notes })
}

fn measure(bench: &Bench, section: &str, projects: usize) -> Result<Samples> {
    let scratch = bench.server.scratch(section)?;
    bench.say(format!("{section}: filling {projects} projects"));
    fill(&scratch, projects)?;
    scratch.vacuum()?;
    scratch.superuser()?.batch_execute("CHECKPOINT")?;
    let variables = variables(projects, true, FILES_PER_DIRECTORY);
    let contender = |side: Side| -> Contender {
        let (scratch, variables) = (&scratch, &variables);
        Box::new(move |round| {
            let seconds = if round == 0 { 2 } else { bench.options.seconds };
            pgbench::run(bench, scratch, &Run { script: &UPSERT, side, clients: CLIENTS, seconds, variables })
        })
    };
    alternate(bench, section, &mut SIDES.map(contender))
}

/// The same on both sides, made by the server: it would take the client longer to send it.
fn fill(scratch: &Scratch, projects: usize) -> Result<()> {
    let mut client = scratch.client()?;
    let save = |schema: &str| {
        format!(
            "PERFORM {schema}.bulk_upsert_project_files(md5(project::text)::uuid, (
                 SELECT jsonb_agg(jsonb_build_object('file_path', 'src/' || dir || '/file_' || file || '.ts',
                     'content', (SELECT string_agg(md5(concat_ws('/', project, version, dir, file, part)), chr(10))
                                 FROM generate_series(1, 9) part)))
                 FROM generate_series(0, {DIRECTORIES} - 1) dir, generate_series(1, {FILES_PER_DIRECTORY}) file))"
        )
    };
    let (quire, baseline) = (save("quire"), save("baseline"));
    for first in (0..projects).step_by(100) {
        let last = projects.min(first + 100) - 1;
        client.batch_execute(&format!(
            "DO $$ BEGIN
                FOR project IN {first}..{last} LOOP
                    PERFORM quire.create_project(name => 'grown', project_uuid => md5(project::text)::uuid);
                    FOR version IN 1..{VERSIONS} LOOP {quire}; {baseline}; END LOOP;
                    COMMIT;
                END LOOP;
            END $$"
        ))?;
    }
    Ok(())
}
