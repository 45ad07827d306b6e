//! What a token may be bound to: one submission of changes, of which it says what it is.

use crate::ability::Need;
use crate::error::Result;
use crate::submission::{HashRoot, Submission};
use crate::token::invalid;
use automerge::ChangeHash;
use serde_json::{Map, Value};

const BASE_HEADS_ROOT: &str = "baseHeadsRoot";
const CHANGES_ROOT: &str = "changesRoot";
const CHANGE_COUNT: &str = "changeCount";

/// What a submission has to be; empty is any write, and whatever else.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Binding {
    base_heads_root: Option<HashRoot>,
    changes_root: Option<HashRoot>,
    change_count: Option<u64>,
}

impl Binding {
    /// From the facts of a token, which may say anything else, too.
    ///
    /// Errors: a value is of a wrong form: nothing would ever be so.
    pub fn of_facts(facts: &Map<String, Value>) -> Result<Self> {
        fn read<T>(
            facts: &Map<String, Value>,
            name: &str,
            form: impl FnOnce(&Value) -> Option<T>,
        ) -> Result<Option<T>> {
            facts.get(name).map(|value| form(value).ok_or_else(invalid)).transpose()
        }
        Ok(Self {
            base_heads_root: read(facts, BASE_HEADS_ROOT, root)?,
            changes_root: read(facts, CHANGES_ROOT, root)?,
            change_count: read(facts, CHANGE_COUNT, Value::as_u64)?,
        })
    }

    /// From a caveat, if it is understood: what else it asks for is not known, so that nothing meets it.
    pub fn of_caveat(caveat: &Map<String, Value>) -> Option<Self> {
        let is_known = |name: &String| [BASE_HEADS_ROOT, CHANGES_ROOT, CHANGE_COUNT].contains(&name.as_str());
        if caveat.keys().all(is_known) { Self::of_facts(caveat).ok() } else { None }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it leaves room for something: of what is bound, only the gate of writers, and what is submitted.
    pub fn allows(&self, need: Need<'_>) -> bool {
        self.is_empty()
            || match need {
                Need::WriteSomeDoc => true,
                Need::SubmitDoc(_, submission) => self.is_met_by(submission),
                _ => false,
            }
    }

    fn is_met_by(&self, submission: &Submission) -> bool {
        self.base_heads_root.is_none_or(|root| submission.base_heads_root == Some(root))
            && self.changes_root.is_none_or(|root| submission.changes_root == root)
            && self.change_count.is_none_or(|count| submission.change_count == count)
    }
}

/// 64 lower-case hexadecimal digits.
fn root(value: &Value) -> Option<HashRoot> {
    let text = value.as_str()?;
    text.parse().ok().filter(|root: &ChangeHash| root.to_string() == text).map(|root| root.0)
}
