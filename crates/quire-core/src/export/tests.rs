//! Exports that are in order, and those that are not.

use super::*;
use crate::archive::{Entry, Format, Limits, Member, Writer, read_below};
use crate::chain;
use crate::content::Codec;
use crate::error::{Code, Result};
use crate::id::{ActorId, BundleId, Seq};
use crate::json::canonical;
use crate::mode::Mode;
use crate::op::Op;
use crate::path::FilePath;
use serde_json::json;
use std::io::Cursor;
use uuid::Uuid;

const LIMITS: Limits = Limits {
    max_files: 1000,
    max_file_bytes: 1 << 24,
    max_total_bytes: 1 << 24,
    max_name_bytes: 1 << 20,
    bytes_per_file: 0,
};

/// A project as an exporter sees it.
#[derive(Clone)]
struct Sample {
    project: ProjectRecord,
    bundles: Vec<BundleRecord>,
    ops: Vec<OpRecord>,
    tags: Vec<TagRecord>,
    entities: Vec<EntityRecord>,
    assets: Vec<AssetRecord>,
    gone: Vec<GoneRecord>,
    files: Vec<(&'static str, Mode, &'static str)>,
    blobs: Vec<(String, &'static str)>,
}

fn put(path: &str, content: &str) -> Value {
    json!({"op": "file.put", "file_path": path, "file_type": "text", "mode": "100644",
           "content_hash": Hash::of(content.as_bytes()), "size": content.len()})
}

fn set(id: &str, field: &str, value: Value) -> Value {
    json!({"op": "field.set", "entity_type": "t", "entity_id": id, "field": field, "value": value})
}

fn keep(content: &str, filename: &str) -> Value {
    json!({"op": "asset.put", "content_hash": Hash::of(content.as_bytes()), "filename": filename,
           "media_type": "image/png", "asset_type": "image", "size": content.len()})
}

fn gone(content: &str, state: Whereabouts) -> GoneRecord {
    GoneRecord {
        content_hash: Hash::of(content.as_bytes()),
        size: content.len() as i64,
        is_binary: false,
        state,
        when: Some("2023-11-14T22:13:20.123456Z".into()),
        why: Some("it was old".into()),
    }
}

/// The records of these bundles, all in order.
fn chained(bundles: &[Vec<Value>]) -> Sample {
    let mut sample = Sample {
        project: ProjectRecord {
            format: FORMAT.into(),
            format_version: FORMAT_VERSION,
            project_id: ProjectId(Uuid::from_u128(1)),
            name: "sample".into(),
            kind: "workspace".into(),
            settings: json!({}),
            seq: Seq::of_count(bundles.len()),
            checksum: Hash::ZERO,
        },
        bundles: Vec::new(),
        ops: Vec::new(),
        tags: vec![TagRecord { tag: "v1".into(), seq: Seq::FIRST }],
        entities: Vec::new(),
        assets: Vec::new(),
        gone: Vec::new(),
        files: Vec::new(),
        blobs: Vec::new(),
    };
    for (seq, ops) in Seq::all().zip(bundles) {
        let mut checksums = Vec::new();
        for (ordinal, op) in (1..).zip(ops) {
            let checksum = Hash::of(&canonical(op).expect("canonical"));
            checksums.push(checksum);
            sample.ops.push(OpRecord { seq, ordinal, op: op.clone(), checksum });
        }
        let header = BundleHeader {
            project_id: sample.project.project_id,
            seq,
            bundle_id: BundleId(Uuid::from_u128(seq.0 as u128)),
            kind: "user_edit".into(),
            actor_id: ActorId::SYSTEM,
            message: Some("ünïcödé\n".into()),
            correlation_id: None,
            base_seq: None,
            undoes_seq: (seq == Seq(2)).then_some(Seq::FIRST),
            committed_at: 1_700_000_000_123_456 + seq.0,
        };
        let prev_checksum = sample.project.checksum;
        let checksum = chain::checksum(&prev_checksum, &header, &checksums).expect("checksum");
        sample.project.checksum = checksum;
        sample.bundles.push(BundleRecord {
            header,
            author: Some("Anna".into()),
            committed_at: "2023-11-14T22:13:20.123456Z".into(),
            op_count: ops.len(),
            prev_checksum,
            checksum,
            details: None,
        });
    }
    sample
}

fn blob(content: &'static str) -> (String, &'static str) {
    (Hash::of(content.as_bytes()).to_hex(), content)
}

fn sample() -> Sample {
    let link = json!({"op": "file.put", "file_path": "src/link", "file_type": "link", "mode": "120000",
                      "content_hash": Hash::of(b"../b"), "size": 4});
    let sample = chained(&[
        vec![
            put("a", "one"),
            put("gone", ""),
            set("1", "x", json!(1.5)),
            set("2", "y", json!(null)),
            keep("pic", "a.png"),
            keep("lost", "lost.png"),
        ],
        vec![
            put("a", "two"),
            json!({"op": "file.move", "from_path": "a", "to_path": "b"}),
            json!({"op": "file.delete", "file_path": "gone"}),
            link,
            set("1", "z", json!({"b": [1e21], "a": "\u{fffd}"})),
            json!({"op": "field.unset", "entity_type": "t", "entity_id": "1", "field": "x"}),
            json!({"op": "entity.delete", "entity_type": "t", "entity_id": "2"}),
            keep("pic", "ä.png"),
            json!({"op": "asset.delete", "content_hash": Hash::of(b"lost"), "reason": "outdated"}),
        ],
        vec![json!({
            "op": "snapshot.ready", "snapshot_id": Uuid::from_u128(7), "seq": 2, "format": "zip", "size": 5,
            "content_hash": Hash::of(b"a zip"), "file_count": 2
        })],
        vec![],
    ]);
    let fields = json!({"z": {"a": "\u{fffd}", "b": [1e21]}});
    let fields = fields.as_object().expect("an object").clone();
    Sample {
        entities: vec![EntityRecord { entity_type: "t".into(), entity_id: "1".into(), fields }],
        assets: vec![AssetRecord {
            content_hash: Hash::of(b"pic"),
            filename: "ä.png".into(),
            media_type: "image/png".into(),
            asset_type: "image".into(),
            size: 3,
        }],
        gone: vec![gone("lost", Whereabouts::Collected)],
        files: vec![("b", Mode::Regular, "two"), ("src/link", Mode::Symlink, "../b")],
        blobs: ["one", "", "two", "../b", "pic"].map(blob).to_vec(),
        ..sample
    }
}

fn pack(sample: &Sample) -> Vec<u8> {
    let mut archive = Writer::new(Format::Zip, Vec::new()).expect("starts");
    add(&mut archive, README_NAME, README.as_bytes(), 0).expect("a file");
    add(&mut archive, PROJECT, &serde_json::to_vec_pretty(&sample.project).expect("JSON"), 0)
        .expect("a file");
    lines(&mut archive, "bundles", &sample.bundles);
    lines(&mut archive, "operations", &sample.ops);
    lines(&mut archive, "tags", &sample.tags);
    lines(&mut archive, "entities", &sample.entities);
    lines(&mut archive, "assets", &sample.assets);
    lines(&mut archive, "gone", &sample.gone);
    lines(&mut archive, "something new", &[json!({"nobody": "knows"})]);
    for (path, mode, content) in &sample.files {
        file(&mut archive, FILES, path, *mode, content);
    }
    for (name, content) in &sample.blobs {
        file(&mut archive, BLOBS, name, Mode::Regular, content);
    }
    archive.finish().expect("finishes")
}

fn lines(archive: &mut Writer<Vec<u8>>, what: &'static str, records: &[impl Serialize]) {
    let mut lines = Lines::new(what, 0);
    records.iter().try_for_each(|record| lines.push(archive, record)).expect("lines");
    lines.finish(archive).expect("a file");
}

fn file(archive: &mut Writer<Vec<u8>>, root: &str, path: &str, mode: Mode, content: &str) {
    let (size, hash) = (content.len() as u64, Hash::of(content.as_bytes()));
    let entry = Entry { path, mode, size, hash, modified_at: 0 };
    archive.begin_below(root, &entry).expect("begins");
    archive.part(Codec::Raw, content.len(), content.as_bytes()).expect("a part");
    archive.end().expect("ends");
}

fn unpack(archive: &[u8]) -> Result<Export> {
    let mut reader = Reader::default();
    read_below(FILES, Format::Zip, Cursor::new(archive), &LIMITS, |member| reader.take(&member))?;
    reader.finish()
}

/// The refusal of a sample that was tampered with.
fn refused(tamper: impl FnOnce(&mut Sample)) -> String {
    let mut sample = sample();
    tamper(&mut sample);
    let error = unpack(&pack(&sample)).expect_err("refused");
    assert_eq!(error.code(), Code::Invariant, "{error}");
    error.message().trim_start_matches("the export is not sound: ").to_owned()
}

#[test]
fn an_export_comes_back() {
    let sample = sample();
    let export = unpack(&pack(&sample)).expect("sound");
    assert_eq!(export.project, sample.project);
    assert_eq!(export.tags, sample.tags);
    let records: Vec<_> = export.bundles.iter().map(|bundle| bundle.record.clone()).collect();
    assert_eq!(records, sample.bundles);
    assert_eq!(export.bundles.iter().map(|b| b.ops.len()).collect::<Vec<_>>(), [6, 9, 1, 0]);
    assert!(matches!(export.bundles[2].ops[..], [Op::System(_)]));
    assert_eq!(export.contents[&Hash::of(b"one")], ImportedContent { size: 3, is_binary: false });
    assert_eq!(export.gone.values().cloned().collect::<Vec<_>>(), sample.gone);
    assert_eq!(export.describe(&Hash::of(b"lost")), Some(ImportedContent { size: 4, is_binary: false }));
    assert_eq!(export.used().count(), 7);
    assert_eq!(export.links().collect::<Vec<_>>(), [Hash::of(b"../b")]);
    assert_eq!(pack(&sample), pack(&sample), "the same bytes every time");
    let empty = unpack(&pack(&Sample { tags: Vec::new(), ..chained(&[]) })).expect("sound");
    assert!(empty.bundles.is_empty());
}

#[test]
fn the_order_of_files_and_lines_does_not_matter() {
    let mut sample = sample();
    let expected = unpack(&pack(&sample)).expect("sound");
    sample.bundles.reverse();
    sample.ops.reverse();
    sample.blobs.reverse();
    assert_eq!(unpack(&pack(&sample)).expect("sound").bundles, expected.bundles);
}

#[test]
fn long_histories_are_split() {
    let mut archive = Writer::new(Format::Zip, Vec::new()).expect("starts");
    let records: Vec<Value> = (0..90).map(|n| json!({"n": n, "text": "x".repeat(100_000)})).collect();
    lines(&mut archive, "things", &records);
    let mut names = Vec::new();
    let mut found = Vec::new();
    let bytes = archive.finish().expect("finishes");
    read_below(FILES, Format::Zip, Cursor::new(bytes), &LIMITS, |Member { path, bytes, .. }| {
        names.push(path.as_str().to_owned());
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            found.push(serde_json::from_slice::<Value>(line).expect("JSON"));
        }
        Ok(())
    })
    .expect("reads");
    assert_eq!(names, [1, 2, 3].map(|n| format!("history/things/{n:06}.jsonl")));
    assert_eq!(found, records);
}

