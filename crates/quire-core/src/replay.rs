//! The state of a project as its operations alone make it: what the tables of current state must agree with.

use crate::asset::Label;
use crate::field::{EntityKey, FieldKey, take_entity, write_op};
use crate::hash::Hash;
use crate::json::JsonValue;
use crate::op::{Mode, Op};
use crate::path::FilePath;
use crate::tree::Head;
use std::collections::BTreeMap;

/// A file, as far as operations tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// BLAKE3 of the content.
    pub content_hash: Hash,
    /// Type.
    pub file_type: String,
    /// Mode bits.
    pub mode: Mode,
    /// Bytes of the content.
    pub size: i64,
}

impl File {
    /// The file at a path, if there is one.
    pub fn of(head: &Head) -> Option<Self> {
        let content = head.content.as_ref()?;
        Some(Self {
            content_hash: content.hash,
            file_type: head.file_type.clone(),
            mode: head.mode,
            size: content.size,
        })
    }
}

/// An asset, as far as operations tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asset {
    /// What is said of it.
    pub label: Label,
    /// Bytes of the content.
    pub size: i64,
}

/// Files by path, fields with a value, assets by content.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// The files there are.
    pub files: BTreeMap<FilePath, File>,
    /// The fields that have a value.
    pub fields: BTreeMap<FieldKey, JsonValue>,
    /// The assets that are kept.
    pub assets: BTreeMap<Hash, Asset>,
}

impl State {
    /// Does what an operation says; why that cannot be, if it cannot.
    pub fn apply(&mut self, op: &Op) -> Result<(), String> {
        match op {
            Op::FilePut { file_path, file_type, mode, content_hash, size } => {
                let file = File {
                    content_hash: *content_hash,
                    file_type: file_type.clone(),
                    mode: *mode,
                    size: *size,
                };
                self.files.insert(file_path.clone(), file);
            }
            Op::FileDelete { file_path } => {
                self.files
                    .remove(file_path)
                    .ok_or_else(|| format!("{file_path} is deleted and was not there"))?;
            }
            Op::FileMove { from_path, to_path } => {
                let file = self
                    .files
                    .remove(from_path)
                    .ok_or_else(|| format!("{from_path} is moved and was not there"))?;
                self.files.insert(to_path.clone(), file);
            }
            Op::FieldSet { entity_type, entity_id, field, value } => {
                self.fields.insert(key(entity_type, entity_id, field), value.clone());
            }
            Op::FieldUnset { entity_type, entity_id, field } => {
                self.fields.remove(&key(entity_type, entity_id, field));
            }
            Op::EntityDelete { entity_type, entity_id } => {
                take_entity(&mut self.fields, &key(entity_type, entity_id, "").entity);
            }
            Op::AssetPut { content_hash, filename, media_type, asset_type, size } => {
                let (filename, media_type) = (filename.clone(), media_type.clone());
                let label = Label { filename, media_type, asset_type: asset_type.clone() };
                self.assets.insert(*content_hash, Asset { label, size: *size });
            }
            Op::AssetDelete { content_hash, .. } => {
                self.assets
                    .remove(content_hash)
                    .ok_or_else(|| format!("asset {} is deleted and was not there", content_hash.to_hex()))?;
            }
            Op::SnapshotReady { .. } => {}
        }
        Ok(())
    }

    /// Operations that make this state the other one; none when they are equal.
    pub fn difference(&self, to: &State) -> Vec<Op> {
        let mut ops = Vec::new();
        for path in self.files.keys().filter(|path| !to.files.contains_key(*path)) {
            ops.push(Op::FileDelete { file_path: path.clone() });
        }
        for (path, file) in to.files.iter().filter(|(path, file)| self.files.get(*path) != Some(file)) {
            ops.push(Op::FilePut {
                file_path: path.clone(),
                file_type: file.file_type.clone(),
                mode: file.mode,
                content_hash: file.content_hash,
                size: file.size,
            });
        }
        for key in self.fields.keys().filter(|key| !to.fields.contains_key(*key)) {
            ops.push(write_op(key, None));
        }
        for (key, value) in to.fields.iter().filter(|(key, value)| self.fields.get(*key) != Some(value)) {
            ops.push(write_op(key, Some(value)));
        }
        for content_hash in self.assets.keys().filter(|hash| !to.assets.contains_key(*hash)) {
            ops.push(Op::AssetDelete { content_hash: *content_hash, reason: None });
        }
        for (hash, asset) in to.assets.iter().filter(|(hash, asset)| self.assets.get(*hash) != Some(asset)) {
            ops.push(asset.op(*hash));
        }
        ops
    }
}

impl Asset {
    /// The operation that keeps it.
    pub fn op(&self, content_hash: Hash) -> Op {
        let Label { filename, media_type, asset_type } = self.label.clone();
        Op::AssetPut { content_hash, filename, media_type, asset_type, size: self.size }
    }
}

