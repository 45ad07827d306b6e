//! Bringing an archive's files in.

use crate::args::required;
use crate::blob::{self, Blob};
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::definer::definer;
use crate::domain::file::store::files_at;
use crate::gate::{Access, Action, require_project};
use crate::ids::Seq;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::archive::{DELTA_PATH, Delta, Format, Limits, Member, read};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::op::Edit;
use quire_core::path::FilePath;
use quire_core::tree::FileEdit;
use serde_json::json;
use std::collections::HashSet;
use std::io::Cursor;

/// Most files of one archive.
const MAX_FILES: u64 = 1_000_000;
/// Most bytes that may come out of one, where the project has no lower limit.
const MAX_TOTAL_BYTES: u64 = 2 << 30;
/// Most bytes of all names in one: writing them takes ten times as much memory.
const MAX_NAME_BYTES: u64 = 100 << 20;
/// About how much memory a new file takes until it is stored and announced, besides its content.
const BYTES_PER_FILE: usize = 5 << 10;

/// Makes the tree what an archive holds.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn restore_snapshot(
    project_uuid: Option<Uuid>,
    archive: Option<&[u8]>,
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> JsonB {
    definer(|| blob::retrying(|| restore(project_uuid, archive, correlation_id)))
}

fn restore(
    project_uuid: Option<Uuid>,
    archive: Option<&[u8]>,
    correlation_id: Option<Uuid>,
) -> Result<JsonB> {
    // A refusal may name a file that would go.
    let access = require_project(Action::Write, project_uuid)?.that_reads()?;
    let archive = required("archive", archive)?;
    let format = Format::detect(archive).ok_or_else(|| {
        Error::validation("the archive is neither zip nor tar.zst").with("argument", "archive")
    })?;
    access.require_active()?;
    let content = unpack(&access, format, archive)?;
    let hash = Hash::of(archive).to_hex();
    let correlation = correlated(correlation_id, "restore_snapshot", || json!([hash]))?;
    let details = json!({"format": format.as_str(), "content_hash": hash});
    let request = Commit { details: Some(details), ..Commit::new(&access, Kind::Import, correlation) };
    let committed = commit(&request, |head| content.into_plan(&access, head.seq))?;
    Ok(JsonB(committed.receipt.to_json()))
}

/// What an archive wants done.
#[derive(Default)]
struct Unpacked {
    puts: Vec<FileEdit>,
    blobs: Vec<Blob>,
    /// The files a delta says went away.
    deleted: Option<Vec<FilePath>>,
}

fn unpack(access: &Access, format: Format, archive: &[u8]) -> Result<Unpacked> {
    let most =
        access.settings.max_project_bytes.map_or(MAX_TOTAL_BYTES, |most| MAX_TOTAL_BYTES.min(most as u64));
    let limits = Limits {
        max_files: MAX_FILES,
        max_file_bytes: access.settings.max_file_bytes as u64,
        max_total_bytes: most,
        max_name_bytes: MAX_NAME_BYTES,
        bytes_per_file: BYTES_PER_FILE,
    };
    let mut content = Unpacked::default();
    let mut known = HashSet::new();
    read(format, Cursor::new(archive), &limits, |Member { path, mode, bytes }| {
        if path.as_str() == DELTA_PATH {
            content.deleted = Some(Delta::parse(&bytes, &limits)?.deleted);
            return Ok(());
        }
        let described = blob::describe(access, path.as_str(), &bytes)?;
        if known.insert(described.hash) {
            content.blobs.extend(blob::prepare(access.project, &[(&described, &bytes)])?);
        }
        content.puts.push(FileEdit::Put {
            path,
            file_type: None,
            mode: Some(mode),
            content: described,
            expected_version: None,
        });
        Ok(())
    })?;
    Ok(content)
}

impl Unpacked {
    /// Everything in it is written; what a whole archive does not hold, or a delta names as deleted, goes away.
    fn into_plan(self, access: &Access, now: Seq) -> Result<Plan> {
        let Unpacked { puts, blobs, deleted } = self;
        let is_delta = deleted.is_some();
        let named: HashSet<&str> = match &deleted {
            Some(deleted) => deleted.iter().map(FilePath::as_str).collect(),
            None => puts.iter().flat_map(FileEdit::paths).map(FilePath::as_str).collect(),
        };
        let mut edits: Vec<FileEdit> = files_at(access.project, now)?
            .into_iter()
            .filter(|(path, _)| named.contains(path.as_str()) == is_delta)
            .map(|(path, _)| FileEdit::Delete { path, expected_version: None })
            .collect();
        edits.extend(puts);
        Ok(Plan { edits: edits.into_iter().map(Edit::File).collect(), blobs, ..Plan::default() })
    }
}
