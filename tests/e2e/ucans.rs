//! UCANs, from the key of the root to a document: signed here, by nothing of quire's.

use crate::cluster::{Cluster, shared};
use crate::steps::{add_member, ensure_role, project, refusal, user};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use postgres::Client;
use quire_core::doc::root::{FIRST_CHANGE, first_change};
use quire_core::doc::{ActorId, DocAuthor, DocChange, DocLimits, Heads, Loaded};
use quire_core::ucan::cid_of;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Somebody with a key.
struct Person(SigningKey);

impl Person {
    fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number; 32]))
    }

    fn did(&self) -> String {
        let key = self.0.verifying_key();
        format!("did:key:z{}", bs58::encode([&[0xed, 0x01][..], key.as_bytes()].concat()).into_string())
    }

    /// A UCAN of theirs.
    fn sign(&self, to: &Person, cap: Value, proofs: &[&str], window: (u64, u64)) -> String {
        self.sign_with(json!({}), to, cap, proofs, window)
    }

    /// A UCAN of theirs with these facts.
    fn sign_with(
        &self,
        facts: Value,
        to: &Person,
        cap: Value,
        proofs: &[&str],
        (nbf, exp): (u64, u64),
    ) -> String {
        let prf: Vec<String> = proofs.iter().map(|proof| cid_of(proof)).collect();
        let payload = json!({
            "ucv": "0.10.0", "iss": self.did(), "aud": to.did(), "nbf": nbf, "exp": exp, "fct": facts, "cap": cap, "prf": prf
        });
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let signed = format!("{}.{}", part(r#"{"alg":"EdDSA","typ":"JWT"}"#), part(&payload.to_string()));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()).to_bytes()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// An hour around now.
fn around_now() -> (u64, u64) {
    (now() - 1800, now() + 1800)
}

/// What a statement ends with for who presents a UCAN: a SQLSTATE.
fn attempt(client: &mut Client, (token, proofs): (&str, &[&str]), statement: &str) -> String {
    let mut transaction = client.transaction().expect("begin");
    let done = transaction
        .execute("SELECT quire.authenticate($1, $2)", &[&token, &proofs])
        .and_then(|_| transaction.batch_execute(statement));
    match done {
        Ok(()) => "00000".to_owned(),
        Err(error) => refusal::<()>(Err(error)).state,
    }
}

fn set_root(owner: &mut Client, project: Uuid, did: Value) {
    let changes = json!({ "did": did });
    owner.execute("SELECT quire.update_project($1, $2)", &[&project, &changes]).expect("set the root");
}

#[test]
fn a_chain_of_signatures_allows_what_each_link_allows_and_ends_with_any_of_them() {
    let database = shared().database("ucans");
    let owner_actor = user(&database, "ucans_owner");
    let other_actor = user(&database, "ucans_other");
    ensure_role(&database, "ucans_guest", "LOGIN IN ROLE quire_guest");
    let mut owner = database.client("ucans_owner");
    let project = project(&mut owner, "signed");
    add_member(&mut owner, project, other_actor, "owner");
    for doc in ["notes/a", "other"] {
        owner.execute("SELECT quire.put_doc($1, $2, '{\"a\": 1}')", &[&project, &doc]).expect("put");
    }
    owner.execute("SELECT quire.create_branch($1, 'draft')", &[&project]).expect("a branch");
    let (root, alice, bob) = (Person::new(1), Person::new(2), Person::new(3));
    let mut guest = database.client("ucans_guest");
    let read = format!("SELECT quire.read_doc('{project}', 'notes/a')");
    // What needs no doc:read: the change that every document begins with.
    let write = |doc: &str, branch: &str| {
        let change = hex(&FIRST_CHANGE);
        format!(
            "SELECT quire.apply_doc_changes('{project}', '{doc}', ARRAY['\\x{change}'::bytea], branch => '{branch}')"
        )
    };
    let branch = format!("SELECT quire.create_branch('{project}', 'new')");
    let file = format!("SELECT quire.list_current_files('{project}')");
    let cap = |resource: &str, ability: &str| json!({resource.replace("{p}", &project.to_string()): {ability: [{}]}});
    let whole = root.sign(&alice, cap("space:{p}", "*"), &[], around_now());
    let of_notes = alice.sign(&bob, cap("doc:{p}/notes/**", "doc/write"), &[&whole], around_now_of(&whole));
    let by_bob = bob.sign(&root, cap("doc:{p}/notes/**", "doc/write"), &[&of_notes], around_now_of(&whole));
    let by_alice = alice.sign(&root, cap("space:{p}", "*"), &[&whole], around_now_of(&whole));
    let on_draft = alice.sign(&root, cap("branch:{p}/draft", "doc/write"), &[&whole], around_now_of(&whole));
    let bobs: (&str, &[&str]) = (&by_bob, &[&whole, &of_notes]);
    let alices: (&str, &[&str]) = (&by_alice, &[&whole]);
    let drafts: (&str, &[&str]) = (&on_draft, &[&whole]);
    assert_eq!(attempt(&mut guest, bobs, "SELECT"), "42501", "there is no root");
    set_root(&mut owner, project, json!(bob.did()));
    assert_eq!(attempt(&mut guest, bobs, "SELECT"), "42501", "it is another one");
    set_root(&mut owner, project, json!(root.did()));
    let statements = [
        read.clone(),
        write("notes/a", "main"),
        write("notes/a", "draft"),
        write("other", "main"),
        branch,
        file,
    ];
    for (presented, ends) in [
        (bobs, ["42501", "00000", "00000", "42501", "42501", "42501"]),
        (alices, ["00000", "00000", "00000", "00000", "00000", "42501"]),
        (drafts, ["42501", "42501", "00000", "42501", "42501", "42501"]),
    ] {
        let ended: Vec<String> =
            statements.iter().map(|statement| attempt(&mut guest, presented, statement)).collect();
        assert_eq!(ended, ends);
    }
    // A delegation is nobody's to present, a proof that is missing none, and one of them changed neither.
    assert_eq!(attempt(&mut guest, (&of_notes, &[&whole]), "SELECT"), "42501");
    assert_eq!(attempt(&mut guest, (&by_bob, &[&of_notes]), "SELECT"), "42501");
    let forged = by_bob.replace(".eyJh", ".eyJi");
    assert_ne!(forged, by_bob);
    for forged in [&forged, &by_bob[..by_bob.len() - 2], "eyJ.eyJ.eyJ"] {
        assert_eq!(attempt(&mut guest, (forged, bobs.1), "SELECT"), "42501");
    }
    // Whether there is a project is nobody's to find out: what is too much is so before anything is looked up.
    let too_many = vec!["x"; 17];
    let elsewhere = json!({format!("space:{}", Uuid::new_v4()): {"*": [{}]}});
    let elsewhere = root.sign(&root, elsewhere, &[], around_now());
    assert_eq!(attempt(&mut guest, (&elsewhere, &[]), "SELECT"), "42501");
    assert_eq!(attempt(&mut guest, (&elsewhere, &too_many), "SELECT"), "PT413");
    let of_bobs = bob.sign(&bob, cap("space:{p}", "*"), &[], around_now());
    assert_eq!(attempt(&mut guest, (&of_bobs, &[]), "SELECT"), "42501");
    assert_eq!(attempt(&mut guest, (&by_bob, &too_many), "SELECT"), "PT413");
    assert_eq!(attempt(&mut guest, (&by_bob, &[&"x".repeat(8193)]), "SELECT"), "PT413");
    // In its time only.
    for (window, state) in [((now() - 20, now() - 10), "PT410"), ((now() + 900, now() + 1000), "42501")] {
        let token = root.sign(&root, cap("space:{p}", "*"), &[], window);
        assert_eq!(attempt(&mut guest, (&token, &[]), "SELECT"), state);
    }
    let brief = root.sign(&root, cap("space:{p}", "*"), &[], (now() - 10, now() + 2));
    let mut bound = database.client("ucans_guest");
    let mut bound = bound.transaction().expect("begin");
    bound.execute("SELECT quire.authenticate($1)", &[&brief]).expect("present");
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(refusal(bound.batch_execute(&read)).state, "PT410", "it has expired meanwhile");
    drop(bound);
    // What is written is the owner's who has set the root, and worth what their role is.
    let mut transaction = guest.transaction().expect("begin");
    let sql = "SELECT quire.authenticate($1, $2)";
    let said: Value = transaction.query_one(sql, &[&bobs.0, &bobs.1]).expect("present").get(0);
    assert_eq!(said["actor_id"], owner_actor.to_string());
    assert_eq!((said["cid"].as_str(), said["issuer"].as_str()), (Some(&*cid_of(&by_bob)), Some(&*bob.did())));
    transaction.batch_execute(&write("notes/a", "main")).expect("write");
    transaction.commit().expect("commit");
    let mut other = database.client("ucans_other");
    add_member(&mut other, project, owner_actor, "viewer");
    assert_eq!(attempt(&mut guest, alices, &read), "00000");
    assert_eq!(attempt(&mut guest, alices, &statements[1]), "42501", "they are a viewer by now");
    set_root(&mut other, project, json!(root.did()));
    assert_eq!(attempt(&mut guest, alices, &statements[1]), "00000");
    // Revoked in the middle, while it is bound; what does not rest on it goes on.
    let mut bound = database.client("ucans_guest");
    let mut bound = bound.transaction().expect("begin");
    bound.execute(sql, &[&bobs.0, &bobs.1]).expect("present");
    other.execute("SELECT quire.revoke_ucan($1, $2)", &[&project, &cid_of(&of_notes)]).expect("revoke");
    assert_eq!(refusal(bound.batch_execute(&statements[1])).state, "PT410");
    drop(bound);
    assert_eq!(attempt(&mut guest, bobs, "SELECT"), "PT410");
    assert_eq!(attempt(&mut guest, alices, &read), "00000");
    // Bound, and then there is another root, or none.
    let mut bound = database.client("ucans_guest");
    let mut bound = bound.transaction().expect("begin");
    bound.execute(sql, &[&alices.0, &alices.1]).expect("present");
    set_root(&mut other, project, Value::Null);
    assert_eq!(refusal(bound.batch_execute(&read)).state, "42501");
}

/// The window of a UCAN, which one that rests on it keeps to.
fn around_now_of(token: &str) -> (u64, u64) {
    let payload = token.split('.').nth(1).expect("a JWT");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    (payload["nbf"].as_u64().expect("a time"), payload["exp"].as_u64().expect("a time"))
}

/// What a client writes of hashes: SHA-256 of one after the other, in hexadecimal digits.
fn root_of<'a>(hashes: impl IntoIterator<Item = &'a [u8; 32]>) -> String {
    let bytes: Vec<u8> = hashes.into_iter().flatten().copied().collect();
    hex(&Sha256::digest(bytes))
}

/// What binds a UCAN to a write of these changes onto these heads.
fn binding(base: &Heads, changes: &[DocChange]) -> Value {
    let hashes: Vec<[u8; 32]> = changes.iter().map(|change| change.hash().0).collect();
    json!({
        "baseHeadsRoot": root_of(base.as_slice().iter().map(|hash| &hash.0)),
        "changesRoot": root_of(&hashes), "changeCount": changes.len()
    })
}

/// A write of `submit_tx`.
fn write_of(doc: &str, base: &Heads, changes: &[DocChange]) -> Value {
    let changes: Vec<String> = changes.iter().map(|change| STANDARD.encode(change.bytes())).collect();
    json!({"doc": doc, "base_heads": base.to_texts(), "changes": changes})
}

/// What becomes of a submission by who presents a UCAN: the status of each write, or a SQLSTATE.
fn submit(client: &mut Client, project: Uuid, token: &str, tx: &Value) -> String {
    let mut transaction = client.transaction().expect("begin");
    let done = transaction
        .execute("SELECT quire.authenticate($1)", &[&token])
        .and_then(|_| transaction.query_one("SELECT quire.submit_tx($1, $2)::jsonb", &[&project, &tx]));
    match done {
        Ok(row) => {
            transaction.commit().expect("commit");
            let receipt: Value = row.get(0);
            let results = receipt["results"].as_array().expect("results").iter();
            let said = results
                .map(|result| format!("{} {}", result["status"].as_str().unwrap_or("?"), result["applied"]));
            said.collect::<Vec<_>>().join(", ")
        }
        Err(error) => refusal::<()>(Err(error)).state,
    }
}

#[test]
fn one_that_is_bound_to_a_write_allows_that_and_nothing_else() {
    let database = shared().database("ucans_bound");
    user(&database, "ucans_binder");
    ensure_role(&database, "ucans_guest", "LOGIN IN ROLE quire_guest");
    let mut owner = database.client("ucans_binder");
    let project = project(&mut owner, "bound");
    let root = Person::new(4);
    set_root(&mut owner, project, json!(root.did()));
    let mut guest = database.client("ucans_guest");
    // A document of two changes, and a third one.
    let first = first_change().expect("a change");
    let mut doc = Loaded::of(std::slice::from_ref(&first)).expect("a document");
    let actor = ActorId::from(b"binder".as_slice());
    let mut edit = |value: Value| -> DocChange {
        let before = doc.heads();
        let author = DocAuthor { actor: &actor, time: 0, message: None };
        doc.put(&author, &value, &DocLimits::default()).expect("edit");
        doc.changes_after(&before, &DocLimits::default()).expect("changes").remove(0)
    };
    let changes = [first, edit(json!({"a": 1}))];
    let later = [edit(json!({"a": 2}))];
    let none = Heads::default();
    let heads = Heads::new([changes[1].hash()]);
    let bound_to = |facts: Value, cap: Value| root.sign_with(facts, &root, cap, &[], around_now());
    let all = || json!({format!("space:{project}"): {"*": [{}]}});
    let token = bound_to(binding(&none, &changes), all());
    let tx = |writes: &[Value]| json!({ "writes": writes });
    let right = write_of("notes/a", &none, &changes);
    // Everything else that could be made of the same changes.
    let mut unsaid = right.clone();
    unsaid.as_object_mut().expect("an object").remove("base_heads");
    let (mut merging, mut merge_of) = (right.clone(), right.clone());
    merging["allow_server_merge"] = json!(true);
    merge_of["merge_of"] = json!([{"branch": "main", "heads": []}]);
    let reversed: Vec<DocChange> = changes.iter().rev().cloned().collect();
    for wrong in [
        vec![write_of("notes/a", &none, &changes[..1])],
        vec![write_of("notes/a", &none, &reversed)],
        vec![write_of("notes/a", &heads, &changes)],
        vec![right.clone(), write_of("notes/b", &none, &changes[..1])],
        vec![unsaid.clone()],
        vec![merging],
        vec![merge_of],
    ] {
        assert_eq!(submit(&mut guest, project, &token, &tx(&wrong)), "42501", "{wrong:?}");
    }
    let mut reading = tx(std::slice::from_ref(&right));
    reading["reads"] = json!([{"doc": "notes/b", "heads": []}]);
    assert_eq!(submit(&mut guest, project, &token, &reading), "42501");
    let bytes = |change: &DocChange| format!("'\\x{}'::bytea", hex(change.bytes()));
    let both = format!("ARRAY[{}, {}]", bytes(&changes[0]), bytes(&changes[1]));
    let put = json!([{"op": "doc.change", "doc": "notes/a", "base_heads": [], "changes": right["changes"]}]);
    for statement in [
        format!("quire.apply_doc_changes('{project}', 'notes/a', {both}, base_heads => '{{}}')"),
        format!("quire.import_doc('{project}', 'notes/a', {})", bytes(&changes[0])),
        format!("quire.put_doc('{project}', 'notes/a', '{{}}')"),
        format!("quire.delete_doc('{project}', 'notes/a')"),
        format!("quire.commit_bundle('{project}', '{put}')"),
        format!("quire.create_branch('{project}', 'x')"),
        format!("quire.list_docs('{project}')"),
        format!("quire.read_doc('{project}', 'notes/a')"),
        format!("quire.storage_save('{project}', '{{notes/a,snapshot,x}}', 'x')"),
        format!("quire.storage_load('{project}', '{{notes/a}}')"),
        format!("quire.sync_doc('{project}', 'notes/a', 'main', NULL, NULL)"),
        format!("quire.get_project('{project}')"),
    ] {
        let state = attempt(&mut guest, (&token, &[]), &format!("SELECT {statement}"));
        assert_eq!(state, "42501", "{statement}");
    }
    assert_eq!(submit(&mut guest, project, &token, &tx(std::slice::from_ref(&right))), "ok 2");
    // The same once more finds another document; what does not say what it is made on has nothing left to do.
    assert_eq!(submit(&mut guest, project, &token, &tx(std::slice::from_ref(&right))), "conflict 0");
    let counted = bound_to(json!({"changesRoot": binding(&none, &changes)["changesRoot"]}), all());
    assert_eq!(submit(&mut guest, project, &counted, &tx(&[unsaid])), "ok 0");
    // A caveat binds its capability: others of the token stay, and so does the name of the document.
    let space = format!("space:{project}");
    let cap = json!({format!("doc:{project}/notes/a"): {"doc/write": [binding(&heads, &later)]}, space: {"space/read": [{}]}});
    let token = bound_to(json!({}), cap);
    assert_eq!(
        attempt(&mut guest, (&token, &[]), &format!("SELECT quire.read_doc('{project}', 'notes/a')")),
        "00000"
    );
    let mut with_patches = tx(&[write_of("notes/a", &heads, &later)]);
    with_patches["options"] = json!({"return_patches": true});
    with_patches["client_tx_id"] = json!(Uuid::new_v4());
    assert_eq!(submit(&mut guest, project, &token, &tx(&[write_of("notes/b", &heads, &later)])), "42501");
    assert_eq!(submit(&mut guest, project, &token, &with_patches), "ok 1");
    // Its receipt is said again to whoever may do it, and to nobody else.
    assert_eq!(submit(&mut guest, project, &token, &with_patches), "ok 1");
    assert_eq!(submit(&mut guest, project, &counted, &with_patches), "42501");
}

#[test]
fn one_works_on_a_standby_until_it_hears_that_it_was_revoked() {
    let primary = Cluster::start("ucans_standby", &[]);
    let source = primary.database("app");
    user(&source, "ucans_standby_owner");
    ensure_role(&source, "ucans_guest", "LOGIN IN ROLE quire_guest");
    let mut owner = source.client("ucans_standby_owner");
    let project = project(&mut owner, "on two servers");
    owner.execute("SELECT quire.put_doc($1, 'a', '{\"a\": 1}')", &[&project]).expect("put");
    let (root, alice) = (Person::new(5), Person::new(6));
    set_root(&mut owner, project, json!(root.did()));
    let all = || json!({format!("space:{project}"): {"*": [{}]}});
    let window = around_now();
    let proof = root.sign(&alice, all(), &[], window);
    let token = alice.sign(&root, all(), &[&proof], window);
    let standby = Cluster::standby_of(&primary);
    primary.wait_caught_up(&standby);
    let mut guest = standby.existing_database("app").client("ucans_guest");
    let presented: (&str, &[&str]) = (&token, &[&proof]);
    let read = format!("SELECT quire.read_doc('{project}', 'a')");
    assert_eq!(attempt(&mut guest, presented, &read), "00000");
    assert_eq!(attempt(&mut guest, (&token, &[]), &read), "42501");
    let write = format!("SELECT quire.delete_doc('{project}', 'a')");
    assert_eq!(attempt(&mut guest, presented, &write), "25006");
    owner.execute("SELECT quire.revoke_ucan($1, $2)", &[&project, &cid_of(&proof)]).expect("revoke");
    primary.wait_caught_up(&standby);
    assert_eq!(attempt(&mut guest, presented, &read), "PT410");
}
