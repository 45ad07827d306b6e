//! Projects that hold one word in every place where a text can be, so that whoever is told anything of them can be found out.

use crate::calls::Names;
use crate::cluster::Database;
use crate::steps::{add_member, ask, user};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use postgres::Client;
use std::collections::HashMap;
use uuid::Uuid;

/// What an asset holds. Not the word: owners give it back as it is.
const ASSET: &str = "bytes of an asset";

/// Some people, and what they have.
pub struct Tenant {
    /// The word that nobody else knows.
    pub word: Word,
    /// Their private project.
    pub project: Uuid,
    /// What the calls name.
    pub names: Names,
    prefix: &'static str,
    actors: HashMap<&'static str, Uuid>,
}

/// Members: two owners, so that one can go; the editor made whatever it takes an editor to make.
const MEMBERS: [(&str, &str); 5] = [
    ("owner", "owner"),
    ("second", "owner"),
    ("editor", "editor"),
    ("other", "editor"),
    ("viewer", "viewer"),
];

impl Tenant {
    /// Makes them. The roles' names begin with `prefix`.
    pub fn build(database: &Database, prefix: &'static str) -> Self {
        let word = Word::new();
        let actors = MEMBERS.map(|(who, _)| (who, user(database, &format!("{prefix}_{who}")))).into();
        let mut tenant = Self { word, project: Uuid::nil(), names: Names::default(), prefix, actors };
        let mut owner = tenant.client(database, "owner");
        let mut editor = tenant.client(database, "editor");
        tenant.name(&mut owner, "p", "SELECT quire.create_project('{word} project')");
        tenant.project = tenant.names.get("p").parse().expect("a project's id");
        let p = tenant.project;
        tenant.admit(&mut owner, p);
        tenant.run(&mut owner, "SELECT quire.set_display_name('Ann {word}')");
        tenant.write(&mut owner, &mut editor);
        tenant.conflict(database, &mut owner, &mut editor);
        tenant.begin(&mut owner, &mut editor);
        tenant.copy(&mut owner);
        tenant.spoil(database, &mut owner);
        for (who, role) in MEMBERS {
            if role != "viewer" {
                leave_something_to_undo(&mut tenant.client(database, who), p, who);
            }
        }
        tenant
    }

    /// Lets everybody read their projects, of which one is archived then.
    pub fn publish(&self, database: &Database) {
        let mut owner = self.client(database, "owner");
        for name in ["{p}", "{template}", "{lib}"] {
            let change = r#"{"visibility": "public"}"#;
            self.run(&mut owner, &format!("SELECT quire.update_project('{name}', '{change}')"));
        }
        self.run(&mut owner, "SELECT quire.archive_project('{p}')");
    }

    /// Login role of a member.
    pub fn role(&self, who: &str) -> String {
        format!("{}_{who}", self.prefix)
    }

    /// A member's connection.
    pub fn client(&self, database: &Database, who: &str) -> Client {
        database.client(&self.role(who))
    }

    /// A member's actor.
    pub fn actor(&self, who: &str) -> Uuid {
        self.actors[who]
    }

    fn fill(&self, statement: &str) -> String {
        self.names.fill(statement).replace("{word}", &self.word.0)
    }

