//! A storage as automerge-repo wants one: bytes under keys, which are lists of texts.
//!
//! What is saved of a document, under `[document, "snapshot" | "incremental", hash]`, becomes changes of the document of this name, by a
//! bundle as any other; of the key only that it was saved is kept. Everything else is kept as it is, and is no part of the log. All of
//! it is changed under the head lock. `take.rs` says how a document takes chunks.

mod take;

use crate::args::{TextsArg, required};
use crate::bundle::staged::check_count;
use crate::bundle::{Commit, Kind, Plan, commit};
use crate::bytes::Bytes;
use crate::db::{self, Answer};
use crate::definer::{definer, hand_out};
use crate::domain::doc;
use crate::domain::doc::store::storage::{self, Stored};
use crate::domain::doc::{cache, store};
use crate::gate::{Access, Action, require_project};
use crate::ids::ProjectId;
use crate::log::quarantine;
use pgrx::Uuid;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use quire_core::doc::chunks::read_chunks;
use quire_core::doc::storage::{MAX_DATA_BYTES, StorageKey, StoredDocs, doc_key, heads_hash};
use quire_core::doc::{DocChange, Heads, Loaded};
use quire_core::error::{Code, Error, Result};
use quire_core::interrupt;
use quire_core::key::DocKey;
use quire_core::op::{DocEdit, Edit, Topic};
use quire_core::quarantine::RowKind;
use serde_json::json;

/// Documents that are named at a time.
const PAGE: i64 = 1000;

/// A key, or the beginning of keys, which may be empty. What is too long is not read.
fn key_arg(argument: &'static str, key: Option<TextsArg>) -> Result<StorageKey> {
    let mut read = StorageKey::default();
    let check = |count| StorageKey::check_count(argument, count);
    required(argument, key)?.parsed::<(), ()>(argument, check, |part| read.push(argument, part))?;
    Ok(read)
}

/// A key of one pair.
fn pair_arg(key: Option<TextsArg>) -> Result<StorageKey> {
    let key = key_arg("key", key)?;
    key.require_parts("key")?;
    Ok(key)
}

/// Refuses a key, or what keys begin with, that the caller's token does not allow to write. Its first part is the document that it is of,
/// whatever the others are; who forgets all keys at once has to be allowed every document.
fn require_key(access: &Access, key: &StorageKey) -> Result<()> {
    match key.parts().first() {
        Some(doc) => access
            .require_docs(std::iter::once(&DocKey { branch: DocKey::MAIN.to_owned(), doc: doc.clone() })),
        None => access.require_branches(),
    }
}

/// The bytes under a key.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn storage_load(project_uuid: Option<Uuid>, key: Option<TextsArg>) -> Option<Bytes> {
    definer(|| {
        let project = require_project(Action::ReadDocs, project_uuid)?.project;
        let key = pair_arg(key)?;
        let doc = match storage::find(project, &key)? {
            Some(Stored::Bytes(bytes)) => return Ok(Some(bytes)),
            Some(Stored::InDoc) => key.chunk_of(),
            None => match key.docs() {
                StoredDocs::At(doc, hash) => at(project, doc, hash)?,
                _ => None,
            },
        };
        let saved = doc.map(|doc| saved(project, &doc)).transpose()?.flatten();
        Ok(saved.and_then(|(_, bytes)| bytes.into_datum()).map(Bytes::New))
    })
}

/// The document of a name, if its heads have this hash.
fn at(project: ProjectId, doc: &str, hash: &str) -> Result<Option<DocKey>> {
    let Ok(key) = DocKey::main(doc) else { return Ok(None) };
    let head = store::head(project, &key)?;
    Ok(head.filter(|head| heads_hash(&head.summary.heads) == hash).map(|_| key))
}

/// A document that is there: its heads, and all of it.
fn saved(project: ProjectId, key: &DocKey) -> Result<Option<(Heads, Vec<u8>)>> {
    quarantine::refuse(project, [RowKind::Current(Topic::Doc)], json!(key))?;
    let Some(head) = store::head(project, key)?.filter(|head| !head.summary.is_deleted()) else {
        return Ok(None);
    };
    let bytes = cache::with(project, &head, Loaded::save)?;
    Ok(Some((head.summary.heads, bytes)))
}

/// All pairs whose keys begin so.
#[pg_extern(stable, sql = false)]
fn storage_load_range(project_uuid: Option<Uuid>, key_prefix: Option<TextsArg>, fcinfo: FunctionCallInfo) {
    definer(|| {
        let project = require_project(Action::ReadDocs, project_uuid)?.project;
        let prefix = key_arg("key_prefix", key_prefix)?;
        let answer = Answer::of(fcinfo);
        let put = |key: &DocKey| -> Result<()> {
            interrupt::check()?;
            let Some((heads, bytes)) = saved(project, key)? else { return Ok(()) };
            hand_out(bytes.len() as i64).map_err(|error| error.hint("read it document by document"))?;
            db::in_passing(|| answer.put(&[doc_key(&key.doc, &heads).to_vec().into(), bytes.into()]));
            Ok(())
        };
        match prefix.docs() {
            StoredDocs::None => {}
            StoredDocs::Named(doc) => DocKey::main(doc).map_or(Ok(()), |key| put(&key))?,
            StoredDocs::At(doc, hash) => at(project, doc, hash)?.map_or(Ok(()), |key| put(&key))?,
            StoredDocs::All => each_doc(project, put)?,
        }
        storage::pairs(&answer, project, &prefix)
    });
}

