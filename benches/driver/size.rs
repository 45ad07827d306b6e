//! How much room the history of a git repository takes: every version of every text file along the first parents.
//!
//! Both sides get the same versions. What the baseline's `content text` cannot hold (binary files), and what is no
//! file of this repository (symlinks, submodules), is left out on both.

use crate::database::Scratch;
use crate::files::{File, bulk_json};
use crate::git::{Blob, Blobs, Change, Commit, Repo};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};
use postgres::{Client, Statement};
use quire_core::content::is_binary;
use quire_core::path::FilePath;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use uuid::Uuid;

/// Most bytes of one file.
const MAX_FILE: u64 = 8 << 20;
/// A commit is sent in parts of about so many bytes and files.
const PART_BYTES: usize = 32 << 20;
const PART_FILES: usize = 10_000;

const QUIRE_TABLES: &str =
    "FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'quire_store'::regnamespace";

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let directory = bench.options.repo.as_deref().ok_or("section size needs --repo")?;
    let repo = Repo::open(directory)?;
    let scratch = bench.server.scratch("size")?;
    let mut import = Import::new(&scratch, &repo)?;
    let commits = repo.commits()?;
    let count = commits.len().min(bench.options.commits);
    for (index, commit) in commits.iter().take(count).enumerate() {
        bench.say(format!("size: commit {} of {count}", index + 1));
        import.commit(commit)?;
    }
    let (skipped, project) = (import.skipped.len(), import.project);
    drop(import);
    scratch.check_same(
        "versions",
        &format!("SELECT count(*), sum(version) FROM quire.project_files WHERE project_id = '{project}'"),
        "SELECT count(*), sum(version) FROM baseline.project_files",
    )?;

    bench.say("size: vacuum");
    scratch.vacuum()?;
    let mut client = scratch.superuser()?;
    let imported = sizes(&mut client, "as imported", Some(0.7))?;
    let tables = largest(&mut client)?;
    let [zstd, toast] = compressed(&mut client)?;
    client.batch_execute("VACUUM FULL")?;
    let packed = sizes(&mut client, "after VACUUM FULL", Some(0.7))?;
    let row = client.query_one(
        "SELECT count(*), count(DISTINCT content_hash), coalesce(sum(octet_length(content)), 0)::float8
         FROM baseline.project_files",
        &[],
    )?;
    let (versions, contents): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let megabytes = row.try_get::<_, f64>(2)? / 1e6;
    Ok(Section {
        title: "Size of an imported history".to_owned(),
        rows: vec![imported, packed],
        notes: vec![
            format!(
                "{count} commits of {}, {versions} versions, {contents} different contents, {megabytes:.1} MB of text;",
                directory.canonicalize()?.file_name().unwrap_or_default().to_string_lossy()
            ),
            format!("{skipped} paths left out at least once: binary, too large, symlink or submodule."),
            format!(
                "Compressed content: quire {zstd:.2} MB, baseline {toast:.2} MB. The rest is rows, indexes and free space."
            ),
            format!("As imported, quire: {tables}."),
            "quire: everything in its storage schema. Baseline: the table. Both with indexes and TOAST."
                .to_owned(),
        ],
    })
}

fn sizes(client: &mut Client, what: &str, goal: Option<f64>) -> Result<Row> {
    let quire = format!("SELECT sum(pg_total_relation_size(c.oid))::float8 {QUIRE_TABLES}");
    let baseline = "SELECT pg_total_relation_size('baseline.project_files')::float8";
    Ok(Row {
        what: what.to_owned(),
        unit: Unit::Bytes,
        quire: vec![client.query_one(&quire, &[])?.try_get(0)?],
        baseline: vec![client.query_one(baseline, &[])?.try_get(0)?],
        goal,
    })
}

/// Megabytes of the content alone, as quire and the baseline store it.
fn compressed(client: &mut Client) -> Result<[f64; 2]> {
    let row = client.query_one(
        "SELECT (SELECT coalesce(sum(octet_length(bytes)), 0)::float8 FROM quire_store.blob)
              + (SELECT coalesce(sum(octet_length(bytes)), 0)::float8 FROM quire_store.blob_chunk),
                (SELECT coalesce(sum(pg_column_size(content)), 0)::float8 FROM baseline.project_files)",
        &[],
    )?;
    Ok([row.try_get::<_, f64>(0)? / 1e6, row.try_get::<_, f64>(1)? / 1e6])
}

