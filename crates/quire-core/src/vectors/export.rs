//! `export.json`: the files of an export, and what a reader recomputes from them.

use super::content::{BYTES, FILES_ZIP, TARGET, TEXT, in_base64};
use super::log::{Log, Row, keep, moved, put, set};
use super::{OpVector, check, value};
use crate::archive::{Entry, Format, Limits, Member, Writer, read_below};
use crate::chain::BundleHeader;
use crate::content::{Codec, is_binary};
use crate::export::{
    AssetRecord, BLOBS, BundleRecord, EntityRecord, FILES, FORMAT, FORMAT_VERSION, GoneRecord, Lines,
    PROJECT, Reader, add,
};
use crate::hash::Hash;
use crate::id::Seq;
use crate::json::encode_base64;
use crate::mode::Mode;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Cursor;
use uuid::Uuid;

const ABOUT: &str = "archive has the files of an export in order, without README.txt and without histories of which nothing is \
    recomputed. Each of the lines of a history is the RFC 8785 form of its object, and ends with a line feed. input is what a database has; the rest follows from it. \
    recomputed: the checksum of each operation (BLAKE3 of op in RFC 8785 form) and of each bundle (BLAKE3 of the checksum before, \
    the header in RFC 8785 form, and the checksums of its operations), the BLAKE3 of each content that is there, and what the \
    operations lead to: version, type, mode, size and BLAKE3 of each current file, the fields of each entity, and the assets. \
    versions of a bundle are the ids of the versions it made, in order. contents are in base64; the one in gone is not in the archive. archives: the snapshot.";

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
    archives: Vec<String>,
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
    ops: Vec<Value>,
    versions: Vec<Uuid>,
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
    files: BTreeMap<String, Value>,
    entities: Vec<EntityRecord>,
    assets: Vec<AssetRecord>,
}

#[derive(Serialize)]
struct Link {
    seq: Seq,
    operations: Vec<Hash>,
    checksum: Hash,
}

const SCRIPT: &[u8] = b"#!/bin/sh\n";
const OTHER_TARGET: &[u8] = b"bytes";
const PICTURE: &[u8] = b"pic";
const LOST: &[u8] = b"\xfflost";
const CONTENTS: [&[u8]; 7] = [TEXT, SCRIPT, TARGET, OTHER_TARGET, BYTES, PICTURE, LOST];

/// Bundle `seq`, with its time for people, and what it did.
fn bundle(seq: i64, committed_at: &'static str, header: &str, ops: Vec<Value>) -> Bundle {
    let mut header = value(header);
    header["project_id"] = "6f8a3c1e-0000-4000-8000-000000000001".into();
    header["bundle_id"] = format!("01890a5d-ac96-774b-bcce-b302099a80{seq:02}").into();
    header["seq"] = seq.into();
    let author = match header["actor_id"].as_str() {
        Some("00000000-0000-4000-8000-0000000000a1") => "\u{c4}nn",
        Some("00000000-0000-4000-8000-0000000000a2") => "Bob",
        _ => "system",
    };
    let made = ops.iter().map(|op| match op["op"].as_str() {
        Some("file.move") => 2,
        Some("file.put" | "file.delete") => 1,
        _ => 0,
    });
    let versions = (0..made.sum())
        .map(|n: u128| Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce << 48 | (seq as u128) << 8 | n));
    Bundle { header, author, committed_at, details: Value::Null, versions: versions.collect(), ops }
}