#[test]
fn whatever_is_changed_is_noticed() {
    assert_eq!(
        refused(|s| s.ops[0].op["file_path"] = "elsewhere".into()),
        "an operation does not match its checksum"
    );
    assert_eq!(refused(|s| s.ops[0].checksum = Hash::ZERO), "an operation does not match its checksum");
    let bundle = "a bundle does not match its checksum";
    assert_eq!(refused(|s| s.bundles[1].header.message = None), bundle);
    assert_eq!(refused(|s| s.bundles[1].header.committed_at += 1), bundle);
    assert_eq!(refused(|s| s.bundles[1].header.undoes_seq = None), bundle);
    assert_eq!(refused(|s| s.bundles[1].checksum = Hash::ZERO), bundle);
    assert_eq!(refused(|s| s.bundles[1].prev_checksum = Hash::ZERO), bundle);
    assert_eq!(refused(|s| s.bundles[1].op_count += 1), bundle);
    assert_eq!(refused(|s| s.project.project_id = ProjectId(Uuid::from_u128(2))), bundle);
    assert_eq!(refused(|s| drop(s.ops.pop())), bundle);
    assert_eq!(refused(|s| drop(s.ops.remove(0))), "operations are missing, or there twice");
    assert_eq!(refused(|s| s.ops.push(s.ops[0].clone())), "operations are missing, or there twice");
    let swap = |s: &mut Sample| (s.ops[0].ordinal, s.ops[1].ordinal) = (2, 1);
    assert_eq!(refused(swap), bundle);
}

