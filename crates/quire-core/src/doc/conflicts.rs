//! Values that were written to one place at once, none knowing of the other.

use super::json::Room;
use super::tree::View;
use super::{ActorId, ChangeHash, Heads, Limits, Loaded};
use crate::error::{Error, Result};
use crate::interrupt;
use automerge::{Automerge, ObjId, ObjType, Prop, ROOT, Value as Found, ValueRef};
use json_patch::jsonptr::PointerBuf;
use serde_json::Value;

/// Most conflicts that are told of one document.
pub const MAX_CONFLICTS: usize = 10_000;

/// A place with more than one value.
#[derive(Clone, PartialEq, Debug)]
pub struct Conflict {
    /// Where: a JSON Pointer through the document. U+0000 in a key is itself.
    pub path: String,
    /// All values. The last one is what everybody sees there.
    pub values: Vec<Rival>,
}

/// One of the values of a place.
#[derive(Clone, PartialEq, Debug)]
pub struct Rival {
    /// The value.
    pub value: Value,
    /// Who wrote it.
    pub actor: ActorId,
    /// In which change.
    pub change: ChangeHash,
}

impl Loaded {
    /// Every place of the newest state, or of one at heads, that has more than one value, parents before what is in them, keys sorted.
    /// What is inside of a value that nobody sees is not looked at.
    ///
    /// Errors: `LimitError` for more than [`MAX_CONFLICTS`], or values that are too large.
    pub fn conflicts(&self, at: Option<&Heads>, limits: &Limits) -> Result<Vec<Conflict>> {
        self.view(at, |view| {
            let mut search = Search { view, room: Room::new(limits), found: Vec::new() };
            search.object(&mut PointerBuf::new(), &ROOT, ObjType::Map, 0)?;
            Ok(search.found)
        })
    }
}

struct Search<'a> {
    view: View<'a>,
    room: Room<'a>,
    found: Vec<Conflict>,
}

impl Search<'_> {
    fn object(&mut self, path: &mut PointerBuf, id: &ObjId, kind: ObjType, depth: usize) -> Result<()> {
        self.room.take(0, depth)?;
        match kind {
            ObjType::Text => {}
            ObjType::Map | ObjType::Table => {
                for (key, value, child, is_rival) in self.view.members(id) {
                    path.push_back(key.as_str());
                    self.place(path, id, Prop::Map(key), (&value, &child), is_rival, depth)?;
                    path.pop_back();
                }
            }
            ObjType::List => {
                for (at, (value, child, is_rival)) in self.view.items(id).enumerate() {
                    path.push_back(at);
                    self.place(path, id, Prop::Seq(at), (&value, &child), is_rival, depth)?;
                    path.pop_back();
                }
            }
        }
        Ok(())
    }

    fn place(
        &mut self,
        path: &mut PointerBuf,
        object: &ObjId,
        prop: Prop,
        (value, child): (&ValueRef, &ObjId),
        is_rival: bool,
        depth: usize,
    ) -> Result<()> {
        interrupt::step()?;
        if is_rival {
            if self.found.len() == MAX_CONFLICTS {
                return Err(Error::limit("document has too many conflicts", MAX_CONFLICTS));
            }
            self.room.take(path.len(), depth)?;
            let mut values = Vec::new();
            for (value, id) in self.view.get_all(object, prop)? {
                let value = match value {
                    Found::Object(kind) => ValueRef::Object(kind),
                    Found::Scalar(scalar) => ValueRef::Scalar(scalar.into_owned().into()),
                };
                let Some((actor, change)) = origin(self.view.doc, &id) else { continue };
                let value = self.view.value(&value, &id, &mut self.room, depth + 1)?;
                values.push(Rival { value, actor, change });
            }
            if values.len() > 1 {
                self.found.push(Conflict { path: path.to_string(), values });
            }
        }
        match value {
            ValueRef::Object(kind) => self.object(path, child, *kind, depth + 1),
            ValueRef::Scalar(_) => Ok(()),
        }
    }
}

/// Who wrote what has this identity, and in which change.
pub(super) fn origin(doc: &Automerge, id: &ObjId) -> Option<(ActorId, ChangeHash)> {
    match id {
        ObjId::Root => None,
        ObjId::Id(_, actor, _) => Some((actor.clone(), doc.hash_for_opid(id)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits, read_all};
    use super::*;
    use crate::doc::{Author, Change};
    use serde_json::json;
    use std::collections::BTreeSet;

    fn by(name: &str) -> ActorId {
        ActorId::from(name.as_bytes())
    }

    fn author(actor: &ActorId) -> Author<'_> {
        Author { actor, time: 0, message: None }
    }

    /// Two copies of a document, each edited, and then one with both.
    fn at_once(base: &Value, one: &Value, other: &Value) -> (Loaded, [Change; 2]) {
        let mut first = Loaded::new();
        first.put(&author(&by("base")), base, &limits()).expect("puts");
        let mut second =
            Loaded::of(&first.changes_after(&Heads::default(), &limits()).expect("changes")).expect("loads");
        let one = first.patch(&author(&by("one")), one, &limits()).expect("patches").expect("a change");
        let other =
            second.patch(&author(&by("other")), other, &limits()).expect("patches").expect("a change");
        first.append([&other]).expect("appends");
        (first, [one, other])
    }

    #[test]
    fn every_value_is_told_with_its_maker() {
        let (loaded, [one, other]) = at_once(
            &json!({"a/b": {"list": [1, 2]}, "same": 0}),
            &json!([{"op": "replace", "path": "/a~1b/list/1", "value": "one"}, {"op": "add", "path": "/new", "value": {"x": 1}}]),
            &json!([{"op": "replace", "path": "/a~1b/list/1", "value": 5}, {"op": "add", "path": "/new", "value": null}]),
        );
        let conflicts = loaded.conflicts(None, &limits()).expect("conflicts");
        let paths: Vec<&str> = conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
        assert_eq!(paths, ["/a~1b/list/1", "/new"]);
        let json = loaded.to_json(None, &limits()).expect("JSON");
        for conflict in &conflicts {
            assert_eq!(conflict.values.last().map(|rival| &rival.value), json.pointer(&conflict.path));
            let told: BTreeSet<_> =
                conflict.values.iter().map(|rival| (rival.actor.clone(), rival.change)).collect();
            let made = [&one, &other].map(|change| (change.actor().clone(), change.hash()));
            assert_eq!(told, BTreeSet::from(made));
        }
        let values: Vec<&Value> = conflicts[1].values.iter().map(|rival| &rival.value).collect();
        assert!(values.contains(&&json!({"x": 1})) && values.contains(&&Value::Null));
        assert_eq!(
            loaded.conflicts(Some(&Heads::new([one.hash()])), &limits()),
            Ok(vec![]),
            "before both met"
        );
    }

    #[test]
    fn none_is_without_rivals_and_none_is_missed() {
        let mut dice = Dice::new();
        let mut found = 0;
        for _ in 0..10 {
            let loaded = Loaded::of(&read_all(&mut edited(&mut dice, 40))).expect("loads");
            let conflicts = loaded.conflicts(None, &limits()).expect("conflicts");
            found += conflicts.len();
            for conflict in &conflicts {
                assert!(conflict.values.len() > 1);
                let changes: BTreeSet<ChangeHash> =
                    conflict.values.iter().map(|rival| rival.change).collect();
                assert!(changes.iter().all(|hash| loaded.has(hash)));
            }
        }
        assert!(found > 0, "random edits conflict");
    }
}
