//! Joins along references: a value `{"$ref": {"doc": name, "path": path}}` is replaced by what it points to.

use super::path::QueryPath;
use super::{MAX_VISITED, weight};
use crate::error::{Error, Result};
use crate::interrupt;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A document that a reference names; `None` where there is none.
pub type Referent = Option<Rc<Value>>;

/// Follows references, of all documents of a page.
pub struct Expander<F> {
    /// The longest come first, so that a path leads through no reference that another one has replaced.
    paths: Vec<QueryPath>,
    depth: usize,
    look_up: F,
    visited: usize,
    missing: BTreeSet<(String, Option<String>)>,
}

/// A reference.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Reference {
    doc: String,
    path: Option<QueryPath>,
}

impl Reference {
    /// What a value refers to, if it is a reference and nothing else.
    fn of(value: &Value) -> Option<Self> {
        let only =
            |value: &Value, most: usize| value.as_object().is_some_and(|members| members.len() <= most);
        let target = value.get("$ref").filter(|target| only(value, 1) && only(target, 2))?;
        let doc = target.get("doc")?.as_str()?.to_owned();
        let path = match target.get("path") {
            None if only(target, 1) => None,
            path => Some(QueryPath::parse("$ref", path?.as_str()?).ok()?),
        };
        Some(Self { doc, path })
    }
}

impl<F: FnMut(&str) -> Result<Referent>> Expander<F> {
    /// Along these paths, so many references one behind the other. `look_up` gives what a document of a name holds.
    pub fn new(paths: &[QueryPath], depth: usize, look_up: F) -> Self {
        let mut paths = paths.to_vec();
        paths.sort_by_key(|path| std::cmp::Reverse(path.parts().len()));
        Self { paths, depth, look_up, visited: 0, missing: BTreeSet::new() }
    }

    /// Replaces the references of a document. Where a list is at one of the paths, its items are looked at. In what has replaced a
    /// reference the paths count again, from there. A reference to a document that is on the way already stays.
    ///
    /// Errors: `LimitError` for more than [`MAX_VISITED`] references, of all documents together.
    pub fn expand(&mut self, doc: &str, value: &mut Value) -> Result<()> {
        self.within(value, &mut vec![doc.to_owned()])
    }

    /// The references that lead nowhere, each once.
    pub fn missing(&self) -> Vec<Value> {
        let shown = self.missing.iter().map(|(doc, path)| match path {
            None => json!({"doc": doc}),
            Some(path) => json!({"doc": doc, "path": path}),
        });
        shown.collect()
    }

    /// `way` are the documents from the first on, each of which refers to the next one.
    fn within(&mut self, value: &mut Value, way: &mut Vec<String>) -> Result<()> {
        for at in 0..self.paths.len() {
            match self.paths[at].resolve_mut(value) {
                Some(Value::Array(items)) => {
                    for item in items {
                        self.follow(item, way)?;
                    }
                }
                Some(place) => self.follow(place, way)?,
                None => {}
            }
        }
        Ok(())
    }

