//! The command line.

use crate::Result;
use std::path::PathBuf;

const USAGE: &str = "usage: bench --host DIR --port N --dbname NAME [options]
  --user NAME      database superuser (default: $PGUSER)
  --rounds N       rounds of each measurement (default 5, with --quick 2)
  --quick          a short run: fewer rounds, shorter times, a tenth of the history
  --seconds N      length of one pgbench run (default 4, with --quick 2)
  --only NAMES     these sections: upsert,grow,bulk,list,history,poll,size,snapshot,gc,entities
  --repo DIR       git repository for section size, which is left out without
  --tree DIR       git work tree of 2,000 files or more for section snapshot, which is left out without
  --flush-delay N  the server's disk was made slower: each flush takes N microseconds more (./dev bench sees to it)
  --commits N      import only the first N commits of it (default: all, with --quick 300)
  --pgbench PATH   the pgbench to use (default: the server's own)
  --markdown       print Markdown tables";

/// What to measure, and where.
pub struct Options {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Where to connect first; the databases that are made are called after it.
    pub dbname: String,
    pub rounds: usize,
    pub quick: bool,
    /// Length of one pgbench run.
    pub seconds: u32,
    /// Sections; all when there are none.
    pub only: Vec<String>,
    pub repo: Option<PathBuf>,
    pub tree: Option<PathBuf>,
    pub commits: usize,
    /// Microseconds that a flush of the server takes more than it would.
    pub flush_delay: u32,
    pub pgbench: Option<PathBuf>,
    pub markdown: bool,
}

impl Options {
    /// Parses the arguments after the program's name.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let (mut host, mut port, mut dbname) = (None, 5432, None);
        let mut user = std::env::var("PGUSER").unwrap_or_else(|_| "postgres".to_owned());
        let (mut rounds, mut seconds, mut commits) = (None, None, None);
        let (mut quick, mut markdown, mut flush_delay) = (false, false, 0);
        let (mut only, mut repo, mut tree, mut pgbench) = (Vec::new(), None, None, None);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n{USAGE}"));
            match arg.as_str() {
                "--host" => host = Some(value()?),
                "--port" => port = number(&arg, &value()?)?,
                "--dbname" => dbname = Some(value()?),
                "--user" => user = value()?,
                "--rounds" => rounds = Some(number(&arg, &value()?)?),
                "--seconds" => seconds = Some(number(&arg, &value()?)?),
                "--commits" => commits = Some(number(&arg, &value()?)?),
                "--only" => only.extend(value()?.split(',').map(str::to_owned)),
                "--flush-delay" => flush_delay = number(&arg, &value()?)?,
                "--repo" => repo = Some(PathBuf::from(value()?)),
                "--tree" => tree = Some(PathBuf::from(value()?)),
                "--pgbench" => pgbench = Some(PathBuf::from(value()?)),
                "--quick" => quick = true,
                "--markdown" => markdown = true,
                _ => return Err(format!("unknown argument {arg}\n{USAGE}").into()),
            }
        }
        let options = Self {
            host: host.ok_or(USAGE)?,
            port,
            user,
            dbname: dbname.ok_or(USAGE)?,
            rounds: rounds.unwrap_or(if quick { 2 } else { 5 }),
            quick,
            seconds: seconds.unwrap_or(if quick { 2 } else { 4 }),
            only,
            repo,
            tree,
            commits: commits.unwrap_or(if quick { 300 } else { usize::MAX }),
            flush_delay,
            pgbench,
            markdown,
        };
        if options.rounds == 0 || options.seconds == 0 || options.commits == 0 {
            return Err(format!("--rounds, --seconds and --commits must be at least 1\n{USAGE}").into());
        }
        let is_asked_for = |section: &str| options.only.iter().any(|only| only == section);
        if is_asked_for("size") && options.repo.is_none() {
            return Err(format!("--only size needs --repo\n{USAGE}").into());
        }
        if is_asked_for("snapshot") && options.tree.is_none() {
            return Err(format!("--only snapshot needs --tree\n{USAGE}").into());
        }
        Ok(options)
    }

    /// Whether to run a section.
    pub fn wants(&self, section: &str) -> bool {
        if !self.only.is_empty() {
            return self.only.iter().any(|only| only == section);
        }
        match section {
            "size" => self.repo.is_some(),
            "snapshot" => self.tree.is_some(),
            _ => true,
        }
    }

    /// One size for a normal run, another for a quick one.
    pub fn scale(&self, normal: usize, quick: usize) -> usize {
        if self.quick { quick } else { normal }
    }
}

fn number<T: std::str::FromStr>(arg: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| format!("{arg} needs a number, not {value}\n{USAGE}").into())
}
