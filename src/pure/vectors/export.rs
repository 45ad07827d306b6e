//! `export.json`: the files of an export, and what a reader recomputes from them.

use super::{OpVector, check, value};
use crate::pure::archive::{Entry, Format, Limits, Member, Writer, read_below};
use crate::pure::chain::{BundleHeader, checksum};
use crate::pure::content::Codec;
use crate::pure::export::{
    AssetRecord, BLOBS, BundleRecord, EntityRecord, FILES, FORMAT, FORMAT_VERSION, GoneRecord, Lines,
    PROJECT, Reader, add,
};
use crate::pure::hash::Hash;
use crate::pure::json::encode_base64;
use crate::pure::op::Mode;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Cursor;

const ABOUT: &str = "archive has the files of an export in order, without README.txt and without histories of which nothing is \
    recomputed. Each of the lines of a history is the RFC 8785 form of its object, and ends with a line feed. input is what a database has; the rest follows from it. \
    recomputed: the checksum of each operation (BLAKE3 of op in RFC 8785 form) and of each bundle (BLAKE3 of the checksum before, \
    the header in RFC 8785 form, and the checksums of its operations), the BLAKE3 of each content that is there, and mode and \
    BLAKE3 of each current file. contents are in base64; the one in gone is not in the archive.";

#[derive(Serialize)]
struct File {
    about: &'static str,
    input: Input,
    archive: Vec<Packed>,
    recomputed: Recomputed,
}

#[derive(Serialize)]
struct Input {
    project: Value,
    bundles: Vec<Bundle>,
    contents: Vec<String>,
    gone: Vec<Value>,
    tags: Vec<Value>,
}

/// A bundle: what its checksum covers, and what else its line says.
#[derive(Serialize)]
struct Bundle {
    header: Value,
    author: &'static str,
    committed_at: &'static str,
    details: Value,
    ops: Vec<Logged>,
}

/// An operation, with what its target was and became.
#[derive(Serialize)]
struct Logged {
    op: Value,
    before: Value,
    after: Value,
}

/// A file of the archive: the lines of a history, text, or base64 of what is none.
#[derive(Serialize)]
struct Packed {
    path: String,
    mode: Mode,
    #[serde(flatten)]
    content: Content,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    Lines(Vec<String>),
    Text(String),
    Base64(String),
}

impl Content {
    fn of(path: &str, bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) if path.ends_with(".jsonl") => {
                let lines = text.strip_suffix('\n').expect("a line break at the end");
                Content::Lines(lines.split('\n').map(str::to_owned).collect())
            }
            Ok(text) => Content::Text(text),
            Err(error) => Content::Base64(encode_base64(error.as_bytes())),
        }
    }
}

#[derive(Serialize)]
struct Recomputed {
    bundles: Vec<Link>,
    blobs: Vec<Hash>,
    files: BTreeMap<String, (Mode, Hash)>,
}

#[derive(Serialize)]
struct Link {
    seq: i64,
    operations: Vec<Hash>,
    checksum: Hash,
}

const TEXT: &[u8] = "eins \u{e9}\u{1f600}\n".as_bytes();
const SCRIPT: &[u8] = b"#!/bin/sh\n";
const TARGET: &[u8] = b"a.txt";
const BYTES: &[u8] = b"\x00\xff";
const PICTURE: &[u8] = b"pic";
const LOST: &[u8] = b"lost";
const CONTENTS: [&[u8]; 6] = [TEXT, SCRIPT, TARGET, BYTES, PICTURE, LOST];

fn logged(op: Value, before: Value, after: Value) -> Logged {
    Logged { op, before, after }
}

fn put(path: &str, mode: &str, content: &[u8]) -> Logged {
    let (hash, size) = (Hash::of(content), content.len());
    logged(
        json!({"op": "file.put", "file_path": path, "file_type": "text", "mode": mode, "content_hash": hash, "size": size}),
        Value::Null,
        json!({"version": 1, "content_hash": hash, "file_type": "text", "mode": mode, "size": size}),
    )
}