    fn follow(&mut self, place: &mut Value, way: &mut Vec<String>) -> Result<()> {
        interrupt::step()?;
        let Some(reference) = Reference::of(place) else { return Ok(()) };
        if way.len() > self.depth || way.contains(&reference.doc) {
            return Ok(());
        }
        if self.visited == MAX_VISITED {
            let message = format!("expand follows more than {MAX_VISITED} references");
            return Err(Error::limit(message, MAX_VISITED).with("member", "expand"));
        }
        self.visited += 1;
        let Reference { doc, path } = reference;
        let target = (self.look_up)(&doc)?;
        let found = target.as_deref().and_then(|target| match &path {
            None => Some(target),
            Some(path) => path.resolve(target),
        });
        let Some(found) = found else {
            self.missing.insert((doc, path.map(|path| path.as_str().to_owned())));
            *place = Value::Null;
            return Ok(());
        };
        interrupt::room(weight(found))?;
        *place = found.clone();
        way.push(doc);
        let done = match Reference::of(place) {
            Some(_) => self.follow(place, way),
            None => self.within(place, way),
        };
        way.pop();
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use std::collections::BTreeMap;

    fn expanded(docs: &Value, paths: &[&str], depth: usize, doc: &str) -> Result<(Value, Vec<Value>)> {
        let docs: BTreeMap<String, Rc<Value>> = docs
            .as_object()
            .expect("documents")
            .iter()
            .map(|(name, value)| (name.clone(), Rc::new(value.clone())))
            .collect();
        let paths: Vec<QueryPath> =
            paths.iter().map(|path| QueryPath::parse("expand", path).expect("a path")).collect();
        let mut value = (*docs[doc]).clone();
        let mut expander = Expander::new(&paths, depth, |name: &str| Ok(docs.get(name).cloned()));
        expander.expand(doc, &mut value)?;
        Ok((value, expander.missing()))
    }

    #[test]
    fn references_are_followed_as_deep_as_they_may() {
        let docs = json!({
            "a": {"up": {"$ref": {"doc": "b"}}, "no": {"$ref": {"doc": "b"}}},
            "b": {"up": {"$ref": {"doc": "c", "path": "/in"}}, "n": 2},
            "c": {"in": {"up": {"$ref": {"doc": "a"}}, "n": 3}},
        });
        let stays = json!({"$ref": {"doc": "c", "path": "/in"}});
        let one = json!({"up": {"up": stays, "n": 2}, "no": {"$ref": {"doc": "b"}}});
        assert_eq!(expanded(&docs, &["/up"], 1, "a"), Ok((one, vec![])));
        let circle = json!({"up": {"up": {"up": {"$ref": {"doc": "a"}}, "n": 3}, "n": 2}, "no": {"$ref": {"doc": "b"}}});
        for depth in [2, 3, 5] {
            assert_eq!(expanded(&docs, &["/up"], depth, "a"), Ok((circle.clone(), vec![])), "{depth}");
        }
    }

    #[test]
    fn lists_are_looked_into_and_what_is_missing_is_listed() {
        let docs = json!({
            "l": {"of": [{"$ref": {"doc": "x"}}, 1, {"$ref": {"doc": "none"}}, {"$ref": {"doc": "x", "path": "/none"}},
                {"$ref": {"doc": "none"}}, [{"$ref": {"doc": "x"}}]]},
            "x": {"n": 1},
        });
        let value = json!({"of": [{"n": 1}, 1, null, null, null, [{"$ref": {"doc": "x"}}]]});
        let missing = vec![json!({"doc": "none"}), json!({"doc": "x", "path": "/none"})];
        assert_eq!(expanded(&docs, &["/of", "/none"], 1, "l"), Ok((value, missing)));
    }

    #[test]
    fn a_reference_may_point_to_a_reference() {
        let to = |doc: &str, path: &str| json!({"r": {"$ref": {"doc": doc, "path": path}}});
        let docs = json!({"a": to("b", "/r"), "b": to("c", "/v"), "c": {"v": 1}});
        assert_eq!(expanded(&docs, &["/r"], 2, "a"), Ok((json!({"r": 1}), vec![])));
        assert_eq!(expanded(&docs, &["/r"], 1, "a"), Ok((to("c", "/v"), vec![])));
        let itself = json!({"a": {"r": {"$ref": {"doc": "a"}}}});
        assert_eq!(expanded(&itself, &["/r"], 5, "a"), Ok((itself["a"].clone(), vec![])));
    }

    #[test]
    fn what_is_no_reference_stays() {
        for value in [
            json!({"$ref": "b"}),
            json!({"$ref": {"doc": "b"}, "more": 1}),
            json!({"$ref": {"doc": 1}}),
            json!({"$ref": {"path": "/a"}}),
            json!({"$ref": {"doc": "b", "path": "a"}}),
            json!({"$ref": {"doc": "b", "path": null}}),
            json!({"$ref": {"doc": "b", "branch": "x"}}),
            json!({"$ref": {"doc": "b", "path": "", "more": 1}}),
        ] {
            let docs = json!({"a": {"r": value}, "b": {}});
            assert_eq!(expanded(&docs, &["/r"], 5, "a"), Ok((docs["a"].clone(), vec![])));
        }
    }

    #[test]
    fn documents_that_multiply_are_bounded() {
        let many = |next: &str| json!({"l": vec![json!({"$ref": {"doc": next}}); 40]});
        let docs = json!({"a": many("b"), "b": many("c"), "c": {}});
        let error = expanded(&docs, &["/l"], 2, "a").expect_err("too many");
        assert_eq!((error.code(), error.member("limit")), (Code::Limit, Some(&json!(MAX_VISITED))));
        assert!(expanded(&docs, &["/l"], 1, "a").is_ok());
    }
}
