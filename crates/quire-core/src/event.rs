//! Events: how a bundle looks to a subscriber.
//!
//! | event | payload |
//! |---|---|
//! | `file:update` | `file_path, content, content_hash, version, timestamp, sender` + `file_type, mode, size, is_binary` |
//! | `file:delete` | `file_path, version, timestamp, sender` |
//! | `bulk:apply` | `files: [{action, file_path, content?, content_hash, version, ...}], entities?, assets?, timestamp, sender` |
//! | `entity:update` | `entities: [{action, entity_type, entity_id, fields, unset}], timestamp, sender` |
//! | `asset:update` | `assets: [{action, content_hash, filename, media_type, asset_type, size, reason?}], timestamp, sender` |
//! | `doc:update` | `docs: [{action, branch, doc, heads, changes?}], timestamp, sender` |
//! | `branch:update` | `branches: [{action, branch, from_branch?, at_seq?, merged_into?}], timestamp, sender` |
//! | `snapshot:ready` | `snapshot_id, seq, since_seq?, format, size, content_hash, file_count, timestamp, sender` |
//!
//! Each has `from_peer`, too, when its bundle came from another database.
//!
//! Content of a binary file travels as `content_base64` and `content` is null. What is too large to travel is left out
//! and `content_omitted` is true; so is what is archived or collected, and `content_unavailable` says which.

use crate::asset::Asset;
use crate::hash::Hash;
use crate::id::{ActorId, Seq, Version};
use crate::json::encode_base64;
use crate::label::Label;
use crate::mark::Mark;
use crate::timestamp::{Micros, rfc3339};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A snapshot can be downloaded.
pub const SNAPSHOT_READY: &str = "snapshot:ready";

/// The last message of a private channel.
pub const CHANNEL_CLOSED: &str = r#"{"event":"channel:closed"}"#;

/// Longest NOTIFY payload, in bytes; PostgreSQL refuses 8,000.
pub const MAX_NOTIFY_BYTES: usize = 7_900;

/// What changed at one path.
#[derive(Clone, Debug, PartialEq)]
pub struct FileChange {
    /// Which path.
    pub file_path: String,
    /// Its version now.
    pub version: Version,
    /// What it is now; `None` when it was deleted.
    pub file: Option<ShownFile>,
    /// Where it came from, when it was moved here.
    pub moved_from: Option<String>,
}

/// A file as an event shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownFile {
    /// BLAKE3 of the content.
    pub content_hash: Hash,
    /// Bytes of the content.
    pub size: i64,
    /// Type.
    pub file_type: String,
    /// Mode bits.
    pub mode: String,
    /// Not text.
    pub is_binary: bool,
    /// The content, or why it is not here.
    pub content: Body,
}

/// Content of a file in an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Here it is.
    Bytes(Vec<u8>),
    /// Too large to travel.
    Omitted,
    /// Archived or collected: that word.
    Unavailable(&'static str),
    /// Nobody asked for it.
    NotAsked,
}

/// The bundle an event tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// Who.
    pub sender: ActorId,
    /// The peer that says so, of a bundle that came from another database.
    pub from_peer: Option<String>,
    /// When.
    pub committed_at: Micros,
}

/// The event of a bundle that changed several paths.
pub const BULK: &str = "bulk:apply";

/// The event of a bundle that changed one path.
pub const fn single(exists: bool) -> &'static str {
    if exists { "file:update" } else { "file:delete" }
}

/// The event of a bundle that changed fields of entities.
pub const ENTITY_UPDATE: &str = "entity:update";

/// The event of a bundle that changed assets.
pub const ASSET_UPDATE: &str = "asset:update";

/// The event of a bundle that changed documents.
pub const DOC_UPDATE: &str = "doc:update";

/// The event of a bundle that changed branches of documents.
pub const BRANCH_UPDATE: &str = "branch:update";

/// The event of a bundle that changes nothing but files, by their paths in order, each with whether a file exists there afterwards.
pub fn of_files<'a>(changes: impl IntoIterator<Item = (&'a str, bool)>) -> Option<&'static str> {
    let mut changes = changes.into_iter();
    let (path, mut exists) = changes.next()?;
    for (other, exists_now) in changes {
        if other != path {
            return Some(BULK);
        }
        exists = exists_now;
    }
    Some(single(exists))
}

