//! Servers for end-to-end tests: the shared one that `./dev test e2e` starts, and private clusters of a test.

use postgres::error::DbError;
use postgres::{Client, NoTls};
use std::ffi::OsString;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A running server, reachable through a Unix socket.
#[derive(Clone)]
pub struct Server {
    /// Where the server and client programs are.
    bin: PathBuf,
    socket_dir: PathBuf,
    port: u16,
}

/// The server shared by all tests. Each test creates databases of its own in it.
pub fn shared() -> Server {
    Server {
        bin: variable("QUIRE_BIN").into(),
        socket_dir: variable("QUIRE_SOCKET_DIR").into(),
        port: variable("QUIRE_PORT").parse().expect("QUIRE_PORT is a number"),
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run these tests with ./dev test e2e"))
}

impl Server {
    /// A fresh database with the extension.
    pub fn database(&self, name: &str) -> Database {
        let database = self.empty_database(name);
        // The extension creates roles, which all databases share: one at a time.
        static CREATING: Mutex<()> = Mutex::new(());
        let _guard = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
        database.client("postgres").batch_execute("CREATE EXTENSION quire").expect("create the extension");
        database
    }

    /// A fresh database without the extension.
    pub fn empty_database(&self, name: &str) -> Database {
        let mut client = self.client("postgres", "postgres");
        // One statement at a time: neither runs inside a transaction.
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} TEMPLATE template0"),
        ] {
            client.batch_execute(&statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        self.existing_database(name)
    }

    /// A database that is there already, for example on a standby.
    pub fn existing_database(&self, name: &str) -> Database {
        Database { server: self.clone(), name: name.to_owned() }
    }

    /// Returns when the server answers, for example after it has recovered from a crash.
    pub fn wait_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = self.try_client("postgres", "postgres") {
            assert!(Instant::now() < deadline, "the server does not come back: {error}");
            sleep(Duration::from_millis(20));
        }
    }

    fn client(&self, database: &str, user: &str) -> Client {
        self.try_client(database, user)
            .unwrap_or_else(|error| panic!("connect to {database} as {user}: {error}"))
    }

    fn try_client(&self, database: &str, user: &str) -> Result<Client, postgres::Error> {
        self.config(database, user).connect(NoTls)
    }

    fn config(&self, database: &str, user: &str) -> postgres::Config {
        let mut config = postgres::Config::new();
        config.host_path(&self.socket_dir).port(self.port).user(user).dbname(database);
        config
    }

    /// A client program that connects as superuser.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command
            .env("PGHOST", &self.socket_dir)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres");
        command
    }
}

/// A database of a server. Nobody drops it: the next run starts with an empty server.
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    /// A new connection.
    pub fn client(&self, user: &str) -> Client {
        self.server.client(&self.name, user)
    }

    /// A new connection, and every notice that it gets.
    pub fn client_with_notices(&self, user: &str) -> (Client, Arc<Mutex<Vec<DbError>>>) {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&notices);
        let mut config = self.server.config(&self.name, user);
        config.notice_callback(move |notice| {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
        });
        let client = config.connect(NoTls).unwrap_or_else(|error| panic!("connect as {user}: {error}"));
        (client, notices)
    }

    /// Runs SQL or psql commands as superuser and returns the unadorned output.
    pub fn psql(&self, script: &str) -> String {
        let output = run(self.server.program("psql").args([
            "-XAtq",
            "--set=ON_ERROR_STOP=1",
            "--dbname",
            &self.name,
            "--command",
            script,
        ]));
        String::from_utf8(output.stdout).expect("psql prints UTF-8").trim_end().to_owned()
    }

    /// Writes a dump in pg_dump's custom format.
    pub fn pg_dump(&self, file: &Path) {
        run(self.server.program("pg_dump").args(["--format=custom", "--file"]).arg(file).arg(&self.name));
    }

    /// What pg_dump writes as an SQL script for a role with options, or why it refuses.
    pub fn pg_dump_as(&self, role: &str, options: &[&str]) -> Result<String, String> {
        let mut command = self.server.program("pg_dump");
        let output = command.env("PGUSER", role).args(options).arg(&self.name).output();
        let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let text = |bytes| String::from_utf8(bytes).expect("pg_dump prints UTF-8");
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Restores such a dump with several connections that check foreign keys. Whether it succeeds.
    pub fn pg_restore_parallel_checked(&self, file: &Path) -> bool {
        let mut command = self.server.program("pg_restore");
        let output = command.args(["--jobs=4", "--dbname", &self.name]).arg(file).output();
        output.unwrap_or_else(|error| panic!("{command:?}: {error}")).status.success()
    }

    /// Restores such a dump into this database; it has to succeed without a warning.
    pub fn pg_restore(&self, file: &Path) {
        run_silently(
            self.server.program("pg_restore").args(["--exit-on-error", "--dbname", &self.name]).arg(file),
        );
    }

    /// Restores such a dump with several connections. pg_dump does not tell them in which order the tables of an
    /// extension depend on each other, so foreign keys are not checked.
    pub fn pg_restore_parallel(&self, file: &Path) {
        run_silently(
            self.server
                .program("pg_restore")
                .env("PGOPTIONS", "-c session_replication_role=replica")
                .args(["--exit-on-error", "--jobs=4", "--dbname", &self.name])
                .arg(file),
        );
    }

    /// Writes a dump as an SQL script.
    pub fn pg_dump_script(&self, file: &Path) {
        run(self.server.program("pg_dump").args(["--format=plain", "--file"]).arg(file).arg(&self.name));
    }

    /// Runs an SQL script; it has to succeed without a warning.
    pub fn run_script(&self, file: &Path) {
        run_silently(
            self.server
                .program("psql")
                .args(["-Xq", "--set=ON_ERROR_STOP=1", "--dbname", &self.name, "--file"])
                .arg(file),
        );
    }
}

