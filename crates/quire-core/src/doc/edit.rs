//! Edits of a document, each as one change.
//!
//! The change depends on who makes it, when, from which state, and what it does: the same edit has the same bytes, unless a search for
//! a short difference between long texts or lists ran out of time.

use super::change::check_actor;
use super::json::{Form, Room, form};
use super::patch::{PatchStep, list_steps, parse, same};
use super::splices::splices;
use super::tree::{View, index, pointer};
use super::{ActorId, DocChange, DocLimits, Loaded, malformed};
use crate::diff::SEARCH_TIME;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::reason::Reason;
use crate::text::shorten;
use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ObjId, ObjType, Prop, ROOT, ScalarValue, Value as Found};
use json_patch::PatchOperation;
use json_patch::jsonptr::Pointer;
use serde_json::Value;
use similar::DiffOp;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

const WHAT: &str = "edit cannot be made";
/// Up to how many operations an edit that fails is taken back, for 20 microseconds each. With more it is committed, in a tenth of the
/// time, to a document that is good for nothing afterwards.
pub(super) const TAKEN_BACK_OPS: usize = 1000;
/// How much of a text is edited before looking whether the call is cancelled.
pub(super) const STEP_CHARS: usize = 5000;

/// Who makes a change.
#[derive(Clone, Copy)]
pub struct DocAuthor<'a> {
    /// The actor. Nobody else may use it: its changes are counted.
    pub actor: &'a ActorId,
    /// When, in the unit of the other changes (JavaScript: seconds since 1970).
    pub time: i64,
    /// What about.
    pub message: Option<&'a str>,
}

impl DocAuthor<'_> {
    fn options(&self) -> CommitOptions {
        let options = CommitOptions::default().with_time(self.time);
        match self.message.filter(|message| !message.is_empty()) {
            Some(message) => options.with_message(message),
            None => options,
        }
    }
}

impl Loaded {
    /// Applies a JSON Patch (RFC 6902, and the operations that `patch.rs` adds) at the newest state. All of it or nothing; `None` when
    /// nothing is different afterwards.
    ///
    /// A value that replaces another keeps of it what it can: a text is spliced, a counter incremented by the difference, maps and lists
    /// are changed where they differ. `move` and `copy` copy the value that JSON shows.
    ///
    /// Errors: `ValidationError` for what is no patch or a path where nothing is; `ConflictError` for a `test` that fails; `LimitError`.
    pub fn patch(
        &mut self,
        author: &DocAuthor,
        patch: &Value,
        limits: &DocLimits,
    ) -> Result<Option<DocChange>> {
        let operations = parse(patch, limits)?;
        self.edit(author, limits, |editor| {
            for (number, operation) in operations.iter().enumerate() {
                editor.operation(operation).map_err(|error| error.with("operation", number))?;
            }
            Ok(())
        })
    }

    /// Makes the document hold `value`, an object, by the smallest difference.
    pub fn put(
        &mut self,
        author: &DocAuthor,
        value: &Value,
        limits: &DocLimits,
    ) -> Result<Option<DocChange>> {
        Room::new(limits).check(value, 0)?;
        self.edit(author, limits, |editor| editor.put_root(value))
    }

    /// Deletes `delete` code points of the text at `path`, from `index` on, and inserts `insert` there.
    pub fn splice_text(
        &mut self,
        author: &DocAuthor,
        path: &str,
        index: usize,
        delete: usize,
        insert: &str,
        limits: &DocLimits,
    ) -> Result<Option<DocChange>> {
        Room::new(limits).take(insert.len(), 0)?;
        let path = pointer("path", path)?;
        self.edit(author, limits, |editor| editor.splice(path, index, delete, insert))
    }

