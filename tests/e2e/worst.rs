//! The worst that may legally be given to each function, one argument after the other, from the catalog: by somebody who may do
//! nothing, where the gate comes before any work, and by the owner of a large project. Nobody's session ends, each answer is a
//! documented one, memory stays within its limit, and a call that takes long hears that it is cancelled.

use crate::bounds::{lines, noise, words, zip};
use crate::calls::Names;
use crate::cluster::{Cluster, Database};
use crate::steps::{add_member, project, user};
use postgres::Client;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// What a call may take, in MiB; the setting `quire.max_call_memory`.
const CALL_MEMORY: usize = 256;
/// What a process may take besides, in MiB: the answer, as PostgreSQL holds it.
const BESIDES: usize = 64;
/// What a call that is refused at the gate may take, in MiB: the argument as PostgreSQL unpacks it, and no tree of it.
const REFUSED: usize = 64;
/// When a call is cancelled, and how long it may take to hear of it. Generous, for a machine that has other things to do.
const TIMEOUT: Duration = Duration::from_secs(1);
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// What every function may answer, as the head of docs/reference.md says; the other codes are those of its own description.
const EVERYWHERE: &[&str] = &["42501", "PT413", "53200", "57014"];
/// What the plain call of a function gets that has nothing to do here: nothing is quarantined, and the asset is in use.
const NOTHING_TO_DO: &[(&str, &str)] =
    &[("archive_blob", "PT409"), ("discard_quarantined", "PT404"), ("repair", "PT404")];