fn moved(from: &str, to: &str, from_version: i32, version: i32) -> Logged {
    logged(
        json!({"op": "file.move", "from_path": from, "to_path": to}),
        json!({"file_path": from, "version": from_version, "content_hash": Hash::of(TEXT)}),
        json!({"version": version, "content_hash": Hash::of(TEXT), "file_type": "text", "mode": "100644", "size": TEXT.len()}),
    )
}

fn set(id: &str, field: &str, before: Value, to: Value) -> Logged {
    logged(
        json!({"op": "field.set", "entity_type": "t", "entity_id": id, "field": field, "value": to}),
        before,
        json!({"value": to}),
    )
}

fn keep(filename: &str, content: &[u8]) -> Logged {
    let kept = json!({"content_hash": Hash::of(content), "filename": filename, "media_type": "image/png", "asset_type": "image",
                      "size": content.len()});
    let mut op = kept.clone();
    op["op"] = "asset.put".into();
    logged(op, Value::Null, kept)
}

fn bundles() -> Vec<Bundle> {
    let snapshot = json!({"op": "snapshot.ready", "snapshot_id": "01890a5d-ac96-774b-bcce-b302099a8057", "seq": 3,
        "format": "zip", "size": 150, "content_hash": Hash::of(b"an archive"), "file_count": 3});
    vec![
        Bundle {
            header: value(
                r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 1, "kind": "user_edit",
                    "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8001", "actor_id": "00000000-0000-4000-8000-0000000000a1",
                    "message": "caf\u00e9 \"one\"\n", "correlation_id": "01890a5d-ac96-774b-bcce-b302099a80c1", "base_seq": null,
                    "committed_at": 1700000000123456}"#,
            ),
            author: "Änn",
            committed_at: "2023-11-14T22:13:20.123456Z",
            details: Value::Null,
            ops: vec![
                put("café/a.txt", "100644", TEXT),
                put("run", "100755", SCRIPT),
                set("1", "x", Value::Null, json!(1.5)),
                set("1", "y", Value::Null, Value::Null),
                set("2", "z", Value::Null, json!({"b": [1e21], "a": "\u{fffd}"})),
                keep("ä.png", PICTURE),
                keep("lost.png", LOST),
            ],
        },
        Bundle {
            header: value(
                r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 2, "kind": "job_output",
                    "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8002", "actor_id": "00000000-0000-4000-8000-0000000000a2",
                    "message": null, "correlation_id": null, "base_seq": 1, "committed_at": 1700000001000000}"#,
            ),
            author: "Bob",
            committed_at: "2023-11-14T22:13:21.000000Z",
            details: json!({"anything": [1, 2.5]}),
            ops: vec![
                moved("café/a.txt", "src/a.txt", 1, 1),
                logged(
                    json!({"op": "file.delete", "file_path": "run"}),
                    json!({"version": 1, "content_hash": Hash::of(SCRIPT), "file_type": "text", "mode": "100755"}),
                    Value::Null,
                ),
                put("src/link", "120000", TARGET),
                put("src/bytes", "100644", BYTES),
                set("1", "x", json!({"value": 1.5}), json!(1_424_953_923_781_206.2)),
                logged(
                    json!({"op": "field.unset", "entity_type": "t", "entity_id": "1", "field": "y"}),
                    json!({"value": null}),
                    Value::Null,
                ),
                logged(
                    json!({"op": "entity.delete", "entity_type": "t", "entity_id": "2"}),
                    json!({"z": {"b": [1e21], "a": "\u{fffd}"}}),
                    Value::Null,
                ),
                logged(
                    json!({"op": "asset.delete", "content_hash": Hash::of(LOST), "reason": "out of date"}),
                    json!({"filename": "lost.png", "media_type": "image/png", "asset_type": "image", "size": LOST.len()}),
                    json!({"is_deleted": true, "reason": "out of date"}),
                ),
            ],
        },
        Bundle {
            header: value(
                r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 3, "kind": "undo", "undoes_seq": 2,
                    "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8003", "actor_id": "00000000-0000-4000-8000-0000000000a2",
                    "message": "back", "correlation_id": null, "base_seq": 2, "committed_at": 1700000002000001}"#,
            ),
            author: "Bob",
            committed_at: "2023-11-14T22:13:22.000001Z",
            details: Value::Null,
            ops: vec![moved("src/a.txt", "café/a.txt", 1, 3)],
        },
        Bundle {
            header: value(
                r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 4, "kind": "system",
                    "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8004", "actor_id": "00000000-0000-0000-0000-000000000000",
                    "message": null, "correlation_id": null, "base_seq": null, "committed_at": 1700000003000000}"#,
            ),
            author: "system",
            committed_at: "2023-11-14T22:13:23.000000Z",
            details: json!({"op": snapshot}),
            ops: vec![logged(snapshot.clone(), Value::Null, snapshot)],
        },
        Bundle {
            header: value(
                r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 5, "kind": "import",
                    "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8005", "actor_id": "00000000-0000-4000-8000-0000000000a1",
                    "message": null, "correlation_id": null, "base_seq": null, "committed_at": 1700000004000000}"#,
            ),
            author: "Änn",
            committed_at: "2023-11-14T22:13:24.000000Z",
            details: Value::Null,
            ops: vec![],
        },
    ]
}

