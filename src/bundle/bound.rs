//! Files that are bound to texts of documents: a bundle that changes one side changes the other one, too.
//!
//! Promises: when a bundle is written, the content of each bound file is the text that it is bound to, or the binding has ended.

use super::Plan;
use super::commit::Parts;
use crate::blob::{self, Blob};
use crate::db;
use crate::domain::doc::binding::{self, BoundDoc, DocBinding};
use crate::domain::doc::store::binding as store;
use crate::domain::doc::{self, AppliedDocs};
use crate::domain::file;
use crate::domain::interface::{Domain, Writing};
use crate::ids::ProjectId;
use quire_core::content::decode_into;
use quire_core::doc::DocLimits;
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::interrupt;
use quire_core::key::DocKey;
use quire_core::mode::Mode;
use quire_core::op::doc::about_doc;
use quire_core::op::{DocEdit, Edit, Outcome};
use quire_core::path::FilePath;
use quire_core::reason::Reason;
use quire_core::tree::{FileEdit, FileOutcome, Head};
use std::collections::{BTreeSet, HashMap};

/// What keeps both sides of the bindings equal that a bundle touches.
#[derive(Default)]
pub struct Mirrored {
    pub edits: Vec<Edit>,
    pub blobs: Vec<Blob>,
    /// Documents that are one with their files after these edits.
    kept: Vec<String>,
    /// Documents whose bindings end.
    ended: Vec<String>,
    /// Documents whose files have other paths then, and these.
    renamed: (Vec<String>, Vec<String>),
}

impl Mirrored {
    /// Writes what becomes of the bindings themselves.
    pub fn finish(&self, project: ProjectId) -> Result<()> {
        if !self.ended.is_empty() {
            store::delete(project, self.ended.clone())?;
        }
        let (docs, files) = &self.renamed;
        if docs.is_empty() { Ok(()) } else { store::rename(project, docs.clone(), files.clone()) }
    }

    /// Ends the bindings whose sides the edits would have made equal.
    pub fn end(&self, project: ProjectId) -> Result<()> {
        store::delete(project, self.kept.clone()).map(drop)
    }
}

/// Finds out what a plan does to bound documents and files, by trying it, and what the other sides need then.
///
/// Errors: PT422 for a file or a bound place of a document that is no text then; PT409 for a bundle that makes both
/// sides of a binding different ones; PT413; and what is wrong with the plan itself.
pub fn mirror(writing: &Writing, plan: &Plan, parts: &Parts) -> Result<Mirrored> {
    if !writing.head.has_doc_bindings {
        return Ok(Mirrored::default());
    }
    let project = writing.access.project;
    let (mut files, mut docs): (Vec<&FileEdit>, Vec<&DocEdit>) = (Vec::new(), Vec::new());
    for edit in parts.edits() {
        if let Edit::File(edit) = edit {
            files.push(edit);
        } else if let Edit::Doc(edit) = edit
            && edit.key().branch == DocKey::MAIN
        {
            docs.push(edit);
        }
    }
    let names: BTreeSet<&str> = docs.iter().map(|edit| edit.key().doc.as_str()).collect();
    let paths: BTreeSet<&str> = files.iter().flat_map(|edit| edit.paths()).map(FilePath::as_str).collect();
    let owned = |names: &BTreeSet<&str>| names.iter().map(|name| (*name).to_owned()).collect();
    let touched = || store::touched(project, owned(&names), owned(&paths));
    let bindings = if db::sees_older_state() { db::latest(touched)? } else { touched()? };
    if bindings.is_empty() {
        return Ok(Mirrored::default());
    }
    Bundle::of(writing, plan, (files, docs), &bindings)?.mirror(bindings)
}

/// A write that would leave a binding without one of its sides.
fn lost(why: String) -> Error {
    Error::new(Code::Invariant, why).because(Reason::Bound).hint("unbind_doc ends the binding")
}

/// A bundle on its way, as its own edits make it.
struct Bundle<'w> {
    writing: &'w Writing<'w>,
    plan: &'w Plan,
    bound: BTreeSet<FilePath>,
    /// What it does to files.
    files: Vec<FileEdit>,
    before: HashMap<FilePath, Head>,
    after: HashMap<FilePath, Head>,
    docs: Option<AppliedDocs>,
    limits: DocLimits,
    mirrored: Mirrored,
}

