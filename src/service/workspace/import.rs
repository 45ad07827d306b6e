//! `import_project`: a new project from an export.

use super::copy::new_project;
use crate::args::{message_arg, name_arg, required};
use crate::blob::{self, BlobRecord, BlobState};
use crate::bundle::{Commit, Kind, Plan, commit};
use crate::definer::definer;
use crate::gate::{self, Access};
use crate::ids::{Pg, ProjectId};
use crate::log::locked;
use crate::log::store::insert_tag;
use crate::service::project::{self, ProjectKind};
use crate::{db, domain};
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::archive::{Format, Limits, Member, read_below};
use quire_core::error::{Error, Result};
use quire_core::export::{BLOBS, Export, FILES, GoneRecord, Imported, Reader, Whereabouts};
use quire_core::hash::Hash;
use quire_core::json::read;
use quire_core::settings::{
    LARGEST_MAX_ASSET_BYTES, LARGEST_MAX_ENTITY_BYTES, LARGEST_MAX_FILE_BYTES, Settings,
};
use quire_core::timestamp::parse_rfc3339;
use quire_core::tree::Content;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::io::Cursor;

/// How much may come out of an archive. Current files are in it twice.
const LIMITS: Limits = Limits {
    max_files: 1_000_000,
    max_file_bytes: LARGEST_MAX_FILE_BYTES as u64,
    max_total_bytes: 4 << 30,
    max_name_bytes: 256 << 20,
    bytes_per_file: 512,
};

/// Makes a new project from an export, with its past.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn import_project(archive: Option<&[u8]>, name: default!(Option<&str>, "NULL")) -> Uuid {
    definer(|| import(archive, name)).pg()
}

fn import(archive: Option<&[u8]>, name: Option<&str>) -> Result<ProjectId> {
    let owner = gate::author(&gate::current()?)?;
    let archive = required("archive", archive)?;
    let name = name.map(|name| name_arg("name", Some(name), 255)).transpose()?;
    if Format::detect(archive) != Some(Format::Zip) {
        return Err(Error::validation("the archive is not a zip archive").with("argument", "archive"));
    }
    let mut reader = Reader::default();
    read_below(FILES, Format::Zip, Cursor::new(archive), &LIMITS, |member| reader.take(&member))
        .map_err(Error::of_member)?;
    let export = reader.finish().map_err(Error::of_member)?;
    let settings = &export.project.settings;
    Settings::parse(settings)?;
    let name = name
        .map_or_else(|| name_arg("name", Some(&export.project.name), 255), Ok)
        .map_err(Error::of_member)?;
    // The past may be over limits that came later, has no rate, and is no news.
    let meanwhile = json!({"max_file_bytes": LARGEST_MAX_FILE_BYTES, "max_asset_bytes": LARGEST_MAX_ASSET_BYTES, "max_entity_bytes": LARGEST_MAX_ENTITY_BYTES, "broadcast": "off"});
    let access = new_project(name, ProjectKind::of_copy(&export.project.kind), meanwhile, owner)?;
    let access = locked(access)?;
    let links = add_contents(&access, archive, &export)?;
    for bundle in &export.bundles {
        pgrx::check_for_interrupts!();
        db::in_passing(|| replay(&access, &export, bundle, &links))?;
    }
    for tag in &export.tags {
        let name = name_arg("tag", Some(&tag.tag), 255).map_err(Error::of_member)?;
        insert_tag(access.project, name, tag.seq, owner)?;
    }
    project::store::update(access.project, None, None, Some(settings.clone()))?;
    Ok(access.project)
}

/// Stores all contents, one at a time, and gives back where symlinks point to.
fn add_contents(access: &Access, archive: &[u8], export: &Export) -> Result<HashMap<Hash, String>> {
    let used: BTreeSet<Hash> = export.used().collect();
    read_below(FILES, Format::Zip, Cursor::new(archive), &LIMITS, |member| {
        let Member { path, bytes, .. } = member;
        match path.as_str().strip_prefix(BLOBS).map(|hash| Hash::parse("a blob", hash)).transpose()? {
            Some(hash) if used.contains(&hash) => db::in_passing(|| {
                let content = blob::describe(access, path.as_str(), &bytes)?;
                blob::store::insert(access.project, &blob::prepare(access.project, &[(&content, &bytes)])?)
            }),
            _ => Ok(()),
        }
    })?;
    let gone: Vec<(Hash, BlobRecord)> = used
        .iter()
        .filter_map(|hash| export.gone.get(hash))
        .map(|gone| (gone.content_hash, stored(gone)))
        .collect();
    blob::store::insert_gone(access.project, &gone)?;
    let links: Vec<Hash> = export.links().collect();
    let targets = blob::store::read_many(access.project, &links)?;
    Ok(targets.into_iter().filter_map(|(hash, bytes)| Some((hash, String::from_utf8(bytes).ok()?))).collect())
}

/// What was said of a content that is not there.
fn stored(gone: &GoneRecord) -> BlobRecord {
    let state = match gone.state {
        Whereabouts::Archived => BlobState::Archived,
        Whereabouts::Collected => BlobState::Collected,
    };
    let at = gone.when.as_deref().and_then(parse_rfc3339);
    BlobRecord { state, size: gone.size, at, why: gone.why.clone() }
}

/// The same operations as a bundle with the same seq, by the caller; who made it first is in its details.
fn replay(access: &Access, export: &Export, bundle: &Imported, links: &HashMap<Hash, String>) -> Result<()> {
    let header = &bundle.record.header;
    let mut plan = Plan { undoes_seq: header.undoes_seq, even_if_empty: true, ..Plan::default() };
    let describe = |hash: &Hash| {
        let stored = export.describe(hash).ok_or_else(|| blob::missing(hash))?;
        let link_target = links.get(hash).map(|target| target.as_str().into());
        Ok(Content { hash: *hash, size: stored.size, is_binary: stored.is_binary, link_target })
    };
    for op in &bundle.ops {
        plan.gone.extend(op.content().map(|(hash, _)| hash).filter(|hash| export.gone.contains_key(hash)));
        plan.edits.extend(domain::again(op, &describe)?);
    }
    let request = Commit {
        message: message_arg(header.message.as_deref()).map_err(Error::of_member)?,
        details: Some(json!({"imported": origin(bundle)?})),
        was_accepted: true,
        ..Commit::new(access, Kind::Import, None)
    };
    let receipt = commit(&request, |_| Ok(plan))?.receipt;
    if receipt.seq == header.seq {
        Ok(())
    } else {
        Err(Error::internal("an imported bundle has another seq"))
    }
}

/// What the bundle was where it comes from.
fn origin(bundle: &Imported) -> Result<Value> {
    let record = &bundle.record;
    let header = &record.header;
    let wrong = |_: &str| Error::internal("details that were read cannot be read again");
    let details: Option<Value> =
        bundle.details.as_deref().map(|details| read(details.as_bytes(), wrong)).transpose()?;
    Ok(json!({
        "project_id": header.project_id, "seq": header.seq, "bundle_id": header.bundle_id, "kind": header.kind,
        "actor": header.actor_id, "author": record.author, "committed_at": record.committed_at,
        "base_seq": header.base_seq, "correlation_id": header.correlation_id, "checksum": record.checksum,
        "details": details,
    }))
}