/// What an argument is when it is not its turn, by name or by `function.name`. One that has a default and is not here is left out.
const PLAIN: &[(&str, &str)] = &[
    ("abilities", "'{project:read}'"),
    ("actor", "NULL"),
    ("after_seq", "0"),
    (
        "apply_doc_changes.changes",
        "ARRAY[decode('856f4a839a59f20801180010717569726520666972737420646f632e010100000000', 'hex')]",
    ),
    ("archive", "(SELECT b FROM worst_value WHERE name = 'files')"),
    ("asset_type", "'image'"),
    ("at_seq", "{head}"),
    ("automerge_apply.doc", "quire.automerge_from_json('{\"a\": 1}')"),
    ("automerge_apply.changes", "quire.automerge_changes(quire.automerge_from_json('{\"a\": 1}'))"),
    ("automerge_changes.doc", "quire.automerge_from_json('{\"a\": 1}')"),
    ("automerge_conflicts.doc", "quire.automerge_from_json('{\"a\": 1}')"),
    ("automerge_diff.doc", "quire.automerge_from_json('{\"a\": 1}')"),
    ("automerge_heads.doc", "quire.automerge_from_json('{\"a\": 1}')"),
    ("automerge_merge.doc", "quire.automerge_from_json('{\"a\": 1}')"),
    ("automerge_to_json.doc", "quire.automerge_from_json('{\"a\": 1}')"),
    ("automerge_from_json.value", "'{\"a\": 1}'"),
    ("base_seq", "1"),
    ("base_version", "1"),
    ("begin_job.name", "'another'"),
    ("branch", "'main'"),
    ("bundles", "'[]'"),
    ("bytes", "'x'"),
    ("changes", "'{\"name\": \"x\"}'"),
    ("channel", "'{channel}'"),
    ("checkpoint", "0"),
    ("confirm_name", "'worst'"),
    ("conflict_id", "'{conflict}'"),
    ("content_column", "'c'"),
    ("content_hash", "'{hash}'"),
    ("create_project.project_uuid", "NULL"),
    ("create_project_from_template.project_uuid", "NULL"),
    ("create_subscription.name", "'another'"),
    ("db_role", "'worst_owner'"),
    ("data", "'x'"),
    ("delete_count", "0"),
    ("diff_project_file.p_file_path", "'d'"),
    ("doc", "'d'"),
    ("download_snapshot.token", "'{download}'"),
    ("entity_id", "'1'"),
    ("entity_type", "'t'"),
    ("filename", "'a.png'"),
    ("files", "'[{\"file_path\": \"n\", \"content\": \"x\"}]'"),
    ("format", "'zip'"),
    ("from_heads", "'{}'"),
    ("from_path", "'m'"),
    ("from_seq", "0"),
    ("from_version", "1"),
    ("have", "'{}'"),
    ("import_from_library.paths", "'{m1}'"),
    ("import_project.archive", "(SELECT b FROM worst_value WHERE name = 'exported')"),
    ("import_project.project_uuid", "NULL"),
    ("index", "0"),
    ("insert", "'x'"),
    ("job_id", "'{job}'"),
    ("key", "'{d,snapshot,x}'"),
    ("key_prefix", "'{d,incremental}'"),
    ("library_uuid", "'{library}'"),
    ("media_type", "'image/png'"),
    ("member", "'{member}'"),
    ("message", "NULL"),
    ("name", "'x'"),
    ("ops", "'[{\"op\": \"file.delete\", \"file_path\": \"m\"}]'"),
    ("ordinal", "1"),
    ("other", "quire.automerge_from_json('{\"b\": 1}')"),
    ("p_bytes", "'x'"),
    ("p_content", "(SELECT t FROM worst_value WHERE name = 'merged')"),
    ("p_file_path", "'m'"),
    ("patch", "'[{\"op\": \"add\", \"path\": \"/n\", \"value\": 1}]'"),
    ("path", "'/t'"),
    ("path_column", "'p'"),
    ("paths", "'{m}'"),
    ("peer_id", "'p'"),
    ("project_uuid", "'{project}'"),
    ("put_doc.value", "'{\"t\": \"x\"}'"),
    ("quarantine_id", "gen_random_uuid()"),
    ("query", "'{}'"),
    ("reason", "'x'"),
    ("role", "'viewer'"),
    ("schema", "'{\"type\": \"object\"}'"),
    ("seq", "1"),
    ("session_id", "'{session}'"),
    ("sha256", "(SELECT encode(sha256(b), 'hex') FROM worst_value WHERE name = 'zeros')"),
    ("snapshot_id", "'{snapshot}'"),
    ("cid", "'bafkreibvv43zt5dfzwr5ejms3oeb5rkazufzkvqs6v3izwwlj64jmrchci'"),
    ("close_branch.name", "'branch'"),
    ("delete_branch.name", "'branch'"),
    ("delete_schema.name", "'schema'"),
    ("bind_doc_to_file.path", "'t'"),
    ("bind_doc_to_file.keep", "'doc'"),
    ("unbind_doc.doc", "'bound'"),
    ("get_branch.name", "'branch'"),
    ("diff_branches.source", "'branch'"),
    ("merge_branch.source", "'branch'"),
    ("source", "'worst_legacy'"),
    ("state", "NULL"),
    ("strategy", "'automerge'"),
    ("tag", "'v2'"),
    ("template_id", "'{template}'"),
    ("to_path", "'moved'"),
    ("to_seq", "{head}"),
    ("to_version", "2"),
    ("token", "'{token}'"),
    ("token_id", "'{token_id}'"),
    ("ttl", "'1 hour'"),
    (
        "tx",
        "'{\"writes\": [{\"doc\": \"d\", \"changes\": [\"hW9Kg5pZ8ggBGAAQcXVpcmUgZmlyc3QgZG9jLgEBAAAAAA==\"]}]}'",
    ),
    ("upload_id", "'{upload}'"),
    ("value", "'1'"),
    ("version", "1"),
];

/// The worst of each type: small ones as they are, large ones a name in the table `worst_value`.
fn worst(kind: &str) -> Vec<String> {
    let stored = |column: &str, names: &[&str]| {
        let of = |name: &&str| format!("(SELECT {column} FROM worst_value WHERE name = '{name}')");
        names.iter().map(of).collect()
    };
    let plain = |values: &[&str]| values.iter().map(|value| format!("'{value}'::{kind}")).collect();
    match kind {
        "text" => stored("t", &["long", "steps", "wide"]),
        "bytea" => stored("b", &["zeros", "files", "doc"]),
        "bytea[]" => stored("d", &["many", "nothing", "bits", "large", "docs"]),
        "jsonb" => stored("j", &["array", "object", "deep", "ops", "words", "text", "keys"]),
        "text[]" => stored("a", &["many", "nothing", "bits"]),
        "integer" => plain(&["2147483647", "-2147483648"]),
        "bigint" => plain(&["9223372036854775807", "-9223372036854775808"]),
        "interval" => plain(&["170000000 years", "-170000000 years", "1 us"]),
        "timestamp with time zone" => plain(&["infinity", "-infinity", "4714-11-24 BC"]),
        "boolean" => plain(&["true", "false"]),
        "uuid" => plain(&["00000000-0000-0000-0000-000000000000"]),
        "name" => plain(&["x\"y"]),
        "regclass" => plain(&["pg_class", "quire_store.actor", "worst_value", "0", "4294967295"]),
        other => panic!("say what the worst {other} is"),
    }
}

