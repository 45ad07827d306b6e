//! Documents that a subscription follows: a condition, and what is told of those for which it begins, goes on or ceases to hold.

use super::condition::DocCondition;
use super::parse::DocQuery;
use super::projection::Projection;
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::text::shorten;
use serde_json::Value;
use uuid::Uuid;

/// What a subscription may say of the documents that it follows.
const MEMBERS: [&str; 5] = ["branch", "prefix", "where", "select", "format"];

/// In which form a document is told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchFormat {
    /// As JSON, as much as is wanted of it.
    Json,
    /// As Automerge changes.
    Changes,
}

/// What a bundle did to a document, as a subscription sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchAction {
    /// The condition holds now, and did not before.
    Enter,
    /// It held before and holds now.
    Change,
    /// It held before, and does not now.
    Leave,
}

impl WatchAction {
    /// By whether the condition held before and holds after a bundle; `None` where the document is not told of.
    pub fn of(before: bool, after: bool) -> Option<Self> {
        match (before, after) {
            (false, false) => None,
            (false, true) => Some(Self::Enter),
            (true, true) => Some(Self::Change),
            (true, false) => Some(Self::Leave),
        }
    }

    /// As an event names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Change => "change",
            Self::Leave => "leave",
        }
    }
}

/// The documents that a subscription follows.
#[derive(Clone, PartialEq, Debug)]
pub struct DocWatch {
    /// Of this branch,
    pub branch: String,
    prefix: String,
    condition: Option<DocCondition>,
    /// this much of them,
    pub projection: Projection,
    /// in this form.
    pub format: WatchFormat,
}

impl DocWatch {
    /// From the members of a query that say which documents and what of them, and `format`.
    ///
    /// Errors: `ValidationError` for any other member, for a condition that asks for a schema (which may be another one tomorrow, so
    /// that a repeat would say something else), and for `select` of changes.
    pub fn parse(value: &Value) -> Result<Self> {
        let Value::Object(members) = value else {
            return Err(Error::validation("docs must be a JSON object").with("member", "docs"));
        };
        if let Some(unknown) = members.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
            return Err(Error::validation(format!("docs has an unknown member {:?}", shorten(unknown)))
                .with("member", shorten(unknown))
                .hint(format!("a subscription takes {}", MEMBERS.join(", "))));
        }
        let format = match members.get("format").map(Value::as_str) {
            None | Some(Some("json")) => WatchFormat::Json,
            Some(Some("changes")) => WatchFormat::Changes,
            Some(_) => {
                return Err(Error::validation("format must be json or changes").with("member", "format"));
            }
        };
        let mut query = members.clone();
        query.remove("format");
        let query = DocQuery::parse(ProjectId(Uuid::nil()), &Value::Object(query))?;
        if query.condition.as_ref().is_some_and(DocCondition::has_schema) {
            let message = "where must not ask for a schema in a subscription";
            return Err(Error::validation(message).with("member", "where"));
        }
        let DocQuery { branch, prefix, condition, projection, .. } = query;
        if format == WatchFormat::Changes && projection != Projection::Whole {
            return Err(Error::validation("select has no meaning for changes").with("member", "select"));
        }
        Ok(Self { branch, prefix, condition, projection, format })
    }

    /// Whether a document of this name may be one of them, whatever it holds.
    pub fn may_be(&self, branch: &str, doc: &str) -> bool {
        self.branch == branch && doc.starts_with(&self.prefix)
    }

    /// Whether a document that holds this is one of them.
    pub fn holds(&self, value: &Value) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_that_choose_and_nothing_else() {
        let watch =
            DocWatch::parse(&json!({"prefix": "a", "where": {"path": "/n", "gt": 1}, "select": ["/n"]}));
        let watch = watch.expect("valid");
        assert!(watch.may_be("main", "ab") && !watch.may_be("main", "b") && !watch.may_be("other", "ab"));
        assert!(watch.holds(&json!({"n": 2})) && !watch.holds(&json!({"n": 1})));
        assert_eq!(watch.format, WatchFormat::Json);
        for wrong in [
            json!([]),
            json!({"sort": []}),
            json!({"limit": 1}),
            json!({"expand": ["/a"]}),
            json!({"at_seq": 1}),
            json!({"format": "xml"}),
            json!({"format": null}),
            json!({"format": "changes", "select": ["/a"]}),
            json!({"where": {"not": {"schema": "s"}}}),
        ] {
            assert!(DocWatch::parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn actions_by_what_held() {
        let all = [(false, true), (true, true), (true, false), (false, false)];
        let names = all.map(|(before, after)| WatchAction::of(before, after).map(WatchAction::as_str));
        assert_eq!(names, [Some("enter"), Some("change"), Some("leave"), None]);
    }
}
