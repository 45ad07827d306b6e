//! Saves by four clients while garbage collection runs beside them in the same project, against the same saves alone.

use crate::database::{Scratch, Side};
use crate::files::{self, BULK_FILES, File, Texts};
use crate::measure::{Contender, alternate, column, median, timed};
use crate::pgbench::{self, Run, UPSERT};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};
use quire_client::Quire;
use quire_client::project::CreateProjectOptions;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use uuid::Uuid;

/// How many connections save.
const CLIENTS: usize = 4;
/// Files they save; the script knows how many directories there are.
const DIRECTORIES: usize = 40;
const FILES_PER_DIR: usize = 25;
/// Content that one call collects: the default.
const MAX_BLOBS: i32 = 100;
/// How long the collector waits between two calls, as a scheduled job would.
const PAUSE: Duration = Duration::from_millis(10);
/// Bytes of one content that is collected.
const GARBAGE_BYTES: usize = 1024;

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let scratch = bench.server.scratch("gc")?;
    let garbage = bench.options.scale(100_000, 5_000);
    bench.say(format!("gc: making {garbage} contents that nothing needs"));
    let project = fill(&scratch, garbage)?;
    scratch.vacuum()?;
    let calls = Calls::default();
    let samples = thread::scope(|scope| {
        let _end = End(&calls);
        let collector = scope.spawn(|| collect(&scratch, project, &calls));
        let body = Texts::new(7).text(files::FILE_BYTES - 32);
        let variables =
            [("projects", "1".to_owned()), ("files_per_dir", FILES_PER_DIR.to_string()), ("body", body)];
        let save = |beside: bool| -> Contender {
            let (variables, calls, scratch) = (&variables, &calls, &scratch);
            Box::new(move |round| {
                let seconds = if round == 0 { 1 } else { bench.options.seconds };
                // The warm-up collects nothing, so that all of it is measured.
                calls.is_wanted.store(beside && round > 0, Ordering::Relaxed);
                calls.is_beside.store(beside, Ordering::Relaxed);
                let run = Run { script: &UPSERT, side: Side::Quire, clients: CLIENTS, seconds, variables };
                let sample = pgbench::run(bench, scratch, &run);
                calls.is_wanted.store(false, Ordering::Relaxed);
                sample
            })
        };
        let samples = alternate(bench, "gc", &mut [save(true), save(false)])?;
        // What is left is collected without anybody beside.
        calls.is_beside.store(false, Ordering::Relaxed);
        calls.is_wanted.store(true, Ordering::Relaxed);
        while !collector.is_finished() && !calls.is_empty.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        calls.is_over.store(true, Ordering::Relaxed);
        collector.join().map_err(|_| "the collector failed")??;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(samples)
    })?;
    let measured = [("saves", Unit::PerSecond), ("p50", Unit::Milliseconds), ("p99", Unit::Milliseconds)];
    let row = |(index, (what, unit)): (usize, (&str, Unit))| Row {
        what: what.to_owned(),
        unit,
        quire: column(&samples[0], index),
        baseline: column(&samples[1], index),
        goal: (what == "p99").then_some(0.5),
    };
    Ok(Section {
        title: format!("Saves of 4 KB by {CLIENTS} clients beside gc_run, and alone"),
        rows: measured.into_iter().enumerate().map(row).collect(),
        notes: notes(&calls, garbage)?,
    })
}

