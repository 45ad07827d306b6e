//! `event.json`: what subscribers are told of bundles.

use super::{check, value};
use crate::pure::asset::{Asset, Label};
use crate::pure::event::{
    ASSET_UPDATE, AssetChange, BULK, Body, Change, ENTITY_UPDATE, FieldChange, File, Origin, SNAPSHOT_READY,
    build, build_other, hint, message, name, other_name, single,
};
use crate::pure::hash::Hash;
use crate::pure::json::decode_base64;
use crate::pure::mark::Mark;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

#[derive(Serialize)]
struct Events {
    about: &'static str,
    events: Vec<Event>,
}

#[derive(Serialize)]
struct Event {
    name: &'static str,
    input: Value,
    event: &'static str,
    payload: Value,
    message: Value,
    hint: Value,
}

const ABOUT: &str = "input is what one bundle did: files, fields and assets in order, or an operation that changes none of them. \
    content of a file is its bytes in base64, or why it is not there. event and payload are what poll_events hands out; message is \
    what Supabase Realtime carries, hint what goes out by NOTIFY. Of a path, field or asset that changed twice the last state counts. \
    checksum of an input is its bundle's, that of a message its first 16 digits. \
    committed_at is in microseconds since 1970; a timestamp is RFC 3339 without zeros at the end of its fraction.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    seq: i64,
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

impl From<FileInput> for Change {
    fn from(FileInput { file_path, version, moved_from, file }: FileInput) -> Self {
        Change { file_path, version, moved_from, file: file.map(File::from) }
    }
}

impl From<Kept> for File {
    fn from(Kept { content_hash, size, file_type, mode, is_binary, content }: Kept) -> Self {
        let content = match content {
            Content::Base64(text) => Body::Bytes(decode_base64(&text).expect("base64")),
            Content::Omitted => Body::Omitted,
            Content::Archived => Body::Unavailable("archived"),
            Content::Collected => Body::Unavailable("collected"),
            Content::NotAsked => Body::NotAsked,
        };
        File { content_hash, size, file_type, mode, is_binary, content }
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

const INPUTS: &[(&str, &str)] = &[
    (
        "a file of text",
        r#"{"seq": 1, "checksum": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
            "sender": "00000000-0000-4000-8000-0000000000a1", "committed_at": 1700000000123456, "fields": [], "files": [
            {"file_path": "src/d\u00e9j\u00e0 vu.txt", "version": 1, "file": {"file_type": "txt", "mode": "100644", "is_binary": false,
             "content_hash": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "size": 8,
             "content": {"base64": "w6kg8J+YgAo="}}}]}"#,
    ),
    (
        "a file of bytes that was moved, from a peer, on a full second",
        r#"{"seq": 2, "checksum": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            "sender": "00000000-0000-4000-8000-0000000000a2", "from_peer": "the other \"one\"",
            "committed_at": 1700000001000000, "fields": [], "files": [
            {"file_path": "b.bin", "version": 2, "moved_from": "a.bin", "file": {"file_type": "bin", "mode": "100755",
             "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "size": 2, "is_binary": true,
             "content": {"base64": "AP8="}}}]}"#,
    ),
    (
        "a file that is too large to travel",
        r#"{"seq": 3, "checksum": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
            "sender": "00000000-0000-4000-8000-0000000000a1", "committed_at": 1700000001500000, "fields": [], "files": [
            {"file_path": "large", "version": 1, "file": {"file_type": "text", "mode": "100644", "is_binary": false,
             "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "size": 536870912,
             "content": "omitted"}}]}"#,
    ),
    (
        "a file whose content nobody asked for",
        r#"{"seq": 4, "checksum": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            "sender": "00000000-0000-4000-8000-0000000000a1", "committed_at": 0, "fields": [], "files": [
            {"file_path": "link", "version": 3, "file": {"file_type": "link", "mode": "120000", "is_binary": false,
             "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "size": 1,
             "content": "not_asked"}}]}"#,
    ),
    (
        "a file that is gone, after it was changed",
        r#"{"seq": 5, "checksum": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
            "sender": "00000000-0000-4000-8000-0000000000a1", "committed_at": 1700000002000001, "fields": [], "files": [
            {"file_path": "a", "version": 4, "file": {"file_type": "text", "mode": "100644", "is_binary": false,
             "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "size": 1,
             "content": {"base64": "eA=="}}},
            {"file_path": "a", "version": 5}]}"#,
    ),
    (
        "several files, of which one changed twice, with fields and an asset",
        r#"{"seq": 6, "checksum": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            "sender": "00000000-0000-4000-8000-0000000000a1", "committed_at": 1700000002000010, "files": [
            {"file_path": "a", "version": 6, "file": {"file_type": "text", "mode": "100644", "is_binary": false,
             "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "size": 1,
             "content": {"base64": "eA=="}}},
            {"file_path": "b", "version": 1},
            {"file_path": "a", "version": 7, "file": {"file_type": "text", "mode": "100644", "is_binary": false,
             "content_hash": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "size": 0,
             "content": {"base64": ""}}},
            {"file_path": "c", "version": 1, "file": {"file_type": "text", "mode": "100644", "is_binary": false,
             "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "size": 1,
             "content": "archived"}},
            {"file_path": "d", "version": 1, "file": {"file_type": "text", "mode": "100644", "is_binary": false,
             "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "size": 1,
             "content": "collected"}}],
            "fields": [{"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "T"}],
            "assets": [{"content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "filename": "a.png",
                "media_type": "image/png", "asset_type": "image", "size": 1, "is_deleted": false}]}"#,
    ),
    (
        "fields of entities, whose last state counts",
        r#"{"seq": 7, "checksum": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
            "sender": "00000000-0000-4000-8000-0000000000a1", "committed_at": 1700000003000000, "fields": [
            {"op": "field.set", "entity_type": "task", "entity_id": "2", "field": "n", "value": 1424953923781206.25},
            {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "a", "value": {"b": [1e21, -0.5], "a": null}},
            {"op": "field.set", "entity_type": "task", "entity_id": "2", "field": "n", "value": null},
            {"op": "field.unset", "entity_type": "task", "entity_id": "2", "field": "m"},
            {"op": "entity.delete", "entity_type": "task", "entity_id": "1", "field": "a"},
            {"op": "entity.delete", "entity_type": "task", "entity_id": "1", "field": "b"},
            {"op": "entity.delete", "entity_type": "page", "entity_id": "1", "field": "a"},
            {"op": "field.set", "entity_type": "page", "entity_id": "1", "field": "a", "value": "again"}]}"#,
    ),
    (
        "fields that are too large to travel",
        r#"{"seq": 8, "checksum": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            "sender": "00000000-0000-4000-8000-0000000000a1", "committed_at": 1700000003000000}"#,
    ),
    (
        "assets, whose last state counts",
        r#"{"seq": 9, "checksum": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
            "sender": "00000000-0000-4000-8000-0000000000a1", "committed_at": 1700000004000000, "fields": [], "assets": [
            {"content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "filename": "a.png",
             "media_type": "image/png", "asset_type": "image", "size": 1, "is_deleted": false},
            {"content_hash": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "filename": "\u00fc",
             "media_type": "text/plain; charset=utf-8", "asset_type": "note", "size": 0, "is_deleted": false},
            {"content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "filename": "a.png",
             "media_type": "image/png", "asset_type": "image", "size": 1, "is_deleted": true, "reason": "old"}]}"#,
    ),
    (
        "a snapshot",
        r#"{"seq": 10, "checksum": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            "sender": "00000000-0000-0000-0000-000000000000", "committed_at": 1700000005000000, "fields": [],
            "op": {"op": "snapshot.ready", "snapshot_id": "01890a5d-ac96-774b-bcce-b302099a8057", "seq": 9, "since_seq": 4,
                "format": "tar.zst", "size": 150, "file_count": 2,
                "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"}}"#,
    ),
];