    fn edit(
        &mut self,
        author: &DocAuthor,
        limits: &DocLimits,
        edit: impl FnOnce(&mut Editor) -> Result<()>,
    ) -> Result<Option<DocChange>> {
        check_actor(WHAT, author.actor)?;
        self.work(WHAT, |doc| {
            doc.set_actor(author.actor.clone());
            let done = transact(doc.transaction(), author, limits, edit)?;
            if done != Ok(true) {
                return Ok(done.map(|_| None));
            }
            let change = doc.get_last_local_change().ok_or_else(|| malformed(WHAT, "it is gone"))?;
            DocChange::read(change.raw_bytes(), limits).map(Some).map(Ok)
        })?
        .inspect(|change| self.grown(change.as_ref()))
    }
}

/// Makes an edit. Whether it wrote anything, or what was wrong with it when it is taken back; an error when it could not soon be taken
/// back: then the document is good for nothing.
fn transact(
    tx: Transaction,
    author: &DocAuthor,
    limits: &DocLimits,
    edit: impl FnOnce(&mut Editor) -> Result<()>,
) -> Result<Result<bool>> {
    let mut editor = Editor { tx, limits };
    // A cancel, too, comes back here: dropping the transaction would take it back, however long that takes.
    let done = catch_unwind(AssertUnwindSafe(|| {
        edit(&mut editor).and_then(|()| limits.change_ops(editor.tx.pending_ops()))
    }));
    let Editor { tx, .. } = editor;
    match done {
        Ok(Ok(())) if tx.pending_ops() > 0 => {
            tx.commit_with(author.options());
            Ok(Ok(true))
        }
        Ok(done) if tx.pending_ops() <= TAKEN_BACK_OPS => {
            tx.rollback();
            Ok(done.map(|()| false))
        }
        failed => {
            tx.commit();
            failed.unwrap_or_else(|panic| resume_unwind(panic)).map(|()| Ok(false))
        }
    }
}

/// A change that is being made.
struct Editor<'a> {
    tx: Transaction<'a>,
    limits: &'a DocLimits,
}

/// A place for a value.
enum Place {
    /// Over what is there, if anything is.
    At(ObjId, Prop),
    /// Between others of a list.
    Before(ObjId, usize),
}

fn absent(path: &Pointer) -> Error {
    Error::validation(format!("nothing is at {:?}", shorten(path.as_str())))
        .with("path", shorten(path.as_str()))
}

fn failed(error: automerge::AutomergeError) -> Error {
    malformed(WHAT, error)
}