/// The event of a bundle, by those of what it does if it did nothing else.
pub fn name(alone: impl IntoIterator<Item = &'static str>) -> &'static str {
    let mut alone = alone.into_iter();
    match (alone.next(), alone.next()) {
        (Some(only), None) => only,
        _ => BULK,
    }
}

/// The event of a bundle whose one operation changes no file: `snapshot.ready` becomes `snapshot:ready`.
pub fn other_name(op: &str) -> &'static str {
    match op {
        "snapshot.ready" => SNAPSHOT_READY,
        _ => BULK,
    }
}

/// Payload of such an event: the operation's members.
pub fn build_other(origin: &Origin, op: &Value) -> Value {
    let mut payload = op.as_object().cloned().unwrap_or_default();
    payload.remove("op");
    add_origin(&mut payload, origin);
    Value::Object(payload)
}

/// What an event says of where it comes from, and nothing else.
pub fn only_origin(payload: &Value) -> Map<String, Value> {
    let of_origin = |member: &&str| payload.get(*member).map(|value| ((*member).to_owned(), value.clone()));
    ["timestamp", "sender", "from_peer"].iter().filter_map(of_origin).collect()
}

fn add_origin(payload: &mut Map<String, Value>, origin: &Origin) {
    payload.insert("timestamp".into(), rfc3339(origin.committed_at).into());
    payload.insert("sender".into(), origin.sender.to_string().into());
    if let Some(peer) = &origin.from_peer {
        payload.insert("from_peer".into(), peer.as_str().into());
    }
}

/// What one operation did to one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// `field.set`, `field.unset` or `entity.delete`.
    pub op: String,
    /// Type of the entity.
    pub entity_type: String,
    /// Which, inside its type.
    pub entity_id: String,
    /// Which field.
    pub field: String,
    /// Its value now; `None` when it was cleared.
    pub value: Option<Value>,
}

/// What one operation did to one asset.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetChange {
    /// BLAKE3 of its content.
    pub content_hash: Hash,
    /// What it is now.
    pub asset: Asset,
}

/// Adds what one bundle did to files; a path that changed twice shows its last state.
pub fn add_files(payload: &mut Map<String, Value>, name: &str, mut changes: Vec<FileChange>) {
    if changes.len() > 1 {
        changes = last_of_each_path(changes);
    }
    match changes.as_slice() {
        [] => {}
        [change] if name != BULK => describe(change, payload),
        many => {
            payload.insert("files".into(), many.iter().map(entry).collect());
        }
    }
}

/// Adds what one bundle did to fields, of which each shows its last state; `None` when that is too large to travel.
pub fn add_fields(payload: &mut Map<String, Value>, changes: Option<Vec<FieldChange>>) {
    match changes {
        Some(changes) if changes.is_empty() => {}
        Some(changes) => {
            payload.insert("entities".into(), entities(changes));
        }
        None => {
            payload.insert("content_omitted".into(), true.into());
        }
    }
}

/// Adds what one bundle did to assets, of which each shows its last state.
pub fn add_assets(payload: &mut Map<String, Value>, changes: Vec<AssetChange>) {
    if !changes.is_empty() {
        payload.insert("assets".into(), describe_assets(changes));
    }
}

/// Payload of the event of one bundle, of what its domains have added. A bulk lists files, also when there are none.
pub fn build(name: &str, origin: &Origin, mut payload: Map<String, Value>) -> Value {
    if name == BULK {
        payload.entry("files").or_insert_with(|| Value::Array(Vec::new()));
    }
    add_origin(&mut payload, origin);
    Value::Object(payload)
}

fn describe_assets(changes: Vec<AssetChange>) -> Value {
    let mut seen = HashSet::new();
    let mut last: Vec<Value> = changes
        .into_iter()
        .rev()
        .filter(|change| seen.insert(change.content_hash))
        .map(|AssetChange { content_hash, asset }| {
            let Label { filename, media_type, asset_type } = asset.label;
            let mut entry = json!({
                "action": if asset.is_deleted { "delete" } else { "put" }, "content_hash": content_hash.to_hex(),
                "filename": filename, "media_type": media_type, "asset_type": asset_type, "size": asset.size
            });
            if let Some(reason) = asset.reason {
                entry["reason"] = reason.into();
            }
            entry
        })
        .collect();
    last.reverse();
    last.into()
}

/// One entity of an event.
#[derive(Default)]
struct Changed {
    is_deleted: bool,
    fields: BTreeMap<String, Option<Value>>,
}

