use super::tag::{TAG_BYTES, Tag};
use super::*;
use crate::ability::tests::{abilities, needs};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use uuid::Uuid;

const SECRET: [u8; 32] = [7; 32];
/// 2026-01-01.
const EXPIRES_AT: Micros = 1_767_225_600_000_000;

fn set(texts: &[&str]) -> Abilities {
    Abilities::parse(texts).expect("valid abilities")
}

fn root(abilities: Abilities) -> Root {
    Root {
        key: KeyId(Uuid::from_u128(1)),
        token: TokenId(Uuid::from_u128(2)),
        project: ProjectId(Uuid::from_u128(3)),
        abilities,
        expires_at: EXPIRES_AT,
        audience: None,
        max_uses: None,
    }
}

fn bytes_of(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.strip_prefix("quire1.").expect("prefix")).expect("base64")
}

fn text_of(bytes: &[u8]) -> String {
    format!("quire1.{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn present(text: &str) -> Result<Token> {
    Unverified::parse(text)?.verify(&SECRET)
}

fn assert_refused(text: &str) {
    assert_eq!(present(text).expect_err(text), invalid());
}

/// A token of these blocks with the right tag, whatever the blocks say.
fn forged(root: &str, narrowings: &[&str]) -> String {
    let first = Wire::minted(&SECRET, root.into());
    let wire = narrowings.iter().fold(first, |wire, block| wire.narrowed((*block).into()));
    wire.to_text().expect("short enough")
}

/// A token narrowed twice.
fn sample() -> String {
    let text = mint(&SECRET, &root(set(&["project:read", "file:write:src/**"]))).expect("mints");
    let text =
        narrow(&text, &set(&["project:read", "file:write:src/a/**"]), EXPIRES_AT - 1).expect("narrows");
    narrow(&text, &set(&["file:write:src/a/b"]), EXPIRES_AT - 2).expect("narrows")
}

/// The blocks and the tag of a token's bytes.
fn take_apart(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut rest, tag) = bytes.split_at(bytes.len() - TAG_BYTES);
    let mut blocks = Vec::new();
    while let [high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        blocks.push(&rest[..2 + length]);
        rest = &behind[length..];
    }
    (blocks, tag)
}

#[test]
fn narrowing_restricts() {
    let text = sample();
    let token = present(&text).expect("verifies");
    let path = |text: &str| crate::path::FilePath::parse(text).expect("valid");
    assert!(token.allows(Need::Write(&path("src/a/b"))));
    assert!(token.allows(Need::WriteSome));
    assert!(!token.allows(Need::Write(&path("src/a/c"))));
    assert!(!token.allows(Need::ReadFiles));
    assert_eq!(token.narrowings(), 2);
    assert!(token.abilities().map(Ability::to_string).eq(["file:write:src/a/b"]));
    assert_eq!(token.expires_at(), EXPIRES_AT - 2);
    assert!(!token.is_expired(EXPIRES_AT - 3) && token.is_expired(EXPIRES_AT - 2));
    assert_eq!(token.root(), &root(set(&["project:read", "file:write:src/**"])));
}

#[test]
fn says_which_key_to_verify_with() {
    let unverified = Unverified::parse(&sample()).expect("well-formed");
    assert_eq!(unverified.key_id(), KeyId(Uuid::from_u128(1)));
    assert_eq!(unverified.token_id(), TokenId(Uuid::from_u128(2)));
    assert_eq!(unverified.project_id(), ProjectId(Uuid::from_u128(3)));
    assert_eq!(unverified.expires_at(), EXPIRES_AT - 2);
    assert!(unverified.abilities().map(Ability::to_string).eq(["file:write:src/a/b"]));
}

#[test]
fn narrowing_never_widens() {
    let text = mint(&SECRET, &root(set(&["project:read", "file:write:src/**"]))).expect("mints");
    let refused = |abilities: &[&str], expires_at| {
        let error = narrow(&text, &set(abilities), expires_at).expect_err("wider");
        assert_eq!(error.code(), Code::Validation, "{abilities:?}");
    };
    refused(&["events:read"], EXPIRES_AT);
    refused(&["project:read", "file:write"], EXPIRES_AT);
    refused(&["file:write:**"], EXPIRES_AT);
    refused(&["project:read"], EXPIRES_AT + 1);
    refused(&["project:read"], 0);
    refused(&["project:read"], Micros::MIN);
    narrow(&text, &set(&["project:read"]), EXPIRES_AT).expect("the same expiry is no extension");
    let sooner = narrow(&text, &set(&["project:read"]), EXPIRES_AT - 5).expect("narrows");
    assert!(narrow(&sooner, &set(&["project:read"]), EXPIRES_AT - 4).is_err());
}