#[test]
fn whatever_is_missing_is_noticed() {
    let gap = "the bundles are not numbered without gaps";
    assert_eq!(refused(|s| drop(s.bundles.remove(1))), gap);
    assert_eq!(refused(|s| s.bundles.push(s.bundles[0].clone())), gap);
    assert_eq!(refused(|s| drop(s.bundles.pop())), "the log does not end at the seq of the project");
    assert_eq!(
        refused(|s| s.project.seq = s.project.seq.next()),
        "the log does not end at the seq of the project"
    );
    assert_eq!(
        refused(|s| s.project.checksum = Hash::ZERO),
        "the log does not end at the seq of the project"
    );
    assert_eq!(
        refused(|s| s.ops.push(OpRecord { seq: Seq(9), ..s.ops[0].clone() })),
        "an operation has no bundle"
    );
    assert_eq!(refused(|s| drop(s.blobs.remove(0))), "a content is missing, or has another size");
    assert_eq!(refused(|s| s.blobs[0].1 = "other"), "a content does not have the hash that it is kept under");
    let file = "a file is not what the log makes of it";
    assert_eq!(refused(|s| s.files[0].2 = "other"), file);
    assert_eq!(refused(|s| s.files[0].1 = Mode::Executable), file);
    assert_eq!(refused(|s| s.files.truncate(1)), file);
    assert_eq!(refused(|s| s.files.push(("new", Mode::Regular, ""))), file);
    let entity = "an entity is not what the log makes of it";
    assert_eq!(refused(|s| s.entities.clear()), entity);
    assert_eq!(refused(|s| drop(s.entities[0].fields.insert("new".into(), json!(1)))), entity);
    let asset = "an asset is not what the log makes of it";
    assert_eq!(refused(|s| s.assets.clear()), asset);
    assert_eq!(refused(|s| s.assets[0].filename = "b.png".into()), asset);
    assert_eq!(refused(|s| s.assets[0].size += 1), asset);
    assert_eq!(refused(|s| s.tags[0].seq = Seq(5)), "a tag names a bundle that is not there");
}