/// What `worst` names, each in the column of its type.
const VALUES: &str = r#"
    CREATE TABLE worst_value (name text PRIMARY KEY, t text, b bytea, j jsonb, a text[], d bytea[]);
    GRANT SELECT ON worst_value TO PUBLIC;
    INSERT INTO worst_value (name, t) VALUES
        ('long', repeat('x', 16 << 20)), ('steps', repeat('a/', 8 << 20)), ('wide', repeat('é́', 4 << 20));
    INSERT INTO worst_value (name, b) VALUES ('zeros', decode(repeat('00', 16 << 20), 'hex'));
    INSERT INTO worst_value (name, j) VALUES
        ('array', ('[' || repeat('{"":0},', 600000) || '0]')::jsonb),
        ('object', (SELECT jsonb_object_agg(n, '[]'::jsonb) FROM generate_series(1, 300000) n)),
        ('deep', (repeat('[', 3000) || repeat(']', 3000))::jsonb),
        ('ops', (SELECT jsonb_agg(jsonb_build_object('op', 'file.put', 'file_path', 'n/' || n, 'content', ''))
                 FROM generate_series(1, 60000) n)),
        ('text', jsonb_build_object('a', repeat('x', 48 << 20))),
        ('keys', (SELECT jsonb_object_agg(repeat('k', 1 << 20) || n, repeat('0', 64)) FROM generate_series(1, 40) n)),
        ('words', ('[' || repeat('"",', 2000000) || '0]')::jsonb);
    INSERT INTO worst_value (name, b)
        SELECT 'doc', quire.automerge_from_json(jsonb_build_object('list', jsonb_agg(n))) FROM generate_series(1, 200000) n;
    INSERT INTO worst_value (name, a, d) VALUES
        ('many', array_fill('x'::text, '{1000000}'), array_fill('x'::bytea, '{1000000}')),
        ('nothing', array_fill(NULL::text, '{1000000}'), array_fill(NULL::bytea, '{1000000}')),
        ('bits', array_fill(NULL::text, '{40000000}'), array_fill(NULL::bytea, '{40000000}'));
    INSERT INTO worst_value (name, d) VALUES ('large', array_fill(decode(repeat('00', 1 << 20), 'hex'), '{100}'));
    INSERT INTO worst_value (name, d) SELECT 'docs', array_fill(b, '{20}') FROM worst_value WHERE name = 'doc'"#;

/// A function and its arguments.
struct Function {
    name: String,
    /// What its description says of errors.
    errors: String,
    arguments: Vec<Argument>,
}

struct Argument {
    name: String,
    kind: String,
    has_default: bool,
}

impl Function {
    /// All of the catalog.
    fn all(client: &mut Client) -> Vec<Self> {
        const SQL: &str = "SELECT p.proname::text, a.n IS NOT NULL, COALESCE(p.proargnames[a.n], ''),
                COALESCE(format_type(a.type, NULL), ''), COALESCE(a.n > p.pronargs - p.pronargdefaults, false),
                COALESCE(substring(obj_description(p.oid, 'pg_proc') FROM E'\nErrors:(.*)'), '')
            FROM pg_proc p LEFT JOIN LATERAL unnest(p.proargtypes) WITH ORDINALITY a(type, n) ON true
            WHERE p.pronamespace = 'quire'::regnamespace ORDER BY p.proname, a.n";
        let mut all: Vec<Self> = Vec::new();
        for row in client.query(SQL, &[]).expect("look at the catalog") {
            let name: String = row.get(0);
            if all.last().is_none_or(|last| last.name != name) {
                all.push(Self { name, errors: row.get(5), arguments: Vec::new() });
            }
            if row.get(1) {
                let argument = Argument { name: row.get(2), kind: row.get(3), has_default: row.get(4) };
                all.last_mut().expect("just pushed").arguments.push(argument);
            }
        }
        all
    }

