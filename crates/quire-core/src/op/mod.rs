//! Operations: what a bundle consists of, in a canonical JSON form that any client can recompute.
//!
//! This is the one list of what operations are about; each kind says in a file of its own what its operations are called, how they are
//! read, and what they do to the state of a project.
//!
//! An operation's checksum is BLAKE3 of its RFC 8785 form. Preconditions (`expected_version`) and results (`version`)
//! are not part of it: they say when it may be applied and what came of it, not what it does.

mod asset;
mod field;
mod file;
mod state;
mod system;

use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::id::BundleId;
use crate::json::{JsonValue, Members, canonical};
use crate::key::FieldKey;
use crate::path::FilePath;
use crate::text::shorten;
pub use asset::{AssetOp, Kept};
pub use field::FieldOp;
pub use file::{File, FileOp};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
pub use state::State;
pub use system::SystemOp;

/// One operation on one project.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum Op {
    /// On a file.
    File(FileOp),
    /// On a field of an entity, or on all of them.
    Field(FieldOp),
    /// On an asset.
    Asset(AssetOp),
    /// By quire itself; changes no content.
    System(SystemOp),
}

/// What operations on content are about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Topic {
    /// Files.
    File,
    /// Fields of entities.
    Field,
    /// Assets.
    Asset,
}

impl Topic {
    /// All of them, in the order in which their operations stand in a bundle.
    pub const ALL: [Self; 3] = [Self::File, Self::Field, Self::Asset];

    /// How a row of the log is called, which tells of an operation.
    pub const fn logged_row(self) -> &'static str {
        match self {
            Topic::File => "file_op",
            Topic::Field => "field_op",
            Topic::Asset => "asset_op",
        }
    }

    /// How a row of current state is called.
    pub const fn current_row(self) -> &'static str {
        match self {
            Topic::File => "file_head",
            Topic::Field => "entity_field",
            Topic::Asset => "asset",
        }
    }
}

/// A thing that operations change, and what it is after a change; `None` when it is not there.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// What is at a path.
    File(FilePath, Option<File>),
    /// The value of a field.
    Field(FieldKey, Option<JsonValue>),
    /// What is said of an asset.
    Asset(Hash, Option<Kept>),
}

impl Op {
    /// What operations on content are called: those that a caller can ask for.
    pub fn names() -> impl Iterator<Item = &'static str> {
        [&FileOp::NAMES[..], &FieldOp::NAMES, &AssetOp::NAMES].into_iter().flatten().copied()
    }

    /// Whether there are operations of this name.
    pub fn is_known(name: &str) -> bool {
        Self::names().chain(SystemOp::NAMES).any(|known| known == name)
    }

    /// The `op` member of the canonical form.
    pub const fn name(&self) -> &'static str {
        match self {
            Op::File(op) => op.name(),
            Op::Field(op) => op.name(),
            Op::Asset(op) => op.name(),
            Op::System(op) => op.name(),
        }
    }

    /// What it is about; `None` when it changes no content.
    pub const fn topic(&self) -> Option<Topic> {
        match self {
            Op::File(_) => Some(Topic::File),
            Op::Field(_) => Some(Topic::Field),
            Op::Asset(_) => Some(Topic::Asset),
            Op::System(_) => None,
        }
    }

    /// The content that it gives a path or an asset, and its bytes.
    pub const fn content(&self) -> Option<(Hash, i64)> {
        match self {
            Op::File(op) => op.content(),
            Op::Asset(op) => op.content(),
            Op::Field(_) | Op::System(_) => None,
        }
    }

    /// The content of the symlink that it makes: its target.
    pub fn link(&self) -> Option<Hash> {
        match self {
            Op::File(op) => op.link(),
            Op::Field(_) | Op::Asset(_) | Op::System(_) => None,
        }
    }

    /// From its canonical form, or any JSON that is equal to it.
    pub fn parse(what: &str, value: &Value) -> Result<Self> {
        let mut members = Members::of(what, value)?;
        let name = members.str("op")?;
        let op = if let Some(op) = FileOp::parse(name, &mut members)? {
            Op::File(op)
        } else if let Some(op) = FieldOp::parse(name, &mut members)? {
            Op::Field(op)
        } else if let Some(op) = AssetOp::parse(name, &mut members)? {
            Op::Asset(op)
        } else if let Some(op) = SystemOp::parse(name, &mut members)? {
            Op::System(op)
        } else {
            return Err(
                Error::validation(format!("unknown op {:?}", shorten(name))).with("op", shorten(name))
            );
        };
        members.finish()?;
        Ok(op)
    }

    /// The canonical form, as a tree.
    pub fn form(&self) -> Result<Value> {
        serde_json::from_slice(&canonical(self)?)
            .map_err(|_| Error::internal("an operation has no JSON form"))
    }

    /// BLAKE3 of the canonical form.
    pub fn checksum(&self) -> Result<Hash> {
        match self {
            Op::File(op) => op.checksum(),
            Op::Field(op) => op.checksum(),
            Op::Asset(op) => op.checksum(),
            Op::System(op) => Ok(Hash::of(&canonical(op)?)),
        }
    }

    /// What it does, for people: a verb and its object.
    pub fn describe(&self) -> String {
        match self {
            Op::File(op) => op.describe(),
            Op::Field(op) => op.describe(),
            Op::Asset(op) => op.describe(),
            Op::System(op) => op.name().to_owned(),
        }
    }
}

