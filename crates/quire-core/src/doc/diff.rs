//! What is different between two states of a document.

use super::patch::difference;
use super::{Heads, Limits, Loaded};
use crate::error::Result;
use serde_json::Value;

impl Loaded {
    /// The JSON Patch (RFC 6902: `add`, `remove`, `replace`) that leads from the JSON of one state to that of another; the newest one
    /// without heads. Forms such as `{"$counter": 5}`, and texts, are replaced as a whole.
    pub fn diff(&self, from: Option<&Heads>, to: Option<&Heads>, limits: &Limits) -> Result<Value> {
        let from = self.to_json(from, limits)?;
        let to = self.to_json(to, limits)?;
        difference(&from, &to, limits)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits, read_all};
    use super::*;
    use crate::doc::Change;

    #[test]
    fn it_leads_from_any_state_to_any_other() {
        let mut dice = Dice::new();
        for _ in 0..10 {
            let changes = read_all(&mut edited(&mut dice, 30));
            let loaded = Loaded::of(&changes).expect("loads");
            let states: Vec<Heads> = (0..6)
                .map(|_| Heads::default().advance_all(&changes[..dice.throw(changes.len() + 1)]))
                .collect();
            for pair in states.windows(2) {
                let patch = loaded.diff(Some(&pair[0]), Some(&pair[1]), &limits()).expect("a patch");
                let operations: Vec<json_patch::PatchOperation> =
                    serde_json::from_value(patch).expect("a patch");
                let mut value = loaded.to_json(Some(&pair[0]), &limits()).expect("JSON");
                json_patch::patch_unsafe(&mut value, &operations).expect("applies");
                assert_eq!(Ok(value), loaded.to_json(Some(&pair[1]), &limits()));
            }
            let none = loaded.diff(Some(&loaded.heads()), None, &limits());
            assert_eq!(none, Ok(Value::from(Vec::<Value>::new())));
            assert_eq!(
                loaded.heads(),
                Heads::default().advance_all(changes.iter().collect::<Vec<&Change>>())
            );
        }
    }
}
