//! `chain.json`: the bundles of a project, one after the other.

use super::content::{EMPTY, NUL, PAGE_ZIP, in_base64};
use super::log::Log;
use super::{OpVector, canonical, check, one_line, value};
use crate::chain::BundleHeader;
use crate::hash::Hash;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
struct File {
    about: &'static str,
    bundles: Vec<Bundle>,
    contents: Vec<String>,
    archives: Vec<String>,
}

#[derive(Serialize)]
struct Bundle {
    name: &'static str,
    header: String,
    ops: Vec<OpVector>,
    canonical_header: String,
    previous: Hash,
    checksum: Hash,
}

const ABOUT: &str = "header and the input of each of ops are JSON in any spelling. canonical_header is the RFC 8785 form of header, \
    without undoes_seq where that is null. previous is the checksum of the bundle before, 32 zero bytes for the first. checksum is \
    the BLAKE3 of previous (32 bytes), canonical_header, and the checksum of each operation (32 bytes) in order. The bundles are a log: \
    what one touches is there. contents and archives: what files, assets and snapshots are of, in base64.";

/// Name, header, operations.
const BUNDLES: &[(&str, &str, &[&str])] = &[
    (
        "the first bundle, of one operation, without anything that may be left out",
        r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 1, "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8001",
            "kind": "user_edit", "actor_id": "00000000-0000-4000-8000-0000000000a1", "message": null, "correlation_id": null,
            "base_seq": null, "undoes_seq": null, "committed_at": 1700000000123456}"#,
        &[
            r#"{"op": "file.put", "file_path": "src/index.html", "file_type": "html", "mode": "100644", "size": 1,
              "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"}"#,
        ],
    ),
    (
        "operations on files, fields and assets, in this order, with all that may be said",
        r#"{"committed_at": 1700000000123457, "base_seq": 1, "correlation_id": "01890a5d-ac96-774b-bcce-b302099a80c1",
            "message": "\u00fcn\u00efc\u00f6d\u00e9 \ud83d\ude00\n\"quoted\" \\ \u2028\t\/ e\u0301",
            "actor_id": "00000000-0000-4000-8000-0000000000a1", "kind": "job_output",
            "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8002", "seq": 2, "project_id": "6f8a3c1e-0000-4000-8000-000000000001"}"#,
        &[
            r#"{"op": "file.move", "from_path": "src/index.html", "to_path": "public/index.html"}"#,
            r#"{"op": "field.set", "entity_type": "page", "entity_id": "home", "field": "width", "value": 1424953923781206.25}"#,
            r#"{"op": "field.unset", "entity_type": "page", "entity_id": "home", "field": "width"}"#,
            r#"{"op": "field.set", "entity_type": "page", "entity_id": "old", "field": "title", "value": ""}"#,
            r#"{"op": "entity.delete", "entity_type": "page", "entity_id": "old"}"#,
            r#"{"op": "asset.put", "filename": "a.png", "media_type": "image/png", "asset_type": "image", "size": 1,
                "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"}"#,
            r#"{"op": "asset.put", "filename": "empty", "media_type": "text/plain", "asset_type": "note", "size": 0,
                "content_hash": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}"#,
            r#"{"op": "asset.delete", "reason": "replaced",
                "content_hash": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}"#,
        ],
    ),
    (
        "one that takes another back",
        r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 3, "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8003",
            "kind": "undo", "actor_id": "00000000-0000-4000-8000-0000000000a2", "message": "", "correlation_id": null,
            "base_seq": 2, "undoes_seq": 2, "committed_at": 1700000000200000}"#,
        &[
            r#"{"op": "file.delete", "file_path": "public/index.html"}"#,
            r#"{"op": "file.put", "file_path": "src/index.html", "file_type": "html", "mode": "100644", "size": 1,
              "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"}"#,
            r#"{"op": "asset.delete", "content_hash": "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"}"#,
        ],
    ),
    (
        "the same operation twice",
        r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 4, "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8004",
            "kind": "import", "actor_id": "00000000-0000-4000-8000-0000000000a2", "message": "twice",
            "correlation_id": "00000000-0000-0000-0000-000000000000", "base_seq": 0, "committed_at": 1700000001000000}"#,
        &[
            r#"{"op": "field.set", "entity_type": "page", "entity_id": "home", "field": "n", "value": 1}"#,
            r#"{"op": "field.set", "entity_type": "page", "entity_id": "home", "field": "n", "value": 1}"#,
        ],
    ),
    (
        "no operation",
        r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 5, "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8005",
            "kind": "import", "actor_id": "00000000-0000-4000-8000-0000000000a2", "message": null, "correlation_id": null,
            "base_seq": null, "committed_at": 1700000001000001}"#,
        &[],
    ),
    (
        "an announcement, made by the system",
        r#"{"project_id": "6f8a3c1e-0000-4000-8000-000000000001", "seq": 6, "bundle_id": "01890a5d-ac96-774b-bcce-b302099a8006",
            "kind": "system", "actor_id": "00000000-0000-0000-0000-000000000000", "message": null, "correlation_id": null,
            "base_seq": null, "committed_at": 9007199254740991}"#,
        &[
            r#"{"op": "snapshot.ready", "snapshot_id": "01890a5d-ac96-774b-bcce-b302099a8057", "seq": 5, "format": "zip",
              "size": 151, "file_count": 1,
              "content_hash": "8d29f2e7c1a1fecc0ac3b8ec270531f2025136afb183508c7a07a1af638be72e"}"#,
        ],
    ),
];

#[test]
fn bundles() {
    let mut log = Log::default();
    let mut bundles = Vec::new();
    for &(name, header, ops) in BUNDLES {
        let input = one_line(header);
        let header: BundleHeader = serde_json::from_value(value(&input)).expect("a header");
        let ops: Vec<OpVector> = ops.iter().map(|op| OpVector::of(op).0).collect();
        let forms: Vec<Value> = ops.iter().map(|op| value(&op.canonical)).collect();
        let logged = log.bundle(&header, &forms);
        let canonical_header = canonical(&header);
        bundles.push(Bundle {
            name,
            header: input,
            ops,
            canonical_header,
            previous: logged.previous,
            checksum: logged.checksum,
        });
    }
    let (contents, archives) = (in_base64(&[NUL, EMPTY]), vec![PAGE_ZIP.to_owned()]);
    check("chain", &File { about: ABOUT, bundles, contents, archives });
}
