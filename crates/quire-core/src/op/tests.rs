//! Forms of operations, read back.

use super::*;
use crate::doc::Heads;
use crate::doc::root::first_change;
use crate::id::Seq;
use crate::key::DocKey;
use crate::key::EntityKey;
use crate::label::Label;
use crate::mode::Mode;
use std::collections::BTreeSet;

#[test]
fn canonical_form_is_stable() {
    let op = Op::File(FileOp::Move {
        from_path: FilePath::parse("a").expect("valid"),
        to_path: FilePath::parse("b\"c").expect("valid"),
    });
    assert_eq!(
        String::from_utf8(canonical(&op).expect("canonical")).expect("UTF-8"),
        r#"{"from_path":"a","op":"file.move","to_path":"b\"c"}"#
    );
    let file = File { file_type: "text".into(), mode: Mode::Regular, content_hash: Hash::of(b""), size: 0 };
    let put = Op::File(FileOp::Put { file_path: FilePath::parse("a").expect("valid"), file });
    assert_eq!(
        String::from_utf8(canonical(&put).expect("canonical")).expect("UTF-8"),
        format!(
            r#"{{"content_hash":"{}","file_path":"a","file_type":"text","mode":"100644","op":"file.put","size":0}}"#,
            Hash::of(b"")
        )
    );
}

#[test]
fn an_operation_is_read_back_from_its_form() {
    let value = |json: Value| JsonValue::of(&json).expect("canonical");
    let path = |path| FilePath::parse(path).expect("valid");
    let key = |[entity_type, entity_id, field]: [&str; 3]| {
        EntityKey::parse(entity_type, entity_id).and_then(|key| key.field(field)).expect("valid")
    };
    let first = first_change().expect("reads");
    let content_hash = Hash::of(b"");
    let file = File { file_type: "text".into(), mode: Mode::Executable, content_hash, size: 0 };
    let label = Label::parse("a \"b\".png", "image/png", "cover").expect("valid");
    let ops = [
        Op::File(FileOp::Put { file_path: path("a"), file }),
        Op::File(FileOp::Delete { file_path: path("a") }),
        Op::File(FileOp::Move { from_path: path("a"), to_path: path("b/\"c\"") }),
        Op::Field(FieldOp::Set { key: key(["t", "1", "f"]), value: value(json!(null)) }),
        Op::Field(FieldOp::Set {
            key: key(["t\"\\", "é\u{2028}", "\u{10ffff}"]),
            value: value(json!({"b": [1e21, "\n"], "a": {}})),
        }),
        Op::Field(FieldOp::Unset { key: key(["t", "1", "f"]) }),
        Op::Field(FieldOp::DeleteEntity { entity: key(["t", "1", "f"]).entity }),
        Op::Asset(AssetOp::Put { content_hash, kept: Kept { label, size: 1 } }),
        Op::Asset(AssetOp::Delete { content_hash, reason: Some("old".into()) }),
        Op::Asset(AssetOp::Delete { content_hash, reason: None }),
        Op::Doc(DocOp::Change { key: DocKey::main("é\"").expect("valid"), changes: vec![first.clone()] }),
        Op::Doc(DocOp::Delete {
            key: DocKey::main("a/b").expect("valid"),
            heads: Heads::new([first.hash()]),
        }),
        Op::Branch(BranchOp::Create { branch: "b\"".into(), from_branch: "main".into(), at_seq: Seq(0) }),
        Op::Branch(BranchOp::Update {
            branch: "b".into(),
            status: BranchStatus::Closed,
            merged_into: Some("main".into()),
        }),
        Op::System(SystemOp::SnapshotReady {
            snapshot_id: crate::id::SnapshotId(uuid::Uuid::from_u128(1)),
            seq: Seq(2),
            since_seq: Some(Seq(1)),
            format: "zip".into(),
            size: 3,
            content_hash,
            file_count: 1,
        }),
    ];
    for op in &ops {
        assert_eq!(op.checksum().expect("a checksum"), Hash::of(&canonical(op).expect("canonical")));
        let form: Value = serde_json::from_slice(&canonical(op).expect("canonical")).expect("JSON");
        assert_eq!(form["op"], op.name());
        assert_eq!(Op::parse("op", &form).expect("reads"), *op);
    }
    let tried: BTreeSet<&str> = ops.iter().map(Op::name).collect();
    assert_eq!(tried, Op::names().chain(SystemOp::NAMES).collect());
    assert!(Op::parse("op", &serde_json::json!({"op": "file.delete", "file_path": "../a"})).is_err());
    assert!(Op::parse("op", &serde_json::json!({"op": "file.copy"})).is_err());
}

#[test]
fn a_size_is_one_that_a_content_can_have() {
    let hash = Hash::of(b"").to_hex();
    let file = |size: i64| {
        serde_json::json!({"op": "file.put", "file_path": "a", "file_type": "x", "mode": "100644",
            "content_hash": hash, "size": size})
    };
    let asset = |size: i64| {
        serde_json::json!({"op": "asset.put", "content_hash": hash, "filename": "a", "media_type": "a/b",
            "asset_type": "x", "size": size})
    };
    for (op, expected) in [
        (file(0), None),
        (file(512 << 20), None),
        (file((512 << 20) + 1), Some("PT413")),
        (file(i64::MAX), Some("PT413")),
        (file(-1), Some("22023")),
        (asset(64 << 30), None),
        (asset((64 << 30) + 1), Some("PT413")),
        (asset(i64::MIN), Some("22023")),
    ] {
        let code = Op::parse("op", &op).err().map(|error| error.code().sqlstate());
        assert_eq!(code, expected, "{op}");
    }
}

#[test]
fn modes_round_trip() {
    for mode in [Mode::Regular, Mode::Executable, Mode::Symlink] {
        assert_eq!(Mode::parse(mode.as_str()).expect("valid"), mode);
    }
    assert!(Mode::parse("100600").is_err());
}
