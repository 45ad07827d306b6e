//! Unit and property tests. The tokens are signed here, with fixed keys and without code of quire.

use super::*;
use crate::key::DocKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::{Value, json};

mod bound;

const PROJECT: &str = "01890a5d-ac96-774b-bcce-b302099a8058";
/// In the windows of the tokens here.
const NOW: Micros = 1_000_000_000;

/// Somebody with a key of their own.
struct Person(SigningKey);

impl Person {
    fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number; 32]))
    }

    fn did(&self) -> Did {
        let bytes = [&[0xed, 0x01][..], self.0.verifying_key().as_bytes()].concat();
        Did::read(&format!("did:key:z{}", bs58::encode(bytes).into_string())).expect("a did")
    }

    /// A token of theirs with this header and payload.
    fn sign(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// A token for somebody with these capabilities, on these proofs; `more` members besides, or instead.
    fn delegate(&self, to: &Person, cap: Value, proofs: &[&str], more: Value) -> String {
        let mut payload = json!({
            "ucv": "0.10.0", "iss": self.did().as_str(), "aud": to.did().as_str(), "exp": 2000, "cap": cap,
            "prf": proofs.iter().map(|proof| cid_of(proof)).collect::<Vec<_>>()
        });
        for (name, value) in more.as_object().expect("an object") {
            payload[name] = value.clone();
        }
        self.sign(HEADER, &payload.to_string())
    }
}

const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

/// An ability on a resource of the project, whose id stands for `{p}`.
fn cap(resource: &str, ability: &str) -> Value {
    json!({resource.replace("{p}", PROJECT): {ability: [{}]}})
}

fn people() -> [Person; 4] {
    [1, 2, 3, 4].map(Person::new)
}

fn verify(token: &str, proofs: &[&str], root: &Person) -> Result<Ucan> {
    Ucan::verify(token, proofs)
        .and_then(|ucan| if *ucan.root() == root.did() { Ok(ucan) } else { Err(invalid()) })
}

fn key(branch: &str, doc: &str) -> DocKey {
    DocKey::parse(branch, doc).expect("names")
}

#[test]
fn the_root_delegates_and_somebody_invokes() {
    let [root, alice, bob, eve] = people();
    let first = root.delegate(&alice, cap("space:{p}", "space/write"), &[], json!({}));
    let second = alice.delegate(&bob, cap("doc:{p}/notes/**", "doc/write"), &[&first], json!({"nbf": 5}));
    let third = bob.delegate(
        &root,
        cap("doc:{p}/notes/a/**", "DOC/write"),
        &[&second],
        json!({"nbf": 10, "exp": 1500, "nnc": "x", "fct": {"any": 1}}),
    );
    let ucan = verify(&third, &[&second, &first, "x"], &root).expect("valid");
    assert_eq!(ucan.project().to_string(), PROJECT);
    assert_eq!((ucan.root(), ucan.issuer()), (&root.did(), &bob.did()));
    let mut cids: Vec<String> = [&third, &second, &first].map(|token| cid_of(token)).to_vec();
    assert_eq!(ucan.cid(), cids[0]);
    cids[1..].sort_unstable();
    assert!(ucan.cids().eq(cids.iter().map(String::as_str)));
    let ids: std::collections::BTreeSet<_> = ucan.token_ids().collect();
    assert!(ids.len() == 3 && ids.contains(&token_id(&cid_of(&first))));
    assert_eq!(ucan.window(), Window { from: 10, before: Some(1500) });
    assert_eq!(ucan.expires_at(), 1_500_000_000);
    assert!(ucan.abilities().eq([format!("doc/write doc:{PROJECT}/notes/a/**")]));
    assert!(ucan.allows(Need::WriteDoc(&key("main", "notes/a/b"))) && ucan.allows(Need::WriteSomeDoc));
    assert!(!ucan.allows(Need::WriteDoc(&key("main", "notes/b"))));
    assert!(
        !ucan.allows(Need::ReadDocs) && !ucan.allows(Need::WriteBranches) && !ucan.allows(Need::ReadFiles)
    );
    // Nobody else's: it is neither addressed to them, nor from them.
    assert!(verify(&third, &[&second, &first], &eve).is_err());
    // A delegation is no invocation: whoever finds it can do nothing with it.
    assert!(verify(&second, &[&first], &root).is_err());
    for missing in [&[&second[..]][..], &[&first], &[]] {
        assert!(verify(&third, missing, &root).is_err(), "a proof is missing");
    }
    // The root itself needs no proof.
    let own = root.delegate(&root, cap("space:{p}", "*"), &[], json!({}));
    let own = verify(&own, &[], &root).expect("valid");
    assert!(own.allows(Need::ReadDocs) && own.allows(Need::WriteBranches));
}

