//! Operations: what a bundle consists of, in a canonical JSON form that any client can recompute.
//!
//! This is the one list of what operations are about; each kind says in a file of its own what its operations are called, how they are
//! read, and what they do to the state of a project.
//!
//! An operation's checksum is BLAKE3 of its RFC 8785 form. Preconditions (`expected_version`) and results (`version`)
//! are not part of it: they say when it may be applied and what came of it, not what it does.

mod asset;
pub mod branch;
pub mod doc;
mod field;
mod file;
mod member;
mod system;
#[cfg(feature = "toy")]
pub mod toy;
mod write;

use crate::asset::{AssetEdit, AssetOutcome, Source};
use crate::branch::{Branch, BranchStatus};
use crate::doc::DocChange;
use crate::error::{Error, Result};
use crate::event;
use crate::field::{FieldEdit, FieldOutcome};
use crate::hash::Hash;
use crate::id::Seq;
use crate::json::{JsonValue, Members, canonical};
use crate::key::{DocKey, FieldKey};
use crate::path::FilePath;
use crate::text::shorten;
use crate::tree::{FileEdit, FileOutcome};
pub use asset::{AssetOp, Kept};
pub use branch::{BranchEdit, BranchOp, BranchOutcome};
pub use doc::{DocEdit, DocOp, DocOutcome, DocState};
pub use field::FieldOp;
pub use file::{File, FileOp};
pub use member::{check_size, size_member};
use member::{hash_member, hex, path};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
pub use system::SystemOp;
#[cfg(feature = "toy")]
use toy::{ToyEdit, ToyOp, ToyOutcome};
pub use write::Write;
use write::add_base;

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
    /// On a document.
    Doc(DocOp),
    /// On a branch of documents.
    Branch(BranchOp),
    #[cfg(feature = "toy")]
    /// On a toy.
    Toy(ToyOp),
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
    /// Documents.
    Doc,
    /// Branches of documents.
    Branch,
    #[cfg(feature = "toy")]
    /// Toys.
    Toy,
}

impl Topic {
    /// All of them, in the order in which their operations stand in a bundle.
    pub const ALL: &[Self] = &[
        Self::File,
        Self::Field,
        Self::Asset,
        Self::Doc,
        Self::Branch,
        #[cfg(feature = "toy")]
        Self::Toy,
    ];

