//! Everybody gets what they have the right to, and nobody else learns anything: every function and every relation of the catalog,
//! asked by everybody who may come, for the project of somebody who has told nobody of it.

use crate::calls::{Names, Needs, assert_calls_are_complete, calls, described};
use crate::cluster::{Cluster, Database, shared};
use crate::everybody::everybody;
use crate::personas::{Persona, Verdict};
use crate::tenants::Tenant;
use postgres::error::DbError;
use postgres::{Client, SimpleQueryMessage};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// What succeeds, as a SQLSTATE.
const DONE: &str = "00000";
const ONLY_DONE: &[&str] = &[DONE];

/// More calls: those whose refusals would like to tell what is in the way, and with which SQLSTATEs they end for who may call them.
const PROBES: &[(Needs, &str, &[&str])] = &[
    (Needs::Write, "upsert_project_file('{p}', 'dir', 'x')", &["PT409"]),
    (Needs::Write, "upsert_project_file('{p}', 'a/b', 'x')", &["PT409"]),
    (Needs::Write, "upsert_project_file('{p}', 'a', 'x', expected_version => 9)", &["PT409"]),
    (Needs::Write, "upsert_project_file_bytes('{p}', 'dir', 'x')", &["PT409"]),
    (Needs::Write, "move_project_file('{p}', 'a', 'dir')", &["PT409"]),
    (Needs::Write, "move_project_file('{p}', 'a', 'first')", &["PT409"]),
    (Needs::Write, "delete_project_file('{p}', 'dir')", &["PT404"]),
    (
        Needs::Write,
        r#"bulk_upsert_project_files('{p}', '[{"file_path": "c", "content": "x"}, {"file_path": "dir", "content": "x"}]')"#,
        &["PT409"],
    ),
    (
        Needs::Write,
        r#"commit_bundle('{p}', '[{"op": "file.move", "from_path": "a", "to_path": "dir"}]')"#,
        &["PT409"],
    ),
    (
        Needs::Write,
        r#"commit_bundle('{p}', '[{"op": "file.delete", "file_path": "a"}]', base_seq => 0)"#,
        &["PT409"],
    ),
    (
        Needs::Write,
        r#"commit_bundle('{p}', '[{"op": "file.put", "file_path": "dir", "content": "x"}]', base_seq => 0, on_conflict => 'skip')"#,
        &["PT409"],
    ),
    (
        Needs::Change,
        r#"commit_bundle('{p}', '[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "rank", "value": 1}]',
            base_seq => 0)"#,
        &["PT409"],
    ),
    (
        Needs::Change,
        r#"commit_bundle('{p}', '[{"op": "asset.put", "filename": "x", "media_type": "a/b", "asset_type": "c",
            "content_hash": "{hash}"}]')"#,
        &[DONE],
    ),
    (Needs::Change, "tag_project('{p}', 'v', 1000000)", &["22023"]),
    (Needs::Change, "revert_bundle('{p}', 2)", &["PT409"]),
    (Needs::Read, "get_bundle('{p}', 1000000)", &["PT404"]),
    (Needs::Read, "list_files_at('{p}', 1000000)", &["22023"]),
    (Needs::Read, "list_files_at('{p}', at_tag => 'v')", &["PT404"]),
    (Needs::Follow, "poll_events('{p}', 1000000)", &["PT410"]),
    (Needs::Manage, "delete_project('{p}', 'another name')", &["22023"]),
    (Needs::Copy, "import_from_library('{own}', '{lib}', '{a}')", &[DONE]),
    // Nothing to read is no reason not to ask.
    (Needs::Bring, "import_legacy_files('{into}', 'pg_catalog.pg_prepared_xacts', 'gid', 'gid')", &[DONE]),
    // That an id is taken cannot be hidden from who wants to give it to a project of theirs.
    (Needs::Actor, "create_project('x', '{p}')", &["PT409"]),
];

/// What names something that is in one project.
const THINGS: &[&str] =
    &["snapshot", "session", "subscription", "job", "upload", "conflict", "quarantine", "token_id", "hash"];

/// What names a project.
const PROJECTS: &[&str] = &["p", "into", "lib", "template"];

/// What somebody is told.
#[derive(PartialEq, Eq, Debug)]
struct Told {
    state: String,
    /// Every value of the answer or every text of the error, and every notice.
    text: String,
}

