//! What operations make is what the write path keeps, of every kind of thing.

use super::*;
use crate::asset::{self, AssetEdit, AssetsByHash, Source};
use crate::conflict::OnConflict;
use crate::field::{self, FieldAuthor, FieldEdit, Fields};
use crate::id::{ActorId, FileId, Seq};
use crate::key::EntityKey;
use crate::label::Label;
use crate::mode::Mode;
use crate::tree::{self, Content, FileEdit, Head};
use proptest::prelude::*;
use serde_json::json;
use std::collections::HashMap;

/// The tables of current state, as the write path keeps them.
#[derive(Default)]
struct Tables {
    heads: HashMap<FilePath, Head>,
    fields: Fields,
    assets: AssetsByHash,
    next_file_id: FileId,
}

/// What is asked for, of every domain.
type Edits = (Vec<FileEdit>, Vec<FieldEdit>, Vec<AssetEdit>);

impl Tables {
    /// Applies what can be applied; the operations it was.
    fn apply(&mut self, (files, fields, assets): &Edits) -> Vec<Op> {
        let mut ops = Vec::new();
        for edit in files {
            let mut heads = self.heads.clone();
            let Ok(applied) = tree::apply(&mut heads, std::slice::from_ref(edit), self.next_file_id.next())
            else {
                continue;
            };
            self.next_file_id = applied.next_file_id;
            self.heads = heads;
            ops.extend(applied.versions.iter().filter(|version| version.op_checksum.is_some()).map(
                |version| {
                    let op = match edit {
                        FileEdit::Move { from, to, .. } => {
                            FileOp::Move { from_path: from.clone(), to_path: to.clone() }
                        }
                        FileEdit::Put { .. } | FileEdit::Delete { .. } => {
                            FileOp::making(&version.path, version.head.file().as_ref())
                        }
                    };
                    assert_eq!(op.checksum().ok(), version.op_checksum);
                    Op::File(op)
                },
            ));
        }
        for edit in fields {
            let author = FieldAuthor {
                actor: ActorId::SYSTEM,
                seq: Seq::FIRST,
                base_seq: None,
                on_conflict: OnConflict::Reject,
                ops_before: 0,
            };
            let Ok(applied) = field::apply(&mut self.fields, std::slice::from_ref(edit), &author) else {
                continue;
            };
            ops.extend(applied.rows.iter().filter(|row| row.part == 1).map(|row| {
                let op = match row.op {
                    "entity.delete" => FieldOp::DeleteEntity { entity: row.key.entity.clone() },
                    _ => FieldOp::making(&row.key, row.value.as_ref()),
                };
                assert_eq!(op.checksum().ok(), row.op_checksum);
                Op::Field(op)
            }));
        }
        for edit in assets {
            let sizes = [(*edit.hash(), 1)].into();
            let Ok(applied) = asset::apply(&mut self.assets, &sizes, std::slice::from_ref(edit), 0) else {
                continue;
            };
            ops.extend(applied.rows.iter().map(|row| {
                let op = match edit {
                    AssetEdit::Put { hash, .. } => AssetOp::making(hash, Some(&row.asset.kept())),
                    AssetEdit::Delete { hash, reason } => {
                        AssetOp::Delete { content_hash: *hash, reason: reason.clone() }
                    }
                };
                assert_eq!(op.checksum().ok(), Some(row.op_checksum));
                Op::Asset(op)
            }));
        }
        ops
    }

    fn state(&self) -> State {
        let files = self.heads.iter().filter_map(|(path, head)| Some((path.clone(), head.file()?)));
        let fields = self.fields.iter().filter_map(|(key, state)| Some((key.clone(), state.value.clone()?)));
        let assets = self.assets.iter().filter(|(_, asset)| !asset.is_deleted);
        let assets = assets.map(|(hash, asset)| (*hash, asset.kept()));
        let mut state = State::default();
        state.files.extend(files);
        state.fields.extend(fields);
        state.assets.extend(assets);
        state
    }
}

fn path() -> impl Strategy<Value = FilePath> {
    prop::sample::select(vec!["a", "b", "d/a", "d/b", "d/e/f"])
        .prop_map(|path| FilePath::parse(path).expect("valid"))
}

fn file_edit() -> impl Strategy<Value = FileEdit> {
    prop_oneof![
        (path(), 0u8..3, prop::option::of(prop::sample::select(vec![Mode::Regular, Mode::Executable])))
            .prop_map(|(path, text, mode)| {
                let bytes = [text];
                let content =
                    Content { hash: Hash::of(&bytes), size: 1, is_binary: false, link_target: None };
                FileEdit::Put { path, file_type: None, mode, content, expected_version: None }
            }),
        path().prop_map(|path| FileEdit::Delete { path, expected_version: None }),
        (path(), path()).prop_map(|(from, to)| FileEdit::Move { from, to, expected_version: None }),
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

fn asset_edit() -> impl Strategy<Value = AssetEdit> {
    let label = prop::sample::select(vec!["a.png", "b.png"])
        .prop_map(|name| Label::parse(name, "image/png", "cover").expect("valid"));
    (0u8..3, prop::option::weighted(0.7, label), any::<bool>()).prop_map(|(byte, label, has_reason)| {
        let hash = Hash::of(&[byte]);
        match label {
            Some(label) => AssetEdit::Put { hash, source: Source::Stored, label },
            None => AssetEdit::Delete { hash, reason: has_reason.then(|| "old".to_owned()) },
        }
    })
}

fn edits(most: usize) -> impl Strategy<Value = Edits> {
    (
        prop::collection::vec(file_edit(), 0..most),
        prop::collection::vec(field_edit(), 0..most),
        prop::collection::vec(asset_edit(), 0..most),
    )
}

proptest! {
    /// What operations alone make is what the write path keeps, after any sequence.
    #[test]
    fn replay_equals_state(edits in edits(40)) {
        let mut tables = Tables::default();
        let mut replayed = State::default();
        for op in tables.apply(&edits) {
            prop_assert_eq!(replayed.apply(Seq::FIRST, &op), Ok(()));
        }
        prop_assert_eq!(&replayed, &tables.state());
        prop_assert!(replayed.difference(&tables.state()).is_empty());
    }

    /// What takes operations back makes the state before of the state after.
    #[test]
    fn the_inverse_after_operations_is_identity(first in edits(20), then in edits(10)) {
        let mut tables = Tables::default();
        tables.apply(&first);
        let before = tables.state();
        tables.apply(&then);
        let mut state = tables.state();
        for change in state.difference(&before) {
            prop_assert_eq!(state.apply(Seq::FIRST, &change.op()), Ok(()));
        }
        prop_assert_eq!(state, before);
    }
}