#[test]
fn each_resource_and_ability_allows_its_own() {
    let [root, ..] = people();
    let (here, draft) = (key("main", "a/b"), key("draft", "a/b"));
    let (other, elsewhere) = (key("main", "c"), key("draft", "c"));
    let needs = [
        ("read", Need::ReadDocs),
        ("here", Need::WriteDoc(&here)),
        ("draft", Need::WriteDoc(&draft)),
        ("other", Need::WriteDoc(&other)),
        ("elsewhere", Need::WriteDoc(&elsewhere)),
        ("some", Need::WriteSomeDoc),
        ("any", Need::WriteAny),
        ("branches", Need::WriteBranches),
        ("files", Need::ReadFiles),
        ("events", Need::ReadEvents),
        ("snapshots", Need::ReadAnySnapshot),
        ("write files", Need::WriteSome),
    ];
    for (resource, ability, allowed) in [
        ("space:{p}", "space/read", "read"),
        ("space:{p}", "space/write", "here draft other elsewhere some any branches"),
        ("space:{p}", "Space/*", "read here draft other elsewhere some any branches"),
        ("space:{p}", "*", "read here draft other elsewhere some any branches"),
        ("space:{p}", "doc/write", "here draft other elsewhere some any"),
        ("doc:{p}/a/**", "doc/write", "here draft some any"),
        ("doc:{p}/a/b", "doc/*", "here draft some any"),
        ("doc:{p}/**", "*", "here draft other elsewhere some any"),
        ("branch:{p}/draft", "doc/write", "draft elsewhere some any"),
        ("branch:{p}/none", "doc/write", "some any"),
    ] {
        let token = root.delegate(&root, cap(resource, ability), &[], json!({}));
        let ucan = verify(&token, &[], &root).expect(resource);
        let names: Vec<&str> =
            needs.iter().filter(|(_, need)| ucan.allows(*need)).map(|(name, _)| *name).collect();
        assert_eq!(names.join(" "), allowed, "{ability} on {resource}");
    }
    // Of others, and under a condition: nothing, so that there is no project at all, or nothing in it.
    for foreign in
        ["space:{p}|space/delete", "doc:{p}/a|doc/read", "mailto:a@b.c|email/send", "ucan:*|ucan/*", "x|*"]
    {
        let (resource, ability) = foreign.split_once('|').expect("two");
        assert!(verify(&root.delegate(&root, cap(resource, ability), &[], json!({})), &[], &root).is_err());
    }
    let limited = json!({format!("space:{PROJECT}"): {"space/read": [{"on": "monday"}]}});
    let limited = root.delegate(&root, limited, &[], json!({}));
    assert!(!verify(&limited, &[], &root).expect("valid").allows(Need::ReadDocs));
}