/// A private cluster: stopped and removed on drop.
pub struct Cluster {
    name: String,
    data: PathBuf,
    server: Server,
    /// What the server gets besides.
    environment: Vec<(&'static str, OsString)>,
}

impl Deref for Cluster {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Cluster {
    /// Creates and starts a cluster with extra settings. Names are unique among the tests.
    pub fn start(name: &str, extra_conf: &[(&str, &str)]) -> Self {
        Self::at(name).created(extra_conf)
    }

    /// The same on a disk that can be kept from flushing: see [`Cluster::stop_flushes`].
    pub fn start_on_slow_disk(name: &str, extra_conf: &[(&str, &str)]) -> Self {
        let mut cluster = Self::at(name);
        cluster.environment = vec![
            ("LD_PRELOAD", variable("QUIRE_SLOW_FLUSH").into()),
            ("QUIRE_FLUSH_GATE", cluster.flush_gate().into()),
        ];
        cluster.let_flushes_end();
        // Nothing but the test has the log flushed.
        let quiet = [("fsync", "on"), ("autovacuum", "off"), ("wal_buffers", "16MB")];
        cluster.created(&[&quiet, extra_conf].concat())
    }

    /// From now on no flush of the write-ahead log comes to its end.
    pub fn stop_flushes(&self) {
        fs::write(self.flush_gate(), "").expect("close the gate");
    }

    /// They go on; after a restart, too.
    pub fn let_flushes_end(&self) {
        drop(fs::remove_file(self.flush_gate()));
    }

    fn flush_gate(&self) -> PathBuf {
        self.data.with_extension("gate")
    }

