//! Who wrote what is at a path.

use super::conflicts::origin;
use super::tree::{index, pointer};
use super::{ActorId, ChangeHash, Heads, Loaded, malformed};
use crate::error::Result;
use automerge::{ObjId, ObjType, Prop, ROOT, Value as Found};

/// The change that a value comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct Origin {
    /// Its hash.
    pub change: ChangeHash,
    /// Who made it.
    pub actor: ActorId,
    /// When, as its maker says.
    pub time: i64,
    /// What about.
    pub message: Option<String>,
}

impl Loaded {
    /// Who put there what is at `path` (a JSON Pointer), now or at heads: of a map, a list or a text who created it, of a counter who made
    /// it one, of an item of a text who wrote the code point at that index. `None` where nothing is, and for the document itself.
    pub fn origin(&self, path: &str, at: Option<&Heads>) -> Result<Option<Origin>> {
        let path = pointer("path", path)?;
        let found = self.view(at, |view| {
            let mut here = (ObjType::Map, ROOT);
            let mut found: Option<ObjId> = None;
            let mut is_leaf = false;
            for token in path.tokens() {
                if is_leaf {
                    return Ok(None);
                }
                let token = token.decoded();
                let prop = match here.0 {
                    ObjType::Map | ObjType::Table => Prop::Map(token.into_owned()),
                    ObjType::List | ObjType::Text => match index(&token) {
                        Some(index) => Prop::Seq(index),
                        None => return Ok(None),
                    },
                };
                match view.get(&here.1, prop)? {
                    Some((Found::Object(kind), id)) => {
                        here = (kind, id.clone());
                        found = Some(id);
                    }
                    Some((Found::Scalar(_), id)) => {
                        is_leaf = true;
                        found = Some(id);
                    }
                    None => return Ok(None),
                }
            }
            let Some((actor, change)) = found.and_then(|id| origin(view.doc, &id)) else { return Ok(None) };
            let meta = view
                .doc
                .get_change_meta_by_hash(&change)
                .ok_or_else(|| malformed("document", "a change is gone"))?;
            let message = meta
                .message
                .as_ref()
                .filter(|message| !message.is_empty())
                .map(|message| message.to_string());
            Ok(Some(Origin { change, actor, time: meta.timestamp, message }))
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{limits, read_all};
    use super::*;
    use crate::doc::{Author, Change};
    use automerge::AutoCommit;
    use automerge::transaction::{CommitOptions, Transactable};
    use serde_json::json;

    #[test]
    fn the_last_who_wrote_it_is_told() {
        let mut loaded = Loaded::new();
        let mut put = |actor: &str, time, value| -> Change {
            let actor = ActorId::from(actor.as_bytes());
            let author = Author { actor: &actor, time, message: Some(if time > 1 { "later" } else { "" }) };
            loaded.put(&author, &value, &limits()).expect("puts").expect("a change")
        };
        let first = put("first", 1, json!({"a": [1, {"b": 2}], "text": "one"}));
        let second = put("second", 2, json!({"a": [1, {"b": 3}], "text": "one two", "c": null}));
        let of = |path: &str| loaded.origin(path, None).expect("a path").map(|origin| origin.change);
        for (path, change) in [
            ("/a", Some(&first)),
            ("/a/1", Some(&first)),
            ("/a/1/b", Some(&second)),
            ("/text", Some(&first)),
            ("/text/0", Some(&first)),
            ("/text/4", Some(&second)),
            ("/c", Some(&second)),
            ("/a/2", None),
            ("/a/1/b/x", None),
            ("/text/x", None),
            ("/none", None),
            ("", None),
        ] {
            assert_eq!(of(path), change.map(Change::hash), "{path}");
        }
        let origin = loaded.origin("/c", None).expect("a path").expect("an origin");
        assert_eq!(
            (origin.time, origin.message.as_deref(), &origin.actor),
            (2, Some("later"), second.actor())
        );
        assert_eq!(loaded.origin("/a", None).expect("a path").expect("an origin").message, None);
        let before = Heads::new([first.hash()]);
        assert_eq!(
            loaded.origin("/a/1/b", Some(&before)).expect("a path").expect("one").change,
            first.hash()
        );
        assert!(loaded.origin("a", None).is_err());
    }

    #[test]
    fn what_was_written_elsewhere_has_an_origin_too() {
        let mut document = AutoCommit::new();
        document.put(ROOT, "n", automerge::ScalarValue::counter(1)).expect("puts");
        document.commit_with(CommitOptions::default().with_time(5));
        document.increment(ROOT, "n", 1).expect("increments");
        document.commit();
        let changes = read_all(&mut document);
        let loaded = Loaded::of(&changes).expect("loads");
        let origin = loaded.origin("/n", None).expect("a path").expect("an origin");
        assert_eq!((origin.change, origin.time), (changes[0].hash(), 5), "who made it a counter");
    }
}
