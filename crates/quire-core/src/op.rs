//! Operations: what a bundle consists of, in a canonical JSON form that any client can recompute.
//!
//! An operation's checksum is BLAKE3 of its RFC 8785 form. Preconditions (`expected_version`) and results (`version`)
//! are not part of it: they say when it may be applied and what came of it, not what it does.

use crate::asset::{Label, reason_of};
use crate::error::{Error, Result};
use crate::field::{self, EntityKey, write_op};
use crate::hash::Hash;
use crate::json::{JsonValue, Members, canonical};
use crate::path::{FilePath, shorten};
use crate::settings::{LARGEST_MAX_ASSET_BYTES, LARGEST_MAX_FILE_BYTES};
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

/// Mode bits of a file, as git knows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// A regular file.
    #[default]
    Regular,
    /// An executable file.
    Executable,
    /// A symbolic link; the content is its target.
    Symlink,
}

impl Mode {
    /// From `100644`, `100755` or `120000`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "100644" => Ok(Mode::Regular),
            "100755" => Ok(Mode::Executable),
            "120000" => Ok(Mode::Symlink),
            _ => Err(Error::validation("mode must be 100644, 100755 or 120000").with("mode", shorten(text))),
        }
    }

    /// The six digits.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Regular => "100644",
            Mode::Executable => "100755",
            Mode::Symlink => "120000",
        }
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One operation on one project.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "op")]
pub enum Op {
    /// A file gets this content, type and mode.
    #[serde(rename = "file.put")]
    FilePut {
        /// Where.
        #[serde(serialize_with = "path")]
        file_path: FilePath,
        /// Its type.
        file_type: String,
        /// Its mode bits.
        mode: Mode,
        /// BLAKE3 of the content.
        #[serde(serialize_with = "hex")]
        content_hash: Hash,
        /// Bytes of the content.
        size: i64,
    },
    /// A file goes away.
    #[serde(rename = "file.delete")]
    FileDelete {
        /// Which.
        #[serde(serialize_with = "path")]
        file_path: FilePath,
    },
    /// A file gets another path.
    #[serde(rename = "file.move")]
    FileMove {
        /// From here.
        #[serde(serialize_with = "path")]
        from_path: FilePath,
        /// To here.
        #[serde(serialize_with = "path")]
        to_path: FilePath,
    },
    /// A field of an entity gets this value.
    #[serde(rename = "field.set")]
    FieldSet {
        /// Type of the entity.
        entity_type: String,
        /// Which, inside its type.
        entity_id: String,
        /// Which field.
        field: String,
        /// Any JSON.
        value: JsonValue,
    },
    /// A field of an entity is cleared.
    #[serde(rename = "field.unset")]
    FieldUnset {
        /// Type of the entity.
        entity_type: String,
        /// Which, inside its type.
        entity_id: String,
        /// Which field.
        field: String,
    },
    /// An entity goes away: all its fields are cleared.
    #[serde(rename = "entity.delete")]
    EntityDelete {
        /// Type of the entity.
        entity_type: String,
        /// Which, inside its type.
        entity_id: String,
    },
    /// Content is kept as an asset.
    #[serde(rename = "asset.put")]
    AssetPut {
        /// BLAKE3 of the content.
        #[serde(serialize_with = "hex")]
        content_hash: Hash,
        /// How a download is called.
        filename: String,
        /// `type/subtype`.
        media_type: String,
        /// What it is to the application.
        asset_type: String,
        /// Bytes of the content.
        size: i64,
    },
    /// An asset is kept no longer.
    #[serde(rename = "asset.delete")]
    AssetDelete {
        /// BLAKE3 of its content.
        #[serde(serialize_with = "hex")]
        content_hash: Hash,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A snapshot can be downloaded. Changes no file.
    #[serde(rename = "snapshot.ready")]
    SnapshotReady {
        /// Which.
        snapshot_id: Uuid,
        /// The last bundle whose files it holds.
        seq: i64,
        /// Set in a delta: the bundle it builds on.
        #[serde(skip_serializing_if = "Option::is_none")]
        since_seq: Option<i64>,
        /// `zip` or `tar.zst`.
        format: String,
        /// Bytes of the archive.
        size: i64,
        /// BLAKE3 of the archive.
        #[serde(serialize_with = "hex")]
        content_hash: Hash,
        /// Files in it.
        file_count: i64,
    },
}

impl Op {
    /// The content that it gives a path or an asset, and its bytes.
    pub const fn content(&self) -> Option<(Hash, i64)> {
        match self {
            Op::FilePut { content_hash, size, .. } | Op::AssetPut { content_hash, size, .. } => {
                Some((*content_hash, *size))
            }
            _ => None,
        }
    }

    /// The `op` member of the canonical form.
    pub const fn name(&self) -> &'static str {
        match self {
            Op::FilePut { .. } => "file.put",
            Op::FileDelete { .. } => "file.delete",
            Op::FileMove { .. } => "file.move",
            Op::FieldSet { .. } => "field.set",
            Op::FieldUnset { .. } => "field.unset",
            Op::EntityDelete { .. } => "entity.delete",
            Op::AssetPut { .. } => "asset.put",
            Op::AssetDelete { .. } => "asset.delete",
            Op::SnapshotReady { .. } => "snapshot.ready",
        }
    }