fn input() -> Input {
    Input {
        project: json!({"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "name": "a \"site\"", "kind": "workspace",
            "visibility": "private", "status": "active", "settings": {"max_files": 10},
            "created_by": "00000000-0000-4000-8000-0000000000a1", "created_at": "2023-11-14T22:13:19.000000Z", "file_count": 3,
            "total_bytes": TEXT.len() + TARGET.len() + BYTES.len() + PICTURE.len()}),
        bundles: bundles(),
        contents: CONTENTS.map(encode_base64).to_vec(),
        gone: vec![
            json!({"content_hash": Hash::of(LOST), "size": LOST.len(), "is_binary": true, "state": "collected",
            "when": "2023-11-14T22:13:25Z", "why": null}),
        ],
        tags: vec![
            json!({"tag": "v1 é", "seq": 1, "created_by": "00000000-0000-4000-8000-0000000000a1", "author": "Änn",
            "created_at": "2023-11-14T22:13:26.000000Z"}),
        ],
    }
}

/// The current files, entities and assets: what the log leads to.
fn files() -> [(&'static str, Mode, &'static [u8]); 3] {
    [
        ("café/a.txt", Mode::Regular, TEXT),
        ("src/bytes", Mode::Regular, BYTES),
        ("src/link", Mode::Symlink, TARGET),
    ]
}

fn entity() -> EntityRecord {
    let fields = json!({"x": 1_424_953_923_781_206.2});
    let fields = fields.as_object().expect("an object").clone();
    EntityRecord { entity_type: "t".into(), entity_id: "1".into(), fields }
}

fn asset() -> AssetRecord {
    AssetRecord {
        content_hash: Hash::of(PICTURE),
        filename: "ä.png".into(),
        media_type: "image/png".into(),
        asset_type: "image".into(),
        size: PICTURE.len() as i64,
    }
}

/// The lines of the log, and what a reader finds of them.
fn log(bundles: &[Bundle]) -> (Vec<BundleRecord>, Vec<Value>, Vec<Link>) {
    let (mut records, mut lines, mut links) = (Vec::new(), Vec::new(), Vec::new());
    let mut prev_checksum = Hash::ZERO;
    for Bundle { header, author, committed_at, details, ops } in bundles {
        let header: BundleHeader = serde_json::from_value(header.clone()).expect("a header");
        let mut operations = Vec::new();
        for (ordinal, Logged { op, before, after }) in (1..).zip(ops) {
            let checksum = OpVector::of(&op.to_string()).0.checksum;
            lines.push(json!({"seq": header.seq, "ordinal": ordinal, "op": op, "checksum": checksum, "before": before,
                "after": after}));
            operations.push(checksum);
        }
        let checksum = checksum(&prev_checksum, &header, &operations).expect("a checksum");
        links.push(Link { seq: header.seq, operations, checksum });
        records.push(BundleRecord {
            header,
            author: Some((*author).to_owned()),
            committed_at: (*committed_at).to_owned(),
            op_count: ops.len(),
            prev_checksum,
            checksum,
            details: Some(details.clone()).filter(|details| !details.is_null()),
        });
        prev_checksum = checksum;
    }
    (records, lines, links)
}