    /// How a row of the log is called, which tells of an operation.
    pub const fn logged_row(self) -> &'static str {
        match self {
            Topic::File => "file_op",
            Topic::Field => "field_op",
            Topic::Asset => "asset_op",
            Topic::Doc => "doc_op",
            Topic::Branch => "branch_op",
            #[cfg(feature = "toy")]
            Topic::Toy => "toy_op",
        }
    }

    /// How a row of current state is called.
    pub const fn current_row(self) -> &'static str {
        match self {
            Topic::File => "file_head",
            Topic::Field => "entity_field",
            Topic::Asset => "asset",
            Topic::Doc => "doc_head",
            Topic::Branch => "branch",
            #[cfg(feature = "toy")]
            Topic::Toy => "toy",
        }
    }

    /// What the event of a bundle may be called that changes nothing else.
    pub const fn events(self) -> &'static [&'static str] {
        match self {
            Topic::File => const { &[event::single(true), event::single(false), event::BULK] },
            Topic::Field => &[event::ENTITY_UPDATE],
            Topic::Asset => &[event::ASSET_UPDATE],
            Topic::Doc => &[event::DOC_UPDATE],
            Topic::Branch => &[event::BRANCH_UPDATE],
            #[cfg(feature = "toy")]
            Topic::Toy => &[toy::TOY_UPDATE],
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
    /// A document gets changes; between two states, which they are is not said.
    Doc(DocKey, Option<Vec<DocChange>>),
    /// What a branch is.
    Branch(String, Option<Branch>),
    #[cfg(feature = "toy")]
    /// What a toy says.
    Toy(String, Option<String>),
}

/// Reads operations of one kind from their members; `None` when the name is of another.
type Parse = fn(&str, &mut Members) -> Result<Option<Op>>;

impl Op {
    /// What operations on content are called: those that a caller can ask for.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let of_domains = [
            &FileOp::NAMES[..],
            &FieldOp::NAMES,
            &AssetOp::NAMES,
            &DocOp::NAMES,
            &BranchOp::NAMES,
            #[cfg(feature = "toy")]
            &ToyOp::NAMES,
        ];
        of_domains.into_iter().flatten().copied()
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
            Op::Doc(op) => op.name(),
            Op::Branch(op) => op.name(),
            #[cfg(feature = "toy")]
            Op::Toy(op) => op.name(),
            Op::System(op) => op.name(),
        }
    }

    /// What it is about; `None` when it changes no content.
    pub const fn topic(&self) -> Option<Topic> {
        match self {
            Op::File(_) => Some(Topic::File),
            Op::Field(_) => Some(Topic::Field),
            Op::Asset(_) => Some(Topic::Asset),
            Op::Doc(_) => Some(Topic::Doc),
            Op::Branch(_) => Some(Topic::Branch),
            #[cfg(feature = "toy")]
            Op::Toy(_) => Some(Topic::Toy),
            Op::System(_) => None,
        }
    }

    /// The content that it gives a path or an asset, and its bytes.
    pub const fn content(&self) -> Option<(Hash, i64)> {
        match self {
            Op::File(op) => op.content(),
            Op::Asset(op) => op.content(),
            #[cfg(feature = "toy")]
            Op::Toy(_) => None,
            Op::Field(_) | Op::Doc(_) | Op::Branch(_) | Op::System(_) => None,
        }
    }

    /// The content of the symlink that it makes: its target.
    pub fn link(&self) -> Option<Hash> {
        match self {
            Op::File(op) => op.link(),
            Op::Field(_) | Op::Asset(_) | Op::Doc(_) | Op::Branch(_) | Op::System(_) => None,
            #[cfg(feature = "toy")]
            Op::Toy(_) => None,
        }
    }

    /// One for each kind.
    const PARSERS: &[Parse] = &[
        |name, members| Ok(FileOp::parse(name, members)?.map(Op::File)),
        |name, members| Ok(FieldOp::parse(name, members)?.map(Op::Field)),
        |name, members| Ok(AssetOp::parse(name, members)?.map(Op::Asset)),
        |name, members| Ok(DocOp::parse(name, members)?.map(Op::Doc)),
        |name, members| Ok(BranchOp::parse(name, members)?.map(Op::Branch)),
        #[cfg(feature = "toy")]
        |name, members| Ok(ToyOp::parse(name, members)?.map(Op::Toy)),
        |name, members| Ok(SystemOp::parse(name, members)?.map(Op::System)),
    ];

    /// From its canonical form, or any JSON that is equal to it.
    pub fn parse(what: &str, value: &Value) -> Result<Self> {
        let mut members = Members::of(what, value)?;
        let name = members.str("op")?;
        for parse in Self::PARSERS {
            if let Some(op) = parse(name, &mut members)? {
                members.finish()?;
                return Ok(op);
            }
        }
        Err(Error::validation(format!("unknown op {:?}", shorten(name))).with("op", shorten(name)))
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
            Op::Doc(op) => op.checksum(),
            Op::Branch(op) => op.checksum(),
            #[cfg(feature = "toy")]
            Op::Toy(op) => op.checksum(),
            Op::System(op) => Ok(Hash::of(&canonical(op)?)),
        }
    }

    /// What it does, for people: a verb and its object.
    pub fn describe(&self) -> String {
        match self {
            Op::File(op) => op.describe(),
            Op::Field(op) => op.describe(),
            Op::Asset(op) => op.describe(),
            Op::Doc(op) => op.describe(),
            Op::Branch(op) => op.describe(),
            #[cfg(feature = "toy")]
            Op::Toy(op) => op.describe(),
            Op::System(op) => op.name().to_owned(),
        }
    }

    /// Adds what its writes tell beside it, where it travels.
    pub fn add_writes(&self, json: &mut Value, writes: &[Write]) {
        match self {
            Op::File(op) => op.add_writes(json, writes),
            Op::Field(op) => op.add_writes(json, writes),
            Op::Asset(_) | Op::Doc(_) | Op::Branch(_) | Op::System(_) => add_base(json, writes),
            #[cfg(feature = "toy")]
            Op::Toy(_) => add_base(json, writes),
        }
    }

    /// Its writes, from what came beside it.
    pub fn parse_writes(&self, what: &str, members: &mut Members) -> Result<Vec<Write>> {
        match self {
            Op::File(op) => op.parse_writes(what, members),
            Op::Field(op) => op.parse_writes(what, members),
            Op::Asset(op) => Ok(vec![Write { change: op.change(), base: members.opt_uuid("base")? }]),
            Op::Doc(op) => Ok(vec![Write { change: op.change(), base: members.opt_uuid("base")? }]),
            Op::Branch(op) => Ok(vec![Write { change: op.change(), base: members.opt_uuid("base")? }]),
            #[cfg(feature = "toy")]
            Op::Toy(op) => Ok(vec![Write { change: op.change(), base: members.opt_uuid("base")? }]),
            Op::System(_) => Err(Error::validation(format!("{what} is no operation that travels"))),
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
            Change::Doc(key, changes) => Op::Doc(DocOp::making(key, changes.as_ref())),
            Change::Branch(branch, made) => Op::Branch(BranchOp::making(branch, made.as_ref())),
            #[cfg(feature = "toy")]
            Change::Toy(toy, text) => Op::Toy(ToyOp::making(toy, text.as_ref())),
        }
    }

    /// The content that the thing has then, and its bytes.
    pub fn content(&self) -> Option<(Hash, i64)> {
        match self {
            Change::File(_, file) => file.as_ref().map(|file| (file.content_hash, file.size)),
            Change::Asset(hash, kept) => kept.as_ref().map(|kept| (*hash, kept.size)),
            #[cfg(feature = "toy")]
            Change::Toy(..) => None,
            Change::Field(..) | Change::Doc(..) | Change::Branch(..) => None,
        }
    }

    /// The content that names the thing, or that it has then.
    pub fn named_content(&self) -> Option<Hash> {
        match self {
            Change::File(_, file) => file.as_ref().map(|file| file.content_hash),
            Change::Asset(hash, _) => Some(*hash),
            #[cfg(feature = "toy")]
            Change::Toy(..) => None,
            Change::Field(..) | Change::Doc(..) | Change::Branch(..) => None,
        }
    }

    /// What it is about.
    pub const fn topic(&self) -> Topic {
        match self {
            Change::File(..) => Topic::File,
            Change::Field(..) => Topic::Field,
            Change::Asset(..) => Topic::Asset,
            Change::Doc(..) => Topic::Doc,
            Change::Branch(..) => Topic::Branch,
            #[cfg(feature = "toy")]
            Change::Toy(..) => Topic::Toy,
        }
    }

    /// The members by which the thing is named.
    pub fn key(&self) -> Value {
        match self {
            Change::File(path, _) => json!({"file_path": path.as_str()}),
            Change::Field(key, _) => json!(key),
            Change::Asset(hash, _) => json!({"content_hash": hash.to_hex()}),
            Change::Doc(key, _) => json!(key),
            Change::Branch(branch, _) => json!({"branch": branch}),
            #[cfg(feature = "toy")]
            Change::Toy(toy, _) => json!({"toy": toy}),
        }
    }
}

