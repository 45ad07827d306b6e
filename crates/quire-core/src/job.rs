//! What stays known of the operations of a job when they are gone.

use crate::op::Edit;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many operations are listed one by one.
const MOST_TOLD: usize = 20;

/// How many operations of which kind were staged, and the first ones.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Context {
    /// How many, by the operation's name.
    counts: BTreeMap<String, u64>,
    /// The first ones without their content.
    first: Vec<Value>,
}

impl Context {
    /// Adds what came after.
    pub fn append(&mut self, after: Self) {
        for (name, count) in after.counts {
            *self.counts.entry(name).or_default() += count;
        }
        let room = MOST_TOLD.saturating_sub(self.first.len());
        self.first.extend(after.first.into_iter().take(room));
    }

    /// Adds an operation that was staged.
    pub fn add(&mut self, edit: &Edit) {
        let outline = edit.outline();
        if let Some(name) = outline["op"].as_str() {
            *self.counts.entry(name.to_owned()).or_default() += 1;
        }
        if self.first.len() < MOST_TOLD {
            self.first.push(outline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::{AssetEdit, Source};
    use crate::branch::BranchStatus;
    use crate::doc::root::first_change;
    use crate::field::FieldEdit;
    use crate::hash::Hash;
    use crate::json::JsonValue;
    use crate::key::{DocKey, EntityKey};
    use crate::label::Label;
    use crate::op::{BranchEdit, DocEdit};
    use crate::path::FilePath;
    use crate::tree::{Content, FileEdit};
    use serde_json::json;

    fn path(text: &str) -> FilePath {
        FilePath::parse(text).expect("valid")
    }

    fn put(text: &str) -> Edit {
        let content = Content { hash: Hash::of(b"secret"), size: 6, is_binary: false, link_target: None };
        Edit::File(FileEdit::Put {
            path: path(text),
            file_type: None,
            mode: None,
            content,
            expected_version: None,
        })
    }

    fn delete(text: &str) -> Edit {
        Edit::File(FileEdit::Delete { path: path(text), expected_version: None })
    }

    #[test]
    fn counts_go_on_and_the_first_are_listed_without_content() {
        let mut context = Context::default();
        context.add(&put("a"));
        (0..100).for_each(|n| context.add(&delete(&n.to_string())));
        let mut halves = (Context::default(), Context::default());
        halves.0.add(&put("a"));
        (0..100).for_each(|n| halves.1.add(&delete(&n.to_string())));
        halves.0.append(halves.1);
        assert_eq!(halves.0, context);
        assert_eq!(context.first.len(), MOST_TOLD);
        let stored = serde_json::to_value(&context).expect("JSON");
        assert_eq!(stored["counts"], json!({"file.delete": 100, "file.put": 1}));
        assert_eq!(stored["first"][0], json!({"op": "file.put", "file_path": "a"}));
        assert_eq!(serde_json::from_value::<Context>(stored).expect("read back"), context);
    }

    #[test]
    fn every_operation_is_listed_with_what_it_is_about() {
        let key = EntityKey::parse("t", "1").and_then(|key| key.field("f")).expect("valid");
        let entity = key.entity.clone();
        let hash = Hash::of(b"secret");
        let value = JsonValue::of(&json!("secret")).expect("canonical");
        let write = |value| FieldEdit::Write { key: key.clone(), value, base_seq: None, always: false };
        let label = Label::parse("a.png", "image/png", "secret").expect("valid");
        let doc = DocKey::main("d").expect("valid");
        let expected = [
            (put("a"), json!({"op": "file.put", "file_path": "a"})),
            (delete("a"), json!({"op": "file.delete", "file_path": "a"})),
            (
                Edit::File(FileEdit::Move { from: path("a"), to: path("b"), expected_version: None }),
                json!({"op": "file.move", "from_path": "a", "to_path": "b"}),
            ),
            (
                Edit::Field(write(Some(value))),
                json!({"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f"}),
            ),
            (
                Edit::Field(write(None)),
                json!({"op": "field.unset", "entity_type": "t", "entity_id": "1", "field": "f"}),
            ),
            (
                Edit::Field(FieldEdit::Delete { entity, base_seq: None }),
                json!({"op": "entity.delete", "entity_type": "t", "entity_id": "1"}),
            ),
            (
                Edit::Asset(AssetEdit::Put { hash, source: Source::Given(6), label }),
                json!({"op": "asset.put", "content_hash": hash.to_hex()}),
            ),
            (
                Edit::Asset(AssetEdit::Delete { hash, reason: Some("secret".into()) }),
                json!({"op": "asset.delete", "content_hash": hash.to_hex()}),
            ),
            (
                Edit::Doc(DocEdit::Change {
                    key: doc.clone(),
                    changes: vec![first_change().expect("reads")],
                    base_heads: None,
                }),
                json!({"op": "doc.change", "branch": "main", "doc": "d"}),
            ),
            (
                Edit::Doc(DocEdit::Delete { key: doc, base_heads: None, heads: None }),
                json!({"op": "doc.delete", "branch": "main", "doc": "d"}),
            ),
            (
                Edit::Branch(BranchEdit::Create {
                    branch: "b".into(),
                    from_branch: "main".into(),
                    at_seq: None,
                }),
                json!({"op": "branch.create", "branch": "b"}),
            ),
            (
                Edit::Branch(BranchEdit::Update {
                    branch: "b".into(),
                    status: BranchStatus::Closed,
                    merged_into: None,
                }),
                json!({"op": "branch.update", "branch": "b"}),
            ),
        ];
        let mut context = Context::default();
        expected.iter().for_each(|(edit, _)| context.add(edit));
        assert_eq!(context.first, expected.iter().map(|(_, outline)| outline.clone()).collect::<Vec<_>>());
        let names: Vec<&str> = context.counts.keys().map(String::as_str).collect();
        let mut known: Vec<&str> = crate::op::Op::names().collect();
        known.sort_unstable();
        assert_eq!(names, known);
    }
}
