//! `op.json`: operations of every kind.

use super::content::{EMPTY, FILES_TAR, NUL, PAGE_ZIP, TARGET, in_base64};
use super::{OpVector, check};
use crate::op::{Op, SystemOp};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct File {
    about: &'static str,
    ops: Vec<Named>,
    contents: Vec<String>,
    archives: Vec<String>,
}

#[derive(Serialize)]
struct Named {
    name: &'static str,
    #[serde(flatten)]
    op: OpVector,
}

const ABOUT: &str = "canonical is the RFC 8785 form of the operation that input (JSON in any spelling) is: paths in Unicode form NFC, \
    without members that are null where they may be left out. checksum is the BLAKE3 of canonical. A name begins with what op is. contents and archives: what \
    the operations name, in base64; what has more than 1 MiB is not here, and nobody has seen it.";

const OPS: &[(&str, &str)] = &[
    (
        "file.put",
        r#"{"op": "file.put", "file_path": "a", "file_type": "text", "mode": "100644",
            "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "size": 1}"#,
    ),
    (
        "file.put of nothing, executable",
        r#"{"size": 0, "mode": "100755", "file_path": "bin/run", "file_type": "", "op": "file.put",
            "content_hash": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}"#,
    ),
    (
        "file.put of a symlink at a path with quotes, spaces and characters of one to four bytes",
        r#"{"op": "file.put", "file_path": "d\u00e9j\u00e0 \"vu\"/\u20ac/\ud83d\ude00 .txt", "file_type": "li\"nk\u2028",
            "mode": "120000", "size": 5,
            "content_hash": "0c1b1bc9896253c19131abb26e3b1342f8ea0fb3148a5dcbe06ebe141831a5d5"}"#,
    ),
    (
        "file.put of the largest size, at a path that is not in Unicode form NFC",
        r#"{"op": "file.put", "file_path": "caf\u0065\u0301/A\u030a", "file_type": "\u0065\u0301", "mode": "100644", "size": 536870912,
            "content_hash": "00000000000000000000000000000000000000000000000000000000000000ff"}"#,
    ),
    ("file.delete", r#"{"op": "file.delete", "file_path": "a"}"#),
    ("file.delete with a slash that is escaped", r#"{"file_path": "a\/b'c", "op": "file.delete"}"#),
    ("file.move", r#"{"op": "file.move", "from_path": "a", "to_path": "b"}"#),
    (
        "file.move whose members come in another order",
        r#"{"to_path": "z/\uff5e", "op": "file.move", "from_path": "\ud7ff\ue000\ufffd"}"#,
    ),
    (
        "field.set to null",
        r#"{"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "done", "value": null}"#,
    ),
    (
        "field.set to true",
        r#"{"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "done", "value": true}"#,
    ),
    (
        "field.set to a text with every escape",
        r#"{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "text",
            "value": "\u0001\b\t\n\u000b\f\r\u001f \" \\ \/ \u007f \u0080 \u00e9 e\u0301 \u2028\u2029 \ud7ff \ue000 \ufeff \uffff \ud83d\ude00 \udbff\udfff <&>"}"#,
    ),
    (
        "field.set to an empty text, with names that need escapes",
        r#"{"op": "field.set", "entity_type": "t\"\\", "entity_id": "\u00e9\u2028 ", "field": "\udbff\udfff/\\n", "value": ""}"#,
    ),
    (
        "field.set to numbers",
        r#"{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "numbers", "value":
            [0, -0, -0.0, 0e0, 1, -1, 1.0, 1E0, 10e-1, 0.5, -1.5e-7, 0.1, 0.30000000000000004,
             1424953923781206.2, 1424953923781206.3, 1424953923781206.25, 0.000000029802322387695312, 2.9802322387695313e-8,
             1e20, 100000000000000000000, 1e21, 1000000000000000000000, 1.5e300, 1e-6, 0.0000001, 123e-9,
             4.9e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 333333333.33333329, 1E30, 4.50, 2e-3]}"#,
    ),
    (
        "field.set to large integers",
        r#"{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "integers", "value":
            [9007199254740991, -9007199254740991, 9007199254740992, 9223372036854775808, -9223372036854775808,
             18446744073709551616, 123456789012345683968, 295147905179352825856, 1424953923781206]}"#,
    ),
    (
        "field.set to members, which are sorted by UTF-16 code units",
        r#"{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "members", "value":
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7, "": 8, "10": 9, "2": 10,
             "a": 11, "A": 12, "aa": 13, "__proto__": 14, "\"": 15, "\\": 16, "\uffff": 17}}"#,
    ),
    (
        "field.set to what is nested",
        r#"{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "nested", "value":
            {"z": [], "y": {}, "x": [[], {}, [[1, [2.50]], {"b": {"d": null, "c": false}, "a": [{"op": "file.delete"}]}]], "w": " "}}"#,
    ),
    (
        "field.set to a hundred levels",
        concat!(
            r#"{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "deep", "value":"#,
            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
            "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
        ),
    ),
    ("field.unset", r#"{"op": "field.unset", "entity_type": "task", "entity_id": "1", "field": "done"}"#),
    (
        "field.unset of names in other letters",
        r#"{"op": "field.unset", "entity_type": "\u30bf\u30b9\u30af", "entity_id": "\ud83d\udc69\u200d\ud83d\ude80", "field": "\u0419"}"#,
    ),
    ("entity.delete", r#"{"op": "entity.delete", "entity_type": "task", "entity_id": "1"}"#),
    (
        "entity.delete of an odd id",
        r#"{"entity_id": "{\"op\":\"x\"}", "entity_type": "a b", "op": "entity.delete"}"#,
    ),
    (
        "asset.put",
        r#"{"op": "asset.put", "asset_type": "image", "filename": "a.png", "media_type": "image/png", "size": 1,
            "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"}"#,
    ),
    (
        "asset.put of the largest size, with parameters in its media type",
        r#"{"op": "asset.put", "asset_type": "\u00e4\"", "filename": "\u00fcber \ud83d\ude00\".txt",
            "media_type": "text/plain; charset=\"utf-8\"", "size": 68719476736,
            "content_hash": "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}"#,
    ),
    (
        "asset.delete with a reason",
        r#"{"op": "asset.delete", "reason": "out of date: \u201cold\u201d",
            "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"}"#,
    ),
    (
        "asset.delete without a reason",
        r#"{"op": "asset.delete", "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"}"#,
    ),
    (
        "asset.delete whose reason is null",
        r#"{"op": "asset.delete", "reason": null,
            "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"}"#,
    ),
    (
        "doc.change",
        r#"{"op": "doc.change", "branch": "main", "doc": "notes/\u00e4 \"1\"", "changes": ["hW9Kg5pZ8ggBGAAQcXVpcmUgZmlyc3QgZG9jLgEBAAAAAA=="]}"#,
    ),
    (
        "doc.delete",
        r#"{"op": "doc.delete", "doc": "notes/a", "branch": "main",
            "heads": ["9a59f208d87013924c0035b72bc38712575a02c69b379cc76b0343da869356fa"]}"#,
    ),
    (
        "branch.create",
        r#"{"op": "branch.create", "branch": "entw\u00fcrfe/1", "from_branch": "main", "at_seq": 9007199254740991}"#,
    ),
    (
        "branch.update of one that was merged",
        r#"{"op": "branch.update", "status": "closed", "branch": "draft", "merged_into": "main"}"#,
    ),
    (
        "branch.update whose merged_into is null",
        r#"{"op": "branch.update", "status": "deleted", "branch": "draft", "merged_into": null}"#,
    ),
    (
        "snapshot.ready of everything",
        r#"{"op": "snapshot.ready", "snapshot_id": "01890a5d-ac96-774b-bcce-b302099a8057", "seq": 1, "format": "zip", "size": 151,
            "content_hash": "8d29f2e7c1a1fecc0ac3b8ec270531f2025136afb183508c7a07a1af638be72e", "file_count": 1}"#,
    ),
    (
        "snapshot.ready of a delta",
        r#"{"op": "snapshot.ready", "snapshot_id": "01890a5d-ac96-774b-bcce-b302099a8057", "seq": 9007199254740991, "since_seq": 0,
            "format": "tar.zst", "size": 1073741824, "file_count": 0,
            "content_hash": "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"}"#,
    ),
    (
        "snapshot.ready whose since_seq is null",
        r#"{"op": "snapshot.ready", "snapshot_id": "00000000-0000-0000-0000-000000000000", "seq": 2, "since_seq": null,
            "format": "tar.zst", "size": 594, "file_count": 3,
            "content_hash": "7d8e3d356cbcaaa5796ee995ce20cb5ab22e625b35d88f9671091618b74f7bdc"}"#,
    ),
];

#[test]
fn operations() {
    let mut seen = BTreeSet::new();
    let mut ops = Vec::new();
    for (name, input) in OPS {
        let (vector, op) = OpVector::of(input);
        seen.insert(op.name());
        ops.push(Named { name, op: vector });
    }
    let missing: Vec<_> = Op::names().chain(SystemOp::NAMES).filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "no vector of {missing:?}");
    let contents = in_base64(&[NUL, EMPTY, TARGET]);
    let archives = [PAGE_ZIP, FILES_TAR].map(str::to_owned).to_vec();
    check("op", &File { about: ABOUT, ops, contents, archives });
}
