//! Schemas: which of them a document has to satisfy, and what is said of one that does not.
//!
//! Promises: a schema is compiled once in a session, as often as it is registered. What cannot be looked at does not satisfy.

use super::store::schema as store;
use crate::db;
use crate::domain::interface::Writing;
use crate::gate::Access;
use crate::ids::ProjectId;
use pgrx::Uuid;
use quire_core::error::{Code, Error, Result};
use quire_core::filter::Globs;
use quire_core::key::DocKey;
use quire_core::op::doc::about_doc;
use quire_core::reason::Reason;
use quire_core::schema::{DocSchema, Violation, docs_glob};
use quire_core::text::shorten;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use store::StoredSchema;

/// Most schemas that a session keeps.
const MOST: usize = 200;

/// Schemas by the id that they have since they were registered.
type Kept = HashMap<(ProjectId, [u8; 16]), Rc<Ready>>;

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// A schema that is compiled, and the documents that are bound to it.
struct Ready {
    docs: Option<Globs>,
    schema: Rc<DocSchema>,
}

/// What a write has to respect.
#[derive(Default)]
pub struct Schemas {
    /// Whichever document it is, whose name a glob matches.
    bound: Vec<(String, Rc<Ready>)>,
    /// Every document that is written.
    asked: Option<(String, Rc<Ready>)>,
}

impl Schemas {
    /// Those of a write. What another database has accepted is not refused.
    pub fn of(writing: &Writing) -> Result<Self> {
        let project = writing.access.project;
        // Of a transaction that sees an older state the row may not tell.
        let is_older = db::sees_older_state();
        if !writing.is_own || !writing.head.has_doc_schemas && !is_older && writing.doc_schema.is_none() {
            return Ok(Self::default());
        }
        let read = || {
            let bound = store::binding(project)?.into_iter().map(|stored| ready(project, stored));
            let asked = writing.doc_schema.map(|name| ready(project, require(project, name)?));
            Ok(Self { bound: bound.collect::<Result<_>>()?, asked: asked.transpose()? })
        };
        if is_older { db::latest(read) } else { read() }
    }

    /// Those that a document has to satisfy, by their names.
    pub fn of_doc<'s>(&'s self, doc: &str) -> Vec<(&'s str, &'s DocSchema)> {
        let is_bound = |ready: &Ready| ready.docs.as_ref().is_some_and(|docs| docs.is_match(doc));
        let bound = self.bound.iter().filter(|(_, ready)| is_bound(ready));
        bound.chain(&self.asked).map(|(name, ready)| (name.as_str(), &*ready.schema)).collect()
    }
}

/// A schema by its name.
///
/// Errors: PT404 when there is none.
pub fn by_name(project: ProjectId, name: &str) -> Result<Rc<DocSchema>> {
    Ok(ready(project, require(project, name)?)?.1.schema.clone())
}

fn require(project: ProjectId, name: &str) -> Result<StoredSchema> {
    store::find(project, name)?.ok_or_else(|| no_schema(name))
}

/// There is no schema of this name.
pub fn no_schema(name: &str) -> Error {
    Error::not_found("no such schema").with("schema", shorten(name))
}

fn ready(project: ProjectId, stored: StoredSchema) -> Result<(String, Rc<Ready>)> {
    let key = (project, *stored.schema_id.as_bytes());
    if let Some(kept) = KEPT.with_borrow(|kept| kept.get(&key).cloned()) {
        return Ok((stored.name, kept));
    }
    let said = store::said(project, &stored.name)?.ok_or_else(|| no_schema(&stored.name))?;
    // Whoever compiled it when it was registered may have been an older quire.
    let unusable = |error: Error| match error.code() {
        Code::Validation => {
            let message = format!("the schema {} cannot be used", shorten(&stored.name));
            Error::new(Code::Invariant, message).with("schema", shorten(&stored.name))
        }
        _ => error,
    };
    let schema = DocSchema::compile(&said).map_err(unusable)?;
    let docs = stored.docs.as_deref().map(docs_glob).transpose().map_err(unusable)?;
    let made = Rc::new(Ready { docs, schema: Rc::new(schema) });
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(key, made.clone());
    });
    Ok((stored.name, made))
}

/// Refuses what a document would hold. Who may not read it is not told where in it, and what is wrong.
pub fn check(access: &Access, key: &DocKey, schemas: &[(&str, &DocSchema)], value: &Value) -> Result<()> {
    for (name, schema) in schemas {
        if let Some(fault) = schema.fault(value)? {
            return Err(violation(key, name, Some(&fault).filter(|_| access.may_read_docs())));
        }
    }
    Ok(())
}

/// Refuses a document that cannot be read, and so not looked at.
pub fn unreadable(key: &DocKey, schemas: &[(&str, &DocSchema)], error: Error) -> Error {
    match schemas.first() {
        Some((name, _)) if is_of_the_doc(&error) => violation(key, name, Some(&unread(&error))),
        _ => about_doc(key, error),
    }
}

/// Whether a document itself is why it cannot be read.
pub fn is_of_the_doc(error: &Error) -> bool {
    matches!(error.code(), Code::Limit | Code::Invariant | Code::Validation)
        && error.member("reason").is_none()
}

/// What is wrong with what cannot be read.
pub fn unread(error: &Error) -> Violation {
    Violation { path: String::new(), text: format!("it cannot be read: {}", error.message()) }
}

fn violation(key: &DocKey, schema: &str, fault: Option<&Violation>) -> Error {
    let mut message = format!("{key} does not satisfy the schema {}", shorten(schema));
    if let Some(fault) = fault {
        message = format!("{message}: {}", fault.text);
    }
    let error = Error::new(Code::Invariant, message).because(Reason::InvariantFailed);
    let error = about_doc(key, error.with("schema", shorten(schema)));
    match fault {
        Some(fault) => error.with("path", shorten(&fault.path)),
        None => error,
    }
}

/// The schemas of a project get into another one, in which there are none.
pub fn copy(from: ProjectId, to: &Access) -> Result<()> {
    for (stored, said) in store::all(from)? {
        let stored = StoredSchema { schema_id: new_id(), ..stored };
        store::put(&stored, to.project, said, to.author()?)?;
    }
    Ok(())
}

/// The id of a schema that is registered now.
pub fn new_id() -> Uuid {
    Uuid::from_bytes(*uuid::Uuid::new_v4().as_bytes())
}
