//! The least work that turns the files somebody has into the tree at a seq.

use crate::args::required;
use crate::blob;
use crate::definer::definer;
use crate::domain::file::VersionRow;
use crate::domain::file::store::files_at;
use crate::event::load::MAX_CONTENT_BYTES;
use crate::gate::{Action, require_project};
use crate::ids::Seq;
use crate::jsonb::JsonArg;
use crate::log::point::seq_of;
use crate::log::store::mark_at;
use crate::log::{Place, quarantine};
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::interrupt;
use quire_core::json::encode_base64;
use quire_core::mark::Mark;
use quire_core::mode::Mode;
use quire_core::text::shorten;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};

/// Longest path of a file that somebody has, be it none that a project could have: what Linux allows.
const MAX_HELD_PATH_BYTES: usize = 4096;

/// Says what to write and what to delete.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn plan_hydration(
    project_uuid: Option<Uuid>,
    have: Option<JsonArg>,
    at_seq: default!(Option<i64>, "NULL"),
    at_checksum: default!(Option<&str>, "NULL"),
) -> JsonB {
    definer(|| plan(project_uuid, have, at_seq.map(Seq), at_checksum))
}

fn plan(
    project_uuid: Option<Uuid>,
    have: Option<JsonArg>,
    at_seq: Option<Seq>,
    at_checksum: Option<&str>,
) -> Result<JsonB> {
    let access = require_project(Action::Read, project_uuid)?;
    let mut have = held_files(required("have", have)?)?;
    let seq = seq_of(access.project, Place::of(["at_seq", "at_checksum"], at_seq, at_checksum)?)?;
    quarantine::refuse_files(access.project, seq)?;
    let mut keep = 0;
    let mut wanted: Vec<(String, VersionRow, Hash)> = Vec::new();
    for (path, file) in files_at(access.project, seq)? {
        let Some(hash) = file.content_hash else { continue };
        interrupt::step()?;
        match have.remove(path.as_str()) {
            Some(had) if had == (hash, file.mode) => keep += 1,
            _ => wanted.push((path.as_str().to_owned(), file, hash)),
        }
    }
    let delete: Vec<&String> = have.keys().collect();
    let mut bytes = 0;
    // Every file counts, also where content is stored once.
    let travelling = wanted
        .iter()
        .take_while(|(_, file, _)| {
            bytes += file.size;
            bytes <= MAX_CONTENT_BYTES
        })
        .count();
    let hashes: HashSet<Hash> = wanted[..travelling].iter().map(|(_, _, hash)| *hash).collect();
    let contents = blob::store::read_many(access.project, &hashes.into_iter().collect::<Vec<_>>())?;
    let put = wanted.iter().enumerate().map(|(at, (path, file, hash))| {
        interrupt::step()?;
        Ok(entry(path, file, hash, contents.get(hash).filter(|_| at < travelling)))
    });
    let put = put.collect::<Result<Vec<Value>>>()?;
    let checksum = mark_at(access.project, seq)?;
    Ok(JsonB(json!({
        "seq": seq, "checksum": checksum.as_ref().map(Mark::as_str), "put": put, "delete": delete, "keep": keep
    })))
}

/// The files somebody has, by path.
fn held_files(have: JsonArg) -> Result<BTreeMap<String, (Hash, Mode)>> {
    let members = have.members("have")?.ok_or_else(|| {
        Error::validation("have must be a JSON object of paths and hashes").with("argument", "have")
    })?;
    let mut files = BTreeMap::new();
    for member in members {
        let (path, file) = member?;
        if path.len() > MAX_HELD_PATH_BYTES {
            return Err(Error::validation("no file has such a long path")
                .with("argument", "have")
                .with("file_path", shorten(&path)));
        }
        let held = held(&file).ok_or_else(|| {
            Error::validation("a file must be given as 64 lower-case hex digits or as {content_hash, mode}")
                .with("argument", "have")
                .with("file_path", shorten(&path))
        })?;
        files.insert(path, held);
    }
    Ok(files)
}

/// Hash and mode of a file somebody has; a hash alone is that of a regular file.
fn held(value: &Value) -> Option<(Hash, Mode)> {
    let (hash, mode) = match value {
        Value::String(hash) => (hash.as_str(), Mode::Regular),
        Value::Object(object) => {
            (object.get("content_hash")?.as_str()?, Mode::parse(object.get("mode")?.as_str()?).ok()?)
        }
        _ => return None,
    };
    Some((Hash::parse("have", hash).ok()?, mode))
}

fn entry(path: &str, file: &VersionRow, hash: &Hash, content: Option<&Vec<u8>>) -> Value {
    let mut entry = json!({
        "file_path": path,
        "content_hash": hash.to_hex(),
        "version": file.version,
        "file_type": file.file_type,
        "mode": file.mode,
        "size": file.size,
        "is_binary": file.is_binary,
    });
    match content.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        Some((_, Ok(text))) if !file.is_binary => entry["content"] = text.into(),
        Some((bytes, _)) => entry["content_base64"] = encode_base64(bytes).into(),
        None => entry["content_omitted"] = true.into(),
    }
    entry
}
