//! Checks a project's log from outside: everything here any client can recompute from the views.

use postgres::Client;
use quire_core::chain::{BundleHeader, checksum};
use quire_core::hash::Hash;
use quire_core::id::Seq;
use quire_core::json::JsonValue;
use quire_core::key::{EntityKey, FieldKey};
use quire_core::label::Label;
use quire_core::mode::Mode;
use quire_core::op::{AssetOp, FieldOp, File, FileOp, Kept, Op, SystemOp};
use quire_core::path::FilePath;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// Verifies everything the project promises about its log and files; returns the newest seq.
pub fn verify(client: &mut Client, project: Uuid) -> i64 {
    let seq = verify_chain(client, project);
    verify_versions(client, project);
    verify_current_files(client, project);
    verify_entities(client, project, seq);
    let sql = "SELECT quire.replay_project($1)";
    let replayed: Value = client.query_one(sql, &[&project]).expect("replay the project").get(0);
    assert_eq!(replayed["is_equal"], true, "{replayed}");
    verify_assets(client, project);
    seq
}

/// Seqs without gaps, and each bundle's checksum recomputed from the one before, its header and its operations.
pub fn verify_chain(client: &mut Client, project: Uuid) -> i64 {
    let ops = recomputed_ops(client, project);
    let sql = "SELECT seq, bundle_id, kind, actor, message, correlation_id, base_seq, op_count,
            (extract(epoch FROM committed_at) * 1000000)::bigint, decode(prev_checksum, 'hex'), decode(checksum, 'hex'),
            undoes_seq, COALESCE(details ? 'origin', false)
        FROM quire.bundles WHERE project_id = $1 ORDER BY seq";
    let mut before = Hash::ZERO;
    let mut committed_before = i64::MIN;
    let mut last = Seq::ZERO;
    for row in client.query(sql, &[&project]).expect("read the bundles") {
        let header = BundleHeader {
            project_id: project.into(),
            seq: Seq(row.get(0)),
            bundle_id: row.get::<_, Uuid>(1).into(),
            kind: row.get(2),
            actor_id: row.get::<_, Uuid>(3).into(),
            message: row.get(4),
            correlation_id: row.get::<_, Option<Uuid>>(5).map(Into::into),
            base_seq: row.get::<_, Option<i64>>(6).map(Seq),
            undoes_seq: row.get::<_, Option<i64>>(11).map(Seq),
            committed_at: row.get(8),
        };
        let seq = header.seq;
        assert_eq!(seq, last.next(), "seqs have no gaps");
        let none = Vec::new();
        let op_checksums = ops.get(&seq).unwrap_or(&none);
        assert_eq!(
            op_checksums.len(),
            row.get::<_, i32>(7) as usize,
            "op_count of bundle {seq} is that of the log"
        );
        assert!(
            !op_checksums.is_empty()
                || header.undoes_seq.is_some()
                || header.kind == "import"
                || row.get::<_, bool>(12),
            "bundle {seq} changes something, says what it takes back, or comes from elsewhere"
        );
        assert!(header.committed_at > committed_before, "bundle {seq} is later than the one before");
        assert_eq!(hash(row.get(9)), before, "bundle {seq} names the one before");
        before = checksum(&before, &header, op_checksums).expect("checksum");
        assert_eq!(hash(row.get(10)), before, "checksum of bundle {seq}");
        committed_before = header.committed_at;
        last = seq;
    }
    assert!(ops.keys().all(|seq| (Seq::FIRST..=last).contains(seq)), "every operation belongs to a bundle");
    verify_head(client, project, last.0, &before);
    last.0
}

fn verify_head(client: &mut Client, project: Uuid, seq: i64, checksum: &Hash) {
    let sql = "SELECT (p ->> 'seq')::bigint, p ->> 'checksum' FROM quire.get_project($1) p";
    let row = client.query_one(sql, &[&project]).expect("read the project");
    assert_eq!(row.get::<_, i64>(0), seq, "the head is at the newest bundle");
    assert_eq!(row.get::<_, String>(1), checksum.to_hex(), "the head has the checksum of the newest bundle");
}

