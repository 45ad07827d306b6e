//! An archive of a real tree, from the call until it is in a file, against `git archive` of the same tree; and the memory
//! that one of a large project takes.

use crate::database::Scratch;
use crate::measure::{Contender, Sample, Samples, alternate, column, median, timed};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use quire_client::Quire;
use quire_client::snapshot::SnapshotOptions;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use uuid::Uuid;

/// Content of the large project.
const LARGE_BYTES: usize = 1 << 30;
const LARGE_FILE: usize = 16 << 20;

/// Runs of a contender in a round.
const REPEATS: usize = 3;

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let tree = bench.options.tree.as_deref().ok_or("section snapshot needs --tree")?;
    let scratch = bench.server.scratch("snapshot")?;
    let project = scratch.project()?;
    let files = import(bench, &scratch, project, tree)?;
    scratch.vacuum()?;
    let directory = std::env::temp_dir().join(format!("quire-bench-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let outcome = compare(bench, &scratch, project, tree, &directory);
    fs::remove_dir_all(&directory)?;
    let (rows, sizes) = outcome?;
    let mut notes = vec![
        format!("{files} files of the tree at HEAD; from the call until the archive is in a new file; {REPEATS} runs in a row."),
        format!("Sizes: {sizes}."),
        "Unchanged: the snapshot is there already; it is still fetched and written. Others are made anew each time.".to_owned(),
    ];
    if !bench.options.quick {
        notes.push(memory(bench, &scratch)?);
    }
    Ok(Section { title: "Snapshot of a source tree".to_owned(), rows, notes })
}

/// Saves the files of HEAD and says how many there are.
fn import(bench: &Bench, scratch: &Scratch, project: Uuid, tree: &Path) -> Result<usize> {
    bench.say("snapshot: saving the tree");
    let listing = Command::new("git")
        .arg("-C")
        .arg(tree)
        .args(["ls-tree", "-r", "-z", "--name-only", "HEAD"])
        .output()?;
    let mut client = scratch.client()?;
    let mut transaction = client.transaction()?;
    let save = transaction.prepare("SELECT quire.upsert_project_file_bytes($1, $2, $3)")?;
    let mut count = 0;
    for path in listing.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
        let path = std::str::from_utf8(path)?;
        let show =
            Command::new("git").arg("-C").arg(tree).arg("show").arg(format!("HEAD:{path}")).output()?;
        transaction.execute(&save, &[&project, &path, &show.stdout])?;
        count += 1;
    }
    transaction.commit()?;
    if count < 2000 {
        return Err(format!("the tree has {count} files; the measurement wants 2,000").into());
    }
    Ok(count)
}

fn compare(
    bench: &Bench,
    scratch: &Scratch,
    project: Uuid,
    tree: &Path,
    directory: &Path,
) -> Result<(Vec<Row>, String)> {
    let out = |name: &str| directory.join(name);
    let git = |script: &'static str, file: PathBuf| -> Contender<'_> {
        Box::new(move |_| {
            repeat(|| {
                remove(&file)?;
                timed(|| shell(script, tree, &file))
            })
        })
    };
    const ZIP: &str = "git -C \"$1\" archive --format=zip HEAD > \"$2\"";
    const TAR_ZST: &str = "git -C \"$1\" archive --format=tar HEAD | zstd -q -3 > \"$2\"";
    let mut contenders = vec![
        made(scratch, project, "zip", true, out("quire.zip"))?,
        git(ZIP, out("git.zip")),
        made(scratch, project, "tar.zst", true, out("quire.tar.zst"))?,
        git(TAR_ZST, out("git.tar.zst")),
        made(scratch, project, "zip", false, out("cached.zip"))?,
        made(scratch, project, "tar.zst", false, out("cached.tar.zst"))?,
    ];
    let samples = alternate(bench, "snapshot", &mut contenders)?;
    let rows = vec![
        row(&samples, "zip, against git archive --format=zip", 0, 1, 2.0),
        row(&samples, "tar.zst, against git archive to zstd -3", 2, 3, 5.0),
        row(&samples, "zip, unchanged", 4, 1, 50.0),
        row(&samples, "tar.zst, unchanged", 5, 3, 50.0),
    ];
    let sizes = ["quire.zip", "git.zip", "quire.tar.zst", "git.tar.zst"]
        .map(|name| Ok(format!("{name} {:.2} MB", fs::metadata(out(name))?.len() as f64 / 1e6)))
        .into_iter()
        .collect::<Result<Vec<_>>>()?
        .join(", ");
    Ok((rows, sizes))
}