    fn run(&self, client: &mut Client, statement: &str) {
        let statement = self.fill(statement);
        client.batch_execute(&statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }

    /// Names what a statement answers.
    fn name(&mut self, client: &mut Client, name: &'static str, statement: &str) {
        let found = ask(client, &self.fill(statement));
        self.names = self.names.before(&Names::of(vec![(name, found)]));
    }

    /// Makes them members of a project of their owner's.
    fn admit(&self, owner: &mut Client, project: Uuid) {
        for (who, role) in MEMBERS {
            add_member(owner, project, self.actor(who), role);
        }
    }

    /// Files, entities, assets and tags.
    fn write(&mut self, owner: &mut Client, editor: &mut Client) {
        // Nobody touches it again, so bundle 1 can be reverted.
        self.run(owner, "SELECT quire.upsert_project_file('{p}', 'first', '{word}')");
        self.run(owner, r"SELECT quire.upsert_project_file('{p}', 'a', E'{word}\none\n')");
        self.run(editor, r"SELECT quire.upsert_project_file('{p}', 'a', E'{word}\ntwo\n')");
        for statement in [
            "SELECT quire.upsert_project_file('{p}', '{word}/plan.txt', 'plan {word}', 'type {word}')",
            "SELECT quire.upsert_project_file('{p}', 'dir/{word}', 'below {word}')",
            r"SELECT quire.upsert_project_file_bytes('{p}', 'bin', convert_to('{word}', 'UTF8') || '\x00')",
            "SELECT quire.move_project_file('{p}', '{word}/plan.txt', '{word}/plans.txt')",
            r#"SELECT quire.commit_bundle('{p}', '[
                {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "{word}", "value": "{word}"},
                {"op": "field.set", "entity_type": "{word}", "entity_id": "{word}", "field": "f", "value": 1}]',
                message => 'message {word}')"#,
            r#"SELECT quire.put_doc('{p}', 'd', '{"a": "{word}", "t": "text {word}"}', message => 'doc {word}')"#,
            r#"SELECT quire.put_doc('{p}', 'doc {word}', '{"{word}": 1}')"#,
            "SELECT quire.create_branch('{p}', 'branch {word}', message => 'branch {word}')",
            r#"SELECT quire.put_doc('{p}', 'd', '{"a": "{word} on a branch"}', 'branch {word}')"#,
            "SELECT quire.tag_project('{p}', 'tag {word}', 1)",
        ] {
            self.run(owner, statement);
        }
        let put = format!(
            "SELECT quire.put_asset('{{p}}', '{{word}}.png', '{ASSET}', 'image/png', '{{word}}') ->> 'content_hash'"
        );
        self.name(editor, "hash", &put);
        self.name(owner, "sha256", &format!("SELECT encode(sha256('{ASSET}'), 'hex')"));
        self.names = self.names.before(&Names::of(vec![("bytes", ASSET.to_owned())]));
    }

    /// A field with two values.
    fn conflict(&mut self, database: &Database, owner: &mut Client, editor: &mut Client) {
        let set = |value: &str, more: &str| {
            let op = r#"{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "title", "value": "VALUE {word}"}"#;
            let op = op.replace("VALUE", value);
            format!("SELECT quire.commit_bundle('{{p}}', '[{op}]'{more}) ->> 'seq'")
        };
        let seen = ask(owner, &self.fill(&set("one", "")));
        self.run(owner, &set("two", ""));
        self.run(editor, &set("three", &format!(", base_seq => {seen}, on_conflict => 'record'")));
        // By somebody who does not ask later: everybody who does comes after them.
        let mut second = self.client(database, "second");
        let op = r#"{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "rank", "value": "{word}"}"#;
        self.run(&mut second, &format!("SELECT quire.commit_bundle('{{p}}', '[{op}]')"));
        self.name(owner, "conflict", "SELECT conflict_id FROM quire.list_conflicts('{p}')");
    }

    /// What goes on: the editor's, whom it takes to go on with it, and more of the owner's.
    fn begin(&mut self, owner: &mut Client, editor: &mut Client) {
        for (name, statement) in [
            ("job", "SELECT quire.begin_job('{p}', 'job {word}', '1 day')"),
            ("upload", "SELECT quire.begin_upload('{p}', 'upload {word}', 'a/b', '{word}', '7 days')"),
            ("snapshot", "SELECT quire.create_project_snapshot('{p}') ->> 'snapshot_id'"),
            ("session", "SELECT quire.begin_session('{p}', format => 'tar.zst') ->> 'SESSION_ID'"),
            ("other_snapshot", "SELECT quire.create_project_snapshot('{p}', at_seq => 1) ->> 'snapshot_id'"),
        ] {
            self.name(editor, name, statement);
        }
        for statement in [
            r#"SELECT quire.append_job_ops('{p}', '{job}',
                '[{"op": "file.put", "file_path": "{word}/by a job", "content": "{word}"}]')"#,
            "SELECT quire.append_upload('{p}', '{upload}', 1, 'piece {word}')",
            r#"SELECT quire.create_subscription('{p}', 'hers', '{"paths": ["{word}/**"]}')"#,
            "SELECT quire.cancel_job('{p}', quire.begin_job('{p}', 'failed {word}'), 'why {word}')",
            "SELECT quire.mint_token('{p}', '{project:read,file:write:{word}/**}', '1 day')",
        ] {
            self.run(editor, statement);
        }
        self.name(
            editor,
            "token_id",
            "SELECT token_id FROM quire.list_tokens('{p}') ORDER BY minted_at DESC LIMIT 1",
        );
        self.names = self.names.before(&Names::of(vec![("subscription", "hers".to_owned())]));
        self.run(owner, "SELECT quire.create_subscription('{p}', 'subscription {word}')");
        self.run(owner, "SELECT quire.sync_ack('{p}', 'peer {word}', 1)");
        self.run(owner, "SELECT quire.open_channel('{p}', '1 hour')");
    }

    /// A template and a library, with the same members, and an export of something else.
    fn copy(&mut self, owner: &mut Client) {
        self.name(owner, "template", "SELECT quire.create_template('{p}', 'template {word}')");
        self.name(owner, "lib", "SELECT quire.create_project('library {word}', kind => 'library')");
        self.run(owner, "SELECT quire.upsert_project_file('{lib}', 'a', 'of the library {word}')");
        let empty = ask(owner, "SELECT quire.create_project('empty')");
        self.name(owner, "archive", &format!("SELECT quire.export_project('{empty}')"));
        for name in ["template", "lib"] {
            self.admit(owner, self.names.get(name).parse().expect("a project's id"));
        }
    }

    /// What the project says of its size goes wrong, and into quarantine: nobody is kept from reading for it.
    fn spoil(&mut self, database: &Database, owner: &mut Client) {
        let mut admin = database.client("postgres");
        self.run(
            &mut admin,
            "SET session_replication_role = replica;
             UPDATE quire_store.project_head SET live_bytes = live_bytes + 1 WHERE project_id = '{p}'",
        );
        self.run(owner, "SELECT quire.verify_project('{p}')");
        self.name(owner, "quarantine", "SELECT quarantine_id FROM quire.list_quarantine('{p}')");
    }
}