impl<'w> Bundle<'w> {
    /// With its edits of files, and of documents of main.
    fn of(
        writing: &'w Writing<'w>,
        plan: &'w Plan,
        (files, docs): (Vec<&FileEdit>, Vec<&DocEdit>),
        bindings: &[DocBinding],
    ) -> Result<Self> {
        let bound: BTreeSet<FilePath> =
            bindings.iter().map(|binding| FilePath::from_stored(binding.file_path.clone())).collect();
        let is_bound = |edit: &&DocEdit| bindings.iter().any(|binding| binding.doc == edit.key().doc);
        let docs: Vec<DocEdit> = docs.into_iter().filter(is_bound).cloned().collect();
        let touches = files.iter().flat_map(|edit| edit.paths()).any(|path| bound.contains(path));
        let mut files: Vec<FileEdit> =
            if touches { files.into_iter().cloned().collect() } else { Vec::new() };
        let paths: BTreeSet<&str> =
            files.iter().flat_map(FileEdit::paths).chain(&bound).map(FilePath::as_str).collect();
        let before = file::store::heads_at(writing.access.project, &paths)?;
        let mut after = before.clone();
        if !files.is_empty() {
            let mut applied = file::Files.apply(writing, files.iter().cloned().map(Edit::File).collect())?;
            after.extend(applied.take_heads());
            // What on_conflict leaves out does nothing.
            let done = applied.take_outcomes().into_iter().map(
                |outcome| !matches!(outcome, Outcome::File(file) if file.status == FileOutcome::SKIPPED),
            );
            files =
                files.into_iter().zip(done).filter_map(|(edit, is_done)| is_done.then_some(edit)).collect();
        }
        let docs = if docs.is_empty() { None } else { Some(doc::trial(writing, docs)?) };
        let (limits, mirrored) = (doc::limits(), Mirrored::default());
        Ok(Self { writing, plan, bound, files, before, after, docs, limits, mirrored })
    }

    fn mirror(mut self, bindings: Vec<DocBinding>) -> Result<Mirrored> {
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for binding in bindings {
            interrupt::check()?;
            let key = binding::key(&binding);
            match self.one(&binding, &key) {
                Ok(Some(path)) if taken.insert(path.as_str().to_owned()) => {
                    self.mirrored.kept.push(binding.doc.clone());
                    if path.as_str() != binding.file_path {
                        self.mirrored.renamed.0.push(binding.doc);
                        self.mirrored.renamed.1.push(path.as_str().to_owned());
                    }
                }
                Ok(_) => self.mirrored.ended.push(binding.doc),
                // Nobody here can be told what others have accepted.
                Err(error) if self.plan.origin.is_some() && error.code() != Code::Internal => {
                    self.mirrored.ended.push(binding.doc);
                }
                Err(error) => {
                    return Err(error.with("doc", binding.doc).with("file_path", binding.file_path));
                }
            }
        }
        Ok(self.mirrored)
    }

    /// Makes both sides of a binding equal. Where its file is then; `None` when the binding ends.
    fn one(&mut self, binding: &DocBinding, key: &DocKey) -> Result<Option<FilePath>> {
        let project = self.writing.access.project;
        // To take back what made both equal leaves each what it was.
        if binding.seq.is_some() && binding.seq == self.plan.undoes_seq {
            return Ok(None);
        }
        let before = FilePath::from_stored(binding.file_path.clone());
        let Some(path) = self.follow(&before) else { return Ok(None) };
        let Some(old) = self.before.get(&before).and_then(|head| head.content.as_ref()).map(|old| old.hash)
        else {
            return Ok(None);
        };
        let Some((new, mode)) =
            self.after.get(&path).and_then(|head| Some((head.content.clone()?, head.mode)))
        else {
            return Ok(None);
        };
        if mode == Mode::Symlink {
            return Err(lost(format!("{path} is bound to a document, so it cannot be a symlink")));
        }
        let then = match &self.docs {
            Some(docs) => binding::then(project, docs, key)?,
            None => None,
        };
        let text = match &then {
            Some(BoundDoc::Gone) => return Ok(None),
            Some(BoundDoc::There(loaded)) => Some(self.text(loaded, binding, key)?),
            None => None,
        };
        let doc_hash = text.as_ref().map_or(old, |text| Hash::of(text.as_bytes()));
        if doc_hash == new.hash {
            self.keep(key, then);
            return Ok(Some(path));
        }
        let is_both = doc_hash != old && new.hash != old;
        if is_both && self.plan.origin.is_none() && self.plan.undoes_seq.is_none() {
            let why = "the bundle makes a file and the text that it is bound to different ones";
            return Err(Error::conflict(Reason::Bound, why));
        }
        match text {
            // What people have written at once is together in the document.
            Some(text) if doc_hash != old => {
                self.keep(key, then);
                self.write_file(&path, text)?;
            }
            _ => {
                let is_there = self.write_doc(binding, key, then, &path, (new.hash, new.size))?;
                return Ok(is_there.then_some(path));
            }
        }
        Ok(Some(path))
    }