/// Somebody's connection.
struct Session<'a> {
    persona: &'a Persona,
    client: Client,
    notices: Arc<Mutex<Vec<DbError>>>,
}

impl<'a> Session<'a> {
    fn open(database: &Database, persona: &'a Persona) -> Self {
        let (client, notices) = database.client_with_notices(&persona.login);
        Self { persona, client, notices }
    }

    /// Begins a transaction as this persona does.
    fn begin(&mut self) {
        let beginning = format!("BEGIN; {}", self.persona.before.join("; "));
        self.client.batch_execute(&beginning).unwrap_or_else(|error| panic!("{beginning}: {error:?}"));
        let Some(token) = self.persona.presented() else { return };
        let statement = format!("SAVEPOINT presenting; SELECT quire.authenticate('{token}')");
        let told = self.ask(&statement);
        let right = match self.persona.presenting() {
            Verdict::Refused(states) => states.contains(&told.state.as_str()),
            verdict => verdict == Verdict::Done && told.state == DONE,
        };
        assert!(right, "{} presents a token: {told:?}", self.persona.name);
        if told.state != DONE {
            self.client.batch_execute("ROLLBACK TO presenting").expect("go on without a token");
        }
    }

    fn ask(&mut self, statement: &str) -> Told {
        let answer = self.client.simple_query(statement);
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text: Vec<String> = notices.drain(..).map(|notice| text_of(&notice)).collect();
        drop(notices);
        let state = match answer {
            Ok(messages) => {
                text.extend(messages.iter().filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(values_of(row)),
                    _ => None,
                }));
                DONE.to_owned()
            }
            Err(error) => {
                let refused = error.as_db_error().unwrap_or_else(|| panic!("{statement}: {error:?}"));
                text.push(text_of(refused));
                refused.code().code().to_owned()
            }
        };
        Told { state, text: text.join("\n") }
    }

    /// What is told in a transaction of its own, which is then rolled back.
    fn tell(&mut self, statement: &str) -> Told {
        self.begin();
        let told = self.ask(statement);
        self.client.batch_execute("ROLLBACK").expect("roll back");
        told
    }

    /// A project of their own, if they can have one.
    fn create_own(&mut self) -> Option<Uuid> {
        if !self.persona.can_own() {
            return None;
        }
        self.begin();
        let told = self.ask("SELECT quire.create_project('own')");
        self.client.batch_execute("COMMIT").expect("commit");
        Some(told.text.trim().parse().unwrap_or_else(|_| panic!("{}: {told:?}", self.persona.name)))
    }
}

fn values_of(row: &postgres::SimpleQueryRow) -> String {
    (0..row.len()).filter_map(|at| row.get(at)).collect::<Vec<_>>().join("\n")
}

fn text_of(error: &DbError) -> String {
    let more = [error.detail(), error.hint(), error.where_(), error.table(), error.constraint()];
    [Some(error.message())].into_iter().chain(more).flatten().collect::<Vec<_>>().join("\n")
}

