//! Runs pgbench and reads what it measured.

use crate::database::{Scratch, Side, role_option};
use crate::measure::Sample;
use crate::{Bench, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A script for each side, which differ in the statement.
pub struct Script {
    quire: &'static str,
    baseline: &'static str,
}

/// A save of a file.
pub static UPSERT: Script = Script {
    quire: include_str!("../pgbench/upsert_quire.sql"),
    baseline: include_str!("../pgbench/upsert_baseline.sql"),
};
/// One field of an entity.
pub static FIELD: Script = Script {
    quire: include_str!("../pgbench/field_quire.sql"),
    baseline: include_str!("../pgbench/field_baseline.sql"),
};

impl Script {
    fn of(&self, side: Side) -> &'static str {
        match side {
            Side::Quire => self.quire,
            Side::Baseline => self.baseline,
        }
    }
}

/// One run.
pub struct Run<'a> {
    pub script: &'a Script,
    pub side: Side,
    pub clients: usize,
    pub seconds: u32,
    /// Variables of the script.
    pub variables: &'a [(&'a str, String)],
}

/// Transactions per second, and the 50th and 99th percentile of their times in milliseconds.
pub fn run(bench: &Bench, scratch: &Scratch, run: &Run) -> Result<Sample> {
    let directory = Directory::new()?;
    let script_file = directory.0.join("script.sql");
    fs::write(&script_file, run.script.of(run.side))?;
    let options = &bench.options;
    let threads = std::thread::available_parallelism()?.get().min(run.clients);
    let mut command = Command::new(bench.server.pgbench());
    command.args(["--no-vacuum", "--protocol=prepared", "--log"]);
    command.arg(format!("--log-prefix={}", directory.0.join("log").display()));
    command.arg("--file").arg(&script_file);
    command.args([format!("--client={}", run.clients), format!("--jobs={threads}")]);
    command.arg(format!("--time={}", run.seconds));
    for (name, value) in run.variables {
        command.arg("--define").arg(format!("{name}={value}"));
    }
    command.args(["--host", &options.host, "--port", &options.port.to_string()]);
    command.args(["--username", &options.user, scratch.name()]);
    let output = command
        .env("PGOPTIONS", role_option())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", bench.server.pgbench().display()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("pgbench failed: {}", stderr.trim()).into());
    }
    let tps = throughput(&String::from_utf8_lossy(&output.stdout)).ok_or("pgbench printed no throughput")?;
    let mut times = times(&directory.0)?;
    times.sort_unstable();
    Ok(vec![tps, percentile(&times, 50), percentile(&times, 99)])
}

/// The line `tps = 123.4 (without initial connection time)`.
fn throughput(output: &str) -> Option<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

/// Microseconds of every transaction but the first of each client, which loads code and makes plans.
fn times(directory: &Path) -> Result<Vec<u64>> {
    let mut times = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("log") {
            times.extend(fs::read_to_string(entry.path())?.lines().filter_map(time));
        }
    }
    Ok(times)
}

/// A line of the log: client, number of the transaction, microseconds, ...
fn time(line: &str) -> Option<u64> {
    let mut fields = line.split(' ').skip(1);
    let number: u64 = fields.next()?.parse().ok()?;
    fields.next()?.parse().ok().filter(|_| number > 1)
}

/// In milliseconds, of sorted microseconds.
fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).map_or(f64::NAN, |micros| *micros as f64 / 1000.0)
}

/// A directory for one run, removed with its content.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("quire-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_scripts_of_a_save_differ_in_the_function_only() {
        let statement = |side| UPSERT.of(side).lines().skip(1).collect::<Vec<_>>().join("\n");
        let baseline = statement(Side::Baseline).replace("SELECT baseline.", "SELECT quire.");
        assert_eq!(statement(Side::Quire), baseline);
    }

    #[test]
    fn output_is_read() {
        assert_eq!(throughput("a\ntps = 12.5 (without initial connection time)\n"), Some(12.5));
        assert_eq!(time("0 2 1234 0 1700000000 1"), Some(1234));
        assert_eq!(time("0 1 9999 0 1700000000 1"), None);
        assert_eq!(percentile(&[1000, 2000, 3000, 4000], 50), 2.0);
        assert_eq!(percentile(&[1000, 2000, 3000, 4000], 99), 4.0);
        assert!(percentile(&[], 99).is_nan());
    }
}