fn event(title: &'static str, text: &str) -> Event {
    let given = value(text);
    let Input { seq, checksum, sender, from_peer, committed_at, op, files, fields, assets } =
        serde_json::from_value(given.clone()).expect(title);
    let origin = Origin { sender, from_peer, committed_at };
    let files: Vec<Change> = files.into_iter().map(Change::from).collect();
    let fields: Option<Vec<FieldChange>> =
        fields.map(|fields| fields.into_iter().map(FieldChange::from).collect());
    let assets: Vec<AssetChange> = assets.into_iter().map(AssetChange::from).collect();
    let (event, payload) = match &op {
        Some(op) => (other_name(op["op"].as_str().expect("a name")), build_other(&origin, op)),
        None => {
            let paths = files.iter().map(|change| (change.file_path.as_str(), change.file.is_some()));
            let has_fields = fields.as_ref().is_none_or(|fields| !fields.is_empty());
            let event = name(paths, has_fields, !assets.is_empty());
            (event, build(event, &origin, files, fields, assets))
        }
    };
    Event {
        name: title,
        input: given,
        event,
        message: message(seq, &Mark::of(&checksum), committed_at, &payload),
        hint: value(&hint(event, seq, committed_at)),
        payload,
    }
}

#[test]
fn payloads() {
    let events: Vec<Event> = INPUTS.iter().map(|(title, text)| event(title, text)).collect();
    let seen: BTreeSet<&str> = events.iter().map(|event| event.event).collect();
    let known = [single(true), single(false), BULK, ENTITY_UPDATE, ASSET_UPDATE, SNAPSHOT_READY];
    assert_eq!(seen, BTreeSet::from(known));
    check("event", &Events { about: ABOUT, events });
}
