//! Bindings: a text of a document and a file that are one thing.
//!
//! Promises: what a side holds is read without changing it, and a change is the smallest one that makes a text another one.
//! Does not: decide which side is right; who writes a bundle does (`bundle/bound.rs`).

use super::apply::AppliedDocs;
use super::store::binding as store;
use super::store::{self as docs, DocHead};
use super::{cache, seconds_now, server_actor};
use crate::blob;
use crate::domain::copying::Copying;
use crate::domain::file;
use crate::gate::Access;
use crate::ids::{ActorId, ProjectId};
use quire_core::doc::root::first_change;
use quire_core::doc::{DocAuthor, DocChange, DocLimits, Loaded};
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::interrupt;
use quire_core::key::DocKey;
use quire_core::op::Edit;
use quire_core::op::doc::about_doc;
use quire_core::tree::FileEdit;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
pub use store::DocBinding;

/// The document of a binding.
pub fn key(binding: &DocBinding) -> DocKey {
    DocKey { branch: DocKey::MAIN.to_owned(), doc: binding.doc.clone() }
}

/// What a document is, with what edits do to it.
pub enum BoundDoc {
    /// It is not there, or is deleted.
    Gone,
    /// It is there.
    There(Box<Loaded>),
}

/// A document as it is.
pub fn now(project: ProjectId, key: &DocKey) -> Result<(Option<DocHead>, BoundDoc)> {
    let head = docs::head(project, key)?;
    let there = head.as_ref().filter(|head| !head.summary.is_deleted());
    let doc = match there {
        Some(DocHead { line, summary, .. }) => {
            BoundDoc::There(Box::new(cache::take(project, line, summary.changes, &summary.heads)?))
        }
        None => BoundDoc::Gone,
    };
    Ok((head, doc))
}

/// Keeps a document that was loaded.
pub fn keep(project: ProjectId, head: &DocHead, loaded: Loaded) {
    cache::keep(project, &head.line, head.summary.changes, loaded);
}

/// A document with what edits do to it; `None` when they do nothing to it.
pub fn then(project: ProjectId, applied: &AppliedDocs, key: &DocKey) -> Result<Option<BoundDoc>> {
    applied
        .then(project, key)
        .map(|doc| doc.map(|doc| doc.map_or(BoundDoc::Gone, |doc| BoundDoc::There(Box::new(doc)))))
}

/// The text of a document that is bound, or is to be; `None` when nothing is there.
///
/// Errors: 22023 for what is no text, or has U+0000, which no text file has.
pub fn text(loaded: &Loaded, path: &str, limits: &DocLimits) -> Result<Option<String>> {
    let text = loaded.text_at(path, limits)?;
    match &text {
        Some(text) if text.contains('\0') => {
            Err(Error::validation("a bound text cannot have U+0000").with("path", path))
        }
        _ => Ok(text),
    }
}

/// The change that makes a text another one, or makes it where none is; `None` when it is so already.
pub fn change(
    project: ProjectId,
    key: &DocKey,
    loaded: &mut Loaded,
    (path, text): (&str, &str),
) -> Result<Option<DocChange>> {
    let limits = super::limits();
    let op = if loaded.text_at(path, &limits)?.is_some() { "replace" } else { "add" };
    let actor = server_actor(project, &key.branch);
    let author = DocAuthor { actor: &actor, time: seconds_now(), message: None };
    let patch = json!([{"op": op, "path": path, "value": text}]);
    loaded.patch(&author, &patch, &limits).map_err(|error| about_doc(key, error))
}

/// A document of nothing, and the change that every document begins with.
pub fn begin() -> Result<(Loaded, DocChange)> {
    let first = first_change()?;
    Ok((Loaded::of(std::slice::from_ref(&first))?, first))
}

/// Bindings of a project that may get into a copy of it.
pub struct CopiedBindings<'a> {
    to: &'a Access,
    by: ActorId,
    /// By document, with the content that the file has in the copy.
    bindings: BTreeMap<String, (DocBinding, Hash)>,
}

impl<'a> CopiedBindings<'a> {
    /// Those whose files the copy has.
    pub fn of(copying: &Copying<'a>) -> Result<Self> {
        let mut files: BTreeMap<&str, Hash> = BTreeMap::new();
        for edit in &copying.edits {
            if let Edit::File(FileEdit::Put { path, content, .. }) = edit {
                files.insert(path.as_str(), content.hash);
            }
        }
        let bindings = store::all(copying.from)?.into_iter().filter_map(|binding| {
            let hash = *files.get(binding.file_path.as_str())?;
            Some((binding.doc.clone(), (DocBinding { seq: None, ..binding }, hash)))
        });
        Ok(Self { to: copying.to, by: copying.to.author()?, bindings: bindings.collect() })
    }

    /// Copies the binding of a document of so many changes, if it has one and says what the file does.
    pub fn copy(&self, key: &DocKey, changes: &[DocChange]) -> Result<()> {
        let Some((binding, hash)) = self.bindings.get(&key.doc) else { return Ok(()) };
        let found = Loaded::of(changes).and_then(|loaded| text(&loaded, &binding.path, &super::limits()));
        match found {
            Ok(Some(text)) if Hash::of(text.as_bytes()) == *hash => {
                store::insert(self.to.project, binding, self.by)
            }
            Err(error) if !is_of_the_doc(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The bindings of which both sides are not equal, or cannot be read.
pub fn unequal(project: ProjectId) -> Result<Vec<DocBinding>> {
    let mut unequal = Vec::new();
    for binding in store::all(project)? {
        interrupt::check()?;
        match is_equal(project, &binding) {
            Ok(true) => {}
            Ok(false) => unequal.push(binding),
            // What is too long to be looked at may be equal.
            Err(error) if error.code() == Code::Limit => {}
            Err(error) if is_of_the_doc(&error) => unequal.push(binding),
            Err(error) => return Err(error),
        }
    }
    Ok(unequal)
}

/// Whether an error is about what is stored, and not about the call.
fn is_of_the_doc(error: &Error) -> bool {
    matches!(error.code(), Code::Corrupt | Code::Invariant | Code::Limit | Code::Validation)
}

fn is_equal(project: ProjectId, binding: &DocBinding) -> Result<bool> {
    let (head, BoundDoc::There(loaded)) = now(project, &key(binding))? else { return Ok(false) };
    let text = text(&loaded, &binding.path, &super::limits());
    if let Some(head) = &head {
        keep(project, head, *loaded);
    }
    let heads = file::store::heads_at(project, &BTreeSet::from([binding.file_path.as_str()]))?;
    let content = heads.into_values().next().and_then(|head| head.content);
    Ok(match (text?, content) {
        (Some(text), Some(content)) => content.hash == Hash::of(text.as_bytes()),
        _ => false,
    })
}

/// The content of a file as a text that a document can have; `None` when it is none.
pub fn text_of(bytes: Vec<u8>) -> Option<String> {
    if quire_core::content::is_binary(&bytes) { None } else { String::from_utf8(bytes).ok() }
}

/// Refuses content that is larger than a text of a document may be, before it is read.
pub fn check_size(path: &str, size: i64, limits: &DocLimits) -> Result<()> {
    if size <= limits.max_json_bytes as i64 {
        return Ok(());
    }
    Err(Error::limit(format!("{path} is bound to a document and has {size} bytes"), limits.max_json_bytes)
        .with("file_path", path)
        .with("setting", "quire.max_doc_json_bytes"))
}

/// The bytes of content that is stored.
pub fn stored(project: ProjectId, hash: &Hash) -> Result<Vec<u8>> {
    blob::store::read(project, hash)
}
