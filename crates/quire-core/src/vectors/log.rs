//! Logs of vectors: every one is a log that quire could have written, and what follows from it is stated here, in the words of an
//! export, from the operations alone.
//!
//! [`Log::bundle`] fails where a bundle cannot come next: another seq or project, an earlier time, a base or a bundle taken back
//! that was not there, a file, entity or asset that is touched and is not there, an undo that does not lead back, a snapshot
//! with another number of files. `tests/vectors/replay.mjs` asks the same.

use super::OpVector;
use crate::chain::{BundleHeader, checksum};
use crate::hash::Hash;
use crate::id::Seq;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};

/// Files, fields and assets, each as the newest operation made it.
#[derive(Clone, Default, PartialEq)]
pub struct State {
    /// Path, and type, mode, hash and size.
    pub files: BTreeMap<String, Value>,
    /// Type and id, and fields.
    pub entities: BTreeMap<(String, String), Map<String, Value>>,
    /// Hash, and everything that is said of the asset.
    pub assets: BTreeMap<String, Value>,
}

/// A version of a file.
pub struct Row {
    pub path: String,
    pub version: i64,
    /// The file, or what it was before it went.
    pub file: Value,
    pub is_deleted: bool,
    /// The other end of a move.
    pub moved: Option<(String, i64)>,
}

/// What became of an operation.
pub struct Done {
    pub checksum: Hash,
    pub before: Value,
    pub after: Value,
    /// Versions of files, in order.
    pub rows: Vec<Row>,
    /// Fields that an entity lost.
    pub lost: Vec<String>,
}

/// What became of a bundle.
pub struct Bundled {
    pub previous: Hash,
    pub checksum: Hash,
    pub ops: Vec<Done>,
}

/// A log, up to its newest bundle.
#[derive(Default)]
pub struct Log {
    pub now: State,
    /// After each bundle, and before the first.
    states: Vec<State>,
    versions: BTreeMap<String, i64>,
    newest: Option<(BundleHeader, Hash)>,
    ids: HashSet<uuid::Uuid>,
}

fn text<'v>(of: &'v Value, member: &str) -> &'v str {
    of[member].as_str().expect(member)
}

fn without(of: &Value, members: &[&str]) -> Value {
    let mut of = of.clone();
    let object = of.as_object_mut().expect("an object");
    members.iter().for_each(|member| drop(object.remove(*member)));
    of
}

fn with(of: &Value, member: &str, value: Value) -> Value {
    let mut of = of.clone();
    of[member] = value;
    of
}

impl Log {
    /// Takes the next bundle.
    pub fn bundle(&mut self, header: &BundleHeader, ops: &[Value]) -> Bundled {
        self.check(header, ops);
        let done: Vec<Done> = ops.iter().map(|op| self.apply(header.seq, op)).collect();
        if header.undoes_seq == Some(header.seq.before()) {
            assert!(
                self.now == *self.state_at(header.seq.before().before()),
                "bundle {} does not lead back",
                header.seq
            );
        }
        self.states.push(self.now.clone());
        let previous = self.newest.as_ref().map_or(Hash::ZERO, |(_, checksum)| *checksum);
        let checksums: Vec<Hash> = done.iter().map(|done| done.checksum).collect();
        let checksum = checksum(&previous, header, &checksums).expect("a checksum");
        self.newest = Some((header.clone(), checksum));
        Bundled { previous, checksum, ops: done }
    }

    fn check(&mut self, header: &BundleHeader, ops: &[Value]) {
        if self.states.is_empty() {
            self.states.push(State::default());
        }
        let BundleHeader { seq, project_id, committed_at, base_seq, undoes_seq, .. } = header;
        assert_eq!(*seq, Seq::of_count(self.states.len()), "another bundle comes next");
        if let Some((before, _)) = &self.newest {
            assert!(before.project_id == *project_id && before.committed_at < *committed_at, "bundle {seq}");
        }
        assert!(
            base_seq.is_none_or(|base| (Seq::ZERO..*seq).contains(&base)),
            "bundle {seq} is made on what was not there"
        );
        assert!(
            undoes_seq.is_none_or(|undoes| (Seq::FIRST..*seq).contains(&undoes)),
            "bundle {seq} takes nothing back"
        );
        assert_eq!(undoes_seq.is_some(), header.kind == "undo", "bundle {seq} is of another kind");
        let is_new = [Some(header.bundle_id.0), header.correlation_id.map(|id| id.0)]
            .into_iter()
            .flatten()
            .all(|id| self.ids.insert(id));
        assert!(is_new, "an id of bundle {seq} is another bundle's");
        let places = ops.iter().map(|op| match text(op, "op").split_once('.').expect("a dot").0 {
            "file" => 1,
            "field" | "entity" => 2,
            "asset" => 3,
            _ => 4,
        });
        assert!(places.is_sorted(), "the operations of bundle {seq} stand in another order");
    }