/// Checksums of the operations of each bundle, recomputed and compared with the stored ones.
fn recomputed_ops(client: &mut Client, project: Uuid) -> HashMap<Seq, Vec<Hash>> {
    let sql = "SELECT o.seq, o.ordinal, o.op, o.target, o.before ->> 'file_path', o.after ->> 'file_type',
            o.after ->> 'mode', decode(o.after ->> 'content_hash', 'hex'), f.size, decode(o.checksum, 'hex'),
            o.after, o.entity
        FROM quire.oplog o
        LEFT JOIN quire.project_files f ON f.project_id = o.project_id AND f.seq = o.seq AND f.file_path = o.target
            AND f.version = (o.after ->> 'version')::int
        WHERE o.project_id = $1 ORDER BY o.seq, o.ordinal";
    let mut ops: HashMap<Seq, Vec<Hash>> = HashMap::new();
    for row in client.query(sql, &[&project]).expect("read the oplog") {
        let target = || path(row.get(3));
        let op = match row.get::<_, &str>(2) {
            "file.put" => {
                let file = File {
                    file_type: row.get(5),
                    mode: Mode::parse(row.get(6)).expect("a mode"),
                    content_hash: hash(row.get(7)),
                    size: row.get(8),
                };
                Op::File(FileOp::Put { file_path: target(), file })
            }
            "file.delete" => Op::File(FileOp::Delete { file_path: target() }),
            "file.move" => Op::File(FileOp::Move { from_path: path(row.get(4)), to_path: target() }),
            "snapshot.ready" => snapshot_ready(row.get(3), &row.get(10), hash(row.get(7))),
            "field.set" | "field.unset" | "entity.delete" => {
                entity_op(row.get(2), row.get::<_, Option<Value>>(10).as_ref(), &row.get(11))
            }
            "asset.put" | "asset.delete" => asset_op(row.get(2), row.get(3), &row.get(10)),
            "doc.change" | "doc.delete" => doc_op(client, project, row.get(0), row.get(2), row.get(3)),
            "branch.create" | "branch.update" => branch_op(row.get(2), row.get(3), &row.get(10)),
            other => panic!("unknown operation {other}"),
        };
        let seq = Seq(row.get(0));
        let recomputed = op.checksum().expect("checksum");
        assert_eq!(hash(row.get(9)), recomputed, "checksum of {op:?} in bundle {seq}");
        let ops = ops.entry(seq).or_default();
        ops.push(recomputed);
        assert_eq!(ops.len(), row.get::<_, i32>(1) as usize, "operations of bundle {seq} count 1, 2, 3");
    }
    ops
}

fn entity_op(op: &str, after: Option<&Value>, entity: &Value) -> Op {
    let text = |key: &str| entity[key].as_str().unwrap_or_else(|| panic!("{key} of {entity}")).to_owned();
    let entity = EntityKey { entity_type: text("entity_type"), entity_id: text("entity_id") };
    if op == "entity.delete" {
        return Op::Field(FieldOp::DeleteEntity { entity });
    }
    let value = match op {
        "field.set" => Some(JsonValue::of(&after.expect("a value")["value"]).expect("canonical")),
        _ => None,
    };
    Op::Field(FieldOp::making(&FieldKey { entity, field: text("field") }, value.as_ref()))
}

fn asset_op(op: &str, target: &str, after: &Value) -> Op {
    let text = |key: &str| after[key].as_str().unwrap_or_else(|| panic!("{key} of {after}")).to_owned();
    let content_hash = Hash::parse("target", target).expect("a hash");
    if op == "asset.delete" {
        let reason = after["reason"].as_str().map(str::to_owned);
        return Op::Asset(AssetOp::Delete { content_hash, reason });
    }
    let label =
        Label { filename: text("filename"), media_type: text("media_type"), asset_type: text("asset_type") };
    let kept = Kept { label, size: after["size"].as_i64().expect("a size") };
    Op::Asset(AssetOp::Put { content_hash, kept })
}