#[test]
fn a_hand_made_wider_narrowing_gains_nothing() {
    let first = Wire::minted(&SECRET, wire::root_block(&root(set(&["project:read"]))).expect("block"));
    let wider = wire::narrowing_block(&set(&["project:read", "file:write"]), EXPIRES_AT + 9).expect("block");
    let text = first.narrowed(wider).to_text().expect("short");
    let token = present(&text).expect("its chain is sound");
    assert!(token.allows(Need::ReadFiles) && !token.allows(Need::WriteSome));
    assert_eq!(token.expires_at(), EXPIRES_AT);
    assert!(token.abilities().map(Ability::to_string).eq(["project:read"]));
    assert!(narrow(&text, &set(&["file:write"]), EXPIRES_AT).is_err());
    assert!(narrow(&text, &set(&["project:read"]), EXPIRES_AT + 1).is_err());
}

#[test]
fn every_flipped_bit_is_refused() {
    let text = sample();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut flipped = text.clone().into_bytes();
            flipped[at] ^= 1 << bit;
            // A text that is no UTF-8 does not even get here.
            if let Ok(flipped) = String::from_utf8(flipped) {
                assert_refused(&flipped);
            }
        }
    }
    let bytes = bytes_of(&text);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert_refused(&text_of(&flipped));
        }
    }
}

#[test]
fn every_truncation_and_addition_is_refused() {
    let text = sample();
    let bytes = bytes_of(&text);
    for at in 0..text.len() {
        assert_refused(&text[..at]);
        assert_refused(&text[at..][1..]);
    }
    for at in 0..bytes.len() {
        assert_refused(&text_of(&bytes[..at]));
        assert_refused(&text_of(&bytes[at + 1..]));
    }
    for more in ["=", "A", "AA", "AAAA", " ", "\n", "."] {
        assert_refused(&format!("{text}{more}"));
        assert_refused(&format!("{more}{text}"));
    }
    assert_refused(&text.replacen("quire1", "quire2", 1));
    assert_refused(&text.replacen("quire1", "QUIRE1", 1));
}

#[test]
fn a_foreign_secret_is_refused() {
    let unverified = Unverified::parse(&sample()).expect("well-formed");
    assert_eq!(unverified.verify(&[8; 32]).expect_err("foreign"), invalid());
}

#[test]
fn a_key_needs_both_halves() {
    let key = key_of_halves(&[1; 32], &[2; 32]);
    // Tokens outlive updates, so this stays. As Python's blake3(b"quire1.key:" + b"\2" * 32, key=b"\1" * 32) says.
    let expected = "8d181e1e14f4aeb1446b06ca692dce49a37b65ba9cab9c54ccfb1a0d93ff1a28";
    assert_eq!(blake3::Hash::from_bytes(key).to_hex().as_str(), expected);
    for other in [key_of_halves(&[2; 32], &[1; 32]), key_of_halves(&[1; 32], &[3; 32]), [1; 32], [2; 32]] {
        assert_ne!(key, other);
    }
}

#[test]
fn narrowings_cannot_be_removed_swapped_or_repeated() {
    let bytes = bytes_of(&sample());
    let (blocks, tag) = take_apart(&bytes);
    let [root, one, two] = blocks[..] else { panic!("three blocks") };
    let with = |blocks: &[&[u8]]| text_of(&[&blocks.concat(), tag].concat());
    assert!(present(&with(&[root, one, two])).is_ok());
    for others in [
        &[root][..],
        &[root, one],
        &[root, two],
        &[root, two, one],
        &[root, one, two, two],
        &[root, one, one],
        &[one, two],
        &[one, root, two],
        &[root, root, one, two],
        &[],
    ] {
        assert_refused(&with(others));
    }
}

#[test]
fn the_tag_of_a_narrowed_token_is_no_key_for_its_parent() {
    // What a holder can compute: chains that go on from the last tag, under blocks of their choice.
    let bytes = bytes_of(&sample());
    let (blocks, tag) = take_apart(&bytes);
    let last = Tag::from_bytes(tag.try_into().expect("32 bytes"));
    let more = last.narrowed(&blocks[2][2..]);
    for kept in [&blocks[..1], &blocks[..2], &blocks[..]] {
        assert_refused(&text_of(&[&kept.concat(), &more.as_bytes()[..]].concat()));
    }
    let longer = [&blocks.concat(), blocks[2], &more.as_bytes()[..]].concat();
    assert!(present(&text_of(&longer)).is_ok(), "going on is what narrowing does");
}

