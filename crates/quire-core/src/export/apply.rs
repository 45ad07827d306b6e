//! What a log leads to.

use super::read::{Change, wrong};
use crate::asset::{AssetEdit, Label, Source, no_asset};
use crate::error::{Error, Result};
use crate::field::{FieldEdit, FieldKey, no_entity, take_entity};
use crate::hash::Hash;
use crate::json::JsonValue;
use crate::op::Mode;
use crate::path::{FilePath, shorten};
use std::collections::BTreeMap;

/// Files, fields and assets.
#[derive(Default, Debug)]
pub struct Outcome {
    files: BTreeMap<FilePath, (Mode, Hash)>,
    fields: BTreeMap<FieldKey, JsonValue>,
    assets: BTreeMap<Hash, (Label, i64)>,
}

impl Outcome {
    /// A file is there.
    pub fn put(&mut self, path: FilePath, mode: Mode, hash: Hash) {
        self.files.insert(path, (mode, hash));
    }

    /// A field has a value.
    pub fn set(&mut self, key: FieldKey, value: JsonValue) {
        self.fields.insert(key, value);
    }

    /// Takes a field out that has this value; fails if it has another one.
    pub fn take_field(&mut self, key: &FieldKey, value: &JsonValue) -> Result<()> {
        if self.fields.remove(key).as_ref() == Some(value) { Ok(()) } else { Err(other_field(key)) }
    }

    /// Fails if there is a field left.
    pub fn has_no_field(&self) -> Result<()> {
        self.fields.keys().next().map_or(Ok(()), |key| Err(other_field(key)))
    }

    /// An asset of so many bytes is kept.
    pub fn keep(&mut self, hash: Hash, label: Label, size: i64) {
        self.assets.insert(hash, (label, size));
    }

    /// Paths and contents of the files.
    pub fn files(&self) -> impl Iterator<Item = (&FilePath, &Hash)> {
        self.files.iter().map(|(path, (_, hash))| (path, hash))
    }

    /// Takes files over that another one has and this one lacks, if their content is gone.
    pub fn take_over(&mut self, other: &Self, is_gone: impl Fn(&Hash) -> bool) {
        for (path, file) in other.files.iter().filter(|(_, (_, hash))| is_gone(hash)) {
            self.files.entry(path.clone()).or_insert(*file);
        }
    }

    /// What an operation does.
    pub fn apply(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::Put { path, mode, hash, .. } => self.put(path.clone(), *mode, *hash),
            Change::Delete(path) => {
                self.take(path)?;
            }
            Change::Move(from, to) => {
                let (mode, hash) = self.take(from)?;
                self.put(to.clone(), mode, hash);
            }
            Change::Field(FieldEdit::Write { key, value: Some(value), .. }) => {
                self.set(key.clone(), value.clone());
            }
            Change::Field(FieldEdit::Write { key, value: None, .. }) => drop(self.fields.remove(key)),
            Change::Field(FieldEdit::Delete { entity, .. }) => {
                if take_entity(&mut self.fields, entity) == 0 {
                    return Err(wrong(no_entity(entity).message()));
                }
            }
            Change::Asset(AssetEdit::Put { hash, source, label }) => match source {
                Source::Given(size) | Source::Uploaded(size) | Source::Copied(size) => {
                    self.keep(*hash, label.clone(), *size);
                }
                Source::Stored => return Err(wrong("an asset has no size")),
            },
            Change::Asset(AssetEdit::Delete { hash, .. }) => {
                self.assets.remove(hash).ok_or_else(|| wrong(no_asset(hash).message()))?;
            }
            Change::Nothing => {}
        }
        Ok(())
    }

    fn take(&mut self, path: &FilePath) -> Result<(Mode, Hash)> {
        self.files.remove(path).ok_or_else(|| {
            wrong("a file is touched that is not there").with("file_path", shorten(path.as_str()))
        })
    }

    /// Fails at the first file or asset that is not the same.
    pub fn compare(&self, other: &Self) -> Result<()> {
        if let Some(path) = first_difference(&self.files, &other.files) {
            return Err(wrong("a file is not what the log makes of it").with("file_path", path.as_str()));
        }
        if let Some(hash) = first_difference(&self.assets, &other.assets) {
            return Err(wrong("an asset is not what the log makes of it").with("content_hash", hash.to_hex()));
        }
        Ok(())
    }
}

fn other_field(FieldKey { entity, field }: &FieldKey) -> Error {
    wrong("an entity is not what the log makes of it")
        .with("entity_type", entity.entity_type.as_str())
        .with("entity_id", entity.entity_id.as_str())
        .with("field", field.as_str())
}

fn first_difference<'a, K: Ord, V: PartialEq>(a: &'a BTreeMap<K, V>, b: &'a BTreeMap<K, V>) -> Option<&'a K> {
    let missing = |from: &'a BTreeMap<K, V>, other: &'a BTreeMap<K, V>| {
        from.iter().find(|(key, value)| other.get(key) != Some(value)).map(|(key, _)| key)
    };
    missing(a, b).or_else(|| missing(b, a))
}