impl Editor<'_> {
    fn view(&self) -> View<'_, Transaction<'_>> {
        View { doc: &self.tx, heads: None }
    }

    fn operation(&mut self, operation: &PatchStep) -> Result<()> {
        interrupt::check()?;
        match operation {
            PatchStep::Increment { path, by } => self.increment(path, *by),
            PatchStep::Splice { path, index, delete, insert } => self.splice(path, *index, *delete, insert),
            PatchStep::Rfc(PatchOperation::Add(add)) => self.add(&add.path, &add.value),
            PatchStep::Rfc(PatchOperation::Remove(remove)) => self.remove(&remove.path),
            PatchStep::Rfc(PatchOperation::Replace(replace)) if replace.path.is_root() => {
                self.put_root(&replace.value)
            }
            PatchStep::Rfc(PatchOperation::Replace(replace)) => {
                let (object, prop) = self.existing(&replace.path)?;
                self.set(&object, prop, &replace.value, replace.path.tokens().count())
            }
            PatchStep::Rfc(PatchOperation::Test(test)) => {
                let found = self.value(&test.path)?;
                if same(&found, &test.value) {
                    return Ok(());
                }
                let path = shorten(test.path.as_str());
                Err(Error::conflict(Reason::TestFailed, format!("test of {path:?} failed"))
                    .with("path", path))
            }
            PatchStep::Rfc(PatchOperation::Copy(copy)) => {
                let value = self.value(&copy.from)?;
                self.add(&copy.path, &value)
            }
            PatchStep::Rfc(PatchOperation::Move(moved)) => {
                if moved.path == moved.from {
                    return self.value(&moved.from).map(drop);
                }
                if moved.path.starts_with(&moved.from) {
                    return Err(Error::validation("a value cannot be moved into itself")
                        .with("path", shorten(moved.path.as_str())));
                }
                let value = self.value(&moved.from)?;
                self.remove(&moved.from)?;
                self.add(&moved.path, &value)
            }
        }
    }

    /// What is at a path, as JSON.
    fn value(&self, path: &Pointer) -> Result<Value> {
        self.view().at(path, &mut Room::new(self.limits))?.ok_or_else(|| absent(path))
    }

    /// The object at a path.
    fn object(&self, path: &Pointer) -> Result<(ObjType, ObjId)> {
        match self.view().find(path)? {
            Some((Found::Object(kind), id)) => Ok((kind, id)),
            _ => Err(absent(path)),
        }
    }

    /// The object around a path, and the last token of it.
    fn around(&self, path: &Pointer) -> Result<(ObjType, ObjId, String)> {
        let (parent, token) =
            path.split_back().ok_or_else(|| Error::validation("the document itself cannot be removed"))?;
        let (kind, object) = self.object(parent)?;
        Ok((kind, object, token.decoded().into_owned()))
    }

    /// The key or index of a path at which something is.
    fn existing(&self, path: &Pointer) -> Result<(ObjId, Prop)> {
        let (kind, object, token) = self.around(path)?;
        let prop = match kind {
            ObjType::Map | ObjType::Table => Prop::Map(token),
            ObjType::List => Prop::Seq(index(&token).ok_or_else(|| absent(path))?),
            ObjType::Text => return Err(absent(path)),
        };
        match self.view().get(&object, prop.clone())? {
            Some(_) => Ok((object, prop)),
            None => Err(absent(path)),
        }
    }

    fn remove(&mut self, path: &Pointer) -> Result<()> {
        let (object, prop) = self.existing(path)?;
        self.tx.delete(&object, prop).map_err(failed)
    }

    fn add(&mut self, path: &Pointer, value: &Value) -> Result<()> {
        if path.is_root() {
            return self.put_root(value);
        }
        let depth = path.tokens().count();
        let (kind, object, token) = self.around(path)?;
        match kind {
            ObjType::Map | ObjType::Table => self.set(&object, Prop::Map(token), value, depth),
            ObjType::List => {
                let length = self.view().length(&object);
                let at = if token == "-" { Some(length) } else { index(&token).filter(|at| *at <= length) };
                self.make(Place::Before(object, at.ok_or_else(|| absent(path))?), value, depth)
            }
            ObjType::Text => Err(absent(path)),
        }
    }

    fn increment(&mut self, path: &Pointer, by: i64) -> Result<()> {
        let (object, prop) = self.existing(path)?;
        let now = match self.view().get(&object, prop.clone())? {
            Some((Found::Scalar(scalar), _)) => match scalar.as_ref() {
                ScalarValue::Counter(counter) => Some(i64::from(counter)),
                _ => None,
            },
            _ => None,
        };
        let now = now.ok_or_else(|| {
            Error::validation(format!("no counter is at {:?}", shorten(path.as_str())))
                .with("path", shorten(path.as_str()))
        })?;
        if now.checked_add(by).is_none() {
            return Err(Error::validation("a counter has 64 bits").with("path", shorten(path.as_str())));
        }
        self.tx.increment(&object, prop, by).map_err(failed)
    }

    fn splice(&mut self, path: &Pointer, index: usize, delete: usize, insert: &str) -> Result<()> {
        let Ok((ObjType::Text, object)) = self.object(path) else {
            return Err(Error::validation(format!("no text is at {:?}", shorten(path.as_str())))
                .with("path", shorten(path.as_str())));
        };
        let length = self.view().length(&object);
        if index > length || delete > length - index {
            return Err(Error::validation("splice is outside of the text").with("length", length));
        }
        if delete == 0 && insert.is_empty() {
            return Ok(());
        }
        self.splice_at(&object, index, delete, insert)
    }

    /// Splices a text, if the change may have as many operations more: all of them are made at once.
    fn splice_at(&mut self, text: &ObjId, index: usize, delete: usize, insert: &str) -> Result<()> {
        let ops = self.tx.pending_ops().saturating_add(delete).saturating_add(insert.chars().count());
        self.limits.change_ops(ops)?;
        // Step by step, which makes the same operations.
        let mut left = delete;
        while left > STEP_CHARS {
            interrupt::check()?;
            self.tx.splice_text(text, index, STEP_CHARS as isize, "").map_err(failed)?;
            left -= STEP_CHARS;
        }
        let (mut index, mut left, mut rest) = (index, left as isize, insert);
        loop {
            interrupt::check()?;
            let end = rest.char_indices().nth(STEP_CHARS).map_or(rest.len(), |(end, _)| end);
            let (now, later) = rest.split_at(end);
            self.tx.splice_text(text, index, left, now).map_err(failed)?;
            if later.is_empty() {
                return Ok(());
            }
            (index, left, rest) = (index + STEP_CHARS, 0, later);
        }
    }

    fn put_root(&mut self, value: &Value) -> Result<()> {
        match form(value)? {
            Form::Map(members) => self.set_map(&ROOT, members, 0),
            _ => Err(Error::validation("a document is a JSON object")),
        }
    }

    /// Makes what is at a key or an index `value`, and leaves of it what is the same.
    fn set(&mut self, object: &ObjId, prop: Prop, value: &Value, depth: usize) -> Result<()> {
        interrupt::step()?;
        let found = self.view().get(object, prop.clone())?.map(|(found, id)| (found.into_owned(), id));
        let make = |editor: &mut Self| editor.make(Place::At(object.clone(), prop.clone()), value, depth);
        match (found, form(value)?) {
            (Some((Found::Object(ObjType::Text), id)), Form::Text(new)) => self.set_text(&id, &new),
            (Some((Found::Object(ObjType::Map | ObjType::Table), id)), Form::Map(new)) => {
                self.set_map(&id, new, depth)
            }
            (Some((Found::Object(ObjType::List), id)), Form::List(new)) => self.set_list(&id, new, depth),
            (Some((Found::Scalar(old), _)), new) => match (old.as_ref(), new) {
                (ScalarValue::Str(old), Form::Text(new)) => {
                    if *old == *new {
                        Ok(())
                    } else {
                        self.tx.put(object, prop, new.into_owned()).map_err(failed)
                    }
                }
                (ScalarValue::Counter(old), Form::Scalar(new)) => {
                    let by = match &new {
                        ScalarValue::Counter(new) => i64::from(new).checked_sub(old.into()),
                        ScalarValue::Int(new) => new.checked_sub(old.into()),
                        _ => None,
                    };
                    match by {
                        Some(0) => Ok(()),
                        Some(by) => self.tx.increment(object, prop, by).map_err(failed),
                        None => make(self),
                    }
                }
                (old, Form::Scalar(new)) if is_same_scalar(old, &new) => Ok(()),
                _ => make(self),
            },
            _ => make(self),
        }
    }

    fn set_text(&mut self, id: &ObjId, new: &str) -> Result<()> {
        let old = self.view().text(id)?;
        if old == new {
            return Ok(());
        }
        // A block marker has a place of its own, and shows as one code point.
        for splice in splices(&old, new, Instant::now() + SEARCH_TIME)?.iter().rev() {
            interrupt::step()?;
            self.splice_at(id, splice.position, splice.deleted, &splice.inserted)?;
        }
        Ok(())
    }

    fn set_map(
        &mut self,
        id: &ObjId,
        mut new: Vec<(std::borrow::Cow<str>, &Value)>,
        depth: usize,
    ) -> Result<()> {
        new.sort_by(|(one, _), (other, _)| one.cmp(other));
        let gone: Vec<String> = self
            .view()
            .members(id)
            .map(|(key, ..)| key)
            .filter(|key| new.binary_search_by(|(new, _)| new.as_ref().cmp(key)).is_err())
            .collect();
        for key in gone {
            self.tx.delete(id, key).map_err(failed)?;
        }
        for (key, value) in new {
            self.set(id, Prop::Map(key.into_owned()), value, depth + 1)?;
        }
        Ok(())
    }

    fn set_list(&mut self, id: &ObjId, new: &[Value], depth: usize) -> Result<()> {
        let old: Vec<Value> = {
            let (view, mut room) = (self.view(), Room::new(self.limits));
            let items: Result<Vec<Value>> =
                view.items(id).map(|(value, id, _)| view.value(&value, &id, &mut room, depth)).collect();
            items?
        };
        // From the end, so that no edit moves the next one's place.
        for step in list_steps(&old, new)?.into_iter().rev() {
            if matches!(step, DiffOp::Equal { .. }) {
                continue;
            }
            let (old_range, new_range) = (step.old_range(), step.new_range());
            let paired = old_range.len().min(new_range.len());
            for at in (old_range.start + paired..old_range.end).rev() {
                self.tx.delete(id, at).map_err(failed)?;
            }
            for (after, item) in new[new_range.start + paired..new_range.end].iter().enumerate() {
                self.make(Place::Before(id.clone(), old_range.start + paired + after), item, depth + 1)?;
            }
            for at in 0..paired {
                self.set(id, Prop::Seq(old_range.start + at), &new[new_range.start + at], depth + 1)?;
            }
        }
        Ok(())
    }

    /// Puts a new value somewhere.
    fn make(&mut self, place: Place, value: &Value, depth: usize) -> Result<()> {
        interrupt::step()?;
        self.limits.depth(depth)?;
        self.limits.change_ops(self.tx.pending_ops() + 1)?;
        let kind = match form(value)? {
            Form::Scalar(scalar) => {
                return match place {
                    Place::At(object, prop) => self.tx.put(object, prop, scalar),
                    Place::Before(object, at) => self.tx.insert(object, at, scalar),
                }
                .map_err(failed);
            }
            Form::Text(_) => ObjType::Text,
            Form::Map(_) => ObjType::Map,
            Form::List(_) => ObjType::List,
        };
        let id = match place {
            Place::At(object, prop) => self.tx.put_object(object, prop, kind),
            Place::Before(object, at) => self.tx.insert_object(object, at, kind),
        }
        .map_err(failed)?;
        match form(value)? {
            Form::Scalar(_) => Ok(()),
            Form::Text(text) if text.is_empty() => Ok(()),
            Form::Text(text) => self.splice_at(&id, 0, 0, &text),
            Form::Map(mut members) => {
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                members.into_iter().try_for_each(|(key, value)| {
                    self.make(Place::At(id.clone(), Prop::Map(key.into_owned())), value, depth + 1)
                })
            }
            Form::List(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(at, item)| self.make(Place::Before(id.clone(), at), item, depth + 1)),
        }
    }
}

/// Whether nothing is to be written: kind and value are the same. Numbers that are the same to JSON stay what they are.
fn is_same_scalar(old: &ScalarValue, new: &ScalarValue) -> bool {
    match (old, new) {
        (ScalarValue::F64(old), ScalarValue::F64(new)) => {
            old.to_bits() == new.to_bits() || old.is_nan() && new.is_nan()
        }
        (ScalarValue::Uint(old), ScalarValue::Int(new)) => i64::try_from(*old) == Ok(*new),
        (ScalarValue::Counter(_), _) | (_, ScalarValue::Counter(_)) => false,
        (old, new) => old == new,
    }
}