    /// The SQLSTATEs of its description, each at the beginning of an entry: `- PT409 stale_version: why`.
    fn codes(&self) -> BTreeSet<&str> {
        let entries = self.errors.lines().filter_map(|line| line.strip_prefix("- "));
        let codes: BTreeSet<&str> = entries.filter_map(|entry| entry.split([' ', ':']).next()).collect();
        assert!(!codes.is_empty() && codes.iter().all(|code| is_sqlstate(code)), "{}: {codes:?}", self.name);
        codes
    }

    /// As it is mostly called, with nothing, and with the worst of each of its arguments.
    fn calls(&self) -> Vec<String> {
        let mut calls = vec![self.call(None), self.nothing()];
        for (at, argument) in self.arguments.iter().enumerate() {
            calls.extend(worst(&argument.kind).iter().map(|value| self.call(Some((at, value)))));
        }
        calls
    }

    fn call(&self, replaced: Option<(usize, &str)>) -> String {
        let values: Vec<String> = (0..)
            .zip(&self.arguments)
            .filter_map(|(at, argument)| {
                let value = match replaced.filter(|(turn, _)| *turn == at) {
                    Some((_, value)) => value,
                    None => self.plain(argument)?,
                };
                Some(self.named(argument, value))
            })
            .collect();
        format!("SELECT quire.{}({})", self.name, values.join(", "))
    }

    fn nothing(&self) -> String {
        let values: Vec<String> =
            self.arguments.iter().map(|argument| self.named(argument, "NULL")).collect();
        format!("SELECT quire.{}({})", self.name, values.join(", "))
    }

    /// An aggregate takes no arguments by name.
    fn named(&self, argument: &Argument, value: &str) -> String {
        if self.name.ends_with("_agg") {
            value.to_owned()
        } else {
            format!("\"{}\" => {value}", argument.name)
        }
    }

    fn plain(&self, argument: &Argument) -> Option<&'static str> {
        let of = |name: &str| PLAIN.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let plain = of(&format!("{}.{}", self.name, argument.name)).or_else(|| of(&argument.name));
        if argument.has_default {
            return None;
        }
        Some(plain.unwrap_or_else(|| panic!("say what {} of {} is", argument.name, self.name)))
    }
}