/// `[{action, entity_type, entity_id, fields: {name: value}, unset: [name]}]`
fn entities(changes: Vec<FieldChange>) -> Value {
    let mut order: Vec<(String, String)> = Vec::new();
    let mut changed: HashMap<(String, String), Changed> = HashMap::new();
    for change in changes {
        let key = (change.entity_type, change.entity_id);
        let entity = changed.entry(key.clone()).or_insert_with(|| {
            order.push(key);
            Changed::default()
        });
        entity.is_deleted = change.op == "entity.delete";
        entity.fields.insert(change.field, change.value);
    }
    order
        .into_iter()
        .filter_map(|key| {
            let Changed { is_deleted, fields } = changed.remove(&key)?;
            let unset: Value =
                fields.iter().filter(|(_, value)| value.is_none()).map(|(field, _)| field.as_str()).collect();
            let set: Map<String, Value> =
                fields.into_iter().filter_map(|(field, value)| Some((field, value?))).collect();
            Some(json!({
                "action": if is_deleted { "delete" } else { "update" },
                "entity_type": key.0, "entity_id": key.1, "fields": set, "unset": unset
            }))
        })
        .collect()
}

fn last_of_each_path(changes: Vec<FileChange>) -> Vec<FileChange> {
    let mut seen = HashSet::new();
    let mut kept: Vec<FileChange> =
        changes.into_iter().rev().filter(|change| seen.insert(change.file_path.clone())).collect();
    kept.reverse();
    kept
}

fn entry(change: &FileChange) -> Value {
    let mut entry = Map::new();
    entry.insert("action".into(), if change.file.is_some() { "update" } else { "delete" }.into());
    describe(change, &mut entry);
    Value::Object(entry)
}

fn describe(change: &FileChange, into: &mut Map<String, Value>) {
    into.insert("file_path".into(), change.file_path.as_str().into());
    into.insert("version".into(), change.version.into());
    if let Some(from) = &change.moved_from {
        into.insert("moved_from".into(), from.as_str().into());
    }
    let Some(file) = &change.file else { return };
    into.insert("content_hash".into(), file.content_hash.to_hex().into());
    into.insert("file_type".into(), file.file_type.as_str().into());
    into.insert("mode".into(), file.mode.as_str().into());
    into.insert("size".into(), file.size.into());
    into.insert("is_binary".into(), file.is_binary.into());
    match &file.content {
        Body::NotAsked => {}
        Body::Omitted => {
            into.insert("content_omitted".into(), true.into());
        }
        Body::Unavailable(state) => {
            into.insert("content_omitted".into(), true.into());
            into.insert("content_unavailable".into(), (*state).into());
        }
        Body::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !file.is_binary => {
                into.insert("content".into(), text.into());
            }
            _ => {
                into.insert("content".into(), Value::Null);
                into.insert("content_base64".into(), encode_base64(bytes).into());
            }
        },
    }
}

/// An event as Supabase Realtime carries it: the payload with `seq` and `timestamp`.
pub fn message(seq: Seq, mark: &Mark, committed_at: Micros, payload: &Value) -> Value {
    let mut message = payload.as_object().cloned().unwrap_or_default();
    // A snapshot's own seq is another one.
    if let Some(of_payload) = message.insert("seq".into(), seq.into()) {
        message.insert("tree_seq".into(), of_payload);
    }
    message.insert("checksum".into(), mark.as_str().into());
    message.insert("timestamp".into(), rfc3339(committed_at).into());
    Value::Object(message)
}

/// The wake-up that goes out on the public channel.
pub fn hint(event: &str, seq: Seq, committed_at: Micros) -> String {
    json!({"event": event, "seq": seq, "timestamp": rfc3339(committed_at)}).to_string()
}

/// A whole event for the public channel of a project that broadcasts in full: without content when that is too much,
/// and without the list of files when even that is.
pub fn broadcast(event: &str, seq: Seq, mark: &Mark, committed_at: Micros, payload: &Value) -> String {
    let bare = json!({
        "event": event, "seq": seq, "checksum": mark.as_str(), "timestamp": rfc3339(committed_at)
    });
    let wrap = |member: &str, value: &Value| {
        let mut whole = bare.clone();
        whole[member] = value.clone();
        whole.to_string()
    };
    let whole = wrap("payload", payload);
    if whole.len() <= MAX_NOTIFY_BYTES {
        return whole;
    }
    let mut stripped = payload.clone();
    strip_content(&mut stripped);
    let stripped = wrap("payload", &stripped);
    if stripped.len() <= MAX_NOTIFY_BYTES {
        return stripped;
    }
    wrap("content_omitted", &true.into())
}