/// The tables that matter, largest first.
fn largest(client: &mut Client) -> Result<String> {
    let sql = format!(
        "SELECT c.relname::text, pg_total_relation_size(c.oid)::float8, pg_indexes_size(c.oid)::float8 {QUIRE_TABLES}
         ORDER BY 2 DESC LIMIT 4"
    );
    let mut tables = Vec::new();
    for row in client.query(&sql, &[])? {
        let (name, total, indexes): (String, f64, f64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        tables.push(format!("{name} {:.2} MB ({:.2} of it indexes)", total / 1e6, indexes / 1e6));
    }
    Ok(tables.join(", "))
}

/// Puts commits into both sides.
struct Import<'a> {
    repo: &'a Repo,
    blobs: Blobs,
    client: Client,
    project: Uuid,
    commit_bundle: Statement,
    bulk_upsert: Statement,
    delete: Statement,
    /// The files both sides have now.
    present: HashSet<String>,
    /// Paths that were left out.
    skipped: HashSet<String>,
}

impl<'a> Import<'a> {
    fn new(scratch: &Scratch, repo: &'a Repo) -> Result<Self> {
        let mut client = scratch.client()?;
        Ok(Self {
            repo,
            blobs: repo.blobs()?,
            project: scratch.project()?,
            commit_bundle: client.prepare(
                "SELECT quire.commit_bundle($1, $2::text::jsonb, kind => 'import', message => $3)",
            )?,
            bulk_upsert: client.prepare("SELECT baseline.bulk_upsert_project_files($1, $2::text::jsonb)")?,
            delete: client.prepare("SELECT baseline.delete_project_file($1, $2)")?,
            client,
            present: HashSet::new(),
            skipped: HashSet::new(),
        })
    }

    /// One commit: first what goes away, then what is written. A rename is both.
    fn commit(&mut self, commit: &Commit) -> Result<()> {
        let (mut gone, mut files, mut bytes) = (BTreeSet::new(), Vec::new(), 0);
        let changes = self.repo.changes(commit)?;
        for change in &changes {
            let old = change.from.as_ref().unwrap_or(&change.path);
            gone.extend(old.as_ref().ok().filter(|path| self.present.contains(*path)).cloned());
        }
        let mut written = Vec::new();
        for change in changes.iter().filter(|change| change.status != 'D') {
            match self.wanted(change) {
                Some(path) => {
                    gone.remove(&path);
                    written.push((path, change.new_blob.as_str()));
                }
                None => {
                    self.skipped.insert(shown(change).to_owned());
                }
            }
        }
        let mut gone: Vec<String> = gone.into_iter().collect();
        for (path, blob) in written {
            let Some(content) = self.text(blob)? else {
                if self.present.contains(&path) {
                    gone.push(path.clone());
                }
                self.skipped.insert(path);
                continue;
            };
            bytes += content.len();
            files.push(File { path, content });
            if bytes > PART_BYTES || files.len() >= PART_FILES {
                self.send(commit, &gone, &files)?;
                (gone, files, bytes) = (Vec::new(), Vec::new(), 0);
            }
        }
        self.send(commit, &gone, &files)
    }

    /// The path of a regular file that quire takes.
    fn wanted(&self, change: &Change) -> Option<String> {
        let path = FilePath::parse(change.path.as_ref().ok()?).ok()?;
        change.new_mode.starts_with("100").then(|| path.as_str().to_owned())
    }

    fn text(&mut self, blob: &str) -> Result<Option<String>> {
        Ok(match self.blobs.read(blob, MAX_FILE)? {
            Blob::Bytes(bytes) if !is_binary(&bytes) => String::from_utf8(bytes).ok(),
            _ => None,
        })
    }

    fn send(&mut self, commit: &Commit, gone: &[String], files: &[File]) -> Result<()> {
        if gone.is_empty() && files.is_empty() {
            return Ok(());
        }
        let deletes = gone.iter().map(|path| json!({"op": "file.delete", "file_path": path}));
        let puts = files
            .iter()
            .map(|file| json!({"op": "file.put", "file_path": file.path, "content": file.content}));
        let ops = Value::Array(deletes.chain(puts).collect()).to_string();
        let short = commit.short();
        self.client.query_one(&self.commit_bundle, &[&self.project, &ops, &short])?;

        let mut transaction = self.client.transaction()?;
        for path in gone {
            transaction.query_one(&self.delete, &[&self.project, path])?;
        }
        if !files.is_empty() {
            transaction.query_one(&self.bulk_upsert, &[&self.project, &bulk_json(files)])?;
        }
        transaction.commit()?;
        for path in gone {
            self.present.remove(path);
        }
        self.present.extend(files.iter().map(|file| file.path.clone()));
        Ok(())
    }
}

/// A path as it can be shown.
fn shown(change: &Change) -> &str {
    match &change.path {
        Ok(path) | Err(path) => path,
    }
}
