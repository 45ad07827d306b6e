//! What an archive says that its log leads to, against what the log does lead to.

use super::read::wrong;
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::json::JsonValue;
use crate::key::FieldKey;
use crate::mode::Mode;
use crate::op::{Kept, State};
use crate::path::FilePath;
use std::collections::BTreeMap;

/// The current files and assets of an archive. Fields are compared one by one, because together they may be large.
#[derive(Default, Debug)]
pub struct ExportOutcome {
    files: BTreeMap<FilePath, (Mode, Hash)>,
    assets: BTreeMap<Hash, Kept>,
}

impl ExportOutcome {
    /// A file is there.
    pub fn put(&mut self, path: FilePath, mode: Mode, hash: Hash) {
        self.files.insert(path, (mode, hash));
    }

    /// An asset is kept.
    pub fn keep(&mut self, hash: Hash, kept: Kept) {
        self.assets.insert(hash, kept);
    }

    /// Paths and contents of the files.
    pub fn files(&self) -> impl Iterator<Item = (&FilePath, &Hash)> {
        self.files.iter().map(|(path, (_, hash))| (path, hash))
    }

    /// Fails at the first file or asset that is not what the log leads to. Files whose content is gone may be missing.
    pub fn compare(&self, state: &State, is_gone: impl Fn(&Hash) -> bool) -> Result<()> {
        let is_there = |path: &FilePath| self.files.contains_key(path);
        let files = state.files.iter();
        let files = files.filter(|(path, file)| is_there(path) || !is_gone(&file.content_hash));
        let files: BTreeMap<&FilePath, (Mode, Hash)> =
            files.map(|(path, file)| (path, (file.mode, file.content_hash))).collect();
        let found: BTreeMap<&FilePath, (Mode, Hash)> =
            self.files.iter().map(|(path, file)| (path, *file)).collect();
        if let Some(path) = first_difference(&files, &found) {
            return Err(wrong("a file is not what the log makes of it").with("file_path", path.as_str()));
        }
        if let Some(hash) = first_difference(&state.assets, &self.assets) {
            return Err(wrong("an asset is not what the log makes of it").with("content_hash", hash.to_hex()));
        }
        Ok(())
    }
}

/// Takes a field out that has this value; fails if it has another one.
pub fn take_field(state: &mut State, key: &FieldKey, value: &JsonValue) -> Result<()> {
    if state.fields.remove(key).as_ref() == Some(value) { Ok(()) } else { Err(other_field(key)) }
}

/// Fails if there is a field left.
pub fn has_no_field(state: &State) -> Result<()> {
    state.fields.keys().next().map_or(Ok(()), |key| Err(other_field(key)))
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
