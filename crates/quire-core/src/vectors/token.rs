//! `token.json`: tokens, what they are narrowed to, and texts that are none.

use super::{check, value};
use crate::ability::Abilities;
use crate::id::{KeyId, ProjectId, TokenId};
use crate::timestamp::Micros;
use crate::token::{Root, Unverified, invalid, key_of_halves, mint, narrow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

#[derive(Serialize)]
struct File {
    about: &'static str,
    key: Key,
    tokens: Vec<Token>,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Key {
    kept: String,
    stored: String,
    secret: String,
}

#[derive(Serialize)]
struct Token {
    name: &'static str,
    secret: String,
    root: Value,
    narrowings: Vec<Value>,
    /// After the root, and after each narrowing.
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    block: String,
    tag: String,
    text: String,
}

#[derive(Serialize)]
struct Refused {
    why: &'static str,
    secret: String,
    text: String,
}

const ABOUT: &str = "secret is 32 bytes in hex. A block is the RFC 8785 form of root, or of a narrowing, with abilities sorted by \
    their UTF-8 bytes, none twice, and without members that are null. The first tag is BLAKE3 keyed_hash(derive_key('quire 2026 \
    capability token v1', secret), 'quire1.root:' block), each other one keyed_hash(tag before, 'quire1.narrowing:' block). text is \
    'quire1.' and in base64url, without padding, each block up to there behind its length (2 bytes, big-endian), and the last tag. \
    key: the secret that two halves make is keyed_hash(kept, 'quire1.key:' stored). refused: texts whose last tag is not that of \
    their blocks under secret.";

fn tokens() -> Vec<(&'static str, [u8; 32], Value, Vec<Value>)> {
    vec![
        (
            "for an audience and some uses, narrowed once",
            std::array::from_fn(|at| at as u8),
            value(
                r#"{"key": "01890a5d-ac96-774b-bcce-b302099a8057", "token": "01890a5d-ac96-774b-bcce-b302099a8059",
                    "project": "01890a5d-ac96-774b-bcce-b302099a8058", "expires_at": 1767225600000000, "audience": "ci",
                    "max_uses": 3, "abilities": ["project:read", "events:read", "file:write:src/**", "events:read"]}"#,
            ),
            vec![value(r#"{"abilities": ["file:write:src/a/**"], "expires_at": 1767225599999999}"#)],
        ),
        (
            "one ability, for anybody, as long as can be",
            [0xff; 32],
            value(
                r#"{"key": "00000000-0000-0000-0000-000000000001", "token": "00000000-0000-0000-0000-000000000002",
                    "project": "00000000-0000-0000-0000-000000000003", "expires_at": 9007199254740991, "audience": null,
                    "max_uses": null, "abilities": ["project:read"]}"#,
            ),
            vec![],
        ),
        (
            "abilities that sort otherwise by UTF-16 code units, narrowed twice",
            [0; 32],
            value(
                r#"{"key": "6f8a3c1e-0000-4000-8000-00000000000a", "token": "6f8a3c1e-0000-4000-8000-00000000000b",
                    "project": "6f8a3c1e-0000-4000-8000-00000000000c", "expires_at": 1, "audience": "r\u00f4le \"x\" \ud83d\ude00\n",
                    "max_uses": 2147483647, "abilities": ["file:write:\ud83d\ude00/**", "file:write:\ue000", "file:write:a\"b*",
                    "snapshot:read", "snapshot:read:01890a5d-ac96-774b-bcce-b302099a8057", "project:read", "file:write"]}"#,
            ),
            vec![
                value(
                    r#"{"abilities": ["project:read", "file:write:\ud83d\ude00/**", "file:write:\ue000"], "expires_at": 1}"#,
                ),
                value(r#"{"abilities": ["file:write:\ud83d\ude00/a?"], "expires_at": 1}"#),
            ],
        ),
    ]
}

fn abilities(block: &Value) -> Abilities {
    let texts: Vec<String> = serde_json::from_value(block["abilities"].clone()).expect("texts");
    Abilities::parse(&texts).expect("abilities")
}

fn expires_at(block: &Value) -> Micros {
    block["expires_at"].as_i64().expect("a time")
}

fn root(block: &Value) -> Root {
    let id = |member: &str| Uuid::try_parse(block[member].as_str().expect(member)).expect(member);
    Root {
        key: KeyId(id("key")),
        token: TokenId(id("token")),
        project: ProjectId(id("project")),
        abilities: abilities(block),
        expires_at: expires_at(block),
        audience: block["audience"].as_str().map(str::to_owned),
        max_uses: block["max_uses"].as_u64().map(|uses| uses.try_into().expect("few uses")),
    }
}

fn bytes_of(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.strip_prefix("quire1.").expect("a prefix")).expect("base64")
}

/// The last block and the tag of a text.
fn step(text: String) -> Step {
    let bytes = bytes_of(&text);
    let (mut rest, tag) = bytes.split_last_chunk::<32>().expect("a tag");
    let mut block: &[u8] = &[];
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        (block, rest) = behind.split_at(usize::from(u16::from_be_bytes(*length)));
    }
    Step { block: String::from_utf8(block.to_vec()).expect("UTF-8"), tag: hex(tag), text }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What somebody may try with a token that was narrowed.
fn forgeries(token: &Token) -> Vec<Refused> {
    let [first, .., last] = token.steps.as_slice() else { panic!("a token that was narrowed") };
    let refused = |why, secret: &str, bytes: Vec<u8>| Refused {
        why,
        secret: secret.to_owned(),
        text: format!("quire1.{}", URL_SAFE_NO_PAD.encode(bytes)),
    };
    let (first, last) = (bytes_of(&first.text), bytes_of(&last.text));
    let mut flipped = last.clone();
    flipped[last.len() - 1] ^= 1;
    let mut extended = last.clone();
    extended[last.len() - 34] = b'8';
    let widened = [&first[..first.len() - 32], &last[last.len() - 32..]].concat();
    vec![
        refused("another secret", &"07".repeat(32), last),
        refused("a bit of the tag is another", &token.secret, flipped),
        refused("the narrowing is taken away", &token.secret, widened),
        refused("a digit of the narrowing's expiry is another", &token.secret, extended),
    ]
}

#[test]
fn texts() {
    let mut vectors = Vec::new();
    for (name, secret, given, narrowings) in tokens() {
        let root = root(&given);
        let mut text = mint(&secret, &root).expect("mints");
        let mut steps = vec![step(text.clone())];
        for block in &narrowings {
            text = narrow(&text, &abilities(block), expires_at(block)).expect("narrows");
            steps.push(step(text.clone()));
        }
        let token = Unverified::parse(&text).and_then(|token| token.verify(&secret)).expect("verifies");
        assert_eq!((token.root(), token.narrowings()), (&root, narrowings.len()));
        vectors.push(Token { name, secret: hex(&secret), root: given, narrowings, steps });
    }
    let refused = forgeries(&vectors[0]);
    for Refused { why, secret, text } in &refused {
        let secret = *blake3::Hash::from_hex(secret).expect("hex").as_bytes();
        let verified = Unverified::parse(text).and_then(|token| token.verify(&secret));
        assert_eq!(verified, Err(invalid()), "{why}");
    }
    let (kept, stored) = ([1; 32], [2; 32]);
    let secret = hex(&key_of_halves(&kept, &stored));
    let key = Key { kept: hex(&kept), stored: hex(&stored), secret };
    check("token", &File { about: ABOUT, key, tokens: vectors, refused });
}