fn is_sqlstate(word: &str) -> bool {
    word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// What the placeholders stand for: a project that is large in every way.
fn large_project(database: &Database) -> Names {
    let mut admin = database.client("postgres");
    admin.batch_execute(VALUES).expect("values");
    let member = user(database, "worst_member");
    user(database, "worst_owner");
    let mut owner = database.client("worst_owner");
    let id = project(&mut owner, "worst");
    add_member(&mut owner, id, member, "editor");
    let mut member_client = database.client("worst_member");
    let p = id.to_string();
    let ask = |client: &mut Client, sql: &str| -> String {
        let row =
            client.query_one(&sql.replace("{p}", &p), &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        row.get(0)
    };
    for from in [0, 5000, 10_000, 15_000] {
        let files = format!(
            "SELECT quire.commit_bundle('{{p}}', (SELECT jsonb_agg(jsonb_build_object('op', 'file.put',
                'file_path', format('d%s/f%s', n % 100, n), 'content', n::text))
                FROM generate_series({from} + 1, {from} + 5000) n)) ->> 'seq'"
        );
        ask(&mut owner, &files);
    }
    let doc = "SELECT quire.put_doc('{p}', 'd', jsonb_build_object('t', repeat('text ', 20000),
        'list', (SELECT jsonb_agg(n) FROM generate_series(1, 20000) n))) ->> 'seq'";
    ask(&mut owner, doc);
    ask(&mut owner, "SELECT quire.create_branch('{p}', 'branch') ->> 'seq'");
    ask(&mut owner, "SELECT quire.register_schema('{p}', 'schema', '{}') ->> 'name'");
    ask(&mut owner, r#"SELECT quire.put_doc('{p}', 'bound', '{"t": "x"}') ->> 'seq'"#);
    ask(&mut owner, "SELECT quire.bind_doc_to_file('{p}', 'bound', 'bound', '/t') ->> 'doc'");
    let on_branch =
        "SELECT quire.put_doc('{p}', 'd', jsonb_build_object('list', '[]'::jsonb), 'branch') ->> 'seq'";
    ask(&mut owner, on_branch);
    let written = [
        ("m", words(&noise(1, 100_000))),
        ("m", words(&noise(2, 100_000))),
        ("d", lines(&noise(1, 200_000))),
        ("d", lines(&noise(2, 200_000))),
    ];
    for (path, content) in written {
        let sql = "SELECT quire.upsert_project_file($1, $2, $3)";
        owner.execute(sql, &[&id, &path, &content]).expect("written");
    }
    for n in 1..=4 {
        let field = format!(
            "SELECT quire.commit_bundle('{{p}}', jsonb_build_array(jsonb_build_object('op', 'field.set', 'entity_type', 't',
                'entity_id', '1', 'field', 'f{n}', 'value', (SELECT jsonb_agg(0) FROM generate_series(1, 400000))))) ->> 'seq'"
        );
        ask(&mut owner, &field);
    }
    // Two who had not seen each other's value.
    let base = ask(&mut owner, "SELECT quire.get_project('{p}') ->> 'seq'");
    let set = |value: u8| {
        format!(
            "SELECT quire.commit_bundle('{{p}}', '[{{\"op\": \"field.set\", \"entity_type\": \"c\", \"entity_id\": \"1\",
                \"field\": \"f\", \"value\": {value}}}]',
                base_seq => {base}, on_conflict => 'record') ->> 'seq'"
        )
    };
    ask(&mut owner, &set(1));
    ask(&mut member_client, &set(2));
    let archive = zip((0..20_000).map(|n| (format!("d{}/f{n}", n % 100), b"x".as_slice())));
    admin
        .batch_execute(
            "CREATE TABLE worst_legacy AS SELECT 'l/' || n AS p, n::text AS c FROM generate_series(1, 20000) n;
             GRANT SELECT ON worst_legacy TO PUBLIC",
        )
        .expect("a table");
    let merged = words(&noise(3, 100_000));
    admin.execute("INSERT INTO worst_value (name, t) VALUES ('merged', $1)", &[&merged]).expect("stored");
    admin
        .execute("INSERT INTO worst_value (name, b) SELECT 'exported', quire.export_project(quire.create_project('small'))", &[])
        .expect("exported");
    admin.execute("INSERT INTO worst_value (name, b) VALUES ('files', $1)", &[&archive]).expect("stored");
    let library = "SELECT quire.create_project('library', visibility => 'public', kind => 'library')::text";
    let library = ask(&mut owner, library);
    let files = format!(
        "SELECT quire.commit_bundle('{library}', (SELECT jsonb_agg(jsonb_build_object('op', 'file.put',
            'file_path', 'm' || n, 'content', n::text)) FROM generate_series(1, 5000) n)) ->> 'seq'"
    );
    ask(&mut owner, &files);
    let job = ask(&mut owner, "SELECT quire.begin_job('{p}', 'job')::text");
    let staged = format!(
        "SELECT quire.append_job_ops('{{p}}', '{job}', (SELECT jsonb_agg(jsonb_build_object('op', 'file.put',
            'file_path', 'j/' || n, 'content', n::text)) FROM generate_series(1, 5000) n))::text"
    );
    ask(&mut owner, &staged);
    let mut asked = |sql: &str| ask(&mut owner, sql);
    asked("SELECT quire.create_subscription('{p}', 'x')::text");
    asked("SELECT count(*)::text FROM quire.poll_subscription('{p}', 'x', 3)");
    Names::of(vec![
        ("channel", asked("SELECT quire.open_channel('{p}')")),
        ("conflict", asked("SELECT conflict_id::text FROM quire.list_conflicts('{p}') LIMIT 1")),
        ("download", asked("SELECT quire.create_project_snapshot('{p}', 'zip') ->> 'token'")),
        (
            "hash",
            asked(
                "SELECT quire.put_asset('{p}', 'a.png', (SELECT b FROM worst_value WHERE name = 'zeros'), 'image/png', 'image')
                     ->> 'content_hash'",
            ),
        ),
        ("job", job),
        ("library", library),
        ("member", member.to_string()),
        ("session", asked("SELECT quire.begin_session('{p}') ->> 'SESSION_ID'")),
        ("snapshot", asked("SELECT quire.create_project_snapshot('{p}', 'zip') ->> 'snapshot_id'")),
        ("template", asked("SELECT quire.create_template('{p}', 'template')::text")),
        (
            "token",
            asked("SELECT quire.mint_token('{p}', '{project:read,events:read,snapshot:read}', '1 hour')"),
        ),
        ("token_id", asked("SELECT token_id::text FROM quire.list_tokens('{p}') LIMIT 1")),
        ("upload", asked("SELECT quire.begin_upload('{p}', 'b.png', 'image/png', 'image')::text")),
        ("kept", asked("SELECT seq::text FROM quire.upsert_project_file('{p}', 'kept', 'x')")),
        ("taken_back", asked("SELECT seq::text FROM quire.upsert_project_file('{p}', 'taken back', 'x')")),
        ("undone", asked("SELECT quire.undo('{p}')::text")),
        ("head", asked("SELECT quire.get_project('{p}') ->> 'seq'")),
        ("project", p.clone()),
    ])
}