/// A content may be gone where that can be said of the copy, too.
#[test]
fn what_is_gone_is_known_and_no_current_file() {
    let missing = "a content is missing, or has another size";
    assert_eq!(refused(|s| s.gone.clear()), missing);
    assert_eq!(refused(|s| s.gone[0].size += 1), missing);
    assert_eq!(refused(|s| s.gone[0].when = Some("then".into())), "a time cannot be read");
    let lose = |sample: &mut Sample, content: &str| {
        sample.blobs.retain(|(_, there)| *there != content);
        sample.gone.push(gone(content, Whereabouts::Archived));
    };
    assert_eq!(refused(|s| lose(s, "two")), "the content of a current file is missing");
    assert_eq!(refused(|s| lose(s, "../b")), "the target of a symlink is gone");
    let mut corrupt = sample();
    lose(&mut corrupt, "two");
    corrupt.files.retain(|(_, _, content)| *content != "two");
    assert!(unpack(&pack(&corrupt)).is_ok(), "a current file of which nothing is left");
    let mut sample = sample();
    lose(&mut sample, "one");
    lose(&mut sample, "pic");
    sample.gone.push(gone("two", Whereabouts::Collected));
    let export = unpack(&pack(&sample)).expect("sound");
    assert_eq!(export.gone.len(), 3, "what is there is not gone");
}

