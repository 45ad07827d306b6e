//! What vectors say beside what is computed, found by what it is and not by where it stands: every hash is of something that is
//! in the file, every size is a length, every content stands beside its hash, every archive has its files. That every log is one is
//! asked by `Log::bundle` when it is made. `tests/vectors/claims.mjs` asks the same.

use super::content::unpacked;
use super::event::LargeFields;
use super::{canonical, value};
use crate::archive::Format;
use crate::chain::{BundleHeader, checksum};
use crate::content::is_binary;
use crate::doc::{DocChange, DocLimits};
use crate::hash::Hash;
use crate::id::Seq;
use crate::json::decode_base64;
use serde_json::{Map, Value, json};
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
    /// Why a file is not what it claims, if it is not.
    pub fn check(&mut self, vector: &Value) -> Result<(), String> {
        let here = carried(vector);
        let (mut named, mut found) = (BTreeSet::new(), BTreeSet::new());
        let mut explained = BTreeSet::from([Hash::ZERO.to_hex()]);
        explained.extend(bundles(vector)?);
        let mut all = Vec::new();
        objects(vector, &mut all);
        for object in &all {
            if let Some(name) = object.get("content_hash").and_then(Value::as_str) {
                named.insert(name.to_owned());
                self.check_content(name, object, here.get(name).map(Vec::as_slice))?;
            }
            if object.get("op").is_some_and(|op| op == "snapshot.ready") {
                check_archive(object, &here)?;
            }
            if object.get("op").is_some_and(|op| op == "doc.change") {
                explained.extend(changes(object)?);
            }
            explained.extend(forms(object)?);
        }
        for name in here.keys() {
            insist(named.contains(name), || format!("nothing is of the content {name}"))?;
        }
        explained.extend(named);
        hashes(vector, &mut found);
        let unknown: Vec<_> = found.difference(&explained).collect();
        insist(unknown.is_empty(), || format!("nobody knows what these are of: {unknown:?}"))
    }

    fn check_content(
        &mut self,
        name: &str,
        object: &Map<String, Value>,
        bytes: Option<&[u8]>,
    ) -> Result<(), String> {
        let is_deleted = object.get("is_deleted") == Some(&Value::Bool(true));
        let size = object.get("size").and_then(Value::as_i64);
        if let Some(size) = size.filter(|_| !is_deleted) {
            let before = *self.sizes.entry(name.to_owned()).or_insert(size);
            insist(before == size, || format!("{name} has two sizes"))?;
        }
        let known = size.or_else(|| self.sizes.get(name).copied());
        let Some(bytes) = bytes else {
            return insist(known > Some(MOST_BYTES as i64), || format!("{name} is not here"));
        };
        let is_long = |size| size == bytes.len() as i64;
        insist(known.is_none_or(is_long), || format!("{name} is not as long as {known:?}"))?;
        let said = object.get("is_binary").and_then(Value::as_bool);
        insist(said.is_none_or(|said| said == is_binary(bytes)), || {
            format!("{name} is binary, or it is not")
        })?;
        let is_event = object.contains_key("timestamp") || object.contains_key("action");
        let content = object.get("content");
        let base64 =
            content.and_then(|content| content.get("base64")).or_else(|| object.get("content_base64"));
        let beside = match (base64.and_then(Value::as_str), content.and_then(Value::as_str)) {
            (Some(base64), _) => Some(decode_base64(base64).expect("base64")),
            (None, Some(text)) if is_event => Some(text.as_bytes().to_vec()),
            _ => None,
        };
        let is_it = beside.is_none_or(|beside| beside == bytes);
        insist(is_it, || format!("{name} is not of the content beside it"))
    }
}

/// The hashes of the changes that an operation brings: SHA-256 of all but what they begin with and their checksum.
fn changes(object: &Map<String, Value>) -> Result<Vec<String>, String> {
    let changes = object.get("changes").and_then(Value::as_array).into_iter().flatten();
    let hash = |change: &Value| {
        let bytes = decode_base64(change.as_str()?).ok()?;
        Some(DocChange::read(&bytes, &DocLimits::default()).ok()?.hash().to_string())
    };
    changes.map(|change| hash(change).ok_or_else(|| format!("this is no change: {change}"))).collect()
}

fn insist(is: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is { Ok(()) } else { Err(what()) }
}

/// Contents and archives of a file, by hash.
fn carried(vector: &Value) -> BTreeMap<String, Vec<u8>> {
    let lists = [vector, &vector["input"]].map(|of| [&of["contents"], &of["archives"]]);
    let texts = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
    let bytes = texts.map(|text| decode_base64(text.as_str().expect("a text")).expect("base64"));
    bytes.map(|bytes| (Hash::of(&bytes).to_hex(), bytes)).collect()
}

fn check_archive(op: &Map<String, Value>, here: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let Some(archive) = op["content_hash"].as_str().and_then(|name| here.get(name)) else { return Ok(()) };
    let format = Format::parse(op["format"].as_str().expect("a format")).expect("a format");
    let (files, delta) = unpacked(format, archive);
    let since = op.get("since_seq").and_then(Value::as_i64).map(Seq);
    let is_it = op["file_count"] == files.len()
        && delta.as_ref().map(|delta| delta.since_seq) == since
        && delta.is_none_or(|delta| op["seq"] == delta.seq.0);
    insist(is_it, || format!("the archive is not that of {op:?}"))
}

