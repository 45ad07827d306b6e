//! `event.json`: the events of bundles.

use super::content::{CHANGED_TAR, EMPTY, NUL, in_base64};
use super::log::{Bundled, Done, Log, Row, keep, moved, put, set};
use super::{check, value};
use crate::asset::Asset;
use crate::chain::BundleHeader;
use crate::content::is_binary;
use crate::event::{
    ASSET_UPDATE, AssetChange, BULK, Body, ENTITY_UPDATE, FieldChange, FileChange, Origin, SNAPSHOT_READY,
    ShownFile, add_assets, add_fields, add_files, build, build_other, hint, message, name, of_files,
    other_name, single,
};
use crate::hash::Hash;
use crate::id::{ActorId, Seq, Version};
use crate::json::{decode_base64, encode_base64};
use crate::label::Label;
use crate::mark::Mark;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

#[derive(Serialize)]
struct Events {
    about: &'static str,
    events: Vec<Event>,
    contents: Vec<String>,
    archives: Vec<String>,
}

#[derive(Serialize)]
struct Event {
    name: &'static str,
    bundle: Bundle,
    input: Value,
    event: &'static str,
    payload: Value,
    message: Value,
    hint: Value,
}

/// A bundle of the log that all events are of.
#[derive(Clone, Serialize)]
struct Bundle {
    header: Value,
    ops: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    large_fields: Option<LargeFields>,
}

/// Operations that would make the file large.
#[derive(Clone, Serialize, Deserialize)]
pub struct LargeFields {
    entity_type: String,
    entity_id: String,
    count: usize,
    bytes: usize,
}