#[test]
fn a_link_that_is_wrong_is_refused() {
    let [root, alice, bob, _] = people();
    let all = || cap("space:{p}", "*");
    let proof = root.delegate(&alice, all(), &[], json!({"nbf": 100, "exp": 1000}));
    let use_of = |by: &Person, cap: Value, more: Value| {
        let token = by.delegate(&root, cap, &[&proof], more);
        verify(&token, &[&proof], &root)
    };
    let within = json!({"nbf": 100, "exp": 1000});
    assert!(use_of(&alice, all(), within.clone()).is_ok());
    assert!(use_of(&bob, all(), within.clone()).is_err(), "the proof is somebody else's");
    for outside in [json!({"nbf": 99, "exp": 1000}), json!({"nbf": 100, "exp": 1001}), json!({"exp": 500})] {
        assert!(use_of(&alice, all(), outside).is_err(), "it is valid longer than its proof");
    }
    assert!(
        verify(&root.delegate(&root, all(), &[], json!({"exp": null})), &[], &root).is_err(),
        "it never ends"
    );
    let narrow = root.delegate(&alice, cap("doc:{p}/a/**", "doc/write"), &[], json!({}));
    for (resource, ability, is_covered) in [
        ("doc:{p}/a/**", "doc/write", true),
        ("doc:{p}/a/b", "doc/write", true),
        ("doc:{p}/a", "doc/write", false),
        ("doc:{p}/**", "doc/write", false),
        ("doc:{p}/a/../b", "doc/write", false),
        ("branch:{p}/main", "doc/write", false),
        ("space:{p}", "doc/write", false),
        ("space:{p}", "space/read", false),
        ("space:{p}", "space/write", false),
    ] {
        let token = alice.delegate(&root, cap(resource, ability), &[&narrow], json!({}));
        assert_eq!(verify(&token, &[&narrow], &root).is_ok(), is_covered, "{ability} on {resource}");
    }
    // One of another project does not stand for this one.
    let elsewhere = root.delegate(
        &alice,
        json!({"space:01890a5d-ac96-774b-bcce-b302099a8059": {"*": [{}]}}),
        &[],
        json!({}),
    );
    let token = alice.delegate(&root, all(), &[&elsewhere], json!({}));
    assert!(verify(&token, &[&elsewhere], &root).is_err());
    let both = json!({"space:01890a5d-ac96-774b-bcce-b302099a8059": {"*": [{}]}, format!("space:{PROJECT}"): {"*": [{}]}});
    assert!(
        verify(&root.delegate(&root, both, &[], json!({})), &[], &root).is_err(),
        "it is for two projects"
    );
    // Who is not the root and has no proof has nothing.
    assert!(verify(&alice.delegate(&root, all(), &[], json!({})), &[], &root).is_err());
}

#[test]
fn a_condition_is_never_lifted() {
    let [root, alice, ..] = people();
    let space = |caveats: Value| json!({format!("space:{PROJECT}"): {"space/read": caveats}});
    for (ours, theirs, is_covered) in [
        (json!([{}]), json!([{}]), true),
        (json!([{"x": 1}]), json!([{"x": 1}]), true),
        (json!([{"x": 1}]), json!([{}]), false),
        (json!([{}]), json!([{"x": 1}]), true),
        (json!([{"x": 1}]), json!([{"y": 1}]), false),
        (json!([{"x": 1}, {"y": 1}]), json!([{"x": 1}]), true),
        (json!([{"x": 1}, {"y": 1}]), json!([{"x": 1}, {"y": 1, "z": 1}]), true),
        (json!([{"x": 1}, {"y": 1}]), json!([{"x": 1}, {"y": 1}, {"z": 1}]), false),
        (json!([{"x": 1}]), json!([{"x": 2}]), false),
    ] {
        let proof = root.delegate(&alice, space(ours.clone()), &[], json!({}));
        let token = alice.delegate(&root, space(theirs.clone()), &[&proof], json!({}));
        assert_eq!(verify(&token, &[&proof], &root).is_ok(), is_covered, "{ours} {theirs}");
    }
}