fn bundles() -> Vec<Bundle> {
    let old = json!({"b": [1e21], "a": "\u{fffd}"});
    let snapshot = value(
        r#"{"op": "snapshot.ready", "snapshot_id": "01890a5d-ac96-774b-bcce-b302099a8057", "seq": 5, "format": "zip", "size": 397,
            "content_hash": "37b481f03d40651d5d6863c223b6804352382bedfd5589687d067066db971054", "file_count": 3}"#,
    );
    let mut bundles = vec![
        bundle(
            1,
            "2023-11-14T22:13:20.123456Z",
            r#"{"kind": "user_edit", "actor_id": "00000000-0000-4000-8000-0000000000a1", "message": "caf\u00e9 \"one\"\n",
                "correlation_id": "01890a5d-ac96-774b-bcce-b302099a80c1", "base_seq": null, "committed_at": 1700000000123456}"#,
            vec![
                put("caf\u{e9}/a.txt", "text", "100644", TEXT),
                put("run", "text", "100755", SCRIPT),
                set("t", "1", "x", json!(1.5)),
                set("t", "1", "y", Value::Null),
                set("t", "2", "z", old),
                keep("\u{e4}.png", "image/png", "image", PICTURE),
                keep("lost.png", "image/png", "image", LOST),
            ],
        ),
        bundle(
            2,
            "2023-11-14T22:13:21.000000Z",
            r#"{"kind": "job_output", "actor_id": "00000000-0000-4000-8000-0000000000a2", "message": null, "correlation_id": null,
                "base_seq": 1, "committed_at": 1700000001000000}"#,
            vec![
                moved("caf\u{e9}/a.txt", "src/a.txt"),
                json!({"op": "file.delete", "file_path": "run"}),
                put("src/link", "text", "120000", TARGET),
                put("src/bytes", "text", "100644", BYTES),
                set("t", "1", "x", json!(1_424_953_923_781_206.2)),
                json!({"op": "field.unset", "entity_type": "t", "entity_id": "1", "field": "y"}),
                json!({"op": "entity.delete", "entity_type": "t", "entity_id": "2"}),
                json!({"op": "asset.delete", "content_hash": Hash::of(LOST), "reason": "out of date"}),
            ],
        ),
        bundle(
            3,
            "2023-11-14T22:13:22.000001Z",
            r#"{"kind": "user_edit", "actor_id": "00000000-0000-4000-8000-0000000000a2", "message": "back", "correlation_id": null,
                "base_seq": 2, "committed_at": 1700000002000001}"#,
            vec![
                moved("src/a.txt", "caf\u{e9}/a.txt"),
                put("src/link", "text", "120000", OTHER_TARGET),
                set("t", "1", "x", json!("other")),
                set("t", "1", "new", json!([])),
                keep("other.png", "image/png", "image", PICTURE),
            ],
        ),
        bundle(
            4,
            "2023-11-14T22:13:22.500000Z",
            r#"{"kind": "undo", "undoes_seq": 3, "actor_id": "00000000-0000-4000-8000-0000000000a2", "message": null,
                "correlation_id": null, "base_seq": null, "committed_at": 1700000002500000}"#,
            vec![
                json!({"op": "file.delete", "file_path": "caf\u{e9}/a.txt"}),
                put("src/a.txt", "text", "100644", TEXT),
                put("src/link", "text", "120000", TARGET),
                json!({"op": "field.unset", "entity_type": "t", "entity_id": "1", "field": "new"}),
                set("t", "1", "x", json!(1_424_953_923_781_206.2)),
                keep("\u{e4}.png", "image/png", "image", PICTURE),
            ],
        ),
        bundle(
            5,
            "2023-11-14T22:13:22.700000Z",
            r#"{"kind": "user_edit", "actor_id": "00000000-0000-4000-8000-0000000000a1", "message": "", "correlation_id": null,
                "base_seq": 4, "committed_at": 1700000002700000}"#,
            vec![moved("src/a.txt", "caf\u{e9}/a.txt")],
        ),
        bundle(
            6,
            "2023-11-14T22:13:23.000000Z",
            r#"{"kind": "system", "actor_id": "00000000-0000-0000-0000-000000000000", "message": null, "correlation_id": null,
                "base_seq": null, "committed_at": 1700000003000000}"#,
            vec![snapshot.clone()],
        ),
        bundle(
            7,
            "2023-11-14T22:13:24.000000Z",
            r#"{"kind": "import", "actor_id": "00000000-0000-4000-8000-0000000000a1", "message": null, "correlation_id": null,
                "base_seq": null, "committed_at": 1700000004000000}"#,
            vec![],
        ),
    ];
    bundles[1].details = json!({"anything": [1, 2.5]});
    bundles[5].details =
        json!({"op": snapshot, "op_checksum": OpVector::of(&snapshot.to_string()).0.checksum});
    bundles
}