const ABOUT: &str = "bundle is the next of a log: checksums are made as in chain.json. large_fields stands for so many operations \
    field.set, of fields 1, 2, 3, ..., each to a text of so many letters x. input is what the bundle did: files, fields and assets \
    in order, with the versions that follow from the log, or an operation that changes none of them; a move leaves a file that is \
    not there any more. content of a file is its bytes in base64, or why it is not there. fields are missing where they are more \
    than 32 MiB together. event and payload are what poll_events hands out; message is \
    what Supabase Realtime carries, hint what goes out by NOTIFY. Of a path, field or asset that changed twice the last state counts. \
    checksum of an input is its bundle's, that of a message its first 16 digits. \
    committed_at is in microseconds since 1970; a timestamp is RFC 3339 without zeros at the end of its fraction. \
    contents and archives: what files, assets and snapshots are of, in base64; what has more than 1 MiB is not here.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    seq: Seq,
    checksum: Hash,
    sender: Uuid,
    from_peer: Option<String>,
    committed_at: i64,
    op: Option<Value>,
    #[serde(default)]
    files: Vec<FileInput>,
    /// Missing: they are too large to travel.
    fields: Option<Vec<FieldInput>>,
    #[serde(default)]
    assets: Vec<AssetInput>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileInput {
    file_path: String,
    version: i32,
    moved_from: Option<String>,
    file: Option<Kept>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    content_hash: Hash,
    size: i64,
    file_type: String,
    mode: String,
    is_binary: bool,
    content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Base64(String),
    Omitted,
    Archived,
    Collected,
    NotAsked,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldInput {
    op: String,
    entity_type: String,
    entity_id: String,
    field: String,
    /// Missing: it was cleared.
    #[serde(default, with = "present")]
    value: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetInput {
    content_hash: Hash,
    filename: String,
    media_type: String,
    asset_type: String,
    size: i64,
    is_deleted: bool,
    reason: Option<String>,
}

/// JSON's null is a value.
mod present {
    use super::{Deserialize, Value};

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
        Value::deserialize(deserializer).map(Some)
    }
}

impl From<FileInput> for FileChange {
    fn from(FileInput { file_path, version, moved_from, file }: FileInput) -> Self {
        FileChange { file_path, version: Version(version), moved_from, file: file.map(ShownFile::from) }
    }
}

impl From<Kept> for ShownFile {
    fn from(Kept { content_hash, size, file_type, mode, is_binary, content }: Kept) -> Self {
        let content = match content {
            Content::Base64(text) => Body::Bytes(decode_base64(&text).expect("base64")),
            Content::Omitted => Body::Omitted,
            Content::Archived => Body::Unavailable("archived"),
            Content::Collected => Body::Unavailable("collected"),
            Content::NotAsked => Body::NotAsked,
        };
        ShownFile { content_hash, size, file_type, mode, is_binary, content }
    }
}

impl From<FieldInput> for FieldChange {
    fn from(FieldInput { op, entity_type, entity_id, field, value }: FieldInput) -> Self {
        FieldChange { op, entity_type, entity_id, field, value }
    }
}

impl From<AssetInput> for AssetChange {
    fn from(input: AssetInput) -> Self {
        let AssetInput { content_hash, filename, media_type, asset_type, size, is_deleted, reason } = input;
        let label = Label { filename, media_type, asset_type };
        AssetChange { content_hash, asset: Asset { label, size, is_deleted, reason } }
    }
}

/// One event: name, microseconds and author of its bundle, the peer it came from, what it did, and of which paths the content
/// is not in the event, and why.
type Case =
    (&'static str, i64, u8, Option<&'static str>, Vec<Value>, &'static [(&'static str, &'static str)]);

/// Hash and size of a content that is not here.
const LARGE: &str = "00000000000000000000000000000000000000000000000000000000000000ff";
const LARGE_SIZE: i64 = 512 << 20;
/// More than a page holds.
fn large_fields() -> LargeFields {
    LargeFields { entity_type: "page".into(), entity_id: "2".into(), count: 34, bytes: 1_000_000 }
}

const NOTE: &str = "text/plain; charset=utf-8";
const WORDS: &[u8] = "\u{e9} \u{1f600}\n".as_bytes();
const CONTENTS: [&[u8]; 8] = [b"a", WORDS, b"\x00\xff", b"x", EMPTY, b"c", b"d", NUL];

fn delete(path: &str) -> Value {
    json!({"op": "file.delete", "file_path": path})
}

fn delete_entity(entity_type: &str, id: &str) -> Value {
    json!({"op": "entity.delete", "entity_type": entity_type, "entity_id": id})
}

fn unset(entity_type: &str, id: &str, field: &str) -> Value {
    json!({"op": "field.unset", "entity_type": entity_type, "entity_id": id, "field": field})
}

fn cases() -> Vec<Case> {
    let archive = decode_base64(CHANGED_TAR).expect("base64");
    let snapshot = json!({"op": "snapshot.ready", "snapshot_id": "01890a5d-ac96-774b-bcce-b302099a8057", "seq": 9, "since_seq": 4,
        "format": "tar.zst", "size": archive.len(), "file_count": 3, "content_hash": Hash::of(&archive)});
    let mut large = put("large", "text", "100644", EMPTY);
    (large["content_hash"], large["size"]) = (LARGE.into(), LARGE_SIZE.into());
    vec![
        (
            "a file whose content nobody asked for",
            0,
            0xa1,
            None,
            vec![put("link", "link", "120000", b"a")],
            &[("link", "not_asked")],
        ),
        (
            "a file of text",
            1_700_000_000_123_456,
            0xa1,
            None,
            vec![put("src/d\u{e9}j\u{e0} vu.txt", "txt", "100644", WORDS)],
            &[],
        ),
        (
            "a file of bytes that is written and moved, from a peer, on a full second",
            1_700_000_001_000_000,
            0xa2,
            Some("the other \"one\""),
            vec![put("a.bin", "bin", "100755", b"\x00\xff"), moved("a.bin", "b.bin")],
            &[],
        ),
        (
            "a file that is too large to travel",
            1_700_000_001_500_000,
            0xa1,
            None,
            vec![large],
            &[("large", "omitted")],
        ),
        (
            "a file that is gone, after it was changed",
            1_700_000_002_000_001,
            0xa1,
            None,
            vec![put("a", "text", "100644", b"x"), delete("a")],
            &[],
        ),
        (
            "several files, of which one changed twice, with fields and an asset",
            1_700_000_002_000_010,
            0xa1,
            None,
            vec![
                put("a", "text", "100644", b"x"),
                delete("b.bin"),
                put("a", "text", "100644", EMPTY),
                put("c", "text", "100644", b"c"),
                put("d", "text", "100644", b"d"),
                set("task", "1", "title", json!("T")),
                set("task", "2", "m", json!(false)),
                set("page", "1", "a", json!("once")),
                keep("a.png", "image/png", "image", NUL),
            ],
            &[("c", "archived"), ("d", "collected")],
        ),
        (
            "fields of entities, whose last state counts",
            1_700_000_003_000_000,
            0xa1,
            None,
            vec![
                set("task", "2", "n", json!(1_424_953_923_781_206.2)),
                set("task", "1", "a", json!({"b": [1e21, -0.5], "a": null})),
                set("task", "2", "n", Value::Null),
                unset("task", "2", "m"),
                delete_entity("task", "1"),
                delete_entity("page", "1"),
                set("page", "1", "a", json!("again")),
            ],
            &[],
        ),
        ("fields that are too large to travel", 1_700_000_003_500_000, 0xa1, None, vec![], &[]),
        (
            "assets, whose last state counts",
            1_700_000_004_000_000,
            0xa1,
            None,
            vec![
                keep("b.png", "image/png", "image", NUL),
                keep("\u{fc}", NOTE, "note", EMPTY),
                json!({"op": "asset.delete", "content_hash": Hash::of(NUL), "reason": "old"}),
            ],
            &[],
        ),
        ("a snapshot of what has changed", 1_700_000_005_000_000, 0, None, vec![snapshot], &[]),
    ]
}

impl LargeFields {
    pub fn ops(&self) -> Vec<Value> {
        let value = "x".repeat(self.bytes);
        let field = |n: usize| set(&self.entity_type, &self.entity_id, &n.to_string(), value.as_str().into());
        (1..=self.count).map(field).collect()
    }
}

fn header(seq: i64, committed_at: i64, sender: u8, kind: &str) -> Value {
    json!({"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": seq, "kind": kind,
        "bundle_id": format!("01890a5d-ac96-774b-bcce-b302099a80{seq:02}"),
        "actor_id": if sender == 0 { Uuid::nil() } else { Uuid::from_u128(0x4000_8000_0000_0000_0000 | u128::from(sender)) },
        "message": null, "correlation_id": null, "base_seq": null, "committed_at": committed_at})
}

/// What a database would read of a bundle.
fn input(
    bundle: &Bundle,
    ops: &[Value],
    bundled: &Bundled,
    from_peer: Option<&str>,
    away: &[(&str, &str)],
) -> Value {
    let header = &bundle.header;
    let mut input = json!({"seq": header["seq"], "checksum": bundled.checksum, "sender": header["actor_id"],
        "committed_at": header["committed_at"]});
    let mut set = |member: &str, to: Value| input[member] = to;
    if let Some(peer) = from_peer {
        set("from_peer", peer.into());
    }
    if let [op] = ops
        && op["op"] == "snapshot.ready"
    {
        set("op", op.clone());
    }
    let files: Vec<Value> =
        bundled.ops.iter().flat_map(|done| &done.rows).map(|row| file(row, away)).collect();
    if !files.is_empty() {
        set("files", files.into());
    }
    if bundle.large_fields.is_none() {
        set("fields", ops.iter().zip(&bundled.ops).flat_map(|(op, done)| fields(op, done)).collect());
    }
    let assets = ops
        .iter()
        .zip(&bundled.ops)
        .filter(|(op, _)| op["op"].as_str().is_some_and(|op| op.starts_with("asset.")));
    let assets: Vec<Value> = assets.map(|(op, done)| asset(op, done)).collect();
    if !assets.is_empty() {
        set("assets", assets.into());
    }
    input
}

fn file(row: &Row, away: &[(&str, &str)]) -> Value {
    let mut change = json!({"file_path": row.path, "version": row.version});
    if row.is_deleted {
        return change;
    }
    if let Some((from, _)) = &row.moved {
        change["moved_from"] = from.as_str().into();
    }
    let bytes = CONTENTS.into_iter().find(|content| json!(Hash::of(content)) == row.file["content_hash"]);
    let content = match away.iter().find(|(path, _)| *path == row.path) {
        Some((_, why)) => (*why).into(),
        None => json!({"base64": encode_base64(bytes.expect("a content"))}),
    };
    change["file"] = row.file.clone();
    change["file"]["is_binary"] = bytes.is_some_and(is_binary).into();
    change["file"]["content"] = content;
    change
}

fn fields(op: &Value, done: &Done) -> Vec<Value> {
    let mut row = Map::new();
    for member in ["op", "entity_type", "entity_id", "field", "value"] {
        row.extend(op.get(member).map(|value| (member.to_owned(), value.clone())));
    }
    match op["op"].as_str() {
        Some("field.set" | "field.unset") => vec![Value::Object(row)],
        _ => {
            let of = |field: &String| {
                let mut row = row.clone();
                row.insert("field".into(), field.as_str().into());
                Value::Object(row)
            };
            done.lost.iter().map(of).collect()
        }
    }
}

fn asset(op: &Value, done: &Done) -> Value {
    let is_deleted = op["op"] == "asset.delete";
    let mut asset = if is_deleted { done.before.clone() } else { op.clone() };
    asset.as_object_mut().expect("an object").remove("op");
    asset["content_hash"] = op["content_hash"].clone();
    asset["is_deleted"] = is_deleted.into();
    if let Some(reason) = op.get("reason") {
        asset["reason"] = reason.clone();
    }
    asset
}

fn event(title: &'static str, bundle: Bundle, given: Value) -> Event {
    let Input { seq, checksum, sender, from_peer, committed_at, op, files, fields, assets } =
        serde_json::from_value(given.clone()).expect(title);
    let origin = Origin { sender: ActorId(sender), from_peer, committed_at };
    let files: Vec<FileChange> = files.into_iter().map(FileChange::from).collect();
    let fields: Option<Vec<FieldChange>> =
        fields.map(|fields| fields.into_iter().map(FieldChange::from).collect());
    let assets: Vec<AssetChange> = assets.into_iter().map(AssetChange::from).collect();
    let (event, payload) = match &op {
        Some(op) => (other_name(op["op"].as_str().expect("a name")), build_other(&origin, op)),
        None => {
            let paths = files.iter().map(|change| (change.file_path.as_str(), change.file.is_some()));
            let has_fields = fields.as_ref().is_none_or(|fields| !fields.is_empty());
            let of_fields = has_fields.then_some(ENTITY_UPDATE);
            let of_assets = (!assets.is_empty()).then_some(ASSET_UPDATE);
            let event = name(of_files(paths).into_iter().chain(of_fields).chain(of_assets));
            let mut payload = Map::new();
            add_files(&mut payload, event, files);
            add_fields(&mut payload, fields);
            add_assets(&mut payload, assets);
            (event, build(event, &origin, payload))
        }
    };
    Event {
        name: title,
        bundle,
        input: given,
        event,
        message: message(seq, &Mark::of(&checksum), committed_at, &payload),
        hint: value(&hint(event, seq, committed_at)),
        payload,
    }
}

#[test]
fn payloads() {
    let mut log = Log::default();
    let mut events = Vec::new();
    for (seq, (title, committed_at, sender, from_peer, ops, away)) in (1..).zip(cases()) {
        let kind = if sender == 0 { "system" } else { "user_edit" };
        let large_fields = (title == "fields that are too large to travel").then(large_fields);
        let bundle = Bundle { header: header(seq, committed_at, sender, kind), ops, large_fields };
        let whole =
            [bundle.ops.clone(), bundle.large_fields.as_ref().map(LargeFields::ops).unwrap_or_default()]
                .concat();
        let header: BundleHeader = serde_json::from_value(bundle.header.clone()).expect("a header");
        let bundled = log.bundle(&header, &whole);
        let given = input(&bundle, &whole, &bundled, from_peer, away);
        events.push(event(title, bundle, given));
    }
    let seen: BTreeSet<&str> = events.iter().map(|event| event.event).collect();
    let known = [single(true), single(false), BULK, ENTITY_UPDATE, ASSET_UPDATE, SNAPSHOT_READY];
    assert_eq!(seen, BTreeSet::from(known));
    let (contents, archives) = (in_base64(&CONTENTS), vec![CHANGED_TAR.to_owned()]);
    check("event", &Events { about: ABOUT, events, contents, archives });
}