fn key(entity_type: &str, entity_id: &str, field: &str) -> FieldKey {
    let entity = EntityKey { entity_type: entity_type.to_owned(), entity_id: entity_id.to_owned() };
    FieldKey { entity, field: field.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conflict::OnConflict;
    use crate::field::{self, Author, FieldEdit, Fields};
    use crate::tree::{self, Content, Edit, Head};
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::HashMap;
    use uuid::Uuid;

    /// The tables of current state, as the write path keeps them.
    #[derive(Default)]
    struct Tables {
        heads: HashMap<FilePath, Head>,
        fields: Fields,
        next_file_id: i32,
    }

    impl Tables {
        /// Applies what can be applied; the operations it was.
        fn apply(&mut self, files: &[Edit], fields: &[FieldEdit]) -> Vec<Op> {
            let mut ops = Vec::new();
            for edit in files {
                let mut heads = self.heads.clone();
                let Ok(applied) = tree::apply(&mut heads, std::slice::from_ref(edit), self.next_file_id + 1)
                else {
                    continue;
                };
                self.next_file_id = applied.next_file_id;
                self.heads = heads;
                ops.extend(applied.versions.iter().filter(|version| version.op_checksum.is_some()).map(
                    |version| {
                        let op = match (version.op, &version.head.content, edit) {
                            ("file.move", _, Edit::Move { from, to, .. }) => {
                                Op::FileMove { from_path: from.clone(), to_path: to.clone() }
                            }
                            (_, None, _) => Op::FileDelete { file_path: version.path.clone() },
                            (_, Some(content), _) => Op::FilePut {
                                file_path: version.path.clone(),
                                file_type: version.head.file_type.clone(),
                                mode: version.head.mode,
                                content_hash: content.hash,
                                size: content.size,
                            },
                        };
                        assert_eq!(op.checksum().ok(), version.op_checksum);
                        op
                    },
                ));
            }
            for edit in fields {
                let author = Author {
                    actor: Uuid::nil(),
                    seq: 1,
                    base_seq: None,
                    on_conflict: OnConflict::Reject,
                    ops_before: 0,
                };
                let Ok(applied) = field::apply(&mut self.fields, std::slice::from_ref(edit), &author) else {
                    continue;
                };
                ops.extend(applied.rows.iter().filter(|row| row.part == 1).map(|row| {
                    let op = match row.op {
                        "entity.delete" => Op::EntityDelete {
                            entity_type: row.key.entity.entity_type.clone(),
                            entity_id: row.key.entity.entity_id.clone(),
                        },
                        _ => write_op(&row.key, row.value.as_ref()),
                    };
                    assert_eq!(op.checksum().ok(), row.op_checksum);
                    op
                }));
            }
            ops
        }

        fn state(&self) -> State {
            let files = self.heads.iter().filter_map(|(path, head)| {
                let content = head.content.as_ref()?;
                let file = File {
                    content_hash: content.hash,
                    file_type: head.file_type.clone(),
                    mode: head.mode,
                    size: content.size,
                };
                Some((path.clone(), file))
            });
            let fields =
                self.fields.iter().filter_map(|(key, state)| Some((key.clone(), state.value.clone()?)));
            State { files: files.collect(), fields: fields.collect(), ..State::default() }
        }
    }

    fn path() -> impl Strategy<Value = FilePath> {
        prop::sample::select(vec!["a", "b", "d/a", "d/b", "d/e/f"])
            .prop_map(|path| FilePath::parse(path).expect("valid"))
    }

    fn file_edit() -> impl Strategy<Value = Edit> {
        prop_oneof![
            (path(), 0u8..3, prop::option::of(prop::sample::select(vec![Mode::Regular, Mode::Executable])))
                .prop_map(|(path, text, mode)| {
                    let bytes = [text];
                    let content =
                        Content { hash: Hash::of(&bytes), size: 1, is_binary: false, link_target: None };
                    Edit::Put { path, file_type: None, mode, content, expected_version: None }
                }),
            path().prop_map(|path| Edit::Delete { path, expected_version: None }),
            (path(), path()).prop_map(|(from, to)| Edit::Move { from, to, expected_version: None }),
        ]
    }

    fn field_edit() -> impl Strategy<Value = FieldEdit> {
        let entity =
            prop::sample::select(vec!["1", "2"]).prop_map(|id| EntityKey::parse("task", id).expect("valid"));
        (entity, prop::sample::select(vec!["x", "y"]), prop::option::of(0u8..3), 0u8..6).prop_map(
            |(entity, field, value, kind)| match kind {
                0 => FieldEdit::Delete { entity, base_seq: None },
                _ => FieldEdit::Write {
                    key: entity.field(field).expect("valid"),
                    value: value.map(|value| JsonValue::of(&json!(value)).expect("canonical")),
                    base_seq: None,
                    always: false,
                },
            },
        )
    }

    proptest! {
        /// What operations alone make is what the write path keeps, after any sequence.
        #[test]
        fn replay_equals_state(
            files in prop::collection::vec(file_edit(), 0..40),
            fields in prop::collection::vec(field_edit(), 0..40),
        ) {
            let mut tables = Tables::default();
            let mut replayed = State::default();
            for op in tables.apply(&files, &fields) {
                prop_assert_eq!(replayed.apply(&op), Ok(()));
            }
            prop_assert_eq!(&replayed, &tables.state());
            prop_assert!(replayed.difference(&tables.state()).is_empty());
        }

        /// What takes operations back makes the state before of the state after.
        #[test]
        fn the_inverse_after_operations_is_identity(
            files in prop::collection::vec(file_edit(), 0..20),
            fields in prop::collection::vec(field_edit(), 0..20),
            more_files in prop::collection::vec(file_edit(), 0..10),
            more_fields in prop::collection::vec(field_edit(), 0..10),
        ) {
            let mut tables = Tables::default();
            tables.apply(&files, &fields);
            let before = tables.state();
            tables.apply(&more_files, &more_fields);
            let mut state = tables.state();
            for op in state.difference(&before) {
                prop_assert_eq!(state.apply(&op), Ok(()));
            }
            prop_assert_eq!(state, before);
        }
    }
}