fn row(samples: &Samples, what: &str, quire: usize, baseline: usize, goal: f64) -> Row {
    Row {
        what: what.to_owned(),
        unit: Unit::Milliseconds,
        quire: column(&samples[quire], 0),
        baseline: column(&samples[baseline], 0),
        goal: Some(goal),
    }
}

/// quire, making the archive anew or not.
fn made<'a>(
    scratch: &'a Scratch,
    project: Uuid,
    format: &'static str,
    anew: bool,
    file: PathBuf,
) -> Result<Contender<'a>> {
    let mut client = scratch.client()?;
    let make = client.prepare(
        "SELECT (r ->> 'snapshot_id')::uuid, (r ->> 'chunk_count')::int FROM quire.create_project_snapshot($1, $2) r",
    )?;
    // One statement; the client writes a chunk while the server sends the next one.
    let fetch =
        client.prepare("SELECT quire.read_snapshot_chunk($1, $2, n) FROM generate_series(1, $3::int) n")?;
    let mut superuser = scratch.superuser()?;
    Ok(Box::new(move |_| {
        repeat(|| {
            if anew {
                superuser.execute("DELETE FROM quire_store.snapshot WHERE format = $1", &[&format])?;
            }
            remove(&file)?;
            timed(|| {
                let made = client.query_one(&make, &[&project, &format])?;
                let (snapshot, chunks): (Uuid, i32) = (made.try_get(0)?, made.try_get(1)?);
                let mut file = fs::File::create(&file)?;
                let params: [&(dyn ToSql + Sync); 3] = [&project, &snapshot, &chunks];
                let mut fetched = client.query_raw(&fetch, params)?;
                while let Some(chunk) = fetched.next()? {
                    file.write_all(chunk.try_get(0)?)?;
                }
                Ok(())
            })
        })
    }))
}

/// The median of a few runs, as in the other sections.
fn repeat(mut run: impl FnMut() -> Result<f64>) -> Result<Sample> {
    let times = (0..REPEATS).map(|_| run()).collect::<Result<Vec<_>>>()?;
    Ok(vec![median(&times)])
}

/// Every run makes a new file: to write over one that is there costs more, and not the one who made it.
fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn shell(script: &str, tree: &Path, file: &Path) -> Result<()> {
    let status =
        Command::new("sh").args(["-c", script, "sh"]).arg(tree).arg(file).stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{script}: {status}").into()) }
}

/// How much memory the server process takes on top while it makes archives of 1 GiB.
fn memory(bench: &Bench, scratch: &Scratch) -> Result<String> {
    let project = scratch.project()?;
    let mut client = scratch.client()?;
    for number in 0..LARGE_BYTES / LARGE_FILE {
        bench.say(format!("snapshot: saving file {} of the large project", number + 1));
        let content = half_random(number as u64);
        let path = format!("large/{number:03}.bin");
        Quire::new(&mut client).upsert_project_file_bytes(
            project.into(),
            &path,
            &content,
            Default::default(),
        )?;
    }
    let mut parts = Vec::new();
    for format in ["zip", "tar.zst"] {
        bench.say(format!("snapshot: {format} of the large project"));
        // A new process, whose peak is its own.
        let mut client = scratch.client()?;
        let whole = SnapshotOptions { format: Some(format), ..Default::default() };
        let small = SnapshotOptions { at_seq: Some(1), ..whole };
        Quire::new(&mut client).create_project_snapshot(project.into(), small)?;
        let before = peak(&mut client)?;
        let time = timed(|| {
            Quire::new(&mut client).create_project_snapshot(project.into(), whole)?;
            Ok(())
        })?;
        parts.push(format!("{format} {:.0} MB in {:.1} s", (peak(&mut client)? - before) / 1e3, time / 1e3));
    }
    Ok(format!("Peak memory of the server process on top of what it had, for 1 GiB: {}.", parts.join(", ")))
}

/// Resident memory of the client's server process at its highest, in kB; shared buffers it has touched are not its own.
fn peak(client: &mut Client) -> Result<f64> {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.try_get(0)?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<f64> {
        let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such field in /proc")?;
        Ok(line.split_whitespace().nth(1).ok_or("an empty field in /proc")?.parse()?)
    };
    Ok(field("VmHWM:")? - field("RssShmem:")?)
}

/// Content of which half does not compress.
fn half_random(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut content = Vec::with_capacity(LARGE_FILE);
    while content.len() < LARGE_FILE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend_from_slice(&state.to_le_bytes());
        content.extend_from_slice(b"the same");
    }
    content
}
