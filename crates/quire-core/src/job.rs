//! What stays known of the operations of a job when they are gone.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How many operations are told one by one.
const MOST_TOLD: usize = 20;
/// What is told of one: its target, never its content.
const TOLD: [&str; 7] = ["op", "file_path", "from_path", "to_path", "entity_type", "entity_id", "field"];

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

    /// Adds an operation of `commit_bundle`, whose shape was checked.
    pub fn add(&mut self, op: &Value) {
        let Some(name) = op.get("op").and_then(Value::as_str) else { return };
        *self.counts.entry(name.to_owned()).or_default() += 1;
        if self.first.len() < MOST_TOLD {
            let told: Map<String, Value> = TOLD
                .iter()
                .filter_map(|key| Some(((*key).to_owned(), op.get(*key)?.clone())))
                .filter(|(_, value)| !value.is_null())
                .collect();
            self.first.push(Value::Object(told));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_go_on_and_the_first_are_told_without_content() {
        let mut context = Context::default();
        context.add(&json!({"op": "file.put", "file_path": "a", "content": "secret", "mode": null}));
        context.add(
            &json!({"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": [1]}),
        );
        for n in 0..100 {
            context.add(&json!({"op": "file.delete", "file_path": n.to_string()}));
        }
        let mut halves = (Context::default(), Context::default());
        halves.0.add(&json!({"op": "file.put", "file_path": "a"}));
        (0..100).for_each(|n| halves.1.add(&json!({"op": "file.delete", "file_path": n.to_string()})));
        halves.0.append(halves.1);
        assert_eq!(halves.0.first.len(), MOST_TOLD);
        assert_eq!(
            halves.0.first[1..],
            context.first[2..]
                .iter()
                .cloned()
                .chain([json!({"op": "file.delete", "file_path": "18"})])
                .collect::<Vec<_>>()
        );
        assert_eq!(halves.0.counts["file.delete"], 100);
        let stored = serde_json::to_value(&context).expect("JSON");
        assert_eq!(stored["counts"], json!({"field.set": 1, "file.delete": 100, "file.put": 1}));
        assert_eq!(stored["first"][0], json!({"op": "file.put", "file_path": "a"}));
        assert_eq!(
            stored["first"][1],
            json!({"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f"})
        );
        assert_eq!(stored["first"].as_array().map(Vec::len), Some(MOST_TOLD));
        assert_eq!(serde_json::from_value::<Context>(stored).expect("read back"), context);
    }
}
