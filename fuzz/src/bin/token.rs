//! Capability tokens. Input: the blocks of a token, which gets the tags that its format says, made here without quire's code.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::{accepted, pieces};
use libfuzzer_sys::fuzz_target;
use quire_core::ability::Abilities;
use quire_core::token::{MAX_EXPIRES_AT, MAX_NARROWINGS, MAX_TOKEN_BYTES, Token, Unverified, mint, narrow};

const SECRET: [u8; 32] = [7; 32];
const ROOT: &str = "quire1.root:";
const NARROWING: &str = "quire1.narrowing:";

/// The tag of a block, by the one before it.
fn tag(key: &[u8; 32], label: &str, block: &[u8]) -> [u8; 32] {
    *blake3::keyed_hash(key, &[label.as_bytes(), block].concat()).as_bytes()
}

/// The text of a token of these blocks.
fn text_of(blocks: &[&[u8]]) -> Option<String> {
    let mut key = blake3::derive_key("quire 2026 capability token v1", &SECRET);
    let mut bytes = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        key = tag(&key, if number == 0 { ROOT } else { NARROWING }, block);
        bytes.extend_from_slice(&u16::try_from(block.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(block);
    }
    bytes.extend_from_slice(&key);
    Some(format!("quire1.{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// The token that a text is under a secret.
fn verified(text: &str, secret: &[u8; 32]) -> Option<Token> {
    accepted(Unverified::parse(text)).and_then(|token| accepted(token.verify(secret)))
}

fuzz_target!(|data: &[u8]| {
    // As it is, too: nobody can have made it.
    if let Ok(text) = str::from_utf8(data) {
        assert_eq!(
            verified(text, &[9; 32]),
            None,
            "a text has the tag of a secret that it was not made with"
        );
    }
    let blocks: Vec<&[u8]> = pieces(data).collect();
    let Some(text) = text_of(&blocks) else { return };
    let Some(token) = verified(&text, &SECRET) else { return };
    assert!(text.len() <= MAX_TOKEN_BYTES && token.narrowings() <= MAX_NARROWINGS);
    assert_eq!(token.narrowings(), blocks.len() - 1);
    assert!((1..=MAX_EXPIRES_AT).contains(&token.expires_at()));
    assert!(token.is_expired(token.expires_at()) && !token.is_expired(token.expires_at() - 1));
    // A token has one text, and its root one form.
    let minted = mint(&SECRET, token.root()).expect("what was read can be minted");
    assert_eq!(Some(minted), text_of(&blocks[..1]));
    assert_eq!(verified(&text, &[9; 32]), None);
    let (before, _) = text.split_at(text.len() - 43);
    assert_eq!(verified(&format!("{before}{}", "A".repeat(43)), &SECRET), None, "any tag does");
    check_narrowed(&text, &token);
});

/// A token that is narrowed to what it allows, until it expires, is a token, and allows no more.
fn check_narrowed(text: &str, token: &Token) {
    let abilities: Vec<String> = token.abilities().map(ToString::to_string).collect();
    let Ok(abilities) = Abilities::parse(&abilities) else { return };
    let Some(narrower) = accepted(narrow(text, &abilities, token.expires_at())) else { return };
    let narrower = verified(&narrower, &SECRET).expect("a narrowed token is one");
    assert_eq!(narrower.root(), token.root());
    assert!(narrower.abilities().eq(token.abilities()));
    assert_eq!(narrower.expires_at(), token.expires_at());
    assert!(narrow(text, &abilities, token.expires_at() + 1).is_err(), "it lives longer");
}