fn input() -> Input {
    Input {
        project: json!({"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "name": "a \"site\"", "kind": "workspace",
            "visibility": "private", "status": "active", "settings": {"max_files": 10},
            "created_by": "00000000-0000-4000-8000-0000000000a1", "created_at": "2023-11-14T22:13:19.000000Z"}),
        bundles: bundles(),
        contents: in_base64(&CONTENTS),
        archives: vec![FILES_ZIP.to_owned()],
        gone: vec![
            json!({"content_hash": Hash::of(LOST), "size": LOST.len(), "is_binary": true, "state": "collected",
            "when": "2023-11-14T22:13:25Z", "why": null}),
        ],
        tags: vec![
            json!({"tag": "v1 \u{e9}", "seq": 1, "created_by": "00000000-0000-4000-8000-0000000000a1", "author": "\u{c4}nn",
            "created_at": "2023-11-14T22:13:26.000000Z"}),
        ],
    }
}

/// The lines of the log, what a reader finds of them, and what they lead to.
struct Lined {
    bundles: Vec<BundleRecord>,
    operations: Vec<Value>,
    versions: Vec<Value>,
    links: Vec<Link>,
    log: Log,
    /// Of each path, what is its newest version.
    newest: BTreeMap<String, i64>,
}

fn lined(bundles: &[Bundle]) -> Lined {
    let (mut newest, mut parents) = (BTreeMap::new(), BTreeMap::new());
    let (mut records, mut operations, mut versions, mut links) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut log = Log::default();
    for Bundle { header, author, committed_at, details, ops, versions: ids } in bundles {
        let header: BundleHeader = serde_json::from_value(header.clone()).expect("a header");
        let bundled = log.bundle(&header, ops);
        let mut ids = ids.iter();
        for (ordinal, (op, done)) in (1..).zip(ops.iter().zip(&bundled.ops)) {
            let (checksum, before, after) = (done.checksum, &done.before, &done.after);
            operations.push(json!({"seq": header.seq, "ordinal": ordinal, "op": op, "checksum": checksum, "before": before,
                "after": after}));
            for row in &done.rows {
                let id = ids.next().expect("an id");
                let parent = parents.insert(row.path.clone(), *id);
                newest.insert(row.path.clone(), row.version);
                let mut version = version(row);
                version["seq"] = header.seq.into();
                version["ordinal"] = ordinal.into();
                version["op"] = op["op"].clone();
                version["id"] = json!(id);
                version["parent_version_id"] = json!(parent);
                version["committed_at"] = (*committed_at).into();
                versions.push(version);
            }
        }
        assert!(ids.next().is_none(), "bundle {} made fewer versions", header.seq);
        links.push(Link {
            seq: header.seq,
            operations: bundled.ops.iter().map(|done| done.checksum).collect(),
            checksum: bundled.checksum,
        });
        records.push(BundleRecord {
            header,
            author: Some((*author).to_owned()),
            committed_at: (*committed_at).to_owned(),
            op_count: ops.len(),
            prev_checksum: bundled.previous,
            checksum: bundled.checksum,
            details: Some(details.clone()).filter(|details| !details.is_null()),
        });
    }
    Lined { bundles: records, operations, versions, links, log, newest }
}

