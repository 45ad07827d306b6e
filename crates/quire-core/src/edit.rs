//! What callers want done, and what became of it.

use crate::asset::{AssetEdit, AssetOutcome, Source};
use crate::field::{FieldEdit, FieldOutcome};
use crate::hash::Hash;
use crate::op::Topic;
use crate::tree::{FileEdit, FileOutcome};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a caller wants done to one thing.
#[derive(Clone, PartialEq, Debug)]
pub enum Edit {
    /// To a file.
    File(FileEdit),
    /// To a field of an entity, or to a whole one.
    Field(FieldEdit),
    /// To an asset.
    Asset(AssetEdit),
}

/// What became of one edit, as the receipt tells it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Of one of a file.
    File(FileOutcome),
    /// Of one of fields.
    Field(FieldOutcome),
    /// Of one of an asset.
    Asset(AssetOutcome),
}

impl Edit {
    /// What it is about.
    pub const fn topic(&self) -> Topic {
        match self {
            Edit::File(_) => Topic::File,
            Edit::Field(_) => Topic::Field,
            Edit::Asset(_) => Topic::Asset,
        }
    }

    /// Of a file.
    pub const fn file(&self) -> Option<&FileEdit> {
        match self {
            Edit::File(edit) => Some(edit),
            Edit::Field(_) | Edit::Asset(_) => None,
        }
    }

    /// The content that it gives something by naming it. An asset of content that is stored here says so when it is applied.
    pub const fn content(&self) -> Option<Hash> {
        match self {
            Edit::File(FileEdit::Put { content, .. }) => Some(content.hash),
            Edit::Asset(AssetEdit::Put { hash, source, .. }) if !matches!(source, Source::Stored) => {
                Some(*hash)
            }
            Edit::File(_) | Edit::Field(_) | Edit::Asset(_) => None,
        }
    }

    /// The operation asked for, without content: its name and the members that say what it is about.
    pub fn outline(&self) -> Value {
        let (op, mut outline) = match self {
            Edit::File(edit) => edit.outline(),
            Edit::Field(edit) => edit.outline(),
            Edit::Asset(edit) => edit.outline(),
        };
        outline["op"] = op.into();
        outline
    }

    /// What identifies it in a repeated request.
    pub fn fingerprint(&self) -> Value {
        match self {
            Edit::File(edit) => edit.fingerprint(),
            Edit::Field(edit) => edit.fingerprint(),
            Edit::Asset(edit) => edit.fingerprint(),
        }
    }
}

impl Outcome {
    /// Of one of a file.
    pub const fn file(&self) -> Option<&FileOutcome> {
        match self {
            Outcome::File(outcome) => Some(outcome),
            Outcome::Field(_) | Outcome::Asset(_) => None,
        }
    }

    /// Of one of an asset.
    pub const fn asset(&self) -> Option<&AssetOutcome> {
        match self {
            Outcome::Asset(outcome) => Some(outcome),
            Outcome::File(_) | Outcome::Field(_) => None,
        }
    }
}

impl FileEdit {
    fn outline(&self) -> (&'static str, Value) {
        match self {
            FileEdit::Put { path, .. } => ("file.put", json!({"file_path": path.as_str()})),
            FileEdit::Delete { path, .. } => ("file.delete", json!({"file_path": path.as_str()})),
            FileEdit::Move { from, to, .. } => {
                ("file.move", json!({"from_path": from.as_str(), "to_path": to.as_str()}))
            }
        }
    }

    fn fingerprint(&self) -> Value {
        match self {
            FileEdit::Put { path, file_type, mode, content, expected_version } => {
                json!(["put", path.as_str(), file_type, mode, content.hash.to_hex(), expected_version])
            }
            FileEdit::Delete { path, expected_version } => json!(["delete", path.as_str(), expected_version]),
            FileEdit::Move { from, to, expected_version } => {
                json!(["move", from.as_str(), to.as_str(), expected_version])
            }
        }
    }
}

impl FieldEdit {
    fn outline(&self) -> (&'static str, Value) {
        match self {
            FieldEdit::Write { key, value: Some(_), .. } => ("field.set", json!(key)),
            FieldEdit::Write { key, value: None, .. } => ("field.unset", json!(key)),
            FieldEdit::Delete { entity, .. } => ("entity.delete", json!(entity)),
        }
    }

    fn fingerprint(&self) -> Value {
        match self {
            FieldEdit::Write { key, value, base_seq, .. } => {
                json!(["write", key.entity.entity_type, key.entity.entity_id, key.field, value, base_seq])
            }
            FieldEdit::Delete { entity, base_seq } => {
                json!(["delete", entity.entity_type, entity.entity_id, base_seq])
            }
        }
    }
}

impl AssetEdit {
    fn outline(&self) -> (&'static str, Value) {
        let op = match self {
            AssetEdit::Put { .. } => "asset.put",
            AssetEdit::Delete { .. } => "asset.delete",
        };
        (op, json!({"content_hash": self.hash().to_hex()}))
    }

    fn fingerprint(&self) -> Value {
        match self {
            AssetEdit::Put { hash, label, .. } => {
                json!(["keep", hash.to_hex(), label.filename, label.media_type, label.asset_type])
            }
            AssetEdit::Delete { hash, reason } => json!(["drop", hash.to_hex(), reason]),
        }
    }
}
