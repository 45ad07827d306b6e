//! Who may come and ask for somebody's project, with what in their hands.

use crate::calls::Names;
use crate::cluster::Database;
use crate::identity::gateway;
use crate::personas::{Group, Persona, Role, Who, Worth};
use crate::steps::{add_member, ask, ensure_role, user};
use crate::tenants::{Tenant, leave_something_to_undo};
use crate::tokens;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postgres::Client;
use quire_core::ability::Abilities;
use quire_core::token::{Root, mint};
use serde_json::{Value, json};
use uuid::Uuid;

/// All that a token can allow.
const EVERY_ABILITY: &[&str] =
    &["project:read", "events:read", "snapshot:read", "file:write", "doc:read", "doc:write"];

/// Everybody who may come for the project of `tenant`; `other` is somebody else's.
pub fn everybody(database: &Database, tenant: &Tenant, other: &Tenant) -> Vec<Persona> {
    let maker = Maker {
        names: tenant.names.clone(),
        project: tenant.project,
        client: tenant.client(database, "editor"),
    };
    let mut all = without_group(database, tenant);
    all.extend(guests(database, tenant, other, maker));
    all.extend(users(database, tenant, other));
    all
}

/// Who makes tokens.
struct Maker {
    names: Names,
    project: Uuid,
    client: Client,
}

impl Maker {
    fn mint(&mut self, abilities: &[&str]) -> String {
        self.mint_with(abilities, "1 hour", "")
    }

    fn mint_with(&mut self, abilities: &[&str], ttl: &str, more: &str) -> String {
        let abilities = self.names.fill(&abilities.join(","));
        tokens::mint(&mut self.client, self.project, &abilities, ttl, more)
    }

    fn revoke_newest(&mut self) {
        let sql = "SELECT quire.revoke_token($1, token_id) FROM (
            SELECT token_id FROM quire.list_tokens($1) ORDER BY minted_at DESC LIMIT 1) newest";
        self.client.execute(sql, &[&self.project]).expect("revoke");
    }
}

/// Roles that no administrator has given anything of quire.
fn without_group(database: &Database, tenant: &Tenant) -> Vec<Persona> {
    let mut editor = tenant.client(database, "editor");
    let token = tokens::mint(&mut editor, tenant.project, "project:read", "1 hour", "");
    drop(gateway(database));
    [
        ("who may only connect", "outsiders_connect", "LOGIN"),
        ("who has pg_read_all_data", "outsiders_backup", "LOGIN IN ROLE pg_read_all_data"),
        ("who has REPLICATION", "outsiders_replica", "LOGIN REPLICATION"),
        ("who has BYPASSRLS and no group", "outsiders_above", "LOGIN BYPASSRLS"),
        ("the authenticator without another role", "authenticator", "LOGIN NOINHERIT IN ROLE authenticated"),
    ]
    .map(|(name, login, options)| {
        ensure_role(database, login, options);
        // They have come by a token, and may not even present it.
        Persona::of(tenant, name, login, Group::Nothing, Who::Nobody)
            .holding(&token, Worth::Valid(&["project:read"]))
    })
    .into()
}

/// Roles that may present a token, and nothing else.
fn guests(database: &Database, tenant: &Tenant, other: &Tenant, mut maker: Maker) -> Vec<Persona> {
    const GUEST: &str = "outsiders_guest";
    ensure_role(database, GUEST, "LOGIN IN ROLE quire_guest");
    let guest = |name, text: &str, worth| {
        Persona::of(tenant, name, GUEST, Group::Guest, Who::Nobody).presenting_it(text, worth)
    };
    let mut all = vec![Persona::of(tenant, "a guest without a token", GUEST, Group::Guest, Who::Nobody)];

    let events = maker.mint(&["events:read"]);
    let used_up = maker.mint_with(&["project:read"], "1 hour", ", max_uses => 1");
    database.client(GUEST).execute("SELECT quire.authenticate($1)", &[&used_up]).expect("use it up");
    let revoked = maker.mint(&["project:read"]);
    maker.revoke_newest();
    let expired = maker.mint_with(&["project:read"], "1 millisecond", "");
    let of_another_role = maker.mint_with(&["project:read"], "1 hour", ", audience => 'outsiders_connect'");
    for (name, text, worth) in [
        ("a guest with a flipped bit", flipped(&events), Worth::Invalid),
        ("a guest with a token cut short", events[..events.len() - 4].to_owned(), Worth::Invalid),
        ("a guest with abilities made wider", widened(&events), Worth::Invalid),
        ("a guest with a token of another key", with_another_key(&events), Worth::Invalid),
        ("a guest with a token of a deleted project", of_deleted_project(database, tenant), Worth::Invalid),
        ("a guest with a token for another role", of_another_role, Worth::Invalid),
        ("a guest with an expired token", expired, Worth::Over),
        ("a guest with a revoked token", revoked, Worth::Over),
        ("a guest with a token used up", used_up, Worth::Over),
        ("a guest with a token of another project", of_other(database, other), Worth::Elsewhere),
    ] {
        all.push(guest(name, &text, worth));
    }

    const EACH: &[(&str, &[&str])] = &[
        ("a guest with project:read", &["project:read"]),
        ("a guest with events:read", &["events:read"]),
        ("a guest with snapshot:read", &["snapshot:read"]),
        ("a guest with snapshot:read of one", &["snapshot:read:{snapshot}"]),
        ("a guest with snapshot:read of another", &["snapshot:read:{other_snapshot}"]),
        ("a guest with file:write", &["file:write"]),
        ("a guest with file:write elsewhere", &["file:write:elsewhere/**"]),
        ("a guest with project:read and file:write", &["project:read", "file:write"]),
        ("a guest with doc:read", &["doc:read"]),
        ("a guest with doc:write", &["doc:write"]),
        ("a guest with doc:write elsewhere", &["doc:write:elsewhere/**"]),
        ("a guest with doc:read and doc:write", &["doc:read", "doc:write"]),
        ("a guest with every ability", EVERY_ABILITY),
    ];
    for (name, abilities) in EACH {
        all.push(guest(name, &maker.mint(abilities), Worth::Valid(abilities)));
    }

    let (demoted, removed) = (of_former(database, tenant, "demoted"), of_former(database, tenant, "removed"));
    all.push(guest("a guest with the token of a demoted editor", &demoted, Worth::Valid(&["project:read"])));
    all.push(guest("a guest with the token of a removed member", &removed, Worth::Elsewhere));
    all
}