/// A probe as a call without a name: what it takes to call the function at all, and what to be allowed this.
fn probe(
    (needs, call, ends): &(Needs, &'static str, &'static [&'static str]),
) -> (Option<&'static str>, Needs, Needs, String, &'static [&'static str]) {
    let function = call.split('(').next();
    let least = calls().find(|call| Some(call.name) == function).expect("a function").needs;
    (None, least, *needs, format!("SELECT * FROM quire.{call}"), *ends)
}

/// Everything that was asked, and what was wrong with the answers.
struct Walk<'a> {
    tenant: &'a Tenant,
    other: &'a Tenant,
    /// The functions that were done for somebody.
    done: BTreeSet<&'static str>,
    /// How often somebody was told the word who may be.
    told: usize,
    asked: usize,
    wrong: Vec<String>,
}

impl Walk<'_> {
    fn expect(&mut self, is_right: bool, persona: &Persona, statement: &str, told: &Told, why: &str) {
        if !is_right {
            let text: String = told.text.chars().take(400).collect();
            self.wrong.push(format!("{}, {statement}: {why}: {} {text}", persona.name, told.state));
        }
    }

    /// Looks at the answer of a call; `ends` is how it may end for who may call it.
    fn judge(&mut self, persona: &Persona, statement: &str, verdict: Verdict, ends: &[&str], told: &Told) {
        self.asked += 1;
        let state = told.state.as_str();
        let is_right = match verdict {
            Verdict::Done => ends.contains(&state),
            Verdict::Refused(states) => states.contains(&state),
            // A token may be refused before it matters which project it is for.
            Verdict::Hidden if persona.is_bound() => ["PT404", "42501"].contains(&state),
            Verdict::Hidden => state == "PT404" && told.text.starts_with("no such project\n"),
            Verdict::Either => true,
        };
        self.expect(is_right, persona, statement, told, &format!("{verdict:?} was expected"));
        let may_be_told = verdict == Verdict::Done && persona.reads();
        self.expect_silence(persona, statement, told, may_be_told);
    }

    /// Nobody is told the words of projects that they may not read.
    fn expect_silence(&mut self, persona: &Persona, statement: &str, told: &Told, may_be_told: bool) {
        if persona.is_admin() {
            return;
        }
        let is_told = self.tenant.word.is_in(&told.text);
        self.told += usize::from(is_told && may_be_told);
        self.expect(!is_told || may_be_told, persona, statement, told, "a word of the project");
        let is_theirs = persona.login == self.other.role("owner");
        let is_told = self.other.word.is_in(&told.text);
        self.expect(!is_told || is_theirs, persona, statement, told, "a word of another project");
    }

    /// What somebody is told of the project, who may not know of it, is what they are told of one that does not exist.
    fn compare(&mut self, session: &mut Session, template: &str, statement: &str, told: &Told) {
        let nowhere = Uuid::from_u128(0xDEAD).to_string();
        let persona = session.persona;
        let unknown = Names::of(PROJECTS.iter().map(|name| (*name, nowhere.clone())).collect());
        let of_unknown = session.tell(&unknown.before(&persona.names).fill(template));
        let without_ids = |told: &Told| {
            let text = told.text.replace(&nowhere, "the project");
            PROJECTS.iter().fold(text, |text, name| text.replace(persona.names.get(name), "the project"))
        };
        let is_same = of_unknown.state == told.state && without_ids(&of_unknown) == without_ids(told);
        self.expect(
            is_same,
            persona,
            statement,
            told,
            &format!("not as of an unknown project, {of_unknown:?}"),
        );
    }

    /// Every function, and the probes.
    fn ask_for_everything(&mut self, session: &mut Session) {
        let persona = session.persona;
        let all = calls().map(|call| (Some(call.name), call.needs, call.needs, call.template(), ONLY_DONE));
        for (name, least, needs, template, ends) in all.chain(PROBES.iter().map(probe)) {
            let statement = persona.names.fill(&template);
            let verdict = persona.verdict(least, needs);
            let told = session.tell(&statement);
            if told.state == DONE {
                self.done.extend(name);
            }
            self.judge(persona, &statement, verdict, ends, &told);
            if verdict == Verdict::Hidden {
                self.compare(session, &template, &statement, &told);
            }
        }
    }

    /// Nothing of the project can be reached by way of another one, by its id.
    fn ask_by_way_of_their_own(&mut self, session: &mut Session, own: Uuid) {
        let persona = session.persona;
        let names = Names::of(vec![("p", own.to_string())]).before(&persona.names);
        for call in calls().filter(|call| call.mentions(THINGS) && call.mentions(&["p"])) {
            let statement = call.statement(&names);
            let told = session.tell(&statement);
            self.asked += 1;
            let is_right = told.state == "PT404" || told.state == DONE && told.text.is_empty();
            self.expect(is_right, persona, &statement, &told, "it is of another project");
            self.expect_silence(persona, &statement, &told, false);
        }
    }

    /// Every table, view and sequence.
    fn look_into_relations(&mut self, session: &mut Session, relations: &[Relation]) {
        let persona = session.persona;
        for relation in relations {
            let statement = format!("SELECT * FROM {}", relation.name);
            let told = session.tell(&statement);
            self.asked += 1;
            let is_right = [DONE, "42501"].contains(&told.state.as_str());
            self.expect(is_right, persona, &statement, &told, "rows or a refusal");
            let reads = persona.reads_views();
            self.expect_silence(persona, &statement, &told, relation.has_readers && reads);
            let shows = relation.is_interface && reads && !persona.is_admin();
            self.expect(!shows || self.tenant.word.is_in(&told.text), persona, &statement, &told, "no word");
        }
    }
}

/// Something with rows.
struct Relation {
    name: String,
    /// Whether it is for users, who may name it.
    is_interface: bool,
    /// Whether whoever may read the project may see its rows, be they allowed to name it.
    has_readers: bool,
}

/// Those of the catalog, and what PostgreSQL itself tells of what is in them and what is done with them.
fn relations(database: &Database) -> Vec<Relation> {
    database.psql("ANALYZE");
    let sql = "SELECT c.oid::regclass::text, c.relnamespace = 'quire'::regnamespace,
            c.relnamespace = 'quire'::regnamespace
                OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
                -- A view with its reader's rights shows what its tables show.
                OR EXISTS (SELECT FROM pg_rewrite r
                           JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                           JOIN pg_policy p ON d.refclassid = 'pg_class'::regclass AND p.polrelid = d.refobjid
                           WHERE r.ev_class = c.oid)
         FROM pg_class c
         WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND c.relkind NOT IN ('i', 'I', 'c')";
    let found = database.client("postgres").query(sql, &[]).expect("look at the catalog");
    let of_catalog = found.iter().map(|row| Relation {
        name: row.get(0),
        is_interface: row.get(1),
        has_readers: row.get(2),
    });
    let of_postgres = ["pg_stats WHERE schemaname = 'quire_store'", "pg_stats_ext", "pg_stat_activity"]
        .map(|name| Relation { name: name.to_owned(), is_interface: false, has_readers: false });
    of_catalog.chain(of_postgres).collect()
}

#[test]
fn descriptions_say_who_may_call() {
    let database = shared().database("described");
    let mut client = database.client("postgres");
    for call in calls() {
        let sql = r"SELECT substring(d FROM E'\nWho: ([^\n]+)\\.\n'), substring(d FROM E'\nToken: ([^\n]+)\\.\n')
            FROM pg_proc p, obj_description(p.oid, 'pg_proc') d WHERE p.pronamespace = 'quire'::regnamespace AND p.proname = $1";
        let row =
            client.query_one(sql, &[&call.name]).unwrap_or_else(|error| panic!("{}: {error}", call.name));
        let said: (Option<String>, Option<String>) = (row.get(0), row.get(1));
        let (who, token) = described(call.needs);
        assert_eq!(said, (Some(who.to_owned()), Some(token.to_owned())), "{}", call.name);
    }
}

#[test]
fn everybody_gets_what_they_have_the_right_to_and_nobody_else_learns_anything() {
    // Its administrators would be those of every database of the server.
    let cluster = Cluster::start("outsiders", &[]);
    let database = cluster.database("outsiders");
    let tenant = Tenant::build(&database, "outsiders_a");
    let other = Tenant::build(&database, "outsiders_b");
    assert_calls_are_complete(&mut database.client("postgres"));
    let relations = relations(&database);
    assert!(relations.len() > 30, "{}", relations.len());
    let mut walk =
        Walk { tenant: &tenant, other: &other, done: BTreeSet::new(), told: 0, asked: 0, wrong: Vec::new() };
    let everybody = everybody(&database, &tenant, &other);
    assert!(everybody.len() > 40, "{}", everybody.len());
    let mut strangers = Vec::new();
    for mut persona in everybody {
        let own = Session::open(&database, &persona).create_own();
        if let Some(own) = own {
            persona = persona.with("own", own);
        }
        let mut session = Session::open(&database, &persona);
        walk.ask_for_everything(&mut session);
        walk.look_into_relations(&mut session, &relations);
        if let Some(own) = own {
            walk.ask_by_way_of_their_own(&mut session, own);
        }
        drop(session);
        strangers.extend(Some(persona).filter(|persona| !persona.reads() && persona.presented().is_none()));
    }
    // Of a public project they may read what there is, and nothing of who is in it and what goes on there. That it is archived is no
    // news to who may not write anyway.
    tenant.publish(&database);
    for persona in strangers.into_iter().map(Persona::facing_public) {
        let mut session = Session::open(&database, &persona);
        walk.ask_for_everything(&mut session);
        walk.look_into_relations(&mut session, &relations);
    }
    let some: Vec<&str> = walk.wrong.iter().take(50).map(String::as_str).collect();
    assert!(some.is_empty(), "{} of {} answers:\n{}", walk.wrong.len(), walk.asked, some.join("\n"));
    // The walk means something: everything was done for somebody, and who may read is told what is there.
    let all: BTreeSet<&str> = calls().map(|call| call.name).collect();
    assert_eq!(walk.done, all, "everything was done for somebody");
    assert!(walk.told > 200, "{}", walk.told);
}