#[test]
fn a_text_of_another_form_is_refused() {
    let [root, ..] = people();
    let payload = |more: &str| {
        let did = root.did();
        format!(
            r#"{{"ucv":"0.10.0","iss":"{did}","aud":"{did}","exp":2000,"cap":{{"space:{PROJECT}":{{"*":[{{}}]}}}}{more}}}"#
        )
    };
    let good = root.sign(HEADER, &payload(""));
    assert!(verify(&good, &[], &root).is_ok());
    for header in [
        r#"{"alg":"none","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"alg":"eddsa","typ":"JWT"}"#,
        r#"{"alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","crit":["x"]}"#,
        r#"{"alg":"EdDSA","typ":"JWT","kid":"x"}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA","typ":"JWT"}"#,
        "[]",
        "",
    ] {
        assert!(verify(&root.sign(header, &payload("")), &[], &root).is_err(), "{header}");
    }
    for more in [
        r#","exp":3000"#,
        r#","unknown":1"#,
        r#","nbf":-1"#,
        r#","nbf":1.5"#,
        r#","nbf":null"#,
        r#","fct":[]"#,
        r#","fct":{"baseHeadsRoot":"x"}"#,
        r#","fct":{"changesRoot":null}"#,
        r#","fct":{"changeCount":-1}"#,
        r#","fct":{"changeCount":"1"}"#,
        r#","fct":{"changeCount":1,"changeCount":2}"#,
        r#","prf":["x"]"#,
        r#","prf":"x""#,
        r#","cap":{}"#,
        "} ",
        "}x",
    ] {
        assert!(verify(&root.sign(HEADER, &payload(more)), &[], &root).is_err(), "{more}");
    }
    for (from, to) in [
        ("0.10.0", "0.9.1"),
        ("0.10.0", "1.0.0"),
        ("0.10.0", "0.10"),
        ("0.10.0", "0.10.x"),
        ("0.10.0", "0.10.+1"),
        (r#"{"*":[{}]}"#, r#"{"*":[{},{}]}"#),
        (r#"{"*":[{}]}"#, r#"{"*":[{"changeCount":1,"changeCount":2}]}"#),
        (r#"{"*":[{}]}"#, r#"{"*":[{}],"*":[{}]}"#),
        (r#"{"*":[{}]}"#, r#"{"*":[]}"#),
        (r#"{"*":[{}]}"#, r#"{"*":[1]}"#),
        (r#"{"*":[{}]}"#, "{}"),
        ("space:01890a5d", "space:01890A5D"),
        ("2000", "9223372036854775808"),
        ("did:key:z6M", "did:key:z6N"),
        ("did:key:z", "did:web:z"),
    ] {
        let changed = payload("").replace(from, to);
        assert_ne!(changed, payload(""));
        assert!(verify(&root.sign(HEADER, &changed), &[], &root).is_err(), "{to}");
    }
    for text in ["", ".", "..", "...", "a.b.c", "eyJ.eyJ.eyJ", &good[1..], &good[..good.len() - 1]] {
        assert!(verify(text, &[], &root).is_err(), "{text}");
    }
    for text in [format!("{good}="), format!("{good} "), format!(" {good}"), format!("{good}.x")] {
        assert!(verify(&text, &[], &root).is_err(), "{text}");
    }
    assert!(is_jwt(&good) && !is_jwt("quire1.abc") && !is_jwt(""));
}

#[test]
fn a_did_has_one_form_and_a_key_that_can_sign() {
    let [root, ..] = people();
    let did = root.did();
    assert_eq!(Did::read(did.as_str()), Some(did.clone()));
    assert_eq!(Did::parse("did", did.as_str()), Ok(did.clone()));
    let weak = bs58::encode([&[0xed, 0x01][..], &[0; 32]].concat()).into_string();
    let short = bs58::encode([&[0xed, 0x01][..], &[7; 31]].concat()).into_string();
    let other_kind =
        bs58::encode([&[0xec, 0x01][..], root.0.verifying_key().as_bytes()].concat()).into_string();
    for bad in [
        "",
        "did:key:",
        "did:key:z",
        "did:key:z0",
        &did.as_str()[8..],
        &format!("{did}#{}", &did.as_str()[8..]),
        &format!("{did} "),
        &format!("did:key:z1{}", &did.as_str()[9..]),
        &format!("did:key:z{weak}"),
        &format!("did:key:z{short}"),
        &format!("did:key:z{other_kind}"),
        &format!("did:key:z{}", "1".repeat(10_000)),
    ] {
        assert_eq!(Did::read(bad), None, "{bad}");
        assert_eq!(Did::parse("did", bad).expect_err(bad).code(), Code::Validation);
    }
}

#[test]
fn what_comes_is_bounded() {
    let [root, alice, ..] = people();
    let all = cap("space:{p}", "*");
    let limit = |result: Result<Ucan>| result.expect_err("too much").code();
    let long = root.delegate(&root, all.clone(), &[], json!({"nnc": "x".repeat(MAX_UCAN_BYTES)}));
    assert_eq!(limit(verify(&long, &[], &root)), Code::Limit);
    let token = root.delegate(&root, all.clone(), &[], json!({}));
    assert_eq!(limit(verify(&token, &[&long], &root)), Code::Limit);
    assert_eq!(limit(verify(&token, &["x"; MAX_PROOFS + 1], &root)), Code::Limit);
    assert!(verify(&token, &["x"; MAX_PROOFS], &root).is_ok());
    // Between two people it goes to and fro.
    let mut chain: Vec<String> = Vec::new();
    for depth in 0..MAX_DEPTH + 1 {
        let (from, to) = if depth % 2 == 0 { (&root, &alice) } else { (&alice, &root) };
        let before: Vec<&str> = chain.last().map(String::as_str).into_iter().collect();
        chain.push(from.delegate(to, all.clone(), &before, json!({"nnc": depth.to_string()})));
        if depth % 2 == 1 {
            let proofs: Vec<&str> = chain.iter().map(String::as_str).collect();
            assert!(verify(proofs[depth], &proofs, &root).is_ok(), "{depth}");
        }
    }
    let last = root.delegate(&root, all.clone(), &[], json!({"prf": [cid_of(&chain[MAX_DEPTH - 1])]}));
    let proofs: Vec<&str> = chain.iter().map(String::as_str).collect();
    assert_eq!(limit(verify(&last, &proofs, &root)), Code::Limit);
    // Many ways to the same proof are looked at once.
    let mut wide = vec![root.delegate(&root, all.clone(), &[], json!({}))];
    for layer in 0..MAX_DEPTH - 2 {
        let before: Vec<String> = wide.iter().rev().take(2).cloned().collect();
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        for twin in 0..2 {
            let nonce = format!("{layer} {twin}");
            wide.push(root.delegate(&root, all.clone(), &before, json!({"nnc": nonce})));
        }
    }
    let proofs: Vec<&str> = wide.iter().map(String::as_str).collect();
    let top = root.delegate(&root, all.clone(), &proofs[proofs.len() - 2..], json!({}));
    assert!(verify(&top, &proofs, &root).is_ok());
    let many = root.delegate(&root, all, &[], json!({"prf": vec!["x"; MAX_NAMED + 1]}));
    assert!(verify(&many, &[], &root).is_err());
    let resources: serde_json::Map<String, Value> =
        (0..=MAX_NAMED).map(|at| (format!("doc:{PROJECT}/{at}"), json!({"doc/write": [{}]}))).collect();
    assert!(verify(&root.delegate(&root, resources.into(), &[], json!({})), &[], &root).is_err());
}

#[test]
fn windows_begin_with_their_first_second_and_end_before_their_last() {
    let window = Window { from: 10, before: Some(20) };
    assert!(!window.has_begun(9_999_999) && window.has_begun(10_000_000));
    assert!(!window.is_over(19_999_999) && window.is_over(20_000_000));
    assert!(!Window { from: 0, before: None }.is_over(Micros::MAX));
    let [root, ..] = people();
    let token = root.delegate(&root, cap("space:{p}", "*"), &[], json!({"nbf": 1500}));
    let ucan = verify(&token, &[], &root).expect("valid");
    assert_eq!(ucan.require_begun(NOW).expect_err("not yet").code(), Code::Unauthorized);
    assert!(ucan.require_begun(1_500_000_000).is_ok());
}

#[test]
fn cids_are_canonical() {
    let [root, ..] = people();
    let cid = cid_of(&root.delegate(&root, json!({}), &[], json!({})));
    assert!(cid.starts_with("bafkrei") && cid.len() == 59);
    assert!(check_cid(&cid).is_ok());
    for bad in [
        "",
        "x",
        &cid[1..],
        &cid.to_uppercase(),
        &format!("{cid} "),
        "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
    ] {
        assert_eq!(check_cid(bad).expect_err(bad).code(), Code::Validation);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_changed_is_refused(at in any::<prop::sample::Index>(), flip in 1u8..=127, in_proof: bool) {
        let [root, alice, ..] = people();
        let proof = root.delegate(&alice, cap("space:{p}", "*"), &[], json!({}));
        let token = alice.delegate(&root, cap("doc:{p}/a", "doc/write"), &[&proof], json!({}));
        prop_assert!(verify(&token, &[&proof], &root).is_ok());
        let changed = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            String::from_utf8(bytes).expect("ASCII stays ASCII")
        };
        let (token, proof) = if in_proof { (token, changed(&proof)) } else { (changed(&token), proof) };
        prop_assert!(verify(&token, &[&proof], &root).is_err());
    }

    #[test]
    fn what_covers_allows_as_much(ours in capability(), theirs in capability()) {
        let [root, alice, ..] = people();
        let proof = root.delegate(&alice, ours, &[], json!({}));
        let token = alice.delegate(&root, theirs, &[&proof], json!({}));
        if let Ok(ucan) = verify(&token, &[&proof], &root) {
            let granted = Jwt::parse(&proof).expect("valid").caps;
            for branch in ["main", "draft"] {
                for doc in ["a", "a/b", "a/b/c", "b", "/a", "a/", "a/../b"] {
                    let key = key(branch, doc);
                    let need = Need::WriteDoc(&key);
                    prop_assert!(!ucan.allows(need) || granted.iter().any(|cap| cap.allows(need)));
                }
            }
            for need in [Need::ReadDocs, Need::WriteBranches, Need::WriteSomeDoc, Need::WriteAny, Need::ReadFiles] {
                prop_assert!(!ucan.allows(need) || granted.iter().any(|cap| cap.allows(need)));
            }
        }
    }

    #[test]
    fn parsing_never_panics(text in "(eyJ)?[-_A-Za-z0-9.]{0,80}", proof in ".{0,40}") {
        let [root, ..] = people();
        prop_assert!(verify(&text, &[&proof], &root).is_err());
        prop_assert!(Did::read(&text).is_none() && check_cid(&text).is_err());
    }
}

/// One or two capabilities of the project.
fn capability() -> impl Strategy<Value = Value> {
    let resource = prop::sample::select(vec![
        "space:{p}",
        "doc:{p}/**",
        "doc:{p}/a/**",
        "doc:{p}/a/b",
        "doc:{p}/a/*",
        "branch:{p}/main",
        "branch:{p}/draft",
    ]);
    let ability =
        prop::sample::select(vec!["*", "space/read", "space/write", "space/*", "doc/write", "doc/*"]);
    prop::collection::vec((resource, ability), 1..3).prop_map(|caps| {
        let mut value = json!({});
        for (resource, ability) in caps {
            let resource = resource.replace("{p}", PROJECT);
            value[resource][ability] = json!([{}]);
        }
        value
    })
}