    /// From its canonical form, or any JSON that is equal to it.
    pub fn parse(what: &str, value: &Value) -> Result<Self> {
        let mut members = Members::of(what, value)?;
        let op = match members.str("op")? {
            "file.put" => Op::FilePut {
                file_path: FilePath::parse(members.str("file_path")?)?,
                file_type: members.str("file_type")?.to_owned(),
                mode: Mode::parse(members.str("mode")?)?,
                content_hash: hash_member(&mut members, "content_hash")?,
                size: size_member(&mut members, LARGEST_MAX_FILE_BYTES)?,
            },
            "file.delete" => Op::FileDelete { file_path: FilePath::parse(members.str("file_path")?)? },
            "file.move" => Op::FileMove {
                from_path: FilePath::parse(members.str("from_path")?)?,
                to_path: FilePath::parse(members.str("to_path")?)?,
            },
            name @ ("field.set" | "field.unset") => {
                let entity = EntityKey::parse(members.str("entity_type")?, members.str("entity_id")?)?;
                let key = entity.field(members.str("field")?)?;
                let to = match name {
                    "field.set" => Some(field::value("value", members.value("value")?)?),
                    _ => None,
                };
                write_op(&key, to.as_ref())
            }
            "entity.delete" => {
                let EntityKey { entity_type, entity_id } =
                    EntityKey::parse(members.str("entity_type")?, members.str("entity_id")?)?;
                Op::EntityDelete { entity_type, entity_id }
            }
            "asset.put" => {
                let content_hash = hash_member(&mut members, "content_hash")?;
                let Label { filename, media_type, asset_type } = Label::parse(
                    members.str("filename")?,
                    members.str("media_type")?,
                    members.str("asset_type")?,
                )?;
                let size = size_member(&mut members, LARGEST_MAX_ASSET_BYTES)?;
                Op::AssetPut { content_hash, filename, media_type, asset_type, size }
            }
            "asset.delete" => Op::AssetDelete {
                content_hash: hash_member(&mut members, "content_hash")?,
                reason: members.opt_str("reason")?.map(reason_of).transpose()?,
            },
            "snapshot.ready" => Op::SnapshotReady {
                snapshot_id: members.uuid("snapshot_id")?,
                seq: members.i64("seq")?,
                since_seq: members.opt_i64("since_seq")?,
                format: members.str("format")?.to_owned(),
                size: members.i64("size")?,
                content_hash: hash_member(&mut members, "content_hash")?,
                file_count: members.i64("file_count")?,
            },
            unknown => {
                return Err(Error::validation(format!("unknown op {:?}", shorten(unknown)))
                    .with("op", shorten(unknown)));
            }
        };
        members.finish()?;
        Ok(op)
    }

    /// BLAKE3 of the canonical form.
    pub fn checksum(&self) -> Result<Hash> {
        match self {
            // A value can be long, and is in its canonical form already.
            Op::FieldSet { entity_type, entity_id, field, value } => {
                let [entity_type, entity_id, field] =
                    [canonical(entity_type)?, canonical(entity_id)?, canonical(field)?];
                let parts: [&[u8]; 9] = [
                    b"{\"entity_id\":",
                    &entity_id,
                    b",\"entity_type\":",
                    &entity_type,
                    b",\"field\":",
                    &field,
                    b",\"op\":\"field.set\",\"value\":",
                    value.as_str().as_bytes(),
                    b"}",
                ];
                Ok(Hash::of_parts(parts))
            }
            _ => Ok(Hash::of(&canonical(self)?)),
        }
    }
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

    #[test]
    fn canonical_form_is_stable() {
        let op = Op::FileMove {
            from_path: FilePath::parse("a").expect("valid"),
            to_path: FilePath::parse("b\"c").expect("valid"),
        };
        assert_eq!(
            String::from_utf8(canonical(&op).expect("canonical")).expect("UTF-8"),
            r#"{"from_path":"a","op":"file.move","to_path":"b\"c"}"#
        );
        let put = Op::FilePut {
            file_path: FilePath::parse("a").expect("valid"),
            file_type: "text".into(),
            mode: Mode::Regular,
            content_hash: Hash::of(b""),
            size: 0,
        };
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
        let value = |json: serde_json::Value| JsonValue::of(&json).expect("canonical");
        for op in [
            Op::FilePut {
                file_path: FilePath::parse("a").expect("valid"),
                file_type: "text".into(),
                mode: Mode::Executable,
                content_hash: Hash::of(b""),
                size: 0,
            },
            Op::FileDelete { file_path: FilePath::parse("a").expect("valid") },
            Op::FieldSet {
                entity_type: "t".into(),
                entity_id: "1".into(),
                field: "f".into(),
                value: value(serde_json::json!(null)),
            },
            Op::FieldSet {
                entity_type: "t\"\\".into(),
                entity_id: "é\u{2028}".into(),
                field: "\u{10ffff}".into(),
                value: value(serde_json::json!({"b": [1e21, "\n"], "a": {}})),
            },
            Op::FieldUnset { entity_type: "t".into(), entity_id: "1".into(), field: "f".into() },
            Op::EntityDelete { entity_type: "t".into(), entity_id: "1".into() },
        ] {
            assert_eq!(op.checksum().expect("a checksum"), Hash::of(&canonical(&op).expect("canonical")));
            let form: Value = serde_json::from_slice(&canonical(&op).expect("canonical")).expect("JSON");
            assert_eq!(Op::parse("op", &form).expect("reads"), op);
        }
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
