//! Connections, and the databases the sections work in.

use crate::Result;
use crate::options::Options;
use postgres::{Client, Config, NoTls};
use quire_client::Quire;
use std::error::Error;
use std::path::PathBuf;
use uuid::Uuid;

/// The ordinary role that everything measured runs as.
const ROLE: &str = "quire_bench";
/// The other side.
const BASELINE: &str = include_str!("../baseline.sql");

/// Which of the two is meant.
#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    Quire,
    Baseline,
}

/// Both, in the order of the table's columns.
pub const SIDES: [Side; 2] = [Side::Quire, Side::Baseline];

/// The server, as a superuser sees it. Dropping it removes the role.
pub struct Server {
    config: Config,
    dbname: String,
    pgbench: PathBuf,
}

impl Server {
    /// Connects to see that all is well, and makes the role.
    pub fn connect(options: &Options) -> Result<Self> {
        let mut config = Config::new();
        config.host(&options.host).port(options.port).user(&options.user).dbname(&options.dbname);
        config.application_name("quire bench");
        let mut client = config.connect(NoTls)?;
        let superuser: String =
            client.query_one("SELECT current_setting('is_superuser')", &[])?.try_get(0)?;
        if superuser != "on" {
            return Err("the user must be a superuser: databases, a role and the extension are made".into());
        }
        if client.query_opt("SELECT FROM pg_available_extensions WHERE name = 'quire'", &[])?.is_none() {
            return Err("the extension quire is not installed on this server".into());
        }
        let pgbench = match &options.pgbench {
            Some(path) => path.clone(),
            None => find_pgbench(&mut client)?,
        };
        client.batch_execute(&format!(
            "DO $$ BEGIN CREATE ROLE {ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        ))?;
        Ok(Self { config, dbname: options.dbname.clone(), pgbench })
    }

    /// The pgbench that belongs to the server.
    pub fn pgbench(&self) -> &PathBuf {
        &self.pgbench
    }

    /// What a reader of the numbers has to know: names and values.
    pub fn facts(&self, options: &Options) -> Result<Vec<(String, String)>> {
        let mut client = self.config.connect(NoTls)?;
        let mut facts = Vec::new();
        for (name, sql) in [
            ("server", "SELECT split_part(version(), ' on ', 1)"),
            ("quire", "SELECT default_version FROM pg_available_extensions WHERE name = 'quire'"),
        ] {
            facts.push((name.to_owned(), client.query_one(sql, &[])?.try_get(0)?));
        }
        let settings = "SELECT string_agg(name || ' ' || current_setting(name), ', ' ORDER BY ordinal)
             FROM unnest(ARRAY['fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size',
                               'max_connections', 'jit', 'default_toast_compression'])
                  WITH ORDINALITY AS s (name, ordinal)";
        facts.push(("settings".to_owned(), client.query_one(settings, &[])?.try_get(0)?));
        let cores = std::thread::available_parallelism()?;
        let slower = match options.flush_delay {
            0 => String::new(),
            micros => format!("; each flush of the write-ahead log made {micros} µs slower"),
        };
        facts.push(("machine".to_owned(), format!("{cores} cores, shared by server and clients{slower}")));
        let clients = crate::upsert::CLIENTS.map(|clients| clients.to_string()).join(", ");
        let (rounds, seconds) = (options.rounds, options.seconds);
        facts.push((
            "run".to_owned(),
            format!(
                "{rounds} rounds{}; upserts with {clients} connections for {seconds} s each, else 1 connection",
                if options.quick { " (quick)" } else { "" }
            ),
        ));
        Ok(facts)
    }

    /// A fresh database with both sides in it.
    pub fn scratch(&self, section: &str) -> Result<Scratch> {
        let name = format!("{}_{section}", self.dbname);
        let mut config = self.config.clone();
        config.dbname(&name);
        let scratch = Scratch { name, config, server: self.config.clone() };
        scratch.drop_database()?;
        self.config.connect(NoTls)?.batch_execute(&format!("CREATE DATABASE {}", quoted(&scratch.name)))?;
        let mut client = scratch.superuser()?;
        client.batch_execute("CREATE EXTENSION quire")?;
        client.batch_execute(BASELINE)?;
        client.batch_execute(&format!(
            "GRANT quire_user TO {ROLE};
             GRANT USAGE ON SCHEMA baseline TO {ROLE};
             GRANT ALL ON ALL TABLES IN SCHEMA baseline TO {ROLE};
             SELECT quire.map_role_to_actor(db_role => '{ROLE}', actor => NULL, display_name => 'benchmark')"
        ))?;
        Ok(scratch)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(mut client) = self.config.connect(NoTls) {
            client.batch_execute(&format!("DROP ROLE IF EXISTS {ROLE}")).ok();
        }
    }
}

/// A database of one section, dropped when the section is over.
pub struct Scratch {
    name: String,
    config: Config,
    server: Config,
}

impl Scratch {
    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection as the ordinary role.
    pub fn client(&self) -> Result<Client> {
        Ok(self.config.clone().options(&role_option()).connect(NoTls)?)
    }

    /// A connection with every right.
    pub fn superuser(&self) -> Result<Client> {
        Ok(self.config.connect(NoTls)?)
    }

    /// Leaves both sides as autovacuum would in the long run.
    pub fn vacuum(&self) -> Result<()> {
        Ok(self.superuser()?.batch_execute("VACUUM (ANALYZE)")?)
    }

    /// A project on both sides, with the same id.
    pub fn project(&self) -> Result<Uuid> {
        create_project(&mut self.client()?)
    }

    /// Sessions that listen to channels on which nothing is said, as long as they are kept.
    pub fn listeners(&self, count: usize) -> Result<Vec<Client>> {
        let listen = |number| -> Result<Client> {
            let mut client = self.client()?;
            client.batch_execute(&format!("LISTEN quiet_{number}"))?;
            Ok(client)
        };
        (0..count).map(listen).collect()
    }

    /// Fails unless two queries give the same row.
    pub fn check_same(&self, what: &str, quire: &str, baseline: &str) -> Result<()> {
        let mut client = self.superuser()?;
        let mut text = |sql: &str| -> Result<String> {
            Ok(client.query_one(&format!("SELECT t::text FROM ({sql}) t"), &[])?.try_get(0)?)
        };
        let (quire, baseline) = (text(quire)?, text(baseline)?);
        if quire == baseline {
            return Ok(());
        }
        Err(format!("{what}: quire has {quire}, the baseline {baseline}").into())
    }

    fn drop_database(&self) -> Result<()> {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(&self.name));
        Ok(self.server.connect(NoTls)?.batch_execute(&sql)?)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.drop_database().ok();
    }
}

/// A project of quire's. The baseline needs nothing but an id, so this one serves both.
pub fn create_project(client: &mut Client) -> Result<Uuid> {
    Ok(Quire::new(client).create_project("benchmark", Default::default())?.0)
}

/// What makes a session the ordinary role's from its start.
pub fn role_option() -> String {
    format!("-c role={ROLE}")
}

/// An error with what the server said about it.
pub fn explain(error: &(dyn Error + 'static)) -> String {
    let Some(db) = error.downcast_ref::<postgres::Error>().and_then(postgres::Error::as_db_error) else {
        let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        return format!("{error}{source}");
    };
    let mut text = format!("SQLSTATE {}: {}", db.code().code(), db.message());
    for (label, part) in [("DETAIL", db.detail()), ("HINT", db.hint()), ("CONTEXT", db.where_())] {
        if let Some(part) = part {
            text.push_str(&format!("\n{label}: {part}"));
        }
    }
    text
}

/// The server knows where its programs are; a server elsewhere leaves the search to the shell's path.
fn find_pgbench(client: &mut Client) -> Result<PathBuf> {
    let row = client.query_opt("SELECT setting FROM pg_config WHERE name = 'BINDIR'", &[])?;
    let beside_server = match row {
        Some(row) => PathBuf::from(row.try_get::<_, String>(0)?).join("pgbench"),
        None => PathBuf::new(),
    };
    Ok(if beside_server.is_file() { beside_server } else { PathBuf::from("pgbench") })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