fn strip_content(value: &mut Value) {
    let Value::Object(object) = value else { return };
    let had = object.remove("content").is_some() | object.remove("content_base64").is_some();
    if had {
        object.insert("content_omitted".into(), true.into());
    }
    if let Some(Value::Array(files)) = object.get_mut("files") {
        files.iter_mut().for_each(strip_content);
        object.insert("content_omitted".into(), true.into());
    }
    if let Some(Value::Array(docs)) = object.get_mut("docs") {
        for doc in docs.iter_mut().filter_map(Value::as_object_mut) {
            if doc.remove("changes").is_some() {
                doc.insert("changes_omitted".into(), true.into());
            }
        }
    }
    if object.remove("entities").is_some() | object.remove("assets").is_some() {
        object.insert("content_omitted".into(), true.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(
        name: &str,
        origin: &Origin,
        files: Vec<FileChange>,
        fields: Option<Vec<FieldChange>>,
        assets: Vec<AssetChange>,
    ) -> Value {
        let mut payload = Map::new();
        add_files(&mut payload, name, files);
        add_fields(&mut payload, fields);
        add_assets(&mut payload, assets);
        super::build(name, origin, payload)
    }

    const ORIGIN: Origin = Origin { sender: ActorId::SYSTEM, from_peer: None, committed_at: 0 };

    fn update(path: &str, bytes: &[u8]) -> FileChange {
        FileChange {
            file_path: path.into(),
            version: Version(2),
            file: Some(ShownFile {
                content_hash: Hash::of(bytes),
                size: bytes.len() as i64,
                file_type: "text".into(),
                mode: "100644".into(),
                is_binary: crate::content::is_binary(bytes),
                content: Body::Bytes(bytes.to_vec()),
            }),
            moved_from: None,
        }
    }

    fn delete(path: &str) -> FileChange {
        FileChange { file_path: path.into(), version: Version(3), file: None, moved_from: None }
    }

    #[test]
    fn entities_show_the_last_state_of_each_field() {
        let change = |op: &str, id: &str, field: &str, value: Option<Value>| FieldChange {
            op: op.into(),
            entity_type: "task".into(),
            entity_id: id.into(),
            field: field.into(),
            value,
        };
        let fields = vec![
            change("field.set", "2", "a", Some(json!(1))),
            change("field.set", "1", "a", Some(json!(1))),
            change("field.set", "2", "a", Some(json!(null))),
            change("entity.delete", "1", "a", None),
        ];
        let payload = build(ENTITY_UPDATE, &ORIGIN, Vec::new(), Some(fields), Vec::new());
        assert_eq!(
            payload["entities"],
            json!([
                {"action": "update", "entity_type": "task", "entity_id": "2", "fields": {"a": null}, "unset": []},
                {"action": "delete", "entity_type": "task", "entity_id": "1", "fields": {}, "unset": ["a"]}
            ])
        );
        assert!(payload.get("files").is_none());
        assert_eq!(build(ENTITY_UPDATE, &ORIGIN, Vec::new(), None, Vec::new())["content_omitted"], true);
    }

    #[test]
    fn assets_show_their_last_state() {
        let change = |content: &[u8], is_deleted: bool| AssetChange {
            content_hash: Hash::of(content),
            asset: Asset {
                label: Label::parse("a.png", "image/png", "image").expect("valid"),
                size: 1,
                is_deleted,
                reason: is_deleted.then(|| "old".to_owned()),
            },
        };
        let changes = vec![change(b"1", false), change(b"2", false), change(b"1", true)];
        let payload = build(ASSET_UPDATE, &ORIGIN, Vec::new(), Some(Vec::new()), changes);
        let shown: Vec<(&Value, &Value)> = payload["assets"]
            .as_array()
            .expect("assets")
            .iter()
            .map(|asset| (&asset["action"], &asset["reason"]))
            .collect();
        assert_eq!(shown, [(&json!("put"), &Value::Null), (&json!("delete"), &json!("old"))]);
        assert!(payload.get("files").is_none() && payload.get("content_omitted").is_none());
    }

    #[test]
    fn one_path_names_its_last_state_and_several_are_a_bulk() {
        let named = |files: &[(&'static str, bool)], has_fields: bool, has_assets: bool| {
            let fields = has_fields.then_some(ENTITY_UPDATE);
            let assets = has_assets.then_some(ASSET_UPDATE);
            name(of_files(files.iter().copied()).into_iter().chain(fields).chain(assets))
        };
        assert_eq!(named(&[("a", true)], false, false), "file:update");
        assert_eq!(named(&[("a", true), ("a", false)], false, false), "file:delete");
        assert_eq!(named(&[("a", true), ("b", true)], false, false), "bulk:apply");
        assert_eq!(named(&[("a", true), ("b", true), ("a", true)], false, false), "bulk:apply");
        assert_eq!(named(&[], true, false), "entity:update");
        assert_eq!(named(&[("a", true)], true, false), "bulk:apply");
        assert_eq!(named(&[], false, true), "asset:update");
        assert_eq!(named(&[], true, true), "bulk:apply");
        assert_eq!(named(&[("a", true)], false, true), "bulk:apply");
    }

    #[test]
    fn one_change_is_described_by_itself() {
        let payload = build(single(true), &ORIGIN, vec![update("a", b"x")], Some(Vec::new()), Vec::new());
        assert_eq!((&payload["content"], &payload["version"]), (&json!("x"), &json!(2)));
        let payload = build(single(false), &ORIGIN, vec![delete("a")], Some(Vec::new()), Vec::new());
        assert_eq!((&payload["file_path"], payload.get("content")), (&json!("a"), None));
    }

    #[test]
    fn several_changes_are_a_list_of_last_states() {
        let payload = build(
            BULK,
            &ORIGIN,
            vec![update("a", b"x"), delete("b"), update("a", b"y")],
            Some(Vec::new()),
            Vec::new(),
        );
        let files = payload["files"].as_array().expect("files");
        assert_eq!(files.len(), 2);
        assert_eq!(files[1]["content"], "y");
        assert_eq!(files[0]["action"], "delete");
    }

    #[test]
    fn what_is_left_of_a_bulk_is_still_a_list() {
        let payload = build(BULK, &ORIGIN, vec![update("a", b"x")], Some(Vec::new()), Vec::new());
        assert_eq!(payload["files"].as_array().expect("files").len(), 1);
    }

    #[test]
    fn binary_content_travels_as_base64() {
        let payload =
            build(single(true), &ORIGIN, vec![update("a", b"\x00\xff")], Some(Vec::new()), Vec::new());
        assert_eq!((&payload["content"], &payload["content_base64"]), (&Value::Null, &json!("AP8=")));
    }

    #[test]
    fn content_that_is_gone_is_left_out_and_says_so() {
        let mut change = update("a", b"x");
        if let Some(file) = &mut change.file {
            file.content = Body::Unavailable("collected");
        }
        let payload = build(single(true), &ORIGIN, vec![change], Some(Vec::new()), Vec::new());
        assert_eq!(
            (&payload["content_omitted"], &payload["content_unavailable"], payload.get("content")),
            (&json!(true), &json!("collected"), None)
        );
    }

    fn mark() -> Mark {
        Mark::of(&Hash::of(b"the log"))
    }

    #[test]
    fn a_broadcast_always_fits() {
        let payload =
            build(single(true), &ORIGIN, vec![update("a", &[b'x'; 20_000])], Some(Vec::new()), Vec::new());
        let text = broadcast(single(true), Seq::FIRST, &mark(), 0, &payload);
        assert!(
            text.len() <= MAX_NOTIFY_BYTES
                && text.contains("\"content_omitted\":true")
                && text.contains("content_hash")
        );
        let many = (0..1000).map(|n| update(&format!("f{n}"), b"x")).collect();
        let payload = build(BULK, &ORIGIN, many, Some(Vec::new()), Vec::new());
        let text = broadcast(BULK, Seq::FIRST, &mark(), 0, &payload);
        assert!(text.len() <= MAX_NOTIFY_BYTES && text.contains("\"content_omitted\":true"));
        let payload = build(single(true), &ORIGIN, vec![update("a", b"small")], Some(Vec::new()), Vec::new());
        assert!(broadcast(single(true), Seq::FIRST, &mark(), 0, &payload).contains("small"));
    }
}
