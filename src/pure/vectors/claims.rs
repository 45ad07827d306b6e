//! What vectors say beside what is computed, found by what it is and not by where it stands: every hash is of something that is
//! in the file, every size is a length, every content stands beside its hash, every archive has its files. That every log is one is
//! asked by `Log::bundle` when it is made. `tests/vectors/claims.mjs` asks the same.

use super::content::unpacked;
use super::{canonical, value};
use crate::pure::archive::Format;
use crate::pure::content::is_binary;
use crate::pure::hash::Hash;
use crate::pure::json::decode_base64;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Larger contents are not in the vectors: of them it is only known that one hash has one size.
const MOST_BYTES: usize = 1 << 20;
/// What is no hash, or is computed elsewhere.
const SECRETS: [&str; 4] = ["kept", "stored", "secret", "tag"];

/// What all files said so far.
#[derive(Default)]
pub struct Claims {
    sizes: BTreeMap<String, i64>,
}

impl Claims {
    /// Fails where a file is not what it claims.
    pub fn check(&mut self, vector: &Value) {
        let here = carried(vector);
        let (mut explained, mut named, mut found) =
            (BTreeSet::from([Hash::ZERO.to_hex()]), BTreeSet::new(), BTreeSet::new());
        let mut all = Vec::new();
        objects(vector, &mut all);
        for object in &all {
            if let Some(name) = object.get("content_hash").and_then(Value::as_str) {
                named.insert(name.to_owned());
                self.check_content(name, object, here.get(name).map(Vec::as_slice));
            }
            if object.get("op").is_some_and(|op| op == "snapshot.ready") {
                check_archive(object, &here);
            }
            explained.extend(forms(object));
        }
        for name in here.keys() {
            assert!(named.contains(name), "nothing is of the content {name}");
        }
        explained.extend(named);
        hashes(vector, &mut found);
        let unknown: Vec<_> = found.difference(&explained).collect();
        assert!(unknown.is_empty(), "nobody knows what these are of: {unknown:?}");
    }

    fn check_content(&mut self, name: &str, object: &Map<String, Value>, bytes: Option<&[u8]>) {
        let is_deleted = object.get("is_deleted") == Some(&Value::Bool(true));
        let size = object.get("size").and_then(Value::as_i64);
        if let Some(size) = size.filter(|_| !is_deleted) {
            assert_eq!(*self.sizes.entry(name.to_owned()).or_insert(size), size, "{name} has two sizes");
        }
        let known = size.or_else(|| self.sizes.get(name).copied());
        let Some(bytes) = bytes else {
            assert!(known > Some(MOST_BYTES as i64), "{name} is not here");
            return;
        };
        assert!(known.is_none_or(|size| size == bytes.len() as i64), "{name} is not as long as {known:?}");
        if let Some(said) = object.get("is_binary").and_then(Value::as_bool) {
            assert_eq!(said, is_binary(bytes), "{name} is binary, or it is not");
        }
        let is_event = object.contains_key("timestamp") || object.contains_key("action");
        let content = object.get("content");
        let base64 =
            content.and_then(|content| content.get("base64")).or_else(|| object.get("content_base64"));
        let beside = match (base64.and_then(Value::as_str), content.and_then(Value::as_str)) {
            (Some(base64), _) => Some(decode_base64(base64).expect("base64")),
            (None, Some(text)) if is_event => Some(text.as_bytes().to_vec()),
            _ => None,
        };
        assert!(beside.is_none_or(|beside| beside == bytes), "{name} is not of the content beside it");
    }
}

/// Contents and archives of a file, by hash.
fn carried(vector: &Value) -> BTreeMap<String, Vec<u8>> {
    let lists = [vector, &vector["input"]].map(|of| [&of["contents"], &of["archives"]]);
    let texts = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
    let bytes = texts.map(|text| decode_base64(text.as_str().expect("a text")).expect("base64"));
    bytes.map(|bytes| (Hash::of(&bytes).to_hex(), bytes)).collect()
}