/// Whoever makes an archive can make its checksums, too.
#[test]
fn a_log_that_makes_no_sense_is_refused() {
    for (ops, code) in [
        (vec![json!({"op": "file.delete", "file_path": "a"})], Code::Invariant),
        (vec![json!({"op": "file.move", "from_path": "a", "to_path": "b"})], Code::Invariant),
        (vec![json!({"op": "entity.delete", "entity_type": "t", "entity_id": "1"})], Code::Invariant),
        (vec![json!({"op": "asset.delete", "content_hash": Hash::of(b"one")})], Code::Invariant),
        (vec![keep("one", "a/b")], Code::Validation),
        (vec![json!({"op": "file.burn", "file_path": "a"})], Code::Invariant),
        (vec![json!([])], Code::Validation),
        (vec![put("../a", "one")], Code::Validation),
        (vec![put("/a", "one")], Code::Validation),
        (
            vec![
                json!({"op": "file.put", "file_path": "a", "file_type": "x", "mode": "100644", "content_hash": "x"}),
            ],
            Code::Validation,
        ),
        (vec![set("", "x", json!(1))], Code::Validation),
        (vec![set("1", "x", json!("x".repeat(1 << 20)))], Code::Limit),
        (vec![set("1", "x", json!("a\0b"))], Code::Invariant),
    ] {
        let sample = Sample { blobs: vec![blob("one")], ..chained(&[ops]) };
        let error = unpack(&pack(&sample)).expect_err("refused");
        assert_eq!(error.code(), code, "{error}");
    }
    // A content that is not as long as the operation says.
    let mut long = put("a", "one");
    long["size"] = json!(4);
    let sample = Sample { blobs: vec![blob("one")], ..chained(&[vec![long]]) };
    assert_eq!(unpack(&pack(&sample)).expect_err("refused").code(), Code::Invariant);
}

/// Whoever adds them up counts on it: a content that is gone cannot be measured.
#[test]
fn a_size_that_no_content_can_have_is_refused() {
    let sized = |mut op: Value, size: i64| {
        op["size"] = json!(size);
        op
    };
    for (op, size, code) in [
        (put("a", "lost"), (512 << 20) + 1, Code::Limit),
        (put("a", "lost"), 9_007_199_254_740_992_000, Code::Limit),
        (keep("lost", "a.png"), (64 << 30) + 1, Code::Limit),
        (put("a", "lost"), -1, Code::Validation),
        (keep("lost", "a.png"), -1, Code::Validation),
    ] {
        let lost = GoneRecord { size, ..gone("lost", Whereabouts::Collected) };
        let ops = vec![sized(op, size), put("a", "one")];
        let sample = Sample { gone: vec![lost.clone()], blobs: vec![blob("one")], ..chained(&[ops]) };
        let error = unpack(&pack(&sample)).expect_err("refused");
        assert_eq!(error.code(), code, "{size}: {error}");
        // Also where no operation names it.
        let sample = Sample { gone: vec![GoneRecord { size: 1 << 62, ..lost }], ..chained(&[vec![]]) };
        assert_eq!(unpack(&pack(&sample)).expect_err("refused").code(), Code::Limit);
    }
}

#[test]
fn what_is_no_export_is_refused() {
    let mut other = Writer::new(Format::Zip, Vec::new()).expect("starts");
    add(&mut other, "a", b"x", 0).expect("a file");
    let error = unpack(&other.finish().expect("finishes")).expect_err("refused");
    assert_eq!((error.code(), error.message()), (Code::Validation, "the archive is not an export of quire"));
    let mut newer = sample();
    newer.project.format_version = 2;
    assert_eq!(unpack(&pack(&newer)).expect_err("refused").code(), Code::Validation);
    let mut unreadable = Writer::new(Format::Zip, Vec::new()).expect("starts");
    add(&mut unreadable, PROJECT, b"{", 0).expect("a file");
    let error = unpack(&unreadable.finish().expect("finishes")).expect_err("refused");
    assert_eq!(error.code(), Code::Invariant);
}