/// What a caller wants done to one thing.
#[derive(Clone, PartialEq, Debug)]
pub enum Edit {
    /// To a file.
    File(FileEdit),
    /// To a field of an entity, or to a whole one.
    Field(FieldEdit),
    /// To an asset.
    Asset(AssetEdit),
    /// To a document.
    Doc(DocEdit),
    /// To a branch of documents.
    Branch(BranchEdit),
    #[cfg(feature = "toy")]
    /// To a toy.
    Toy(ToyEdit),
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
    /// Of one of a document.
    Doc(DocOutcome),
    /// Of one of a branch.
    Branch(BranchOutcome),
    #[cfg(feature = "toy")]
    /// Of one of a toy.
    Toy(ToyOutcome),
}

impl Edit {
    /// What it is about.
    pub const fn topic(&self) -> Topic {
        match self {
            Edit::File(_) => Topic::File,
            Edit::Field(_) => Topic::Field,
            Edit::Asset(_) => Topic::Asset,
            Edit::Doc(_) => Topic::Doc,
            Edit::Branch(_) => Topic::Branch,
            #[cfg(feature = "toy")]
            Edit::Toy(_) => Topic::Toy,
        }
    }

    /// Of a file.
    pub const fn file(&self) -> Option<&FileEdit> {
        match self {
            Edit::File(edit) => Some(edit),
            Edit::Field(_) | Edit::Asset(_) | Edit::Doc(_) | Edit::Branch(_) => None,
            #[cfg(feature = "toy")]
            Edit::Toy(_) => None,
        }
    }

    /// The content that it gives something by naming it. An asset of content that is stored here says so when it is applied.
    pub const fn content(&self) -> Option<Hash> {
        match self {
            Edit::File(FileEdit::Put { content, .. }) => Some(content.hash),
            Edit::Asset(AssetEdit::Put { hash, source, .. }) if !matches!(source, Source::Stored) => {
                Some(*hash)
            }
            Edit::File(_) | Edit::Field(_) | Edit::Asset(_) | Edit::Doc(_) | Edit::Branch(_) => None,
            #[cfg(feature = "toy")]
            Edit::Toy(_) => None,
        }
    }

    /// The operation asked for, without content: its name and the members that say what it is about.
    pub fn outline(&self) -> Value {
        let (op, mut outline) = match self {
            Edit::File(edit) => edit.outline(),
            Edit::Field(edit) => edit.outline(),
            Edit::Asset(edit) => edit.outline(),
            Edit::Doc(edit) => edit.outline(),
            Edit::Branch(edit) => edit.outline(),
            #[cfg(feature = "toy")]
            Edit::Toy(edit) => edit.outline(),
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
            Edit::Doc(edit) => edit.fingerprint(),
            Edit::Branch(edit) => edit.fingerprint(),
            #[cfg(feature = "toy")]
            Edit::Toy(edit) => edit.fingerprint(),
        }
    }
}