/// Checksums of what an object says: of a form, an operation, a bundle.
fn forms(object: &Map<String, Value>) -> Result<Vec<String>, String> {
    let text = |member: &str| object.get(member).and_then(Value::as_str).map(str::to_owned);
    let mut forms = Vec::new();
    if let Some(form) = text("canonical") {
        let checksum = Hash::of(form.as_bytes()).to_hex();
        let is_it = canonical(&value(&form)) == form && text("checksum").as_ref() == Some(&checksum);
        insist(is_it, || format!("{form} has another form or checksum"))?;
        forms.push(checksum);
    }
    if let Some(op) = object.get("op").filter(|op| op.is_object()) {
        let checksum = Hash::of(canonical(op).as_bytes()).to_hex();
        // Of an event, checksum is the bundle's.
        let said = if object.contains_key("ordinal") { text("checksum") } else { text("op_checksum") };
        insist(said.is_none_or(|said| said == checksum), || format!("{op} has another checksum"))?;
        forms.push(checksum);
    }
    Ok(forms)
}

/// Checksums of the bundles of a file that has a log.
fn bundles(vector: &Value) -> Result<Vec<String>, String> {
    let list = |of: &Value| of.as_array().cloned().unwrap_or_default();
    let mut previous = Hash::ZERO;
    let mut checksums = Vec::new();
    let in_order =
        [list(&vector["bundles"]), list(&vector["input"]["bundles"]), list(&vector["events"])].concat();
    for bundle in in_order {
        let bundle = bundle.get("bundle").unwrap_or(&bundle);
        let header = bundle["header"].as_str().map_or_else(|| bundle["header"].clone(), value);
        let header: BundleHeader = serde_json::from_value(header).map_err(|error| error.to_string())?;
        let large: Option<LargeFields> =
            bundle.get("large_fields").and_then(|large| serde_json::from_value(large.clone()).ok());
        let large = large.as_ref().map(LargeFields::ops).unwrap_or_default();
        let ops = list(&bundle["ops"]).into_iter().chain(large);
        let ops: Vec<Hash> = ops
            .map(|op| op["canonical"].as_str().map_or_else(|| canonical(&op), str::to_owned))
            .map(|form| Hash::of(form.as_bytes()))
            .collect();
        checksums.extend(ops.iter().map(|op| op.to_hex()));
        previous = checksum(&previous, &header, &ops).map_err(|error| error.to_string())?;
        checksums.push(previous.to_hex());
    }
    Ok(checksums)
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

/// Where hashes and sizes are, of what is in the file: as a JSON pointer, and what else could be there.
fn claimed(of: &Value, at: &str, large: &BTreeSet<String>, into: &mut Vec<(String, Value)>) {
    let inner: Vec<(String, &Value)> = match of {
        Value::Array(items) => items.iter().enumerate().map(|(n, item)| (n.to_string(), item)).collect(),
        Value::Object(object) => object.iter().map(|(member, value)| (member.clone(), value)).collect(),
        _ => Vec::new(),
    };
    for (member, value) in inner {
        let at = format!("{at}/{}", member.replace('~', "~0").replace('/', "~1"));
        match value {
            Value::String(text)
                if runs(text).any(|run| run == *text)
                    && !large.contains(text)
                    && !SECRETS.contains(&member.as_str()) =>
            {
                let first = if text.starts_with('0') { "1" } else { "0" };
                into.push((at, format!("{first}{}", &text[1..]).into()));
            }
            Value::Number(size) if member == "size" => {
                into.push((at, (size.as_i64().unwrap_or(0) + 1).into()))
            }
            _ => claimed(value, &at, large, into),
        }
    }
}

#[test]
fn vectors_are_what_they_say() {
    let mut claims = Claims::default();
    for name in super::NAMES {
        assert_eq!(claims.check(&super::kept(name)), Ok(()), "{name}");
    }
}

/// Of contents that are too large to be here only the size can be asked.
#[test]
fn another_hash_and_another_size_are_noticed_wherever() {
    let mut tried = 0;
    for name in super::NAMES {
        let mut kept = super::kept(name);
        // Made once more for each try, it would take minutes; what it leads to is compared elsewhere.
        let small = json!({"entity_type": "page", "entity_id": "2", "count": 1, "bytes": 1});
        if let Some(large) = kept.pointer_mut("/events/7/bundle/large_fields") {
            *large = small;
            rechain(&mut kept);
        }
        let mut all = Vec::new();
        objects(&kept, &mut all);
        let is_large = |object: &&Map<String, Value>| {
            object.get("size").and_then(Value::as_i64) > Some(MOST_BYTES as i64)
        };
        let large = all.iter().filter(is_large).filter_map(|object| object["content_hash"].as_str());
        let large = large.map(str::to_owned).collect();
        assert_eq!(Claims::default().check(&kept), Ok(()), "{name}");
        let mut claims = Vec::new();
        claimed(&kept, "", &large, &mut claims);
        for (at, other) in claims {
            let place = kept.pointer_mut(&at).expect("a place");
            let said = std::mem::replace(place, other);
            assert!(Claims::default().check(&kept).is_err(), "{name}: {at} may be another");
            *kept.pointer_mut(&at).expect("a place") = said;
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried} were tried");
}

/// Gives the events the checksums of their bundles.
fn rechain(vector: &mut Value) {
    let checksums = bundles(vector).expect("a log");
    let mut checksums = checksums.iter();
    for event in vector["events"].as_array_mut().expect("events") {
        let large = event["bundle"]["large_fields"]["count"].as_u64().unwrap_or(0) as usize;
        let ops = event["bundle"]["ops"].as_array().expect("operations").len() + large;
        event["input"]["checksum"] = checksums.nth(ops).expect("a checksum").as_str().into();
    }
}