#[test]
fn a_flipped_byte_of_any_file_is_noticed() {
    let archive = pack(&sample());
    let mut at = 0;
    let mut files = 0;
    while archive[at..].starts_with(b"PK\x03\x04") {
        let number = |from: usize| u16::from_le_bytes([archive[at + from], archive[at + from + 1]]) as usize;
        let packed = number(18) + (number(20) << 16);
        let start = at + 30 + number(26) + number(28);
        for byte in [start, start + packed / 2, start + packed.saturating_sub(1)] {
            if byte < start + packed {
                let mut bad = archive.clone();
                bad[byte] ^= 1;
                let code = unpack(&bad).expect_err("refused").code();
                assert!(matches!(code, Code::Validation | Code::Invariant), "byte {byte}: {code:?}");
            }
        }
        at = start + packed;
        files += 1;
    }
    assert!(files > 10, "{files} files were tried");
}

/// A few bytes must not become many, whatever line they are in.
#[test]
fn a_line_of_millions_of_values_is_refused_before_it_is_read() {
    let lines = |kind: &str, line: String| {
        let mut archive = Writer::new(Format::Zip, Vec::new()).expect("starts");
        add(&mut archive, &format!("{HISTORY}{kind}/000001.jsonl"), line.as_bytes(), 0).expect("a file");
        let limits = Limits { max_file_bytes: 1 << 26, max_total_bytes: 1 << 26, ..LIMITS };
        let bytes = archive.finish().expect("finishes");
        let mut reader = Reader::default();
        read_below(FILES, Format::Zip, Cursor::new(bytes), &limits, |member| reader.take(&member))
            .expect_err("refused")
    };
    for kind in ["bundles", "operations", "entities"] {
        let error = lines(kind, format!("{{\"details\": [{}0]}}", "0,".repeat(8_000_000)));
        assert_eq!(error.code(), Code::Limit, "{kind}: {error}");
        // What is text is one value, however many commas it has.
        let error = lines(kind, format!("{{\"details\": \"\\\"{}\"}}", ",".repeat(8_000_001)));
        assert_eq!(error.code(), Code::Invariant, "{kind}: {error}");
    }
}

/// What nobody writes would be read for nothing.
#[test]
fn unknown_members_and_trees_that_are_too_large_are_refused() {
    let read = |kind: &str, line: &str| {
        let mut archive = Writer::new(Format::Zip, Vec::new()).expect("starts");
        add(&mut archive, &format!("{HISTORY}{kind}/000001.jsonl"), line.as_bytes(), 0).expect("a file");
        let bytes = archive.finish().expect("finishes");
        let mut reader = Reader::default();
        read_below(FILES, Format::Zip, Cursor::new(bytes), &LIMITS, |member| reader.take(&member))
    };
    let hash = Hash::of(b"");
    let line = |more: &str| format!("{{\"seq\": 1, \"tag\": \"t\"{more}}}");
    assert!(read("tags", &line(", \"author\": [[]], \"created_at\": null")).is_ok());
    assert_eq!(read("tags", &line(", \"more\": 0")).expect_err("refused").code(), Code::Invariant);
    let line = |op: &str| {
        format!("{{\"seq\": 1, \"ordinal\": 1, \"checksum\": \"{}\", \"op\": {op}}}", hash.to_hex())
    };
    let error =
        read("operations", &line(&format!("[{}0]", "{\"\":0},".repeat(300_000)))).expect_err("refused");
    assert_eq!(
        (error.code(), error.message()),
        (Code::Limit, "a value of the export has too many JSON values")
    );
    let error = read("operations", &line(&format!("\"{}\"", "x".repeat(8 << 20)))).expect_err("refused");
    assert_eq!((error.code(), error.message()), (Code::Limit, "a value of the export is too long"));
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    let error = read("operations", &line(&deep)).expect_err("refused");
    assert!(error.message().ends_with("recursion limit exceeded"), "{error}");
    let error = read("entities", "{\"fields\": {\"a\\u0000\": 1}}").expect_err("refused");
    assert!(error.message().contains("NUL"), "{error}");
}

#[test]
fn the_longest_path_fits() {
    let deep = format!("{}{}", "d/".repeat(450), "e".repeat(124));
    assert_eq!(deep.len(), 1024);
    let path = FilePath::parse(&deep).expect("valid");
    let mut sample = chained(&[vec![put(path.as_str(), "one")]]);
    sample.blobs = vec![blob("one")];
    sample.files = vec![(Box::leak(deep.into_boxed_str()), Mode::Regular, "one")];
    assert!(unpack(&pack(&sample)).is_ok());
}