/// Every document of main that is there, by name.
fn each_doc(project: ProjectId, mut each: impl FnMut(&DocKey) -> Result<()>) -> Result<()> {
    quarantine::refuse(project, [RowKind::Current(Topic::Doc)], json!({}))?;
    let mut after = String::new();
    loop {
        let names = storage::docs_after(project, &after, PAGE)?;
        let is_last = (names.len() as i64) < PAGE;
        for doc in names {
            after.clone_from(&doc);
            each(&DocKey { branch: DocKey::MAIN.to_owned(), doc })?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Keeps bytes under a key.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn storage_save(project_uuid: Option<Uuid>, key: Option<TextsArg>, data: Option<&[u8]>) {
    definer(|| {
        let access = require_project(Action::WriteDocs, project_uuid)?;
        let key = pair_arg(key)?;
        require_key(&access, &key)?;
        let data = required("data", data)?;
        let chunk = match key.chunk_of() {
            Some(doc) => changes_of(data)?.map(|changes| (doc, changes)),
            None => None,
        };
        let Some((doc, changes)) = chunk else {
            check_size(data)?;
            return write(&access, |project| keep(project, &key, data, false));
        };
        let decoded = take::decode_waiting(access.project, &doc)?;
        let request = Commit::new(&access, Kind::UserEdit, None);
        commit(&request, |head| {
            let mut taking = take::Taking::begin(&access, head, &doc)?;
            if !taking.take(&changes)? {
                check_size(data)?;
                return keep(access.project, &key, data, true);
            }
            let mut bytes_beside = storage::put(access.project, &key, None, false)?;
            bytes_beside += taking.take_waiting(decoded)?;
            Ok(Plan { edits: taking.finish()?, bytes_beside, ..Plan::default() })
        })?;
        Ok(())
    });
}

/// The changes of bytes that are Automerge's; `None` of others, and where there are none.
fn changes_of(data: &[u8]) -> Result<Option<Vec<DocChange>>> {
    match read_chunks(data, &doc::limits()) {
        Ok(changes) => Ok(Some(changes).filter(|changes| !changes.is_empty())),
        Err(error) if error.code() == Code::Validation => Ok(None),
        Err(error) => Err(error.with("argument", "data")),
    }
}

/// Refuses what is too long to be kept as it is (PT413).
fn check_size(data: &[u8]) -> Result<()> {
    if data.len() <= MAX_DATA_BYTES {
        return Ok(());
    }
    Err(Error::limit("data that is no part of a document is longer than 16 MiB", MAX_DATA_BYTES)
        .with("argument", "data")
        .with("size", data.len()))
}

fn keep(project: ProjectId, key: &StorageKey, data: &[u8], waits: bool) -> Result<Plan> {
    Ok(Plan { bytes_beside: storage::put(project, key, Some(data), waits)?, ..Plan::default() })
}

/// Writes under the head lock.
fn write(access: &Access, plan: impl FnOnce(ProjectId) -> Result<Plan>) -> Result<()> {
    commit(&Commit::new(access, Kind::UserEdit, None), |_| plan(access.project)).map(drop)
}

/// Forgets a key.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn storage_remove(project_uuid: Option<Uuid>, key: Option<TextsArg>) {
    definer(|| {
        let access = require_project(Action::WriteDocs, project_uuid)?;
        let key = pair_arg(key)?;
        require_key(&access, &key)?;
        write(&access, |project| {
            Ok(Plan { bytes_beside: storage::remove(project, &key)?, ..Plan::default() })
        })
    });
}

/// Forgets all keys that begin so, and deletes the document that they are of.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn storage_remove_range(project_uuid: Option<Uuid>, key_prefix: Option<TextsArg>) {
    definer(|| {
        let access = require_project(Action::WriteDocs, project_uuid)?;
        let prefix = key_arg("key_prefix", key_prefix)?;
        require_key(&access, &prefix)?;
        write(&access, |project| {
            let edits = deletions(project, &prefix)?;
            Ok(Plan { edits, bytes_beside: storage::remove_range(project, &prefix)?, ..Plan::default() })
        })
    });
}

/// The deletions of the documents whose keys begin so. The key of one state names no document as a whole.
fn deletions(project: ProjectId, prefix: &StorageKey) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    let mut delete = |key: &DocKey| {
        edits.push(Edit::Doc(DocEdit::Delete { key: key.clone(), base_heads: None, heads: None }));
        check_count("key_prefix", edits.len())
    };
    match prefix.docs() {
        StoredDocs::None | StoredDocs::At(..) => {}
        StoredDocs::Named(doc) => {
            if let Ok(key) = DocKey::main(doc)
                && store::head(project, &key)?.is_some_and(|head| !head.summary.is_deleted())
            {
                delete(&key)?;
            }
        }
        StoredDocs::All => each_doc(project, delete)?,
    }
    Ok(edits)
}