impl Outcome {
    /// What it is about.
    pub const fn topic(&self) -> Topic {
        match self {
            Outcome::File(_) => Topic::File,
            Outcome::Field(_) => Topic::Field,
            Outcome::Asset(_) => Topic::Asset,
            Outcome::Doc(_) => Topic::Doc,
            Outcome::Branch(_) => Topic::Branch,
            #[cfg(feature = "toy")]
            Outcome::Toy(_) => Topic::Toy,
        }
    }

    /// Of one of a file.
    pub const fn file(&self) -> Option<&FileOutcome> {
        match self {
            Outcome::File(outcome) => Some(outcome),
            Outcome::Field(_) | Outcome::Asset(_) | Outcome::Doc(_) | Outcome::Branch(_) => None,
            #[cfg(feature = "toy")]
            Outcome::Toy(_) => None,
        }
    }

    /// Of one of an asset.
    pub const fn asset(&self) -> Option<&AssetOutcome> {
        match self {
            Outcome::Asset(outcome) => Some(outcome),
            Outcome::File(_) | Outcome::Field(_) | Outcome::Doc(_) | Outcome::Branch(_) => None,
            #[cfg(feature = "toy")]
            Outcome::Toy(_) => None,
        }
    }
}

/// Files by path, fields with a value, assets by content, documents by their changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// The files there are.
    pub files: BTreeMap<FilePath, File>,
    /// The fields that have a value.
    pub fields: BTreeMap<FieldKey, JsonValue>,
    /// The assets that are kept.
    pub assets: BTreeMap<Hash, Kept>,
    /// The documents, deleted ones included.
    pub docs: BTreeMap<DocKey, DocState>,
    /// The branches of documents, deleted ones included; main is none of them.
    pub branches: BTreeMap<String, Branch>,
    #[cfg(feature = "toy")]
    /// What toys say.
    pub toys: BTreeMap<String, String>,
}

impl State {
    /// Does what an operation of a bundle says; why that cannot be, if it cannot. Bundles come in the order of the log.
    pub fn apply(&mut self, seq: Seq, op: &Op) -> std::result::Result<(), String> {
        match op {
            Op::File(op) => op.apply(self),
            Op::Field(op) => op.apply(self),
            Op::Asset(op) => op.apply(self),
            Op::Doc(op) => op.apply(seq, self),
            Op::Branch(op) => op.apply(self),
            #[cfg(feature = "toy")]
            Op::Toy(op) => op.apply(self),
            Op::System(_) => Ok(()),
        }
    }

    /// How many things of each kind there are, by the name that reports give it.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let counts = [
            ("files", self.files.len()),
            ("fields", self.fields.len()),
            ("assets", self.assets.len()),
            ("docs", self.docs.values().filter(|doc| !doc.is_deleted()).count()),
            ("branches", self.branches.values().filter(|made| made.status != BranchStatus::Deleted).count()),
            #[cfg(feature = "toy")]
            ("toys", self.toys.len()),
        ];
        counts.into_iter()
    }

    /// What makes this state the other one; nothing when they are equal.
    pub fn difference(&self, to: &State) -> Vec<Change> {
        let mut changes = Vec::new();
        differences(&self.files, &to.files, |key, to| changes.push(Change::File(key.clone(), to.cloned())));
        differences(&self.fields, &to.fields, |key, to| {
            changes.push(Change::Field(key.clone(), to.cloned()))
        });
        differences(&self.assets, &to.assets, |key, to| changes.push(Change::Asset(*key, to.cloned())));
        differences(&self.docs, &to.docs, |key, to| {
            let to = to.filter(|doc| !doc.is_deleted()).map(|_| Vec::new());
            changes.push(Change::Doc(key.clone(), to))
        });
        differences(&self.branches, &to.branches, |key, to| {
            changes.push(Change::Branch(key.clone(), to.cloned()))
        });
        #[cfg(feature = "toy")]
        differences(&self.toys, &to.toys, |key, to| changes.push(Change::Toy(key.clone(), to.cloned())));
        changes
    }
}

/// Hands over what is only here, and then what is another or only there.
fn differences<K: Ord, V: PartialEq>(
    here: &BTreeMap<K, V>,
    there: &BTreeMap<K, V>,
    mut each: impl FnMut(&K, Option<&V>),
) {
    here.keys().filter(|key| !there.contains_key(key)).for_each(|key| each(key, None));
    there
        .iter()
        .filter(|(key, value)| here.get(key) != Some(value))
        .for_each(|(key, value)| each(key, Some(value)));
}

#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod tests;
