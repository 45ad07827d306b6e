//! A document in memory: for who reads or edits it, and for a cache.

use super::json::Room;
use super::tree::{MAX_PATHS, View, pointer};
use super::{ChangeHash, DocChange, DocLimits, Heads, document, guarded, malformed};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::text::shorten;
use automerge::{Automerge, LoadOptions, ObjType, ReadDoc, TextEncoding, Value as Found};
use serde_json::{Map, Value};
use std::collections::HashSet;

const WHAT: &str = "changes cannot be applied";
/// Operations and changes that are applied at a time. Each time looks at every object that changes as a whole.
const STEP_OPS: usize = 10_000;
const STEP_CHANGES: usize = 2_000;

/// A loaded document. Positions in texts count Unicode code points. What fails in the middle of a change makes it unusable: it says so
/// from then on, and is to be loaded again.
pub struct Loaded {
    doc: Automerge,
    /// Bytes of the operations of the changes that went in, or of what they were saved as, inflated.
    bytes: usize,
    is_broken: bool,
}

impl Default for Loaded {
    fn default() -> Self {
        Self::new()
    }
}

impl Loaded {
    /// A document without changes.
    pub fn new() -> Self {
        Self { doc: Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint), bytes: 0, is_broken: false }
    }

    /// From changes, as [`Loaded::append`] takes them.
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a DocChange>) -> Result<Self> {
        let mut loaded = Self::new();
        loaded.append(changes)?;
        Ok(loaded)
    }

    /// From the bytes of a document, as any Automerge library saves one, or of changes one behind the other.
    ///
    /// Errors: `LimitError` over a limit; `ValidationError` when they are no document, or a change of it lacks one that it depends on.
    pub fn read(bytes: &[u8], limits: &DocLimits) -> Result<Self> {
        let inflated = document::price(bytes, limits)?;
        let options = LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
        let doc = guarded("document cannot be loaded", || {
            let doc = Automerge::load_with_options(bytes, options)
                .map_err(|error| malformed("document cannot be loaded", error))?;
            interrupt::check()?;
            Ok(doc)
        })?;
        let missing = doc.get_missing_deps(&[]);
        if !missing.is_empty() {
            return Err(lacking(&missing));
        }
        Ok(Self { doc, bytes: inflated, is_broken: false })
    }

    /// Applies changes, each after those it depends on; those that are there already are left out. Gives back how many were not there.
    ///
    /// Errors: `ValidationError` when a dependency is neither there nor among them (nothing has been applied then), or when Automerge
    /// refuses one (the document is unusable then).
    pub fn append<'a>(&mut self, changes: impl IntoIterator<Item = &'a DocChange>) -> Result<usize> {
        self.usable()?;
        let mut new: Vec<&DocChange> = Vec::new();
        let mut hashes: HashSet<ChangeHash> = HashSet::new();
        for change in changes {
            interrupt::step()?;
            if hashes.contains(&change.hash()) || self.has(&change.hash()) {
                continue;
            }
            let missing: Vec<ChangeHash> =
                change.deps().iter().filter(|dep| !hashes.contains(dep) && !self.has(dep)).copied().collect();
            if !missing.is_empty() {
                return Err(lacking(&missing).with("change", change.hash().to_string()));
            }
            hashes.insert(change.hash());
            new.push(change);
        }
        let count = new.len();
        let mut rest = new.as_slice();
        while !rest.is_empty() {
            interrupt::check()?;
            let mut ops = 0;
            let step = rest
                .iter()
                .take(STEP_CHANGES)
                .take_while(|change| {
                    let is_room = ops < STEP_OPS;
                    ops += change.ops();
                    is_room
                })
                .count();
            let (now, later) = rest.split_at(step);
            self.work(WHAT, |doc| {
                let now: Vec<automerge::Change> = now.iter().map(|change| change.inner().clone()).collect();
                doc.apply_changes(now).map_err(|error| malformed(WHAT, error))
            })?;
            self.bytes = now.iter().fold(self.bytes, |bytes, change| bytes.saturating_add(ops_bytes(change)));
            rest = later;
        }
        Ok(count)
    }

    /// Whether it has the change.
    pub fn has(&self, hash: &ChangeHash) -> bool {
        self.doc.get_missing_deps(&[*hash]).is_empty()
    }

    /// The heads that it has not.
    pub fn lacks(&self, heads: &Heads) -> Vec<ChangeHash> {
        heads.as_slice().iter().filter(|hash| !self.has(hash)).copied().collect()
    }

    /// `ValidationError` when it has not all of these heads.
    pub(super) fn require(&self, heads: &Heads) -> Result<()> {
        self.usable()?;
        let missing = self.lacks(heads);
        if missing.is_empty() { Ok(()) } else { Err(lacking(&missing)) }
    }

    /// Its heads.
    pub fn heads(&self) -> Heads {
        Heads::new(self.doc.get_heads())
    }

    /// The number that the next operation has: of a change that comes after all of it.
    pub fn next_op(&self) -> Result<u64> {
        self.usable()?;
        guarded(WHAT, || {
            let heads = self.doc.get_heads();
            let mut max = 0;
            for hash in heads {
                let meta = self.doc.get_change_meta_by_hash(&hash);
                max = max.max(meta.map_or(0, |meta| meta.max_op));
            }
            Ok(max + 1)
        })
    }

    /// The changes that are not among the ancestors of `after`, in an order in which none comes before its dependencies. Of heads that it
    /// does not know it knows no ancestor.
    pub fn changes_after(&self, after: &Heads, limits: &DocLimits) -> Result<Vec<DocChange>> {
        self.usable()?;
        let known: Vec<ChangeHash> = after.as_slice().iter().filter(|hash| self.has(hash)).copied().collect();
        let all = usize::try_from(self.doc.stats().num_changes).unwrap_or(usize::MAX);
        interrupt::room(all.saturating_mul(META_BYTES))?;
        guarded(WHAT, || {
            let count = if known.is_empty() { all } else { self.doc.get_changes_meta(&known).len() };
            interrupt::room(count.saturating_mul(LISTED_BYTES))?;
            let changes = self.doc.get_changes(&known);
            changes
                .into_iter()
                .map(|change| {
                    interrupt::step()?;
                    DocChange::from_decoded(change, limits)
                })
                .collect()
        })
    }

    /// The changes of the state at heads that it has, each after those it depends on.
    pub fn changes_up_to(&self, at: &Heads, limits: &DocLimits) -> Result<Vec<DocChange>> {
        self.require(at)?;
        let later: HashSet<ChangeHash> =
            self.changes_after(at, limits)?.iter().map(DocChange::hash).collect();
        let mut all = self.changes_after(&Heads::default(), limits)?;
        all.retain(|change| !later.contains(&change.hash()));
        Ok(all)
    }

    /// Its bytes, loadable by any Automerge library. They are not the same for the same heads everywhere.
    pub fn save(&self) -> Result<Vec<u8>> {
        self.usable()?;
        guarded("document cannot be saved", || Ok(self.doc.save()))
    }

    /// What it holds, as `json.rs` says it in JSON: now, or at heads that it has.
    pub fn to_json(&self, at: Option<&Heads>, limits: &DocLimits) -> Result<Value> {
        self.view(at, |view| view.to_json(limits))
    }

    /// What is at some paths (JSON Pointers): an object with a member for each of them where something is.
    pub fn at_paths(&self, paths: &[&str], at: Option<&Heads>, limits: &DocLimits) -> Result<Value> {
        if paths.len() > MAX_PATHS {
            return Err(Error::limit("too many paths", MAX_PATHS));
        }
        self.view(at, |view| {
            let mut room = Room::new(limits);
            let mut found = Map::new();
            for path in paths {
                if let Some(value) = view.at(pointer("paths", path)?, &mut room)? {
                    found.insert((*path).to_owned(), value);
                }
            }
            Ok(Value::Object(found))
        })
    }

    /// The text at a path (a JSON Pointer); `None` when nothing is there.
    ///
    /// Errors: `ValidationError` when what is there is no text; `LimitError` when it is too long.
    pub fn text_at(&self, path: &str, limits: &DocLimits) -> Result<Option<String>> {
        let at = pointer("path", path)?;
        self.view(None, |view| match view.find(at)? {
            None => Ok(None),
            Some((Found::Object(ObjType::Text), id)) => {
                let text = view.text(&id)?;
                Room::new(limits).take(text.len(), 0)?;
                Ok(Some(text))
            }
            Some(_) => Err(Error::validation("what is there is no text").with("path", shorten(path))),
        })
    }

    /// Looks at it, now or at heads that it has.
    pub(super) fn view<T>(&self, at: Option<&Heads>, look: impl FnOnce(View) -> Result<T>) -> Result<T> {
        if let Some(heads) = at {
            self.require(heads)?;
        }
        self.usable()?;
        let heads = at.map(Heads::as_slice).filter(|heads| *heads != self.doc.get_heads());
        guarded("document cannot be read", || look(View { doc: &self.doc, heads }))
    }

    /// Works on it. What fails leaves it unusable.
    pub(super) fn work<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Automerge) -> Result<T>,
    ) -> Result<T> {
        self.usable()?;
        self.is_broken = true;
        let doc = &mut self.doc;
        let done = guarded(what, || work(doc))?;
        self.is_broken = false;
        Ok(done)
    }

    /// A change was made here.
    pub(super) fn grown(&mut self, change: Option<&DocChange>) {
        self.bytes = self.bytes.saturating_add(change.map_or(0, |change| change.bytes().len()));
    }

    #[cfg(test)]
    pub(super) fn doc(&self) -> &Automerge {
        &self.doc
    }

    fn usable(&self) -> Result<()> {
        if self.is_broken {
            Err(Error::validation("document is to be loaded again: a change of it failed"))
        } else {
            Ok(())
        }
    }

    /// Bytes of memory that it takes, about: what bounds a cache.
    pub fn memory(&self) -> usize {
        let changes = usize::try_from(self.doc.stats().num_changes).unwrap_or(usize::MAX);
        EMPTY_BYTES
            .saturating_add(changes.saturating_mul(CHANGE_BYTES))
            .saturating_add(self.bytes.saturating_mul(2))
    }
}

/// Bytes of the operations of a change, about: what else it has is counted with the changes.
fn ops_bytes(change: &DocChange) -> usize {
    change.bytes().len().saturating_sub(HEADER_BYTES)
}

/// Least bytes that a change has besides its operations: a checksum, a hash that it depends on, its actor, and its columns' sizes.
const HEADER_BYTES: usize = 80;
/// Bytes of memory of a document without changes, and of what is kept of each change besides its operations.
const EMPTY_BYTES: usize = 16 << 10;
const CHANGE_BYTES: usize = 150;
/// Bytes of memory of what is said of a change, and of a change that is taken out of the document, besides its operations.
const META_BYTES: usize = 200;
const LISTED_BYTES: usize = 1000;

/// Changes that others depend on are not there.
fn lacking(missing: &[ChangeHash]) -> Error {
    let shown: Vec<String> = missing.iter().take(10).map(ChangeHash::to_string).collect();
    Error::validation("changes are missing that others depend on")
        .with("missing", shown)
        .with("count", missing.len())
}