fn add_lines(archive: &mut Writer<Vec<u8>>, what: &'static str, records: &[impl Serialize]) {
    let mut lines = Lines::new(what, 0);
    records.iter().try_for_each(|record| lines.push(archive, record)).expect("lines");
    lines.finish(archive).expect("a file");
}

fn add_file(archive: &mut Writer<Vec<u8>>, root: &str, path: &str, mode: Mode, content: &[u8]) {
    let entry = Entry { path, mode, size: content.len() as u64, hash: Hash::of(content), modified_at: 0 };
    archive.begin_below(root, &entry).expect("begins");
    archive.part(Codec::Raw, content.len(), content).expect("a part");
    archive.end().expect("ends");
}

/// The files of an archive that a reader has found sound.
fn unpacked(archive: &[u8]) -> Vec<Packed> {
    let limits = Limits {
        max_files: 100,
        max_file_bytes: 1 << 20,
        max_total_bytes: 1 << 20,
        max_name_bytes: 1 << 20,
        bytes_per_file: 0,
    };
    let (mut reader, mut files) = (Reader::default(), Vec::new());
    read_below(FILES, Format::Zip, Cursor::new(archive), &limits, |member| {
        reader.take(&member)?;
        let Member { path, mode, bytes } = member;
        let content = Content::of(path.as_str(), bytes);
        files.push(Packed { path: path.as_str().to_owned(), mode, content });
        Ok(())
    })
    .expect("reads");
    let export = reader.finish().expect("sound");
    assert_eq!((export.bundles.len(), export.gone.len(), export.tags.len()), (5, 1, 1));
    files
}

#[test]
fn archive() {
    let input = input();
    let (records, operations, links) = log(&input.bundles);
    let newest = links.last().expect("a bundle");
    let mut project = input.project.clone();
    for (member, of) in [
        ("format", json!(FORMAT)),
        ("format_version", json!(FORMAT_VERSION)),
        ("seq", json!(newest.seq)),
        ("checksum", json!(newest.checksum)),
    ] {
        project[member] = of;
    }
    let gone: Vec<GoneRecord> =
        input.gone.iter().map(|gone| serde_json::from_value(gone.clone()).expect("a record")).collect();
    let mut blobs: Vec<(Hash, &[u8])> =
        CONTENTS.into_iter().map(|content| (Hash::of(content), content)).collect();
    blobs.retain(|(hash, _)| gone.iter().all(|gone| gone.content_hash != *hash));
    blobs.sort_by_key(|(hash, _)| *hash);

    let mut archive = Writer::new(Format::Zip, Vec::new()).expect("starts");
    add(&mut archive, PROJECT, &serde_json::to_vec_pretty(&project).expect("JSON"), 0).expect("a file");
    add_lines(&mut archive, "bundles", &records);
    add_lines(&mut archive, "operations", &operations);
    add_lines(&mut archive, "tags", &input.tags);
    add_lines(&mut archive, "entities", &[entity()]);
    add_lines(&mut archive, "assets", &[asset()]);
    add_lines(&mut archive, "gone", &gone);
    for (path, mode, content) in files() {
        add_file(&mut archive, FILES, path, mode, content);
    }
    for (hash, content) in &blobs {
        add_file(&mut archive, BLOBS, &hash.to_hex(), Mode::Regular, content);
    }
    let archive = unpacked(&archive.finish().expect("finishes"));

    let current = files().map(|(path, mode, content)| (path.to_owned(), (mode, Hash::of(content))));
    let recomputed = Recomputed {
        bundles: links,
        blobs: blobs.into_iter().map(|(hash, _)| hash).collect(),
        files: BTreeMap::from(current),
    };
    check("export", &File { about: ABOUT, input, archive, recomputed });
}