    fn apply(&mut self, seq: Seq, op: &Value) -> Done {
        let checksum = OpVector::of(&op.to_string()).0.checksum;
        let (mut rows, mut lost) = (Vec::new(), Vec::new());
        let entity = || (text(op, "entity_type").to_owned(), text(op, "entity_id").to_owned());
        let (before, after) = match text(op, "op") {
            "file.put" => {
                let (path, file) = (text(op, "file_path"), without(op, &["op", "file_path"]));
                let before = self.known(path);
                assert_ne!(
                    self.now.files.insert(path.to_owned(), file.clone()).as_ref(),
                    Some(&file),
                    "{path} stays"
                );
                let row = self.advance(path, file.clone(), false);
                let after = with(&file, "version", row.version.into());
                rows.push(row);
                (before, after)
            }
            "file.delete" => {
                let path = text(op, "file_path");
                let before = self.known(path);
                let file = self.now.files.remove(path).expect(path);
                rows.push(self.advance(path, file, true));
                (before, Value::Null)
            }
            "file.move" => {
                let (from, to) = (text(op, "from_path"), text(op, "to_path"));
                let file = self.now.files.remove(from).expect(from);
                let version = self.versions[from];
                let mut gone = self.advance(from, file.clone(), true);
                assert!(self.now.files.insert(to.to_owned(), file.clone()).is_none(), "{to} is there");
                let mut there = self.advance(to, file.clone(), false);
                gone.moved = Some((to.to_owned(), there.version));
                there.moved = Some((from.to_owned(), version));
                let after = with(&file, "version", there.version.into());
                rows.extend([gone, there]);
                (json!({"file_path": from, "version": version, "content_hash": file["content_hash"]}), after)
            }
            "field.set" => {
                let fields = self.now.entities.entry(entity()).or_default();
                let before = fields.insert(text(op, "field").to_owned(), op["value"].clone());
                (value_of(before), json!({"value": op["value"]}))
            }
            "field.unset" => {
                let fields = self.now.entities.get_mut(&entity()).expect("an entity");
                let before = fields.remove(text(op, "field"));
                if fields.is_empty() {
                    self.now.entities.remove(&entity());
                }
                (value_of(before), Value::Null)
            }
            "entity.delete" => {
                let fields = self.now.entities.remove(&entity()).expect("an entity");
                lost.extend(fields.keys().cloned());
                lost.sort();
                (Value::Object(fields), Value::Null)
            }
            "asset.put" => {
                let asset = without(op, &["op"]);
                let before = self.now.assets.insert(text(op, "content_hash").to_owned(), asset.clone());
                assert_ne!(before.as_ref(), Some(&asset), "an asset stays");
                (before.map_or(Value::Null, |before| without(&before, &["content_hash"])), asset)
            }
            "asset.delete" => {
                let before = self.now.assets.remove(text(op, "content_hash")).expect("an asset");
                (without(&before, &["content_hash"]), json!({"is_deleted": true, "reason": op["reason"]}))
            }
            "snapshot.ready" => {
                assert_eq!(
                    op["file_count"],
                    self.packed(seq, op).len(),
                    "a snapshot has another number of files"
                );
                (Value::Null, op.clone())
            }
            name => panic!("no operation is called {name}"),
        };
        Done { checksum, before, after, rows, lost }
    }

    fn state_at(&self, seq: Seq) -> &State {
        &self.states[usize::try_from(seq.0).expect("a seq")]
    }

    /// The files of a snapshot; of a delta, those that are others than they were.
    pub fn packed(&self, seq: Seq, op: &Value) -> BTreeMap<String, Value> {
        let older = |of: &Value, than: Seq| {
            of.as_i64().map(Seq).filter(|of| (Seq::ZERO..than).contains(of)).expect("an older seq")
        };
        let of = older(&op["seq"], seq);
        let since = op.get("since_seq").map(|since| older(since, of));
        let mut files = self.state_at(of).files.clone();
        if let Some(since) = since {
            files.retain(|path, file| self.state_at(since).files.get(path) != Some(file));
        }
        files
    }

    /// A file before an operation.
    fn known(&self, path: &str) -> Value {
        let version = || self.versions[path].into();
        self.now
            .files
            .get(path)
            .map_or(Value::Null, |file| with(&without(file, &["size"]), "version", version()))
    }

    fn advance(&mut self, path: &str, file: Value, is_deleted: bool) -> Row {
        let version = self.versions.entry(path.to_owned()).or_default();
        *version += 1;
        Row { path: path.to_owned(), version: *version, file, is_deleted, moved: None }
    }
}

fn value_of(before: Option<Value>) -> Value {
    before.map_or(Value::Null, |value| json!({"value": value}))
}

/// A file that gets a content.
pub fn put(path: &str, file_type: &str, mode: &str, content: &[u8]) -> Value {
    json!({"op": "file.put", "file_path": path, "file_type": file_type, "mode": mode, "content_hash": Hash::of(content),
           "size": content.len()})
}

/// A file that is moved.
pub fn moved(from: &str, to: &str) -> Value {
    json!({"op": "file.move", "from_path": from, "to_path": to})
}

/// A field that gets a value.
pub fn set(entity_type: &str, id: &str, field: &str, value: Value) -> Value {
    json!({"op": "field.set", "entity_type": entity_type, "entity_id": id, "field": field, "value": value})
}

/// An asset that is kept.
pub fn keep(filename: &str, media_type: &str, asset_type: &str, content: &[u8]) -> Value {
    json!({"op": "asset.put", "content_hash": Hash::of(content), "filename": filename, "media_type": media_type,
           "asset_type": asset_type, "size": content.len()})
}