    /// Keeps a document that was looked at: the bundle is about to load it again.
    fn keep(&self, key: &DocKey, then: Option<BoundDoc>) {
        if let (Some(docs), Some(BoundDoc::There(loaded))) = (&self.docs, then) {
            docs.keep(self.writing.access.project, key, *loaded);
        }
    }

    /// Where a bound file is then; `None` when it is deleted.
    fn follow(&self, before: &FilePath) -> Option<FilePath> {
        let is_live =
            |heads: &HashMap<FilePath, Head>, path: &FilePath| heads.get(path).is_some_and(Head::is_live);
        let (mut at, mut is_there) = (before, true);
        for edit in &self.files {
            match edit {
                FileEdit::Move { from, to, .. } if is_there && from == at => at = to,
                FileEdit::Delete { path, .. } if path == at => is_there = false,
                // Written again where it was, it is the same file.
                FileEdit::Put { path, .. } if path == at => is_there = true,
                FileEdit::Move { from, to, .. } if to == at && !self.bound.contains(from) => is_there = true,
                _ => {}
            }
        }
        if is_there {
            return is_live(&self.after, at).then(|| at.clone());
        }
        // What takes back a move, here or elsewhere, deletes and writes. Files of nothing are all the same.
        if self.plan.undoes_seq.is_none() && self.plan.origin.is_none() {
            return None;
        }
        let content = self.before.get(before)?.content.as_ref().filter(|content| content.size > 0)?.hash;
        let has_it = |path: &&FilePath| {
            let there = self.after.get(*path).and_then(|head| head.content.as_ref());
            !is_live(&self.before, path) && there.is_some_and(|there| there.hash == content)
        };
        self.files.iter().filter_map(FileEdit::creates).find(has_it).cloned()
    }

    fn text(&self, loaded: &quire_core::doc::Loaded, binding: &DocBinding, key: &DocKey) -> Result<String> {
        let no_text = |why: &str| {
            let why = format!(
                "{key} is bound to {}, and {} would be no text: {why}",
                binding.file_path, binding.path
            );
            about_doc(key, lost(why).with("path", binding.path.as_str()))
        };
        match binding::text(loaded, &binding.path, &self.limits) {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(no_text("nothing is there")),
            Err(error) if error.code() == Code::Validation => Err(no_text(error.message())),
            Err(error) => Err(error),
        }
    }

    fn write_file(&mut self, path: &FilePath, text: String) -> Result<()> {
        let content = blob::content_of(text.as_bytes());
        blob::check_size(&self.writing.access.settings, path.as_str(), content.size)?;
        let blobs = blob::prepare(self.writing.access.project, &[(&content, text.as_bytes())])?;
        self.mirrored.blobs.extend(blobs);
        self.mirrored.edits.push(Edit::File(FileEdit::Put {
            path: path.clone(),
            file_type: None,
            mode: None,
            content,
            expected_version: None,
        }));
        Ok(())
    }

    /// Makes the text of a document that of its file; `false` when the document is gone.
    fn write_doc(
        &mut self,
        binding: &DocBinding,
        key: &DocKey,
        then: Option<BoundDoc>,
        path: &FilePath,
        (hash, size): (Hash, i64),
    ) -> Result<bool> {
        let project = self.writing.access.project;
        binding::check_size(path.as_str(), size, &self.limits)?;
        let text = binding::text_of(self.bytes(&hash)?)
            .ok_or_else(|| lost(format!("{path} is bound to a document, so it must be text")))?;
        let (head, mut loaded) = match then {
            Some(BoundDoc::There(loaded)) => (None, loaded),
            _ => match binding::now(project, key)? {
                (head, BoundDoc::There(loaded)) => (head, loaded),
                (_, BoundDoc::Gone) => return Ok(false),
            },
        };
        self.text(&loaded, binding, key)?;
        let change = binding::change(project, key, &mut loaded, (&binding.path, &text))?;
        if let Some(head) = &head {
            binding::keep(project, head, *loaded);
        }
        let edit = |change| DocEdit::Change { key: key.clone(), changes: vec![change], base_heads: None };
        self.mirrored.edits.extend(change.map(edit).map(Edit::Doc));
        Ok(true)
    }

    /// The bytes of content that the plan brings, or that is stored.
    fn bytes(&self, hash: &Hash) -> Result<Vec<u8>> {
        if let Some(blob) = self.plan.blobs.iter().find(|blob| blob.hash == *hash) {
            let mut bytes = Vec::new();
            blob.parts
                .iter()
                .try_for_each(|part| decode_into(part.codec, part.size, &part.bytes, &mut bytes))?;
            return Ok(bytes);
        }
        let copied = self.plan.copied.as_ref().filter(|copied| copied.hashes.contains(hash));
        binding::stored(copied.map_or(self.writing.access.project, |copied| copied.from), hash)
    }
}
