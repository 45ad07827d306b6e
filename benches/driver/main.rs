//! The benchmark driver of `./dev bench`: quire against `benches/baseline.sql`, the PL/pgSQL a user would write instead.
//!
//! Every section makes a database of its own, puts the same content into both sides, lets them take turns for a number
//! of rounds, and reports medians. The caller must be a superuser, because databases, a role and the extension are
//! made; what is measured runs as an ordinary role that owns its projects.

mod bulk;
mod database;
mod docs;
mod entities;
mod files;
mod gc;
// The demo's reader of git repositories; what it tells about tags and trees is not needed here.
#[allow(dead_code)]
#[path = "../../examples/demo/git.rs"]
mod git;
mod grow;
mod history;
mod list;
mod measure;
mod options;
mod pgbench;
mod poll;
mod report;
mod size;
mod snapshot;
#[path = "../../tests/lib/trace.rs"]
mod trace;
mod upsert;

use database::Server;
use indicatif::{ProgressBar, ProgressStyle};
use options::Options;
use report::Section;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Any failure ends the run with its text.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What every section gets.
struct Bench {
    options: Options,
    server: Server,
    progress: ProgressBar,
}

impl Bench {
    /// Shows what is going on, where somebody is watching.
    fn say(&self, message: impl Into<String>) {
        self.progress.set_message(message.into());
    }
}

/// Measures one section.
type Measure = fn(&Bench) -> Result<Section>;

/// The sections, in the order they run. The name is what `--only` takes and the database is called after.
const SECTIONS: [(&str, Measure); 11] = [
    ("upsert", upsert::run),
    ("grow", grow::run),
    ("bulk", bulk::run),
    ("list", list::run),
    ("history", history::run),
    ("poll", poll::run),
    ("size", size::run),
    ("snapshot", snapshot::run),
    ("entities", entities::run),
    ("docs", docs::run),
    ("gc", gc::run),
];

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {}", database::explain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<()> {
    if let Some(unknown) = options.only.iter().find(|only| !SECTIONS.iter().any(|(name, _)| name == only)) {
        let names = SECTIONS.map(|(name, _)| name).join(", ");
        return Err(format!("there is no section {unknown}; there are {names}").into());
    }
    let start = Instant::now();
    let server = Server::connect(&options)?;
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}")?;
    let bench = Bench { options, server, progress: ProgressBar::new_spinner().with_style(style) };
    bench.progress.enable_steady_tick(Duration::from_millis(250));

    let markdown = bench.options.markdown;
    bench.print(&report::header(&bench.server.facts(&bench.options)?, markdown));
    for (name, measure) in SECTIONS {
        if bench.options.wants(name) {
            bench.say(name);
            bench.print(&measure(&bench)?.render(markdown));
        }
    }
    bench.print(&report::legend(start.elapsed(), markdown));
    Ok(())
}

impl Bench {
    /// Prints to stdout without disturbing the progress line on stderr.
    fn print(&self, text: &str) {
        self.progress.suspend(|| println!("{text}"));
    }
}