/// Roles that may call what is for users, from nobody to an administrator.
fn users(database: &Database, tenant: &Tenant, other: &Tenant) -> Vec<Persona> {
    const NOBODY: &str = "outsiders_nobody";
    const STRANGER: &str = "outsiders_stranger";
    const READER: &str = "outsiders_reader";
    let p = tenant.project;
    let mut editor = tenant.client(database, "editor");
    let mut mint = |abilities: &str| tokens::mint(&mut editor, p, abilities, "1 hour", "");
    let (reading, following, everything) =
        (mint("project:read"), mint("events:read"), mint(&EVERY_ABILITY.join(",")));
    let (read, every) = (Worth::Valid(&["project:read"]), Worth::Valid(EVERY_ABILITY));
    ensure_role(database, NOBODY, "LOGIN IN ROLE quire_user");
    ensure_role(database, READER, "LOGIN IN ROLE quire_user, pg_read_all_data");
    let (stranger, reader) = (user(database, STRANGER), user(database, READER));
    let of_owner = claims(&json!({"sub": tenant.actor("owner").to_string()}).to_string());
    let member_or_not =
        |name, login: &str, role| Persona::of(tenant, name, login, Group::User, Who::Somebody(role));
    let nobody = |name| Persona::of(tenant, name, NOBODY, Group::User, Who::Nobody);
    let by_claims = |name, sub: &str, claimed: &str, who_they_are| {
        Persona::of(tenant, name, "authenticator", Group::User, who_they_are)
            .with("member", sub)
            .beginning("SET LOCAL ROLE authenticated")
            .beginning(claims(claimed))
    };
    let member = |name, who, role| {
        member_or_not(name, &tenant.role(who), role).with("member", tenant.actor(who)).holding(&reading, read)
    };
    let unknown = Uuid::from_u128(0xC1A1).to_string();
    let known = tenant.actor("viewer").to_string();
    let removed = former(database, "removed");

    user(database, "outsiders_admin");
    database.psql("GRANT quire_admin TO outsiders_admin");
    ensure_role(database, "outsiders_bypass", "LOGIN BYPASSRLS IN ROLE quire_user");
    user(database, "outsiders_bypass");
    for login in ["outsiders_admin", "outsiders_bypass"] {
        leave_something_to_undo(&mut database.client(login), p, login);
    }
    vec![
        nobody("nobody").holding(&reading, read),
        nobody("nobody, claiming to be the owner").beginning(of_owner.clone()),
        nobody("nobody, with a forged token").presenting_it(&flipped(&reading), Worth::Invalid),
        member_or_not("a stranger", STRANGER, Role::Stranger).with("member", stranger),
        member_or_not("a stranger who has pg_read_all_data", READER, Role::Stranger).with("member", reader),
        member_or_not("a stranger, claiming to be the owner", STRANGER, Role::Stranger)
            .with("member", stranger)
            .beginning(of_owner),
        member_or_not("a stranger with events:read", STRANGER, Role::Stranger)
            .presenting_it(&following, Worth::Valid(&["events:read"])),
        member_or_not("a stranger with every ability", STRANGER, Role::Stranger)
            .presenting_it(&everything, every),
        member_or_not("the owner of another project", &other.role("owner"), Role::Stranger)
            .with("member", other.actor("owner"))
            .holding(&of_other(database, other), Worth::Elsewhere),
        member_or_not("a removed member", &removed.login, Role::Stranger).with("member", removed.actor),
        by_claims(
            "somebody with claims of an unknown sub",
            &unknown,
            &json!({ "sub": unknown }).to_string(),
            Who::Somebody(Role::Stranger),
        ),
        by_claims("somebody with claims without a sub", &unknown, "{}", Who::Nobody),
        by_claims("somebody with claims that are none", &unknown, "[]", Who::Garbled),
        by_claims(
            "the viewer, by claims",
            &known,
            &json!({ "sub": known }).to_string(),
            Who::Somebody(Role::Viewer),
        ),
        member("the viewer", "viewer", Role::Viewer),
        member("another editor", "other", Role::Editor),
        member("the editor", "editor", Role::Maker),
        member("the owner", "owner", Role::Owner),
        member("the owner with project:read", "owner", Role::Owner).presenting_it(&reading, read),
        member("the owner with every ability", "owner", Role::Owner).presenting_it(&everything, every),
        member_or_not("who has BYPASSRLS and is a user", "outsiders_bypass", Role::Admin),
        Persona::of(tenant, "an administrator", "outsiders_admin", Group::Admin, Who::Somebody(Role::Admin)),
        Persona::of(
            tenant,
            "an administrator with every ability",
            "outsiders_admin",
            Group::Admin,
            Who::Somebody(Role::Admin),
        )
        .presenting_it(&everything, every),
    ]
}