/// What a document got is in the event of its bundle.
fn doc_op(client: &mut Client, project: Uuid, seq: i64, op: &str, target: &str) -> Op {
    let sql = "SELECT d FROM quire.poll_events($1, $2::bigint - 1, 1) e, jsonb_array_elements(e.payload -> 'docs') d
        WHERE $3 = CASE d ->> 'branch' WHEN 'main' THEN d ->> 'doc' ELSE (d ->> 'branch') || '/' || (d ->> 'doc') END";
    let doc: Value = client.query_one(sql, &[&project, &seq, &target]).expect("an event").get(0);
    let mut form = json!({"op": op, "branch": doc["branch"], "doc": doc["doc"]});
    match op {
        "doc.change" => form["changes"] = doc["changes"].clone(),
        _ => form["heads"] = doc["heads"].clone(),
    }
    Op::parse("an operation", &form).expect("an operation")
}

fn branch_op(op: &str, target: &str, after: &Value) -> Op {
    let mut form = after.clone();
    form["op"] = op.into();
    form["branch"] = target.into();
    if op == "branch.create" {
        form.as_object_mut().expect("an object").remove("status");
    }
    Op::parse("an operation", &form).expect("an operation")
}

fn snapshot_ready(target: &str, after: &Value, content_hash: Hash) -> Op {
    let number = |key: &str| after[key].as_i64().unwrap_or_else(|| panic!("{key} of {after}"));
    let text = |key: &str| after[key].as_str().unwrap_or_else(|| panic!("{key} of {after}"));
    assert_eq!(text("snapshot_id"), target, "a snapshot is its own target");
    Op::System(SystemOp::SnapshotReady {
        snapshot_id: target.parse::<Uuid>().expect("a uuid").into(),
        seq: Seq(number("seq")),
        since_seq: after["since_seq"].as_i64().map(Seq),
        format: text("format").to_owned(),
        size: number("size"),
        content_hash,
        file_count: number("file_count"),
    })
}

fn path(text: &str) -> FilePath {
    FilePath::parse(text).expect("a path")
}

fn hash(bytes: &[u8]) -> Hash {
    Hash::from_bytes(bytes).expect("a hash")
}

/// Versions of each path without gaps, each naming the one before, and exactly one current: the newest.
fn verify_versions(client: &mut Client, project: Uuid) {
    let sql =
        "SELECT file_path, version, is_current_version, id, parent_version_id, seq, is_deleted, content_hash
        FROM quire.project_files WHERE project_id = $1 ORDER BY file_path, version";
    let rows = client.query(sql, &[&project]).expect("read the versions");
    let mut rows = rows.iter().peekable();
    let mut before: Option<(&str, i32, Uuid, i64)> = None;
    while let Some(row) = rows.next() {
        let (path, version, id, seq): (&str, i32, Uuid, i64) =
            (row.get(0), row.get(1), row.get(3), row.get(5));
        let parent = before.filter(|(before, ..)| *before == path);
        assert_eq!(
            version,
            parent.map_or(0, |(_, version, ..)| version) + 1,
            "versions of {path} have no gaps"
        );
        assert_eq!(
            row.get::<_, Option<Uuid>>(4),
            parent.map(|(_, _, id, _)| id),
            "parent of {path} version {version}"
        );
        assert!(parent.is_none_or(|(.., before)| before <= seq), "versions of {path} follow the log");
        let is_last = rows.peek().is_none_or(|next| next.get::<_, &str>(0) != path);
        assert_eq!(row.get::<_, bool>(2), is_last, "exactly the newest version of {path} is current");
        let has_content = row.get::<_, Option<&str>>(7).is_some();
        assert_eq!(
            row.get::<_, bool>(6),
            !has_content,
            "a tombstone of {path} has no content, a version has"
        );
        before = Some((path, version, id, seq));
    }
}