/// What a line of `versions` says of the version alone.
fn version(row: &Row) -> Value {
    let Row { path, version, file, is_deleted, moved } = row;
    let bytes = content(&file["content_hash"]);
    let (moved_path, moved_version) = moved.clone().unzip();
    json!({"file_path": path, "version": version, "file_type": file["file_type"], "mode": file["mode"], "is_deleted": is_deleted,
        "content_hash": if *is_deleted { &Value::Null } else { &file["content_hash"] },
        "size": if *is_deleted { 0 } else { bytes.len() }, "is_binary": !is_deleted && is_binary(bytes),
        "moved_path": moved_path, "moved_version": moved_version})
}

fn content(hash: &Value) -> &'static [u8] {
    let is_it = |content: &&[u8]| json!(Hash::of(content)) == *hash;
    CONTENTS.into_iter().find(is_it).expect("a content")
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
    assert_eq!((export.bundles.len(), export.gone.len(), export.tags.len()), (7, 1, 1));
    files
}

#[test]
fn archive() {
    let input = input();
    let Lined { bundles, operations, versions, links, log, newest } = lined(&input.bundles);
    let last = links.last().expect("a bundle");
    let files = log.now.files.iter().map(|(path, file)| {
        let mode = Mode::parse(file["mode"].as_str().expect("a mode")).expect("a mode");
        (path.as_str(), mode, content(&file["content_hash"]))
    });
    let files: Vec<_> = files.collect();
    let mut project = input.project.clone();
    for (member, of) in [
        ("format", json!(FORMAT)),
        ("format_version", json!(FORMAT_VERSION)),
        ("seq", json!(last.seq)),
        ("checksum", json!(last.checksum)),
        ("file_count", json!(files.len())),
        ("total_bytes", json!(files.iter().map(|(_, _, content)| content.len()).sum::<usize>())),
    ] {
        project[member] = of;
    }
    let gone: Vec<GoneRecord> =
        input.gone.iter().map(|gone| serde_json::from_value(gone.clone()).expect("a record")).collect();
    let mut blobs: Vec<(Hash, &[u8])> =
        CONTENTS.into_iter().map(|content| (Hash::of(content), content)).collect();
    blobs.retain(|(hash, _)| gone.iter().all(|gone| gone.content_hash != *hash));
    blobs.sort_by_key(|(hash, _)| *hash);
    let entities = log.now.entities.iter().map(|((entity_type, entity_id), fields)| EntityRecord {
        entity_type: entity_type.clone(),
        entity_id: entity_id.clone(),
        fields: fields.clone(),
    });
    let entities: Vec<EntityRecord> = entities.collect();
    let assets =
        log.now.assets.values().map(|asset| serde_json::from_value(asset.clone()).expect("a record"));
    let assets: Vec<AssetRecord> = assets.collect();

    let mut archive = Writer::new(Format::Zip, Vec::new()).expect("starts");
    add(&mut archive, PROJECT, &serde_json::to_vec_pretty(&project).expect("JSON"), 0).expect("a file");
    add_lines(&mut archive, "bundles", &bundles);
    add_lines(&mut archive, "operations", &operations);
    add_lines(&mut archive, "versions", &versions);
    add_lines(&mut archive, "tags", &input.tags);
    add_lines(&mut archive, "entities", &entities);
    add_lines(&mut archive, "assets", &assets);
    add_lines(&mut archive, "gone", &gone);
    for (path, mode, content) in files {
        add_file(&mut archive, FILES, path, mode, content);
    }
    for (hash, content) in &blobs {
        add_file(&mut archive, BLOBS, &hash.to_hex(), Mode::Regular, content);
    }
    let archive = unpacked(&archive.finish().expect("finishes"));

    let current = log.now.files.iter().map(|(path, file)| {
        let mut file = file.clone();
        file["version"] = newest[path].into();
        (path.clone(), file)
    });
    let recomputed = Recomputed {
        blobs: blobs.into_iter().map(|(hash, _)| hash).collect(),
        files: current.collect(),
        bundles: links,
        entities,
        assets,
    };
    check("export", &File { about: ABOUT, input, archive, recomputed });
}
