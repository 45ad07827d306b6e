//! Operations on files.

use super::{Change, State, Write, add_base, hash_member, hex, path, size_member};
use crate::error::Result;
use crate::hash::Hash;
use crate::json::{Members, canonical};
use crate::mode::Mode;
use crate::path::FilePath;
use crate::settings::LARGEST_MAX_FILE_BYTES;
use crate::text::shorten;
use serde::Serialize;
use serde_json::{Value, json};

/// An operation on a file.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "op")]
pub enum FileOp {
    /// A file gets this content, type and mode.
    #[serde(rename = "file.put")]
    Put {
        /// Where.
        #[serde(serialize_with = "path")]
        file_path: FilePath,
        /// What it is then.
        #[serde(flatten)]
        file: File,
    },
    /// A file goes away.
    #[serde(rename = "file.delete")]
    Delete {
        /// Which.
        #[serde(serialize_with = "path")]
        file_path: FilePath,
    },
    /// A file gets another path.
    #[serde(rename = "file.move")]
    Move {
        /// From here.
        #[serde(serialize_with = "path")]
        from_path: FilePath,
        /// To here.
        #[serde(serialize_with = "path")]
        to_path: FilePath,
    },
}

/// A file, as far as operations tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct File {
    /// BLAKE3 of the content.
    #[serde(serialize_with = "hex")]
    pub content_hash: Hash,
    /// Type.
    pub file_type: String,
    /// Mode bits.
    pub mode: Mode,
    /// Bytes of the content.
    pub size: i64,
}

impl File {
    /// From its members in an operation or beside one.
    pub fn parse(members: &mut Members) -> Result<Self> {
        Ok(Self {
            file_type: members.str("file_type")?.to_owned(),
            mode: Mode::parse(members.str("mode")?)?,
            content_hash: hash_member(members, "content_hash")?,
            size: size_member(members, LARGEST_MAX_FILE_BYTES)?,
        })
    }
}

impl FileOp {
    /// What they are called, in the order of the kinds above.
    pub const NAMES: [&str; 3] = ["file.put", "file.delete", "file.move"];

    /// The `op` member.
    pub const fn name(&self) -> &'static str {
        match self {
            FileOp::Put { .. } => Self::NAMES[0],
            FileOp::Delete { .. } => Self::NAMES[1],
            FileOp::Move { .. } => Self::NAMES[2],
        }
    }

    /// From its members; `None` when the name is none of a file's.
    pub(super) fn parse(name: &str, members: &mut Members) -> Result<Option<Self>> {
        let mut path = |key| FilePath::parse(members.str(key)?);
        Ok(Some(match name {
            "file.put" => FileOp::Put { file_path: path("file_path")?, file: File::parse(members)? },
            "file.delete" => FileOp::Delete { file_path: path("file_path")? },
            "file.move" => FileOp::Move { from_path: path("from_path")?, to_path: path("to_path")? },
            _ => return Ok(None),
        }))
    }

    /// The operation that makes a path this file, or none.
    pub fn making(path: &FilePath, file: Option<&File>) -> Self {
        let file_path = path.clone();
        match file {
            Some(file) => FileOp::Put { file_path, file: file.clone() },
            None => FileOp::Delete { file_path },
        }
    }

    /// BLAKE3 of the canonical form.
    pub fn checksum(&self) -> Result<Hash> {
        Ok(Hash::of(&canonical(self)?))
    }

    pub(super) const fn content(&self) -> Option<(Hash, i64)> {
        match self {
            FileOp::Put { file, .. } => Some((file.content_hash, file.size)),
            FileOp::Delete { .. } | FileOp::Move { .. } => None,
        }
    }

    pub(super) fn link(&self) -> Option<Hash> {
        match self {
            FileOp::Put { file, .. } if file.mode == Mode::Symlink => Some(file.content_hash),
            FileOp::Put { .. } | FileOp::Delete { .. } | FileOp::Move { .. } => None,
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            FileOp::Put { file_path, .. } => format!("write {}", shorten(file_path.as_str())),
            FileOp::Delete { file_path } => format!("delete {}", shorten(file_path.as_str())),
            FileOp::Move { from_path, to_path } => {
                format!("move {} to {}", shorten(from_path.as_str()), shorten(to_path.as_str()))
            }
        }
    }

    /// A move also names the path it leaves, and the file that moves.
    pub(super) fn add_writes(&self, json: &mut Value, writes: &[Write]) {
        let FileOp::Move { .. } = self else { return add_base(json, writes) };
        for Write { change, base } in writes {
            match change {
                Change::File(_, None) => json["from_base"] = json!(base),
                Change::File(_, Some(file)) => {
                    json["base"] = json!(base);
                    json["moved"] = json!(file);
                }
                _ => {}
            }
        }
    }

    pub(super) fn parse_writes(&self, what: &str, members: &mut Members) -> Result<Vec<Write>> {
        let base = members.opt_uuid("base")?;
        let write = |path: &FilePath, file: Option<File>, base| Write {
            change: Change::File(path.clone(), file),
            base,
        };
        Ok(match self {
            FileOp::Put { file_path, file } => vec![write(file_path, Some(file.clone()), base)],
            FileOp::Delete { file_path } => vec![write(file_path, None, base)],
            FileOp::Move { from_path, to_path } => {
                let mut moved = Members::of(format!("{what}.moved"), members.value("moved")?)?;
                let file = File::parse(&mut moved)?;
                moved.finish()?;
                let left = write(from_path, None, members.opt_uuid("from_base")?);
                vec![left, write(to_path, Some(file), base)]
            }
        })
    }

    pub(super) fn apply(&self, state: &mut State) -> std::result::Result<(), String> {
        let mut take = |path: &FilePath, verb: &str| {
            state.files.remove(path).ok_or_else(|| format!("{path} is {verb} and was not there"))
        };
        match self {
            FileOp::Put { file_path, file } => {
                state.files.insert(file_path.clone(), file.clone());
            }
            FileOp::Delete { file_path } => drop(take(file_path, "deleted")?),
            FileOp::Move { from_path, to_path } => {
                let file = take(from_path, "moved")?;
                state.files.insert(to_path.clone(), file);
            }
        }
        Ok(())
    }
}