/// Two edits, the newer one taken back: there is something to undo, and something to redo.
pub fn leave_something_to_undo(client: &mut Client, project: Uuid, who: &str) {
    for statement in [
        format!("SELECT quire.upsert_project_file('{project}', 'of {who}', 'one')"),
        format!("SELECT quire.upsert_project_file('{project}', 'of {who}', 'two')"),
        format!("SELECT quire.undo('{project}')"),
    ] {
        client.batch_execute(&statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

/// A word that stands in nothing else.
pub struct Word(String);

impl Word {
    fn new() -> Self {
        let random = Uuid::now_v7();
        let letter = |byte: &u8| char::from(b'g' + byte % 20);
        Self(format!("zq{}", random.as_bytes()[8..].iter().map(letter).collect::<String>()))
    }

    /// The word itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text holds it, as it is or as PostgreSQL and JSON write bytes.
    pub fn is_in(&self, text: &str) -> bool {
        text.contains(&self.0)
            || text.contains(&hex(self.0.as_bytes()))
            || self.in_base64().any(|form| text.contains(&form))
    }

    /// What it is in base64, which depends on how many bytes are before it; without the characters that others share.
    fn in_base64(&self) -> impl Iterator<Item = String> {
        (0..3).map(|before| {
            let padded = [&vec![0; before], self.0.as_bytes()].concat();
            let encoded = STANDARD_NO_PAD.encode(&padded);
            encoded[(before * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned()
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_word_is_found_in_every_form() {
    let word = Word::new();
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}{} and more", word.0);
        assert!(word.is_in(&text));
        assert!(word.is_in(&format!(r"\x{}", hex(text.as_bytes()))));
        assert!(word.is_in(&STANDARD_NO_PAD.encode(&text)));
    }
    assert!(!word.is_in(&Word::new().0));
}