/// The current files are the live current versions, with the content their hash names, and the project's totals count
/// them.
fn verify_current_files(client: &mut Client, project: Uuid) {
    let differences = "SELECT count(*) FROM (
            SELECT id, file_path, version, content_hash, size, mode, file_type, seq, updated_at, last_modified_by
            FROM quire.project_files WHERE project_id = $1 AND is_current_version AND NOT is_deleted) a
        FULL JOIN (
            SELECT id, file_path, version, content_hash, size, mode, file_type, seq, updated_at, last_modified_by
            FROM quire.project_files_current WHERE project_id = $1) b ON a = b
        WHERE a IS NULL OR b IS NULL";
    let differences: i64 = client.query_one(differences, &[&project]).expect("compare the views").get(0);
    assert_eq!(differences, 0, "project_files_current is what project_files calls current");
    let sql =
        "SELECT file_path, decode(content_hash, 'hex'), size, quire.read_project_file_bytes($1, file_path)
        FROM quire.project_files_current WHERE project_id = $1";
    let (mut files, mut bytes) = (0i64, 0i64);
    for row in client.query(sql, &[&project]).expect("read the current files") {
        let content: &[u8] = row.get(3);
        assert_eq!(Hash::of(content), hash(row.get(1)), "content of {}", row.get::<_, &str>(0));
        assert_eq!(content.len() as i64, row.get::<_, i64>(2), "size of {}", row.get::<_, &str>(0));
        files += 1;
        bytes += content.len() as i64;
    }
    let sql =
        "SELECT (p ->> 'file_count')::bigint, (p ->> 'total_bytes')::bigint FROM quire.get_project($1) p";
    let row = client.query_one(sql, &[&project]).expect("read the project");
    assert_eq!((row.get(0), row.get(1)), (files, bytes), "files and bytes of the project");
}

/// The current entities are those that the log says there are at its end.
fn verify_entities(client: &mut Client, project: Uuid, seq: i64) {
    let sql = "SELECT count(*) FROM quire.list_entities_at($1, $2) l
        WHERE NOT EXISTS (SELECT FROM quire.list_entities($1, l.entity_type) e
                          WHERE (e.entity_id, e.fields, e.seq) = (l.entity_id, l.fields, l.seq))
            AND quire.get_entity($1, l.entity_type, l.entity_id) IS NOT NULL";
    let differences: i64 = client.query_one(sql, &[&project, &seq]).expect("compare the entities").get(0);
    assert_eq!(differences, 0, "entities are what the log makes of them");
}

/// The assets are what the last operation on each says, with the content their hash names, and the project counts them.
fn verify_assets(client: &mut Client, project: Uuid) {
    let sql = "SELECT count(*) FROM (
            SELECT DISTINCT ON (target) op, seq, after FROM quire.oplog
            WHERE project_id = $1 AND op LIKE 'asset.%' ORDER BY target, seq DESC, ordinal DESC) o
        FULL JOIN (SELECT a.seq, to_jsonb(a) - ARRAY['seq', 'actor', 'updated_at', 'checksum'] AS after FROM quire.list_assets($1) a) l
            ON (l.seq, l.after) = (o.seq, o.after)
        WHERE (o.op = 'asset.put' AND l IS NULL) OR o IS NULL OR (o.op = 'asset.delete' AND l IS NOT NULL)";
    let differences: i64 = client.query_one(sql, &[&project]).expect("compare the assets").get(0);
    assert_eq!(differences, 0, "assets are what the log makes of them");
    let sql = "SELECT decode(content_hash, 'hex'), size,
            CASE WHEN quire.get_asset($1, content_hash) ->> 'state' = 'present' THEN quire.read_asset_range($1, content_hash) END
        FROM quire.list_assets($1)";
    let mut bytes = 0i64;
    for row in client.query(sql, &[&project]).expect("read the assets") {
        if let Some(content) = row.get::<_, Option<&[u8]>>(2) {
            assert_eq!(Hash::of(content), hash(row.get(0)), "content of an asset");
            assert_eq!(content.len() as i64, row.get::<_, i64>(1), "size of an asset");
        }
        bytes += row.get::<_, i64>(1);
    }
    let sql = "SELECT (quire.get_project($1) ->> 'asset_bytes')::bigint";
    assert_eq!(
        client.query_one(sql, &[&project]).expect("read the project").get::<_, i64>(0),
        bytes,
        "bytes of the assets"
    );
}