fn check_archive(op: &Map<String, Value>, here: &BTreeMap<String, Vec<u8>>) {
    let Some(archive) = op["content_hash"].as_str().and_then(|name| here.get(name)) else { return };
    let (files, delta) =
        unpacked(Format::parse(op["format"].as_str().expect("a format")).expect("a format"), archive);
    assert_eq!(op["file_count"], files.len(), "an archive has another number of files");
    let since = op.get("since_seq").and_then(Value::as_i64);
    assert_eq!(delta.as_ref().map(|delta| delta.since_seq), since, "an archive is since another bundle");
    assert!(delta.is_none_or(|delta| op["seq"] == delta.seq), "an archive is of another bundle");
}

/// Checksums of what an object says: of a form, an operation, a bundle.
fn forms(object: &Map<String, Value>) -> Vec<String> {
    let text = |member: &str| object.get(member).and_then(Value::as_str).map(str::to_owned);
    let mut forms = Vec::new();
    if let Some(form) = text("canonical") {
        assert_eq!(canonical(&value(&form)), form, "another form");
        assert_eq!(text("checksum"), Some(Hash::of(form.as_bytes()).to_hex()), "{form}");
        forms.extend(text("checksum"));
    }
    if let Some(op) = object.get("op").filter(|op| op.is_object()) {
        let checksum = Hash::of(canonical(op).as_bytes()).to_hex();
        let said = if object.contains_key("ordinal") { text("checksum") } else { None };
        assert!(
            said.or(text("op_checksum")).is_none_or(|said| said == checksum),
            "{op} has another checksum"
        );
        forms.push(checksum);
    }
    // Of bundles, which were computed when the file was compared: these are in no other place.
    let is_bundle = object.contains_key("header")
        || object.contains_key("canonical_header")
        || object.contains_key("committed_at");
    if is_bundle || object.contains_key("operations") {
        forms.extend(text("checksum"));
    }
    forms
}

/// Every object below a value; texts that are JSON are looked into.
fn objects(of: &Value, into: &mut Vec<Map<String, Value>>) {
    match of {
        Value::String(text) if text.starts_with('{') => {
            if let Ok(inner) = serde_json::from_str::<Value>(text) {
                objects(&inner, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, into)),
        Value::Object(object) => {
            into.push(object.clone());
            object.values().for_each(|value| objects(value, into));
        }
        _ => {}
    }
}

/// Every text of 64 hex digits, wherever it stands; not the secrets of tokens.
fn hashes(of: &Value, into: &mut BTreeSet<String>) {
    match of {
        Value::String(text) => into.extend(runs(text)),
        Value::Array(items) => items.iter().for_each(|item| hashes(item, into)),
        Value::Object(object) => {
            for (member, value) in object {
                into.extend(runs(member));
                if !SECRETS.contains(&member.as_str()) {
                    hashes(value, into);
                }
            }
        }
        _ => {}
    }
}

fn runs(text: &str) -> impl Iterator<Item = String> {
    let is_digit = |character: char| matches!(character, '0'..='9' | 'a'..='f');
    text.split(move |character| !is_digit(character)).filter(|run| run.len() == 64).map(str::to_owned)
}

#[test]
fn vectors_are_what_they_say() {
    let mut claims = Claims::default();
    for name in super::NAMES {
        claims.check(&super::kept(name));
    }
}

#[test]
fn another_hash_and_another_size_are_noticed() {
    let kept = super::kept("event");
    let (at, file) = ("/events/1/input/files/0/file", "a file of text");
    for (member, other) in
        [("content_hash", Value::from("00")), ("size", 9.into()), ("is_binary", true.into())]
    {
        let mut vector = kept.clone();
        vector.pointer_mut(at).expect(file)[member] = other;
        assert!(std::panic::catch_unwind(|| Claims::default().check(&vector)).is_err(), "{member}");
    }
}