fn claims(claims: &str) -> String {
    format!("SELECT set_config('request.jwt.claims', '{claims}', true)")
}

/// Somebody who was an editor.
struct Former {
    login: String,
    actor: Uuid,
}

fn former(database: &Database, what: &str) -> Former {
    let login = format!("outsiders_{what}");
    Former { actor: user(database, &login), login }
}

/// A token of somebody who was an editor when they made it.
fn of_former(database: &Database, tenant: &Tenant, what: &str) -> String {
    let Former { login, actor } = former(database, what);
    let mut owner = tenant.client(database, "owner");
    add_member(&mut owner, tenant.project, actor, "editor");
    let token =
        tokens::mint(&mut database.client(&login), tenant.project, "project:read,file:write", "1 hour", "");
    if what == "removed" {
        let sql = "SELECT quire.delete_project_member($1, $2)";
        owner.execute(sql, &[&tenant.project, &actor]).expect("remove the member");
    } else {
        add_member(&mut owner, tenant.project, actor, "viewer");
    }
    token
}

fn of_other(database: &Database, other: &Tenant) -> String {
    tokens::mint(&mut other.client(database, "editor"), other.project, "project:read", "1 hour", "")
}

fn of_deleted_project(database: &Database, tenant: &Tenant) -> String {
    let mut owner = tenant.client(database, "owner");
    let project = ask(&mut owner, "SELECT quire.create_project('gone')").parse().expect("an id");
    let token = tokens::mint(&mut owner, project, "project:read", "1 hour", "");
    owner.execute("SELECT quire.delete_project($1, 'gone')", &[&project]).expect("delete the project");
    token
}

/// The bytes of a token.
fn bytes_of(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.trim_start_matches("quire1.")).expect("base64")
}

fn text_of(bytes: &[u8]) -> String {
    format!("quire1.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Its first block as JSON, and what comes behind.
fn parts(token: &str) -> (String, Vec<u8>) {
    let bytes = bytes_of(token);
    let length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let (block, rest) = bytes[2..].split_at(length);
    (String::from_utf8(block.to_vec()).expect("JSON"), rest.to_vec())
}

fn flipped(token: &str) -> String {
    let mut bytes = bytes_of(token);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    text_of(&bytes)
}

/// The same token with another ability in its text, and the tag it had.
fn widened(token: &str) -> String {
    let (block, rest) = parts(token);
    let block = block.replace("events:read", "project:read");
    let length = u16::try_from(block.len()).expect("a short block").to_be_bytes();
    text_of(&[length.as_slice(), block.as_bytes(), &rest].concat())
}

/// The same token with every ability, made with a key that somebody guessed.
fn with_another_key(token: &str) -> String {
    let root: Value = serde_json::from_str(&parts(token).0).expect("JSON");
    let id = |name: &str| root[name].as_str().and_then(|text| Uuid::try_parse(text).ok()).expect("an id");
    let root = Root {
        key: id("key").into(),
        token: id("token").into(),
        project: id("project").into(),
        abilities: Abilities::parse(EVERY_ABILITY).expect("abilities"),
        expires_at: root["expires_at"].as_i64().expect("a time"),
        audience: None,
        max_uses: None,
    };
    mint(&[7; 32], &root).expect("mint")
}