fn notes(calls: &Calls, garbage: usize) -> Result<Vec<String>> {
    let times = calls.times.lock().map_err(|_| "the collector failed")?;
    let collected: i64 = times.iter().map(|call| call.collected).sum();
    if (collected as usize) < garbage {
        return Err(format!("{collected} contents were collected, not {garbage}").into());
    }
    let of = |is_beside: bool| -> Vec<&Call> {
        times.iter().skip(1).filter(|call| call.is_beside == is_beside && call.collected > 0).collect()
    };
    let tell = |calls: &[&Call]| {
        let mut times: Vec<f64> = calls.iter().map(|call| call.milliseconds).collect();
        times.sort_by(f64::total_cmp);
        let p99 = times.get((times.len() * 99 / 100).min(times.len().saturating_sub(1))).copied();
        let count: i64 = calls.iter().map(|call| call.collected).sum();
        format!(
            "{count} in {} calls of p50 {:.1} ms, p99 {:.1} ms",
            times.len(),
            median(&times),
            p99.unwrap_or(0.0)
        )
    };
    Ok(vec![
        format!(
            "Left: one connection, with synchronous_commit off, calls gc_run in the same project, {} ms after each \
             answer. Right: nobody does.",
            PAUSE.as_millis()
        ),
        format!(
            "Collected {collected} contents of 1 KB, {MAX_BLOBS} a call: beside the writers {}, alone {}.",
            tell(&of(true)),
            tell(&of(false))
        ),
        format!(
            "The first call, which looks at everything: {:.0} ms, without the lock of the project but for its share.",
            times.first().map_or(0.0, |call| call.milliseconds)
        ),
    ])
}

/// One call of gc_run.
struct Call {
    milliseconds: f64,
    collected: i64,
    /// Whether somebody saved meanwhile.
    is_beside: bool,
}

/// What the collector gets, and returns.
#[derive(Default)]
struct Calls {
    is_wanted: AtomicBool,
    is_beside: AtomicBool,
    is_over: AtomicBool,
    is_empty: AtomicBool,
    times: Mutex<Vec<Call>>,
}

/// Ends the collector also when the measurement fails.
struct End<'a>(&'a Calls);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

fn collect(scratch: &Scratch, project: Uuid, calls: &Calls) -> Result<()> {
    let mut client = scratch.client()?;
    // As the guide advises.
    client.batch_execute("SET synchronous_commit = off")?;
    let statement = client.prepare("SELECT quire.gc_run($1, $2)")?;
    while !calls.is_over.load(Ordering::Relaxed) {
        if !calls.is_wanted.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        let mut answer = Value::Null;
        let milliseconds = timed(|| {
            answer = client.query_one(&statement, &[&project, &MAX_BLOBS])?.try_get(0)?;
            Ok(())
        })?;
        let collected = answer["collected"].as_i64().unwrap_or(0);
        let is_beside = calls.is_beside.load(Ordering::Relaxed);
        calls.times.lock().map_err(|_| "the measurement failed")?.push(Call {
            milliseconds,
            collected,
            is_beside,
        });
        if answer["remaining"] == 0 {
            calls.is_empty.store(true, Ordering::Relaxed);
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// The project that the script saves to, with contents that were current once and no retention.
fn fill(scratch: &Scratch, garbage: usize) -> Result<Uuid> {
    let mut client = scratch.client()?;
    let project: Uuid = client.query_one("SELECT md5('0')::uuid", &[])?.try_get(0)?;
    let settings = json!({"retention_days": 0});
    let options = CreateProjectOptions {
        project_uuid: Some(project.into()),
        settings: Some(&settings),
        ..Default::default()
    };
    Quire::new(&mut client).create_project("benchmark", options)?;
    let mut texts = Texts::new(1);
    let mut left = garbage;
    while left > 0 {
        let count = left.min(BULK_FILES);
        let old: Vec<File> = (0..count)
            .map(|number| File { path: format!("old/{number}"), content: texts.text(GARBAGE_BYTES) })
            .collect();
        files::save(&mut client, Side::Quire, project, &old)?;
        left -= count;
    }
    let paths: Vec<String> = (0..BULK_FILES.min(garbage)).map(|number| format!("old/{number}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    Quire::new(&mut client).bulk_delete_project_files(project.into(), &paths, None)?;
    let places = (0..DIRECTORIES).flat_map(|dir| (1..=FILES_PER_DIR).map(move |file| (dir, file)));
    let live: Vec<File> = places
        .map(|(dir, file)| File {
            path: format!("src/{dir}/file_{file}.ts"),
            content: texts.text(files::FILE_BYTES),
        })
        .collect();
    files::save(&mut client, Side::Quire, project, &live)?;
    Ok(project)
}