const UUIDS: &str =
    r#""project":"00000000-0000-0000-0000-000000000003","token":"00000000-0000-0000-0000-000000000002""#;
const KEY: &str = r#""key":"00000000-0000-0000-0000-000000000001""#;

#[test]
fn a_block_in_another_form_is_refused() {
    let good = format!(r#"{{"abilities":["events:read","project:read"],"expires_at":5,{KEY},{UUIDS}}}"#);
    assert!(present(&forged(&good, &[])).is_ok());
    for (from, to) in [
        ("{", "{ "),
        ("}", "}\n"),
        (":5", ":5.0"),
        (":5", ":5e0"),
        (":5", ":05"),
        (":5", ":\"5\""),
        (":5", ":0"),
        (":5", ":-5"),
        (":5", ":9007199254740992"),
        (":5", ":5,\"max_uses\":0"),
        (":5", ":5,\"expires_at\":5"),
        (":5,", ":5,\"extra\":1,"),
        ("project:read", "projec\\u0074:read"),
        ("project:read", "project:write"),
        (r#""events:read","project:read""#, r#""project:read","events:read""#),
        (r#""events:read","project:read""#, r#""events:read","events:read""#),
        (r#"["events:read","project:read"]"#, "[]"),
        (r#"["events:read","project:read"]"#, "\"events:read\""),
        ("0003\"", "000A\""),
        ("00000000-0000-0000-0000-000000000003", "00000000000000000000000000000003"),
        (KEY, r#""key":null"#),
        (&format!(",{KEY}"), ""),
        (&good, ""),
        (&good, "null"),
        (&good, "[]"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert_refused(&forged(&bad, &[]));
    }
    for (member, at) in [("\"audience\":null,", 0), ("\"audience\":\"\",", 0), ("\"max_uses\":null,", 1)] {
        let before = ["\"expires_at\"", "\"project\""][at];
        assert_refused(&forged(&good.replacen(before, &format!("{member}{before}"), 1), &[]));
    }
    let narrowing = r#"{"abilities":["project:read"],"expires_at":5}"#;
    assert!(present(&forged(&good, &[narrowing; 8])).is_ok());
    assert_refused(&forged(&good, &[narrowing; 9]));
    for (from, to) in
        [(":5", ":6 "), (":5", ":0"), (":5", ":5,\"max_uses\":1"), (",\"expires_at\":5", ""), ("[", "[ ")]
    {
        assert_refused(&forged(&good, &[&narrowing.replacen(from, to, 1)]));
    }
    assert_refused(&forged(&good, &[&good]));
    assert_refused(&forged(narrowing, &[]));
}

#[test]
fn bounds_are_kept() {
    let good = root(set(&["project:read"]));
    let with = |change: fn(&mut Root)| {
        let mut root = good.clone();
        change(&mut root);
        mint(&SECRET, &root)
    };
    assert!(with(|root| root.audience = Some("a".repeat(255))).is_ok());
    assert!(with(|root| root.audience = Some("a".repeat(256))).is_err());
    assert!(with(|root| root.audience = Some(String::new())).is_err());
    assert!(with(|root| root.max_uses = Some(MAX_USES)).is_ok());
    assert!(with(|root| root.max_uses = Some(MAX_USES + 1)).is_err());
    assert!(with(|root| root.max_uses = Some(0)).is_err());
    assert!(with(|root| root.expires_at = MAX_EXPIRES_AT).is_ok_and(|text| present(&text).is_ok()));
    assert!(with(|root| root.expires_at = MAX_EXPIRES_AT + 1).is_err());
    assert!(with(|root| root.expires_at = 0).is_err());

    let globs: Vec<String> = (0..64).map(|n| format!("file:write:{}{n}", "a".repeat(500))).collect();
    let wide = root(Abilities::parse(&globs).expect("valid"));
    assert_eq!(mint(&SECRET, &wide).expect_err("too long").code(), Code::Limit);

    let long = format!("file:write:{}", "a".repeat(900));
    let mut text = mint(&SECRET, &root(set(&["file:write"]))).expect("mints");
    let error = loop {
        match narrow(&text, &set(&[&long]), EXPIRES_AT) {
            Ok(narrowed) => text = narrowed,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::Limit);
    assert!(text.len() <= MAX_TOKEN_BYTES && present(&text).is_ok());
    let block = wire::root_block(&wide).expect("block");
    let length = u16::try_from(block.len()).expect("it fits a block").to_be_bytes();
    let tag = Tag::of_root(&SECRET, &block);
    assert_refused(&text_of(&[&length[..], &block, tag.as_bytes()].concat()));

    let mut text = mint(&SECRET, &good).expect("mints");
    for _ in 0..MAX_NARROWINGS {
        text = narrow(&text, &good.abilities, EXPIRES_AT).expect("narrows");
    }
    assert_eq!(narrow(&text, &good.abilities, EXPIRES_AT).expect_err("a ninth").code(), Code::Limit);
}

#[test]
fn a_malformed_token_cannot_be_narrowed() {
    assert_eq!(narrow("quire1.", &set(&["project:read"]), 5).expect_err("malformed"), invalid());
}

#[test]
fn what_is_printed_holds_no_tag() {
    let text = sample();
    let tag = Tag::from_bytes(take_apart(&bytes_of(&text)).1.try_into().expect("32 bytes"));
    let unverified = Unverified::parse(&text).expect("well-formed");
    let mut printed = format!("{unverified:?} {unverified:#?}");
    let token = unverified.verify(&SECRET).expect("verifies");
    printed += &format!("{token:?} {:?}", invalid());
    let hex = blake3::Hash::from_bytes(*tag.as_bytes()).to_hex();
    for secret in
        [hex.as_str(), &format!("{:?}", tag.as_bytes()), &URL_SAFE_NO_PAD.encode(tag.as_bytes()), &text]
    {
        assert!(!printed.contains(secret));
    }
    assert!(!printed.to_lowercase().contains("tag"));
}

proptest! {
    #[test]
    fn verifies_what_was_minted(
        secret: [u8; 32],
        ids: [u128; 3],
        abilities in abilities(),
        expires_at in 1..=MAX_EXPIRES_AT,
        audience in prop::option::of(".{1,60}"),
        max_uses in prop::option::of(1..=MAX_USES),
    ) {
        let [key, token, project] = ids.map(Uuid::from_u128);
        let (key, token, project) = (KeyId(key), TokenId(token), ProjectId(project));
        let root = Root { key, token, project, abilities, expires_at, audience, max_uses };
        let text = mint(&secret, &root).expect("mints");
        let unverified = Unverified::parse(&text).expect("well-formed");
        prop_assert_eq!(unverified.key_id(), key);
        let token = unverified.verify(&secret).expect("verifies");
        prop_assert_eq!(token.root(), &root);
        let mut foreign = secret;
        foreign[31] ^= 1;
        prop_assert_eq!(Unverified::parse(&text).expect("well-formed").verify(&foreign), Err(invalid()));
    }

    #[test]
    fn a_narrowed_token_allows_no_more(first in abilities(), others in prop::collection::vec(abilities(), 1..4)) {
        let mut text = mint(&SECRET, &root(first)).expect("mints");
        for narrower in others {
            let parent = present(&text).expect("verifies");
            let covered = parent.abilities().map(Ability::to_string).collect::<Vec<_>>();
            let own = Abilities::parse(&covered).expect("valid");
            prop_assert!(narrow(&text, &own, EXPIRES_AT).is_ok(), "what it has, it may pass on");
            let Ok(narrowed) = narrow(&text, &narrower, EXPIRES_AT) else { continue };
            let child = present(&narrowed).expect("verifies");
            for need in needs() {
                // What it allows is what was asked for, no less, and nothing the parent did not.
                prop_assert_eq!(child.allows(need), narrower.allows(need), "{:?}", need);
                prop_assert!(parent.allows(need) || !child.allows(need), "{:?}", need);
            }
            text = narrowed;
        }
    }

    #[test]
    fn hand_made_narrowings_allow_no_more(first in abilities(), other in abilities()) {
        let block = wire::narrowing_block(&other, EXPIRES_AT).expect("block");
        let parent = Wire::minted(&SECRET, wire::root_block(&root(first.clone())).expect("block"));
        let child = present(&parent.narrowed(block).to_text().expect("short")).expect("verifies");
        for need in needs().filter(|need| child.allows(*need)) {
            prop_assert!(first.allows(need) && other.allows(need));
        }
        // What is shown is never more than what is allowed.
        for ability in child.abilities() {
            for need in needs().filter(|need| ability.allows(*need)) {
                prop_assert!(child.allows(need), "{ability} {need:?}");
            }
        }
    }

    #[test]
    fn any_text_is_refused_alike(text in "(quire1\\.)?[A-Za-z0-9_-]{0,200}", bytes: Vec<u8>) {
        prop_assert_eq!(present(&text), Err(invalid()));
        prop_assert_eq!(present(&text_of(&bytes)), Err(invalid()));
    }
}
