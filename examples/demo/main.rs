//! The demo: imports the history of a git repository, commit by commit, and shows what can be done with it.
//!
//! `demo --host DIR --port N --dbname NAME [--user NAME] [REPOSITORY]`. The database needs the extension; the user needs
//! the role `quire_user`. Exits with 1 when something differs from what it should be.

mod follow;
mod git;
mod import;
mod plan;
mod sql;
mod tour;
mod verify;

use postgres::{Client, Config};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use uuid::Uuid;

/// Any failure ends the demo with its text.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const USAGE: &str = "usage: demo --host DIR --port N --dbname NAME [--user NAME] [REPOSITORY]";

fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)).and_then(|(config, repository)| run(&config, &repository)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(mut args: impl Iterator<Item = String>) -> Result<(Config, PathBuf)> {
    let mut config = Config::new();
    config.application_name("quire demo");
    if let Ok(user) = std::env::var("PGUSER") {
        config.user(&user);
    }
    let mut repository = None;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n{USAGE}"));
        match arg.as_str() {
            "--host" => config.host(&value()?),
            "--port" => config.port(value()?.parse().map_err(|_| format!("--port needs a number\n{USAGE}"))?),
            "--dbname" => config.dbname(&value()?),
            "--user" => config.user(&value()?),
            option if option.starts_with('-') => {
                return Err(format!("unknown option {option}\n{USAGE}").into());
            }
            _ if repository.is_some() => return Err(format!("one repository only\n{USAGE}").into()),
            path => {
                repository = Some(PathBuf::from(path));
                &mut config
            }
        };
    }
    if config.get_hosts().is_empty() {
        return Err(USAGE.into());
    }
    Ok((config, repository.unwrap_or_else(|| PathBuf::from("."))))
}

/// The whole demo; whether everything is as it should be.
fn run(config: &Config, repository: &Path) -> Result<bool> {
    let repo = git::Repo::open(repository)?;
    if repo.is_shallow()? {
        println!(
            "The repository is shallow: only the commits that are here are imported. For all of them run"
        );
        println!("    git -C {} fetch --unshallow", repository.display());
    }
    let mut client = sql::connect(config)?;
    let project = create_project(&mut client, repository)?;
    let follower = follow::Follower::start(config, project)?;
    let mut imported = import::import(&mut client, project, &repo)?;
    report(&imported);
    if imported.head() == 0 {
        return Err("no commit of this repository has anything that can be stored".into());
    }
    if imported.tags.is_empty() {
        tag_the_middle(&mut client, project, &mut imported)?;
    }
    tour::tour(&mut client, project, &imported)?;
    let head = tour::head(&mut client, project)?;
    let gapless = follower.finish(head)?;
    let same = verify::verify(&mut client, project, &repo, &imported)?;
    let seconds = imported.elapsed.as_secs_f64().max(0.001);
    println!(
        "{} commits in {seconds:.1} s: {:.1} commits/s",
        imported.commits,
        imported.commits as f64 / seconds
    );
    Ok(gapless && same)
}

fn create_project(client: &mut Client, repository: &Path) -> Result<Uuid> {
    let full = repository.canonicalize().unwrap_or_else(|_| repository.to_owned());
    let name = full.file_name().map_or_else(|| "demo".into(), |name| name.to_string_lossy());
    let sql = "SELECT quire.create_project(name => $1)";
    let rows = sql::show(client, "A project", sql, &[&name]).map_err(|error| sql::explain(&error))?;
    let project = rows.first().ok_or("no project was created")?.try_get(0)?;
    println!("  {project}");
    Ok(project)
}

/// A tag for the tree of half the history.
fn tag_the_middle(client: &mut Client, project: Uuid, imported: &mut import::Imported) -> Result<()> {
    let after_middle = imported.seqs.iter().skip(imported.seqs.len() / 2).map(|(_, seq)| *seq);
    let seq = after_middle.into_iter().find(|seq| *seq > 0).ok_or("nothing was imported")?;
    import::set_tag(client, project, "demo", seq).map_err(|error| sql::explain_call(&error))?;
    println!("The repository has no tag on this line, so seq {seq} gets the tag \"demo\".");
    imported.tags.push(("demo".to_owned(), seq));
    Ok(())
}

fn report(imported: &import::Imported) {
    sql::heading("The import: one commit, one bundle");
    println!(
        "{} commits, {} bundles, {} operations, {:.1} MB of content, {} files at the end, {} tags, {:.1} s",
        imported.commits,
        imported.bundles,
        imported.operations,
        imported.bytes as f64 / 1e6,
        imported.files.len(),
        imported.tags.len(),
        imported.elapsed.as_secs_f64(),
    );
    if imported.empty > 0 {
        println!("{} commits changed no file and made no bundle", imported.empty);
    }
    if imported.nothing_storable > 0 {
        println!(
            "{} commits changed only files that cannot be stored and made no bundle",
            imported.nothing_storable
        );
    }
    imported.notes.iter().for_each(|note| println!("note: {note}"));
    if !imported.refused.is_empty() {
        println!("{} files of some commit are NOT stored:", imported.refused.len());
        for (path, (reason, commit)) in &imported.refused {
            println!("  {path:?} since {commit}: {}", reason.replace('\n', " "));
        }
    }
}