/// The process of a session, and the most memory that it has held.
struct Process(i32);

impl Process {
    fn of(client: &mut Client) -> Self {
        Self(client.query_one("SELECT pg_backend_pid()", &[]).expect("its process").get(0))
    }

    /// From now on.
    fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").expect("forget the peak");
    }

    /// In MiB.
    fn peak(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") >> 10
    }
}

#[test]
fn the_worst_calls_of_all_functions_end_well() {
    let cluster = Cluster::start("worst", &[("shared_buffers", "16MB"), ("max_wal_size", "4GB")]);
    let database = cluster.database("app");
    let names = large_project(&database);
    let mut admin = database.client("postgres");
    admin
        .batch_execute(&format!(
            "ALTER DATABASE app SET quire.max_call_memory = '{CALL_MEMORY}MB';
             CREATE ROLE worst_guest LOGIN IN ROLE quire_guest"
        ))
        .expect("prepared");
    let postmaster = cluster.postmaster();
    cluster.limit_memory(2_500_000 << 10);
    let functions = Function::all(&mut admin);
    let mut faults = Vec::new();
    let mut succeeded = BTreeSet::new();
    for (role, most) in [
        ("worst_guest", REFUSED),
        ("worst_owner", CALL_MEMORY + BESIDES),
        ("postgres", CALL_MEMORY + BESIDES),
    ] {
        let mut client = database.client(role);
        client.batch_execute(&format!("SET statement_timeout = {}", TIMEOUT.as_millis())).expect("limit");
        let process = Process::of(&mut client);
        for function in &functions {
            // Administrators have some functions of their own; the others are the owner's.
            if role == "postgres" && succeeded.contains(&function.name) {
                continue;
            }
            let codes = function.codes();
            for (turn, call) in function.calls().into_iter().enumerate() {
                let call = names.fill(&call);
                client.batch_execute("BEGIN").expect("begin");
                process.forget_peak();
                let before = process.peak();
                let start = Instant::now();
                let outcome = client.query(&call, &[]).map(drop);
                let took = start.elapsed();
                let peak = process.peak();
                let code = match &outcome {
                    Ok(()) => "ok".to_owned(),
                    Err(error) => {
                        error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned())
                    }
                };
                let mut fault = |what: String| faults.push(format!("{role}: {call}: {what}"));
                let plainly =
                    |(name, other): &(&str, &str)| turn == 0 && *name == function.name && *other == code;
                if outcome.is_ok() || code == "57014" || NOTHING_TO_DO.iter().any(plainly) {
                    succeeded.insert(function.name.clone());
                }
                if code != "ok" && !EVERYWHERE.contains(&code.as_str()) && !codes.contains(code.as_str()) {
                    fault(format!("not documented: {outcome:?}"));
                }
                if peak.saturating_sub(before) > most {
                    fault(format!("{peak} MiB, {before} before"));
                }
                if took > TIMEOUT + ANSWERS_WITHIN {
                    fault(format!("{took:?}"));
                }
                client.batch_execute("ROLLBACK").expect("roll back");
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let never: Vec<&str> = functions
        .iter()
        .map(|function| function.name.as_str())
        .filter(|name| !succeeded.contains(*name))
        .collect();
    assert!(never.is_empty(), "never did anything: {never:?}");
    assert_eq!(cluster.postmaster(), postmaster, "the same server");
    admin.batch_execute("SELECT 1").expect("the other session is still there");
    let log = cluster.log();
    assert!(!log.contains("PANIC") && !log.contains("terminated by signal"), "{log}");
}
