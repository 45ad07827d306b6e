//! A state of a document as JSON: all of it, or what is at some paths.

use super::json::{Room, of_map, of_scalar, of_text};
use super::{ChangeHash, DocLimits, malformed};
use crate::error::{Error, Result};
use crate::text::shorten;
use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, Value as Found, ValueRef};
use json_patch::jsonptr::Pointer;
use serde_json::{Map, Value};

const WHAT: &str = "document cannot be read";

/// Most paths of one reading.
pub const MAX_PATHS: usize = 1000;

/// A JSON Pointer (RFC 6901). It goes through maps by key and through lists by index, in the document, not in the JSON: the key of a
/// map that is written as `$object` is itself.
pub(crate) fn pointer<'a>(argument: &str, text: &'a str) -> Result<&'a Pointer> {
    Pointer::parse(text).map_err(|_| {
        Error::validation(format!("{argument} has {:?}, which is no JSON Pointer", shorten(text)))
            .with("argument", argument)
            .hint("A path is empty or begins with a slash: /items/0/name.")
    })
}

/// A document, or one with a change that is being made, at some heads; its newest without.
pub(super) struct View<'a, D = Automerge> {
    pub(super) doc: &'a D,
    pub(super) heads: Option<&'a [ChangeHash]>,
}

impl<'a, D: ReadDoc> View<'a, D> {
    /// What is at a key or an index.
    pub(super) fn get(&self, object: &ObjId, prop: automerge::Prop) -> Result<Option<(Found<'a>, ObjId)>> {
        let found = match self.heads {
            Some(heads) => self.doc.get_at(object, prop, heads),
            None => self.doc.get(object, prop),
        };
        found.map_err(|error| malformed(WHAT, error))
    }

    /// All that is at a key or an index, the one that is seen last.
    pub(super) fn get_all(&self, object: &ObjId, prop: automerge::Prop) -> Result<Vec<(Found<'a>, ObjId)>> {
        let found = match self.heads {
            Some(heads) => self.doc.get_all_at(object, prop, heads),
            None => self.doc.get_all(object, prop),
        };
        found.map_err(|error| malformed(WHAT, error))
    }

    pub(super) fn length(&self, object: &ObjId) -> usize {
        match self.heads {
            Some(heads) => self.doc.length_at(object, heads),
            None => self.doc.length(object),
        }
    }

    pub(super) fn text(&self, object: &ObjId) -> Result<String> {
        let text = match self.heads {
            Some(heads) => self.doc.text_at(object, heads),
            None => self.doc.text(object),
        };
        text.map_err(|error| malformed(WHAT, error))
    }

    /// The members of a map: key, value, its identity, whether it has rivals.
    pub(super) fn members(
        &self,
        object: &ObjId,
    ) -> impl Iterator<Item = (String, ValueRef<'a>, ObjId, bool)> + use<'a, D> {
        let range = match self.heads {
            Some(heads) => self.doc.map_range_at(object, .., heads),
            None => self.doc.map_range(object, ..),
        };
        range.map(|item| (item.key.to_string(), item.value.clone(), item.id(), item.conflict))
    }

    /// The items of a list: value, its identity, whether it has rivals.
    pub(super) fn items(
        &self,
        object: &ObjId,
    ) -> impl Iterator<Item = (ValueRef<'a>, ObjId, bool)> + use<'a, D> {
        let range = match self.heads {
            Some(heads) => self.doc.list_range_at(object, .., heads),
            None => self.doc.list_range(object, ..),
        };
        range.map(|item| (item.value.clone(), item.id(), item.conflict))
    }

    /// All of the document.
    pub(super) fn to_json(&self, limits: &DocLimits) -> Result<Value> {
        self.object(&ROOT, ObjType::Map, &mut Room::new(limits), 0)
    }

    /// What is at a path; `None` where nothing is.
    pub(super) fn at(&self, path: &Pointer, room: &mut Room) -> Result<Option<Value>> {
        match self.find(path)? {
            Some((Found::Object(kind), id)) => self.object(&id, kind, room, 0).map(Some),
            Some((Found::Scalar(scalar), _)) => {
                self.scalar(&scalar.as_ref().clone().into(), room, 0).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The value at a path, with its identity.
    pub(super) fn find(&self, path: &Pointer) -> Result<Option<(Found<'a>, ObjId)>> {
        let mut found = (Found::Object(ObjType::Map), ROOT);
        for token in path.tokens() {
            let next = match found.0 {
                Found::Object(ObjType::Map | ObjType::Table) => {
                    self.get(&found.1, token.decoded().into_owned().into())?
                }
                Found::Object(ObjType::List) => match index(&token.decoded()) {
                    Some(index) => self.get(&found.1, index.into())?,
                    None => None,
                },
                _ => None,
            };
            match next {
                Some(next) => found = next,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    fn scalar(&self, scalar: &automerge::ScalarValueRef, room: &mut Room, depth: usize) -> Result<Value> {
        let bytes = match scalar {
            automerge::ScalarValueRef::Str(text) => text.len(),
            automerge::ScalarValueRef::Bytes(bytes) | automerge::ScalarValueRef::Unknown { bytes, .. } => {
                bytes.len() / 3 * 4
            }
            _ => 0,
        };
        room.take(bytes, depth)?;
        Ok(of_scalar(scalar))
    }

    /// Any value.
    pub(super) fn value(&self, value: &ValueRef, id: &ObjId, room: &mut Room, depth: usize) -> Result<Value> {
        match value {
            ValueRef::Object(kind) => self.object(id, *kind, room, depth),
            ValueRef::Scalar(scalar) => self.scalar(scalar, room, depth),
        }
    }

    fn object(&self, id: &ObjId, kind: ObjType, room: &mut Room, depth: usize) -> Result<Value> {
        room.take(0, depth)?;
        match kind {
            ObjType::Text => {
                let text = self.text(id)?;
                room.take(text.len(), depth)?;
                Ok(of_text(&text))
            }
            ObjType::List => {
                let items: Result<Vec<Value>> =
                    self.items(id).map(|(value, id, _)| self.value(&value, &id, room, depth + 1)).collect();
                items.map(Value::Array)
            }
            ObjType::Map | ObjType::Table => {
                let mut members = Map::new();
                for (key, value, id, _) in self.members(id) {
                    room.take(key.len(), depth)?;
                    members.insert(key, self.value(&value, &id, room, depth + 1)?);
                }
                Ok(of_map(members))
            }
        }
    }
}

/// The index that a token of a pointer is: digits without a zero before them.
pub(crate) fn index(token: &str) -> Option<usize> {
    let is_plain = token == "0" || !token.starts_with('0');
    token.parse().ok().filter(|_| is_plain && token.bytes().all(|byte| byte.is_ascii_digit()))
}