    fn created(self, extra_conf: &[(&str, &str)]) -> Self {
        let cluster = self;
        run(cluster
            .server_program("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg("--pgdata")
            .arg(&cluster.data));
        cluster.configure(extra_conf);
        cluster.pg_ctl(&["start"]);
        cluster
    }

    /// A hot standby that streams from `primary`.
    pub fn standby_of(primary: &Cluster) -> Self {
        let standby = Self::at(&format!("{}_standby", primary.name));
        run(standby
            .server_program("pg_basebackup")
            .args([
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
                "--username=postgres",
                "--host",
            ])
            .arg(&primary.socket_dir)
            .args(["--port", &primary.port.to_string()])
            .arg("--pgdata")
            .arg(&standby.data));
        standby.configure(&[]);
        standby.pg_ctl(&["start"]);
        standby
    }

    /// Returns when `standby` has replayed everything that this primary has written.
    pub fn wait_caught_up(&self, standby: &Cluster) {
        let target = self.existing_database("postgres").psql("SELECT pg_current_wal_lsn()");
        let caught_up = format!("SELECT pg_last_wal_replay_lsn() >= '{target}'");
        let replica = standby.existing_database("postgres");
        let deadline = Instant::now() + Duration::from_secs(60);
        while replica.psql(&caught_up) != "t" {
            assert!(Instant::now() < deadline, "{} does not reach {target}\n{}", standby.name, standby.log());
            sleep(Duration::from_millis(20));
        }
    }

    /// The process that all others come from.
    pub fn postmaster(&self) -> String {
        let pid_file = fs::read_to_string(self.data.join("postmaster.pid")).expect("read postmaster.pid");
        pid_file.lines().next().expect("a pid").to_owned()
    }

    /// Sessions that begin from now on get no more address space than this, as with `ulimit -v`.
    pub fn limit_memory(&self, bytes: u64) {
        run(owners_program(Path::new("prlimit")).args([
            "--pid",
            &self.postmaster(),
            &format!("--as={bytes}:{bytes}"),
        ]));
    }

    /// Stops the server.
    pub fn stop(&self) {
        self.pg_ctl(&["--mode=immediate", "stop"]);
    }

    /// Kills every process of the server at once, and starts it again.
    pub fn kill_and_restart(&self) {
        let postmaster = self.postmaster();
        // Stopped first, so that it begins no further process meanwhile.
        signal("-STOP", std::slice::from_ref(&postmaster));
        let mut pids = children_of(&postmaster);
        pids.push(postmaster);
        signal("-9", &pids);
        let deadline = Instant::now() + Duration::from_secs(60);
        while pids.iter().any(|pid| is_alive(pid)) {
            assert!(Instant::now() < deadline, "{pids:?} live on");
            sleep(Duration::from_millis(1));
        }
        // Where nobody collects dead processes, the locks of one look alive.
        let socket_lock = self.socket_dir.join(format!(".s.PGSQL.{}.lock", self.port));
        for lock in [self.data.join("postmaster.pid"), socket_lock] {
            drop(fs::remove_file(lock));
        }
        self.let_flushes_end();
        self.pg_ctl(&["start"]);
    }

    /// The handle of a cluster that is about to be created.
    fn at(name: &str) -> Self {
        let data = cluster_root().join(name);
        Self { name: name.to_owned(), data, server: free_server(), environment: Vec::new() }
    }

    /// The settings of this test, after those that the cluster has; of equal names the last one wins.
    fn configure(&self, extra: &[(&str, &str)]) {
        let port = self.port.to_string();
        let sockets = self.socket_dir.display().to_string();
        let own = [
            ("port", port.as_str()),
            ("unix_socket_directories", &sockets),
            ("listen_addresses", ""),
            ("fsync", "off"),
            ("max_prepared_transactions", "10"),
            ("log_line_prefix", "%m [%p] %u@%d "),
        ];
        let file = self.data.join("postgresql.conf");
        let mut text = fs::read_to_string(&file).expect("read postgresql.conf");
        for (name, value) in own.iter().chain(extra) {
            text.push_str(&format!("\n{name} = '{}'\n", value.replace('\'', "''")));
        }
        fs::write(&file, text).expect("write postgresql.conf");
    }

    fn pg_ctl(&self, arguments: &[&str]) {
        let output = self.try_pg_ctl(arguments);
        assert!(
            output.status.success(),
            "pg_ctl {arguments:?} for {}: {output:?}\n{}",
            self.name,
            self.log()
        );
    }

    fn try_pg_ctl(&self, arguments: &[&str]) -> Output {
        self.server_program("pg_ctl")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .arg("-D")
            .arg(&self.data)
            .arg("--log")
            .arg(self.log_file())
            .args(["--silent", "--wait"])
            .args(arguments)
            .output()
            .expect("run pg_ctl")
    }

    fn log_file(&self) -> PathBuf {
        self.data.join("server.log")
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn server_program(&self, name: &str) -> Command {
        let mut command = owners_program(&self.bin.join(name));
        // The WAL receiver of a PostgreSQL that was unpacked somewhere would take the system's libpq.
        command.env("LD_LIBRARY_PATH", self.bin.join("../lib"));
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Also runs while a failed test unwinds, and must not panic then. What stays behind, `./dev` removes.
        self.let_flushes_end();
        let _ = self.try_pg_ctl(&["--mode=immediate", "stop"]);
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// pgbouncer in front of the shared server, with transaction pooling and one server connection per user and database:
/// whoever has a transaction has that connection. Ended and removed on drop.
pub struct Pooler {
    process: Child,
    dir: PathBuf,
    server: Server,
}

impl Deref for Pooler {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Pooler {
    /// Starts one that these users may log in to.
    pub fn start(name: &str, users: &[&str]) -> Self {
        let program = find_pgbouncer();
        let (behind, server) = (shared(), free_server());
        let dir = cluster_root().join(name);
        fs::create_dir_all(&dir).expect("create a directory for pgbouncer");
        let list: String = users.iter().map(|user| format!("\"{user}\" \"\"\n")).collect();
        fs::write(dir.join("users"), list).expect("write the users");
        let settings = format!(
            "[databases]\n* = host={sockets} port={}\n[pgbouncer]\nlisten_addr =\nlisten_port = {}\n\
             unix_socket_dir = {sockets}\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = 1\nignore_startup_parameters = extra_float_digits\n",
            behind.port,
            server.port,
            dir.join("users").display(),
            sockets = server.socket_dir.display(),
        );
        fs::write(dir.join("pgbouncer.ini"), settings).expect("write pgbouncer.ini");
        let log = fs::File::create(dir.join("log")).expect("create a log");
        let mut command = owners_program(&program);
        command.arg(dir.join("pgbouncer.ini")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let pooler = Self { process, dir, server };
        pooler.wait_listening();
        pooler
    }

    fn wait_listening(&self) {
        let socket = self.socket_dir.join(format!(".s.PGSQL.{}", self.port));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !socket.exists() {
            let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "pgbouncer does not listen\n{log}");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(self.socket_dir.join(format!(".s.PGSQL.{}", self.port)));
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Distributions install it where not everybody's PATH leads.
fn find_pgbouncer() -> PathBuf {
    let path = variable("PATH");
    let directories = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    directories
        .map(|directory| directory.join("pgbouncer"))
        .find(|program| program.is_file())
        .expect("pgbouncer is missing: install it (on Debian and Ubuntu apt-get install pgbouncer)")
}

/// Where another server can listen: servers in one socket directory differ by port.
fn free_server() -> Server {
    static NEXT: AtomicU16 = AtomicU16::new(8);
    let shared = shared();
    Server { port: shared.port + NEXT.fetch_add(1, Ordering::Relaxed), ..shared }
}

/// A program that runs as the owner of the cluster root. PostgreSQL and pgbouncer refuse to run as root, so under root
/// that is another user. The environment is empty, because extensions see it: RUST_BACKTRACE changes error messages.
fn owners_program(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LANG", "C.UTF-8").env("PATH", variable("PATH")).current_dir("/");
    let root = fs::metadata(cluster_root()).expect("look at QUIRE_CLUSTER_ROOT");
    if effective_uid().is_some_and(|uid| uid != root.uid()) {
        command.uid(root.uid()).gid(root.gid());
    }
    command
}

fn cluster_root() -> PathBuf {
    variable("QUIRE_CLUSTER_ROOT").into()
}

/// None where there is no /proc; nobody is root there.
fn effective_uid() -> Option<u32> {
    Some(fs::metadata("/proc/self").ok()?.uid())
}

/// Runs a program that has to succeed.
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs a program that has to succeed and to have nothing to say on stderr.
fn run_silently(command: &mut Command) {
    let output = run(command);
    assert!(output.stderr.is_empty(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn signal(signal: &str, pids: &[String]) {
    // The shell's own kill is always there.
    let status = Command::new("sh")
        .args(["-c", &format!("kill {signal} {}", pids.join(" "))])
        .status()
        .expect("run sh");
    assert!(status.success(), "kill {signal} {pids:?}");
}

/// The fields of a process' status after its name: state, parent, ...
fn stat(pid: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn is_alive(pid: &str) -> bool {
    stat(pid).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z"))
}

fn children_of(parent: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("read /proc").filter_map(Result::ok);
    processes
        .filter_map(|process| process.file_name().into_string().ok())
        .filter(|pid| stat(pid).is_some_and(|fields| fields.get(1).is_some_and(|ppid| ppid == parent)))
        .collect()
}
