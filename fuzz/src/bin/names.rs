//! Names that people read, subjects and claims of a JWT, and short words with a form of their own. Input: a text, claims, and the
//! name of one.

#![no_main]

use fuzz::{accepted, json, pieces};
use libfuzzer_sys::fuzz_target;
use quire_core::archive::Format;
use quire_core::hash::Hash;
use quire_core::mark::Mark;
use quire_core::mode::Mode;
use quire_core::name::fault;
use quire_core::person::{MAX_NAME, claimed_name, is_reserved, may_be_called, of_subject};
use quire_core::timestamp::{parse_rfc3339, rfc3339};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let mut pieces = pieces(data);
    let Some(Ok(text)) = pieces.next().map(str::from_utf8) else { return };
    check_name(text);
    check_words(text);
    if let Some(actor) = accepted(of_subject(text)) {
        assert!(!actor.is_built_in(), "{text:?} is a built-in actor");
        let is_itself = actor.to_string() == text;
        assert!(is_itself || actor.0.get_version_num() == 5);
        assert!(is_itself || of_subject(&actor.to_string()) == Ok(actor), "an actor is one by their own id");
    }
    let claims = pieces.next().and_then(json).unwrap_or(Value::Null);
    let claim = pieces.next().and_then(|piece| str::from_utf8(piece).ok()).unwrap_or("name");
    if let Some(name) = claimed_name(&claims, claim) {
        assert!(may_be_called(&name) && name.trim() == name);
    }
});

fn check_name(text: &str) {
    if fault(text).is_none() {
        assert!(!text.chars().any(char::is_control) && !text.trim().is_empty());
        assert!(fault(&format!("{text}\u{200B}")).is_some(), "what does not show makes another name");
        assert!(fault(&format!("\u{202E}{text}")).is_some(), "a name is turned around");
        assert_eq!(fault(&format!("x {text} y")), None, "a name among others is none");
    }
    let spaced: String = text.chars().flat_map(|c| [c, ' ', '.']).collect();
    assert!(!is_reserved(text) || is_reserved(&spaced), "blanks and signs make another name");
    assert!(!may_be_called(text) || text.chars().count() <= MAX_NAME && !is_reserved(text));
}

/// What is read is what is printed.
fn check_words(text: &str) {
    if let Some(mode) = accepted(Mode::parse(text)) {
        assert_eq!(mode.as_str(), text);
    }
    if let Some(format) = accepted(Format::parse(text)) {
        assert_eq!(format.as_str(), text);
    }
    if let Some(hash) = accepted(Hash::parse("a hash", text)) {
        assert_eq!(hash.to_hex(), text);
    }
    if let Some(mark) = accepted(Mark::parse("a mark", text)) {
        assert_eq!(mark.as_str(), text);
        assert!(mark.agrees_with(&mark));
        assert!(
            Hash::from_hex(text).is_none_or(|hash| mark.is_of(&hash) && Mark::of(&hash).agrees_with(&mark))
        );
    }
    if let Some(at) = parse_rfc3339(text) {
        assert_eq!(parse_rfc3339(&rfc3339(at)), Some(at), "{at} is no time");
    }
}