impl Change {
    /// The operation that makes the thing so.
    pub fn op(&self) -> Op {
        match self {
            Change::File(path, file) => Op::File(FileOp::making(path, file.as_ref())),
            Change::Field(key, value) => Op::Field(FieldOp::making(key, value.as_ref())),
            Change::Asset(hash, kept) => Op::Asset(AssetOp::making(hash, kept.as_ref())),
        }
    }

    /// The content that the thing has then, and its bytes.
    pub fn content(&self) -> Option<(Hash, i64)> {
        match self {
            Change::File(_, file) => file.as_ref().map(|file| (file.content_hash, file.size)),
            Change::Asset(hash, kept) => kept.as_ref().map(|kept| (*hash, kept.size)),
            Change::Field(..) => None,
        }
    }

    /// The content that names the thing, or that it has then.
    pub fn named_content(&self) -> Option<Hash> {
        match self {
            Change::File(_, file) => file.as_ref().map(|file| file.content_hash),
            Change::Asset(hash, _) => Some(*hash),
            Change::Field(..) => None,
        }
    }

    /// What it is about.
    pub const fn topic(&self) -> Topic {
        match self {
            Change::File(..) => Topic::File,
            Change::Field(..) => Topic::Field,
            Change::Asset(..) => Topic::Asset,
        }
    }

    /// The members by which the thing is named.
    pub fn key(&self) -> Value {
        match self {
            Change::File(path, _) => json!({"file_path": path.as_str()}),
            Change::Field(key, _) => json!(key),
            Change::Asset(hash, _) => json!({"content_hash": hash.to_hex()}),
        }
    }
}

/// What an operation does to one thing, and what its author had seen there.
#[derive(Clone, PartialEq, Debug)]
pub struct Write {
    /// What becomes of which thing.
    pub change: Change,
    /// The bundle that made it what it was before; `None` if none did.
    pub base: Option<BundleId>,
}

impl Op {
    /// Adds what its writes tell beside it, where it travels.
    pub fn add_writes(&self, json: &mut Value, writes: &[Write]) {
        match self {
            Op::File(op) => op.add_writes(json, writes),
            Op::Field(op) => op.add_writes(json, writes),
            Op::Asset(_) | Op::System(_) => add_base(json, writes),
        }
    }

    /// Its writes, from what came beside it.
    pub fn parse_writes(&self, what: &str, members: &mut Members) -> Result<Vec<Write>> {
        match self {
            Op::File(op) => op.parse_writes(what, members),
            Op::Field(op) => op.parse_writes(what, members),
            Op::Asset(op) => Ok(vec![Write { change: op.change(), base: members.opt_uuid("base")? }]),
            Op::System(_) => Err(Error::validation(format!("{what} is no operation that travels"))),
        }
    }
}

/// The base of the one thing that an operation changes.
fn add_base(json: &mut Value, writes: &[Write]) {
    writes.iter().for_each(|write| json["base"] = json!(write.base));
}

fn hash_member(members: &mut Members, key: &'static str) -> Result<Hash> {
    Hash::from_hex(members.str(key)?).ok_or_else(|| members.wrong(key, "64 hex digits"))
}

/// Bytes of a content, of which there are at most so many (PT413): whoever adds sizes counts on it.
pub fn size_member(members: &mut Members, most: i64) -> Result<i64> {
    let size = members.i64("size")?;
    if size < 0 {
        return Err(members.wrong("size", "0 or more"));
    }
    check_size(size, most)?;
    Ok(size)
}

/// Refuses a size that no content can have (PT413).
pub fn check_size(size: i64, most: i64) -> Result<()> {
    if size <= most {
        return Ok(());
    }
    Err(Error::limit("a content has a size that none can have", most).with("size", size))
}

fn path<S: Serializer>(path: &FilePath, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(path.as_str())
}

fn hex<S: Serializer>(hash: &Hash, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&hash.to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let file =
            File { file_type: "text".into(), mode: Mode::Regular, content_hash: Hash::of(b""), size: 0 };
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
            Op::System(SystemOp::SnapshotReady {
                snapshot_id: crate::id::SnapshotId(uuid::Uuid::from_u128(1)),
                seq: 2,
                since_seq: Some(1),
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
}
